"""Arrays with a border, and the gradient of that."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imgconv.core.border import index_map
from imgconv.core.windows import Pair
from imgconv.nn.core.arrays import Array
from imgconv.nn.core.checks import Around

# PyTorch's padding modes, and the border modes of `imgconv.core.border`.
MODES = {
    "zeros": "constant",
    "constant": "constant",
    "reflect": "mirror",
    "replicate": "nearest",
    "circular": "wrap",
}


def sources(n: int, around: Pair, mode: str) -> NDArray[np.intp]:
    """Return for each pixel of a padded axis the pixel that it copies; -1 for a constant.

    A negative number of pixels is cut off: from the padded axis, but for "circular" from the axis
    before it is padded, as in PyTorch.
    """
    before, after = around
    cut = slice(max(-before, 0), n - max(-after, 0))
    if mode == "circular":
        kept = np.arange(n)[cut]
        return kept[index_map(len(kept), max(before, 0), max(after, 0), MODES[mode])]
    found = index_map(n, max(before, 0), max(after, 0), MODES[mode])
    return found[max(-before, 0) : len(found) - max(-after, 0)]


def add_border(array: Array, axis: int, around: Pair, mode: str, value: float = 0.0) -> Array:
    """Return an array with a border along one axis."""
    if around == (0, 0):
        return array
    found = sources(array.shape[axis], around, mode)
    result = np.take(array, found, axis=axis)
    if MODES[mode] == "constant":
        np.moveaxis(result, axis, 0)[found < 0] = value
    return result


def add_border_backward(gradient: Array, axis: int, around: Pair, mode: str) -> Array:
    """Return the gradient of an array from that of `add_border`.

    A pixel gets its own gradient and those of its copies.
    """
    if around == (0, 0):
        return gradient
    before, after = around
    along = np.moveaxis(gradient, axis, 0)
    n = len(along) - before - after
    result = np.zeros((n, *along.shape[1:]), gradient.dtype)
    first, last = max(before, 0), len(along) - max(after, 0)
    result[first - before : last - before] = along[first:last]
    if MODES[mode] != "constant":
        source = sources(n, around, mode)
        for at in (*range(first), *range(last, len(along))):
            result[source[at]] += along[at]
    return np.moveaxis(result, 0, axis)


def extend(image: Array, around: Around, mode: str) -> Array:
    """Return an image with a border along its last two axes."""
    for axis, pads in zip((-2, -1), around, strict=True):
        image = add_border(image, axis, pads, mode)
    return image


def extend_backward(gradient: Array, around: Around, mode: str) -> Array:
    """Return the gradient of an image from that of `extend`."""
    for axis, pads in zip((-2, -1), around, strict=True):
        gradient = add_border_backward(gradient, axis, pads, mode)
    return np.ascontiguousarray(gradient)

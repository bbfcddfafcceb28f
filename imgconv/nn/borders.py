"""Images with a border, and the gradient of that."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imgconv.core.border import index_map
from imgconv.nn.checks import Array, Around
from imgconv.nn.windows import Pair

# PyTorch's names of what padding holds, and those of `imgconv.core.border`.
MODES = {
    "zeros": "constant",
    "constant": "constant",
    "reflect": "mirror",
    "replicate": "nearest",
    "circular": "wrap",
}


def sources(n: int, around: Pair, mode: str) -> NDArray[np.intp]:
    """Return the pixel that each pixel of a padded axis is; -1 for those that are a constant."""
    return index_map(n, *around, MODES[mode])


def extend(image: Array, around: Around, mode: str, value: float = 0.0) -> Array:
    """Return an image with a border along its last two axes."""
    if not any(map(any, around)):
        return image
    y, x = (sources(n, a, mode) for n, a in zip(image.shape[-2:], around, strict=True))
    if MODES[mode] != "constant":
        return image[..., y[:, None], x]
    (top, bottom), (left, right) = around
    height, width = image.shape[-2:]
    shape = (*image.shape[:-2], top + height + bottom, left + width + right)
    result = np.full(shape, value, image.dtype)
    result[..., top : top + height, left : left + width] = image
    return result


def fold_back(gradient: Array, around: Around, mode: str) -> Array:
    """Return the gradient of an image from that of the image with its border."""
    if not any(map(any, around)):
        return gradient
    for axis, pads in zip((-2, -1), around, strict=True):
        gradient = np.moveaxis(_fold(np.moveaxis(gradient, axis, 0), pads, mode), 0, axis)
    return np.ascontiguousarray(gradient)


def _fold(gradient: Array, around: Pair, mode: str) -> Array:
    """Along the first axis: what copies of a pixel have is added to the pixel's own."""
    before, after = around
    n = len(gradient) - before - after
    result = gradient[before : before + n].copy()
    if MODES[mode] != "constant":
        source = sources(n, around, mode)
        for at in (*range(before), *range(before + n, len(gradient))):
            result[source[at]] += gradient[at]
    return result

"""The flat morphology of `scipy.ndimage`, grey and binary."""

from functools import lru_cache
from typing import Any

import numpy as np
from scipy import ndimage

from imgconv.fallback import HandOver
from imgconv.ndimage.call import (
    UINT8,
    Image,
    array_of,
    axes_of,
    each,
    image_of,
    integer,
    refused,
)
from imgconv.ndimage.order import extreme, windowed
from imgconv.ndimage.sound import as_scipy

__all__ = [
    "binary_closing",
    "binary_dilation",
    "binary_erosion",
    "binary_opening",
    "black_tophat",
    "grey_closing",
    "grey_dilation",
    "grey_erosion",
    "grey_opening",
    "morphological_gradient",
    "white_tophat",
]

# With more iterations SciPy, which looks only where the last has changed something, may be faster.
MOST_ITERATIONS = 12


@as_scipy
def grey_erosion(
    input, size=None, footprint=None, structure=None, output=None, mode="reflect", cval=0.0,
    origin=0, *, axes=None,
):  # fmt: skip
    """Shrink what is bright.

    Examples
    --------
    >>> from imgconv.ndimage import grey_erosion
    >>> print(grey_erosion([1, 5, 5, 5, 2], size=3))
    [1 1 5 2 2]
    """
    flat(size, footprint, structure)
    return eroded(input, size, footprint, output, mode, cval, origin, axes)


@as_scipy
def grey_dilation(
    input, size=None, footprint=None, structure=None, output=None, mode="reflect", cval=0.0,
    origin=0, *, axes=None,
):  # fmt: skip
    """Grow what is bright.

    Examples
    --------
    >>> from imgconv.ndimage import grey_dilation
    >>> print(grey_dilation([1, 5, 1, 1, 2], size=3))
    [5 5 5 2 2]
    """
    flat(size, footprint, structure)
    return dilated(input, size, footprint, output, mode, cval, origin, axes)


@as_scipy
def grey_opening(
    input, size=None, footprint=None, structure=None, output=None, mode="reflect", cval=0.0,
    origin=0, *, axes=None,
):  # fmt: skip
    """Remove what is bright and smaller than the structuring element.

    Examples
    --------
    >>> from imgconv.ndimage import grey_opening
    >>> print(grey_opening([1, 5, 1, 4, 4, 4, 1], size=3))
    [1 1 1 4 4 4 1]
    """
    flat(size, footprint, structure)
    inner = eroded(input, size, footprint, None, mode, cval, origin, axes)
    return dilated(inner, size, footprint, output, mode, cval, origin, axes)


@as_scipy
def grey_closing(
    input, size=None, footprint=None, structure=None, output=None, mode="reflect", cval=0.0,
    origin=0, *, axes=None,
):  # fmt: skip
    """Remove what is dark and smaller than the structuring element.

    Examples
    --------
    >>> from imgconv.ndimage import grey_closing
    >>> print(grey_closing([5, 1, 5, 2, 2, 2, 5], size=3))
    [5 5 5 2 2 2 5]
    """
    flat(size, footprint, structure)
    outer = dilated(input, size, footprint, None, mode, cval, origin, axes)
    return eroded(outer, size, footprint, output, mode, cval, origin, axes)


@as_scipy
def morphological_gradient(
    input, size=None, footprint=None, structure=None, output=None, mode="reflect", cval=0.0,
    origin=0, *, axes=None,
):  # fmt: skip
    """Subtract the erosion from the dilation.

    Examples
    --------
    >>> from imgconv.ndimage import morphological_gradient
    >>> print(morphological_gradient([1, 1, 1, 5, 5, 5], size=3))
    [0 0 4 4 0 0]
    """
    flat(size, footprint, structure)
    separate(input, output)
    if not isinstance(output, np.ndarray):
        output = None
    if image_of(input).dtype == (np.bool_ if output is None else output.dtype) == np.bool_:
        raise HandOver("difference of bools")
    outer = dilated(input, size, footprint, None, mode, cval, origin, axes)
    inner = eroded(input, size, footprint, output, mode, cval, origin, axes)
    return np.subtract(outer, inner, inner if output is None else output)


@as_scipy
def white_tophat(
    input, size=None, footprint=None, structure=None, output=None, mode="reflect", cval=0.0,
    origin=0, *, axes=None,
):  # fmt: skip
    """Subtract the opening from the image.

    Examples
    --------
    >>> from imgconv.ndimage import white_tophat
    >>> print(white_tophat([1, 5, 1, 4, 4, 4, 1], size=3))
    [0 4 0 0 0 0 0]
    """
    flat(size, footprint, structure)
    separate(input, output)
    inner = eroded(input, size, footprint, None, mode, cval, origin, axes)
    opened = dilated(inner, size, footprint, output, mode, cval, origin, axes)
    image = np.asarray(input)
    return subtract(image, opened, opened)


@as_scipy
def black_tophat(
    input, size=None, footprint=None, structure=None, output=None, mode="reflect", cval=0.0,
    origin=0, *, axes=None,
):  # fmt: skip
    """Subtract the image from its closing.

    Examples
    --------
    >>> from imgconv.ndimage import black_tophat
    >>> print(black_tophat([5, 1, 5, 2, 2, 2, 5], size=3))
    [0 4 0 0 0 0 0]
    """
    flat(size, footprint, structure)
    separate(input, output)
    outer = dilated(input, size, footprint, None, mode, cval, origin, axes)
    closed = eroded(outer, size, footprint, output, mode, cval, origin, axes)
    return subtract(closed, np.asarray(input), closed)


@as_scipy
def binary_erosion(
    input, structure=None, iterations=1, mask=None, output=None, border_value=0, origin=0,
    brute_force=False, *, axes=None,
):  # fmt: skip
    """Shrink what is not 0.

    Examples
    --------
    >>> from imgconv.ndimage import binary_erosion
    >>> print(binary_erosion([0, 1, 1, 1, 1, 0]).astype(int))
    [0 0 1 1 0 0]
    """
    return iterated(input, structure, iterations, mask, output, border_value, origin, axes, False)


@as_scipy
def binary_dilation(
    input, structure=None, iterations=1, mask=None, output=None, border_value=0, origin=0,
    brute_force=False, *, axes=None,
):  # fmt: skip
    """Grow what is not 0.

    Examples
    --------
    >>> from imgconv.ndimage import binary_dilation
    >>> print(binary_dilation([0, 0, 1, 0, 0, 0]).astype(int))
    [0 1 1 1 0 0]
    """
    return iterated(input, structure, iterations, mask, output, border_value, origin, axes, True)


@as_scipy
def binary_opening(
    input, structure=None, iterations=1, output=None, origin=0, mask=None, border_value=0,
    brute_force=False, *, axes=None,
):  # fmt: skip
    """Remove what is not 0 and smaller than the structuring element.

    Examples
    --------
    >>> from imgconv.ndimage import binary_opening
    >>> print(binary_opening([0, 1, 0, 1, 1, 1, 0]).astype(int))
    [0 0 0 1 1 1 0]
    """
    common = border_value, origin, axes
    inner = iterated(input, structure, iterations, mask, None, *common, False)
    return iterated(inner, structure, iterations, mask, output, *common, True)


@as_scipy
def binary_closing(
    input, structure=None, iterations=1, output=None, origin=0, mask=None, border_value=0,
    brute_force=False, *, axes=None,
):  # fmt: skip
    """Fill what is 0 and smaller than the structuring element.

    Examples
    --------
    >>> from imgconv.ndimage import binary_closing
    >>> print(binary_closing([0, 0, 1, 1, 0, 1, 1, 0, 0]).astype(int))
    [0 0 1 1 1 1 1 0 0]
    """
    common = border_value, origin, axes
    outer = iterated(input, structure, iterations, mask, None, *common, True)
    return iterated(outer, structure, iterations, mask, output, *common, False)


# ---- grey ------------------------------------------------------------------------------------


def flat(size: Any, footprint: Any, structure: Any) -> None:
    """Check that the structuring element is flat and given once."""
    if structure is not None:
        raise HandOver("structure that is not flat")
    if (size is None) == (footprint is None):
        raise HandOver("size and footprint")


def separate(input: Any, output: Any) -> None:
    """Check that an image is still there when its filtered copy is subtracted from it."""
    if isinstance(output, np.ndarray) and np.may_share_memory(image_of(input), output):
        raise HandOver("output overlaps input")


def eroded(
    input: Any, size: Any, footprint: Any, output: Any, mode: Any, cval: Any, origin: Any,
    axes: Any,
) -> Image:  # fmt: skip
    """Return the least pixels."""
    return extreme(input, size, footprint, output, mode, cval, origin, axes, False)


def dilated(
    input: Any, size: Any, footprint: Any, output: Any, mode: Any, cval: Any, origin: Any,
    axes: Any,
) -> Image:  # fmt: skip
    """Return the greatest pixels of the turned element."""
    along_axes = axes_of(axes, image_of(input).ndim)
    n = len(along_axes)
    if footprint is None:
        shape = tuple(integer(k, "size") for k in each(size, n, "size"))
    else:
        footprint = array_of(footprint, "footprint", bool)
        shape = footprint.shape
        if len(shape) != n:
            raise HandOver("footprint")
        footprint = footprint[(slice(None, None, -1),) * n]
    turned = turned_origin(origin, shape)
    return extreme(input, size, footprint, output, mode, cval, turned, axes, True)


def turned_origin(origin: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the origin of a window turned by 180 degrees."""
    origins = each(origin, len(shape), "origin")
    return tuple(-integer(o, "origin") - (n % 2 == 0) for o, n in zip(origins, shape, strict=True))


def subtract(high: Image, low: Image, out: Image) -> Image:
    """Subtract in the result's dtype; bools differ or not."""
    if high.dtype == low.dtype == np.bool_:
        return np.bitwise_xor(high, low, out=out)
    return np.subtract(high, low, out=out)


@lru_cache(maxsize=8)
def cross(ndim: int) -> Image:
    """Return a pixel and its neighbours along the axes."""
    return ndimage.generate_binary_structure(ndim, 1)


# ---- binary ----------------------------------------------------------------------------------


def iterated(
    input: Any, structure: Any, iterations: Any, mask: Any, output: Any, border_value: Any,
    origin: Any, axes: Any, grows: bool,
) -> Image:  # fmt: skip
    """Erode or dilate a few times, by minima or maxima of bytes."""
    image = image_of(input)
    times = integer(iterations, "iterations")
    if not 1 <= times <= MOST_ITERATIONS:
        raise HandOver("iterations")
    if mask is not None:
        raise HandOver("mask")
    if integer(border_value, "border_value") not in {0, 1}:
        raise HandOver("border_value")
    out = output if isinstance(output, np.ndarray) else None
    if out is not None and (type(out) is not np.ndarray or refused(out.dtype)
                            or out.shape != image.shape or not out.flags.writeable):  # fmt: skip
        raise HandOver("output")
    along_axes = axes_of(axes, image.ndim)
    n = len(along_axes)
    element = cross(n) if structure is None else array_of(structure, "structure", bool)
    if element.ndim != n:
        raise HandOver("structure")
    origins = each(origin, n, "origin")
    if grows:
        element = element[(slice(None, None, -1),) * n]
        origins = turned_origin(origins, element.shape)
    source = (image if image.dtype.kind == "b" else image != 0).view(UINT8)
    for _ in range(times):
        found = windowed(
            source, None, element, None, "constant", float(border_value), origins, axes
        )
        source = found.ranked(found.window.count - 1 if grows else 0)
    if out is None:
        return source.view(np.bool_)
    out[...] = source
    return out

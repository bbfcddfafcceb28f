"""Rank filters that count only what lies in the image."""

from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np

from imgconv.core.call import apply
from imgconv.fallback import HandOver, asked, other_names
from imgconv.filters import order
from imgconv.filters.linear import dense_operation
from imgconv.operations.base import FLOAT32, FLOAT64, Operation
from imgconv.operations.separable import Kernel1D, Separable
from imgconv.skimage.convert import Image, InDouble, as_skimage, image_of, warn_as_original

__all__ = ["gradient", "maximum", "mean", "median", "minimum"]

RANK = "skimage.filters.rank"
SCIKITS_MEDIAN = asked(import_module(RANK).median)

# Footprints of more pixels that are no rectangles are left to scikit-image's histograms, which it
# brings up to date from pixel to pixel.
MOST = 400
# scikit-image warns of images of uint16 with more levels, and so it is done here.
BINS = 2**10
# Rows that are worked on together.
PIECE = 1 << 16


@as_skimage(RANK)
def median(image, footprint=None, out=None, mask=None, shift_x=0, shift_y=0, shift_z=0):
    """Replace each pixel by the median of the window around it.

    Where a window reaches beyond the image, scikit-image does it.
    """
    if footprint is None:
        footprint = np.ones((3, 3), np.uint8)
    pixels, window, result = checked(image, footprint, out, mask, shift_x, shift_y)
    height, width = pixels.shape
    rows, columns = window.shape[0] // 2, window.shape[1] // 2
    if 4 * rows / height + 4 * columns / width > 0.5:
        raise HandOver("window that is large in the image")
    order.median(pixels, footprint=window, out=result)
    # The strips along the border, each from twice as wide a strip of the image.
    for axis, n in ((0, rows), (1, columns)):
        if n:
            into, source = np.moveaxis(result, axis, 0), np.moveaxis(pixels, axis, 0)
            flat = window if axis == 0 else window.T
            into[:n] = strip(source[: 2 * n], flat, axis)[:n]
            into[-n:] = strip(source[-2 * n :], flat, axis)[-n:]
    return result


def strip(image: Image, window: Image, axis: int) -> Image:
    """Return scikit-image's medians of a strip."""
    if axis == 1:
        image, window = image.T, window.T
    found = SCIKITS_MEDIAN(np.ascontiguousarray(image), window.astype(np.uint8))
    return found.T if axis == 1 else found


@as_skimage(RANK)
def minimum(image, footprint, out=None, mask=None, shift_x=0, shift_y=0, shift_z=0):
    """Replace each pixel by the least pixel of the window around it."""
    pixels, window, result = checked(image, footprint, out, mask, shift_x, shift_y)
    return least(pixels, window, result)


@as_skimage(RANK)
def maximum(image, footprint, out=None, mask=None, shift_x=0, shift_y=0, shift_z=0):
    """Replace each pixel by the greatest pixel of the window around it."""
    pixels, window, result = checked(image, footprint, out, mask, shift_x, shift_y)
    return order.maximum(pixels, footprint=window, mode="constant", cval=0, out=result)


@as_skimage(RANK)
def gradient(image, footprint, out=None, mask=None, shift_x=0, shift_y=0, shift_z=0):
    """Return the difference of the greatest and the least pixel of a window."""
    pixels, window, result = checked(image, footprint, out, mask, shift_x, shift_y)
    order.maximum(pixels, footprint=window, mode="constant", cval=0, out=result)
    result -= least(pixels, window, None)
    return result


@as_skimage(RANK)
def mean(image, footprint, out=None, mask=None, shift_x=0, shift_y=0, shift_z=0):
    """Replace each pixel by the mean of the window around it, rounded down."""
    pixels, window, result = checked(image, footprint, out, mask, shift_x, shift_y)
    filled = bool(window.all())
    area = int(np.count_nonzero(window))
    large = area * int(np.iinfo(pixels.dtype).max) >= 1 << 24
    if not filled and (large or area > MOST):
        raise HandOver("large window")
    operation = sum_over(window.tobytes(), window.shape, large)
    dtype = FLOAT64 if large else FLOAT32
    sums = apply(operation, pixels, "constant", 0.0, None, None, dtype, None)
    counts = counted(operation, pixels.shape, window.shape)
    rows = max(1, PIECE // pixels.shape[1])
    for top in range(0, len(sums), rows):
        piece = slice(top, top + rows)
        result[piece] = sums[piece] / counts[piece]
    return result


def least(pixels: Image, window: Image, out: Image | None) -> Image:
    """Return the least pixels; what lies outside the image is above all of them."""
    highest = int(np.iinfo(pixels.dtype).max)
    return order.minimum(pixels, footprint=window, mode="constant", cval=highest, out=out)


def counted(operation: Operation, shape: tuple[int, ...], window: tuple[int, ...]) -> Image:
    """Return how many pixels of each window lie in the image, in float64: exact quotients."""
    size = [min(n, 2 * k + 1) for n, k in zip(shape, window, strict=True)]
    small = apply(operation, np.ones(size, np.uint8), "constant", 0.0, None, None, FLOAT64, None)
    # All windows that lie inside the image have the same, that of the middle.
    y, x = (
        np.minimum(np.arange(n), np.maximum(k, np.arange(n) - (n - m)))
        for n, m, k in zip(shape, size, window, strict=True)
    )
    return small[np.ix_(y, x)]


@lru_cache(maxsize=64)
def sum_over(footprint: bytes, shape: tuple[int, int], large: bool) -> Operation:
    """Return the sum over a window; in float64 where it is too large for float32."""
    window = np.frombuffer(footprint, bool).reshape(shape)
    if window.all():
        y, x = (Kernel1D.centred(np.ones(n)) for n in shape)
        return (InDouble if large else Separable)((((y, x),),))
    return dense_operation(window.astype(np.float64), (shape[0] // 2, shape[1] // 2))


def checked(
    image: Any, footprint: Any, out: Any, mask: Any, shift_x: Any, shift_y: Any
) -> tuple[Image, Image, Image]:
    """Return an image of 8 or 16 bits, the pixels of the window, and the array to fill."""
    pixels = image_of(image)
    if pixels.dtype not in (np.uint8, np.uint16):
        raise HandOver("dtype")
    if mask is not None or type(shift_x) is not int or type(shift_y) is not int:
        raise HandOver("mask or shift")
    if shift_x or shift_y:
        raise HandOver("mask or shift")
    if type(footprint) is not np.ndarray or footprint.ndim != 2:
        raise HandOver("footprint")
    window = footprint > 0
    height, width = window.shape
    # An even window has its middle elsewhere, and one without its own pixel may hold none at all.
    if not (height % 2 and width % 2 and window[height // 2, width // 2]):
        raise HandOver("footprint")
    if out is None:
        result = np.empty(pixels.shape, pixels.dtype.newbyteorder("="))
    else:
        result = out
        if type(out) is not np.ndarray or out.shape != pixels.shape or out.dtype != pixels.dtype:
            raise HandOver("out")
        if np.may_share_memory(out, pixels) or not out.flags.writeable:
            raise HandOver("out")
    if pixels.dtype.itemsize == 2:
        bins = int(max(3, pixels.max())) + 1
        if bins > BINS:
            warn_as_original(
                f"Bad rank filter performance is expected due to a large number of bins ({bins}), "
                f"equivalent to an approximate bitdepth of {np.log2(bins):.1f}.",
                stacklevel=4,
            )
    return pixels, window, result


__getattr__, __dir__ = other_names(__name__, RANK, __all__)

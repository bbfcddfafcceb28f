"""Rank filters whose windows end where the image ends."""

from functools import lru_cache
from importlib import import_module
from typing import NamedTuple

import numpy as np

from imgconv.core.run import Call, run
from imgconv.face_arguments import Image, real_image
from imgconv.fallback import FallBack, mark_refusals, other_names
from imgconv.filters import order
from imgconv.filters.linear import dense_operation
from imgconv.filters.local import entropy_operation
from imgconv.operations.base import FLOAT32, FLOAT64, Operation
from imgconv.operations.separable import Kernel1D, Separable
from imgconv.skimage.arguments import InDouble, skimage_face, warn_caller

__all__ = ["entropy", "gradient", "maximum", "mean", "median", "minimum"]

RANK = "skimage.filters.rank"
skimage_median = mark_refusals(import_module(RANK).median)

# Means over larger footprints that are no rectangles fall back: scikit-image updates a histogram
# from pixel to pixel, which is faster.
MOST_PIXELS = 400
# What the loop of entropies does not count.
MISSING = 256
# scikit-image warns of images of uint16 with more levels, and so does the face.
MOST_LEVELS = 2**10
# Pixels that are computed together.
PIECE = 1 << 16


@skimage_face(RANK)
def median(
    image: Image,
    footprint: Image | None = None,
    out: Image | None = None,
    mask: Image | None = None,
    shift_x: int = 0,
    shift_y: int = 0,
    shift_z: int = 0,
) -> Image:
    """Replace each pixel by the median of the window around it.

    Pixels whose window reaches beyond the image are left to scikit-image.
    """
    if footprint is None:
        footprint = np.ones((3, 3), np.uint8)
    pixels, window, result = checked(image, footprint, out, mask, shift_x, shift_y)
    height, width = pixels.shape
    rows, columns = window.shape[0] // 2, window.shape[1] // 2
    if 4 * rows / height + 4 * columns / width > 0.5:
        raise FallBack("window that is large in the image")
    order.median(pixels, footprint=window, out=result)
    # The strips along the border, each from twice as wide a strip of the image.
    for axis, n in ((0, rows), (1, columns)):
        if n:
            into, source = np.moveaxis(result, axis, 0), np.moveaxis(pixels, axis, 0)
            flat = window if axis == 0 else window.T
            into[:n] = strip_medians(source[: 2 * n], flat, axis)[:n]
            into[-n:] = strip_medians(source[-2 * n :], flat, axis)[-n:]
    return result


def strip_medians(image: Image, window: Image, axis: int) -> Image:
    """Return scikit-image's medians of a strip of rows, or of columns as rows."""
    if axis == 1:
        image, window = image.T, window.T
    found: Image = skimage_median(np.ascontiguousarray(image), window.astype(np.uint8))
    return found.T if axis == 1 else found


@skimage_face(RANK)
def minimum(
    image: Image,
    footprint: Image,
    out: Image | None = None,
    mask: Image | None = None,
    shift_x: int = 0,
    shift_y: int = 0,
    shift_z: int = 0,
) -> Image:
    """Replace each pixel by the minimum of the window around it."""
    pixels, window, result = checked(image, footprint, out, mask, shift_x, shift_y)
    return minima(pixels, window, result)


@skimage_face(RANK)
def maximum(
    image: Image,
    footprint: Image,
    out: Image | None = None,
    mask: Image | None = None,
    shift_x: int = 0,
    shift_y: int = 0,
    shift_z: int = 0,
) -> Image:
    """Replace each pixel by the maximum of the window around it."""
    pixels, window, result = checked(image, footprint, out, mask, shift_x, shift_y)
    return order.maximum(pixels, footprint=window, mode="constant", cval=0, out=result)


@skimage_face(RANK)
def gradient(
    image: Image,
    footprint: Image,
    out: Image | None = None,
    mask: Image | None = None,
    shift_x: int = 0,
    shift_y: int = 0,
    shift_z: int = 0,
) -> Image:
    """Return the difference of the maximum and the minimum of the window around each pixel."""
    pixels, window, result = checked(image, footprint, out, mask, shift_x, shift_y)
    order.maximum(pixels, footprint=window, mode="constant", cval=0, out=result)
    result -= minima(pixels, window, None)
    return result


@skimage_face(RANK)
def mean(
    image: Image,
    footprint: Image,
    out: Image | None = None,
    mask: Image | None = None,
    shift_x: int = 0,
    shift_y: int = 0,
    shift_z: int = 0,
) -> Image:
    """Replace each pixel by the mean of the window around it, rounded down."""
    pixels, window, result = checked(image, footprint, out, mask, shift_x, shift_y)
    filled = bool(window.all())
    area = int(np.count_nonzero(window))
    large = area * int(np.iinfo(pixels.dtype).max) >= 1 << 24
    if not filled and (large or area > MOST_PIXELS):
        raise FallBack("large window")
    operation = sum_over(window.tobytes(), window.shape, large)
    dtype = FLOAT64 if large else FLOAT32
    sums: Image = run(Call(operation, pixels, "constant", dtype=dtype))
    counts = counts_inside(operation, pixels.shape, window.shape)
    rows = max(1, PIECE // pixels.shape[1])
    for top in range(0, len(sums), rows):
        piece = slice(top, top + rows)
        result[piece] = sums[piece] / counts[piece]
    return result


@skimage_face(RANK)
def entropy(
    image: Image,
    footprint: Image,
    out: Image | None = None,
    mask: Image | None = None,
    shift_x: int = 0,
    shift_y: int = 0,
    shift_z: int = 0,
) -> Image:
    """Return the entropy of the window around each pixel, in bits.

    Pixels outside the image, and those that a mask leaves out, are not counted: they are MISSING.
    """
    if out is not None:
        raise FallBack("out")
    pixels, window, _ = checked(image, footprint, None, None, shift_x, shift_y)
    if pixels.dtype != np.uint8:
        raise FallBack(f"dtype {pixels.dtype}")
    if mask is not None:
        if type(mask) is not np.ndarray or mask.shape != pixels.shape:
            raise FallBack("mask or shift")
        if mask.dtype not in (np.bool_, np.uint8):
            raise FallBack("mask or shift")
        pixels = np.where(mask > 0, pixels, np.uint16(MISSING))
    operation = entropy_operation(order.window_of(None, window))
    found: Image = run(Call(operation, pixels, "constant", MISSING, dtype=FLOAT64))
    return found


def minima(pixels: Image, window: Image, out: Image | None) -> Image:
    """Return the minima; the value outside the image is the largest of the dtype."""
    largest = int(np.iinfo(pixels.dtype).max)
    return order.minimum(pixels, footprint=window, mode="constant", cval=largest, out=out)


def counts_inside(operation: Operation, shape: tuple[int, ...], window: tuple[int, ...]) -> Image:
    """Return how many pixels of each window lie in the image, in float64 for exact quotients."""
    size = [min(n, 2 * k + 1) for n, k in zip(shape, window, strict=True)]
    small: Image = run(Call(operation, np.ones(size, np.uint8), "constant", dtype=FLOAT64))
    # All windows that lie inside the image have the count of the middle one.
    y, x = (
        np.minimum(np.arange(n), np.maximum(k, np.arange(n) - (n - m)))
        for n, m, k in zip(shape, size, window, strict=True)
    )
    counts: Image = small[np.ix_(y, x)]
    return counts


@lru_cache(maxsize=64)
def sum_over(footprint: bytes, shape: tuple[int, int], large: bool) -> Operation:
    """Return the operation of a sum over a window, in float64 where it may be `large`."""
    window = np.frombuffer(footprint, bool).reshape(shape)
    if window.all():
        y, x = (Kernel1D.centred(np.ones(n)) for n in shape)
        return (InDouble if large else Separable)((((y, x),),))
    return dense_operation(window.astype(np.float64), (shape[0] // 2, shape[1] // 2))


class RankArguments(NamedTuple):
    """An image of 8 or 16 bits, the pixels of the window, and the array to fill."""

    pixels: Image
    window: Image
    result: Image


def checked(
    image: object, footprint: object, out: object, mask: object, shift_x: object, shift_y: object
) -> RankArguments:
    """Return the arguments of a filter; fall back for others than the engine takes."""
    pixels = real_image(image)
    if pixels.dtype not in (np.uint8, np.uint16):
        raise FallBack(f"dtype {pixels.dtype}")
    unshifted = type(shift_x) is type(shift_y) is int and shift_x == shift_y == 0
    if mask is not None or not unshifted:
        raise FallBack("mask or shift")
    if type(footprint) is not np.ndarray or footprint.ndim != 2:
        raise FallBack("footprint")
    window = footprint > 0
    height, width = window.shape
    # scikit-image centres an even window differently; one without its own pixel may be empty.
    if not (height % 2 and width % 2 and window[height // 2, width // 2]):
        raise FallBack("footprint")
    if out is None:
        result = np.empty(pixels.shape, pixels.dtype.newbyteorder("="))
    else:
        if type(out) is not np.ndarray or out.shape != pixels.shape or out.dtype != pixels.dtype:
            raise FallBack("out")
        if np.may_share_memory(out, pixels) or not out.flags.writeable:
            raise FallBack("out")
        result = out
    warn_of_levels(pixels)
    return RankArguments(pixels, window, result)


def warn_of_levels(pixels: Image) -> None:
    """Warn of many levels as scikit-image does; it is called by a face's `checked`."""
    if pixels.dtype.itemsize < 2:
        return
    bins = int(max(3, pixels.max())) + 1
    if bins > MOST_LEVELS:
        warn_caller(
            f"Bad rank filter performance is expected due to a large number of bins ({bins}), "
            f"equivalent to an approximate bitdepth of {np.log2(bins):.1f}.",
            stacklevel=5,
        )


__getattr__, __dir__ = other_names(__name__, RANK, __all__)

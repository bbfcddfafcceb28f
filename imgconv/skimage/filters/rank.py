"""Rank filters whose windows end where the image ends, and that a mask may leave pixels out of.

Those here are made of minima, maxima, medians, percentiles, sums and numbers of pixels; the rest
asks a histogram of the window (`rank_histograms`).
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from imgconv.core.run import Call, run
from imgconv.face_arguments import Image
from imgconv.fallback import other_names
from imgconv.filters import order
from imgconv.filters.linear import dense_operation
from imgconv.filters.smoothing import moment_mean
from imgconv.operations.base import FLOAT32, FLOAT64, Operation
from imgconv.operations.separable import Kernel1D, Separable
from imgconv.skimage.arguments import InDouble, number, skimage_face
from imgconv.skimage.filters.rank_arguments import (
    RANK,
    RankArguments,
    checked,
    holds_pixel,
    levels,
)
from imgconv.skimage.filters.rank_histograms import (
    autolevel_percentile,
    enhance_contrast_percentile,
    entropy,
    equalize,
    geometric_mean,
    gradient_percentile,
    majority,
    mean_bilateral,
    mean_percentile,
    modal,
    noise_filter,
    otsu,
    percentile_of,
    pop_bilateral,
    pop_percentile,
    subtract_mean_percentile,
    sum_bilateral,
    sum_percentile,
    threshold_percentile,
    windowed_histogram,
)

__all__ = [
    "autolevel",
    "autolevel_percentile",
    "enhance_contrast",
    "enhance_contrast_percentile",
    "entropy",
    "equalize",
    "geometric_mean",
    "gradient",
    "gradient_percentile",
    "majority",
    "maximum",
    "mean",
    "mean_bilateral",
    "mean_percentile",
    "median",
    "minimum",
    "modal",
    "noise_filter",
    "otsu",
    "percentile",
    "pop",
    "pop_bilateral",
    "pop_percentile",
    "subtract_mean",
    "subtract_mean_percentile",
    "sum",
    "sum_bilateral",
    "sum_percentile",
    "threshold",
    "threshold_percentile",
    "windowed_histogram",
]

# Sums over larger footprints that are no rectangles are those of runs of pixels.
MOST_PIXELS = 400
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
    """Replace each pixel by the median of the window around it."""
    if footprint is None:
        footprint = np.ones((3, 3), np.uint8)
    pixels, window, mask, result = checked(image, footprint, out, mask, shift_x, shift_y)
    rows, columns = window.shape[0] // 2, window.shape[1] // 2
    if mask is not None or 4 * rows / len(pixels) + 4 * columns / pixels.shape[1] > 0.5:
        return counted(order.median, pixels, window, mask, result)
    order.median(pixels, footprint=window, out=result)
    # The strips along the border, each from twice as wide a strip of the image.
    for axis, n in ((0, rows), (1, columns)):
        if n:
            into, source = np.moveaxis(result, axis, 0), np.moveaxis(pixels, axis, 0)
            flat = window if axis == 0 else window.T
            into[:n] = counted(order.median, source[: 2 * n], flat, None, None)[:n]
            into[-n:] = counted(order.median, source[-2 * n :], flat, None, None)[-n:]
    return result


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
    return minima(*checked(image, footprint, out, mask, shift_x, shift_y))


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
    return maxima(*checked(image, footprint, out, mask, shift_x, shift_y))


@skimage_face(RANK)
def percentile(
    image: Image,
    footprint: Image,
    out: Image | None = None,
    mask: Image | None = None,
    shift_x: int = 0,
    shift_y: int = 0,
    p0: float = 0,
) -> Image:
    """Replace each pixel by a percentile, from 0 to 1, of the window around it."""
    arguments = checked(image, footprint, out, mask, shift_x, shift_y)
    pixels, window, mask, result = arguments
    share = number(p0, "p0")
    if not 0 <= share <= 1:
        return percentile_of(arguments, share)
    counts = np.arange(1, np.count_nonzero(window) + 1)
    places = np.minimum((counts * share).astype(int), counts - 1)
    # Our percentiles are hundredths, which may be rounded to others.
    ours = np.minimum((counts * (100 * share) / 100).astype(int), counts - 1)
    if (places != ours).any():
        return percentile_of(arguments, share)
    return order.percentile(
        pixels, 100 * share, footprint=window, mode="ignore", weights=mask, out=result
    )


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
    pixels, window, mask, result = checked(image, footprint, out, mask, shift_x, shift_y)
    maxima(pixels, window, mask, result)
    result -= minima(pixels, window, mask, None)
    return result


@skimage_face(RANK)
def enhance_contrast(
    image: Image,
    footprint: Image,
    out: Image | None = None,
    mask: Image | None = None,
    shift_x: int = 0,
    shift_y: int = 0,
    shift_z: int = 0,
) -> Image:
    """Replace each pixel by the minimum or the maximum of its window, whichever is nearer."""
    pixels, window, mask, result = checked(image, footprint, out, mask, shift_x, shift_y)
    maxima(pixels, window, mask, result)
    low = minima(pixels, window, mask, None)
    for piece in pieces(pixels):
        # Wider, so that differences have a sign: a pixel that a mask leaves out may be outside.
        centre, lowest = pixels[piece].astype(np.int32), low[piece].astype(np.int32)
        nearer = result[piece] - centre < centre - lowest
        np.copyto(result[piece], low[piece], where=~nearer)
    return result


@skimage_face(RANK)
def autolevel(
    image: Image,
    footprint: Image,
    out: Image | None = None,
    mask: Image | None = None,
    shift_x: int = 0,
    shift_y: int = 0,
    shift_z: int = 0,
) -> Image:
    """Stretch the range of the window around each pixel to all values."""
    pixels, window, mask, result = checked(image, footprint, out, mask, shift_x, shift_y)
    top = levels(pixels) - 1
    low, high = minima(pixels, window, mask, None), maxima(pixels, window, mask, None)
    for piece in pieces(pixels):
        lowest = low[piece].astype(np.float64)
        span = high[piece] - lowest
        with np.errstate(invalid="ignore", divide="ignore"):
            found = top * (pixels[piece] - lowest) / span
        found[span == 0] = 0
        result[piece] = wrapped(found, result.dtype)
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
    return of_sums(
        checked(image, footprint, out, mask, shift_x, shift_y),
        lambda pixels, sums, counts: sums / counts,
    )


@skimage_face(RANK)
def subtract_mean(
    image: Image,
    footprint: Image,
    out: Image | None = None,
    mask: Image | None = None,
    shift_x: int = 0,
    shift_y: int = 0,
    shift_z: int = 0,
) -> Image:
    """Return half the difference of a pixel to the mean of its window, from the middle value on."""
    arguments = checked(image, footprint, out, mask, shift_x, shift_y)
    middle = levels(arguments.pixels) // 2 - 1
    return of_sums(arguments, lambda pixels, sums, counts: (pixels - sums / counts) * 0.5 + middle)


@skimage_face(RANK)
def threshold(
    image: Image,
    footprint: Image,
    out: Image | None = None,
    mask: Image | None = None,
    shift_x: int = 0,
    shift_y: int = 0,
    shift_z: int = 0,
) -> Image:
    """Return 1 where a pixel is above the mean of the window around it, else 0."""
    return of_sums(
        checked(image, footprint, out, mask, shift_x, shift_y),
        lambda pixels, sums, counts: pixels > sums / counts,
    )


@skimage_face(RANK)
def sum(
    image: Image,
    footprint: Image,
    out: Image | None = None,
    mask: Image | None = None,
    shift_x: int = 0,
    shift_y: int = 0,
    shift_z: int = 0,
) -> Image:
    """Replace each pixel by the sum of the window around it, in the image's dtype."""
    return of_sums(
        checked(image, footprint, out, mask, shift_x, shift_y),
        lambda pixels, sums, counts: sums,
    )


@skimage_face(RANK)
def pop(
    image: Image,
    footprint: Image,
    out: Image | None = None,
    mask: Image | None = None,
    shift_x: int = 0,
    shift_y: int = 0,
    shift_z: int = 0,
) -> Image:
    """Return how many pixels the window around each pixel has, in the image's dtype."""
    return of_sums(
        checked(image, footprint, out, mask, shift_x, shift_y),
        lambda pixels, sums, counts: counts,
    )


# ---- what they are made of -----------------------------------------------------------------------


def counted(
    function: Any, pixels: Image, window: Image, mask: Image | None, out: Image | None
) -> Image:
    """Return the result of a filter whose windows end where the image ends."""
    found: Image = function(pixels, footprint=window, mode="ignore", weights=mask, out=out)
    return found


def minima(pixels: Image, window: Image, mask: Image | None, out: Image | None) -> Image:
    """Return the minima; the value outside the image is the largest of the dtype."""
    if mask is not None or not holds_pixel(window):
        return counted(order.minimum, pixels, window, mask, out)
    largest = int(np.iinfo(pixels.dtype).max)
    return order.minimum(pixels, footprint=window, mode="constant", cval=largest, out=out)


def maxima(pixels: Image, window: Image, mask: Image | None, out: Image | None) -> Image:
    """Return the maxima; the value outside the image is 0."""
    if mask is not None or not holds_pixel(window):
        return counted(order.maximum, pixels, window, mask, out)
    return order.maximum(pixels, footprint=window, mode="constant", cval=0, out=out)


def of_sums(arguments: RankArguments, formula: Callable[[Image, Image, Image], Image]) -> Image:
    """Return what a formula makes of pixels, and of sums and numbers of those in their windows.

    Where a window has no pixel, the result is 0.
    """
    pixels, window, mask, result = arguments
    operation, dtype, scale = sum_over(window.tobytes(), window.shape, pixels.dtype)
    if mask is None:
        sums: Image = run(Call(operation, pixels, "constant", dtype=dtype))
        counts = counts_inside(operation, pixels.shape, window.shape)
    else:
        inside = (mask > 0).view(np.uint8)
        sums = run(Call(operation, pixels * inside, "constant", dtype=dtype))
        counts = run(Call(operation, inside, "constant", dtype=FLOAT64))
    for piece in pieces(pixels):
        number, total = np.rint(counts[piece] * scale), sums[piece].astype(np.float64) * scale
        with np.errstate(invalid="ignore", divide="ignore"):
            found = formula(pixels[piece], np.rint(total), number)
        result[piece] = wrapped(np.where(number > 0, found, 0), result.dtype)
    return result


def wrapped(numbers: Image, dtype: np.dtype[Any]) -> Image:
    """Return numbers rounded towards 0 in an integer dtype, where they wrap around as in C."""
    return numbers.astype(np.int64).astype(dtype)


def pieces(pixels: Image) -> list[slice]:
    """Return pieces of an image, of whole rows, that stay in a cache."""
    rows = max(1, PIECE // max(1, pixels.shape[1]))
    return [slice(top, top + rows) for top in range(0, len(pixels), rows)]


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
def sum_over(
    footprint: bytes, shape: tuple[int, int], dtype: np.dtype[Any]
) -> tuple[Operation, np.dtype[Any], int]:
    """Return the operation of a sum over a window, its dtype, and a factor to apply."""
    window = np.frombuffer(footprint, bool).reshape(shape)
    area = int(np.count_nonzero(window))
    large = area * int(np.iinfo(dtype).max) >= 1 << 24
    if window.all():
        y, x = (Kernel1D.centred(np.ones(n)) for n in shape)
        found = (InDouble if large else Separable)((((y, x),),))
        return found, FLOAT64 if large else FLOAT32, 1
    if large or area > MOST_PIXELS:
        return moment_mean(order.window_of(None, window)), FLOAT64, area
    return dense_operation(window.astype(np.float64), (shape[0] // 2, shape[1] // 2)), FLOAT32, 1


__getattr__, __dir__ = other_names(__name__, RANK, __all__)

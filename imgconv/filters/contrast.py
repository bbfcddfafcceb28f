"""Contrast: histogram equalisation of an image and of its tiles, and uneven backgrounds."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from imgconv.core import check
from imgconv.core.call import Several, filtering
from imgconv.core.pixels import limits, native, rounded
from imgconv.core.run import Call
from imgconv.filters import measures
from imgconv.filters.arguments import Image, Mode
from imgconv.filters.measures import Histogram
from imgconv.filters.point_calls import converted
from imgconv.operations.ball import Ball
from imgconv.operations.base import Operation
from imgconv.operations.clahe import equalize_tiles
from imgconv.operations.histogram import replaced

__all__ = ["clahe", "equalize", "rolling_ball"]

# Pixels of the square around a ball: an image of 4096 x 4096 takes hours with so many.
MOST_PIXELS = 1 << 24


@filtering
def equalize(
    image: ArrayLike,
    *,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Several[Image]:
    """Spread the values of an image so that all are about equally frequent.

    Parameters
    ----------
    image : array_like, (H, W)
        Each channel, and each image of a stack, is equalised by itself.
    axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the image's dtype, float32 for bool

    Raises
    ------
    ValueError
        If integers of 32 or 64 bits span more than 2**20 values.

    Notes
    -----
    A pixel becomes the share of the pixels that are not brighter, c. Integers of 8 and 16 bits are
    spread over the range of their dtype: from c of the smallest value, which becomes the lowest
    number, to 1, the largest; equal to `cv2.equalizeHist`, except that a half goes to the even
    number, where float32 leaves it to chance in OpenCV. Others keep their range: they become
    low + (high - low) * c, with c interpolated between the centres of the bins; equal to
    `skimage.exposure.equalize_hist`, which gives c. The image is read twice, once to count.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import equalize
    >>> equalize(np.uint8([[100, 100, 101, 102, 103]]))
    array([[  0,   0,  85, 170, 255]], dtype=uint8)
    """
    array = check.image(image)
    layout = check.layout(array.ndim, axes, channel_axis)
    planes = (layout.y, layout.x)
    return by_plane(
        array, planes, equalize_plane, dtype, out, "its histogram is that of all pixels"
    )


def equalize_plane(plane: Image) -> Image:
    """Return an equalised plane, of float64 if it is not rounded."""
    dtype = native(plane.dtype)
    found = measures.measure(measures.for_histogram(dtype), [plane])
    counts, centres = Histogram.of(found, dtype)
    if len(counts) < 2:
        return plane
    below = np.cumsum(counts)
    if not measures.has_bin_for_each_value(dtype):
        low, high = measures.range_of(np.asarray(found[0]))
        share = below / below[-1]
        spread: Image = low + (high - low) * np.interp(plane, centres, share)
        return spread
    low, high = limits(dtype)
    # Products of integers, so that halves are halves.
    values = low + (high - low) * (below - below[0]) / (below[-1] - below[0])
    if dtype.kind == "b":
        shares: Image = values[plane.astype(np.intp)]
        return shares
    table = np.zeros(high - low + 1, dtype)
    table[centres - low] = rounded(values, dtype)
    return replaced(plane, table)


@filtering
def clahe(
    image: ArrayLike,
    tile: int | tuple[int, int] = 64,
    clip_limit: float = 2.0,
    *,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Several[Image]:
    """Equalise an image tile by tile, with a limit on how much contrast grows.

    Parameters
    ----------
    image : array_like, (H, W)
        Of 8 or 16 bits. Each channel, and each image of a stack, is equalised by itself.
    tile : int or (int, int)
        Height and width of the tiles in pixels; a larger tile than the image is the image.
    clip_limit : float
        How often a value may occur in a tile, relative to a flat histogram: the limit of the slope
        of the mapping. 0 is no limit.
    axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the image's dtype

    Raises
    ------
    TypeError
        If the image has not integers of 8 or 16 bits.
    ValueError
        If tile is not positive, or clip_limit is negative.

    Notes
    -----
    What exceeds the limit in a tile's histogram is shared out among all values. A pixel is mapped
    by the cumulative histograms of the four tiles whose centres are around it, and the results are
    interpolated. Where the tiles do not fit, the last ones are filled with mirrored pixels. Equal
    to `cv2.createCLAHE(clip_limit, (W / w, H / h))` to 1 (of 255 or 65535) where they fit. Source:
    K. Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics Gems IV, 1994.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import clahe
    >>> y, x = np.mgrid[:64, :64]
    >>> faint = np.uint8(100 + (x // 8 + y // 8) % 2 * 5)
    >>> int(np.ptp(faint)), int(np.ptp(clahe(faint, 32, clip_limit=40)))
    (5, 44)
    """
    height, width = check.integers(tile, "tile", 1)
    limit = check.number(clip_limit, "clip_limit")
    if not limit >= 0:
        raise check.value_error(f"clip_limit must not be negative, got {clip_limit}")
    array = check.image(image)
    if array.dtype.kind not in "iu" or array.dtype.itemsize > 2:
        raise check.type_error(
            f"image must have integers of 8 or 16 bits, got dtype {array.dtype}; choose what its "
            "values mean in 16 bits and convert it: np.uint16(np.clip(image * factor, 0, 65535))"
        )
    layout = check.layout(array.ndim, axes, channel_axis)

    def run(plane: Image) -> Image:
        return clahe_plane(plane, (height, width), limit)

    return by_plane(
        array, (layout.y, layout.x), run, dtype, out, "its tiles are those of the image"
    )


def clahe_plane(plane: Image, tile: tuple[int, int], limit: float) -> Image:
    """Return a plane equalised; signed numbers as unsigned ones of the same order."""
    if plane.dtype.kind == "u":
        return equalize_tiles(plane, tile, limit)
    dtype = native(plane.dtype)
    sign = np.array(1 << 8 * dtype.itemsize - 1, f"u{dtype.itemsize}")
    unsigned = np.ascontiguousarray(plane, dtype).view(sign.dtype) ^ sign
    equalized: Image = (equalize_tiles(unsigned, tile, limit) ^ sign).view(dtype)
    return equalized


def by_plane(
    array: Image,
    axes: tuple[int, int],
    function: Callable[[Image], Image],
    dtype: Any,
    out: Image | None,
    whole: str,
) -> Several[Image]:
    """Return the call of a function of one plane after the other."""
    result = native(array.dtype) if array.dtype.kind != "b" else np.dtype(np.float32)
    if dtype is not None:
        result = native(check.result_dtype(dtype))
    if out is not None:
        check.outs((out,), 1)
        check.out_fits(out.shape, out.dtype, array.shape, dtype)
        result = native(out.dtype)

    def run(image: Image) -> Image:
        planes = np.moveaxis(image, axes, (-2, -1))
        made = np.empty(image.shape, result)
        into = np.moveaxis(made, axes, (-2, -1))
        for index in np.ndindex(planes.shape[:-2] if image.size else (0,)):
            into[index] = converted(function(planes[index]), result, None)
        return converted(made, result, out)

    return Several(array, run, (), array.shape, result, "by histograms", whole)


@filtering
def rolling_ball(
    image: ArrayLike,
    radius: float = 100.0,
    *,
    mode: Mode = "constant",
    cval: float | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Return the background of an image: the surface of a ball that rolls below it.

    Parameters
    ----------
    image : array_like, (H, W)
    radius : float
        Positive, in pixels; the ball is as high as that many units of a pixel's value.
    mode, cval, axes, channel_axis, dtype, out : see `imgconv`.
        By default nothing is outside the image: a cval of None is higher than any pixel.

    Returns
    -------
    ndarray of the image's dtype, float32 for bool
        Nowhere above the image.

    Raises
    ------
    ValueError
        If radius is not positive, or the disk has more than 2**24 pixels.

    Notes
    -----
    min over |(i, j)| <= radius of image[y + i, x + j] + radius - sqrt(radius**2 - i**2 - j**2),
    rounded to nearest for integers: `skimage.restoration.rolling_ball`, which cuts their fraction
    off. The cost is about 0.75 operations for each pixel of the disk. Source: S. R. Sternberg,
    "Biomedical image processing", Computer 16, 1983.

    Examples
    --------
    A bright spot is no background:

    >>> import numpy as np
    >>> from imgconv import rolling_ball
    >>> rolling_ball(np.uint8([[10, 11, 12, 90, 12, 13, 12]]), 4)
    array([[10, 10, 11, 11, 12, 12, 12]], dtype=uint8)
    """
    outside = np.inf if cval is None else cval
    return Call(ball_operation(radius), image, mode, outside, axes, channel_axis, dtype, out)


@lru_cache(maxsize=32, typed=True)
def ball_operation(radius: Any) -> Operation:
    """Return the operation of a ball."""
    size = check.positive(radius, "radius")
    check.weights_fit(4 * size * size, "radius", radius, MOST_PIXELS)
    return Ball(size)

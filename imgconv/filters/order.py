"""Rank filters: the smallest, the largest, the median and any other pixel of a window.

Results are pixels of the image, exactly.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from imgconv.core import check
from imgconv.core.cache import Cache
from imgconv.core.call import filtering
from imgconv.core.run import Call, hashable
from imgconv.filters.arguments import Image, Mode
from imgconv.operations.base import Operation
from imgconv.operations.rank import MEDIAN, Extremum, Footprint, Place, Rank

__all__ = ["maximum", "median", "minimum", "percentile", "rank"]

# Windows of footprints that callers gave, by the bytes of the footprint.
FOOTPRINTS = Cache(limit=4 << 20)


@filtering
def minimum(
    image: ArrayLike,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Replace each pixel by the smallest pixel of the window around it.

    Parameters
    ----------
    image : array_like, (H, W)
    size : int or (int, int)
        Height and width of the window in pixels; its pixel (h // 2, w // 2) is the one replaced.
    footprint : array_like of bool, (kh, kw), optional
        The pixels of the window, True or not zero, instead of `size`.
    mode, cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the image's dtype

    Raises
    ------
    ValueError
        If the footprint is not 2-D or has no pixel.

    Notes
    -----
    About three comparisons a pixel down the columns and one or two for each factor of four in the
    width, whatever the size; for other footprints two for each run of pixels in a row. Source: M.
    van Herk, "A fast algorithm for local minimum and maximum filters on rectangular and octagonal
    kernels", Pattern Recognition Letters 13, 1992.

    Examples
    --------
    >>> from imgconv import minimum
    >>> print(minimum([[5, 4, 3, 9, 8]], (1, 3)))
    [[4 3 3 3 8]]
    """
    operation = extremum_operation(window_of(size, footprint), False)
    common = image, mode, cval, axes, channel_axis, dtype, out
    return Call(operation, *common, nan=nan, weights=weights)


@filtering
def maximum(
    image: ArrayLike,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Replace each pixel by the largest pixel of the window around it.

    Parameters
    ----------
    image : array_like, (H, W)
    size, footprint : see `minimum`.
    mode, cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the image's dtype

    Notes
    -----
    Cost and source are those of `minimum`.

    Examples
    --------
    >>> from imgconv import maximum
    >>> print(maximum([[5, 4, 3, 9, 8]], (1, 3)))
    [[5 5 9 9 9]]
    """
    operation = extremum_operation(window_of(size, footprint), True)
    common = image, mode, cval, axes, channel_axis, dtype, out
    return Call(operation, *common, nan=nan, weights=weights)


@filtering
def median(
    image: ArrayLike,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Replace each pixel by the median of the window around it.

    Parameters
    ----------
    image : array_like, (H, W)
    size, footprint : see `minimum`.
    mode, cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the image's dtype

    Notes
    -----
    The median of n pixels is the one that comes after n // 2 others in ascending order: always a
    pixel of the window, never a mean of two.

    Small windows run through a sorting network that shares its work between neighbours (A. Adams,
    "Fast median filters using separable sorting networks", ACM Transactions on Graphics 40, 2021).
    Rectangles of more than about 17x17 pixels run through histograms, at a constant cost (S.
    Perreault, P. Hebert, "Median filtering in constant time", IEEE Transactions on Image Processing
    16, 2007). Other large footprints cost a few operations for each run of pixels in a row.

    Examples
    --------
    The single bright pixel is gone; the edge stays.

    >>> import numpy as np
    >>> from imgconv import median
    >>> image = np.repeat([[1, 1, 1, 5, 5, 5]], 4, axis=0)
    >>> image[1, 1] = 9
    >>> print(median(image))
    [[1 1 1 5 5 5]
     [1 1 1 5 5 5]
     [1 1 1 5 5 5]
     [1 1 1 5 5 5]]
    """
    window = window_of(size, footprint)
    operation = rank_operation(window, (window.count // 2,), 0, (MEDIAN,))
    common = image, mode, cval, axes, channel_axis, dtype, out
    return Call(operation, *common, nan=nan, weights=weights)


@filtering
def percentile(
    image: ArrayLike,
    percentiles: float | Sequence[float],
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Replace each pixel by a percentile of the window around it, or by several.

    Parameters
    ----------
    image : array_like, (H, W)
    percentiles : float or sequence of float
        From 0, the smallest pixel, to 100, the largest.
    size, footprint : see `minimum`.
    mode, cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the image's dtype
        A sequence of percentiles gives a new first axis, with a result for each.

    Raises
    ------
    ValueError
        If there is no percentile, or one is not between 0 and 100.

    Notes
    -----
    Percentile p of n pixels is the one that comes after floor(n * p / 100) others in ascending
    order, for p = 100 the last; it is never interpolated, as in `scipy.ndimage.percentile_filter`.
    Several percentiles are found in one pass. Cost and sources are those of `median`.

    Examples
    --------
    >>> from imgconv import percentile
    >>> print(percentile([[5, 1, 4, 2, 3]], [20, 50], (1, 5)))
    [[[1 2 2 2 2]]
    <BLANKLINE>
     [[4 4 3 3 3]]]
    """
    window = window_of(size, footprint)
    checked = check.percentiles(percentiles)
    places = tuple(Place(p, 0) for p in checked)
    ranks = tuple(place.of(window.count) for place in places)
    stacked = 0 if np.ndim(percentiles) == 0 else len(ranks)
    operation = rank_operation(window, ranks, stacked, places)
    common = image, mode, cval, axes, channel_axis, dtype, out
    return Call(operation, *common, nan=nan, weights=weights)


@filtering
def rank(
    image: ArrayLike,
    rank: int,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Replace each pixel by the pixel of a given rank in the window around it.

    Parameters
    ----------
    image : array_like, (H, W)
    rank : int
        How many pixels of the window come before it in ascending order; -1 is the largest pixel.
        Where fewer pixels count, it is the last of them, or counted from the end the first.
    size, footprint : see `minimum`.
    mode, cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the image's dtype

    Raises
    ------
    ValueError
        If the window has no pixel of that rank.

    Notes
    -----
    Cost and sources are those of `median`.

    Examples
    --------
    >>> from imgconv import rank
    >>> print(rank([[5, 1, 4, 2, 3]], 1, (1, 3)))
    [[5 4 2 3 3]]
    """
    window = window_of(size, footprint)
    ranks = (check.rank(rank, window.count),)
    place = Place(0, ranks[0]) if rank >= 0 else Place(100, int(rank))
    operation = rank_operation(window, ranks, 0, (place,))
    common = image, mode, cval, axes, channel_axis, dtype, out
    return Call(operation, *common, nan=nan, weights=weights)


@lru_cache(maxsize=256)
def extremum_operation(window: Footprint, largest: bool) -> Operation:
    """Return the minimum or maximum of a window, always the same object for the same arguments."""
    return Extremum(window, largest)


rank_operation = lru_cache(maxsize=256)(Rank)


def window_of(size: Any, footprint: Any) -> Footprint:
    """Return the window of a footprint or, without one, of a size, centred at size // 2."""
    if footprint is None:
        return rectangle(hashable(size))
    pixels = check.footprint(footprint)
    key = pixels.tobytes(), pixels.shape
    found = FOOTPRINTS.get(key)
    if found is None:
        found = Footprint.of(pixels, (pixels.shape[0] // 2, pixels.shape[1] // 2))
        FOOTPRINTS.put(key, found, 2 * pixels.nbytes + 512)
    return found


@lru_cache(maxsize=256, typed=True)
def rectangle(size: Any) -> Footprint:
    """Return the window that holds all pixels of a rectangle."""
    height, width = check.integers(size, "size", 1)
    return Footprint((height, width), (height // 2, width // 2))

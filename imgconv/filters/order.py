"""Rank filters: the least, the greatest, the median and any other pixel of a window.

Every function takes the common keywords of `imgconv`: mode, cval, axes, channel_axis, dtype, out.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from imgconv.core import check
from imgconv.core.cache import Cache
from imgconv.core.call import Call, filtering
from imgconv.core.run import hashable
from imgconv.operations.base import Operation
from imgconv.operations.rank import Extremum, Footprint, Rank

__all__ = ["maximum", "median", "minimum", "percentile", "rank"]

Mode = str | Sequence[str]
Image = NDArray[Any]

# Windows by the bytes of a caller's footprint.
FOOTPRINTS = Cache(limit=4 << 20)


@filtering
def minimum(
    image: ArrayLike,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Replace each pixel by the least pixel of the window around it.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    size : int or (int, int)
        Height and width of the window in pixels, centred at size // 2.
    footprint : array_like of bool, (kh, kw), optional
        The pixels of the window, in place of `size`.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords; in an image of integers cval is rounded and saturated.

    Returns
    -------
    ndarray
        Of the image's dtype, bool too.

    Raises
    ------
    ValueError
        If size is not positive; if the footprint is not 2-D or has no pixel.

    Notes
    -----
    About three comparisons a pixel down the columns and one or two for each factor of four in the
    width, whatever the size; for other footprints two for each run of pixels in a row. A window
    that holds a NaN gives NaN. Source: M. van Herk, "A fast algorithm for local minimum and maximum
    filters on rectangular and octagonal kernels", Pattern Recognition Letters 13, 1992.

    Examples
    --------
    >>> from imgconv import minimum
    >>> print(minimum([[5, 4, 3, 9, 8]], (1, 3)))
    [[4 3 3 3 8]]
    """
    operation = extremum(window(size, footprint), False)
    return Call.of(operation, image, mode, cval, axes, channel_axis, dtype, out)


@filtering
def maximum(
    image: ArrayLike,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Replace each pixel by the greatest pixel of the window around it.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    size : int or (int, int)
        Height and width of the window in pixels, centred at size // 2.
    footprint : array_like of bool, (kh, kw), optional
        The pixels of the window, in place of `size`.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords; in an image of integers cval is rounded and saturated.

    Returns
    -------
    ndarray
        Of the image's dtype, bool too.

    Raises
    ------
    ValueError
        If size is not positive; if the footprint is not 2-D or has no pixel.

    Notes
    -----
    Cost and source as for `minimum`. A window that holds a NaN gives NaN.

    Examples
    --------
    >>> from imgconv import maximum
    >>> print(maximum([[5, 4, 3, 9, 8]], (1, 3)))
    [[5 5 9 9 9]]
    """
    operation = extremum(window(size, footprint), True)
    return Call.of(operation, image, mode, cval, axes, channel_axis, dtype, out)


@filtering
def median(
    image: ArrayLike,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Replace each pixel by the median of the window around it.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    size : int or (int, int)
        Height and width of the window in pixels, centred at size // 2.
    footprint : array_like of bool, (kh, kw), optional
        The pixels of the window, in place of `size`.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords; in an image of integers cval is rounded and saturated.

    Returns
    -------
    ndarray
        Of the image's dtype, bool too.

    Raises
    ------
    ValueError
        If size is not positive; if the footprint is not 2-D or has no pixel.

    Notes
    -----
    Of n pixels it is the one that has n // 2 below it: always a pixel of the window, never a mean
    of two. A window that holds a NaN gives NaN.

    Small windows run through a sorting network that shares its work between neighbours (A. Adams,
    "Fast median filters using separable sorting networks", ACM Transactions on Graphics 40, 2021),
    rectangles of more than about 17x17 pixels through histograms at a constant cost
    (S. Perreault, P. Hebert, "Median filtering in constant time", IEEE Transactions on Image
    Processing 16, 2007). Other large footprints cost a few operations for each run of pixels in a
    row.

    Examples
    --------
    A single bright pixel is gone; the edge stays.

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
    found = window(size, footprint)
    operation = ranking(found, (found.count // 2,))
    return Call.of(operation, image, mode, cval, axes, channel_axis, dtype, out)


@filtering
def percentile(
    image: ArrayLike,
    percentiles: float | Sequence[float],
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Replace each pixel by a percentile of the window around it, or by several.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    percentiles : float or sequence of float
        From 0, the least pixel, to 100, the greatest.
    size : int or (int, int)
        Height and width of the window in pixels, centred at size // 2.
    footprint : array_like of bool, (kh, kw), optional
        The pixels of the window, in place of `size`.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords; in an image of integers cval is rounded and saturated.

    Returns
    -------
    ndarray
        Of the image's dtype, bool too. A sequence of percentiles gives them along a new first axis.

    Raises
    ------
    ValueError
        If there is no percentile, or one is not between 0 and 100; if size is not positive; if the
        footprint is not 2-D or has no pixel.

    Notes
    -----
    Of n pixels, percentile p is the one that has floor(n * p / 100) below it, for p = 100 the last.
    It is never interpolated, as in `scipy.ndimage.percentile_filter`. Several percentiles are found
    in one pass. Cost, sources and NaN as for `median`.

    Examples
    --------
    >>> from imgconv import percentile
    >>> print(percentile([[5, 1, 4, 2, 3]], [20, 50], (1, 5)))
    [[[1 2 2 2 2]]
    <BLANKLINE>
     [[4 4 3 3 3]]]
    """
    found = window(size, footprint)
    wanted = check.percentiles(percentiles)
    ranks = tuple(found.count - 1 if p == 100 else int(found.count * p / 100) for p in wanted)
    layers = 0 if np.ndim(percentiles) == 0 else len(ranks)
    operation = ranking(found, ranks, layers)
    return Call.of(operation, image, mode, cval, axes, channel_axis, dtype, out)


@filtering
def rank(
    image: ArrayLike,
    rank: int,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Replace each pixel by the pixel of a rank in the window around it.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    rank : int
        How many pixels of the window come before it in ascending order; -1 is the greatest.
    size : int or (int, int)
        Height and width of the window in pixels, centred at size // 2.
    footprint : array_like of bool, (kh, kw), optional
        The pixels of the window, in place of `size`.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords; in an image of integers cval is rounded and saturated.

    Returns
    -------
    ndarray
        Of the image's dtype, bool too.

    Raises
    ------
    ValueError
        If the window has no pixel of that rank; if size is not positive; if the footprint is not
        2-D or has no pixel.

    Notes
    -----
    Cost, sources and NaN as for `median`.

    Examples
    --------
    >>> from imgconv import rank
    >>> print(rank([[5, 1, 4, 2, 3]], 1, (1, 3)))
    [[5 4 2 3 3]]
    """
    found = window(size, footprint)
    place = check.rank(rank, found.count)
    operation = ranking(found, (place,))
    return Call.of(operation, image, mode, cval, axes, channel_axis, dtype, out)


@lru_cache(maxsize=256)
def extremum(window: Footprint, greatest: bool) -> Operation:
    """Return the least or the greatest of a window."""
    return Extremum(window, greatest)


def window(size: Any, footprint: Any) -> Footprint:
    """Return the window of a size or, if there is one, of a footprint, centred at size // 2."""
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
    """Return the window that is all of a rectangle."""
    height, width = check.integers(size, "size", 1)
    return Footprint((height, width), (height // 2, width // 2))


ranking = lru_cache(maxsize=256)(Rank)

"""Statistics of the window around each pixel: variance, standard deviation and entropy."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from imgconv.core import check
from imgconv.core.call import filtering
from imgconv.core.pixels import limits, native
from imgconv.core.run import Call
from imgconv.filters.arguments import Image, Mode
from imgconv.filters.order import window_of
from imgconv.operations.base import Operation
from imgconv.operations.local_histogram import LocalHistogram
from imgconv.operations.moments import Formula, Moments
from imgconv.operations.rank import Footprint

__all__ = ["entropy", "std", "variance"]


@filtering
def variance(
    image: ArrayLike,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    ddof: float = 0.0,
    mode: Mode = "reflect",
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Return the variance of the window around each pixel.

    Parameters
    ----------
    image : array_like, (H, W)
    size : int or (int, int)
        Height and width of the window in pixels; its pixel (h // 2, w // 2) has the result.
    footprint : array_like of bool, (kh, kw), optional
        The pixels of the window, True or not zero, instead of `size`.
    ddof : float
        What is subtracted from the number n of pixels in the divisor: 0 for the variance of these
        pixels, 1 for an unbiased estimate of the variance that they are a sample of. Where pixels
        have weights, n is their sum.
    mode, cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the computing dtype
        Never negative; NaN where n is not above ddof.

    Raises
    ------
    ValueError
        If ddof is negative or not below the window's number of pixels, or the footprint is not 2-D
        or has no pixel.

    Notes
    -----
    sum((image - mean)**2) / (n - ddof) over the window, from sums of differences to a pixel nearby,
    in float64 (in float32 where their squares are exact); with weights w,
    sum(w (image - mean)**2) / (sum(w) - ddof). So little cancels: the error is about n * 2**-53 of
    the squared range of the pixels around the window. A NaN or an infinity makes the variance of
    its windows NaN.

    Rectangles cost little more than two means by `box`; other footprints cost two additions for
    each of their rows and digits of its length, so the cost does not grow with the area. Source: T.
    F. Chan, G. H. Golub, R. J. LeVeque, "Algorithms for computing the sample variance: analysis and
    recommendations", The American Statistician 37, 1983.

    Examples
    --------
    >>> from imgconv import variance
    >>> variance([[1.0, 1, 1, 4, 1, 1]], (1, 3))
    array([[0., 0., 2., 2., 2., 0.]])
    """
    operation = variance_operation(window_of(size, footprint), "variance", ddof)
    common = image, mode, cval, axes, channel_axis, dtype, out
    return Call(operation, *common, nan=nan, weights=weights)


@filtering
def std(
    image: ArrayLike,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    ddof: float = 0.0,
    mode: Mode = "reflect",
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Return the standard deviation of the window around each pixel.

    Parameters
    ----------
    image : array_like, (H, W)
    size, footprint, ddof : see `variance`.
    mode, cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the computing dtype

    Raises
    ------
    ValueError
        As `variance`.

    Notes
    -----
    The root of `variance`, in the same pass.

    Examples
    --------
    >>> from imgconv import std
    >>> std([[1.0, 1, 1, 4, 1, 1]], (1, 3), ddof=1)
    array([[0.        , 0.        , 1.73205081, 1.73205081, 1.73205081,
            0.        ]])
    """
    operation = variance_operation(window_of(size, footprint), "std", ddof)
    common = image, mode, cval, axes, channel_axis, dtype, out
    return Call(operation, *common, nan=nan, weights=weights)


@lru_cache(maxsize=128, typed=True)
def variance_operation(window: Footprint, what: str, ddof: Any) -> Operation:
    """Return the variance or the standard deviation of a window."""
    subtracted = check.number(ddof, "ddof")
    if not 0 <= subtracted < window.count:
        raise check.value_error(
            f"ddof must be at least 0 and below the window's {window.count} pixels, got {ddof}"
        )
    return Moments(window, what, Formula(ddof=subtracted))


@filtering
def entropy(
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
    """Return the entropy of the values in the window around each pixel, in bits.

    Parameters
    ----------
    image : array_like, (H, W)
        Of bool, uint8 or int8.
    size, footprint : see `variance`.
    mode, cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.
        cval is rounded and saturated to the image's dtype.

    Returns
    -------
    ndarray, float32
        From 0, where all pixels of a window are equal, to log2(n) for n different ones. Pixels
        whose weight is above 0 count, and count alike.

    Raises
    ------
    TypeError
        If the image has not 8 bits: the entropy of many values says little of few pixels.

    Notes
    -----
    -sum of p[v] * log2(p[v]), where p[v] is the share of the window's pixels that have the value v.
    The cost is a few operations for each row of the window: a pixel leaves the histogram and one
    enters. The sum is kept in integers, so no error adds up along a row. Source: C. E. Shannon, "A
    mathematical theory of communication", Bell System Technical Journal 27, 1948.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import entropy
    >>> entropy(np.uint8([[7, 7, 7, 7, 8, 9, 7]]), (1, 4))
    array([[0.       , 0.       , 0.       , 0.8112781, 1.5      , 1.5      ,
            1.5      ]], dtype=float32)
    """
    array = check.image(image)
    if array.dtype.kind not in "biu" or array.dtype.itemsize != 1:
        raise check.type_error(
            f"image must have integers of 8 bits, got dtype {array.dtype}; choose what its values "
            "mean in 8 bits and convert it: np.uint8(np.clip(image * factor, 0, 255))"
        )
    low, high = limits(native(array.dtype))
    outside = float(np.clip(np.rint(check.number(cval, "cval")), low, high))
    operation = entropy_operation(window_of(size, footprint))
    common = array, mode, outside, axes, channel_axis, dtype, out
    return Call(operation, *common, nan=nan, weights=weights)


@lru_cache(maxsize=64)
def entropy_operation(window: Footprint) -> Operation:
    """Return the entropy of a window, always the same object for the same window."""
    return LocalHistogram(window)

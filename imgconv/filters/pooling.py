"""Pooling: a smaller image, of which each pixel is computed from a window of the larger one."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from imgconv.core import check, windows
from imgconv.core.call import Several, filtering
from imgconv.core.decide import Placement
from imgconv.core.run import Call
from imgconv.core.windows import Pair, Plane
from imgconv.filters.arguments import Image
from imgconv.operations.pool import HOW, Pool

__all__ = ["pool"]

# The value outside the image: one that does not change the result.
OUTSIDE = {"max": -np.inf, "min": np.inf, "sum": 0.0, "mean": 0.0, "median": np.inf}

Padding = int | Pair | tuple[Pair, Pair]


@filtering
def pool(
    image: ArrayLike,
    size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    *,
    how: str = "max",
    padding: Padding = 0,
    dilation: int | tuple[int, int] = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image] | Several[Image]:
    """Reduce an image by making one pixel of each window.

    Parameters
    ----------
    image : array_like, (H, W)
    size : int or (int, int)
        Height and width of the window in pixels.
    stride : int or (int, int), optional
        Distance between neighbouring windows in pixels; by default their size, so that they do not
        overlap.
    how : {"max", "min", "mean", "sum", "median"}
        What is computed of a window. The median of an even number of pixels is the mean of the two
        in the middle.
    padding : int, (int, int) or ((int, int), (int, int))
        How far windows reach beyond the image, in pixels: a number for all sides, one for y and one
        for x, or (before, after) for each. At most half the window.
    dilation : int or (int, int)
        Distance between neighbours in a window, in pixels.
    ceil_mode : bool
        Also use a window that sticks out at the lower or right end, if it begins in the image or in
        the padding before it.
    count_include_pad : bool
        Whether a mean counts the padding, as zeros. The pixels beyond the padding, which
        `ceil_mode` may add to a window, never count. Nor does the padding where pixels are weighed.
    nan, weights, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the image's dtype
        A mean of bool is float32. A sum has the dtype of `numpy.sum`, and saturates.

    Raises
    ------
    ValueError
        If padding is negative or more than half the window, or the window is larger than the padded
        image.

    Notes
    -----
    The result has floor((n + padding - dilation * (size - 1) - 1) / stride) + 1 pixels along an
    axis of n pixels, rounded up with `ceil_mode`, as in PyTorch. Pixels outside the image are left
    out, except in the divisor of a mean. A window without any pixel gives the lowest number of the
    dtype for max, the highest for min, 0 for a sum and NaN (0 in integers) for a median. Extrema
    and sums of integers are exact.

    `skimage.measure.block_reduce` is pooling with ``ceil_mode=True``, except that it fills the
    blocks that stick out of the image with zeros that count.

    The cost hardly grows with the window where windows do not overlap, otherwise with its height; a
    median costs about log2(n)**2 / 4 comparisons for each of the n pixels of its window.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import pool
    >>> image = np.arange(20, dtype=np.uint8).reshape(4, 5)
    >>> print(pool(image, 2))
    [[ 6  8]
     [16 18]]
    >>> print(pool(image, 2, how="mean", ceil_mode=True))
    [[ 3  5  6]
     [13 15 16]]
    >>> print(pool(image, 3, 2, how="sum", padding=1))
    [[ 12  27  24]
     [ 63 108  81]]
    """
    array = check.image(image)
    layout = check.layout(array.ndim, axes, channel_axis)
    sizes = check.integers(size, "size", 1)
    check.choice(how, HOW, "how")
    plane = pooling_windows(
        (array.shape[layout.y], array.shape[layout.x]),
        sizes,
        sizes if stride is None else check.integers(stride, "stride", 1),
        check.integers(dilation, "dilation", 1),
        check.paddings(padding, "padding"),
        bool(ceil_mode),
    )
    operation, fit = pool_operation(how, plane, how == "mean" and bool(count_include_pad))
    if dtype is None and out is None:
        dtype = default_dtype(array.dtype, how)
    weighed = check.weighs(operation.weighed, array, "constant", nan, weights)
    mode = "ignore" if weighed else "constant"
    arguments = operation, array, mode, OUTSIDE[how], axes, channel_axis
    call: Call[Image] = Call(*arguments, dtype, out, fit, nan=nan, weights=weights)
    if how != "sum" or weighed or array.dtype.kind == "f" or array.itemsize < 8:
        return call
    approximate: Call[NDArray[np.float64]] = Call(*arguments, np.float64, None, fit)
    planned = call.plan()

    def runs(_: Image) -> Image:
        # First, since `out` may be the image.
        near = approximate.run()
        result = call.run()
        saturate(result, near)
        return result

    passes = call, approximate
    note = "sums beyond 64 bits are saturated"
    return Several(array, runs, passes, planned.shape, planned.dtype, note, operation.whole)


def default_dtype(image: np.dtype[Any], how: str) -> np.dtype[Any] | None:
    """Return the dtype of the result, or None for that of all filters that smooth."""
    if how == "sum":
        summed: np.dtype[Any] = np.sum(np.empty(0, image)).dtype
        return summed
    return None if how == "mean" else image


def saturate(sums: Image, near: NDArray[np.float64]) -> None:
    """Saturate 64-bit sums that wrapped around: they differ by 2**64 from those in float64."""
    if sums.dtype.kind in "iu" and sums.itemsize == 8:
        difference, limits = near - sums, np.iinfo(sums.dtype)
        sums[difference > 2.0**63] = limits.max
        sums[difference < -(2.0**63)] = limits.min


@lru_cache(maxsize=128)
def pooling_windows(
    shape: Pair,
    size: Pair,
    stride: Pair,
    dilation: Pair,
    padding: tuple[Pair, Pair],
    ceil_mode: bool,
) -> Plane:
    """Return where the windows lie on an image; there are none along an axis without pixels."""
    y, x = (
        windows.along(n, k, s, d, around, ceil_mode)
        for n, k, s, d, around in zip(shape, size, stride, dilation, padding, strict=True)
    )
    for axis in (y, x):
        check.padding_fits((axis.before, axis.after), axis.span)
        padded = axis.n + axis.before + axis.after
        check.window_fits(axis.span, padded, axis.n == 0 or axis.count > 0)
    return y, x


@lru_cache(maxsize=128)
def pool_operation(how: str, plane: Plane, padded: bool) -> tuple[Pool, Placement]:
    """Return the operation and where its windows lie; a mean counts the padding if `padded`."""
    y, x = plane
    counts = y.pixels(padded), x.pixels(padded)
    operation = Pool(how, (y.k, x.k), counts, (y.stride, x.stride), (y.dilation, x.dilation))
    return operation, Placement((y.before, x.before), (y.count, x.count))

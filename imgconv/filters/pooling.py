"""Pooling: a smaller image, each pixel made of a window of the larger one."""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from imgconv.core import check, windows
from imgconv.core.call import Call, Several, filtering
from imgconv.core.decide import Placement
from imgconv.core.windows import Pair, Plane
from imgconv.filters.arguments import Image
from imgconv.operations.pool import HOW, Pool

__all__ = ["pool"]

# What stands outside the image, and changes nothing.
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
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image] | Several[Image]:
    """Reduce an image by making one pixel of each window.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    size : int or (int, int)
        Height and width of the window in pixels.
    stride : int or (int, int), optional
        Distance of neighbouring windows; by default their size, so that they do not overlap.
    how : {"max", "min", "mean", "sum", "median"}
        What is made of a window. The median of an even number of pixels is the mean of the two in
        the middle.
    padding : int, (int, int) or ((int, int), (int, int))
        How far windows reach beyond the image: a number for all sides, one for y and one for x, or
        (before, after) for each. At most half the window.
    dilation : int or (int, int)
        Distance of neighbouring pixels of a window.
    ceil_mode : bool
        Make a window of what is left at the lower and right end, where it begins in the image or
        in the padding before it.
    count_include_pad : bool
        Whether a mean divides by the padding, too, which counts as zeros. What a window of
        `ceil_mode` has beyond the padding never counts.
    axes, channel_axis, dtype, out
        See `imgconv`, common keywords.

    Returns
    -------
    ndarray
        Of the image's dtype: a mean is rounded (float32 for bool) and so is a median. A sum has
        the dtype of `numpy.sum`, and saturates.

    Raises
    ------
    ValueError
        If size, stride or dilation is not positive, padding negative or more than half the window,
        how unknown, or the window larger than the padded image.

    Notes
    -----
    The result has floor((n + padding - dilation * (size - 1) - 1) / stride) + 1 pixels along each
    axis of n, rounded up with `ceil_mode`, as in PyTorch. Pixels outside the image are left out,
    but for the divisor of a mean. A NaN spoils the windows that hold it; a window that holds no
    pixel at all gives the lowest number of the dtype for max, the highest for min, 0 for a sum and
    NaN (0 in integers) for a median. Extrema and sums of integers are exact.

    `skimage.measure.block_reduce` is ``ceil_mode=True``, but for the blocks that stick out of the
    image: it fills these up with zeros that count.

    The cost hardly grows with the window where windows do not overlap, else with its height; a
    median costs some log2(n)**2 / 4 comparisons for each of the n pixels of its window.

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
    axes, channel_axis = check.axis_numbers(axes, channel_axis)
    layout = check.layout(array.ndim, axes, channel_axis)
    sizes = check.integers(size, "size", 1)
    check.choice(how, HOW, "how")
    plane = windows_of(
        (array.shape[layout.y], array.shape[layout.x]),
        sizes,
        sizes if stride is None else check.integers(stride, "stride", 1),
        check.integers(dilation, "dilation", 1),
        check.paddings(padding, "padding"),
        bool(ceil_mode),
    )
    operation, fit = pooling(how, plane, how == "mean" and bool(count_include_pad))
    if dtype is None and out is None:
        dtype = default_dtype(array.dtype, how)
    arguments = operation, array, "constant", OUTSIDE[how], axes, channel_axis
    call: Call[Image] = Call(*arguments, dtype, out, fit)
    if how != "sum" or array.dtype.kind == "f" or array.itemsize < 8:
        return call
    about: Call[Image] = Call(*arguments, np.float64, None, fit)
    planned = call.plan()

    def runs() -> Image:
        nearly = about.run()
        result = call.run()
        saturate(result, nearly)
        return result

    note = "sums beyond 64 bits are saturated"
    return Several(runs, (call, about), planned.shape, planned.dtype, note, operation.whole)


def default_dtype(image: np.dtype, how: str) -> np.dtype | None:
    """Return the dtype of the result, None where it is that of all filters that smooth."""
    if how == "sum":
        return np.zeros(0, image).sum().dtype
    return None if how == "mean" else image


def saturate(sums: Image, about: NDArray[np.float64]) -> None:
    """Mend 64-bit sums that have wrapped around: those are 2**64 off, others next to nothing."""
    if sums.dtype.kind in "iu" and sums.itemsize == 8:
        off, limits = about - sums, np.iinfo(sums.dtype)
        sums[off > 2.0**63] = limits.max
        sums[off < -(2.0**63)] = limits.min


@lru_cache(maxsize=128)
def windows_of(
    shape: Pair,
    size: Pair,
    stride: Pair,
    dilation: Pair,
    padding: tuple[Pair, Pair],
    ceil_mode: bool,
) -> Plane:
    """Return where windows lie on an image of this shape; none along an axis without pixels."""
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
def pooling(how: str, plane: Plane, padded: bool) -> tuple[Pool, Placement]:
    """Return the operation and where its windows lie; padding counts in a mean if `padded`."""
    y, x = plane
    counts = y.pixels(padded), x.pixels(padded)
    operation = Pool(how, (y.k, x.k), counts, (y.stride, x.stride), (y.dilation, x.dilation))
    return operation, Placement((y.before, x.before), (y.count, x.count))

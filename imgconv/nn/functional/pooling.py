"""Pooling layers, with gradients."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from imgconv.core import check
from imgconv.core.call import Runnable, Several, filtering
from imgconv.core.run import run_entry
from imgconv.core.windows import Pair
from imgconv.nn.core import checks
from imgconv.nn.core.arrays import floats
from imgconv.nn.core.checks import Array
from imgconv.nn.core.pooled import axes_of, largest, numbers, planes_of, pooled
from imgconv.nn.functional.adaptive import (
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_backward,
    adaptive_max_pool2d,
    adaptive_max_pool2d_backward,
)
from imgconv.nn.functional.unpooling import max_unpool2d, max_unpool2d_backward

__all__ = [
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_backward",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_backward",
    "avg_pool2d",
    "avg_pool2d_backward",
    "lp_pool2d",
    "lp_pool2d_backward",
    "max_pool2d",
    "max_pool2d_backward",
    "max_unpool2d",
    "max_unpool2d_backward",
]

Padding = int | Pair | tuple[Pair, Pair]
Size = int | Pair


@filtering
def max_pool2d(
    input: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Padding = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Runnable[Any]:
    """Return the largest pixel of each window.

    Parameters
    ----------
    input : array_like, (N, C, H, W) or (C, H, W)
        Integers or floats.
    kernel_size : int or (int, int)
        Height and width of the window.
    stride : int or (int, int), optional
        Distance of neighbouring windows; by default their size.
    padding : int, (int, int) or ((int, int), (int, int))
        How far windows reach beyond the image, where no pixel counts: a number for all sides, one
        for y and one for x, at most half the window, or (before, after) for each.
    dilation : int or (int, int)
        Distance of neighbouring pixels of a window.
    ceil_mode : bool
        Make a window of what is left at the lower and right end, where it begins in the image or
        in the padding before it.
    return_indices : bool
        Whether to say where the pixels lie, too.

    Returns
    -------
    ndarray, (N, C, oh, ow) or (C, oh, ow)
        Of the input's dtype.
    indices : ndarray of int64, with return_indices
        y * W + x of each: the first of the largest, or the last NaN; -1 where a window has no
        pixel at all.

    Raises
    ------
    TypeError
        If input is neither of integers nor of floats.
    ValueError
        If a number is out of range, padding is more than half the window, or no window fits.

    Notes
    -----
    As `torch.nn.functional.max_pool2d`: a NaN is larger than every number.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn.functional.pooling import max_pool2d
    >>> max_pool2d(np.arange(16).reshape(1, 4, 4), 2)
    array([[[ 5,  7],
            [13, 15]]])
    """
    array = numbers(input)
    images = checks.batch(array)
    plane = checks.pooling(images.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    if not return_indices:
        return pooled("max", array, plane)
    shape = (*array.shape[:-2], plane[0].count, plane[1].count)

    def runs() -> tuple[Array, Array]:
        best, places = largest(images, plane)
        return best.reshape(shape), places.reshape(shape)

    return Several(runs, (), shape, array.dtype, "pool2d loop, which finds places, too")


def max_pool2d_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Padding = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
) -> Array:
    """Vector-Jacobian product of `max_pool2d`: each gradient goes to the largest pixel.

    Parameters
    ----------
    grad_output : array_like
        Gradient of a loss with respect to the result, of its shape.
    input, kernel_size, stride, padding, dilation, ceil_mode
        As in `max_pool2d`; float32 or float64.

    Returns
    -------
    grad_input : ndarray

    Raises
    ------
    TypeError, ValueError
        As `max_pool2d`; and if grad_output has not the shape of the result.
    """
    array = floats(input)
    images = checks.batch(array)
    plane = checks.pooling(images.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    y, x = plane
    grad = checks.gradient(grad_output, (*array.shape[:-2], y.count, x.count), array.dtype)
    result = np.zeros(images.shape, array.dtype)
    planes = len(images) * images.shape[1]
    run_entry(
        "pool2d", array.dtype.name, "scatter", axes_of(plane), planes_of(images), -np.inf,
        np.ascontiguousarray(grad), result, cost=planes * y.count * x.count * y.k * x.k,
        # The largest pixels of a row of windows, and their places.
        scratch_bytes=x.count * (array.itemsize + np.int32().itemsize),
    )  # fmt: skip
    return result.reshape(array.shape)


@filtering
def avg_pool2d(
    input: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Runnable[Array]:
    """Return the mean of each window.

    Parameters
    ----------
    input : array_like, (N, C, H, W) or (C, H, W), float32 or float64
    kernel_size, stride, padding, ceil_mode
        As in `max_pool2d`.
    count_include_pad : bool
        Whether the mean divides by padding, too, which counts as zeros. What a window of
        `ceil_mode` has beyond the padding never counts.
    divisor_override : int, optional
        What to divide by in place of the number of pixels.

    Returns
    -------
    ndarray, (N, C, oh, ow) or (C, oh, ow)
        Of the input's dtype.

    Raises
    ------
    TypeError
        If input is not float32 or float64.
    ValueError
        If a number is out of range, padding is more than half the window, or no window fits.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn.functional.pooling import avg_pool2d
    >>> avg_pool2d(np.arange(16.0).reshape(1, 4, 4), 2)
    array([[[ 2.5,  4.5],
            [10.5, 12.5]]])
    """
    array = floats(input)
    images = checks.batch(array)
    plane = checks.pooling(images.shape[2:], kernel_size, stride, padding, 1, ceil_mode)
    divisor = checks.divisor(divisor_override)
    if divisor is None:
        return pooled("mean", array, plane, bool(count_include_pad))
    sums = pooled("sum", array, plane)
    shape = (*array.shape[:-2], plane[0].count, plane[1].count)

    def runs() -> Array:
        return sums.run() / array.dtype.type(divisor)

    return Several(runs, (sums,), shape, array.dtype, f"sums are divided by {divisor}")


def avg_pool2d_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:
    """Vector-Jacobian product of `avg_pool2d`: each gradient is shared by its pixels.

    Parameters
    ----------
    grad_output : array_like
        Gradient of a loss with respect to the result, of its shape.
    input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        As in `avg_pool2d`.

    Returns
    -------
    grad_input : ndarray

    Raises
    ------
    TypeError, ValueError
        As `avg_pool2d`; and if grad_output has not the shape of the result.
    """
    array = floats(input)
    images = checks.batch(array)
    plane = checks.pooling(images.shape[2:], kernel_size, stride, padding, 1, ceil_mode)
    divisor = checks.divisor(divisor_override)
    y, x = plane
    grad = checks.gradient(grad_output, (*array.shape[:-2], y.count, x.count), array.dtype)
    if divisor is None:
        shares = [1 / np.maximum(a.pixels(bool(count_include_pad)), 1) for a in plane]
    else:
        shares = [np.full(y.count, 1 / divisor), np.ones(x.count)]
    result = np.zeros(images.shape, array.dtype)
    planes = len(images) * images.shape[1]
    run_entry(
        "pool2d", array.dtype.name, "spread", axes_of(plane), np.ascontiguousarray(grad),
        shares[0].astype(array.dtype), shares[1].astype(array.dtype), planes_of(result),
        cost=planes * y.count * (x.count * x.k + y.k * x.n),
        scratch_bytes=x.n * array.itemsize,
    )  # fmt: skip
    return result.reshape(array.shape)


def lp_pool2d(
    input: ArrayLike,
    norm_type: float,
    kernel_size: Size,
    stride: Size | None = None,
    ceil_mode: bool = False,
) -> Array:
    """Return the norm of each window: the root of the sum of powers.

    Parameters
    ----------
    input : array_like, (N, C, H, W) or (C, H, W), float32 or float64
    norm_type : float
        The power p. Where it is odd, negative pixels count negative, and a negative sum gives 0.
    kernel_size, stride, ceil_mode
        As in `max_pool2d`.

    Returns
    -------
    ndarray, (N, C, oh, ow) or (C, oh, ow)
        Of the input's dtype.

    Raises
    ------
    TypeError
        If input is not float32 or float64.
    ValueError
        If a number is out of range, or no window fits.

    Notes
    -----
    As `torch.nn.functional.lp_pool2d`; windows of `ceil_mode` that stick out of the image count as
    if they were full of their mean.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn.functional.pooling import lp_pool2d
    >>> lp_pool2d(np.array([[[3.0, 4.0]]]), 2, (1, 2))
    array([[[5.]]])
    """
    array = floats(input)
    power = check.positive(norm_type, "norm_type")
    height, width = check.integers(kernel_size, "kernel_size", 1)
    means = avg_pool2d(_power(array, power), kernel_size, stride, 0, ceil_mode)
    return _power(np.maximum(means, 0) * array.dtype.type(height * width), 1 / power)


def lp_pool2d_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    norm_type: float,
    kernel_size: Size,
    stride: Size | None = None,
    ceil_mode: bool = False,
) -> Array:
    """Vector-Jacobian product of `lp_pool2d`; 0 for windows whose sum is not positive.

    Parameters
    ----------
    grad_output : array_like
        Gradient of a loss with respect to the result, of its shape.
    input, norm_type, kernel_size, stride, ceil_mode
        As in `lp_pool2d`.

    Returns
    -------
    grad_input : ndarray

    Raises
    ------
    TypeError, ValueError
        As `lp_pool2d`; and if grad_output has not the shape of the result.
    """
    array = floats(input)
    power = check.positive(norm_type, "norm_type")
    result = lp_pool2d(array, norm_type, kernel_size, stride, ceil_mode)
    grad = checks.gradient(grad_output, result.shape, array.dtype).reshape(result.shape)
    height, width = check.integers(kernel_size, "kernel_size", 1)
    slope = np.zeros_like(result)
    np.power(result, 1 - power, out=slope, where=result > 0)
    grad = grad * slope * array.dtype.type(height * width)
    means = avg_pool2d_backward(grad, array, kernel_size, stride, 0, ceil_mode)
    return means * _power(array, power - 1)


def _power(array: Array, power: float) -> Array:
    """Raise to a power, in the array's dtype; the square is a product."""
    return array * array if power == 2 else np.power(array, array.dtype.type(power))

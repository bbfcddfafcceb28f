"""Pooling: one number for each window, with gradients."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from imgconv.core.call import Runnable, filtering
from imgconv.core.windows import Plane
from imgconv.nn.core import arrays, checks
from imgconv.nn.core.arrays import Array, Shape, comparable, floats
from imgconv.nn.core.calls import LayerCall, LayerPlan, LoopPlan
from imgconv.nn.core.checks import Around, Size
from imgconv.nn.core.pool_run import (
    axes_of,
    compared_in,
    maxima,
    place,
    plan_maxima,
    plan_place,
    planes_of,
    pool_call,
    scratch_bytes,
)

__all__ = [
    "avg_pool2d",
    "avg_pool2d_backward",
    "lp_pool2d",
    "lp_pool2d_backward",
    "max_pool2d",
    "max_pool2d_backward",
]

Padding = Size | Around


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
    kernel_size, stride, padding, dilation, ceil_mode
        See `imgconv.nn`, windows. No pixel of the padding counts.
    return_indices : bool
        Whether to return where the pixels lie, too.

    Returns
    -------
    ndarray, (N, C, oh, ow) or (C, oh, ow)
    indices : ndarray of int64, with return_indices
        y * W + x of each: the first of the largest, or the last NaN; -1 where a window has no
        pixel at all.

    Raises
    ------
    TypeError
        If input is neither of integers nor of floats.
    ValueError
        If padding is more than half the window, or no window fits.

    Notes
    -----
    As in PyTorch, a NaN is larger than every number.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn import max_pool2d
    >>> max_pool2d(np.arange(16).reshape(1, 4, 4), 2)
    array([[[ 5,  7],
            [13, 15]]])
    """
    array = comparable(input)
    images = checks.batch(array)
    plane = checks.pooling(images.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    if not return_indices:
        return pool_call("max", array, plane)
    plan = plan_maxima(images, plane)
    shape = (*array.shape[:-2], *plan.shape[2:])

    def run() -> tuple[Array, Array]:
        best, places = maxima(plan, images, plane)
        return best.reshape(shape), places.reshape(shape)

    return LayerCall(run, lambda: plan)


@filtering
def max_pool2d_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Padding = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    indices: ArrayLike | None = None,
) -> Runnable[Array]:
    """Gradient of `max_pool2d`: that of a window goes to its largest pixel.

    Parameters
    ----------
    grad_output : array_like, (N, C, oh, ow) or (C, oh, ow)
    input, kernel_size, stride, padding, dilation, ceil_mode
        As in `max_pool2d`.
    indices : array_like of int, optional
        What `max_pool2d` returned with `return_indices` for the same arguments. By default the
        largest pixels are found again, which takes longer.

    Raises
    ------
    TypeError
        If indices are not integers.
    ValueError
        If an index is neither of a pixel nor -1.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn import max_pool2d, max_pool2d_backward
    >>> image = np.array([[[1.0, 2.0, 4.0, 3.0]]])
    >>> best, indices = max_pool2d(image, (1, 2), return_indices=True)
    >>> max_pool2d_backward(np.ones_like(best), image, (1, 2), indices=indices)
    array([[[0., 1., 1., 0.]]])
    """
    array = floats(input)
    images = checks.batch(array)
    plane = checks.pooling(images.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    shape = _result_shape(array, plane)
    grad = checks.gradient(grad_output, shape, array.dtype)
    if indices is not None:
        places = checks.indices(indices, shape, "result")
        known = plan_place(grad, array.shape)
        return LayerCall(lambda: place(known, grad, places), lambda: known)
    plan = _plan_scatter(array, plane)
    return LayerCall(lambda: _scatter(plan, plane, grad, images), lambda: plan)


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
    input : array_like, (N, C, H, W) or (C, H, W)
    kernel_size, stride, padding, ceil_mode
        See `imgconv.nn`, windows. Padding is zeros.
    count_include_pad : bool
        Whether padding counts in the number of pixels that the mean divides by. Pixels of a window
        beyond the padding, with `ceil_mode`, never count.
    divisor_override : int, optional
        What to divide by instead of the number of pixels.

    Returns
    -------
    ndarray, (N, C, oh, ow) or (C, oh, ow)

    Raises
    ------
    ValueError
        If padding is more than half the window, or no window fits.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn import avg_pool2d
    >>> avg_pool2d(np.arange(16.0).reshape(1, 4, 4), 2)
    array([[[ 2.5,  4.5],
            [10.5, 12.5]]])
    """
    array = floats(input)
    images = checks.batch(array)
    plane = checks.pooling(images.shape[2:], kernel_size, stride, padding, 1, ceil_mode)
    divisor = checks.divisor(divisor_override)
    if divisor is None:
        return pool_call("mean", array, plane, bool(count_include_pad))
    sums = pool_call("sum", array, plane)

    def run() -> Array:
        result: Array = sums.run() / array.dtype.type(divisor)
        return result

    return LayerCall(run, lambda: _around_loop(sums, f"sums are divided by {divisor}"))


@filtering
def avg_pool2d_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Runnable[Array]:
    """Gradient of `avg_pool2d`: that of a window is divided among its pixels."""
    array = floats(input)
    images = checks.batch(array)
    plane = checks.pooling(images.shape[2:], kernel_size, stride, padding, 1, ceil_mode)
    factors = _factors(plane, bool(count_include_pad), checks.divisor(divisor_override))
    grad = checks.gradient(grad_output, _result_shape(array, plane), array.dtype)
    plan = _plan_spread(array, plane)
    return LayerCall(lambda: _spread(plan, plane, grad, factors), lambda: plan)


@filtering
def lp_pool2d(
    input: ArrayLike,
    norm_type: float,
    kernel_size: Size,
    stride: Size | None = None,
    ceil_mode: bool = False,
) -> Runnable[Array]:
    """Return the p-norm of each window: the root of the sum of powers.

    Parameters
    ----------
    input : array_like, (N, C, H, W) or (C, H, W)
    norm_type : float
        The power p, positive; infinity gives the largest absolute value.
    kernel_size, stride, ceil_mode
        See `imgconv.nn`, windows.

    Returns
    -------
    ndarray, (N, C, oh, ow) or (C, oh, ow)

    Raises
    ------
    ValueError
        If norm_type is not positive, or no window fits.

    Notes
    -----
    The result is sign(s) |s| ** (1 / p), where s is the sum of x ** p. Pixels keep their sign: with
    an odd p, negative ones count negative, and a negative sum has a negative root. With a p that is
    no integer, the power of a negative pixel, and so the result, is NaN. Powers beyond the range of
    the dtype are infinite.

    PyTorch has the same numbers, or NaN: for negative sums, unless p is 1, and for infinity.

    As in PyTorch, where a window of `ceil_mode` reaches beyond the image, the missing pixels count
    as if each had the mean of the others.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn import lp_pool2d
    >>> lp_pool2d(np.array([[[3.0, 4.0]]]), 2, (1, 2))
    array([[[5.]]])
    """
    array = floats(input)
    images = checks.batch(array)
    power = checks.norm(norm_type)
    plane = checks.pooling(images.shape[2:], kernel_size, stride, 0, 1, ceil_mode)

    def plan() -> LayerPlan:
        if power == np.inf:
            return _around_loop(pool_call("max", array, plane), "of absolute values")
        note = f"means of pixels to the power of {power:g}, then roots"
        return _around_loop(pool_call("mean", array, plane, True), note)

    return LayerCall(lambda: _norms(array, plane, power), plan)


@filtering
def lp_pool2d_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    norm_type: float,
    kernel_size: Size,
    stride: Size | None = None,
    ceil_mode: bool = False,
) -> Runnable[Array]:
    """Gradient of `lp_pool2d`; 0 for windows whose sum of powers is 0.

    With infinity, the gradient of a window goes to the pixel of the largest absolute value.
    """
    array = floats(input)
    images = checks.batch(array)
    power = checks.norm(norm_type)
    plane = checks.pooling(images.shape[2:], kernel_size, stride, 0, 1, ceil_mode)
    grad = arrays.gradient(grad_output, _result_shape(array, plane), array.dtype)
    if power == np.inf:
        plan_largest = _plan_scatter(array, plane)

        def run_largest() -> Array:
            return _scatter(plan_largest, plane, grad, np.abs(images)) * np.sign(array)

        return LayerCall(run_largest, lambda: plan_largest)
    spread = _plan_spread(array, plane)

    def run() -> Array:
        norms = np.abs(_norms(array, plane, power))
        slope = np.zeros_like(norms)
        # A power may overflow, or be NaN, as the norm is; the result shows it.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            np.power(norms, 1 - power, out=slope, where=norms != 0)
            of_means = grad * slope * array.dtype.type(_taps(plane))
            result = _spread(spread, plane, of_means, _factors(plane, True, None))
            return np.multiply(result, _power(array, power - 1), out=result, where=result != 0)

    def plan() -> LayerPlan:
        plans = pool_call("mean", array, plane, True).plan(), spread
        return LayerPlan(plans, array.shape, array.dtype, "norms, then their gradients")

    return LayerCall(run, plan)


def _norms(array: Array, plane: Plane, power: float) -> Array:
    """Return the root of the mean power of each window, times its pixels."""
    if power == np.inf:
        return pool_call("max", np.abs(array), plane).run()
    with np.errstate(over="ignore", invalid="ignore"):
        means = pool_call("mean", _power(array, power), plane, True).run()
        sums = means * array.dtype.type(_taps(plane))
        roots: Array = np.copysign(_power(np.abs(sums), 1 / power), sums)
    return roots


def _power(array: Array, power: float) -> Array:
    """Raise to a power, in the array's dtype; the square is a product."""
    result: Array = array * array if power == 2 else np.power(array, array.dtype.type(power))
    return result


def _taps(plane: Plane) -> int:
    """Return the pixels of a window."""
    y, x = plane
    return y.k * x.k


def _result_shape(array: Array, plane: Plane) -> Shape:
    y, x = plane
    return *array.shape[:-2], y.count, x.count


def _factors(plane: Plane, padded: bool, divisor: int | None) -> tuple[Array, Array]:
    """Return 1 over the pixels of each window, as a factor of its row and one of its column.

    Padding counts if `padded`; `divisor` replaces the number of pixels.
    """
    y, x = plane
    if divisor is not None:
        return np.full(y.count, 1 / divisor), np.ones(x.count)
    down, along = (1 / np.maximum(axis.pixels(padded), 1) for axis in plane)
    return down, along


def _plan_scatter(array: Array, plane: Plane) -> LoopPlan:
    """Return the plan of `_scatter`."""
    y, x = plane
    computed = compared_in(array.dtype, plane)
    scratch = scratch_bytes(plane, computed)
    cost = float(prod(array.shape[:-2]) * y.count * x.count * y.k * x.k)
    return LoopPlan(
        "pool2d", "scatter", array.shape, array.dtype, (y.k, x.k), cost, scratch, computed
    )


def _scatter(plan: LoopPlan, plane: Plane, grad: Array, images: Array) -> Array:
    """Add the gradient of each window to its largest pixel."""
    computed = plan.computing_dtype
    result = np.empty(images.shape, computed)
    pixels = planes_of(images.astype(computed, copy=False))
    plan.run(axes_of(plane), pixels, -np.inf, np.ascontiguousarray(grad, computed), result)
    return result.reshape(plan.shape).astype(plan.dtype, copy=False)


def _plan_spread(array: Array, plane: Plane) -> LoopPlan:
    """Return the plan of `_spread`."""
    y, x = plane
    cost = float(prod(array.shape[:-2]) * y.count * (x.count * x.k + y.k * x.n))
    scratch = x.n * array.itemsize
    return LoopPlan("pool2d", "spread", array.shape, array.dtype, (y.k, x.k), cost, scratch)


def _spread(plan: LoopPlan, plane: Plane, grad: Array, factors: tuple[Array, Array]) -> Array:
    """Add the gradient of each window, times its factors, to all of its pixels."""
    down, along = (each.astype(plan.dtype) for each in factors)
    result = np.zeros(plan.shape, plan.dtype)
    images = result if result.ndim == 4 else result[None]
    plan.run(axes_of(plane), np.ascontiguousarray(grad), down, along, planes_of(images))
    return result


def _around_loop(call: Runnable[Array], note: str) -> LayerPlan:
    """Return the plan of a function that computes something before or after a loop."""
    plan = call.plan()
    return LayerPlan((plan,), plan.shape, plan.dtype, note)

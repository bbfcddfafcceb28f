"""Pooling layers, with gradients."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgconv.core import check, cpu
from imgconv.core.operation import Pool
from imgconv.core.plan import Fit
from imgconv.core.run import apply
from imgconv.core.threads import run_parallel
from imgconv.nn import checks
from imgconv.nn.arrays import floats
from imgconv.nn.checks import Array
from imgconv.nn.correlation import threads_for
from imgconv.nn.windows import Axis, Pair, Plane
from imgconv.pooling import pixels_along

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


def max_pool2d(
    input: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Padding = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
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
    >>> from imgconv.nn.pooling import max_pool2d
    >>> max_pool2d(np.arange(16).reshape(1, 4, 4), 2)
    array([[[ 5,  7],
            [13, 15]]])
    """
    array = _numbers(input)
    images = checks.batch(array)
    plane = checks.pooling(images.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    shape = (*array.shape[:-2], plane[0].count, plane[1].count)
    if return_indices:
        best, places = _largest(images, plane)
        return best.reshape(shape), places.reshape(shape)
    if array.size == 0:
        return np.empty(shape, array.dtype)
    return _pooled("max", array, plane, _counts(plane, False))


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
    count = threads_for(float(planes * y.count * x.count * y.k * x.k))
    run_parallel(
        cpu.loop("pool2d", array.dtype.name).scatter, _axes(plane), _planes(images), -np.inf,
        np.ascontiguousarray(grad), result, np.empty((count, x.count), array.dtype),
        np.empty((count, x.count), np.int32), count,
    )  # fmt: skip
    return result.reshape(array.shape)


def avg_pool2d(
    input: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:
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
    >>> from imgconv.nn.pooling import avg_pool2d
    >>> avg_pool2d(np.arange(16.0).reshape(1, 4, 4), 2)
    array([[[ 2.5,  4.5],
            [10.5, 12.5]]])
    """
    array = floats(input)
    images = checks.batch(array)
    plane = checks.pooling(images.shape[2:], kernel_size, stride, padding, 1, ceil_mode)
    divisor = checks.divisor(divisor_override)
    if array.size == 0:
        return np.empty((*array.shape[:-2], plane[0].count, plane[1].count), array.dtype)
    counts = _counts(plane, bool(count_include_pad))
    if divisor is None:
        return _pooled("mean", array, plane, counts)
    return _pooled("sum", array, plane, counts) / array.dtype.type(divisor)


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
        shares = [1 / np.maximum(n, 1) for n in _counts(plane, bool(count_include_pad))]
    else:
        shares = [np.full(y.count, 1 / divisor), np.ones(x.count)]
    result = np.zeros(images.shape, array.dtype)
    planes = len(images) * images.shape[1]
    count = threads_for(float(planes * y.count * (x.count * x.k + y.k * x.n)))
    run_parallel(
        cpu.loop("pool2d", array.dtype.name).spread, _axes(plane), np.ascontiguousarray(grad),
        shares[0].astype(array.dtype), shares[1].astype(array.dtype), _planes(result),
        np.empty((count, x.n), array.dtype), count,
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
    >>> from imgconv.nn.pooling import lp_pool2d
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


def adaptive_avg_pool2d(input: ArrayLike, output_size: Any) -> Array:
    """Return the means of windows that are spread evenly over an image.

    Parameters
    ----------
    input : array_like, (N, C, H, W) or (C, H, W), float32 or float64
    output_size : int or (int, int)
        How many windows; None in the pair keeps an axis.

    Returns
    -------
    ndarray, (N, C, oh, ow) or (C, oh, ow)
        Of the input's dtype.

    Raises
    ------
    TypeError
        If input is not float32 or float64.
    ValueError
        If output_size is not positive.

    Notes
    -----
    Window o of m on an axis of n pixels goes from floor(o n / m) to ceil((o + 1) n / m).

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn.pooling import adaptive_avg_pool2d
    >>> adaptive_avg_pool2d(np.arange(12.0).reshape(1, 3, 4), (1, 2))
    array([[[4.5, 6.5]]])
    """
    array = floats(input)
    size = checks.output_size(output_size, checks.batch(array).shape[2:])
    result = array
    for axis, m in zip((-2, -1), size, strict=True):
        along = np.moveaxis(result, axis, 0)
        means = [along[a:b].mean(axis=0) for a, b in _adaptive(len(along), m)]
        result = np.stack(means, axis=axis)
    return result


def adaptive_avg_pool2d_backward(
    grad_output: ArrayLike, input: ArrayLike, output_size: Any
) -> Array:
    """Vector-Jacobian product of `adaptive_avg_pool2d`.

    Parameters
    ----------
    grad_output : array_like
        Gradient of a loss with respect to the result, of its shape.
    input, output_size
        As in `adaptive_avg_pool2d`.

    Returns
    -------
    grad_input : ndarray

    Raises
    ------
    TypeError, ValueError
        As `adaptive_avg_pool2d`; and if grad_output has not the shape of the result.
    """
    array = floats(input)
    size = checks.output_size(output_size, checks.batch(array).shape[2:])
    shape = (*array.shape[:-2], *size)
    result = checks.gradient(grad_output, shape, array.dtype).reshape(shape)
    for axis in (-2, -1):
        along = np.moveaxis(result, axis, 0)
        spread = np.zeros((array.shape[axis], *along.shape[1:]), array.dtype)
        for o, (a, b) in enumerate(_adaptive(array.shape[axis], size[axis])):
            spread[a:b] += along[o] / (b - a)
        result = np.moveaxis(spread, 0, axis)
    return np.ascontiguousarray(result)


def adaptive_max_pool2d(input: ArrayLike, output_size: Any, return_indices: bool = False) -> Any:
    """Return the largest pixels of windows that are spread evenly over an image.

    Parameters
    ----------
    input : array_like, (N, C, H, W) or (C, H, W)
        Integers or floats.
    output_size : int or (int, int)
        How many windows; None in the pair keeps an axis.
    return_indices : bool
        Whether to say where the pixels lie, too.

    Returns
    -------
    ndarray, (N, C, oh, ow) or (C, oh, ow)
        Of the input's dtype.
    indices : ndarray of int64, with return_indices
        y * W + x of each, as in `max_pool2d`.

    Raises
    ------
    TypeError
        If input is neither of integers nor of floats.
    ValueError
        If output_size is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn.pooling import adaptive_max_pool2d
    >>> adaptive_max_pool2d(np.arange(12).reshape(1, 3, 4), (1, 2))
    array([[[ 9, 11]]])
    """
    array = _numbers(input)
    images = checks.batch(array)
    size = checks.output_size(output_size, images.shape[2:])
    best = np.empty((*images.shape[:2], *size), array.dtype)
    places = np.empty(best.shape, np.int64)
    # Along each axis, windows of the same size lie at a distance that the pooling loop can walk.
    for y, top in enumerate(_adaptive(images.shape[2], size[0])):
        for x, left in enumerate(_adaptive(images.shape[3], size[1])):
            window = images[:, :, slice(*top), slice(*left)]
            plane = _one_window(window.shape[2:])
            value, place = _largest(window, plane)
            row, column = np.divmod(place[..., 0, 0], window.shape[3])
            best[..., y, x] = value[..., 0, 0]
            places[..., y, x] = (row + top[0]) * images.shape[3] + column + left[0]
    shape = (*array.shape[:-2], *size)
    best, places = best.reshape(shape), places.reshape(shape)
    return (best, places) if return_indices else best


def adaptive_max_pool2d_backward(
    grad_output: ArrayLike, input: ArrayLike, output_size: Any
) -> Array:
    """Vector-Jacobian product of `adaptive_max_pool2d`.

    Parameters
    ----------
    grad_output : array_like
        Gradient of a loss with respect to the result, of its shape.
    input, output_size
        As in `adaptive_max_pool2d`; float32 or float64.

    Returns
    -------
    grad_input : ndarray

    Raises
    ------
    TypeError, ValueError
        As `adaptive_max_pool2d`; and if grad_output has not the shape of the result.
    """
    array = floats(input)
    best, places = adaptive_max_pool2d(array, output_size, return_indices=True)
    grad = checks.gradient(grad_output, best.shape, array.dtype)
    return _scattered(grad, places, array.shape, add=True)


def max_unpool2d(
    input: ArrayLike,
    indices: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    output_size: Any = None,
) -> Array:
    """Put pixels back where `max_pool2d` found them, among zeros.

    Parameters
    ----------
    input : array_like, (N, C, H, W) or (C, H, W), float32 or float64
        The largest pixels.
    indices : array_like of int
        Where they were, of the same shape.
    kernel_size, stride, padding
        Of the pooling; they give the size of the result where it is not given.
    output_size : (int, int), optional
        Size of the result; axes before it are ignored.

    Returns
    -------
    ndarray, (N, C, oh, ow) or (C, oh, ow)
        Of the input's dtype.

    Raises
    ------
    TypeError
        If input is not float32 or float64, or indices not of integers.
    ValueError
        If shapes differ, an index lies outside the result, or a number is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn.pooling import max_pool2d, max_unpool2d
    >>> best = max_pool2d(np.array([[[1.0, 2.0, 4.0, 3.0]]]), (1, 2), return_indices=True)
    >>> max_unpool2d(*best, (1, 2))
    array([[[0., 2., 4., 0.]]])
    """
    array = floats(input)
    places, size = _unpooling(array, indices, kernel_size, stride, padding, output_size)
    return _scattered(array, places, (*array.shape[:-2], *size), add=False)


def max_unpool2d_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    indices: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    output_size: Any = None,
) -> Array:
    """Vector-Jacobian product of `max_unpool2d`, with respect to input.

    Parameters
    ----------
    grad_output : array_like
        Gradient of a loss with respect to the result, of its shape.
    input, indices, kernel_size, stride, padding, output_size
        As in `max_unpool2d`.

    Returns
    -------
    grad_input : ndarray

    Raises
    ------
    TypeError, ValueError
        As `max_unpool2d`; and if grad_output has not the shape of the result.
    """
    array = floats(input)
    places, size = _unpooling(array, indices, kernel_size, stride, padding, output_size)
    shape = (*array.shape[:-2], *size)
    grad = checks.gradient(grad_output, shape, array.dtype).reshape(*shape[:-2], -1)
    taken = np.take_along_axis(grad, places.reshape(*shape[:-2], -1), axis=-1)
    return taken.reshape(array.shape)


# -------------------------------------------------------------------------------------------------


def _numbers(input: ArrayLike) -> Array:
    """Check pixels that can be compared; in native byte order."""
    array = check.image(input, "input")
    if array.dtype.kind not in "iuf":
        raise TypeError(f"input must be of integers or floats, got {array.dtype}")
    return array.astype(check.native(array.dtype), copy=False)


def _axes(plane: Plane) -> NDArray[np.intp]:
    return np.array(plane, np.intp)


def _planes(images: Array) -> Array:
    """Return a batch as one stack of planes."""
    return np.ascontiguousarray(images).reshape(-1, *images.shape[2:])


def _counts(plane: Plane, padded: bool) -> list[NDArray[np.float64]]:
    """Return how many pixels of each window count, along each axis."""
    return [
        pixels_along(a.n, a.k, a.stride, a.dilation, (a.before, a.after), a.count, padded)
        for a in plane
    ]


# What stands outside the image, and changes nothing.
OUTSIDE = {"max": -np.inf, "sum": 0.0, "mean": 0.0}


@lru_cache(maxsize=128)
def _operation(
    how: str, size: Pair, stride: Pair, dilation: Pair, counts: tuple[bytes, bytes]
) -> Pool:
    down, along = (np.frombuffer(each) for each in counts)
    return Pool(how, size, stride, dilation, (down, along))


def _pooled(how: str, array: Array, plane: Plane, counts: list[NDArray[np.float64]]) -> Array:
    """Run `imgconv.pool`'s loop."""
    y, x = plane
    counted = counts[0].tobytes(), counts[1].tobytes()
    operation = _operation(how, (y.k, x.k), (y.stride, x.stride), (y.dilation, x.dilation), counted)
    fit = Fit((y.before, x.before), (y.count, x.count))
    return apply(
        operation, array, "constant", OUTSIDE[how], (-2, -1), None, array.dtype, None, fit
    )


def _largest(images: Array, plane: Plane) -> tuple[Array, NDArray[np.int64]]:
    """Return the largest pixel of each window, and where it lies."""
    dtype = images.dtype
    if dtype.kind == "f":
        computed = np.dtype(np.float64 if dtype.itemsize == 8 else np.float32)
    else:
        computed = np.dtype(np.uint64 if dtype == np.uint64 else np.int64)
    lowest = -np.inf if dtype.kind == "f" else np.iinfo(dtype).min
    y, x = plane
    shape = (*images.shape[:2], y.count, x.count)
    best, places = np.empty(shape, computed), np.empty(shape, np.int32)
    run_parallel(
        cpu.loop("pool2d", computed.name).largest, _axes(plane),
        _planes(images.astype(computed, copy=False)), lowest, best, places,
        threads_for(float(best.size * y.k * x.k)),
    )  # fmt: skip
    return best.astype(dtype, copy=False), places.astype(np.int64)


def _one_window(size: Pair) -> Plane:
    y, x = (Axis(n, n, 1, 1, 0, 0, 1) for n in size)
    return y, x


def _adaptive(n: int, m: int) -> list[Pair]:
    """Return where each of m windows begins and ends."""
    return [(o * n // m, -(-(o + 1) * n // m)) for o in range(m)]


def _power(array: Array, power: float) -> Array:
    """Raise to a power, in the array's dtype; the square is a product."""
    return array * array if power == 2 else np.power(array, array.dtype.type(power))


def _scattered(values: Array, places: Array, shape: tuple[int, ...], add: bool) -> Array:
    """Return planes of zeros with values at places of each."""
    planes = int(np.prod(shape[:-2]))
    result = np.zeros((planes, shape[-2] * shape[-1]), values.dtype)
    if result.size == 0:
        return result.reshape(shape)
    index = np.arange(planes)[:, None], places.reshape(planes, -1)
    if add:
        np.add.at(result, index, values.reshape(planes, -1))
    else:
        result[index] = values.reshape(planes, -1)
    return result.reshape(shape)


def _unpooling(
    array: Array, indices: ArrayLike, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> tuple[NDArray[np.int64], Pair]:
    """Check where pixels go, and return that with the size of the result."""
    images = checks.batch(array)
    kernel = check.integers(kernel_size, "kernel_size", 1)
    steps = kernel if stride is None else check.integers(stride, "stride", 1)
    pads = check.integers(padding, "padding", 0)
    height, width = (
        (n - 1) * s + k - 2 * p
        for n, s, k, p in zip(images.shape[2:], steps, kernel, pads, strict=True)
    )
    if output_size is not None:
        height, width = checks.unpooled_size(output_size, (height, width), steps)
    places = checks.indices(indices, array.shape, height * width)
    return places, (height, width)

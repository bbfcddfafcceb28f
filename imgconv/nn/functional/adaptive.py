"""Adaptive pooling: a given number of windows, spread evenly over an image, with gradients."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgconv.core.call import Runnable, filtering
from imgconv.core.windows import Pair, Plane, Windows
from imgconv.nn.core import checks
from imgconv.nn.core.arrays import Array, Shape, comparable, floats
from imgconv.nn.core.calls import LayerCall, LayerPlan
from imgconv.nn.core.pool_run import maxima, place, plan_maxima, plan_place

__all__ = [
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_backward",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_backward",
]


def adaptive_avg_pool2d(input: ArrayLike, output_size: Any) -> Array:
    """Return the means of windows that are spread evenly over an image.

    Parameters
    ----------
    input : array_like, (N, C, H, W) or (C, H, W)
    output_size : int or (int, int)
        Number of windows along y and along x; None in the pair keeps the size of an axis.

    Returns
    -------
    ndarray, (N, C, oh, ow) or (C, oh, ow)

    Notes
    -----
    Window o of m on an axis of n pixels goes from floor(o n / m) to ceil((o + 1) n / m).

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn import adaptive_avg_pool2d
    >>> adaptive_avg_pool2d(np.arange(12.0).reshape(1, 3, 4), (1, 2))
    array([[[4.5, 6.5]]])
    """
    array = floats(input)
    size = checks.output_size(output_size, checks.batch(array).shape[2:])
    result = array
    for axis, m in zip((-2, -1), size, strict=True):
        along = np.moveaxis(result, axis, 0)
        means = [along[a:b].mean(axis=0) for a, b in _ends(len(along), m)]
        result = np.stack(means, axis=axis)
    return result


def adaptive_avg_pool2d_backward(
    grad_output: ArrayLike, input: ArrayLike, output_size: Any
) -> Array:
    """Gradient of `adaptive_avg_pool2d`."""
    array = floats(input)
    size = checks.output_size(output_size, checks.batch(array).shape[2:])
    shape = (*array.shape[:-2], *size)
    result = checks.gradient(grad_output, shape, array.dtype).reshape(shape)
    for axis in (-2, -1):
        along = np.moveaxis(result, axis, 0)
        spread = np.zeros((array.shape[axis], *along.shape[1:]), array.dtype)
        for o, (a, b) in enumerate(_ends(array.shape[axis], size[axis])):
            spread[a:b] += along[o] / (b - a)
        result = np.moveaxis(spread, 0, axis)
    return np.ascontiguousarray(result)


@filtering
def adaptive_max_pool2d(
    input: ArrayLike, output_size: Any, return_indices: bool = False
) -> Runnable[Any]:
    """Return the largest pixels of windows that are spread evenly over an image.

    Parameters
    ----------
    input : array_like, (N, C, H, W) or (C, H, W)
        Integers or floats.
    output_size : int or (int, int)
        As in `adaptive_avg_pool2d`.
    return_indices : bool
        Whether to return where the pixels lie, too.

    Returns
    -------
    ndarray, (N, C, oh, ow) or (C, oh, ow)
    indices : ndarray of int64, with return_indices
        y * W + x of each, as in `max_pool2d`.

    Raises
    ------
    TypeError
        If input is neither of integers nor of floats.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn import adaptive_max_pool2d
    >>> adaptive_max_pool2d(np.arange(12).reshape(1, 3, 4), (1, 2))
    array([[[ 9, 11]]])
    """
    array = comparable(input)
    images = checks.batch(array)
    size = checks.output_size(output_size, images.shape[2:])

    def run() -> Any:
        best, places = _maxima(array, size)
        return (best, places) if return_indices else best

    return LayerCall(run, lambda: _plan(array, size, (*array.shape[:-2], *size)))


@filtering
def adaptive_max_pool2d_backward(
    grad_output: ArrayLike, input: ArrayLike, output_size: Any
) -> Runnable[Array]:
    """Gradient of `adaptive_max_pool2d`."""
    array = floats(input)
    size = checks.output_size(output_size, checks.batch(array).shape[2:])
    grad = checks.gradient(grad_output, (*array.shape[:-2], *size), array.dtype)

    def run() -> Array:
        _, places = _maxima(array, size)
        return place(plan_place(grad, array.shape), grad, places)

    return LayerCall(run, lambda: _plan(array, size, array.shape))


def _maxima(array: Array, size: Pair) -> tuple[Array, NDArray[np.int64]]:
    """Return the maximum of each window, and where in its plane it lies."""
    images = checks.batch(array)
    width = images.shape[3]
    best = np.empty((*images.shape[:2], *size), array.dtype)
    places = np.empty(best.shape, np.int64)
    for y, (top, bottom) in enumerate(_ends(images.shape[2], size[0])):
        for x, (left, right) in enumerate(_ends(width, size[1])):
            window = images[:, :, top:bottom, left:right]
            plane = _one_window(window.shape[2:])
            value, place = maxima(plan_maxima(window, plane), window, plane)
            row, column = np.divmod(place[..., 0, 0], right - left)
            best[..., y, x] = value[..., 0, 0]
            places[..., y, x] = (row + top) * width + column + left
    shape = (*array.shape[:-2], *size)
    return best.reshape(shape), places.reshape(shape)


def _plan(array: Array, size: Pair, shape: Shape) -> LayerPlan:
    """Return the plan of the first window, as many times as there are windows.

    Their sizes differ by one at most.
    """
    images = checks.batch(array)
    (_, bottom), (_, right) = (_ends(n, m)[0] for n, m in zip(images.shape[2:], size, strict=True))
    window = images[:, :, :bottom, :right]
    plan = plan_maxima(window, _one_window((bottom, right)))
    note = f"{size[0]} x {size[1]} windows, one after another"
    return LayerPlan((plan,), shape, array.dtype, note, size[0] * size[1])


def _one_window(size: Pair) -> Plane:
    y, x = (Windows(n, n, 1, 1, 0, 0, 1) for n in size)
    return y, x


def _ends(n: int, m: int) -> list[Pair]:
    """Return where each of m windows begins and ends."""
    return [(o * n // m, -(-(o + 1) * n // m)) for o in range(m)]

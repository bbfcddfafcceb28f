"""Pooling into windows that are spread evenly over an image, with gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from imgconv.core.windows import Pair, Plane, Windows
from imgconv.nn.core import checks
from imgconv.nn.core.arrays import floats
from imgconv.nn.core.checks import Array
from imgconv.nn.core.pooled import largest, numbers, scattered

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
    >>> from imgconv.nn.functional.pooling import adaptive_avg_pool2d
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
    >>> from imgconv.nn.functional.pooling import adaptive_max_pool2d
    >>> adaptive_max_pool2d(np.arange(12).reshape(1, 3, 4), (1, 2))
    array([[[ 9, 11]]])
    """
    array = numbers(input)
    images = checks.batch(array)
    size = checks.output_size(output_size, images.shape[2:])
    best = np.empty((*images.shape[:2], *size), array.dtype)
    places = np.empty(best.shape, np.int64)
    for y, top in enumerate(_adaptive(images.shape[2], size[0])):
        for x, left in enumerate(_adaptive(images.shape[3], size[1])):
            window = images[:, :, slice(*top), slice(*left)]
            plane = _one_window(window.shape[2:])
            value, place = largest(window, plane)
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
    return scattered(grad, places, array.shape, add=True)


def _one_window(size: Pair) -> Plane:
    y, x = (Windows(n, n, 1, 1, 0, 0, 1) for n in size)
    return y, x


def _adaptive(n: int, m: int) -> list[Pair]:
    """Return where each of m windows begins and ends."""
    return [(o * n // m, -(-(o + 1) * n // m)) for o in range(m)]

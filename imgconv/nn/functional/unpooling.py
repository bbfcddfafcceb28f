"""The way back from max pooling, with its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgconv.core import check, windows
from imgconv.core.windows import Pair
from imgconv.nn.core import checks
from imgconv.nn.core.arrays import floats
from imgconv.nn.core.checks import Array
from imgconv.nn.core.pooled import scattered

__all__ = ["max_unpool2d", "max_unpool2d_backward"]

Size = int | Pair


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
    >>> from imgconv.nn.functional.pooling import max_pool2d, max_unpool2d
    >>> best = max_pool2d(np.array([[[1.0, 2.0, 4.0, 3.0]]]), (1, 2), return_indices=True)
    >>> max_unpool2d(*best, (1, 2))
    array([[[0., 2., 4., 0.]]])
    """
    array = floats(input)
    places, size = _unpooling(array, indices, kernel_size, stride, padding, output_size)
    return scattered(array, places, (*array.shape[:-2], *size), add=False)


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


def _unpooling(
    array: Array, indices: ArrayLike, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> tuple[NDArray[np.int64], Pair]:
    """Check where pixels go, and return that with the size of the result."""
    images = checks.batch(array)
    kernel = check.integers(kernel_size, "kernel_size", 1)
    steps = kernel if stride is None else check.integers(stride, "stride", 1)
    pads = check.integers(padding, "padding", 0)
    height, width = (
        windows.transposed_size(n, k, s, 1, (p, p), 0)
        for n, s, k, p in zip(images.shape[2:], steps, kernel, pads, strict=True)
    )
    if output_size is not None:
        height, width = checks.unpooled_size(output_size, (height, width), steps)
    places = checks.indices(indices, array.shape, height * width)
    return places, (height, width)

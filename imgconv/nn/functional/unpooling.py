"""Max unpooling: pixels back at the places where max pooling found them, with its gradient."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgconv.core import check, windows
from imgconv.core.windows import Pair
from imgconv.nn.core import checks
from imgconv.nn.core.arrays import Array, floats
from imgconv.nn.core.checks import Size
from imgconv.nn.core.pool_run import scatter

__all__ = ["max_unpool2d", "max_unpool2d_backward"]


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
    input : array_like, (N, C, H, W) or (C, H, W)
        The largest pixels.
    indices : array_like of int
        Their places, y * W + x, in an array of the same shape.
    kernel_size, stride, padding
        Those of the pooling; the size of the result follows from them.
    output_size : (int, int), optional
        Another size of the result, less than a stride from that size; axes before it are ignored.

    Returns
    -------
    ndarray, (N, C, oh, ow) or (C, oh, ow)

    Raises
    ------
    TypeError
        If indices are not integers.
    ValueError
        If an index lies outside the result.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn import max_pool2d, max_unpool2d
    >>> best = max_pool2d(np.array([[[1.0, 2.0, 4.0, 3.0]]]), (1, 2), return_indices=True)
    >>> max_unpool2d(*best, (1, 2))
    array([[[0., 2., 4., 0.]]])
    """
    array = floats(input)
    places, size = _unpooling(array, indices, kernel_size, stride, padding, output_size)
    return scatter(array, places, (*array.shape[:-2], *size))


def max_unpool2d_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    indices: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    output_size: Any = None,
) -> Array:
    """Gradient of `max_unpool2d` with respect to input."""
    array = floats(input)
    places, size = _unpooling(array, indices, kernel_size, stride, padding, output_size)
    shape = (*array.shape[:-2], *size)
    # Sizes are given, not -1, which is no size in a batch of no images.
    grad = checks.gradient(grad_output, shape, array.dtype).reshape(*shape[:-2], prod(size))
    flat = places.reshape(*shape[:-2], prod(array.shape[-2:]))
    at_places = np.take_along_axis(grad, flat, axis=-1)
    return at_places.reshape(array.shape)


def _unpooling(
    array: Array, indices: ArrayLike, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> tuple[NDArray[np.int64], Pair]:
    """Check the arguments, and return the places of pixels and the size of the result."""
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
    places = checks.indices(indices, array.shape)
    checks.inside(places, height * width)
    return places, (height, width)

"""Pooling layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from imgconv.core import check
from imgconv.nn import checks
from imgconv.nn.arrays import floats
from imgconv.nn.checks import Array
from imgconv.nn.windows import Plane

__all__ = ["avg_pool2d", "avg_pool2d_backward", "max_pool2d", "max_pool2d_backward"]


def _windows(x: Array, plane: Plane, fill: Any) -> tuple[Array, Array, Array]:
    """All windows (N, C, oh, ow, kh kw), the kind of their pixels (2 image, 1 pad), the places."""
    ends = [max((a.count - 1) * a.stride + a.span - a.before - a.n, a.after) for a in plane]
    y, c = plane
    sides = ((0, 0), (0, 0), (y.before, ends[0]), (c.before, ends[1]))
    wide = np.pad(x, sides, constant_values=fill)
    kind = np.pad(np.ones((y.before + y.n + y.after, c.before + c.n + c.after), int),
                  ((0, ends[0] - y.after), (0, ends[1] - c.after)))  # fmt: skip
    kind[y.before : y.before + y.n, c.before : c.before + c.n] = 2
    at = [np.arange(a.count)[:, None] * a.stride + np.arange(a.k) * a.dilation for a in plane]
    rows, columns = at[0][:, None, :, None], at[1][None, :, None, :]
    places = (rows - y.before) * c.n + columns - c.before
    flat = (*x.shape[:2], y.count, c.count, -1)
    return (
        wide[:, :, rows, columns].reshape(flat),
        kind[rows, columns].reshape(flat[2:]),
        np.broadcast_to(places, (y.count, c.count, y.k, c.k)).reshape(flat[2:]),
    )


def _largest(x: Array, plane: Plane) -> tuple[Array, Array]:
    low = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    found, kind, places = _windows(x, plane, low)
    score = np.where(kind == 2, 1, 0) + np.zeros(found.shape, int)
    largest = found.max(axis=-1)
    score = score * np.where(found == largest[..., None], found.shape[-1] - np.arange(
        found.shape[-1]), 0)  # fmt: skip
    nan = (kind == 2) & (found != found)
    score = np.where(
        nan.any(axis=-1, keepdims=True), nan * (1 + np.arange(found.shape[-1])), score
    )
    best = score.argmax(axis=-1)
    chosen = np.take_along_axis(np.broadcast_to(places, found.shape), best[..., None], -1)[..., 0]
    return largest, chosen.astype(np.int64)


def _scattered(grad: Array, places: Array, shape: tuple[int, ...]) -> Array:
    result = np.zeros((*shape[:2], shape[2] * shape[3]), grad.dtype)
    n, c = np.ogrid[: shape[0], : shape[1]]
    np.add.at(result, (n[..., None, None], c[..., None, None], places), grad)
    return result.reshape(shape)


def max_pool2d(
    input: ArrayLike,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the largest pixel of each window, and with return_indices where it lies."""
    array = check.image(input, "input")
    x = checks.batch(array)
    plane = checks.pooling(x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    largest, places = _largest(x, plane)
    if array.ndim == 3:
        largest, places = largest[0], places[0]
    return (largest, places) if return_indices else largest


def max_pool2d_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Array:
    """Gradient of a loss with respect to the input of `max_pool2d`."""
    array = floats(input, "input")
    x = checks.batch(array)
    plane = checks.pooling(x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    _, places = _largest(x, plane)
    shape = places.shape if array.ndim == 4 else places.shape[1:]
    grad = checks.gradient(grad_output, shape, x.dtype)
    return _scattered(grad, places, x.shape).reshape(array.shape)


def _divisors(kind: Array, count_include_pad: bool, divisor_override: Any) -> Any:
    if divisor_override is not None:
        return divisor_override
    return (kind >= (1 if count_include_pad else 2)).sum(axis=-1)


def avg_pool2d(
    input: ArrayLike,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:
    """Return the mean of each window."""
    array = floats(input, "input")
    x = checks.batch(array)
    plane = checks.pooling(x.shape[2:], kernel_size, stride, padding, 1, ceil_mode)
    found, kind, _ = _windows(x, plane, 0)
    result = (found.sum(axis=-1) / _divisors(kind, count_include_pad, divisor_override)).astype(
        x.dtype
    )
    return result[0] if array.ndim == 3 else result


def avg_pool2d_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:
    """Gradient of a loss with respect to the input of `avg_pool2d`."""
    array = floats(input, "input")
    x = checks.batch(array)
    plane = checks.pooling(x.shape[2:], kernel_size, stride, padding, 1, ceil_mode)
    _, kind, places = _windows(x[:1, :1], plane, 0)
    shape = (*array.shape[:-2], *kind.shape[:2])
    grad = checks.gradient(grad_output, shape, x.dtype)
    share = (grad / _divisors(kind, count_include_pad, divisor_override)).astype(x.dtype)
    result = np.zeros((*x.shape[:2], x.shape[2] * x.shape[3]), x.dtype)
    for t in range(kind.shape[-1]):
        inside = kind[..., t] == 2
        index = (slice(None), slice(None), places[..., t][inside])
        np.add.at(result, index, share[..., inside])
    return result.reshape(array.shape)

"""Convolution layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from imgconv.core import check
from imgconv.nn import checks
from imgconv.nn.arrays import floats
from imgconv.nn.checks import Array
from imgconv.nn.windows import Plane

__all__ = ["conv2d", "conv2d_backward"]

NUMPY_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap", "zeros": "constant"}


def _taps(y: Any, x: Any) -> Any:
    for i in range(y.k):
        for j in range(x.k):
            yield i, j, tuple(
                slice(t * a.dilation, t * a.dilation + (a.count - 1) * a.stride + 1, a.stride)
                for t, a in ((i, y), (j, x))
            )


def _arguments(
    input: ArrayLike, weight: ArrayLike, stride: Any, padding: Any, dilation: Any, groups: Any,
    padding_mode: Any,
) -> tuple[Array, Array, Plane, int, str]:  # fmt: skip
    array = floats(input, "input")
    x = checks.batch(array)
    w = checks.weight(weight, x.dtype)
    number = checks.groups(groups)
    checks.divisible(w.shape[0], number, "weight")
    checks.channels(x.shape[1], w.shape[1] * number)
    steps = check.integers(stride, "stride", 1)
    gaps = check.integers(dilation, "dilation", 1)
    kernel, size = w.shape[2:], x.shape[2:]
    around = checks.padding(padding, kernel, steps, gaps)
    mode = checks.padding_mode(padding_mode, around, size)
    return x, w, checks.plane(size, kernel, steps, gaps, around), number, mode


def _padded(x: Array, plane: Plane, mode: str) -> Array:
    y, c = plane
    sides = ((0, 0), (0, 0), (y.before, y.after), (c.before, c.after))
    return np.pad(x, sides, mode=NUMPY_MODES[mode])  # type: ignore[call-overload]


def conv2d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> Array:
    """Correlate images with kernels, summed over channels."""
    x, w, (ya, xa), g, mode = _arguments(
        input, weight, stride, padding, dilation, groups, padding_mode
    )
    b = checks.bias(bias, w.shape[0], x.dtype)
    wide = _padded(x, (ya, xa), mode)
    wide = wide.reshape(x.shape[0], g, -1, *wide.shape[2:])
    kernel = w.reshape(g, -1, *w.shape[1:])
    result = np.zeros((x.shape[0], g, kernel.shape[1], ya.count, xa.count), x.dtype)
    for i, j, pixels in _taps(ya, xa):
        result += np.einsum(
            "goc,ngchw->ngohw", kernel[..., i, j], wide[(..., *pixels)], optimize=True
        )
    result = result.reshape(x.shape[0], w.shape[0], ya.count, xa.count)
    if b is not None:
        result += b[:, None, None]
    return result[0] if np.ndim(input) == 3 else result


def conv2d_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> tuple[Array, Array, Array | None]:
    """Gradients of a loss with respect to input, weight and bias of `conv2d`."""
    x, w, (ya, xa), g, mode = _arguments(
        input, weight, stride, padding, dilation, groups, padding_mode
    )
    b = checks.bias(bias, w.shape[0], x.dtype)
    single = np.ndim(input) == 3
    shape: tuple[int, ...] = (w.shape[0], ya.count, xa.count)
    grad = checks.gradient(grad_output, shape if single else (x.shape[0], *shape), x.dtype)
    wide = _padded(x, (ya, xa), mode)
    wide = wide.reshape(x.shape[0], g, -1, *wide.shape[2:])
    kernel = w.reshape(g, -1, *w.shape[1:])
    grads = grad.reshape(x.shape[0], g, -1, *grad.shape[2:])
    grad_wide, grad_kernel = np.zeros_like(wide), np.zeros_like(kernel)
    for i, j, pixels in _taps(ya, xa):
        part = wide[(..., *pixels)]
        grad_kernel[..., i, j] = np.einsum("ngohw,ngchw->goc", grads, part, optimize=True)
        grad_wide[(..., *pixels)] += np.einsum(
            "goc,ngohw->ngchw", kernel[..., i, j], grads, optimize=True
        )
    flat = grad_wide.reshape(*x.shape[:2], -1)
    places = np.pad(
        np.arange(1, 1 + ya.n * xa.n).reshape(ya.n, xa.n),
        ((ya.before, ya.after), (xa.before, xa.after)),
        mode=NUMPY_MODES[mode],  # type: ignore[call-overload]
    ).ravel()
    grad_input = np.zeros((*x.shape[:2], ya.n * xa.n), x.dtype)
    np.add.at(grad_input, (slice(None), slice(None), places[places > 0] - 1), flat[..., places > 0])
    grad_input = grad_input.reshape(x.shape)
    return (
        grad_input[0] if single else grad_input,
        grad_kernel.reshape(w.shape),
        None if b is None else grad.sum(axis=(0, 2, 3)),
    )

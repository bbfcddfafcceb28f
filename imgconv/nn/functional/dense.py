"""A dense layer: a matrix product and a bias, with gradients."""

import numpy as np
from numpy.typing import ArrayLike

from imgconv.nn.core import arrays
from imgconv.nn.core.arrays import Array

__all__ = ["linear", "linear_backward"]


def linear(input: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None) -> Array:
    """Multiply by a matrix, and add a bias.

    Parameters
    ----------
    input : array_like, (..., in)
    weight : array_like, (out, in) or (in,)
        A row for each result.
    bias : array_like, (out,), optional
        Added to the product; only where `weight` is a matrix.

    Returns
    -------
    ndarray, (..., out)
        Without the last axis where `weight` is a single row.

    Raises
    ------
    ValueError
        If the last axes of input and weight, or the sizes of weight and bias, differ.

    Examples
    --------
    >>> import imgconv.nn
    >>> imgconv.nn.linear([1.0, 2.0], [[3.0, 4.0], [5.0, 6.0]], [0.0, 1.0])
    array([11., 18.])
    """
    x, w, b = _arguments(input, weight, bias)
    result: Array = x @ w.T
    if b is not None:
        result += b
    return result


def linear_backward(
    grad_output: ArrayLike, input: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None
) -> tuple[Array, Array, Array | None]:
    """Gradients of `linear` with respect to input, weight and bias."""
    x, w, b = _arguments(input, weight, bias)
    g = arrays.gradient(grad_output, x.shape[:-1] + w.shape[:-1], x.dtype)
    if w.ndim == 1:
        g = g[..., None]
    rows, results = x.reshape(-1, x.shape[-1]), g.reshape(-1, g.shape[-1])
    grad_weight = (results.T @ rows).reshape(w.shape)
    grad_bias = None if b is None else results.sum(axis=0).reshape(b.shape)
    return g @ np.atleast_2d(w), grad_weight, grad_bias


def _arguments(
    input: ArrayLike, weight: ArrayLike, bias: ArrayLike | None
) -> tuple[Array, Array, Array | None]:
    x = arrays.floats(input)
    w = arrays.floats(weight, "weight", x.dtype)
    if x.ndim < 1 or w.ndim not in {1, 2} or x.shape[-1] != w.shape[-1]:
        raise ValueError(
            "weight must have shape (out, in) for an input of shape (..., in), "
            f"got {w.shape} for {x.shape}"
        )
    if w.ndim == 1 and bias is not None:
        raise ValueError("bias must be None for a weight of a single row")
    return x, w, arrays.optional(bias, "bias", w.shape[:-1], x.dtype)

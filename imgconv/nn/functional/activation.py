"""What stands between layers: a matrix product, and functions of single numbers or of one axis."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.special import expit

from imgconv.nn.core import arrays

__all__ = [
    "dropout",
    "dropout_backward",
    "elu",
    "elu_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "linear",
    "linear_backward",
    "log_softmax",
    "log_softmax_backward",
    "prelu",
    "prelu_backward",
    "relu",
    "relu_backward",
    "rrelu",
    "rrelu_backward",
    "sigmoid",
    "sigmoid_backward",
    "softmax",
    "softmax_backward",
    "tanh",
    "tanh_backward",
]

Array = NDArray[Any]
Seed = np.random.Generator | int | None


# ---- a matrix product ------------------------------------------------------------------------


def linear(input: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None) -> Array:
    """Multiply by a matrix, and add a bias.

    Parameters
    ----------
    input : array_like, (..., in)
        float32 or float64.
    weight : array_like, (out, in) or (in,)
        Of the input's dtype; a row for each result.
    bias : array_like, (out,), optional
        What is added; not to a single row.

    Returns
    -------
    ndarray, (..., out)
        Of the input's dtype; without the last axis where `weight` is a single row.

    Raises
    ------
    ValueError
        If the last axes of input and weight, or the sizes of weight and bias, differ.
    TypeError
        If the input is neither float32 nor float64, or another array has another dtype.

    Examples
    --------
    >>> import imgconv.nn
    >>> imgconv.nn.linear([1.0, 2.0], [[3.0, 4.0], [5.0, 6.0]], [0.0, 1.0])
    array([11., 18.])
    """
    x, w, b = _linear_arguments(input, weight, bias)
    result: Array = x @ w.T
    if b is not None:
        result += b
    return result


def linear_backward(
    grad_output: ArrayLike, input: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None
) -> tuple[Array, Array, Array | None]:
    """Gradients of `linear` with respect to input, weight and bias."""
    x, w, b = _linear_arguments(input, weight, bias)
    g = arrays.grad(grad_output, x.shape[:-1] + w.shape[:-1], x.dtype)
    if w.ndim == 1:
        g = g[..., None]
    rows, results = x.reshape(-1, x.shape[-1]), g.reshape(-1, g.shape[-1])
    grad_weight = (results.T @ rows).reshape(w.shape)
    grad_bias = None if b is None else results.sum(axis=0).reshape(b.shape)
    return g @ np.atleast_2d(w), grad_weight, grad_bias


def _linear_arguments(
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


# ---- functions of single numbers -------------------------------------------------------------


def relu(input: ArrayLike) -> Array:
    """Cut off what is negative.

    Parameters
    ----------
    input : array_like
        float32 or float64, of any shape.

    Returns
    -------
    ndarray
        max(x, 0), of the input's shape and dtype.

    Examples
    --------
    >>> import imgconv.nn
    >>> imgconv.nn.relu([-1.0, 2.0])
    array([0., 2.])
    """
    x = arrays.floats(input)
    return np.maximum(x, x.dtype.type(0))


def relu_backward(grad_output: ArrayLike, input: ArrayLike) -> Array:
    """Gradient of `relu`; 0 at 0."""
    x, g = _with_grad(input, grad_output)
    # As words: 0 where it is cut off, else all bits. numpy.where takes 7 times as long.
    words = f"i{x.itemsize}"
    kept = np.asarray(x <= 0).astype(words)
    kept -= 1
    kept &= g.view(words)
    return kept.view(x.dtype)


def leaky_relu(input: ArrayLike, negative_slope: float = 0.01) -> Array:
    """Shrink what is negative.

    Parameters
    ----------
    input : array_like
        float32 or float64, of any shape.
    negative_slope : float
        The factor.

    Returns
    -------
    ndarray
        x where it is positive, else negative_slope * x; of the input's shape and dtype.

    Examples
    --------
    >>> import imgconv.nn
    >>> imgconv.nn.leaky_relu([-1.0, 2.0], 0.1)
    array([-0.1,  2. ])
    """
    x = arrays.floats(input)
    return np.where(x > 0, x, x * x.dtype.type(negative_slope))


def leaky_relu_backward(
    grad_output: ArrayLike, input: ArrayLike, negative_slope: float = 0.01
) -> Array:
    """Gradient of `leaky_relu`."""
    x, g = _with_grad(input, grad_output)
    return np.where(x > 0, g, g * x.dtype.type(negative_slope))


def elu(input: ArrayLike, alpha: float = 1.0) -> Array:
    """Bend what is negative towards a limit.

    Parameters
    ----------
    input : array_like
        float32 or float64, of any shape.
    alpha : float
        Minus the limit.

    Returns
    -------
    ndarray
        x where it is positive, else alpha * (exp(x) - 1); of the input's shape and dtype.

    Examples
    --------
    >>> import imgconv.nn
    >>> imgconv.nn.elu([-100.0, 0.0, 2.0])
    array([-1.,  0.,  2.])
    """
    x = arrays.floats(input)
    return np.where(x > 0, x, x.dtype.type(alpha) * np.expm1(np.minimum(x, x.dtype.type(0))))


def elu_backward(grad_output: ArrayLike, input: ArrayLike, alpha: float = 1.0) -> Array:
    """Gradient of `elu`; alpha at 0."""
    x, g = _with_grad(input, grad_output)
    return np.where(x > 0, g, g * x.dtype.type(alpha) * np.exp(np.minimum(x, x.dtype.type(0))))


def prelu(input: ArrayLike, weight: ArrayLike) -> Array:
    """Shrink what is negative, by a factor that is learned.

    Parameters
    ----------
    input : array_like, (N, C, ...) or (C,) or ()
        float32 or float64.
    weight : array_like, (1,) or (C,)
        The factor: one for all, or one for each channel, which are axis 1 (for a single axis,
        that axis is the batch).

    Returns
    -------
    ndarray
        x where it is positive, else weight * x; of the input's shape and dtype.

    Raises
    ------
    ValueError
        If there are neither one weight nor as many as channels.

    Examples
    --------
    >>> import imgconv.nn
    >>> imgconv.nn.prelu([[-1.0, -1.0, 2.0]], [0.5, 0.25, 0.1])
    array([[-0.5 , -0.25,  2.  ]])
    """
    x, w = _prelu_arguments(input, weight)
    return np.where(x > 0, x, x * w)


def prelu_backward(
    grad_output: ArrayLike, input: ArrayLike, weight: ArrayLike
) -> tuple[Array, Array]:
    """Gradients of `prelu` with respect to input and weight."""
    x, w = _prelu_arguments(input, weight)
    g = arrays.grad(grad_output, x.shape, x.dtype)
    negative = np.where(x > 0, x.dtype.type(0), x * g)
    axes = tuple(axis for axis in range(x.ndim) if w.ndim == 0 or w.shape[axis] == 1)
    grad_weight = negative.sum(axis=axes).reshape(np.shape(weight))
    return np.where(x > 0, g, g * w), grad_weight


def _prelu_arguments(input: ArrayLike, weight: ArrayLike) -> tuple[Array, Array]:
    """Return the input, and the weights so that they meet its channels."""
    x = arrays.floats(input)
    w = arrays.floats(weight, "weight", x.dtype)
    channels = x.shape[1] if x.ndim > 1 else 1
    if w.ndim > 1 or w.size not in {1, channels}:
        rule = f"shape (1,) or ({channels},), one for each channel"
        raise ValueError(f"weight must have {rule}, got {w.shape}")
    return x, w.reshape((1, w.size) + (1,) * (x.ndim - 2) if x.ndim > 1 else (1,) * x.ndim)


def rrelu(
    input: ArrayLike,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    *,
    slopes: ArrayLike | None = None,
    rng: Seed = None,
) -> Array:
    """Shrink what is negative, in training by random factors.

    Parameters
    ----------
    input : array_like
        float32 or float64, of any shape.
    lower, upper : float
        The factors lie between these, evenly.
    training : bool
        Draw a factor for each number; else all are (lower + upper) / 2.
    slopes : array_like, optional
        The factors, of the input's shape, in place of drawing them.
    rng : Generator or int, optional
        What draws them, or its seed.

    Returns
    -------
    ndarray
        x where it is positive, else factor * x; of the input's shape and dtype.

    Raises
    ------
    ValueError
        If `lower` is above `upper`, or the shape of `slopes` not that of the input.

    Examples
    --------
    >>> import imgconv.nn
    >>> imgconv.nn.rrelu([-24.0, 2.0])
    array([-5.5,  2. ])
    >>> imgconv.nn.rrelu([-24.0, 2.0], training=True, slopes=[0.25, 0.3])
    array([-6.,  2.])
    """
    x = arrays.floats(input)
    if training and slopes is None:
        slopes = draw_slopes(x.shape, lower, upper, rng)
    return np.where(x > 0, x, x * _slopes(x, lower, upper, training, slopes))


def rrelu_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    *,
    slopes: ArrayLike | None = None,
    rng: Seed = None,
) -> Array:
    """Gradient of `rrelu`; in training it needs the slopes that went forward."""
    x, g = _with_grad(input, grad_output)
    return np.where(x > 0, g, g * _slopes(x, lower, upper, training, slopes))


def draw_slopes(shape: tuple[int, ...], lower: float, upper: float, rng: Seed) -> Array:
    """Return random factors for `rrelu`."""
    _check_range(lower, upper)
    return np.random.default_rng(rng).uniform(lower, upper, shape)


def _slopes(
    x: Array, lower: float, upper: float, training: bool, slopes: ArrayLike | None
) -> Array:
    _check_range(lower, upper)
    if not training:
        return np.asarray((lower + upper) / 2, x.dtype)
    if slopes is None:
        raise ValueError("slopes must be those of the forward pass in training, got None")
    factors = np.asarray(slopes, x.dtype)
    arrays.check_shape(factors, x.shape, "slopes")
    return factors


def _check_range(lower: float, upper: float) -> None:
    if not lower <= upper:
        raise ValueError(f"lower must not be above upper, got {lower!r}, {upper!r}")


def sigmoid(input: ArrayLike) -> Array:
    """Squeeze numbers between 0 and 1.

    Parameters
    ----------
    input : array_like
        float32 or float64, of any shape.

    Returns
    -------
    ndarray
        1 / (1 + exp(-x)), of the input's shape and dtype.

    Examples
    --------
    >>> import imgconv.nn
    >>> imgconv.nn.sigmoid([-1000.0, 0.0, 1000.0])
    array([0. , 0.5, 1. ])
    """
    result: Array = expit(arrays.floats(input))
    return result


def sigmoid_backward(grad_output: ArrayLike, input: ArrayLike) -> Array:
    """Gradient of `sigmoid`."""
    x, g = _with_grad(input, grad_output)
    y: Array = expit(x)
    return g * (y * (1 - y))


def tanh(input: ArrayLike) -> Array:
    """Squeeze numbers between -1 and 1.

    Parameters
    ----------
    input : array_like
        float32 or float64, of any shape.

    Returns
    -------
    ndarray
        The hyperbolic tangent, of the input's shape and dtype.

    Examples
    --------
    >>> import imgconv.nn
    >>> imgconv.nn.tanh([-1000.0, 0.0, 1000.0])
    array([-1.,  0.,  1.])
    """
    return np.tanh(arrays.floats(input))


def tanh_backward(grad_output: ArrayLike, input: ArrayLike) -> Array:
    """Gradient of `tanh`."""
    x, g = _with_grad(input, grad_output)
    y = np.tanh(x, out=np.empty_like(x))
    y *= y
    np.subtract(1, y, out=y)
    y *= g
    return y


# ---- along an axis ---------------------------------------------------------------------------


def softmax(input: ArrayLike, dim: int, *, dtype: DTypeLike | None = None) -> Array:
    """Turn numbers into probabilities that add up to 1.

    Parameters
    ----------
    input : array_like
        float32 or float64.
    dim : int
        The axis along which they add up. PyTorch guesses it, with a warning, where it is not given.
    dtype : dtype, optional
        float32 or float64: what to compute in.

    Returns
    -------
    ndarray
        exp(x) / sum(exp(x)), of the input's shape, and its dtype or `dtype`.

    Raises
    ------
    ValueError
        If there is no such axis.

    Examples
    --------
    >>> import imgconv.nn
    >>> imgconv.nn.softmax([[0.0, 1000.0], [3.0, 3.0]], dim=1)
    array([[0. , 1. ],
           [0.5, 0.5]])
    """
    return _softmax(*_softmax_arguments(input, dim, dtype))


def softmax_backward(
    grad_output: ArrayLike, input: ArrayLike, dim: int, *, dtype: DTypeLike | None = None
) -> Array:
    """Gradient of `softmax`."""
    x, axis = _softmax_arguments(input, dim, dtype)
    g = arrays.grad(grad_output, x.shape, x.dtype)
    y = _softmax(x, axis)
    gradient = y * (g - (g * y).sum(axis=axis, keepdims=True))
    return gradient.astype(arrays.float_dtype(np.asarray(input).dtype), copy=False)


def log_softmax(input: ArrayLike, dim: int, *, dtype: DTypeLike | None = None) -> Array:
    """Logarithms of `softmax`, which do not vanish where it does.

    Parameters
    ----------
    input : array_like
        float32 or float64.
    dim : int
        The axis along which the probabilities add up.
    dtype : dtype, optional
        float32 or float64: what to compute in.

    Returns
    -------
    ndarray
        x - log(sum(exp(x))), of the input's shape, and its dtype or `dtype`.

    Raises
    ------
    ValueError
        If there is no such axis.

    Examples
    --------
    >>> import imgconv.nn
    >>> imgconv.nn.log_softmax([0.0, 1000.0], dim=0)
    array([-1000.,     0.])
    """
    return _log_softmax(*_softmax_arguments(input, dim, dtype))


def log_softmax_backward(
    grad_output: ArrayLike, input: ArrayLike, dim: int, *, dtype: DTypeLike | None = None
) -> Array:
    """Gradient of `log_softmax`."""
    x, axis = _softmax_arguments(input, dim, dtype)
    g = arrays.grad(grad_output, x.shape, x.dtype)
    gradient = g - _softmax(x, axis) * g.sum(axis=axis, keepdims=True)
    return gradient.astype(arrays.float_dtype(np.asarray(input).dtype), copy=False)


def _softmax_arguments(input: ArrayLike, dim: int, dtype: DTypeLike | None) -> tuple[Array, int]:
    x = arrays.floats(input)
    axis = arrays.axis(dim, x.ndim)
    if dtype is not None:
        x = x.astype(arrays.float_dtype(dtype), copy=False)
    return (x.reshape(1), 0) if x.ndim == 0 else (x, axis)


def _below_largest(x: Array, axis: int) -> Array:
    """Return numbers of which the largest is 0; exponentials do not overflow."""
    with np.errstate(invalid="ignore"):
        return x - x.max(axis=axis, keepdims=True, initial=-np.inf)


def _softmax(x: Array, axis: int) -> Array:
    e = np.exp(_below_largest(x, axis))
    e /= e.sum(axis=axis, keepdims=True)
    return e


def _log_softmax(x: Array, axis: int) -> Array:
    below = _below_largest(x, axis)
    below -= np.log(np.exp(below).sum(axis=axis, keepdims=True))
    return below


# ---- noise -----------------------------------------------------------------------------------


def dropout(
    input: ArrayLike,
    p: float = 0.5,
    training: bool = True,
    *,
    mask: ArrayLike | None = None,
    rng: Seed = None,
) -> Array:
    """Put zeros in random places, so that no number is relied on.

    Parameters
    ----------
    input : array_like
        float32 or float64, of any shape.
    p : float
        The probability of a zero, from 0 to 1.
    training : bool
        Whether to do anything at all.
    mask : array_like of bool, optional
        True where a number stays, in place of drawing it.
    rng : Generator or int, optional
        What draws the mask, or its seed.

    Returns
    -------
    ndarray
        x / (1 - p) where it stays, so that the mean stays; of the input's shape and dtype.

    Raises
    ------
    ValueError
        If `p` is no probability, or the shape of `mask` not that of the input.

    Examples
    --------
    >>> import imgconv.nn
    >>> imgconv.nn.dropout([1.0, 2.0, 3.0], 0.5, mask=[True, False, True])
    array([2., 0., 6.])
    >>> imgconv.nn.dropout([1.0, 2.0, 3.0], training=False)
    array([1., 2., 3.])
    """
    x = arrays.floats(input)
    if training and mask is None:
        mask = draw_mask(x.shape, p, rng)
    return _drop(x, x, p, training, mask)


def dropout_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    p: float = 0.5,
    training: bool = True,
    *,
    mask: ArrayLike | None = None,
    rng: Seed = None,
) -> Array:
    """Gradient of `dropout`; in training it needs the mask that went forward."""
    x, g = _with_grad(input, grad_output)
    return _drop(g, x, p, training, mask)


def draw_mask(shape: tuple[int, ...], p: float, rng: Seed) -> NDArray[np.bool_]:
    """Return a random mask for `dropout`."""
    return np.random.default_rng(rng).random(shape, np.float32) >= arrays.probability(p, "p")


def _drop(values: Array, x: Array, p: float, training: bool, mask: ArrayLike | None) -> Array:
    stay = 1 - arrays.probability(p, "p")
    if not training:
        return values.copy()
    if mask is None:
        raise ValueError("mask must be that of the forward pass in training, got None")
    kept = np.asarray(mask, np.bool_)
    arrays.check_shape(kept, x.shape, "mask")
    return values * (kept * x.dtype.type(1 / stay if stay else 0))


def _with_grad(input: ArrayLike, grad_output: ArrayLike) -> tuple[Array, Array]:
    x = arrays.floats(input)
    return x, arrays.grad(grad_output, x.shape, x.dtype)

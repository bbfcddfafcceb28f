"""Activations, functions of single numbers or along one axis, and dropout, with gradients."""

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.special import expit

from imgconv.nn.core import arrays
from imgconv.nn.core.arrays import Array, Seed, Shape

__all__ = [
    "dropout",
    "dropout_backward",
    "elu",
    "elu_backward",
    "leaky_relu",
    "leaky_relu_backward",
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

# ---- functions of single numbers -------------------------------------------------------------


def relu(input: ArrayLike) -> Array:
    """Replace negative numbers by 0.

    Parameters
    ----------
    input : array_like

    Returns
    -------
    ndarray
        max(x, 0).

    Examples
    --------
    >>> import imgconv.nn
    >>> imgconv.nn.relu([-1.0, 2.0])
    array([0., 2.])
    """
    x = arrays.floats(input)
    result: Array = np.maximum(x, x.dtype.type(0))
    return result


def relu_backward(grad_output: ArrayLike, input: ArrayLike) -> Array:
    """Gradient of `relu`; 0 at 0."""
    x, g = _with_grad(input, grad_output)
    # As integers whose bits are all 0 or all 1: numpy.where takes 7 times as long.
    integers = f"i{x.itemsize}"
    kept = np.asarray(x <= 0).astype(integers)
    kept -= 1
    kept &= g.view(integers)
    return kept.view(x.dtype)


def leaky_relu(input: ArrayLike, negative_slope: float = 0.01) -> Array:
    """Multiply negative numbers by a factor.

    Parameters
    ----------
    input : array_like
    negative_slope : float
        The factor.

    Returns
    -------
    ndarray
        x where it is positive, else negative_slope * x.

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
    """Map negative numbers to an exponential that tends to a limit.

    Parameters
    ----------
    input : array_like
    alpha : float
        The limit, negated.

    Returns
    -------
    ndarray
        x where it is positive, else alpha * (exp(x) - 1).

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
    """Multiply negative numbers by a factor that is learned.

    Parameters
    ----------
    input : array_like, (N, C, ...) or (N,) or ()
    weight : array_like, (1,) or (C,)
        One factor for all numbers, or one for each channel. Channels are axis 1; an input of one
        axis has one channel.

    Returns
    -------
    ndarray
        x where it is positive, else weight * x.

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
    g = arrays.gradient(grad_output, x.shape, x.dtype)
    negative = np.where(x > 0, x.dtype.type(0), x * g)
    axes = tuple(axis for axis in range(x.ndim) if w.ndim == 0 or w.shape[axis] == 1)
    grad_weight = negative.sum(axis=axes).reshape(np.shape(weight))
    return np.where(x > 0, g, g * w), grad_weight


def _prelu_arguments(input: ArrayLike, weight: ArrayLike) -> tuple[Array, Array]:
    """Return the input, and the weights in a shape that broadcasts along its channels."""
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
    """Multiply negative numbers by a factor, in training by random ones.

    Parameters
    ----------
    input : array_like
    lower, upper : float
        The factors are drawn uniformly between these.
    training : bool
        Whether a factor is drawn for each number. Otherwise all are (lower + upper) / 2.
    slopes : array_like, optional
        Factors of the input's shape, to be used instead of drawn ones.
    rng : Generator or int, optional
        The generator that draws the factors, or its seed.

    Returns
    -------
    ndarray
        x where it is positive, else factor * x.

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
    """Gradient of `rrelu`; in training it needs the slopes of the forward pass."""
    x, g = _with_grad(input, grad_output)
    return np.where(x > 0, g, g * _slopes(x, lower, upper, training, slopes))


def draw_slopes(shape: Shape, lower: float, upper: float, rng: Seed) -> Array:
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
    """Map numbers to the range from 0 to 1.

    Parameters
    ----------
    input : array_like

    Returns
    -------
    ndarray
        1 / (1 + exp(-x)).

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
    gradient: Array = g * (y * (1 - y))
    return gradient


def tanh(input: ArrayLike) -> Array:
    """Map numbers to the range from -1 to 1.

    Parameters
    ----------
    input : array_like

    Returns
    -------
    ndarray
        The hyperbolic tangent.

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
    """Map numbers to probabilities that add up to 1.

    Parameters
    ----------
    input : array_like
    dim : int
        The axis along which they add up. It must be given; PyTorch guesses it, with a warning.
    dtype : dtype, optional
        float32 or float64: the dtype to compute in.

    Returns
    -------
    ndarray
        exp(x) / sum(exp(x)), of the input's dtype or of `dtype`.

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
    g = arrays.gradient(grad_output, x.shape, x.dtype)
    y = _softmax(x, axis)
    gradient: Array = y * (g - (g * y).sum(axis=axis, keepdims=True))
    return gradient.astype(arrays.float_dtype(np.asarray(input).dtype), copy=False)


def log_softmax(input: ArrayLike, dim: int, *, dtype: DTypeLike | None = None) -> Array:
    """Logarithms of `softmax`, finite also where it is 0 by underflow.

    Parameters
    ----------
    input : array_like
    dim : int
        The axis along which the probabilities add up.
    dtype : dtype, optional
        float32 or float64: the dtype to compute in.

    Returns
    -------
    ndarray
        x - log(sum(exp(x))), of the input's dtype or of `dtype`.

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
    g = arrays.gradient(grad_output, x.shape, x.dtype)
    gradient: Array = g - _softmax(x, axis) * g.sum(axis=axis, keepdims=True)
    return gradient.astype(arrays.float_dtype(np.asarray(input).dtype), copy=False)


def _softmax_arguments(input: ArrayLike, dim: int, dtype: DTypeLike | None) -> tuple[Array, int]:
    x = arrays.floats(input)
    axis = arrays.axis(dim, x.ndim)
    if dtype is not None:
        x = x.astype(arrays.float_dtype(dtype), copy=False)
    return (x.reshape(1), 0) if x.ndim == 0 else (x, axis)


def _minus_maximum(x: Array, axis: int) -> Array:
    """Return numbers with maximum 0, whose exponentials do not overflow."""
    with np.errstate(invalid="ignore"):
        shifted: Array = x - x.max(axis=axis, keepdims=True, initial=-np.inf)
    return shifted


def _softmax(x: Array, axis: int) -> Array:
    e = np.exp(_minus_maximum(x, axis))
    e /= e.sum(axis=axis, keepdims=True)
    return e


def _log_softmax(x: Array, axis: int) -> Array:
    shifted = _minus_maximum(x, axis)
    shifted -= np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
    return shifted


# ---- dropout -----------------------------------------------------------------------------------


def dropout(
    input: ArrayLike,
    p: float = 0.5,
    training: bool = True,
    *,
    mask: ArrayLike | None = None,
    rng: Seed = None,
) -> Array:
    """Replace random numbers by 0.

    Parameters
    ----------
    input : array_like
    p : float
        The probability of a zero, from 0 to 1.
    training : bool
        Whether anything is replaced.
    mask : array_like of bool, optional
        True where a number is kept, to be used instead of a drawn mask.
    rng : Generator or int, optional
        The generator that draws the mask, or its seed.

    Returns
    -------
    ndarray
        x / (1 - p) where a number is kept, so that the mean stays the same.

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
    """Gradient of `dropout`; in training it needs the mask of the forward pass."""
    x, g = _with_grad(input, grad_output)
    return _drop(g, x, p, training, mask)


def draw_mask(shape: Shape, p: float, rng: Seed) -> NDArray[np.bool_]:
    """Return a random mask for `dropout`."""
    return np.random.default_rng(rng).random(shape, np.float32) >= arrays.probability(p, "p")


def _drop(values: Array, x: Array, p: float, training: bool, mask: ArrayLike | None) -> Array:
    keep = 1 - arrays.probability(p, "p")
    if not training:
        return values.copy()
    if mask is None:
        raise ValueError("mask must be that of the forward pass in training, got None")
    kept = np.asarray(mask, np.bool_)
    arrays.check_shape(kept, x.shape, "mask")
    result: Array = values * (kept * x.dtype.type(1 / keep if keep else 0))
    return result


def _with_grad(input: ArrayLike, grad_output: ArrayLike) -> tuple[Array, Array]:
    x = arrays.floats(input)
    return x, arrays.gradient(grad_output, x.shape, x.dtype)

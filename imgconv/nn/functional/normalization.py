"""Batch normalization: each channel scaled to mean 0 and variance 1, with gradients."""

import numpy as np
from numpy.typing import ArrayLike

from imgconv.nn.core import arrays
from imgconv.nn.core.arrays import Array

__all__ = ["batch_norm", "batch_norm_backward"]


def batch_norm(
    input: ArrayLike,
    running_mean: Array | None,
    running_var: Array | None,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Array:
    """Scale each channel to mean 0 and variance 1, then to a mean and scale that are learned.

    Parameters
    ----------
    input : array_like, (N, C) or (N, C, ...)
    running_mean, running_var : ndarray, (C,), or None
        Means and variances of earlier batches. In training they move, in place, towards those of
        this batch; otherwise the input is scaled by them.
    weight, bias : array_like, (C,), optional
        The scale and the mean of the result.
    training : bool
        Whether the input is scaled by its own mean and variance.
    momentum : float
        How far the running ones move: 0 not at all, 1 all the way.
    eps : float
        Added to the variance.

    Returns
    -------
    ndarray
        (x - mean) / sqrt(variance + eps) * weight + bias.

    Raises
    ------
    ValueError
        If the size of an array is not the number of channels, a channel has one number in
        training, or there are no running mean and variance otherwise.

    Notes
    -----
    The batch is scaled by its variance over n numbers; the running variance is that over n - 1, as
    in PyTorch. S. Ioffe, C. Szegedy, "Batch normalization", 2015.

    Examples
    --------
    >>> import imgconv.nn
    >>> imgconv.nn.batch_norm([[1.0, 10.0], [3.0, 30.0]], None, None, training=True).round(3)
    array([[-1., -1.],
           [ 1.,  1.]])
    """
    x, w, b = _arguments(input, running_mean, running_var, weight, bias)
    mean, variance = _statistics(x, running_mean, running_var, training)
    if training and running_mean is not None and running_var is not None:
        count = x.size // x.shape[1]
        running_mean += momentum * (mean - running_mean)
        running_var += momentum * (variance * (count / (count - 1)) - running_var)
    scale = 1 / np.sqrt(variance + eps) * (1 if w is None else w)
    shift = (0 if b is None else b) - mean * scale
    result = x * _by_channel(scale, x)
    result += _by_channel(shift, x)
    return result


def batch_norm_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    running_mean: Array | None,
    running_var: Array | None,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Array, Array | None, Array | None]:
    """Gradients of `batch_norm` with respect to input, weight and bias."""
    x, w, b = _arguments(input, running_mean, running_var, weight, bias)
    g = arrays.gradient(grad_output, x.shape, x.dtype)
    mean, variance = _statistics(x, running_mean, running_var, training)
    others = _all_but_channels(x)
    deviation = np.sqrt(variance + eps)
    scale = (1 if w is None else w) / deviation
    centred = x - _by_channel(mean, x)
    gradient = g * centred
    sums = g.sum(axis=others, dtype=np.float64)
    products = gradient.sum(axis=others, dtype=np.float64) / deviation
    np.multiply(g, _by_channel(scale, x), out=gradient)
    if training:
        # Mean and variance depend on the input, too: a change of these two alone changes no result,
        # so the gradient has no part along them.
        count = x.size // x.shape[1]
        centred *= _by_channel(scale * products / (deviation * count), x)
        gradient -= centred
        gradient -= _by_channel(scale * sums / count, x)
    grad_weight = None if w is None else products.astype(x.dtype)
    return gradient, grad_weight, None if b is None else sums.astype(x.dtype)


def _arguments(
    input: ArrayLike,
    running_mean: Array | None,
    running_var: Array | None,
    weight: ArrayLike | None,
    bias: ArrayLike | None,
) -> tuple[Array, Array | None, Array | None]:
    x = arrays.floats(input)
    if x.ndim < 2:
        raise ValueError(f"input must have axes (N, C) or more, got shape {x.shape}")
    size = x.shape[1:2]
    if (running_mean is None) != (running_var is None):
        raise ValueError("running_mean and running_var must both be given or both be None")
    arrays.optional(running_mean, "running_mean", size, x.dtype)
    arrays.optional(running_var, "running_var", size, x.dtype)
    w = arrays.optional(weight, "weight", size, x.dtype)
    return x, w, arrays.optional(bias, "bias", size, x.dtype)


def _statistics(
    x: Array, running_mean: Array | None, running_var: Array | None, training: bool
) -> tuple[Array, Array]:
    """Return mean and variance of each channel, in float64."""
    if not training:
        if running_mean is None or running_var is None:
            raise ValueError("running_mean and running_var must be given where training is False")
        return running_mean.astype(np.float64), running_var.astype(np.float64)
    if x.size // max(x.shape[1], 1) < 2:
        raise ValueError(f"input must have 2 numbers or more a channel, got shape {x.shape}")
    others = _all_but_channels(x)
    mean = x.mean(axis=others, dtype=np.float64)
    centred = x - _by_channel(mean, x)
    return mean, np.square(centred, out=centred).mean(axis=others, dtype=np.float64)


def _all_but_channels(x: Array) -> tuple[int, ...]:
    return (0, *range(2, x.ndim))


def _by_channel(values: Array, x: Array) -> Array:
    """Return one number for each channel in a shape that broadcasts along the channels of `x`."""
    return values.astype(x.dtype, copy=False).reshape(-1, *(1,) * (x.ndim - 2))

"""Losses: how far a result is from its target, as one number.

Targets and weights are constants: gradients are those with respect to the input.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from imgconv.core import check
from imgconv.nn.core import arrays
from imgconv.nn.core.arrays import Array
from imgconv.nn.functional.activation import log_softmax

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_backward",
    "cross_entropy",
    "cross_entropy_backward",
    "l1_loss",
    "l1_loss_backward",
    "mse_loss",
    "mse_loss_backward",
    "smooth_l1_loss",
    "smooth_l1_loss_backward",
]

REDUCTIONS = ("none", "mean", "sum")

# PyTorch's limits: of a logarithm, and of a divisor (1e-12 as a float32).
MINIMUM_LOG, MINIMUM_DIVISOR = -100.0, float(np.float32(1e-12))


# ---- of numbers ------------------------------------------------------------------------------


def mse_loss(
    input: ArrayLike,
    target: ArrayLike,
    *,
    reduction: str = "mean",
    weight: ArrayLike | None = None,
) -> Array:
    """Mean of squared differences.

    Parameters
    ----------
    input, target, reduction
        See `imgconv.nn`, losses.
    weight : array_like, optional
        A factor for each loss, of the input's shape. "mean" divides by their sum.

    Returns
    -------
    ndarray
        (x - t)**2, reduced.

    Examples
    --------
    >>> import imgconv.nn
    >>> float(imgconv.nn.mse_loss([1.0, 2.0], [1.0, 5.0]))
    4.5
    """
    d, w = _difference(input, target, reduction, weight)
    return _reduce(d * d, w, reduction)


def mse_loss_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    target: ArrayLike,
    *,
    reduction: str = "mean",
    weight: ArrayLike | None = None,
) -> Array:
    """Gradient of `mse_loss` with respect to the input."""
    d, w = _difference(input, target, reduction, weight)
    gradient: Array = _unreduce(grad_output, d, w, reduction) * (2 * d)
    return gradient


def l1_loss(
    input: ArrayLike,
    target: ArrayLike,
    *,
    reduction: str = "mean",
    weight: ArrayLike | None = None,
) -> Array:
    """Mean of absolute differences.

    Parameters
    ----------
    input, target, reduction
        See `imgconv.nn`, losses.
    weight : array_like, optional
        A factor for each loss, of the input's shape. "mean" divides by their sum.

    Returns
    -------
    ndarray
        abs(x - t), reduced.

    Examples
    --------
    >>> import imgconv.nn
    >>> float(imgconv.nn.l1_loss([1.0, 2.0], [1.0, 5.0]))
    1.5
    """
    d, w = _difference(input, target, reduction, weight)
    return _reduce(np.abs(d), w, reduction)


def l1_loss_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    target: ArrayLike,
    *,
    reduction: str = "mean",
    weight: ArrayLike | None = None,
) -> Array:
    """Gradient of `l1_loss` with respect to the input; 0 where input and target are equal."""
    d, w = _difference(input, target, reduction, weight)
    return _unreduce(grad_output, d, w, reduction) * np.sign(d)


def smooth_l1_loss(
    input: ArrayLike, target: ArrayLike, *, reduction: str = "mean", beta: float = 1.0
) -> Array:
    """Mean of absolute differences, of which small ones are squared.

    Parameters
    ----------
    input, target, reduction
        See `imgconv.nn`, losses.
    beta : float
        Differences below it are squared; with 0, none.

    Returns
    -------
    ndarray
        d**2 / (2 * beta) where d = abs(x - t) < beta, else d - beta / 2, reduced.

    Examples
    --------
    >>> import imgconv.nn
    >>> imgconv.nn.smooth_l1_loss([1.0, 2.0], [1.5, 5.0], reduction="none")
    array([0.125, 2.5  ])
    """
    _check_beta(beta)
    d, _ = _difference(input, target, reduction, None)
    size = np.abs(d)
    small = size * size / (2 * beta) if beta else size
    return _reduce(np.where(size < beta, small, size - beta / 2), None, reduction)


def smooth_l1_loss_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    target: ArrayLike,
    *,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Array:
    """Gradient of `smooth_l1_loss` with respect to the input."""
    _check_beta(beta)
    d, _ = _difference(input, target, reduction, None)
    slope = np.clip(d / beta, -1, 1) if beta else np.sign(d)
    gradient: Array = _unreduce(grad_output, d, None, reduction) * slope
    return gradient


# ---- of probabilities ------------------------------------------------------------------------


def binary_cross_entropy(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    reduction: str = "mean",
) -> Array:
    """Cross-entropy of probabilities of two classes.

    Parameters
    ----------
    input, target
        See `imgconv.nn`, losses. Probabilities of the second class.
    weight : array_like, optional
        A factor for each loss, of a shape that broadcasts to the input's.
    reduction
        See `imgconv.nn`, losses.

    Returns
    -------
    ndarray
        -(t * log(x) + (1 - t) * log(1 - x)), reduced.

    Raises
    ------
    ValueError
        If an input does not lie between 0 and 1.

    Notes
    -----
    A logarithm below -100 counts as -100, as in PyTorch.

    Examples
    --------
    >>> import imgconv.nn
    >>> imgconv.nn.binary_cross_entropy([0.5, 1.0], [1.0, 0.0], reduction="none").round(3)
    array([  0.693, 100.   ])
    """
    x, t, w = _probabilities(input, target, weight, reduction)
    with np.errstate(divide="ignore"):
        yes, no = np.maximum(np.log(x), MINIMUM_LOG), np.maximum(np.log1p(-x), MINIMUM_LOG)
    return _reduce(((t - 1) * no - t * yes) * w, None, reduction)


def binary_cross_entropy_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    reduction: str = "mean",
) -> Array:
    """Gradient of `binary_cross_entropy` with respect to the input."""
    x, t, w = _probabilities(input, target, weight, reduction)
    slope = (x - t) / np.maximum((1 - x) * x, MINIMUM_DIVISOR) * w
    factors: Array = slope.astype(x.dtype, copy=False)
    return _unreduce(grad_output, x, None, reduction) * factors


def cross_entropy(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Array:
    """Cross-entropy of classes, from scores that `softmax` maps to probabilities.

    Parameters
    ----------
    input : array_like, (C,), (N, C) or (N, C, ...)
        A score for each class.
    target : array_like
        Either the classes, integers of the input's shape without C; or their probabilities, of the
        input's shape and dtype.
    weight : array_like, (C,), optional
        A factor for each class.
    ignore_index : int
        A class that does not count. Only where targets are classes.
    reduction
        See `imgconv.nn`, losses. Where targets are classes, "mean" divides by the sum of their
        weights.
    label_smoothing : float
        From 0 to 1: this part of the target is spread evenly over all classes.

    Returns
    -------
    ndarray
        -sum over classes of target * log(softmax(x)), reduced.

    Raises
    ------
    ValueError
        If the shapes do not fit, a class is none of the C, or `label_smoothing` does not lie
        between 0 and 1.
    TypeError
        If the target is neither of integers nor of the input's dtype.

    Examples
    --------
    >>> import imgconv.nn
    >>> scores = [[0.0, 0.0], [0.0, 100.0]]
    >>> imgconv.nn.cross_entropy(scores, [0, 1], reduction="none").round(3)
    array([0.693, 0.   ])
    >>> imgconv.nn.cross_entropy(scores, [[0.5, 0.5], [0.5, 0.5]], reduction="none").round(3)
    array([ 0.693, 50.   ])
    """
    x, axis, parts, total = _class_targets(
        input, target, weight, ignore_index, reduction, label_smoothing
    )
    logs = log_softmax(x, axis)
    # Where a part is 0, its logarithm may be infinite.
    losses = np.multiply(parts, -logs, where=parts != 0, out=np.zeros_like(logs)).sum(axis=axis)
    return _reduce(losses, None, reduction, total)


def cross_entropy_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Array:
    """Gradient of `cross_entropy` with respect to the input."""
    x, axis, parts, total = _class_targets(
        input, target, weight, ignore_index, reduction, label_smoothing
    )
    sums = parts.sum(axis=axis, keepdims=True)
    scale = _unreduce(grad_output, sums.squeeze(axis), None, reduction, total)
    gradient: Array = np.expand_dims(scale, axis) * (np.exp(log_softmax(x, axis)) * sums - parts)
    return gradient


class ClassTargets(NamedTuple):
    """Arguments of `cross_entropy`: its mean is -sum(parts * log_softmax(x, axis)) / total."""

    x: Array
    axis: int
    parts: Array
    total: Any


def _class_targets(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> ClassTargets:
    """Return each class's part in the target, from classes or from probabilities."""
    x, t = arrays.floats(input), np.asarray(target)
    check.choice(reduction, REDUCTIONS, "reduction")
    smoothing = arrays.probability(label_smoothing, "label_smoothing")
    if x.ndim < 1:
        raise ValueError("input must have axes (C,), (N, C) or more, got shape ()")
    axis = min(x.ndim - 1, 1)
    count = x.shape[axis]
    w = arrays.optional(weight, "weight", (count,), x.dtype)
    factors = np.ones(count, x.dtype) if w is None else w
    factors = factors.reshape(-1, *(1,) * (x.ndim - 1 - axis))
    if t.dtype.kind == "f":
        t = arrays.floats(target, "target", x.dtype)
        arrays.check_shape(t, x.shape, "target")
        parts = factors * _smooth(t, smoothing, count)
        return ClassTargets(x, axis, parts, x.size // max(count, 1))
    chosen, counts = _one_hot(t, x, axis, check.integer(ignore_index, "ignore_index"))
    total = (factors * chosen).sum()
    return ClassTargets(x, axis, factors * _smooth(chosen, smoothing, count) * counts, total)


def _one_hot(t: Array, x: Array, axis: int, ignore_index: int) -> tuple[Array, Array]:
    """Return 1 at the class of each target that counts, else 0; and whether each counts."""
    if t.dtype.kind not in "iu":
        raise TypeError(f"target must hold integers or floats, got {t.dtype}")
    arrays.check_shape(t, x.shape[:axis] + x.shape[axis + 1 :], "target")
    counts = t != ignore_index
    count = x.shape[axis]
    wrong = t[counts & ((t < 0) | (t >= count))]
    if wrong.size:
        raise ValueError(f"target must be a class from 0 to {count - 1}, got {wrong.flat[0]}")
    chosen = np.zeros(x.shape, x.dtype)
    index = np.expand_dims(np.where(counts, t, 0).astype(np.intp), axis)
    counts = np.expand_dims(counts, axis)
    if chosen.size:
        np.put_along_axis(chosen, index, counts.astype(x.dtype), axis)
    return chosen, counts


def _smooth(parts: Array, smoothing: float, count: int) -> Array:
    return parts * (1 - smoothing) + smoothing / count if smoothing else parts


def _probabilities(
    input: ArrayLike, target: ArrayLike, weight: ArrayLike | None, reduction: str
) -> tuple[Array, Array, Any]:
    check.choice(reduction, REDUCTIONS, "reduction")
    x = arrays.floats(input)
    t = arrays.floats(target, "target", x.dtype)
    arrays.check_shape(t, x.shape, "target")
    if not ((x >= 0) & (x <= 1)).all():
        raise ValueError("input must hold probabilities from 0 to 1; sigmoid makes them")
    if weight is None:
        return x, t, x.dtype.type(1)
    w = arrays.floats(weight, "weight", x.dtype)
    try:
        return x, t, np.broadcast_to(w, x.shape)
    except ValueError:
        raise ValueError(f"weight must broadcast to {x.shape}, got {w.shape}") from None


# ---- shared --------------------------------------------------------------------------------


def _difference(
    input: ArrayLike, target: ArrayLike, reduction: str, weight: ArrayLike | None
) -> tuple[Array, Array | None]:
    check.choice(reduction, REDUCTIONS, "reduction")
    x = arrays.floats(input)
    t = arrays.floats(target, "target", x.dtype)
    arrays.check_shape(t, x.shape, "target")
    return x - t, arrays.optional(weight, "weight", x.shape, x.dtype)


def _check_beta(beta: float) -> None:
    if not check.number(beta, "beta") >= 0:
        raise ValueError(f"beta must not be negative, got {beta!r}")


def _reduce(losses: Array, weight: Array | None, reduction: str, total: Any = None) -> Array:
    """Return weighted losses, their sum, or their sum divided by that of the weights or `total`."""
    if weight is not None:
        losses = losses * weight
    if reduction == "none":
        return losses
    summed = losses.sum(dtype=np.float64)
    if reduction == "mean":
        with np.errstate(invalid="ignore", divide="ignore"):
            summed = summed / _total(losses, weight, total)
    result: Array = losses.dtype.type(summed)
    return result


def _unreduce(
    grad_output: ArrayLike, losses: Array, weight: Array | None, reduction: str, total: Any = None
) -> Array:
    """Return the gradient of each loss before it was weighted and reduced."""
    g = arrays.gradient(grad_output, losses.shape if reduction == "none" else (), losses.dtype)
    if reduction == "mean":
        with np.errstate(invalid="ignore", divide="ignore"):
            g = (g / _total(losses, weight, total)).astype(losses.dtype)
    return np.broadcast_to(g if weight is None else g * weight, losses.shape)


def _total(losses: Array, weight: Array | None, total: Any) -> np.float64:
    if weight is not None:
        total = weight.sum(dtype=np.float64)
    return np.float64(losses.size if total is None else total)

"""Training: optimizers, learning rates that change, and a loop. Experimental: names may change.

Optimizers and learning rates compute what those of `torch.optim` of the same name compute.

>>> import numpy as np
>>> from imgconv.nn import layers, train
>>> rng = np.random.default_rng(1)
>>> x = rng.standard_normal((256, 2))
>>> net = layers.Sequential(layers.Linear(2, 1, rng=rng, dtype=np.float64))
>>> optimizer = train.SGD(net.parameters(), lr=0.1, momentum=0.5)
>>> history = train.fit(
...     net, x, x @ [[3.0], [-2.0]] + 1, optimizer, loss="mse_loss", epochs=10, rng=rng
... )
>>> net[0].weight.value.round(3), net[0].bias.value.round(3)
(array([[ 3., -2.]]), array([1.]))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgconv.core import check
from imgconv.nn import functional
from imgconv.nn.functional import loss as losses_module
from imgconv.nn.layers.base import Layer, Parameter

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "CyclicLR",
    "Epoch",
    "ExponentialLR",
    "Optimizer",
    "RMSprop",
    "ReduceLROnPlateau",
    "StepLR",
    "batches",
    "evaluate",
    "fit",
    "predict",
]

Array = NDArray[Any]


# ---- optimizers ------------------------------------------------------------------------------


class Optimizer:
    """Base of the optimizers: each says how a parameter moves.

    Parameters
    ----------
    parameters : mapping of str to Parameter
        What `Layer.parameters` gives.
    lr : float
        The learning rate.
    weight_decay : float
        L2: this times the value is added to its gradient.
    l1 : float
        L1: this times the sign of the value is added to its gradient.

    Attributes
    ----------
    lr : float
        May be changed at any time.
    """

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        lr: float,
        *,
        weight_decay: float = 0.0,
        l1: float = 0.0,
    ) -> None:
        self.parameters = list(parameters.values())
        if not self.parameters:
            raise ValueError("parameters must not be empty")
        self.lr = _not_negative(lr, "lr")
        self.weight_decay = _not_negative(weight_decay, "weight_decay")
        self.l1 = _not_negative(l1, "l1")
        self.states: list[dict[str, Any]] = [{} for _ in self.parameters]

    def step(self) -> None:
        """Move all parameters by their gradients."""
        for parameter, state in zip(self.parameters, self.states, strict=True):
            gradient = parameter.grad
            if self.weight_decay:
                gradient = gradient + self.weight_decay * parameter.value
            if self.l1:
                gradient = gradient + self.l1 * np.sign(parameter.value)
            parameter.value -= self.move(gradient, state)

    def move(self, gradient: Array, state: dict[str, Any]) -> Array:
        """Return what is subtracted from a parameter; `state` is its memory."""
        raise NotImplementedError(f"{type(self).__name__} has no move")

    def zero_grad(self) -> None:
        """Set all gradients to 0."""
        for parameter in self.parameters:
            parameter.grad[...] = 0


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum, and Nesterov's."""

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        lr: float = 1e-3,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        l1: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay=weight_decay, l1=l1)
        self.momentum, self.nesterov = _not_negative(momentum, "momentum"), nesterov
        if nesterov and not momentum:
            raise ValueError(f"momentum must be positive for nesterov, got {momentum!r}")

    def move(self, gradient: Array, state: dict[str, Any]) -> Array:
        """Return lr * v, where v = momentum * v + gradient."""
        if not self.momentum:
            return self.lr * gradient
        velocity = state["velocity"] = self.momentum * state.get("velocity", 0) + gradient
        if self.nesterov:
            velocity = gradient + self.momentum * velocity
        return self.lr * velocity


class Adagrad(Optimizer):
    """Each number at a rate that falls with all its gradients so far (J. Duchi et al., 2011)."""

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        lr: float = 1e-2,
        *,
        eps: float = 1e-10,
        weight_decay: float = 0.0,
        l1: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay=weight_decay, l1=l1)
        self.eps = _not_negative(eps, "eps")

    def move(self, gradient: Array, state: dict[str, Any]) -> Array:
        """Return lr * gradient / sqrt(sum of squared gradients)."""
        squares = state["squares"] = state.get("squares", 0) + gradient * gradient
        return self.lr * gradient / (np.sqrt(squares) + self.eps)


class RMSprop(Optimizer):
    """Each number at a rate that falls with its latest gradients (G. Hinton, 2012)."""

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        lr: float = 1e-2,
        *,
        alpha: float = 0.99,
        eps: float = 1e-8,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        l1: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay=weight_decay, l1=l1)
        self.alpha, self.eps = _below_one(alpha, "alpha"), _not_negative(eps, "eps")
        self.momentum = _not_negative(momentum, "momentum")

    def move(self, gradient: Array, state: dict[str, Any]) -> Array:
        """Return lr * gradient / sqrt(mean of squared gradients), with momentum."""
        squares = _mean(state, "squares", gradient * gradient, self.alpha)
        step = gradient / (np.sqrt(squares) + self.eps)
        if self.momentum:
            step = state["velocity"] = self.momentum * state.get("velocity", 0) + step
        return self.lr * step


class Adadelta(Optimizer):
    """Each number by steps of the size of its latest ones (M. Zeiler, 2012)."""

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        lr: float = 1.0,
        *,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        l1: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay=weight_decay, l1=l1)
        self.rho, self.eps = _below_one(rho, "rho"), _not_negative(eps, "eps")

    def move(self, gradient: Array, state: dict[str, Any]) -> Array:
        """Return lr * gradient * sqrt(mean of squared steps / mean of squared gradients)."""
        squares = _mean(state, "squares", gradient * gradient, self.rho)
        before = state.get("steps", np.zeros_like(gradient))
        step = gradient * np.sqrt((before + self.eps) / (squares + self.eps))
        _mean(state, "steps", step * step, self.rho)
        return self.lr * step


class Adam(Optimizer):
    """Means of gradients over means of their squares (D. Kingma, J. Ba, 2014)."""

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        l1: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay=weight_decay, l1=l1)
        first, second = betas
        self.betas = _below_one(first, "betas"), _below_one(second, "betas")
        self.eps = _not_negative(eps, "eps")

    def move(self, gradient: Array, state: dict[str, Any]) -> Array:
        """Return lr * mean / sqrt(mean of squares), both corrected for having begun with 0."""
        count = state["count"] = state.get("count", 0) + 1
        first, second = self.betas
        mean = _mean(state, "mean", gradient, first) / (1 - first**count)
        squares = _mean(state, "squares", gradient * gradient, second) / (1 - second**count)
        return self.lr * mean / (np.sqrt(squares) + self.eps)


def _mean(state: dict[str, Any], name: str, value: Array, keep: float) -> Array:
    """Return a running mean, which begins with 0."""
    mean: Array = keep * state.get(name, 0) + (1 - keep) * value
    state[name] = mean
    return mean


def _not_negative(value: Any, name: str) -> float:
    number = check.finite(value, name)
    if number < 0:
        raise ValueError(f"{name} must not be negative, got {value!r}")
    return number


def _below_one(value: Any, name: str) -> float:
    number = _not_negative(value, name)
    if number >= 1:
        raise ValueError(f"{name} must be below 1, got {value!r}")
    return number


# ---- learning rates --------------------------------------------------------------------------


class StepLR:
    """A rate that falls by a factor every few epochs."""

    per_batch = False

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.optimizer, self.gamma = optimizer, check.finite(gamma, "gamma")
        self.step_size = check.at_least(step_size, "step_size", 1)
        self.count = 0

    def step(self, loss: float | None = None) -> None:
        """End an epoch."""
        self.count += 1
        if self.count % self.step_size == 0:
            self.optimizer.lr *= self.gamma


class ExponentialLR(StepLR):
    """A rate that falls by a factor every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        super().__init__(optimizer, 1, gamma)


class CyclicLR:
    """A rate that goes up and down, batch by batch (L. Smith, 2015).

    Parameters
    ----------
    optimizer : Optimizer
        Whose rate it is.
    base_lr, max_lr : float
        Where it turns.
    step_size_up, step_size_down : int
        Batches on the way up and on the way down; None is as many as up.
    mode : {"triangular", "triangular2", "exp_range"}
        Whether the way up stays as high, is halved in each cycle, or shrinks by `gamma` in each
        batch.
    gamma : float
        For "exp_range".
    """

    per_batch = True

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float,
        max_lr: float,
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
    ) -> None:
        self.optimizer = optimizer
        self.base_lr, self.max_lr = (
            _not_negative(base_lr, "base_lr"),
            _not_negative(max_lr, "max_lr"),
        )
        self.up = check.at_least(step_size_up, "step_size_up", 1)
        down = step_size_up if step_size_down is None else step_size_down
        self.down = check.at_least(down, "step_size_down", 1)
        self.mode = check.choice(mode, ("triangular", "triangular2", "exp_range"), "mode")
        self.gamma, self.count = check.finite(gamma, "gamma"), 0
        optimizer.lr = self.base_lr

    def step(self, loss: float | None = None) -> None:
        """End a batch."""
        self.count += 1
        cycle, place = divmod(self.count, self.up + self.down)
        height = place / self.up if place <= self.up else 1 - (place - self.up) / self.down
        shrunk = {"triangular": 1.0, "triangular2": 0.5**cycle, "exp_range": self.gamma**self.count}
        self.optimizer.lr = self.base_lr + (self.max_lr - self.base_lr) * height * shrunk[self.mode]


class ReduceLROnPlateau:
    """A rate that falls by a factor when the loss no longer does.

    Parameters
    ----------
    optimizer : Optimizer
        Whose rate it is.
    factor : float
        Below 1.
    patience : int
        How many epochs without progress are let pass.
    threshold : float
        Progress is a loss that is smaller by this part of the best one.
    cooldown : int
        How many epochs after a change are not counted.
    min_lr : float
        The rate does not fall below it.
    eps : float
        The rate stays where it would fall by no more than this.
    """

    per_batch = False

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
    ) -> None:
        self.optimizer, self.factor = optimizer, _below_one(factor, "factor")
        self.patience = check.at_least(patience, "patience", 0)
        self.cooldown = check.at_least(cooldown, "cooldown", 0)
        self.threshold = _not_negative(threshold, "threshold")
        self.min_lr, self.eps = _not_negative(min_lr, "min_lr"), _not_negative(eps, "eps")
        self.best, self.bad, self.resting = math.inf, 0, 0

    def step(self, loss: float | None = None) -> None:
        """End an epoch with this loss."""
        if loss is None:
            raise ValueError("loss must be given: the rate depends on it")
        progress = loss < self.best * (1 - self.threshold) if math.isfinite(self.best) else True
        self.best, self.bad = (loss, 0) if progress else (self.best, self.bad + 1)
        if self.resting:
            self.resting, self.bad = self.resting - 1, 0
        if self.bad > self.patience:
            lower = max(self.optimizer.lr * self.factor, self.min_lr)
            if self.optimizer.lr - lower > self.eps:
                self.optimizer.lr = lower
            self.resting, self.bad = self.cooldown, 0


Schedule = StepLR | CyclicLR | ReduceLROnPlateau


# ---- the loop --------------------------------------------------------------------------------


class Epoch(NamedTuple):
    """What one pass over the data came to."""

    number: int
    loss: float
    validation: float | None
    lr: float


def fit(
    model: Layer,
    inputs: ArrayLike,
    targets: ArrayLike,
    optimizer: Optimizer,
    *,
    loss: str = "cross_entropy",
    epochs: int = 1,
    batch_size: int = 32,
    schedule: Schedule | None = None,
    validation: tuple[ArrayLike, ArrayLike] | None = None,
    rng: np.random.Generator | int | None = None,
    watch: Callable[[Epoch], Any] | None = None,
) -> list[Epoch]:
    """Train a network; at the end it is out of training.

    Parameters
    ----------
    model : Layer
        What is trained.
    inputs, targets : array_like, (N, ...)
        The examples.
    optimizer : Optimizer
        Of the model's parameters.
    loss : str
        The name of a loss in `imgconv.nn`.
    epochs : int
        How often all examples are seen.
    batch_size : int
        How many examples make one step.
    schedule : StepLR, ExponentialLR, CyclicLR or ReduceLROnPlateau, optional
        What changes the rate, by the loss of the validation if there is one.
    validation : (inputs, targets), optional
        Examples that are not learned from, to see the loss of.
    rng : Generator or int, optional
        What shuffles the examples in each epoch, or its seed.
    watch : callable, optional
        Is called after each epoch.

    Returns
    -------
    list of Epoch
        Number, mean loss in training, loss of the validation, and rate of each epoch.

    Raises
    ------
    ValueError
        If inputs and targets differ in number, there are none, or the loss is unknown.
    """
    x, t = _examples(inputs, targets)
    backward = getattr(functional, f"{_check_loss(loss)}_backward")
    rng = np.random.default_rng(rng)
    history = []
    for number in range(1, check.at_least(epochs, "epochs", 0) + 1):
        model.train()
        total = 0.0
        for chosen in batches(len(x), batch_size, rng):
            result = model(x[chosen])
            total += float(getattr(functional, loss)(result, t[chosen])) * len(chosen)
            optimizer.zero_grad()
            model.backward(backward(1.0, result, t[chosen]))
            optimizer.step()
            if schedule is not None and schedule.per_batch:
                schedule.step()
        held = None
        if validation is not None:
            held = evaluate(model, *validation, loss=loss, batch_size=batch_size)
        epoch = Epoch(number, total / len(x), held, optimizer.lr)
        if schedule is not None and not schedule.per_batch:
            schedule.step(epoch.loss if held is None else held)
        history.append(epoch)
        if watch is not None:
            watch(epoch)
    model.eval()
    return history


def batches(count: int, size: int, rng: np.random.Generator | None = None) -> Iterator[Array]:
    """Return the numbers of the examples of each batch, shuffled if there is a generator."""
    check.at_least(size, "batch_size", 1)
    order = np.arange(count) if rng is None else rng.permutation(count)
    for start in range(0, count, size):
        yield order[start : start + size]


def predict(model: Layer, inputs: ArrayLike, *, batch_size: int = 256) -> Array:
    """Return the model's results, out of training, batch by batch."""
    x = np.asarray(inputs)
    before = [(layer, layer.training) for _, layer in model.layers()]
    model.eval()
    try:
        return np.concatenate([model(x[chosen]) for chosen in batches(len(x), batch_size)])
    finally:
        for layer, training in before:
            layer.training = training


def evaluate(
    model: Layer,
    inputs: ArrayLike,
    targets: ArrayLike,
    *,
    loss: str = "cross_entropy",
    batch_size: int = 256,
) -> float:
    """Return the mean loss of examples, out of training."""
    x, t = _examples(inputs, targets)
    results = predict(model, x, batch_size=batch_size)
    return float(getattr(functional, _check_loss(loss))(results, t))


def _examples(inputs: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    x, t = np.asarray(inputs), np.asarray(targets)
    if x.ndim == 0 or t.ndim == 0 or len(x) != len(t) or not len(x):
        raise ValueError(
            f"inputs and targets must be as many, and not none, got shapes {x.shape} and {t.shape}"
        )
    return x, t


def _check_loss(name: str) -> str:
    losses = [each for each in losses_module.__all__ if not each.endswith("_backward")]
    return check.choice(name, losses, "loss")

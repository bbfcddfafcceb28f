"""Optimizers: how parameters change by their gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from imgconv.nn.core.arrays import Array
from imgconv.nn.layers.base import Parameter
from imgconv.nn.train.checks import below_one, not_negative

__all__ = ["SGD", "Adadelta", "Adagrad", "Adam", "Optimizer", "RMSprop"]


class Optimizer:
    """Base of the optimizers, which define `move`.

    Parameters
    ----------
    parameters : mapping of str to Parameter
        As returned by `Layer.parameters`.
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
        self.lr = not_negative(lr, "lr")
        self.weight_decay = not_negative(weight_decay, "weight_decay")
        self.l1 = not_negative(l1, "l1")
        self.states: list[dict[str, Any]] = [{} for _ in self.parameters]

    def step(self) -> None:
        """Change all parameters by their gradients."""
        for parameter, state in zip(self.parameters, self.states, strict=True):
            gradient = parameter.grad
            if self.weight_decay:
                gradient = gradient + self.weight_decay * parameter.value
            if self.l1:
                gradient = gradient + self.l1 * np.sign(parameter.value)
            parameter.value -= self.move(gradient, state)

    def move(self, gradient: Array, state: dict[str, Any]) -> Array:
        """Return what to subtract from a parameter; `state` keeps its arrays between steps."""
        raise NotImplementedError(f"{type(self).__name__} has no move")

    def zero_grad(self) -> None:
        """Set all gradients to 0."""
        for parameter in self.parameters:
            parameter.grad[...] = 0


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum or Nesterov's momentum."""

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
        self.momentum, self.nesterov = not_negative(momentum, "momentum"), nesterov
        if nesterov and not momentum:
            raise ValueError(f"momentum must be positive for nesterov, got {momentum!r}")

    def move(self, gradient: Array, state: dict[str, Any]) -> Array:
        """Return lr * v, where v = momentum * v + gradient."""
        if not self.momentum:
            return self.lr * gradient
        velocity = state["velocity"] = self.momentum * state.get("velocity", 0) + gradient
        if self.nesterov:
            velocity = gradient + self.momentum * velocity
        change: Array = self.lr * velocity
        return change


class Adagrad(Optimizer):
    """Rates that fall with the sum of all squared gradients (J. Duchi et al., 2011)."""

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
        self.eps = not_negative(eps, "eps")

    def move(self, gradient: Array, state: dict[str, Any]) -> Array:
        """Return lr * gradient / sqrt(sum of squared gradients)."""
        squares = state["squares"] = state.get("squares", 0) + gradient * gradient
        change: Array = self.lr * gradient / (np.sqrt(squares) + self.eps)
        return change


class RMSprop(Optimizer):
    """Rates that fall with a running mean of squared gradients (G. Hinton, 2012)."""

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
        self.alpha, self.eps = below_one(alpha, "alpha"), not_negative(eps, "eps")
        self.momentum = not_negative(momentum, "momentum")

    def move(self, gradient: Array, state: dict[str, Any]) -> Array:
        """Return lr * gradient / sqrt(mean of squared gradients), with momentum."""
        squares = _running_mean(state, "squares", gradient * gradient, self.alpha)
        step = gradient / (np.sqrt(squares) + self.eps)
        if self.momentum:
            step = state["velocity"] = self.momentum * state.get("velocity", 0) + step
        change: Array = self.lr * step
        return change


class Adadelta(Optimizer):
    """Steps scaled by running means of squared steps and gradients (M. Zeiler, 2012)."""

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
        self.rho, self.eps = below_one(rho, "rho"), not_negative(eps, "eps")

    def move(self, gradient: Array, state: dict[str, Any]) -> Array:
        """Return lr * gradient * sqrt(mean of squared steps / mean of squared gradients)."""
        squares = _running_mean(state, "squares", gradient * gradient, self.rho)
        steps = state.get("steps", np.zeros_like(gradient))
        step = gradient * np.sqrt((steps + self.eps) / (squares + self.eps))
        _running_mean(state, "steps", step * step, self.rho)
        change: Array = self.lr * step
        return change


class Adam(Optimizer):
    """Running means of gradients over those of their squares (D. Kingma, J. Ba, 2014)."""

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
        self.betas = below_one(first, "betas"), below_one(second, "betas")
        self.eps = not_negative(eps, "eps")

    def move(self, gradient: Array, state: dict[str, Any]) -> Array:
        """Return lr * mean / sqrt(mean of squares), both corrected for their start at 0."""
        count = state["count"] = state.get("count", 0) + 1
        first, second = self.betas
        mean = _running_mean(state, "mean", gradient, first) / (1 - first**count)
        squares = _running_mean(state, "squares", gradient * gradient, second) / (1 - second**count)
        change: Array = self.lr * mean / (np.sqrt(squares) + self.eps)
        return change


def _running_mean(state: dict[str, Any], name: str, value: Array, keep: float) -> Array:
    """Return the running mean of this name, which starts at 0, with a value added to it."""
    mean: Array = keep * state.get(name, 0) + (1 - keep) * value
    state[name] = mean
    return mean

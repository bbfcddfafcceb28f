"""Learning rates that change."""

from __future__ import annotations

import math

from imgconv.core import check
from imgconv.nn.train.checks import below_one, not_negative
from imgconv.nn.train.optimizers import Optimizer

__all__ = ["CyclicLR", "ExponentialLR", "ReduceLROnPlateau", "StepLR"]


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
    """A rate that rises and falls, batch by batch (L. Smith, 2015).

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer whose rate changes.
    base_lr, max_lr : float
        The lowest and the highest rate.
    step_size_up, step_size_down : int
        Batches in which it rises, and in which it falls; None is as many.
    mode : {"triangular", "triangular2", "exp_range"}
        Whether the height of a cycle stays the same, is halved from cycle to cycle, or is
        multiplied by `gamma` from batch to batch.
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
            not_negative(base_lr, "base_lr"),
            not_negative(max_lr, "max_lr"),
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
        cycle, batch = divmod(self.count, self.up + self.down)
        height = batch / self.up if batch <= self.up else 1 - (batch - self.up) / self.down
        scale = {"triangular": 1.0, "triangular2": 0.5**cycle, "exp_range": self.gamma**self.count}
        self.optimizer.lr = self.base_lr + (self.max_lr - self.base_lr) * height * scale[self.mode]


class ReduceLROnPlateau:
    """A rate that falls by a factor when the loss stops falling.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer whose rate changes.
    factor : float
        Below 1.
    patience : int
        The rate falls after more epochs without progress than this.
    threshold : float
        Progress is a loss that is smaller by this part of the smallest one.
    cooldown : int
        Epochs after a change that are not counted.
    min_lr : float
        The lowest rate.
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
        self.optimizer, self.factor = optimizer, below_one(factor, "factor")
        self.patience = check.at_least(patience, "patience", 0)
        self.cooldown = check.at_least(cooldown, "cooldown", 0)
        self.threshold = not_negative(threshold, "threshold")
        self.min_lr, self.eps = not_negative(min_lr, "min_lr"), not_negative(eps, "eps")
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

"""The training loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from imgconv.core import check
from imgconv.nn import functional
from imgconv.nn.core.arrays import Array, Seed
from imgconv.nn.functional import loss as loss_functions
from imgconv.nn.layers.base import Layer
from imgconv.nn.train.optimizers import Optimizer
from imgconv.nn.train.schedules import Schedule

__all__ = ["Epoch", "batches", "evaluate", "fit", "predict"]


class Epoch(NamedTuple):
    """The losses of one pass over the examples, and the learning rate in it."""

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
    rng: Seed = None,
    watch: Callable[[Epoch], Any] | None = None,
) -> list[Epoch]:
    """Train a network, and set its `training` to False at the end.

    Parameters
    ----------
    model : Layer
    inputs, targets : array_like, (N, ...)
        The examples.
    optimizer : Optimizer
        Made with the model's parameters.
    loss : str
        The name of a loss in `imgconv.nn`.
    epochs : int
        Passes over all examples.
    batch_size : int
        Examples of one step of the optimizer.
    schedule : StepLR, ExponentialLR, CyclicLR or ReduceLROnPlateau, optional
        Changes the learning rate; ReduceLROnPlateau by the validation's loss if there is one.
    validation : (inputs, targets), optional
        Examples that are not learned from, whose loss is computed after each epoch.
    rng : Generator or int, optional
        The generator that shuffles the examples in each epoch, or its seed.
    watch : callable, optional
        Called with each `Epoch` after it.

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
        validated = None
        if validation is not None:
            validated = evaluate(model, *validation, loss=loss, batch_size=batch_size)
        epoch = Epoch(number, total / len(x), validated, optimizer.lr)
        if schedule is not None and not schedule.per_batch:
            schedule.step(epoch.loss if validated is None else validated)
        history.append(epoch)
        if watch is not None:
            watch(epoch)
    model.eval()
    return history


def batches(count: int, size: int, rng: np.random.Generator | None = None) -> Iterator[Array]:
    """Yield the numbers of the examples of each batch, shuffled if there is a generator."""
    check.at_least(size, "batch_size", 1)
    order = np.arange(count) if rng is None else rng.permutation(count)
    for start in range(0, count, size):
        yield order[start : start + size]


def predict(model: Layer, inputs: ArrayLike, *, batch_size: int = 256) -> Array:
    """Return the model's results, computed batch by batch, with `training` False."""
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
    """Return the mean loss of examples, with `training` False."""
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
    losses = [each for each in loss_functions.__all__ if not each.endswith("_backward")]
    return check.choice(name, losses, "loss")

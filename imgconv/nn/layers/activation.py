"""Activations and dropout."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from imgconv.core import check
from imgconv.nn import functional as F  # noqa: N812
from imgconv.nn.core import arrays
from imgconv.nn.core.arrays import Array, Seed
from imgconv.nn.functional import activation
from imgconv.nn.layers.base import FunctionLayer, Parameter

__all__ = [
    "ELU",
    "Dropout",
    "LeakyReLU",
    "LogSoftmax",
    "PReLU",
    "RReLU",
    "ReLU",
    "Sigmoid",
    "Softmax",
    "Tanh",
]


class ReLU(FunctionLayer):
    """`imgconv.nn.relu`: negative numbers become 0."""

    function = F.relu, F.relu_backward

    def __init__(self) -> None:
        super().__init__()


class LeakyReLU(FunctionLayer):
    """`imgconv.nn.leaky_relu`: negative numbers times a factor."""

    function = F.leaky_relu, F.leaky_relu_backward

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__(negative_slope=negative_slope)


class PReLU(FunctionLayer):
    """`imgconv.nn.prelu`: negative numbers times a factor that is learned."""

    function = F.prelu, F.prelu_backward

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, *, dtype: DTypeLike = np.float32
    ) -> None:
        super().__init__()
        count = check.at_least(num_parameters, "num_parameters", 1)
        self.weight = Parameter(np.full(count, init, arrays.float_dtype(dtype)))


class RReLU(FunctionLayer):
    """`imgconv.nn.rrelu`: negative numbers times factors, random in training."""

    function = F.rrelu, F.rrelu_backward

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, *, rng: Seed = None) -> None:
        super().__init__(lower=lower, upper=upper)
        self.rng = np.random.default_rng(rng)

    def call_options(self, input: Array) -> dict[str, Any]:
        """Return the options, in training with new factors."""
        options = {**self.options, "training": self.training}
        if self.training:
            options["slopes"] = activation.draw_slopes(
                np.shape(input), **self.options, rng=self.rng
            )
        return options


class ELU(FunctionLayer):
    """`imgconv.nn.elu`: negative numbers tend to a limit."""

    function = F.elu, F.elu_backward

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__(alpha=alpha)


class Sigmoid(FunctionLayer):
    """`imgconv.nn.sigmoid`: between 0 and 1."""

    function = F.sigmoid, F.sigmoid_backward

    def __init__(self) -> None:
        super().__init__()


class Tanh(FunctionLayer):
    """`imgconv.nn.tanh`: between -1 and 1."""

    function = F.tanh, F.tanh_backward

    def __init__(self) -> None:
        super().__init__()


class Softmax(FunctionLayer):
    """`imgconv.nn.softmax`: probabilities along an axis."""

    function = F.softmax, F.softmax_backward

    def __init__(self, dim: int) -> None:
        super().__init__(dim=dim)


class LogSoftmax(FunctionLayer):
    """`imgconv.nn.log_softmax`: logarithms of probabilities along an axis."""

    function = F.log_softmax, F.log_softmax_backward

    def __init__(self, dim: int) -> None:
        super().__init__(dim=dim)


class Dropout(FunctionLayer):
    """`imgconv.nn.dropout`: zeros in random places, in training."""

    function = F.dropout, F.dropout_backward

    def __init__(self, p: float = 0.5, *, rng: Seed = None) -> None:
        super().__init__(p=arrays.probability(p, "p"))
        self.rng = np.random.default_rng(rng)

    def call_options(self, input: Array) -> dict[str, Any]:
        """Return the options, in training with a new mask."""
        options = {**self.options, "training": self.training}
        if self.training:
            options["mask"] = activation.draw_mask(np.shape(input), **self.options, rng=self.rng)
        return options

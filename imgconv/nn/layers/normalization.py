"""Batch normalization."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from imgconv.core import check
from imgconv.nn import functional as F  # noqa: N812
from imgconv.nn.core import arrays
from imgconv.nn.core.arrays import Array
from imgconv.nn.layers.base import FunctionLayer, Parameter

__all__ = [
    "BatchNorm2d",
]


class BatchNorm2d(FunctionLayer):
    """`imgconv.nn.batch_norm`: each channel scaled to mean 0 and variance 1."""

    function = F.batch_norm, F.batch_norm_backward
    buffers = ("running_mean", "running_var", "num_batches_tracked")

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(eps=eps, momentum=momentum)
        channels, kind = check.at_least(num_features, "num_features", 1), arrays.float_dtype(dtype)
        self.weight, self.bias = (
            Parameter(np.ones(channels, kind)),
            Parameter(np.zeros(channels, kind)),
        )
        self.running_mean, self.running_var = np.zeros(channels, kind), np.ones(channels, kind)
        self.num_batches_tracked = np.zeros((), np.int64)

    def call_options(self, input: Array) -> dict[str, Any]:
        """Return the options with the running mean and variance, and count the batch."""
        if np.ndim(input) != 4:
            raise ValueError(f"input must have shape (N, C, H, W), got {np.shape(input)}")
        self.num_batches_tracked += self.training
        running = {"running_mean": self.running_mean, "running_var": self.running_var}
        return {**self.options, **running, "training": self.training}

    def describe(self) -> str:
        """Return the channels and the options."""
        return ", ".join(filter(None, [str(self.running_mean.size), super().describe()]))

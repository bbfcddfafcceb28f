"""Dense layers."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from imgconv.core import check
from imgconv.nn import functional as F  # noqa: N812
from imgconv.nn.core.arrays import Seed, Shape
from imgconv.nn.layers.base import FunctionLayer, Window, first_weights

__all__ = [
    "Linear",
]


class Linear(FunctionLayer):
    """A matrix product and a bias: (..., in_features) to (..., out_features)."""

    function = F.linear, F.linear_backward

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: Seed = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        ins = check.at_least(in_features, "in_features", 1)
        outs = check.at_least(out_features, "out_features", 1)
        rng = np.random.default_rng(rng)
        self.weight = first_weights((outs, ins), ins, rng, dtype)
        self.bias = first_weights((outs,), ins, rng, dtype) if bias else None

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape with another last axis."""
        outs, ins = self.weight.value.shape
        if not shape or shape[-1] != ins:
            raise ValueError(f"input must have shape (..., {ins}), got {shape}")
        return (*shape[:-1], outs)

    @property
    def windows(self) -> tuple[Window, ...]:
        """Raise: a result depends on all numbers of the last axis."""
        raise ValueError("Linear has no window: each result sees the whole input")

    def describe(self) -> str:
        """Return the sizes."""
        outs, ins = self.weight.value.shape
        return f"{ins}, {outs}" + (", bias=False" if self.bias is None else "")

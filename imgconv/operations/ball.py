"""The surface that a ball touches when it rolls below an image."""

from dataclasses import dataclass

import numpy as np

from imgconv.core.cache import cached_property
from imgconv.operations import base
from imgconv.operations.base import Axis, DType, Operation, Packed, Pixels, Weights

# `Ball` in pyx/ball.pyx.
BALL = base.struct("reach", "step", "pitch")


@dataclass(frozen=True, eq=False)
class Ball(Operation):
    """The surface of a ball of a radius, computed in float64 if it must be `exact`."""

    radius: float
    exact: bool = False
    loop = "ball"
    takes_points = True
    smooths = True
    block = 8

    @cached_property
    def heights(self) -> Weights:
        """How high the ball is above its middle, i rows and j columns away; infinite outside it."""
        reach = np.arange(int(self.radius) + 1)
        squares = reach[:, None] ** 2 + reach**2
        height = np.sqrt(np.maximum(self.radius**2 - squares, 0))
        return np.where(np.sqrt(squares) <= self.radius, height, np.inf)

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """A square around the disk."""
        reach = len(self.heights) - 1
        return Axis(reach, 2 * reach + 1), Axis(reach, 2 * reach + 1)

    @property
    def cost(self) -> float:
        """Three operations for four pixels of the disk."""
        return 8.0 + 0.75 * np.pi * self.radius**2

    def computed_in(self, pixels: Pixels, result: DType) -> DType:
        """float64 for images of integers that must be exact."""
        return base.FLOAT64 if self.exact else pixels.float_type

    def work(self, pitch: int) -> int:
        """A line of a piece."""
        return pitch

    def pack(self, step: int, computed: DType) -> Packed:
        """Return the ball and its reach in each row; how much lower it is than at its top.

        The differences are rounded as scikit-image does: heights first.
        """
        heights = self.heights.astype(computed)
        inside = np.isfinite(self.heights)
        rise = np.where(inside, heights[0, 0] - heights, 0)
        header = base.record(BALL, reach=len(heights) - 1, step=step, pitch=len(heights))
        reaches = inside.sum(axis=1).astype(np.intp) - 1
        return [header, reaches], rise.astype(np.float64)

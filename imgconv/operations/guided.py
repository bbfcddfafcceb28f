"""The guided filter."""

from dataclasses import dataclass

import numpy as np

from imgconv.operations.base import (
    FLOAT64,
    Axis,
    Operation,
    Pixels,
    Records,
    Weights,
    record,
    struct,
)

# `Square` in pyx/guided.pyx.
SQUARE = struct("size")


@dataclass(frozen=True, eq=False)
class Guided(Operation):
    """The guided filter: means over squares of 2 * radius + 1, and what is added to a variance."""

    radius: int
    eps: float
    loop = "guided"
    smooths = True
    block = 1
    placeable = False

    @property
    def held(self) -> float:
        """Four moments, two coefficients and the guide, of the rows of a square: for two images."""
        return 3.5 * (2 * self.radius + 1)

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The means of means reach twice as far."""
        window = Axis(2 * self.radius, 4 * self.radius + 1)
        return window, window

    @property
    def grid(self) -> tuple[int, int]:
        """The sums of a square are shared by as many rows, counted from the first."""
        return 2 * self.radius + 1, 1

    @property
    def cost(self) -> float:
        """Four moments and two coefficients, each summed down the columns and along the rows."""
        return 30.0 + 12 * (2 * self.radius + 1).bit_length()

    def computed_in(self, pixels: Pixels, result: np.dtype) -> np.dtype:
        """float64: a variance is a small difference of large means."""
        return FLOAT64

    def pack(self, step: int, computed: np.dtype) -> tuple[Records, Weights]:
        """Return the size of the squares; eps, and the scale of a sum."""
        size = 2 * self.radius + 1
        return [record(SQUARE, size=size)], np.array([self.eps, size**-2.0])

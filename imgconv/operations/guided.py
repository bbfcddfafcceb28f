"""The guided filter."""

from dataclasses import dataclass

import numpy as np

from imgconv.operations import base
from imgconv.operations.base import Axis, DType, Operation, Packed, Pixels

# `Square` in pyx/guided.pyx.
SQUARE = base.struct("size")


@dataclass(frozen=True, eq=False)
class Guided(Operation):
    """The guided filter: means over squares of 2 * radius + 1; `eps` is added to variances."""

    radius: int
    eps: float
    loop = "guided"
    smooths = True
    block = 1
    placeable = False
    weighed = "apart"

    @property
    def kept_rows(self) -> float:
        """Four moments, two coefficients and the guide for each row of a square, of two images."""
        return 3.5 * (2 * self.radius + 1)

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """A mean of means, which reaches twice as far."""
        window = Axis(2 * self.radius, 4 * self.radius + 1)
        return window, window

    @property
    def grid(self) -> tuple[int, int]:
        """Groups of as many rows as a square share sums."""
        return 2 * self.radius + 1, 1

    @property
    def cost(self) -> float:
        """Six sums down the columns and along the rows: four moments, two coefficients."""
        return 30.0 + 12 * (2 * self.radius + 1).bit_length()

    def computed_in(self, pixels: Pixels, result: DType) -> DType:
        """float64, since a variance is a small difference of large means."""
        return base.FLOAT64

    def pack(self, step: int, computed: DType) -> Packed:
        """Return the size of the squares; eps and the scale of sums."""
        size = 2 * self.radius + 1
        return [base.record(SQUARE, size=size)], np.array([self.eps, size**-2.0])

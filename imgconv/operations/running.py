"""Means by sums that run along whole lines, with results that are SciPy's to the bit."""

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

# `Mean` in pyx/running.pyx.
MEAN = struct("down", "along")


@dataclass(frozen=True, eq=False)
class RunningMean(Operation):
    """Means along y, then along x, by sums that run along whole lines.

    A size of 0 leaves an axis alone; `before` pixels of a mean are ahead of its pixel.
    """

    size: tuple[int, int]
    before: tuple[int, int]
    loop = "running"
    smooths = True
    block = 8
    note = "in SciPy's order"

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The rectangle."""
        y, x = (Axis(at, max(1, n)) for at, n in zip(self.before, self.size, strict=True))
        return y, x

    @property
    def held(self) -> float:
        """Down the columns not in place: pixels are read again when they leave the sum."""
        return 3 if self.size[0] else 0

    @property
    def cost(self) -> float:
        """For each axis two additions, a division and two conversions."""
        return 12.0 * sum(n > 0 for n in self.size)

    def computed_in(self, pixels: Pixels, result: np.dtype) -> np.dtype:
        """Double, as SciPy."""
        return FLOAT64

    def pack(self, step: int, computed: np.dtype) -> tuple[Records, Weights]:
        """Return the sizes."""
        down, along = self.size
        return [record(MEAN, down=down, along=along)], np.zeros(0)

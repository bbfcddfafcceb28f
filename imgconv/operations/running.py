"""Means by running sums along whole lines, with results that equal SciPy's to the bit."""

from dataclasses import dataclass

import numpy as np

from imgconv.operations import base
from imgconv.operations.base import Axis, DType, Operation, Packed, Pixels

# `Mean` in pyx/running.pyx.
MEAN = base.struct("down", "along")


@dataclass(frozen=True, eq=False)
class RunningMean(Operation):
    """Means along y, then along x, by running sums along whole lines.

    With size 0 an axis is not filtered. `before` pixels of a mean are ahead of its pixel.
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
    def kept_rows(self) -> float:
        """Not 0 down the columns, so not in place: pixels are read again when they leave a sum."""
        return 3 if self.size[0] else 0

    @property
    def cost(self) -> float:
        """For each axis two additions, a division and two conversions."""
        return 12.0 * sum(n > 0 for n in self.size)

    def computed_in(self, pixels: Pixels, result: DType) -> DType:
        """Double, as in SciPy."""
        return base.FLOAT64

    def pack(self, step: int, computed: DType) -> Packed:
        """Return the sizes."""
        down, along = self.size
        return [base.record(MEAN, down=down, along=along)], np.zeros(0)

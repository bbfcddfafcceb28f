"""The bilateral filter of scikit-image: means whose weights are looked up in tables."""

from dataclasses import dataclass

import numpy as np

from imgconv.operations import base
from imgconv.operations.base import Axis, DType, Operation, Packed, Weights

# `Tables` in pyx/lookup.pyx.
TABLES = base.struct("height", "width", "bins")


@dataclass(frozen=True, eq=False)
class Lookup(Operation):
    """Means weighted by a table of places and by one of differences, with scaled bins."""

    places: Weights
    likeness: Weights
    bins_per_unit: float
    loop = "lookup"
    smooths = True
    block = 1

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The table of places, centred."""
        return base.centred(self.places.shape)

    @property
    def cost(self) -> float:
        """About twenty operations for each place."""
        return 20.0 * self.places.size

    def pack(self, step: int, computed: DType) -> Packed:
        """Return the sizes of the tables; the scale and the tables in a row."""
        scale = np.array([self.bins_per_unit])
        height, width = self.places.shape
        tables = base.record(TABLES, height=height, width=width, bins=len(self.likeness))
        return [tables], np.concatenate([scale, self.places.ravel(), self.likeness])

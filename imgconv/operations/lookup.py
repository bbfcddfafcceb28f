"""Means whose weights are looked up in tables."""

from dataclasses import dataclass

import numpy as np

from imgconv.operations.base import Axis, Operation, Records, Weights, record, struct

# `Tables` in pyx/lookup.pyx.
TABLES = struct("height", "width", "bins")


@dataclass(frozen=True, eq=False)
class Lookup(Operation):
    """Means weighted by a table of places and one of distances, which are scaled to its bins."""

    places: Weights
    likeness: Weights
    bins_per_unit: float
    loop = "lookup"
    smooths = True
    block = 1

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The table of places, centred."""
        y, x = (Axis(k // 2, k) for k in self.places.shape)
        return y, x

    @property
    def cost(self) -> float:
        """Some twenty operations for each place."""
        return 20.0 * self.places.size

    def pack(self, step: int, computed: np.dtype) -> tuple[Records, Weights]:
        """Return the sizes of the tables; the scale and the tables in a row."""
        head = np.array([self.bins_per_unit])
        height, width = self.places.shape
        tables = record(TABLES, height=height, width=width, bins=len(self.likeness))
        return [tables], np.concatenate([head, self.places.ravel(), self.likeness])

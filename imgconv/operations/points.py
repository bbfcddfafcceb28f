"""Point operations without a filter."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from imgconv.operations.base import Axis, DType, Operation, Packed, Point


@dataclass(frozen=True, eq=False)
class Pointwise(Operation):
    """Results that depend on their own pixel alone, by the point operations `points`."""

    points: tuple[Point, ...]
    loop = "points"
    takes_points = True
    windows = Axis(0, 1), Axis(0, 1)
    block = 4

    @property
    def cost(self) -> float:
        """One multiply-add for each."""
        return len(self.points)

    def pack(self, step: int, computed: DType) -> Packed:
        """Return nothing: the loop reads the points."""
        return [np.zeros(0, np.uint8)], np.zeros(0)


@lru_cache(maxsize=256)
def pointwise(*points: Point) -> Pointwise:
    """Return the operation of these point operations, one after the other."""
    return Pointwise(points)

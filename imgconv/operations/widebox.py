"""Means over a rectangle of many pixels."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from imgconv.operations import base
from imgconv.operations.base import Axis, DType, Operation, Packed, Pixels

# `Rectangle` in pyx/integers.pxd.
RECTANGLE = base.struct("height", "width", "step", "group", "base", "half", "factor", "shift")

# Rows of a group, of high and of low rectangles. With 16, a result adds three rows to those that
# all windows of a block share, of which there are few; sums of 16 rows stay in the L2 cache.
GROUP = 16
LOW_GROUP = 8


class Integers(NamedTuple):
    """How integers are added and divided in int32.

    Differences to `base` are added to `half`. A factor that is not 0, the sum times it, and a
    shift by 32 + `shift` bits give the nearest integer, without a division.
    """

    base: int
    half: int
    factor: int
    shift: int

    @staticmethod
    def of(pixels: Pixels, area: int) -> "Integers | None":
        """Return how to add so many pixels, or None if they are floats or too many.

        An odd area has no ties. The factor is exact for sums below 2**31: its error, less than the
        area, times a sum is less than the last bit (H. S. Warren, "Hacker's Delight", chapter 10).
        """
        if not np.isfinite(pixels.largest):
            return None
        low, high = int(pixels.low), int(pixels.high)
        bits = area.bit_length()
        if area % 2 and area > 1 and (high - low) * area + area // 2 < 1 << 31:
            return Integers(low, area // 2, -(-(1 << 31 + bits) // area), bits - 1)
        # An even number, so that ties of differences are ties of pixels.
        middle = (low + high + 1) // 4 * 2
        fits = max(middle - low, high - middle) * area < 1 << 31
        return Integers(middle, 0, 0, 0) if fits else None


@dataclass(frozen=True, eq=False)
class WideBox(Operation):
    """The mean over a rectangle of (height, width) pixels."""

    size: tuple[int, int]
    integers: Integers | None
    loop = "widebox"
    smooths = True
    weighed = "means"

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The rectangle, centred at size // 2."""
        return base.centred(self.size)

    @property
    def block(self) -> int:
        """Rows of a group, which are as many as there are results that share sums."""
        if self.integers:
            return 1
        return GROUP if self.size[0] >= GROUP else min(LOW_GROUP, self.size[0])

    @property
    def grid(self) -> tuple[int, int]:
        """The rows of a block share sums."""
        return self.block, 1

    @property
    def kept_rows(self) -> float:
        """Column sums, sums of groups, and rows before and after conversion."""
        return self.block + self.size[0] // self.block * (not self.integers) + 4

    @property
    def cost(self) -> float:
        """Additions."""
        if self.integers:
            return 6
        return 5 + self.size[0] / self.block**2 + 3.5 * self.size[1].bit_length()

    @property
    def area(self) -> int:
        """Pixels of the rectangle."""
        return self.size[0] * self.size[1]

    def computed_in(self, pixels: Pixels, result: DType) -> DType:
        """int32 for integers; for floats, or sums beyond 24 bits, as wide as needed."""
        if self.integers:
            return base.INT32
        largest = self.area * pixels.largest
        return base.FLOAT64 if 1 << 24 <= largest < np.inf else pixels.float_type

    def pack(self, step: int, computed: DType) -> Packed:
        """Return the rectangle, and the number by which to divide."""
        height, width = self.size
        integers = self.integers or Integers(0, 0, 0, 0)
        rectangle = base.record(
            RECTANGLE,
            height=height,
            width=width,
            step=step,
            group=self.block,
            **integers._asdict(),
        )
        return [rectangle], np.array([self.area], np.float64)

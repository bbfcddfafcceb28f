"""Means over a rectangle."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from imgconv.core import border
from imgconv.operations import base
from imgconv.operations.base import Axis, DType, Operation, Packed, Pixels
from imgconv.operations.separable import Kernel1D, Separable, cheaper_folded
from imgconv.operations.widebox import Integers, WideBox

# The highest rectangles whose rows are added for pairs of results, by computing type; WideBox is
# slower for these. It adds integers in int32, which has half the lanes of uint16.
LOW = {"uint16": 16, "float32": 8, "float64": 8}

# Numbers of the rows that a larger rectangle would keep: half of what a call may take.
MOST_KEPT = 1 << 26

# `Rectangle` in pyx/box.pyx.
RECTANGLE = base.struct("height", "width", "step")


@dataclass(frozen=True, eq=False)
class Box(Operation):
    """The mean over a rectangle of (height, width) pixels."""

    size: tuple[int, int]
    loop = "box"
    takes_points = True
    smooths = True
    weighed = "means"

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The rectangle, centred at size // 2."""
        return base.centred(self.size)

    @property
    def block(self) -> int:
        """Four pairs of rows, which share their column sums."""
        return 8

    @property
    def streams(self) -> bool:
        """The loop goes along two rows, piece by piece."""
        return True

    @property
    def grid(self) -> tuple[int, int]:
        """The rows of a block share sums."""
        return self.block, 1

    @property
    def cost(self) -> float:
        """Additions: of shared column sums, then up to seven for each digit of the width."""
        height, width = self.size
        columns = (height + 1) / 2 if height <= max(LOW.values()) else 4
        return 1 + columns + min(width, 3.5 * width.bit_length())

    def folded(self, size: tuple[int, int], modes: tuple[str, str]) -> Operation:
        """Return a separable mean, whose weights count how often the window holds a pixel.

        It does not share sums, so a window must be many times larger than a large image.
        """
        folds = [
            border.fold(axis.span, axis.before, n, mode)
            for axis, n, mode in zip(self.windows, size, modes, strict=True)
        ]
        if folds == [None, None]:
            return self
        column, row = (
            Kernel1D.centred(np.ones(k)) if fold is None else Kernel1D(fold.counts, -fold.first)
            for k, fold in zip(self.size, folds, strict=True)
        )
        mean = Separable((((column, row),),), "mean", self.area, smooths=True, weighed="means")
        # Its border is no column of its own: sums down the columns are repeated along the rows.
        wide = WideBox(self.size, None).kept_rows * self.size[1] > MOST_KEPT
        return mean if wide or cheaper_folded(self, self, mean, size, apart=True) else self

    @property
    def area(self) -> int:
        """Pixels of the rectangle."""
        return self.size[0] * self.size[1]

    def resolve(
        self, size: tuple[int, int], pixels: Pixels, result: DType
    ) -> tuple[Operation, dict[str, float]]:
        """Return the operation for few rows, or for many."""
        integers = Integers.of(pixels, self.area) if result.kind in "ui" else None
        computed = self.computed_in(pixels, result)
        low = self.size[0] <= LOW[computed.name]
        if low and (computed == base.UINT16 or not integers):
            return self, {}
        return WideBox(self.size, integers), {}

    def computed_in(self, pixels: Pixels, result: DType) -> DType:
        """The narrowest dtype for exact sums, so that integer means are rounded exactly."""
        largest = self.area * pixels.largest
        unsigned = pixels.dtype.itemsize == 1 and pixels.low >= 0 and result.kind in "ui"
        if unsigned and largest < 1 << 16 and divides(self.area, int(largest)):
            return base.UINT16
        return base.mean_type(pixels, self.area)

    def work(self, pitch: int) -> int:
        """A block of column sums."""
        return self.block * pitch

    def pack(self, step: int, computed: DType) -> Packed:
        """Return the rectangle, and the numbers by which to divide."""
        divisor = quotient(self.area) if computed == base.UINT16 else (self.area,)
        height, width = self.size
        rectangle = base.record(RECTANGLE, height=height, width=width, step=step)
        return [rectangle], np.array(divisor, np.float64)


def quotient(area: int) -> tuple[int, int, int]:
    """Return (half, factor, shift): (s + half) * factor >> 16 >> shift is about s / area."""
    shift = area.bit_length() - 1
    return area // 2, -(-(1 << 16 + shift) // area), shift


@lru_cache(maxsize=256)
def divides(area: int, largest: int) -> bool:
    """Whether `quotient` gives the nearest integer for every sum up to the largest, in 16 bits.

    An even area has ties: `quotient` rounds them up, but all other filters round them to even.
    """
    half, factor, shift = quotient(area)
    sums = np.arange(largest + 1, dtype=np.int64) + half
    fits = area % 2 == 1 and factor < 1 << 16 and sums[-1] < 1 << 16
    return fits and np.array_equal(sums * factor >> 16 >> shift, sums // area)

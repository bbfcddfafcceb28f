"""The entropy of the values in each window."""

from dataclasses import dataclass

import numpy as np

from imgconv.operations import base
from imgconv.operations.base import Axis, DType, Operation, Packed, Pixels
from imgconv.operations.rank import Footprint

# `Window` and `Chord` in pyx/entropy.pyx.
WINDOW = np.dtype([("step", "p"), ("chords", "p"), ("size", "p"), ("unit", "d")], align=True)
CHORD = base.struct("row", "first", "last")

# Sums of c log2(c) are multiples of a power of two, of at most so many bits.
SUM_BITS = 60
MOST_DIGITS = 40


@dataclass(frozen=True, eq=False)
class Entropy(Operation):
    """The entropy, in bits, of the values of a window."""

    footprint: Footprint
    loop = "entropy"
    takes_points = True
    block = 16
    weighed = "ranks"

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The rectangle of the footprint."""
        return self.footprint.axes

    @property
    def chords(self) -> list[tuple[int, int, int]]:
        """Row, first column and length of each chord; a rectangle has one in each row."""
        height, width = self.footprint.size
        if self.footprint.is_rectangle:
            return [(row, 0, width) for row in range(height)]
        return self.footprint.chords

    @property
    def cost(self) -> float:
        """A pixel leaves and another enters in each chord."""
        return 30.0 + 16 * len(self.chords)

    def computed_in(self, pixels: Pixels, result: DType) -> DType:
        """The dtype of a float result: loops take integers from either."""
        return base.FLOAT64 if result == base.FLOAT64 else base.FLOAT32

    def work(self, pitch: int) -> int:
        """All rows under a block."""
        return (self.windows[0].span + self.block) * pitch

    def pack(self, step: int, computed: DType) -> Packed:
        """Return the window, its chords, and the table of sums with its differences."""
        size = self.footprint.count
        counts = np.arange(size + 1, dtype=np.float64)
        sums = counts * np.log2(np.maximum(counts, 1))
        digits = min(MOST_DIGITS, SUM_BITS - int(np.ceil(np.log2(sums[-1] + 2))))
        table = np.rint(np.ldexp(sums, digits)).astype(np.int64)
        row, first, length = np.array(self.chords, np.intp).T
        header = base.record(
            WINDOW, step=step, chords=len(row), size=size, unit=np.ldexp(1.0, -digits)
        )
        chords = base.record(CHORD, row=row, first=first * step, last=(first + length) * step)
        return [header, chords, table, np.diff(table)], np.zeros(0)

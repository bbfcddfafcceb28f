"""What the values in each window tell: their entropy, and what `skimage.filters.rank` asks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgconv.operations import base
from imgconv.operations.base import Axis, DType, Operation, Packed, Pixels
from imgconv.operations.rank import Footprint

# In the order of `Kind` in pyx/local_histogram.pyx.
KINDS = (
    *("entropy", "geometric_mean", "counts", "equalize", "otsu", "modal", "noise_filter"),
    *("percentile", "threshold_percentile", "gradient_percentile", "autolevel_percentile"),
    *("enhance_contrast_percentile", "mean_percentile", "subtract_mean_percentile"),
    *("sum_percentile", "pop_percentile", "mean_bilateral", "sum_bilateral", "pop_bilateral"),
)
# `Window` and `Chord` in pyx/local_histogram.pyx.
INTEGERS = ("kind", "step", "chords", "size", "row", "column", "bins", "shift", "bits")
NUMBERS = ("first", "second", "unit")
WINDOW = np.dtype(
    [*((name, "p") for name in INTEGERS), *((name, "d") for name in NUMBERS)], align=True
)
CHORD = base.struct("row", "first", "last")

# Pixels from here on do not count; their value is in the lower bits.
OUTSIDE = 1 << 16
# Sums of what a table says are multiples of a power of two, of at most so many bits.
SUM_BITS = 60
MOST_DIGITS = 50


@dataclass(frozen=True, eq=False)
class LocalHistogram(Operation):
    """A number that the values of a window give; `kind` is one of KINDS.

    There are `bins` values from 0 on, and results are cut to `bits`. The two `numbers` are those of
    `skimage.filters.rank`: p0 and p1, or s0 and s1. "counts" are the shares of the first `stacked`
    values.
    """

    footprint: Footprint
    kind: str = "entropy"
    bins: int = 256
    bits: int = 255
    numbers: tuple[float, float] = (0.0, 0.0)
    stacked: int = 0
    loop = "local_histogram"
    takes_points = True
    weighed = "ranks"

    @property
    def block(self) -> int:
        """Sixteen rows; one of many results."""
        return 1 if self.stacked else 16

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The rectangle of the footprint, and the pixel itself."""
        y, x = (Axis.union([axis, Axis(0, 1)]) for axis in self.footprint.axes)
        return y, x

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

    @property
    def shift(self) -> int:
        """The digits of the values of a group: about as many groups as values in one."""
        return (self.bins - 1).bit_length() // 2

    @property
    def groups(self) -> int:
        """The number of groups of values."""
        return -(-self.bins >> self.shift)

    def work(self, pitch: int) -> int:
        """All rows under a block, and the counts of values and of groups."""
        rows = self.windows[0].span + self.block
        return rows * pitch + (self.groups << self.shift) + self.groups + 64

    @property
    def table(self) -> tuple[NDArray[np.int64], float]:
        """The integers that are added up, and the unit of which they are multiples."""
        if self.kind == "entropy":
            size = self.footprint.count
            counts = np.maximum(np.arange(size + 1), 1)
            # The logarithms of the odd factors are rounded, so that doubling adds exactly 1.
            two = counts & -counts
            odd, unit = in_integers(np.log2(counts // two), size * np.log2(size))
            exponents = np.rint(np.log2(two) / unit).astype(np.int64)
            table = np.arange(size + 1) * (odd + exponents)
            return np.concatenate([table, np.diff(table)]), unit
        if self.kind == "geometric_mean":
            logarithms = np.zeros((self.groups << self.shift) + 1)
            logarithms[: self.bins] = np.log(np.arange(self.bins) + 1)
            return in_integers(logarithms, self.footprint.count * logarithms.max())
        return np.zeros(0, np.int64), 0.0

    def pack(self, step: int, computed: DType) -> Packed:
        """Return the window, its chords, and the table."""
        y, x = self.windows
        above, left = (
            axis.before - before for axis, before in zip((y, x), self.footprint.before, strict=True)
        )
        row, first, length = np.array(self.chords, np.intp).T
        table, unit = self.table
        header = base.record(
            WINDOW,
            kind=KINDS.index(self.kind),
            step=step,
            chords=len(row),
            size=self.footprint.count,
            row=y.before,
            column=x.before * step,
            bins=self.bins,
            shift=self.shift,
            bits=self.bits,
            first=self.numbers[0],
            second=self.numbers[1],
            unit=unit,
        )
        begin = (first + left) * step
        chords = base.record(CHORD, row=row + above, first=begin, last=begin + length * step)
        return [header, chords, table], np.zeros(0)


def in_integers(numbers: NDArray[np.float64], largest: float) -> tuple[NDArray[np.int64], float]:
    """Return numbers as multiples of a unit, so small as a sum of up to `largest` allows."""
    digits = min(MOST_DIGITS, SUM_BITS - int(np.ceil(np.log2(largest + 2))))
    return np.rint(np.ldexp(numbers, digits)).astype(np.int64), float(np.ldexp(1.0, -digits))

"""Mean and variance of windows, and thresholds that follow from them."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from imgconv.operations import base
from imgconv.operations.base import Axis, DType, Operation, Packed, Pixels
from imgconv.operations.rank import Footprint

# What is computed, in the order of `What` in pyx/moments.pyx.
WHAT = ("mean", "variance", "std", "niblack", "sauvola", "phansalkar")

# `Window`, `Numbers` and `Run` in pyx/moments.pyx.
WINDOW = base.struct(
    *("what", "above", "height", "width", "step", "row", "column", "cell", "levels", "count")
)
NUMBERS = base.struct("n", "ddof", "k", "r", "p", "q", "white", "offset", kind="d")
RUN = base.struct("row", "first", "level")

# Rows of a block: results share the sums of a group, which is no higher than the window. A block
# below LOWEST would find a shift for too few results; sums of HIGHEST rows stay in L2.
LOWEST, HIGHEST = 8, 32
# Columns of a cell are a multiple of this: whole vectors, and a line of sums that stays in L1.
COLUMNS = 128
NOTHING = np.zeros(0)


class Formula(NamedTuple):
    """The constants of a variance and of a threshold."""

    ddof: float = 0.0
    k: float = 0.0
    r: float = 1.0
    p: float = 0.0
    q: float = 0.0
    white: float = 1.0
    offset: float = 0.0


PLAIN = Formula()


@dataclass(frozen=True, eq=False)
class Moments(Operation):
    """A statistic of each window; with `above`, 1 where the pixel is above it and 0 elsewhere.

    The footprint then holds the pixel.
    """

    footprint: Footprint
    what: str
    formula: Formula = PLAIN
    above: bool = False
    loop = "moments"
    takes_points = True
    streams = True
    weighed = "apart"

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The rectangle of the footprint."""
        return self.footprint.axes

    @property
    def smooths(self) -> bool:
        """A mean has the dtype of the image."""
        return self.what == "mean" and not self.above

    @property
    def block(self) -> int:
        """A number of groups as high as the window."""
        height = self.footprint.size[0]
        if not self.footprint.is_rectangle:
            return 2 * LOWEST
        return min(height * max(1, LOWEST // height), HIGHEST)

    @property
    def cell(self) -> int:
        """Many columns, compared with those that the window adds."""
        return -(-2 * self.footprint.size[1] // COLUMNS) * COLUMNS

    @property
    def grid(self) -> tuple[int, int]:
        """A shift is that of a cell."""
        return self.block, self.cell

    @property
    def cost(self) -> float:
        """Two sums down the columns and along the rows, or of runs; then the equation."""
        height, width = self.footprint.size
        if not self.footprint.is_rectangle:
            return 12.0 + 2 * self.footprint.levels + 4 * len(self.footprint.chords)
        return 16.0 + 2 * height / self.block + 7 * width.bit_length()

    def computed_in(self, pixels: Pixels, result: DType) -> DType:
        """float32 where its sums of squares of differences are exact, else float64."""
        largest = self.footprint.count * (pixels.high - pixels.low) ** 2
        exact = largest < 1 << 24 and result != base.FLOAT64
        return base.FLOAT32 if exact else base.FLOAT64

    def work(self, pitch: int) -> int:
        """Shifts; three sums for each row of a block; then three rows, or three tables of runs."""
        rest = 1 if self.footprint.is_rectangle else self.footprint.levels
        return (1 + 3 * (self.block + rest)) * pitch

    def runs(self) -> list[tuple[int, int, int]]:
        """Return the runs of 1, 2, 4, ... pixels: row, first column, and exponent of the length."""
        found = []
        for row, first, length in self.footprint.chords:
            for level in range(length.bit_length()):
                if length >> level & 1:
                    found.append((row, first, level))
                    first += 1 << level
        return found

    def pack(self, step: int, computed: DType) -> Packed:
        """Return the window, its numbers and its runs."""
        footprint, runs = self.footprint, self.runs()
        # The pixel that is compared with its window; others need not lie in theirs.
        row, column = (
            min(max(at, 0), n - 1) for at, n in zip(footprint.before, footprint.size, strict=True)
        )
        window = base.record(
            WINDOW,
            what=WHAT.index(self.what),
            above=self.above,
            height=footprint.size[0],
            width=footprint.size[1],
            step=step,
            row=row,
            column=column,
            cell=self.cell,
            levels=0 if footprint.is_rectangle else footprint.levels,
            count=len(runs),
        )
        numbers = base.record(NUMBERS, n=footprint.count, **self.formula._asdict())
        down, first, level = np.array(runs, np.intp).reshape(-1, 3).T
        return [
            window,
            numbers,
            base.record(RUN, row=down, first=first * step, level=level),
        ], NOTHING

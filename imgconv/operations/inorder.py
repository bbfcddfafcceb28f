"""Correlation in the order in which SciPy adds, with results that equal SciPy's to the bit.

`scipy.ndimage` computes in double, adds the taps of symmetric kernels in pairs, and converts to the
dtype of the result after each axis, as C casts. These operations describe the same computation;
their loop is built without fused multiply-adds.
"""

from dataclasses import dataclass

import numpy as np

from imgconv.core.cache import cached_property
from imgconv.operations import base
from imgconv.operations.base import Axis, DType, Operation, Packed, Pixels, Records, Weights

EPSILON = float(np.finfo(np.float64).eps)
# In the order of `Combine` in pyx/inorder.pyx.
COMBINE = ("sum", "root")

# `Header`, `Pass` and `Place` in pyx/inorder.pyx.
HEADER = base.struct("combine", "passes", "terms", "most_taps")
PASS = base.struct(
    *("first_row", "first_column", "rows", "columns", "sign", "taps", "places", "weights"),
    "last",
)
PLACE = base.struct("row", "column", "other_row", "other_column")

# Row and column of a tap in its window, then those of the second of a pair (else the same again).
Place = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Pass:
    """A sum over taps in this order: singles (sign 0), or one tap and then pairs, a +- b."""

    places: tuple[Place, ...]
    weights: Weights
    sign: int
    windows: tuple[Axis, Axis]

    @staticmethod
    def along(axis: int, weights: Weights, before: int) -> "Pass":
        """Return the pass of a 1-D kernel along y (0) or x (1), in the order of `correlate1d`."""
        n = len(weights)
        half, sign = n // 2, symmetry(weights)
        first, second = list(range(half)), list(range(n - 1, half, -1))
        if sign:
            order, others = [half, *first], [half, *second]
        else:
            order = others = [n - 1, *range(n - 1)]
        window, one = Axis(before, n), Axis(0, 1)
        return Pass(
            tuple(
                (i, 0, j, 0) if axis == 0 else (0, i, 0, j)
                for i, j in zip(order, others, strict=True)
            ),
            weights[order],
            sign,
            (window, one) if axis == 0 else (one, window),
        )

    @staticmethod
    def dense(weights: Weights, before: tuple[int, int]) -> "Pass":
        """Return the pass of a 2-D kernel: row by row, without the taps that SciPy skips."""
        rows, columns = np.nonzero(np.abs(weights) > EPSILON)
        places = [(int(i), int(j), int(i), int(j)) for i, j in zip(rows, columns, strict=True)]
        y, x = (Axis(at, n) for at, n in zip(before, weights.shape, strict=True))
        return Pass(tuple(places), weights[rows, columns], 0, (y, x))

    def transposed(self) -> "Pass":
        """Return the pass with y and x exchanged, with the same order of taps."""
        y, x = self.windows
        return Pass(
            tuple((x, y, other_x, other_y) for y, x, other_y, other_x in self.places),
            self.weights,
            self.sign,
            (x, y),
        )


def symmetry(weights: Weights) -> int:
    """Return 1 for a symmetric kernel, -1 for an antisymmetric one, 0 for others."""
    flipped = weights[::-1]
    if len(weights) % 2 == 0:
        return 0
    middle = len(weights) // 2
    if (np.abs(weights - flipped) <= EPSILON).all():
        return 1
    # SciPy allows any weight in the middle.
    return -1 if (np.abs(weights + flipped) <= EPSILON)[:middle].all() else 0


def chained(passes: tuple[Pass, ...]) -> tuple[Axis, Axis]:
    """Return the window of passes one after the other."""
    y, x = (
        Axis(sum(axis.before for axis in axes), 1 + sum(axis.span - 1 for axis in axes))
        for axes in zip(*(each.windows for each in passes), strict=True)
    )
    return y, x


@dataclass(frozen=True, eq=False)
class InOrder(Operation):
    """Terms of one or two passes each; "sum" adds them up, "root" is the root of their squares."""

    terms: tuple[tuple[Pass, ...], ...]
    combine: str = "sum"
    loop = "inorder"
    smooths = True
    note = "in SciPy's order"

    @cached_property
    def windows(self) -> tuple[Axis, Axis]:
        """The smallest window that contains every term."""
        axes = zip(*(chained(term) for term in self.terms), strict=True)
        y, x = (Axis.union(each) for each in axes)
        return y, x

    @cached_property
    def tail(self) -> int:
        """The rows of a first pass that a second one needs beyond those of the result."""
        return max(term[-1].windows[0].span - 1 if len(term) > 1 else 0 for term in self.terms)

    @property
    def block(self) -> int:
        """A few rows, or more if each block computes some rows again."""
        return 4 if self.tail == 0 else 16

    @property
    def cost(self) -> float:
        """Three operations for each tap, since there are no fused ones and numbers are double."""
        again = (self.block + self.tail) / self.block
        return 3.0 * again * sum(len(each.places) for term in self.terms for each in term)

    def computed_in(self, pixels: Pixels, result: DType) -> DType:
        """Double, as in SciPy."""
        return base.FLOAT64

    @property
    def most_taps(self) -> int:
        """The taps of the longest pass."""
        return max(len(each.places) for term in self.terms for each in term)

    def work(self, pitch: int) -> int:
        """Rows of a first pass and of a second term; pointers to rows and taps."""
        rows = 2 * self.block + self.windows[0].span - 1
        return rows * (pitch + 1) + 2 * self.most_taps

    def pack(self, step: int, computed: DType) -> Packed:
        """Return the header, the passes and the places of taps; the weights pass by pass."""
        top, left = (axis.before for axis in self.windows)
        passes: Records = []
        places: list[Place] = []
        weights: list[float] = []
        for term in self.terms:
            y, x = chained(term)
            for index, each in enumerate(term):
                follows = term[index + 1 :]
                rows, columns = (axis.span - 1 for axis in chained(follows)) if follows else (0, 0)
                passes.append(
                    base.record(
                        PASS,
                        first_row=top - y.before if index == 0 else 0,
                        first_column=(left - x.before) * step if index == 0 else 0,
                        rows=rows,
                        columns=columns * step,
                        sign=each.sign,
                        taps=len(each.places),
                        places=len(places),
                        weights=len(weights),
                        last=not follows,
                    )
                )
                places += each.places
                weights += each.weights.tolist()
        header = base.record(
            HEADER,
            combine=COMBINE.index(self.combine),
            passes=len(passes),
            terms=len(self.terms),
            most_taps=self.most_taps,
        )
        row, column, other_row, other_column = np.array(places, np.intp).reshape(-1, 4).T
        taps = base.record(
            PLACE,
            row=row,
            column=column * step,
            other_row=other_row,
            other_column=other_column * step,
        )
        return [header, *passes, taps], np.array(weights)

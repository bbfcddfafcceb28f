"""Operations that add in double and in SciPy's order, with results that are SciPy's to the bit.

`scipy.ndimage` computes in double, takes symmetric kernels pair by pair, and converts to the
result's dtype after each axis as C does. These operations say the same of rows; their loops are
built without fused multiply-adds.
"""

from dataclasses import dataclass

import numpy as np

from imgconv.core.cache import cached_property
from imgconv.operations.base import (
    FLOAT64,
    Axis,
    Operation,
    Pixels,
    Records,
    Weights,
    record,
    struct,
)

EPSILON = float(np.finfo(np.float64).eps)
# In the order of `Combine` in pyx/inorder.pyx.
COMBINE = ("sum", "root")

# `Filter`, `Pass` and `Place` in pyx/inorder.pyx.
FILTER = struct("combine", "passes", "terms", "most_taps")
PASS = struct(
    *("first_row", "first_column", "rows", "columns", "sign", "taps", "places", "weights"),
    "last",
)
PLACE = struct("row", "column", "other_row", "other_column")

# The row and the column of a tap in its window; those of the second of a pair, else its own.
Place = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Pass:
    """An ordered sum over taps: singles (sign 0), or the first alone and then pairs, a +- b."""

    places: tuple[Place, ...]
    weights: Weights
    sign: int
    windows: tuple[Axis, Axis]

    @staticmethod
    def along(axis: int, weights: Weights, before: int) -> "Pass":
        """Return the pass of a 1-D kernel along y (0) or x (1), as `correlate1d` takes it."""
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
        """Return the pass of a 2-D kernel: row by row, without the taps that `correlate` skips."""
        rows, columns = np.nonzero(np.abs(weights) > EPSILON)
        places = [(int(i), int(j), int(i), int(j)) for i, j in zip(rows, columns, strict=True)]
        y, x = (Axis(at, n) for at, n in zip(before, weights.shape, strict=True))
        return Pass(tuple(places), weights[rows, columns], 0, (y, x))

    def transposed(self) -> "Pass":
        """Return the pass with y and x exchanged, in the same order of taps."""
        y, x = self.windows
        return Pass(
            tuple((x, y, other_x, other_y) for y, x, other_y, other_x in self.places),
            self.weights,
            self.sign,
            (x, y),
        )


def symmetry(weights: Weights) -> int:
    """Return 1 for a symmetric kernel, -1 for an antisymmetric one, 0 for others."""
    turned = weights[::-1]
    if len(weights) % 2 == 0:
        return 0
    middle = len(weights) // 2
    if (np.abs(weights - turned) <= EPSILON).all():
        return 1
    # The one in the middle is free.
    return -1 if (np.abs(weights + turned) <= EPSILON)[:middle].all() else 0


def chained(passes: tuple[Pass, ...]) -> tuple[Axis, Axis]:
    """Return the window of passes one after the other."""
    y, x = (
        Axis(sum(axis.before for axis in axes), 1 + sum(axis.span - 1 for axis in axes))
        for axes in zip(*(each.windows for each in passes), strict=True)
    )
    return y, x


@dataclass(frozen=True, eq=False)
class InOrder(Operation):
    """Terms of one or two passes each; "sum" adds them up, "root" their squares."""

    terms: tuple[tuple[Pass, ...], ...]
    combine: str = "sum"
    loop = "inorder"
    smooths = True
    note = "in SciPy's order"

    @cached_property
    def windows(self) -> tuple[Axis, Axis]:
        """The smallest window that holds every term."""
        axes = zip(*(chained(term) for term in self.terms), strict=True)
        y, x = (Axis.union(each) for each in axes)
        return y, x

    @cached_property
    def tail(self) -> int:
        """Rows that a first pass must yield beyond those of the result."""
        return max(term[-1].windows[0].span - 1 if len(term) > 1 else 0 for term in self.terms)

    @property
    def block(self) -> int:
        """A few rows, or so many that what is computed anew for each block is little."""
        return 4 if self.tail == 0 else 16

    @property
    def cost(self) -> float:
        """Three operations for each tap, without fused ones and in double."""
        again = (self.block + self.tail) / self.block
        return 3.0 * again * sum(len(each.places) for term in self.terms for each in term)

    def computed_in(self, pixels: Pixels, result: np.dtype) -> np.dtype:
        """Double, as SciPy."""
        return FLOAT64

    @property
    def most_taps(self) -> int:
        """Taps of the longest pass."""
        return max(len(each.places) for term in self.terms for each in term)

    def work(self, pitch: int) -> int:
        """Rows of a first pass and of a second term, and pointers to rows and taps."""
        rows = 2 * self.block + self.windows[0].span - 1
        return rows * (pitch + 1) + 2 * self.most_taps

    def pack(self, step: int, computed: np.dtype) -> tuple[Records, Weights]:
        """Return the loop's Filter, Pass and Place records, and the weights pass by pass."""
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
                    record(
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
        head = record(
            FILTER,
            combine=COMBINE.index(self.combine),
            passes=len(passes),
            terms=len(self.terms),
            most_taps=self.most_taps,
        )
        row, column, other_row, other_column = np.array(places, np.intp).reshape(-1, 4).T
        taps = record(
            PLACE,
            row=row,
            column=column * step,
            other_row=other_row,
            other_column=other_column * step,
        )
        return [head, *passes, taps], np.array(weights)

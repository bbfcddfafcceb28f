"""Blobs: determinants of second derivatives by sums over boxes, and maxima of layers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgconv.core.pixels import contiguous
from imgconv.core.run import run_entry
from imgconv.operations.base import DType

# Operations a pixel: four numbers for each of ten boxes; comparisons with 26 neighbours of few.
COST, MARK_COST = 50, 4


# Rows of a whole image that are computed at once.
ROWS = 64


class BoxDeterminants:
    """Rows of the determinants of an image at any scale, from the top to the bottom.

    The cumulative sums that all scales share are computed for the rows that a scale reaches, and
    kept as long as later rows may need them.
    """

    def __init__(self, image: NDArray[Any], largest: float, dtype: DType) -> None:
        """Results of scales up to `largest` are of `dtype`."""
        self.image, self.dtype = image, dtype
        self.reach = window_of(largest)
        self.first = 0
        self.columns = np.zeros(image.shape[1])  # sums of all rows above the next one
        self.table = np.empty((0, image.shape[1]))

    def whole(self, sigma: float) -> NDArray[Any]:
        """Return the determinants of all rows at one scale."""
        result = np.empty(self.image.shape, self.dtype)
        for begin in range(0, len(result), ROWS):
            part = result[begin : begin + ROWS]
            self.fill(begin, begin + len(part), sigma, part)
        return result

    def rows(self, begin: int, end: int, sigma: float) -> NDArray[Any]:
        """Return the determinants of some rows at one scale; none are above those before."""
        result = np.empty((end - begin, self.image.shape[1]), self.dtype)
        self.fill(begin, end, sigma, result)
        return result

    def fill(self, begin: int, end: int, sigma: float, result: NDArray[Any]) -> None:
        """Store the determinants of some rows."""
        self.load(begin - self.reach, end + self.reach)
        self.enter("determine", self.table, self.first, self.image.shape[0], begin,
                   window_of(sigma), result, cost=COST * result.size)  # fmt: skip

    def enter(self, function: str, *arguments: Any, cost: float = 0) -> None:
        """Run a function of the loop."""
        run_entry("blobs", self.dtype.name, function, *arguments, cost=cost)

    def load(self, begin: int, end: int) -> None:
        """Have the rows of the table from `begin` up to `end`, as far as there are such."""
        begin, end = max(begin, 0), min(end, self.image.shape[0])
        bottom = self.first + len(self.table)
        if end <= bottom:
            return
        # Sums in the order of rows, so that the table does not depend on which are loaded at once.
        kept = self.table[begin - self.first :]
        self.table = np.empty((len(kept) + end - bottom, len(self.columns)))
        self.table[: len(kept)] = kept
        rows = contiguous(self.image[bottom:end], self.dtype)
        self.enter("add_up", rows, self.columns, self.table[len(kept) :])
        self.first = bottom - len(kept)


def window_of(sigma: float) -> int:
    """Return the side of the window of second derivatives at a scale."""
    return int(3 * sigma)


def maxima(
    before: NDArray[Any],
    layer: NDArray[Any],
    after: NDArray[Any],
    rows: slice,
    threshold: float,
) -> NDArray[np.intp]:
    """Return which pixels of some rows are above a threshold and the largest in three layers.

    They are numbered from the first of these rows on. Next to a NaN there is none.
    """
    marked = np.empty((rows.stop - rows.start, layer.shape[1]), np.uint8)
    run_entry(
        *("blobs", layer.dtype.name, "mark", before, layer, after, rows.start, threshold, marked),
        cost=MARK_COST * marked.size,
    )
    return np.flatnonzero(marked.view(np.bool_))

"""Determinants of second derivatives that are differences of sums over boxes, row by row."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgconv.core.run import run_entry
from imgconv.operations.base import DType

# Operations a pixel: four numbers for each of eight boxes.
COST = 40


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
        self.columns = np.zeros((1, image.shape[1]))  # sums of all rows above the next one
        self.table = np.empty((0, image.shape[1]))

    def rows(self, begin: int, end: int, sigma: float) -> NDArray[Any]:
        """Return the determinants of some rows at one scale; none are above those before."""
        self.load(begin - self.reach, end + self.reach)
        result = np.empty((end - begin, self.image.shape[1]), self.dtype)
        run_entry(
            *("determinant", self.dtype.name, "run", self.table, self.first, self.image.shape[0]),
            *(begin, window_of(sigma), result),
            cost=COST * result.size,
        )
        return result

    def load(self, begin: int, end: int) -> None:
        """Have the rows of the table from `begin` up to `end`, as far as there are such."""
        begin, end = max(begin, 0), min(end, self.image.shape[0])
        bottom = self.first + len(self.table)
        if end <= bottom:
            return
        # Sums in the order of rows, so that the table does not depend on which are loaded at once.
        sums = np.concatenate([self.columns, self.image[bottom:end]])
        np.cumsum(sums, axis=0, out=sums)
        self.columns = sums[-1:].copy()
        kept = self.table[begin - self.first :]
        self.table = np.concatenate([kept, np.cumsum(sums[1:], axis=1)])
        self.first = bottom - len(kept)


def window_of(sigma: float) -> int:
    """Return the side of the window of second derivatives at a scale."""
    return int(3 * sigma)

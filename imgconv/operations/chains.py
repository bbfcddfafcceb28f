"""Edge pixels as points between the pixels, and these as chains."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgconv.core.run import run_entry

# Operations of a point: two magnitudes of 16 pixels each; of a pixel that is none; of a link.
PLACE_COST, LOOK_COST, LINK_COST = 500, 1, 60


class EdgePoints:
    """The points of the edge pixels of an image, in the order of rows."""

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        """No point is placed yet."""
        self.mask = mask
        self.begins = np.zeros(len(mask) + 1, np.int32)
        np.cumsum(np.count_nonzero(mask, axis=1), out=self.begins[1:])
        count = int(self.begins[-1])
        self.columns = np.empty(count, np.int32)
        self.points = np.empty((count, 2))
        # Of the gradients, of length 1.
        self.ways = np.empty((count, 2), np.float32)

    def place(
        self, top: int, bottom: int, first: int, down: NDArray[Any], right: NDArray[Any]
    ) -> None:
        """Place the points of some rows.

        The derivatives have the rows from `first` on, three more on both sides if there are such.
        """
        rows = self.mask[top:bottom].view(np.uint8)
        count = int(self.begins[bottom] - self.begins[top])
        run_entry(
            *("chains", down.dtype.name, "place", down, right, first, rows, top),
            *(self.begins, self.columns, self.points, self.ways),
            cost=PLACE_COST * count + LOOK_COST * rows.size,
        )

    def chains(self) -> list[NDArray[np.float64]]:
        """Return the points as chains, the longer ones first; what led to them is let go."""
        count = len(self.points)
        nearest = np.empty((count, 2), np.int32)
        enter("link", self.begins, self.columns, self.points, self.ways, nearest,
              cost=LINK_COST * count)  # fmt: skip
        del self.mask, self.columns, self.ways
        following, firsts, lengths = (np.empty(count, np.int32) for _ in range(3))
        found = enter("trace", nearest, following, np.zeros(count, np.uint8), firsts, lengths)
        del nearest
        order = np.argsort(-lengths[:found], kind="stable")
        firsts, lengths = firsts[order], lengths[order]
        ends = np.cumsum(lengths)
        ordered = np.empty((int(ends[-1]), 2))
        enter("write", self.points, following, firsts, lengths, ordered)
        return [
            ordered[end - length : end]
            for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)
        ]


def enter(function: str, *arguments: Any, cost: float = 0) -> Any:
    """Run a function of the loop."""
    return run_entry("chains", "float64", function, *arguments, cost=cost)

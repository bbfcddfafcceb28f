"""Points in the order of their keys, and those that are not near one another."""

import numpy as np
from numpy.typing import NDArray

from imgconv.core.run import run_entry


def sorted_by_key(keys: NDArray[np.uint32], places: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return places below 2**32 by ascending keys; those of equal keys stay in their order."""
    if len(keys) == 0:
        return places
    both = keys.astype(np.uint64) << np.uint64(32) | places.astype(np.uint64)
    other = np.empty_like(both)
    is_other = run_entry("spacing", "uint8", "sort", both, other, cost=0)
    return ((other if is_other else both) & np.uint64(0xFFFFFFFF)).astype(np.intp)


def spaced(
    points: NDArray[np.intp], distance: int, shape: tuple[int, ...], most: int | None
) -> NDArray[np.intp]:
    """Return the numbers of the points that remain if none is near an earlier one that does.

    Parameters
    ----------
    points : ndarray of intp, (N, 2)
        Their y and x, inside an image of this shape.
    distance : int
        Two points are near if they are less than this apart, along y and along x.
    shape : (int, int)
    most : int, optional
        How many remain at most.

    Returns
    -------
    ndarray of intp, ascending
    """
    kept = np.empty(len(points), np.intp)
    count = run_entry(
        *("spacing", "uint8", "keep", np.ascontiguousarray(points), distance),
        *(len(points) if most is None else most, np.zeros(shape, np.uint8), kept),
        cost=0,
    )
    return kept[:count]

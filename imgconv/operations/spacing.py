"""Points that are not near one another."""

import numpy as np
from numpy.typing import NDArray

from imgconv.core.run import run_entry


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

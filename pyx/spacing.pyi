import numpy as np
from numpy.typing import NDArray

__test__: dict[str, str]

def sort(
    keys: NDArray[np.uint64],
    other: NDArray[np.uint64],
    threads: int,
) -> bool: ...
def keep(
    points: NDArray[np.intp],
    distance: int,
    most: int,
    taken: NDArray[np.uint8],
    kept: NDArray[np.intp],
    threads: int,
) -> int: ...

from typing import Any

import numpy as np
from numpy.typing import NDArray

__test__: dict[str, str]

def numbers(axes: NDArray[np.intp]) -> int: ...
def largest(
    axes: NDArray[np.intp],
    image: NDArray[Any],
    lowest: float,
    result: NDArray[Any],
    places: NDArray[np.int64],
    scratch: NDArray[np.uint8],
    threads: int,
) -> None: ...
def scatter(
    axes: NDArray[np.intp],
    image: NDArray[Any],
    lowest: float,
    gradient: NDArray[Any],
    result: NDArray[Any],
    scratch: NDArray[np.uint8],
    threads: int,
) -> None: ...
def place(
    places: NDArray[np.int64], gradient: NDArray[Any], result: NDArray[Any], threads: int
) -> bool: ...
def spread(
    axes: NDArray[np.intp],
    gradient: NDArray[Any],
    rows: NDArray[Any],
    across: NDArray[Any],
    result: NDArray[Any],
    scratch: NDArray[np.uint8],
    threads: int,
) -> None: ...

from typing import Any

import numpy as np
from numpy.typing import NDArray

__test__: dict[str, str]

def count(
    pixels: NDArray[Any],
    total: NDArray[np.int64],
    scratch: NDArray[np.uint8],
    threads: int,
) -> None: ...
def replace(
    pixels: NDArray[Any],
    table: NDArray[Any],
    result: NDArray[Any],
    threads: int,
) -> None: ...
def count_bins(
    pixels: NDArray[Any],
    edges: NDArray[np.float64],
    total: NDArray[np.int64],
    scratch: NDArray[np.uint8],
    threads: int,
) -> None: ...
def extremes(
    pixels: NDArray[Any],
    found: NDArray[np.float64],
    threads: int,
) -> None: ...
def sums_above(
    pixels: NDArray[Any],
    low: float,
    high: float,
    limit: float,
    found: NDArray[np.float64],
    threads: int,
) -> None: ...

from typing import Any

import numpy as np
from numpy.typing import NDArray

__test__: dict[str, str]

def place(
    down: NDArray[Any],
    right: NDArray[Any],
    first: int,
    mask: NDArray[np.uint8],
    top: int,
    begins: NDArray[np.int32],
    columns: NDArray[np.int32],
    points: NDArray[np.float64],
    ways: NDArray[np.float32],
    threads: int,
) -> None: ...
def link(
    begins: NDArray[np.int32],
    columns: NDArray[np.int32],
    points: NDArray[np.float64],
    ways: NDArray[np.float32],
    nearest: NDArray[np.int32],
    threads: int,
) -> None: ...
def trace(
    nearest: NDArray[np.int32],
    following: NDArray[np.int32],
    seen: NDArray[np.uint8],
    firsts: NDArray[np.int32],
    lengths: NDArray[np.int32],
    threads: int,
) -> int: ...
def write(
    points: NDArray[np.float64],
    following: NDArray[np.int32],
    firsts: NDArray[np.int32],
    lengths: NDArray[np.int32],
    chains: NDArray[np.float64],
    threads: int,
) -> None: ...

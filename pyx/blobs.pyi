from typing import Any

import numpy as np
from numpy.typing import NDArray

__test__: dict[str, str]

def add_up(
    image: NDArray[Any],
    columns: NDArray[np.float64],
    table: NDArray[np.float64],
    threads: int,
) -> None: ...
def determine(
    table: NDArray[np.float64],
    first: int,
    height: int,
    begin: int,
    window: int,
    result: NDArray[Any],
    threads: int,
) -> None: ...
def mark(
    before: NDArray[Any],
    layer: NDArray[Any],
    after: NDArray[Any],
    top: int,
    threshold: float,
    marked: NDArray[np.uint8],
    threads: int,
) -> None: ...

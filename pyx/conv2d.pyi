from typing import Any

import numpy as np
from numpy.typing import NDArray

__test__: dict[str, str]
HIGHEST_TILE: int
WIDTHS: tuple[int, int, int, int, int, int, int, int]

def run(
    params: NDArray[np.intp],
    first: NDArray[np.intp],
    taps: NDArray[np.intp],
    begin: NDArray[np.intp],
    packed: NDArray[Any],
    bias: NDArray[Any],
    image: NDArray[Any],
    result: NDArray[Any],
    scratch: NDArray[np.uint8],
    threads: int,
) -> None: ...

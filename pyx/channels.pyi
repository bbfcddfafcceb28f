from typing import Any

import numpy as np
from numpy.typing import NDArray

__test__: dict[str, str]
HIGHEST_TILE: int
PANELS: tuple[tuple[int, int], ...]

def run(
    params: NDArray[np.intp],
    places: NDArray[np.intp],
    packed: NDArray[Any],
    begin: NDArray[Any],
    bias: NDArray[Any],
    image: NDArray[Any],
    result: NDArray[Any],
    spoiled: NDArray[np.uint8],
    scratch: NDArray[np.uint8],
    threads: int,
) -> None: ...

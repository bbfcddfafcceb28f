from typing import Any

import numpy as np
from numpy.typing import NDArray

__test__: dict[str, str]
LANE_COUNT: int

def run(
    params: NDArray[np.intp],
    image: NDArray[Any],
    gradient: NDArray[Any],
    values: NDArray[Any],
    gradients: NDArray[Any],
    sums: NDArray[Any],
    result: NDArray[Any],
    scratch: NDArray[np.uint8],
    threads: int,
) -> bool: ...

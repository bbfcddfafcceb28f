from typing import Any

import numpy as np
from numpy.typing import NDArray

__test__: dict[str, str]

def connect(
    image: NDArray[Any],
    low: float,
    high: float,
    corners: bool,
    found: NDArray[np.uint8],
    threads: int,
) -> int: ...

from typing import Any

import numpy as np
from numpy.typing import NDArray

__test__: dict[str, str]

def compare(
    pixels: NDArray[Any],
    results: NDArray[Any],
    height: int,
    width: int,
    method: int,
    square: float,
    flat: float,
    block: int,
    strip: int,
    scratch: NDArray[np.uint8],
    threads: int,
) -> None: ...

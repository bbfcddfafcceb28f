import numpy as np
from numpy.typing import NDArray

__test__: dict[str, str]

def connect(
    pixels: NDArray[np.uint8],
    corners: bool,
    threads: int,
) -> int: ...

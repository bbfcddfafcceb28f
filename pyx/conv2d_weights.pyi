from typing import Any

import numpy as np
from numpy.typing import NDArray

__test__: dict[str, str]

def run(
    params: NDArray[np.intp],
    first: NDArray[np.intp],
    taps: NDArray[np.intp],
    image: NDArray[Any],
    gradient: NDArray[Any],
    result: NDArray[Any],
    scratch: NDArray[np.uint8],
    threads: int,
) -> None: ...

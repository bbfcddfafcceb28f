from typing import Any

import numpy as np
from numpy.typing import NDArray

__test__: dict[str, str]

def run(
    rows: NDArray[np.int64],
    down: NDArray[Any],
    columns: NDArray[np.int64],
    along: NDArray[Any],
    image: NDArray[Any],
    result: NDArray[Any],
    scratch: NDArray[np.uint8],
    threads: int,
) -> None: ...
def back(
    rows: NDArray[np.int64],
    down: NDArray[Any],
    columns: NDArray[np.int64],
    along: NDArray[Any],
    gradient: NDArray[Any],
    result: NDArray[Any],
    scratch: NDArray[np.uint8],
    threads: int,
) -> None: ...

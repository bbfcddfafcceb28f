from typing import Any

import numpy as np
from numpy.typing import NDArray

__test__: dict[str, str]
TOGETHER: int

def entry() -> int: ...
def scratch(params: NDArray[Any], threads: int) -> int: ...
def run(
    params: NDArray[Any],
    image: NDArray[Any],
    first: NDArray[Any],
    second: NDArray[Any],
    scratch: NDArray[np.uint8],
    rows: int,
    threads: int,
) -> None: ...

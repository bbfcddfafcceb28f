from typing import Any

import numpy as np
from numpy.typing import NDArray

__test__: dict[str, str]

def run(
    table: NDArray[np.float64],
    first: int,
    height: int,
    begin: int,
    window: int,
    result: NDArray[Any],
    threads: int,
) -> None: ...

from typing import Any

import numpy as np
from numpy.typing import NDArray

__test__: dict[str, str]

def equalize(
    image: NDArray[Any],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    tile_height: int,
    tile_width: int,
    limit: int,
    tables: NDArray[Any],
    joined: NDArray[np.uint32],
    result: NDArray[Any],
    scratch: NDArray[np.uint8],
    threads: int,
) -> None: ...
def adapt(
    image: NDArray[Any],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    tile_height: int,
    tile_width: int,
    limit: int,
    tables: NDArray[Any],
    result: NDArray[Any],
    scratch: NDArray[np.uint8],
    threads: int,
) -> None: ...

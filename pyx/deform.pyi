from typing import Any

import numpy as np
from numpy.typing import NDArray

__test__: dict[str, str]

def sample(
    params: NDArray[np.intp],
    image: NDArray[Any],
    offsets: NDArray[Any],
    mask: NDArray[Any],
    columns: NDArray[Any],
    scratch: NDArray[np.uint8],
    threads: int,
) -> None: ...
def back(
    params: NDArray[np.intp],
    image: NDArray[Any],
    offsets: NDArray[Any],
    mask: NDArray[Any],
    gradient: NDArray[Any],
    grad_image: NDArray[Any],
    grad_offsets: NDArray[Any],
    grad_mask: NDArray[Any],
    scratch: NDArray[np.uint8],
    threads: int,
) -> None: ...

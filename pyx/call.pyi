from collections.abc import Callable
from types import ModuleType
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

__test__: dict[str, str]

@final
class Entry:
    def __init__(
        self,
        loop: int,
        record: NDArray[Any],
        scratch: int,
        results: int,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        rows: int,
        cost: float,
    ) -> None: ...
    def run(
        self,
        image: NDArray[Any],
        first: NDArray[Any],
        second: NDArray[Any],
        rows: int,
        threads: int,
        weights: NDArray[Any] | None = None,
    ) -> None: ...

def signature(
    make: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]
) -> tuple[Any, ...] | None: ...
def repeat(
    find: Callable[[Any], Any],
    threads: ModuleType,
    otherwise: Callable[..., Any],
    make: Callable[..., Any],
    arguments: tuple[Any, ...],
    options: dict[str, Any],
) -> Any: ...

from typing import Any

from numpy.typing import NDArray

__test__: dict[str, str]

def entry() -> int: ...
def scratch(params: NDArray[Any]) -> int: ...
def combine(
    yy: NDArray[Any],
    yx: NDArray[Any],
    xx: NDArray[Any],
    results: NDArray[Any],
    response: int,
    numbers: NDArray[Any],
    threads: int,
) -> None: ...

from typing import Any

from numpy.typing import NDArray

__test__: dict[str, str]

def derive(image: NDArray[Any], results: NDArray[Any], response: int, threads: int) -> None: ...
def turn(image: NDArray[Any], result: NDArray[Any], threads: int) -> None: ...

from typing import Any

from numpy.typing import NDArray

__test__: dict[str, str]
TOGETHER: int

def entry() -> int: ...
def scratch(params: NDArray[Any]) -> int: ...

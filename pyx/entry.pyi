# Of all loops that include entry.pxi.
from typing import Any

from numpy.typing import NDArray

__test__: dict[str, str]

def entry() -> int: ...
def scratch(params: NDArray[Any]) -> int: ...

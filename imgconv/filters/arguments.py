"""The types of arguments that all filters take."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

__all__ = ["Image", "Mode"]

Image = NDArray[Any]
Mode = str | Sequence[str]

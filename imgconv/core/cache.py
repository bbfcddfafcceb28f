"""A cache bounded by the bytes it holds."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any


class Cache(OrderedDict[Hashable, Any]):
    """Values by key, the oldest dropped once they hold more than `limit` bytes.

    Reading is the dictionary's own `get`, at the price of one look-up on the way of every call.
    Losing a race between two threads costs one plan made twice, so there is no lock either.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self.sizes: dict[Hashable, int] = {}

    @property
    def held(self) -> int:
        """Return the bytes of all values."""
        return sum(self.sizes.values())

    def put(self, key: Hashable, value: Any, nbytes: int) -> None:
        """Keep a value, unless it alone is too large."""
        if nbytes > self.limit:
            return
        self.sizes[key] = nbytes
        self[key] = value
        while self.held > self.limit:
            oldest, _ = self.popitem(last=False)
            self.sizes.pop(oldest, None)

    def clear(self) -> None:
        """Forget everything."""
        super().clear()
        self.sizes.clear()

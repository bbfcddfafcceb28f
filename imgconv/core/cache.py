"""A cache bounded by the bytes it holds."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Cache(Generic[Value]):
    """Values by key, the oldest dropped once they hold more than `limit` bytes.

    Each operation on the ordered dictionary is atomic, and losing a race costs one plan made
    twice, so that there is no lock on the way of every call.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0
        self._values: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()

    def get(self, key: Hashable) -> Value | None:
        """Return the value of a key, or None."""
        entry = self._values.get(key)
        return None if entry is None else entry[0]

    def put(self, key: Hashable, value: Value, nbytes: int) -> Value:
        """Keep a value unless it alone is too large, and return it."""
        if nbytes > self.limit:
            return value
        replaced = self._values.pop(key, None)
        self.held += nbytes - (replaced[1] if replaced else 0)
        self._values[key] = (value, nbytes)
        while self.held > self.limit and self._values:
            _, (_, dropped) = self._values.popitem(last=False)
            self.held -= dropped
        return value

    def clear(self) -> None:
        """Forget everything."""
        self._values.clear()
        self.held = 0

    def __len__(self) -> int:
        """Return the number of values held."""
        return len(self._values)

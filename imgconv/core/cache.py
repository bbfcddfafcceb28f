"""A cache bounded by the bytes it holds."""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Any


class Cache(OrderedDict[Hashable, Any]):
    """Values by key, the oldest dropped once they hold more than `limit` bytes.

    Reading is the dictionary's own `get`, one look-up on the way of every call; writing, which is
    rare, takes a lock.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self.held = 0
        self._lock = Lock()
        self._sizes: dict[Hashable, int] = {}

    def put(self, key: Hashable, value: Any, nbytes: int) -> None:
        """Keep a value, unless it alone is too large."""
        if nbytes > self.limit:
            return
        with self._lock:
            self.held += nbytes - self._sizes.get(key, 0)
            self._sizes[key] = nbytes
            self[key] = value
            while self.held > self.limit:
                oldest, _ = self.popitem(last=False)
                self.held -= self._sizes.pop(oldest)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            super().clear()
            self._sizes.clear()
            self.held = 0

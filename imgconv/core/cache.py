"""What is kept: a cache bounded by the bytes it holds, and properties computed once."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from imgconv.core import threads

if TYPE_CHECKING:
    from functools import cached_property as cached_property
else:

    class cached_property:  # noqa: N801 - its name is that of functools
        """A property that is computed once, as that of functools.

        In Python 3.11 that one computes under a lock, which a child of fork may inherit locked.
        Here two threads may both compute; the value of the first to finish stays.
        """

        def __init__(self, function):
            self.function = function
            self.__doc__ = function.__doc__

        def __set_name__(self, owner, name):
            self.name = name

        def __get__(self, instance, owner=None):
            if instance is None:
                return self
            return instance.__dict__.setdefault(self.name, self.function(instance))


# Of all caches; re-entrant, since what is dropped may run the code of others when it ends.
LOCK = threads.lock()


class Cache(OrderedDict[Hashable, Any]):
    """Values by key, the oldest dropped once they hold more than `limit` bytes.

    Reading is the dictionary's own `get`, one look-up on the way of every call; writing, which is
    rare, takes a lock.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self.held = 0
        self._sizes: dict[Hashable, int] = {}

    def put(self, key: Hashable, value: Any, nbytes: int) -> None:
        """Keep a value, unless it alone is too large."""
        if nbytes > self.limit:
            return
        with LOCK:
            self.held += nbytes - self._sizes.get(key, 0)
            self._sizes[key] = nbytes
            self[key] = value
            while self.held > self.limit:
                oldest, _ = self.popitem(last=False)
                self.held -= self._sizes.pop(oldest)

    def clear(self) -> None:
        """Forget everything."""
        with LOCK:
            super().clear()
            self._sizes.clear()
            self.held = 0

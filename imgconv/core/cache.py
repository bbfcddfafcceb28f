"""A cache bounded by the bytes of its values, and properties that are computed once."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from imgconv.core import threads

if TYPE_CHECKING:
    from functools import cached_property as cached_property
else:

    class cached_property:  # noqa: N801 - its name is that of functools
        """A property that is computed once, like that of functools.

        In Python 3.11 that of functools computes under a lock, which a forked child may inherit
        locked. With this one, two threads may both compute; the first value is kept.
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


# Of all caches. Re-entrant, since deleting a dropped value may run any code.
LOCK = threads.lock()


class Cache(OrderedDict[Hashable, Any]):
    """Values by key; the oldest are dropped when all take more than `limit` bytes.

    Reading is the `get` of the dictionary, the one look-up of every call. Writing is rare, and
    takes a lock.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self.nbytes = 0
        self._sizes: dict[Hashable, int] = {}

    def put(self, key: Hashable, value: Any, nbytes: int) -> None:
        """Keep a value, unless it alone is too large."""
        if nbytes > self.limit:
            return
        with LOCK:
            self.nbytes += nbytes - self._sizes.get(key, 0)
            self._sizes[key] = nbytes
            self[key] = value
            while self.nbytes > self.limit:
                oldest, _ = self.popitem(last=False)
                self.nbytes -= self._sizes.pop(oldest)

    def clear(self) -> None:
        """Forget everything."""
        with LOCK:
            super().clear()
            self._sizes.clear()
            self.nbytes = 0

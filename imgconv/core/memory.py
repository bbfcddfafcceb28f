"""Memory of large results, kept for the next ones where a caller asks for that.

The system gives a large array as pages that it clears when they are first written: for a result of
64 MB that takes about as long as a small filter does. What is smaller than LARGE the C library
keeps by itself when it is freed.
"""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGE = 32 << 20


class Pool:
    """Blocks of freed results by their size, `limit` bytes at most.

    A result may be freed at any time and in any thread, so nothing here waits for a lock. Each step
    is one of a dict's or a list's, which no other thread sees half done; where two threads meet, a
    block too many may be kept until the next one comes, or a block be forgotten.
    """

    def __init__(self) -> None:
        self.limit = 0
        self.blocks: dict[int, list[NDArray[np.uint8]]] = {}

    def reset(self, limit: int) -> None:
        """Forget all blocks and keep others up to a new limit."""
        self.limit = limit
        # Not cleared: who compares with the old limit at this moment adds to the old blocks.
        self.blocks = {}

    def take(self, nbytes: int) -> NDArray[np.uint8]:
        """Return a kept block of this size, or a new one."""
        try:
            return self.blocks[nbytes].pop()
        except LookupError:
            return np.empty(nbytes, np.uint8)

    def give(self, block: NDArray[np.uint8]) -> None:
        """Keep a block; where that would be too much, forget the others, which lay unused."""
        blocks = self.blocks
        held = sum(size * len(kept) for size, kept in list(blocks.items()))
        if held + block.nbytes > self.limit:
            blocks.clear()
        if block.nbytes <= self.limit:
            blocks.setdefault(block.nbytes, []).append(block)


POOL = Pool()


class Lease:
    """The base of a result in a block of the pool: it dies when the last view of it does."""

    def __init__(self, block: NDArray[np.uint8]) -> None:
        self.block = block

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """The block's, so that numpy.asarray makes an array whose base is this lease."""
        return self.block.__array_interface__

    def __del__(self) -> None:
        """Give the block back."""
        POOL.give(self.block)


def reuse_memory(limit: int) -> None:
    """Keep the memory of large results that were freed, for the next results of the same size.

    A loop that makes a new result of 32 MB or more in each turn then stops paying for new memory,
    which can cost as much as the filter. Where `out=` is at hand it does the same without this.

    Parameters
    ----------
    limit : int
        Bytes to keep at most, beside the results in use. 0, the default, gives all back to the
        system.

    Raises
    ------
    ValueError
        If limit is negative.

    Examples
    --------
    >>> import imgconv
    >>> imgconv.reuse_memory(256 << 20)
    >>> imgconv.reuse_memory(0)
    """
    if not hasattr(limit, "__index__") or isinstance(limit, bool):
        raise TypeError(f"limit must be an integer, got {limit!r}")
    if limit < 0:
        raise ValueError(f"limit must be at least 0, got {limit}")
    POOL.reset(int(limit))


def empty(shape: tuple[int, ...], dtype: np.dtype) -> NDArray[Any]:
    """Return an array for a result, in kept memory if it is large and that was asked for."""
    nbytes = prod(shape) * dtype.itemsize
    if not POOL.limit or nbytes < LARGE:
        return np.empty(shape, dtype)
    return np.asarray(Lease(POOL.take(nbytes))).view(dtype).reshape(shape)

"""Where windows lie: the one arithmetic of sizes, for filters, pooling, layers and `geometry`.

A window has k pixels that are `dilation` apart; neighbouring windows are `stride` apart. The
functions take integers, or arrays with a number for each axis.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Pair = tuple[int, int]
Number = TypeVar("Number", int, NDArray[np.int64])


class Windows(NamedTuple):
    """Windows along one axis: `count` of them, each of k pixels that are `dilation` apart.

    Window number o has its pixel i at ``o * stride + i * dilation - before`` of the n pixels.
    """

    n: int
    k: int
    stride: int
    dilation: int
    before: int
    after: int
    count: int  # type: ignore[assignment]

    @property
    def span(self) -> int:
        """Pixels from the first to the last of a window."""
        return span(self.k, self.dilation)

    def pixels(self, padded: bool) -> NDArray[np.float64]:
        """Return how many of each window's pixels lie in the axis, or in its padding, too."""
        low, high = (-self.before, self.n + self.after) if padded else (0, self.n)
        first = np.arange(self.count, dtype=np.int64) * self.stride - self.before
        # Pixels of a window that lie ahead of a place: those of the first so many dilations.
        ahead_of = [
            np.clip(-(-(place - first) // self.dilation), 0, self.k) for place in (low, high)
        ]
        return (ahead_of[1] - ahead_of[0]).astype(np.float64)


Plane = tuple[Windows, Windows]


@lru_cache(maxsize=1024)
def along(
    n: int, k: int, stride: int, dilation: int, around: Pair, ceil_mode: bool = False
) -> Windows:
    """Return the windows along an axis of n pixels; `count` is below 1 where none fits."""
    found = count(n, k, stride, dilation, around, ceil_mode)
    return Windows(n, k, stride, dilation, *around, found)


def count(
    n: Number,
    k: Number,
    stride: Number,
    dilation: Number,
    around: tuple[Number, Number],
    ceil_mode: bool = False,
) -> Number:
    """Return how many windows an axis of n pixels has: 0 or less where none fits, 0 of none.

    With ceil_mode one more for what is left at the end, if it begins in the image or before it.
    """
    before, after = around
    room = n + before + after - span(k, dilation)
    last = -(-room // stride) if ceil_mode else room // stride
    if ceil_mode:
        last = last - (last * stride >= n + before)
    return (last + 1) * (n > 0)


def transposed_size(
    n: Number,
    k: Number,
    stride: Number,
    dilation: Number,
    around: tuple[Number, Number],
    more: Number,
) -> Number:
    """Return the pixels over which n windows lie, without the padding, and some more."""
    before, after = around
    return (n - 1) * stride + span(k, dilation) + more - before - after


def span(k: Number, dilation: Number) -> Number:
    """Return the pixels from the first to the last of a window of k."""
    return (k - 1) * dilation + 1


def same(k: int, dilation: int) -> Pair:
    """Return the padding (before, after) with which stride 1 keeps the size, the larger behind."""
    whole = span(k, dilation) - 1
    return whole // 2, whole - whole // 2

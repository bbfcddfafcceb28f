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
    """Windows along one axis: `count` windows, each of k pixels that are `dilation` apart.

    Window number o has its pixel i at ``o * stride + i * dilation - before`` of the n pixels.
    """

    n: int
    k: int
    stride: int
    dilation: int
    before: int
    after: int
    count: int  # type: ignore[assignment]  # hides tuple.count

    @property
    def span(self) -> int:
        """The number of pixels from the first to the last of a window."""
        return span(self.k, self.dilation)

    def pixels(self, padded: bool) -> NDArray[np.float64]:
        """Return how many pixels of each window are in the axis, or in the axis and its padding."""
        low, high = (-self.before, self.n + self.after) if padded else (0, self.n)
        first = np.arange(self.count, dtype=np.int64) * self.stride - self.before
        # The number of pixels of each window that are ahead of low, and ahead of high.
        ahead_of = [
            np.clip(-(-(place - first) // self.dilation), 0, self.k) for place in (low, high)
        ]
        return (ahead_of[1] - ahead_of[0]).astype(np.float64)


Plane = tuple[Windows, Windows]


@lru_cache(maxsize=1024)
def along(
    n: int, k: int, stride: int, dilation: int, around: Pair, ceil_mode: bool = False
) -> Windows:
    """Return the windows along an axis of n pixels; `count` is below 1 if none fits."""
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
    """Return how many windows an axis of n pixels has: 0 or less if none fits, 0 if n is 0.

    With ceil_mode, pixels that are left at the end get a window, if it begins in the image or
    before.
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
    """Return the pixels that n windows cover, without the padding, plus `more`."""
    before, after = around
    return (n - 1) * stride + span(k, dilation) + more - before - after


def span(k: Number, dilation: Number) -> Number:
    """Return the number of pixels from the first to the last of a window of k pixels."""
    return (k - 1) * dilation + 1


def same(k: int, dilation: int) -> Pair:
    """Return the padding (before, after) that keeps the size at stride 1; `after` is the larger."""
    padding = span(k, dilation) - 1
    return padding // 2, padding - padding // 2

"""Where windows lie: the geometry that convolution, pooling and unfolding share."""

from __future__ import annotations

from typing import NamedTuple

Pair = tuple[int, int]


class Axis(NamedTuple):
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


Plane = tuple[Axis, Axis]


def span(k: int, dilation: int) -> int:
    """Return the pixels from the first to the last of a window of k."""
    return (k - 1) * dilation + 1


def count(n: int, k: int, stride: int, dilation: int, around: Pair, ceil_mode: bool = False) -> int:
    """Return how many windows an axis of n pixels has, 0 or less where none fits.

    With ceil_mode one more for what is left at the end, if it begins in the image or before it.
    """
    before, after = around
    room = n + before + after - span(k, dilation)
    found = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    return found - 1 if ceil_mode and (found - 1) * stride >= n + before else found


def same(k: int, dilation: int) -> Pair:
    """Return the padding (before, after) with which stride 1 keeps the size."""
    whole = (k - 1) * dilation
    return whole // 2, whole - whole // 2

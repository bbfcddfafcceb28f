"""Pieces of an image, and how much of it a piece of the result depends on.

A region is a pair of spans along y and x, in the coordinates of the whole image. The border of the
image is the border for every step: where a region touches it, the pixels that a step is given end
there, and the step extends them by its own mode. Everywhere else a step is given the pixels that
its window reaches beyond the region.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Span = tuple[int, int]
Region = tuple[Span, Span]
# Of one image, or of several side by side.
PixelArrays = NDArray[Any] | tuple[NDArray[Any], ...]


class AxisHalo(NamedTuple):
    """Pixels `before` and `after` each pixel that a step looks at along an axis, and its border.

    The pixel itself always counts as looked at, though not every window holds it. Where results
    depend in their last bits on the place of a pixel in a `grid` of rows, a piece of the image
    begins where a cell of the grid begins.
    """

    before: int
    after: int
    mode: str
    grid: int = 1

    def grid_start(self, pixel: int) -> int:
        """Return where the cell of a pixel begins."""
        return pixel // self.grid * self.grid

    def input_span(self, span: Span, n: int) -> Span:
        """Return what part of an axis of n pixels a part of the result depends on.

        Where the axis wraps around, this may go beyond both ends.
        """
        if span == (0, n):
            return span
        first, last = self.grid_start(span[0]) - self.before, span[1] + self.after
        if self.mode == "wrap" or not self.before + self.after:
            return first, last
        # A pixel outside mirrors one as far inside, or one pixel further.
        above, below = max(0, -first), max(0, last - n)
        start = min(max(0, first), max(0, n - below - 1) if below else n)
        stop = max(min(n, last), min(n, above + 1) if above else 0)
        return self.grid_start(start), stop

    def windows(self, span: Span, first: int, n: int) -> tuple[int, int, int]:
        """Return which results a loop must compute of the pixels from `first` on.

        They are: the distance of the first one from `first`, how many there are, and how many of
        them come before the span.
        """
        start = span[0] if span == (0, n) else self.grid_start(span[0])
        return start - first, span[1] - start, span[0] - start


POINT = AxisHalo(0, 0, "reflect")


class Tile(NamedTuple):
    """Pixels of one image or of several, and where in the whole image the first one lies."""

    pixels: PixelArrays
    top: int
    left: int

    def cut(self, region: Region) -> PixelArrays:
        """Return the pixels of a region."""
        (y0, y1), (x0, x1) = region
        part = slice(y0 - self.top, y1 - self.top), slice(x0 - self.left, x1 - self.left)
        if isinstance(self.pixels, tuple):
            return tuple(each[part] for each in self.pixels)
        return self.pixels[part]


def in_tuple(pixels: PixelArrays) -> tuple[NDArray[Any], ...]:
    """Return the arrays, also a single one, as a tuple."""
    return pixels if isinstance(pixels, tuple) else (pixels,)


def alone_or_all(arrays: tuple[NDArray[Any], ...]) -> PixelArrays:
    """Return a single array by itself, several as a tuple."""
    return arrays[0] if len(arrays) == 1 else arrays


def union(regions: Sequence[Region]) -> Region:
    """Return the smallest region that contains all of these."""
    (y0, y1), (x0, x1) = regions[0]
    for (top, bottom), (left, right) in regions[1:]:
        y0, y1 = min(y0, top), max(y1, bottom)
        x0, x1 = min(x0, left), max(x1, right)
    return (y0, y1), (x0, x1)


def rows_around(source: NDArray[Any], span: Span) -> NDArray[Any]:
    """Return rows of an image, from the other end where they lie beyond one."""
    start, stop = span
    if start >= 0 and stop <= len(source):
        return source[start:stop]
    return np.take(source, np.arange(start, stop) % len(source), axis=0)

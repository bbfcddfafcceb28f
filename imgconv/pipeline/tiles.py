"""Pieces of an image, and how much of it a piece of the result depends on.

A region is a pair of spans along y and x, in the coordinates of the whole image. The border
of the image is that of every step: where a region touches it, the pixels that a step is given end
there, and the step extends them by its own mode. Everywhere else a step is given what its window
reaches beyond the region.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Span = tuple[int, int]
Region = tuple[Span, Span]
Pixels = NDArray[Any] | tuple[NDArray[Any], ...]


class Reach(NamedTuple):
    """How far a step looks along an axis, before and after a pixel, and what lies outside.

    The pixel itself is always in between, as it is not in every window. Where bits depend on a
    pixel's place in a `grid` of rows, pieces begin with a cell.
    """

    before: int
    after: int
    mode: str
    grid: int = 1

    def aligned(self, span: Span) -> Span:
        """Return the span from the cell on in which it begins."""
        return span[0] // self.grid * self.grid, span[1]

    def needs(self, span: Span, n: int) -> Span:
        """Return what part of an axis of n pixels a part of the result depends on.

        Of a periodic axis it may go beyond both ends.
        """
        if span == (0, n):
            return span
        first, last = self.aligned(span)[0] - self.before, span[1] + self.after
        if self.mode == "wrap" or not self.before + self.after:
            return first, last
        # A pixel outside mirrors one that lies as far inside, and one further.
        above, below = max(0, -first), max(0, last - n)
        start = min(max(0, first), max(0, n - below - 1) if below else n)
        stop = max(min(n, last), min(n, above + 1) if above else 0)
        return start // self.grid * self.grid, stop

    def placed(self, span: Span, first: int, n: int) -> tuple[int, int, int]:
        """Return which results are computed from the pixels from `first` on, which a span needs.

        How far the first one lies behind these pixels' first, how many there are, and how many are
        too many.
        """
        start = span[0] if span == (0, n) else self.aligned(span)[0]
        return start - first, span[1] - start, span[0] - start


POINT = Reach(0, 0, "reflect")


class Tile(NamedTuple):
    """Pixels of one image or of several, and where in the whole image the first one lies."""

    pixels: Pixels
    top: int
    left: int

    def cut(self, region: Region) -> Pixels:
        """Return the pixels of a region."""
        (y0, y1), (x0, x1) = region
        part = slice(y0 - self.top, y1 - self.top), slice(x0 - self.left, x1 - self.left)
        if isinstance(self.pixels, tuple):
            return tuple(each[part] for each in self.pixels)
        return self.pixels[part]


def union(regions: list[Region]) -> Region:
    """Return the smallest region that holds all of these."""
    starts = np.array(regions)[..., 0].min(axis=0)
    stops = np.array(regions)[..., 1].max(axis=0)
    return (int(starts[0]), int(stops[0])), (int(starts[1]), int(stops[1]))


def gathered(source: NDArray[Any], span: Span) -> NDArray[Any]:
    """Return rows of an image, from the other end where they lie beyond one."""
    start, stop = span
    if start >= 0 and stop <= len(source):
        return source[start:stop]
    return np.take(source, np.arange(start, stop) % len(source), axis=0)

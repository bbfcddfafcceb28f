"""Borders as index maps: the only place that knows what a mode means.

A mode defines the pixel at a place outside the image. It becomes a table of source indices before
anything runs, so that a loop never tests for a border:

>>> import numpy as np
>>> row = np.array(list("abcd"))
>>> def draw(mode):
...     indices = index_map(4, 6, 6, mode)
...     drawn = "".join("k" if i < 0 else row[i] for i in indices)
...     return f"{drawn[:6]}|{drawn[6:10]}|{drawn[10:]}"
>>> for mode in MODES:
...     print(f"{mode:9} {draw(mode)}")
reflect   cddcba|abcd|dcbaab
constant  kkkkkk|abcd|kkkkkk
nearest   aaaaaa|abcd|dddddd
mirror    abcdcb|abcd|cbabcd
wrap      cdabcd|abcd|abcdab
"""

from math import gcd
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MODES = ("reflect", "constant", "nearest", "mirror", "wrap")

# Places outside the image do not count: they have the index of cval, and no weight.
IGNORE = "ignore"

# SciPy's other names for the same modes.
SYNONYMS = {"grid-mirror": "reflect", "grid-constant": "constant", "grid-wrap": "wrap"}


def index_map(n: int, before: int, after: int, mode: str) -> NDArray[np.intp]:
    """Return the source indices of n pixels, extended by `before` and `after`; -1 is cval."""
    return sources(np.arange(-before, n + after, dtype=np.intp), n, mode)


def sources(i: NDArray[np.intp], n: int, mode: str) -> NDArray[np.intp]:
    """Return the source indices of places on an axis of n >= 1 pixels; -1 is cval.

    A place may be any number of times the axis away from it.
    """
    if mode == "nearest":
        indices = np.clip(i, 0, n - 1)
    elif mode == "wrap":
        indices = i % n
    elif mode == "reflect":
        i = i % (2 * n)
        indices = np.minimum(i, 2 * n - 1 - i)
    elif mode == "mirror":
        period = max(2 * n - 2, 1)
        i = i % period
        indices = np.minimum(i, period - i) if n > 1 else i * 0
    else:
        indices = np.where((i < 0) | (i >= n), -1, i)
    return indices


class Fold(NamedTuple):
    """A window of `taps` taps, `before` of them ahead of the pixel, moved into one of `size` taps.

    The first of these is `first` places behind the pixel. Several taps of the window may share one.
    """

    taps: int
    before: int
    first: int
    size: int
    periodic: bool

    @property
    def shared(self) -> NDArray[np.intp]:
        """The tap that each tap of the window is moved to."""
        places = np.arange(-self.before - self.first, self.taps - self.before - self.first)
        return places % self.size if self.periodic else places.clip(0, self.size - 1)

    @property
    def counts(self) -> NDArray[np.float64]:
        """How many taps of the window share each; without an array of all, which may be many."""
        if self.periodic:
            more = (np.arange(self.size) + self.first + self.before) % self.size
            return self.taps // self.size + (more < self.taps % self.size).astype(np.float64)
        found = np.ones(self.size)
        found[0] += self.first + self.before
        found[-1] += self.taps - self.before - self.first - self.size
        return found

    def add_up(self, weights: NDArray[Any], axis: int = 0) -> NDArray[Any]:
        """Return the sums of the weights that share a tap, along an axis."""
        along = np.moveaxis(weights, axis, 0)
        sums = np.zeros((self.size, *along.shape[1:]), weights.dtype)
        np.add.at(sums, self.shared, along)
        return np.moveaxis(sums, 0, axis)


def fold(taps: int, before: int, n: int, mode: str, dilation: int = 1) -> Fold | None:
    """Return where to move the taps of a window that is larger than an axis of n pixels.

    From every pixel of the axis a moved tap sees the same source. Where the border repeats the
    axis, sources repeat after a period; elsewhere all places beyond the axis have one source. None
    if the window is not larger.

    >>> fold(9, 4, 2, "wrap").shared
    array([1, 0, 1, 0, 1, 0, 1, 0, 1])
    >>> fold(9, 4, 2, "nearest").shared
    array([0, 0, 0, 0, 1, 2, 2, 2, 2])
    """
    first, last = -before, taps - 1 - before
    if mode in ("reflect", "mirror", "wrap"):
        period = {"reflect": 2 * n, "mirror": max(2 * n - 2, 1), "wrap": n}[mode]
        period //= gcd(period, dilation)
        # A window of one tap more may be that of a piece of an image: a pixel, and half a window
        # beyond it. It is not folded, as that of the whole image is not.
        if taps <= period + 1:
            return None
        return Fold(taps, before, -(period // 2), period, True)
    farthest = -(-(n - (mode == "nearest")) // dilation)
    if -farthest <= first and last <= farthest:
        return None
    first, last = (max(-farthest, min(place, farthest)) for place in (first, last))
    return Fold(taps, before, first, last - first + 1, False)

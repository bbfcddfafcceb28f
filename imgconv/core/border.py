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

import numpy as np
from numpy.typing import NDArray

MODES = ("reflect", "constant", "nearest", "mirror", "wrap")

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

"""What is measured of a whole image: in pieces, so that no copy of it is needed.

A measure is a list of phases. Each maps a piece of the image, and what the phases before it found,
to a small array; these are reduced to one. So it runs over bands on threads, and over the chunks of
a dask array, alike.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Found = NDArray[Any]

BINS = 256
# Pixels that are counted at once: their indices stay in cache.
PIECE = 1 << 16


class Phase(NamedTuple):
    """One walk over the image."""

    map: Callable[..., Found]
    reduce: Callable[[Sequence[Found]], Found]


def limits_of(piece: NDArray[Any]) -> Found:
    """Return the least and the greatest finite pixel, in float64; NaN where there is none."""
    if piece.size == 0:
        return np.full(2, np.nan)
    found = np.array([piece.min(), piece.max()], np.float64)
    if not np.isfinite(found).all():
        low = np.min(piece, where=np.isfinite(piece), initial=np.inf)
        high = np.max(piece, where=np.isfinite(piece), initial=-np.inf)
        found = np.array([low, high], np.float64)
        return found if low <= high else np.full(2, np.nan)
    return found


def widest(found: Sequence[Found]) -> Found:
    """Return the extremes of all pieces."""
    pairs = np.array(found)
    pairs = pairs[~np.isnan(pairs[:, 0])]
    return np.array([pairs[:, 0].min(), pairs[:, 1].max()]) if len(pairs) else np.zeros(2)


def counted(piece: NDArray[Any], ends: Found) -> Found:
    """Return the histogram of a piece between the extremes of the image."""
    low, high = ends
    if is_counted_by_value(piece.dtype):
        counts = np.zeros(int(high) - int(low) + 1, np.int64)
        flat = piece.reshape(-1)
        for start in range(0, flat.size, PIECE):
            values = flat[start : start + PIECE].astype(np.intp) - int(low)
            counts += np.bincount(values, minlength=len(counts))
        return counts
    return np.histogram(piece, BINS, (low, high))[0] if low < high else np.ones(1, np.int64)


def is_counted_by_value(dtype: np.dtype) -> bool:
    """Whether each value of a dtype has a bin of its own."""
    return dtype.kind == "b" or (dtype.kind in "iu" and dtype.itemsize <= 2)


def added(found: Sequence[Found]) -> Found:
    """Return the sum of the histograms of all pieces."""
    return np.sum(found, axis=0)


def parting(counts: Found, ends: Found, dtype: np.dtype) -> float:
    """Return Otsu's threshold: where the variance between both sides is largest."""
    low, high = ends
    if len(counts) == 1:
        return float(low)
    if is_counted_by_value(dtype):
        centres = np.arange(int(low), int(high) + 1, dtype=np.float64)
    else:
        edges = np.linspace(low, high, BINS + 1)
        centres = (edges[:-1] + edges[1:]) / 2
    weights = counts.astype(np.float64)
    below, above = np.cumsum(weights), np.cumsum(weights[::-1])[::-1]
    moments = weights * centres
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_below = np.cumsum(moments) / below
        mean_above = np.cumsum(moments[::-1])[::-1] / above
    between = below[:-1] * above[1:] * (mean_below[:-1] - mean_above[1:]) ** 2
    return float(centres[np.nanargmax(between)])


EXTREMES = (Phase(limits_of, widest),)
HISTOGRAM = (*EXTREMES, Phase(counted, added))


def walk(phases: Sequence[Phase], pieces: Sequence[NDArray[Any]]) -> list[Found]:
    """Return what each phase finds in an image that is given in pieces."""
    found: list[Found] = []
    for phase in phases:
        found.append(phase.reduce([phase.map(piece, *found) for piece in pieces]))
    return found


def extremes(image: NDArray[Any]) -> tuple[float, float]:
    """Return the least and the greatest finite pixel, (0, 0) where there is none."""
    low, high = walk(EXTREMES, [image])[0]
    return float(low), float(high)


def otsu(image: NDArray[Any]) -> float:
    """Return Otsu's threshold of an image."""
    ends, counts = walk(HISTOGRAM, [image])
    return parting(counts, ends, image.dtype)

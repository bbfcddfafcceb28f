"""What is measured of a whole image: in pieces, so that no copy of it is needed.

A measurement is a sequence of `MapReduce`. Each maps a piece of the image, and the values measured
before, to a small array, and reduces these arrays to one. So the same measurement runs over bands
on threads and over the chunks of a dask array.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# The small array that a `MapReduce` makes of an image.
Measured = NDArray[Any]

BINS = 256
# Pixels that are counted at once: their indices stay in cache.
PIECE = 1 << 16


class MapReduce(NamedTuple):
    """One walk over the image."""

    map: Callable[..., Measured]
    reduce: Callable[[Sequence[Measured]], Measured]


def extremes_of(piece: NDArray[Any]) -> Measured:
    """Return the smallest and the largest finite pixel, in float64; NaN where there is none."""
    if piece.size == 0:
        return np.full(2, np.nan)
    found = np.array([piece.min(), piece.max()], np.float64)
    if not np.isfinite(found).all():
        low = np.min(piece, where=np.isfinite(piece), initial=np.inf)
        high = np.max(piece, where=np.isfinite(piece), initial=-np.inf)
        found = np.array([low, high], np.float64)
        return found if low <= high else np.full(2, np.nan)
    return found


def join_extremes(found: Sequence[Measured]) -> Measured:
    """Return the extremes of all pieces, (0, 0) where no piece has any."""
    pairs = np.array(found)
    pairs = pairs[~np.isnan(pairs[:, 0])]
    return np.array([pairs[:, 0].min(), pairs[:, 1].max()]) if len(pairs) else np.zeros(2)


def histogram_of(piece: NDArray[Any], extremes: Measured) -> Measured:
    """Return the histogram of a piece between the extremes of the image."""
    low, high = extremes
    if has_bin_for_each_value(piece.dtype):
        counts = np.zeros(int(high) - int(low) + 1, np.int64)
        flat = piece.reshape(-1)
        for start in range(0, flat.size, PIECE):
            values = flat[start : start + PIECE].astype(np.intp) - int(low)
            counts += np.bincount(values, minlength=len(counts))
        return counts
    return np.histogram(piece, BINS, (low, high))[0] if low < high else np.ones(1, np.int64)


def has_bin_for_each_value(dtype: np.dtype[Any]) -> bool:
    """Whether each value of a dtype has its own bin in a histogram."""
    return dtype.kind == "b" or (dtype.kind in "iu" and dtype.itemsize <= 2)


def add_histograms(found: Sequence[Measured]) -> Measured:
    """Return the histogram of all pieces together."""
    total: Measured = np.sum(found, axis=0)
    return total


def otsu_threshold(counts: Measured, extremes: Measured, dtype: np.dtype[Any]) -> float:
    """Return Otsu's threshold of a histogram: where the variance between both sides is largest."""
    low, high = extremes
    if len(counts) == 1:
        return float(low)
    if has_bin_for_each_value(dtype):
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


EXTREMES = (MapReduce(extremes_of, join_extremes),)
HISTOGRAM = (*EXTREMES, MapReduce(histogram_of, add_histograms))


def measure(steps: Sequence[MapReduce], pieces: Sequence[NDArray[Any]]) -> list[Measured]:
    """Return what each step measures of an image that is given in pieces."""
    found: list[Measured] = []
    for step in steps:
        found.append(step.reduce([step.map(piece, *found) for piece in pieces]))
    return found


def extremes(image: NDArray[Any]) -> tuple[float, float]:
    """Return the smallest and the largest finite pixel, (0, 0) where there is none."""
    low, high = measure(EXTREMES, [image])[0]
    return float(low), float(high)


def otsu(image: NDArray[Any]) -> float:
    """Return Otsu's threshold of an image."""
    ends, counts = measure(HISTOGRAM, [image])
    return otsu_threshold(counts, ends, image.dtype)

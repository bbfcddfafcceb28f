"""What is measured of a whole image: in pieces, so that no copy of it is needed.

A measurement is a sequence of `MapReduce`. Each maps a piece of the image, and the values measured
before, to something small, and reduces several of these to one. So the same measurement runs over
bands on threads and over the chunks of a dask array, and the order of pieces changes nothing.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

BINS = 256
# Pixels that are counted at once: their indices stay in cache.
PIECE = 1 << 16
# Values of 32- and 64-bit integers that are counted one by one, in 16 MB.
MAX_VALUES = 1 << 20


class ValueCounts(NamedTuple):
    """How often each value of an image of integers occurs.

    An image may have more than MAX_VALUES. Then 2**shift neighbours are counted together: those
    that differ in their lowest bits only.
    """

    values: NDArray[Any]  # ascending, with their lowest bits cleared
    counts: NDArray[np.int64]
    shift: int = 0


# What a `MapReduce` makes of an image.
Measured = NDArray[Any] | ValueCounts


class MapReduce(NamedTuple):
    """One walk over the image; what is reduced may be reduced again, with more of its kind."""

    map: Callable[..., Measured]
    reduce: Callable[[Sequence[Any]], Measured]


def extremes_of(piece: NDArray[Any]) -> NDArray[Any]:
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


def join_extremes(found: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return the extremes of all pieces, NaN where no piece has any."""
    pairs = np.array(found)
    pairs = pairs[~np.isnan(pairs[:, 0])]
    return np.array([pairs[:, 0].min(), pairs[:, 1].max()]) if len(pairs) else np.full(2, np.nan)


def range_of(extremes: NDArray[Any]) -> tuple[float, float]:
    """Return the smallest and the largest finite pixel of an image, (0, 0) where it has none."""
    low, high = map(float, np.nan_to_num(extremes, nan=0.0))
    return low, high


def histogram_of(piece: NDArray[Any], extremes: NDArray[Any]) -> NDArray[Any]:
    """Return the histogram of a piece between the extremes of the image."""
    low, high = range_of(extremes)
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


def add_histograms(found: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return the histogram of all pieces together."""
    total: NDArray[Any] = np.sum(found, axis=0)
    return total


def counts_of(piece: NDArray[Any]) -> ValueCounts:
    """Return how often each value of a piece occurs."""
    flat = piece.reshape(-1)
    dtype = flat.dtype.newbyteorder("=")
    found = ValueCounts(np.empty(0, dtype), np.empty(0, np.int64))
    for start in range(0, flat.size, MAX_VALUES):
        some = flat[start : start + MAX_VALUES].astype(dtype, copy=False)
        counts = ValueCounts(*np.unique(some, return_counts=True))
        found = counts if start == 0 else join_counts([found, counts])
    return found


def join_counts(found: Sequence[ValueCounts]) -> ValueCounts:
    """Return the counts of all pieces together.

    As few neighbours are counted together as leave at most MAX_VALUES. A part of an image needs no
    more of that than the whole, so the result depends on the pixels alone.
    """
    values = np.concatenate([each.values for each in found])
    counts = np.concatenate([each.counts for each in found])
    order = np.argsort(values)
    values, counts = values[order], counts[order]
    shift = bisect_left(
        range(8 * values.itemsize),
        True,
        lo=max(each.shift for each in found),
        key=lambda bits: int(np.count_nonzero(begins_of(values >> bits))) <= MAX_VALUES,
    )
    values = values >> shift << shift
    begins = np.flatnonzero(begins_of(values))
    return ValueCounts(values[begins], np.add.reduceat(counts, begins), shift)


def begins_of(ascending: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where another value begins in an array of ascending values."""
    begins = np.ones(len(ascending), np.bool_)
    np.not_equal(ascending[1:], ascending[:-1], out=begins[1:])
    return begins


def otsu_threshold(found: Sequence[Measured], dtype: np.dtype[Any]) -> float:
    """Return Otsu's threshold of an image, from its measurements."""
    first = found[0]
    if isinstance(first, ValueCounts):
        return threshold_of_counts(first)
    assert not isinstance(found[1], ValueCounts)
    return threshold_of_histogram(first, found[1], dtype)


def threshold_of_counts(found: ValueCounts) -> int:
    """Return the largest value of the lower side; an integer, since float64 may not hold it."""
    values, counts, shift = found
    if not len(values):
        return 0
    # Distances fit uint64, though differences of int64 may not fit int64.
    distances = values.astype(np.uint64) - values[:1].astype(np.uint64)
    return int(values[split(counts, distances.astype(np.float64))]) + (1 << shift) - 1


def threshold_of_histogram(
    extremes: NDArray[Any], counts: NDArray[Any], dtype: np.dtype[Any]
) -> float:
    """Return the centre of the last bin of the lower side."""
    low, high = range_of(extremes)
    if low == high:
        return low
    if has_bin_for_each_value(dtype):
        centres = np.arange(int(low), int(high) + 1, dtype=np.float64)
    else:
        edges = np.linspace(low, high, BINS + 1)
        centres = (edges[:-1] + edges[1:]) / 2
    return float(centres[split(counts, centres)])


def split(counts: NDArray[Any], centres: NDArray[Any]) -> int:
    """Return the last bin of the lower side, where the variance between both sides is largest."""
    if len(counts) == 1:
        return 0
    weights = counts.astype(np.float64)
    below, above = np.cumsum(weights), np.cumsum(weights[::-1])[::-1]
    moments = weights * centres
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_below = np.cumsum(moments) / below
        mean_above = np.cumsum(moments[::-1])[::-1] / above
    between = below[:-1] * above[1:] * (mean_below[:-1] - mean_above[1:]) ** 2
    return int(np.nanargmax(between))


EXTREMES = (MapReduce(extremes_of, join_extremes),)
HISTOGRAM = (*EXTREMES, MapReduce(histogram_of, add_histograms))
COUNTS = (MapReduce(counts_of, join_counts),)


def needed_by_otsu(dtype: np.dtype[Any]) -> Sequence[MapReduce]:
    """Return what must be measured of an image for Otsu's threshold.

    Between the extremes of 32- and 64-bit integers there may be more values than memory has bytes.
    """
    return COUNTS if dtype.kind in "iu" and not has_bin_for_each_value(dtype) else HISTOGRAM


def measure(steps: Sequence[MapReduce], pieces: Sequence[NDArray[Any]]) -> list[Measured]:
    """Return what each step measures of an image that is given in pieces."""
    found: list[Measured] = []
    for step in steps:
        found.append(step.reduce([step.map(piece, *found) for piece in pieces]))
    return found


def extremes(image: NDArray[Any]) -> tuple[float, float]:
    """Return the smallest and the largest finite pixel, (0, 0) where there is none."""
    (found,) = measure(EXTREMES, [image])
    assert not isinstance(found, ValueCounts)
    return range_of(found)


def otsu(image: NDArray[Any]) -> float:
    """Return Otsu's threshold of an image."""
    return otsu_threshold(measure(needed_by_otsu(image.dtype), [image]), image.dtype)

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

from imgconv.core import check
from imgconv.core.pixels import limits, native
from imgconv.operations import histogram

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
    if piece.dtype.kind == "f":
        low, high = histogram.extremes(piece)
        return np.array([low, high]) if low <= high else np.full(2, np.nan)
    return np.array([piece.min(), piece.max()], np.float64)


def join_extremes(found: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return the extremes of all pieces, NaN where no piece has any."""
    pairs = np.array(found)
    pairs = pairs[~np.isnan(pairs[:, 0])]
    return np.array([pairs[:, 0].min(), pairs[:, 1].max()]) if len(pairs) else np.full(2, np.nan)


def range_of(extremes: NDArray[Any]) -> tuple[float, float]:
    """Return the smallest and the largest finite pixel of an image, (0, 0) where it has none."""
    low, high = map(float, np.nan_to_num(extremes, nan=0.0))
    return low, high


def value_counts(piece: NDArray[Any]) -> NDArray[Any]:
    """Return how often each value of a dtype of 8 or 16 bits occurs, from the smallest on."""
    return histogram.value_counts(piece)


def bin_counts(piece: NDArray[Any], extremes: NDArray[Any]) -> NDArray[Any]:
    """Return the histogram of a piece of floats or wide integers between the image's extremes."""
    low, high = range_of(extremes)
    if low == high:
        return np.ones(1, np.int64)
    if piece.dtype.kind == "f":
        return histogram.bin_counts(piece, edges_of(extremes, piece.dtype).astype(np.float64))
    check_span(low, high)
    counts = np.zeros(int(high) - int(low) + 1, np.int64)
    flat = piece.reshape(-1)
    for start in range(0, flat.size, PIECE):
        values = (flat[start : start + PIECE] - piece.dtype.type(low)).astype(np.intp)
        counts += np.bincount(values, minlength=len(counts))
    return counts


def check_span(low: float, high: float) -> None:
    """Raise an error if integers span more values than a histogram has bins."""
    if high - low >= MAX_VALUES:
        raise check.value_error(
            f"image must span at most {MAX_VALUES} values for a histogram of each, got those from "
            f"{low:.0f} to {high:.0f}; convert it to floats, which have {BINS} bins"
        )


def edges_of(extremes: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the edges of the bins of floats, in their dtype, as `numpy.histogram` has them."""
    low, high = map(native(dtype).type, range_of(extremes))
    return np.linspace(low, high, BINS + 1, dtype=native(dtype))


def has_bin_for_each_value(dtype: np.dtype[Any]) -> bool:
    """Whether each value that a dtype can have has its own bin in a histogram."""
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


class Histogram(NamedTuple):
    """How many pixels are in each bin, and the middle of each; none at either end is empty."""

    counts: NDArray[np.float64]
    centres: NDArray[Any]

    @staticmethod
    def of(found: Sequence[Measured], dtype: np.dtype[Any]) -> "Histogram":
        """Return the histogram that was measured; one of an image without pixels has none."""
        counts = np.asarray(found[-1])
        if has_bin_for_each_value(dtype):
            begin = limits(dtype)[0]
            filled = np.flatnonzero(counts)
            first, last = (filled[0], filled[-1]) if len(filled) else (0, -1)
            values = np.arange(first + begin, last + 1 + begin)
            return Histogram(counts[first : last + 1].astype(np.float64), values)
        extremes = np.asarray(found[0])
        low, high = range_of(extremes)
        if low == high:
            return Histogram(np.ones(1), np.array([low]))
        if dtype.kind == "f":
            edges = edges_of(extremes, dtype)
            return Histogram(counts.astype(np.float64), (edges[:-1] + edges[1:]) / 2)
        return Histogram(counts.astype(np.float64), np.arange(int(low), int(high) + 1))


def sum_of(piece: NDArray[Any]) -> NDArray[Any]:
    """Return the sum and the number of pixels."""
    return np.array([piece.sum(dtype=np.float64), piece.size])


EXTREMES = (MapReduce(extremes_of, join_extremes),)
VALUES = (MapReduce(value_counts, add_histograms),)
BINNED = (*EXTREMES, MapReduce(bin_counts, add_histograms))
COUNTS = (MapReduce(counts_of, join_counts),)
SUMS = (MapReduce(sum_of, add_histograms),)


def for_histogram(dtype: np.dtype[Any]) -> Sequence[MapReduce]:
    """Return what must be measured of an image for its histogram."""
    return VALUES if has_bin_for_each_value(dtype) else BINNED


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

"""Thresholds of a whole image: what each method measures, and what it makes of that.

Centres are those of the bins. Pixels above a threshold are the bright side.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgconv.core import check
from imgconv.filters import measures
from imgconv.filters.measures import Histogram, MapReduce, Measured, ValueCounts
from imgconv.operations.histogram import sums_above

METHODS = ("otsu", "li", "yen", "isodata", "triangle", "minimum", "mean")

# "minimum" smooths a histogram at most so many times.
SMOOTHINGS = 10_000
# Pixels that are looked at for a bound of the smallest difference of two.
SAMPLED = 1 << 14
# A share of the range of pixels that decides on no threshold.
NEGLIGIBLE = 2.0**-22


def needed_by(method: str, dtype: np.dtype[Any]) -> Sequence[MapReduce]:
    """Return what must be measured of an image for a threshold; nothing if all pixels are needed.

    Between the extremes of 32- and 64-bit integers there may be more values than memory has bytes.
    """
    small = measures.has_bin_for_each_value(dtype)
    if method == "li" and dtype.kind == "f":
        return ()
    if method == "mean" and not small:
        return measures.SUMS
    if method == "otsu" and dtype.kind in "iu" and not small:
        return measures.COUNTS
    return measures.for_histogram(dtype)


def threshold_of(method: str, found: Sequence[Measured], dtype: np.dtype[Any]) -> float:
    """Return the threshold of an image from what was measured of it; 0 if it has no pixels."""
    first = found[0]
    if isinstance(first, ValueCounts):
        return threshold_of_counts(first)
    if method == "mean" and not measures.has_bin_for_each_value(dtype):
        total, count = np.asarray(first)
        return float(total / count) if count else 0.0
    counts, centres = Histogram.of(found, dtype)
    if len(counts) < 2:
        return float(centres[0]) if len(counts) else 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(RULES[method](counts, centres))


def threshold_of_image(image: NDArray[Any], method: str) -> float:
    """Return the threshold of an image."""
    needed = needed_by(method, image.dtype)
    if not needed:
        return li_of_floats(image)
    return threshold_of(method, measures.measure(needed, [image]), image.dtype)


# ---- Otsu ----------------------------------------------------------------------------------------


def threshold_of_counts(found: ValueCounts) -> int:
    """Return the largest value of the lower side; an integer, since float64 may not hold it."""
    values, counts, shift = found
    if not len(values):
        return 0
    # Distances fit uint64, though differences of int64 may not fit int64.
    distances = values.astype(np.uint64) - values[:1].astype(np.uint64)
    return int(values[split(counts, distances.astype(np.float64))]) + (1 << shift) - 1


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


def otsu(counts: NDArray[Any], centres: NDArray[Any]) -> float:
    """N. Otsu, "A threshold selection method from gray-level histograms", 1979."""
    return float(centres[split(counts, centres)])


def several_splits(counts: NDArray[Any], centres: NDArray[Any], classes: int) -> list[int]:
    """Return the last bin of each class but the last, where the variance between all is largest.

    The best split of the bins up to i into k classes follows from those into k - 1. Its last class
    begins no earlier for a larger i, so bins are halved: n log(n) steps for n bins.
    """
    mass = np.concatenate([[0], np.cumsum(counts, dtype=np.float64)])
    moment = np.concatenate([[0], np.cumsum(counts * (centres - centres[0]), dtype=np.float64)])

    def worth(begin: Any, end: Any) -> Any:
        """The share of a class in the variance between classes, but for a constant."""
        weight = mass[end] - mass[begin]
        return (moment[end] - moment[begin]) ** 2 / np.where(weight > 0, weight, 1)

    n = len(counts)
    best = worth(0, np.arange(n + 1))
    begins = []
    for _ in range(classes - 1):
        chosen = np.zeros(n + 1, np.intp)
        better = best.copy()
        todo = [(1, n, 0, n - 1)]
        while todo:
            first, last, low, high = todo.pop()
            middle = (first + last) // 2
            begin = np.arange(low, min(middle - 1, high) + 1)
            values = best[begin] + worth(begin, middle)
            at = int(np.argmax(values))
            better[middle], chosen[middle] = values[at], begin[at]
            if first < middle:
                todo.append((first, middle - 1, low, int(begin[at])))
            if middle < last:
                todo.append((middle + 1, last, int(begin[at]), high))
        best = better
        begins.append(chosen)
    end, found = n, []
    for chosen in reversed(begins):
        end = int(chosen[end])
        found.append(end - 1)
    return found[::-1]


# ---- Li ------------------------------------------------------------------------------------------


def li(counts: NDArray[Any], centres: NDArray[Any]) -> float:
    """C. H. Li, P. K. S. Tam, "An iterative algorithm for minimum cross entropy", 1998."""
    values = centres - centres[0]
    sums = counts * values

    def sides(limit: float) -> tuple[float, float, float, float]:
        at = int(np.searchsorted(values, limit, "right"))
        return counts[:at].sum(), sums[:at].sum(), counts[at:].sum(), sums[at:].sum()

    return float(centres[0]) + li_limit(sums.sum() / counts.sum(), sides, lambda _: 0.5)


def li_of_floats(image: NDArray[Any]) -> float:
    """Return Li's threshold of the finite pixels of an image of floats."""
    if image.size == 0:
        return 0.0
    low, high = measures.extremes(image)
    if low == high:
        return low
    count, total = sums_above(image, (low, high), -1.0)

    def sides(limit: float) -> tuple[float, float, float, float]:
        above, sum_above = sums_above(image, (low, high), limit)
        return count - above, total - sum_above, above, sum_above

    # The smallest difference of two pixels is at most that of some of them.
    few = smallest_difference(image.flat[:SAMPLED])

    def tolerance(change: float) -> float:
        """Half the smallest difference, or less where the change is larger than that anyway.

        A very small change is as good as none.
        """
        if change > few / 2 or few < NEGLIGIBLE * (high - low):
            return few / 2
        return smallest_difference(image) / 2

    return low + li_limit(total / count, sides, tolerance)


def smallest_difference(image: NDArray[Any]) -> float:
    """Return the smallest difference of two finite pixels that differ, infinity if none do."""
    values = np.unique(image[np.isfinite(image)])
    return float(np.min(np.diff(values), initial=np.inf))


def li_limit(start: float, sides: Any, tolerance: Any) -> float:
    """Repeat limit = (mean below - mean above) / log(mean below / mean above).

    `sides` returns number and sum of the pixels below a limit and above it, `tolerance` the change
    at which to stop.
    """
    limit, last = start, -np.inf
    while limit != last and abs(limit - last) > tolerance(abs(limit - last)):
        last = limit
        below, sum_below, above, sum_above = sides(limit)
        if not sum_below or not below or not above:
            break
        dark, bright = sum_below / below, sum_above / above
        limit = (dark - bright) / (np.log(dark) - np.log(bright))
    return float(limit)


# ---- other rules ---------------------------------------------------------------------------------


def yen(counts: NDArray[Any], centres: NDArray[Any]) -> float:
    """J. C. Yen, F. J. Chang, S. Chang, "A new criterion for automatic thresholding", 1995."""
    share = counts / counts.sum()
    below = np.cumsum(share)[:-1]
    squares_below = np.cumsum(share**2)[:-1]
    squares_above = np.cumsum(share[::-1] ** 2)[::-1][1:]
    criterion = np.log((below * (1 - below)) ** 2 / (squares_below * squares_above))
    return float(centres[np.argmax(criterion)])


def isodata(counts: NDArray[Any], centres: NDArray[Any]) -> float:
    """T. W. Ridler, S. Calvard, "Picture thresholding using an iterative selection method", 1978.

    The first centre that is the middle of the means of both sides, to a bin.
    """
    below, sums = np.cumsum(counts), np.cumsum(counts * centres)
    low = sums[:-1] / below[:-1]
    high = (sums[-1] - sums[:-1]) / (below[-1] - below[:-1])
    distance = (low + high) / 2 - centres[:-1]
    fits = (distance >= 0) & (distance < centres[1] - centres[0])
    return float(centres[np.argmax(fits)] if fits.any() else centres[np.argmin(np.abs(distance))])


def triangle(counts: NDArray[Any], centres: NDArray[Any]) -> float:
    """G. W. Zack, W. E. Rogers, S. A. Latt, "Automatic measurement of sister chromatid", 1977.

    The bin farthest from the line between the peak and the far end of the histogram.
    """
    peak, last = int(np.argmax(counts)), len(counts) - 1
    flipped = peak < last - peak
    if flipped:
        counts, peak = counts[::-1], last - peak
    distance = counts[peak] * np.arange(peak) - peak * counts[:peak]
    at = int(np.argmax(distance)) if peak else 0
    return float(centres[last - at if flipped else at])


def minimum(counts: NDArray[Any], centres: NDArray[Any]) -> float:
    """J. M. S. Prewitt, M. L. Mendelsohn, "The analysis of cell images", 1966.

    The lowest bin between the two peaks that are left when the histogram is smoothed.
    """
    from scipy.ndimage import uniform_filter1d  # SciPy takes a while to import

    smooth = counts.astype(np.float32)
    for _ in range(SMOOTHINGS):
        smooth = uniform_filter1d(smooth, 3)
        peaks = peaks_of(smooth)
        if len(peaks) < 3:
            break
    if len(peaks) != 2:
        raise check.value_error(
            f'image must have two peaks in its smoothed histogram for "minimum", got {len(peaks)}'
        )
    between = smooth[peaks[0] : peaks[1] + 1]
    return float(centres[peaks[0] + int(np.argmin(between))])


def peaks_of(values: NDArray[Any]) -> NDArray[np.intp]:
    """Return the last of the equal values of each peak but one at the end."""
    steps = np.sign(np.diff(values))
    changes = np.flatnonzero(steps)
    falls = steps[changes] < 0
    rises_before = np.concatenate([[True], ~falls[:-1]])
    peaks: NDArray[np.intp] = changes[falls & rises_before]
    return peaks


def mean(counts: NDArray[Any], centres: NDArray[Any]) -> float:
    """The mean of all pixels."""
    return float((counts * centres).sum() / counts.sum())


RULES = {
    "otsu": otsu, "li": li, "yen": yen, "isodata": isodata, "triangle": triangle,
    "minimum": minimum, "mean": mean,
}  # fmt: skip

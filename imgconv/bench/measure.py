"""Time, agreement, and the machine's limits.

All libraries run in one process, in turn, round after round, so that other work on the machine
slows all of them; medians are compared, never best times.
"""

from __future__ import annotations

import gc
import platform
import random
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import product
from math import ceil, inf
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from imgconv.bench.conditions import Conditions, Watch
from imgconv.bench.equality import objection
from imgconv.bench.peers import (
    Definition,
    Imgconv,
    OpenCV,
    Peer,
    PreparedCall,
    ScikitImage,
    SciPy,
    UnequalWorkError,
)
from imgconv.bench.peers.base import Array, DType
from imgconv.bench.suite import Row
from imgconv.core.run import run_entry
from imgconv.core.threads import threads as using

# What a caller calls the functions that it times.
Name = TypeVar("Name", bound=Hashable)
MIN_ROUNDS = 3
# A library whose first call takes so many times the budget of a row is not called again.
SLOW = 4
# Seconds. Faster calls are repeated within a sample, so that the clock and the loop do not count.
MIN_SAMPLE = 500e-6
# Bytes of an array that no cache holds.
OUT_OF_CACHE = 2**28
# Rows that are compared at the top and at the bottom.
BAND = 128
# Rows and columns of a median that are compared at each corner, and of any filter in the middle:
# SciPy takes 0.1 ms for a pixel.
CORNER = 32, 64


class Piece(NamedTuple):
    """The exact result for a part of the image."""

    rows: slice
    columns: slice
    exact: Array


Reference = list[Piece]


@dataclass(frozen=True)
class Timing:
    """Seconds a call: the median, and the middle half of the samples, how wide relative to it."""

    median: float
    spread: float
    rounds: int


@dataclass(frozen=True)
class LibraryResult:
    """What was measured of one library in one row."""

    timing: Timing
    difference: float  # largest absolute one to SciPy in float64; of masks, the share of pixels
    note: str = ""  # where its work is not equal
    method: str = ""


@dataclass(frozen=True)
class RowResult:
    """What was measured of all libraries in one row."""

    row: Row
    threads: int
    fresh: bool  # each call allocates its result; else it fills an array that exists
    imgconv: LibraryResult
    peers: dict[str, LibraryResult] = field(default_factory=dict)
    limit: float | None = None  # seconds that the machine needs at least
    conditions: Conditions = field(default_factory=Conditions)

    @property
    def fastest(self) -> str | None:
        """The name of the fastest peer."""
        return min(self.peers, key=lambda name: self.peers[name].timing.median, default=None)

    @property
    def ratio(self) -> float | None:
        """The fastest peer's time divided by imgconv's: above 1 imgconv is faster."""
        return self.ratio_to(self.fastest) if self.fastest else None

    def ratio_to(self, peer: str) -> float:
        """Return a peer's time divided by imgconv's."""
        return self.peers[peer].timing.median / self.imgconv.timing.median

    @property
    def equal(self) -> bool:
        """Whether the fastest peer does the same work, so that the row counts for one of both."""
        return self.fastest is not None and not self.peers[self.fastest].note

    @property
    def share(self) -> float | None:
        """The share of the machine's limit that imgconv reaches."""
        return self.limit / self.imgconv.timing.median if self.limit else None


@dataclass(frozen=True)
class Refusal:
    """A library that was not timed in a row, since it does not do the row's work."""

    row: Row
    threads: int
    library: str
    reason: str


def measure(
    rows: Sequence[Row],
    peers: Sequence[Peer],
    threads: Sequence[int],
    budget: float,
    fresh: Sequence[bool] = (True,),
) -> Iterator[RowResult | Refusal]:
    """Measure each row with each number of threads.

    Each library's result is compared before it is timed, and refused if it is not the row's.

    Parameters
    ----------
    rows : sequence of Row
    peers : sequence of Peer
    threads : sequence of int
        The same number for imgconv and for the peers that can use more than one.
    budget : float
        Seconds for each row, shared evenly. Each library runs at least three times, but only once
        if one call takes more than four times the budget.
    fresh : sequence of bool
        True: each call allocates its result. False: it fills an array, where the library can.

    Yields
    ------
    result : RowResult or Refusal
        As soon as it is known. A row in which imgconv is refused has no other result.
    """
    imgconv = Imgconv()
    watch = Watch()
    for row in rows:
        image = row.image()
        reference = reference_of(row, image)
        for count in threads:
            for peer in (imgconv, *peers):
                peer.set_threads(count)
            for is_fresh in fresh:
                calls = {
                    peer.name: call
                    for peer in (imgconv, *peers)
                    if (call := peer.prepare(row.work, image, row.result_dtype, row.numbers))
                    and (is_fresh or call.fills_out)
                    and not call.slow
                }
                checked, refused = compare(calls, row, image, reference)
                yield from (Refusal(row, count, *each) for each in refused.items())
                if imgconv.name in refused:
                    continue
                watch.read()
                results = time_calls(checked, row, budget, is_fresh, pause=1e-3 * (count > 1))
                yield RowResult(
                    row,
                    count,
                    is_fresh,
                    results.pop(imgconv.name),
                    results,
                    limit(row, count),
                    watch.read(),
                )


class Checked(NamedTuple):
    """A call whose result has been compared: its difference, its shape, and its first seconds."""

    call: PreparedCall
    difference: float
    shape: tuple[int, ...]
    seconds: float


def compare(
    calls: Mapping[str, PreparedCall], row: Row, image: Array, reference: Reference
) -> tuple[dict[str, Checked], dict[str, str]]:
    """Run each call once: return those that do the row's work, and why others do not.

    imgconv's is the first, and all results have the shape of its own.
    """
    checked, refused = {}, {}
    shape: tuple[int, ...] = ()
    for name, call in calls.items():
        began = time.perf_counter()
        try:
            result = np.asarray(call.run(None))
            seconds = time.perf_counter() - began
            shape = shape or result.shape
            if result.shape != shape:
                raise UnequalWorkError(f"its result has the shape {result.shape}, not {shape}")
            margin = 0 if call.same_border else row.reach
            found = difference(result, reference, margin)
        except UnequalWorkError as error:
            refused[name] = str(error)
            continue
        except Exception as error:  # whatever a library says of a dtype that it does not take
            refused[name] = f"it raises {type(error).__name__}: {error}".strip()
            continue
        if reason := objection(row, call, found):
            refused[name] = reason
        else:
            checked[name] = Checked(call, found, result.shape, seconds)
    return checked, refused


def time_calls(
    calls: Mapping[str, Checked], row: Row, budget: float, fresh: bool, pause: float
) -> dict[str, LibraryResult]:
    """Return time and difference of each library's call; the slowest are not called again."""
    slow = {name for name, each in calls.items() if each.seconds > SLOW * budget}
    timings = {name: Timing(calls[name].seconds, 0.0, 1) for name in slow}
    runs: dict[str, Callable[[], object]] = {
        name: partial(each.call.run, None if fresh else np.zeros(each.shape, row.result_dtype))
        for name, each in calls.items()
        if name not in slow
    }
    timings |= interleave(runs, budget, pause)
    return {
        name: LibraryResult(timings[name], each.difference, each.call.note, each.call.method)
        for name, each in calls.items()
    }


def interleave(
    calls: Mapping[Name, Callable[[], object]], budget: float, pause: float = 0.0
) -> dict[Name, Timing]:
    """Time callables in turn, round after round.

    Parameters
    ----------
    calls : mapping of names to callables
    budget : float
        Seconds for all; a callable that has used its share is not timed any more, after three
        rounds at the earliest.
    pause : float
        Seconds to wait before each sample: after a call of another library, its worker threads are
        busy for a while.

    Returns
    -------
    timings : dict of names to Timing
    """
    repeats = {name: repeats_of(call) for name, call in calls.items()}
    samples: dict[Name, list[float]] = {name: [] for name in calls}
    share = budget / max(1, len(calls))
    running = list(calls)
    collecting = gc.isenabled()
    gc.disable()
    try:
        while running:
            # Drawn anew, so that no callable always runs after the same other one.
            for name in random.sample(running, len(running)):
                time.sleep(pause)
                samples[name].append(seconds_of(calls[name], repeats[name]))
            running = [
                name
                for name in running
                if len(samples[name]) < MIN_ROUNDS or sum(samples[name]) * repeats[name] < share
            ]
    finally:
        if collecting:
            gc.enable()
    return {name: timing_of(times) for name, times in samples.items()}


def repeats_of(call: Callable[[], object]) -> int:
    """Return how often to repeat a call so that a sample is long enough."""
    if seconds_of(call, 1) > MIN_SAMPLE:
        return 1
    return ceil(MIN_SAMPLE / max(seconds_of(call, 3), 1e-7))


def seconds_of(call: Callable[[], object], repeats: int) -> float:
    """Return the seconds that one call takes; the last result is freed after the clock stops."""
    start = time.perf_counter()
    for _ in range(repeats):
        result = call()
    del result
    return (time.perf_counter() - start) / repeats


def timing_of(times: list[float]) -> Timing:
    """Return the median of samples, and how wide their middle half is."""
    low, median, high = np.percentile(times, (25, 50, 75))
    return Timing(float(median), float((high - low) / median), len(times))


def reference_of(row: Row, image: Array) -> Reference:
    """Return the exact result at the ends of the image and in its middle, or all if that is small.

    It is SciPy's in float64 or, where SciPy has no such filter, that of the definition.
    """
    if row.whole:
        return [Piece(slice(None), slice(None), whole_reference(row, image))]
    height, width = image.shape[:2]
    rows, columns = CORNER if row.work == "median" else (BAND, width)
    places = [*product(ends(height, rows, row.reach), ends(width, columns, row.reach))]
    if len(places) > 1:
        places += product(middle(height, CORNER[0], row.reach), middle(width, CORNER[1], row.reach))
    return [
        Piece(y.kept, x.kept, exact_piece(row, image[y.read, x.read])[y.cut, x.cut])
        for y, x in places
    ]


class Part(NamedTuple):
    """Pixels of an axis: what to keep, what to read for it, and where in that it lies."""

    kept: slice
    read: slice
    cut: slice


def ends(n: int, kept: int, reach: int) -> list[Part]:
    """Return the first and the last pixels of an axis, or all if these are few.

    >>> first, last = ends(10, 2, 1)
    >>> last
    Part(kept=slice(8, 10, None), read=slice(7, 10, None), cut=slice(1, 3, None))
    """
    if n <= 2 * (kept + reach):
        return [Part(slice(0, n), slice(0, n), slice(0, n))]
    return [
        Part(slice(0, kept), slice(0, kept + reach), slice(0, kept)),
        Part(slice(n - kept, n), slice(n - kept - reach, n), slice(reach, reach + kept)),
    ]


def middle(n: int, kept: int, reach: int) -> list[Part]:
    """Return pixels in the middle of an axis that see no border; none if all reach one.

    >>> middle(100, 10, 5)
    [Part(kept=slice(45, 55, None), read=slice(40, 60, None), cut=slice(5, 15, None))]
    """
    first = (n - kept) // 2
    if first < reach:
        return []
    kept_pixels = slice(first, first + kept)
    return [
        Part(
            kept_pixels,
            slice(first - reach, first + kept + reach),
            slice(reach, reach + kept),
        )
    ]


def exact_piece(row: Row, image: Array) -> Array:
    """Return the exact result for a part of an image."""
    pixels = image.astype(np.float64)
    calls = (
        peer.prepare(row.work, pixels, pixels.dtype, row.numbers)
        for peer in (SciPy(), Definition())
    )
    call = next((each for each in calls if each is not None), None)
    assert call is not None, f"SciPy or a definition is the reference of {row.work}"
    return rounded(np.asarray(call.run(None)), row.result_dtype)


def whole_reference(row: Row, image: Array) -> Array:
    """Return what SciPy or the definition gives in float64; for others scikit-image or OpenCV."""
    exact = next((peer for peer in (SciPy, Definition) if hasattr(peer, row.work)), None)
    if exact is not None:
        pixels = image.astype(np.float64)
        call = exact().prepare(row.work, pixels, pixels.dtype, row.numbers)
    else:
        peer = ScikitImage if hasattr(ScikitImage, row.work) else OpenCV
        call = peer().prepare(row.work, image, row.result_dtype, row.numbers)
    assert call is not None, f"there is no reference of {row.work}"
    return rounded(call.run(None), row.result_dtype)


def rounded(values: Array, dtype: DType) -> Array:
    """Return float64 values, rounded and saturated where the dtype is an integer one."""
    if dtype.kind not in "ui":
        return values
    limits = np.iinfo(dtype)
    integers: Array = np.clip(np.rint(values), limits.min, limits.max)
    return integers


def difference(result: Array, reference: Reference, margin: int = 0) -> float:
    """Return the largest absolute difference to the reference, without a margin at the border.

    Of masks it is the share of pixels that differ. It is NaN if the margin leaves no pixels.
    """
    height, width = result.shape[:2]
    largest = []
    for rows, columns, exact in reference:
        top, bottom, _ = rows.indices(height)
        left, right, _ = columns.indices(width)
        y = slice(max(top, margin), min(bottom, height - margin))
        x = slice(max(left, margin), min(right, width - margin))
        if y.start < y.stop and x.start < x.stop:
            part = exact[y.start - top : y.stop - top, x.start - left : x.stop - left]
            largest.append(distance(result[y, x], part))
    return max(largest, default=np.nan)


def distance(pixels: Array, exact: Array) -> float:
    """Return the largest difference of two arrays, or the share of pixels of a mask that differ.

    Where both are NaN they are equal; where one is, they are infinitely far apart.
    """
    if exact.dtype == np.bool_:
        return float(np.mean(pixels.astype(np.bool_) != exact))
    both = np.isnan(pixels) & np.isnan(exact)
    apart = np.abs(pixels.astype(np.float64) - exact)
    return float(np.nan_to_num(np.where(both, 0, apart), nan=inf).max())


def limit(row: Row, threads: int) -> float | None:
    """Return the seconds that the machine needs at least: to copy a row's bytes or do its sums.

    The copied arrays are as large as the row's, so that works that fit into a cache are compared
    with that cache. Rows of fewer than 65,536 samples have no limit: there the fixed cost of a call
    counts most.
    """
    if row.samples < 2**16:
        return None
    copying = row.bytes / copy_rate(row.bytes // 2, threads)
    real = "float64" if row.result_dtype == np.float64 else "float32"
    return max(copying, row.samples * row.flops / peak_flops(real, threads))


@lru_cache
def copy_rate(size: int, threads: int) -> float:
    """Return the bytes that a copy of `size` bytes reads and writes a second, in memory in use."""
    parts = [
        (np.ones(size // threads, np.uint8), np.ones(size // threads, np.uint8))
        for _ in range(threads)
    ]
    with ThreadPoolExecutor(threads) as pool:

        def copy() -> None:
            list(pool.map(lambda part: np.copyto(part[1], part[0]), parts))

        timing = interleave({"copy": copy}, budget=0.3)["copy"]
    return 2 * size / timing.median


@lru_cache
def peak_flops(real: str, threads: int) -> float:
    """Return additions and multiplications a second, where all operands are in registers."""
    best = 0.0
    with using(threads):
        run_entry("peak", real, "run", 1 << 14, cost=inf)
        for _ in range(5):
            start = time.perf_counter()
            done = run_entry("peak", real, "run", 1 << 18, cost=inf)
            best = max(best, done / (time.perf_counter() - start))
    return best


def processor() -> str:
    """Return the processor's name as the system reports it, with its family and model."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        pairs = (line.partition(":") for line in first_processor(cpuinfo))
        known = {name.strip(): value.strip() for name, _, value in pairs}
        if name := known.get("model name"):
            numbers = known.get("cpu family"), known.get("model")
            return "{} (family {}, model {})".format(name, *numbers) if all(numbers) else name
    return platform.processor() or platform.machine()


def first_processor(cpuinfo: Path) -> list[str]:
    """Return the lines about the first processor."""
    first = cpuinfo.read_text().partition("\n\n")[0]
    return [line for line in first.splitlines() if ":" in line]

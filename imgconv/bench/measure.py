"""Time, agreement, and the machine's limits.

All libraries run in one process, in turn, round after round, so that whatever the machine does
meanwhile it does to all of them; medians are compared, never best times.
"""

from __future__ import annotations

import gc
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf
from pathlib import Path

import numpy as np

from imgconv.bench.peers import Call, Definition, Imgconv, Peer, ScikitImage, SciPy
from imgconv.bench.suite import Row
from imgconv.core.run import run_entry
from imgconv.core.threads import threads as using

LEAST_ROUNDS = 3
SLOW = 4  # a first call that takes so many times the budget of a row is the only one
SHORTEST_SAMPLE = (
    500e-6  # seconds; faster calls are repeated, so that the clock and the loop cost nothing
)
OUT_OF_CACHE = 2**28  # bytes
BAND, HALO = 128, 256  # rows compared at top and bottom; more than any window's radius


@dataclass(frozen=True)
class Timing:
    """Seconds a call: the median, and the middle half of the samples, how wide relative to it."""

    median: float
    spread: float
    rounds: int


@dataclass(frozen=True)
class Entry:
    """How one library did one row."""

    timing: Timing
    difference: float  # largest absolute difference to SciPy in float64
    note: str = ""


@dataclass(frozen=True)
class Result:
    """One row, measured."""

    row: Row
    threads: int
    fresh: bool  # each call allocates its result; else `out=` or its like
    ours: Entry
    peers: dict[str, Entry] = field(default_factory=dict)
    limit: float | None = None  # seconds that the machine needs at least

    @property
    def fastest(self) -> str | None:
        """The name of the fastest peer."""
        return min(self.peers, key=lambda name: self.peers[name].timing.median, default=None)

    @property
    def ratio(self) -> float | None:
        """The fastest peer's time by ours: above 1 we are faster."""
        return self.ratio_to(self.fastest) if self.fastest else None

    def ratio_to(self, peer: str) -> float:
        """Return a peer's time by ours."""
        return self.peers[peer].timing.median / self.ours.timing.median

    @property
    def share(self) -> float | None:
        """The share of the machine's limit that we reach."""
        return self.limit / self.ours.timing.median if self.limit else None


def measure(
    rows: Sequence[Row],
    peers: Sequence[Peer],
    threads: Sequence[int],
    budget: float,
    fresh: Sequence[bool] = (True,),
) -> Iterator[Result]:
    """Measure each row with each number of threads.

    Parameters
    ----------
    rows : sequence of Row
    peers : sequence of Peer
    threads : sequence of int
        The same number for us and for the peers that can use more than one.
    budget : float
        Seconds for each row, shared evenly. Each library runs at least three times, but once if
        that takes four times as long.
    fresh : sequence of bool
        True: with fresh results. False: into results that exist, where a library can.

    Yields
    ------
    result : Result
        As soon as it is known.
    """
    ours = Imgconv()
    for row in rows:
        image = row.image()
        reference = bands_of_reference(row, image)
        for count in threads:
            for peer in (ours, *peers):
                peer.set_threads(count)
            for is_fresh in fresh:
                calls = {
                    peer.name: call
                    for peer in (ours, *peers)
                    if (call := peer.call(row.work, image, row.result_dtype, row.numbers))
                    and (is_fresh or call.fills_out)
                    and not call.slow
                }
                entries = _entries(
                    calls, row, reference, budget, is_fresh, pause=1e-3 * (count > 1)
                )
                yield Result(
                    row, count, is_fresh, entries.pop(ours.name), entries, limit(row, count)
                )


def _entries(
    calls: Mapping[str, Call],
    row: Row,
    reference: list[tuple[slice, np.ndarray]],
    budget: float,
    fresh: bool,
    pause: float,
) -> dict[str, Entry]:
    runs = {}
    timings = {}
    differences = {}
    for name, call in calls.items():
        began = time.perf_counter()
        result = np.asarray(call.run(None))
        seconds = time.perf_counter() - began
        differences[name] = difference(result, reference, 0 if call.same_border else HALO)
        if seconds > SLOW * budget:
            timings[name] = Timing(seconds, 0.0, 1)
            continue
        out = None if fresh else np.zeros(result.shape, row.result_dtype)
        runs[name] = lambda run=call.run, out=out: run(out)
    timings |= interleave(runs, budget, pause)
    return {
        name: Entry(timings[name], differences[name], call.note) for name, call in calls.items()
    }


def interleave(
    calls: Mapping[str, Callable[[], object]], budget: float, pause: float = 0.0
) -> dict[str, Timing]:
    """Time callables in turn, round after round.

    Parameters
    ----------
    calls : mapping of str to callable
    budget : float
        Seconds for all; a callable that has used its even share drops out, after three rounds
        at the earliest.
    pause : float
        Seconds of rest before each sample: worker threads of the library before spin for a while.

    Returns
    -------
    timings : dict of str to Timing
    """
    repeats = {name: _repeats(call) for name, call in calls.items()}
    samples: dict[str, list[float]] = {name: [] for name in calls}
    share = budget / max(1, len(calls))
    running = list(calls)
    collecting = gc.isenabled()
    gc.disable()
    try:
        while running:
            for name in running:
                time.sleep(pause)
                samples[name].append(_sample(calls[name], repeats[name]))
            running = [
                name
                for name in running
                if len(samples[name]) < LEAST_ROUNDS or sum(samples[name]) * repeats[name] < share
            ]
            running = running[1:] + running[:1]  # so that nobody always follows the same neighbour
    finally:
        if collecting:
            gc.enable()
    return {name: _timing(times) for name, times in samples.items()}


def _repeats(call: Callable[[], object]) -> int:
    """Return how often to repeat a call so that a sample is long enough; warms the call up."""
    call()
    return max(1, int(np.ceil(SHORTEST_SAMPLE / max(_sample(call, 3), 1e-7))))


def _sample(call: Callable[[], object], repeats: int) -> float:
    """Return the seconds that one call takes; the last result is freed after the clock stops."""
    start = time.perf_counter()
    for _ in range(repeats):
        result = call()
    del result
    return (time.perf_counter() - start) / repeats


def _timing(times: list[float]) -> Timing:
    low, median, high = np.percentile(times, (25, 50, 75))
    return Timing(float(median), float((high - low) / median), len(times))


def bands_of_reference(row: Row, image: np.ndarray) -> list[tuple[slice, np.ndarray]]:
    """Return the exact result: of the top and the bottom rows, or all rows of a small image.

    SciPy's in float64 or, where it has no such filter, that of its definition.
    """
    if row.whole:
        return [(slice(None), whole_reference(row, image))]
    height = image.shape[0]
    if height <= 2 * (BAND + HALO):
        pieces = [(slice(None), slice(None), slice(None))]
    else:
        pieces = [
            (slice(0, BAND), slice(0, BAND + HALO), slice(0, BAND)),
            (slice(height - BAND, None), slice(height - BAND - HALO, None), slice(HALO, None)),
        ]
    bands = []
    for kept, read, within in pieces:
        call = next(
            filter(
                None,
                (
                    peer.call(
                        row.work, image[read].astype(np.float64), np.dtype(np.float64), row.numbers
                    )
                    for peer in (SciPy(), Definition())
                ),
            )
        )
        assert call is not None, f"SciPy or a definition is the reference of {row.work}"
        bands.append((kept, rounded(np.asarray(call.run(None))[within], row.result_dtype)))
    return bands


def whole_reference(row: Row, image: np.ndarray) -> np.ndarray:
    """Return SciPy's result in float64; scikit-image's where SciPy has none, which are masks."""
    if hasattr(SciPy, row.work):
        double = np.dtype(np.float64)
        call = SciPy().call(row.work, image.astype(double), double, row.numbers)
    else:
        call = ScikitImage().call(row.work, image, row.result_dtype, row.numbers)
    assert call is not None, f"there is no reference of {row.work}"
    return rounded(call.run(None), row.result_dtype)


def rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return float64 values as they would be in an integer dtype."""
    if dtype.kind not in "ui":
        return values
    limits = np.iinfo(dtype)
    return np.clip(np.rint(values), limits.min, limits.max)


def difference(
    result: np.ndarray, reference: list[tuple[slice, np.ndarray]], margin: int = 0
) -> float:
    """Return the largest absolute difference to the reference; nan if a margin leaves nothing."""
    height, width = result.shape[:2]
    largest = []
    for kept, band in reference:
        start, stop, _ = kept.indices(height)
        rows = slice(max(start, margin), min(stop, height - margin))
        apart = np.abs(
            result[rows, margin : width - margin].astype(np.float64)
            - band[rows.start - start : rows.stop - start, margin : width - margin]
        )
        largest.append(apart.max() if apart.size else np.nan)
    return float(np.max(largest))


def limit(row: Row, threads: int) -> float | None:
    """Return the seconds that the machine needs at least: to copy a row's bytes or do its sums.

    The copy is one of arrays as large as the row's, so that what fits into a cache is held against
    that cache. Rows of fewer than 65,536 samples have no limit here: a call's fixed cost decides.
    """
    if row.samples < 2**16:
        return None
    copying = row.bytes / copy_rate(row.bytes // 2, threads)
    real = "float64" if row.result_dtype == np.float64 else "float32"
    return max(copying, row.samples * row.flops / peak_flops(real, threads))


@lru_cache
def copy_rate(size: int, threads: int) -> float:
    """Return the bytes read and written a second by a copy of size bytes into existing memory."""
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
    """Return the additions and multiplications a second of multiply-adds on registers alone."""
    best = 0.0
    with using(threads):
        run_entry("peak", real, "run", 1 << 14, cost=inf)
        for _ in range(5):
            start = time.perf_counter()
            done = run_entry("peak", real, "run", 1 << 18, cost=inf)
            best = max(best, done / (time.perf_counter() - start))
    return best


def processor() -> str:
    """Return the processor's name as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

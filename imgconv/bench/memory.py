"""How much memory a filter takes beyond the image and the result, each in a process of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from imgconv.bench.peers import Imgconv
from imgconv.bench.suite import Row

STATUS = Path("/proc/self/status")


def available() -> bool:
    """Return whether the system reports the largest memory of a process."""
    return STATUS.exists()


def resident(field: str) -> int:
    """Return the bytes that the system reports of this process: VmRSS, or VmHWM for the largest."""
    for line in STATUS.read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"{STATUS} has no {field}")


def beyond(row: Row, threads: int) -> int:
    """Return the bytes that a row's call into an existing result takes at its peak."""
    image = row.image()
    imgconv = Imgconv()
    imgconv.set_threads(threads)
    # A small call first, so that modules and plans are not counted.
    small = image[..., :8, :8] if row.channels == 1 else image[:8, :8]
    for each in (small, image):
        call = imgconv.prepare(row.work, each, row.result_dtype, row.numbers)
        assert call is not None
        # Ones, since the system gives memory of zeros only when it is written.
        out = np.ones(each.shape, row.result_dtype)
        before = resident("VmRSS")
        # This resets the peak, which so far is that of making the image.
        Path("/proc/self/clear_refs").write_text("5")
        call.run(out)
    return max(0, resident("VmHWM") - before)


def measure(rows: Sequence[Row], threads: Sequence[int]) -> Iterator[tuple[Row, int, int]]:
    """Yield each row, number of threads, and the bytes beyond image and result."""
    spawn = multiprocessing.get_context("spawn")
    for row in rows:
        for count in threads:
            with spawn.Pool(1) as pool:
                yield row, count, pool.apply(beyond, (row, count))


def table(found: Sequence[tuple[Row, int, int]]) -> Table:
    """Return a table in megabytes, with a column for each number of threads."""
    counts = list(dict.fromkeys(count for _, count, _ in found))
    grid = Table(title="memory beyond image and result, MB", title_justify="left", box=SIMPLE_HEAD)
    grid.add_column("work", no_wrap=True)
    for name in ("image", *(f"{count} thread{'s' * (count > 1)}" for count in counts)):
        grid.add_column(name, justify="right", no_wrap=True)
    by_row: dict[Row, list[str]] = {}
    for row, _, nbytes in found:
        by_row.setdefault(row, []).append(f"{nbytes / 2**20:.1f}")
    for row, cells in by_row.items():
        shape = "x".join(map(str, row.shape))
        grid.add_row(row.title, f"{shape} {row.dtype}", *cells)
    return grid

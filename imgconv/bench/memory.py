"""How much memory each library takes beyond the image and the result.

Each call runs in a process of its own, whose largest memory the system reports.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from imgconv.bench import peers
from imgconv.bench.peers import Imgconv, Peer, PreparedCall
from imgconv.bench.results import MemoryResult
from imgconv.bench.suite import Row

STATUS = Path("/proc/self/status")
KINDS: tuple[type[Peer], ...] = (Imgconv, *peers.PEERS)
LIBRARIES = {kind.name: kind for kind in KINDS}


def available() -> bool:
    """Return whether the system reports the largest memory of a process."""
    return STATUS.exists()


def resident(field: str) -> int:
    """Return the bytes that the system reports of this process: VmRSS, or VmHWM for the largest."""
    for line in STATUS.read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"{STATUS} has no {field}")


def beyond(row: Row, threads: int, name: str = "imgconv") -> int | None:
    """Return the bytes that a library's call takes at its peak beyond image and result.

    The call fills an existing result where the library can; else the bytes of its result are taken
    off. None where the library does not do the row's work.
    """
    image = row.image()
    library = LIBRARIES[name]()
    library.set_threads(threads)
    call = library.prepare(row.work, image, row.result_dtype, row.numbers)
    if call is None or call.slow:
        return None
    # A small call first, so that modules and plans are not counted.
    small = np.ascontiguousarray(image[..., :64, :64] if row.channels == 1 else image[:64, :64])
    first = library.prepare(row.work, small, row.result_dtype, row.numbers)
    if first is not None:
        with suppress(Exception):
            first.run(None)
    if row.work == "pool":  # whose result has another shape
        call = call._replace(fills_out=False)
    return peak(call, image.shape, row.result_dtype)


def peak(call: PreparedCall, shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Return the bytes that a call takes at its peak beyond what is there, and its result."""
    # Ones, since the system gives memory of zeros only when it is written.
    out = np.ones(shape, dtype) if call.fills_out else None
    before = resident("VmRSS")
    # This resets the peak, which so far is that of making the image.
    Path("/proc/self/clear_refs").write_text("5")
    result = np.asarray(call.run(out))
    added = result.nbytes if out is None else 0
    return max(0, resident("VmHWM") - before - added)


def measure(
    rows: Sequence[Row], threads: Sequence[int], names: Sequence[str] = ("imgconv",)
) -> Iterator[MemoryResult]:
    """Yield each row and number of threads with the bytes of each library that does the work."""
    spawn = multiprocessing.get_context("spawn")
    for row in rows:
        for count in threads:
            found = {}
            for name in names:
                with spawn.Pool(1) as pool:
                    nbytes = pool.apply(beyond, (row, count, name))
                if nbytes is not None:
                    found[name] = nbytes
            yield MemoryResult(row, count, found)


def table(found: Sequence[MemoryResult]) -> Table:
    """Return a table in megabytes, with a column for each library."""
    names = list(dict.fromkeys(name for each in found for name in each.libraries))
    title = "memory beyond image and result, MB"
    grid = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    grid.add_column("work", no_wrap=True)
    for name in ("image", "MB", "threads", *names):
        grid.add_column(name, justify="right", no_wrap=True)
    for each in found:
        row = each.row
        image = prod((*row.shape, row.channels, max(1, row.stack))) * np.dtype(row.dtype).itemsize
        grid.add_row(
            row.title,
            f"{'x'.join(map(str, row.shape))} {row.dtype}",
            megabytes(image),
            str(each.threads),
            *(megabytes(each.libraries[n]) if n in each.libraries else "-" for n in names),
        )
    return grid


def megabytes(nbytes: int) -> str:
    """Return bytes as megabytes.

    >>> megabytes(3 * 2**20)
    '3.0'
    """
    return f"{nbytes / 2**20:.1f}"

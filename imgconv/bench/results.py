"""The results of a run, the machine they were measured on, and their file: JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from imgconv.bench.conditions import Conditions, warnings
from imgconv.bench.level import MOST
from imgconv.bench.measure import (
    OUT_OF_CACHE,
    LibraryResult,
    RowResult,
    Timing,
    copy_rate,
    peak_flops,
    processor,
)
from imgconv.bench.peers import Imgconv, Peer
from imgconv.bench.suite import ORDER, Row
from imgconv.core import cpu

CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
# What libraries read before they run.
VARIABLES = {
    *("IMGCONV_ISA", "OPENCV_CPU_DISABLE", *MOST["v3"]),
    *("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
}


@dataclass(frozen=True)
class Machine:
    """The machine that ran the benchmark; its limits are by number of threads."""

    processor: str
    level: str
    cores: int
    system: str
    python: str
    numpy: str
    copy_rate: dict[int, float]  # bytes a second, read and written, out of cache
    peak_flops: dict[int, float]  # float32
    libraries: dict[str, str]
    missing: tuple[str, ...]
    details: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MemoryResult:
    """Bytes that each library takes at its peak beyond image and result, or in all if `whole`."""

    row: Row
    threads: int
    libraries: dict[str, int]
    whole: bool = False


@dataclass(frozen=True)
class Run:
    """All that is known of one machine at one level."""

    machine: Machine
    results: list[RowResult] = field(default_factory=list)
    memory: list[MemoryResult] = field(default_factory=list)

    @property
    def place(self) -> tuple[str, str]:
        """What runs that belong together share: the processor and the level."""
        return self.machine.processor, self.machine.level

    @property
    def warnings(self) -> list[str]:
        """What disturbed the measurements, one sentence each."""
        return warnings(result.conditions for result in self.results)


def machine(peers: Sequence[Peer], missing: Sequence[str], threads: Sequence[int]) -> Machine:
    """Describe this machine and measure its limits."""
    affinity = getattr(os, "sched_getaffinity", None)
    return Machine(
        processor=processor(),
        level=cpu.LEVEL,
        cores=len(affinity(0)) if affinity else os.cpu_count() or 1,
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        numpy=np.__version__,
        copy_rate={count: copy_rate(OUT_OF_CACHE, count) for count in threads},
        peak_flops={count: peak_flops("float32", count) for count in threads},
        libraries={peer.name: peer.describe() for peer in (Imgconv(), *peers)},
        missing=tuple(missing),
        details=details(),
    )


def details() -> dict[str, str]:
    """Return what else decides the speed, as far as the system tells: caches, memory, variables."""
    found = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "kernel": platform.release()}
    caches = []
    for index in sorted(CACHES.glob("index*")):
        level, kind, size = (
            (index / name).read_text().strip() for name in ("level", "type", "size")
        )
        caches.append(f"L{level} {kind.lower()} {size}")
    found["caches"] = ", ".join(caches)
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        found["memory"] = f"{int(meminfo.read_text().split()[1]) / 2**20:.0f} GiB"
    governor = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    if governor.exists():
        found["governor"] = governor.read_text().strip()
    found |= {name: value for name, value in sorted(os.environ.items()) if name in VARIABLES}
    return {name: value for name, value in found.items() if value}


def as_json(run: Run) -> str:
    """Return everything that was measured as a text; times are in seconds."""
    rows = [
        {
            **asdict(result.row),
            "threads": result.threads,
            "fresh": result.fresh,
            "imgconv": asdict(result.imgconv),
            "peers": {name: asdict(peer) for name, peer in result.peers.items()},
            "fastest": result.fastest,
            "ratio": result.ratio,
            "limit": result.limit,
            "share": result.share,
            "conditions": asdict(result.conditions),
        }
        for result in run.results
    ]
    memory = [
        {
            **asdict(each.row),
            "threads": each.threads,
            "libraries": each.libraries,
            "whole": each.whole,
        }
        for each in run.memory
    ]
    about = {"machine": asdict(run.machine), "warnings": run.warnings}
    return json.dumps({**about, "results": rows, "memory": memory}, indent=1) + "\n"


def from_json(text: str) -> Run:
    """Return the run of which `as_json` made a text.

    Raises
    ------
    ValueError
        If the text is no such run.
    """
    try:
        found = json.loads(text)
        results = [
            RowResult(
                row_from(each),
                each["threads"],
                each["fresh"],
                library_from(each["imgconv"]),
                {name: library_from(peer) for name, peer in each["peers"].items()},
                each["limit"],
                Conditions(**each.get("conditions", {})),
            )
            for each in found["results"]
        ]
        memory = [
            MemoryResult(
                row_from(each), each["threads"], each["libraries"], each.get("whole", False)
            )
            for each in found.get("memory", [])
        ]
        return Run(machine_from(found["machine"]), results, memory)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"no results of imgconv bench: {error!r}") from None


def machine_from(values: dict[str, Any]) -> Machine:
    """Return the machine of plain values; JSON has made texts of numbers of threads."""
    rates = {
        name: {int(count): rate for count, rate in values[name].items()}
        for name in ("copy_rate", "peak_flops")
    }
    return Machine(**{**values, **rates, "missing": tuple(values["missing"])})


def row_from(values: dict[str, Any]) -> Row:
    """Return the row whose fields are among plain values, where tuples are lists.

    A field that the file does not have yet has its default.
    """
    own: dict[str, Any] = {
        each.name: values[each.name] for each in fields(Row) if each.name in values
    }
    return Row(**own | {name: tuple(own[name]) for name in ("numbers", "shape")})


def library_from(values: dict[str, Any]) -> LibraryResult:
    """Return what `asdict` made plain values of."""
    return LibraryResult(**{**values, "timing": Timing(**values["timing"])})


def read(files: Iterable[Path]) -> list[Run]:
    """Return the runs of files, those of one machine and level as one.

    Raises
    ------
    ValueError
        If a file is not one of `imgconv bench --json`; its name is in the message.
    """
    found: dict[tuple[str, str], Run] = {}
    for path in files:
        try:
            run = from_json(path.read_text())
        except (OSError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from None
        earlier = found.get(run.place)
        found[run.place] = joined(earlier, run) if earlier else run
    return list(found.values())


def joined(earlier: Run, later: Run) -> Run:
    """Return two runs of one machine as one; what was measured again counts once.

    Raises
    ------
    ValueError
        If the levels differ.
    """
    if earlier.machine.level != later.machine.level:
        levels = earlier.machine.level, later.machine.level
        raise ValueError("was measured at level {}, not {}".format(*levels))
    results = {(r.row, r.threads, r.fresh): r for r in (*earlier.results, *later.results)}
    memory = {(m.row, m.threads): m for m in (*earlier.memory, *later.memory)}
    libraries = {**earlier.machine.libraries, **later.machine.libraries}
    machine = replace(
        later.machine,
        libraries=libraries,
        missing=tuple(name for name in later.machine.missing if name not in libraries),
        copy_rate={**earlier.machine.copy_rate, **later.machine.copy_rate},
        peak_flops={**earlier.machine.peak_flops, **later.machine.peak_flops},
    )
    return Run(
        machine,
        sorted(results.values(), key=lambda each: ORDER.index(each.row.family)),
        list(memory.values()),
    )

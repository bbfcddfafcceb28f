"""What disturbs a measurement: other work on the machine, and a clock that is not steady."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from pathlib import Path
from statistics import median

from imgconv.core.run import run_entry
from imgconv.core.threads import threads as using

STAT = Path("/proc/stat")
# Cores that other processes may use beside a row, and how many times its shortest time the
# reference loop may take.
MAX_OTHERS = 0.25
MAX_SLOWDOWN = 1.1
# Steps of the reference loop: half a millisecond.
STEPS = 1 << 17


@dataclass(frozen=True)
class Conditions:
    """What was seen while a row was measured.

    Attributes
    ----------
    others : float or None
        Cores that other processes, and other machines on the same host, used; None where the system
        does not tell.
    slowdown : float or None
        The time of a loop of arithmetic beside the row, divided by its shortest time in this run.
    """

    others: float | None = None
    slowdown: float | None = None

    @property
    def busy(self) -> bool:
        """Whether other work took a share of the machine."""
        return self.others is not None and self.others > MAX_OTHERS

    @property
    def throttled(self) -> bool:
        """Whether the processor was slower than it can be."""
        return self.slowdown is not None and self.slowdown > MAX_SLOWDOWN

    @property
    def steady(self) -> bool:
        """Whether nothing is known that disturbed the row."""
        return not (self.busy or self.throttled)


class Watch:
    """Reads the conditions since the last reading."""

    def __init__(self) -> None:
        self.shortest = min(loop_seconds() for _ in range(20))
        self.last = usage()

    def helped(self, seconds: float) -> None:
        """Count seconds of processors as our own: of processes that another one has started."""
        began, busy, own = self.last
        self.last = began, busy, own - seconds

    def read(self) -> Conditions:
        """Return the conditions since the last call."""
        began, busy, own = self.last
        self.last = usage()
        wall = self.last[0] - began
        others = None
        if busy is not None and self.last[1] is not None:
            others = max(0.0, (self.last[1] - busy - (self.last[2] - own)) / wall)
        seconds = median(loop_seconds() for _ in range(5))
        self.shortest = min(self.shortest, seconds)
        return Conditions(others, seconds / self.shortest)


def usage() -> tuple[float, float | None, float]:
    """Return the clock, the seconds that all processors have worked, and those for this process."""
    return time.perf_counter(), busy_seconds(), sum(os.times()[:4])


def busy_seconds() -> float | None:
    """Return the seconds that all processors have worked, or waited for the host; None if unknown.

    Waiting for the host is what Linux calls steal: another machine had the processor.
    """
    if not STAT.exists():
        return None
    # cpu user nice system idle iowait irq softirq steal ...
    user, nice, system, _, _, *rest = map(int, STAT.read_text().splitlines()[0].split()[1:9])
    return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")


def loop_seconds() -> float:
    """Return the time of a fixed loop of additions and multiplications in registers."""
    with using(1):
        start = time.perf_counter()
        run_entry("peak", "float32", "run", STEPS, cost=inf)
        return time.perf_counter() - start


def warnings(found: Iterable[Conditions]) -> list[str]:
    """Return what disturbed a run, one sentence each; nothing if it was quiet.

    >>> warnings([Conditions(0.0, 1.0), Conditions(1.5, 1.02)])
    ['other work took up to 1.5 cores, more than 0.25 beside 1 of 2 rows']
    """
    rows = list(found)
    lines = []
    if busy := [each.others for each in rows if each.others is not None and each.busy]:
        lines.append(
            f"other work took up to {max(busy):.2g} cores, "
            f"more than {MAX_OTHERS} beside {len(busy)} of {len(rows)} rows"
        )
    if slow := [each.slowdown for each in rows if each.slowdown is not None and each.throttled]:
        lines.append(
            f"the processor was slowed down: a fixed loop took up to {max(slow):.2f} times its "
            f"shortest time, more than {MAX_SLOWDOWN} beside {len(slow)} of {len(rows)} rows"
        )
    return lines

"""What became faster or slower from one run to another: `imgconv bench compare`.

A row is compared with the libraries that did not change, if both runs have them: these ran in turn
with it, so that a slower machine slows both, and they show how much chance changes a library from
run to run. A change counts if it is larger than chance makes it, in any of all rows, and than a
floor below which nobody cares.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log, sqrt
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text
from scipy.stats import t as student

from imgconv.bench import report, results
from imgconv.bench.measure import MIN_ROUNDS, RowResult, Timing

# The chance that any row of noise is called a change.
RISK = 0.01
# The middle half of normal samples is 1.349 deviations wide; their median scatters 1.253 times as
# much as their mean.
MIDDLE_HALF, MEDIAN = 1.349, 1.253
# Half of normal deviations are below the one, nine tenths below the other.
HALF, NINE_TENTHS = 0.6745, 1.645
# Degrees of freedom, for the long tails of changes from run to run.
TAILS = 8
# Rows that show how much rows scatter.
ENOUGH = 8
# The exponential of more is no float.
LARGEST = 700.0


@dataclass(frozen=True)
class Measured:
    """A row of one run: its time, and those of the libraries beside it with their versions."""

    timing: Timing
    peers: dict[str, Timing]
    steady: bool = True


@dataclass(frozen=True)
class Change:
    """A row in both runs.

    `factor` is the later time divided by the earlier one, without what the machine changed;
    `noise` is the factor that chance alone may make.
    """

    name: str
    earlier: Timing
    later: Timing
    factor: float
    noise: float
    beside: tuple[str, ...]
    steady: bool

    def verdict(self, floor: float) -> str:
        """Return "faster", "slower" or "", which is what noise may be."""
        if abs(log(self.factor)) <= max(log(self.noise), log(1 + floor)):
            return ""
        return "slower" if self.factor > 1 else "faster"


def read(path: Path) -> dict[str, Measured]:
    """Return the rows of a file by name: of `imgconv bench --json` or of pytest-benchmark.

    Raises
    ------
    ValueError
        If it is neither.
    """
    try:
        text = path.read_text()
        found = json.loads(text)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None
    try:
        if "benchmarks" in found:
            return {each["fullname"]: pytest_row(each["stats"]) for each in found["benchmarks"]}
        run = results.from_json(text)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: no JSON of imgconv bench or pytest-benchmark: {error}") from None
    versions = run.machine.libraries
    return {name_of(each): own_row(each, versions) for each in run.results}


def pytest_row(stats: dict[str, Any]) -> Measured:
    """Return a row of pytest-benchmark, whose spread is the middle half, too."""
    return Measured(Timing(stats["median"], stats["iqr"] / stats["median"], stats["rounds"]), {})


def own_row(result: RowResult, versions: dict[str, str]) -> Measured:
    """Return a row of `imgconv bench`; a peer's name has its version."""
    peers = {f"{name} {versions[name]}": peer.timing for name, peer in result.peers.items()}
    return Measured(result.imgconv.timing, peers, result.conditions.steady)


def name_of(result: RowResult) -> str:
    """Return what names a row in both runs."""
    row = result.row
    size = "x".join(map(str, row.shape))
    output = "" if result.fresh else ", existing output"
    title = f"{row.family}: {row.title}, {row.dtype}, {size}"
    return f"{title}, {report.counted(result.threads, 'thread')}{output}"


def changes(earlier: dict[str, Measured], later: dict[str, Measured]) -> list[Change]:
    """Return the change of each row that both runs have, the largest slow-down first."""
    shared = [name for name in earlier if name in later]
    yardsticks = {name: logarithms(earlier[name], later[name]) for name in shared}
    scatter = scatter_of(list(yardsticks.values()))
    if not any(yardsticks.values()) and len(shared) >= ENOUGH:
        # Most rows have not changed, it is hoped; where all have, they are close together.
        scatter = scatter_of([{name: factor_of(earlier[name], later[name]) for name in shared}])
    found = [
        change(name, earlier[name], later[name], yardsticks[name], scatter, len(shared))
        for name in shared
    ]
    return sorted(found, key=lambda each: -each.factor)


def factor_of(earlier: Measured, later: Measured) -> float:
    """Return the logarithm of how much longer a row takes."""
    return log(later.timing.median / earlier.timing.median)


def logarithms(earlier: Measured, later: Measured) -> dict[str, float]:
    """Return the logarithm of how much longer each library takes that did not change."""
    return {
        peer: log(later.peers[peer].median / timing.median)
        for peer, timing in earlier.peers.items()
        if peer in later.peers and min(timing.rounds, later.peers[peer].rounds) >= MIN_ROUNDS
    }


def scatter_of(yardsticks: Sequence[dict[str, float]]) -> float:
    """Return the deviation by which chance changes a library from run to run, beside the others.

    It is measured: of the libraries that did not change, from the middle of those of their row. A
    busy machine makes tails longer than those of a normal distribution, so the deviation is that
    of the middle half or of nine tenths, whichever is larger.
    """
    apart = [
        abs(each - median(row.values())) * sqrt(len(row) / (len(row) - 1))
        for row in yardsticks
        if len(row) > 1
        for each in row.values()
    ]
    if not apart:
        return 0.0
    half, most = np.quantile(apart, (0.5, 0.9))
    return float(max(half / HALF, most / NINE_TENTHS))


def change(
    name: str,
    earlier: Measured,
    later: Measured,
    yardstick: dict[str, float],
    scatter: float,
    rows: int,
) -> Change:
    """Return the change of one of so many rows.

    Chance exceeds Student's quantile times a deviation once in `rows / RISK` cases, so in none of
    all rows with 1 - RISK. There are two deviations: that of medians of few samples, and `scatter`
    from run to run.
    """
    factor = factor_of(earlier, later)
    beyond = quantile(rows, TAILS) * scatter
    if yardstick:
        factor -= median(yardstick.values())
        # The median of so many libraries scatters, too.
        beyond *= sqrt(1 + MEDIAN**2 / len(yardstick))
    freedom = min(earlier.timing.rounds, later.timing.rounds) - 1
    if freedom < 1:
        noise = inf
    else:
        samples = sqrt(variance_of(earlier.timing) + variance_of(later.timing))
        noise = exp(min(LARGEST, max(beyond, quantile(rows, freedom) * samples)))
    steady = earlier.steady and later.steady
    return Change(name, earlier.timing, later.timing, exp(factor), noise, tuple(yardstick), steady)


def quantile(rows: int, freedom: int) -> float:
    """Return Student's quantile that chance exceeds, on both sides, once in `rows / RISK` cases."""
    return float(student.ppf(1 - RISK / 2 / rows, freedom))


def variance_of(timing: Timing) -> float:
    """Return the variance of the logarithm of a median."""
    return (timing.spread / MIDDLE_HALF * MEDIAN) ** 2 / timing.rounds


def table(found: Sequence[Change], floor: float) -> Table:
    """Return the rows that became slower or faster."""
    grid = Table(title="what changed", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    grid.add_column("row")
    for name in ("before", "after", "change", "noise up to", "beside"):
        grid.add_column(name, justify="right")
    for each in found:
        if verdict := each.verdict(floor):
            word = Text(f"{max(each.factor, 1 / each.factor):.2f}x {verdict}")
            word.stylize("bold red" if verdict == "slower" else "green")
            word.append("" if each.steady else " ~")
            grid.add_row(
                each.name,
                report.duration(each.earlier.median),
                report.duration(each.later.median),
                word,
                f"{each.noise - 1:.1%}",
                ", ".join(each.beside) or "-",
            )
    return grid


def summary(found: Sequence[Change], floor: float, missing: int) -> str:
    """Return how many rows changed, in one line."""
    verdicts = [each.verdict(floor) for each in found]
    counts = {word: verdicts.count(word) for word in ("slower", "faster", "")}
    unsure = sum(each.noise > 1.25 for each in found)
    lines = [
        f"{len(found)} rows: {counts['slower']} slower, {counts['faster']} faster, "
        f"{counts['']} within their noise or {floor:.0%}"
    ]
    if unsure:
        lines.append(
            f"{unsure} of them are too noisy to show a change of 25%: measure on a quiet machine, "
            "or with more --budget"
        )
    if missing:
        lines.append(f"{missing} rows are in one file only")
    if any(not each.steady for each in found):
        lines.append("~: the machine was busy or slowed down")
    return "; ".join(lines)

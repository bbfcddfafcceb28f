"""What became faster or slower from one run to another: `imgconv bench compare`.

A row is compared by its ratio to the libraries that did not change, if both runs have them: these
ran in turn with it, so that a slower machine slows both. A change counts if it is larger than
chance makes it, in any of all rows, and than a floor below which nobody cares.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log, sqrt
from pathlib import Path
from statistics import fmean
from typing import Any

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
    found = [change(name, earlier[name], later[name], len(shared)) for name in shared]
    return sorted(found, key=lambda each: -each.factor)


def change(name: str, earlier: Measured, later: Measured, rows: int) -> Change:
    """Return the change of one of so many rows.

    The logarithm of a ratio of medians has the variance of both sides. Chance exceeds Student's
    quantile times its root once in `rows / RISK` cases, so in none of all rows with 1 - RISK.
    """
    beside = tuple(
        peer
        for peer in earlier.peers
        if peer in later.peers
        and min(earlier.peers[peer].rounds, later.peers[peer].rounds) >= MIN_ROUNDS
    )
    factor = log(later.timing.median / earlier.timing.median)
    variance = variance_of(earlier.timing) + variance_of(later.timing)
    if beside:
        pairs = [(earlier.peers[peer], later.peers[peer]) for peer in beside]
        factor -= fmean(log(b.median / a.median) for a, b in pairs)
        variance += sum(variance_of(a) + variance_of(b) for a, b in pairs) / len(pairs) ** 2
    freedom = min(earlier.timing.rounds, later.timing.rounds) - 1
    if freedom < 1:
        noise = inf
    else:
        quantile = float(student.ppf(1 - RISK / 2 / rows, freedom))
        noise = exp(min(LARGEST, quantile * sqrt(variance)))
    steady = earlier.steady and later.steady
    return Change(name, earlier.timing, later.timing, exp(factor), noise, beside, steady)


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
        lines.append(f"{unsure} of them are too noisy to show a change of 25%: give more --budget")
    if missing:
        lines.append(f"{missing} rows are in one file only")
    if any(not each.steady for each in found):
        lines.append("~: the machine was busy or slowed down")
    return "; ".join(lines)

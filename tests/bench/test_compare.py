"""`imgconv bench compare`: a known slow-down is found, noise is not."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from imgconv import cli
from imgconv.bench import compare, measure, results, suite
from imgconv.bench.conditions import Conditions

ROWS = suite.rows(["correlate", "edges", "uint8", "float64"], [(512, 512), (300, 400)])
ABOUT = results.Machine(
    "A Processor", "v3", 2, "Linux", "3.11", "2.0", {1: 2e10}, {1: 1e11},
    {"imgconv": "1", "OpenCV": "5", "SciPy": "1"}, (),
)  # fmt: skip


def timing(rng: np.random.Generator, seconds: float, noise: float, rounds: int) -> measure.Timing:
    """Return what is measured of a call whose samples scatter."""
    return measure.timing_of(list(seconds * np.exp(noise * rng.standard_normal(rounds))))


def run_of(
    seed: int, noise: float = 0.03, rounds: int = 12, slower: dict[int, float] | None = None,
    machine: float = 1.0,
) -> results.Run:  # fmt: skip
    """Return a run of which some rows, or the whole machine, are slower."""
    rng = np.random.default_rng(seed)
    found = []
    for i, row in enumerate(ROWS):
        ours, opencv, scipy = (
            measure.LibraryResult(timing(rng, factor * machine, noise, rounds), 0.0)
            for factor in (1e-3 * (slower or {}).get(i, 1.0), 2e-3, 30e-3)
        )
        found.append(measure.RowResult(row, 1, True, ours, {"OpenCV": opencv, "SciPy": scipy}))
    return results.Run(ABOUT, found)


def changes(tmp_path: Path, before: results.Run, after: results.Run) -> list[compare.Change]:
    files = tmp_path / "before.json", tmp_path / "after.json"
    for path, run in zip(files, (before, after), strict=True):
        path.write_text(results.as_json(run))
    return compare.changes(*map(compare.read, files))


def named(found: list[compare.Change], verdict: str) -> set[str]:
    return {each.name for each in found if each.verdict(0.03) == verdict}


def names(*rows: int) -> set[str]:
    return {compare.name_of(run_of(0).results[i]) for i in rows}


def test_noise_is_no_change(tmp_path: Path) -> None:
    """Of 100 comparisons of all rows, hardly any calls one changed."""
    assert len(ROWS) > 70
    wrong = 0
    for seed in range(100):
        before, after = run_of(2 * seed), run_of(2 * seed + 1)
        wrong += any(each.verdict(0.0) for each in changes(tmp_path, before, after))
    assert wrong <= 5


def scattered(seed: int, by: float, slower: dict[int, float] | None = None) -> results.Run:
    """Return a run in which each library of each row has an accident of its own, as with others'
    work on the machine: all its samples are slower or faster."""
    rng = np.random.default_rng(seed)
    run = run_of(seed, noise=0.01, slower=slower)

    def shifted(library: measure.LibraryResult) -> measure.LibraryResult:
        factor = float(np.exp(by * rng.standard_t(8)))
        return replace(
            library, timing=replace(library.timing, median=library.timing.median * factor)
        )

    found = [
        replace(
            each,
            imgconv=shifted(each.imgconv),
            peers={name: shifted(peer) for name, peer in each.peers.items()},
        )
        for each in run.results
    ]
    return replace(run, results=found)


def test_scatter_from_run_to_run_is_no_change(tmp_path: Path) -> None:
    """Samples of one run lie close together, but runs do not: the other libraries tell."""
    wrong = 0
    for seed in range(50):
        found = changes(tmp_path, scattered(2 * seed, 0.08), scattered(2 * seed + 1, 0.08))
        wrong += any(each.verdict(0.03) for each in found)
    assert wrong <= 3
    found = changes(tmp_path, scattered(1, 0.08), scattered(2, 0.08, slower={3: 4.0}))
    assert named(found, "slower") == names(3)


def test_a_known_change_is_found(tmp_path: Path) -> None:
    after = run_of(2, slower={3: 1.3, 10: 0.7})
    found = changes(tmp_path, run_of(1), after)
    assert named(found, "slower") == names(3)
    assert named(found, "faster") == names(10)
    assert found[0].factor == pytest.approx(1.3, rel=0.1)
    assert found[0].beside == ("OpenCV 5", "SciPy 1")


def test_a_slower_machine_is_no_slower_row(tmp_path: Path) -> None:
    found = changes(tmp_path, run_of(1), run_of(2, machine=1.5, slower={3: 1.3}))
    assert named(found, "slower") == names(3)
    assert not named(found, "faster")


def test_another_version_is_no_yardstick(tmp_path: Path) -> None:
    after = run_of(2, slower={3: 1.3})
    newer = replace(ABOUT, libraries={**ABOUT.libraries, "OpenCV": "6"})
    found = changes(tmp_path, run_of(1), replace(after, machine=newer))
    assert found[0].beside == ("SciPy 1",)
    assert named(found, "slower") == names(3)


def test_small_changes_are_below_the_floor(tmp_path: Path) -> None:
    quiet = {"noise": 1e-4, "rounds": 50}
    found = changes(tmp_path, run_of(1, **quiet), run_of(2, **quiet, slower={3: 1.02, 4: 1.05}))
    assert named(found, "slower") == names(4)
    assert {each.name for each in found if each.verdict(0.01) == "slower"} == names(3, 4)


def test_few_rounds_show_little(tmp_path: Path) -> None:
    found = changes(tmp_path, run_of(1, rounds=3), run_of(2, rounds=3, slower={3: 1.2}))
    assert not named(found, "slower") | named(found, "faster")
    assert "too noisy" in compare.summary(found, 0.03, 0)
    once = measure.Timing(1.0, 0.0, 1)
    row = {"a": compare.Measured(once, {})}
    assert not compare.changes(row, {"a": compare.Measured(measure.Timing(9, 0, 1), {})})[
        0
    ].verdict(0)


def test_a_disturbed_row_is_marked(tmp_path: Path) -> None:
    after = run_of(2, slower={3: 1.5})
    row = after.results[3]
    after.results[3] = measure.RowResult(
        row.row, 1, True, row.imgconv, row.peers, None, Conditions(1.5, 1.0)
    )
    assert not changes(tmp_path, run_of(1), after)[0].steady


def command(*arguments: object) -> Result:
    return CliRunner().invoke(cli.main, ["bench", "compare", *map(str, arguments)])


def pytest_benchmark(path: Path, seconds: dict[str, float]) -> Path:
    """Write what pytest --benchmark-json writes, as far as it is read."""
    rows = [
        {"fullname": name, "stats": {"median": t, "iqr": 0.01 * t, "rounds": 40}}
        for name, t in seconds.items()
    ]
    path.write_text(json.dumps({"machine_info": {}, "benchmarks": rows}))
    return path


def test_pytest_benchmark_is_read(tmp_path: Path) -> None:
    before = pytest_benchmark(tmp_path / "a.json", {"test_a[1]": 1e-3, "test_b": 1e-3, "c": 1.0})
    after = pytest_benchmark(tmp_path / "b.json", {"test_a[1]": 1.3e-3, "test_b": 1e-3, "d": 1.0})
    outcome = command(before, after)
    assert outcome.exit_code == 1
    assert "1.30x slower" in outcome.stdout
    assert "2 rows: 1 slower, 0 faster, 1 within" in outcome.stdout
    assert "2 rows are in one file only" in outcome.stdout
    assert command(before, before).exit_code == 0
    assert command(before, after, "--floor", "40").exit_code == 0


def test_rows_without_other_libraries_show_their_scatter(tmp_path: Path) -> None:
    """One of 40 rows is slower by far more than the others scatter; then all are."""
    rng = np.random.default_rng(3)
    scatter = dict(enumerate(np.exp(0.1 * rng.standard_normal(40))))
    before = pytest_benchmark(tmp_path / "a.json", {f"row {i}": 1.0 for i in scatter})
    files = {
        "noise": {f"row {i}": t for i, t in scatter.items()},
        "one": {f"row {i}": t * (3 if i == 7 else 1) for i, t in scatter.items()},
        "all": {f"row {i}": 1.3 + t / 100 for i, t in scatter.items()},
    }
    lines = {}
    for name, seconds in files.items():
        outcome = command(before, pytest_benchmark(tmp_path / f"{name}.json", seconds))
        lines[name] = outcome.stdout.splitlines()[-1]
    assert lines["noise"].startswith("40 rows: 0 slower, 0 faster")
    assert lines["one"].startswith("40 rows: 1 slower, 0 faster")
    assert lines["all"].startswith("40 rows: 40 slower, 0 faster")


def test_a_real_file_of_pytest_benchmark(tmp_path: Path) -> None:
    benchmark = pytest.importorskip("pytest_benchmark.stats")
    stats = benchmark.Stats()
    for sample in (1.0, 1.1, 1.2, 1.3, 1.4):
        stats.update(sample)
    found = compare.pytest_row({name: getattr(stats, name) for name in ("median", "iqr", "rounds")})
    assert found.timing.median == pytest.approx(1.2)
    assert found.timing.rounds == 5
    assert 0.1 < found.timing.spread < 0.3


def test_wrong_files(tmp_path: Path) -> None:
    good = pytest_benchmark(tmp_path / "a.json", {"a": 1.0})
    other = pytest_benchmark(tmp_path / "b.json", {"b": 1.0})
    bad = tmp_path / "c.json"
    for text in ("no JSON", "[]", "{}", '{"benchmarks": [{}]}', "7"):
        bad.write_text(text)
        outcome = command(good, bad)
        assert outcome.exit_code == 2, text
        assert "c.json" in outcome.stderr
    assert "no row in common" in command(good, other).stderr
    assert command(good).exit_code == 2
    assert command(good, tmp_path / "none.json").exit_code == 2

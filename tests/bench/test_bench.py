"""The benchmark: peers agree, timings are fair, and reports contain what was measured."""

import json
import math
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import processes
import pytest
from click.testing import CliRunner, Result
from paths import ROOT
from rich.console import Console

from imgconv import cli
from imgconv.bench import conditions, equality, level, measure, peers, report, results, suite
from imgconv.core import cpu

FOUND = [peers.Imgconv(), *peers.installed()[0]]
SHAPE = (83, 118)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.main, ["bench", *map(str, arguments)])


# Peers.

# The tiles of clahe must fit.
ROWS = [
    replace(row, shape=(128, 192) if row.work == "clahe" else SHAPE)
    for row in suite.rows(shapes=[SHAPE])
    if row.family != "small"
]
# Works of which another library than SciPy is the reference.
OTHERS = {"rolling_ball": peers.ScikitImage, "entropy": peers.ScikitImage, "clahe": peers.OpenCV}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.title}-{row.dtype}")
@pytest.mark.parametrize("peer", FOUND, ids=lambda peer: peer.name)
def test_peers_do_the_same_work(peer: peers.Peer, row: suite.Row) -> None:
    reference = OTHERS.get(row.work)
    if reference and not any(isinstance(each, reference) for each in FOUND):
        pytest.skip(f"{reference.__name__}, its reference, is not installed")
    image = row.image()
    call = peer.prepare(row.work, image, row.result_dtype, row.numbers)
    if call is None:
        assert peer.name != "imgconv"
        without = row.result_dtype.kind == "b" or row.family == "features"
        without = without or row.work in ("bilateral", *OTHERS)
        assert peer.name != "SciPy" or without
        return
    assert call.note in ("", *equality.UNEQUAL)
    largest = np.iinfo(row.dtype).max if row.dtype.startswith("u") else 1
    reference = measure.reference_of(row, image)
    margin = 0 if call.same_border else min(40, row.reach)
    result = np.asarray(call.run(None))
    assert result.shape == image.shape or row.work in ("pool", "match", "hessian")
    # The largest Gaussians reach the border from every pixel.
    if call.same_border or row.family != "large":
        assert not equality.objection(row, call, measure.difference(result, reference, margin))
    if call.fills_out:
        out = np.full(result.shape, 7, row.result_dtype)
        call.run(out)
        np.testing.assert_allclose(out, result, atol=2e-6 * largest)


def test_imgconv_and_a_reference_do_every_work_of_the_suite() -> None:
    """The reference is SciPy in float64 or a definition; for masks it is scikit-image."""
    for row in suite.SUITE:
        usual = peers.ScikitImage if row.result_dtype.kind == "b" else peers.SciPy
        reference = OTHERS.get(row.work, usual)
        assert callable(getattr(peers.Imgconv, row.work))
        found = getattr(reference, row.work, None) or getattr(peers.Definition, row.work)
        assert callable(found)


def test_missing_libraries_are_named(monkeypatch) -> None:
    monkeypatch.setattr(peers.OpenCV, "module", "no_such_module")
    found, missing = peers.installed()
    assert "OpenCV" in missing
    assert "OpenCV" not in [peer.name for peer in found]


def test_memory_beyond_image_and_result() -> None:
    from imgconv.bench import memory

    if not memory.available():
        pytest.skip("the system does not report the memory of a process")
    rows = [
        replace(row, shape=(1000, 2000))
        for row in (suite.correlate(5), replace(suite.box(15), dtype="uint8"))
    ]
    found = list(memory.measure(rows, [1, 2], ("imgconv", "SciPy", "scikit-image")))
    assert [(each.row, each.threads) for each in found] == [
        (row, count) for row in rows for count in (1, 2)
    ]
    for each in found:
        assert each.libraries["imgconv"] <= (each.threads * 4 + 1) * 2**20, each
        # scikit-image has no such filters.
        assert each.libraries.keys() == {"imgconv", "SciPy"}


@pytest.mark.parametrize("fills", [True, False])
def test_the_memory_of_a_call_is_found(fills: bool) -> None:
    """A call that takes 40 MB in between and gives 8 MB, in a process that has freed nothing."""
    from imgconv.bench import memory

    if not memory.available():
        pytest.skip("the system does not report the memory of a process")
    found = processes.python(f"import test_bench; test_bench.print_peak({fills})", beside=__file__)
    assert int(found) / 2**20 == pytest.approx(40, abs=2)


def print_peak(fills: bool) -> None:
    from imgconv.bench import memory

    def run(out):
        between = np.ones(40 << 20, np.uint8)
        found = np.ones(8 << 20, np.uint8) if out is None else out
        found[0] = between[-1]
        return found

    call = peers.PreparedCall(run, fills_out=fills)
    print(memory.peak(call, (8 << 20,), np.dtype("uint8")))


def test_memory_is_joined_to_times(tmp_path: Path) -> None:
    times, both = tmp_path / "times.json", tmp_path / "both.json"
    few = ("box", "--only", "box 3x3", "--size", "90x80", "--threads", "1")
    assert run(*few, "--budget", "0", "--json", times).exit_code == 0
    outcome = run(*few, "--memory", "--join", times, "--json", both)
    assert outcome.exit_code == 0, outcome.output
    assert "memory beyond image and result" in outcome.stdout
    found = results.from_json(both.read_text())
    assert found.results == results.from_json(times.read_text()).results
    assert found.memory[0].row == found.results[0].row
    assert {"imgconv", "SciPy"} <= found.memory[0].libraries.keys()


# The suite.


def test_rows() -> None:
    assert {row.family for row in suite.rows()} == set(suite.FAMILIES)
    assert all(row.shape for row in suite.rows())
    chosen = suite.rows(["gaussian"], [(5, 6), (7, 8)], ["uint8", "float64"])
    assert {row.family for row in chosen} == {"gaussian"}
    assert {row.shape for row in chosen} == {(5, 6), (7, 8)}
    assert {row.dtype for row in chosen} == {"uint8", "float64"}
    assert len(chosen) == len(set(chosen)) == 4 * 4


def test_images_fill_the_range_of_their_dtype() -> None:
    for row in suite.rows(["colour", "box"], [(64, 64)], ["uint8", "uint16", "float32"]):
        image = row.image()
        assert image.dtype == row.dtype
        assert image.size == row.samples
        top = np.iinfo(row.dtype).max if row.dtype.startswith("uint") else 1
        assert 0.9 * top < image.max() <= top


# Timing.


def test_interleave_finds_the_slower_call_and_repeats_the_fast_ones() -> None:
    calls = {"fast": lambda: None, "slow": lambda: time.sleep(2e-3)}
    timings = measure.interleave(calls, budget=0.02)
    assert timings["slow"].median >= 2e-3
    assert timings["fast"].median < 1e-4
    assert all(timing.rounds >= measure.MIN_ROUNDS for timing in timings.values())
    assert all(timing.spread >= 0 for timing in timings.values())


def test_each_round_has_an_order_of_its_own() -> None:
    order: list[str] = []
    calls = {name: lambda name=name: order.append(name) or time.sleep(6e-4) for name in "abc"}
    measure.interleave(calls, budget=0.1)
    # The first calls find out how often to repeat.
    rounds = ["".join(order[i : i + 3]) for i in range(3, len(order) - 3, 3)]
    assert len(rounds) > 20
    assert all(set(each) == set("abc") for each in rounds[:5])
    assert len(set(rounds)) > 2


# Equal work.


class Wrong(peers.Peer):
    """A library that is wrong in one pixel, and right in everything else."""

    name, module, package = "Wrong", "numpy", "numpy"
    error = 0.01

    def box(self, image, result, size):
        def run(out):
            found = peers.SciPy().box(image, result, size).run(None)
            found[len(found) // 2, found.shape[1] // 2] += self.error
            return found

        return peers.PreparedCall(run, fills_out=False)


@pytest.mark.parametrize("shape", [(60, 70), (900, 800)])
def test_a_wrong_result_is_not_timed(shape) -> None:
    """Of large images, the corners and the middle are compared."""
    rows = suite.rows(["box"], [shape], only="box 3x3")
    refused, result = measure.measure(rows, [Wrong(), peers.SciPy()], [1], 0.0)
    assert isinstance(refused, measure.Refusal)
    assert refused.library == "Wrong"
    assert "differs from the reference by 0.01, at most 2e-06 is allowed" in refused.reason
    assert result.peers.keys() == {"SciPy"}
    assert "Wrong, box 3x3, float32" in report.refusal(refused)


def test_an_error_within_the_tolerance_is_timed(monkeypatch) -> None:
    monkeypatch.setattr(Wrong, "error", 1e-6)
    (result,) = measure.measure(
        suite.rows(["box"], [(60, 70)], only="box 3x3"), [Wrong()], [1], 0.0
    )
    assert 5e-7 < result.peers["Wrong"].difference < 2e-6


def test_imgconv_itself_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(peers.Imgconv, "box", Wrong.box)
    monkeypatch.setattr(peers.Imgconv, "error", 0.01, raising=False)
    rows = suite.rows(["box"], [(60, 70)], only="box 3x3")
    (refused,) = measure.measure(rows, [peers.SciPy()], [1], 0.0)
    assert refused.library == "imgconv"


def test_distances() -> None:
    exact = np.array([[0.0, 1.0], [np.nan, 2.0]])
    assert measure.distance(exact.astype(np.float32), exact) == 0
    assert measure.distance(np.array([[0.0, np.nan], [np.nan, 2.0]]), exact) == math.inf
    assert measure.distance(np.array([[0.0, 1.0], [0.0, 2.0]]), exact) == math.inf
    mask = np.array([[True, False], [True, True]])
    assert measure.distance(np.array([[255, 0], [255, 0]], np.uint8), mask) == 0.25


def test_tolerances() -> None:
    row = suite.rows(["box"], [SHAPE])[0]
    short = replace(row, dtype="uint8")
    mask = replace(row, result="bool")
    call = peers.PreparedCall(lambda out: out)
    assert equality.tolerance(row) == 2e-6
    assert equality.tolerance(short) == pytest.approx(1 + 255 * 2e-6)
    assert equality.tolerance(short, "8-bit weights") == pytest.approx(1 + 255 * 0.008)
    assert not equality.objection(mask, call, 1 / 2500)
    assert "0.10% of the pixels" in equality.objection(mask, call, 1e-3)
    assert "no pixel" in equality.objection(row, call, math.nan)


# What disturbs.


def test_a_busy_machine_is_noticed(tmp_path: Path, monkeypatch) -> None:
    """Another process works for 3 of 2 seconds, on two cores; our own work does not count."""
    stat, clock, own = tmp_path / "stat", iter([0.0, 2.0]), iter([10.0, 11.5])
    monkeypatch.setattr(conditions, "STAT", stat)
    monkeypatch.setattr(conditions.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(conditions.os, "times", lambda: (next(own), 0, 0, 0, 0))
    monkeypatch.setattr(conditions, "loop_seconds", lambda: 1e-3)
    ticks = conditions.os.sysconf("SC_CLK_TCK")
    stat.write_text(f"cpu {5 * ticks} 0 0 {9 * ticks} 0 0 0 0 0 0\n")
    watch = conditions.Watch()
    stat.write_text(f"cpu {8 * ticks} 0 0 {9 * ticks} 0 0 0 {ticks + ticks // 2} 0 0\n")
    found = watch.read()
    assert found.others == pytest.approx(1.5)
    assert found.busy
    assert not found.throttled
    assert conditions.warnings([found]) == [
        "other work took up to 1.5 cores, more than 0.25 beside 1 of 1 rows"
    ]


def test_a_throttled_processor_is_noticed(monkeypatch) -> None:
    seconds = [1e-3]
    monkeypatch.setattr(conditions, "loop_seconds", lambda: seconds[0])
    watch = conditions.Watch()
    assert watch.read().slowdown == pytest.approx(1)
    seconds[0] = 1.3e-3
    slow = watch.read()
    assert slow.throttled
    assert not slow.steady
    assert "1.30 times" in conditions.warnings([slow, conditions.Conditions(0.1, 1.02)])[0]
    assert conditions.warnings([conditions.Conditions(), conditions.Conditions(0.1, 1.02)]) == []


def test_a_disturbed_run_says_so_at_its_end(monkeypatch) -> None:
    monkeypatch.setattr(
        measure.Watch, "read", lambda self: conditions.Conditions(others=1.5, slowdown=1.0)
    )
    arguments = ("box", "--only", "box 3x3", "--size", "40x60", "--threads", "1", "--budget", "0")
    outcome = run(*arguments)
    assert "not a quiet machine: other work took up to 1.5 cores" in outcome.stderr.splitlines()[-1]
    assert "~" in outcome.stdout
    monkeypatch.setattr(measure.Watch, "read", lambda self: conditions.Conditions(0.0, 1.0))
    assert "quiet" not in run(*arguments).stderr


@pytest.mark.parametrize("work", ["box", "median"])
def test_difference_sees_each_compared_pixel(work: str) -> None:
    row = suite.rows(["box", "rank"], [(400, 300)])
    row = next(each for each in row if each.work == work)
    image = row.image()
    pieces = measure.reference_of(row, image)
    exact = (
        peers.SciPy().prepare(row.work, image.astype(float), np.dtype(float), row.numbers).run(None)
    )
    assert measure.difference(exact, pieces) < 1e-14
    height, width = measure.CORNER if work == "median" else (measure.BAND, 300)
    for y in (0, height - 1, 400 - height, 399):
        for x in (0, width - 1, 300 - width, 299):
            wrong = exact.copy()
            wrong[y, x] += 0.5
            assert measure.difference(wrong, pieces) == pytest.approx(0.5)
    assert math.isnan(measure.difference(exact, pieces, margin=200))


@pytest.mark.parametrize("family", ["gaussian", "denoise", "rank", "edges"])
def test_ends_of_an_image_are_those_of_the_whole(family: str) -> None:
    for row in suite.rows([family], [(900, 40)]):
        row = replace(row, shape=(900, 40))
        if row.numbers and max(row.numbers) > 20:
            continue
        whole = measure.exact_piece(row, row.image())
        assert len(measure.reference_of(row, row.image())) > 1
        assert measure.difference(whole, measure.reference_of(row, row.image())) < 1e-9


def test_limit_is_the_larger_of_copying_and_computing(monkeypatch) -> None:
    row = suite.rows(["correlate"], [(512, 512)])[-1]
    monkeypatch.setattr(measure, "copy_rate", lambda size, threads: 1e9 * threads)
    monkeypatch.setattr(measure, "peak_flops", lambda real, threads: 1e18)
    assert measure.limit(row, 1) == pytest.approx(512 * 512 * 8 / 1e9)
    monkeypatch.setattr(measure, "peak_flops", lambda real, threads: 1e9 * threads)
    assert measure.limit(row, 2) == pytest.approx(512 * 512 * 2 * 21 * 21 / 2e9)
    assert measure.limit(suite.rows(["small"])[0], 1) is None


# Reports.


def library(seconds: float, note: str = "", method: str = "") -> measure.LibraryResult:
    return measure.LibraryResult(measure.Timing(seconds, 0.02, 9), 1e-7, note, method)


ROW = suite.rows(["correlate"], [(512, 512)])[0]
WON = measure.RowResult(
    ROW, 1, True, library(1e-3), {"OpenCV": library(2e-3), "SciPy": library(0.03)}, 5e-4
)
LOST = measure.RowResult(ROW, 2, True, library(4e-3), {"OpenCV": library(2e-3, method="DFT")}, 5e-4)
UNLIKE = replace(LOST, peers={"OpenCV": library(1e-3, "zero border"), "SciPy": library(0.03)})
ALONE = measure.RowResult(ROW, 1, False, library(4e-3))
ABOUT = results.Machine(
    "A Processor", "v3", 2, "Linux", "3.11", "2.0", {1: 2e10}, {1: 1e11},
    {"imgconv": "1", "OpenCV": "5", "SciPy": "1"}, ("PyTorch",),
)  # fmt: skip


def test_wins_and_losses_are_both_shown(capsys) -> None:
    report.show(results.Run(ABOUT, [WON, LOST, UNLIKE, ALONE]), Console(width=160))
    shown = capsys.readouterr().out
    for text in (
        "4.00x slower than OpenCV (zero border): correlate 3x3, 512x512, 2 threads",
        "2.00x faster",
        "2.00x slower",
        "2.00x slower than OpenCV: correlate 3x3, 512x512, 2 threads",
        "2.00 ms DFT",
        "unequal work: a: zero border",
        "not installed: PyTorch",
        "copy 20 GB/s",
        "existing output",
        "50%",
    ):
        assert text in shown


def test_ratio_and_share() -> None:
    assert WON.fastest == "OpenCV"
    assert WON.ratio == pytest.approx(2)
    assert WON.ratio_to("SciPy") == pytest.approx(30)
    assert WON.share == pytest.approx(0.5)
    assert LOST.ratio == pytest.approx(0.5)
    assert ALONE.fastest is ALONE.ratio is ALONE.share is None


def test_markdown_replaces_what_stands_between_the_markers() -> None:
    found = results.Run(ABOUT, [WON, LOST, ALONE])
    table = report.as_markdown(found)
    assert "| correlate 3x3 | 1.00 ms | 2.00 ms (OpenCV) | **2.00x faster** |" in table
    assert "2.00 ms (OpenCV, DFT) | 2.00x slower" in table
    assert "at least as fast as the fastest peer in 1 of 2 rows" in table
    behind, _, rest = table.partition("**512 x 512, 1 thread, fresh output**")
    assert "| correlate 3x3, 512x512, 2 threads | 4.00 ms |" in behind
    assert "2.00x faster" not in behind
    assert "2.00x slower" in rest
    text = "above\n<!-- bench v3 -->old<!-- /bench v3 -->\nbelow\n"
    once = report.filled(text, [found])
    assert "old" not in once
    assert table in once
    assert report.filled(once, [found]) == once
    assert once.startswith("above")
    assert once.endswith("below\n")
    for wrong in (
        "no markers",
        "<!-- /bench v3 --> in the wrong order <!-- bench v3 -->",
        "<!-- bench v4 -->of another level<!-- /bench v4 -->",
    ):
        with pytest.raises(ValueError, match="bench"):
            report.filled(wrong, [found])


def test_machines_of_one_level_stand_one_after_the_other() -> None:
    other = replace(ABOUT, processor="Another", level="v3")
    wide = replace(ABOUT, processor="A wide one", level="v4")
    text = "<!-- bench v3 -->a<!-- /bench v3 --> <!-- bench v4 -->b<!-- /bench v4 -->"
    filled = report.filled(text, [results.Run(ABOUT, [WON]), results.Run(other, [LOST])])
    assert filled.index("A Processor") < filled.index("Another") < filled.index("/bench v3")
    assert filled.endswith("<!-- bench v4 -->b<!-- /bench v4 -->")
    assert "A wide one" in report.filled(filled, [results.Run(wide, [WON])])


def test_runs_one_after_the_other_make_one_table() -> None:
    run = results.Run(ABOUT, [WON, LOST, ALONE], [results.MemoryResult(ROW, 1, {"imgconv": 5})])
    assert results.from_json(results.as_json(run)) == run
    other = replace(WON, row=suite.rows(["box"], [(512, 512)])[0])
    again = replace(WON, imgconv=library(5e-3))
    edges = replace(WON, row=suite.rows(["edges"], [(512, 512)])[0])
    earlier = replace(run, results=[other, *run.results])
    later = replace(ABOUT, copy_rate={2: 3e10}, libraries={"imgconv": "1", "PyTorch": "2"})
    found = results.joined(earlier, results.Run(later, [again, edges]))
    assert found.results == [again, LOST, ALONE, edges, other]
    assert found.memory == run.memory
    assert found.machine.libraries == {"imgconv": "1", "OpenCV": "5", "SciPy": "1", "PyTorch": "2"}
    assert found.machine.missing == ()
    assert found.machine.copy_rate == {1: 2e10, 2: 3e10}
    with pytest.raises(ValueError, match="level v3, not v4"):
        results.joined(run, results.Run(replace(ABOUT, level="v4")))


def test_files_without_what_was_added_later_are_read() -> None:
    values = json.loads(results.as_json(results.Run(ABOUT, [WON])))
    del values["memory"], values["warnings"], values["results"][0]["conditions"]
    del values["results"][0]["stack"]
    assert results.from_json(json.dumps(values)) == results.Run(ABOUT, [WON])
    for text in ("", "[]", "{}", '{"machine": {}, "results": []}'):
        with pytest.raises(ValueError, match="no results of imgconv bench"):
            results.from_json(text)


def test_summary_by_family() -> None:
    """The losses count; rows without a peer, or whose fastest does unequal work, do not."""
    text = "<!-- bench families v3 --><!-- /bench families v3 -->"
    family, threads = WON.row.family, WON.threads
    others = [replace(each, threads=threads) for each in (LOST, UNLIKE)]
    table = report.filled(text, [results.Run(ABOUT, [WON, *others, ALONE])])
    assert f"| {family} | 1 of 2 | 0.50x | 1.00x | 2.00x |" in table
    assert "| **all** | 1 of 2 | 0.50x | 1.00x | 2.00x |" in table
    assert report.counting([WON, *others, ALONE], "SciPy") == pytest.approx([30, 7.5])
    assert report.counted(threads, "thread") in table


def test_the_command_measures_and_writes(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
    readme = tmp_path / "README.md"
    place = f"bench {cpu.LEVEL}"
    readme.write_text(f"# Title\n<!-- {place} --><!-- /{place} -->\n")
    summary = tmp_path / "summary.md"
    place = f"bench families {cpu.LEVEL}"
    summary.write_text(f"<!-- {place} --><!-- /{place} -->\n")
    outcome = run(
        "edges", "small", "--size", "40x60", "--threads", "1,2", "--budget", "0", "--out",
        "--json", tmp_path / "b.json", "--plot", tmp_path / "b.png",
        "--markdown", readme, "--markdown", summary,
    )  # fmt: skip
    assert outcome.exit_code == 0, outcome.output
    found = json.loads((tmp_path / "b.json").read_text())
    assert found["machine"]["libraries"].keys() == {peer.name for peer in FOUND}
    assert all(rate > 0 for rate in found["machine"]["copy_rate"].values())
    rows = found["results"]
    assert len(rows) == 4 * len(suite.rows(["edges", "small"], [(40, 60)]))
    assert {row["threads"] for row in rows} == {1, 2}
    assert {row["fresh"] for row in rows} == {True, False}
    for row in rows:
        assert row["imgconv"]["timing"]["median"] > 0
        largest = np.iinfo(row["dtype"]).max if row["dtype"].startswith("u") else 1
        assert row["imgconv"]["difference"] < 1e-6 * largest
        if not row["peers"]:
            assert row["work"] == "canny"
            continue
        assert row["fastest"] in row["peers"]
        assert row["ratio"] == pytest.approx(
            min(peer["timing"]["median"] for peer in row["peers"].values())
            / row["imgconv"]["timing"]["median"]
        )
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")
    assert "sobel magnitude" in readme.read_text()
    assert "| edges | " in summary.read_text()
    assert "sobel magnitude" in outcome.stdout
    more = ("--budget", "0", "--join", tmp_path / "b.json", "--markdown", readme)
    outcome = run("box", "--size", "40x60", "--threads", "1", *more)
    assert outcome.exit_code == 0, outcome.output
    assert "sobel magnitude" in readme.read_text()
    assert "box 3x3" in readme.read_text()
    summary.write_text("no figures")
    assert "no results of imgconv bench" in run("box", "--join", summary).output
    readme.write_text(readme.read_text().replace("sobel magnitude", ""))
    outcome = run("show", tmp_path / "b.json", "--markdown", readme, "--plot", tmp_path / "c.svg")
    assert outcome.exit_code == 0, outcome.output
    assert "sobel magnitude" in readme.read_text()
    assert "sobel magnitude" in outcome.stdout
    assert "<svg" in (tmp_path / "c.svg").read_text()


def test_the_machine_is_described(monkeypatch) -> None:
    found = results.machine([], [], [1])
    assert found.details["date"].startswith("20")
    assert "system" not in found.details
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert results.details()["OMP_NUM_THREADS"] == "3"


LEVELS = [each for each in cpu.available() if each in level.MOST]
DESCRIBE = """
from imgconv.bench import level, peers
from imgconv.core import cpu
level.hold()
print(cpu.LEVEL)
for peer in peers.installed()[0]:
    print(peer.describe())
    if peer.name == "OpenCV":
        print(peer.library.getCPUFeaturesLine())
"""


@pytest.mark.parametrize("name", LEVELS)
def test_level_holds_all_libraries(name: str) -> None:
    """Each library says what it uses: OpenCV marks with ? what was disabled."""
    found = processes.python(DESCRIBE, **level.environment(name)).splitlines()
    assert found[0] == name
    beyond = {"v2": ("AVX2", "AVX512"), "v3": ("AVX512",)}[name]
    used = [word for line in found for word in line.split() if not word.endswith("?")]
    assert not [word for word in used if any(feature in word for feature in beyond)], found


def test_another_level_is_measured_in_another_process(tmp_path: Path) -> None:
    lowest = cpu.available()[0]
    arguments = ["bench", "small", "--level", lowest, "--threads", "1", "--budget", "0", "--json"]
    command = [sys.executable, "-m", "imgconv", *arguments, str(tmp_path / "b.json")]
    # Elsewhere than in the checkout, which may have no loops where a wheel is tested.
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=tmp_path)
    assert json.loads((tmp_path / "b.json").read_text())["machine"]["level"] == lowest


@pytest.mark.parametrize(
    "arguments",
    [
        ["walrus"],
        ["--size", "512"],
        ["--size", "0x5"],
        ["--threads", "0"],
        ["--threads", "two"],
        ["--dtype", "complex64"],
        ["--level", "v5"],
        ["--budget", "-1"],
        ["--plot", "plot.gif"],
        ["--plot", "no/such/folder/plot.png"],
        ["--json", "no/such/folder/b.json"],
        ["--markdown", "no-such-file.md"],
        ["--markdown", __file__],
    ],
)
def test_wrong_usage(arguments: list[str]) -> None:
    if arguments[-1] == __file__:
        arguments = ["--markdown", str(ROOT / "LICENSE")]
    assert run(*arguments).exit_code == 2

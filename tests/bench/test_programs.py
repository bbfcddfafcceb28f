"""`imgconv bench files` and `scripts`: programs do the same work, in a known time and memory."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import imgconv
from imgconv import cli
from imgconv.bench import equality, measure, page, programs, results, suite
from imgconv.bench.conditions import Watch
from imgconv.bench.peers import PreparedCall
from imgconv.bench.scripts import SCRIPTS

SHAPE = (90, 120)


def python(text: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", text]


def test_time_memory_and_status_of_a_process() -> None:
    with programs.starter(3) as start:
        slow = start.run("slow", python("import time; time.sleep(0.3)"))
        large = start.run("large", python("bytearray(80 << 20)"))
        busy = start.run("busy", python("sum(range(10**7)); raise SystemExit(5)"))
        told = start.run(
            "told", python("import os, sys; sys.exit(os.environ['OMP_NUM_THREADS'] != '3')")
        )
        assert start.largest.keys() == {"slow", "large", "busy", "told"}
    assert 0.3 < slow.seconds < 10
    assert slow.nbytes < 40 << 20 < 80 << 20 < large.nbytes
    assert busy.status == 5
    assert busy.used > 0.05
    assert told.status == 0


def fake(folder: Path, name: str, text: str) -> programs.Program:
    """A program that writes a text."""
    target = folder / name
    return programs.Program(python(f"import sys; {text}; open({str(target)!r}, 'w').write('x')"),
                            target)  # fmt: skip


def test_wrong_programs_are_not_timed(tmp_path: Path) -> None:
    row = programs.file_row(programs.FILES[0], SHAPE)
    found = {
        name: fake(tmp_path, name, text)
        for name, text in (
            ("imgconv", "pass"), ("right", "pass"), ("wrong", "pass"), ("fails", "sys.exit(3)")
        )
    }  # fmt: skip
    found["silent"] = programs.Program(python("pass"), tmp_path / "none")
    apart = {"imgconv": 0.0, "right": 1.0, "wrong": 1.1}
    with programs.starter(1) as start:
        outcome = list(
            programs.measure_row(row, 1, found, lambda _, name: apart[name], start, Watch(), 0.0)
        )
    refused = {each.library: each.reason for each in outcome if isinstance(each, measure.Refusal)}
    assert refused.keys() == {"wrong", "fails", "silent"}
    assert "status 3" in refused["fails"]
    assert "no result" in refused["silent"]
    assert "differs from the reference by 1.1" in refused["wrong"]
    timed = outcome[-2]
    assert timed.peers.keys() == {"right"}
    assert timed.imgconv.timing.rounds >= measure.MIN_ROUNDS
    used = outcome[-1]
    assert used.whole
    assert used.libraries.keys() == {"imgconv", "right"}
    assert min(used.libraries.values()) > 4 << 20


@pytest.mark.parametrize("case", programs.FILES, ids=lambda case: case.title)
def test_files_are_filtered_alike(case: programs.FileCase, tmp_path: Path) -> None:
    """Commands of old versions may be wrong; they are refused, then, and not timed."""
    row = programs.file_row(case, SHAPE)
    found, compare = programs.prepare_files(case, row, tmp_path, 1)
    assert {"imgconv", "Pillow"} <= found.keys()
    with programs.starter(1) as start:
        for name, program in found.items():
            assert start.run(name, program.command).status == 0, name
            assert name == "imgconv" or program.note in ("", *equality.UNEQUAL)
            call = PreparedCall(lambda out: out, program.note)
            reason = equality.objection(row, call, compare(found, name))
            assert not reason or name in case.commands, (name, reason)


@pytest.mark.parametrize("title", SCRIPTS)
def test_scripts_give_the_same_under_imgconv(title: str, tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("skimage")
    found = programs.script_programs(title, 160, tmp_path)
    for name in ("scikit-image", "imgconv"):
        monkeypatch.setattr(sys, "argv", ["script.py", str(found[name].target), "160"])
        code = compile(SCRIPTS[title], "script.py", "exec")
        if name == "scikit-image":
            exec(code, {"__name__": "__main__"})
        else:
            with imgconv.patched():
                exec(code, {"__name__": "__main__"})
    assert programs.script_difference(found["imgconv"], found["scikit-image"]) < 1e-9
    assert found["imgconv"].command[1:4] == ["-m", "imgconv", "run"]
    assert found["scikit-image"].command[1].endswith("script.py")


def test_a_wrong_script_is_found(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "a.npz", tmp_path / "b.npz"
    pair = [programs.Program([], path) for path in (ours, theirs)]
    pixels, mask = np.array([[1.0, 4.0]]), np.array([[True, False]])
    np.savez(theirs, pixels=pixels, mask=mask)
    np.savez(ours, pixels=pixels + np.array([0, 0.4]), mask=mask)
    assert programs.script_difference(*pair) == pytest.approx(0.1)
    np.savez(ours, pixels=pixels, mask=~mask)
    assert programs.script_difference(*pair) == 1
    np.savez(ours, pixels=pixels[:, :1], mask=mask)
    assert programs.script_difference(*pair) == np.inf


def test_a_stand_in_is_not_imagemagick(tmp_path: Path, monkeypatch) -> None:
    """A command of the name must say that it is the library's."""
    command = tmp_path / "convert"
    command.write_text("#!/bin/sh\necho another program\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    programs.tool.cache_clear()
    try:
        assert programs.tool("ImageMagick") is None
        assert programs.tool("libvips command") is None
    finally:
        programs.tool.cache_clear()


def test_the_command_and_the_page(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(programs, "FILES", programs.FILES[2:])
    monkeypatch.setattr(
        programs,
        "file_programs",
        lambda case, source, folder, threads: {
            name: fake(folder, name, "pass") for name in ("imgconv", "Pillow")
        },
    )
    monkeypatch.setattr(programs, "apart", lambda case, image, program: 0.0)
    file = tmp_path / "b.json"
    arguments = ["bench", "files", "--size", "40x60", "--threads", "1", "--budget", "0"]
    outcome = CliRunner().invoke(cli.main, [*arguments, "--json", str(file)])
    assert outcome.exit_code == 0, outcome.output
    assert "PNG, median 5x5, PNG" in outcome.stdout
    (row,) = json.loads(file.read_text())["results"]
    assert row["family"] == "files"
    run = results.from_json(file.read_text())
    assert run.memory[0].whole
    text = page.page([run])
    assert "of the whole process" in text
    assert "imgconv bench files --only" in text
    outcome = CliRunner().invoke(cli.main, [*arguments, "--only", "nothing"])
    assert "no such row" in outcome.stderr
    outcome = CliRunner().invoke(cli.main, ["bench", "files", "box"])
    assert "measured alone" in outcome.stderr
    assert suite.ORDER[-2:] == suite.PROGRAMS

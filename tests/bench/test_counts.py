"""`make counts`: a call that needs more instructions is found, with both numbers."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from paths import ROOT

import imgconv

SCRIPT = ROOT / "scripts" / "counts.py"
spec = importlib.util.spec_from_file_location("counts", SCRIPT)
counts = importlib.util.module_from_spec(spec)
spec.loader.exec_module(counts)


def test_growth_is_told_with_both_numbers() -> None:
    known = {"box": 100_000, "median": 100_000, "sobel": 100_000, "gone": 5}
    found = {"box": 103_001, "median": 103_000, "sobel": 50_000, "new": 7}
    assert counts.compared(known, found) == [
        "box: 100,000 -> 103,001 instructions, 3.0% more",
        "new: not in the file; --renew adds it",
        "gone: not counted; --renew takes it out",
    ]
    assert counts.compared(known, {"sobel": 99}, whole=False) == []


def test_dumps_are_read(tmp_path: Path) -> None:
    for i, (title, total) in enumerate((("box 3x3, uint8", 123), ("median", 456)), 1):
        text = f"version: 1\ndesc: Trigger: Client Request: {title}\nevents: Ir\nsummary: {total}\n"
        (tmp_path / f"out.{i}").write_text(text)
    (tmp_path / "out").write_text("desc: Trigger: Program termination\nsummary: 99\n")
    assert counts.read(tmp_path) == {"box 3x3, uint8": 123, "median": 456}


def test_calls_are_the_rows_of_the_benchmark() -> None:
    titles = [title for title, _ in counts.calls()]
    assert len(titles) == len(set(titles)) > 150
    assert "box 3x3, uint8 to uint8, 96x96" in titles
    assert "correlate 3x3, float32 to float32, 16x16" in titles
    known = json.loads(counts.KNOWN.read_text())
    assert known["made with"].keys() == {"compiler", "Python", "NumPy"}
    assert all(number > 0 for number in known["counts"].values())


@pytest.mark.skipif(not shutil.which("valgrind"), reason="there is no valgrind")
def test_the_command_counts(tmp_path: Path, monkeypatch) -> None:
    """The same call twice needs the same instructions; a file of fewer makes it fail."""
    script = tmp_path / "scripts" / "counts.py"
    script.parent.mkdir()
    script.write_text(SCRIPT.read_text())
    package = Path(imgconv.__file__).parent
    monkeypatch.setenv("PYTHONPATH", str(package.parent))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(script), "--only", "box 15x15, uint8", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    # The copy's process must find this imgconv, not one in a folder beside the copy.
    (tmp_path / "imgconv").symlink_to(package)
    outcome = run("--renew")
    if "IMGCONV_ISA" in outcome.stderr:
        pytest.skip("the level that is counted is not built")
    assert outcome.returncode == 0, outcome.stderr
    assert run().returncode == 0
    file = script.with_suffix(".json")
    known = json.loads(file.read_text())
    (title,) = known["counts"]
    known["counts"][title] = int(known["counts"][title] / 1.05)
    file.write_text(json.dumps(known))
    outcome = run()
    assert outcome.returncode == 1
    assert re.search(r" [45]\.\d% more", outcome.stdout)
    assert f"{known['counts'][title]:,} -> " in outcome.stdout

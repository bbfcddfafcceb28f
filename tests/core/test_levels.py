"""Every instruction set of this machine can be chosen by name, and gives right results."""

import os
import subprocess
import sys
from pathlib import Path

import cases
import numpy as np
import pytest
import sweep
from cases import assert_right

from imgconv.core import config, cpu

SWEEP = Path(sweep.__file__)


def run(program, *arguments, level):
    """Run Python at a level; return what it prints, and its errors."""
    done = subprocess.run(
        [sys.executable, *program, *arguments],
        env=os.environ
        | {"IMGCONV_ISA": level, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        timeout=200,
    )
    return done.stdout.strip(), done.stderr.strip()


@pytest.fixture(scope="module", params=cpu.available())
def swept(request, tmp_path_factory):
    """The results of a level by name."""
    file = tmp_path_factory.mktemp("levels") / f"{request.param}.npz"
    _, complaint = run([str(SWEEP)], str(file), level=request.param)
    assert file.exists(), complaint
    with np.load(file) as results:
        return dict(results)


def test_every_result_is_right(swept):
    """Within the tolerance of the reference, so that levels differ by at most twice that."""
    for name, image in sweep.images():
        for case in cases.CASES:
            actual = tuple(swept.pop(f"{case.id} {name} {k}") for k in range(case.count))
            assert_right(case, actual, image, mode="mirror")
        for case in cases.OTHERS:
            case.assert_right(swept.pop(f"{case.id} {name}"), image)
    assert not swept


@pytest.mark.parametrize("level", cpu.available())
def test_chosen_by_name(level):
    program = ["-c", "from imgconv.core import cpu; print(cpu.LEVEL)"]
    assert run(program, level=level) == (level, "")


@pytest.mark.parametrize("level", cpu.available())
def test_short_integers_where_vectors_are_wide(level):
    program = (
        "import imgconv, numpy; image = numpy.zeros((9, 9), numpy.uint8)\n"
        "print(imgconv.explain(imgconv.box, image, 3).computed_in)\n"
        "print(imgconv.explain(imgconv.median, image, 3).computed_in)"
    )
    types = ("float32", "float32") if level == "v2" else ("uint16", "uint8")
    assert run(["-c", program], level=level) == ("\n".join(types), "")


def test_highest_by_default():
    program = ["-c", "from imgconv.core import cpu; print(cpu.LEVEL)"]
    assert run(program, level="") == (cpu.available()[-1], "")


def test_unknown_name():
    _, complaint = run(["-c", "import imgconv"], level="v9")
    levels = ", ".join(cpu.available())
    assert complaint.endswith(f"ImportError: IMGCONV_ISA must be one of {levels}, got 'v9'")


def test_config_tells():
    values = config.config()
    assert values["level"] == cpu.LEVEL
    assert values["levels available"] == cpu.available()


def test_processor_without_any_level(monkeypatch):
    monkeypatch.setattr(cpu, "available", list)
    monkeypatch.delenv("IMGCONV_ISA", raising=False)
    with pytest.raises(ImportError, match=r"needs a processor with SSE4\.2"):
        cpu.choose()

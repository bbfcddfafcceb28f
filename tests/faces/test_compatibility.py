"""SciPy's own tests pass with the faces, as many as the documents say."""

import re
import sys

import pytest
import scipy
from paths import ROOT

from imgconv.bench import compatibility

DOCUMENT = (ROOT / "docs" / "faces.md").read_text()


def test_scipys_own_tests():
    """About a minute; `python -m imgconv.bench.compatibility` prints the table."""
    pytest.importorskip("scipy.ndimage.tests", reason="this SciPy came without its tests")
    found = compatibility.run_all()
    assert [outcome.failed for outcome in found] == [()] * len(compatibility.SCIPY)
    assert all(outcome.passed > 100 for outcome in found)
    if f"SciPy {scipy.__version__}" in DOCUMENT:
        for line in compatibility.table(found).splitlines()[2:]:
            assert line in DOCUMENT


def test_only_failures_that_are_ours_count(tmp_path):
    """Of a test that always fails, one that fails with the faces, one that passes, one left out."""
    (tmp_path / "test_some.py").write_text(
        "import pytest\nfrom scipy import ndimage\n"
        "def test_bad(): assert False\n"
        "def test_ours(): assert ndimage.sobel.__module__.startswith('scipy')\n"
        "def test_good(): pass\n"
        "@pytest.mark.skip\ndef test_left_out(): pass\n"
    )
    outcome = compatibility.run_tests("some", [str(tmp_path)])
    assert outcome.passed == 1
    assert [name.rpartition(".")[2] for name in outcome.failed] == ["test_ours"]
    line = compatibility.table([outcome]).splitlines()[-1]
    assert re.fullmatch(r"\| `some` \| 1 \| 1 \|", line)


@pytest.mark.parametrize("failed", [(), ("test_some.test_ours",)])
def test_the_command(monkeypatch, capsys, failed):
    """It fails if a test fails with the faces alone, and names it."""
    found = [compatibility.Outcome(compatibility.title("some", ("-k", "image")), 7, failed)]
    monkeypatch.setattr(compatibility, "run_all", lambda folder: found)
    monkeypatch.setattr(sys, "argv", ["compatibility"])
    assert compatibility.main() == len(failed)
    printed = capsys.readouterr()
    assert f"| `some`, of images | 7 | {len(failed)} |" in printed.out
    assert printed.err == "".join(f"only with imgconv: {name}\n" for name in failed)

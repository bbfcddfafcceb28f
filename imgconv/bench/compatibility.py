"""SciPy's own tests, and scikit-image's, with imgconv's faces in the places of the originals.

    python -m imgconv.bench.compatibility
    python -m imgconv.bench.compatibility --skimage scikit-image/tests/skimage

prints the table of docs/faces.md. A test that fails is run again without imgconv; what fails there,
too, is not counted. scikit-image's wheels have no tests: their folder comes from a checkout of the
version that is installed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import imgconv

# Of the tests of signals those of images; transforms of any number of axes are SciPy's own affair.
IMAGES = "TestConvolve or TestCorrelate or TestMedFilt or TestWiener or convolve2d or correlate2d"
SCIPY = (
    ("scipy.ndimage.tests.test_filters", ()),
    ("scipy.ndimage.tests.test_morphology", ()),
    ("scipy.signal.tests.test_signaltools", ("-k", IMAGES)),
)
SKIMAGE = (
    ("filters", ()),
    ("feature/test_canny.py", ()),
    ("feature/test_corner.py", ()),
    ("feature/test_blob.py", ()),
    ("restoration/test_denoise.py", ("-k", "bilateral")),
    ("measure/test_block.py", ()),
)

PROGRAM = """
import json, sys
import imgconv
from imgconv.running import run
counts, patch, *arguments = sys.argv[1:]
if patch == "patch":
    imgconv.patch()
code = run("pytest", arguments, as_module=True)
called = imgconv.patched_functions().values()
calls = [sum(each.calls for each in called), sum(sum(e.handed_on.values()) for e in called)]
open(counts, "w").write(json.dumps(calls))
sys.exit(code)
"""


class Row(NamedTuple):
    """What came of some tests.

    Attributes
    ----------
    tests : str
    passed : int
        With imgconv.
    failed : tuple of str
        With imgconv only.
    calls, handed_on : int
        Calls of faces, and how many of them the originals did.
    """

    tests: str
    passed: int
    failed: tuple[str, ...]
    calls: int
    handed_on: int


class Outcome(NamedTuple):
    """What pytest reports of each test: whether it passed."""

    passed: dict[str, bool]
    calls: int
    handed_on: int


def measured(tests: str, arguments: Sequence[str]) -> Row:
    """Run tests with imgconv, and those that fail without it."""
    outcome = outcomes(arguments, "patch")
    failed = [name for name, passed in outcome.passed.items() if not passed]
    if failed:
        without = outcomes(arguments, "leave").passed
        failed = [name for name in failed if without.get(name, False)]
    return Row(tests, sum(outcome.passed.values()), tuple(failed), outcome.calls, outcome.handed_on)


def outcomes(arguments: Sequence[str], patch: str) -> Outcome:
    """Run pytest in a process of its own, away from any configuration."""
    with tempfile.TemporaryDirectory() as folder:
        report, counts = Path(folder) / "report.xml", Path(folder) / "counts.json"
        root = str(Path(imgconv.__file__).parent.parent)
        command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {root!r})\n{PROGRAM}"]
        words = ["-q", "-p", "no:cacheprovider", "-c", "none.ini", f"--junitxml={report}"]
        (Path(folder) / "none.ini").write_text("[pytest]\n")
        subprocess.run(
            [*command, str(counts), patch, *words, *arguments],
            cwd=folder, check=False, capture_output=True,
        )  # fmt: skip
        if not (report.exists() and counts.exists()):
            raise RuntimeError(f"pytest did not run: {' '.join(arguments)}")
        cases = ElementTree.parse(report).getroot().iter("testcase")
        calls, handed_on = json.loads(counts.read_text())
        return Outcome(dict(filter(None, map(passed, cases))), calls, handed_on)


def passed(case: ElementTree.Element) -> tuple[str, bool] | None:
    """Return the name of a test and whether it passed; nothing if it was left out."""
    if case.find("skipped") is not None:
        return None
    name = f"{case.get('classname')}.{case.get('name')}"
    return name, case.find("failure") is None and case.find("error") is None


def rows(skimage: Path | None = None) -> list[Row]:
    """Run SciPy's tests, and scikit-image's if their folder is given."""
    found = [measured(shown(module, words), ["--pyargs", module, *words]) for module, words in SCIPY]
    if skimage is not None:
        for name, words in SKIMAGE:
            found.append(measured(f"skimage: {name}", [str(skimage / name), *words]))
    return found


def shown(module: str, words: Sequence[str]) -> str:
    """Return how a row is named."""
    return f"{module}, of images" if words else module


def table(found: Sequence[Row]) -> str:
    """Return rows as Markdown."""
    lines = ["| tests | pass | fail only with imgconv | calls of faces | handed on |"]
    lines.append("|---|---:|---:|---:|---:|")
    for row in found:
        name = f"`{row.tests.partition(',')[0]}`{row.tests.partition(',')[1]}"
        name += row.tests.partition(",")[2]
        counts = (row.passed, len(row.failed), row.calls, row.handed_on)
        lines.append(f"| {name} | {' | '.join(f'{count:,}' for count in counts)} |")
    return "\n".join(lines)


def main() -> int:
    """Run from the command line; the exit code is 1 if a test fails only with imgconv."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--skimage", type=Path, help="folder of scikit-image's tests")
    found = rows(parser.parse_args().skimage)
    print(table(found))
    for row in found:
        for name in row.failed:
            print(f"only with imgconv: {name}", file=sys.stderr)
    return int(any(row.failed for row in found))


if __name__ == "__main__":
    sys.exit(main())

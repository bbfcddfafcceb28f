"""SciPy's own tests, and scikit-image's, with imgconv's faces in the places of the originals.

    python -m imgconv.bench.compatibility
    python -m imgconv.bench.compatibility --skimage scikit-image/tests/skimage

prints the table of docs/faces.md. A test that fails is run again without imgconv; what fails there,
too, is not counted. scikit-image's wheels have no tests: their folder comes from a checkout of the
version that is installed.
"""

import argparse
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

# Small images, too, are for the faces: most tests have no others.
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import imgconv
from imgconv import face_arguments
from imgconv.running import run
if sys.argv[2] == "patch":
    imgconv.patch()
    face_arguments.SMALL_CALLS_FALL_BACK = False
sys.exit(run("pytest", sys.argv[3:], as_module=True))
"""


class Row(NamedTuple):
    """What came of some tests: how many pass with imgconv, and which fail only with it."""

    tests: str
    passed: int
    failed: tuple[str, ...]


def measured(tests: str, arguments: Sequence[str]) -> Row:
    """Run tests with imgconv, and again without if any fails."""
    outcome = outcomes(arguments, "patch")
    failed = [name for name, passed in outcome.items() if not passed]
    if failed:
        without = outcomes(arguments, "leave")
        failed = [name for name in failed if without.get(name, False)]
    return Row(tests, sum(outcome.values()), tuple(failed))


def outcomes(arguments: Sequence[str], patch: str) -> dict[str, bool]:
    """Run pytest in a process of its own, away from any configuration; tell what passed."""
    with tempfile.TemporaryDirectory() as folder:
        report, settings = Path(folder) / "report.xml", Path(folder) / "pytest.ini"
        settings.write_text("[pytest]\n")
        root = str(Path(imgconv.__file__).parent.parent)
        words = ["-q", "-p", "no:cacheprovider", "-c", str(settings), f"--junitxml={report}"]
        command = [sys.executable, "-c", PROGRAM, root, patch, *words, *arguments]
        done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
        if not report.exists():
            raise RuntimeError(f"pytest did not run: {done.stdout}{done.stderr}")
        cases = ElementTree.parse(report).getroot().iter("testcase")
        return dict(filter(None, map(passed, cases)))


def passed(case: ElementTree.Element) -> tuple[str, bool] | None:
    """Return the name of a test and whether it passed; nothing if it was left out."""
    if case.find("skipped") is not None:
        return None
    name = f"{case.get('classname')}.{case.get('name')}"
    return name, case.find("failure") is None and case.find("error") is None


def rows(skimage: Path | None = None) -> list[Row]:
    """Run SciPy's tests, and scikit-image's if their folder is given."""
    found = [
        measured(shown(module, words), ["--pyargs", module, *words]) for module, words in SCIPY
    ]
    if skimage is not None:
        folder = skimage.resolve()
        for name, words in SKIMAGE:
            found.append(measured(f"skimage/{name}", [str(folder / name), *words]))
    return found


def shown(module: str, words: Sequence[str]) -> str:
    """Return how a row is named."""
    return f"{module}, of images" if words else module


def table(found: Sequence[Row]) -> str:
    """Return rows as Markdown."""
    lines = ["| tests | pass | fail with imgconv alone |", "|---|---:|---:|"]
    for row in found:
        name, comma, rest = row.tests.partition(",")
        lines.append(f"| `{name}`{comma}{rest} | {row.passed:,} | {len(row.failed):,} |")
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

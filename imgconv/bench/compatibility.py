"""SciPy's own tests, and scikit-image's, run with imgconv's faces instead of the originals.

    python -m imgconv.bench.compatibility
    python -m imgconv.bench.compatibility --skimage scikit-image/tests/skimage

prints the table of docs/faces.md. A test that fails is run again without imgconv; it is not counted
if it fails there, too. scikit-image's wheels have no tests: their folder comes from a checkout of
the version that is installed.
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

# Of the tests of signals only those of images: the faces have no transforms.
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
    ("feature/test_peak.py", ()),
    ("feature/test_template.py", ()),
    ("restoration/test_denoise.py", ("-k", "bilateral")),
    ("measure/test_block.py", ()),
)

# Most tests have small images only, which the faces usually leave to the originals. Here the faces
# must filter them.
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


class Outcome(NamedTuple):
    """How many of some tests pass with imgconv, and which fail only with it."""

    tests: str
    passed: int
    failed: tuple[str, ...]


def run_tests(tests: str, arguments: Sequence[str]) -> Outcome:
    """Run tests with imgconv, and again without if any fails."""
    with_imgconv = run_pytest(arguments, "patch")
    failed = [name for name, passed in with_imgconv.items() if not passed]
    if failed:
        without = run_pytest(arguments, "leave")
        failed = [name for name in failed if without.get(name, False)]
    return Outcome(tests, sum(with_imgconv.values()), tuple(failed))


def run_pytest(arguments: Sequence[str], patch: str) -> dict[str, bool]:
    """Return which tests pass in a process of its own, away from any configuration."""
    with tempfile.TemporaryDirectory() as folder:
        report, settings = Path(folder) / "report.xml", Path(folder) / "pytest.ini"
        settings.write_text("[pytest]\n")
        root = str(Path(imgconv.__file__).parent.parent)
        options = ["-q", "-p", "no:cacheprovider", "-c", str(settings), f"--junitxml={report}"]
        command = [sys.executable, "-c", PROGRAM, root, patch, *options, *arguments]
        done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
        if not report.exists():
            raise RuntimeError(f"pytest did not run: {done.stdout}{done.stderr}")
        cases = ElementTree.parse(report).getroot().iter("testcase")
        return dict(filter(None, map(name_and_passed, cases)))


def name_and_passed(case: ElementTree.Element) -> tuple[str, bool] | None:
    """Return the name of a test and whether it passed; None if it was skipped."""
    if case.find("skipped") is not None:
        return None
    name = f"{case.get('classname')}.{case.get('name')}"
    return name, case.find("failure") is None and case.find("error") is None


def run_all(skimage: Path | None = None) -> list[Outcome]:
    """Run SciPy's tests, and scikit-image's if their folder is given."""
    found = [
        run_tests(title(module, options), ["--pyargs", module, *options])
        for module, options in SCIPY
    ]
    if skimage is not None:
        folder = skimage.resolve()
        for name, options in SKIMAGE:
            found.append(run_tests(f"skimage/{name}", [str(folder / name), *options]))
    return found


def title(module: str, options: Sequence[str]) -> str:
    """Return the title of a row of the table."""
    return f"{module}, of images" if options else module


def table(found: Sequence[Outcome]) -> str:
    """Return a Markdown table."""
    lines = ["| tests | pass | fail with imgconv alone |", "|---|---:|---:|"]
    for outcome in found:
        name, comma, rest = outcome.tests.partition(",")
        lines.append(f"| `{name}`{comma}{rest} | {outcome.passed:,} | {len(outcome.failed):,} |")
    return "\n".join(lines)


def main() -> int:
    """Run from the command line; the exit code is 1 if a test fails only with imgconv."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--skimage", type=Path, help="folder of scikit-image's tests")
    found = run_all(parser.parse_args().skimage)
    print(table(found))
    for outcome in found:
        for name in outcome.failed:
            print(f"only with imgconv: {name}", file=sys.stderr)
    return int(any(outcome.failed for outcome in found))


if __name__ == "__main__":
    sys.exit(main())

"""Run tests, and tell which lines of the loops in pyx/ they run.

python scripts/cover_loops.py [arguments of pytest]

The loops of this folder must be compiled with IMGCONV_COUNT_LINES=1, as `make coverage-loops` does
in a copy. A line counts as run if it ran in one of the modules that have it, for any type.
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What calls each loop; the tests of faces add no line.
TESTS = ["tests/filters", "tests/operations", "tests/nn", "tests/core", "tests/pipeline"]


def translated(path: Path) -> set[tuple[str, int]]:
    """Return the lines of sources that a C file is made of.

    What else Cython writes there follows some line of a source, and would count as the next ones.
    """
    told = re.findall(r'^#line (\d+) "(.*)"$', path.read_text(), re.MULTILINE)
    # Cython names some sources with their folder, and some without.
    return {(Path(name).name, int(number)) for number, name in told}


def counted() -> dict[str, dict[int, int]]:
    """Return how often each line of each source ran, in all modules together."""
    lines: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for path in sorted(ROOT.glob("build/temp*/**/*.gcda")):
        known = translated(ROOT.joinpath(*path.relative_to(ROOT).with_suffix(".c").parts[2:]))
        told = subprocess.run(
            ["gcov", "--json-format", "--stdout", path], cwd=ROOT, capture_output=True, check=True
        )
        for file in json.loads(told.stdout)["files"]:
            name = Path(file["file"]).name
            for line in file["lines"]:
                if (name, line["line_number"]) in known and (ROOT / "pyx" / name).exists():
                    lines[name][line["line_number"]] += line["count"]
    return lines


def spans(numbers: list[int]) -> str:
    """Return ascending numbers in words.

    >>> spans([3, 7, 8, 9, 12])
    '3, 7-9, 12'
    """
    starts = [0, *(i + 1 for i, (a, b) in enumerate(pairwise(numbers)) if b > a + 1), len(numbers)]
    runs = [numbers[begin:end] for begin, end in pairwise(starts)]
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def main(arguments: list[str]) -> int:
    """Return the exit status of the tests."""
    for path in ROOT.glob("build/temp*/**/*.gcda"):
        path.unlink()
    # One process: what workers count is lost when they are ended.
    status = subprocess.run([sys.executable, "-m", "pytest", *(arguments or TESTS)], cwd=ROOT)
    found = counted()
    known = not_run = 0
    for name, lines in sorted(found.items()):
        missed = sorted(number for number, count in lines.items() if not count)
        known, not_run = known + len(lines), not_run + len(missed)
        share = 1 - len(missed) / len(lines)
        print(f"{share:6.1%}  {name}" + (f"  not run: {spans(missed)}" if missed else ""))
    if not known:
        print("no line was counted: are the loops compiled with IMGCONV_COUNT_LINES=1?")
        return 1
    print(f"{1 - not_run / known:6.1%}  of {known} lines")
    return status.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

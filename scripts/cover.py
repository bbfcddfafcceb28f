"""Run tests, and tell which part of each Python file they run.

python scripts/cover.py [arguments of pytest]

Fails where the tests fail, and where they run less than LOWEST per cent of a file. Files that do
nothing without another library, or without a browser, are only told.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOWEST = 85
# Adapters of other libraries run where these are installed; `make test-browser` tests the page of
# `imgconv tune`.
ELSEWHERE = ("imgconv/bench/peers/", "imgconv/tune/page/", "imgconv/tune/server.py")


def main(arguments: list[str]) -> int:
    """Return the exit status."""
    if sys.version_info >= (3, 12):
        os.environ["COVERAGE_CORE"] = "sysmon"  # costs less than a trace function
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        pytest = [sys.executable, "-m", "pytest", "--cov", "--cov-report", f"json:{report}"]
        status = subprocess.run([*pytest, *arguments], cwd=ROOT).returncode
        if not report.exists():
            return status or 1
        found = json.loads(report.read_text())
    covered = {name: file["summary"]["percent_covered"] for name, file in found["files"].items()}
    low = {
        name: percent
        for name, percent in covered.items()
        if percent < LOWEST and not name.startswith(ELSEWHERE)
    }
    for name in sorted(covered, key=covered.__getitem__)[:30]:
        print(f"{covered[name]:6.1f} %  {name}")
    print(f"{found['totals']['percent_covered']:6.1f} %  of {len(covered)} files")
    if low:
        print(f"{len(low)} files below {LOWEST} %")
    return status or bool(low)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

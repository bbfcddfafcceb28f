"""Run the tests of this checkout on the imgconv that is installed, which must be another.

python scripts/test_installed.py [arguments of pytest; paths from the root of the checkout]
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: list[str]) -> int:
    """Return the exit status of pytest."""
    paths = [str(ROOT / each) if (ROOT / each).exists() else each for each in arguments]
    if not any(map(Path.exists, map(Path, paths))):
        paths.append(str(ROOT / "tests"))
    with tempfile.TemporaryDirectory() as empty:
        where = "import imgconv; print(imgconv.__file__)"
        # -P: no folder but those of the installation.
        done = subprocess.run(
            [sys.executable, "-P", "-c", where], cwd=empty, stdout=subprocess.PIPE, text=True
        )
        if done.returncode or Path(done.stdout.strip()).is_relative_to(ROOT / "imgconv"):
            print(f"imgconv is not installed, but {done.stdout.strip() or 'missing'}")
            return 1
        print(f"testing {done.stdout.strip()}", flush=True)
        pytest = [sys.executable, "-P", "-m", "pytest", "-c", str(ROOT / "pyproject.toml")]
        return subprocess.run([*pytest, "-p", "no:cacheprovider", *paths], cwd=empty).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

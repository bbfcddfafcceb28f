"""Where the files of this checkout are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "samples"

# The pages that are written by hand; others are made of the code when the site is built.
WRITTEN = [
    path
    for path in sorted((ROOT / "docs").rglob("*.md"))
    if not {"made", "_build"} & set(path.relative_to(ROOT).parts)
]

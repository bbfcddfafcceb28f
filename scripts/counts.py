"""Instructions of fixed calls, counted by callgrind and compared with those of before: make counts.

    python scripts/counts.py            # a row that needs over 3 % more instructions is an error
    python scripts/counts.py --renew    # write what is counted here to scripts/counts.json

Time on a shared machine scatters by tens of percent; the number of instructions does not: a small
loss in a loop or in the code around it shows. It depends on the compiler and on the versions of
Python and NumPy, which stand in the file: where they differ, the command says so.

Valgrind runs one Python process with all calls; this file is that process, too (--child).
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
KNOWN = Path(__file__).with_suffix(".json")
LEVEL = "v3"
# The share of instructions that a row may grow by.
GROWTH = 0.03
SIDE = 96
# Kernels that take long to plan, and rows whose own size is fixed.
LARGEST_WINDOW = 31
# Valgrind's requests, as functions that Python can call.
REQUESTS = """
#include <valgrind/callgrind.h>
void start(void) { CALLGRIND_START_INSTRUMENTATION; CALLGRIND_ZERO_STATS; }
void stop(const char *name) { CALLGRIND_DUMP_STATS_AT(name); CALLGRIND_STOP_INSTRUMENTATION; }
"""


def main() -> int:
    """Count, then compare or renew; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--renew", action="store_true", help=f"write {KNOWN.relative_to(ROOT)}")
    parser.add_argument("--only", default="", help="rows whose title contains this")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run_calls(options.child, options.only)
        return 0
    missing = [tool for tool in ("valgrind", "cc") if not shutil.which(tool)]
    if missing:
        print(f"counts: {' and '.join(missing)} must be installed", file=sys.stderr)
        return 2
    found = count(options.only)
    known = json.loads(KNOWN.read_text()) if KNOWN.exists() else {"made with": {}, "counts": {}}
    if options.renew:
        counts = {**known["counts"], **found} if options.only else found
        text = json.dumps({"made with": made_with(), "counts": counts}, indent=1)
        KNOWN.write_text(text + "\n")
        print(f"{len(found)} rows are written to {KNOWN.relative_to(ROOT)}")
        return 0
    lines = compared(known["counts"], found, whole=not options.only)
    print("\n".join(lines))
    if known["made with"] != made_with():
        print(f"counted with {made_with()}, the file with {known['made with']}")
    print(f"{len(found)} rows, {len(lines)} that grew by over {GROWTH:.0%} or are new or missing")
    return 1 if lines else 0


def made_with() -> dict[str, str]:
    """Return what the numbers depend on besides the code."""
    import numpy as np

    compiler = subprocess.run(
        ["cc", "-dumpfullversion"], capture_output=True, text=True, check=True
    )
    return {
        "compiler": compiler.stdout.strip(),
        "Python": platform.python_version(),
        "NumPy": np.__version__,
    }


def compared(known: dict[str, int], found: dict[str, int], whole: bool = True) -> list[str]:
    """Return a line for each row that grew, and for each that one side lacks.

    >>> compared({"box": 1000, "median": 1000}, {"box": 1031, "median": 1030})
    ['box: 1,000 -> 1,031 instructions, 3.1% more']
    >>> compared({"box": 1000}, {"median": 1000})
    ['median: not in the file; --renew adds it', 'box: not counted; --renew takes it out']
    """
    lines = []
    for title, now in found.items():
        before = known.get(title)
        if before is None:
            lines.append(f"{title}: not in the file; --renew adds it")
        elif now > before * (1 + GROWTH):
            more = now / before - 1
            lines.append(f"{title}: {before:,} -> {now:,} instructions, {more:.1%} more")
    if whole:
        lines += [f"{t}: not counted; --renew takes it out" for t in known if t not in found]
    return lines


def count(only: str) -> dict[str, int]:
    """Return the instructions of each call, by title."""
    with tempfile.TemporaryDirectory() as folder:
        requests = Path(folder, "requests.c")
        requests.write_text(REQUESTS)
        library = requests.with_suffix(".so")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, requests], check=True)
        variables = {
            # One level, one thread, and the same layout of dictionaries in each run.
            "IMGCONV_ISA": LEVEL, "IMGCONV_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
            "PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        command = [
            *("valgrind", "--tool=callgrind", "--instr-atstart=no", "--quiet"),
            f"--callgrind-out-file={folder}/out",
            *(sys.executable, __file__, "--only", only, "--child", folder),
        ]
        subprocess.run(command, env=os.environ | variables, check=True)
        return read(Path(folder))


def read(folder: Path) -> dict[str, int]:
    """Return the counts that callgrind has left in a folder: a file for each call, in their order.

    The call's title is the reason of its dump.
    """
    found = {}
    files = [each for each in folder.glob("out.*") if each.suffix[1:].isdigit()]
    for path in sorted(files, key=lambda path: int(path.suffix[1:])):
        head = path.read_text(errors="replace")
        title = re.search(r"^desc: Trigger: Client Request: (.*)$", head, re.MULTILINE)
        total = re.search(r"^(?:summary|totals): (\d+)", head, re.MULTILINE)
        if title and total:
            found[title[1]] = int(total[1])
    return found


def run_calls(folder: Path, only: str) -> None:
    """Run each call under callgrind, which counts from its start to its end."""
    requests = ctypes.CDLL(str(folder / "requests.so"))
    gc.disable()
    for title, call in calls():
        if only in title:
            # Twice before: plans are kept, modules are loaded.
            call()
            call()
            requests.start()
            call()
            requests.stop(title.encode())


def calls() -> Iterator[tuple[str, Any]]:
    """Yield a title and a call for each kind of row in the table of the benchmark."""
    from imgconv.bench.peers import Imgconv
    from imgconv.bench.suite import SUITE

    imgconv, seen = Imgconv(), set()
    imgconv.set_threads(1)
    for row in SUITE:
        windows = [each for each in row.numbers if isinstance(each, int | float)]
        if row.stack or max(windows, default=0) > LARGEST_WINDOW:
            continue
        side = row.shape[0] if row.family == "small" and row.shape[0] < SIDE else SIDE
        small = replace(row, shape=(side, side))
        title = f"{row.title}, {row.dtype} to {row.result_dtype}, {side}x{side}"
        if title not in seen:
            seen.add(title)
            image = small.image()
            prepared = imgconv.prepare(row.work, image, row.result_dtype, row.numbers)
            assert prepared is not None
            yield title, lambda run=prepared.run: run(None)


if __name__ == "__main__":
    sys.exit(main())

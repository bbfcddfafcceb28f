"""Measure the tiles of dense kernels at the level of this processor; write the best to a header.

python pyx/tiles.py

The loop of dense kernels is compiled once for each width of its tiles. Processes with one of these
each run in turn, so that other work on the machine slows all of them.
"""

import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

HEADER = Path(__file__).parent / "tile_sizes.h"
# Vectors side by side that are tried: with more, sums would not stay in registers.
WIDTHS = {"v2": (2, 3), "v3": (2, 3, 4), "v4": (2, 3, 4, 5, 6), "neon": (2, 3, 4, 5, 6)}
# The kernels that decide about each size of a tile.
KERNELS = {"SMALL_WIDE": (3, 5), "TILE_WIDE": (7, 9, 11, 15, 21)}
ROUNDS = 7
# A size is replaced by one that is so many times as fast: less is the noise of a busy machine.
FASTER = 1.03

# What a process does: its arguments are the compiled loop and sizes of kernels.
MEASURE = """
import importlib.util, sys, time
from statistics import median
import numpy as np
import imgconv
from imgconv.core import cpu
name = f"imgconv._loops.{cpu.LEVEL}.float32.correlate"
spec = importlib.util.spec_from_file_location(name, sys.argv[1])
sys.modules[name] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
imgconv.set_num_threads(1)
image, out = np.ones((1024, 1024), np.float32), np.ones((1024, 1024), np.float32)
for size in map(int, sys.argv[2:]):
    kernel, times = np.random.default_rng(0).random((size, size)), []
    for _ in range(6):
        start = time.perf_counter()
        imgconv.correlate(image, kernel, method="direct", out=out)
        times.append(time.perf_counter() - start)
    print(2e-9 * size * size * image.size / median(times[1:]))
"""


def compiled(level: str, wide: int, folder: Path) -> Path:
    """Return the loop, compiled with tiles of so many vectors for all kernels."""
    from distutils.core import run_setup  # that of setuptools

    distribution = run_setup("setup.py", ["--quiet", "build_ext"], stop_after="commandline")
    name = f"imgconv._loops.{level}.float32.correlate"
    extension = next(each for each in distribution.ext_modules if each.name == name)
    extension.define_macros += [(f"{size}_{level}", str(wide)) for size in KERNELS]
    distribution.ext_modules = [extension]
    build = distribution.get_command_obj("build_ext")
    build.build_lib, build.build_temp = str(folder / str(wide)), str(folder / f"objects{wide}")
    build.ensure_finalized()
    build.run()
    return Path(build.get_ext_fullpath(name))


def measured(loop: Path, kernels: Sequence[int]) -> list[float]:
    """Return GFLOP/s of each kernel, in a process of its own."""
    command = [sys.executable, "-c", MEASURE, str(loop), *map(str, kernels)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.split()]


def best(rates: Mapping[int, Sequence[float]], now: int) -> int:
    """Return the width with the largest product of rates; the present one if that is as fast.

    >>> best({2: [50, 50], 3: [40, 90]}, 2)
    3
    >>> best({2: [50, 50], 3: [49, 52]}, 2)
    2
    """
    products = {wide: math.prod(found) ** (1 / len(found)) for wide, found in rates.items()}
    fastest = max(products, key=products.__getitem__)
    return fastest if products[fastest] > FASTER * products.get(now, 0) else now


def replaced(text: str, name: str, wide: int) -> str:
    """Return the header with another size.

    >>> replaced("#define TILE_WIDE_v3 2", "TILE_WIDE_v3", 3)
    '#define TILE_WIDE_v3 3'
    """
    return re.sub(rf"(#define {name}) \d+", rf"\1 {wide}", text)


def main() -> None:
    """Print GFLOP/s by kernel and width, and renew the header."""
    sys.path.insert(0, os.getcwd())
    from imgconv.core import cpu

    level = cpu.LEVEL
    kernels = [kernel for some in KERNELS.values() for kernel in some]
    rates: dict[int, list[list[float]]] = {wide: [] for wide in WIDTHS[level]}
    with tempfile.TemporaryDirectory() as folder:
        loops = {wide: compiled(level, wide, Path(folder)) for wide in rates}
        for _ in range(ROUNDS):
            for wide, loop in loops.items():
                rates[wide].append(measured(loop, kernels))
    medians = {wide: [median(found) for found in zip(*rates[wide], strict=True)] for wide in rates}
    print("vectors", *(f"{k}x{k}".rjust(7) for k in kernels), sep="")
    for wide, found in medians.items():
        print(f"{wide:7}", *(f"{rate:7.1f}" for rate in found), sep="")
    text = HEADER.read_text()
    for size, some in KERNELS.items():
        columns = [kernels.index(kernel) for kernel in some]
        now = int(re.findall(rf"#define {size}_{level} (\d+)", text)[0])
        chosen = best({w: [found[c] for c in columns] for w, found in medians.items()}, now)
        print(f"{size}: {now} -> {chosen}")
        text = replaced(text, f"{size}_{level}", chosen)
    HEADER.write_text(text)


if __name__ == "__main__":
    main()

"""Whole programs, each in a process of its own: `imgconv bench files` and `imgconv bench scripts`.

A row of `files` reads a picture, filters it and writes it, by imgconv's command, by short programs
with other libraries, and by other commands. A row of `scripts` is a program that calls
scikit-image and SciPy, run as it is and by `imgconv run`. Times are those of the whole process,
with the start of Python; memory is the largest of the process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.metadata import version
from importlib.util import find_spec
from math import inf
from pathlib import Path
from shutil import which
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgconv.bench.conditions import Watch
from imgconv.bench.equality import objection
from imgconv.bench.measure import (
    LibraryResult,
    Piece,
    Refusal,
    RowResult,
    Timing,
    difference,
    interleave,
    rounded,
)
from imgconv.bench.peers import PreparedCall
from imgconv.bench.results import MemoryResult, Run, machine
from imgconv.bench.scripts import SCRIPTS, SIDES
from imgconv.bench.suite import Row

Image = NDArray[Any]
# Numbers of threads, for processes that read a variable.
THREADS = ("IMGCONV_NUM_THREADS", "OMP_NUM_THREADS", "VIPS_CONCURRENCY", "MAGICK_THREAD_LIMIT")
# Starts programs and reports their time, memory, processor time and status. It is small, since
# the largest memory of a process is at least that of the one that started it.
STARTER = """
import json, os, sys, time
quiet = [(os.POSIX_SPAWN_OPEN, n, os.devnull, os.O_WRONLY, 0) for n in (1, 2)]
for line in sys.stdin:
    command = json.loads(line)
    start = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=quiet)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - start
    used = usage.ru_utime + usage.ru_stime
    status = os.waitstatus_to_exitcode(status)
    print(json.dumps([seconds, usage.ru_maxrss * 1024, used, status]), flush=True)
"""
OPENCV = """
import sys, cv2
cv2.setNumThreads({threads})
image = cv2.imread(sys.argv[1], cv2.IMREAD_UNCHANGED)
cv2.imwrite(sys.argv[2], cv2.{call}, [cv2.IMWRITE_TIFF_COMPRESSION, 1])
"""
PILLOW = """
import sys
from PIL import Image, ImageFilter
Image.open(sys.argv[1]).filter(ImageFilter.{call}).save(sys.argv[2])
"""
VIPS = """
import sys, pyvips
image = pyvips.Image.new_from_file(sys.argv[1])
image.{call}.cast("uchar").write_to_file(sys.argv[2])
"""
SCIKIT_IMAGE = """
import sys
import numpy as np
from PIL import Image
from {module} import {name}
image = np.asarray(Image.open(sys.argv[1]))
Image.fromarray({call}).save(sys.argv[2])
"""


@dataclass(frozen=True)
class FileCase:
    """A picture that is read, filtered and written.

    `programs` has for each library the template of a Python program and what it calls, `commands`
    the arguments of other commands; a note tells what is not equal. `exact` is the result.
    """

    title: str
    suffix: str
    channels: int
    pipeline: str
    programs: dict[str, tuple[str, dict[str, str], str]]
    commands: dict[str, tuple[tuple[str, ...], str]]
    exact: Callable[[Image], Image]


def gaussian(image: Image) -> Image:
    """Return SciPy's Gaussian in float64."""
    from scipy import ndimage

    smooth: Image = ndimage.gaussian_filter(image.astype(np.float64), 2, axes=(0, 1))
    return smooth


def median(image: Image) -> Image:
    """Return SciPy's median."""
    from scipy import ndimage

    found: Image = ndimage.median_filter(image, 5, axes=(0, 1))
    return found


# A Gaussian of sigma 2 in 17 taps; libvips ends it where the weights are a thousandth.
SMOOTH_PROGRAMS = {
    "OpenCV": (OPENCV, {"call": "GaussianBlur(image, (17, 17), 2)"}, "8-bit weights"),
    "Pillow": (PILLOW, {"call": "GaussianBlur(2)"}, "three boxes"),
    "pyvips": (
        VIPS,
        {"call": 'gaussblur(2, min_ampl=0.001, precision="float").rint()'},
        "",
    ),
    "scikit-image": (
        SCIKIT_IMAGE,
        {
            "module": "skimage.filters",
            "name": "gaussian",
            "call": "np.rint(gaussian(image, 2, preserve_range=True, "
            "channel_axis=-1 if image.ndim == 3 else None)).astype(np.uint8)",
        },
        "",
    ),
}
SMOOTH_COMMANDS = {
    "ImageMagick": (("{source}", "-blur", "8x2", "{target}"), ""),
    "libvips command": (
        ("gaussblur", "{source}", "{target}", "2", "--min-ampl", "0.001"),
        "integer weights",
    ),
}
FILES = (
    *(
        FileCase(
            f"TIFF, {kind}gaussian 2, TIFF",
            ".tif",
            channels,
            "gaussian(sigma=2)",
            SMOOTH_PROGRAMS,
            SMOOTH_COMMANDS,
            gaussian,
        )
        for kind, channels in (("", 1), ("RGB ", 3))
    ),
    FileCase(
        "PNG, median 5x5, PNG",
        ".png",
        1,
        "median(size=5)",
        {
            "OpenCV": (OPENCV, {"call": "medianBlur(image, 5)"}, ""),
            "Pillow": (PILLOW, {"call": "MedianFilter(5)"}, ""),
            "pyvips": (VIPS, {"call": "median(5)"}, ""),
            "scikit-image": (
                SCIKIT_IMAGE,
                {
                    "module": "skimage.filters",
                    "name": "median",
                    "call": "median(image, np.ones((5, 5), bool))",
                },
                "",
            ),
        },
        {
            "ImageMagick": (("{source}", "-statistic", "Median", "5x5", "{target}"), ""),
            "libvips command": (("rank", "{source}", "{target}", "5", "5", "12"), ""),
        },
        median,
    ),
)
# The modules of libraries, and the packages that have their versions.
MODULES = {
    "OpenCV": ("cv2", "opencv-python-headless"),
    "Pillow": ("PIL", "pillow"),
    "pyvips": ("pyvips", "pyvips"),
    "scikit-image": ("skimage", "scikit-image"),
}


class Program(NamedTuple):
    """A command, the file that it writes, and what is not equal in it."""

    command: list[str]
    target: Path
    note: str = ""


class Ran(NamedTuple):
    """What is known of a process that has ended."""

    seconds: float
    nbytes: int
    used: float  # seconds of processors
    status: int


class Starter:
    """Starts programs from a small process."""

    def __init__(self, threads: int) -> None:
        variables = dict.fromkeys(THREADS, str(threads))
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", STARTER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | variables,
        )
        self.used = 0.0
        self.largest: dict[str, int] = {}

    def run(self, name: str, command: Sequence[str]) -> Ran:
        """Run a program to its end."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(list(command)) + "\n")
        self.process.stdin.flush()
        ran = Ran(*json.loads(self.process.stdout.readline()))
        self.used += ran.used
        self.largest[name] = max(self.largest.get(name, 0), ran.nbytes)
        return ran

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


@contextmanager
def starter(threads: int) -> Iterator[Starter]:
    """Start programs that use so many threads."""
    found = Starter(threads)
    try:
        yield found
    finally:
        found.close()


@cache
def tool(name: str) -> str | None:
    """Return the path of ImageMagick's or libvips's command, which says that it is this one."""
    names, word = {
        "ImageMagick": (("magick", "convert"), "ImageMagick"),
        "libvips command": (("vips",), "vips"),
    }[name]
    for each in names:
        path = which(each)
        if path:
            done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
            if done.returncode == 0 and word in done.stdout:
                return path
    return None


def libraries() -> dict[str, str]:
    """Return the versions of what is installed."""
    found = {"imgconv": version("imgconv")}
    for name, (module, package) in MODULES.items():
        if find_spec(module):
            found[name] = version(package)
    for name in SMOOTH_COMMANDS:
        if path := tool(name):
            done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
            found[name] = done.stdout.splitlines()[0].removeprefix("Version: ")[:40]
    return found


def file_programs(case: FileCase, source: Path, folder: Path, threads: int) -> dict[str, Program]:
    """Return the programs of a row that can run here; imgconv's is the first."""
    target = {
        name: folder / f"{name.replace(' ', '-')}{case.suffix}"
        for name in ("imgconv", *case.programs, *case.commands)
    }
    ours = [
        *(sys.executable, "-m", "imgconv", "apply", case.pipeline, str(source)),
        *("-o", str(target["imgconv"]), "--overwrite"),
    ]
    found = {"imgconv": Program(ours, target["imgconv"])}
    for name, (template, words, note) in case.programs.items():
        if find_spec(MODULES[name][0]):
            text = template.format(threads=threads, **words)
            command = [sys.executable, "-c", text, str(source), str(target[name])]
            found[name] = Program(command, target[name], note)
    for name, (arguments, note) in case.commands.items():
        if path := tool(name):
            places = {"source": str(source), "target": str(target[name])}
            command = [path, *(each.format(**places) for each in arguments)]
            found[name] = Program(command, target[name], note)
    return found


def script_programs(title: str, side: int, folder: Path) -> dict[str, Program]:
    """Return a script run by imgconv, and as it is."""
    path = folder / "script.py"
    path.write_text(SCRIPTS[title])
    starts = {
        "imgconv": [sys.executable, "-m", "imgconv", "run"],
        "scikit-image": [sys.executable],
    }
    found = {}
    for name, start in starts.items():
        target = folder / f"{name}.npz"
        found[name] = Program([*start, str(path), str(target), str(side)], target)
    return found


def file_row(case: FileCase, shape: tuple[int, int]) -> Row:
    """Return the row of a case."""
    return Row("files", case.title, "program", (), 0, "uint8", "same", case.channels, shape)


def script_row(title: str, side: int) -> Row:
    """Return the row of a script, which makes its image itself."""
    return Row("scripts", title, "program", (), 0, "float64", "same", 1, (side, side))


def picture(row: Row) -> Image:
    """Return a smooth picture with noise."""
    from scipy import ndimage

    pixels = row.image().astype(np.float32)
    smooth = ndimage.gaussian_filter(pixels, 5, axes=(0, 1))
    smooth = (smooth - smooth.min()) * (215 / np.ptp(smooth))
    noisy: Image = (smooth + pixels * (40 / 255)).astype(np.uint8)
    return noisy


def read_picture(path: Path) -> Image:
    """Return the pixels of a picture."""
    from PIL import Image as Picture

    with Picture.open(path) as image:
        return np.asarray(image)


def apart(case: FileCase, source: Image, program: Program) -> float:
    """Return how far a result is from the exact one, but for the border, where libraries differ."""
    exact = rounded(case.exact(source), source.dtype)
    found = read_picture(program.target)
    if found.shape != exact.shape:
        return inf
    return difference(found, [Piece(slice(None), slice(None), exact)], margin=16)


def script_difference(ours: Program, theirs: Program) -> float:
    """Return the largest difference of any array, as a part of the largest value in it."""
    largest = 0.0
    with np.load(ours.target) as found, np.load(theirs.target) as expected:
        for name in expected.files:
            a, b = found[name], expected[name]
            if a.shape != b.shape:
                return inf
            if b.dtype == np.bool_:
                largest = max(largest, float(np.mean(a != b)))
                continue
            scale = float(np.abs(b).max()) or 1.0
            largest = max(largest, float(np.abs(a.astype(np.float64) - b).max()) / scale)
    return largest


def measure(
    families: Sequence[str], shapes: Sequence[tuple[int, int]], threads: Sequence[int],
    budget: float, only: str | None = None,
) -> Iterator[RowResult | Refusal | MemoryResult]:  # fmt: skip
    """Yield the time and the memory of each row, and what is refused.

    Parameters
    ----------
    families : sequence of str
        "files", "scripts".
    shapes : sequence of (H, W)
        Of the pictures in files. Scripts have sizes of their own, of which these choose.
    threads : sequence of int
    budget : float
        Seconds for each row; each program runs at least three times.
    only : str, optional
        A part of the titles.
    """
    watch = Watch()
    for row, prepare in cases(families, shapes):
        if only is None or only in row.title:
            for count in threads:
                with tempfile.TemporaryDirectory() as folder, starter(count) as start:
                    programs, compare = prepare(Path(folder), count)
                    yield from measure_row(row, count, programs, compare, start, watch, budget)


Compare = Callable[[dict[str, Program], str], float]


def cases(
    families: Sequence[str], shapes: Sequence[tuple[int, int]]
) -> Iterator[tuple[Row, Callable[[Path, int], tuple[dict[str, Program], Compare]]]]:
    """Yield each row, and what makes its programs and compares their results."""
    if "files" in families:
        for shape in shapes:
            for case in FILES:
                row = file_row(case, shape)
                yield row, partial(prepare_files, case, row)
    if "scripts" in families and find_spec("skimage"):
        for side in [side for side in SIDES if (side, side) in shapes] or SIDES:
            for title in SCRIPTS:
                yield script_row(title, side), partial(prepare_script, title, side)


def prepare_files(
    case: FileCase, row: Row, folder: Path, threads: int
) -> tuple[dict[str, Program], Compare]:
    """Write the picture of a row; return its programs."""
    from PIL import Image as Picture

    image, source = picture(row), folder / f"source{case.suffix}"
    Picture.fromarray(image).save(source)
    programs = file_programs(case, source, folder, threads)
    return programs, lambda programs, name: apart(case, image, programs[name])


def prepare_script(
    title: str, side: int, folder: Path, _threads: int
) -> tuple[dict[str, Program], Compare]:
    """Write a script; return its programs."""
    programs = script_programs(title, side, folder)

    def compare(programs: dict[str, Program], name: str) -> float:
        if name == "imgconv":
            return 0.0
        return script_difference(programs["imgconv"], programs[name])

    return programs, compare


def measure_row(
    row: Row, threads: int, programs: dict[str, Program], compare: Compare, start: Starter,
    watch: Watch, budget: float,
) -> Iterator[RowResult | Refusal | MemoryResult]:  # fmt: skip
    """Run each program once and compare its result, then time those that are right, in turn."""
    watch.read()
    differences = {}
    for name, program in programs.items():
        ran = start.run(name, program.command)
        reason = f"it ended with the status {ran.status}" if ran.status else ""
        if not reason and not program.target.exists():
            reason = "it wrote no result"
        if not reason:
            differences[name] = compare(programs, name)
            call = PreparedCall(lambda out: None, program.note)
            reason = objection(row, call, differences[name])
        if reason:
            differences.pop(name, None)
            yield Refusal(row, threads, name, reason)
    if "imgconv" not in differences:
        return
    calls = {name: partial(start.run, name, programs[name].command) for name in differences}
    timings: dict[str, Timing] = interleave(calls, budget)
    watch.helped(start.used)
    found = {
        name: LibraryResult(timings[name], differences[name], programs[name].note)
        for name in differences
    }
    yield RowResult(row, threads, True, found.pop("imgconv"), found, None, watch.read())
    largest = {name: start.largest[name] for name in differences}
    yield MemoryResult(row, threads, largest, whole=True)


def run_of(found: Sequence[RowResult | MemoryResult], threads: Sequence[int]) -> Run:
    """Return the results of programs as a run."""
    about = replace(machine([], [], threads), libraries=libraries())
    return Run(
        about,
        [each for each in found if isinstance(each, RowResult)],
        [each for each in found if isinstance(each, MemoryResult)],
    )

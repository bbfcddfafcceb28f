"""The command `imgconv`: edges of photos, less noise in them, what is installed, how fast it is."""

from __future__ import annotations

import json
import math
import mimetypes
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import imgconv
from imgconv.bench.suite import FAMILIES, Row
from imgconv.cli.extras import require
from imgconv.io import files

if TYPE_CHECKING:
    from rich.console import Console


try:
    import click
except ModuleNotFoundError:
    require("cli", "click")
    raise

from imgconv.cli import apply as batch


class Filter(NamedTuple):
    """What `--filter` names: a function of imgconv and how its result is drawn."""

    function: str
    sigma: float | None = (
        None  # the filter's own scale where it has one; else sigma is a blur before it
    )
    signed: bool = False
    thresholds: tuple[float, float] | None = None  # low and high, as parts of full scale

    def __call__(
        self, image: np.ndarray, sigma: float | None, mode: str, *thresholds: float
    ) -> np.ndarray:
        """Return the edges of a grey image."""
        apply = getattr(imgconv, self.function)
        if self.thresholds:
            sigma = self.sigma if sigma is None else sigma
            return apply(image, sigma, *thresholds, mode=mode).astype(np.float32)
        if self.sigma is not None:
            return apply(image, sigma or self.sigma, mode=mode)
        if sigma:
            # Not rounded to the photo's integers, which would draw contours into smooth shades.
            image = imgconv.gaussian(
                image, sigma, mode=mode, dtype=np.result_type(image, np.float32)
            )
        return apply(image, mode=mode)


FILTERS = {
    "sobel": Filter("sobel"),
    "scharr": Filter("scharr"),
    "prewitt": Filter("prewitt"),
    "farid": Filter("farid"),
    "roberts": Filter("roberts"),
    "laplace": Filter("laplace", signed=True),
    "log": Filter("gaussian_laplace", sigma=2.0, signed=True),
    "dog": Filter("difference_of_gaussians", sigma=1.0, signed=True),
    "canny": Filter("canny", sigma=1.0, thresholds=(0.1, 0.2)),
}
MODES = ("reflect", "mirror", "nearest", "wrap", "constant")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(imgconv.__version__, prog_name="imgconv")
def main() -> None:
    """Fast 2-D image filters on the command line."""
    require("cli", "rich", "PIL", "tifffile", "imagecodecs")


# What all commands on photos have.
PHOTOS = click.argument(
    "photos", metavar="PHOTO...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
OUT = click.option(
    "-o",
    "--out",
    metavar="OUT",
    required=True,
    type=click.Path(path_type=Path),
    help="A .png, .jpg or .tif file for one photo; otherwise a folder, made where missing.",
)
MODE = click.option(
    "--mode",
    type=click.Choice(MODES),
    default="reflect",
    show_default=True,
    help="How the photo goes on beyond its border.",
)
THREADS = click.option(
    "--threads",
    metavar="N",
    type=click.IntRange(min=1),
    help="Threads [default: as `imgconv info` tells].",
)
MAX_MEGAPIXELS = click.option(
    "--max-megapixels",
    metavar="M",
    type=click.FloatRange(min=0, min_open=True),
    default=files.MAX_PIXELS / 1e6,
    show_default=True,
    help="Refuse larger photos.",
)


@main.command()
@PHOTOS
@OUT
@click.option(
    "--filter",
    "name",
    type=click.Choice(list(FILTERS)),
    default="sobel",
    show_default=True,
    help="Which edges: five gradient kernels; the Laplacian, the Laplacian of a Gaussian, "
    "a difference of Gaussians; Canny's thin lines.",
)
@click.option(
    "--sigma",
    metavar="S",
    type=click.FloatRange(min=0, max=1000),
    help="Blur before the kernels and the Laplacian, in pixels [default: none]; "
    "the scale of log [default: 2], dog [default: 1] and canny [default: 1].",
)
@click.option(
    "--low",
    metavar="L",
    type=click.FloatRange(min=0),
    help="Where a line of canny ends, as a part of white [default: 0.1].",
)
@click.option(
    "--high",
    metavar="H",
    type=click.FloatRange(min=0),
    help="What a line of canny must reach somewhere, as a part of white [default: 0.2].",
)
@MODE
@THREADS
@MAX_MEGAPIXELS
def edges(
    photos: tuple[Path, ...],
    out: Path,
    name: str,
    sigma: float | None,
    low: float | None,
    high: float | None,
    mode: str,
    threads: int | None,
    max_megapixels: float,
) -> None:
    """Find the edges of photos.

    imgconv edges photo.jpg -o edges.png

    imgconv edges *.jpg -o edges/ --filter scharr --sigma 1.5

    Reads PNG, JPEG and TIFF, with 8 or 16 bits or floats. Colour becomes luminance, transparent
    pixels show white behind them, and Exif rotation is applied. In a folder, PHOTO.jpg becomes
    PHOTO-sobel.png, and a TIFF photo a TIFF. A photo is never overwritten.

    TIFF holds the filter's values, as float32 in the photo's units. PNG (of 16 bits for photos of
    more than 8) and JPEG hold a picture: zero is black, the 99th percentile and beyond white. For
    laplace, log and dog, which have a sign, zero is mid-grey, and the 99th percentile of the
    absolute values is white or black. The lines of canny are 1 or white, all else is 0 or black.

    Time and megapixels a second are those of the filter alone, without reading and writing.

    The exit code is 1 when any photo failed, 2 for wrong usage.
    """
    chosen = with_thresholds(FILTERS[name], name, low, high)
    zero = chosen.sigma is None or chosen.thresholds is not None
    if sigma is not None and not (math.isfinite(sigma) and (sigma > 0 or zero)):
        raise click.BadParameter(f"{sigma:g} is not a scale of {name}", param_hint="--sigma")
    jobs = results_of(photos, out, lambda photo: f"{photo.stem}-{name}{picture_suffix(photo)}")
    limit = int(max_megapixels * 1e6)
    for_each(
        jobs,
        "edges",
        threads,
        lambda photo, result: find_edges(photo, result, chosen, sigma, mode, limit),
    )


def for_each(
    jobs: dict[Path, Path],
    what: str,
    threads: int | None,
    work: Callable[[Path, Path], tuple[tuple[int, int], float]],
) -> None:
    """Make each photo's result and tell how long it took; leave with exit code 1 if any failed."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(soft_wrap=True, highlight=False, markup=False)
    # Complaints go to stderr; the bar may take that over only where both are the same terminal.
    progress = Progress(
        console=console,
        transient=True,
        redirect_stderr=sys.stderr.isatty(),
        disable=len(jobs) == 1 or not console.is_terminal,
    )
    pixels, seconds, done = 0, 0.0, 0
    with progress, imgconv.threads(threads) if threads else nullcontext():
        for photo, result in progress.track(jobs.items(), description=what):
            try:
                (height, width), took = work(photo, result)
            except (files.PhotoError, MemoryError) as error:
                print(f"imgconv: {click.format_filename(photo)}: {error}", file=sys.stderr)
                continue
            pixels, seconds, done = pixels + height * width, seconds + took, done + 1
            names = " -> ".join(map(click.format_filename, (photo, result)))
            console.print(f"{names}: {width} x {height}, {rate(height * width, took)}")
    if len(jobs) > 1:
        console.print(f"{done} of {len(jobs)} photos, {rate(pixels, seconds)}")
    if done < len(jobs):
        sys.exit(1)


def with_thresholds(chosen: Filter, name: str, low: float | None, high: float | None) -> Filter:
    """Return the filter with the thresholds of the command, where it has any."""
    if chosen.thresholds is None:
        if low is not None or high is not None:
            raise click.UsageError(f"--low and --high are for --filter canny, not {name}")
        return chosen
    least, most = chosen.thresholds
    pair = least if low is None else low, most if high is None else high
    if not (math.isfinite(pair[1]) and pair[0] <= pair[1]):
        raise click.UsageError(f"--low must not be above --high, got {pair[0]:g} and {pair[1]:g}")
    return chosen._replace(thresholds=pair)


def find_edges(
    photo: Path, result: Path, chosen: Filter, sigma: float | None, mode: str, max_pixels: int
) -> tuple[tuple[int, int], float]:
    """Read, filter and write a photo; return its shape and the filter's seconds."""
    read = files.read(photo, max_pixels)
    image = files.grey(read)
    white = files.full_scale(read.pixels.dtype)
    thresholds = [part * white for part in chosen.thresholds or ()]
    chosen(image[:8, :8], sigma, mode, *thresholds)  # loads the loops: not the filter's time
    start = time.perf_counter()
    edges = chosen(image, sigma, mode, *thresholds)
    seconds = time.perf_counter() - start
    suffix = result.suffix.lower()
    if suffix in files.TIFF:
        drawn = edges.astype(np.float32, copy=False)
    else:
        coarse = suffix in files.JPEG or read.pixels.dtype in (np.uint8, np.bool_)
        drawn = files.picture(edges, chosen.signed, np.uint8 if coarse else np.uint16)
    files.write(result, drawn)
    return image.shape, seconds


class Denoiser(NamedTuple):
    """What `denoise --filter` names: a function of imgconv, its usual window and its arguments."""

    function: str
    size: int
    words: Callable[[np.ndarray, int, float], dict[str, Any]]

    def __call__(self, colours: np.ndarray, size: int, apart: float, mode: str) -> np.ndarray:
        """Return the colours with differences below `apart` smoothed."""
        words = self.words(colours, size, apart)
        clean: np.ndarray = getattr(imgconv, self.function)(
            colours, **words, mode=mode, channel_axis=-1
        )
        return clean


DENOISERS = {
    # Two standard deviations fit into the window.
    "bilateral": Denoiser(
        "bilateral",
        9,
        lambda _colours, size, apart: {
            "win_size": size,
            "sigma_color": apart,
            "sigma_spatial": max(size - 1, 1) / 4,
        },
    ),
    "median": Denoiser("median", 3, lambda _colours, size, _apart: {"size": size}),
    # Every channel guides itself.
    "guided": Denoiser(
        "guided",
        9,
        lambda colours, size, apart: {"guide": colours, "radius": size // 2, "eps": apart**2},
    ),
}


def odd(_context: click.Context, _option: click.Parameter, size: int | None) -> int | None:
    """Check `--size`."""
    if size is not None and size % 2 == 0:
        raise click.BadParameter(f"{size} is not odd")
    return size


@main.command()
@PHOTOS
@OUT
@click.option(
    "--filter",
    "name",
    type=click.Choice(list(DENOISERS)),
    default="bilateral",
    show_default=True,
    help="The mean of what looks alike, the median, or lines fitted to the photo itself.",
)
@click.option(
    "--size",
    metavar="N",
    type=click.IntRange(min=1, max=1001),
    callback=odd,
    help="Height and width of the window, odd [default: 9 pixels, 3 for median].",
)
@click.option(
    "--strength",
    metavar="P",
    type=click.FloatRange(min=0, min_open=True, max=1000),
    default=10.0,
    show_default=True,
    help="How much noise there is, in percent of white: differences below are smoothed, those "
    "above are kept. Not for median.",
)
@MODE
@THREADS
@MAX_MEGAPIXELS
def denoise(
    photos: tuple[Path, ...],
    out: Path,
    name: str,
    size: int | None,
    strength: float,
    mode: str,
    threads: int | None,
    max_megapixels: float,
) -> None:
    """Take the noise out of photos and keep their edges.

    imgconv denoise photo.jpg -o clean.jpg

    imgconv denoise *.png -o clean/ --filter median --size 5

    Reads and writes PNG, JPEG and TIFF, with 8 or 16 bits or floats, grey and colour; Exif rotation
    is applied. In a folder a result has the photo's name and format, and it has the photo's depth
    where the format can: JPEG has 8 bits, PNG 16 for everything else. White is the largest integer
    or 1.0. Transparency stays as it is; JPEG has none and shows white behind it. A photo is never
    overwritten.

    Time and megapixels a second are those of the filter alone, without reading and writing.

    The exit code is 1 when any photo failed, 2 for wrong usage.
    """
    chosen = DENOISERS[name]
    if not math.isfinite(strength):
        raise click.BadParameter(f"{strength:g} is not a strength", param_hint="--strength")
    jobs = results_of(
        photos, out, lambda photo: photo.stem + (known_suffix(photo) or picture_suffix(photo))
    )
    limit = int(max_megapixels * 1e6)
    for_each(
        jobs,
        "denoise",
        threads,
        lambda photo, result: take_noise_out(
            photo, result, chosen, size or chosen.size, strength, mode, limit
        ),
    )


def take_noise_out(
    photo: Path,
    result: Path,
    chosen: Denoiser,
    size: int,
    strength: float,
    mode: str,
    max_pixels: int,
) -> tuple[tuple[int, int], float]:
    """Read, filter and write a photo; return its shape and the filter's seconds."""
    read = files.read(photo, max_pixels)
    colours, opacity = files.split(read)
    apart = strength / 100 * files.full_scale(colours.dtype)
    chosen(colours[:8, :8], size, apart, mode)  # loads the loops, which is not the filter's time
    start = time.perf_counter()
    clean = chosen(colours, size, apart, mode)
    seconds = time.perf_counter() - start
    files.write_photo(result, files.join(clean, opacity, read.alpha))
    return colours.shape[:2], seconds


def known_suffix(photo: Path) -> str:
    """Return the suffix of a photo, if results can have it."""
    return photo.suffix if photo.suffix.lower() in files.SUFFIXES else ""


def results_of(
    photos: tuple[Path, ...], out: Path, name: Callable[[Path], str]
) -> dict[Path, Path]:
    """Return each photo's result, none of them in the place of a photo or of another result.

    `name` is called for the name of a photo's result in a folder.
    """
    photos = tuple(dict.fromkeys(photos))
    kinds = " ".join(files.SUFFIXES)
    into_file = out.suffix.lower() in files.SUFFIXES and not out.is_dir()
    if into_file and len(photos) > 1:
        raise click.UsageError(f"-o {out} is one file for {len(photos)} photos; name a folder")
    if not into_file and not out.is_dir():
        if (mimetypes.guess_type(out.name)[0] or "").startswith("image/"):
            raise click.UsageError(f"-o {out}: results are written as {kinds}")
        if out.exists():
            raise click.UsageError(f"-o {out} is neither a folder nor a {kinds} file")
    jobs: dict[Path, Path] = {}
    origin: dict[Path, Path] = {}
    for photo in photos:
        result = out if into_file else out / name(photo)
        if result in origin:
            raise click.UsageError(f"{origin[result]} and {photo} would both become {result}")
        if any(same_file(result, other) for other in photos):
            raise click.UsageError(f"{result} is one of the photos, which are never overwritten")
        jobs[photo], origin[result] = result, photo
    return jobs


def picture_suffix(photo: Path) -> str:
    """Return the suffix of a picture of a photo: TIFF for TIFF, PNG for all others."""
    return ".tif" if photo.suffix.lower() in files.TIFF else ".png"


def same_file(a: Path, b: Path) -> bool:
    """Return whether two names lead to one existing file."""
    try:
        return a.samefile(b)
    except OSError:
        return False


def rate(pixels: int, seconds: float) -> str:
    """Return time and speed in words.

    >>> rate(2_000_000, 0.004)
    '4 ms, 500 MP/s'
    """
    return f"{seconds * 1e3:.3g} ms, {pixels / 1e6 / seconds if seconds else 0:.3g} MP/s"


main.add_command(batch.apply)


@main.command()
def info() -> None:
    """Show the version, instruction sets, threads and more."""
    from rich.console import Console

    from imgconv.core.config import config

    console = Console(soft_wrap=True, highlight=False, markup=False)
    for line in outline(config()):
        console.print(line)


def outline(values: dict[str, Any], indent: str = "") -> Iterator[str]:
    """Yield the lines of a nested dict, each level's values in one column.

    >>> for line in outline({"level": "v3", "threads": {"now": 2, "openmp": True}}):
    ...     print(line)
    level    v3
    threads
      now     2
      openmp  yes
    """
    width = max(map(len, values), default=0)
    for key, value in values.items():
        if isinstance(value, dict):
            yield indent + key
            yield from outline(value, indent + "  ")
        else:
            yield f"{indent}{key:{width}}  {plain(value)}"


def plain(value: Any) -> str:
    """Return a value as a person writes it.

    >>> plain(True), plain(None), plain(["v2", "v3"])
    ('yes', '-', 'v2, v3')
    """
    if value is None or isinstance(value, bool):
        return {True: "yes", False: "no", None: "-"}[value]
    return ", ".join(map(plain, value)) if isinstance(value, list | tuple) else str(value)


def sizes(_context: click.Context, _option: click.Parameter, text: str) -> list[tuple[int, int]]:
    """Parse `--size`: HEIGHTxWIDTH, separated by commas."""
    found = []
    for part in text.split(","):
        match = re.fullmatch(r"([1-9]\d{0,5})x([1-9]\d{0,5})", part.strip())
        if not match:
            raise click.BadParameter(f"{part!r} is not HEIGHTxWIDTH")
        found.append((int(match[1]), int(match[2])))
    return found


def counts(_context: click.Context, _option: click.Parameter, text: str | None) -> list[int]:
    """Parse `--threads`: positive numbers, separated by commas."""
    if text is None:
        return sorted({1, imgconv.get_num_threads()})
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
        raise click.BadParameter(f"{text!r} is not a list of positive numbers")
    return list(dict.fromkeys(map(int, parts)))


def dtypes(_context: click.Context, _option: click.Parameter, text: str) -> list[str]:
    """Parse `--dtype`: names, separated by commas."""
    names = [part.strip() for part in text.split(",") if part.strip()]
    for name in names:
        if name not in DTYPES:
            raise click.BadParameter(f"{name!r} is not one of {', '.join(DTYPES)}")
    return names


PLOTS = (".png", ".svg", ".pdf")
DTYPES = ("uint8", "uint16", "float32", "float64")
A_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


# Families whose rows are not filters of one image.
ALONE = ("faces", "layers", "pipelines")


@main.command()
@click.argument(
    "families",
    metavar="[FAMILY]...",
    nargs=-1,
    type=click.Choice((*FAMILIES, *ALONE)),
)
@click.option(
    "--threads",
    metavar="N,...",
    callback=counts,
    help="Numbers of threads, for all libraries [default: 1 and all].",
)
@click.option(
    "--size",
    "shapes",
    metavar="HxW,...",
    callback=sizes,
    default="2048x2048,1811x2203",
    show_default=True,
    help="Image sizes.",
)
@click.option(
    "--dtype",
    "names",
    metavar="T,...",
    callback=dtypes,
    default="",
    help="Dtypes of the images, in place of each family's own.",
)
@click.option(
    "--out",
    "ready",
    is_flag=True,
    help="Measure results into existing arrays too, where a library can.",
)
@click.option(
    "--memory",
    is_flag=True,
    help="Measure memory instead of time: what imgconv takes beyond image and result.",
)
@click.option(
    "--budget",
    metavar="S",
    type=click.FloatRange(min=0, max=3600),
    default=1.0,
    show_default=True,
    help="Seconds for each row (a library runs at least three times; once, where that alone takes "
    "four times as long).",
)
@click.option(
    "--json", "json_file", metavar="F", type=A_FILE, help="Write all figures to a JSON file."
)
@click.option(
    "--plot", "plot_file", metavar="F", type=A_FILE, help="Draw them: .png, .svg or .pdf."
)
@click.option(
    "--markdown",
    "markdown_files",
    metavar="F",
    type=A_FILE,
    multiple=True,
    help="Put tables into a file: all rows between <!-- bench --> and <!-- /bench -->, a summary "
    "between <!-- bench families --> and <!-- /bench families -->. Can be given again.",
)
def bench(
    families: tuple[str, ...],
    threads: list[int],
    shapes: list[tuple[int, int]],
    names: list[str],
    ready: bool,
    memory: bool,
    budget: float,
    json_file: Path | None,
    plot_file: Path | None,
    markdown_files: tuple[Path, ...],
) -> None:
    """Measure imgconv beside other libraries.

    imgconv bench

    imgconv bench correlate edges --threads 1 --size 1024x1024 --plot bench.png

    FAMILY is correlate, kernels, gaussian, large, edges, box, pool, canny, denoise, uint8, uint16,
    colour, small, stack or float64; all of them take many minutes. Measured alone: faces, beside
    their originals, function by function; layers, of imgconv.nn, forward and backward; pipelines,
    beside the same in OpenCV and their steps one by one, their memory, and dask workers.

    SciPy, scikit-image, OpenCV, PyTorch and DIPlib, as far as installed, run on the same arrays in
    one process, in turn; medians are compared. Work that is not equal is marked.
    """
    from rich.console import Console
    from rich.progress import Progress

    from imgconv.bench import measure, peers, report, suite

    check_outputs(json_file, plot_file, markdown_files)
    # A pipe gets whole tables, however wide.
    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 180)
    if set(families) & set(ALONE):
        show_alone(families, shapes, threads, names, budget, console)
        return
    installed, missing = peers.installed()
    rows = suite.rows(families, shapes, names)
    outputs = (True, False) if ready else (True,)
    if memory:
        show_memory(rows, threads, console)
        return
    stderr = Console(stderr=True)
    results = []
    with Progress(console=stderr, transient=True, disable=not stderr.is_terminal) as progress:
        task = progress.add_task("limits", total=len(rows) * len(threads) * len(outputs))
        about = report.machine(installed, missing, threads)
        try:
            for result in measure.measure(rows, installed, threads, budget, outputs):
                results.append(result)
                progress.update(task, advance=1, description=report.label(result))
        except KeyboardInterrupt:
            print("imgconv: stopped; what follows is measured so far", file=sys.stderr)
    report.show(results, about, console)
    if json_file:
        json_file.write_text(json.dumps(report.as_json(results, about), indent=1) + "\n")
    for path in markdown_files:
        path.write_text(report.filled(path.read_text(), results, about))
    if plot_file:
        from imgconv.bench.plot import plot

        plot(results, about, plot_file)


def show_alone(
    families: tuple[str, ...],
    shapes: list[tuple[int, int]],
    threads: list[int],
    names: list[str],
    budget: float,
    console: Console,
) -> None:
    """Measure and print a family that has a table of its own."""
    family, *others = families
    if others:
        raise click.UsageError(f"{' and '.join(ALONE)} are measured alone")
    if family == "faces":
        from imgconv.bench import faces

        console.print(faces.table(list(faces.measure(shapes, threads, names, budget))))
    elif family == "layers":
        from imgconv.bench import layers

        console.print(layers.table(list(layers.measure(layers.CASES, threads, budget))))
    else:
        from imgconv.bench import pipelines

        pipelines.run(threads, budget, console)


@main.command(
    "run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
@click.option("-m", "--module", "as_module", is_flag=True, help="PROGRAM is a module.")
@click.option("--only", "only", metavar="NAME", multiple=True, help="Patch this alone; repeatable.")
@click.option("--report", is_flag=True, help="Tell on stderr what was called, and handed on.")
@click.argument("program")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run_program(
    as_module: bool, only: tuple[str, ...], report: bool, program: str, arguments: tuple[str, ...]
) -> None:
    """Run a Python program with imgconv in place of SciPy's and scikit-image's filters.

    imgconv run script.py ARGUMENTS

    imgconv run --report -m pytest --pyargs scipy.ndimage.tests.test_filters

    Experimental. The program is run as Python would run it, after `imgconv.patch()`; its exit code
    is that of the command.
    """
    from imgconv import running

    try:
        imgconv.patch(only or None)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--only") from None
    sys.exit(running.run(program, arguments, as_module, report))


def show_memory(rows: list[Row], threads: list[int], console: Console) -> None:
    """Measure and print the memory of each row."""
    from imgconv.bench import memory

    if not memory.available():
        raise click.UsageError("--memory: this system does not tell what a process has used")
    console.print(memory.table(list(memory.measure(rows, threads))))


def check_outputs(
    json_file: Path | None, plot_file: Path | None, markdown_files: tuple[Path, ...]
) -> None:
    """Refuse files that could not be written, before minutes are spent on what they are to hold."""
    from imgconv.bench.report import check_places

    for path in (json_file, plot_file):
        if path and not path.parent.is_dir():
            raise click.UsageError(f"{path}: no folder {path.parent}")
    if plot_file:
        require("bench", "matplotlib")
        if plot_file.suffix.lower() not in PLOTS:
            raise click.UsageError(f"--plot {plot_file}: a plot is a {' '.join(PLOTS)} file")
    for path in markdown_files:
        try:
            check_places(path.read_text())
        except (OSError, ValueError) as error:
            raise click.UsageError(f"--markdown {path}: {error}") from None

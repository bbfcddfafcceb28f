"""`imgconv apply`: a pipeline on files, folders and pictures larger than memory."""

from __future__ import annotations

import glob
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

import imgconv
from imgconv.cli.extras import require
from imgconv.cli.jobs import ZARR, Done, Job
from imgconv.io import files
from imgconv.io.files import Photo, PhotoError
from imgconv.pipeline import Pipeline
from imgconv.pipeline.store import TOML, YAML

FLOATS = ("stretch", "image", "one")


class Work(NamedTuple):
    """What is done to every picture."""

    pipeline: Pipeline
    floats: str
    max_pixels: int


@click.command()
@click.argument("pipeline", metavar="PIPELINE")
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option("-o", "--out", metavar="OUT", type=click.Path(path_type=Path),
              help="A .png, .jpg, .tif or .zarr for one picture; otherwise a folder.")  # fmt: skip
@click.option("--skip-existing", is_flag=True, help="Leave out what has a result already.")
@click.option("--floats", type=click.Choice(FLOATS), default="stretch", show_default=True,
              help="How results that are floats become 8 or 16 bits.")  # fmt: skip
@click.option("--preview", metavar="F", type=click.Path(path_type=Path),
              help="Write a sheet of what each step makes of the one picture.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Show plan, halo, memory and cost; do nothing.")
@click.option("-j", "--jobs", metavar="N", type=click.IntRange(min=1),
              help="Pictures at once [default: the number of threads].")  # fmt: skip
@click.option("--threads", metavar="N", type=click.IntRange(min=1),
              help="Threads in all [default: as `imgconv info` tells].")  # fmt: skip
@click.option("--max-megapixels", metavar="M", type=click.FloatRange(min=0, min_open=True),
              default=files.MAX_PIXELS / 1e6, show_default=True,
              help="Refuse larger pictures, unless the result is .zarr.")  # fmt: skip
@click.option("--chunk", metavar="N", type=click.IntRange(min=64, max=65536), default=2048,
              show_default=True, help="Side of the pieces in which a .zarr is made.")  # fmt: skip
@click.option("--scheduler", metavar="ADDRESS",
              help="A dask scheduler, tcp://..., for a .zarr result.")  # fmt: skip
def apply(
    pipeline: str,
    inputs: tuple[str, ...],
    out: Path | None,
    skip_existing: bool,
    floats: str,
    preview: Path | None,
    dry_run: bool,
    jobs: int | None,
    threads: int | None,
    max_megapixels: float,
    chunk: int,
    scheduler: str | None,
) -> None:
    """Run a pipeline on pictures.

    imgconv apply 'gaussian(sigma=1.5) | sobel' photo.jpg -o edges.png

    imgconv apply chain.toml photos/ 'more/*.tif' -o results/

    imgconv apply 'median(size=5)' huge.tif -o huge.zarr

    PIPELINE is a text, or a .toml or .yaml file with a list of steps. A step is a filter of imgconv
    or one of grey, scale, clip, gamma, invert, absolute, normalize, threshold, astype, magnitude.

    INPUT is a picture (PNG, JPEG, TIFF of one or many pages, zarr), a folder with all that is below
    it, or a pattern. Results keep name, format and place below OUT. A result is written whole or
    not at all, and a picture is never overwritten.

    Colours are filtered one by one and transparency stays as it is, unless the pipeline begins with
    grey: then transparent pixels show white behind them.

    Results that are integers are written as they are, and bool as black and white. Floats stay what
    they are in TIFF and zarr. Elsewhere they become 8 bits (16 where the picture has more): with
    --floats stretch, 0 is black and the 99th percentile of the absolute values white, or, where
    there are negative values, zero is mid-grey; with image, white is that of the picture; with
    one, it is 1.

    The exit code is 1 when any picture failed, 2 for wrong usage.
    """
    chain = pipeline_of(pipeline)
    work = Work(chain, floats, int(max_megapixels * 1e6))
    sources = list(dict.fromkeys(pictures(inputs)))
    if not sources:
        raise click.UsageError("no picture among the inputs")
    if preview is not None:
        show_steps(work, sources, preview)
    if out is None:
        if preview is None and not dry_run:
            raise click.UsageError("-o OUT is missing")
        if not dry_run:
            return
    listed = [] if out is None else jobs_of(sources, out)
    skipped = [job for job in listed if skip_existing and job.result.exists()]
    todo = [job for job in listed if job not in skipped]
    lazy = [job for job in todo if job.result.suffix.lower() == ZARR or is_zarr(job.source)]
    if lazy:
        require("dask", "dask", "distributed", "zarr")
    if dry_run:
        show_plans(work, todo or [Job(path, Path()) for path, _ in sources], chunk)
        return
    count = threads or imgconv.get_num_threads()
    if scheduler and not lazy:
        raise click.UsageError("--scheduler is for a .zarr result")
    if lazy:
        from imgconv.io import huge

        large = [huge.run(job, chain, chunk, count, scheduler) for job in lazy]
    else:
        large = []
    plain = [job for job in todo if job not in lazy]
    report([*large, *run_all(work, plain, jobs or count, count)], len(skipped))


def pipeline_of(text: str) -> Pipeline:
    """Return the pipeline of an argument: a text, or a file."""
    try:
        if Path(text).suffix.lower() in TOML + YAML and "(" not in text:
            return Pipeline.load(text)
        return Pipeline(text)
    except OSError as error:
        raise click.BadParameter(f"{text}: {error.strerror}", param_hint="PIPELINE") from None
    except ValueError as error:
        message = str(error)
        if "column" in message and "\n" not in text:
            column = int(message.split("column ")[1].split(":")[0].split(",")[0])
            message += f"\n\n  {text}\n  {' ' * (column - 1)}^"
        raise click.BadParameter(message, param_hint="PIPELINE") from None


# ---- which pictures ------------------------------------------------------------------------------


def pictures(inputs: tuple[str, ...]) -> Iterator[tuple[Path, Path]]:
    """Yield every picture, and its place below the output folder."""
    for name in inputs:
        path = Path(name)
        if path.is_dir() and not is_zarr(path):
            yield from below(path)
        elif path.exists() or not glob.has_magic(name):
            yield path, Path(path.name)
        else:
            found = sorted(glob.glob(name, recursive=True))
            if not found:
                raise click.UsageError(f"{name}: no such picture")
            for each in map(Path, found):
                if each.is_dir() and not is_zarr(each):
                    yield from below(each)
                else:
                    yield each, Path(each.name)


def below(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the pictures of a folder and its folders, hidden ones left out."""
    for parent, folders, names in os.walk(folder):
        arrays = [name for name in folders if is_zarr(Path(parent) / name)]
        folders[:] = sorted(
            name for name in folders if name not in arrays and not name.startswith(".")
        )
        for name in sorted([*names, *arrays]):
            suffix = Path(name).suffix.lower()
            if suffix in (*files.SUFFIXES, ZARR) and not name.startswith("."):
                path = Path(parent) / name
                yield path, path.relative_to(folder)


def is_zarr(path: Path) -> bool:
    """Whether a path is a zarr array."""
    return path.suffix.lower() == ZARR or files.is_zarr(path)


def jobs_of(sources: list[tuple[Path, Path]], out: Path) -> list[Job]:
    """Return each picture's result, none of them in the place of a picture or another result."""
    kinds = (*files.SUFFIXES, ZARR)
    into_file = out.suffix.lower() in kinds and (not out.is_dir() or is_zarr(out))
    if into_file and len(sources) > 1:
        raise click.UsageError(f"-o {out} is one file for {len(sources)} pictures; name a folder")
    if not into_file and out.exists() and not out.is_dir():
        raise click.UsageError(f"-o {out} is neither a folder nor a {' '.join(kinds)} file")
    taken = {path.resolve() for path, _ in sources}
    origin: dict[Path, Path] = {}
    for path, place in sources:
        result = out if into_file else out / place
        if result.suffix.lower() not in kinds:
            result = result.with_name(f"{result.name}.png")
        if result in origin:
            raise click.UsageError(f"{origin[result]} and {path} would both become {result}")
        if result.resolve() in taken:
            raise click.UsageError(f"{result} is one of the pictures, which are never overwritten")
        origin[result] = path
    return [Job(path, result) for result, path in origin.items()]


# ---- one picture ---------------------------------------------------------------------------------


def filtered(work: Work, photo: Photo, suffix: str) -> Photo:
    """Return what the pipeline makes of a photo, as a file with this suffix can hold it."""
    colours, opacity = files.split(photo)
    channel_axis = -1 if colours.shape[2] > 1 else None
    image = colours if channel_axis else colours[..., 0]
    plan = work.pipeline.plan(image.shape, image.dtype, channel_axis=channel_axis)
    if isinstance(plan.dtype, tuple):
        raise PhotoError(
            f"the pipeline gives {len(plan.dtype)} images; magnitude makes one of them"
        )
    if opacity is not None and (begins_grey(work.pipeline) or plan.shape[:2] != image.shape[:2]):
        image, opacity = files.over_white(photo).reshape(image.shape), None
    result = drawable(
        work.pipeline(image, channel_axis=channel_axis), image.dtype, work.floats, suffix
    )
    if opacity is None:
        return Photo(result, None)
    if result.dtype.kind == "u":
        opacity = files.rescale(opacity, result.dtype.type)
    else:
        opacity = (opacity / files.full_scale(opacity.dtype)).astype(result.dtype)
    colours = result if result.ndim == 3 else result[..., None]
    return files.join(colours, opacity, photo.alpha)


def begins_grey(pipeline: Pipeline) -> bool:
    """Whether a pipeline begins with grey."""
    return pipeline.steps[0].name == "grey"


def drawable(result: np.ndarray, source: np.dtype, floats: str, suffix: str) -> np.ndarray:
    """Return a result as a file can hold it: bool as black and white, floats as integers."""
    if result.dtype.kind == "b":
        return result.astype(np.uint8) * np.uint8(255)
    if result.dtype.kind != "f" or suffix in files.TIFF:
        return result
    coarse = suffix in files.JPEG or source.itemsize == 1
    dtype: Any = np.uint8 if coarse else np.uint16
    if floats == "stretch":
        return files.picture(result, bool((result < 0).any()), dtype)
    white = files.full_scale(source) if floats == "image" else 1.0
    return files.rescale(result / result.dtype.type(white), dtype)


def run_one(work: Work, job: Job) -> Done:
    """Read, filter and write a picture; tell what went wrong, if anything did."""
    begun = time.perf_counter()
    try:
        about = files.about(job.source)
        suffix = job.result.suffix.lower()
        if about.pages > 1 and suffix in files.TIFF:
            large = math.prod(about.shape) * about.pages * 8 > files.LARGE_TIFF
            files.write_pages(job.result, pages(work, job.source, about.pages, suffix), large)
        else:
            photo = files.read(job.source, work.max_pixels)
            files.write_photo(job.result, filtered(work, photo, suffix))
    except (PhotoError, ValueError, TypeError, MemoryError) as error:
        return Done(job, str(error) or "too large for this machine's memory")
    pixels = math.prod(about.shape[:2]) * about.pages
    return Done(job, "", pixels, time.perf_counter() - begun)


def pages(work: Work, source: Path, count: int, suffix: str) -> Iterator[Photo]:
    """Yield the results of all pages of a file."""
    for page in range(count):
        yield filtered(work, files.read(source, work.max_pixels, page), suffix)


# ---- all pictures --------------------------------------------------------------------------------


def run_all(work: Work, jobs: list[Job], at_once: int, threads: int) -> list[Done]:
    """Run all jobs, some at once, and draw a bar; stop quietly when interrupted."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    if not jobs:
        return []
    at_once = min(at_once, len(jobs))
    each = max(1, threads // at_once)
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    found: list[Done] = []
    begun, pixels = time.perf_counter(), 0
    with bar, ThreadPoolExecutor(at_once, thread_name_prefix="imgconv-files") as pool:
        task = bar.add_task("apply", total=len(jobs), rate="")
        try:
            for done in as_they_end(pool, lambda job: quietly(work, job, each), jobs, 2 * at_once):
                found.append(done)
                pixels += done.pixels
                speed = pixels / 1e6 / (time.perf_counter() - begun)
                bar.update(task, advance=1, rate=f"{speed:.3g} MP/s")
        except KeyboardInterrupt:
            pool.shutdown(wait=True, cancel_futures=True)
            bar.stop()
            report(found, 0, left=len(jobs) - len(found))
            raise SystemExit(130) from None
    return found


def quietly(work: Work, job: Job, threads: int) -> Done:
    """Run a job on so many threads."""
    with imgconv.threads(threads):
        return run_one(work, job)


def as_they_end(
    pool: ThreadPoolExecutor, work: Callable[[Job], Done], jobs: list[Job], ahead: int
) -> Iterator[Done]:
    """Yield results as they come, with a few jobs waiting."""
    waiting: set[Future[Done]] = set()
    for job in jobs:
        waiting.add(pool.submit(work, job))
        if len(waiting) >= ahead:
            ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in ended)
    while waiting:
        ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        yield from (future.result() for future in ended)


def report(found: list[Done], skipped: int, left: int = 0) -> None:
    """Tell what was done and what failed and why; leave with exit code 1 if anything failed."""
    failed = [done for done in found if done.error]
    good = [done for done in found if not done.error]
    for done in failed:
        print(f"imgconv: {click.format_filename(done.job.source)}: {done.error}", file=sys.stderr)
    pixels, seconds = sum(d.pixels for d in good), sum(d.seconds for d in good)
    words = [f"{len(good)} done"]
    words += [f"{pixels / 1e6:.3g} MP in {seconds:.3g} s"] if good else []
    words += [f"{skipped} skipped"] if skipped else []
    words += [f"{len(failed)} failed"] if failed else []
    words += [f"{left} not begun"] if left else []
    click.echo(", ".join(words))
    if failed:
        raise SystemExit(1)


# ---- looking before ------------------------------------------------------------------------------


def show_steps(work: Work, sources: list[tuple[Path, Path]], sheet: Path) -> None:
    """Write a sheet of what each step makes of a picture."""
    if len(sources) > 1:
        raise click.UsageError(f"--preview is for one picture, got {len(sources)}")
    if sheet.suffix.lower() not in files.SUFFIXES:
        raise click.UsageError(f"--preview {sheet}: a sheet is a {' '.join(files.SUFFIXES)} file")
    try:
        photo = files.read(sources[0][0], work.max_pixels)
        colours = files.over_white(photo)
        channel_axis = -1 if colours.shape[2] > 1 else None
        image = colours if channel_axis else colours[..., 0]
        steps = work.pipeline.preview(image, channel_axis=channel_axis, size=360)
        files.write(sheet, labelled(steps.pictures))
    except (PhotoError, ValueError, TypeError) as error:
        raise click.ClickException(f"{sources[0][0]}: {error}") from None
    click.echo(f"{sheet}: {len(steps.pictures)} pictures")


def labelled(pictures: tuple[tuple[str, np.ndarray], ...], columns: int = 3) -> np.ndarray:
    """Return pictures on one sheet, each with its text below."""
    import PIL.Image
    import PIL.ImageDraw

    from imgconv.pipeline.show import as_rgb

    line, gap = 18, 12
    width = max(picture.shape[1] for _, picture in pictures)
    height = max(picture.shape[0] for _, picture in pictures) + line
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    size = columns * (width + gap) + gap, rows * (height + gap) + gap
    sheet = PIL.Image.new("RGB", size, "white")
    pen = PIL.ImageDraw.Draw(sheet)
    for place, (text, picture) in enumerate(pictures):
        left = gap + place % columns * (width + gap)
        top = gap + place // columns * (height + gap)
        sheet.paste(PIL.Image.fromarray(as_rgb(picture)), (left, top))
        letters = width // 6
        short = text if len(text) <= letters else f"{text[: letters - 3]}..."
        pen.text((left, top + picture.shape[0] + 2), short, fill="black")
    return np.asarray(sheet)


def show_plans(work: Work, jobs: list[Job], chunk: int) -> None:
    """Print a plan for each kind of picture, and what would become what."""
    seen: dict[Any, int] = {}
    failed = 0
    for job in jobs:
        try:
            about = huge_about(job.source) if is_zarr(job.source) else files.about(job.source)
            shape = about.shape
            opaque = len(shape) > 2 and shape[2] in {2, 4}
            shape = (*shape[:2], shape[2] - 1) if opaque else shape
            shape = shape[:2] if len(shape) > 2 and shape[2] == 1 else shape
            channel_axis = -1 if len(shape) > 2 else None
            key = shape, about.dtype
            if key not in seen:
                plan = work.pipeline.plan(shape, about.dtype, channel_axis=channel_axis)
                click.echo(f"{plan!r}\n")
            seen[key] = seen.get(key, 0) + 1
            arrow = f" -> {job.result}" if job.result != Path() else ""
            many = f", {about.pages} pages" if about.pages > 1 else ""
            click.echo(f"{job.source}{arrow}: {shape[1]} x {shape[0]} {about.dtype}{many}")
        except (PhotoError, ValueError, TypeError) as error:
            print(f"imgconv: {job.source}: {error}", file=sys.stderr)
            failed += 1
    if failed:
        raise SystemExit(1)


def huge_about(path: Path) -> files.About:
    """Return what a zarr array holds."""
    from imgconv.io import huge

    return huge.about(path)

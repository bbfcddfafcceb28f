"""`imgconv apply`: a pipeline on files, folders and pictures larger than memory."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

import imgconv
from imgconv import io
from imgconv.cli import sheet
from imgconv.cli.extras import require
from imgconv.cli.images import prepared
from imgconv.cli.jobs import Job, Source, find_pictures, jobs_for
from imgconv.cli.runner import Done, attempt, exit_if_failed, run_together, summarize
from imgconv.io import tiff, zarr

if TYPE_CHECKING:
    from imgconv.pipeline import Pipeline

FLOATS = ("stretch", "image", "one")


@click.command(
    "apply",
    epilog="""\b
Examples:
  imgconv apply 'gaussian(sigma=1.5) | sobel' photo.jpg -o edges.png
  imgconv apply chain.toml photos/ 'more/*.tif' -o results/
  imgconv apply 'median(size=5)' huge.tif -o huge.zarr
""",
)
@click.argument("pipeline", metavar="PIPELINE")
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option(
    "-o",
    "--out",
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="Where to write: a .png, .jpg, .tif or .zarr for one picture, otherwise a "
    "folder, which is created if it does not exist.",
)
@click.option("--skip-existing", is_flag=True, help="Skip pictures whose result exists.")
@click.option(
    "--floats",
    type=click.Choice(FLOATS),
    default="stretch",
    show_default=True,
    help="How floats become the 8 or 16 bits of PNG and JPEG.",
)
@click.option(
    "--preview",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write one sheet that shows the result of each step. For one picture.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Show the plan, its halo, memory and cost, and what would be written; do nothing.",
)
@click.option(
    "-j",
    "--jobs",
    "at_once",
    metavar="N",
    type=click.IntRange(min=1),
    help="Number of pictures at once  [default: the number of threads].",
)
@click.option(
    "--threads",
    metavar="N",
    type=click.IntRange(min=1),
    help="Number of threads in all  [default: see `imgconv info`].",
)
@click.option(
    "--max-megapixels",
    metavar="M",
    type=click.FloatRange(min=0, min_open=True),
    default=io.MAX_PIXELS / 1e6,
    show_default=True,
    help="Refuse pictures of more than M million pixels, except for .zarr results.",
)
@click.option(
    "--chunk",
    metavar="N",
    type=click.IntRange(min=64, max=65536),
    default=2048,
    show_default=True,
    help="Side of the chunks of a .zarr result, in pixels.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Address of a dask scheduler, tcp://..., that computes .zarr results.",
)
def command(
    pipeline: str,
    inputs: tuple[str, ...],
    out: Path | None,
    skip_existing: bool,
    floats: str,
    preview: Path | None,
    dry_run: bool,
    at_once: int | None,
    threads: int | None,
    max_megapixels: float,
    chunk: int,
    scheduler: str | None,
) -> None:
    """Run a pipeline of filters on pictures.

    PIPELINE is a text of steps joined by |, or a .toml or .yaml file with a list of steps. A step
    is a filter of imgconv, or one of grey, scale, clip, gamma, invert, absolute, normalize,
    threshold, astype and magnitude.

    INPUT is a picture (PNG, JPEG, TIFF of one or more pages, zarr), a folder, whose pictures are
    found at any depth, or a pattern. In a folder OUT, results keep their name, format and
    subfolder. A result is written whole or not at all, and a picture is never overwritten.

    Colours are filtered one by one, and transparency is kept. If the pipeline begins with grey, or
    changes the size, transparent pixels get a white background.

    Integers are written as they are, and bool as black and white. Floats are kept in TIFF and
    zarr. In PNG and JPEG they become 8 bits, or 16 bits if the picture has more than 8, by
    --floats. stretch: 0 is black and the 99th percentile of the absolute values is white; with
    negative values, 0 is mid-grey. image: white is the white of the picture. one: white is 1.

    The exit code is 0 if all pictures are done, 1 if any failed, 2 for wrong usage.
    """
    chain = pipeline_of(pipeline)
    max_pixels = int(max_megapixels * 1e6)
    sources = find_pictures(inputs)
    if not sources:
        raise click.UsageError("no picture among the inputs")
    if preview is not None:
        write_preview(chain, sources, preview, max_pixels)
    if out is None:
        if dry_run:
            show_plans(chain, [(path, None) for path, _ in sources])
        elif preview is None:
            raise click.UsageError("-o OUT is missing")
        return
    listed = jobs_for(sources, out)
    todo = [job for job in listed if not (skip_existing and job.result.exists())]
    lazy = [job for job in todo if is_lazy(job)]
    in_memory = [job for job in todo if not is_lazy(job)]
    if lazy:
        require("dask", "dask", "distributed", "zarr")
    if dry_run:
        show_plans(chain, todo)
        return
    if scheduler and not lazy:
        raise click.UsageError("--scheduler is for a .zarr result")
    threads = threads or imgconv.get_num_threads()
    finished = run_lazily(lazy, chain, chunk, threads, scheduler)
    work = partial(filter_file, pipeline=chain, floats=floats, max_pixels=max_pixels)
    finished += run_together(in_memory, work, "apply", at_once or threads, threads)
    summarize(finished, skipped=len(listed) - len(todo))
    exit_if_failed(finished)


def pipeline_of(text: str) -> Pipeline:
    """Return the pipeline of the argument: a text, or the name of a file."""
    from imgconv.pipeline import Pipeline
    from imgconv.pipeline.store import TOML, YAML

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


def is_lazy(job: Job) -> bool:
    """Return whether a job goes through dask: one from or into zarr."""
    return zarr.is_zarr(job.source) or zarr.is_zarr(job.result)


def run_lazily(
    jobs: list[Job], pipeline: Pipeline, chunk: int, threads: int, scheduler: str | None
) -> list[Done]:
    """Run lazy jobs, one after another."""
    if not jobs:
        return []
    from imgconv.cli import large

    work = partial(large.run, pipeline=pipeline, chunk=chunk, threads=threads, scheduler=scheduler)
    return [attempt(work, job) for job in jobs]


# ---- one picture ---------------------------------------------------------------------------------


def filter_file(job: Job, pipeline: Pipeline, floats: str, max_pixels: int) -> Done:
    """Read, filter and write a picture; of a TIFF into a TIFF, all pages."""
    begun = time.perf_counter()
    about = io.about(job.source)
    suffix = job.result.suffix.lower()
    pages = about.pages if suffix in tiff.SUFFIXES else 1
    results = (
        filtered(picture, pipeline, floats, suffix)
        for picture in io.read_pages(job.source, max_pixels)
    )
    if pages > 1:
        large = math.prod(about.shape) * pages * 8 > tiff.LARGE
        io.write_pages(job.result, results, large)
    else:
        io.write(job.result, next(results))
    seconds = time.perf_counter() - begun
    return Done(job, size=about.shape[:2], pages=pages, seconds=seconds)


def filtered(picture: io.Picture, pipeline: Pipeline, floats: str, suffix: str) -> io.Picture:
    """Return what the pipeline makes of a picture, as a file with this suffix can store it."""
    pipeline, image, opacity = prepared(picture, pipeline)
    result = pipeline(image, channel_axis=-1 if image.ndim > 2 else None)
    drawn = result.dtype.kind == "b" or (result.dtype.kind == "f" and suffix not in tiff.SUFFIXES)
    if drawn:
        result = storable(result, picture, io.span_of(image), floats, suffix)
    return picture.with_colours(result, opacity, drawn=drawn)


def storable(
    result: NDArray[Any], picture: io.Picture, span: float, floats: str, suffix: str
) -> NDArray[Any]:
    """Return bool as black and white, and floats as integers that show them."""
    if result.dtype.kind == "b":
        return result.astype(np.uint8) * np.uint8(255)
    dtype = io.integer_type(suffix, picture.pixels.dtype)
    if floats == "stretch":
        return io.stretch(result, bool((result < 0).any()), dtype, span)
    return io.rescale(result, dtype, picture.white if floats == "image" else 1.0)


# ---- before anything is run ----------------------------------------------------------------------


def write_preview(
    pipeline: Pipeline, sources: Sequence[Source], path: Path, max_pixels: int
) -> None:
    """Write the sheet of the one picture, and print how many pictures are on it."""
    sheet.check(path, len(sources))
    source = sources[0].path
    try:
        count = sheet.write(pipeline, source, path, max_pixels)
    except (io.PictureError, ValueError, TypeError) as error:
        raise click.ClickException(f"{source}: {error}") from None
    click.echo(f"{path}: {count} pictures")


def show_plans(pipeline: Pipeline, jobs: Iterable[tuple[Path, Path | None]]) -> None:
    """Print a plan for each kind of picture, and what would become what."""
    seen = set()
    failed = False
    for source, result in jobs:
        try:
            about = io.about(source)
            shape = shape_of_colours(about)
            if (shape, about.dtype) not in seen:
                plan = pipeline.plan(
                    shape, about.dtype, channel_axis=-1 if len(shape) > 2 else None
                )
                click.echo(f"{plan!r}\n")
            seen.add((shape, about.dtype))
            arrow = f" -> {result}" if result else ""
            pages = f", {about.pages} pages" if about.pages > 1 else ""
            click.echo(f"{source}{arrow}: {shape[1]} x {shape[0]} {about.dtype}{pages}")
        except (io.PictureError, ValueError, TypeError) as error:
            print(f"imgconv: {source}: {error}", file=sys.stderr)
            failed = True
    if failed:
        raise SystemExit(1)


def shape_of_colours(about: io.About) -> tuple[int, ...]:
    """Return the shape of the image that is filtered, without alpha and without a lone channel.

    >>> shape_of_colours(io.About((480, 640, 4), np.dtype("uint8"), 1, alpha=True))
    (480, 640, 3)
    """
    height, width, channels = (*about.shape, 1)[:3]
    colours = channels - about.alpha
    return (height, width, colours) if colours > 1 else (height, width)

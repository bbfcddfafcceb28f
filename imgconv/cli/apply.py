"""`imgconv apply`: a pipeline on files, folders and pictures larger than memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgconv import io
from imgconv.cli import options, sheet
from imgconv.cli.extras import require
from imgconv.cli.jobs import Job, Naming
from imgconv.cli.listing import Listing, find_pictures, identity, is_zarr
from imgconv.cli.messages import show
from imgconv.cli.options import Settings
from imgconv.cli.pipes import STREAM
from imgconv.cli.runner import Share, batch_of, message_of, run
from imgconv.cli.work import filter_file, filtered
from imgconv.io import zarr

if TYPE_CHECKING:
    from imgconv.pipeline import Pipeline

READABLE, WRITTEN = (*io.READABLE, zarr.SUFFIX), (*io.SUFFIXES, zarr.SUFFIX)
FLOATS = ("stretch", "image", "one")


def check_nodata(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> str | float | None:
    """Return the value of `--nodata`."""
    if value is None or value == "auto":
        return value
    try:
        return float(value)
    except ValueError:
        raise click.BadParameter(f"{value} is neither auto nor a number") from None


@click.command(
    "apply",
    epilog="""\b
Examples:
  imgconv apply 'gaussian(sigma=1.5) | sobel' photo.jpg -o edges.png
  imgconv apply chain.toml photos/ 'more/*.tif' -o results/
  imgconv apply 'median(size=5)' huge.tif -o huge.zarr
  imgconv apply invert - -o - < photo.png > negative.png
""",
)
@click.argument("pipeline", metavar="PIPELINE")
@options.places
@click.option(
    "--floats",
    type=click.Choice(FLOATS),
    default="stretch",
    show_default=True,
    help="How floats become the 8 or 16 bits of PNG and JPEG.",
)
@options.ALPHA
@click.option(
    "--nodata",
    metavar="auto|N",
    callback=check_nodata,
    help="Pixels of this value are missing: averages and orders leave them out, and they stay as "
    "they are. auto: the value that a TIFF file states. Not for .zarr.",
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
@options.for_pictures
def command(
    settings: Settings,
    pipeline: str,
    floats: str,
    alpha: str,
    nodata: str | float | None,
    preview: Path | None,
    dry_run: bool,
    chunk: int,
    scheduler: str | None,
) -> None:
    """Run a pipeline of filters on pictures.

    PIPELINE is a text of steps joined by |, or a .toml or .yaml file with a list of steps. A step
    is a filter of imgconv, or one of grey, scale, clip, gamma, invert, absolute, normalize,
    threshold, astype and magnitude.

    INPUT is a picture, a folder, whose pictures are found at any depth, a pattern such as
    'photos/*.jpg', or - alone for standard input. Read are PNG, JPEG, TIFF, WebP, BMP, GIF,
    JPEG 2000, JPEG XL and AVIF, and zarr arrays.

    In a folder OUT, results keep their name, format and subfolder; formats that are not written
    become PNG. TIFF files keep all pages, and all files their metadata. If OUT is a .zarr, a TIFF
    file or zarr array may be larger than memory. A result is written whole or not at all.

    Colours are filtered one by one. Transparency is kept, and weighs pixels, but not in .zarr. If
    the pipeline begins with grey, or changes the size, transparent pixels get a white background.

    Integers are written as they are, and bool as black and white. Floats are kept in TIFF and
    zarr. In PNG and JPEG they become 8 bits, or 16 bits if the picture has more than 8, by
    --floats. stretch: 0 is black and the 99th percentile of the absolute values is white; with
    negative values, 0 is mid-grey. image: white is the white of the picture. one: white is 1.

    Inputs are never overwritten. The exit code is 0 if all pictures are done, 1 if any failed, 2
    for wrong usage.
    """
    chain = pipeline_of(pipeline)
    if STREAM in settings.inputs and (preview or dry_run):
        raise click.UsageError(f"--preview and --dry-run read files, not {STREAM}")
    if preview is not None:
        write_preview(chain, preview, settings)
    if settings.out is None and (dry_run or preview is not None):
        if dry_run:
            sources = listed(settings).sources.values()
            show_plans(chain, [(source.path, None) for source in sources])
        return
    naming = Naming(suffix_for, READABLE, WRITTEN)
    batch = batch_of(settings, naming)
    lazy = [job for job in batch.jobs if is_lazy(job)]
    in_memory = [job for job in batch.jobs if not is_lazy(job)]
    if lazy:
        require("dask", "dask", "distributed", "zarr")
        if nodata is not None:
            raise click.UsageError("--nodata is for pictures in memory, not for .zarr")
    if dry_run:
        show_plans(chain, batch.jobs)
        return
    if scheduler and not lazy:
        raise click.UsageError("--scheduler is for a .zarr result")
    work = partial(
        filter_file,
        recipe=partial(filtered, pipeline=chain, floats=floats, alpha=alpha, nodata=nodata),
        naming=naming,
        settings=settings,
    )
    shares = [Share(in_memory, work, settings.at_once)]
    if lazy:
        from imgconv.cli import large

        work = partial(
            large.run,
            pipeline=chain,
            chunk=chunk,
            threads=settings.threads,
            scheduler=scheduler,
            max_pixels=settings.max_pixels,
            messages=batch.messages,
        )
        shares.insert(0, Share(lazy, work, 1))
    run(settings, "apply", batch, shares)


def suffix_for(source: Path) -> str:
    """Return the suffix of a result in a folder: the picture's, if a result can have it."""
    if is_zarr(source):
        return source.suffix if source.suffix.lower() == zarr.SUFFIX else zarr.SUFFIX
    return source.suffix if source.suffix.lower() in io.SUFFIXES else ".png"


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
    return is_zarr(job.source) or is_zarr(job.result)


# ---- before anything is run ----------------------------------------------------------------------


def listed(settings: Settings) -> Listing:
    """Return the pictures among the inputs, of which there must be one."""
    listing = find_pictures(settings.inputs, READABLE, None)
    if not listing.sources:
        raise click.UsageError("no picture among the inputs")
    return listing


def write_preview(pipeline: Pipeline, path: Path, settings: Settings) -> None:
    """Write the sheet of the one picture, and print how many pictures are on it."""
    sources = list(listed(settings).sources.values())
    sheet.check(path, len(sources))
    source = sources[0].path
    if identity(path) == identity(source):
        raise click.UsageError(f"--preview {path} is the input, which is never overwritten")
    if settings.existing != "replace" and os.path.lexists(path):
        raise click.UsageError(f"--preview {path} exists; --overwrite replaces it")
    try:
        count = sheet.write(pipeline, source, path, settings.max_pixels)
    except Exception as error:
        if settings.debug:
            raise
        raise click.ClickException(f"{source}: {message_of(error)}") from None
    show(f"{path}: {count} pictures")


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
                print(f"{plan!r}\n")
        except Exception as error:
            show(f"imgconv: {source}: {message_of(error)}", sys.stderr)
            failed = True
            continue
        seen.add((shape, about.dtype))
        arrow = f" -> {result}" if result else ""
        pages = f", {about.pages} pages" if about.pages > 1 else ""
        show(f"{source}{arrow}: {shape[1]} x {shape[0]} {about.dtype}{pages}")
    if failed:
        raise SystemExit(1)


def shape_of_colours(about: io.About) -> tuple[int, ...]:
    """Return the shape of the image that is filtered, without alpha and without a lone channel.

    >>> import numpy as np
    >>> shape_of_colours(io.About((480, 640, 4), np.dtype("uint8"), 1, alpha=True))
    (480, 640, 3)
    """
    height, width, channels = (*about.shape, 1)[:3]
    colours = channels - about.alpha
    return (height, width, colours) if colours > 1 else (height, width)

"""`imgconv denoise`: photos with less noise."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click
from numpy.typing import NDArray

import imgconv
from imgconv import io
from imgconv.cli import options
from imgconv.cli.jobs import Job, Source, jobs_for
from imgconv.cli.runner import Done, run_in_turn


class Denoiser(NamedTuple):
    """A value of `--filter`: a function of imgconv, its default window and its own arguments.

    Attributes
    ----------
    function : str
        Its name.
    size : int
        Height and width of the window.
    arguments : callable
        Returns its keyword arguments, from colours, size of the window and noise.
    """

    function: str
    size: int
    arguments: Callable[[NDArray[Any], int, float], dict[str, Any]]

    def __call__(self, colours: NDArray[Any], size: int, noise: float, mode: str) -> NDArray[Any]:
        """Return the colours with differences below `noise` smoothed."""
        arguments = self.arguments(colours, size, noise)
        clean: NDArray[Any] = getattr(imgconv, self.function)(
            colours, **arguments, mode=mode, channel_axis=-1
        )
        return clean


def bilateral(colours: NDArray[Any], size: int, noise: float) -> dict[str, Any]:
    """Return the arguments of the bilateral filter: two standard deviations fit the window."""
    return {"win_size": size, "sigma_color": noise, "sigma_spatial": max(size - 1, 1) / 4}


def median(colours: NDArray[Any], size: int, noise: float) -> dict[str, Any]:
    """Return the arguments of the median, whatever the noise."""
    return {"size": size}


def guided(colours: NDArray[Any], size: int, noise: float) -> dict[str, Any]:
    """Return the arguments of the guided filter: every channel guides itself."""
    return {"guide": colours, "radius": size // 2, "eps": noise**2}


DENOISERS = {
    "bilateral": Denoiser("bilateral", 9, bilateral),
    "median": Denoiser("median", 3, median),
    "guided": Denoiser("guided", 9, guided),
}


def check_odd(_context: click.Context, _option: click.Parameter, size: int | None) -> int | None:
    """Check `--size`."""
    if size is not None and size % 2 == 0:
        raise click.BadParameter(f"{size} is not odd")
    return size


@click.command(
    "denoise",
    epilog="""\b
Examples:
  imgconv denoise photo.jpg -o clean.jpg
  imgconv denoise *.png -o clean/ --filter median --size 5
""",
)
@options.PHOTOS
@options.OUT
@click.option(
    "--filter",
    "name",
    type=click.Choice(list(DENOISERS)),
    default="bilateral",
    show_default=True,
    help="How to smooth: a mean of the neighbours that have a similar value (bilateral), the "
    "median, or the guided filter, with the photo as its own guide.",
)
@click.option(
    "--size",
    metavar="N",
    type=click.IntRange(min=1, max=1001),
    callback=check_odd,
    help="Height and width of the window in pixels, an odd number  [default: 9; 3 for median].",
)
@click.option(
    "--strength",
    metavar="P",
    type=click.FloatRange(min=0, min_open=True, max=1000),
    default=10.0,
    show_default=True,
    help="How strong the noise is, in percent of white: smaller differences are smoothed, larger "
    "ones are kept. Ignored by median.",
)
@options.MODE
@options.THREADS
@options.MAX_MEGAPIXELS
def command(
    photos: tuple[Path, ...],
    out: Path,
    name: str,
    size: int | None,
    strength: float,
    mode: str,
    threads: int | None,
    max_megapixels: float,
) -> None:
    """Remove noise from photos and keep their edges.

    PHOTO is a PNG, JPEG or TIFF file, grey or colour, of 8-bit or 16-bit integers or floats. Exif
    rotation is applied. White is the largest integer, or 1.0 of floats.

    In a folder OUT, a result has the name and the format of its photo. It keeps the photo's bits
    if its format can store them: JPEG stores 8 bits, PNG 8 bits of 8-bit photos and 16 bits of all
    others. Transparency is kept; JPEG has none, and gets a white background. A photo is never
    overwritten.

    The time and speed printed for each photo are those of the filter, without reading and writing.

    The exit code is 0 if all photos are done, 1 if any failed, 2 for wrong usage.
    """
    if not math.isfinite(strength):
        raise click.BadParameter(f"{strength:g} is not a strength", param_hint="--strength")
    chosen = DENOISERS[name]
    sources = [Source(photo, Path(photo.stem + suffix_for(photo))) for photo in photos]
    work = partial(
        remove_noise, chosen=chosen, size=size or chosen.size, strength=strength, mode=mode,
        max_pixels=int(max_megapixels * 1e6),
    )  # fmt: skip
    run_in_turn(jobs_for(list(dict.fromkeys(sources)), out, io.SUFFIXES), work, "denoise", threads)


def suffix_for(photo: Path) -> str:
    """Return the suffix of a result in a folder: the photo's, if a result can have it."""
    return photo.suffix if photo.suffix.lower() in io.SUFFIXES else ".png"


def remove_noise(
    job: Job, chosen: Denoiser, size: int, strength: float, mode: str, max_pixels: int
) -> Done:
    """Read, filter and write a photo."""
    photo = io.read(job.source, max_pixels)
    colours, opacity = photo.split()
    noise = strength / 100 * io.full_scale(colours.dtype)
    chosen(colours[:8, :8], size, noise, mode)  # loads the compiled code, which is not timed
    start = time.perf_counter()
    clean = chosen(colours, size, noise, mode)
    seconds = time.perf_counter() - start
    io.write(job.result, io.Picture.join(clean, opacity, photo.alpha))
    return Done(job, size=colours.shape[:2], seconds=seconds)

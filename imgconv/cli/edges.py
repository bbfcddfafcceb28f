"""`imgconv edges`: the edges of photos, as pictures or as values."""

from __future__ import annotations

import math
import time
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

import imgconv
from imgconv import io
from imgconv.cli import options
from imgconv.cli.jobs import Job, Source, jobs_for
from imgconv.cli.runner import Done, run_in_turn
from imgconv.io import tiff


class EdgeFilter(NamedTuple):
    """A value of `--filter`: a function of imgconv, and how its result is drawn.

    Attributes
    ----------
    function : str
        Its name.
    sigma : float, optional
        The default scale. None: the filter has no scale, and `--sigma` blurs before it.
    signed : bool
        Whether values may be negative.
    thresholds : (float, float), optional
        Low and high, as fractions of white.
    """

    function: str
    sigma: float | None = None
    signed: bool = False
    thresholds: tuple[float, float] | None = None

    def __call__(
        self, image: NDArray[Any], white: float, sigma: float | None, mode: str
    ) -> NDArray[Any]:
        """Return the edges of a grey image."""
        function = getattr(imgconv, self.function)
        result: NDArray[Any]
        if self.thresholds:
            low, high = (fraction * white for fraction in self.thresholds)
            sigma = self.sigma if sigma is None else sigma
            result = function(image, sigma, low, high, mode=mode).astype(np.float32)
        elif self.sigma is not None:
            result = function(image, sigma or self.sigma, mode=mode)
        else:
            result = function(blurred(image, sigma, mode) if sigma else image, mode=mode)
        return result


def blurred(image: NDArray[Any], sigma: float, mode: str) -> NDArray[Any]:
    """Return a blurred image as floats: rounded to integers, smooth shades would get contours."""
    return imgconv.gaussian(image, sigma, mode=mode, dtype=np.result_type(image, np.float32))


FILTERS = {
    "sobel": EdgeFilter("sobel"),
    "scharr": EdgeFilter("scharr"),
    "prewitt": EdgeFilter("prewitt"),
    "farid": EdgeFilter("farid"),
    "roberts": EdgeFilter("roberts"),
    "laplace": EdgeFilter("laplace", signed=True),
    "log": EdgeFilter("gaussian_laplace", sigma=2.0, signed=True),
    "dog": EdgeFilter("difference_of_gaussians", sigma=1.0, signed=True),
    "canny": EdgeFilter("canny", sigma=1.0, thresholds=(0.1, 0.2)),
}


@click.command(
    "edges",
    epilog="""\b
Examples:
  imgconv edges photo.jpg -o edges.png
  imgconv edges *.jpg -o edges/ --filter scharr --sigma 1.5
""",
)
@options.PHOTOS
@options.OUT
@click.option(
    "--filter",
    "name",
    type=click.Choice(list(FILTERS)),
    default="sobel",
    show_default=True,
    help="What to compute: the magnitude of the gradient (sobel, scharr, prewitt, farid, "
    "roberts), the Laplacian (laplace), the Laplacian of a Gaussian (log), a difference of "
    "Gaussians (dog) or thin lines (canny).",
)
@click.option(
    "--sigma",
    metavar="S",
    type=click.FloatRange(min=0, max=1000),
    help="Standard deviation in pixels of the Gaussian of log (default 2), dog (1) and canny (1); "
    "with other filters, of a Gaussian blur before the filter (default: no blur).",
)
@click.option(
    "--low",
    metavar="L",
    type=click.FloatRange(min=0),
    help="Lower threshold of canny, as a fraction of white: a line goes on while the gradient is "
    "above it  [default: 0.1].",
)
@click.option(
    "--high",
    metavar="H",
    type=click.FloatRange(min=0),
    help="Upper threshold of canny, as a fraction of white: each line has a pixel whose gradient "
    "is above it  [default: 0.2].",
)
@options.MODE
@options.THREADS
@options.MAX_MEGAPIXELS
def command(
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

    PHOTO is a PNG, JPEG or TIFF file, grey or colour, of 8-bit or 16-bit integers or floats. Colour
    is converted to luminance, transparent pixels get a white background, and Exif rotation is
    applied.

    In a folder OUT, the result of PHOTO.jpg is PHOTO-sobel.png; the result of a TIFF photo is a
    TIFF file. A photo is never overwritten.

    A TIFF result stores the values of the filter as float32, in the units of the photo. PNG and
    JPEG results are made to be looked at: 0 is black, and the 99th percentile and everything above
    it is white. Values of laplace, log and dog may be negative; there 0 is mid-grey, and the 99th
    percentile of the absolute values is black or white. A PNG has 16 bits if the photo has more
    than 8. Lines of canny are white (1 in TIFF), all else is black.

    The time and speed printed for each photo are those of the filter, without reading and writing.

    The exit code is 0 if all photos are done, 1 if any failed, 2 for wrong usage.
    """
    chosen = with_thresholds(FILTERS[name], name, low, high)
    zero_allowed = chosen.sigma is None or chosen.thresholds is not None
    if sigma is not None and not (math.isfinite(sigma) and (sigma > 0 or zero_allowed)):
        raise click.BadParameter(f"{sigma:g} is not a scale of {name}", param_hint="--sigma")
    sources = [Source(photo, Path(f"{photo.stem}-{name}{suffix_for(photo)}")) for photo in photos]
    work = partial(
        find_edges, chosen=chosen, sigma=sigma, mode=mode, max_pixels=int(max_megapixels * 1e6)
    )
    run_in_turn(jobs_for(list(dict.fromkeys(sources)), out, io.SUFFIXES), work, "edges", threads)


def with_thresholds(
    chosen: EdgeFilter, name: str, low: float | None, high: float | None
) -> EdgeFilter:
    """Return the filter with the thresholds of the command line, if it has any."""
    if chosen.thresholds is None:
        if low is not None or high is not None:
            raise click.UsageError(f"--low and --high are for --filter canny, not {name}")
        return chosen
    low = chosen.thresholds[0] if low is None else low
    high = chosen.thresholds[1] if high is None else high
    if not (math.isfinite(high) and low <= high):
        raise click.UsageError(f"--low must not be above --high, got {low:g} and {high:g}")
    return chosen._replace(thresholds=(low, high))


def suffix_for(photo: Path) -> str:
    """Return the suffix of a result in a folder: TIFF for TIFF, PNG for all others."""
    return ".tif" if photo.suffix.lower() in tiff.SUFFIXES else ".png"


def find_edges(
    job: Job, chosen: EdgeFilter, sigma: float | None, mode: str, max_pixels: int
) -> Done:
    """Read, filter and write a photo."""
    photo = io.read(job.source, max_pixels)
    image, white = photo.grey(), io.full_scale(photo.pixels.dtype)
    chosen(image[:8, :8], white, sigma, mode)  # loads the compiled code, which is not timed
    start = time.perf_counter()
    edges = chosen(image, white, sigma, mode)
    seconds = time.perf_counter() - start
    suffix = job.result.suffix.lower()
    if suffix in tiff.SUFFIXES:
        drawn = edges.astype(np.float32, copy=False)
    else:
        drawn = io.stretch(edges, chosen.signed, io.integer_type(suffix, photo.pixels.dtype))
    io.write(job.result, io.Picture(drawn))
    return Done(job, size=image.shape, seconds=seconds)

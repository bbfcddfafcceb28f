"""`imgconv edges`: the edges of pictures, as pictures or as values."""

from __future__ import annotations

import math
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import numpy as np

import imgconv
from imgconv import io
from imgconv.cli import options
from imgconv.cli.jobs import Naming
from imgconv.cli.lines import LineDetector, draw_lines, write_lines
from imgconv.cli.options import Settings
from imgconv.cli.runner import run_recipe
from imgconv.io import tiff

if TYPE_CHECKING:
    from imgconv.pipeline import Pipeline


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


@lru_cache
def pipeline_for(
    chosen: EdgeFilter, white: float, dtype: np.dtype[Any], sigma: float | None, mode: str
) -> Pipeline:
    """Return the steps for grey images of a dtype, in which `white` is the value of white."""
    from imgconv.pipeline import Pipeline

    function = partial(getattr(imgconv, chosen.function), mode=mode)
    if chosen.sigma is None:
        if not sigma:
            return Pipeline(function)
        # Floats: rounded to integers, smooth shades would get contours.
        floats = np.result_type(dtype, np.float32)
        blur = partial(imgconv.gaussian, sigma=sigma, mode=mode, dtype=floats)
        return Pipeline(blur, function)
    scale = chosen.sigma if sigma is None else sigma
    limits = [fraction * white for fraction in chosen.thresholds or ()]
    return Pipeline(partial(function, scale, *limits))


@lru_cache
def left_by(chosen: EdgeFilter, dtype: np.dtype[Any], sigma: float | None) -> float:
    """Return what a filter makes of a page without edges whose pixels are 1."""
    page = np.ones((8, 8), dtype)
    return io.span_of(pipeline_for(chosen, 1.0, dtype, sigma, "reflect")(page))


FILTERS = {
    "sobel": EdgeFilter("sobel"),
    "scharr": EdgeFilter("scharr"),
    "prewitt": EdgeFilter("prewitt"),
    "farid": EdgeFilter("farid"),
    "roberts": EdgeFilter("roberts"),
    "laplace": EdgeFilter("laplace", signed=True),
    "log": EdgeFilter("gaussian_laplace", sigma=2.0, signed=True),
    "dog": EdgeFilter("difference_of_gaussians", sigma=1.0, signed=True),
    "zero": EdgeFilter("zero_crossings", sigma=2.0),
    "ridge": EdgeFilter("ridges", sigma=2.0),
    "canny": EdgeFilter("canny", sigma=1.0, thresholds=(0.1, 0.2)),
}


@click.command(
    "edges",
    epilog="""\b
Examples:
  imgconv edges photo.jpg -o edges.png
  imgconv edges photos/ 'more/*.tif' -o edges/ --filter scharr --sigma 1.5
  imgconv edges - -o - < photo.jpg > edges.png
  imgconv edges photo.jpg -o edges.svg --points
  imgconv edges photo.jpg -o lines.png --overlay --sigma 2
""",
)
@options.places
@click.option(
    "--filter",
    "name",
    type=click.Choice(list(FILTERS)),
    help="What to compute: the magnitude of the gradient (sobel, scharr, prewitt, farid, "
    "roberts), the Laplacian (laplace), the Laplacian of a Gaussian (log), a difference of "
    "Gaussians (dog), where that changes its sign (zero), dark lines (ridge) or thin lines "
    "along edges (canny)  [default: sobel].",
)
@click.option(
    "--sigma",
    metavar="S",
    type=click.FloatRange(min=0, max=1000),
    help="Standard deviation in pixels of the Gaussian of log, zero and ridge (default 2), dog and "
    "canny (1); with other filters, of a Gaussian blur before the filter (default: no blur).",
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
@click.option(
    "--points",
    is_flag=True,
    help="Write the edges of canny as chains of points between the pixels: an .svg or .csv file.",
)
@click.option("--overlay", is_flag=True, help="Draw these edges in red over the picture.")
@options.MODE
@options.for_pictures
def command(
    settings: Settings,
    name: str | None,
    sigma: float | None,
    low: float | None,
    high: float | None,
    points: bool,
    overlay: bool,
    mode: str,
) -> None:
    """Find the edges of pictures.

    INPUT is a picture, a folder, whose pictures are found at any depth, a pattern such as
    'photos/*.jpg', or - alone for standard input. Read are PNG, JPEG, TIFF, WebP, BMP, GIF,
    JPEG 2000, JPEG XL and AVIF, grey or colour. Colour is converted to luminance,
    transparent pixels get a white background, and Exif rotation is applied.

    In a folder OUT, the result of photo.jpg is photo-sobel.png, in the subfolder of its picture;
    the result of a TIFF file is a TIFF file with all pages. If there is also a photo.png, both
    results have the whole name: photo.jpg-sobel.png and photo.png-sobel.png.

    A TIFF result stores the values of the filter as float32, in the units of the picture. PNG and
    JPEG results are made to be looked at: 0 is black, and the 99th percentile and everything above
    it is white. Values of laplace, log and dog may be negative; there 0 is mid-grey, and the 99th
    percentile of the absolute values is black or white. A PNG has 16 bits if the picture has more
    than 8. Lines of canny and zero are white (1 in TIFF), all else is black.

    With --points the result is a file of lines: .svg is a drawing in pixels of the picture, .csv
    has a line "chain,y,x" for each point. A pixel has its centre at integers.

    The time and speed printed for each picture are those of the filter, without reading and
    writing.

    Inputs are never overwritten. The exit code is 0 if all pictures are done, 1 if any failed, 2
    for wrong usage.
    """
    as_lines = points or overlay
    name = name or ("canny" if as_lines else "sobel")
    chosen = with_thresholds(FILTERS[name], name, low, high)
    if as_lines:
        find_lines(settings, name, chosen, sigma, points, overlay)
        return
    zero_allowed = chosen.sigma is None or chosen.thresholds is not None
    if sigma is not None and not (math.isfinite(sigma) and (sigma > 0 or zero_allowed)):
        raise click.BadParameter(f"{sigma:g} is not a scale of {name}", param_hint="--sigma")
    recipe = partial(drawn_edges, chosen=chosen, sigma=sigma, mode=mode)
    run_recipe(settings, "edges", recipe, Naming(suffix_for, io.READABLE, io.SUFFIXES, f"-{name}"))


def find_lines(
    settings: Settings,
    name: str,
    chosen: EdgeFilter,
    sigma: float | None,
    points: bool,
    overlay: bool,
) -> None:
    """Write the edges as points, or draw them over the pictures."""
    if points and overlay:
        raise click.UsageError("--points writes a file of points, --overlay a picture; name one")
    if chosen.thresholds is None:
        raise click.UsageError(f"--points and --overlay are for --filter canny, not {name}")
    scale = 1.0 if sigma is None else sigma
    if not 0 < scale < math.inf:
        raise click.BadParameter(f"{scale:g} is not a scale of points", param_hint="--sigma")
    detector = LineDetector(scale, *chosen.thresholds)
    if points:
        write_lines(settings, detector)
    else:
        naming = Naming(suffix_for, io.READABLE, io.SUFFIXES, "-edges")
        draw_lines(settings, detector, naming)


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


def drawn_edges(
    photo: io.Picture, suffix: str, chosen: EdgeFilter, sigma: float | None, mode: str
) -> io.Picture:
    """Return the edges of a photo, as a file with this suffix stores them."""
    image, white = photo.grey(), photo.white
    pipeline = pipeline_for(chosen, white, image.dtype, sigma, mode)
    edges = pipeline(image)
    if suffix in tiff.SUFFIXES:
        return photo.with_colours(edges.astype(np.float32, copy=False), drawn=True)
    dtype = io.integer_type(suffix, photo.pixels.dtype)
    if edges.dtype == np.bool_:
        return photo.with_colours(io.rescale(edges, dtype), drawn=True)
    span = io.span_of(image)
    flat = span * left_by(chosen, image.dtype, sigma)
    return photo.with_colours(io.stretch(edges, chosen.signed, dtype, span, flat), drawn=True)

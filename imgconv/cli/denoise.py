"""`imgconv denoise`: pictures with less noise."""

from __future__ import annotations

import math
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

import imgconv
from imgconv import io
from imgconv.cli import options
from imgconv.cli.jobs import Naming
from imgconv.cli.options import Settings
from imgconv.cli.runner import run_recipe
from imgconv.cli.work import filtered

if TYPE_CHECKING:
    from imgconv.pipeline import Pipeline

# The values of `--filter`, and the default size of their window.
SIZES = {"bilateral": 9, "median": 3, "guided": 9}


@lru_cache
def pipeline_for(name: str, size: int, noise: float, mode: str) -> Pipeline:
    """Return the step that smooths differences below `noise`, in the units of the picture."""
    from imgconv.pipeline import Pipeline

    match name:
        case "bilateral":
            # Two standard deviations fit the window.
            sigma = max(size - 1, 1) / 4
            step = partial(
                imgconv.bilateral, win_size=size, sigma_color=noise, sigma_spatial=sigma, mode=mode
            )
        case "median":
            step = partial(imgconv.median, size=size, mode=mode)
        case _:
            # Every channel guides itself.
            step = partial(imgconv.guided, guide="image", radius=size // 2, eps=noise**2, mode=mode)
    return Pipeline(step)


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
  imgconv denoise photos/ 'more/*.png' -o clean/ --filter median --size 5
  imgconv denoise - -o - < photo.jpg > clean.jpg
""",
)
@options.places
@click.option(
    "--filter",
    "name",
    type=click.Choice(list(SIZES)),
    default="bilateral",
    show_default=True,
    help="How to smooth: a mean of the neighbours that have a similar value (bilateral), the "
    "median, or the guided filter, with the picture as its own guide.",
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
@options.ALPHA
@options.for_pictures
def command(
    settings: Settings, name: str, size: int | None, strength: float, mode: str, alpha: str
) -> None:
    """Remove noise from pictures and keep their edges.

    INPUT is a picture, a folder, whose pictures are found at any depth, a pattern such as
    'photos/*.jpg', or - alone for standard input. Read are PNG, JPEG, TIFF, WebP, BMP, GIF,
    JPEG 2000, JPEG XL and AVIF, grey or colour. Exif rotation is applied.

    In a folder OUT, a result has the name, format and subfolder of its picture; formats that are
    not written become PNG. It keeps the bits of the picture if its format can store them: JPEG and
    WebP store 8 bits, PNG 8 bits of 8-bit pictures and 16 bits of all others. TIFF files keep all
    pages, and all files their metadata. Transparency is kept; JPEG has none, and gets a white
    background.

    The time and speed printed for each picture are those of the filter, without reading and
    writing.

    Inputs are never overwritten. The exit code is 0 if all pictures are done, 1 if any failed, 2
    for wrong usage.
    """
    if not math.isfinite(strength):
        raise click.BadParameter(f"{strength:g} is not a strength", param_hint="--strength")
    recipe = partial(
        cleaned,
        name=name,
        size=size or SIZES[name],
        strength=strength / 100,
        mode=mode,
        alpha=alpha,
    )
    run_recipe(settings, "denoise", recipe, Naming(suffix_for, io.READABLE, io.SUFFIXES))


def suffix_for(photo: Path) -> str:
    """Return the suffix of a result in a folder: the photo's, if a result can have it."""
    return photo.suffix if photo.suffix.lower() in io.SUFFIXES else ".png"


def cleaned(
    photo: io.Picture, suffix: str, name: str, size: int, strength: float, mode: str, alpha: str
) -> io.Picture:
    """Return a photo with noise of this strength, a part of white, removed."""
    pipeline = pipeline_for(name, size, strength * photo.white, mode)
    return filtered(photo, suffix, pipeline, floats="image", alpha=alpha)

"""Arguments and options that several commands have."""

from pathlib import Path

import click

from imgconv import io
from imgconv.core.border import MODES

__all__ = ["MAX_MEGAPIXELS", "MODE", "OUT", "PHOTOS", "THREADS"]

PHOTOS = click.argument(
    "photos", metavar="PHOTO...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
OUT = click.option(
    "-o",
    "--out",
    metavar="OUT",
    required=True,
    type=click.Path(path_type=Path),
    help="Where to write: a .png, .jpg or .tif file for one photo, otherwise a folder, which is "
    "created if it does not exist.",
)
MODE = click.option(
    "--mode",
    type=click.Choice(MODES),
    default="reflect",
    show_default=True,
    help="How the photo is extended beyond its border.",
)
THREADS = click.option(
    "--threads",
    metavar="N",
    type=click.IntRange(min=1),
    help="Number of threads  [default: see `imgconv info`].",
)
MAX_MEGAPIXELS = click.option(
    "--max-megapixels",
    metavar="M",
    type=click.FloatRange(min=0, min_open=True),
    default=io.MAX_PIXELS / 1e6,
    show_default=True,
    help="Refuse photos of more than M million pixels.",
)

"""The arguments and options of all commands that filter pictures."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

import click

import imgconv
from imgconv import io
from imgconv.cli.jobs import Existing
from imgconv.core.border import MODES

__all__ = ["ALPHA", "MODE", "Settings", "for_pictures", "places"]


class Settings(NamedTuple):
    """What the user asks for, whatever the filter.

    Attributes
    ----------
    inputs : tuple of str
        Files, folders and patterns, as they were written.
    out : Path, optional
        A file, a folder, or "-".
    existing : {"refuse", "skip", "replace"}
        What becomes of results that exist.
    at_once : int
        How many pictures are in work at the same time.
    threads : int
        That they share.
    max_pixels : int
        Of a picture.
    strip : bool
        Whether results are without metadata.
    quality : int, optional
        Of JPEG and WebP, 1 to 100.
    quiet : bool
        Whether only failures are printed.
    debug : bool
        Whether tracebacks are printed, too, and all that other libraries print.
    """

    inputs: tuple[str, ...]
    out: Path | None
    existing: Existing
    at_once: int
    threads: int
    max_pixels: int
    strip: bool
    quality: int | None
    quiet: bool
    debug: bool


INPUTS = click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
OUT = click.option(
    "-o",
    "--out",
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="Where to write: a .png, .jpg, .tif or .webp file for one picture, otherwise a folder, "
    "which is created if it does not exist; - is standard output.",
)
MAX_MEGAPIXELS = click.option(
    "--max-megapixels",
    metavar="M",
    type=click.FloatRange(min=0, min_open=True),
    default=io.MAX_PIXELS / 1e6,
    show_default=True,
    help="Refuse pictures of more than M million pixels.",
)
OPTIONS = (
    click.option("--overwrite", is_flag=True, help="Replace results that exist."),
    click.option("--skip-existing", is_flag=True, help="Leave out pictures whose result exists."),
    click.option(
        "-j",
        "--jobs",
        "at_once",
        metavar="N",
        type=click.IntRange(min=1),
        help="Number of pictures at once  [default: the number of threads].",
    ),
    click.option(
        "--threads",
        metavar="N",
        type=click.IntRange(min=1),
        help="Number of threads in all  [default: see `imgconv info`].",
    ),
    MAX_MEGAPIXELS,
    click.option(
        "--strip",
        is_flag=True,
        help="Leave metadata out of results: colour profile, resolution, Exif, texts. Rotation is "
        "applied before.",
    ),
    click.option(
        "--quality",
        metavar="Q",
        type=click.IntRange(1, 100),
        help="Quality of JPEG and WebP results, 1 to 100  [default: that of a JPEG input, else 95; "
        "WebP without loss].",
    ),
    click.option("-q", "--quiet", is_flag=True, help="Print nothing but what failed."),
    click.option(
        "--debug",
        is_flag=True,
        help="Print where in the program a picture failed, and what other libraries print.",
    ),
)
MODE = click.option(
    "--mode",
    type=click.Choice(MODES),
    default="reflect",
    show_default=True,
    help="How a picture is extended beyond its border.",
)


ALPHA = click.option(
    "--alpha",
    type=click.Choice(["weighed", "separate"]),
    default="weighed",
    show_default=True,
    help="How averages, medians and other orders see transparent pixels: less the clearer they "
    "are, so that what is clear does not darken what is opaque, or as any others.",
)


def places(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the argument INPUT and the option -o, before its own options."""
    return INPUTS(OUT(command))


def for_pictures(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the other shared options, behind its own.

    It is called with all of them, and what `places` adds, as its first argument `settings`.
    """

    @wraps(command)
    def with_settings(
        inputs: tuple[str, ...],
        out: Path | None,
        overwrite: bool,
        skip_existing: bool,
        at_once: int | None,
        threads: int | None,
        max_megapixels: float,
        strip: bool,
        quality: int | None,
        quiet: bool,
        debug: bool,
        **own: Any,
    ) -> None:
        if overwrite and skip_existing:
            raise click.UsageError("--overwrite and --skip-existing contradict each other")
        existing: Existing = "replace" if overwrite else "skip" if skip_existing else "refuse"
        threads = threads or imgconv.get_num_threads()
        max_pixels = int(min(max_megapixels, 1e12) * 1e6)
        settings = Settings(
            inputs,
            out,
            existing,
            at_once or threads,
            threads,
            max_pixels,
            strip,
            quality,
            quiet,
            debug,
        )
        command(settings, **own)

    for option in reversed(OPTIONS):
        with_settings = option(with_settings)
    return with_settings

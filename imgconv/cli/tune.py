"""`imgconv tune`: a page on which a chain is built while its result is seen."""

from __future__ import annotations

from pathlib import Path

import click

from imgconv import io
from imgconv.cli import options
from imgconv.cli.extras import require
from imgconv.cli.listing import find_pictures
from imgconv.cli.pipes import STREAM


@click.command(
    "tune",
    short_help="Build a chain on a page, and see what it does.",
    epilog="""\b
Examples:
  imgconv tune photo.jpg
  imgconv tune photos/ --chain chain.toml
  imgconv tune photo.tif --out ~/edits --no-open --port 8080
""",
)
@click.argument("inputs", metavar="[INPUT]...", nargs=-1)
@click.option(
    "--chain",
    "chain",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Begin with the chain of a .toml or .yaml file.",
)
@click.option(
    "-o",
    "--out",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Where chains and results are written, and nowhere else  [default: the current folder].",
)
@click.option("--no-open", is_flag=True, help="Open no browser.")
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port of the page  [default: one that is free].",
)
@options.MAX_MEGAPIXELS
def command(
    inputs: tuple[str, ...],
    chain: Path | None,
    out: Path,
    no_open: bool,
    port: int,
    max_megapixels: float,
) -> None:
    """Build a chain of filters on a page in the browser, and see at once what it does.

    INPUT is a picture, a folder or a pattern, as in `imgconv apply`. The address of the page is
    printed on a line of its own. It is on this computer alone, and answers only to that address.
    Ctrl-C ends it.

    On the left is the chain: add steps by name, drag them, move their sliders, or edit the text. On
    the right is the picture before and after. What is saved is a file for `imgconv apply`, and the
    page runs it on all pictures as that does.
    """
    require("tune", "nicegui")
    from imgconv.tune.desk import Desk
    from imgconv.tune.gallery import Gallery
    from imgconv.tune.server import serve

    if STREAM in inputs:
        raise click.UsageError(f"the page shows files, not {STREAM}")
    listing = find_pictures(inputs, io.READABLE, None)
    paths = [source.path for source in listing.sources.values()]
    if inputs and not paths:
        raise click.UsageError("no picture among the inputs")
    gallery = Gallery(paths, int(min(max_megapixels, 1e12) * 1e6))
    desk = Desk(inputs, gallery, out)
    if chain is not None:
        try:
            desk.session.load(chain)
        except (ValueError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise click.BadParameter(f"{chain}: {reason}", param_hint="--chain") from None
        if chain.resolve().parent == out.resolve():
            desk.chain_name = chain.name
    try:
        serve(desk, port, not no_open)
    except OSError as error:
        raise click.ClickException(f"port {port}: {error.strerror}") from None

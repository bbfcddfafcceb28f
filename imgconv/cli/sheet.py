"""The sheet of `imgconv apply --preview`: what each step of a pipeline makes of a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from imgconv import io

if TYPE_CHECKING:
    from imgconv.pipeline import Pipeline

__all__ = ["check", "write"]

COLUMNS = 3
LINE = 18  # the height of a text, in pixels
GAP = 12
LETTER = 6  # the mean width of a letter


def write(pipeline: Pipeline, source: Path, path: Path, max_pixels: int) -> int:
    """Write what each step makes of a picture, and return how many pictures that are."""
    colours = io.read(source, max_pixels).full_depth().over_white()
    channel_axis = -1 if colours.shape[2] > 1 else None
    image = colours if channel_axis else colours[..., 0]
    pictures = pipeline.preview(image, channel_axis=channel_axis, size=360).pictures
    io.write(path, io.Picture(labelled(pictures)))
    return len(pictures)


def check(path: Path, count: int) -> None:
    """Refuse several pictures, and a sheet of an unknown format."""
    if count > 1:
        raise click.UsageError(f"--preview is for one picture, got {count}")
    if path.suffix.lower() not in io.SUFFIXES:
        raise click.UsageError(f"--preview {path}: a sheet is a {' '.join(io.SUFFIXES)} file")


def labelled(pictures: tuple[tuple[str, NDArray[np.uint8]], ...]) -> NDArray[Any]:
    """Return pictures on one sheet, each with its text below."""
    import PIL.Image
    import PIL.ImageDraw

    from imgconv.pipeline.show import as_rgb

    width = max(pixels.shape[1] for _, pixels in pictures)
    height = max(pixels.shape[0] for _, pixels in pictures) + LINE
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    size = columns * (width + GAP) + GAP, rows * (height + GAP) + GAP
    sheet = PIL.Image.new("RGB", size, "white")
    pen = PIL.ImageDraw.Draw(sheet)
    for place, (text, pixels) in enumerate(pictures):
        left = GAP + place % columns * (width + GAP)
        top = GAP + place // columns * (height + GAP)
        sheet.paste(PIL.Image.fromarray(as_rgb(pixels)), (left, top))
        letters = width // LETTER
        short = text if len(text) <= letters else f"{text[: letters - 3]}..."
        pen.text((left, top + pixels.shape[0] + 2), short, fill="black")
    return np.asarray(sheet)

"""JPEG: 8 bits, grey or RGB, without alpha."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np

from imgconv.io import pillow
from imgconv.io.picture import About, Picture, rescale, squeeze_grey, upright

__all__ = ["MAGIC", "SUFFIXES", "about", "read", "write"]

MAGIC: tuple[bytes, ...] = (b"\xff\xd8\xff",)
SUFFIXES: tuple[str, ...] = (".jpg", ".jpeg")


def about(path: Path) -> About:
    """Return what a file contains."""
    with pillow.opened(path, "JPEG") as file:
        channels = pillow.channels_of(file)
        shape = (file.height, file.width, channels) if channels > 1 else (file.height, file.width)
    return About(shape, np.dtype(np.uint8), 1)


def read(path: Path, max_pixels: int, page: int = 0) -> Picture:
    """Read a file; it has one page, whatever is requested."""
    with pillow.opened(path, "JPEG") as file:
        orientation = pillow.load(file, max_pixels)
        return Picture(upright(pillow.pixels_of(file), orientation))


def write(stream: BinaryIO, picture: Picture) -> None:
    """Write the colours as 8 bits, with white behind transparent pixels."""
    import PIL.Image

    pixels = rescale(squeeze_grey(picture.over_white()), np.uint8)
    PIL.Image.fromarray(pixels).save(stream, "JPEG", quality=95)

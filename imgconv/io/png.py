"""PNG: 8 bits by Pillow, 16 bits by imagecodecs, as Pillow would cut colours to 8."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np

from imgconv.io import pillow
from imgconv.io.picture import About, Picture, rescale, squeeze_grey, upright

__all__ = ["MAGIC", "SUFFIXES", "about", "read", "write"]

MAGIC: tuple[bytes, ...] = (b"\x89PNG\r\n\x1a\n",)
SUFFIXES: tuple[str, ...] = (".png",)
# The byte behind the signature, IHDR's length and name, width and height.
BITS_OFFSET = 24


def about(path: Path) -> About:
    """Return what a file contains."""
    with pillow.opened(path, "PNG") as file:
        # Pillow's modes of 16-bit grey are "I" and "I;16".
        channels = 1 if file.mode.startswith("I") else pillow.channels_of(file)
        shape = (file.height, file.width, channels) if channels > 1 else (file.height, file.width)
    return About(shape, np.dtype(np.uint16 if bits(path) == 16 else np.uint8), 1)


def read(path: Path, max_pixels: int, page: int = 0) -> Picture:
    """Read a file; it has one page, whatever is requested."""
    with pillow.opened(path, "PNG") as file:
        orientation = pillow.load(file, max_pixels)
        if bits(path) == 16:
            import imagecodecs

            pixels = imagecodecs.png_decode(path.read_bytes())
        else:
            pixels = pillow.pixels_of(file)
    has_alpha = pixels.ndim == 3 and pixels.shape[2] in (2, 4)
    return Picture(upright(pixels, orientation), "straight" if has_alpha else None)


def write(stream: BinaryIO, picture: Picture) -> None:
    """Write uint8 as 8 bits, and all other dtypes as 16; alpha becomes straight."""
    pixels = squeeze_grey(picture.straight())
    if pixels.dtype == np.uint8:
        import PIL.Image

        PIL.Image.fromarray(pixels).save(stream, "PNG")
    else:
        import imagecodecs

        stream.write(imagecodecs.png_encode(np.ascontiguousarray(rescale(pixels, np.uint16))))


def bits(path: Path) -> int:
    """Return the bits a channel that a file's header states."""
    with open(path, "rb") as stream:
        return stream.read(BITS_OFFSET + 1)[BITS_OFFSET]

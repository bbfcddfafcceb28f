"""PNG: 8 bits by Pillow, 16 bits by imagecodecs, as Pillow would cut colours to 8."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from imgconv.io import pillow
from imgconv.io.metadata import Metadata
from imgconv.io.picture import About, Picture, rescale, squeeze_grey, upright

__all__ = ["MAGIC", "SUFFIXES", "about", "read", "write"]

MAGIC = re.compile(rb"\x89PNG\r\n\x1a\n")
SUFFIXES: tuple[str, ...] = (".png",)
# The byte behind the signature, IHDR's length and name, width and height; the type of colour
# follows it.
BITS_OFFSET = 24
# Where IHDR ends, and other chunks may begin.
HEADER_END = 33
INCH = 0.0254  # metres
LARGEST = 2**31 - 1  # number in a chunk


def about(path: Path) -> About:
    """Return what a file contains."""
    dtype = np.dtype(np.uint16 if bits(path) == 16 else np.uint8)
    return pillow.about(path, "PNG")._replace(dtype=dtype)


def read(path: Path, max_pixels: int, page: int = 0) -> Picture:
    """Read a file; it has one page, whatever is requested."""
    depth = bits(path)
    with pillow.opened(path, "PNG") as file:
        orientation = pillow.load(file, max_pixels)
        one_bit = file.mode == "1" and not file.has_transparency_data
        if depth == 16:
            import imagecodecs

            pixels = imagecodecs.png_decode(path.read_bytes())
        else:
            pixels = pillow.pixels_of(file)
        metadata, animated = pillow.metadata_of(file), pillow.is_animated(file)
    has_alpha = pixels.ndim == 3 and pixels.shape[2] in (2, 4)
    return Picture(
        upright(pixels, orientation),
        "straight" if has_alpha else None,
        1 if one_bit else None,
        metadata.upright(orientation),
        animated=animated,
    )


def write(stream: BinaryIO, picture: Picture) -> None:
    """Write uint8 as 8 bits, and all other dtypes as 16; alpha becomes straight.

    A picture of 1 bit is written as such if it is black and white still.
    """
    pixels, white = squeeze_grey(picture.straight()), picture.white
    if pixels.dtype == np.uint8:
        import PIL.Image

        pixels = rescale(pixels, np.uint8, white)
        image = PIL.Image.fromarray(pixels)
        if picture.black_and_white:
            image = image.convert("1", dither=PIL.Image.Dither.NONE)
        encoded = pillow.encoded(image, "PNG")
    else:
        import imagecodecs

        pixels = np.ascontiguousarray(rescale(pixels, np.uint16, white))
        encoded = bytes(imagecodecs.png_encode(pixels))
    stream.write(encoded[:HEADER_END])
    for name, data in chunks_of(picture.metadata):
        stream.write(struct.pack(">I", len(data)) + name + data)
        stream.write(struct.pack(">I", zlib.crc32(name + data)))
    stream.write(encoded[HEADER_END:])


def chunks_of(metadata: Metadata) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and data of the chunks that hold metadata."""
    from PIL.PngImagePlugin import PngInfo

    if metadata.profile:
        yield b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.profile)
    for name, data in metadata.chunks:
        if not (name == b"sRGB" and metadata.profile):  # the standard allows one of both
            yield name, data
    resolution = metadata.resolution
    if resolution:
        known = resolution.unit is not None
        per_metre = [side / INCH for side in resolution.per_inch]
        x, y = (min(round(side), LARGEST) for side in (per_metre if known else resolution[:2]))
        yield b"pHYs", struct.pack(">IIB", x, y, known)
    exif = pillow.exif_bytes(metadata)
    if exif:
        yield b"eXIf", exif.removeprefix(b"Exif\0\0")
    texts = PngInfo()
    if metadata.xmp:
        texts.add_itxt("XML:com.adobe.xmp", metadata.xmp.decode("utf-8", "replace"))
    for word, text in metadata.texts:
        texts.add_text(word, text)
    for chunk in texts.chunks:
        yield chunk[0], chunk[1]


def bits(path: Path) -> int:
    """Return the bits a channel that a file's header states."""
    with open(path, "rb") as stream:
        begin = stream.read(BITS_OFFSET + 1)
    return begin[BITS_OFFSET] if len(begin) > BITS_OFFSET else 0

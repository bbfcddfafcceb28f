"""JPEG: 8 bits, grey or RGB, without alpha."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from imgconv.io import photoshop, pillow
from imgconv.io.errors import check_side
from imgconv.io.metadata import Metadata
from imgconv.io.picture import About, Picture, Stored, rescale, squeeze_grey, upright

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["MAGIC", "SUFFIXES", "about", "read", "write"]

MAGIC = re.compile(rb"\xff\xd8\xff")
SUFFIXES: tuple[str, ...] = (".jpg", ".jpeg")
LONGEST_SIDE = 65500  # that libjpeg writes
# Of pictures that come from no JPEG file, or are larger than their tables make them.
QUALITY = 95
FULL_CHROMA = 0  # Pillow's number for 4:4:4
# The most bytes that a segment holds: its length, of two bytes, counts itself.
SEGMENT_BYTES = 65_533


def about(path: Path) -> About:
    """Return what a file contains."""
    return pillow.about(path, "JPEG")


def read(path: Path, max_pixels: int, page: int = 0) -> Picture:
    """Read a file; it has one page, whatever is requested."""
    # The second picture of an MPO file is a preview, or that of the other eye: no animation.
    with pillow.opened(path, "JPEG") as file:
        orientation = pillow.load(file, max_pixels)
        metadata = replace(pillow.metadata_of(file), photoshop=blocks_of(file))
        return Picture(
            upright(pillow.pixels_of(file), orientation),
            metadata=metadata.upright(orientation),
            stored=Stored("jpeg", options_of(file)),
        )


def blocks_of(file: Image) -> bytes | None:
    """Return Photoshop's blocks, which may fill several segments."""
    segments = [data for name, data in getattr(file, "applist", ()) if name == "APP13"]
    begin = photoshop.SEGMENT
    found = b"".join(data.removeprefix(begin) for data in segments if data.startswith(begin))
    return photoshop.kept(found) or None


def options_of(file: Image) -> dict[str, Any]:
    """Return the options by which Pillow stores a picture as it is in this file."""
    from PIL.JpegImagePlugin import get_sampling

    sampling = get_sampling(file) if file.mode in ("YCbCr", "RGB") else -1
    return {
        "qtables": getattr(file, "quantization", None),
        "subsampling": sampling if sampling >= 0 else FULL_CHROMA,
        "progressive": bool(file.info.get("progressive")),
    }


def write(stream: BinaryIO, picture: Picture) -> None:
    """Write the colours as 8 bits, with white behind transparent pixels.

    A picture that comes from a JPEG file keeps its tables of quantisation, unless a quality is
    given, and its chroma subsampling; others have full chroma.
    """
    import PIL.Image

    check_side(picture.pixels.shape, LONGEST_SIDE, "JPEG")
    pixels = rescale(squeeze_grey(picture.over_white()), np.uint8, picture.white)
    quality = picture.stored.quality
    options = {"subsampling": FULL_CHROMA, **picture.stored.kept("jpeg")}
    if quality is not None or not options.get("qtables"):
        options.pop("qtables", None)
        options["quality"] = QUALITY if quality is None else quality
    PIL.Image.fromarray(pixels).save(stream, "JPEG", **options, **metadata_options(picture))


def metadata_options(picture: Picture) -> dict[str, Any]:
    """Return the options by which Pillow writes metadata; its segments hold 64 KB."""
    metadata: Metadata = picture.metadata
    options = pillow.save_options(metadata)
    for name in ("exif", "xmp"):
        if len(options.get(name, b"")) > 65_000:
            del options[name]
    if "dpi" in options:
        options["dpi"] = tuple(min(round(value), 65_535) for value in options["dpi"])
    options["extra"] = b"".join(app13(metadata.photoshop or b""))
    comments = [text for word, text in metadata.texts if word == "Comment"]
    if comments:
        options["comment"] = comments[0].encode()[:65_000]
    return options


def app13(blocks: bytes) -> Iterator[bytes]:
    """Yield segments that hold Photoshop's blocks."""
    size = SEGMENT_BYTES - len(photoshop.SEGMENT)
    for place in range(0, len(blocks), size):
        data = photoshop.SEGMENT + blocks[place : place + size]
        yield b"\xff\xed" + struct.pack(">H", len(data) + 2) + data

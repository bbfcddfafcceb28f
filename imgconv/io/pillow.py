"""What Pillow does for all formats that it reads: it opens, decodes, and knows their metadata."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from imgconv.io import colour
from imgconv.io.errors import PictureError, PictureTooLargeError, check_size
from imgconv.io.metadata import (
    EXIF_IFD,
    GPS_IFD,
    INTEROP_IFD,
    ORIENTATION,
    Metadata,
    Resolution,
    directory,
)
from imgconv.io.picture import About

if TYPE_CHECKING:
    from PIL.Image import Exif, Image

__all__ = [
    "about",
    "exif_bytes",
    "is_animated",
    "load",
    "metadata_of",
    "metadata_of_exif",
    "opened",
    "orientation_of",
    "pixels_of",
    "save_options",
]

# Tags of a TIFF file's first directory that say how its pixels are stored, or where: Exif has no
# pixels, so that none of these means anything there; resolution and orientation are kept apart.
STORAGE_TAGS = frozenset(
    [*range(254, 269), 273, ORIENTATION, *range(277, 285), 284, 288, 289, 290, 291, 292, 293, 296,
     301, *range(317, 324), 324, 325, 330, 332, 334, 336, 337, 338, 339, 340, 341, 342, 347,
     *range(512, 533), 700, 34675, EXIF_IFD, GPS_IFD]
)  # fmt: skip
COLOUR_CHUNKS = (b"gAMA", b"cHRM", b"sRGB")


@contextmanager
def opened(path: Path, kind: str) -> Iterator[Image]:
    """Open a file of one format, by Pillow's name of it, without decoding it.

    `PIL.Image.open` would compare its size with a limit of its own, which only a global variable
    changes; `check_size` is the limit here, in all formats.
    """
    import PIL.Image

    PIL.Image.init()
    if kind not in PIL.Image.OPEN:
        raise PictureError(f"this Pillow cannot read {kind}")
    with open(path, "rb") as stream:
        try:
            file = PIL.Image.OPEN[kind][0](stream, str(path))
        except PIL.Image.DecompressionBombError as error:
            raise PictureTooLargeError(str(error)) from None
        except (SyntaxError, IndexError, TypeError, KeyError, EOFError, struct.error):
            raise PictureError(f"not a {kind} picture, though it begins as one") from None
        with file:
            yield file


def load(file: Image, max_pixels: int) -> int:
    """Decode a file if it is not too large, and return its orientation.

    It is read to its end, so that damage and Exif data behind the pixels are found.
    """
    check_size(file.height, file.width, max_pixels)
    file.load()
    return orientation_of(file)


def orientation_of(file: Image) -> int:
    """Return the orientation of a file."""
    orientation: int = exif_of(file).get(ORIENTATION, 1)
    return orientation


def exif_of(file: Image) -> Exif:
    """Return the Exif data of a file; none where they are damaged, as its pixels need not be."""
    import PIL.Image

    try:
        return file.getexif()
    except Exception:
        return PIL.Image.Exif()


def pixels_of(file: Image) -> NDArray[Any]:
    """Return the pixels of a file that is loaded, 8 bits a channel."""
    if file.mode == "CMYK":
        conversion = partial(colour.from_inks, white=255, profile=file.info.get("icc_profile"))
        return colour.rgb(np.asarray(file), conversion, np.dtype(np.uint8), 255)
    return np.asarray(file.convert(_mode(file)))


def about(path: Path, kind: str) -> About:
    """Return what a file of 8 bits contains."""
    with opened(path, kind) as file:
        channels = len(_mode(file))
        shape = (file.height, file.width, channels) if channels > 1 else (file.height, file.width)
    return About(shape, np.dtype(np.uint8), 1, channels in (2, 4))


def is_animated(file: Image) -> bool:
    """Return whether a file has several frames."""
    return bool(getattr(file, "is_animated", False))


def _mode(file: Image) -> str:
    """Return the Pillow mode for the pixels of a file: grey or RGB, with its alpha."""
    mode = "L" if file.mode in ("1", "L", "LA", "La") or file.mode.startswith("I") else "RGB"
    return mode + "A" if file.has_transparency_data else mode


# ---- metadata ------------------------------------------------------------------------------------


def metadata_of(file: Image) -> Metadata:
    """Return what a file says of its picture; the file is loaded."""
    info = file.info
    return replace(
        described(exif_of(file)),
        profile=colour.profile_of_rgb(
            "SEPARATED" if file.mode == "CMYK" else "", info.get("icc_profile")
        ),
        resolution=_resolution(file),
        xmp=_bytes(info.get("xmp")),
        texts=tuple(_texts(file)),
        chunks=tuple(_colour_chunks(info)) if file.format == "PNG" else (),
    )


def metadata_of_exif(data: bytes, xmp: bytes | None) -> Metadata:
    """Return what Exif data, as they are in a file, and a document of XMP say."""
    import PIL.Image

    exif = PIL.Image.Exif()
    with suppress(Exception):  # damaged: the pixels are not
        exif.load(data)
    return replace(described(exif), xmp=xmp)


def described(exif: Exif) -> Metadata:
    """Return what Exif data say; nothing where they are damaged, as the pixels need not be."""
    try:
        tags, camera, gps = directories(exif)
    except Exception:
        return Metadata()
    return Metadata(tags=tags, exif=camera, gps=gps)


def directories(exif: Exif) -> tuple[dict[int, Any], dict[int, Any], dict[int, Any]]:
    """Return the tags that describe a picture, and the directories of exposure and place."""
    camera = dict(exif.get_ifd(EXIF_IFD))
    if INTEROP_IFD in camera:
        camera[INTEROP_IFD] = dict(exif.get_ifd(INTEROP_IFD))
    tags = {code: value for code, value in exif.items() if code not in STORAGE_TAGS}
    return directory(tags), directory(camera), directory(exif.get_ifd(GPS_IFD))


def exif_bytes(metadata: Metadata) -> bytes:
    """Return tags and directories as Exif, without a thumbnail; empty if there are none.

    What Pillow has read but cannot write is left out.
    """
    import PIL.Image

    tags = {code: value for code, value in metadata.all_tags().items() if code <= 0xFFFF}
    for camera in (metadata.exif, {}):
        exif = PIL.Image.Exif()
        for code, value in directory(tags).items():
            exif[code] = value
        exif.get_ifd(EXIF_IFD).update(camera)
        exif.get_ifd(GPS_IFD).update(metadata.gps)
        if not (tags or camera or metadata.gps):
            return b""
        if not camera:
            del exif._ifds[EXIF_IFD]
        if not metadata.gps:
            del exif._ifds[GPS_IFD]
        try:
            return exif.tobytes()
        except Exception:
            continue
    return b""


def save_options(metadata: Metadata) -> dict[str, Any]:
    """Return the options by which Pillow writes metadata into JPEG and WebP."""
    options = {
        "icc_profile": metadata.profile,
        "exif": exif_bytes(metadata),
        "xmp": metadata.xmp,
        "dpi": metadata.resolution.per_inch if metadata.resolution else None,
    }
    return {name: value for name, value in options.items() if value}


def _resolution(file: Image) -> Resolution | None:
    info = file.info
    unit: Literal["inch", "centimetre"] | None = "inch"
    if file.format == "JPEG" and info.get("jfif_unit") == 2:
        found, unit = info["jfif_density"], "centimetre"
    elif "dpi" in info:
        found = info["dpi"]
    else:
        found, unit = info.get("aspect"), None
    try:
        x, y = map(float, found)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return Resolution(x, y, unit) if 0 < min(x, y) <= max(x, y) < inf else None


def _texts(file: Image) -> Iterator[tuple[str, str]]:
    for word, text in getattr(file, "text", {}).items():
        if word != "XML:com.adobe.xmp":
            yield word, str(text)
    comment = file.info.get("comment")
    if isinstance(comment, bytes) and file.format in ("JPEG", "GIF"):
        yield "Comment", comment.decode("latin-1")


def _colour_chunks(info: dict[Any, Any]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks of PNG that say what colours its values mean."""
    if "gamma" in info:
        yield b"gAMA", struct.pack(">I", round(info["gamma"] * 100_000))
    if "chromaticity" in info:
        numbers = [round(value * 100_000) for value in info["chromaticity"]]
        yield b"cHRM", struct.pack(f">{len(numbers)}I", *numbers)
    if "srgb" in info:
        yield b"sRGB", bytes([info["srgb"]])


def _bytes(value: Any) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def encoded(image: Image, kind: str, **options: Any) -> bytes:
    """Return the file that Pillow makes of an image."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()

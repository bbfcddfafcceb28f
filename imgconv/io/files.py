"""Files are read by their content, and written by the suffix of their name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from imgconv.io import atomic, jpeg, others, png, tiff, zarr
from imgconv.io.errors import PictureError, one_line
from imgconv.io.metadata import Metadata
from imgconv.io.picture import MAX_PIXELS, About, Picture

__all__ = [
    "READABLE",
    "SUFFIXES",
    "about",
    "integer_type",
    "read",
    "read_lazily",
    "read_pages",
    "write",
    "write_pages",
]


class Format(Protocol):
    """What the module of a format has, or a value in its place.

    Two names are those of constants of a module, hence the N802.
    """

    @property
    def MAGIC(self) -> re.Pattern[bytes]:  # noqa: N802
        """How files of the format begin."""

    @property
    def SUFFIXES(self) -> tuple[str, ...]:  # noqa: N802
        """How their names end."""

    def about(self, path: Path, /) -> About:
        """Return what a file contains."""

    def read(self, path: Path, max_pixels: int, page: int, /) -> Picture:
        """Read a page of a file."""

    def write(self, stream: BinaryIO, picture: Picture, /) -> None:
        """Write a file of one page."""


TIFF: Format = tiff
WRITTEN: tuple[Format, ...] = (png, jpeg, TIFF, others.WEBP)
FORMATS: tuple[Format, ...] = (
    *WRITTEN, others.BMP, others.GIF, others.AVIF, others.JPEG2000, others.JPEGXL
)  # fmt: skip
# How names of files end that are written, and that are read.
SUFFIXES = tuple(suffix for each in WRITTEN for suffix in each.SUFFIXES)
READABLE = tuple(suffix for each in FORMATS for suffix in each.SUFFIXES)
# Enough of a file to know its format.
BEGIN = 16


def integer_type(suffix: str, source: np.dtype[Any]) -> type[np.uint8] | type[np.uint16]:
    """Return the integers that show floats in PNG, JPEG or WebP, from pixels of `source`."""
    eight = suffix in jpeg.SUFFIXES + others.WEBP.SUFFIXES or source.itemsize == 1
    return np.uint8 if eight else np.uint16


def about(path: Path) -> About:
    """Return shape, dtype and number of pages of a file, without reading its pixels.

    Parameters
    ----------
    path : Path
        A file of a format that is read, or a zarr array.

    Raises
    ------
    PictureError
        If the file is missing, or not such a picture.
    """
    with _as_picture_errors():
        return zarr.about(path) if zarr.is_zarr(path) else _format_of(path).about(path)


def read(path: Path, max_pixels: int = MAX_PIXELS, page: int = 0) -> Picture:
    """Read a picture.

    Parameters
    ----------
    path : Path
        A file of a format that is read; its content decides which, not its name.
    max_pixels : int
        Larger pictures are refused before they are decoded, as are those of fewer pixels but more
        than four times as many samples.
    page : int
        Which page of a TIFF file.

    Raises
    ------
    PictureError
        If the file is missing, truncated, too large, or not such a picture.
    """
    with _as_picture_errors():
        return _format_of(path).read(path, max_pixels, page)


def read_pages(path: Path, max_pixels: int = MAX_PIXELS) -> Iterator[Picture]:
    """Yield the pages of a file one by one; the file is opened once.

    Parameters
    ----------
    path : Path
        A file of a format that is read; all but TIFF have one page.
    max_pixels : int
        A larger page is refused before it is decoded.

    Raises
    ------
    PictureError
        If the file is missing, truncated, too large, or not such a picture.
    """
    with _as_picture_errors():
        found = _format_of(path)
        if found is TIFF:
            yield from tiff.read_pages(path, max_pixels)
        else:
            yield found.read(path, max_pixels, 0)


def read_lazily(path: Path, chunk: int, max_pixels: int = MAX_PIXELS) -> Picture:
    """Return a picture of any size, whose pixels are a dask array.

    Parameters
    ----------
    path : Path
        A file of a format that is read, or a zarr array. Chunks of zarr and of the first page of
        TIFF are read as they are requested; other files are read as a whole.
    chunk : int
        About how many pixels a chunk has along each side.
    max_pixels : int
        Larger pictures are refused where they are read as a whole.

    Raises
    ------
    PictureError
        If the file is missing, damaged, or not such a picture.
    """
    with _as_picture_errors():
        if zarr.is_zarr(path):
            return zarr.read(path, chunk)
        found = _format_of(path)
        if found is TIFF:
            return tiff.LazyPage(path).lazily(chunk)
        import dask.array

        da: Any = dask.array  # without annotations
        picture = found.read(path, max_pixels, 0)
        sides = (chunk, chunk, *picture.pixels.shape[2:])
        return replace(picture, pixels=da.from_array(picture.pixels, sides, name=False))


def write(path: Path, picture: Picture, *, strip: bool = False, quality: int | None = None) -> None:
    """Write a picture, whole or not at all: PNG, JPEG, TIFF or WebP by the suffix of the name.

    Parameters
    ----------
    path : Path
        Where to; its folder is created where missing.
    picture : Picture
        JPEG and WebP store 8 bits, JPEG no alpha, PNG 8 bits of uint8 and 16 of all else, TIFF the
        pixels as they are.
    strip : bool
        Whether metadata is left out.
    quality : int, optional
        Of JPEG, and of WebP, which loses nothing by default: 1 to 100. A picture that comes from a
        JPEG file is by default compressed as that was.

    Raises
    ------
    PictureError
        If the file cannot be written.
    """
    suffix = path.suffix.lower()
    encoder = next((each for each in WRITTEN if suffix in each.SUFFIXES), png)
    with atomic.temporary_path(path) as temporary, open(temporary, "x+b") as stream:
        encoder.write(stream, _for_file(picture, strip, quality))


def write_pages(
    path: Path,
    pictures: Iterable[Picture],
    large: bool = False,
    *,
    strip: bool = False,
    quality: int | None = None,
) -> None:
    """Write the pages of a TIFF file one by one, whole or not at all.

    Parameters
    ----------
    path : Path
        Where to; its folder is created where missing.
    pictures : iterable of Picture
        In order; each is requested when the one before is written.
    large : bool
        Whether the file may grow beyond 4 GB: a BigTIFF.
    strip, quality
        As for `write`.

    Raises
    ------
    PictureError
        If the file cannot be written.
    """
    with atomic.temporary_path(path) as temporary, open(temporary, "x+b") as stream:
        pages = (_for_file(picture, strip, quality) for picture in pictures)
        tiff.write_pages(stream, pages, large)


def _for_file(picture: Picture, strip: bool, quality: int | None) -> Picture:
    """Return a picture with the metadata and the quality that its file shall have."""
    height, width = picture.pixels.shape[:2]
    kept = Metadata() if strip else picture.metadata.fitted(height, width, picture.colours)
    return replace(picture, metadata=kept, stored=picture.stored._replace(quality=quality))


def _format_of(path: Path) -> Format:
    """Return the format of a file, by its first bytes."""
    with open(path, "rb") as stream:
        begin = stream.read(BEGIN)
    for each in FORMATS:
        if each.MAGIC.match(begin):
            return each
    if not begin:
        raise PictureError("an empty file")
    raise PictureError(
        "not a PNG, JPEG or TIFF picture, nor BMP, GIF, WebP, JPEG 2000, JPEG XL or AVIF"
    )


@contextmanager
def _as_picture_errors() -> Iterator[None]:
    """Raise all that goes wrong while a file is read as a `PictureError`."""
    try:
        yield
    except (PictureError, ImportError):
        raise
    except MemoryError:
        raise PictureError("too large for this machine's memory") from None
    except FileNotFoundError:
        raise PictureError("no such file") from None
    except IsADirectoryError:
        raise PictureError("a folder, not a picture") from None
    except PermissionError:
        raise PictureError("no permission to read it") from None
    # These come from values that a decoder has not checked, and their texts are about its code.
    except (TypeError, AttributeError, LookupError, AssertionError):
        raise PictureError("damaged or truncated (impossible values in its header)") from None
    # Decoders report damage in many ways (OSError, SyntaxError, struct.error).
    except Exception as error:
        raise PictureError(f"damaged or truncated ({one_line(error)})") from error

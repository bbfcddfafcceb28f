"""Files are read by their content, and written by the suffix of their name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from imgconv.io import atomic, jpeg, png, tiff, zarr
from imgconv.io.errors import PictureError, one_line
from imgconv.io.picture import MAX_PIXELS, About, Picture

__all__ = ["SUFFIXES", "about", "integer_type", "read", "read_lazily", "write", "write_pages"]


class Format(Protocol):
    """What the module of a format has."""

    MAGIC: tuple[bytes, ...]
    SUFFIXES: tuple[str, ...]

    def about(self, path: Path, /) -> About:
        """Return what a file contains."""

    def read(self, path: Path, max_pixels: int, page: int, /) -> Picture:
        """Read a page of a file."""

    def write(self, stream: BinaryIO, picture: Picture, /) -> None:
        """Write a file of one page."""


TIFF: Format = tiff
FORMATS: tuple[Format, ...] = (png, jpeg, TIFF)
SUFFIXES = png.SUFFIXES + jpeg.SUFFIXES + tiff.SUFFIXES


def integer_type(suffix: str, source: np.dtype[Any]) -> type[np.uint8] | type[np.uint16]:
    """Return the integers that show floats in PNG or JPEG, if they come from pixels of `source`."""
    return np.uint8 if suffix in jpeg.SUFFIXES or source.itemsize == 1 else np.uint16


def about(path: Path) -> About:
    """Return shape, dtype and number of pages of a file, without reading its pixels.

    Parameters
    ----------
    path : Path
        A PNG, JPEG or TIFF file, or a zarr array.

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
        A PNG, JPEG or TIFF file; its content decides which, not its name.
    max_pixels : int
        Larger pictures are refused before they are decoded.
    page : int
        Which page of a TIFF file.

    Raises
    ------
    PictureError
        If the file is missing, truncated, too large, or not such a picture.
    """
    with _as_picture_errors():
        return _format_of(path).read(path, max_pixels, page)


def read_lazily(path: Path, chunk: int) -> Any:
    """Return a picture as a dask array whose chunks are read as they are requested.

    Parameters
    ----------
    path : Path
        A TIFF file, of which the first page is read, or a zarr array.
    chunk : int
        About how many pixels a chunk has along each side.

    Raises
    ------
    PictureError
        If the file is missing, damaged or of another format.
    """
    with _as_picture_errors():
        if zarr.is_zarr(path):
            return zarr.read(path, chunk)
        if _format_of(path) is not TIFF:
            raise PictureError("only TIFF and zarr can be read piece by piece")
        page = tiff.LazyPage(path)
        import dask.array

        da: Any = dask.array  # without annotations
        nothing = np.empty((0,) * page.ndim, page.dtype)
        return da.from_array(page, page.chunks(chunk), name=False, meta=nothing)


def write(path: Path, picture: Picture) -> None:
    """Write a picture, whole or not at all: PNG, JPEG or TIFF by the suffix of the name.

    Parameters
    ----------
    path : Path
        Where to; its folder is created where missing.
    picture : Picture
        JPEG stores 8 bits and no alpha, PNG 8 bits of uint8 and 16 of all else, TIFF the pixels as
        they are.

    Raises
    ------
    PictureError
        If the file cannot be written.
    """
    suffix = path.suffix.lower()
    encoder = next((each for each in FORMATS if suffix in each.SUFFIXES), png)
    with atomic.temporary_path(path) as temporary, open(temporary, "xb") as stream:
        encoder.write(stream, picture)


def write_pages(path: Path, pictures: Iterable[Picture], large: bool = False) -> None:
    """Write the pages of a TIFF file one by one, whole or not at all.

    Parameters
    ----------
    path : Path
        Where to; its folder is created where missing.
    pictures : iterable of Picture
        In order; each is requested when the one before is written.
    large : bool
        Whether the file may grow beyond 4 GB: a BigTIFF.

    Raises
    ------
    PictureError
        If the file cannot be written.
    """
    with atomic.temporary_path(path) as temporary, open(temporary, "xb") as stream:
        tiff.write_pages(stream, pictures, large)


def _format_of(path: Path) -> Format:
    """Return the format of a file, by its first bytes."""
    with open(path, "rb") as stream:
        begin = stream.read(8)
    for each in FORMATS:
        if begin.startswith(each.MAGIC):
            return each
    raise PictureError("not a PNG, JPEG or TIFF picture" if begin else "an empty file")


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
    # Decoders report damage in many ways (OSError, SyntaxError, struct.error).
    except Exception as error:
        raise PictureError(f"damaged or truncated ({one_line(error)})") from error

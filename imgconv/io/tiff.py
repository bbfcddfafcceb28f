"""TIFF by tifffile: any depth, many pages, and a page piece by piece."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from imgconv.io.errors import PictureError, check_size
from imgconv.io.picture import (
    ORIENTATION_TAG,
    About,
    Alpha,
    Picture,
    full_scale,
    squeeze_grey,
    upright,
)

__all__ = ["LARGE", "MAGIC", "SUFFIXES", "LazyPage", "about", "read", "write", "write_pages"]

MAGIC: tuple[bytes, ...] = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
SUFFIXES: tuple[str, ...] = (".tif", ".tiff")
LARGE = 4_000_000_000  # bytes of pixels; beyond, offsets need 64 bits: BigTIFF

# The values of the tag ExtraSamples of TIFF 6.0.
ALPHA_OF_CODE: dict[int, Alpha] = {1: "premultiplied", 2: "straight"}
CODE_OF_ALPHA = {alpha: code for code, alpha in ALPHA_OF_CODE.items()}


def about(path: Path) -> About:
    """Return what a file contains: the first page, and how many there are."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        page: Any = file.pages.first
        if page.dtype is None:
            raise PictureError("pixels of an unknown type")
        return About(tuple(page.shape), np.dtype(page.dtype), len(file.pages))


def read(path: Path, max_pixels: int, page: int = 0) -> Picture:
    """Read a page as grey or RGB, with alpha; other channels are left out."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        found: Any = file.pages[page]
        check_size(found.imagelength, found.imagewidth, max_pixels)
        pixels = _channels_last(found)
        photometric = tifffile.PHOTOMETRIC(found.photometric).name
        if photometric == "PALETTE" and found.colormap is not None:
            pixels = np.moveaxis(found.colormap[:, pixels], 0, -1)
        elif photometric == "MINISWHITE":
            pixels = ~pixels if pixels.dtype.kind in "bu" else full_scale(pixels.dtype) - pixels
        elif photometric not in ("MINISBLACK", "RGB", "YCBCR"):
            raise PictureError(f"a TIFF file of {photometric} pixels, not of grey or RGB")
        alpha = ALPHA_OF_CODE.get(found.extrasamples[0]) if found.extrasamples else None
        colours = 3 if photometric in ("RGB", "YCBCR", "PALETTE") else 1
        if pixels.ndim == 3:
            pixels = pixels[..., : colours + (alpha is not None)]
        orientation = found.tags.valueof(ORIENTATION_TAG, 1)
    return Picture(upright(pixels, orientation), alpha)


def _channels_last(page: Any) -> NDArray[Any]:
    """Return the pixels of a page, (H, W) or (H, W, C)."""
    pixels: NDArray[Any] = page.asarray()
    if pixels.dtype.kind not in "buif":
        raise PictureError(f"pixels of {pixels.dtype} cannot be filtered")
    if page.axes == "SYX":
        return np.moveaxis(pixels, 0, -1)
    _check_flat(page, ("YX", "YXS"))
    return pixels


def _check_flat(page: Any, axes: tuple[str, ...]) -> None:
    if page.axes not in axes:
        raise PictureError(f"a TIFF page with axes {page.axes}, not a flat picture")


def write(stream: BinaryIO, picture: Picture) -> None:
    """Write one page, of any real dtype."""
    import tifffile

    pixels, options = _page(picture)
    tifffile.imwrite(stream, pixels, bigtiff=pixels.nbytes > LARGE, **options)


def write_pages(stream: BinaryIO, pictures: Iterable[Picture], large: bool) -> None:
    """Write pages one by one."""
    import tifffile

    with tifffile.TiffWriter(stream, bigtiff=large) as file:
        for picture in pictures:
            pixels, options = _page(picture)
            file.write(pixels, **options)


def _page(picture: Picture) -> tuple[NDArray[Any], dict[str, Any]]:
    """Return the pixels of a page, and the options by which tifffile writes them."""
    pixels = squeeze_grey(picture.pixels)
    return pixels, {
        "photometric": "rgb" if picture.colours == 3 else "minisblack",
        "planarconfig": "contig" if pixels.ndim == 3 else None,
        "extrasamples": [CODE_OF_ALPHA[picture.alpha]] if picture.alpha else None,
        "metadata": None,
    }


class LazyPage:
    """The first page of a file, whose pixels are read as they are requested.

    The file is open only while it is read, and any process that sees it can read it; so tasks on
    other machines of a cluster can.
    """

    def __init__(self, path: Path) -> None:
        import tifffile

        with tifffile.TiffFile(path) as file:
            page: Any = file.pages.first
            _check_flat(page, ("YX", "YXS"))
            self.path = path.absolute()
            self.shape: tuple[int, ...] = page.shape
            self.ndim: int = page.ndim
            self.stored_dtype = page.dtype.newbyteorder(file.byteorder)
            self.dtype = np.dtype(page.dtype)
            self.offset = page.dataoffsets[0] if page.is_contiguous else None
            self.tiled: bool = page.is_tiled

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Return some pixels."""
        if self.offset is not None:
            pixels = np.memmap(self.path, self.stored_dtype, "r", self.offset, self.shape)
            return np.array(pixels[key], self.dtype)
        import tifffile
        import zarr

        with tifffile.TiffFile(self.path) as file, file.pages.first.aszarr() as store:
            return np.asarray(zarr.open_array(store, mode="r")[key], self.dtype)

    def chunks(self, side: int) -> tuple[int, ...]:
        """Return chunks of about side x side pixels: whole rows, unless the file is tiled."""
        height, width = self.shape[:2]
        if self.tiled:
            return min(side, height), min(side, width), *self.shape[2:]
        return min(height, max(64, side * side // width)), *self.shape[1:]

"""TIFF by tifffile: any depth, many pages, and a page piece by piece."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from imgconv.io import tags
from imgconv.io.errors import PictureError, check_size
from imgconv.io.metadata import ORIENTATION
from imgconv.io.picture import About, Picture, Stored, squeeze_grey, upright
from imgconv.io.samples import CODE_OF_ALPHA, Samples

__all__ = ["LARGE", "MAGIC", "SUFFIXES", "LazyPage", "about", "read", "write", "write_pages"]

MAGIC = re.compile(rb"II[*+]\0|MM\0[*+]")
SUFFIXES: tuple[str, ...] = (".tif", ".tiff")
LARGE = 4_000_000_000  # bytes of pixels; beyond, offsets need 64 bits: BigTIFF

# Compressions that lose nothing, as tifffile writes them; JPEG is kept for 8 bits of colours.
LOSSLESS = {
    "LZW": "lzw", "ADOBE_DEFLATE": "zlib", "DEFLATE": "zlib", "PACKBITS": "packbits",
    "ZSTD": "zstd", "LZMA": "lzma",
}  # fmt: skip
JPEG_QUALITY = 95
STRIP = 1 << 18  # bytes, as tifffile has them
PREDICTED = ("lzw", "zlib", "zstd", "lzma")


def about(path: Path) -> About:
    """Return what a file contains: the first page, and how many there are."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        page: Any = file.pages.first
        samples = Samples.of(page)
        height, width = page.imagelength, page.imagewidth
        if page.tags.valueof(ORIENTATION, 1) in (5, 6, 7, 8):
            height, width = width, height
        return About(samples.shape(height, width), samples.dtype, len(file.pages),
                     samples.alpha is not None)  # fmt: skip


def read(path: Path, max_pixels: int, page: int = 0) -> Picture:
    """Read a page as grey or RGB, with alpha; other channels are left out."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        return picture_of(file, file.pages[page], max_pixels)


def read_pages(path: Path, max_pixels: int) -> Iterator[Picture]:
    """Yield the pages of a file, which is opened once."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        if not len(file.pages):
            raise PictureError("damaged or truncated (a TIFF file without pages)")
        for page in file.pages:
            yield picture_of(file, page, max_pixels)


def picture_of(file: Any, page: Any, max_pixels: int) -> Picture:
    """Return the picture of a page."""
    count = page.samplesperpixel * page.imagedepth
    check_size(page.imagelength, page.imagewidth, max_pixels, count)
    page = page.aspage()
    samples = Samples.of(page)
    pixels = page.asarray()
    pixels = samples(np.moveaxis(pixels, 0, -1) if page.axes == "SYX" else pixels)
    orientation = page.tags.valueof(ORIENTATION, 1)
    return Picture(
        upright(pixels, orientation),
        samples.alpha,
        samples.depth_of_result,
        tags.metadata_of(file, page, samples.profile_of_result).upright(orientation),
        Stored("tiff", stored(file, page)),
        len(file.pages),
    )


def stored(file: Any, page: Any) -> dict[str, Any]:
    """Return how a page is stored, in the words in which tifffile writes one."""
    import tifffile

    name = tifffile.COMPRESSION(page.compression).name
    return {
        "compression": LOSSLESS.get(name, "jpeg" if name == "JPEG" else
                                    None if name == "NONE" else "zlib"),
        "predictor": page.predictor != 1,
        "tile": (page.tilelength, page.tilewidth) if page.is_tiled else None,
        "byteorder": file.byteorder,
        "bigtiff": bool(file.is_bigtiff),
        "shape": page.shape,
    }  # fmt: skip


# ---- writing -------------------------------------------------------------------------------------


def write(stream: BinaryIO, picture: Picture) -> None:
    """Write one page, of any real dtype."""
    write_pages(stream, [picture], picture.pixels.nbytes > LARGE)


def write_pages(stream: BinaryIO, pictures: Iterable[Picture], large: bool) -> None:
    """Write pages one by one, in the byte order of the first one's file; it can be read, too."""
    import tifffile

    pages = iter(pictures)
    first = next(pages)
    kept = first.stored.kept("tiff")
    linked = False
    packed: list[int | None] = []
    with tifffile.TiffWriter(
        stream, bigtiff=large or kept.get("bigtiff", False), byteorder=kept.get("byteorder")
    ) as file:
        for picture in chain([first], pages):
            directories = tags.append_directories(
                stream, picture.metadata, kept.get("byteorder"), file.tiff.is_bigtiff
            )
            linked = linked or bool(directories)
            pixels, options, bits = page_of(picture)
            file.write(pixels, **options, **tags.options_of(picture, directories))
            packed.append(bits)
    if linked or any(packed):
        tags.correct(stream, packed)


def page_of(picture: Picture) -> tuple[Any, dict[str, Any], int | None]:
    """Return the pixels of a page, the options by which tifffile stores them, and its real bits.

    tifffile packs bits or compresses. For both it gets what is packed and compressed, and takes it
    for whole bytes; then the tag must be corrected.
    """
    pixels = squeeze_grey(picture.pixels)
    bits = None
    if picture.black_and_white:
        pixels = pixels > 0
    elif picture.depth is not None and picture.depth > 1:
        bits = picture.depth
    options: dict[str, Any] = {
        "photometric": "rgb" if picture.colours == 3 else "minisblack",
        "planarconfig": "contig" if pixels.ndim == 3 else None,
        "extrasamples": [CODE_OF_ALPHA[picture.alpha]] if picture.alpha else None,
        "metadata": None,
    }
    kept = picture.stored.kept("tiff")
    tile = kept.get("tile")
    if tile and all(side % 16 == 0 for side in tile):
        options["tile"] = tile
    options |= compressed(pixels, picture, kept)
    if bits is None or options["compression"] is None:
        return pixels, options | {"bitspersample": bits}, None
    rows = max(1, STRIP // pixels[:1].nbytes)
    options |= {"shape": pixels.shape, "dtype": pixels.dtype, "predictor": None}
    options |= {} if "tile" in options else {"rowsperstrip": rows}
    pieces = pieces_of(pixels, options.get("tile"), rows)
    return packed_pieces(pieces, bits, options["compression"]), options, bits


def pieces_of(
    pixels: NDArray[Any], tile: tuple[int, int] | None, rows: int
) -> Iterator[NDArray[Any]]:
    """Yield the tiles of a page, of which the last ones are filled up, or its strips."""
    height, width = tile or (rows, pixels.shape[1])
    for top in range(0, pixels.shape[0], height):
        for left in range(0, pixels.shape[1], width):
            piece = pixels[top : top + height, left : left + width]
            if tile:
                missing = [(0, side - n) for side, n in zip(tile, piece.shape, strict=False)]
                piece = np.pad(piece, missing + [(0, 0)] * (pixels.ndim - 2))
            yield piece


def packed_pieces(pieces: Iterable[NDArray[Any]], bits: int, compression: str) -> Iterator[bytes]:
    """Yield pieces with the bits of their samples packed, rows at whole bytes, and compressed."""
    import imagecodecs

    encode = getattr(imagecodecs, f"{compression}_encode")
    for piece in pieces:
        data = imagecodecs.packints_encode(piece, bits, runlen=piece[0].size)
        yield encode(np.frombuffer(data, np.uint8).reshape(len(piece), -1))


def compressed(pixels: NDArray[Any], picture: Picture, kept: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a page's compression: that of its file, or one that loses nothing."""
    compression = kept.get("compression")
    if compression == "jpeg":
        if pixels.dtype == np.uint8 and picture.alpha is None:
            level = picture.stored.quality or JPEG_QUALITY
            return {"compression": "jpeg", "compressionargs": {"level": level},
                    "subsampling": (1, 1) if picture.colours == 3 else None}  # fmt: skip
        compression = "zlib"
    predictor = kept.get("predictor", False) and compression in PREDICTED
    fits = pixels.dtype.kind in "uif" and pixels.dtype.char != "e"
    return {"compression": compression, "predictor": True if predictor and fits else None}


# ---- piece by piece ------------------------------------------------------------------------------


class LazyPage:
    """The first page of a file, whose pixels are read and converted as they are requested.

    The file is open only while it is read, and any process that sees it can read it; so tasks on
    other machines of a cluster can. Its pixels are not set upright.
    """

    def __init__(self, path: Path) -> None:
        import tifffile

        with tifffile.TiffFile(path) as file:
            page: Any = file.pages.first
            self.samples = Samples.of(page)
            self.path = path.absolute()
            self.planar: bool = page.axes == "SYX"
            self.stored_shape: tuple[int, ...] = page.shape
            self.stored_dtype = page.dtype.newbyteorder(file.byteorder)
            self.shape = self.samples.shape(page.imagelength, page.imagewidth)
            self.ndim = len(self.shape)
            self.dtype = self.samples.dtype
            self.offset = page.dataoffsets[0] if page.is_contiguous else None
            self.tiled: bool = page.is_tiled
            self.orientation: int = page.tags.valueof(ORIENTATION, 1)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Return some pixels."""
        place, channels = key[:2], key[2:]
        # A row or column alone is kept as an axis until its samples are converted.
        rows, columns = (n if isinstance(n, slice) else slice(n, n + 1) for n in place)
        samples = self.stored((slice(None), rows, columns) if self.planar else (rows, columns))
        pixels = self.samples(np.moveaxis(samples, 0, -1) if self.planar else samples)
        return pixels[(*(slice(None) if isinstance(n, slice) else 0 for n in place), *channels)]

    def stored(self, key: Any) -> NDArray[Any]:
        """Return some samples as the file has them."""
        native = self.stored_dtype.newbyteorder("=")
        if self.offset is not None:
            samples = np.memmap(self.path, self.stored_dtype, "r", self.offset, self.stored_shape)
            return np.array(samples[key], native)
        import tifffile
        import zarr

        with tifffile.TiffFile(self.path) as file, file.pages.first.aszarr() as store:
            return np.asarray(zarr.open_array(store, mode="r")[key], native)

    def chunks(self, side: int) -> tuple[int, ...]:
        """Return chunks of about side x side pixels: whole rows, unless the file is tiled."""
        height, width = self.shape[:2]
        if self.tiled:
            return min(side, height), min(side, width), *self.shape[2:]
        return min(height, max(64, side * side // width)), *self.shape[1:]

    def lazily(self, chunk: int) -> Picture:
        """Return the picture, upright, whose pixels are a dask array."""
        import dask.array

        da: Any = dask.array  # without annotations
        nothing = np.empty((0,) * self.ndim, self.dtype)
        pixels = da.from_array(self, self.chunks(chunk), name=False, meta=nothing)
        return Picture(
            upright(pixels, self.orientation), self.samples.alpha, self.samples.depth_of_result
        )

"""Formats that are read and not written, but for WebP: 8 bits by Pillow, more by imagecodecs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgconv.io import pillow
from imgconv.io.errors import PictureError, check_size
from imgconv.io.picture import MAX_PIXELS, About, Picture, rescale, squeeze_grey, upright

__all__ = ["AVIF", "BMP", "GIF", "JPEG2000", "JPEGXL", "WEBP", "Other"]


class Other(NamedTuple):
    """A format of which Pillow decodes the first frame, 8 bits a channel.

    Attributes
    ----------
    kind : str
        Pillow's name of it.
    MAGIC : pattern
        How its files begin.
    SUFFIXES : tuple of str
        How their names end.
    """

    kind: str
    MAGIC: re.Pattern[bytes]
    SUFFIXES: tuple[str, ...]

    def about(self, path: Path) -> About:
        """Return what a file contains."""
        return pillow.about(path, self.kind)

    def read(self, path: Path, max_pixels: int, page: int = 0) -> Picture:
        """Read the first frame, whatever is requested."""
        with pillow.opened(path, self.kind) as file:
            orientation = pillow.load(file, max_pixels)
            pixels, metadata = pillow.pixels_of(file), pillow.metadata_of(file)
        return picture_of(upright(pixels, orientation), metadata=metadata.upright(orientation))

    def write(self, stream: BinaryIO, picture: Picture) -> None:
        """Refuse to write the format."""
        raise PictureError(f"{self.kind} is read, but not written")


class WebP(Other):
    """WebP, which is also written."""

    def write(self, stream: BinaryIO, picture: Picture) -> None:
        """Write 8 bits: all of them, unless a quality is given."""
        import PIL.Image

        pixels = rescale(squeeze_grey(picture.straight()), np.uint8, picture.white)
        image = PIL.Image.fromarray(pixels)
        image = image.convert("RGBA" if image.mode in ("LA", "RGBA") else "RGB")
        quality = picture.stored.quality
        how: dict[str, Any] = {"lossless": True} if quality is None else {"quality": quality}
        options = pillow.save_options(picture.metadata)
        options.pop("dpi", None)
        image.save(stream, "WEBP", exact=True, **how, **options)


class Jpeg2000(Other):
    """JPEG 2000, of which imagecodecs decodes more than 8 bits."""

    def about(self, path: Path) -> About:
        """Return what a file contains."""
        found = Other.about(self, path)
        depth = self.depth(path)
        return found if depth <= 8 else found._replace(dtype=np.dtype(np.uint16))

    def read(self, path: Path, max_pixels: int, page: int = 0) -> Picture:
        """Read a file."""
        depth = self.depth(path)
        if depth <= 8:
            return Other.read(self, path, max_pixels)
        with pillow.opened(path, self.kind) as file:
            check_size(file.height, file.width, max_pixels)
            metadata = pillow.metadata_of(file)
        if depth > 16:
            raise PictureError(f"JPEG 2000 of {depth} bits; up to 16 are read")
        import imagecodecs

        pixels = imagecodecs.jpeg2k_decode(path.read_bytes())
        if pixels.dtype != np.uint16:
            raise PictureError(f"pixels of {pixels.dtype} in JPEG 2000")
        return picture_of(pixels, None if depth == 16 else depth, metadata)

    def depth(self, path: Path) -> int:
        """Return the bits of the first channel: in the marker SIZ, which begins the code stream."""
        data = path.read_bytes()
        begin = data.find(b"\xff\x4f\xff\x51")
        place = begin + 42
        if begin < 0 or place >= len(data):
            raise PictureError("damaged or truncated (JPEG 2000 without a header)")
        return (data[place] & 0x7F) + 1


class JpegXL(Other):
    """JPEG XL, decoded by imagecodecs, without metadata."""

    def about(self, path: Path) -> About:
        """Return what a file contains, which only its pixels say."""
        picture = self.read(path, MAX_PIXELS)
        return About(picture.pixels.shape, picture.pixels.dtype, 1, picture.alpha is not None)

    def read(self, path: Path, max_pixels: int, page: int = 0) -> Picture:
        """Read a file; its decoder sets it upright."""
        import imagecodecs

        data = path.read_bytes()
        check_size(*size_of_jpeg_xl(data), max_pixels)
        pixels = imagecodecs.jpegxl_decode(data)
        if pixels.ndim == 4:  # frames
            pixels = pixels[0]
        return picture_of(pixels)


def picture_of(pixels: NDArray[Any], depth: int | None = None, metadata: Any = None) -> Picture:
    """Return a picture whose second or fourth channel is its opacity."""
    if not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] <= 4)):
        raise PictureError(f"pixels of shape {pixels.shape}, not of grey or RGB")
    has_alpha = pixels.ndim == 3 and pixels.shape[2] in (2, 4)
    more = {} if metadata is None else {"metadata": metadata}
    return Picture(squeeze_grey(pixels), "straight" if has_alpha else None, depth, **more)


# Width over height in the header of JPEG XL.
RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


def size_of_jpeg_xl(data: bytes) -> tuple[int, int]:
    """Return height and width: the first bits of the code stream (ISO/IEC 18181-1, SizeHeader)."""
    begin = next(streams(data), -1)
    if begin < 0 or data[begin : begin + 2] != b"\xff\x0a" or len(data) < begin + 12:
        raise PictureError("damaged or truncated (JPEG XL without a header)")
    bits = int.from_bytes(data[begin + 2 : begin + 14], "little")

    def take(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    small = take(1)

    def side() -> int:
        return 8 * (take(5) + 1) if small else take((9, 13, 18, 30)[take(2)]) + 1

    height = side()
    ratio = take(3)
    if ratio:
        return height, height * RATIOS[ratio][0] // RATIOS[ratio][1]
    return height, side()


def streams(data: bytes) -> Iterator[int]:
    """Yield where code streams begin: at once, or in the boxes of a container."""
    if data.startswith(b"\xff\x0a"):
        yield 0
        return
    place = 0
    while place + 8 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        name = data[place + 4 : place + 8]
        header = 8
        if length == 1:
            length, header = int.from_bytes(data[place + 8 : place + 16], "big"), 16
        if name in (b"jxlc", b"jxlp"):
            yield place + header + (4 if name == b"jxlp" else 0)
        if length < header:
            return
        place += length


BMP = Other("BMP", re.compile(rb"BM"), (".bmp",))
GIF = Other("GIF", re.compile(rb"GIF8[79]a"), (".gif",))
AVIF = Other("AVIF", re.compile(rb"(?s)....ftypavi[fs]"), (".avif",))
WEBP = WebP("WEBP", re.compile(rb"(?s)RIFF....WEBP"), (".webp",))
JPEG2000 = Jpeg2000(
    "JPEG2000",
    re.compile(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"),
    (".jp2", ".j2k", ".jpx", ".jpf"),
)
JPEGXL = JpegXL("JPEG XL", re.compile(rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"), (".jxl",))

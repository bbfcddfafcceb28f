"""Formats that are read and not written, but for WebP: 8 bits by Pillow, more by imagecodecs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgconv.io import pillow
from imgconv.io.errors import PictureError, check_side, check_size
from imgconv.io.metadata import Metadata
from imgconv.io.picture import MAX_PIXELS, About, Picture, rescale, squeeze_grey, upright

__all__ = ["AVIF", "BMP", "GIF", "JPEG2000", "JPEGXL", "WEBP", "Other"]


LONGEST_SIDE = 16383  # of WebP: 14 bits


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
            animated = pillow.is_animated(file)
        found = picture_of(upright(pixels, orientation), metadata=metadata.upright(orientation))
        return replace(found, animated=animated)

    def write(self, stream: BinaryIO, picture: Picture) -> None:
        """Refuse to write the format."""
        raise PictureError(f"{self.kind} is read, but not written")


class WebP(Other):
    """WebP, which is also written."""

    def write(self, stream: BinaryIO, picture: Picture) -> None:
        """Write 8 bits: all of them, unless a quality is given."""
        import PIL.Image

        check_side(picture.pixels.shape, LONGEST_SIDE, "WebP")
        pixels = rescale(squeeze_grey(picture.straight()), np.uint8, picture.white)
        image = PIL.Image.fromarray(pixels)
        image = image.convert("RGBA" if image.mode in ("LA", "RGBA") else "RGB")
        quality = picture.stored.quality
        how: dict[str, Any] = {"lossless": True} if quality is None else {"quality": quality}
        options = pillow.save_options(picture.metadata)
        options.pop("dpi", None)
        image.save(stream, "WEBP", exact=True, **how, **options)


class Deep(Other):
    """A format of which imagecodecs decodes more than 8 bits."""

    def about(self, path: Path) -> About:
        """Return what a file contains."""
        found = Other.about(self, path)
        deep = self.depth(path.read_bytes()) > 8
        return found._replace(dtype=np.dtype(np.uint16)) if deep else found

    def read(self, path: Path, max_pixels: int, page: int = 0) -> Picture:
        """Read a file."""
        data = path.read_bytes()
        depth = self.depth(data)
        if depth <= 8:
            return Other.read(self, path, max_pixels)
        with pillow.opened(path, self.kind) as file:
            check_size(file.height, file.width, max_pixels)
            orientation, metadata = pillow.orientation_of(file), pillow.metadata_of(file)
            frames = getattr(file, "n_frames", 1)
        if depth > 16:
            raise PictureError(f"{self.kind} of {depth} bits; up to 16 are read")
        # imagecodecs (2026.3) writes beyond its memory where AVIF has several frames.
        if frames > 1:
            raise PictureError(f"an animation in {self.kind} of {depth} bits; those of 8 are read")
        pixels = self.decoded(data)
        if pixels.dtype != np.uint16:
            raise PictureError(f"pixels of {pixels.dtype} in {self.kind}")
        return picture_of(
            upright(pixels, orientation),
            None if depth == 16 else depth,
            metadata.upright(orientation),
        )

    def depth(self, data: bytes) -> int:
        """Return the bits of a channel."""
        raise NotImplementedError

    def decoded(self, data: bytes) -> NDArray[Any]:
        """Return the pixels."""
        raise NotImplementedError


class Jpeg2000(Deep):
    """JPEG 2000."""

    def depth(self, data: bytes) -> int:
        """Return the bits of the first channel: in the marker SIZ, which begins the code stream."""
        begin = data.find(b"\xff\x4f\xff\x51")
        place = begin + 42
        if begin < 0 or place >= len(data):
            raise PictureError("damaged or truncated (JPEG 2000 without a header)")
        return (data[place] & 0x7F) + 1

    def decoded(self, data: bytes) -> NDArray[Any]:
        """Return the pixels."""
        import imagecodecs

        return imagecodecs.jpeg2k_decode(data)


class Avif(Deep):
    """AVIF."""

    def depth(self, data: bytes) -> int:
        """Return the bits of a channel: in the boxes av1C (AV1 in ISOBMFF, section 2.3.3)."""
        flags = [data[place.end() + 2 : place.end() + 3] for place in AV1_BOX.finditer(data)]
        found = [flag[0] for flag in flags if flag]
        deep, deepest = (any(flag & bit for flag in found) for bit in (0x40, 0x20))
        return 12 if deepest else 10 if deep else 8

    def decoded(self, data: bytes) -> NDArray[Any]:
        """Return the pixels."""
        import imagecodecs

        return imagecodecs.avif_decode(data)


class JpegXL(Other):
    """JPEG XL, decoded by imagecodecs, which gives no colour profile."""

    def about(self, path: Path) -> About:
        """Return what a file contains, which only its pixels say."""
        picture = self.read(path, MAX_PIXELS)
        return About(picture.pixels.shape, picture.pixels.dtype, 1, picture.alpha is not None)

    def read(self, path: Path, max_pixels: int, page: int = 0) -> Picture:
        """Read the first frame; its decoder sets it upright."""
        import imagecodecs

        data = path.read_bytes()
        height, width, animated = header_of_jpeg_xl(data)
        check_size(height, width, max_pixels)
        pixels = imagecodecs.jpegxl_decode(data, index=0)
        found = picture_of(pixels, metadata=metadata_of_jpeg_xl(data).upright(1))
        return replace(found, animated=animated)


def picture_of(pixels: NDArray[Any], depth: int | None = None, metadata: Any = None) -> Picture:
    """Return a picture whose second or fourth channel is its opacity."""
    if not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] <= 4)):
        raise PictureError(f"pixels of shape {pixels.shape}, not of grey or RGB")
    has_alpha = pixels.ndim == 3 and pixels.shape[2] in (2, 4)
    more = {} if metadata is None else {"metadata": metadata}
    return Picture(squeeze_grey(pixels), "straight" if has_alpha else None, depth, **more)


AV1_BOX = re.compile(rb"av1C(?=\x81)")  # and its version
# Width over height in the header of JPEG XL.
RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


def header_of_jpeg_xl(data: bytes) -> tuple[int, int, bool]:
    """Return height, width, and whether there are several frames: ISO/IEC 18181-1, D.1 to D.3."""
    stream = next(streams(data), b"")
    if not stream.startswith(b"\xff\x0a") or len(stream) < 12:
        raise PictureError("damaged or truncated (JPEG XL without a header)")
    bits = int.from_bytes(stream[2:26], "little")

    def take(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    def size() -> tuple[int, int]:
        small = take(1)

        def side() -> int:
            return 8 * (take(5) + 1) if small else take((9, 13, 18, 30)[take(2)]) + 1

        height = side()
        ratio = take(3)
        if ratio:
            return height, height * RATIOS[ratio][0] // RATIOS[ratio][1]
        return height, side()

    height, width = size()
    usual, more = take(1), take(1)
    if usual or not more:
        return height, width, False
    take(3)  # the orientation, which the decoder applies
    if take(1):
        size()  # for which the picture is meant
    preview, animated = take(1), take(1)
    return height, width, bool(animated and not preview)


def streams(data: bytes) -> Iterator[bytes]:
    """Yield the code stream, or the beginning of each of its parts in the boxes of a container."""
    if data.startswith(b"\xff\x0a"):
        yield data
    for name, content in boxes(data):
        if name in (b"jxlc", b"jxlp"):
            yield content[4:] if name == b"jxlp" else content


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of the boxes of a container (ISO/IEC 14496-12)."""
    place = 0
    while place + 8 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        name = data[place + 4 : place + 8]
        header = 8
        if length == 1:
            length, header = int.from_bytes(data[place + 8 : place + 16], "big"), 16
        end = place + length if length else len(data)
        yield name, data[place + header : end]
        if end < place + header:
            return
        place = end


def metadata_of_jpeg_xl(data: bytes) -> Metadata:
    """Return Exif and XMP: boxes of a container, which may be compressed."""
    import imagecodecs

    found: dict[bytes, bytes] = {}
    for name, content in boxes(data) if not data.startswith(b"\xff\x0a") else ():
        if name == b"brob" and content[:4] in (b"Exif", b"xml "):
            with suppress(imagecodecs.BrotliError):
                found.setdefault(content[:4], bytes(imagecodecs.brotli_decode(content[4:])))
        elif name in (b"Exif", b"xml "):
            found.setdefault(name, content)
    exif = found.get(b"Exif", b"")
    begin = 4 + int.from_bytes(exif[:4], "big")
    return pillow.metadata_of_exif(exif[begin:], found.get(b"xml "))


BMP = Other("BMP", re.compile(rb"BM"), (".bmp",))
GIF = Other("GIF", re.compile(rb"GIF8[79]a"), (".gif",))
AVIF = Avif("AVIF", re.compile(rb"(?s)....ftypavi[fs]"), (".avif",))
WEBP = WebP("WEBP", re.compile(rb"(?s)RIFF....WEBP"), (".webp",))
JPEG2000 = Jpeg2000(
    "JPEG2000",
    re.compile(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"),
    (".jp2", ".j2k", ".jpx", ".jpf"),
)
JPEGXL = JpegXL("JPEG XL", re.compile(rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"), (".jxl",))

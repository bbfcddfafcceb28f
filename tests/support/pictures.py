"""Pictures, how to write them into files of every kind, and files that are no pictures."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

RNG = np.random.default_rng(5)
GREY = RNG.integers(0, 256, (23, 31), np.uint8)
RGB = RNG.integers(0, 256, (23, 31, 3), np.uint8)
RGBA = RNG.integers(0, 256, (23, 31, 4), np.uint8)
GREY16 = GREY.astype(np.uint16) * 257 + 3
RGB16 = RGB.astype(np.uint16) * 257 + 3
RGBA16 = RGBA.astype(np.uint16) * 257

Save = Callable[[Path], None]


def png16(pixels: np.ndarray) -> Save:
    """Return a function that writes a PNG file of 16 bits."""
    return lambda path: _write_bytes(path, imagecodecs.png_encode(pixels))


def _write_bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def pillow(pixels: np.ndarray, kind: str = "PNG", mode: str = "", **options) -> Save:
    """Return a function that writes a file by Pillow, in a mode of its own."""

    def save(path: Path) -> None:
        image = Image.fromarray(pixels)
        (image.convert(mode) if mode else image).save(path, kind, **options)

    return save


def tiff(pixels: np.ndarray, **options) -> Save:
    """Return a function that writes a TIFF file."""
    return lambda path: tifffile.imwrite(path, pixels, **options)


def cut(save: Save) -> Save:
    """Return a function that writes two thirds of a file."""

    def two_thirds(path: Path) -> None:
        save(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])

    return two_thirds


def png_header(width: int, height: int) -> bytes:
    """Return a PNG file of this size that has few pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000)))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def huge_tiff(path: Path) -> None:
    """Write a TIFF file whose header claims to be huge."""
    tifffile.imwrite(path, GREY)
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages.first.tags["ImageWidth"].overwrite(3_000_000)
        file.pages.first.tags["ImageLength"].overwrite(3_000_000)


def few_tiles(path: Path) -> None:
    """Write a TIFF file whose header claims more tiles than there are."""
    tifffile.imwrite(path, GREY, tile=(16, 16), compression="zlib")
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages.first.tags["ImageWidth"].overwrite(1_000_000)


# How to write each file that cannot be read, and what the message must match.
BAD: dict[str, tuple[Save, str]] = {
    "missing": (lambda path: None, "no such file"),
    "folder": (Path.mkdir, "folder"),
    "empty": (Path.touch, "empty"),
    "text": (lambda path: path.write_text("not a picture at all"), "not a PNG, JPEG or TIFF"),
    "gif cut": (cut(pillow(GREY, "GIF")), "truncated"),
    "bmp by its name alone": (lambda path: path.write_text("BMW is a car"), "not a BMP"),
    "png cut": (cut(pillow(GREY)), "truncated"),
    "png 16 bits cut": (cut(png16(RGB16)), "truncated"),
    "jpeg cut": (cut(pillow(RGB, "JPEG")), "truncated"),
    "tiff cut": (cut(tiff(GREY16)), "truncated"),
    "tiff header alone": (lambda path: path.write_bytes(b"II*\0\x08\0"), "truncated"),
    "tiff without pages": (lambda path: path.write_bytes(b"II*\0\xff\xff\0\0"), "damaged"),
    "png signature alone": (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n"), "damaged|not a"),
    "png bomb": (lambda path: path.write_bytes(png_header(100_000, 100_000)), "10000 megapixels"),
    "tiff bomb": (huge_tiff, "9000000 megapixels"),
    "tiff of few tiles": (few_tiles, "truncated .* tiles or strips are missing"),
    "tiff complex": (tiff(GREY.astype(np.complex64)), "complex64"),
    "tiff volume": (tiff(np.zeros((2, 16, 16), np.uint8), volumetric=True, tile=(2, 16, 16)),
                    "axes"),
    "tiff cmyk of floats": (tiff(np.float32(RGBA), photometric="separated"),
                            "CMYK pixels of float32"),
}  # fmt: skip

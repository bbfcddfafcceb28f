"""Pictures of every kind, and how to write them into files."""

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

"""Files of every kind, what damages them, and checks of what is read from them."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from click.testing import CliRunner
from described import CMYK, save_jpeg, save_png, save_tiff
from pictures import GREY, GREY16, RGB, RGB16, RGBA, RGBA16, Save, pillow, png16, tiff

from imgconv import Pipeline, cli, io

BLOCK = b"8BIM\4\4\0\0\0\0\0\x0b\x1c\2\x5a\0\6Zurich\0"
BLOCKS = b"\xff\xed" + (len(BLOCK) + 16).to_bytes(2, "big") + b"Photoshop 3.0\0" + BLOCK


def encoded(data: bytes) -> Save:
    """Return a function that writes these bytes."""

    def save(path: Path) -> None:
        path.write_bytes(data)

    return save


DAMAGED: dict[str, Save] = {
    "png": save_png,
    "jpg": save_jpeg,
    "tif": save_tiff,
    "deep png": png16(RGB16),
    "palette png": pillow(RGB // 128 * 255, mode="P"),
    "gif": pillow(GREY, "GIF"),
    "bmp": pillow(RGB, "BMP"),
    "webp": pillow(RGBA, "WEBP"),
    "tiles": tiff(RGB, photometric="rgb", tile=(16, 16), compression="lzw"),
    "planes": tiff(np.moveaxis(RGB, -1, 0), photometric="rgb", planarconfig="separate"),
    "ten bits": tiff(GREY16 // 64, bitspersample=10),
    "cmyk": tiff(RGBA, photometric="separated", compression="zlib"),
    "deep inks": tiff(RGBA16, photometric="separated", iccprofile=CMYK),
    "deep Lab": tiff(RGB16, photometric="cielab"),
    "deep YCbCr": tiff(RGB16, photometric="ycbcr"),
    "blocks": pillow(RGB, "JPEG", extra=BLOCKS),
    "deep avif": encoded(imagecodecs.avif_encode(GREY16 // 64, level=100, bitspersample=10)),
    "deep jp2": encoded(imagecodecs.jpeg2k_encode(GREY16, level=0)),
    "jxl": encoded(imagecodecs.jpegxl_encode(RGB, lossless=True, usecontainer=True)),
    "pages": tiff(np.stack([GREY, GREY]), photometric="minisblack"),
}


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Return a file cut off, or with some bytes changed, most of them near its beginning."""
    if rng.random() < 0.3:
        return data[: rng.integers(len(data))]
    changed = bytearray(data)
    for _ in range(rng.integers(1, 6)):
        last = min(len(data), 400) if rng.random() < 0.7 else len(data)
        changed[rng.integers(last)] = rng.integers(256)
    return bytes(changed)


def complaint_about(path: Path, out: Path) -> str:
    """Return what is wrong with a file; nothing if all its pages can be written."""
    with suppress(io.PictureError):
        io.about(path)
    pages = 0
    try:
        for picture in io.read_pages(path, 1_000_000):
            io.write(out, picture)
            pages += 1
    except io.PictureError as error:
        return str(error)
    assert pages
    return ""


def damaged_file(kind: str, seed: int) -> None:
    """Check a damaged file: one line says what is wrong, or a picture that can be written.

    Damaged sizes may be more than the format that is written has.
    """
    rng = np.random.default_rng(seed)
    with folder() as place:
        path = place / "file"
        DAMAGED[kind](path)
        path.write_bytes(damaged(path.read_bytes(), rng))
        complaint = complaint_about(path, place / f"out{rng.choice(io.SUFFIXES)}")
    assert "\n" not in complaint, complaint
    assert "cannot write" not in complaint, complaint


def apply_to_file(text: str, pixels: np.ndarray) -> None:
    """Check `imgconv apply` of a TIFF file: the result is that of the pipeline on its pixels."""
    axis = -1 if pixels.ndim == 3 else None
    try:
        expected = np.asarray(Pipeline(text)(pixels, channel_axis=axis))
    except (ValueError, TypeError) as error:
        expected = error
    with folder() as place:
        source, result = place / "in.tif", place / "out.tif"
        tifffile.imwrite(source, pixels, photometric="minisblack" if axis is None else "rgb")
        done = CliRunner().invoke(cli.main, ["apply", text, str(source), "-o", str(result)])
        if isinstance(expected, Exception):
            assert done.exit_code == 1, f"{expected!r}, but exit code {done.exit_code}"
            return
        assert done.exit_code == 0, done.output
        found = io.read(result).pixels
    if expected.dtype == bool:
        expected = expected * np.uint8(255)
    np.testing.assert_array_equal(found, expected)


@contextmanager
def folder() -> Iterator[Path]:
    """Make a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory() as place:
        yield Path(place)

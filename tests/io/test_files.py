"""Files of every kind, read and written, and files that cannot be."""

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from paths import SAMPLES
from pictures import BAD, GREY, GREY16, RGB, RGB16, RGBA, RGBA16, pillow, png16, tiff
from PIL import Image, ImageOps

from imgconv import io

LUMA = np.array([0.2125, 0.7154, 0.0721])


def grey(path: Path) -> np.ndarray:
    return io.read(path).grey()


def over_white(pixels: np.ndarray, white: float = 255) -> np.ndarray:
    alpha = pixels[..., -1] / white
    colour = pixels[..., 0] if pixels.shape[2] == 2 else pixels[..., :3] @ LUMA
    return colour * alpha + white * (1 - alpha)


# ---- what files store, and the grey image expected of it -----------------------------------------

PALETTE = np.random.default_rng(6).integers(0, 65536, (3, 256)).astype(np.uint16)
FLOAT_RGBA = np.float32(RGBA / 255)
HOLE = np.where((RGB[0, 0] == RGB).all(axis=2), 255.0, RGB @ LUMA)
KINDS = {
    "png grey": (pillow(GREY), GREY),
    "png 1 bit": (pillow(GREY > 99), (GREY > 99) * 255),
    "png rgb": (pillow(RGB), RGB @ LUMA),
    "png palette": (pillow(RGB // 128 * 255, mode="P"), RGB // 128 * 255 @ LUMA),
    "png grey and alpha": (pillow(RGBA[..., :2]), over_white(RGBA[..., :2])),
    "png rgb and alpha": (pillow(RGBA), over_white(RGBA)),
    "png one colour transparent": (pillow(RGB, transparency=tuple(map(int, RGB[0, 0]))), HOLE),
    "png 16 bits grey": (png16(GREY16), GREY16),
    "png 16 bits rgb": (png16(RGB16), RGB16 @ LUMA),
    "png 16 bits rgb and alpha": (png16(RGBA16), over_white(RGBA16, 65535)),
    "tiff uint8": (tiff(GREY), GREY),
    "tiff uint16, big-endian": (tiff(GREY16, byteorder=">"), GREY16),
    "tiff int16": (tiff(GREY.astype(np.int16) * 99 - 9999), GREY * 99.0 - 9999),
    "tiff uint32": (tiff(GREY16.astype(np.uint32) * 60000), GREY16 * 60000.0),
    "tiff float16": (tiff(np.float16(GREY)), GREY),
    "tiff float32": (tiff(np.float32(GREY) - 7.5), GREY - 7.5),
    "tiff float64": (tiff(GREY / 3), GREY / 3),
    "tiff bigtiff": (tiff(GREY, bigtiff=True), GREY),
    "tiff lzw": (tiff(GREY, compression="lzw"), GREY),
    "tiff deflate, tiles": (tiff(GREY, compression="zlib", tile=(16, 16)), GREY),
    "tiff white is zero": (tiff(GREY, photometric="miniswhite"), 255.0 - GREY),
    "tiff palette": (tiff(GREY, photometric="palette", colormap=PALETTE),
                     np.moveaxis(PALETTE[:, GREY], 0, -1) @ LUMA),
    "tiff rgb": (tiff(RGB, photometric="rgb"), RGB @ LUMA),
    "tiff rgb in planes": (tiff(np.moveaxis(RGB16, -1, 0), photometric="rgb",
                                planarconfig="separate"), RGB16 @ LUMA),
    "tiff rgb and alpha": (tiff(RGBA, photometric="rgb", extrasamples=["unassalpha"]),
                           over_white(RGBA)),
    "tiff float rgb and alpha": (tiff(FLOAT_RGBA, photometric="rgb", extrasamples=["unassalpha"]),
                                 over_white(FLOAT_RGBA, 1)),
    "tiff premultiplied": (tiff(RGBA, photometric="rgb", extrasamples=["assocalpha"]),
                           RGBA[..., :3] @ LUMA + 255.0 - RGBA[..., 3]),
    "tiff rgb and some other channel": (tiff(RGBA, photometric="rgb", extrasamples=["unspecified"]),
                                        RGBA[..., :3] @ LUMA),
    "tiff of two pages": (tiff(np.stack([GREY, 255 - GREY]), photometric="minisblack"), GREY),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_files_of_every_kind(kind: str, tmp_path: Path) -> None:
    save, expected = KINDS[kind]
    path = tmp_path / "photo"
    save(path)
    actual = grey(path)
    assert actual.ndim == 2
    assert actual.dtype.kind in "buif"
    scale = float(np.abs(expected).max())
    np.testing.assert_allclose(np.multiply(actual, 255.0 if actual.dtype == bool else 1.0),
                               expected, atol=2e-6 * scale)  # fmt: skip


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg(mode: str, tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(40), np.arange(50)).astype(np.uint8)
    pillow(smooth, "JPEG", mode, quality=95)(tmp_path / "photo")
    np.testing.assert_allclose(grey(tmp_path / "photo"), smooth, atol=4)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation(orientation: int, tmp_path: Path) -> None:
    smooth = (np.add.outer(3 * np.arange(16), np.arange(24)) * 2).astype(np.uint8)
    exif = Image.Exif()
    exif[274] = orientation
    pillow(smooth, "JPEG", quality=100, exif=exif)(tmp_path / "jpeg")
    pillow(smooth, "PNG", exif=exif)(tmp_path / "png")
    tiff(smooth, extratags=[(274, "H", 1, orientation, True)])(tmp_path / "tiff")
    for name, tolerance in (("jpeg", 2), ("png", 0), ("tiff", 0)):
        with Image.open(tmp_path / "png") as image:
            upright = np.asarray(ImageOps.exif_transpose(image))
        np.testing.assert_allclose(grey(tmp_path / name), upright, atol=tolerance)


def test_about_is_what_is_read(tmp_path: Path) -> None:
    stack = tmp_path / "stack.tif"
    tifffile.imwrite(stack, np.zeros((3, 20, 30), np.float32), photometric="minisblack")
    deep = tmp_path / "deep.png"
    deep.write_bytes(imagecodecs.png_encode(np.zeros((5, 6, 4), np.uint16)))
    paths = [stack, deep, *SAMPLES.glob("*.png"), *SAMPLES.glob("*.jpg")]
    assert len(paths) > 5
    for path in paths:
        about, pixels = io.about(path), io.read(path).pixels
        assert (about.shape, about.dtype) == (pixels.shape, pixels.dtype)
        assert about.pages == (3 if path == stack else 1)


def test_pages(tmp_path: Path) -> None:
    path = tmp_path / "stack.tif"
    io.write_pages(path, (io.Picture(GREY + np.uint8(n)) for n in range(3)))
    assert io.about(path).pages == 3
    for page in range(3):
        np.testing.assert_array_equal(io.read(path, page=page).pixels, GREY + np.uint8(page))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
@pytest.mark.parametrize("pixels", [GREY, RGB, RGBA, GREY16], ids=["grey", "rgb", "rgba", "16"])
def test_what_is_written_is_read(name: str, pixels: np.ndarray, tmp_path: Path) -> None:
    """JPEG keeps 8 bits of colours over white; the others keep all."""
    alpha = "straight" if pixels is RGBA else None
    picture = io.Picture(pixels, alpha)
    io.write(tmp_path / "new" / name, picture)
    found = io.read(tmp_path / "new" / name)
    if name == "a.jpg":
        expected = io.rescale(picture.over_white(), np.uint8)
        assert (found.pixels.dtype, found.alpha) == (np.uint8, None)
        assert found.pixels.size == expected.size
        assert abs(found.pixels.mean() - expected.mean()) < 2
    else:
        np.testing.assert_array_equal(found.pixels, pixels)
        assert (found.pixels.dtype, found.alpha) == (pixels.dtype, alpha)


# ---- what cannot be read -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.filterwarnings("ignore::Warning")
def test_bad_files_are_one_line(kind: str, tmp_path: Path) -> None:
    save, complaint = BAD[kind]
    save(tmp_path / "bad")
    with pytest.raises(io.PictureError, match=complaint) as caught:
        io.read(tmp_path / "bad")
    assert "\n" not in str(caught.value)
    with pytest.raises(io.PictureError, match=complaint):
        list(io.read_pages(tmp_path / "bad"))


@pytest.mark.parametrize("kind", ["missing", "folder", "empty", "text", "tiff header alone",
                                  "png signature alone"])  # fmt: skip
@pytest.mark.filterwarnings("ignore::Warning")
def test_nothing_is_known_about_bad_files(kind: str, tmp_path: Path) -> None:
    save, complaint = BAD[kind]
    save(tmp_path / "bad")
    with pytest.raises(io.PictureError, match=complaint):
        io.about(tmp_path / "bad")


def test_limit_of_pixels(tmp_path: Path) -> None:
    pillow(GREY)(tmp_path / "photo")
    io.read(tmp_path / "photo", GREY.size)
    with pytest.raises(io.PictureTooLargeError, match=r"31 x 23 pixels .* the limit of 0.000712"):
        io.read(tmp_path / "photo", GREY.size - 1)


@pytest.mark.parametrize(("suffix", "longest"), [(".webp", 16383), (".jpg", 65500)])
def test_longest_side(suffix: str, longest: int, tmp_path: Path) -> None:
    for shape in ((longest, 2), (2, longest)):
        io.write(tmp_path / f"long{suffix}", io.Picture(np.zeros(shape, np.uint8)))
    for shape in ((longest + 1, 2), (2, longest + 1)):
        with pytest.raises(io.PictureError, match=f"have at most {longest}; PNG and TIFF more"):
            io.write(tmp_path / f"longer{suffix}", io.Picture(np.zeros(shape, np.uint8)))


def test_all_formats_are_read_piece_by_piece(tmp_path: Path) -> None:
    pytest.importorskip("dask")
    pillow(RGB)(tmp_path / "photo.png")
    tiff(RGB, photometric="rgb")(tmp_path / "photo.tif")
    for name in ("photo.png", "photo.tif"):
        picture = io.read_lazily(tmp_path / name, 64)
        np.testing.assert_array_equal(picture.pixels.compute(), RGB)
    with pytest.raises(io.PictureError, match="no such file"):
        io.read_lazily(tmp_path / "missing.tif", 64)

"""Formats that are read and, but for WebP, not written."""

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from click.testing import CliRunner
from described import EXIF_IFD, TAGS, UPRIGHT_XMP, XMP, exif
from pictures import GREY, RGB, RGBA, RNG, Save, pillow
from PIL import Image

from imgconv import io
from imgconv.cli import main
from imgconv.io.others import header_of_jpeg_xl

GREY12 = RNG.integers(0, 4096, (23, 31), np.uint16)
RGBA10 = RNG.integers(0, 1024, (23, 31, 4), np.uint16)
RGB16 = RNG.integers(0, 65536, (23, 31, 3), np.uint16)


def codec(name: str, pixels: np.ndarray, **options: object) -> Save:
    """Return a function that writes a file by imagecodecs."""
    encoder = getattr(imagecodecs, f"{name}_encode")
    return lambda path: _write(path, encoder(pixels, **options))


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def frames(path: Path) -> None:
    first, second = Image.fromarray(RGB // 128 * 255), Image.fromarray(RGB * 0)
    first.quantize(8).save(path, "GIF", save_all=True, append_images=[second])


def moving(path: Path) -> None:
    first, second = Image.fromarray(RGB * 0), Image.fromarray(RGB)
    first.save(path, "AVIF", save_all=True, append_images=[second])


LOSSLESS = {
    "a.bmp": (pillow(RGB, "BMP"), RGB),
    "grey.bmp": (pillow(GREY, "BMP"), GREY),
    "a.gif": (pillow(GREY, "GIF"), None),
    "frames.gif": (frames, RGB // 128 * 255),
    "a.webp": (pillow(RGB, "WEBP", lossless=True), RGB),
    "alpha.webp": (pillow(RGBA, "WEBP", lossless=True, exact=True), RGBA),
    "a.avif": (codec("avif", RGB, level=100), RGB),
    "10 bits.avif": (codec("avif", RGB16 // 64, level=100, bitspersample=10), RGB16 // 64),
    "12 bits.avif": (codec("avif", GREY12, level=100, bitspersample=12), GREY12),
    "10 bits alpha.avif": (codec("avif", RGBA10, level=100, bitspersample=10), RGBA10),
    "frames.avif": (moving, RGB * 0),
    "a.jp2": (codec("jpeg2k", RGB, level=0), RGB),
    "grey.j2k": (codec("jpeg2k", GREY, level=0, codecformat="j2k"), GREY),
    "alpha.jp2": (codec("jpeg2k", RGBA, level=0), RGBA),
    "deep.jp2": (codec("jpeg2k", RGB16, level=0), RGB16),
    "12 bits.jp2": (codec("jpeg2k", GREY12, level=0, bitspersample=12), GREY12),
    "a.jxl": (codec("jpegxl", RGB, lossless=True), RGB),
    "grey.jxl": (codec("jpegxl", GREY, lossless=True), GREY),
    "alpha.jxl": (codec("jpegxl", RGBA, lossless=True), RGBA),
    "frames.jxl": (codec("jpegxl", np.stack([RGB, 255 - RGB]), lossless=True), RGB),
    "deep.jxl": (codec("jpegxl", RGB16, lossless=True), RGB16),
    "box.jxl": (codec("jpegxl", RGB16, lossless=True, usecontainer=True), RGB16),
}


@pytest.mark.parametrize("kind", LOSSLESS)
def test_read(kind: str, tmp_path: Path) -> None:
    save, expected = LOSSLESS[kind]
    save(tmp_path / kind)
    picture = io.read(tmp_path / kind)
    if expected is None:
        with Image.open(tmp_path / kind) as image:
            expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(picture.pixels, expected)
    assert picture.alpha == ("straight" if "alpha" in kind else None)
    white = {"12 bits": 4095, "10 bits": 1023}.get(kind[:7], io.full_scale(expected.dtype))
    assert picture.white == white
    about = io.about(tmp_path / kind)
    assert (about.shape, about.dtype) == (expected.shape, expected.dtype)
    with pytest.raises(io.PictureTooLargeError, match="31 x 23"):
        io.read(tmp_path / kind, 31 * 23 - 1)


@pytest.mark.parametrize("kind", ["frames.gif", "frames.avif", "frames.jxl", "a.gif", "deep.jxl"])
def test_an_animation_is_known(kind: str, tmp_path: Path) -> None:
    LOSSLESS[kind][0](tmp_path / kind)
    assert io.read(tmp_path / kind).animated == kind.startswith("frames")


def test_an_animation_of_ten_bits_is_refused(tmp_path: Path) -> None:
    codec("avif", np.stack([RGB16, RGB16]) // 64, bitspersample=10)(tmp_path / "a.avif")
    with pytest.raises(io.PictureError, match="an animation in AVIF of 10 bits"):
        io.read(tmp_path / "a.avif")


def run(*arguments: object) -> None:
    done = CliRunner().invoke(main, [*map(str, arguments)])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("kind", LOSSLESS)
def test_commands_take_them(kind: str, tmp_path: Path) -> None:
    LOSSLESS[kind][0](tmp_path / kind)
    run("apply", "median(size=1)", tmp_path, "-o", tmp_path / "out", "--alpha", "separate")
    (result,) = (tmp_path / "out").iterdir()
    assert result.name == (kind if kind.endswith(".webp") else f"{Path(kind).stem}.png")
    expected = io.read(tmp_path / kind)
    found = io.read(result)
    scaled = io.rescale(expected.pixels, found.pixels.dtype.type, expected.white)
    np.testing.assert_array_equal(found.pixels, scaled)
    for command in ("edges", "denoise"):
        run(command, tmp_path / kind, "-o", tmp_path / f"{command}.webp")


@pytest.mark.parametrize("pixels", [GREY, RGB, RGBA, RGBA[..., :2]], ids=["1", "3", "4", "2"])
def test_webp_is_written_without_loss(pixels: np.ndarray, tmp_path: Path) -> None:
    has_alpha = pixels.ndim == 3 and pixels.shape[2] in (2, 4)
    io.write(tmp_path / "a.webp", io.Picture(pixels, "straight" if has_alpha else None))
    found = io.read(tmp_path / "a.webp").pixels
    colours = np.atleast_3d(pixels)[..., : -1 if has_alpha else None]
    np.testing.assert_array_equal(found[..., :3], np.broadcast_to(colours, (*GREY.shape, 3)))
    if has_alpha:
        np.testing.assert_array_equal(found[..., 3], pixels[..., -1])


@pytest.mark.parametrize(
    "shape", [(1, 1), (8, 8), (256, 256), (8, 300), (300, 8), (9, 7), (600, 700), (90, 120),
              (20, 24), (160, 90), (100, 125), (513, 1), (1, 8200)]
)  # fmt: skip
@pytest.mark.parametrize("container", [False, True])
def test_size_of_jpeg_xl(shape: tuple[int, int], container: bool) -> None:
    data = imagecodecs.jpegxl_encode(np.zeros(shape, np.uint8), usecontainer=container)
    assert header_of_jpeg_xl(data) == (*shape, False)


@pytest.mark.parametrize("data", [b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\0"])
def test_jpeg_xl_without_a_header(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.jxl").write_bytes(data)
    with pytest.raises(io.PictureError, match="damaged or truncated"):
        io.read(tmp_path / "a.jxl")


def box(name: bytes, content: bytes) -> bytes:
    return (len(content) + 8).to_bytes(4, "big") + name + content


@pytest.mark.parametrize("compressed", [False, True])
def test_jpeg_xl_keeps_exif_and_xmp(compressed: bool, tmp_path: Path) -> None:
    said = {
        b"Exif": bytes(4) + exif(orientation=6).tobytes().removeprefix(b"Exif\0\0"), b"xml ": XMP
    }  # fmt: skip
    boxes = [
        box(b"brob", name + imagecodecs.brotli_encode(data)) if compressed else box(name, data)
        for name, data in said.items()
    ]
    container = imagecodecs.jpegxl_encode(RGB, lossless=True, usecontainer=True)
    (tmp_path / "a.jxl").write_bytes(container + b"".join(boxes))
    run("apply", "median(size=1)", tmp_path / "a.jxl", "-o", tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as file:
        found = file.getexif()
        assert {code: found[code] for code in TAGS} == TAGS
        assert found.get(274, 1) == 1
        assert found.get_ifd(EXIF_IFD)[34855] == 400
        assert file.info["xmp"] == UPRIGHT_XMP
        assert file.size == (31, 23)  # the decoder turns pictures, by what their code stream says


def test_damaged_boxes_of_jpeg_xl_are_no_damaged_picture(tmp_path: Path) -> None:
    data = imagecodecs.jpegxl_encode(RGB, lossless=True, usecontainer=True)
    for content in (b"", b"Exif", b"Exif\xff\xff\xff", b"xml \0\1"):
        (tmp_path / "a.jxl").write_bytes(data + box(b"brob", content) + box(b"Exif", content))
        np.testing.assert_array_equal(io.read(tmp_path / "a.jxl").pixels, RGB)

"""Colours that are not RGB are converted, or refused by name; and which sample is alpha."""

import itertools
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from described import PROFILE
from pictures import GREY, RGB, RGBA, RNG, tiff
from PIL import Image, ImageCms

import imgconv
from imgconv import io
from imgconv.cli import main


def pillow_rgb(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def as_pillow(mode: str, pixels: np.ndarray) -> Image.Image:
    return Image.frombytes(mode, pixels.shape[1::-1], np.ascontiguousarray(pixels).tobytes())


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize(("mode", "pixels"), [("YCbCr", RGB), ("CMYK", RGBA), ("LAB", RGB)])
def test_tiff_is_converted_as_pillow_does(
    mode: str, pixels: np.ndarray, compression: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    kind = {"YCbCr": "ycbcr", "CMYK": "separated", "LAB": "cielab"}[mode]
    tiff(pixels, photometric=kind, compression=compression)(path)
    expected = np.asarray(as_pillow(mode, pixels).convert("RGB"))
    picture = io.read(path)
    np.testing.assert_array_equal(picture.pixels, expected)
    assert picture.alpha is None
    about = io.about(path)
    assert (about.shape, about.dtype) == (expected.shape, np.uint8)
    if compression is None:  # what Pillow reads
        np.testing.assert_array_equal(picture.pixels, pillow_rgb(path))


@pytest.mark.parametrize(("kind", "neutral"), [("cielab", 0), ("icclab", 128)])
def test_lab_without_colour_is_grey(kind: str, neutral: int, tmp_path: Path) -> None:
    pixels = np.uint8([[[0, neutral, neutral], [128, neutral, neutral], [255, neutral, neutral]]])
    tiff(pixels, photometric=kind)(tmp_path / "a.tif")
    found = io.read(tmp_path / "a.tif").pixels.astype(int)
    assert np.ptp(found, axis=2).max() <= 1
    assert (np.diff(found[0, :, 0]) > 90).all()


def test_jpeg_in_tiff_is_rgb(tmp_path: Path) -> None:
    smooth = np.dstack([np.add.outer(np.arange(32), np.arange(48)) + 50 * n for n in range(3)])
    tiff(smooth.astype(np.uint8), photometric="rgb", compression="jpeg")(tmp_path / "a.tif")
    np.testing.assert_allclose(io.read(tmp_path / "a.tif").pixels, smooth, atol=9)


def test_a_profile_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    tiff(RGBA, photometric="separated", iccprofile=bytes(16) + b"CMYK")(tmp_path / "a.tif")
    with pytest.raises(io.PictureError, match="a damaged ICC profile"):
        io.read(tmp_path / "a.tif")


def test_a_profile_of_other_colours_is_not_used(tmp_path: Path) -> None:
    tiff(RGBA, photometric="separated", iccprofile=PROFILE)(tmp_path / "a.tif")
    picture = io.read(tmp_path / "a.tif")
    np.testing.assert_array_equal(
        picture.pixels, np.asarray(as_pillow("CMYK", RGBA).convert("RGB"))
    )
    assert picture.metadata.profile is None
    tiff(RGB, photometric="ycbcr", iccprofile=PROFILE)(tmp_path / "b.tif")
    assert io.read(tmp_path / "b.tif").metadata.profile == PROFILE


def test_cmyk_by_its_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No profile of inks is at hand: that it is asked for the colours is what is tested."""
    asked = []

    def convert(image: Image.Image, *profiles: object, **options: object) -> Image.Image:
        asked.append((image.mode, options["outputMode"]))
        return image.convert("RGB")

    monkeypatch.setattr(ImageCms, "ImageCmsProfile", lambda stream: stream.read()[16:20])
    monkeypatch.setattr(ImageCms, "profileToProfile", convert)
    monkeypatch.setattr("imgconv.io.colour.srgb_profile", lambda: PROFILE)
    profile = PROFILE[:16] + b"CMYK" + PROFILE[20:]
    tiff(RGBA, photometric="separated", iccprofile=profile)(tmp_path / "a.tif")
    as_pillow("CMYK", RGBA).save(tmp_path / "a.jpg", icc_profile=profile)
    for name in ("a.tif", "a.jpg"):
        assert io.read(tmp_path / name).metadata.profile == PROFILE
    assert asked == [("CMYK", "RGB")] * 2


@pytest.mark.parametrize(
    ("bits", "alpha"),
    [(1, None), *itertools.product((2, 4, 8), (None, "unassalpha", "assocalpha"))],
)
def test_palettes(bits: int, alpha: str | None, tmp_path: Path) -> None:
    index = RNG.integers(0, 2**bits, (9, 11)).astype(np.uint8)
    table = RNG.integers(0, 256, (3, 2**bits)).astype(np.uint16)
    path = tmp_path / "a.tif"
    write_palette(path, index, table * 257, bits, alpha)
    expected = np.moveaxis(table[:, index], 0, -1).astype(np.uint8)
    picture = io.read(path)
    assert picture.pixels.dtype == np.uint8
    np.testing.assert_array_equal(picture.pixels[..., :3], expected)
    assert (picture.alpha is None) == (alpha is None)
    assert io.about(path).shape == picture.pixels.shape
    if alpha:
        np.testing.assert_array_equal(
            picture.pixels[..., 3], (2**bits - 1 - index) * (255 // (2**bits - 1))
        )


def write_palette(
    path: Path, index: np.ndarray, table: np.ndarray, bits: int, alpha: str | None
) -> None:
    """Write a palette of few bits or with an alpha sample, which tifffile writes as grey."""
    samples = np.dstack([index, 2**bits - 1 - index]) if alpha else index
    tifffile.imwrite(
        path, samples.astype(bool) if bits == 1 else samples, photometric="minisblack",
        bitspersample=None if bits in (1, 8) else bits, extrasamples=[alpha] if alpha else None,
        planarconfig="contig" if alpha else None,
        extratags=[(320, "H", table.size, table.ravel().tolist(), True)],
    )  # fmt: skip
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages.first.tags["PhotometricInterpretation"].overwrite(3)


def test_palettes_of_sixteen_bits_keep_them(tmp_path: Path) -> None:
    table = RNG.integers(0, 65536, (3, 256)).astype(np.uint16)
    tiff(GREY, photometric="palette", colormap=table)(tmp_path / "a.tif")
    picture = io.read(tmp_path / "a.tif")
    np.testing.assert_array_equal(picture.pixels, np.moveaxis(table[:, GREY], 0, -1))


REFUSED = {
    "CFA": ({"photometric": "cfa"}, GREY, "CFA"),
    "YCbCr of 16 bits": ({"photometric": "ycbcr"}, RGB.astype(np.uint16), "YCbCr pixels of 16"),
    "Lab of 16 bits": ({"photometric": "cielab"}, RGB.astype(np.uint16), "CIELab pixels of 16"),
    "ITU Lab": ({"photometric": "itulab"}, RGB, "ITULAB"),
    "other inks": (
        {"photometric": "separated", "extratags": [(332, "H", 1, 2, True)]},
        RGBA,
        "inks",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_by_name(kind: str, tmp_path: Path) -> None:
    options, pixels, complaint = REFUSED[kind]
    tiff(pixels, **options)(tmp_path / "a.tif")
    for function in (io.read, io.about):
        with pytest.raises(io.PictureError, match=complaint):
            function(tmp_path / "a.tif")


# ---- alpha ---------------------------------------------------------------------------------------

FIVE = RNG.integers(0, 256, (9, 11, 5), np.uint8)
ALPHAS = {
    "second of two": (FIVE, ["unspecified", "unassalpha"], 4, "straight"),
    "first of two": (FIVE, ["assocalpha", "unspecified"], 3, "premultiplied"),
    "none of two": (FIVE, ["unspecified", "unspecified"], None, None),
    "not explained": (FIVE[..., :4], ["unspecified"], None, None),
    "grey and two": (FIVE[..., :3], ["unspecified", "unassalpha"], 2, "straight"),
}


@pytest.mark.parametrize("kind", ALPHAS)
def test_which_sample_is_alpha(kind: str, tmp_path: Path) -> None:
    pixels, codes, place, alpha = ALPHAS[kind]
    colours = pixels.shape[2] - len(codes)
    photometric = "rgb" if colours == 3 else "minisblack"
    tiff(pixels, photometric=photometric, extrasamples=codes, planarconfig="contig")(tmp_path / "a")
    picture = io.read(tmp_path / "a")
    assert picture.alpha == alpha
    expected = pixels[..., [*range(colours), *([place] if place else [])]]
    np.testing.assert_array_equal(np.atleast_3d(picture.pixels), expected)
    assert io.about(tmp_path / "a").shape == picture.pixels.shape


def test_a_fourth_sample_without_a_tag(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tiff(RGBA, photometric="rgb", extrasamples=["unassalpha"])(path)
    data = path.read_bytes()
    tag = b"\x52\x01\x03\x00\x01\x00\x00\x00\x02\x00\x00\x00"  # ExtraSamples, 1 short: 2
    assert data.count(tag) == 1
    path.write_bytes(data.replace(tag, b"\xff\x7f" + tag[2:]))
    with tifffile.TiffFile(path) as file:
        assert file.pages.first.extrasamples == ()
    picture = io.read(path)
    assert picture.alpha == "straight"
    np.testing.assert_array_equal(picture.pixels, RGBA)


@pytest.mark.parametrize("command", [["denoise"], ["apply", "unsharp_mask"]])
def test_no_colour_is_above_its_opacity(command: list[str], tmp_path: Path) -> None:
    pixels = RGBA.copy()
    pixels[..., :3] = np.minimum(pixels[..., :3], pixels[..., 3:])
    tiff(pixels, photometric="rgb", extrasamples=["assocalpha"])(tmp_path / "a.tif")
    done = CliRunner().invoke(
        main, [*command, str(tmp_path / "a.tif"), "-o", str(tmp_path / "b.tif")]
    )
    assert done.exit_code == 0, done.output
    found = io.read(tmp_path / "b.tif")
    assert found.alpha == "premultiplied"
    assert (found.pixels[..., :3] <= found.pixels[..., 3:]).all()
    assert (found.pixels[..., :3] != pixels[..., :3]).any()


def test_values_are_not_cut_off_at_an_opacity(tmp_path: Path) -> None:
    pixels = RGBA.copy()
    pixels[..., :3] = np.minimum(pixels[..., :3], pixels[..., 3:])
    tiff(pixels, photometric="rgb", extrasamples=["assocalpha"])(tmp_path / "a.tif")
    done = CliRunner().invoke(
        main, ["apply", "sobel", str(tmp_path / "a.tif"), "-o", str(tmp_path / "b.tif")]
    )
    assert done.exit_code == 0, done.output
    found = io.read(tmp_path / "b.tif").pixels
    np.testing.assert_array_equal(found[..., :3], imgconv.sobel(pixels[..., :3], channel_axis=-1))


# ---- limits --------------------------------------------------------------------------------------


def test_samples_count_as_pixels(tmp_path: Path) -> None:
    """A file of few bytes that says it has a hundred samples a pixel."""
    path = tmp_path / "a.tif"
    tiff(np.zeros((20, 20, 100), np.uint8), photometric="minisblack", planarconfig="contig")(path)
    assert io.read(path, 20 * 20 * 25).pixels.shape == (20, 20)
    with pytest.raises(io.PictureTooLargeError, match="20 x 20 pixels of 100 samples"):
        io.read(path, 20 * 20 * 25 - 1)
    with tifffile.TiffFile(path, mode="r+") as file:
        for name in ("ImageWidth", "ImageLength"):
            file.pages.first.tags[name].overwrite(15_000)
    with pytest.raises(io.PictureTooLargeError, match="5625 megapixels"):
        io.read(path)


def test_limits_of_other_libraries_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for name, save in {"a.png": "PNG", "a.jpg": "JPEG"}.items():
        Image.fromarray(RGB).save(tmp_path / name, save)
        io.write(tmp_path / f"new-{name}", io.read(tmp_path / name))
    (tmp_path / "deep.png").write_bytes(imagecodecs.png_encode(RGB.astype(np.uint16)))
    io.read(tmp_path / "deep.png")
    assert Image.MAX_IMAGE_PIXELS == 100

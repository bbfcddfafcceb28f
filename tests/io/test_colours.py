"""Colours that are not RGB are converted, or refused by name; and which sample is alpha."""

import io as bytes_io
import itertools
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from described import CMYK, PROFILE, SOLID
from pictures import GREY, RGB, RGBA, RNG, tiff
from PIL import Image, ImageCms

import imgconv
from imgconv import io
from imgconv.cli import main


def opened_profile(profile: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(bytes_io.BytesIO(profile))


def pillow_rgb(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def as_pillow(mode: str, pixels: np.ndarray) -> Image.Image:
    return Image.frombytes(mode, pixels.shape[1::-1], np.ascontiguousarray(pixels).tobytes())


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize(("mode", "pixels", "most"), [("YCbCr", RGB, 1), ("CMYK", RGBA, 0)])
def test_tiff_is_converted_as_pillow_does(
    mode: str, pixels: np.ndarray, most: int, compression: str | None, tmp_path: Path
) -> None:
    """Pillow's tables round parts of YCbCr. Its Lab is up to 19 of 255 from the formulas."""
    path = tmp_path / "a.tif"
    kind = {"YCbCr": "ycbcr", "CMYK": "separated"}[mode]
    tiff(pixels, photometric=kind, compression=compression)(path)
    expected = np.asarray(as_pillow(mode, pixels).convert("RGB")).astype(int)
    picture = io.read(path)
    assert np.abs(picture.pixels - expected).max() <= most
    assert picture.alpha is None
    about = io.about(path)
    assert (about.shape, about.dtype) == (expected.shape, np.uint8)
    if compression is None:  # what Pillow reads
        assert np.abs(picture.pixels - pillow_rgb(path).astype(int)).max() <= most


# ---- any depth -----------------------------------------------------------------------------------

STEPS = np.stack(np.meshgrid(*[np.linspace(0, 1, 9)] * 3), axis=-1).reshape(27, 27, 3)  # of RGB


def save_depth(path: Path, samples: np.ndarray, depth: int, **options: object) -> None:
    """Write samples, which are whole numbers, in so many bits."""
    dtype = np.uint8 if depth <= 8 else np.uint16 if depth <= 16 else np.uint32
    tiff(samples.astype(dtype), bitspersample=depth, **options)(path)


def assert_is(path: Path, expected: np.ndarray, depth: int, most: float = 0.5001) -> None:
    """Compare a file with shares of white, which its picture rounds to its depth."""
    picture = io.read(path)
    assert (picture.depth, picture.white) == (None if depth in (8, 16, 32) else depth, 2**depth - 1)
    exact = np.clip(expected, 0, 1) * picture.white
    assert np.abs(picture.pixels - exact).max() <= most
    assert io.about(path).dtype == picture.pixels.dtype


@pytest.mark.parametrize("depth", [4, 8, 10, 12, 16])
@pytest.mark.parametrize("kind", ["usual", "Rec. 709", "studio"])
def test_ycbcr(depth: int, kind: str, tmp_path: Path) -> None:
    """Each of Y, Cb and Cr is rounded, which changes red and blue by up to 1.3 units."""
    white, half = 2**depth - 1, 2 ** (depth - 1)
    luma = (0.2126, 0.7152, 0.0722) if kind == "Rec. 709" else (0.299, 0.587, 0.114)
    tags = []
    black, span, chroma = 0, white, half - 1
    if kind == "Rec. 709":
        tags.append((529, "2I", 3, (2126, 10000, 7152, 10000, 722, 10000), True))
    if kind == "studio":
        black, span, chroma = white // 16, white * 219 // 255, half * 112 // 128
        ends = (black, black + span, half, half + chroma, half, half + chroma)
        tags.append((532, "2I", 6, [part for end in ends for part in (end, 1)], True))
    y = STEPS @ np.array(luma)
    difference = np.stack([STEPS[..., 2] - y, STEPS[..., 0] - y], axis=-1)
    share = difference / (2 - 2 * np.array([luma[2], luma[0]])) * white / (white / 2 - 0.5)
    samples = np.clip(np.dstack([black + y * span, half + share * chroma]), 0, white)
    save_depth(tmp_path / "a.tif", np.rint(samples), depth, photometric="ycbcr", extratags=tags)
    assert_is(tmp_path / "a.tif", STEPS, depth, 2.1)


@pytest.mark.parametrize("depth", [2, 4, 8, 10, 12, 16, 32])
def test_inks_without_a_profile(depth: int, tmp_path: Path) -> None:
    inks = RNG.integers(0, 2**depth, (23, 31, 4))
    save_depth(tmp_path / "a.tif", inks, depth, photometric="separated")
    light = 1 - inks / (2**depth - 1)
    assert_is(tmp_path / "a.tif", light[..., :3] * light[..., 3:], depth)


def rgb_of_lab(lab: np.ndarray) -> np.ndarray:
    """Return sRGB by the formulas of CIE Lab (D50), with the matrix of sRGB's profile."""
    level = (lab[..., :1] + 16) / 116
    curve = level + lab[..., [1, 0, 2]] * [1 / 500, 0, -1 / 200]
    xyz = np.where(curve > 6 / 29, curve**3, (curve - 4 / 29) * 3 * (6 / 29) ** 2)
    to_xyz = [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.7141]]
    linear = xyz * [0.9642, 1, 0.8249] @ np.linalg.inv(to_xyz).T
    bright = 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, 12.92 * linear, bright)


# How the units of L*, and those of a* and b*, are stored; and what a* = b* = 0 is.
LABS = {
    ("cielab", 8): (2.55, 1, 0), ("cielab", 16): (655.35, 256, 0),
    ("icclab", 8): (2.55, 1, 128), ("icclab", 16): (652.8, 256, 32768),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "depth"), LABS)
def test_lab(kind: str, depth: int, tmp_path: Path) -> None:
    """LittleCMS rounds matrix and white, by up to 0.1 % of white."""
    light, unit, neutral = LABS[kind, depth]
    lab = np.stack(np.meshgrid(np.linspace(0, 100, 9), *[np.linspace(-30, 30, 9)] * 2), axis=-1)
    samples = np.rint(lab.reshape(27, 27, 3) * [light, unit, unit])
    exact = samples / [light, unit, unit]
    stored = (samples.astype(int) + np.array([0, neutral, neutral])) % 2**depth
    save_depth(tmp_path / "a.tif", stored, depth, photometric=kind)
    assert_is(tmp_path / "a.tif", rgb_of_lab(exact), depth, 0.53 if depth == 8 else 66)
    assert io.read(tmp_path / "a.tif").metadata.profile[16:20] == b"RGB "
    for byteorder in "<>":
        tiff(stored.astype(f"u{depth // 8}"), photometric=kind, byteorder=byteorder)(tmp_path / "b")
        np.testing.assert_array_equal(
            io.read(tmp_path / "b").pixels, io.read(tmp_path / "a.tif").pixels
        )


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


@pytest.mark.parametrize("depth", [1, 4, 8, 12, 16])
def test_cmyk_by_its_profile(depth: int, tmp_path: Path) -> None:
    """The profile has a table of solid inks; what is between them LittleCMS interpolates."""
    white = 2**depth - 1
    save_depth(tmp_path / "a.tif", SOLID * white, depth, photometric="separated", iccprofile=CMYK)
    picture = io.read(tmp_path / "a.tif")
    image = as_pillow("CMYK", (SOLID * 255).astype(np.uint8))
    by_pillow = ImageCms.profileToProfile(
        image, opened_profile(CMYK), opened_profile(PROFILE), outputMode="RGB"
    )
    difference = picture.pixels / picture.white - np.asarray(by_pillow) / 255
    assert np.abs(difference).max() <= 0.51 / 255 + 0.51 / picture.white
    assert picture.metadata.profile[16:20] == b"RGB "
    image.save(tmp_path / "a.jpg", icc_profile=CMYK, quality=100)
    assert io.read(tmp_path / "a.jpg").metadata.profile == picture.metadata.profile


def test_inks_of_sixteen_bits_keep_their_shades(tmp_path: Path) -> None:
    ramp = np.zeros((1, 4096, 4), np.uint16)
    ramp[..., 3] = np.arange(4096) * 8
    for profile in (None, CMYK):
        tiff(ramp, photometric="separated", iccprofile=profile)(tmp_path / "a.tif")
        assert (np.diff(io.read(tmp_path / "a.tif").pixels.astype(int), axis=1) < 0).all()


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
    "YCbCr of floats": ({"photometric": "ycbcr"}, RGB.astype(np.float32), "YCbCr .* float32"),
    "signed inks": ({"photometric": "separated"}, RGBA.astype(np.int16), "CMYK .* int16"),
    "YCbCr without a coefficient": (
        {"photometric": "ycbcr", "extratags": [(529, "2I", 3, (1, 1, 0, 1, 0, 1), True)]},
        RGB,
        "impossible",
    ),
    "Lab of 12 bits": (
        {"photometric": "cielab", "bitspersample": 12},
        RGB.astype(np.uint16),
        "CIELab pixels of 12 bits",
    ),
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

"""`imgconv denoise`: formats, depths and transparency are kept, and options reach the filters."""

from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from click.testing import CliRunner, Result
from pictures import GREY, GREY16, RGB, RGB16, RGBA, RGBA16, RNG, pillow, png16, tiff
from PIL import Image

import imgconv
from imgconv import io
from imgconv.cli import main


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["denoise", *map(str, arguments)])


def smoothed(
    colours: np.ndarray,
    white: float,
    size: int = 9,
    strength: float = 0.1,
    opacity: np.ndarray | None = None,
) -> np.ndarray:
    """Return what `denoise` makes of colours, (H, W) or (H, W, C), that count by their opacity."""
    return imgconv.bilateral(
        colours,
        win_size=size,
        sigma_color=strength * white,
        sigma_spatial=(size - 1) / 4,
        channel_axis=-1 if colours.ndim == 3 else None,
        weights=opacity,
    )


def smoothed_clear(pixels: np.ndarray, white: float) -> np.ndarray:
    """Return what `denoise` makes of colours with the opacity behind them."""
    opacity = pixels[..., -1]
    return np.dstack([smoothed(pixels[..., :-1], white, opacity=opacity), opacity])


WITHOUT_NOISE = {
    "grey.png": (pillow(GREY), smoothed(GREY, 255)),
    "rgb.png": (pillow(RGB), smoothed(RGB, 255)),
    "grey and alpha.png": (
        pillow(RGBA[..., :2]),
        np.dstack([smoothed(RGBA[..., 0], 255, opacity=RGBA[..., 1]), RGBA[..., 1]]),
    ),
    "rgba.png": (pillow(RGBA), smoothed_clear(RGBA, 255)),
    "wide.png": (png16(GREY16), smoothed(GREY16, 65535)),
    "wide rgb.png": (png16(RGB16), smoothed(RGB16, 65535)),
    "wide rgba.png": (png16(RGBA16), smoothed_clear(RGBA16, 65535)),
    "one bit.png": (pillow(GREY > 99), smoothed(np.uint8(GREY > 99) * 255, 255)),
    "grey.tif": (tiff(GREY), smoothed(GREY, 255)),
    "float.tiff": (tiff(np.float32(RGB / 255), photometric="rgb"),
                   smoothed(np.float32(RGB / 255), 1)),
    "int16.tif": (tiff(GREY.astype(np.int16) * 99 - 9999),
                  smoothed(GREY.astype(np.int16) * 99 - 9999, 32767)),
    "rgba.tif": (tiff(RGBA, photometric="rgb", extrasamples=["unassalpha"]),
                 smoothed_clear(RGBA, 255)),
    "planes.tif": (tiff(np.moveaxis(RGB16, -1, 0), photometric="rgb", planarconfig="separate"),
                   smoothed(RGB16, 65535)),
}  # fmt: skip


@pytest.mark.parametrize("name", WITHOUT_NOISE)
def test_denoise_keeps_name_format_and_depth(name: str, tmp_path: Path) -> None:
    save, expected = WITHOUT_NOISE[name]
    save(tmp_path / name)
    outcome = run(tmp_path / name, "-o", tmp_path / "clean")
    assert outcome.exit_code == 0, outcome.output
    assert [path.name for path in (tmp_path / "clean").iterdir()] == [name]
    result = tmp_path / "clean" / name
    decode = imagecodecs.png_decode if name.endswith("png") else None
    pixels = decode(result.read_bytes()) if decode else tifffile.imread(result)
    assert pixels.dtype == expected.dtype
    np.testing.assert_array_equal(pixels, expected)
    before, after = io.read(tmp_path / name), io.read(result)
    assert after.alpha == before.alpha
    assert after.pixels.shape == before.pixels.shape


def test_denoise_keeps_premultiplied_colours(tmp_path: Path) -> None:
    tiff(RGBA, photometric="rgb", extrasamples=["assocalpha"])(tmp_path / "photo.tif")
    assert run(tmp_path / "photo.tif", "-o", tmp_path / "clean.tif").exit_code == 0
    before, after = io.read(tmp_path / "photo.tif"), io.read(tmp_path / "clean.tif")
    assert after.alpha == "premultiplied"
    straight = smoothed_clear(before.straight(), 255)
    expected = replace(before, pixels=straight, alpha="straight").premultiplied()
    np.testing.assert_array_equal(after.pixels, expected.pixels)


def test_denoise_jpeg(tmp_path: Path) -> None:
    y, x = np.mgrid[:60, :80]
    clean = np.where(x < 40, 60, 180) + 0 * y
    noisy = np.clip(clean + RNG.normal(scale=8, size=clean.shape), 0, 255).astype(np.uint8)
    pillow(np.dstack([noisy] * 3), "JPEG", quality=98)(tmp_path / "photo.jpg")
    assert run(tmp_path / "photo.jpg", "-o", tmp_path / "out").exit_code == 0
    with Image.open(tmp_path / "out" / "photo.jpg") as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (80, 60))
        after = np.asarray(image).astype(float)[..., 1]
    assert np.abs(after - clean).mean() < 0.4 * np.abs(noisy - clean.astype(float)).mean()
    assert np.abs(after[:, 38:42].mean(axis=0) - clean[0, 38:42]).max() < 12


@pytest.mark.parametrize(
    ("save", "name", "expected"),
    [
        (pillow(np.uint8(np.full((9, 9, 4), (200, 100, 50, 51)))), "a.jpg", (244, 224, 214)),
        (png16(np.full((9, 9), 257 * 77, np.uint16)), "a.jpg", 77),
        (tiff(np.full((9, 9), 0.5, np.float32)), "a.png", 32768),
        (tiff(np.full((9, 9), -3.0)), "a.png", 0),
        (tiff(np.full((9, 9), np.nan, np.float32)), "a.png", 0),
        (tiff(np.full((9, 9), 1 << 31, np.uint32)), "a.png", 32768),
        (tiff(np.uint8(np.full((9, 9, 4), (40, 20, 10, 51))), photometric="rgb",
              extrasamples=["assocalpha"]), "a.png", (200, 100, 50, 51)),
    ],
)  # fmt: skip
def test_denoise_into_another_format(save, name: str, expected, tmp_path: Path) -> None:
    """8 bits in JPEG, over white; 8 or 16 in PNG."""
    save(tmp_path / "photo")
    outcome = run(tmp_path / "photo", "-o", tmp_path / name)
    assert outcome.exit_code == 0, outcome.output
    pixels = io.read(tmp_path / name).pixels
    np.testing.assert_allclose(pixels, np.broadcast_to(expected, pixels.shape), atol=1.01)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--size", 5, "--strength", 20, "--mode", "wrap"],
         lambda im: imgconv.bilateral(im, win_size=5, sigma_color=51, sigma_spatial=1, mode="wrap",
                                      channel_axis=2)),
        (["--size", 1], lambda im: im),
        (["--filter", "guided"], lambda im: imgconv.guided(im, im, 4, 25.5**2, channel_axis=2)),
        (["--filter", "guided", "--size", 5, "--strength", 2, "--threads", 2],
         lambda im: imgconv.guided(im, im, 2, 5.1**2, channel_axis=2)),
    ],
)  # fmt: skip
def test_denoise_options(options, expected, tmp_path: Path) -> None:
    pillow(RGB)(tmp_path / "photo.png")
    outcome = run(tmp_path / "photo.png", "-o", tmp_path / "clean.png", *options)
    assert outcome.exit_code == 0, outcome.output
    np.testing.assert_array_equal(io.read(tmp_path / "clean.png").pixels, expected(RGB))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--size", 4], "4 is not odd"),
        (["--size", -1], "-1 is not in the range"),
        (["--strength", 0], "0.0 is not in the range"),
        (["--strength", "nan"], "nan"),
        (["--filter", "sobel"], "'sobel' is not one of 'bilateral', 'median', 'guided'"),
    ],
)
def test_denoise_refuses(options, complaint: str, photo: Path, tmp_path: Path) -> None:
    outcome = run(photo, "-o", tmp_path / "out", *options)
    assert outcome.exit_code == 2
    assert complaint in outcome.stderr
    assert not (tmp_path / "out").exists()


def test_denoise_overwrites_no_photo(photo: Path) -> None:
    outcome = run(photo, "-o", photo.parent)
    assert outcome.exit_code == 2
    assert "never overwritten" in outcome.stderr
    np.testing.assert_array_equal(io.read(photo).pixels, GREY)


def test_denoise_goes_on_after_a_bad_photo(photo: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    outcome = run(tmp_path / "bad.png", photo, "-o", tmp_path / "out")
    assert outcome.exit_code == 1
    assert "bad.png: not a PNG, JPEG or TIFF picture" in outcome.stderr
    assert "1 done, " in outcome.stdout
    assert (tmp_path / "out" / "photo.png").exists()

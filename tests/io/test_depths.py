"""White is what the file says, and a result keeps the bits of its picture."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from pictures import tiff
from PIL import Image

import imgconv
from imgconv import io
from imgconv.cli import main

RNG = np.random.default_rng(12)
DEPTHS = (1, 2, 4, 6, 10, 12, 14, 24)
KINDS = list(itertools.product(DEPTHS, ("minisblack", "miniswhite", "rgb")))


def run(*arguments) -> None:
    done = CliRunner().invoke(main, [*map(str, arguments)])
    assert done.exit_code == 0, done.output


def values(depth: int, kind: str) -> np.ndarray:
    """Return all values that a file of this depth stores, on which white is white."""
    dtype = np.uint8 if depth <= 8 else np.uint16 if depth <= 16 else np.uint32
    shape = (17, 19, 3) if kind == "rgb" else (17, 19)
    return RNG.integers(0, 2**depth, shape).astype(dtype)


def save(path: Path, pixels: np.ndarray, depth: int, kind: str) -> np.ndarray:
    """Write a TIFF file of a depth, and return the pixels as they are shown."""
    pixels = pixels.astype(bool) if depth == 1 and kind != "rgb" else pixels
    bits = None if depth == 1 else depth
    tifffile.imwrite(path, pixels, bitspersample=bits, photometric=kind)
    shown = 2**depth - 1 - pixels.astype(np.int64) if kind == "miniswhite" else pixels
    return np.asarray(shown) * (255 if depth == 1 else 1)


@pytest.mark.parametrize(("depth", "kind"), KINDS[:2] + KINDS[3:])
def test_depth_and_white_are_read(depth: int, kind: str, tmp_path: Path) -> None:
    shown = save(tmp_path / "a.tif", values(depth, kind), depth, kind)
    picture = io.read(tmp_path / "a.tif")
    np.testing.assert_array_equal(picture.pixels, shown)
    assert (picture.depth, picture.white) == (depth, 255 if depth == 1 else 2**depth - 1)
    about = io.about(tmp_path / "a.tif")
    assert (about.shape, about.dtype) == (picture.pixels.shape, picture.pixels.dtype)


@pytest.mark.parametrize(("depth", "kind"), KINDS[:2] + KINDS[3:])
@pytest.mark.parametrize(
    "command", [["apply", "median(size=1)"], ["denoise", "--filter", "median", "--size", 1]]
)
def test_what_changes_nothing_gives_back_the_file(
    command: list[object], depth: int, kind: str, tmp_path: Path
) -> None:
    shown = save(tmp_path / "a.tif", values(depth, kind), depth, kind)
    run(*command, tmp_path / "a.tif", "-o", tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.pages.first.bitspersample == depth
    np.testing.assert_array_equal(io.read(tmp_path / "b.tif").pixels, shown)


@pytest.mark.parametrize("depth", [2, 4, 6, 10, 12, 14])
def test_other_formats_scale_to_their_white(depth: int, tmp_path: Path) -> None:
    shown = save(tmp_path / "a.tif", values(depth, "rgb"), depth, "rgb")
    run("apply", "median(size=1)", tmp_path / "a.tif", "-o", tmp_path / "b.png")
    found = io.read(tmp_path / "b.png")
    assert found.pixels.dtype == (np.uint8 if depth < 8 else np.uint16)
    expected = np.rint(shown / (2**depth - 1) * io.full_scale(found.pixels.dtype))
    np.testing.assert_array_equal(found.pixels, expected)


def test_one_bit_stays_one_bit_while_it_is_black_and_white(tmp_path: Path) -> None:
    pixels = RNG.random((20, 30)) > 0.5
    Image.fromarray(pixels).save(tmp_path / "a.png")
    tiff(pixels, photometric="minisblack")(tmp_path / "a.tif")
    for name in ("a.png", "a.tif"):
        for target in ("b.png", "b.tif"):
            run("apply", "median(size=3)", tmp_path / name, "-o", tmp_path / target)
            with Image.open(tmp_path / target) as image:
                assert image.mode == "1"
                found = np.asarray(image)
            np.testing.assert_array_equal(found, imgconv.median(pixels * np.uint8(255), 3) > 0)
            (tmp_path / target).unlink()
    run("apply", "gaussian(sigma=1)", tmp_path / "a.tif", "-o", tmp_path / "c.tif")
    expected = imgconv.gaussian(pixels * np.uint8(255), 1)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "c.tif"), expected)


def test_percents_and_thresholds_are_of_the_files_white(tmp_path: Path) -> None:
    """The same picture in 8 and in 4 bits, in steps that both can store, gives the same."""
    steps = np.add.outer(np.arange(40) // 8, np.arange(40) // 5) % 16
    noisy = np.clip(steps + RNG.integers(-1, 2, steps.shape), 0, 15).astype(np.uint8)
    tiff(noisy, bitspersample=4)(tmp_path / "four.tif")
    tiff(noisy * np.uint8(17))(tmp_path / "eight.tif")
    for depth in ("four", "eight"):
        run("edges", "--filter", "canny", tmp_path / f"{depth}.tif", "-o",
            tmp_path / f"{depth}-canny.png")  # fmt: skip
        run("denoise", "--strength", 8, tmp_path / f"{depth}.tif", "-o",
            tmp_path / f"{depth}-clean.tif")  # fmt: skip
        run("apply", "astype(float32)", "--floats", "image", tmp_path / f"{depth}.tif", "-o",
            tmp_path / f"{depth}-floats.png")  # fmt: skip
    for name in ("canny.png", "floats.png"):
        four, eight = (io.read(tmp_path / f"{depth}-{name}").pixels for depth in ("four", "eight"))
        np.testing.assert_array_equal(four, eight)
    four, eight = (tifffile.imread(tmp_path / f"{depth}-clean.tif") for depth in ("four", "eight"))
    assert np.abs(four * 17.0 - eight).max() <= 9
    assert (four != noisy).any()


def test_white_behind_transparent_pixels(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 1024, (9, 8, 4)).astype(np.uint16)
    tiff(pixels, bitspersample=10, photometric="rgb", extrasamples=["unassalpha"])(tmp_path / "a")
    picture = io.read(tmp_path / "a")
    share = pixels[..., 3:] / 1023
    expected = pixels[..., :3] * share + (1 - share) * 1023
    np.testing.assert_allclose(picture.over_white(), expected, atol=0.51)
    luma = expected @ np.array([0.2125, 0.7154, 0.0721])
    np.testing.assert_allclose(picture.grey(), luma, atol=0.01)


def test_what_a_filter_exceeds_is_white(tmp_path: Path) -> None:
    pixels = values(10, "minisblack")
    tiff(pixels, bitspersample=10)(tmp_path / "a.tif")
    run("apply", "scale(factor=3)", tmp_path / "a.tif", "-o", tmp_path / "b.tif")
    np.testing.assert_array_equal(io.read(tmp_path / "b.tif").pixels, np.minimum(pixels * 3, 1023))


@pytest.mark.parametrize("depth", [4, 10, 24])
def test_steps_know_the_files_white(depth: int, tmp_path: Path) -> None:
    pixels = values(depth, "minisblack")
    tiff(pixels, bitspersample=depth)(tmp_path / "a.tif")
    run("apply", "invert", tmp_path / "a.tif", "-o", tmp_path / "b.tif")
    np.testing.assert_array_equal(io.read(tmp_path / "b.tif").pixels, 2**depth - 1 - pixels)
    run("apply", "gamma(exponent=0.5)", tmp_path / "a.tif", "-o", tmp_path / "c.tif")
    white = 2.0**depth - 1
    np.testing.assert_allclose(
        io.read(tmp_path / "c.tif").pixels, white * (pixels / white) ** 0.5, atol=0.51
    )


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_marked_as_negative_keep_their_numbers(dtype: type, tmp_path: Path) -> None:
    pixels = RNG.normal(size=(9, 8)).astype(dtype)
    tiff(pixels, photometric="miniswhite")(tmp_path / "a.tif")
    np.testing.assert_array_equal(io.read(tmp_path / "a.tif").pixels, pixels)
    tiff(pixels, photometric="miniswhite", tile=(16, 16))(tmp_path / "b.tif")
    np.testing.assert_array_equal(io.read(tmp_path / "b.tif").pixels, pixels)


def test_signed_integers_marked_as_negative(tmp_path: Path) -> None:
    pixels = RNG.integers(-32768, 32768, (9, 8)).astype(np.int16)
    tiff(pixels, photometric="miniswhite")(tmp_path / "a.tif")
    np.testing.assert_array_equal(io.read(tmp_path / "a.tif").pixels, -1 - pixels)

"""`imgconv apply`: files and folders in, results whole or not at all, what failed and why."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from PIL import Image

import imgconv
from imgconv import io
from imgconv.cli import main
from imgconv.pipeline import Pipeline

RNG = np.random.default_rng(8)
GREY = RNG.integers(0, 256, (40, 31), np.uint8)
RGB = RNG.integers(0, 256, (40, 31, 3), np.uint8)
RGBA = RNG.integers(0, 256, (40, 31, 4), np.uint8)
DEEP = RNG.integers(0, 65536, (40, 31), np.uint16)


def apply(*arguments):
    return CliRunner().invoke(main, ["apply", *map(str, arguments)])


def output_of(*arguments):
    done = apply(*arguments)
    assert done.exit_code == 0, done.output
    return done.output


def pixels(path):
    return io.read(path).pixels


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(GREY).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "in"
    (place / "deeper").mkdir(parents=True)
    Image.fromarray(GREY).save(place / "grey.png")
    Image.fromarray(RGB).save(place / "deeper" / "colour.jpg", quality=95)
    tifffile.imwrite(place / "deeper" / "deep.tiff", DEEP)
    (place / "notes.txt").write_text("no picture")
    (place / ".hidden.png").write_text("no picture")
    return place


# ---- one picture ---------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", ["weighed", "separate"])
@pytest.mark.parametrize("image", [GREY, RGB, RGBA], ids=["grey", "rgb", "rgba"])
def test_colours_one_by_one_and_alpha_as_it_is(tmp_path, image, alpha):
    source, result = tmp_path / "in.png", tmp_path / "out.png"
    Image.fromarray(image).save(source)
    output_of("gaussian(sigma=1.5) | median(size=3)", source, "-o", result, "--alpha", alpha)
    colours = image[..., :3] if image.ndim == 3 else image[..., None]
    weighs = alpha == "weighed" and image.shape[-1] == 4
    how = {"channel_axis": -1, "weights": image[..., 3] if weighs else None}
    expected = imgconv.median(imgconv.gaussian(colours, 1.5, **how), 3, **how)
    found = pixels(result).reshape(40, 31, -1)
    assert np.array_equal(found[..., : expected.shape[2]], expected)
    if image.shape[-1] == 4:
        assert np.array_equal(found[..., 3], image[..., 3])


@pytest.mark.parametrize("alpha", ["unassalpha", "assocalpha"])
def test_what_is_clear_darkens_nothing(tmp_path, alpha):
    """A white block on clear black stays white up to its rim, however the file stores it."""
    block = np.zeros((40, 40, 4), np.uint8)
    block[10:30, 10:30] = 255
    source, result = tmp_path / "in.tif", tmp_path / "out.tif"
    tifffile.imwrite(source, block, photometric="rgb", extrasamples=[alpha])
    output_of("gaussian(sigma=3) | percentile(20, size=5)", source, "-o", result)
    assert np.array_equal(pixels(result)[10:30, 10:30], block[10:30, 10:30])
    assert np.array_equal(pixels(result)[..., 3], block[..., 3])
    output_of("gaussian(sigma=3)", source, "-o", result, "--overwrite", "--alpha", "separate")
    assert pixels(result)[10, 10, 0] < 90


def test_premultiplied_colours_are_those_of_a_straight_file(tmp_path):
    y, x = np.mgrid[:30, :50]
    opacity = np.uint8(30 + 4 * x + y)
    straight = np.dstack([np.uint8(4 * x), np.uint8(200 - 3 * y), np.uint8(x + y), opacity])
    share = opacity[..., None] / 255
    premultiplied = np.dstack([np.rint(straight[..., :3] * share).astype(np.uint8), opacity])
    found = {}
    for alpha, image in (("unassalpha", straight), ("assocalpha", premultiplied)):
        source, result = tmp_path / f"{alpha}.tif", tmp_path / f"{alpha}.out.tif"
        tifffile.imwrite(source, image, photometric="rgb", extrasamples=[alpha])
        output_of("gaussian(sigma=2)", source, "-o", result)
        found[alpha] = pixels(result).astype(float)
    expected = found["unassalpha"][..., :3] * share
    assert np.abs(found["assocalpha"][..., :3] - expected).max() <= 2


def test_missing_pixels(tmp_path):
    """Pixels of a value are left out, and stay; a TIFF file may state the value."""
    image = (1 + np.arange(600, dtype=np.uint16)).reshape(20, 30)
    image[5:8, 5:8] = 0
    source, result = tmp_path / "in.tif", tmp_path / "out.tif"
    tifffile.imwrite(source, image, extratags=[(42113, "s", 0, "0", True)])
    expected = imgconv.box(image, 5, weights=image > 0)
    expected[image == 0] = 0
    for nodata in ("auto", "0"):
        output_of("box(size=5)", source, "-o", result, "--nodata", nodata, "--overwrite")
        assert np.array_equal(pixels(result), expected)
    output_of("box(size=5)", source, "-o", result, "--overwrite")
    assert np.array_equal(pixels(result), imgconv.box(image, 5))
    holes = np.where(image == 0, np.nan, image).astype(np.float32)
    tifffile.imwrite(source, holes)
    output_of("median(size=3)", source, "-o", result, "--nodata", "nan", "--overwrite")
    filled = np.where(image == 0, np.nan, imgconv.median(holes, 3, nan="omit"))
    assert np.array_equal(pixels(result), filled.astype(np.float32), equal_nan=True)


def test_grey_first_shows_white_behind(tmp_path):
    source, result = tmp_path / "in.png", tmp_path / "out.png"
    Image.fromarray(RGBA).save(source)
    output_of("grey | box(size=3)", source, "-o", result)
    seen = io.read(source).over_white()
    assert np.array_equal(pixels(result), Pipeline("grey | box(3)")(seen, channel_axis=-1))
    Image.fromarray(GREY).save(source)
    output_of("grey | box(size=3)", source, "-o", result, "--overwrite")
    assert np.array_equal(pixels(result), imgconv.box(GREY, 3))


def test_bool_is_black_and_white(photo, tmp_path):
    output_of("threshold(otsu)", photo, "-o", tmp_path / "out.png")
    expected = Pipeline("threshold(otsu)")(GREY)
    assert np.array_equal(pixels(tmp_path / "out.png"), expected * np.uint8(255))


@pytest.mark.parametrize(("image", "dtype"), [(GREY, np.uint8), (DEEP, np.uint16)])
def test_floats_become_integers(tmp_path, image, dtype):
    source, result = tmp_path / "in.tif", tmp_path / "out.png"
    tifffile.imwrite(source, image)
    top = np.iinfo(dtype).max
    edges = imgconv.sobel(image)
    for floats, expected in (
        ("stretch", io.stretch(edges, False, dtype)),
        ("image", np.rint(np.clip(edges / np.float32(top), 0, 1) * top)),
    ):
        output_of("sobel", source, "-o", result, "--floats", floats, "--overwrite")
        found = pixels(result)
        assert found.dtype == dtype
        assert np.abs(found.astype(int) - expected.astype(int)).max() <= (
            1 if floats == "image" else 0
        )
    output_of("normalize", source, "-o", result, "--floats", "one", "--overwrite")
    share = (image - float(image.min())) / (float(image.max()) - float(image.min()))
    assert np.abs(pixels(result) / top - share).max() < 1 / top
    output_of("image - gaussian(sigma=2)", source, "-o", result, "--overwrite")
    signed = Pipeline("image - gaussian(sigma=2)")(image)
    assert np.array_equal(pixels(result), io.stretch(signed, True, dtype))


def test_tiff_keeps_floats_and_alpha_beside_them(tmp_path):
    source, result = tmp_path / "in.png", tmp_path / "out.tif"
    Image.fromarray(RGBA).save(source)
    output_of("sobel", source, "-o", result)
    found = io.read(result)
    assert found.alpha == "straight"
    assert np.array_equal(found.pixels[..., :3], imgconv.sobel(RGBA[..., :3], channel_axis=-1))
    assert np.array_equal(found.pixels[..., 3], (RGBA[..., 3] / 255).astype(np.float32))


def test_sixteen_bits(tmp_path):
    colours = RNG.integers(0, 65536, (20, 30, 3), np.uint16)
    source, result = tmp_path / "in.png", tmp_path / "out.png"
    source.write_bytes(imagecodecs.png_encode(colours))
    output_of("median(size=3)", source, "-o", result)
    assert np.array_equal(pixels(result), imgconv.median(colours, 3, channel_axis=-1))


def test_pages(tmp_path):
    stack = RNG.integers(0, 65536, (4, 30, 20), np.uint16)
    source, result = tmp_path / "in.tif", tmp_path / "out.tif"
    tifffile.imwrite(source, stack, bigtiff=True, photometric="minisblack")
    output_of("gaussian(sigma=1) | sobel", source, "-o", result)
    found = tifffile.imread(result)
    for page, image in zip(found, stack, strict=True):
        assert np.array_equal(page, Pipeline("gaussian(1) | sobel")(image))


def test_without_a_step_a_picture_stays_as_it_is(tmp_path):
    source, result = tmp_path / "in.png", tmp_path / "out.png"
    Image.fromarray(RGBA).save(source)
    output_of("image", source, "-o", result)
    assert np.array_equal(pixels(result), RGBA)


def test_a_size_that_changes(tmp_path):
    source, result = tmp_path / "in.png", tmp_path / "out.png"
    Image.fromarray(RGBA).save(source)
    output_of("pool(size=2, how=mean)", source, "-o", result)
    assert pixels(result).shape == (20, 15, 3)


# ---- many pictures -------------------------------------------------------------------------------


def test_a_folder_keeps_names_places_and_formats(folder, tmp_path):
    output = output_of("gaussian(sigma=1)", folder, "-o", tmp_path / "out", "--jobs", 3)
    made = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.*"))
    assert made == ["deeper/colour.jpg", "deeper/deep.tiff", "grey.png"]
    assert np.array_equal(
        pixels(tmp_path / "out" / "deeper" / "deep.tiff"), imgconv.gaussian(DEEP, 1)
    )
    assert output.splitlines()[-1].startswith("3 done")
    assert "left out: 1 file that is no picture (1 .txt)" in output


def test_patterns_and_files_of_pipelines(folder, tmp_path):
    chain = tmp_path / "chain.toml"
    Pipeline("box(3) | invert").save(chain)
    output_of(chain, folder / "**" / "*.*g", "-o", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["colour.jpg", "grey.png"]
    assert np.array_equal(pixels(tmp_path / "out" / "grey.png"), 255 - imgconv.box(GREY, 3))


def test_one_failure_is_reported_and_stops_nothing(folder, tmp_path):
    (folder / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    (folder / "empty.jpg").write_bytes(b"")
    done = apply("box(3)", folder, tmp_path / "missing.png", "-o", tmp_path / "out")
    assert done.exit_code == 1
    assert "3 done" in done.output
    assert "3 failed" in done.output
    for name, why in (("bad.png", ""), ("empty.jpg", "an empty file"), ("missing.png", "no such")):
        assert any(name in line and why in line for line in done.output.splitlines())
    assert len(list((tmp_path / "out").rglob("*.*"))) == 3


def test_a_step_that_fails_is_named(photo, tmp_path):
    done = apply("correlate(kernel=[[1, 2]]) | gradient", photo, "-o", tmp_path / "out.png")
    assert done.exit_code == 1
    assert "gives 2 images" in done.output
    assert not (tmp_path / "out.png").exists()


def test_skip_existing(folder, tmp_path):
    output_of("box(3)", folder, "-o", tmp_path / "out")
    kept = tmp_path / "out" / "grey.png"
    kept.write_bytes(b"mine")
    (tmp_path / "out" / "deeper" / "deep.tiff").unlink()
    output = output_of("box(3)", folder, "-o", tmp_path / "out", "--skip-existing")
    assert "1 done" in output
    assert "2 skipped" in output
    assert kept.read_bytes() == b"mine"


SLOW = """
import sys, time
from imgconv.cli import main
from imgconv.io import png
write = png.write
def slow(stream, picture):
    write(stream, picture)
    stream.flush()
    open(sys.argv[1], "w").close()
    time.sleep(60)
png.write = slow
main(["apply", "box(3)", sys.argv[2], "-o", sys.argv[3]])
"""


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_leaves_no_half_files(photo, tmp_path, number):
    begun, out = tmp_path / "begun", tmp_path / "out" / "photo.png"
    child = subprocess.Popen(
        [sys.executable, "-c", SLOW, begun, photo, out], cwd=Path(imgconv.__file__).parent.parent
    )
    while not begun.exists():
        assert child.poll() is None
        time.sleep(0.05)
    child.send_signal(number)
    if number == signal.SIGINT:
        time.sleep(0.3)
        child.kill()
    child.wait()
    assert not out.exists()
    output_of("box(3)", photo, "-o", out)
    assert [path.name for path in out.parent.iterdir()] == ["photo.png"]


def test_pictures_are_never_overwritten(folder, photo, tmp_path):
    for arguments in (
        ("box(3)", photo, "-o", photo),
        ("box(3)", folder, "-o", folder),
        ("box(3)", photo, folder, "-o", tmp_path / "out.png"),
        ("box(3)", photo, photo.parent / "in" / "..", "-o", tmp_path),
        ("box(3)", photo, "-o", photo.with_name("notes.txt")),
    ):
        photo.with_name("notes.txt").write_text("mine")
        done = apply(*arguments)
        assert done.exit_code == 2, done.output
    assert np.array_equal(pixels(photo), GREY)


# ---- before anything is run ----------------------------------------------------------------------


def test_dry_run(folder, tmp_path):
    output = output_of("gaussian(2) | threshold(otsu)", folder, "-o", tmp_path / "out", "--dry-run")
    assert not (tmp_path / "out").exists()
    assert "measured of the whole image" in output
    assert "operations a pixel" in output
    assert "MB beside image and result" in output
    assert f"{tmp_path / 'out' / 'grey.png'}: 31 x 40 uint8" in output
    assert output_of("sobel", folder / "grey.png", "--dry-run").count("halo 1") == 1


def test_preview(photo, tmp_path):
    sheet = tmp_path / "sheet.png"
    output_of("gaussian(sigma=2) | sobel | threshold(otsu)", photo, "--preview", sheet)
    found = pixels(sheet)
    assert found.ndim == 3
    assert np.array_equal(found[12 : 12 + 40, 12 : 12 + 31, 0], GREY)
    assert apply("sobel", photo, photo.parent / "x.png", "--preview", sheet).exit_code == 2


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        ("gausian(2)", "no such step; is it gaussian?"),
        ("", "a pipeline must have a step"),
        ("missing.toml", "No such file"),
        ("sobel | box(0)", "column 9, step 2, box: size must be positive"),
    ],
)
def test_pipelines_that_cannot_be(photo, tmp_path, pipeline, message):
    done = apply(pipeline, photo, "-o", tmp_path / "out.png")
    assert done.exit_code == 2
    assert message in done.output


def test_wrong_usage(photo, tmp_path):
    for arguments in (
        ("sobel", photo),
        ("sobel", tmp_path / "*.jpg", "-o", tmp_path / "out"),
        ("sobel", photo, "-o", tmp_path / "out.png", "--scheduler", "tcp://127.0.0.1:1"),
    ):
        assert apply(*arguments).exit_code == 2
    done = apply("sobel", photo, "-o", tmp_path / "out.png", "--max-megapixels", 0.0001)
    assert done.exit_code == 1
    assert "more than the limit" in done.output

"""`imgconv edges`: what it draws and stores, and what it refuses."""

import os
import re
from pathlib import Path
from xml.etree import ElementTree

import imagecodecs
import numpy as np
import pytest
import tifffile
from click.testing import CliRunner, Result
from paths import SAMPLES
from pictures import BAD, GREY, GREY16, RGB, pillow, png16, tiff
from PIL import Image

import imgconv
from imgconv import io
from imgconv.cli import main


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["edges", *map(str, arguments)])


# ---- results -------------------------------------------------------------------------------------


def test_png_is_scaled_to_the_99th_percentile(photo: Path, tmp_path: Path) -> None:
    assert run(photo, "-o", tmp_path / "edges.png").exit_code == 0
    magnitude = imgconv.sobel(GREY)
    expected = np.clip(magnitude / np.percentile(magnitude, 99), 0, 1) * 255
    with Image.open(tmp_path / "edges.png") as image:
        assert image.mode == "L"
        np.testing.assert_allclose(np.asarray(image), expected, atol=0.51)


def test_signed_filters_are_drawn_about_mid_grey(photo: Path, tmp_path: Path) -> None:
    assert run(photo, "-o", tmp_path / "e.png", "--filter", "laplace").exit_code == 0
    values = imgconv.laplace(GREY)
    with Image.open(tmp_path / "e.png") as image:
        drawn = np.asarray(image).astype(int)
    assert (drawn[values > 30] > 128).all()
    assert (drawn[values < -30] < 128).all()
    assert (drawn[values == 0] == 128).all()
    assert drawn.min() == 1
    assert drawn.max() == 255


@pytest.mark.parametrize(
    ("save", "suffix", "dtype"),
    [
        (pillow(RGB), "png", np.uint8),
        (png16(GREY16), "png", np.uint16),
        (tiff(np.float32(GREY)), "png", np.uint16),
        (png16(GREY16), "jpg", np.uint8),
        (pillow(GREY), "tif", np.float32),
        (tiff(np.float64(GREY)), "tiff", np.float32),
    ],
)
def test_depth_of_the_result(save, suffix: str, dtype: type, tmp_path: Path) -> None:
    save(tmp_path / "photo")
    result = tmp_path / f"edges.{suffix}"
    assert run(tmp_path / "photo", "-o", result).exit_code == 0
    decode = {"png": imagecodecs.png_decode, "jpg": imagecodecs.jpeg_decode}
    pixels = tifffile.imread(result) if "tif" in suffix else decode[suffix](result.read_bytes())
    assert pixels.dtype == dtype
    assert pixels.shape == GREY.shape


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], lambda image: imgconv.sobel(image)),
        (["--filter", "scharr", "--mode", "wrap"], lambda im: imgconv.scharr(im, mode="wrap")),
        (["--filter", "prewitt"], lambda image: imgconv.prewitt(image)),
        (["--filter", "farid"], lambda image: imgconv.farid(image)),
        (["--filter", "roberts"], lambda image: imgconv.roberts(image)),
        (["--filter", "laplace"], lambda image: imgconv.laplace(image)),
        (["--filter", "log"], lambda image: imgconv.gaussian_laplace(image, 2)),
        (["--filter", "log", "--sigma", 1.2], lambda im: imgconv.gaussian_laplace(im, 1.2)),
        (["--filter", "dog"], lambda image: imgconv.difference_of_gaussians(image, 1)),
        (["--filter", "sobel", "--sigma", 0], lambda image: imgconv.sobel(image)),
        (["--filter", "canny"], lambda image: imgconv.canny(image, mode="reflect")),
        (["--filter", "canny", "--sigma", 0, "--low", 0.3, "--high", 0.5, "--mode", "nearest"],
         lambda image: imgconv.canny(image, 0, 0.3 * 255, 0.5 * 255, mode="nearest")),
        (["--sigma", 1.5, "--threads", 2],
         lambda im: imgconv.sobel(imgconv.gaussian(im, 1.5, dtype=np.float32))),
    ],
)  # fmt: skip
def test_tiff_keeps_the_values(options, expected, photo: Path, tmp_path: Path) -> None:
    before = imgconv.get_num_threads()
    outcome = run(photo, "-o", tmp_path / "edges.tif", *options)
    assert outcome.exit_code == 0, outcome.output
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "edges.tif"), expected(GREY))
    assert imgconv.get_num_threads() == before


def test_canny_draws_white_lines_whatever_the_photo(tmp_path: Path) -> None:
    """The thresholds are parts of white: of 8 or 16 bits, grey or colour."""
    drawn = []
    for k, save in enumerate((pillow(GREY), png16(GREY16 - 3), pillow(np.dstack([GREY] * 3)))):
        save(tmp_path / f"{k}.png")
        outcome = run(tmp_path / f"{k}.png", "-o", tmp_path / f"{k}e.png",
                      "--filter", "canny", "--low", 0.5, "--high", 1)  # fmt: skip
        assert outcome.exit_code == 0, outcome.output
        drawn.append(np.asarray(Image.open(tmp_path / f"{k}e.png")) > 0)
    expected = imgconv.canny(GREY, 1, 127.5, 255, mode="reflect")
    assert 0 < expected.mean() < 0.5
    for lines in drawn:
        assert (lines != expected).mean() < 1e-3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--low", 0.1], "--low and --high are for --filter canny, not sobel"),
        (["--filter", "canny", "--low", 0.5], "--low must not be above --high, got 0.5 and 0.2"),
        (["--filter", "canny", "--high", "nan"], "--low must not be above --high"),
    ],
)
def test_thresholds_that_make_no_sense(options, message, photo: Path, tmp_path: Path) -> None:
    outcome = run(photo, "-o", tmp_path / "e.png", *options)
    assert outcome.exit_code == 2
    assert message in outcome.output


def test_a_name_that_is_no_text(photo: Path, tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xff[red].png")
    try:
        photo.rename(name)
    except OSError:
        pytest.skip("this file system allows only text in names")
    outcome = run(name, "-o", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    assert "[red].png -> " in outcome.stdout


def test_many_into_a_folder(tmp_path: Path) -> None:
    photos = sorted(SAMPLES.glob("*.png")) + sorted(SAMPLES.glob("*.jpg"))
    assert len(photos) >= 3
    tiff(GREY)(tmp_path / "scan.tif")
    outcome = run(*photos, tmp_path / "scan.tif", "-o", tmp_path / "new" / "folder")
    assert outcome.exit_code == 0, outcome.output
    names = {path.name for path in (tmp_path / "new" / "folder").iterdir()}
    assert names == {f"{path.stem}-sobel.png" for path in photos} | {"scan-sobel.tif"}
    assert outcome.stdout.count(" MP/s") == len(photos) + 1
    assert f"{len(photos) + 1} done, " in outcome.stdout


# ---- what fails ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in BAD if kind != "folder"])
@pytest.mark.filterwarnings("ignore::Warning")
def test_a_bad_file_is_one_line_and_the_others_are_done(
    kind: str, photo: Path, tmp_path: Path
) -> None:
    save, complaint = BAD[kind]
    bad = tmp_path / "bad"
    save(bad)
    outcome = run(bad, photo, "-o", tmp_path / "out")
    assert outcome.exit_code == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["photo-sobel.png"]
    lines = outcome.stderr.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"imgconv: {bad}: ")
    assert re.search(complaint, lines[0])
    assert lines[0].endswith("(--max-megapixels)") == ("bomb" in kind)
    assert outcome.stdout.splitlines()[-1].startswith("1 done, ")


def test_max_megapixels(photo: Path, tmp_path: Path) -> None:
    limit = GREY.size / 1e6
    out = tmp_path / "out.png"
    assert run(photo, "-o", out, "--max-megapixels", limit * 0.99).exit_code == 1
    assert run(photo, "-o", out, "--max-megapixels", limit * 1.01).exit_code == 0


def test_a_result_that_cannot_be_written(photo: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    outcome = run(photo, "-o", tmp_path / "file" / "edges.png")
    assert outcome.exit_code == 1
    assert "cannot write" in outcome.stderr
    assert len(outcome.stderr.splitlines()) == 1


def test_not_enough_memory(photo: Path, tmp_path: Path, monkeypatch) -> None:
    def grey(_photo: io.Picture) -> None:
        raise MemoryError("Unable to allocate 9 TiB")

    monkeypatch.setattr(io.Picture, "grey", grey)
    outcome = run(photo, "-o", tmp_path / "e.png")
    assert outcome.exit_code == 1
    assert "Unable to allocate" in outcome.stderr


# ---- wrong usage ---------------------------------------------------------------------------------


def test_a_photo_is_never_overwritten(photo: Path, tmp_path: Path) -> None:
    content = photo.read_bytes()
    (tmp_path / "symlink.png").symlink_to(photo)
    os.link(photo, tmp_path / "hardlink.png")
    other_photo = tmp_path / "photo-sobel.png"
    other_photo.write_bytes(content)
    for arguments in (
        [photo, "-o", photo],
        [photo, "-o", tmp_path / "nowhere" / ".." / "photo.png"],
        [photo, "-o", tmp_path / "symlink.png"],
        [photo, "-o", tmp_path / "hardlink.png"],
        [photo, other_photo, "-o", tmp_path],
    ):
        (tmp_path / "nowhere").mkdir(exist_ok=True)
        outcome = run(*arguments)
        assert outcome.exit_code == 2, arguments
        assert "never overwritten" in outcome.stderr
        assert photo.read_bytes() == other_photo.read_bytes() == content


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["PHOTO"], "--out"),
        (["-o", "OUT.png"], "INPUT"),
        (["PHOTO", "OTHER", "-o", "OUT.png"], "one file"),
        (["PHOTO", "-o", "OUT.gif"], ".gif"),
        (["PHOTO", "-o", "OTHER"], "neither a folder"),
        (["PHOTO", "-o", "OUT.heic"], ".heic"),
        (["PHOTO", "-o", "OUT.png", "--overwrite", "--skip-existing"], "contradict"),
        (["PHOTO", "-", "-o", "OUT"], "read alone"),
        (["-", "-o", "OUT"], "name a file"),
        (["PHOTO", "-o", "OUT.png", "--filter", "sobell"], "sobell"),
        (["PHOTO", "-o", "OUT.png", "--mode", "valid"], "valid"),
        (["PHOTO", "-o", "OUT.png", "--threads", "0"], "threads"),
        (["PHOTO", "-o", "OUT.png", "--sigma", "-1"], "sigma"),
        (["PHOTO", "-o", "OUT.png", "--sigma", "nan"], "sigma"),
        (["PHOTO", "-o", "OUT.png", "--sigma", "0", "--filter", "log"], "log"),
        (["PHOTO", "-o", "OUT.png", "--max-megapixels", "0"], "megapixels"),
    ],
)
def test_wrong_usage(arguments: list[str], complaint: str, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("other")
    places = {"PHOTO": photo, "OTHER": tmp_path / "other", "OUT": tmp_path / "out"}
    named = []
    for argument in arguments:
        stem, _, rest = argument.partition(".")
        path = places.get(stem.partition("/")[0])
        named.append(str(path) + ("." + rest if rest else "") if path else argument)
    outcome = run(*named)
    assert outcome.exit_code == 2, outcome.output
    assert complaint in outcome.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"photo.png", "other"}


def test_the_same_photo_twice_is_done_once(photo: Path, tmp_path: Path) -> None:
    outcome = run(photo, photo, "-o", tmp_path / "out.png")
    assert outcome.exit_code == 0, outcome.output
    assert outcome.stdout.count("MP/s") == 1


# ---- lines ---------------------------------------------------------------------------------------


@pytest.fixture
def square(tmp_path: Path) -> Path:
    pixels = np.zeros((40, 60), np.uint8)
    pixels[10:30, 15:45] = 200
    path = tmp_path / "square.png"
    Image.fromarray(pixels).save(path)
    return path


def test_points_as_csv(square: Path, tmp_path: Path) -> None:
    assert run(square, "-o", tmp_path / "p.csv", "--points", "--sigma", "1.5").exit_code == 0
    with Image.open(square) as image:
        chains = imgconv.edge_points(np.asarray(image), 1.5)
    lines = (tmp_path / "p.csv").read_text().splitlines()
    assert lines[0] == "chain,y,x"
    values = np.array([line.split(",") for line in lines[1:]], float)
    np.testing.assert_allclose(values[:, 1:], np.concatenate(chains), atol=0.00051)
    assert np.bincount(values[:, 0].astype(int)).tolist() == [len(chain) for chain in chains]


def test_points_as_svg(square: Path, tmp_path: Path) -> None:
    assert run(square, "-o", tmp_path / "folder", "--points").exit_code == 0
    text = (tmp_path / "folder" / "square-points.svg").read_text()
    root = ElementTree.fromstring(text)
    assert root.get("viewBox") == "-0.5 -0.5 60 40"
    assert root.get("width") == "60"
    (path,) = root.iter("{http://www.w3.org/2000/svg}path")
    points = np.array([p.split() for p in path.get("d", "")[1:].split("L")], float)
    near = np.abs(points[:, 0] - 14.5) < 0.6
    assert near.sum() > 15
    assert (points[0] == points[-1]).all()


def test_overlay_is_red_on_the_photo(square: Path, tmp_path: Path) -> None:
    assert run(square, "-o", tmp_path / "o.png", "--overlay").exit_code == 0
    with Image.open(tmp_path / "o.png") as image:
        drawn = np.asarray(image)
    red = (drawn == [255, 32, 32]).all(axis=-1)
    assert 90 < red.sum() < 260
    with Image.open(square) as image:
        pixels = np.asarray(image)
    np.testing.assert_array_equal(drawn[~red], np.repeat(pixels[..., None], 3, 2)[~red])


def test_zero_and_ridge(photo: Path, tmp_path: Path) -> None:
    for name, function in (("zero", imgconv.zero_crossings), ("ridge", imgconv.ridges)):
        assert run(photo, "-o", tmp_path / f"{name}.tif", "--filter", name).exit_code == 0
        expected = function(GREY, 2.0).astype(np.float32)
        np.testing.assert_array_equal(tifffile.imread(tmp_path / f"{name}.tif"), expected)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--points", "--overlay"], "--points writes a file of points, --overlay a picture"),
        (["--points", "--filter", "sobel"], "are for --filter canny, not sobel"),
        (["--points", "--sigma", "0"], "0 is not a scale of points"),
        (["--overlay", "--low", "0.5", "--high", "0.2"], "--low must not be above --high"),
    ],
)
def test_lines_refuse(photo: Path, tmp_path: Path, options: list[str], text: str) -> None:
    result = run(photo, "-o", tmp_path / "e.svg", *options)
    assert result.exit_code == 2
    assert text in result.output

"""The command: files of every kind in, pictures out, bad ones named, exit codes."""

import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from click.testing import CliRunner, Result
from paths import SAMPLES
from PIL import Image, ImageOps

import imgconv
from imgconv import cli
from imgconv.core.config import config
from imgconv.io import files

RNG = np.random.default_rng(5)
GREY = RNG.integers(0, 256, (23, 31), np.uint8)
RGB = RNG.integers(0, 256, (23, 31, 3), np.uint8)
RGBA = RNG.integers(0, 256, (23, 31, 4), np.uint8)
LUMA = np.array([0.2125, 0.7154, 0.0721])


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


def grey(path: Path) -> np.ndarray:
    return files.grey(files.read(path))


def over_white(pixels: np.ndarray, white: float = 255) -> np.ndarray:
    alpha = pixels[..., -1] / white
    colour = pixels[..., 0] if pixels.shape[2] == 2 else pixels[..., :3] @ LUMA
    return colour * alpha + white * (1 - alpha)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(GREY).save(path)
    return path


# What files hold, and the grey image expected of it.


def png16(pixels: np.ndarray) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(imagecodecs.png_encode(pixels))


def pillow(
    pixels: np.ndarray, kind: str = "PNG", mode: str = "", **options
) -> Callable[[Path], None]:
    def save(path: Path) -> None:
        image = Image.fromarray(pixels)
        (image.convert(mode) if mode else image).save(path, kind, **options)

    return save


def tiff(pixels: np.ndarray, **options) -> Callable[[Path], None]:
    return lambda path: tifffile.imwrite(path, pixels, **options)


WIDE = GREY.astype(np.uint16) * 257 + 3
WIDE_RGB = RGB.astype(np.uint16) * 257 + 3
WIDE_RGBA = RGBA.astype(np.uint16) * 257
FLOAT_RGBA = np.float32(RGBA / 255)
PALETTE = RNG.integers(0, 65536, (3, 256)).astype(np.uint16)
HOLE = np.where((RGB[0, 0] == RGB).all(axis=2), 255.0, RGB @ LUMA)
KINDS = {
    "png grey": (pillow(GREY), GREY),
    "png 1 bit": (pillow(GREY > 99), (GREY > 99) * 255),
    "png rgb": (pillow(RGB), RGB @ LUMA),
    "png palette": (pillow(RGB // 128 * 255, mode="P"), RGB // 128 * 255 @ LUMA),
    "png grey and alpha": (pillow(RGBA[..., :2]), over_white(RGBA[..., :2])),
    "png rgb and alpha": (pillow(RGBA), over_white(RGBA)),
    "png one colour transparent": (pillow(RGB, transparency=tuple(map(int, RGB[0, 0]))), HOLE),
    "png 16 bits grey": (png16(WIDE), WIDE),
    "png 16 bits rgb": (png16(WIDE_RGB), WIDE_RGB @ LUMA),
    "png 16 bits rgb and alpha": (png16(WIDE_RGBA), over_white(WIDE_RGBA, 65535)),
    "tiff uint8": (tiff(GREY), GREY),
    "tiff uint16, big-endian": (tiff(WIDE, byteorder=">"), WIDE),
    "tiff int16": (tiff(GREY.astype(np.int16) * 99 - 9999), GREY * 99.0 - 9999),
    "tiff uint32": (tiff(WIDE.astype(np.uint32) * 60000), WIDE * 60000.0),
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
    "tiff rgb in planes": (tiff(np.moveaxis(WIDE_RGB, -1, 0), photometric="rgb",
                                planarconfig="separate"), WIDE_RGB @ LUMA),
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


# Results.


def test_png_is_scaled_to_the_99th_percentile(photo: Path, tmp_path: Path) -> None:
    assert run("edges", photo, "-o", tmp_path / "edges.png").exit_code == 0
    magnitude = imgconv.sobel(GREY)
    expected = np.clip(magnitude / np.percentile(magnitude, 99), 0, 1) * 255
    with Image.open(tmp_path / "edges.png") as image:
        assert image.mode == "L"
        np.testing.assert_allclose(np.asarray(image), expected, atol=0.51)


def test_signed_filters_are_drawn_about_mid_grey(photo: Path, tmp_path: Path) -> None:
    assert run("edges", photo, "-o", tmp_path / "e.png", "--filter", "laplace").exit_code == 0
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
        (png16(WIDE), "png", np.uint16),
        (tiff(np.float32(GREY)), "png", np.uint16),
        (png16(WIDE), "jpg", np.uint8),
        (pillow(GREY), "tif", np.float32),
        (tiff(np.float64(GREY)), "tiff", np.float32),
    ],
)
def test_depth_of_the_result(save, suffix: str, dtype: type, tmp_path: Path) -> None:
    save(tmp_path / "photo")
    result = tmp_path / f"edges.{suffix}"
    assert run("edges", tmp_path / "photo", "-o", result).exit_code == 0
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
    outcome = run("edges", photo, "-o", tmp_path / "edges.tif", *options)
    assert outcome.exit_code == 0, outcome.output
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "edges.tif"), expected(GREY))
    assert imgconv.get_num_threads() == before


def test_canny_draws_white_lines_whatever_the_photo(tmp_path: Path) -> None:
    """The thresholds are parts of white: of 8 or 16 bits, grey or colour."""
    drawn = []
    for k, save in enumerate((pillow(GREY), png16(WIDE - 3), pillow(np.dstack([GREY] * 3)))):
        save(tmp_path / f"{k}.png")
        outcome = run("edges", tmp_path / f"{k}.png", "-o", tmp_path / f"{k}e.png",
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
    outcome = run("edges", photo, "-o", tmp_path / "e.png", *options)
    assert outcome.exit_code == 2
    assert message in outcome.output


@pytest.mark.parametrize(
    ("values", "signed", "expected"),
    [
        (np.zeros((3, 4)), False, 0),
        (np.zeros((3, 4)), True, 128),
        (np.full((3, 4), np.nan), False, 0),
        (np.full((3, 4), 5e-324), True, 128),
        (np.full((3, 4), 7.0), False, 255),
        (np.full((3, 4), -7.0), True, 1),
        (np.ones((0, 4)), False, 0),
    ],
)
def test_pictures_of_flat_results(values: np.ndarray, signed: bool, expected: int) -> None:
    drawn = files.picture(values, signed, np.uint8)
    assert drawn.dtype == np.uint8
    np.testing.assert_array_equal(drawn, np.full(values.shape, expected))


def test_a_name_that_is_no_text(photo: Path, tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff[red].png")
    try:
        photo.rename(odd)
    except OSError:
        pytest.skip("this file system allows only text in names")
    outcome = run("edges", odd, "-o", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    assert "[red].png -> " in outcome.stdout


def test_many_into_a_folder(tmp_path: Path) -> None:
    photos = sorted(SAMPLES.glob("*.png")) + sorted(SAMPLES.glob("*.jpg"))
    assert len(photos) >= 3
    tiff(GREY)(tmp_path / "scan.tif")
    outcome = run("edges", *photos, tmp_path / "scan.tif", "-o", tmp_path / "new" / "folder")
    assert outcome.exit_code == 0, outcome.output
    names = {path.name for path in (tmp_path / "new" / "folder").iterdir()}
    assert names == {f"{path.stem}-sobel.png" for path in photos} | {"scan-sobel.tif"}
    assert outcome.stdout.count(" MP/s") == len(photos) + 2
    assert f"{len(photos) + 1} of {len(photos) + 1} photos" in outcome.stdout


# What cannot be read.


def png_header(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000)))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def cut(save: Callable[[Path], None]) -> Callable[[Path], None]:
    def half(path: Path) -> None:
        save(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])

    return half


def huge_tiff(path: Path) -> None:
    tifffile.imwrite(path, GREY)
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages.first.tags["ImageWidth"].overwrite(3_000_000)
        file.pages.first.tags["ImageLength"].overwrite(3_000_000)


BAD = {
    "missing": (lambda path: None, "no such file"),
    "folder": (Path.mkdir, "folder"),
    "empty": (Path.touch, "empty"),
    "text": (lambda path: path.write_text("not a picture at all"), "not a PNG, JPEG or TIFF"),
    "gif": (pillow(GREY, "GIF"), "not a PNG, JPEG or TIFF"),
    "png cut": (cut(pillow(GREY)), "truncated"),
    "png 16 bits cut": (cut(png16(WIDE_RGB)), "truncated"),
    "jpeg cut": (cut(pillow(RGB, "JPEG")), "truncated"),
    "tiff cut": (cut(tiff(WIDE)), "truncated"),
    "tiff header alone": (lambda path: path.write_bytes(b"II*\0\x08\0"), "truncated"),
    "png signature alone": (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n"), "damaged|not a"),
    "png bomb": (lambda path: path.write_bytes(png_header(100_000, 100_000)), "10000 megapixels"),
    "tiff bomb": (huge_tiff, "9000000 megapixels"),
    "tiff complex": (tiff(GREY.astype(np.complex64)), "complex64"),
    "tiff volume": (tiff(np.zeros((2, 16, 16), np.uint8), volumetric=True, tile=(2, 16, 16)),
                    "axes"),
    "tiff cmyk": (tiff(RGBA, photometric="separated"), "SEPARATED"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.filterwarnings("ignore::Warning")
def test_a_bad_file_is_one_line_and_the_others_are_done(
    kind: str, photo: Path, tmp_path: Path
) -> None:
    make, complaint = BAD[kind]
    bad = tmp_path / "bad"
    make(bad)
    outcome = run("edges", bad, photo, "-o", tmp_path / "out")
    assert outcome.exit_code == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["photo-sobel.png"]
    lines = outcome.stderr.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"imgconv: {bad}: ")
    assert any(words in lines[0] for words in complaint.split("|")), lines[0]
    assert "1 of 2 photos" in outcome.stdout


def test_max_megapixels(photo: Path, tmp_path: Path) -> None:
    limit = GREY.size / 1e6
    out = tmp_path / "out.png"
    assert run("edges", photo, "-o", out, "--max-megapixels", limit * 1.01).exit_code == 0
    assert run("edges", photo, "-o", out, "--max-megapixels", limit * 0.99).exit_code == 1


def test_a_result_that_cannot_be_written(photo: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    outcome = run("edges", photo, "-o", tmp_path / "file" / "edges.png")
    assert outcome.exit_code == 1
    assert "cannot write" in outcome.stderr
    assert len(outcome.stderr.splitlines()) == 1


def test_a_failed_write_leaves_the_old_result(tmp_path: Path, monkeypatch) -> None:
    result = tmp_path / "edges.png"
    result.write_bytes(b"old")

    def full(*_arguments, **_options) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(files.PhotoError, match="No space left"):
        files.write(result, GREY)
    assert result.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [result]


def test_not_enough_memory(photo: Path, tmp_path: Path, monkeypatch) -> None:
    def sobel(*_arguments, **_options) -> None:
        raise MemoryError("Unable to allocate 9 TiB")

    monkeypatch.setattr(imgconv, "sobel", sobel)
    outcome = run("edges", photo, "-o", tmp_path / "e.png")
    assert outcome.exit_code == 1
    assert "Unable to allocate" in outcome.stderr


# Wrong usage.


def test_a_photo_is_never_overwritten(photo: Path, tmp_path: Path) -> None:
    content = photo.read_bytes()
    (tmp_path / "symlink.png").symlink_to(photo)
    os.link(photo, tmp_path / "hardlink.png")
    twin = tmp_path / "photo-sobel.png"
    twin.write_bytes(content)
    for arguments in (
        [photo, "-o", photo],
        [photo, "-o", tmp_path / "nowhere" / ".." / "photo.png"],
        [photo, "-o", tmp_path / "symlink.png"],
        [photo, "-o", tmp_path / "hardlink.png"],
        [photo, twin, "-o", tmp_path],
    ):
        (tmp_path / "nowhere").mkdir(exist_ok=True)
        outcome = run("edges", *arguments)
        assert outcome.exit_code == 2, arguments
        assert "never overwritten" in outcome.stderr
        assert photo.read_bytes() == twin.read_bytes() == content


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["PHOTO"], "--out"),
        (["-o", "OUT.png"], "PHOTO"),
        (["PHOTO", "OTHER", "-o", "OUT.png"], "one file"),
        (["PHOTO", "-o", "OUT.gif"], ".gif"),
        (["PHOTO", "-o", "OTHER"], "neither a folder"),
        (["PHOTO", "SAME/photo.jpg", "-o", "OUT"], "would both become"),
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
    outcome = run("edges", *named)
    assert outcome.exit_code == 2, outcome.output
    assert complaint in outcome.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"photo.png", "other"}


def test_the_same_photo_twice_is_done_once(photo: Path, tmp_path: Path) -> None:
    outcome = run("edges", photo, photo, "-o", tmp_path / "out.png")
    assert outcome.exit_code == 0, outcome.output
    assert outcome.stdout.count("MP/s") == 1


# The samples.


def test_samples_are_what_their_readme_says() -> None:
    pictures = {path.name: path for path in SAMPLES.iterdir() if path.suffix in (".png", ".jpg")}
    readme = (SAMPLES / "README.md").read_text()
    assert all(f"`{name}`" in readme for name in pictures)
    assert sum(path.stat().st_size for path in pictures.values()) < 3e6
    assert files.read(pictures["retina-16bit.png"]).pixels.dtype == np.uint16
    assert files.read(pictures["chelsea-alpha.png"]).alpha == "straight"
    assert files.read(pictures["coffee.png"]).pixels.shape == (400, 600, 3)


def test_the_sample_script_writes_edges_and_times(tmp_path: Path) -> None:
    script = [sys.executable, SAMPLES / "edges.py", SAMPLES / "camera.png", tmp_path / "out"]
    done = subprocess.run(script, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "out" / "camera-edges.png") in done.stdout
    assert files.read(tmp_path / "out" / "camera-edges.png").pixels.shape == (512, 512)
    assert "imgconv is" in done.stdout


# The rest of the command.


@pytest.mark.parametrize("command", [[], ["edges"], ["info"], ["bench"]])
def test_help(command: list[str]) -> None:
    outcome = run(*command, "--help")
    assert outcome.exit_code == 0
    assert "Usage: " in outcome.stdout
    assert max(map(len, outcome.stdout.splitlines())) <= 100


def test_version() -> None:
    assert run("--version").stdout.strip().endswith(imgconv.__version__)


def test_info() -> None:
    outcome = run("info")
    assert outcome.exit_code == 0
    for name, value in config().items():
        assert name in outcome.stdout
        if isinstance(value, str):
            assert value in outcome.stdout
    assert "{" not in outcome.stdout


def python(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("module", ["click", "rich", "PIL", "tifffile", "imagecodecs"])
def test_a_missing_extra_is_one_line_that_says_what_to_install(module: str) -> None:
    done = python(
        f"import sys; sys.modules[{module!r}] = None\nfrom imgconv.cli import main; main(['info'])"
    )
    assert done.returncode == 2
    assert done.stderr == f"imgconv: {module} not found; pip install 'imgconv[cli]'\n"


def test_import_imgconv_loads_nothing_of_the_command() -> None:
    done = python(
        "import sys, imgconv\n"
        "heavy = {'click', 'rich', 'PIL', 'tifffile', 'imagecodecs', 'matplotlib', 'cv2'}\n"
        "print(heavy & set(sys.modules))"
    )
    assert done.stdout.strip() == "set()", done


# Noise.


def smoothed(colours: np.ndarray, white: float, size: int = 9, strength: float = 0.1) -> np.ndarray:
    """Return what `denoise` makes of colours, (H, W) or (H, W, C)."""
    return imgconv.bilateral(
        colours,
        win_size=size,
        sigma_color=strength * white,
        sigma_spatial=(size - 1) / 4,
        channel_axis=-1 if colours.ndim == 3 else None,
    )


WITHOUT_NOISE = {
    "grey.png": (pillow(GREY), smoothed(GREY, 255)),
    "rgb.png": (pillow(RGB), smoothed(RGB, 255)),
    "grey and alpha.png": (
        pillow(RGBA[..., :2]),
        np.dstack([smoothed(RGBA[..., 0], 255), RGBA[..., 1]]),
    ),
    "rgba.png": (pillow(RGBA), np.dstack([smoothed(RGBA[..., :3], 255), RGBA[..., 3]])),
    "wide.png": (png16(WIDE), smoothed(WIDE, 65535)),
    "wide rgb.png": (png16(WIDE_RGB), smoothed(WIDE_RGB, 65535)),
    "wide rgba.png": (
        png16(WIDE_RGBA),
        np.dstack([smoothed(WIDE_RGBA[..., :3], 65535), WIDE_RGBA[..., 3]]),
    ),
    "one bit.png": (pillow(GREY > 99), smoothed(np.uint8(GREY > 99) * 255, 255)),
    "grey.tif": (tiff(GREY), smoothed(GREY, 255)),
    "float.tiff": (tiff(np.float32(RGB / 255), photometric="rgb"),
                   smoothed(np.float32(RGB / 255), 1)),
    "int16.tif": (tiff(GREY.astype(np.int16) * 99 - 9999),
                  smoothed(GREY.astype(np.int16) * 99 - 9999, 32767)),
    "rgba.tif": (tiff(RGBA, photometric="rgb", extrasamples=["unassalpha"]),
                 np.dstack([smoothed(RGBA[..., :3], 255), RGBA[..., 3]])),
    "planes.tif": (tiff(np.moveaxis(WIDE_RGB, -1, 0), photometric="rgb", planarconfig="separate"),
                   smoothed(WIDE_RGB, 65535)),
}  # fmt: skip


@pytest.mark.parametrize("name", WITHOUT_NOISE)
def test_denoise_keeps_name_format_and_depth(name: str, tmp_path: Path) -> None:
    save, expected = WITHOUT_NOISE[name]
    save(tmp_path / name)
    outcome = run("denoise", tmp_path / name, "-o", tmp_path / "clean")
    assert outcome.exit_code == 0, outcome.output
    assert [path.name for path in (tmp_path / "clean").iterdir()] == [name]
    result = tmp_path / "clean" / name
    decode = imagecodecs.png_decode if name.endswith("png") else None
    pixels = decode(result.read_bytes()) if decode else tifffile.imread(result)
    assert pixels.dtype == expected.dtype
    np.testing.assert_array_equal(pixels, expected)
    before, after = files.read(tmp_path / name), files.read(result)
    assert after.alpha == before.alpha
    assert after.pixels.shape == before.pixels.shape


def test_denoise_keeps_premultiplied_colours(tmp_path: Path) -> None:
    tiff(RGBA, photometric="rgb", extrasamples=["assocalpha"])(tmp_path / "photo.tif")
    assert run("denoise", tmp_path / "photo.tif", "-o", tmp_path / "clean.tif").exit_code == 0
    after = files.read(tmp_path / "clean.tif")
    assert after.alpha == "premultiplied"
    np.testing.assert_array_equal(after.pixels[..., 3], RGBA[..., 3])
    np.testing.assert_array_equal(after.pixels[..., :3], smoothed(RGBA[..., :3], 255))


def test_denoise_jpeg(tmp_path: Path) -> None:
    y, x = np.mgrid[:60, :80]
    clean = np.where(x < 40, 60, 180) + 0 * y
    noisy = np.clip(clean + RNG.normal(scale=8, size=clean.shape), 0, 255).astype(np.uint8)
    pillow(np.dstack([noisy] * 3), "JPEG", quality=98)(tmp_path / "photo.jpg")
    assert run("denoise", tmp_path / "photo.jpg", "-o", tmp_path / "out").exit_code == 0
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
    outcome = run("denoise", tmp_path / "photo", "-o", tmp_path / name)
    assert outcome.exit_code == 0, outcome.output
    pixels = files.read(tmp_path / name).pixels
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
    outcome = run("denoise", tmp_path / "photo.png", "-o", tmp_path / "clean.png", *options)
    assert outcome.exit_code == 0, outcome.output
    np.testing.assert_array_equal(files.read(tmp_path / "clean.png").pixels, expected(RGB))


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
    outcome = run("denoise", photo, "-o", tmp_path / "out", *options)
    assert outcome.exit_code == 2
    assert complaint in outcome.stderr
    assert not (tmp_path / "out").exists()


def test_denoise_overwrites_no_photo(photo: Path) -> None:
    outcome = run("denoise", photo, "-o", photo.parent)
    assert outcome.exit_code == 2
    assert "never overwritten" in outcome.stderr
    np.testing.assert_array_equal(files.read(photo).pixels, GREY)


def test_denoise_goes_on_after_a_bad_photo(photo: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    outcome = run("denoise", tmp_path / "bad.png", photo, "-o", tmp_path / "out")
    assert outcome.exit_code == 1
    assert "bad.png: not a PNG, JPEG or TIFF picture" in outcome.stderr
    assert "1 of 2 photos" in outcome.stdout
    assert (tmp_path / "out" / "photo.png").exists()

"""What edges, denoise and apply share: listing, naming, failures, messages, streams."""

import io as streams
import os
import struct
import subprocess
import sys
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from click.testing import CliRunner, Result
from pictures import GREY, GREY16, RGB, RGBA, pillow, png16, tiff
from PIL import Image

import imgconv
from imgconv import io
from imgconv.cli import main
from imgconv.io import atomic

# The commands, and what they add to the name of a picture.
COMMANDS = {
    "edges": (["edges"], "-sobel"),
    "denoise": (["denoise"], ""),
    "apply": (["apply", "invert"], ""),
}

Run = Callable[..., Result]


@pytest.fixture(params=COMMANDS)
def command(request: pytest.FixtureRequest) -> tuple[list[str], str]:
    """The arguments that begin a command, and the ending of its results."""
    return COMMANDS[request.param]


@pytest.fixture
def run(command: tuple[list[str], str]) -> Run:
    """Run a command."""
    return lambda *arguments, **options: CliRunner().invoke(
        main, [*command[0], *map(str, arguments)], **options
    )


@pytest.fixture
def ending(command: tuple[list[str], str]) -> str:
    return command[1]


def shell(arguments: list[object], **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from imgconv.cli import main; main()", *map(os.fspath, arguments)],
        capture_output=True,
        env=os.environ | environment,
        cwd=Path(imgconv.__file__).parent.parent,
        timeout=120,
    )


def names_in(folder: Path) -> list[str]:
    """Return the files at any depth of a folder."""
    return sorted(
        str(path.relative_to(folder).as_posix()) for path in folder.rglob("*") if path.is_file()
    )


# ---- listing -------------------------------------------------------------------------------------


def test_folders_at_any_depth_and_patterns(run: Run, ending: str, tmp_path: Path) -> None:
    place = tmp_path / "in"
    for name in ("a.png", "sub/b.png", "sub/sub/c.tif", ".hidden.png", ".git/d.png"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (tiff(GREY) if name.endswith("tif") else pillow(GREY))(place / name)
    (place / "notes.txt").write_text("text")
    (place / "sub" / "film.mov").write_text("film")
    (place / "sub" / "README").write_text("text")
    outcome = run(place, "-o", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    assert names_in(tmp_path / "out") == [
        f"a{ending}.png", f"sub/b{ending}.png", f"sub/sub/c{ending}.tif"
    ]  # fmt: skip
    lines = outcome.stdout.splitlines()
    assert len([line for line in lines if " -> " in line]) == 3
    assert "left out: 3 files that are no pictures (1 without suffix, 1 .mov, 1 .txt)" in lines
    assert lines[-1].startswith("3 done, ")
    outcome = run(place / "**" / "*.png", "-o", tmp_path / "pattern")
    assert outcome.exit_code == 0, outcome.output
    assert names_in(tmp_path / "pattern") == [f"a{ending}.png", f"b{ending}.png"]


def test_a_folder_that_cannot_be_listed(run: Run, tmp_path: Path, monkeypatch) -> None:
    for name in ("in/a.png", "in/secret/b.png", "in/z/c.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        pillow(GREY)(tmp_path / name)
    scandir = os.scandir

    def guarded(folder):
        if "secret" in os.fspath(folder):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", guarded)
    outcome = run(tmp_path / "in", "-o", tmp_path / "out")
    assert outcome.exit_code == 1
    assert outcome.stderr.splitlines() == [
        f"imgconv: {tmp_path / 'in' / 'secret'}: cannot be listed (Permission denied)"
    ]
    assert "2 done, " in outcome.stdout
    assert "1 failed" in outcome.stdout
    assert run(tmp_path / "in" / "secret", "-o", tmp_path / "other").exit_code == 1


def test_a_folder_without_pictures(run: Run, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    outcome = run(tmp_path / "empty", "-o", tmp_path / "out")
    assert outcome.exit_code == 2
    assert "no picture among the inputs" in outcome.stderr
    outcome = run(tmp_path / "empty", photo, "-o", tmp_path / "out")
    assert outcome.exit_code == 0
    assert outcome.stderr == f"imgconv: {tmp_path / 'empty'}: a folder without pictures\n"


@pytest.mark.parametrize("inputs", ["in", "in/*", "in/**/*.png", "in/ in/out in/a.png"])
def test_the_folder_of_the_results_is_no_input(
    run: Run, ending: str, tmp_path: Path, inputs: str
) -> None:
    """A second run finds the results of the first below its inputs."""
    (tmp_path / "in").mkdir()
    pillow(GREY)(tmp_path / "in" / "a.png")
    out = tmp_path / "in" / "out"
    out.mkdir()
    for options in ([], ["--overwrite"]):
        places = [tmp_path / name for name in inputs.split()]
        outcome = run(*places, "-o", out, *options)
        assert outcome.exit_code == 0, outcome.output
        assert names_in(out) == [f"a{ending}.png"]


def test_results_beside_the_pictures(photo: Path) -> None:
    """A folder that is named alone, or whose files are named, is an input."""
    for inputs in (photo.parent, photo.parent / "*.png", photo):
        outcome = CliRunner().invoke(main, ["edges", str(inputs), "-o", str(photo.parent)])
        assert outcome.exit_code == 0, outcome.output
        (photo.parent / "photo-sobel.png").unlink()


# ---- naming --------------------------------------------------------------------------------------


def test_a_stem_that_occurs_twice(run: Run, ending: str, tmp_path: Path) -> None:
    place = tmp_path / "in"
    place.mkdir()
    pillow(GREY)(place / "a.png")
    pillow(RGB, "JPEG")(place / "a.jpg")
    pillow(GREY)(place / "b.png")
    outcome = run(place, "-o", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    expected = ["a.jpg-sobel.png", "a.png-sobel.png", "b-sobel.png"]
    assert names_in(tmp_path / "out") == (expected if ending else ["a.jpg", "a.png", "b.png"])


def test_a_name_that_occurs_in_several_folders(run: Run, ending: str, tmp_path: Path) -> None:
    for card in ("card 1", "card 2"):
        (tmp_path / card / "DCIM").mkdir(parents=True)
        pillow(GREY)(tmp_path / card / "DCIM" / "1.png")
    outcome = run(tmp_path / "card *" / "DCIM" / "*.png", "-o", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    assert names_in(tmp_path / "out") == [f"card {k}/DCIM/1{ending}.png" for k in (1, 2)]


def test_every_picture_gets_a_result_of_its_own(run: Run, tmp_path: Path) -> None:
    """Drawn names, many of them alike: no result replaces another, and no input changes."""
    rng = np.random.default_rng(3)
    for draw in range(8):
        place = tmp_path / f"in {draw}"
        written = {}
        for _ in range(25):
            parts = rng.choice(["a", "b", "a.png", "a-sobel"], rng.integers(1, 4))
            suffix = rng.choice([".png", ".PNG", ".jpg", ".jpeg", ".tif"])
            path = place.joinpath(*(f"{part} d" for part in parts[:-1]), f"{parts[-1]}{suffix}")
            path.parent.mkdir(parents=True, exist_ok=True)
            kind = {".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF"}.get(suffix, "PNG")
            pillow(GREY[:3, :3], kind)(path)
            written[path] = path.read_bytes()
        inputs = [place] if draw % 2 else [*place.iterdir()]
        outcome = run(*inputs, "-o", tmp_path / f"out {draw}")
        assert outcome.exit_code == 0, outcome.output
        assert len(names_in(tmp_path / f"out {draw}")) == len(written)
        assert all(path.read_bytes() == data for path, data in written.items())


def test_a_result_is_replaced_only_with_overwrite(run: Run, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    once, again = tmp_path / "out.png", tmp_path / "out" / "x.png"
    assert run(photo, "-o", once).exit_code == 0
    good = once.read_bytes()
    once.write_bytes(b"mine")
    outcome = run(photo, "-o", once)
    assert outcome.exit_code == 2
    assert f"{once} exists; --overwrite replaces it, --skip-existing leaves it" in outcome.stderr
    outcome = run(photo, "-o", once, "--skip-existing")
    assert outcome.exit_code == 0
    assert outcome.stdout == "0 done, 1 skipped\n"
    assert once.read_bytes() == b"mine"
    assert run(photo, "-o", once, "--overwrite").exit_code == 0
    assert once.read_bytes() == good
    assert run(photo, "-o", tmp_path / "out").exit_code == 0
    outcome = run(photo, "-o", tmp_path / "out")
    assert outcome.exit_code == 2
    assert "exists; --overwrite" in outcome.stderr
    assert not again.exists()


@pytest.mark.parametrize("suffix", ["gif", "webp", "bmp", "jp2", "avif", "jxl", "heic"])
def test_a_picture_of_another_format_is_no_folder(
    run: Run, photo: Path, tmp_path: Path, suffix: str
) -> None:
    out = tmp_path / f"x.{suffix}"
    if suffix in " ".join(io.SUFFIXES):
        pytest.skip("this format is written")
    outcome = run(photo, "-o", out)
    assert outcome.exit_code == 2
    assert "results are written as .png" in outcome.stderr
    assert not out.exists()


# ---- what fails ----------------------------------------------------------------------------------


def three(folder: Path) -> Path:
    """Make a folder of three photos."""
    folder.mkdir()
    for name in "abc":
        pillow(GREY)(folder / f"{name}.png")
    return folder


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("odd\nfault"),
        KeyError("tag"),
        AssertionError(),
        RecursionError("maximum recursion depth exceeded"),
        OSError(5, "Input/output error"),
        ValueError("bad value"),
        MemoryError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_fails_is_one_line(run: Run, tmp_path: Path, monkeypatch, error) -> None:
    folder = three(tmp_path / "in")
    read = io.read_pages

    def broken(path, *arguments):
        if path.name == "b.png":
            raise error
        return read(path, *arguments)

    monkeypatch.setattr(io, "read_pages", broken)
    outcome = run(folder, "-o", tmp_path / "out")
    assert outcome.exit_code == 1
    (line,) = outcome.stderr.splitlines()
    assert line.startswith(f"imgconv: {folder / 'b.png'}: ")
    assert line != f"imgconv: {folder / 'b.png'}: "
    assert "2 done" in outcome.stdout
    outcome = run(folder, "-o", tmp_path / "out", "--overwrite", "--debug")
    assert "Traceback" in outcome.stderr
    assert type(error).__name__ in outcome.stderr


def test_damaged_files_end_no_run(run: Run, tmp_path: Path) -> None:
    """Files that are cut, or in which bytes are flipped: each is a result, or one line."""
    rng = np.random.default_rng(4)
    (tmp_path / "in").mkdir()
    saved = tmp_path / "whole"
    kinds = {
        "png": pillow(RGBA), "jpg": pillow(RGB, "JPEG"), "tif": tiff(GREY16),
        "16.png": png16(GREY16), "lzw.tif": tiff(RGB, photometric="rgb", compression="lzw"),
        "pages.tif": tiff(np.stack([GREY] * 3), photometric="minisblack"),
    }  # fmt: skip
    count = 0
    for kind, save in kinds.items():
        save(saved)
        whole = saved.read_bytes()
        for _ in range(12):
            data = bytearray(whole)
            for _ in range(rng.integers(1, 6)):
                data[rng.integers(len(data))] ^= 1 << rng.integers(8)
            cut = len(data) if rng.random() < 0.5 else rng.integers(len(data))
            (tmp_path / "in" / f"{count}.{kind}").write_bytes(data[:cut])
            count += 1
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        outcome = run(tmp_path / "in", "-o", tmp_path / "out", "--max-megapixels", 1)
    assert outcome.exit_code == 1
    assert isinstance(outcome.exception, SystemExit)
    made = len(names_in(tmp_path / "out"))
    failures = [
        line for line in outcome.stderr.splitlines() if not line.endswith("(more like this)")
    ]
    assert 0 < made < count
    assert f"{made} done" in outcome.stdout
    assert f"{count - made} failed" in outcome.stdout
    assert len(failures) >= count - made
    assert all(line.startswith(f"imgconv: {tmp_path / 'in'}") for line in failures)
    assert "(--debug shows where)" not in outcome.stderr


@pytest.mark.parametrize(
    ("command", "encoding"),
    [("edges", "cp1252"), ("denoise", "ascii"), ("apply", "utf-16"), ("edges", "utf-8")],
    indirect=["command"],
)
def test_a_terminal_that_is_not_utf8(command, tmp_path: Path, encoding: str) -> None:
    (tmp_path / "in").mkdir()
    names = ["plain.png", "Füße.png", "日本.png", "new\nline\x1b[2J.png"]
    for name in names:
        pillow(GREY)(tmp_path / "in" / name)
    (tmp_path / "in" / "écran.png").write_bytes(b"no picture")
    done = shell([*command[0], tmp_path / "in", "-o", tmp_path / "out"], PYTHONIOENCODING=encoding)
    assert done.returncode == 1, done.stderr
    lines = done.stdout.decode(encoding).splitlines()
    assert len(lines) == len(names) + 1
    assert lines[-1].startswith("4 done")
    errors = done.stderr.decode(encoding).splitlines()
    assert len(errors) == 1
    assert len(names_in(tmp_path / "out")) == len(names)


@pytest.mark.skipif(os.name == "nt", reason="names are counted in characters")
def test_names_as_long_as_the_file_system_allows(run: Run, ending: str, tmp_path: Path) -> None:
    """What has no room for the ending fails; the temporary name needs none."""
    folder = tmp_path / "in"
    folder.mkdir()
    for length in (200, 246, 255):
        pillow(GREY)(folder / ("n" * (length - 4) + ".png"))
    outcome = run(folder, "-o", tmp_path / "out")
    made = [len(name) for name in names_in(tmp_path / "out")]
    if ending:
        assert made == [206, 252]
        (line,) = outcome.stderr.splitlines()
        assert "File name too long" in line
    else:
        assert made == [200, 246, 255]
        assert outcome.exit_code == 0
    outcome = run("m" * 300, folder / ("n" * 196 + ".png"), "-o", tmp_path / "other")
    assert outcome.exit_code == 1
    assert len(names_in(tmp_path / "other")) == 1
    assert len(outcome.stderr.splitlines()) == 1


def test_a_full_disk(run: Run, tmp_path: Path, monkeypatch) -> None:
    folder = three(tmp_path / "in")
    replace = os.replace

    def full(source, target):
        if "b" in os.path.basename(target)[:1]:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(atomic.os, "replace", full)
    outcome = run(folder, "-o", tmp_path / "out")
    assert outcome.exit_code == 1
    (line,) = outcome.stderr.splitlines()
    assert line.startswith(f"imgconv: {folder / 'b.png'}: cannot write ")
    assert line.endswith("(the disk is full)")
    assert len(names_in(tmp_path / "out")) == 2


# ---- what is reported ----------------------------------------------------------------------------


def with_bad_profile(path: Path) -> None:
    """Write a 16-bit PNG file, about whose profile libpng writes a line to stderr."""
    data = imagecodecs.png_encode(GREY16)
    body = b"iCCP" + b"x\0\0" + zlib.compress(b"abcdefgh" * 20)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    path.write_bytes(data[:33] + chunk + data[33:])


@pytest.mark.skipif(not hasattr(os, "pread"), reason="stderr of compiled code is not caught")
@pytest.mark.parametrize(
    ("command", "jobs"), [("edges", 1), ("denoise", 4), ("apply", 1)], indirect=["command"]
)
def test_lines_of_compiled_code(command, tmp_path: Path, jobs: int) -> None:
    (tmp_path / "in").mkdir()
    for name in "abc":
        with_bad_profile(tmp_path / "in" / f"{name}.png")
    arguments = [*command[0], tmp_path / "in", "-j", str(jobs)]
    done = shell([*arguments, "-o", tmp_path / "out"])
    assert done.returncode == 0
    lines = done.stderr.decode().splitlines()
    assert all(line.startswith(f"imgconv: {tmp_path / 'in'}") for line in lines)
    if jobs == 1 and lines:
        (line,) = lines
        assert line.startswith(f"imgconv: {tmp_path / 'in' / 'a.png'}: ")
        assert line.endswith("(2 more like this)")
    if jobs == 4:
        assert shell([*arguments, "-o", tmp_path / "quiet", "-q"]).stderr == b""


def test_warnings_and_logs_are_reported_once(run: Run, tmp_path: Path, monkeypatch) -> None:
    folder = three(tmp_path / "in")
    read = io.read_pages

    def talkative(path, *arguments):
        import logging

        warnings.warn(f"odd {path.stem}", UserWarning, stacklevel=1)
        logging.getLogger("somebody").error("the same\nof all")
        return read(path, *arguments)

    monkeypatch.setattr(io, "read_pages", talkative)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        outcome = run(folder, "-o", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    lines = sorted(outcome.stderr.splitlines())
    assert [line for line in lines if "odd" in line] == [
        f"imgconv: {folder / f'{name}.png'}: odd {name}" for name in "abc"
    ]
    (line,) = [line for line in lines if "odd" not in line]
    assert line.endswith(": the same of all (2 more like this)")


def test_all_pages_of_a_tiff(run: Run, ending: str, tmp_path: Path) -> None:
    pages = np.random.default_rng(1).integers(0, 256, (3, 20, 30), np.uint8)
    tifffile.imwrite(tmp_path / "scan.tif", pages, photometric="minisblack")
    outcome = run(tmp_path / "scan.tif", "-o", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    assert "30 x 20, 3 pages, " in outcome.stdout
    results = tifffile.imread(tmp_path / "out" / f"scan{ending}.tif")
    assert len(results) == 3
    for k, result in enumerate(results):
        tifffile.imwrite(tmp_path / "page.tif", pages[k])
        assert run(tmp_path / "page.tif", "-o", tmp_path / f"{k}.tif").exit_code == 0
        np.testing.assert_array_equal(result, tifffile.imread(tmp_path / f"{k}.tif"))


def test_pages_that_have_no_place(run: Run, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.stack([GREY] * 3), photometric="minisblack")
    outcome = run(tmp_path / "a.tif", "-o", tmp_path / "out.png")
    assert outcome.exit_code == 0
    (line,) = outcome.stderr.splitlines()
    assert line.startswith(f"imgconv: {tmp_path / 'a.tif'}: page 1 of 3 alone is in the result")


@pytest.mark.parametrize(("kind", "suffix"), [("GIF", "gif"), ("PNG", "png"), ("WEBP", "webp")])
def test_frames_that_have_no_place(run: Run, tmp_path: Path, kind: str, suffix: str) -> None:
    frames = [Image.fromarray(np.full((9, 9, 3), 60 * k, np.uint8)) for k in range(3)]
    frames[0].save(tmp_path / f"a.{suffix}", kind, save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / f"b.{suffix}", kind)
    outcome = run(tmp_path / f"*.{suffix}", "-o", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    assert outcome.stderr.splitlines() == [
        f"imgconv: {tmp_path / f'a.{suffix}'}: the first frame alone is in the result"
    ]


def test_strip_and_quality(run: Run, tmp_path: Path) -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    image.save(tmp_path / "a.jpg", dpi=(300, 300), quality=90)
    sizes = {}
    for name, options in {"kept": [], "strip": ["--strip"], "low": ["--quality", 20]}.items():
        outcome = run(tmp_path / "a.jpg", "-o", tmp_path / f"{name}.jpg", *options)
        assert outcome.exit_code == 0, outcome.output
        with Image.open(tmp_path / f"{name}.jpg") as result:
            assert (result.info.get("dpi") == (300, 300)) == (name != "strip")
        sizes[name] = (tmp_path / f"{name}.jpg").stat().st_size
    assert sizes["low"] < sizes["kept"] / 2


def test_quiet(run: Run, tmp_path: Path) -> None:
    folder = three(tmp_path / "in")
    (folder / "notes.txt").touch()
    outcome = run(folder, "-o", tmp_path / "out", "--quiet")
    assert (outcome.exit_code, outcome.output) == (0, "")
    (folder / "b.png").write_bytes(b"")
    outcome = run(folder, "-o", tmp_path / "out", "--quiet", "--overwrite")
    assert outcome.exit_code == 1
    assert outcome.output == f"imgconv: {folder / 'b.png'}: an empty file\n"


# ---- standard input and output -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_standard_input_and_output(run: Run, tmp_path: Path, kind: str) -> None:
    source = tmp_path / f"a.{kind.lower()}"
    pillow(RGB, kind)(source)
    assert run(source, "-o", tmp_path / "out").exit_code == 0
    (expected,) = (tmp_path / "out").iterdir()
    outcome = run("-", "-o", "-", input=source.read_bytes())
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.stdout_bytes == expected.read_bytes()
    assert outcome.stderr.startswith("- -> -: 31 x 23, ")
    assert run("-", "-o", tmp_path / "b.png", input=source.read_bytes()).exit_code == 0
    with Image.open(streams.BytesIO(run(source, "-o", "-").stdout_bytes)) as image:
        assert image.size == (31, 23)


def test_standard_input_that_is_no_picture(run: Run, tmp_path: Path) -> None:
    for data, why in ((b"", "an empty file"), (b"text and more text", "not a PNG")):
        outcome = run("-", "-o", "-", input=data)
        assert outcome.exit_code == 1
        assert outcome.stdout_bytes == b""
        (line,) = outcome.stderr.splitlines()
        assert line.startswith(f"imgconv: -: {why}")
    outcome = run(tmp_path, "-o", "-")
    assert outcome.exit_code == 2


def test_a_file_that_is_called_as_a_stream(run: Run, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    pillow(GREY)(tmp_path / "-")
    outcome = run("./-", "-o", "./out.png")
    assert outcome.exit_code == 0, outcome.output

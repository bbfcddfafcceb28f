"""Results that are complete or absent."""

import errno
import os
import time
from pathlib import Path

import pytest
from pictures import GREY
from PIL import Image

from imgconv import io
from imgconv.io import atomic


@pytest.fixture(autouse=True)
def _nothing_searched(monkeypatch) -> None:
    monkeypatch.setattr(atomic, "_searched", set())


def named(machine: str, process: int, token: str = "0123abcd") -> str:
    """Return the temporary name of a process."""
    return f".imgconv-{machine}-{process}-{token}-0.part"


def test_a_failed_write_leaves_the_old_result(tmp_path: Path, monkeypatch) -> None:
    result = tmp_path / "edges.png"
    result.write_bytes(b"old")

    def broken(*_arguments, **_options) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Image.Image, "save", broken)
    with pytest.raises(io.PictureError, match="Input/output error"):
        io.write(result, io.Picture(GREY))
    assert result.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [result]


@pytest.mark.parametrize(
    ("error", "free"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 1 << 40),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 1 << 40),
        # As Pillow and imagecodecs report it.
        (OSError("encoder error -2 when writing image file"), 0),
        (RuntimeError("write failed"), 0),
    ],
)
def test_a_full_disk_is_reported_as_one(tmp_path: Path, monkeypatch, error, free) -> None:
    def full(*_arguments, **_options) -> None:
        raise error

    monkeypatch.setattr(Image.Image, "save", full)
    monkeypatch.setattr(atomic.shutil, "disk_usage", lambda _: type("Usage", (), {"free": free}))
    with pytest.raises(io.PictureError, match=r"a.png \(the disk is full\)"):
        io.write(tmp_path / "a.png", io.Picture(GREY))
    assert list(tmp_path.iterdir()) == []


def write_half(path: Path) -> None:
    with atomic.temporary_path(path) as temporary:
        temporary.mkdir()
        raise ValueError("half of it")


def test_a_failed_folder_leaves_the_old_one(tmp_path: Path) -> None:
    result = tmp_path / "array.zarr"
    for name in ("old", "new"):
        with atomic.temporary_path(result) as temporary:
            temporary.mkdir()
            (temporary / "zarr.json").write_text(name)
        assert (result / "zarr.json").read_text() == name
    with pytest.raises(io.PictureError, match="cannot write"):
        write_half(result)
    assert (result / "zarr.json").read_text() == "new"
    assert list(tmp_path.iterdir()) == [result]


@pytest.mark.skipif(os.name == "nt", reason="processes are not looked up")
def test_leftovers_of_ended_processes_are_removed(tmp_path: Path) -> None:
    other = "ffffffff" if atomic.MACHINE != "ffffffff" else "00000000"
    kept = [
        named(atomic.MACHINE, os.getppid()),
        named(atomic.MACHINE, os.getpid(), atomic.OURS),
        named(other, 999_999_999),
        ".imgconv-of-a-user.part",
    ]
    # In a container, the process that left a file may have had the number of this one.
    gone = [
        named(atomic.MACHINE, 999_999_999),
        named(atomic.MACHINE, 10**30),
        named(atomic.MACHINE, os.getpid()),
        named(other, os.getpid()),
    ]
    for name in kept + gone:
        (tmp_path / name).touch()
    long_ago = time.time() - 2 * atomic.DAY
    os.utime(tmp_path / gone[-1], (long_ago, long_ago))
    io.write(tmp_path / "a.png", io.Picture(GREY))
    assert {path.name for path in tmp_path.iterdir()} == {*kept, "a.png"}


def test_a_folder_is_searched_once(tmp_path: Path, monkeypatch) -> None:
    """A write does not take longer where the folder has many files."""
    searched = []
    scandir = os.scandir

    def counted(folder):
        searched.append(folder)
        return scandir(folder)

    monkeypatch.setattr(atomic.os, "scandir", counted)
    for k in range(3):
        io.write(tmp_path / f"{k}.png", io.Picture(GREY))
    assert len(searched) == 1


@pytest.mark.skipif(os.name == "nt", reason="names are counted in characters")
def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path: Path) -> None:
    result = tmp_path / ("n" * 251 + ".png")
    io.write(result, io.Picture(GREY))
    assert list(tmp_path.iterdir()) == [result]

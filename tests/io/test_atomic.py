"""Results that are complete or absent."""

import os
from pathlib import Path

import pytest
from pictures import GREY
from PIL import Image

from imgconv import io
from imgconv.io import atomic


def test_a_failed_write_leaves_the_old_result(tmp_path: Path, monkeypatch) -> None:
    result = tmp_path / "edges.png"
    result.write_bytes(b"old")

    def full(*_arguments, **_options) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(io.PictureError, match="No space left"):
        io.write(result, io.Picture(GREY))
    assert result.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [result]


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
    ended, alive = tmp_path / ".a.png.999999999.part", tmp_path / f".a.png.{os.getppid()}.part"
    ended.touch()
    alive.touch()
    io.write(tmp_path / "a.png", io.Picture(GREY))
    assert sorted(tmp_path.iterdir()) == sorted([alive, tmp_path / "a.png"])

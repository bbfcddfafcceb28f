"""Results that are complete or absent: written under another name, and renamed at the end."""

import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imgconv.io import zarr
from imgconv.io.errors import PictureError, one_line

__all__ = ["temporary_path"]


@contextmanager
def temporary_path(path: Path) -> Iterator[Path]:
    """Give a name to write to in the folder of a path; it becomes the path if all goes well.

    The folder is created where it is missing. What a killed process left under such a name is
    removed.

    Raises
    ------
    PictureError
        If the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path)
        try:
            yield temporary
            # A folder cannot be renamed to one that exists.
            if zarr.is_stored(path) and temporary.is_dir():
                shutil.rmtree(path)
            os.replace(temporary, path)
        finally:
            remove(temporary)
    except (OSError, ValueError) as error:
        raise PictureError(f"cannot write {path} ({one_line(error)})") from error


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files of a path whose process has ended."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        if not is_alive(leftover.name.split(".")[-2]):
            remove(leftover)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def is_alive(process: str) -> bool:
    """Return whether a process of this number runs."""
    if os.name == "nt":  # there, signal 0 is Ctrl-C
        return True
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except OSError:
        return True
    return True

"""Results that are complete or absent: written under another name, and renamed at the end."""

from __future__ import annotations

import errno
import os
import platform
import re
import secrets
import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from imgconv.io import zarr
from imgconv.io.errors import PictureError, one_line

__all__ = ["temporary_path"]

# A temporary name is short, whatever the name of the result, which may have 255 bytes. It states
# who writes: the machine (several may share a folder), the process, and a number of its own, since
# processes of containers have the same few numbers.
MACHINE = f"{zlib.crc32(platform.node().encode()):08x}"
OURS = secrets.token_hex(4)
TEMPORARY = re.compile(r"\.imgconv-([0-9a-f]{8})-(\d+)-([0-9a-f]{8})-\d+\.part")
NUMBERS = count()
# What another machine began is a leftover after this many seconds.
DAY = 86_400

FULL = {errno.ENOSPC, errno.EDQUOT}
# A disk with fewer free bytes is full: encoders report that in many ways.
NEARLY_NOTHING = 65_536

# The folders that this process has searched for leftovers. A folder may have 10,000 results, so it
# is not searched for each of them.
_searched: set[str] = set()


@contextmanager
def temporary_path(path: Path) -> Iterator[Path]:
    """Give a name to write to in the folder of a path; it becomes the path if all goes well.

    The folder is created where it is missing. What killed processes left in it is removed, once.

    Raises
    ------
    PictureError
        If the file cannot be written.
    """
    temporary = path.with_name(f".imgconv-{MACHINE}-{os.getpid()}-{OURS}-{next(NUMBERS)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent)
        try:
            yield temporary
            # A folder cannot be renamed to one that exists.
            if temporary.is_dir() and zarr.is_stored(path):
                shutil.rmtree(path)
            os.replace(temporary, path)
        except (OSError, ValueError, RuntimeError) as error:
            if is_full(path.parent, error):
                raise PictureError(f"cannot write {path} (the disk is full)") from error
            raise
        finally:
            remove(temporary)
    except (OSError, ValueError) as error:
        raise PictureError(f"cannot write {path} ({one_line(error)})") from error


def is_full(folder: Path, error: BaseException) -> bool:
    """Return whether a file could not be written because its disk is full."""
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    try:
        return shutil.disk_usage(folder).free < NEARLY_NOTHING
    except OSError:
        return False


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files in a folder whose process has ended, once in this process."""
    name = os.path.abspath(folder)
    if name in _searched:
        return
    _searched.add(name)
    with os.scandir(folder) as entries:
        found = [(entry, match) for entry in entries if (match := TEMPORARY.fullmatch(entry.name))]
    for entry, match in found:
        machine, process, token = match.groups()
        if token == OURS:
            continue
        if machine == MACHINE:
            ended = int(process) == os.getpid() or not is_alive(int(process))
        else:
            ended = entry.stat(follow_symlinks=False).st_mtime < time.time() - DAY
        if ended:
            remove(Path(entry))


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def is_alive(process: int) -> bool:
    """Return whether a process of this number runs on this machine."""
    if os.name == "nt":  # there, signal 0 is Ctrl-C
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True

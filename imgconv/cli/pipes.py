"""Standard input and output as files: `-` in place of a name."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from imgconv import io
from imgconv.io import files

__all__ = ["STREAM", "as_files", "check_terminals", "is_stream"]

STREAM = "-"


def is_stream(path: Path) -> bool:
    """Return whether a path stands for standard input or output."""
    return os.fspath(path) == STREAM


def check_terminals(reads: bool, writes: bool) -> None:
    """Refuse to wait for a picture from a keyboard, or to write one to a screen."""
    if reads and sys.stdin.isatty():
        raise click.UsageError(f"{STREAM}: standard input is a terminal; pipe a picture into it")
    if writes and sys.stdout.isatty():
        raise click.UsageError(f"-o {STREAM}: standard output is a terminal; send it to a file")


@contextmanager
def as_files(
    source: Path, result: Path, suffix_of: Callable[[Path], str]
) -> Iterator[tuple[Path, Path]]:
    """Give the two files to read and to write, in a temporary folder where they are streams.

    Parameters
    ----------
    source, result : Path
        Of a picture and of its result.
    suffix_of : callable
        Returns the suffix of a result that has no name, from the path of its picture.
    """
    if not is_stream(source) and not is_stream(result):
        yield source, result
        return
    with tempfile.TemporaryDirectory(prefix="imgconv-") as folder:
        if is_stream(source):
            source = store(sys.stdin.buffer, Path(folder, "input"))
        stored = Path(folder, f"output{suffix_of(source)}") if is_stream(result) else result
        yield source, stored
        if is_stream(result):
            with open(stored, "rb") as stream:
                shutil.copyfileobj(stream, sys.stdout.buffer)
            sys.stdout.buffer.flush()


def store(stream: BinaryIO, path: Path) -> Path:
    """Copy a stream into a file, whose suffix is that of its format, and return its path."""
    begin = stream.read(files.BEGIN)
    path = path.with_suffix(suffix_of_content(begin))
    try:
        with open(path, "xb") as file:
            file.write(begin)
            shutil.copyfileobj(stream, file)
    except OSError as error:
        raise io.PictureError(f"cannot store standard input ({error.strerror})") from error
    return path


def suffix_of_content(begin: bytes) -> str:
    """Return the suffix for a file that begins so, or none.

    >>> suffix_of_content(b"text"), suffix_of_content(bytes([0xFF, 0xD8, 0xFF, 0xE0]))
    ('', '.jpg')
    """
    for each in files.FORMATS:
        if each.MAGIC.match(begin):
            return each.SUFFIXES[0]
    return ""

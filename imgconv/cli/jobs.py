"""Which pictures a command takes, and where their results go."""

from __future__ import annotations

import glob
import mimetypes
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from imgconv import io
from imgconv.io import zarr

__all__ = ["SUFFIXES", "Job", "Source", "find_pictures", "jobs_for"]

SUFFIXES = (*io.SUFFIXES, zarr.SUFFIX)


class Source(NamedTuple):
    """A picture, and the path of its result below the output folder."""

    path: Path
    place: Path


class Job(NamedTuple):
    """A picture, and where its result goes."""

    source: Path
    result: Path


def find_pictures(inputs: Sequence[str]) -> list[Source]:
    """Return every picture once: files, those below folders, and those that match patterns."""
    return list(dict.fromkeys(_pictures(inputs)))


def _pictures(inputs: Sequence[str]) -> Iterator[Source]:
    for name in inputs:
        path = Path(name)
        # A file may have a name that looks like a pattern, and a name that matches nothing is
        # reported with the pictures that cannot be read.
        if path.exists() or not glob.has_magic(name):
            yield from _file_or_folder(path)
            continue
        found = sorted(glob.glob(name, recursive=True))
        if not found:
            raise click.UsageError(f"{name}: no such picture")
        for each in found:
            yield from _file_or_folder(Path(each))


def _file_or_folder(path: Path) -> Iterator[Source]:
    if path.is_dir() and not zarr.is_zarr(path):
        yield from _below(path)
    else:
        yield Source(path, Path(path.name))


def _below(folder: Path) -> Iterator[Source]:
    """Yield the pictures of a folder and its folders, but no hidden ones."""
    for parent, folders, names in os.walk(folder):
        arrays = [name for name in folders if zarr.is_zarr(Path(parent) / name)]
        folders[:] = sorted(
            name for name in folders if name not in arrays and not name.startswith(".")
        )
        for name in sorted([*names, *arrays]):
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith("."):
                path = Path(parent) / name
                yield Source(path, path.relative_to(folder))


def jobs_for(
    sources: Sequence[Source], out: Path, suffixes: tuple[str, ...] = SUFFIXES
) -> list[Job]:
    """Return a job for each picture, whose result is `out` itself or a path in that folder.

    No result replaces a picture or another result.
    """
    into_file = _is_file(out, suffixes)
    _check_out(out, into_file, len(sources), suffixes)
    pictures = {_identity(source.path) for source in sources}
    source_of: dict[Path, Path] = {}
    for path, place in sources:
        result = out if into_file else out / place
        if result.suffix.lower() not in suffixes:
            result = result.with_name(f"{result.name}.png")
        if result in source_of:
            raise click.UsageError(f"{source_of[result]} and {path} would both become {result}")
        if _identity(result) in pictures:
            raise click.UsageError(f"{result} is one of the inputs, which are never overwritten")
        source_of[result] = path
    return [Job(path, result) for result, path in source_of.items()]


def _is_file(out: Path, suffixes: tuple[str, ...]) -> bool:
    """Return whether `-o` names one result, file or zarr array, and no folder of results."""
    return out.suffix.lower() in suffixes and (not out.is_dir() or zarr.is_zarr(out))


def _check_out(out: Path, into_file: bool, count: int, suffixes: tuple[str, ...]) -> None:
    """Refuse an `-o` that cannot take so many results."""
    if into_file:
        if count > 1:
            raise click.UsageError(f"-o {out} is one file for {count} pictures; name a folder")
    elif not out.is_dir():
        known = " ".join(suffixes)
        if (mimetypes.guess_type(out.name)[0] or "").startswith("image/"):
            raise click.UsageError(f"-o {out}: results are written as {known}")
        if out.exists():
            raise click.UsageError(f"-o {out} is neither a folder nor a {known} file")


def _identity(path: Path) -> tuple[int, int] | Path:
    """Return what two names of one file share, be they links of either kind."""
    try:
        found = path.stat()
    except OSError:
        return path.resolve()
    return found.st_dev, found.st_ino

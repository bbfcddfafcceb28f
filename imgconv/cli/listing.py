"""Which pictures a command takes: files, folders at any depth, patterns, standard input."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click

from imgconv.cli.pipes import STREAM, is_stream
from imgconv.io import zarr

__all__ = ["Identity", "Listing", "Source", "find_pictures", "identity", "is_zarr"]

# What two names of one file share: device and number, or the path of a file that does not exist.
Identity = tuple[int, int] | str


class Source(NamedTuple):
    """A picture, and its path below the folder that was searched."""

    path: Path
    place: str


class Listing:
    """The pictures among the inputs of a command, and what else is in their folders.

    Attributes
    ----------
    sources : dict
        The pictures in order, each once, by what identifies their files.
    unreadable : dict
        Folders that cannot be listed, and why.
    empty : list of Path
        Folders of the inputs without pictures.
    others : Counter
        How many files in folders are no pictures, by their suffix. Hidden files do not count.
    """

    def __init__(self, suffixes: tuple[str, ...], left_out: Path | None = None) -> None:
        self.suffixes = suffixes
        self.left_out = left_out and identity(left_out)
        self.sources: dict[Identity, Source] = {}
        self.unreadable: dict[Path, OSError] = {}
        self.empty: list[Path] = []
        self.others: Counter[str] = Counter()

    def add_file(self, path: str, place: str) -> None:
        """Add a picture, unless it is there already, perhaps by another name."""
        picture = Path(path)
        if is_stream(picture) and path != STREAM:  # ./- is a file
            picture = picture.absolute()
        self.sources.setdefault(identity(path), Source(picture, place))

    def add(self, path: str) -> None:
        """Add a file that the user named, or the pictures of a folder."""
        if os.path.isdir(path) and not is_zarr(path):
            before = len(self.sources) + len(self.unreadable)
            self.add_folder(path)
            if len(self.sources) + len(self.unreadable) == before:
                self.empty.append(Path(path))
        else:
            self.add_file(path, os.path.basename(path) or path)

    def add_folder(self, folder: str, below: str = "") -> None:
        """Add the pictures of a folder and of its folders, but no hidden ones.

        Links to folders are not followed, since they may lead in circles.
        """
        todo = [(folder, below)]
        while todo:
            parent, below = todo.pop()
            try:
                with os.scandir(parent) as found:
                    entries = sorted(found, key=lambda entry: entry.name)
            except OSError as error:
                self.unreadable[Path(parent)] = error
                continue
            folders = []
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                place = os.path.join(below, entry.name)
                suffix = os.path.splitext(entry.name)[1].lower()
                if entry.is_dir():
                    if is_zarr(entry.path):
                        self._add_found(entry.path, place, zarr.SUFFIX)
                    elif not entry.is_symlink() and not self.is_left_out(entry.path):
                        folders.append((entry.path, place))
                else:
                    self._add_found(entry.path, place, suffix)
            todo.extend(reversed(folders))

    def is_left_out(self, folder: str) -> bool:
        """Return whether a folder is that of the results."""
        return self.left_out is not None and identity(folder) == self.left_out

    def _add_found(self, path: str, place: str, suffix: str) -> None:
        if suffix in self.suffixes:
            self.add_file(path, place)
        else:
            self.others[suffix] += 1


def find_pictures(inputs: Sequence[str], suffixes: tuple[str, ...], out: Path | None) -> Listing:
    """Return the pictures among the inputs, and what else is in their folders.

    Parameters
    ----------
    inputs : sequence of str
        Files, folders, patterns, or "-" alone for standard input.
    suffixes : tuple of str
        The names of pictures in folders end so.
    out : Path, optional
        The results are there; if it is below a folder of the inputs, it is left out.
    """
    if STREAM in inputs and len(inputs) > 1:
        raise click.UsageError(f"{STREAM} is standard input, which is read alone")
    listing = Listing(suffixes, out)
    for name in inputs:
        # A file may have a name that looks like a pattern, and a name that matches nothing is
        # reported with the pictures that cannot be read.
        if os.path.lexists(name) or not glob.has_magic(name):
            # `photos/*` may be many inputs, of which one is the folder of the results before.
            if len(inputs) == 1 or not listing.is_left_out(name):
                listing.add(name)
            continue
        found = sorted(glob.glob(name, recursive=True))
        if not found:
            raise click.UsageError(f"{name}: no such picture")
        below_out = _inside(re.split(r"[*?[]", name, maxsplit=1)[0], out)
        for each in found:
            if below_out or not _inside(each, out):
                listing.add(each)
    return listing


def _inside(name: str, folder: Path | None) -> bool:
    """Return whether a path is in a folder, or is that folder."""
    if folder is None:
        return False
    path, place = os.path.abspath(name), os.path.abspath(folder)
    return path == place or path.startswith(os.path.join(place, ""))


def is_zarr(path: str | Path) -> bool:
    """Return whether a path is a zarr array, or is named like one."""
    if os.path.splitext(path)[1].lower() == zarr.SUFFIX:
        return True
    return os.path.isdir(path) and zarr.is_stored(Path(path))


def identity(path: str | Path) -> Identity:
    """Return what two names of one file share, be they links of either kind."""
    try:
        found = os.stat(path)
    except OSError:
        return os.path.abspath(path)
    return found.st_dev, found.st_ino

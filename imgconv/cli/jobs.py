"""Where the results of pictures go, so that none replaces a picture or another result."""

from __future__ import annotations

import mimetypes
import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import click

from imgconv.cli.listing import Identity, Source, identity, is_zarr
from imgconv.cli.pipes import STREAM, is_stream

__all__ = ["Existing", "Job", "Naming", "folder_of", "jobs_for"]

# What to do with a result that exists: refuse to run, leave it and its picture out, or replace it.
Existing = Literal["refuse", "skip", "replace"]

# Suffixes of pictures that `mimetypes` may not know: a result is not a folder of such a name.
OTHER_PICTURES = (".avif", ".bmp", ".exr", ".gif", ".heic", ".heif", ".jp2", ".jxl", ".webp")


class Job(NamedTuple):
    """A picture, and where its result goes."""

    source: Path
    result: Path


@dataclass(frozen=True)
class Naming:
    """How the results of a command are named in a folder.

    Attributes
    ----------
    suffix : callable
        Returns the suffix of a result from the path of its picture.
    ending : str
        What comes between the picture's name and the suffix.
    readable, suffixes : tuple of str
        How the names of files end that are pictures in a folder, and of those that are written.
    """

    suffix: Callable[[Path], str]
    readable: tuple[str, ...]
    suffixes: tuple[str, ...]
    ending: str = ""

    def short(self, source: Source) -> str:
        """Return the usual name: photo.jpg becomes photo-sobel.png."""
        return os.path.splitext(source.place)[0] + self.ending + self.suffix(source.path)

    def long(self, source: Source) -> str:
        """Return the name for one of several pictures photo: photo.jpg becomes photo.jpg-sobel.png.

        A name that is the picture's own stays.
        """
        if self.short(source) == source.place:
            return source.place
        return source.place + self.ending + self.suffix(source.path)


def jobs_for(
    sources: Mapping[Identity, Source], out: Path, naming: Naming, existing: Existing
) -> list[Job]:
    """Return a job for each picture, whose result is `out` itself or a path in that folder.

    Those whose result exists are left out if `existing` is "skip".
    """
    pictures = list(sources.values())
    if folder_of(out, naming.suffixes) is None:
        if len(pictures) > 1:
            count = len(pictures)
            raise click.UsageError(f"-o {out} is one file for {count} pictures; name a folder")
        names = [os.fspath(out)]
    else:
        _check_folder(out, naming.suffixes)
        if is_stream(pictures[0].path):
            raise click.UsageError(f"-o {out}: name a file for the result of standard input")
        names = [os.path.join(out, place) for place in _distinct(pictures, naming)]
    jobs = []
    present = []
    source_of: dict[str, Path] = {}
    for (path, _), name in zip(pictures, names, strict=True):
        if name in source_of:
            raise click.UsageError(f"{source_of[name]} and {path} would both become {name}")
        source_of[name] = path
        # A stream is no file, and a file of that name is another one.
        found = "" if name == STREAM else identity(name)
        if found in sources:
            raise click.UsageError(
                f"{name} is one of the inputs, which are never overwritten; name another with -o"
            )
        if isinstance(found, tuple):
            present.append(name)
        if not (isinstance(found, tuple) and existing == "skip"):
            jobs.append(Job(path, Path(name)))
    if present and existing == "refuse":
        more = f" (and {len(present) - 1} more)" if len(present) > 1 else ""
        raise click.UsageError(
            f"{present[0]} exists{more}; --overwrite replaces it, --skip-existing leaves it"
        )
    return jobs


def folder_of(out: Path, suffixes: tuple[str, ...]) -> Path | None:
    """Return `-o` if it names a folder of results, and not one result, stream or zarr array."""
    one = is_stream(out) or (out.suffix.lower() in suffixes and not os.path.isdir(out))
    return None if one or is_zarr(out) else out


def _check_folder(out: Path, suffixes: tuple[str, ...]) -> None:
    """Refuse an `-o` that is no folder and should not become one."""
    if os.path.isdir(out):
        return
    known = " ".join(suffixes)
    kind = mimetypes.guess_type(out.name)[0] or ""
    if kind.startswith("image/") or out.suffix.lower() in OTHER_PICTURES:
        raise click.UsageError(f"-o {out}: results are written as {known}")
    if os.path.lexists(out):
        raise click.UsageError(f"-o {out} is neither a folder nor a {known} file")


def _distinct(sources: Sequence[Source], naming: Naming) -> list[str]:
    """Return a name for each result, no two alike.

    Where pictures of one name come from several folders, all results keep the path of their
    picture below the folder that contains all pictures.
    """
    places = _named(sources, naming)
    if _shared(places):
        paths = [os.path.abspath(source.path) for source in sources]
        common = os.path.commonpath([os.path.dirname(path) for path in paths])
        below = [os.path.relpath(path, common) for path in paths]
        moved = [source._replace(place=place) for source, place in zip(sources, below, strict=True)]
        places = _named(moved, naming)
    return places


def _named(sources: Sequence[Source], naming: Naming) -> list[str]:
    """Return the short name of each result, or the long one if it would share the short one.

    All that share it get the long one: so the name of a result does not depend on their order.
    """
    places = [naming.short(source) for source in sources]
    changed = True
    while changed:
        changed = False
        for same in _shared(places):
            if len({sources[k].place for k in same}) == 1:
                continue
            for k in same:
                changed |= places[k] != (long := naming.long(sources[k]))
                places[k] = long
    return places


def _shared(places: Sequence[str]) -> list[list[int]]:
    """Return the positions of the places that occur more than once, for each such place."""
    positions = defaultdict(list)
    for k, place in enumerate(places):
        positions[place].append(k)
    return [same for same in positions.values() if len(same) > 1]

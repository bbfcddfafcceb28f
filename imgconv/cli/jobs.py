"""Where the results of pictures go, so that none replaces a picture or another result."""

from __future__ import annotations

import mimetypes
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import click

from imgconv.cli.listing import Source, identity
from imgconv.cli.pipes import is_stream
from imgconv.io import zarr

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
    suffixes : tuple of str
        Of the files that the command can write.
    """

    suffix: Callable[[Path], str]
    suffixes: tuple[str, ...]
    ending: str = ""

    def short(self, source: Source) -> Path:
        """Return the usual name: photo.jpg becomes photo-sobel.png."""
        return source.place.with_name(source.place.stem + self.ending + self.suffix(source.path))

    def long(self, source: Source) -> Path:
        """Return the name for one of several pictures photo: photo.jpg becomes photo.jpg-sobel.png.

        A name that is the picture's own stays.
        """
        usual = self.short(source)
        if usual.name == source.place.name:
            return usual
        return usual.with_name(source.place.name + self.ending + usual.suffix)


def jobs_for(sources: Sequence[Source], out: Path, naming: Naming, existing: Existing) -> list[Job]:
    """Return a job for each picture, whose result is `out` itself or a path in that folder.

    Those whose result exists are left out if `existing` is "skip".
    """
    if folder_of(out, naming.suffixes) is None:
        if len(sources) > 1:
            raise click.UsageError(
                f"-o {out} is one file for {len(sources)} pictures; name a folder"
            )
        results = [out]
    else:
        _check_folder(out, naming.suffixes)
        if is_stream(sources[0].path):
            raise click.UsageError(f"-o {out}: name a file for the result of standard input")
        results = [out / place for place in _distinct(sources, naming)]
    jobs = [Job(source.path, result) for source, result in zip(sources, results, strict=True)]
    _check_results(jobs)
    if existing == "replace":
        return jobs
    present = [job for job in jobs if os.path.lexists(job.result) and not is_stream(job.result)]
    if existing == "skip":
        gone = set(present)
        return [job for job in jobs if job not in gone]
    if present:
        more = f" (and {len(present) - 1} more)" if len(present) > 1 else ""
        raise click.UsageError(
            f"{present[0].result} exists{more}; --overwrite replaces it, --skip-existing leaves it"
        )
    return jobs


def folder_of(out: Path, suffixes: tuple[str, ...]) -> Path | None:
    """Return `-o` if it names a folder of results, and not one result, stream or zarr array."""
    one = is_stream(out) or (out.suffix.lower() in suffixes and not os.path.isdir(out))
    return None if one or zarr.is_stored(out) else out


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


def _distinct(sources: Sequence[Source], naming: Naming) -> list[Path]:
    """Return a name for each result: the shortest that no other has.

    All pictures that share a short name get the long one: so the name of a result does not depend
    on the order of the pictures. Pictures of one name from several folders keep the part of
    their paths in which they differ.
    """
    places = [naming.short(source) for source in sources]
    for same in _shared(places):
        for k in same:
            places[k] = naming.long(sources[k])
    for same in _shared(places):
        parents = [os.path.abspath(sources[k].path.parent) for k in same]
        common = os.path.commonpath(parents)
        for k, parent in zip(same, parents, strict=True):
            places[k] = Path(os.path.relpath(parent, common)) / places[k].name
    return places


def _shared(places: Iterable[Path]) -> list[list[int]]:
    """Return the positions of the places that occur more than once, for each such place."""
    positions = defaultdict(list)
    for k, place in enumerate(places):
        positions[place].append(k)
    return [same for same in positions.values() if len(same) > 1]


def _check_results(jobs: Sequence[Job]) -> None:
    """Refuse results that would replace a picture or one another."""
    pictures = {identity(job.source) for job in jobs}
    source_of: dict[Path, Path] = {}
    for source, result in jobs:
        if result in source_of:
            raise click.UsageError(f"{source_of[result]} and {source} would both become {result}")
        if not is_stream(result) and identity(result) in pictures:
            raise click.UsageError(
                f"{result} is one of the inputs, which are never overwritten; name another with -o"
            )
        source_of[result] = source

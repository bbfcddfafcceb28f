"""One picture: read, filtered and written; of a TIFF into a TIFF, all pages."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgconv import io
from imgconv.cli.jobs import Job, Naming
from imgconv.cli.pipes import as_files
from imgconv.io import tiff

if TYPE_CHECKING:
    from imgconv.pipeline import Pipeline

__all__ = ["Done", "Recipe", "filter_file", "filtered"]

# What a command makes of a picture, for a file with this suffix.
Recipe = Callable[[io.Picture, str], io.Picture]


class Done(NamedTuple):
    """What became of a job: an error message, or the picture's size and the time it took."""

    job: Job
    error: str = ""
    size: tuple[int, ...] = (0, 0)  # height and width
    pages: int = 1
    seconds: float = 0.0  # of filtering, without reading and writing
    left_out: str = ""  # what the result does not have, if the user may expect it

    @property
    def pixels(self) -> int:
        """The number of pixels of all pages."""
        return math.prod(self.size) * self.pages


class Stopwatch:
    """A recipe that adds up its time."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.seconds = 0.0

    def __call__(self, picture: io.Picture, suffix: str) -> io.Picture:
        """Return what the recipe makes of a picture."""
        begun = time.perf_counter()
        try:
            return self.recipe(picture, suffix)
        except (ValueError, TypeError) as error:
            # Not to be taken for an error of the encoder, which asks for the next page.
            raise io.PictureError(" ".join(str(error).split())) from error
        finally:
            self.seconds += time.perf_counter() - begun


def filter_file(job: Job, recipe: Recipe, naming: Naming, max_pixels: int) -> Done:
    """Read, filter and write a picture; of a TIFF into a TIFF, all pages."""
    timed = Stopwatch(recipe)
    with as_files(job.source, job.result, naming.suffix) as (source, result):
        about = io.about(source)
        suffix = result.suffix.lower()
        pages = about.pages if suffix in tiff.SUFFIXES else 1
        results = _pages(source, pages, timed, suffix, max_pixels)
        if pages > 1:
            large = math.prod(about.shape) * pages * 8 > tiff.LARGE
            io.write_pages(result, results, large)
        else:
            io.write(result, next(results))
    left_out = ""
    if about.pages > pages:
        left_out = f"page 1 of {about.pages} alone is in the result; a TIFF file would have all"
    return Done(job, "", about.shape[:2], pages, timed.seconds, left_out)


def _pages(
    source: Path, count: int, recipe: Recipe, suffix: str, max_pixels: int
) -> Iterator[io.Picture]:
    """Yield the results of the first pages of a file."""
    for page in range(count):
        yield recipe(io.read(source, max_pixels, page), suffix)


def filtered(picture: io.Picture, suffix: str, pipeline: Pipeline, floats: str) -> io.Picture:
    """Return what the pipeline makes of a picture, as a file with this suffix can store it."""
    colours, opacity = picture.split()
    channel_axis = -1 if colours.shape[2] > 1 else None
    image = colours if channel_axis else colours[..., 0]
    plan = pipeline.plan(image.shape, image.dtype, channel_axis=channel_axis)
    if isinstance(plan.dtype, tuple):
        raise io.PictureError(
            f"the pipeline gives {len(plan.dtype)} images; magnitude makes one of them"
        )
    begins_grey = pipeline.steps[0].name == "grey"
    if opacity is not None and (begins_grey or plan.shape[:2] != image.shape[:2]):
        image, opacity = picture.over_white().reshape(image.shape), None
    result = storable(pipeline(image, channel_axis=channel_axis), image.dtype, floats, suffix)
    if opacity is None:
        return io.Picture(result)
    if result.dtype != opacity.dtype:
        if result.dtype.kind == "u":
            opacity = io.rescale(opacity, result.dtype.type)
        else:
            opacity = (opacity / io.full_scale(opacity.dtype)).astype(result.dtype)
    colours = result if result.ndim == 3 else result[..., None]
    return io.Picture.join(colours, opacity, picture.alpha)


def storable(result: NDArray[Any], source: np.dtype[Any], floats: str, suffix: str) -> NDArray[Any]:
    """Return a result as a file can store it: bool as black and white, floats as integers."""
    if result.dtype.kind == "b":
        return result.astype(np.uint8) * np.uint8(255)
    if result.dtype.kind != "f" or suffix in tiff.SUFFIXES:
        return result
    dtype = io.integer_type(suffix, source)
    if floats == "stretch":
        return io.stretch(result, bool((result < 0).any()), dtype)
    white = io.full_scale(source) if floats == "image" else 1.0
    if white == 1.0 and source.kind == "f":
        return result  # in this scale, files are written anyway
    return io.rescale(result / result.dtype.type(white), dtype)

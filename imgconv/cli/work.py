"""One picture: read, filtered and written; of a TIFF into a TIFF, all pages."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgconv import io
from imgconv.cli.images import prepared
from imgconv.cli.jobs import Job, Naming
from imgconv.cli.options import Settings
from imgconv.cli.pipes import as_files
from imgconv.io import tiff

if TYPE_CHECKING:
    from imgconv.pipeline import Pipeline

__all__ = ["Done", "Recipe", "filter_file", "filtered"]

# The tag of GDAL with the value of missing pixels, as text.
NODATA = 42113

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


def filter_file(job: Job, recipe: Recipe, naming: Naming, settings: Settings) -> Done:
    """Read, filter and write a picture; of a TIFF into a TIFF, all pages."""
    timed = Stopwatch(recipe)
    with as_files(job.source, job.result, naming.suffix) as (source, result):
        pictures = io.read_pages(source, settings.max_pixels)
        first = next(pictures)
        size = first.pixels.shape[:2]
        suffix = result.suffix.lower()
        pages = first.pages if suffix in tiff.SUFFIXES else 1
        left_out = what_is_left_out(first, pages)
        large = first.pixels.size * pages * 8 > tiff.LARGE
        results = (timed(page, suffix) for page in chain([first], pictures))
        del first  # a page may need much memory
        strip, quality = settings.strip, settings.quality
        if pages > 1:
            io.write_pages(result, results, large, strip=strip, quality=quality)
        else:
            io.write(result, next(results), strip=strip, quality=quality)
    return Done(job, "", size, pages, timed.seconds, left_out)


def what_is_left_out(picture: io.Picture, pages: int) -> str:
    """Return what a result of so many pages does not have of the picture's file."""
    if picture.pages > pages:
        return f"page 1 of {picture.pages} alone is in the result; a TIFF file would have all"
    return "the first frame alone is in the result" if picture.animated else ""


def filtered(
    picture: io.Picture,
    suffix: str,
    pipeline: Pipeline,
    floats: str,
    alpha: str = "separate",
    nodata: str | float | None = None,
) -> io.Picture:
    """Return what the pipeline makes of a picture, as a file with this suffix can store it.

    If `alpha` is "weighed", pixels count as much as they are opaque; those of the value `nodata` do
    not count, and stay as they are.
    """
    weighs = alpha == "weighed" and pipeline != pipeline.with_weights([[1]])
    if weighs and picture.alpha == "premultiplied":
        straight = replace(picture, pixels=picture.straight(), alpha="straight")
        made = filtered(straight, suffix, pipeline, floats, alpha, nodata)
        return made.premultiplied()
    pipeline, image, opacity = prepared(picture, pipeline)
    missing, value = missing_in(picture, image, nodata)
    weights = opacity[..., 0] if opacity is not None and weighs else None
    if missing is not None:
        weights = ~missing if weights is None else np.where(missing, 0, weights)
    if weights is not None:
        pipeline = pipeline.with_weights(weights)
    result = pipeline(image, channel_axis=-1 if image.ndim > 2 else None)
    if missing is not None and result.shape[:2] != missing.shape:
        raise io.PictureError("--nodata needs a pipeline that keeps the size")
    drawn = result.dtype.kind == "b" or (result.dtype.kind == "f" and suffix not in tiff.SUFFIXES)
    if missing is not None and not drawn:
        result[missing] = value
    if drawn:
        result = storable(result, picture, io.span_of(image), floats, suffix)
    return picture.with_colours(result, opacity, drawn=drawn)


def missing_in(
    picture: io.Picture, image: NDArray[Any], nodata: str | float | None
) -> tuple[NDArray[np.bool_] | None, float]:
    """Return which pixels have the value of missing ones, all colours of a pixel; and the value."""
    stated = picture.metadata.tags.get(NODATA) if nodata == "auto" else nodata
    try:
        value = float(stated) if stated is not None else None
    except (TypeError, ValueError):
        raise io.PictureError(f"the file states no number for missing pixels: {stated!r}") from None
    if value is None:
        return None, 0.0
    missing = np.isnan(image) if math.isnan(value) else image == value
    return missing.all(axis=-1) if image.ndim > 2 else missing, value


def storable(
    result: NDArray[Any], picture: io.Picture, span: float, floats: str, suffix: str
) -> NDArray[Any]:
    """Return bool as black and white, and floats as integers that show them."""
    if result.dtype.kind == "b":
        return result.astype(np.uint8) * np.uint8(255)
    dtype = io.integer_type(suffix, picture.pixels.dtype)
    if floats == "stretch":
        return io.stretch(result, bool((result < 0).any()), dtype, span)
    return io.rescale(result, dtype, picture.white if floats == "image" else 1.0)

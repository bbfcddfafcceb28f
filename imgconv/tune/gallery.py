"""The pictures that were given: read when first seen, with smaller copies of the last ones."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgconv import io
from imgconv.cli.images import prepared
from imgconv.core.cache import cached_property
from imgconv.filters.pooling import pool
from imgconv.pipeline import Pipeline

__all__ = ["Gallery", "Photo", "Subject"]

# Pictures in memory, by their bytes, besides the one that is seen.
KEPT_BYTES = 1 << 30
# The longer side of a small copy on the strip, at least.
THUMBNAIL = 160


class _Kept(io.Picture):
    """A picture that computes once what lies over white."""

    @cached_property
    def _over_white(self) -> NDArray[Any]:
        return super().over_white()

    def over_white(self) -> NDArray[Any]:
        """Return the colours with white behind transparent pixels."""
        return self._over_white


@dataclass(frozen=True, eq=False)
class Subject:
    """What the command would run on a picture: the chain, the image, the opacity of the result.

    `unweighted` is the chain where all pixels count alike.
    """

    pipeline: Pipeline
    unweighted: Pipeline
    image: NDArray[Any]
    opacity: NDArray[Any] | None
    white: float

    @property
    def channel_axis(self) -> int | None:
        """The axis of colours, if there are any."""
        return -1 if self.image.ndim > 2 else None


class Photo:
    """A picture in memory, and smaller copies of it."""

    def __init__(self, picture: io.Picture) -> None:
        names = ("pixels", "alpha", "depth", "metadata", "stored", "pages", "animated")
        self.picture = _Kept(**{name: getattr(picture, name) for name in names})
        self._copies: dict[int, Photo] = {1: self}
        self._guard = threading.Lock()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.picture.pixels.shape[:2]
        return height, width

    def copy(self, factor: int) -> Photo:
        """Return the picture with each side divided by a power of two: means of squares."""
        with self._guard:
            have = max(each for each in self._copies if each <= factor)
            while have < factor:
                smaller = halved(self._copies[have].picture)
                have *= 2
                self._copies[have] = Photo(smaller)
            return self._copies[factor]

    @cached_property
    def background(self) -> NDArray[Any]:
        """The colours that are shown before any step: (H, W) or (H, W, 3)."""
        return squeezed(self.picture.over_white())

    def subject(self, pipeline: Pipeline) -> Subject:
        """Return what `imgconv apply` runs for a chain: with the picture's white and weights."""
        picture: io.Picture = self.picture
        weighs = picture.alpha is not None and pipeline != pipeline.with_weights([[1]])
        if weighs and picture.alpha == "premultiplied":
            picture = replace(picture, pixels=picture.straight(), alpha="straight")
        chain, image, opacity = prepared(picture, pipeline)
        unweighted = chain
        if weighs and opacity is not None:
            chain = chain.with_weights(opacity[..., 0])
        return Subject(chain, unweighted, image, opacity, picture.white)


def squeezed(colours: NDArray[Any]) -> NDArray[Any]:
    """Return colours of one channel without the axis of channels."""
    return colours[..., 0] if colours.shape[2] == 1 else colours


def halved(picture: io.Picture) -> io.Picture:
    """Return a picture of half the size, at least one pixel along each side."""
    pixels = picture.pixels
    size = tuple(min(2, n) for n in pixels.shape[:2])
    channel_axis = -1 if pixels.ndim > 2 else None
    made = pool(pixels, size, how="mean", channel_axis=channel_axis, dtype=pixels.dtype)
    return replace(picture, pixels=made)


class Gallery:
    """The pictures that were given, by number; those seen last are in memory."""

    def __init__(self, paths: Sequence[Path], max_pixels: int = io.MAX_PIXELS) -> None:
        self.paths = list(paths)
        self.max_pixels = max_pixels
        self.chosen = 0
        self._kept: OrderedDict[int, Photo] = OrderedDict()
        self._small: dict[int, tuple[Photo, int]] = {}
        self._guard = threading.RLock()

    @property
    def path(self) -> Path | None:
        """The picture that is seen."""
        return self.paths[self.chosen] if self.paths else None

    def photo(self, number: int | None = None) -> Photo:
        """Return a picture, read if it is not in memory.

        Raises
        ------
        PictureError
            If the file cannot be read.
        """
        number = self.chosen if number is None else number
        with self._guard:
            if number not in self._kept:
                self._kept[number] = Photo(io.read(self.paths[number], self.max_pixels))
            self._kept.move_to_end(number)
            while len(self._kept) > 1 and self._bytes() > KEPT_BYTES:
                self._kept.popitem(last=False)
            return self._kept[number]

    def _bytes(self) -> int:
        # Copies add a third.
        return sum(photo.picture.pixels.nbytes * 4 // 3 for photo in self._kept.values())

    def thumbnail(self, number: int) -> tuple[Photo, int]:
        """Return a small copy of a picture, which stays in memory, and by what it is smaller."""
        kept = self._small.get(number)
        if kept is None:
            photo = self._kept.get(number) or Photo(io.read(self.paths[number], self.max_pixels))
            factor = 1
            while max(photo.size) // (2 * factor) >= THUMBNAIL:
                factor *= 2
            kept = self._small[number] = Photo(photo.copy(factor).picture), factor
        return kept


def white_of(photo: Photo) -> float:
    """Return the white of the image that a chain is given, in which bool is 0 and 255."""
    picture = photo.picture
    return 255.0 if picture.pixels.dtype == np.bool_ else picture.white

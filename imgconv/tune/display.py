"""What is seen of an image: 8 bits for the screen, a histogram, the value of a pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgconv import io

__all__ = ["Levels", "histogram", "levels_of", "on_screen", "reduced", "values_text"]

BINS = 256
# Pixels from which levels and histograms are taken: more change nothing that one can see.
SAMPLED = 1 << 20


class Levels(NamedTuple):
    """Which values of an image are black and white on the screen."""

    black: float
    white: float


def levels_of(pixels: NDArray[Any], white: float) -> Levels:
    """Return the levels of pixels: integers from 0 to white, floats stretched as in PNG files.

    White of floats is the 99th percentile of the absolute values; where some are negative, 0 is
    mid-grey.
    """
    if pixels.dtype.kind == "b":
        return Levels(0, 1)
    if pixels.dtype.kind in "iu":
        low = 0.0 if pixels.dtype.kind == "u" else float(np.iinfo(pixels.dtype).min)
        return Levels(low, white)
    finite = pixels[np.isfinite(pixels)]
    sizes = np.abs(finite)
    top = float(np.percentile(sizes, 99) or sizes.max()) if sizes.size else 0.0
    top = top or 1.0
    return Levels(-top if (finite < 0).any() else 0.0, top)


def on_screen(pixels: NDArray[Any], levels: Levels) -> NDArray[np.uint8]:
    """Return pixels as 8 bits between black and white; what is not finite is black."""
    if pixels.dtype == np.uint8 and levels == Levels(0, 255):
        return pixels
    if pixels.dtype.kind == "b":
        shown: NDArray[np.uint8] = pixels.view(np.uint8) * np.uint8(255)
        return shown
    computing = np.float64 if pixels.dtype.itemsize > 4 else np.float32
    share: Any = pixels.astype(computing)
    span = (levels.white - levels.black) or 1.0
    share -= computing(levels.black)
    share *= computing(255 / span)
    np.nan_to_num(share, copy=False, nan=0.0, posinf=255.0, neginf=0.0)
    np.clip(share, 0, 255, out=share)
    share += computing(0.5)
    made: NDArray[np.uint8] = share.astype(np.uint8)
    return made


def reduced(pixels: NDArray[Any], factor: int) -> NDArray[Any]:
    """Return means of squares in float32 or float64, at the rim of parts of squares.

    >>> reduced(np.array([[1, 3, 5], [5, 7, 7]], np.uint8), 2)
    array([[4., 6.]], dtype=float32)
    """
    if factor == 1:
        return pixels
    computing = np.float64 if pixels.dtype.itemsize > 4 else np.float32
    made = pixels
    for axis in (0, 1):
        starts = np.arange(0, made.shape[axis], factor)
        sizes = np.diff([*starts, made.shape[axis]]).astype(computing)
        sums = np.add.reduceat(made, starts, axis=axis, dtype=computing)
        shape = [1] * made.ndim
        shape[axis] = len(sizes)
        made = sums / sizes.reshape(shape)
    return made


def sample(pixels: NDArray[Any], most: int = SAMPLED) -> NDArray[Any]:
    """Return pixels on a grid, about as many as are wanted at most."""
    step = max(1, int(np.ceil(np.sqrt(pixels.shape[0] * pixels.shape[1] / most))))
    return pixels[::step, ::step]


def histogram(pixels: NDArray[Any], levels: Levels) -> list[list[int]]:
    """Return how many pixels are in each of 256 bins from black to white, for each channel."""
    shown = on_screen(np.ascontiguousarray(pixels), levels)
    planes = [shown] if shown.ndim == 2 else [shown[..., c] for c in range(min(3, shown.shape[2]))]
    return [np.bincount(plane.ravel(), minlength=BINS).tolist() for plane in planes]


def over_white(shown: NDArray[np.uint8], opacity: NDArray[Any], white: float) -> NDArray[np.uint8]:
    """Return 8 bits of colours with white behind what is transparent."""
    share = (opacity / white).astype(np.float32)
    share = share if shown.ndim == 3 else share[..., 0]
    made: NDArray[np.uint8] = np.rint(shown * share + (1 - share) * 255).astype(np.uint8)
    return made


def values_text(values: Sequence[Any] | NDArray[Any]) -> str:
    """Return the value of a pixel as text.

    >>> values_text(np.array([1, 2, 3], np.uint8)), values_text(np.float32([0.12345678]))
    ('1 2 3', '0.12346')
    """
    flat = np.atleast_1d(np.asarray(values))
    if flat.dtype.kind == "f":
        return " ".join(f"{float(value):.5g}" for value in flat)
    return " ".join(str(value) for value in flat.tolist())


def rgb(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return one channel, or three, of an image of any number of channels."""
    if pixels.ndim == 2:
        return pixels
    return pixels[..., 0] if pixels.shape[2] < 3 else pixels[..., :3]


def picture_of(shown: NDArray[np.uint8]) -> io.Picture:
    """Return 8 bits as a picture that can be written."""
    return io.Picture(shown if shown.ndim == 3 else shown[..., None])

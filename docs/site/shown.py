"""What an array looks like: its pixels as a picture for a page."""

from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

__all__ = ["marked", "pixels_of", "write"]

# Wider pictures are reduced, and narrower ones enlarged without interpolation.
WIDEST = 480
NARROW = 100
# What a missing pixel looks like.
MISSING = (232, 62, 140)
GREY = 128
# Percent of the pixels that are not too bright to show.
FEW = 99.5


def pixels_of(value: Any) -> NDArray[np.uint8]:
    """Return 8 bits for any result: bool black and white, negative numbers darker than grey."""
    array = np.asarray(value)
    if array.ndim == 3 and array.shape[-1] not in (3, 4):
        array = np.concatenate(list(array), axis=1)
    if array.ndim not in (2, 3):
        raise ValueError(f"a picture has two or three axes, got shape {array.shape}")
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array * np.uint8(255)
    missing = np.isnan(array)
    grey = scaled(np.where(missing, np.nanmin(array), array).astype(float))
    if not missing.any():
        return grey
    colour = np.stack([grey] * 3, axis=-1)
    colour[missing] = MISSING
    return colour


def scaled(array: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return floats as 8 bits: from the smallest to the largest, or 0 as the middle grey."""
    low, high = array.min(), array.max()
    # A few large values would leave all others grey or black.
    if low < 0 < high:
        span = np.percentile(np.abs(array), FEW) or max(-low, high)
        return np.clip(GREY + array * (127 / span), 0, 255).round().astype(np.uint8)
    span = (np.percentile(array, FEW) - low) or (high - low) or 1.0
    return np.clip((array - low) * (255 / span), 0, 255).round().astype(np.uint8)


def marked(image: Any, points: Any, radius: Any = 3.0) -> NDArray[np.uint8]:
    """Return an image with a ring around each point (y, x)."""
    grey = pixels_of(image)
    colour = grey.copy() if grey.ndim == 3 else np.stack([grey] * 3, axis=-1)
    angles = np.linspace(0, 2 * np.pi, 64)
    for (y, x), far in zip(points, np.broadcast_to(radius, len(points)), strict=True):
        rows = np.rint(y + far * np.sin(angles)).astype(int)
        columns = np.rint(x + far * np.cos(angles)).astype(int)
        inside = (rows >= 0) & (rows < len(colour)) & (columns >= 0) & (columns < colour.shape[1])
        colour[rows[inside], columns[inside]] = MISSING
    return colour


def write(value: Any, path: Path) -> None:
    """Write a result as a PNG of a size that fits pages."""
    picture = PIL.Image.fromarray(pixels_of(value))
    width, height = picture.size
    if width > WIDEST:
        size = WIDEST, max(1, round(height * WIDEST / width))
        picture = picture.resize(size, PIL.Image.Resampling.LANCZOS)
    elif width < NARROW:
        times = -(-240 // width)
        size = width * times, height * times
        picture = picture.resize(size, PIL.Image.Resampling.NEAREST)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)

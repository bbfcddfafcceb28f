"""What PNG and JPEG share: Pillow decodes their 8 bits a channel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imgconv.io.errors import PictureError, check_size
from imgconv.io.picture import ORIENTATION_TAG

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["channels_of", "load", "opened", "pixels_of"]


@contextmanager
def opened(path: Path, kind: str) -> Iterator[Image]:
    """Open a file of one format, "PNG" or "JPEG", without decoding it."""
    import PIL.Image

    PIL.Image.MAX_IMAGE_PIXELS = None  # `check_size` is the limit, in all formats
    try:
        file = PIL.Image.open(path, formats=(kind,))
    except PIL.UnidentifiedImageError:
        raise PictureError(f"not a {kind} picture, though it begins as one") from None
    with file:
        yield file


def load(file: Image, max_pixels: int) -> int:
    """Decode a file if it is not too large, and return its orientation.

    It is read to its end, so that damage and Exif data behind the pixels are found.
    """
    check_size(file.height, file.width, max_pixels)
    file.load()
    orientation: int = file.getexif().get(ORIENTATION_TAG, 1)
    return orientation


def pixels_of(file: Image) -> NDArray[Any]:
    """Return the pixels of a file that is loaded, 8 bits a channel."""
    return np.asarray(file.convert(_mode(file)))


def channels_of(file: Image) -> int:
    """Return the number of channels that `pixels_of` would return."""
    return len(_mode(file))


def _mode(file: Image) -> str:
    """Return the Pillow mode for the pixels of a file: grey or RGB, with its alpha."""
    mode = "L" if file.mode in ("1", "L", "LA") else "RGB"
    return mode + "A" if file.has_transparency_data else mode

"""What the arguments of `skimage.filters.rank` mean to the engine."""

from typing import NamedTuple

import numpy as np

from imgconv.face_arguments import Image, real_image
from imgconv.fallback import FallBack
from imgconv.skimage.arguments import warn_caller

__all__ = ["RANK", "RankArguments", "around", "checked", "holds_pixel", "levels"]

RANK = "skimage.filters.rank"

# scikit-image warns of images of uint16 with more levels, and so does the face.
MOST_LEVELS = 2**10
# scikit-image keeps a shift in 8 bits.
LARGEST_SHIFT = 127


class RankArguments(NamedTuple):
    """An image of 8 or 16 bits, the pixels of the window, a mask, and the array to fill."""

    pixels: Image
    window: Image
    mask: Image | None
    result: Image


def checked(
    image: object, footprint: object, out: object, mask: object, shift_x: object, shift_y: object
) -> RankArguments:
    """Return the arguments of a filter; fall back for others than the engine takes."""
    pixels = real_image(image)
    if pixels.dtype not in (np.uint8, np.uint16):
        raise FallBack(f"dtype {pixels.dtype}")
    counts = mask_of(mask, pixels.shape)
    window = around(footprint, shift_x, shift_y)
    if out is None:
        result = np.empty(pixels.shape, pixels.dtype.newbyteorder("="))
    else:
        if type(out) is not np.ndarray or out.shape != pixels.shape or out.dtype != pixels.dtype:
            raise FallBack("out")
        inputs = (pixels,) if counts is None else (pixels, counts)
        if any(np.may_share_memory(out, each) for each in inputs) or not out.flags.writeable:
            raise FallBack("out")
        result = out
    warn_of_levels(pixels)
    for name, shift in (("shift_x", shift_x), ("shift_y", shift_y)):
        warn_of_bool(name, shift)
    return RankArguments(pixels, window, counts, result)


def around(footprint: object, shift_x: object, shift_y: object) -> Image:
    """Return the pixels of a window, around the one that has the result."""
    if type(footprint) is not np.ndarray or footprint.ndim != 2:
        raise FallBack("footprint")
    window = footprint > 0
    if not window.any():
        raise FallBack("footprint")
    margins = []
    for size, shift in zip(window.shape, (shift_y, shift_x), strict=True):
        if not isinstance(shift, int) or abs(shift) > LARGEST_SHIFT:
            raise FallBack("shift")
        before, after = size // 2 + shift, size - 1 - size // 2 - shift
        if min(before, after) < 0:
            raise FallBack("shift")
        margins.append((max(after - before, 0), max(before - after, 0)))
    return np.pad(window, margins) if any(map(any, margins)) else window


def holds_pixel(window: Image) -> bool:
    """Whether the pixel that has the result is in the window, so that none is empty."""
    height, width = window.shape
    return bool(window[height // 2, width // 2])


def mask_of(mask: object, shape: tuple[int, ...]) -> Image | None:
    """Return a mask of the image's shape; scikit-image scales other dtypes than these."""
    if mask is None:
        return None
    if type(mask) is not np.ndarray or mask.shape != shape:
        raise FallBack("mask")
    if mask.dtype not in (np.bool_, np.uint8):
        raise FallBack("mask")
    return mask


def levels(pixels: Image) -> int:
    """Return how many levels scikit-image counts in."""
    return 256 if pixels.dtype == np.uint8 else int(max(3, pixels.max())) + 1


def warn_of_levels(pixels: Image) -> None:
    """Warn of many levels as scikit-image does; it is called by a face's `checked`."""
    if pixels.dtype.itemsize < 2:
        return
    bins = levels(pixels)
    if bins > MOST_LEVELS:
        warn_caller(
            f"Bad rank filter performance is expected due to a large number of bins ({bins}), "
            f"equivalent to an approximate bitdepth of {np.log2(bins):.1f}.",
            stacklevel=5,
        )


def warn_of_bool(name: str, shift: object) -> None:
    """Warn of a shift that is bool as scikit-image does; it is called by a face's `checked`."""
    if isinstance(shift, bool):
        warn_caller(
            f"Paramter `{name}` is boolean and will be interpreted as int. "
            "This is not officially supported, use int instead.",
            stacklevel=5,
        )

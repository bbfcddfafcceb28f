"""The face of `skimage.exposure`; names that have no face here are scikit-image's own."""

import math
from importlib import import_module
from typing import Any

import numpy as np

from imgconv.core.pixels import limits
from imgconv.face_arguments import Image, each, integer, real_image
from imgconv.fallback import FallBack, other_names
from imgconv.filters.canny import skimage_float
from imgconv.operations.clahe import LEVELS, adapted
from imgconv.skimage.arguments import number, real_array, skimage_face
from imgconv.skimage.filters.global_thresholds import histogram_of

__all__ = ["equalize_adapthist", "equalize_hist"]

EXPOSURE = "skimage.exposure"
# Pixels that are looked up at once.
PIECE = 1 << 15
# Pixels of a tile, which are counted in 32 bits.
MOST_PIXELS = 1 << 30


@skimage_face(EXPOSURE)
def equalize_hist(image: Image, nbins: int = 256, mask: Image | None = None) -> Image:
    """Return the share of the pixels that are not brighter, for each pixel."""
    pixels = real_array(image)
    if pixels.dtype.kind == "f":
        raise FallBack("floats")  # the look-up of each takes longer than to count them
    chosen = pixels
    if mask is not None:
        if type(mask) is not np.ndarray or mask.shape != pixels.shape:
            raise FallBack("mask")
        chosen = pixels[mask.astype(bool)]
    counts, centres = histogram_of(chosen, nbins, None)
    if pixels.ndim > 2 and pixels.shape[-1] in (3, 4):
        raise FallBack("shape")
    dtype = skimage_float(pixels.dtype)
    shares = (np.cumsum(counts) / float(counts.sum())).astype(dtype)
    low, high = limits(pixels.dtype)
    table = np.interp(np.arange(low, high + 1), centres, shares).astype(dtype)
    return looked_up(pixels, table, low)


@skimage_face(EXPOSURE)
def equalize_adapthist(
    image: Image, kernel_size: Any = None, clip_limit: float = 0.01, nbins: int = 256
) -> Image:
    """Equalise tile by tile, with a limit on how often a value may occur."""
    pixels = real_array(image)
    if pixels.ndim == 3 and pixels.shape[-1] in (3, 4):
        adaptive = import_module("skimage.color.adapt_rgb")
        grey = adaptive.adapt_rgb(adaptive.hsv_value)(equalized)
        found: Image = grey(pixels, kernel_size, clip_limit, nbins)
        return found
    return equalized(real_image(image), kernel_size, clip_limit, nbins)


def equalized(image: Image, kernel_size: Any, clip_limit: float, nbins: int) -> Image:
    """Return the result for a grey image.

    Pixels become levels, and levels bins; then levels become floats. Each is a table, made by the
    functions of scikit-image itself.
    """
    if kernel_size is None:
        kernel_size = [max(n // 8, 1) for n in image.shape]
    sizes = [number(k, "kernel_size") for k in each(kernel_size, 2, "size")]
    limit, bins = number(clip_limit, "clip_limit"), integer(nbins, "nbins")
    if not (min(sizes) >= 1 and math.prod(sizes) <= MOST_PIXELS and 1 <= bins <= LEVELS):
        raise FallBack("kernel_size or nbins")
    tile_height, tile_width = map(int, sizes)
    area = tile_height * tile_width
    most = area if not limit > 0 else int(min(max(limit * area, 1), area))
    if image.dtype.kind == "f" and not (image.min() >= -1 and image.max() <= 1):
        raise FallBack("not from -1 to 1")
    dtype = skimage_float(image.dtype)
    rescale = import_module("skimage.exposure").rescale_intensity
    wide = import_module("skimage.util").img_as_uint
    pixels = image if image.dtype == np.uint8 else wide(image)
    low, high = int(pixels.min()), int(pixels.max())
    levels = np.round(rescale(wide(np.arange(low, high + 1, dtype=pixels.dtype)),
                              out_range=(0, LEVELS - 1)))  # fmt: skip
    table = levels.astype(np.intp) // (1 + LEVELS // bins)
    found = looked_up(pixels, table.astype(np.uint8 if bins <= 256 else np.uint16), low)
    mapped = adapted(found, bins, (tile_height, tile_width), most)
    low, high = int(mapped.min()), int(mapped.max())
    return looked_up(mapped, rescale(np.arange(low, high + 1).astype(dtype)), low)


def looked_up(pixels: Image, table: Image, low: int) -> Image:
    """Return integers looked up in a table that begins with `low`, piece by piece."""
    flat, found = pixels.reshape(-1), np.empty(pixels.size, table.dtype)
    for start in range(0, flat.size, PIECE):
        piece = slice(start, start + PIECE)
        np.take(table, flat[piece].astype(np.intp) - low, out=found[piece], mode="clip")
    return found.reshape(pixels.shape)


__getattr__, __dir__ = other_names(__name__, EXPOSURE, __all__)

"""The face of `skimage.exposure`; names that have no face here are scikit-image's own."""

import numpy as np

from imgconv.core.pixels import limits
from imgconv.face_arguments import Image
from imgconv.fallback import FallBack, other_names
from imgconv.filters.canny import skimage_float
from imgconv.skimage.arguments import real_array, skimage_face
from imgconv.skimage.filters.global_thresholds import histogram_of

__all__ = ["equalize_hist"]

EXPOSURE = "skimage.exposure"
# Pixels that are looked up at once.
PIECE = 1 << 15


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
    flat, found = pixels.reshape(-1), np.empty(pixels.size, dtype)
    for start in range(0, flat.size, PIECE):
        piece = slice(start, start + PIECE)
        np.take(table, flat[piece].astype(np.intp) - low, out=found[piece], mode="clip")
    return found.reshape(pixels.shape)


__getattr__, __dir__ = other_names(__name__, EXPOSURE, __all__)

"""Thresholds from the pixels around, and from the pixels that are connected."""

from math import isnan
from typing import Any

import numpy as np

from imgconv import ndimage
from imgconv.face_arguments import Image, Ints, check_size, each, integer, real_image
from imgconv.fallback import FallBack
from imgconv.filters.canny import hysteresis, skimage_float
from imgconv.filters.thresholds import threshold_image
from imgconv.skimage.arguments import check_finite, number, real_array, skimage_face
from imgconv.skimage.filters.smoothing import gaussian

__all__ = [
    "apply_hysteresis_threshold",
    "threshold_local",
    "threshold_niblack",
    "threshold_sauvola",
]

FILTERS = "skimage.filters"
# In images of fewer pixels SciPy's mean is as fast.
SMALL = 1 << 14


@skimage_face(FILTERS)
def threshold_local(
    image: Image,
    block_size: Ints = 3,
    method: str = "gaussian",
    offset: float = 0,
    mode: str = "reflect",
    param: Any = None,
    cval: float = 0,
) -> Image:
    """Return a threshold for each pixel: a mean or the median of the window around it."""
    image = real_array(image)
    sizes = tuple(
        integer(size, "block_size") for size in each(block_size, image.ndim, "block_size")
    )
    if any(size % 2 == 0 for size in sizes):
        raise FallBack("block_size")
    if not isinstance(method, str):
        raise FallBack("method")
    number(offset, "offset")
    floats = image.astype(skimage_float(image.dtype), copy=False)
    common: dict[str, Any] = {"mode": mode, "cval": cval}
    if method == "gaussian":
        sigma = tuple((size - 1) / 6.0 for size in sizes) if param is None else param
        found = gaussian(floats, sigma, **common)
    elif method == "mean":
        check_size(image.size, SMALL)
        found = ndimage.uniform_filter(floats, sizes, **common)
    elif method == "median":
        found = ndimage.median_filter(floats, sizes, **common)
    elif method == "generic":
        found = ndimage.generic_filter(floats, param, sizes, **common)
    else:
        raise FallBack("method")
    return found - offset


@skimage_face(FILTERS)
def threshold_niblack(image: Image, window_size: Ints = 15, k: float = 0.2) -> Image:
    """Return the mean minus k standard deviations of the window around each pixel."""
    return spread_threshold("niblack", image, window_size, k, None)


@skimage_face(FILTERS)
def threshold_sauvola(
    image: Image, window_size: Ints = 15, k: float = 0.2, r: float | None = None
) -> Image:
    """Return Sauvola's threshold from mean and standard deviation of the window."""
    return spread_threshold("sauvola", image, window_size, k, r)


def spread_threshold(method: str, image: object, size: object, k: object, r: object) -> Image:
    """Return a threshold by mean and standard deviation.

    Of float32 images scikit-image computes these less precisely.
    """
    pixels = real_image(image)
    height, width = (integer(n, "window_size") for n in each(size, 2, "window_size"))
    if any(n % 2 == 0 or n < 1 for n in (height, width)):
        raise FallBack("window_size")
    if pixels.dtype.kind == "b" or (pixels.dtype.kind == "f" and pixels.dtype != np.float64):
        raise FallBack(f"dtype {pixels.dtype}")
    found: Image = threshold_image(
        pixels, method, (height, width), k=number(k, "k"), r=None if r is None else number(r, "r"),
        dtype=np.float64,
    )  # fmt: skip
    return check_finite(found)


@skimage_face(FILTERS)
def apply_hysteresis_threshold(image: Image, low: float, high: float) -> Image:
    """Find the pixels above a low threshold that are connected to one above a high threshold."""
    for threshold in (low, high):
        if isnan(number(threshold, "thresholds")):
            raise FallBack("NaN as a threshold")
    found: Image = hysteresis(real_image(image), low, high)
    return found

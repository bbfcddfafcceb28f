"""Thresholds that depend on the pixels around, and on what they are connected to."""

from math import isnan

import numpy as np

from imgconv import ndimage
from imgconv.fallback import HandOver
from imgconv.filters.canny import hysteresis
from imgconv.ndimage.call import each, integer
from imgconv.skimage.convert import as_skimage, float_type, image_of, number
from imgconv.skimage.filters.smoothing import gaussian

__all__ = ["apply_hysteresis_threshold", "threshold_local"]

FILTERS = "skimage.filters"
# A mean of fewer pixels takes SciPy no longer.
SMALL = 1 << 14


@as_skimage(FILTERS)
def threshold_local(
    image, block_size=3, method="gaussian", offset=0, mode="reflect", param=None, cval=0
):
    """Return a threshold for each pixel: a mean or the median of the window around it."""
    if type(image) is not np.ndarray or image.dtype.kind not in "biuf":
        raise HandOver("not a NumPy array")
    sizes = tuple(
        integer(size, "block_size") for size in each(block_size, image.ndim, "block_size")
    )
    if any(size % 2 == 0 for size in sizes):
        raise HandOver("block_size")
    if not isinstance(method, str):
        raise HandOver("method")
    number(offset, "offset")
    floats = image.astype(float_type(image.dtype), copy=False)
    common = {"mode": mode, "cval": cval}
    if method == "gaussian":
        sigma = tuple((size - 1) / 6.0 for size in sizes) if param is None else param
        found = gaussian(floats, sigma, **common)
    elif method == "mean":
        if image.size < SMALL:
            raise HandOver("small")
        found = ndimage.uniform_filter(floats, sizes, **common)
    elif method == "median":
        found = ndimage.median_filter(floats, sizes, **common)
    elif method == "generic":
        found = ndimage.generic_filter(floats, param, sizes, **common)
    else:
        raise HandOver("method")
    return found - offset


@as_skimage(FILTERS)
def apply_hysteresis_threshold(image, low, high):
    """Find the pixels above a low threshold that are connected to one above a high threshold."""
    for threshold in (low, high):
        if isnan(number(threshold, "thresholds that are no numbers")):
            raise HandOver("thresholds that are no numbers")
    return hysteresis(image_of(image), low, high)

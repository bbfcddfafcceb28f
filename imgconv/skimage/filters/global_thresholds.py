"""Thresholds of a whole image: its histogram is counted here, and scikit-image takes it from there.

So results are scikit-image's own, to the bit.
"""

from importlib import import_module
from typing import Any

import numpy as np

from imgconv.face_arguments import Image
from imgconv.fallback import FallBack, mark_refusals
from imgconv.filters import measures
from imgconv.filters.measures import BINS, Histogram
from imgconv.skimage.arguments import real_array, skimage_face

__all__ = [
    "threshold_isodata",
    "threshold_minimum",
    "threshold_multiotsu",
    "threshold_otsu",
    "threshold_yen",
]

FILTERS = "skimage.filters"
ORIGINALS = {name: mark_refusals(getattr(import_module(FILTERS), name)) for name in __all__}


@skimage_face(FILTERS)
def threshold_otsu(image: Any = None, nbins: int = 256, *, hist: Any = None) -> Any:
    """Return Otsu's threshold."""
    return ORIGINALS["threshold_otsu"](hist=histogram_of(image, nbins, hist))


@skimage_face(FILTERS)
def threshold_yen(image: Any = None, nbins: int = 256, *, hist: Any = None) -> Any:
    """Return Yen's threshold."""
    return ORIGINALS["threshold_yen"](hist=histogram_of(image, nbins, hist))


@skimage_face(FILTERS)
def threshold_isodata(
    image: Any = None, nbins: int = 256, return_all: bool = False, *, hist: Any = None
) -> Any:
    """Return the threshold, or all, by the method of Ridler and Calvard."""
    found = histogram_of(image, nbins, hist)
    return ORIGINALS["threshold_isodata"](return_all=return_all, hist=found)


@skimage_face(FILTERS)
def threshold_minimum(
    image: Any = None, nbins: int = 256, max_num_iter: int = 10000, *, hist: Any = None
) -> Any:
    """Return the threshold between two peaks."""
    found = histogram_of(image, nbins, hist)
    return ORIGINALS["threshold_minimum"](max_num_iter=max_num_iter, hist=found)


@skimage_face(FILTERS)
def threshold_multiotsu(
    image: Any = None, classes: int = 3, nbins: int = 256, *, hist: Any = None
) -> Any:
    """Return Otsu's thresholds between several classes."""
    counts, centres = histogram_of(image, nbins, hist)
    shares = counts / np.sum(counts)
    return ORIGINALS["threshold_multiotsu"](classes=classes, hist=(shares, centres))


def histogram_of(image: object, nbins: object, hist: object) -> tuple[Image, Image]:
    """Return the histogram of an image of more than one value, as scikit-image counts it."""
    if hist is not None:
        raise FallBack("hist")
    pixels = real_array(image)
    kind, size = pixels.dtype.kind, pixels.dtype.itemsize
    if not (kind in "iu" and size <= 2) and not (kind == "f" and size >= 4):
        raise FallBack(f"dtype {pixels.dtype}")
    if kind == "f" and (type(nbins) is not int or nbins != BINS):
        raise FallBack("nbins")
    if pixels.size == 0 or (pixels.ndim > 2 and pixels.shape[-1] in (3, 4)):
        raise FallBack("shape")
    if kind == "f" and not np.isfinite(pixels.sum()):
        raise FallBack("NaN or infinity")
    found = measures.measure(measures.for_histogram(pixels.dtype), [pixels])
    counts, centres = Histogram.of(found, pixels.dtype)
    if len(counts) < 2:
        raise FallBack("one value")
    if not (np.diff(centres) > 0).all():
        raise FallBack("bins without a width")
    return counts.astype(np.int64), centres

"""Thresholds of a whole image: its histogram is counted here, and scikit-image takes it from there.

So results are scikit-image's own, to the bit. Where scikit-image takes no histogram, ours go on.
"""

from importlib import import_module
from typing import Any

import numpy as np

from imgconv.face_arguments import Image
from imgconv.fallback import FallBack, face, mark_refusals
from imgconv.filters import measures
from imgconv.filters.global_thresholds import RULES, threshold_of_image
from imgconv.filters.measures import BINS, Histogram
from imgconv.skimage.arguments import real_array, skimage_face

__all__ = [
    "threshold_isodata",
    "threshold_li",
    "threshold_mean",
    "threshold_minimum",
    "threshold_multiotsu",
    "threshold_otsu",
    "threshold_triangle",
    "threshold_yen",
]

FILTERS = "skimage.filters"
ORIGINALS = {name: mark_refusals(getattr(import_module(FILTERS), name)) for name in __all__}


@mark_refusals
def several_classes(
    image: Any = None, classes: Any = 3, nbins: int = 256, *, hist: Any = None
) -> Any:
    """Return scikit-image's thresholds between classes; one class would damage memory."""
    number = isinstance(classes, (int, np.generic, np.ndarray)) and np.size(classes) == 1
    if number and classes == 1:
        raise ValueError(f"classes must be at least 2, got {classes}")
    return ORIGINALS["threshold_multiotsu"](image, classes, nbins, hist=hist)


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


@face(FILTERS, import_module(FILTERS).threshold_multiotsu, memory_safe=several_classes)
def threshold_multiotsu(
    image: Any = None, classes: int = 3, nbins: int = 256, *, hist: Any = None
) -> Any:
    """Return Otsu's thresholds between several classes.

    As `skimage.filters.threshold_multiotsu`, which see; one class is an error.
    """
    counts, centres = histogram_of(image, nbins, hist)
    shares = counts / np.sum(counts)
    return several_classes(classes=classes, hist=(shares, centres))


@skimage_face(FILTERS)
def threshold_triangle(image: Any, nbins: int = 256) -> Any:
    """Return the threshold by the triangle method."""
    counts, centres = histogram_of(image, nbins, None)
    limit = threshold_of_histogram(counts, centres, "triangle")
    return centres[np.flatnonzero(centres == limit)[0]]


@skimage_face(FILTERS)
def threshold_li(
    image: Any, *, tolerance: Any = None, initial_guess: Any = None, iter_callback: Any = None
) -> Any:
    """Return Li's threshold.

    Of integers scikit-image computes it in float32, and here it is in float64.
    """
    if tolerance is not None or initial_guess is not None or iter_callback is not None:
        raise FallBack("tolerance, initial_guess or iter_callback")
    pixels = real_array(image)
    if pixels.dtype.kind in "iu":
        return np.float64(threshold_of_histogram(*histogram_of(pixels, BINS, None), "li"))
    if pixels.dtype not in (np.float32, np.float64) or pixels.size == 0:
        raise FallBack(f"dtype {pixels.dtype}")
    if not np.isfinite(pixels.sum()) or pixels.min() == pixels.max():
        raise FallBack("NaN or infinity, or one value")
    return pixels.dtype.newbyteorder("=").type(threshold_of_image(pixels, "li"))


@skimage_face(FILTERS)
def threshold_mean(image: Any) -> Any:
    """Return the mean, which is exact for integers of 8 and 16 bits."""
    pixels = real_array(image)
    if pixels.dtype.kind not in "iu" or pixels.dtype.itemsize > 2 or pixels.size == 0:
        raise FallBack(f"dtype {pixels.dtype}")
    return np.float64(threshold_of_image(pixels, "mean"))


def threshold_of_histogram(counts: Image, centres: Image, method: str) -> float:
    """Return a threshold by one of the rules of imgconv."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(RULES[method](counts.astype(np.float64), centres))


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

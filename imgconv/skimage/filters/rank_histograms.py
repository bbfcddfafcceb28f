"""Rank filters that ask for more than an order or a mean: one loop keeps a histogram of the window.

Pixels that a mask leaves out are marked by a bit above those of their value, which the formulas of
some filters need all the same.
"""

import inspect
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np

from imgconv.core.run import Call
from imgconv.face_arguments import Image
from imgconv.fallback import FallBack
from imgconv.filters.order import window_of
from imgconv.operations.local_histogram import OUTSIDE, LocalHistogram
from imgconv.skimage.arguments import number, skimage_face
from imgconv.skimage.filters.rank_arguments import (
    RANK,
    RankArguments,
    around,
    checked,
    holds_pixel,
    levels,
)

__all__ = [
    "autolevel_percentile",
    "enhance_contrast_percentile",
    "entropy",
    "equalize",
    "geometric_mean",
    "gradient_percentile",
    "majority",
    "mean_bilateral",
    "mean_percentile",
    "modal",
    "noise_filter",
    "otsu",
    "percentile_of",
    "pop_bilateral",
    "pop_percentile",
    "subtract_mean_percentile",
    "sum_bilateral",
    "sum_percentile",
    "threshold_percentile",
    "windowed_histogram",
]

# The largest histograms that are results: the loop writes a row of each of their values.
MOST_BINS = 256
# The arguments that all filters have.
COMMON = ("image", "footprint", "out", "mask", "shift_x", "shift_y")


def histogram_face(name: str, text: str, kind: str = "") -> Callable[..., Image]:
    """Return the face of a filter with scikit-image's signature; `kind` is one of KINDS."""
    signature = inspect.signature(getattr(import_module(RANK), name))

    def function(*args: Any, **options: Any) -> Image:
        given = signature.bind(*args, **options)
        given.apply_defaults()
        arguments = checked(*(given.arguments[each] for each in COMMON))
        numbers = [numbers_of(given.arguments, *pair) for pair in (("p0", "p1"), ("s0", "s1"))]
        return told(kind or name, arguments, next(filter(None, numbers), (0.0, 0.0)))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = text
    function.__signature__ = signature  # type: ignore[attr-defined]  # for `inspect.signature`
    return skimage_face(RANK)(function)


def numbers_of(given: dict[str, Any], first: str, second: str) -> tuple[float, float] | None:
    """Return two numbers of a filter, if it has the first; scikit-image takes integers for s."""
    if first not in given:
        return None
    values = [given[name] for name in (first, second) if name in given]
    if first == "s0" and any(type(each) is not int for each in values):
        raise FallBack("s0, s1")
    numbers = [number(each, first) for each in values]
    return numbers[0], numbers[-1]


autolevel_percentile = histogram_face(
    "autolevel_percentile", "Stretch an inner range of the window around each pixel to all values."
)
enhance_contrast_percentile = histogram_face(
    "enhance_contrast_percentile",
    "Replace each pixel by the lower or the upper end of an inner range, whichever is nearer.",
)
equalize = histogram_face(
    "equalize", "Replace each pixel by the share of its window that is not brighter, of all values."
)
geometric_mean = histogram_face(
    "geometric_mean", "Replace each pixel by the geometric mean of the window around it."
)
gradient_percentile = histogram_face(
    "gradient_percentile", "Return the width of an inner range of the window around each pixel."
)
majority = histogram_face(
    "majority", "Replace each pixel by the most frequent value of the window around it.", "modal"
)
mean_bilateral = histogram_face(
    "mean_bilateral", "Replace each pixel by the mean of those in its window that are like it."
)
mean_percentile = histogram_face(
    "mean_percentile", "Replace each pixel by the mean of an inner range of its window."
)
modal = histogram_face(
    "modal", "Replace each pixel by the most frequent value of the window around it."
)
otsu = histogram_face("otsu", "Return Otsu's threshold of the window around each pixel.")
pop_bilateral = histogram_face(
    "pop_bilateral", "Return how many pixels of the window are like the one in its middle."
)
pop_percentile = histogram_face(
    "pop_percentile", "Return how many pixels of the window are in an inner range."
)
subtract_mean_percentile = histogram_face(
    "subtract_mean_percentile",
    "Return half the difference to the mean of an inner range, from the middle value on.",
)
sum_bilateral = histogram_face(
    "sum_bilateral", "Return the sum of the pixels in the window that are like its middle."
)
sum_percentile = histogram_face(
    "sum_percentile", "Return the sum of an inner range of the window around each pixel."
)
threshold_percentile = histogram_face(
    "threshold_percentile", "Mark the pixels that are not below a percentile of their window."
)


@skimage_face(RANK)
def noise_filter(
    image: Image,
    footprint: Image,
    out: Image | None = None,
    mask: Image | None = None,
    shift_x: int = 0,
    shift_y: int = 0,
    shift_z: int = 0,
) -> Image:
    """Return how far each pixel is from the nearest value in the window around it."""
    around(footprint, shift_x, shift_y)
    others = footprint.copy()
    others[footprint.shape[0] // 2 + shift_y, footprint.shape[1] // 2 + shift_x] = 0
    return told("noise_filter", checked(image, others, out, mask, shift_x, shift_y))


@skimage_face(RANK)
def entropy(
    image: Image,
    footprint: Image,
    out: Image | None = None,
    mask: Image | None = None,
    shift_x: int = 0,
    shift_y: int = 0,
    shift_z: int = 0,
) -> Image:
    """Return the entropy of the window around each pixel, in bits."""
    if out is not None:
        raise FallBack("out")
    arguments = checked(image, footprint, None, mask, shift_x, shift_y)
    found = told("entropy", arguments._replace(result=np.empty(arguments.pixels.shape)))
    whole = arguments.mask is None and holds_pixel(arguments.window)
    return found if whole else np.nan_to_num(found, copy=False)


@skimage_face(RANK)
def windowed_histogram(
    image: Image,
    footprint: Image,
    out: Image | None = None,
    mask: Image | None = None,
    shift_x: int = 0,
    shift_y: int = 0,
    n_bins: int | None = None,
) -> Image:
    """Return the share of each value in the window around each pixel."""
    if out is not None:
        raise FallBack("out")
    arguments = checked(image, footprint, None, mask, shift_x, shift_y)
    bins = int(arguments.pixels.max()) + 1 if n_bins is None else n_bins
    if type(bins) is not int or not 1 <= bins <= min(levels(arguments.pixels), MOST_BINS):
        raise FallBack("n_bins")
    result = np.empty((*arguments.pixels.shape, bins))
    told("counts", arguments._replace(result=np.moveaxis(result, -1, 0)))
    return result


# ---- what they are made of -----------------------------------------------------------------------


def told(kind: str, arguments: RankArguments, numbers: tuple[float, float] = (0.0, 0.0)) -> Image:
    """Return what windows tell, which end where the image ends."""
    pixels, window, mask, result = arguments
    stacked = result.shape[0] if kind == "counts" else 0
    operation = local_histogram(
        window.tobytes(), window.shape, kind, levels(pixels), pixels.dtype, numbers, stacked
    )
    if mask is not None:
        pixels = np.where(mask > 0, pixels, pixels.astype(np.int32) + OUTSIDE)
    return Call[Image](operation, pixels, "constant", OUTSIDE, dtype=result.dtype, out=result).run()


@lru_cache(maxsize=64)
def local_histogram(
    footprint: bytes,
    shape: tuple[int, int],
    kind: str,
    bins: int,
    dtype: np.dtype[Any],
    numbers: tuple[float, float],
    stacked: int,
) -> LocalHistogram:
    """Return an operation, always the same object for the same arguments."""
    window = window_of(None, np.frombuffer(footprint, bool).reshape(shape))
    return LocalHistogram(window, kind, bins, int(np.iinfo(dtype).max), numbers, stacked)


def percentile_of(arguments: RankArguments, share: float) -> Image:
    """Return a percentile with scikit-image's rounding of its place."""
    return told("percentile", arguments, (share, share))

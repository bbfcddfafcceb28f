"""Rows of `canny` and `hysteresis`."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage import feature, filters

import imgconv
from cases.base import Other, row_id


def canny_reference(image: NDArray[Any], **arguments: Any) -> NDArray[np.bool_]:
    """Return scikit-image's edges; it refuses 64-bit integers, which are scaled for it."""
    if image.dtype.kind in "iu" and image.dtype.itemsize == 8:
        image = np.maximum(np.multiply(image, 1.0 / np.iinfo(image.dtype).max), -1.0)
    # It warns where the Gaussian of few pixels overflows or divides 0 by 0.
    with np.errstate(all="ignore"):
        return feature.canny(image.astype(image.dtype.newbyteorder("=")), **arguments)


def canny_cases() -> Iterator[Other]:
    """Yield each border, several scales and quantiles."""
    for options in [
        {},
        {"sigma": 1.5},
        {"sigma": 0},
        {"sigma": (0.6, 2.5)},
        {"sigma": 4},
        {"mode": "reflect"},
        {"mode": "mirror", "sigma": 2},
        {"mode": "nearest"},
        {"mode": "wrap", "sigma": 0.7},
        {"sigma": 2, "cval": 0.5},
        {"use_quantiles": True, "low_threshold": 0.4, "high_threshold": 0.8},
    ]:
        yield Other(
            id=row_id("canny", **options),
            function=imgconv.canny,
            arguments=options,
            expected=partial(canny_reference, **options),
        )


def hysteresis_cases() -> Iterator[Other]:
    """Yield thresholds in and out of order."""
    for low, high in [(20.5, 110.5), (10, 120), (100.0, 30.0), (-1e30, 0.1), (0.1, np.inf)]:
        yield Other(
            id=row_id("hysteresis", low, high),
            function=imgconv.hysteresis,
            arguments={"low": low, "high": high},
            expected=partial(filters.apply_hysteresis_threshold, low=low, high=high),
        )


OTHERS = [*canny_cases(), *hysteresis_cases()]

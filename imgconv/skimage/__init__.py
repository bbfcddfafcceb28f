"""The face of scikit-image: its filters under their own module names, run by imgconv's engine.

Write `from imgconv.skimage.filters import sobel` instead of `from skimage.filters import sobel`:
only the time changes; signatures, dtypes and values are scikit-image's. The engine runs images of
two axes of real numbers, and channels where the original takes them. For all else the faces fall
back to scikit-image. Names that have no face here are scikit-image's own.

======================= ==================================================================
`filters`               gaussian, edges, ridges, median, sharpening, Gabor, thresholds, ...
`filters.rank`          all of them, with masks and shifts
`exposure`              equalize_hist, equalize_adapthist
`restoration`           denoise_bilateral, rolling_ball
`feature`               canny, tensors, corners, peaks, blobs, match_template
`measure`               block_reduce
======================= ==================================================================
"""

from importlib import import_module
from typing import Any

from imgconv.fallback import other_names

__all__ = ["exposure", "feature", "filters", "measure", "restoration"]

MODULES = tuple(__all__)
others, __dir__ = other_names(__name__, "skimage", __all__)


def __getattr__(name: str) -> Any:
    """Return a module of faces, or what scikit-image has under this name."""
    return import_module(f"{__name__}.{name}") if name in MODULES else others(name)

"""The face of scikit-image: its filters under their own module names, run by the engine.

Write `from imgconv.skimage.filters import sobel` in place of `from skimage.filters import sobel`,
and nothing but the time changes: signatures, dtypes and values are scikit-image's. Two axes of
real numbers, and channels where the original takes them, are run by the engine; all else is handed
on as it came. Names that have no face here are scikit-image's own.

======================= ==================================================================
`filters`               gaussian, edges, median, sharpening, Gabor filters, thresholds, ...
`filters.rank`          median, mean, minimum, maximum, gradient
`restoration`           denoise_bilateral
`feature`               canny
`measure`               block_reduce
======================= ==================================================================
"""

from importlib import import_module
from typing import Any

from imgconv.fallback import other_names

__all__ = ["feature", "filters", "measure", "restoration"]

MODULES = tuple(__all__)
others, __dir__ = other_names(__name__, "skimage", __all__)


def __getattr__(name: str) -> Any:
    """Return a module of faces, or what scikit-image has under this name."""
    return import_module(f"{__name__}.{name}") if name in MODULES else others(name)

"""2-D image filters for NumPy arrays, image in and image out.

>>> import numpy as np
>>> import imgconv
>>> photo = np.zeros((480, 640, 3), np.uint8)
>>> smooth = imgconv.gaussian(photo, sigma=1.5, channel_axis=-1)
>>> smooth.shape, smooth.dtype
((480, 640, 3), dtype('uint8'))

Common keywords
---------------
Every filter takes these, by name:

mode : str or (str, str)
    What lies outside the image, along y and x: "reflect" (d c b a | a b c d | d c b a), "mirror"
    (d c b | a b c d | c b a), "nearest" (a a a | a b c d | d d d), "wrap" (b c d | a b c d | a b c)
    or "constant". SciPy's names and meanings, its synonyms "grid-mirror", "grid-wrap" and
    "grid-constant" too.
cval : float
    The value outside the image for mode="constant".
axes : (int, int), optional
    The axes y and x of a stack of images; all other axes are filtered one image after the other.
channel_axis : int, optional
    The axis of colours or other channels, each of which is filtered by itself (by `bilateral` all
    together).
dtype : dtype, optional
    Of the result, to nearest and saturated. Filters that choose a pixel give the image's own dtype,
    and so do those that smooth (bool gives float32), others the dtype they are computed in: float32
    for bool, 8- and 16-bit integers, float16 and float32, float64 for the rest.
out : ndarray, optional
    The array to fill, of any real dtype and strides; it may be the image itself.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from imgconv import geometry, kernels
from imgconv.core.call import explain
from imgconv.core.config import show_config
from imgconv.core.memory import reuse_memory
from imgconv.core.threads import get_num_threads, set_num_threads, threads
from imgconv.filters.canny import canny, hysteresis
from imgconv.filters.denoise import bilateral, guided, joint_bilateral
from imgconv.filters.gradients import (
    derivative,
    farid,
    gaussian_gradient_magnitude,
    gaussian_laplace,
    gradient,
    laplace,
    prewitt,
    roberts,
    scharr,
    sobel,
)
from imgconv.filters.linear import (
    box,
    convolve,
    correlate,
    difference_of_gaussians,
    gabor,
    gaussian,
    separable,
    unsharp_mask,
)
from imgconv.filters.morphology import (
    black_tophat,
    closing,
    dilate,
    erode,
    morphological_gradient,
    opening,
    white_tophat,
)
from imgconv.filters.order import maximum, median, minimum, percentile, rank
from imgconv.filters.pooling import pool

if TYPE_CHECKING:
    from imgconv import ndimage, nn, pipeline, signal, skimage
    from imgconv.patching import patch, patched, patched_functions, unpatch
    from imgconv.pipeline import Pipeline

__version__ = "0.1.0"

__all__ = [
    "Pipeline",
    "__version__",
    "bilateral",
    "black_tophat",
    "box",
    "canny",
    "closing",
    "convolve",
    "correlate",
    "derivative",
    "difference_of_gaussians",
    "dilate",
    "erode",
    "explain",
    "farid",
    "gabor",
    "gaussian",
    "gaussian_gradient_magnitude",
    "gaussian_laplace",
    "geometry",
    "get_num_threads",
    "gradient",
    "guided",
    "hysteresis",
    "joint_bilateral",
    "kernels",
    "laplace",
    "maximum",
    "median",
    "minimum",
    "morphological_gradient",
    "ndimage",
    "nn",
    "opening",
    "patch",
    "patched",
    "patched_functions",
    "percentile",
    "pipeline",
    "pool",
    "prewitt",
    "rank",
    "reuse_memory",
    "roberts",
    "scharr",
    "separable",
    "set_num_threads",
    "show_config",
    "signal",
    "skimage",
    "sobel",
    "threads",
    "unpatch",
    "unsharp_mask",
    "white_tophat",
]

# Loaded when first touched: chains, layers, and modules that speak as other libraries do.
MODULES = ("ndimage", "nn", "pipeline", "signal", "skimage")
NAMES = {
    "Pipeline": "pipeline",
    "patch": "patching",
    "patched": "patching",
    "patched_functions": "patching",
    "unpatch": "patching",
}


def __getattr__(name: str) -> Any:
    if name in MODULES:
        return import_module(f"imgconv.{name}")
    if name in NAMES:
        return getattr(import_module(f"imgconv.{NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

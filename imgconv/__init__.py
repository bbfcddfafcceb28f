"""2-D image filters for NumPy arrays, image in and image out.

>>> import numpy as np
>>> import imgconv
>>> photo = np.zeros((480, 640, 3), np.uint8)
>>> smooth = imgconv.gaussian(photo, sigma=1.5, channel_axis=-1)
>>> smooth.shape, smooth.dtype
((480, 640, 3), dtype('uint8'))

This page states what all filters share; the docstring of a filter adds only what is its own.

Images
------
An image is a 2-D array (H, W), or an array of more axes together with `channel_axis` or `axes`. Its
dtype is bool, an integer or a float of at most 64 bits; it may have any strides and byte order.
y counts the rows, downwards, and x the columns. Where a parameter takes a pair, the pair is (y, x);
a single value is used for both.

Common keywords
---------------
Filters take these by keyword only. `pool` and `hysteresis` never use pixels outside the image, so
they have no `mode` and no `cval`.

mode : str or (str, str), default "reflect" (`canny`: "constant")
    How the image continues beyond its border, along both axes or along y and along x. The names are
    SciPy's; its "grid-mirror" is "reflect", "grid-wrap" is "wrap" and "grid-constant" is
    "constant". This is a row of 1 2 3 4, extended by three pixels on both sides:

    >>> for mode in ("reflect", "mirror", "nearest", "wrap", "constant"):
    ...     row = imgconv.correlate([[1, 2, 3, 4]], np.eye(1, 7, 3), shape="full", mode=mode)
    ...     print(f"{mode:8}", *row[0].astype(int))
    reflect  3 2 1 1 2 3 4 4 3 2
    mirror   4 3 2 1 2 3 4 3 2 1
    nearest  1 1 1 1 2 3 4 4 4 4
    wrap     2 3 4 1 2 3 4 1 2 3
    constant 0 0 0 1 2 3 4 0 0 0

    Averages, orders and local statistics also take "ignore": nothing outside the image counts, so
    that windows shrink at the border. A filter extends the image once, however many passes it
    takes; only `canny` extends what it has smoothed again, as scikit-image does.
cval : float, default 0
    The value outside the image, in the image's units, for mode="constant". Rank filters and
    morphology round and saturate it to the dtype of an image of integers; other filters use it as
    it is.
nan : {"spread", "omit"}
    What a pixel that is NaN does, in averages, orders and local statistics: it spoils the results
    whose window holds it, or does not count.
weights : array_like, (H, W) or of the shape of the image, optional
    How much each pixel counts, in averages, orders and local statistics: finite numbers, not
    negative; a bool array is a mask of the pixels that count. `bilateral` and `joint_bilateral`
    have one weight for all channels of a pixel.
axes : (int, int), optional
    The axes y and x of a stack of images. Each image along the other axes is filtered by itself.
channel_axis : int, optional
    The axis of colours or other channels. Each channel is filtered by itself, except by
    `bilateral` and `joint_bilateral`.
dtype : dtype, optional
    The dtype of the result, instead of the one that a filter's docstring states. Values are rounded
    to the nearest integer where needed, and saturated.
out : ndarray, optional
    The array to fill, of the result's shape and any real dtype, strides and byte order; it may be
    the image itself or overlap it. Its dtype replaces `dtype`. The filter returns it.

Dtypes of results
-----------------
The *computing dtype* of an image is float32 for bool, integers of 8 and 16 bits, float16 and
float32, and float64 for all others. Correlations, derivatives and what is computed from them have
the computing dtype. Filters that smooth or choose pixels give *the image's dtype*, in native byte
order; integers are rounded to nearest and saturated, never wrapped around. docs/numerics.md has the
details.

NaN
---
A NaN spoils the results whose window holds it, and no others, unless a docstring says otherwise.

Missing pixels
--------------
`weights`, ``nan="omit"`` and ``mode="ignore"`` say which pixels count. An average (`gaussian`,
`box`, `correlate`, `convolve` and `separable` with ``normalize=True``, `pool`, `bilateral`,
`joint_bilateral`, `guided`) is then sum(k w x) / sum(k w) for kernel k, weights w and pixels x (H.
Knutsson and C.-F. Westin, "Normalized and differential convolution", 1993); a correlation that is
not normalized, and a sum by `pool`, are sum(k w x). `variance`, `std` and the thresholds of
`threshold_image` and `binarize` are those of what counts.
An order (`median`, `percentile`, `rank`, `minimum`, `maximum`, morphology, `pool`) and `entropy`
choose and count the pixels of the window whose weight is above 0. A pixel of weight 0 may hold
anything, NaN too. Outside the image weights are extended as pixels are; with mode="constant",
`cval` has the weight 1. Where nothing counts, the result is NaN, and 0 in integers.

>>> imgconv.box(np.array([[1, np.nan, 5]]), (1, 3), nan="omit", mode="ignore")
array([[1., 3., 5.]])

Common errors
-------------
TypeError
    If an image, a kernel or another array is not of real numbers, an argument that counts or
    measures pixels is not an integer or a number, or `out` is not an ndarray.
ValueError
    If an image is not 2-D and neither `channel_axis` nor `axes` is given; if a size, stride or
    dilation is not positive, a sigma negative or another number out of its range; if a string is
    not one of those listed; if `out` has another shape than the result or another dtype than
    `dtype`.

Cost and threads
----------------
Docstrings state the cost in multiply-adds or comparisons for each pixel. Large images are cut into
bands of rows, which run on `get_num_threads()` threads; the bits of a result do not depend on their
number. `explain` shows what a call runs, and why.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from imgconv import geometry, kernels
from imgconv.core.call import explain
from imgconv.core.config import show_config, version_of
from imgconv.core.memory import reuse_memory
from imgconv.core.threads import get_num_threads, set_num_threads, threads
from imgconv.filters.canny import canny, hysteresis
from imgconv.filters.contrast import clahe, equalize, rolling_ball
from imgconv.filters.corners import blobs, corners, peaks
from imgconv.filters.denoise import bilateral, guided, joint_bilateral
from imgconv.filters.derivatives import (
    derivative,
    gaussian_gradient_magnitude,
    gaussian_laplace,
    laplace,
)
from imgconv.filters.edge_points import edge_points, nonmaximum_suppression, zero_crossings
from imgconv.filters.gradients import farid, gradient, prewitt, roberts, scharr, sobel
from imgconv.filters.linear import convolve, correlate, gabor, separable
from imgconv.filters.local import entropy, std, variance
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
from imgconv.filters.ridges import ridges
from imgconv.filters.smoothing import box, difference_of_gaussians, gaussian, unsharp_mask
from imgconv.filters.templates import match
from imgconv.filters.tensors import (
    coherence,
    eigenvalues,
    hessian,
    orientation,
    structure_tensor,
)
from imgconv.filters.thresholds import binarize, multi_otsu, threshold_image, threshold_value

if TYPE_CHECKING:
    from imgconv import ndimage, nn, pipeline, signal, skimage
    from imgconv.patching import patch, patched, patched_functions, unpatch
    from imgconv.pipeline import Pipeline

# Found on first use: to look up a package takes a third as long as importing imgconv.
__version__: str

__all__ = [
    "Pipeline",
    "__version__",
    "bilateral",
    "binarize",
    "black_tophat",
    "blobs",
    "box",
    "canny",
    "clahe",
    "closing",
    "coherence",
    "convolve",
    "corners",
    "correlate",
    "derivative",
    "difference_of_gaussians",
    "dilate",
    "edge_points",
    "eigenvalues",
    "entropy",
    "equalize",
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
    "hessian",
    "hysteresis",
    "joint_bilateral",
    "kernels",
    "laplace",
    "match",
    "maximum",
    "median",
    "minimum",
    "morphological_gradient",
    "multi_otsu",
    "ndimage",
    "nn",
    "nonmaximum_suppression",
    "opening",
    "orientation",
    "patch",
    "patched",
    "patched_functions",
    "peaks",
    "percentile",
    "pipeline",
    "pool",
    "prewitt",
    "rank",
    "reuse_memory",
    "ridges",
    "roberts",
    "rolling_ball",
    "scharr",
    "separable",
    "set_num_threads",
    "show_config",
    "signal",
    "skimage",
    "sobel",
    "std",
    "structure_tensor",
    "threads",
    "threshold_image",
    "threshold_value",
    "unpatch",
    "unsharp_mask",
    "variance",
    "white_tophat",
    "zero_crossings",
]

# Imported on first use, to keep `import imgconv` fast: these modules, and names by their module.
LAZY_MODULES = ("ndimage", "nn", "pipeline", "signal", "skimage")
LAZY_NAMES = {
    "Pipeline": "pipeline",
    "patch": "patching",
    "patched": "patching",
    "patched_functions": "patching",
    "unpatch": "patching",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version_of("imgconv")
    if name in LAZY_MODULES:
        return import_module(f"imgconv.{name}")
    if name in LAZY_NAMES:
        return getattr(import_module(f"imgconv.{LAZY_NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

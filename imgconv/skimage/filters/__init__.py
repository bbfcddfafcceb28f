"""The face of `skimage.filters`; names that have no face here are scikit-image's own."""

from imgconv.fallback import other_names
from imgconv.skimage.filters import rank
from imgconv.skimage.filters.edges import (
    farid,
    farid_h,
    farid_v,
    laplace,
    prewitt,
    prewitt_h,
    prewitt_v,
    roberts,
    roberts_neg_diag,
    roberts_pos_diag,
    scharr,
    scharr_h,
    scharr_v,
    sobel,
    sobel_h,
    sobel_v,
)
from imgconv.skimage.filters.global_thresholds import (
    threshold_isodata,
    threshold_li,
    threshold_mean,
    threshold_minimum,
    threshold_multiotsu,
    threshold_otsu,
    threshold_triangle,
    threshold_yen,
)
from imgconv.skimage.filters.ridges import frangi, meijering, sato
from imgconv.skimage.filters.smoothing import (
    correlate_sparse,
    difference_of_gaussians,
    gabor,
    gabor_kernel,
    gaussian,
    median,
    unsharp_mask,
)
from imgconv.skimage.filters.thresholding import (
    apply_hysteresis_threshold,
    threshold_local,
    threshold_niblack,
    threshold_sauvola,
)

__all__ = [
    "apply_hysteresis_threshold",
    "correlate_sparse",
    "difference_of_gaussians",
    "farid",
    "farid_h",
    "farid_v",
    "frangi",
    "gabor",
    "gabor_kernel",
    "gaussian",
    "laplace",
    "median",
    "meijering",
    "prewitt",
    "prewitt_h",
    "prewitt_v",
    "rank",
    "roberts",
    "roberts_neg_diag",
    "roberts_pos_diag",
    "sato",
    "scharr",
    "scharr_h",
    "scharr_v",
    "sobel",
    "sobel_h",
    "sobel_v",
    "threshold_isodata",
    "threshold_li",
    "threshold_local",
    "threshold_mean",
    "threshold_minimum",
    "threshold_multiotsu",
    "threshold_niblack",
    "threshold_otsu",
    "threshold_sauvola",
    "threshold_triangle",
    "threshold_yen",
    "unsharp_mask",
]


__getattr__, __dir__ = other_names(__name__, "skimage.filters", __all__)

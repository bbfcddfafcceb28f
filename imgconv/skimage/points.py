"""Peaks, blobs and templates of `skimage.feature`."""

import math
from typing import Any

import numpy as np

from imgconv.face_arguments import Image, integer, real_image
from imgconv.fallback import FallBack
from imgconv.filters import corners, templates
from imgconv.filters.canny import skimage_float
from imgconv.operations.blobs import BoxDeterminants, window_of
from imgconv.skimage.arguments import boolean, number, pair_yx, skimage_face
from imgconv.skimage.tensors import FEATURE, differences, float_image

__all__ = [
    "blob_dog",
    "blob_doh",
    "blob_log",
    "hessian_matrix_det",
    "match_template",
    "peak_local_max",
]

# Each scale is an image; a window is as large as its scale.
MOST_SCALES = 10_000
LARGEST_SCALE = 1e6


@skimage_face(FEATURE)
def peak_local_max(
    image: Image,
    min_distance: int = 1,
    threshold_abs: float | None = None,
    threshold_rel: float | None = None,
    exclude_border: Any = True,
    num_peaks: Any = np.inf,
    footprint: Any = None,
    labels: Any = None,
    num_peaks_per_label: Any = np.inf,
    p_norm: float = np.inf,
) -> Image:
    """Return the places of local maxima."""
    array = real_image(image)
    if footprint is not None or labels is not None:
        raise FallBack("footprint or labels")
    if array.dtype.kind == "b" or array.dtype.char == "e":
        raise FallBack(f"dtype {array.dtype}")
    if number(p_norm, "p_norm") != np.inf:
        raise FallBack("p_norm")
    distance = integer(min_distance, "min_distance")
    if distance < 1 or array.size == 0:
        raise FallBack("min_distance or an image without pixels")
    threshold = array.min() if threshold_abs is None else number(threshold_abs, "threshold_abs")
    if threshold_rel is not None:
        threshold = max(threshold, number(threshold_rel, "threshold_rel") * array.max())
    if threshold != threshold or (array.dtype.kind == "u" and threshold < 0):
        raise FallBack("threshold")
    most = number(num_peaks, "num_peaks")
    count = None if most == np.inf else integer(num_peaks, "num_peaks")
    if count is not None and count < 1:
        raise FallBack("num_peaks")
    return corners.peaks(
        array, distance, threshold=threshold, border=rim(exclude_border, distance), count=count
    )


def rim(exclude_border: Any, distance: int) -> int:
    """Return how many pixels at the border have no peaks."""
    if isinstance(exclude_border, bool):
        return distance if exclude_border else 0
    width = integer(exclude_border, "exclude_border")
    if width < 0:
        raise FallBack("exclude_border")
    return width


def prescaled(image: Image, prescale: object) -> Image:
    """Return a plane as the floats in which blobs are looked for."""
    if type(prescale) is not str or prescale not in ("legacy", "none"):
        raise FallBack("prescale")
    plane = float_image(image)
    # Integers are brought between 0 and 1, or keep their numbers.
    return plane if prescale == "legacy" else np.asarray(image).astype(plane.dtype, copy=False)


@skimage_face(FEATURE)
def blob_log(
    image: Image,
    min_sigma: Any = 1,
    max_sigma: Any = 50,
    num_sigma: int = 10,
    threshold: float | None = 0.2,
    overlap: float = 0.5,
    log_scale: bool = False,
    *,
    threshold_rel: float | None = None,
    exclude_border: Any = False,
    prescale: Any = "legacy",
) -> Image:
    """Find blobs by Laplacians of Gaussians."""
    array, steps = prescaled(image, prescale), integer(num_sigma, "num_sigma")
    # Arrays as scikit-image's: NumPy 1 makes float64 of their logarithms, NumPy 2 does not.
    ends = [np.full(1, each, array.dtype) for each in ends_of(min_sigma, max_sigma, steps)]
    if boolean(log_scale, "log_scale"):
        sigmas = np.logspace(np.log10(ends[0]), np.log10(ends[1]), steps)
    else:
        sigmas = np.linspace(ends[0], ends[1], steps)
    space = corners.laplacians(array, sigmas[:, 0].tolist())
    found = found_blobs(array, space, threshold, threshold_rel, overlap, exclude_border)
    return found.astype(np.promote_types(array.dtype, sigmas.dtype)) if found.size else found


def ends_of(min_sigma: Any, max_sigma: Any, steps: int) -> tuple[float, float]:
    """Return the smallest and the largest standard deviation."""
    low, high = number(min_sigma, "min_sigma"), number(max_sigma, "max_sigma")
    if not 0 < low <= high <= LARGEST_SCALE or not 1 <= steps <= MOST_SCALES:
        raise FallBack("sigmas")
    return low, high


@skimage_face(FEATURE)
def blob_doh(
    image: Image,
    min_sigma: Any = 1,
    max_sigma: Any = 30,
    num_sigma: int = 10,
    threshold: float | None = 0.01,
    overlap: float = 0.5,
    log_scale: bool = False,
    *,
    threshold_rel: float | None = None,
    prescale: Any = "legacy",
) -> Image:
    """Find blobs by determinants of second derivatives, of sums over boxes."""
    array, steps = prescaled(image, prescale), integer(num_sigma, "num_sigma")
    ends = ends_of(min_sigma, max_sigma, steps)
    if boolean(log_scale, "log_scale"):
        sigmas = np.logspace(math.log(ends[0], 10), math.log(ends[1], 10), steps)
    else:
        sigmas = np.linspace(ends[0], ends[1], steps)
    if window_of(sigmas.min()) < 3:
        raise FallBack("a window without lobes")
    space = corners.determinants(array, sigmas.tolist())
    return found_blobs(array, space, threshold, threshold_rel, overlap, False)


@skimage_face(FEATURE)
def hessian_matrix_det(image: Image, sigma: Any = 1, approximate: bool = True) -> Image:
    """Return the determinants of second derivatives."""
    array = float_image(image)
    if not boolean(approximate, "approximate"):
        common = {"mode": "constant", "cval": 0}
        return differences(array, pair_yx(sigma, "sigma"), common, "determinant")
    scale = number(sigma, "sigma")
    if not 1 <= scale <= LARGEST_SCALE or not array.size:
        raise FallBack("sigma, or an image without pixels")
    return BoxDeterminants(array, scale, np.dtype(np.float64)).whole(scale)


@skimage_face(FEATURE)
def blob_dog(
    image: Image,
    min_sigma: Any = 1,
    max_sigma: Any = 50,
    sigma_ratio: float = 1.6,
    threshold: float | None = 0.5,
    overlap: float = 0.5,
    *,
    threshold_rel: float | None = None,
    exclude_border: Any = False,
    prescale: Any = "legacy",
) -> Image:
    """Find blobs by differences of Gaussians."""
    low, high = number(min_sigma, "min_sigma"), number(max_sigma, "max_sigma")
    ratio = number(sigma_ratio, "sigma_ratio")
    if not (0 < low <= high <= LARGEST_SCALE and 1 < ratio < np.inf):
        raise FallBack("sigmas")
    array = prescaled(image, prescale)
    space = corners.differences(array, low, high, ratio)
    found = found_blobs(array, space, threshold, threshold_rel, overlap, exclude_border)
    return found.astype(array.dtype) if found.size else found


def found_blobs(
    array: Image,
    space: list[corners.Scale],
    threshold: Any,
    threshold_rel: Any,
    overlap: Any,
    exclude_border: Any,
) -> Image:
    """Return the blobs of a scale space."""
    if threshold is None or threshold_rel is not None or exclude_border is not False:
        raise FallBack("threshold or exclude_border")
    if min(array.shape) < 1 or not np.isfinite(array).all():
        raise FallBack("pixels that are not finite")
    return corners.blobs_in(
        array, space, number(threshold, "threshold"), number(overlap, "overlap")
    )


@skimage_face(FEATURE)
def match_template(
    image: Image,
    template: Image,
    pad_input: bool = False,
    mode: Any = "constant",
    constant_values: Any = 0,
) -> Image:
    """Correlate a template with an image, both without their means and divided by their norms."""
    array, small = real_image(image), real_image(template)
    if (
        small.ndim != array.ndim
        or any(k > n for k, n in zip(small.shape, array.shape, strict=True))
        or not small.size
    ):
        raise FallBack("a template that is larger than the image")
    if small.dtype.char == "e":
        raise FallBack("sums in float16")
    dtype = skimage_float(array.dtype)
    array = array.astype(dtype, copy=False)
    if boolean(pad_input, "pad_input"):
        if type(mode) is not str or mode != "constant":
            raise FallBack("mode")
        sides = [(k // 2, (k - 1) // 2) for k in small.shape]
        array = np.pad(array, sides, constant_values=number(constant_values, "constant_values"))
    found: Image = templates.match(array, small)
    return found

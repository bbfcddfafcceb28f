"""Gaussians, what is made of them, medians, Gabor filters and sparse kernels."""

from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from imgconv import kernels, ndimage
from imgconv.core.run import Call, run
from imgconv.face_arguments import Floats, Image, array_of, border, integer, real_image
from imgconv.fallback import FallBack, mark_refusals
from imgconv.filters.canny import skimage_float
from imgconv.filters.gradients import shift_kernel
from imgconv.filters.linear import OPERATIONS, dense_operation, sum_of_products
from imgconv.filters.smoothing import gaussian_term
from imgconv.operations.base import Operation
from imgconv.operations.separable import IDENTITY, Separable, Term
from imgconv.skimage.arguments import (
    InDouble,
    as_float,
    boolean,
    channel_of,
    check_finite,
    is_finite,
    number,
    pair_yx,
    real_array,
    scaled_image,
    skimage_face,
    warn_caller,
)
from imgconv.skimage.filters import rank

__all__ = [
    "correlate_sparse",
    "difference_of_gaussians",
    "gabor",
    "gabor_kernel",
    "gaussian",
    "median",
    "unsharp_mask",
]

FILTERS = "skimage.filters"

gabor_kernel = import_module(FILTERS).gabor_kernel
marked_gabor_kernel = mark_refusals(gabor_kernel)

# A kernel of up to so many weights that are not 0 is applied tap by tap.
MOST_TAPS = 32
# Kernels with more weights, zeros included, fall back.
MOST_WEIGHTS = 4096


@skimage_face(FILTERS)
def gaussian(
    image: Image,
    sigma: Floats = 1.0,
    *,
    mode: str = "nearest",
    cval: float = 0,
    preserve_range: bool = False,
    truncate: float = 4.0,
    channel_axis: int | None = None,
    out: Image | None = None,
) -> Image:
    """Smooth an image by a Gaussian."""
    image = real_array(image)
    if not image.ndim:
        raise FallBack("no axes")
    sigmas = array_of(sigma, "sigma")
    if sigmas.dtype.kind not in "biuf" or not (sigmas >= 0).all():
        raise FallBack("sigma")
    if sigmas.ndim and channel_axis is None and len(sigmas) != image.ndim:
        raise FallBack("sigma")
    if out is not None and (type(out) is not np.ndarray or out.dtype.kind != "f"):
        raise FallBack("out")
    if channel_axis is not None:
        sigma = without_channel(sigma, image.ndim, integer(channel_axis, "channel_axis"))
    array = as_skimage_floats(image, boolean(preserve_range, "preserve_range"))
    return ndimage.gaussian_filter(
        array, sigma, output=out, mode=mode, cval=cval, truncate=truncate
    )


def without_channel(sigma: Any, ndim: int, channel_axis: int) -> Any:
    """Return the standard deviations along all axes, 0 along the axis of channels."""
    each = [sigma] * (ndim - 1) if np.ndim(sigma) == 0 else list(sigma)
    if len(each) == ndim - 1:
        each.insert(channel_axis % ndim, 0)
    return each


def as_skimage_floats(image: Image, preserve_range: bool) -> Image:
    """Return an image of the floats that scikit-image filters."""
    if image.dtype.kind == "f":
        return image.astype(np.float32) if image.dtype.itemsize == 2 else image
    return image.astype(np.float64) if preserve_range else as_float(image)


@skimage_face(FILTERS)
def difference_of_gaussians(
    image: Image,
    low_sigma: Floats,
    high_sigma: Floats | None = None,
    *,
    mode: str = "nearest",
    cval: float = 0,
    channel_axis: int | None = None,
    truncate: float = 4.0,
) -> Image:
    """Subtract a wide Gaussian from a narrow one."""
    axis = channel_of(image, channel_axis)
    low = pair_yx(low_sigma, "low_sigma")
    high = (low[0] * 1.6, low[1] * 1.6)
    if high_sigma is not None:
        high = pair_yx(high_sigma, "high_sigma")
    if not (0 <= low[0] <= high[0] and 0 <= low[1] <= high[1]):
        raise FallBack("sigma")
    array, factor, dtype = scaled_image(image)
    operation = band_pass(low, high, number(truncate, "truncate"), factor)
    outside = number(cval, "cval") / factor
    result: Image = run(Call(operation, array, border(mode), outside, None, axis, dtype))
    return result


@lru_cache(maxsize=64)
def band_pass(
    low: tuple[float, float], high: tuple[float, float], truncate: float, factor: float
) -> InDouble:
    """Return the difference of two Gaussians, multiplied by a factor."""
    narrow, wide = (gaussian_term(sigma, truncate=truncate) for sigma in (low, high))
    return InDouble(((scaled_term(narrow, factor), scaled_term(wide, -factor)),))


def scaled_term(term: Term, factor: float) -> Term:
    """Return a term multiplied by a factor."""
    return term[0], term[1] * factor


@skimage_face(FILTERS)
def unsharp_mask(
    image: Image,
    radius: Floats = 1.0,
    amount: float = 1.0,
    preserve_range: bool = False,
    *,
    channel_axis: int | None = None,
) -> Image:
    """Sharpen an image by adding its difference from a smoothed one."""
    axis = channel_of(image, channel_axis)
    array, factor, dtype = scaled_image(image, boolean(preserve_range, "preserve_range"))
    spread, gain = pair_yx(radius, "radius"), number(amount, "amount")
    if min(spread) < 0 or not np.isfinite(gain):
        raise FallBack("radius or amount")
    operation = sharpening(spread, gain, factor)
    result: Image = run(Call(operation, array, channel_axis=axis, dtype=dtype))
    if preserve_range:
        return result
    signed = array.dtype.kind == "f" and np.fmin.reduce(array, axis=None) < 0
    lowest = -1.0 if signed else 0.0
    return np.clip(result, lowest, 1.0, out=result)


@lru_cache(maxsize=64)
def sharpening(radius: tuple[float, float], gain: float, factor: float) -> InDouble:
    """Return (1 + gain) times the pixel minus gain times the Gaussian, multiplied by a factor."""
    pixel = IDENTITY, IDENTITY * ((1 + gain) * factor)
    return InDouble(((pixel, scaled_term(gaussian_term(radius), -gain * factor)),))


@skimage_face(FILTERS)
def median(
    image: Image,
    footprint: Image | None = None,
    out: Image | None = None,
    mode: str = "nearest",
    cval: float = 0.0,
    behavior: str = "ndimage",
) -> Image:
    """Replace each pixel by the median of the window around it."""
    if not isinstance(image, np.ndarray) or not isinstance(behavior, str):
        raise FallBack("not a NumPy array")
    if behavior == "rank":
        if border(mode) != "nearest" or not np.isclose(number(cval, "cval"), 0.0):
            warn_caller(
                "Change 'behavior' to 'ndimage' if you want to use the parameters 'mode' or "
                "'cval'. They will be discarded otherwise.",
                stacklevel=3,
            )
        return rank.median(image, footprint=footprint, out=out)
    if footprint is None:
        footprint = np.ones((3,) * image.ndim, bool)
    return ndimage.median_filter(image, footprint=footprint, output=out, mode=mode, cval=cval)


@skimage_face(FILTERS)
def gabor(
    image: Image,
    frequency: float,
    theta: float = 0,
    bandwidth: float = 1,
    sigma_x: float | None = None,
    sigma_y: float | None = None,
    n_stds: float = 3,
    offset: float = 0,
    mode: str = "reflect",
    cval: float = 0,
) -> tuple[Image, Image]:
    """Find stripes of one frequency and direction."""
    if not isinstance(image, np.ndarray) or image.ndim != 2:
        raise FallBack("not 2-D")
    parameters = frequency, theta, bandwidth, sigma_x, sigma_y, n_stds, offset
    for each in parameters:
        if each is not None:
            number(each, "parameters of the kernel")
    if type(image) is np.ndarray and image.dtype.kind == "f":
        array, _, dtype = scaled_image(real_image(image))
        operation, outside = gabor_products(parameters), number(cval, "cval")
        found: tuple[Image, Image] = run(Call(operation, array, border(mode), outside, dtype=dtype))
        if all(map(is_finite, found)):
            return found
    return gabor_by_sums(image, parameters, mode, cval)


def gabor_by_sums(
    image: Image, parameters: tuple[Any, ...], mode: str, cval: float
) -> tuple[Image, Image]:
    """Return both parts of a Gabor filter by sums over whole kernels, as scikit-image does.

    Where pixels are not finite, a sum of outer products may be NaN where that sum is not.
    """
    floats = image.dtype.kind == "f"
    if floats:
        image = image.astype(skimage_float(image.dtype), copy=False)
    kernel_type = np.promote_types(image.dtype, np.complex64) if floats else np.complex128
    kernel = marked_gabor_kernel(*parameters, dtype=kernel_type)
    real, imaginary = (
        ndimage.convolve(image, part, mode=mode, cval=cval) for part in (kernel.real, kernel.imag)
    )
    return real, imaginary


@lru_cache(maxsize=64)
def gabor_products(parameters: tuple[Any, ...]) -> InDouble:
    """Return both parts of a Gabor kernel as sums of outer products."""
    kernel = kernels.flip(marked_gabor_kernel(*parameters))
    return InDouble((sum_of_products(kernel.real), sum_of_products(kernel.imag)))


@skimage_face(FILTERS)
def correlate_sparse(image: Image, kernel: ArrayLike, mode: str = "reflect") -> Image:
    """Correlate an image with a kernel that has few weights."""
    array = real_image(image)
    weights = array_of(kernel, "kernel")
    if weights.ndim != 2 or weights.dtype.kind not in "biuf" or weights.size > MOST_WEIGHTS:
        raise FallBack("kernel")
    if not isinstance(mode, str):
        raise FallBack("mode")
    odd = weights.shape[0] % 2 and weights.shape[1] % 2
    larger = weights.shape[0] > array.shape[0] or weights.shape[1] > array.shape[1]
    if larger or not (odd or mode == "valid"):
        raise FallBack("kernel")
    array, _, dtype = scaled_image(array, preserve_range=True)
    border_name = "constant" if mode == "valid" else SPARSE_BORDERS.get(mode)
    if border_name is None:
        raise FallBack("mode")
    operation = sparse_correlation(np.ascontiguousarray(weights.astype(dtype), np.float64))
    shape = "valid" if mode == "valid" else "same"
    if array.dtype.kind != "f":
        array = array.astype(dtype)
    result: Image = run(Call(operation, array, border_name, dtype=dtype, placement=shape))
    return check_finite(result)


# The border modes of `correlate_sparse`: SciPy's names, and two of NumPy's.
SPARSE_BORDERS = {
    "reflect": "reflect",
    "symmetric": "reflect",
    "mirror": "mirror",
    "nearest": "nearest",
    "edge": "nearest",
    "wrap": "wrap",
    "constant": "constant",
}


def sparse_correlation(weights: Image) -> Operation:
    """Return the correlation with a kernel, tap by tap if they are few."""
    height, width = weights.shape
    key = (weights.tobytes(), weights.shape, "sparse")
    operation: Operation | None = OPERATIONS.get(key)
    if operation is None:
        if not 0 < np.count_nonzero(weights) <= MOST_TAPS or weights.size <= 9:
            operation = dense_operation(weights, (height // 2, width // 2))
        else:
            # The corners, even with weight 0, give the operation the kernel's window.
            places = {(0, 0), (height - 1, width - 1), *map(tuple, np.argwhere(weights).tolist())}
            taps = tuple(
                (shift_kernel(i - height // 2), shift_kernel(j - width // 2) * float(weights[i, j]))
                for i, j in sorted(places)
            )
            operation = Separable((taps,))
        OPERATIONS.put(key, operation, 2 * weights.nbytes + 4096)
    return operation

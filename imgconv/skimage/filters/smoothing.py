"""Gaussians, what is made of them, medians, Gabor filters and sparse kernels."""

from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np

from imgconv import kernels, ndimage
from imgconv.core.call import apply
from imgconv.fallback import HandOver, asked
from imgconv.filters.gradients import shift_kernel
from imgconv.filters.linear import OPERATIONS, dense_operation
from imgconv.filters.smoothing import gaussian_term
from imgconv.ndimage.call import array_of, integer
from imgconv.operations.base import Operation
from imgconv.operations.separable import IDENTITY, Kernel1D, Separable, Term
from imgconv.skimage.convert import (
    Image,
    InDouble,
    as_float,
    as_skimage,
    border,
    channel,
    finite,
    flag,
    float_type,
    image_of,
    is_finite,
    number,
    scaled,
    two,
    warn_as_original,
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
SCIKITS_KERNEL = asked(gabor_kernel)

# So many taps of a sparse kernel run one by one, and so many weights of one that is not sparse.
TAPS = 32
WEIGHTS = 4096


@as_skimage(FILTERS)
def gaussian(
    image,
    sigma=1.0,
    *,
    mode="nearest",
    cval=0,
    preserve_range=False,
    truncate=4.0,
    channel_axis=None,
    out=None,
):
    """Smooth an image by a Gaussian."""
    if type(image) is not np.ndarray or image.dtype.kind not in "biuf" or not image.ndim:
        raise HandOver("not a NumPy array")
    sigmas = array_of(sigma, "sigma")
    if sigmas.dtype.kind not in "biuf" or not (sigmas >= 0).all():
        raise HandOver("sigma")
    if sigmas.ndim and channel_axis is None and len(sigmas) != image.ndim:
        raise HandOver("sigma")
    if out is not None and (type(out) is not np.ndarray or out.dtype.kind != "f"):
        raise HandOver("out")
    if channel_axis is not None:
        sigma = without_channel(sigma, image.ndim, integer(channel_axis, "channel_axis"))
    array = floats(image, flag(preserve_range, "preserve_range"))
    return ndimage.gaussian_filter(
        array, sigma, output=out, mode=mode, cval=cval, truncate=truncate
    )


def without_channel(sigma: Any, ndim: int, channel_axis: int) -> Any:
    """Return standard deviations of all axes, 0 along that of the channels."""
    each = [sigma] * (ndim - 1) if np.ndim(sigma) == 0 else list(sigma)
    if len(each) == ndim - 1:
        each.insert(channel_axis % ndim, 0)
    return each


def floats(image: Image, preserve_range: bool) -> Image:
    """Return the floats that scikit-image filters."""
    if image.dtype.kind == "f":
        return image.astype(np.float32) if image.dtype.itemsize == 2 else image
    return image.astype(np.float64) if preserve_range else as_float(image)


@as_skimage(FILTERS)
def difference_of_gaussians(
    image,
    low_sigma,
    high_sigma=None,
    *,
    mode="nearest",
    cval=0,
    channel_axis=None,
    truncate=4.0,
):
    """Subtract a wide Gaussian from a narrow one."""
    axis = channel(image, channel_axis)
    low = two(low_sigma, "low_sigma")
    high = (low[0] * 1.6, low[1] * 1.6) if high_sigma is None else two(high_sigma, "high_sigma")
    if not (0 <= low[0] <= high[0] and 0 <= low[1] <= high[1]):
        raise HandOver("sigma")
    array, factor, dtype = scaled(image)
    operation = band_pass(low, high, number(truncate, "truncate"), factor)
    outside = number(cval, "cval") / factor
    return apply(operation, array, border(mode), outside, None, axis, dtype, None)


@lru_cache(maxsize=64)
def band_pass(
    low: tuple[float, float], high: tuple[float, float], truncate: float, factor: float
) -> InDouble:
    """Return the difference of two Gaussians of pixels that are multiplied by a factor."""
    narrow, wide = (gaussian_term(sigma, truncate=truncate) for sigma in (low, high))
    return InDouble(((scaled_term(narrow, factor), scaled_term(wide, -factor)),))


def scaled_term(term: Term, factor: float) -> Term:
    """Return a term with its rows multiplied."""
    return term[0], term[1] * factor


@as_skimage(FILTERS)
def unsharp_mask(image, radius=1.0, amount=1.0, preserve_range=False, *, channel_axis=None):
    """Sharpen an image by adding what a Gaussian takes away."""
    axis = channel(image, channel_axis)
    array, factor, dtype = scaled(image, flag(preserve_range, "preserve_range"))
    spread, gain = two(radius, "radius"), number(amount, "amount")
    if min(spread) < 0 or not np.isfinite(gain):
        raise HandOver("radius or amount")
    operation = sharpening(spread, gain, factor)
    result = apply(operation, array, "reflect", 0.0, None, axis, dtype, None)
    if preserve_range:
        return result
    signed = array.dtype.kind == "f" and np.fmin.reduce(array, axis=None) < 0
    lowest = -1.0 if signed else 0.0
    return np.clip(result, lowest, 1.0, out=result)


@lru_cache(maxsize=64)
def sharpening(radius: tuple[float, float], gain: float, factor: float) -> InDouble:
    """Return (1 + gain) times the pixel, less gain times the Gaussian."""
    pixel = IDENTITY, IDENTITY * ((1 + gain) * factor)
    return InDouble(((pixel, scaled_term(gaussian_term(radius), -gain * factor)),))


@as_skimage(FILTERS)
def median(image, footprint=None, out=None, mode="nearest", cval=0.0, behavior="ndimage"):
    """Replace each pixel by the median of the window around it."""
    if not isinstance(image, np.ndarray) or not isinstance(behavior, str):
        raise HandOver("not a NumPy array")
    if behavior == "rank":
        if border(mode) != "nearest" or not np.isclose(number(cval, "cval"), 0.0):
            warn_as_original(
                "Change 'behavior' to 'ndimage' if you want to use the parameters 'mode' or "
                "'cval'. They will be discarded otherwise.",
                stacklevel=3,
            )
        return rank.median(image, footprint=footprint, out=out)
    if footprint is None:
        footprint = np.ones((3,) * image.ndim, bool)
    return ndimage.median_filter(image, footprint=footprint, output=out, mode=mode, cval=cval)


@as_skimage(FILTERS)
def gabor(
    image,
    frequency,
    theta=0,
    bandwidth=1,
    sigma_x=None,
    sigma_y=None,
    n_stds=3,
    offset=0,
    mode="reflect",
    cval=0,
):
    """Find stripes of one frequency and direction."""
    if not isinstance(image, np.ndarray) or image.ndim != 2:
        raise HandOver("not 2-D")
    words = frequency, theta, bandwidth, sigma_x, sigma_y, n_stds, offset
    for each in words:
        if each is not None:
            number(each, "words of the kernel")
    if type(image) is np.ndarray and image.dtype.kind == "f":
        array, _, dtype = scaled(image_of(image))
        outside = number(cval, "cval")
        found = apply(wave(words), array, border(mode), outside, None, None, dtype, None)
        if all(map(is_finite, found)):
            return found
    return stripes(image, words, mode, cval)


def stripes(image: Image, words: tuple[Any, ...], mode: Any, cval: Any) -> tuple[Image, Image]:
    """Return both parts of a Gabor filter as scikit-image does, by sums over whole kernels.

    Of outer products that are not finite the sum is no number, where that of the kernel may be one.
    """
    floats = image.dtype.kind == "f"
    if floats:
        image = image.astype(float_type(image.dtype), copy=False)
    kernel_type = np.promote_types(image.dtype, np.complex64) if floats else np.complex128
    kernel = SCIKITS_KERNEL(*words, dtype=kernel_type)
    real, imaginary = (
        ndimage.convolve(image, part, mode=mode, cval=cval) for part in (kernel.real, kernel.imag)
    )
    return real, imaginary


@lru_cache(maxsize=64)
def wave(words: tuple[Any, ...]) -> InDouble:
    """Return both parts of a Gabor kernel as sums of outer products."""
    kernel = kernels.flip(SCIKITS_KERNEL(*words))
    components = []
    for part in (kernel.real, kernel.imag):
        pairs = zip(*kernels.separate(part), strict=True)
        terms = tuple((Kernel1D.centred(y), Kernel1D.centred(x)) for y, x in pairs)
        components.append(terms or ((Kernel1D.centred([0.0]), IDENTITY),))
    return InDouble(tuple(components))


@as_skimage(FILTERS)
def correlate_sparse(image, kernel, mode="reflect"):
    """Correlate an image with a kernel that has few weights."""
    array = image_of(image)
    weights = array_of(kernel, "kernel")
    if weights.ndim != 2 or weights.dtype.kind not in "biuf" or weights.size > WEIGHTS:
        raise HandOver("kernel")
    if not isinstance(mode, str):
        raise HandOver("mode")
    odd = weights.shape[0] % 2 and weights.shape[1] % 2
    larger = weights.shape[0] > array.shape[0] or weights.shape[1] > array.shape[1]
    if larger or not (odd or mode == "valid"):
        raise HandOver("kernel")
    array, _, dtype = scaled(array, preserve_range=True)
    border_name = "constant" if mode == "valid" else PADDED.get(mode)
    if border_name is None:
        raise HandOver("mode")
    operation = sparse(np.ascontiguousarray(weights.astype(dtype), np.float64))
    shape = "valid" if mode == "valid" else "same"
    if array.dtype.kind != "f":
        array = array.astype(dtype)
    return finite(apply(operation, array, border_name, 0.0, None, None, dtype, None, shape))


# NumPy's names of borders, and scikit-image's, which it translates to them.
PADDED = {
    "reflect": "reflect",
    "symmetric": "reflect",
    "mirror": "mirror",
    "nearest": "nearest",
    "edge": "nearest",
    "wrap": "wrap",
    "constant": "constant",
}


def sparse(weights: Image) -> Operation:
    """Return the correlation with a kernel, tap by tap if they are few."""
    height, width = weights.shape
    key = (weights.tobytes(), weights.shape, "sparse")
    operation = OPERATIONS.get(key)
    if operation is None:
        if not 0 < np.count_nonzero(weights) <= TAPS or weights.size <= 9:
            operation = dense_operation(weights, (height // 2, width // 2))
        else:
            # The corners, at least without weight, make the window that of the kernel.
            places = {(0, 0), (height - 1, width - 1), *map(tuple, np.argwhere(weights).tolist())}
            taps = tuple(
                (shift_kernel(i - height // 2), shift_kernel(j - width // 2) * float(weights[i, j]))
                for i, j in sorted(places)
            )
            operation = Separable((taps,))
        OPERATIONS.put(key, operation, 2 * weights.nbytes + 4096)
    return operation

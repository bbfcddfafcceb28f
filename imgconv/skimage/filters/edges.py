"""Edges: derivatives, magnitudes and the Laplacian of images."""

from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from math import sqrt

import numpy as np

from imgconv.core.run import Call, run
from imgconv.face_arguments import Image, border, real_image
from imgconv.fallback import FallBack, mark_refusals
from imgconv.filters.canny import minimum_3x3
from imgconv.filters.gradients import gradient_terms, shift_kernel
from imgconv.operations.separable import IDENTITY, Kernel1D, Term
from imgconv.skimage.arguments import InDouble, check_finite, number, scaled_image, skimage_face

__all__ = [
    "farid",
    "farid_h",
    "farid_v",
    "laplace",
    "prewitt",
    "prewitt_h",
    "prewitt_v",
    "roberts",
    "roberts_neg_diag",
    "roberts_pos_diag",
    "scharr",
    "scharr_h",
    "scharr_v",
    "sobel",
    "sobel_h",
    "sobel_v",
]

FILTERS = "skimage.filters"
# Beyond it the kernel, a square, needs more than some hundred megabytes.
LARGEST_KERNEL = 4096
skimage_laplace = mark_refusals(import_module(FILTERS).laplace)


@skimage_face(FILTERS)
def sobel(
    image: Image,
    mask: Image | None = None,
    *,
    axis: int | Sequence[int] | None = None,
    mode: str = "reflect",
    cval: float = 0.0,
) -> Image:
    """Find edges by Sobel's kernels."""
    return edges("sobel", image, mask, axis, mode, cval)


@skimage_face(FILTERS)
def sobel_h(image: Image, mask: Image | None = None) -> Image:
    """Find horizontal edges by Sobel's kernel."""
    return edges("sobel", image, mask, 0)


@skimage_face(FILTERS)
def sobel_v(image: Image, mask: Image | None = None) -> Image:
    """Find vertical edges by Sobel's kernel."""
    return edges("sobel", image, mask, 1)


@skimage_face(FILTERS)
def scharr(
    image: Image,
    mask: Image | None = None,
    *,
    axis: int | Sequence[int] | None = None,
    mode: str = "reflect",
    cval: float = 0.0,
) -> Image:
    """Find edges by Scharr's kernels."""
    return edges("scharr", image, mask, axis, mode, cval)


@skimage_face(FILTERS)
def scharr_h(image: Image, mask: Image | None = None) -> Image:
    """Find horizontal edges by Scharr's kernel."""
    return edges("scharr", image, mask, 0)


@skimage_face(FILTERS)
def scharr_v(image: Image, mask: Image | None = None) -> Image:
    """Find vertical edges by Scharr's kernel."""
    return edges("scharr", image, mask, 1)


@skimage_face(FILTERS)
def prewitt(
    image: Image,
    mask: Image | None = None,
    *,
    axis: int | Sequence[int] | None = None,
    mode: str = "reflect",
    cval: float = 0.0,
) -> Image:
    """Find edges by Prewitt's kernels."""
    return edges("prewitt", image, mask, axis, mode, cval)


@skimage_face(FILTERS)
def prewitt_h(image: Image, mask: Image | None = None) -> Image:
    """Find horizontal edges by Prewitt's kernel."""
    return edges("prewitt", image, mask, 0)


@skimage_face(FILTERS)
def prewitt_v(image: Image, mask: Image | None = None) -> Image:
    """Find vertical edges by Prewitt's kernel."""
    return edges("prewitt", image, mask, 1)


@skimage_face(FILTERS)
def farid(
    image: Image,
    mask: Image | None = None,
    *,
    axis: int | Sequence[int] | None = None,
    mode: str = "reflect",
    cval: float = 0.0,
) -> Image:
    """Find edges by the kernels of Farid and Simoncelli."""
    return edges("farid", image, mask, axis, mode, cval)


@skimage_face(FILTERS)
def farid_h(image: Image, *, mask: Image | None = None) -> Image:
    """Find horizontal edges by the kernel of Farid and Simoncelli."""
    return edges("farid", image, mask, 0)


@skimage_face(FILTERS)
def farid_v(image: Image, *, mask: Image | None = None) -> Image:
    """Find vertical edges by the kernel of Farid and Simoncelli."""
    return edges("farid", image, mask, 1)


@skimage_face(FILTERS)
def roberts(image: Image, mask: Image | None = None) -> Image:
    """Find edges by the differences along both diagonals."""
    return edges("roberts", image, mask, None)


@skimage_face(FILTERS)
def roberts_pos_diag(image: Image, mask: Image | None = None) -> Image:
    """Find edges by the differences along the diagonal to the lower right."""
    return edges("roberts", image, mask, 0)


@skimage_face(FILTERS)
def roberts_neg_diag(image: Image, mask: Image | None = None) -> Image:
    """Find edges by the differences along the diagonal to the lower left."""
    return edges("roberts", image, mask, 1)


@skimage_face(FILTERS)
def laplace(image: Image, ksize: int = 3, mask: Image | None = None) -> Image:
    """Return the sum of the second differences, negated."""
    if type(ksize) is not int or ksize != 3:
        return large_laplace(image, ksize, mask)
    return edges("laplace", image, mask, 0)


def large_laplace(image: object, ksize: object, mask: object) -> Image:
    """Return scikit-image's Laplacian by a kernel more than 4 times as long as the image.

    SciPy reads outside the image if the kernel is 8 times as long, so it gets an extended image.
    """
    array = real_image(image)
    if not isinstance(ksize, int) or not 4 * min(array.shape) < ksize <= LARGEST_KERNEL:
        raise FallBack("kernels that are not 3x3")
    inside = mask_of(mask, array)
    inner = tuple(slice(ksize, ksize + n) for n in array.shape)
    result: Image = skimage_laplace(np.pad(array, ksize, "symmetric"), ksize)[inner].copy()
    if inside is not None:
        result *= inside
    return result


def edges(
    name: str,
    image: object,
    mask: object,
    axis: object,
    mode: object = "reflect",
    cval: object = 0.0,
) -> Image:
    """Return a derivative, or the magnitude of both."""
    if axis is not None and (type(axis) is not int or axis not in (0, 1)):
        raise FallBack("axis")
    array, factor, dtype = scaled_image(real_image(image))
    inside = mask_of(mask, array)
    operation, outside = edge_filter(name, axis, factor), number(cval, "cval") / factor
    result: Image = run(Call(operation, array, border(mode), outside, dtype=dtype))
    if array.dtype.kind == "f":
        check_finite(result)  # SciPy skips weights of 0, so that 0 * infinity is 0
    if inside is not None:
        result *= inside
    return result


def mask_of(mask: object, image: Image) -> Image | None:
    """Return where a pixel and all its neighbours are in the mask."""
    if mask is None:
        return None
    if type(mask) is not np.ndarray or mask.shape != image.shape or mask.dtype.kind not in "biuf":
        raise FallBack("mask")
    return minimum_3x3(mask != 0)


@lru_cache(maxsize=128)
def edge_filter(name: str, axis: int | None, factor: float) -> InDouble:
    """Return an edge filter multiplied by a factor.

    The factor goes into the pass that smooths, or into the columns of Roberts' taps: a difference
    of rounded products would not be 0 for a flat image.
    """
    if axis is None:
        terms = components(name, 1.0)
        return InDouble(terms, combine="magnitude", scale=1 / sqrt(2.0) * factor)
    return InDouble((components(name, factor)[axis],))


def components(name: str, factor: float) -> tuple[tuple[Term, ...], ...]:
    """Return the derivatives along y and x, or along both diagonals."""
    if name == "roberts":
        pairs = (((0, 0), (1, 1)), ((0, 1), (1, 0)))
        return tuple(
            (
                (shift_kernel(last[0]) * factor, shift_kernel(last[1])),
                (shift_kernel(first[0]) * factor, shift_kernel(first[1]) * -1),
            )
            for first, last in pairs
        )
    if name == "laplace":
        second, pixel = Kernel1D.centred([-1.0, 2.0, -1.0]), IDENTITY * factor
        return (((second, pixel), (pixel, second)),)
    (edge, smooth), _ = gradient_terms(name)
    return ((edge, smooth * factor),), ((smooth * factor, edge),)

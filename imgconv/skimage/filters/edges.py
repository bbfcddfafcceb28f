"""Edges: derivatives, magnitudes and the Laplacian of images."""

from functools import lru_cache
from importlib import import_module
from math import sqrt
from typing import Any

import numpy as np

from imgconv.core.call import apply
from imgconv.fallback import HandOver, asked
from imgconv.filters.canny import minimum_3x3
from imgconv.filters.gradients import gradient_terms, shift_kernel
from imgconv.operations.separable import IDENTITY, Kernel1D, Term
from imgconv.skimage.convert import (
    Image,
    InDouble,
    as_skimage,
    border,
    finite,
    image_of,
    number,
    scaled,
)

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
SCIKITS_LAPLACE = asked(import_module(FILTERS).laplace)


@as_skimage(FILTERS)
def sobel(image, mask=None, *, axis=None, mode="reflect", cval=0.0):
    """Find edges by Sobel's kernels."""
    return edges("sobel", image, mask, axis, mode, cval)


@as_skimage(FILTERS)
def sobel_h(image, mask=None):
    """Find horizontal edges by Sobel's kernel."""
    return edges("sobel", image, mask, 0)


@as_skimage(FILTERS)
def sobel_v(image, mask=None):
    """Find vertical edges by Sobel's kernel."""
    return edges("sobel", image, mask, 1)


@as_skimage(FILTERS)
def scharr(image, mask=None, *, axis=None, mode="reflect", cval=0.0):
    """Find edges by Scharr's kernels."""
    return edges("scharr", image, mask, axis, mode, cval)


@as_skimage(FILTERS)
def scharr_h(image, mask=None):
    """Find horizontal edges by Scharr's kernel."""
    return edges("scharr", image, mask, 0)


@as_skimage(FILTERS)
def scharr_v(image, mask=None):
    """Find vertical edges by Scharr's kernel."""
    return edges("scharr", image, mask, 1)


@as_skimage(FILTERS)
def prewitt(image, mask=None, *, axis=None, mode="reflect", cval=0.0):
    """Find edges by Prewitt's kernels."""
    return edges("prewitt", image, mask, axis, mode, cval)


@as_skimage(FILTERS)
def prewitt_h(image, mask=None):
    """Find horizontal edges by Prewitt's kernel."""
    return edges("prewitt", image, mask, 0)


@as_skimage(FILTERS)
def prewitt_v(image, mask=None):
    """Find vertical edges by Prewitt's kernel."""
    return edges("prewitt", image, mask, 1)


@as_skimage(FILTERS)
def farid(image, mask=None, *, axis=None, mode="reflect", cval=0.0):
    """Find edges by the kernels of Farid and Simoncelli."""
    return edges("farid", image, mask, axis, mode, cval)


@as_skimage(FILTERS)
def farid_h(image, *, mask=None):
    """Find horizontal edges by the kernel of Farid and Simoncelli."""
    return edges("farid", image, mask, 0)


@as_skimage(FILTERS)
def farid_v(image, *, mask=None):
    """Find vertical edges by the kernel of Farid and Simoncelli."""
    return edges("farid", image, mask, 1)


@as_skimage(FILTERS)
def roberts(image, mask=None):
    """Find edges by the differences along both diagonals."""
    return edges("roberts", image, mask, None)


@as_skimage(FILTERS)
def roberts_pos_diag(image, mask=None):
    """Find edges by the differences along the diagonal to the lower right."""
    return edges("roberts", image, mask, 0)


@as_skimage(FILTERS)
def roberts_neg_diag(image, mask=None):
    """Find edges by the differences along the diagonal to the lower left."""
    return edges("roberts", image, mask, 1)


@as_skimage(FILTERS)
def laplace(image, ksize=3, mask=None):
    """Return the sum of the second differences, negated."""
    if type(ksize) is not int or ksize != 3:
        return laplace_of(image, ksize, mask)
    return edges("laplace", image, mask, 0)


def laplace_of(image: Any, ksize: Any, mask: Any) -> Image:
    """Return scikit-image's Laplacian of a kernel that is large in an image.

    Where it is 8 times the image, SciPy reads outside memory.
    """
    array = image_of(image)
    if not isinstance(ksize, int) or ksize <= 4 * min(array.shape):
        raise HandOver("kernels that are not 3x3")
    inside = mask_of(mask, array)
    inner = tuple(slice(ksize, ksize + n) for n in array.shape)
    result: Image = SCIKITS_LAPLACE(np.pad(array, ksize, "symmetric"), ksize)[inner].copy()
    if inside is not None:
        result *= inside
    return result


def edges(
    name: str, image: Any, mask: Any, axis: Any, mode: Any = "reflect", cval: Any = 0.0
) -> Image:
    """Return a derivative, or the magnitude of both."""
    if axis is not None and (type(axis) is not int or axis not in (0, 1)):
        raise HandOver("axis")
    array, factor, dtype = scaled(image_of(image))
    inside = mask_of(mask, array)
    operation = edge_filter(name, axis, factor)
    result = apply(
        operation, array, border(mode), number(cval, "cval") / factor, None, None, dtype, None
    )
    if array.dtype.kind == "f":
        finite(result)  # SciPy leaves out weights that are 0
    if inside is not None:
        result *= inside
    return result


def mask_of(mask: Any, image: Image) -> Image | None:
    """Return where a pixel and all its neighbours count."""
    if mask is None:
        return None
    if type(mask) is not np.ndarray or mask.shape != image.shape or mask.dtype.kind not in "biuf":
        raise HandOver("mask")
    return minimum_3x3(mask != 0)


@lru_cache(maxsize=128)
def edge_filter(name: str, axis: int | None, factor: float) -> InDouble:
    """Return an edge filter of pixels that are multiplied by a factor.

    A difference is never taken of products, so that what is flat gives 0: of two passes the one
    that smooths takes the factor in, of Roberts' taps the columns.
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

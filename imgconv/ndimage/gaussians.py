"""The Gaussian filters of `scipy.ndimage`."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage._filters import _gaussian_kernel1d

from imgconv.face_arguments import Axes, Floats, Image, Ints, Modes, border, each, integer
from imgconv.fallback import FallBack, mark_refusals
from imgconv.ndimage.arguments import (
    OutputLike,
    axes_of,
    axis_of,
    borders,
    large_image_of,
    number,
    output_of,
    scalar,
)
from imgconv.ndimage.memory_safe import scipy_face
from imgconv.ndimage.passes import AxisFilter, LineKernel, run_filters, run_terms

__all__ = [
    "gaussian_filter",
    "gaussian_filter1d",
    "gaussian_gradient_magnitude",
    "gaussian_laplace",
]

scipy_kernel = mark_refusals(_gaussian_kernel1d)


@scipy_face
def gaussian_filter1d(
    input: ArrayLike,
    sigma: float,
    axis: int = -1,
    order: int = 0,
    output: OutputLike = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    truncate: float = 4.0,
    *,
    radius: int | None = None,
) -> Image:
    """Smooth along an axis by a Gaussian, or take a derivative of it.

    Examples
    --------
    >>> from imgconv.ndimage import gaussian_filter1d
    >>> print(gaussian_filter1d([1.0, 2.0, 3.0, 4.0, 5.0], 1).round(3))
    [1.427 2.068 3.    3.932 4.573]
    """
    image = large_image_of(input)
    result = output_of(output, image)
    kernel = gaussian_kernel(sigma, order, truncate, radius)
    one = AxisFilter(axis_of(axis, image.ndim), kernel, border(mode))
    return run_filters(image, (one,), number(cval), result)


@scipy_face
def gaussian_filter(
    input: ArrayLike,
    sigma: Floats,
    order: Ints = 0,
    output: OutputLike = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
    truncate: float = 4.0,
    *,
    radius: Ints | None = None,
    axes: Axes = None,
) -> Image:
    """Smooth by a Gaussian, or take a derivative of it.

    Examples
    --------
    Of a volume, an image or a signal:

    >>> import numpy as np
    >>> from imgconv.ndimage import gaussian_filter
    >>> print(gaussian_filter(np.arange(50, step=2).reshape((5, 5)), sigma=1))
    [[ 4  6  8  9 11]
     [10 12 14 15 17]
     [20 22 24 25 27]
     [29 31 33 34 36]
     [35 37 39 40 42]]
    """
    image = large_image_of(input)
    result = output_of(output, image)
    along = axes_of(axes, image.ndim)
    filters = gaussian_filters(along, sigma, order, mode, truncate, radius)
    if not filters:
        raise FallBack("nothing to filter")
    return run_filters(image, filters, number(cval), result)


@scipy_face
def gaussian_laplace(
    input: ArrayLike,
    sigma: Floats,
    output: OutputLike = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
    *,
    axes: Axes = None,
    **kwargs: Any,
) -> Image:
    """Take the Laplacian of the smoothed image.

    Examples
    --------
    >>> from imgconv.ndimage import gaussian_laplace
    >>> print(gaussian_laplace([0.0, 0.0, 1.0, 0.0, 0.0], 1).round(3))
    [ 0.197  0.002 -0.399  0.002  0.197]
    """
    image = large_image_of(input)
    result = output_of(output, image)
    along = axes_of(axes, image.ndim)
    sigmas = each(sigma, len(along), "sigma")
    if len(along) < image.ndim:
        # Where all axes are named, SciPy takes sigmas in the array's order, not in the caller's.
        named = dict(zip(along, sigmas, strict=True))
        sigmas = tuple(named.get(axis, 0) for axis in range(image.ndim))
    terms = derivatives(image, along, sigmas, 2, mode, kwargs)
    return run_terms(image, terms, number(cval), result, "sum")


@scipy_face
def gaussian_gradient_magnitude(
    input: ArrayLike,
    sigma: Floats,
    output: OutputLike = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
    *,
    axes: Axes = None,
    **kwargs: Any,
) -> Image:
    """Take the magnitude of the gradient of the smoothed image.

    Examples
    --------
    >>> from imgconv.ndimage import gaussian_gradient_magnitude
    >>> print(gaussian_gradient_magnitude([0.0, 0.0, 0.0, 1.0, 1.0, 1.0], 1).round(3))
    [0.013 0.122 0.364 0.364 0.122 0.013]
    """
    image = large_image_of(input)
    result = output_of(output, image)
    along = axes_of(axes, image.ndim)
    terms = derivatives(image, along, sigma, 1, mode, kwargs)
    return run_terms(image, terms, number(cval), result, "root")


# ---- kernels ---------------------------------------------------------------------------------


def gaussian_kernel(sigma: Any, order: Any, truncate: Any, radius: Any) -> LineKernel:
    """Return SciPy's kernel of a Gaussian, flipped, for a correlation."""
    half = radius if radius is None else integer(radius, "radius")
    return flipped_kernel(
        scalar(sigma, "sigma"), integer(order, "order"), scalar(truncate, "truncate"), half
    )


@lru_cache(maxsize=256, typed=True)
def flipped_kernel(sigma: Any, order: int, truncate: Any, radius: int | None) -> LineKernel:
    """Return the kernel of `gaussian_kernel`, of arguments that are checked."""
    half = int(truncate * float(sigma) + 0.5) if radius is None else radius
    if half < 0 or order < 0:
        raise FallBack("radius or order")
    return LineKernel(np.ascontiguousarray(scipy_kernel(sigma, order, half)[::-1]), half)


def gaussian_filters(
    axes: tuple[int, ...], sigma: Any, order: Any, mode: Any, truncate: Any, radius: Any
) -> list[AxisFilter]:
    """Return the filters of a Gaussian; along an axis where sigma is 0 there is none."""
    n = len(axes)
    sigmas, orders = each(sigma, n, "sigma"), each(order, n, "order")
    radii, modes = each(radius, n, "radius"), borders(mode, n)
    return [
        AxisFilter(axis, gaussian_kernel(s, o, truncate, r), one)
        for axis, s, o, r, one in zip(axes, sigmas, orders, radii, modes, strict=True)
        if scalar(s, "sigma") > 1e-15
    ]


def derivatives(
    image: Image, axes: tuple[int, ...], sigma: Any, order: int, mode: Any, options: dict[str, Any]
) -> list[list[AxisFilter]]:
    """Return, for each of some axes, the filters of a Gaussian's derivative along it."""
    if not axes or not options.keys() <= {"truncate", "radius"}:
        raise FallBack("keywords")
    truncate, radius = options.get("truncate", 4.0), options.get("radius")
    every = tuple(range(image.ndim))
    return [
        gaussian_filters(
            every, sigma, [order * (other == axis) for other in every], one, truncate, radius
        )
        for axis, one in zip(axes, borders(mode, len(axes)), strict=True)
    ]

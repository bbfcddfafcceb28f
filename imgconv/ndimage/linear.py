"""The linear filters of `scipy.ndimage`, and those made of them."""

from functools import lru_cache
from typing import Any

import numpy as np
from scipy.ndimage._filters import _gaussian_kernel1d

from imgconv.core.cache import Cache
from imgconv.core.call import apply
from imgconv.fallback import HandOver, asked
from imgconv.ndimage.call import (
    UINT8,
    UINT64,
    Image,
    Target,
    array_of,
    as_bytes,
    as_image,
    axes_of,
    axis_of,
    before,
    border,
    borders,
    each,
    in_order,
    integer,
    large_image_of,
    number,
    scalar,
    target_of,
)
from imgconv.ndimage.passes import Line, Mean, Step, combined, fastest, line, plane, run
from imgconv.ndimage.sound import as_scipy
from imgconv.operations.base import Operation
from imgconv.operations.inorder import InOrder, Pass

__all__ = [
    "convolve",
    "convolve1d",
    "correlate",
    "correlate1d",
    "gaussian_filter",
    "gaussian_filter1d",
    "gaussian_gradient_magnitude",
    "gaussian_laplace",
    "laplace",
    "prewitt",
    "sobel",
    "uniform_filter",
    "uniform_filter1d",
]

SCIPYS_KERNEL = asked(_gaussian_kernel1d)
# Operations by the bytes of dense kernels.
OPERATIONS = Cache(limit=4 << 20)


@as_scipy
def correlate1d(input, weights, axis=-1, output=None, mode="reflect", cval=0.0, origin=0):
    """Correlate along an axis with a 1-D kernel.

    Examples
    --------
    >>> from imgconv.ndimage import correlate1d
    >>> print(correlate1d([2, 8, 0, 4, 1, 9, 9, 0], weights=[1, 3]))
    [ 8 26  8 12  7 28 36  9]
    """
    return along(input, kernel_of(weights), axis, output, mode, cval, origin)


@as_scipy
def convolve1d(input, weights, axis=-1, output=None, mode="reflect", cval=0.0, origin=0):
    """Convolve along an axis with a 1-D kernel.

    Examples
    --------
    >>> from imgconv.ndimage import convolve1d
    >>> print(convolve1d([2, 8, 0, 4, 1, 9, 9, 0], weights=[1, 3]))
    [14 24  4 13 12 36 27  0]
    """
    kernel = np.ascontiguousarray(kernel_of(weights)[::-1])
    turned = -integer(origin, "origin") - (len(kernel) % 2 == 0)
    return along(input, kernel, axis, output, mode, cval, turned)


@as_scipy
def gaussian_filter1d(
    input, sigma, axis=-1, order=0, output=None, mode="reflect", cval=0.0, truncate=4.0, *,
    radius=None,
):  # fmt: skip
    """Smooth along an axis by a Gaussian, or take a derivative of it.

    Examples
    --------
    >>> from imgconv.ndimage import gaussian_filter1d
    >>> print(gaussian_filter1d([1.0, 2.0, 3.0, 4.0, 5.0], 1).round(3))
    [1.427 2.068 3.    3.932 4.573]
    """
    image = large_image_of(input)
    target = target_of(output, image)
    step = Step(
        axis_of(axis, image.ndim), gaussian_line(sigma, order, truncate, radius), border(mode)
    )
    return run(image, (step,), number(cval), target)


@as_scipy
def gaussian_filter(
    input, sigma, order=0, output=None, mode="reflect", cval=0.0, truncate=4.0, *, radius=None,
    axes=None,
):  # fmt: skip
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
    target = target_of(output, image)
    along_axes = axes_of(axes, image.ndim)
    steps = gaussian_steps(along_axes, sigma, order, mode, truncate, radius)
    if not steps:
        raise HandOver("nothing to filter")
    return run(image, steps, number(cval), target)


@as_scipy
def gaussian_laplace(input, sigma, output=None, mode="reflect", cval=0.0, *, axes=None, **kwargs):
    """Take the Laplacian of the smoothed image.

    Examples
    --------
    >>> from imgconv.ndimage import gaussian_laplace
    >>> print(gaussian_laplace([0.0, 0.0, 1.0, 0.0, 0.0], 1).round(3))
    [ 0.197  0.002 -0.399  0.002  0.197]
    """
    image = large_image_of(input)
    target = target_of(output, image)
    along_axes = axes_of(axes, image.ndim)
    everywhere = each(sigma, len(along_axes), "sigma")
    if len(along_axes) < image.ndim:
        sigmas = dict(zip(along_axes, everywhere, strict=True))
        everywhere = tuple(sigmas.get(axis, 0) for axis in range(image.ndim))
    terms = gaussian_terms(image, along_axes, everywhere, 2, mode, kwargs)
    return combined(image, terms, number(cval), target, "sum")


@as_scipy
def gaussian_gradient_magnitude(
    input, sigma, output=None, mode="reflect", cval=0.0, *, axes=None, **kwargs
):
    """Take the magnitude of the gradient of the smoothed image.

    Examples
    --------
    >>> from imgconv.ndimage import gaussian_gradient_magnitude
    >>> print(gaussian_gradient_magnitude([0.0, 0.0, 0.0, 1.0, 1.0, 1.0], 1).round(3))
    [0.013 0.122 0.364 0.364 0.122 0.013]
    """
    image = large_image_of(input)
    target = target_of(output, image)
    along_axes = axes_of(axes, image.ndim)
    terms = gaussian_terms(image, along_axes, sigma, 1, mode, kwargs)
    return combined(image, terms, number(cval), target, "root")


@as_scipy
def laplace(input, output=None, mode="reflect", cval=0.0, *, axes=None):
    """Add up the second differences along all axes.

    Examples
    --------
    >>> from imgconv.ndimage import laplace
    >>> print(laplace([[0, 0, 0], [0, 1, 0], [0, 0, 0]]))
    [[ 0  1  0]
     [ 1 -4  1]
     [ 0  1  0]]
    """
    image = large_image_of(input)
    target = target_of(output, image)
    along_axes = axes_of(axes, image.ndim)
    modes = borders(mode, len(along_axes))
    if not along_axes:
        raise HandOver("nothing to filter")
    terms = [[Step(axis, SECOND, one)] for axis, one in zip(along_axes, modes, strict=True)]
    return combined(image, terms, number(cval), target, "sum")


@as_scipy
def sobel(input, axis=-1, output=None, mode="reflect", cval=0.0):
    """Take Sobel's derivative along an axis.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.ndimage import sobel
    >>> print(sobel(np.array([[1, 1, 5, 5]] * 2), axis=1))
    [[ 0 16 16  0]
     [ 0 16 16  0]]
    """
    return edges(input, axis, SOBEL, output, mode, cval)


@as_scipy
def prewitt(input, axis=-1, output=None, mode="reflect", cval=0.0):
    """Take Prewitt's derivative along an axis.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.ndimage import prewitt
    >>> print(prewitt(np.array([[1, 1, 5, 5]] * 2), axis=1))
    [[ 0 12 12  0]
     [ 0 12 12  0]]
    """
    return edges(input, axis, PREWITT, output, mode, cval)


@as_scipy
def correlate(input, weights, output=None, mode="reflect", cval=0.0, origin=0, *, axes=None):
    """Correlate with a kernel.

    Examples
    --------
    >>> from imgconv.ndimage import correlate
    >>> print(correlate([[1, 2, 3], [4, 5, 6]], [[0, 1, 2]]))
    [[ 5  8  9]
     [14 17 18]]
    """
    return dense(input, weights, output, mode, cval, origin, False, axes)


@as_scipy
def convolve(input, weights, output=None, mode="reflect", cval=0.0, origin=0, *, axes=None):
    """Convolve with a kernel.

    Examples
    --------
    >>> from imgconv.ndimage import convolve
    >>> print(convolve([[1, 2, 3], [4, 5, 6]], [[0, 1, 2]]))
    [[ 3  4  7]
     [12 13 16]]
    """
    return dense(input, weights, output, mode, cval, origin, True, axes)


@as_scipy
def uniform_filter1d(input, size, axis=-1, output=None, mode="reflect", cval=0.0, origin=0):
    """Take means along an axis.

    Examples
    --------
    >>> from imgconv.ndimage import uniform_filter1d
    >>> print(uniform_filter1d([2, 8, 0, 4, 1, 9, 9, 0], size=3))
    [4 3 4 1 4 6 6 3]
    """
    image = large_image_of(input)
    target = target_of(output, image)
    length = integer(size, "size")
    if length < 1:
        raise HandOver("size")
    mean = Mean(length, before(length, origin))
    step = Step(axis_of(axis, image.ndim), mean, border(mode))
    return run(image, (step,), number(cval), target)


@as_scipy
def uniform_filter(input, size=3, output=None, mode="reflect", cval=0.0, origin=0, *, axes=None):
    """Take means over a window.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.ndimage import uniform_filter
    >>> print(uniform_filter(np.eye(3) * 9, 3))
    [[5. 3. 1.]
     [3. 3. 3.]
     [1. 3. 5.]]
    """
    image = large_image_of(input)
    target = target_of(output, image)
    along_axes = axes_of(axes, image.ndim)
    n = len(along_axes)
    sizes = [integer(k, "size") for k in each(size, n, "size")]
    origins, modes = each(origin, n, "origin"), borders(mode, n)
    steps = [
        Step(axis, Mean(k, before(k, at)), one)
        for axis, k, at, one in zip(along_axes, sizes, origins, modes, strict=True)
        if k > 1
    ]
    if not steps:
        raise HandOver("nothing to filter")
    return run(image, steps, number(cval), target)


# ---- kernels ---------------------------------------------------------------------------------


def kernel_of(weights: Any) -> Image:
    """Return a 1-D kernel in float64."""
    array = array_of(weights, "weights")
    if array.dtype.kind not in "biuf" or array.ndim != 1 or not array.size:
        raise HandOver("weights")
    return np.ascontiguousarray(array, np.float64)


def centred(weights: list[float]) -> Line:
    """Return a 1-D kernel about its middle."""
    return line(np.array(weights, np.float64).tobytes(), len(weights) // 2)


SECOND = centred([1, -2, 1])
FIRST = centred([-1, 0, 1])
SOBEL, PREWITT = centred([1, 2, 1]), centred([1, 1, 1])


def gaussian_line(sigma: Any, order: Any, truncate: Any, radius: Any) -> Line:
    """Return the kernel of a Gaussian, turned around for a correlation."""
    half = radius if radius is None else integer(radius, "radius")
    return gaussian_weights(
        scalar(sigma, "sigma"), integer(order, "order"), scalar(truncate, "truncate"), half
    )


@lru_cache(maxsize=256, typed=True)
def gaussian_weights(sigma: Any, order: Any, truncate: Any, radius: Any) -> Line:
    """Return SciPy's kernel of a Gaussian, turned around."""
    half = int(truncate * float(sigma) + 0.5) if radius is None else radius
    if half < 0 or order < 0:
        raise HandOver("radius or order")
    return Line(np.ascontiguousarray(SCIPYS_KERNEL(sigma, order, half)[::-1]), half)


def gaussian_steps(
    axes: tuple[int, ...], sigma: Any, order: Any, mode: Any, truncate: Any, radius: Any
) -> list[Step]:
    """Return the steps of a Gaussian; where sigma is 0 there is none."""
    n = len(axes)
    sigmas, orders = each(sigma, n, "sigma"), each(order, n, "order")
    radii, modes = each(radius, n, "radius"), borders(mode, n)
    return [
        Step(axis, gaussian_line(s, o, truncate, r), one)
        for axis, s, o, r, one in zip(axes, sigmas, orders, radii, modes, strict=True)
        if scalar(s, "sigma") > 1e-15
    ]


def gaussian_terms(
    image: Image, axes: tuple[int, ...], sigma: Any, order: int, mode: Any, options: dict[str, Any]
) -> list[list[Step]]:
    """Return the steps of a derivative of the Gaussian along each of some axes."""
    if not axes or not options.keys() <= {"truncate", "radius"}:
        raise HandOver("keywords")
    truncate, radius = options.get("truncate", 4.0), options.get("radius")
    every = tuple(range(image.ndim))
    return [
        gaussian_steps(
            every, sigma, [order * (other == axis) for other in every], one, truncate, radius
        )
        for axis, one in zip(axes, borders(mode, len(axes)), strict=True)
    ]


# ---- one way through -------------------------------------------------------------------------


def along(
    input: Any, weights: Image, axis: Any, output: Any, mode: Any, cval: Any, origin: Any
) -> Image:
    """Correlate along one axis."""
    image = large_image_of(input)
    target = target_of(output, image)
    kernel = line(weights.tobytes(), before(len(weights), origin))
    step = Step(axis_of(axis, image.ndim), kernel, border(mode))
    return run(image, (step,), number(cval), target)


def edges(input: Any, axis: Any, smooth: Line, output: Any, mode: Any, cval: Any) -> Image:
    """Take first differences along an axis, smoothed along all others."""
    image = large_image_of(input)
    target = target_of(output, image)
    derived = axis_of(axis, image.ndim)
    modes = borders(mode, image.ndim)
    others = [Step(i, smooth, modes[i]) for i in range(image.ndim) if i != derived]
    steps = [Step(derived, FIRST, modes[derived]), *others]
    return run(image, steps, number(cval), target)


def dense(
    input: Any, weights: Any, output: Any, mode: Any, cval: Any, origin: Any, turned: bool,
    axes: Any,
) -> Image:  # fmt: skip
    """Correlate or convolve with a kernel that is more than 1 pixel wide along at most two axes."""
    image = large_image_of(input)
    target = target_of(output, image)
    along_axes = axes_of(axes, image.ndim)
    kernel = array_of(weights, "weights")
    if kernel.dtype.kind not in "biuf" or kernel.ndim != len(along_axes) or not kernel.size:
        raise HandOver("weights")
    kernel = kernel.astype(np.float64)
    along_axes, origins = in_order(along_axes, each(origin, kernel.ndim, "origin"), image.ndim)
    if turned:
        kernel = kernel[(slice(None, None, -1),) * kernel.ndim]
        origins = tuple(
            -integer(o, "origin") - (n % 2 == 0) for o, n in zip(origins, kernel.shape, strict=True)
        )
    places = tuple(before(n, o) for n, o in zip(kernel.shape, origins, strict=True))
    if target.dtype == UINT64:
        raise HandOver("uint64 that may wrap around")
    wide = [axis for axis, n in zip(along_axes, kernel.shape, strict=True) if n > 1]
    if len(wide) > 2:
        raise HandOver("kernel of more than two axes")
    return in_planes(image, kernel, places, along_axes, wide, border(mode), number(cval), target)


def in_planes(
    image: Image, kernel: Image, places: tuple[int, ...], axes: tuple[int, ...], wide: list[int],
    mode: str, cval: float, target: Target,
) -> Image:  # fmt: skip
    """Correlate the planes of an image along the axes in which the kernel is wide."""
    source = as_bytes(image)
    out = None if target.out is None else as_bytes(target.out)
    if image.ndim == 1:
        source, out = source[None], None if out is None else out[None]
        axes, wide = (1,), [1] if wide else []
    fast = fastest(source)
    if len(wide) == 2:
        y, x = sorted(wide, key=lambda axis: (axis == fast, axis))
    else:
        y, x = plane(source, wide[0] if wide else fast, fast)
    at = dict(zip(axes, places, strict=True))
    # The taps keep SciPy's order, that of the kernel's axes, wherever these lie in the plane.
    shape = tuple(n for axis in (y, x) for n in [kernel.shape[axes.index(axis)]
                  if axis in axes else 1])  # fmt: skip
    swapped = axes.index(y) > axes.index(x) if y in axes and x in axes else False
    operation = dense_operation(kernel, shape, (at.get(y, 0), at.get(x, 0)), swapped)
    dtype = UINT8 if target.dtype.kind == "b" else target.dtype
    axes_yx = None if source.ndim == 2 and (y, x) == (0, 1) else (y, x)
    asked = dtype if out is None else None
    result = apply(operation, source, mode, cval, axes_yx, None, asked, out)
    if target.out is not None:
        return target.out
    return as_image(result[0] if image.ndim == 1 else result, target.dtype)


def dense_operation(
    kernel: Image, shape: tuple[int, ...], at: tuple[int, int], swapped: bool
) -> Operation:
    """Return the operation of a dense kernel of (height, width), its own axes swapped or not."""
    key = kernel.tobytes(), shape, at, swapped
    found = OPERATIONS.get(key)
    if found is None:
        if swapped:
            taps = Pass.dense(kernel.reshape(shape[::-1]), at[::-1]).transposed()
        else:
            taps = Pass.dense(kernel.reshape(shape), at)
        if not taps.places:
            raise HandOver("weights")
        found = InOrder(((taps,),))
        OPERATIONS.put(key, found, 64 * len(taps.places) + 2 * kernel.nbytes + 512)
    return found

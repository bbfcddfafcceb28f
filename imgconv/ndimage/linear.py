"""The linear filters of `scipy.ndimage`, but the Gaussian ones."""

import numpy as np
from numpy.typing import ArrayLike

from imgconv.core.cache import Cache
from imgconv.face_arguments import Axes, Image, Ints, Modes, array_of, border, each, integer
from imgconv.fallback import FallBack
from imgconv.ndimage.arguments import (
    UINT8,
    UINT64,
    OutputLike,
    as_bytes,
    axes_of,
    axis_of,
    before,
    borders,
    flipped_origins,
    large_image_of,
    number,
    output_of,
    window_axes,
)
from imgconv.ndimage.memory_safe import scipy_face
from imgconv.ndimage.passes import (
    AxisFilter,
    LineKernel,
    MeanWindow,
    line_kernel,
    run_filters,
    run_terms,
)
from imgconv.ndimage.planes import PlaneCall, PlaneWindow, as_planes, plane_window
from imgconv.operations.base import Operation
from imgconv.operations.inorder import InOrder, Pass

__all__ = [
    "convolve",
    "convolve1d",
    "correlate",
    "correlate1d",
    "laplace",
    "prewitt",
    "sobel",
    "uniform_filter",
    "uniform_filter1d",
]


@scipy_face
def correlate1d(
    input: ArrayLike,
    weights: ArrayLike,
    axis: int = -1,
    output: OutputLike = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: int = 0,
) -> Image:
    """Correlate along an axis with a 1-D kernel.

    Examples
    --------
    >>> from imgconv.ndimage import correlate1d
    >>> print(correlate1d([2, 8, 0, 4, 1, 9, 9, 0], weights=[1, 3]))
    [ 8 26  8 12  7 28 36  9]
    """
    return correlate_along(input, kernel_of(weights), axis, output, mode, cval, origin)


@scipy_face
def convolve1d(
    input: ArrayLike,
    weights: ArrayLike,
    axis: int = -1,
    output: OutputLike = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: int = 0,
) -> Image:
    """Convolve along an axis with a 1-D kernel.

    Examples
    --------
    >>> from imgconv.ndimage import convolve1d
    >>> print(convolve1d([2, 8, 0, 4, 1, 9, 9, 0], weights=[1, 3]))
    [14 24  4 13 12 36 27  0]
    """
    kernel = np.ascontiguousarray(kernel_of(weights)[::-1])
    (flipped,) = flipped_origins((origin,), kernel.shape)
    return correlate_along(input, kernel, axis, output, mode, cval, flipped)


@scipy_face
def laplace(
    input: ArrayLike,
    output: OutputLike = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
    *,
    axes: Axes = None,
) -> Image:
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
    result = output_of(output, image)
    along = axes_of(axes, image.ndim)
    modes = borders(mode, len(along))
    if not along:
        raise FallBack("nothing to filter")
    terms = [
        [AxisFilter(axis, SECOND_DIFFERENCE, one)] for axis, one in zip(along, modes, strict=True)
    ]
    return run_terms(image, terms, number(cval), result, "sum")


@scipy_face
def sobel(
    input: ArrayLike,
    axis: int = -1,
    output: OutputLike = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
) -> Image:
    """Take Sobel's derivative along an axis.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.ndimage import sobel
    >>> print(sobel(np.array([[1, 1, 5, 5]] * 2), axis=1))
    [[ 0 16 16  0]
     [ 0 16 16  0]]
    """
    return difference(input, axis, SOBEL, output, mode, cval)


@scipy_face
def prewitt(
    input: ArrayLike,
    axis: int = -1,
    output: OutputLike = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
) -> Image:
    """Take Prewitt's derivative along an axis.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.ndimage import prewitt
    >>> print(prewitt(np.array([[1, 1, 5, 5]] * 2), axis=1))
    [[ 0 12 12  0]
     [ 0 12 12  0]]
    """
    return difference(input, axis, PREWITT, output, mode, cval)


@scipy_face
def correlate(
    input: ArrayLike,
    weights: ArrayLike,
    output: OutputLike = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: Ints = 0,
    *,
    axes: Axes = None,
) -> Image:
    """Correlate with a kernel.

    Examples
    --------
    >>> from imgconv.ndimage import correlate
    >>> print(correlate([[1, 2, 3], [4, 5, 6]], [[0, 1, 2]]))
    [[ 5  8  9]
     [14 17 18]]
    """
    return correlate_window(input, weights, output, mode, cval, origin, axes, flip=False)


@scipy_face
def convolve(
    input: ArrayLike,
    weights: ArrayLike,
    output: OutputLike = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: Ints = 0,
    *,
    axes: Axes = None,
) -> Image:
    """Convolve with a kernel.

    Examples
    --------
    >>> from imgconv.ndimage import convolve
    >>> print(convolve([[1, 2, 3], [4, 5, 6]], [[0, 1, 2]]))
    [[ 3  4  7]
     [12 13 16]]
    """
    return correlate_window(input, weights, output, mode, cval, origin, axes, flip=True)


@scipy_face
def uniform_filter1d(
    input: ArrayLike,
    size: int,
    axis: int = -1,
    output: OutputLike = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: int = 0,
) -> Image:
    """Take means along an axis.

    Examples
    --------
    >>> from imgconv.ndimage import uniform_filter1d
    >>> print(uniform_filter1d([2, 8, 0, 4, 1, 9, 9, 0], size=3))
    [4 3 4 1 4 6 6 3]
    """
    image = large_image_of(input)
    result = output_of(output, image)
    length = integer(size, "size")
    if length < 1:
        raise FallBack("size")
    mean = MeanWindow(length, before(length, origin))
    one = AxisFilter(axis_of(axis, image.ndim), mean, border(mode))
    return run_filters(image, (one,), number(cval), result)


@scipy_face
def uniform_filter(
    input: ArrayLike,
    size: Ints = 3,
    output: OutputLike = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
    origin: Ints = 0,
    *,
    axes: Axes = None,
) -> Image:
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
    result = output_of(output, image)
    along = axes_of(axes, image.ndim)
    n = len(along)
    sizes = [integer(k, "size") for k in each(size, n, "size")]
    origins, modes = each(origin, n, "origin"), borders(mode, n)
    filters = [
        AxisFilter(axis, MeanWindow(k, before(k, at)), one)
        for axis, k, at, one in zip(along, sizes, origins, modes, strict=True)
        if k > 1
    ]
    if not filters:
        raise FallBack("nothing to filter")
    return run_filters(image, filters, number(cval), result)


# ---- kernels ---------------------------------------------------------------------------------


def kernel_of(weights: object) -> Image:
    """Return a 1-D kernel in float64."""
    array = array_of(weights, "weights")
    if array.dtype.kind not in "biuf" or array.ndim != 1 or not array.size:
        raise FallBack("weights")
    return np.ascontiguousarray(array, np.float64)


def centred(weights: list[float]) -> LineKernel:
    """Return a 1-D kernel whose pixel is its middle one."""
    return line_kernel(np.array(weights, np.float64).tobytes(), len(weights) // 2)


FIRST_DIFFERENCE, SECOND_DIFFERENCE = centred([-1, 0, 1]), centred([1, -2, 1])
# The weights across the derivative.
SOBEL, PREWITT = centred([1, 2, 1]), centred([1, 1, 1])


# ---- what several filters share ----------------------------------------------------------------


def correlate_along(
    input: object,
    weights: Image,
    axis: object,
    output: object,
    mode: object,
    cval: object,
    origin: object,
) -> Image:
    """Correlate along one axis."""
    image = large_image_of(input)
    result = output_of(output, image)
    kernel = line_kernel(weights.tobytes(), before(len(weights), origin))
    one = AxisFilter(axis_of(axis, image.ndim), kernel, border(mode))
    return run_filters(image, (one,), number(cval), result)


def difference(
    input: object, axis: object, across: LineKernel, output: object, mode: object, cval: object
) -> Image:
    """Take first differences along an axis, smoothed along all others."""
    image = large_image_of(input)
    result = output_of(output, image)
    along = axis_of(axis, image.ndim)
    modes = borders(mode, image.ndim)
    others = [AxisFilter(i, across, modes[i]) for i in range(image.ndim) if i != along]
    filters = [AxisFilter(along, FIRST_DIFFERENCE, modes[along]), *others]
    return run_filters(image, filters, number(cval), result)


def correlate_window(
    input: object,
    weights: object,
    output: object,
    mode: object,
    cval: object,
    origin: object,
    axes: object,
    flip: bool,
) -> Image:
    """Correlate with a kernel, or convolve, that is wider than 1 pixel along at most two axes."""
    image = large_image_of(input)
    result = output_of(output, image)
    along = axes_of(axes, image.ndim)
    kernel = array_of(weights, "weights")
    if kernel.dtype.kind not in "biuf" or kernel.ndim != len(along) or not kernel.size:
        raise FallBack("weights")
    kernel = kernel.astype(np.float64)
    along, origins = window_axes(along, each(origin, kernel.ndim, "origin"), image.ndim)
    if flip:
        kernel, origins = np.flip(kernel), flipped_origins(origins, kernel.shape)
    places = [before(n, at) for n, at in zip(kernel.shape, origins, strict=True)]
    if result.dtype == UINT64:
        raise FallBack("uint64 that may wrap around")
    window = plane_window(image, along, kernel.shape, places)
    border_name, outside = border(mode), number(cval)
    out = None if result.array is None else as_planes(as_bytes(result.array))
    dtype = UINT8 if result.dtype.kind == "b" else result.dtype
    call = PlaneCall(ordered_correlation(kernel, window), window.axes, border_name)
    filtered = call.run(as_planes(as_bytes(image)), outside, dtype, out)
    return result.result(filtered, image.ndim == 1)


# Operations by the bytes of their kernels.
OPERATIONS = Cache(limit=4 << 20)


def ordered_correlation(kernel: Image, window: PlaneWindow) -> Operation:
    """Return the operation of a kernel in planes, which adds its taps in SciPy's order.

    That is the order of the kernel's own axes, whichever of them is y and x of the planes.
    """
    key = kernel.tobytes(), window.size, window.before, window.transposed
    found: Operation | None = OPERATIONS.get(key)
    if found is None:
        height, width = window.size
        if window.transposed:
            taps = Pass.dense(kernel.reshape(width, height), window.before[::-1]).transposed()
        else:
            taps = Pass.dense(kernel.reshape(height, width), window.before)
        if not taps.places:
            raise FallBack("weights")
        found = InOrder(((taps,),))
        OPERATIONS.put(key, found, 64 * len(taps.places) + 2 * kernel.nbytes + 512)
    return found

"""Edges: derivatives, gradients and Laplacians.

An axis is 0 for y (down the rows) and 1 for x; a derivative is positive where the image grows along
it. Every function takes the common keywords of `imgconv`: mode, cval, axes, channel_axis, dtype,
out; the results are of the computing dtype, float32 or float64.
"""

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from imgconv import kernels
from imgconv.core import check
from imgconv.core.call import Call, Several, apply, filtering
from imgconv.core.run import hashable
from imgconv.filters.linear import Image, Mode, gaussian_term
from imgconv.operations import flood
from imgconv.operations.base import Operation
from imgconv.operations.canny import Canny
from imgconv.operations.correlate import Correlation
from imgconv.operations.separable import IDENTITY, Kernel1D, Separable, Term

__all__ = [
    "canny",
    "derivative",
    "farid",
    "gaussian_gradient_magnitude",
    "gaussian_laplace",
    "gradient",
    "hysteresis",
    "laplace",
    "prewitt",
    "roberts",
    "scharr",
    "sobel",
]

GRADIENTS = ("sobel", "scharr", "prewitt", "farid")


@filtering
def sobel(
    image: ArrayLike,
    *,
    axis: int | None = None,
    size: int = 3,
    normalize: bool = True,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Find edges by Sobel's kernels.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    axis : {0, 1}, optional
        0 differentiates along y, 1 along x; None gives the magnitude of both.
    size : {3, 5, 7}
        Width and height of the kernel.
    normalize : bool
        Scale the weights so that a step of 1 gives 1, and divide the magnitude by sqrt(2), as
        scikit-image does; else the bare integers, as SciPy's.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords.

    Returns
    -------
    ndarray, float32 or float64

    Raises
    ------
    ValueError
        If axis is neither 0, 1 nor None, or size not 3, 5 or 7.

    Notes
    -----
    The kernels are `imgconv.kernels.sobel`: a central difference along the axis and a binomial mean
    across it. The magnitude, sqrt((gy**2 + gx**2) / 2), takes one pass. Source: I. Sobel,
    G. Feldman, "A 3x3 isotropic gradient operator for image processing", 1968.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import sobel
    >>> step = np.zeros((3, 6), np.uint8)
    >>> step[:, 3:] = 100
    >>> print(sobel(step, axis=1))
    [[  0.   0. 100. 100.   0.   0.]
     [  0.   0. 100. 100.   0.   0.]
     [  0.   0. 100. 100.   0.   0.]]
    >>> print(sobel(step)[0].round(2))
    [ 0.    0.   70.71 70.71  0.    0.  ]
    """
    operation = edges("sobel", axis, size, normalize)
    return Call.of(operation, image, mode, cval, axes, channel_axis, dtype, out)


@filtering
def scharr(
    image: ArrayLike,
    *,
    axis: int | None = None,
    normalize: bool = True,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Find edges by Scharr's kernels, whose magnitude hardly depends on the direction.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    axis : {0, 1}, optional
        0 differentiates along y, 1 along x; None gives the magnitude of both.
    normalize : bool
        Scale the weights so that a step of 1 gives 1, and divide the magnitude by sqrt(2), as
        scikit-image does; else the bare integers, as SciPy's.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords.

    Returns
    -------
    ndarray, float32 or float64

    Raises
    ------
    ValueError
        If axis is neither 0, 1 nor None.

    Notes
    -----
    The kernels are `imgconv.kernels.scharr`, from [-1, 0, 1] and [3, 10, 3]; the magnitude takes
    one pass. Source: H. Scharr, "Optimal operators in digital image processing", thesis,
    Heidelberg, 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import scharr
    >>> print(scharr(np.eye(4))[1].round(3))
    [0.653 0.    0.625 0.188]
    """
    operation = edges("scharr", axis, 3, normalize)
    return Call.of(operation, image, mode, cval, axes, channel_axis, dtype, out)


@filtering
def prewitt(
    image: ArrayLike,
    *,
    axis: int | None = None,
    normalize: bool = True,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Find edges by Prewitt's kernels.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    axis : {0, 1}, optional
        0 differentiates along y, 1 along x; None gives the magnitude of both.
    normalize : bool
        Scale the weights so that a step of 1 gives 1, and divide the magnitude by sqrt(2), as
        scikit-image does; else the bare integers, as SciPy's.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords.

    Returns
    -------
    ndarray, float32 or float64

    Raises
    ------
    ValueError
        If axis is neither 0, 1 nor None.

    Notes
    -----
    The kernels are `imgconv.kernels.prewitt`, from [-1, 0, 1] and [1, 1, 1]; the magnitude takes
    one pass. Source: J. M. S. Prewitt, "Object enhancement and extraction", 1970.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import prewitt
    >>> print(prewitt(np.arange(4.0) * np.ones((3, 1)), axis=1))
    [[1. 2. 2. 1.]
     [1. 2. 2. 1.]
     [1. 2. 2. 1.]]
    """
    operation = edges("prewitt", axis, 3, normalize)
    return Call.of(operation, image, mode, cval, axes, channel_axis, dtype, out)


@filtering
def farid(
    image: ArrayLike,
    *,
    axis: int | None = None,
    normalize: bool = True,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Find edges by the 5x5 kernels of Farid and Simoncelli.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    axis : {0, 1}, optional
        0 differentiates along y, 1 along x; None gives the magnitude of both.
    normalize : bool
        Divide the magnitude by sqrt(2), as scikit-image does. The published weights measure the
        slope already and stay as they are.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords.

    Returns
    -------
    ndarray, float32 or float64

    Raises
    ------
    ValueError
        If axis is neither 0, 1 nor None.

    Notes
    -----
    The kernels are `imgconv.kernels.farid`; the magnitude takes one pass. Source: H. Farid,
    E. P. Simoncelli, "Differentiation of discrete multidimensional signals", IEEE Transactions on
    Image Processing 13, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import farid
    >>> print(farid(np.arange(7.0) * np.ones((3, 1)), axis=1)[1].round(2))
    [0.39 0.88 0.99 0.99 0.99 0.88 0.39]
    """
    operation = edges("farid", axis, 3, normalize)
    return Call.of(operation, image, mode, cval, axes, channel_axis, dtype, out)


@filtering
def roberts(
    image: ArrayLike,
    *,
    axis: int | None = None,
    normalize: bool = True,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Find edges by the differences along the two diagonals, as Roberts did.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    axis : {0, 1}, optional
        0 is the diagonal from upper left to lower right, 1 the other; None gives the magnitude of
        both.
    normalize : bool
        Divide the magnitude by sqrt(2), as scikit-image does.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords.

    Returns
    -------
    ndarray, float32 or float64

    Raises
    ------
    ValueError
        If axis is neither 0, 1 nor None.

    Notes
    -----
    The kernels are 2x2 and even, so the result stands half a pixel off: at the upper left pixel of
    the four, as in scikit-image. Source: L. G. Roberts, "Machine perception of three-dimensional
    solids", thesis, MIT, 1963.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import roberts
    >>> step = np.zeros((3, 6), np.float32)
    >>> step[:, 3:] = 1
    >>> print(roberts(step)[1].round(3))
    [0. 0. 1. 0. 0. 0.]
    """
    operation = diagonal_edges(axis, normalize)
    return Call.of(operation, image, mode, cval, axes, channel_axis, dtype, out)


def image_axis(axis: Any) -> int | None:
    """Check which derivative a caller wants."""
    if axis is None:
        return None
    checked = check.integer(axis, "axis")
    if checked not in (0, 1):
        raise check.value_error(f"axis must be 0 (y), 1 (x) or None (magnitude), got {axis!r}")
    return checked


def one_or_magnitude(terms: tuple[Term, Term], axis: int | None, normalize: bool) -> Operation:
    """Return one of two derivatives, or the magnitude of both."""
    if axis is not None:
        return Separable(((terms[axis],),))
    scale = math.sqrt(0.5) if normalize else 1.0
    return Separable(tuple((term,) for term in terms), combine="magnitude", scale=scale)


def gradient_terms(name: str, size: Any = 3, normalize: Any = True) -> tuple[Term, Term]:
    """Return the derivatives along y and x of an edge kernel."""
    edge, smooth = map(Kernel1D.centred, kernels.edge_factors(name, size, normalize))
    return (edge, smooth), (smooth, edge)


@lru_cache(maxsize=64, typed=True)
def edges(name: str, axis: Any, size: Any, normalize: Any) -> Operation:
    """Return an edge filter."""
    return one_or_magnitude(gradient_terms(name, size, normalize), image_axis(axis), normalize)


@lru_cache(maxsize=8, typed=True)
def diagonal_edges(axis: Any, normalize: Any) -> Operation:
    """Return Roberts' filter: the diagonal neighbours, each a term of two single taps."""
    components = []
    for first, last in (((0, 0), (1, 1)), ((0, 1), (1, 0))):
        taps = (tap(last[0]), tap(last[1])), (tap(first[0]), tap(first[1]) * -1)
        components.append(taps)
    wanted = image_axis(axis)
    if wanted is not None:
        return Separable((components[wanted],))
    scale = math.sqrt(0.5) if normalize else 1.0
    return Separable(tuple(components), combine="magnitude", scale=scale)


def tap(offset: int) -> Kernel1D:
    """Return the kernel that takes the pixel `offset` further on."""
    return Kernel1D(IDENTITY.weights, -offset)


@filtering
def derivative(
    image: ArrayLike,
    axis: int,
    *,
    order: int = 1,
    accuracy: int = 2,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Differentiate an image along one axis by central differences.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    axis : {0, 1}
        0 differentiates along y, 1 along x.
    order : int
        Which derivative; 0 is the image itself.
    accuracy : int
        Even; the error falls with this power of the pixel distance.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords.

    Returns
    -------
    ndarray, float32 or float64

    Raises
    ------
    ValueError
        If axis is neither 0 nor 1, order negative, or accuracy not positive and even.

    Notes
    -----
    The weights are `imgconv.kernels.derivative`, exact on polynomials up to degree order + accuracy
    - 1. Source: B. Fornberg, "Generation of finite difference formulas on arbitrarily spaced
    grids", Mathematics of Computation 51, 1988.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import derivative
    >>> squares = np.arange(6.0)[None] ** 2
    >>> print(derivative(squares, 1)[0, 1:-1], derivative(squares, 1, order=2)[0, 1:-1])
    [2. 4. 6. 8.] [2. 2. 2. 2.]
    """
    operation = difference(axis, order, accuracy)
    return Call.of(operation, image, mode, cval, axes, channel_axis, dtype, out)


@lru_cache(maxsize=64, typed=True)
def difference(axis: Any, order: Any, accuracy: Any) -> Operation:
    """Return a derivative along one axis."""
    along = Kernel1D.centred(kernels.derivative(order, accuracy))
    wanted = check.integer(axis, "axis")
    if wanted not in (0, 1):
        raise check.value_error(f"axis must be 0 (y) or 1 (x), got {axis!r}")
    return Separable((((along, IDENTITY) if wanted == 0 else (IDENTITY, along),),))


@filtering
def gradient(
    image: ArrayLike,
    kernel: str = "sobel",
    *,
    polar: bool = False,
    normalize: bool = True,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: tuple[Image, Image] | Image | None = None,
) -> Call[tuple[Image, Image]]:
    """Both derivatives of an image, in one pass.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    kernel : {"sobel", "scharr", "prewitt", "farid"}
        Whose 3x3 (Farid's 5x5) kernels.
    polar : bool
        Give magnitude and orientation instead.
    normalize : bool
        Scale the weights so that a step of 1 gives 1; else the bare integers.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords; `out` is a pair of arrays alike.

    Returns
    -------
    gy, gx : ndarray, float32 or float64
        The derivatives along y and x; or, if polar, the magnitude sqrt(gy**2 + gx**2) and the
        orientation atan2(gy, gx) in radians, from -pi to pi.

    Raises
    ------
    ValueError
        If kernel is not one of those above.

    Notes
    -----
    The single filters give the same derivatives; their magnitude is divided by sqrt(2) in addition,
    as scikit-image's.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import gradient
    >>> y, x = np.mgrid[:5, :5]
    >>> gy, gx = gradient(3.0 * y + 4.0 * x, normalize=False)
    >>> print(gy[2, 2], gx[2, 2])
    24.0 32.0
    >>> magnitude, orientation = gradient(3.0 * y + 4.0 * x, polar=True)
    >>> print(magnitude[2, 2], np.degrees(orientation[2, 2]).round(2))
    10.0 36.87
    """
    operation = both(kernel, polar, normalize)
    return Call.of(operation, image, mode, cval, axes, channel_axis, dtype, out)


@lru_cache(maxsize=32, typed=True)
def both(kernel: Any, polar: Any, normalize: Any) -> Operation:
    """Return the gradient of an edge kernel."""
    terms = gradient_terms(check.choice(kernel, GRADIENTS, "kernel"), 3, normalize)
    return Separable(tuple((term,) for term in terms), combine="polar" if polar else "sum")


@filtering
def laplace(
    image: ArrayLike,
    *,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Laplacian of an image: the sum of its second differences.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords.

    Returns
    -------
    ndarray, float32 or float64

    Notes
    -----
    The kernel is [[0, 1, 0], [1, -4, 1], [0, 1, 0]], as in `scipy.ndimage.laplace`;
    scikit-image's has the opposite sign.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import laplace
    >>> y, x = np.mgrid[:4, :5]
    >>> print(laplace(x**2 + y**2)[1:-1, 1:-1])
    [[4. 4. 4.]
     [4. 4. 4.]]
    """
    operation = laplacian()
    return Call.of(operation, image, mode, cval, axes, channel_axis, dtype, out)


@lru_cache(maxsize=1)
def laplacian() -> Operation:
    """Return the 3x3 kernel as a dense one: faster than the sum of its two second differences."""
    return Correlation(kernels.laplacian(), (1, 1))


@filtering
def gaussian_laplace(
    image: ArrayLike,
    sigma: float | tuple[float, float],
    *,
    truncate: float = 4.0,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Laplacian of the smoothed image, by second derivatives of a Gaussian.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    sigma : float or (float, float)
        Standard deviation in pixels, along y and x; positive.
    truncate : float
        The kernels end at this many standard deviations.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords.

    Returns
    -------
    ndarray, float32 or float64

    Raises
    ------
    ValueError
        If sigma is not positive and finite.

    Notes
    -----
    g''(y) g(x) + g(y) g''(x), both terms in one pass, as `scipy.ndimage.gaussian_laplace`. Source:
    D. Marr, E. Hildreth, "Theory of edge detection", Proceedings of the Royal Society B 207, 1980.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import gaussian_laplace
    >>> step = np.repeat([[0.0, 100.0]], 4, axis=1).repeat(3, axis=0)
    >>> gaussian_laplace(step, 1)[1].round(1)
    array([  0.2,   3.7,  19.9,  19.9, -20. , -20. ,  -3.8,  -0.2])
    """
    operation = second_derivatives(hashable(sigma), truncate)
    return Call.of(operation, image, mode, cval, axes, channel_axis, dtype, out)


@lru_cache(maxsize=64, typed=True)
def second_derivatives(sigma: Any, truncate: Any) -> Operation:
    """Return the sum of the second derivatives of a Gaussian."""
    scales = check.scales(sigma, "sigma")
    return Separable((tuple(gaussian_term(scales, o, truncate) for o in ((2, 0), (0, 2))),))


@filtering
def gaussian_gradient_magnitude(
    image: ArrayLike,
    sigma: float | tuple[float, float],
    *,
    truncate: float = 4.0,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Magnitude of the gradient of the smoothed image, by derivatives of a Gaussian.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    sigma : float or (float, float)
        Standard deviation in pixels, along y and x; positive.
    truncate : float
        The kernels end at this many standard deviations.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords.

    Returns
    -------
    ndarray, float32 or float64

    Raises
    ------
    ValueError
        If sigma is not positive and finite.

    Notes
    -----
    sqrt((g'(y) g(x))**2 + (g(y) g'(x))**2) in one pass, as
    `scipy.ndimage.gaussian_gradient_magnitude`.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import gaussian_gradient_magnitude
    >>> y, x = np.mgrid[:32, :32]
    >>> print(gaussian_gradient_magnitude(3.0 * y + 4.0 * x, 2)[16, 16].round(3))
    4.998
    """
    operation = first_derivatives(hashable(sigma), truncate)
    return Call.of(operation, image, mode, cval, axes, channel_axis, dtype, out)


@lru_cache(maxsize=64, typed=True)
def first_derivatives(sigma: Any, truncate: Any) -> Operation:
    """Return the magnitude of the first derivatives of a Gaussian."""
    scales = check.scales(sigma, "sigma")
    components = tuple((gaussian_term(scales, o, truncate),) for o in ((1, 0), (0, 1)))
    return Separable(components, combine="magnitude")


@filtering
def hysteresis(
    image: ArrayLike,
    low: float,
    high: float,
    *,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Several[Image]:
    """Find the pixels above a low threshold that are connected to one above a high threshold.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    low, high : float
        Thresholds; a low one that is above the high one or NaN counts as that.
    axes, channel_axis, dtype, out
        See `imgconv`, common keywords.

    Returns
    -------
    ndarray, bool
        Or of the dtype that `dtype` or `out` says, 0 and 1.

    Raises
    ------
    TypeError
        If a threshold is not a number.

    Notes
    -----
    A pixel is kept if image > high, or if image > low and a path of such pixels, from one to the
    next above, below or beside it, leads to one that is kept; as
    `skimage.filters.apply_hysteresis_threshold` has it, but for NaN. A high threshold that is NaN
    keeps nothing. The time is that of the pixels, whatever
    they form. Source: J. Canny, "A computational approach to edge detection", IEEE Transactions on
    Pattern Analysis and Machine Intelligence 8, 1986.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import hysteresis
    >>> print(hysteresis(np.array([[1, 2, 3, 2, 1, 2, 1, 3, 2]]), 1.5, 2.5).astype(int))
    [[0 1 1 1 0 0 0 1 1]]
    """
    array = check.image(image)
    axes, channel_axis = check.axis_numbers(axes, channel_axis)
    layout = check.layout(array.ndim, axes, channel_axis)
    for threshold, name in ((low, "low"), (high, "high")):
        check.number(threshold, name)
    wanted = check.mask_target(array.shape, dtype, out)
    planes = np.moveaxis(array, (layout.y, layout.x), (-2, -1))

    def runs() -> Image:
        classes = np.empty(planes.shape, np.uint8)
        np.greater(planes, whole(np.fmin(low, high), array.dtype), out=classes.view(np.bool_))
        classes += planes > whole(high, array.dtype)
        found = flood.connected(classes, corners=False)
        return delivered(np.moveaxis(found, (-2, -1), (layout.y, layout.x)), wanted, out)

    return Several(runs, (), array.shape, wanted, FLOOD, CONNECTS)


# What takes classes of pixels to edges, and why it cannot be done piece by piece.
FLOOD = "flood loop, from strong pixels over weak ones, in bitmaps"
CONNECTS = "it connects pixels however far apart"


def whole(threshold: Any, dtype: np.dtype) -> Any:
    """Return an integer that as many integers exceed, since these are compared faster."""
    fractional = dtype.kind in "iu" and isinstance(threshold, (float, np.floating))
    return math.floor(threshold) if fractional and np.isfinite(threshold) else threshold


def delivered(mask: Image, dtype: np.dtype, out: Image | None) -> Image:
    """Return a mask as an array in C order, of the caller's dtype or in the caller's array."""
    if out is None:
        return np.ascontiguousarray(mask, dtype)
    np.copyto(out, mask, casting="unsafe")
    return out


@filtering
def canny(
    image: ArrayLike,
    sigma: float | tuple[float, float] = 1.0,
    low_threshold: float | None = None,
    high_threshold: float | None = None,
    *,
    mask: ArrayLike | None = None,
    use_quantiles: bool = False,
    mode: Mode = "constant",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Several[Image]:
    """Find edges one pixel wide by Canny's method.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`. Each channel by itself: edges of a
        colour image are those of its luminance, or of any channel, ``canny(...).any(axis=-1)``.
    sigma : float or (float, float)
        Standard deviation of the Gaussian in pixels, along y and x.
    low_threshold, high_threshold : float, optional
        Of the magnitude of the gradient, in the image's units, by the bare integers of Sobel's
        kernels (a step of 1 gives up to 4); by default a tenth and a fifth of the largest value of
        an integer dtype, of 1 for floats. An edge has a pixel above the high threshold, and goes on
        as long as it is above the low one.
    mask : array_like, (H, W) or the shape of the image, optional
        False where pixels shall not count: the image is smoothed without them, and edges are found
        where all eight neighbours count, too.
    use_quantiles : bool
        Whether the thresholds are quantiles of the magnitude, from 0 to 1.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords. "constant" takes the mean of what lies in the image: the
        Gaussian is divided by its part inside. `cval` is on the scale from 0 to 1 for integers.

    Returns
    -------
    ndarray, bool
        Or of the dtype that `dtype` or `out` says, 0 and 1. There are no edges on the outermost
        pixels.

    Raises
    ------
    ValueError
        If sigma is negative, the low threshold above the high one, a quantile outside [0, 1], or
        mask of another shape.

    Notes
    -----
    The image is smoothed, and differentiated by Sobel's kernels. A pixel is a candidate if its
    magnitude is not below that on both sides of it along the gradient, interpolated between two
    neighbours each; candidates above the low threshold that are connected to one above the high
    threshold, at corners too, are edges. One pass takes the image to the candidates, and the time
    of the rest is that of their number.

    Equal to `skimage.feature.canny` in every pixel: all is computed in float64, in the order that
    SciPy has, and rounded to float32 where scikit-image does so (for float16 and float32). Source:
    J. Canny, "A computational approach to edge detection", IEEE Transactions on Pattern Analysis
    and Machine Intelligence 8, 1986.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import canny
    >>> image = np.zeros((7, 9), np.uint8)
    >>> image[:, 4:] = 255
    >>> print(canny(image).astype(int)[2])
    [0 0 0 0 1 0 0 0 0]
    """
    array = check.image(image)
    axes, channel_axis = check.axis_numbers(axes, channel_axis)
    y, x, _, _ = check.layout(array.ndim, axes, channel_axis)
    planes = np.moveaxis(array, (y, x), (-2, -1))
    border = Surroundings(
        check.scales(sigma, "sigma"), check.modes(mode), check.number(cval, "cval")
    )
    low, high = check.thresholds(low_threshold, high_threshold, use_quantiles, array.dtype)
    wanted = check.mask_target(array.shape, dtype, out)
    valid = None if mask is None else check.mask(mask, array.shape, planes.shape[-2:], (y, x))

    def runs() -> Image:
        if valid is None and not use_quantiles:
            found = edges_of(planes, None, border, low, high, False)
        else:
            found = np.empty(planes.shape, np.bool_)
            for place in np.ndindex(planes.shape[:-2]):
                inside = None if valid is None else valid[place]
                found[place] = edges_of(planes[place], inside, border, low, high, use_quantiles)
        return delivered(np.moveaxis(found, (-2, -1), (y, x)), wanted, out)

    operation = canny_stage("classes", planes.shape[-2:], array.dtype, border)
    classes: Call[Image] = Call(operation, array, mode, cval, axes, channel_axis, np.uint8)
    return Several(runs, (classes,), array.shape, wanted, FLOOD, CONNECTS)


class Surroundings(NamedTuple):
    """The Gaussian of `canny`, and what it sees outside the image."""

    sigma: tuple[float, float]
    modes: tuple[str, str]
    cval: float


def edges_of(
    planes: Image,
    mask: NDArray[np.bool_] | None,
    border: Surroundings,
    low: Any,
    high: Any,
    use_quantiles: bool,
) -> Image:
    """Return the edges of planes, or of a single one where there is a mask or quantiles."""
    if mask is not None:
        planes = smooth_within(planes, mask, border)
        border = border._replace(sigma=(0.0, 0.0))
    divided = mask is None
    if use_quantiles:
        magnitude = run_stage("magnitude", planes, border, divided)
        low, high = np.percentile(magnitude, [100.0 * low, 100.0 * high]) if planes.size else (0, 0)
    classes = run_stage("classes", planes, border, divided, low, high)
    if mask is not None:
        classes[minimum_3x3(mask) == 0] = 0
    return flood.connected(classes, corners=True)


def smooth_within(plane: Image, mask: NDArray[np.bool_], border: Surroundings) -> Image:
    """Return the Gaussian mean of the pixels that count."""
    masked = np.where(mask, plane, plane.dtype.type(0))
    smooth = run_stage("smooth", masked, border, False)
    parts = run_stage("smooth", mask.astype(smooth.dtype), border, False)
    smooth /= parts + np.finfo(smooth.dtype).eps
    return smooth


def minimum_3x3(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return whether a pixel and its eight neighbours count; outside the image nothing does."""
    padded = np.pad(mask, 1)
    rows = padded[:-2] & padded[1:-1] & padded[2:]
    return rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:]


def run_stage(
    stage: str, planes: Image, border: Surroundings, divided: bool, low: Any = 0, high: Any = 0
) -> Image:
    """Run Canny's loop up to a stage, in the dtype that scikit-image has there."""
    operation = canny_stage(
        stage, planes.shape[-2:], check.native(planes.dtype), border, divided, low, high
    )
    dtype = np.dtype(np.uint8) if stage == "classes" else skimage_float(planes.dtype)
    return apply(operation, planes, border.modes, border.cval, (-2, -1), None, dtype)


def skimage_float(dtype: np.dtype) -> np.dtype:
    """Return the dtype in which scikit-image filters an image."""
    return np.dtype(np.float32 if dtype.kind == "f" and dtype.itemsize < 8 else np.float64)


@lru_cache(maxsize=64, typed=True)
def canny_stage(
    stage: str,
    shape: tuple[int, int],
    dtype: np.dtype,
    border: Surroundings,
    divided: bool = True,
    low: Any = 0,
    high: Any = 0,
) -> Canny:
    """Return the operation for images of this shape and dtype.

    The thresholds are compared as scikit-image does: the low one as float32 and never zero, the
    high one as NumPy compares it with a magnitude in float32, rounded if it is a number of
    Python's, else exactly, as the next float32.
    """
    real = skimage_float(dtype)
    halves = [kernels.gaussian(s)[: int(4 * s + 0.5) + 1][::-1] for s in border.sigma]
    constant = tuple(mode == "constant" for mode in border.modes)
    parts = np.empty((0, 0))
    if divided and all(constant) and min(shape) > 0:
        parts = parts_inside(shape, halves, border, real)
    return Canny(
        kernels=(halves[0].copy(), halves[1].copy()),
        parts=parts,
        low=float(np.float32(low)) or float(np.float32(1e-14)),
        high=next_single(high) if real == np.float32 else float(high),
        scale=1.0 / np.iinfo(dtype).max if dtype.kind in "iu" else None,
        constant=(constant[0], constant[1]),
        stage=stage,
    )


def next_single(high: Any) -> float:
    """Return the float32 that stands for a threshold."""
    near = np.float32(high)
    below = isinstance(high, np.generic) and float(near) < float(high)
    return float(np.nextafter(near, np.float32(np.inf)) if below else near)


def parts_inside(
    shape: tuple[int, int], halves: list[Any], border: Surroundings, dtype: np.dtype
) -> NDArray[np.float64]:
    """Return the Gaussian of an image of ones, of as many rows and columns as differ."""
    size = [min(n, 2 * len(half) - 1) for n, half in zip(shape, halves, strict=True)]
    inside = run_stage("smooth", np.ones(size, dtype), border, False)
    return (inside + np.finfo(dtype).eps).astype(np.float64)

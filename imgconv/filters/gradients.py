"""Derivatives, gradients and Laplacians.

An axis is 0 for y (down the rows) and 1 for x; a derivative is positive where the image grows along
it. Every function takes the common keywords of `imgconv`: mode, cval, axes, channel_axis, dtype,
out; the results are of the computing dtype, float32 or float64.
"""

import math
from functools import lru_cache
from typing import Any

from numpy.typing import ArrayLike, DTypeLike

from imgconv import kernels
from imgconv.core import check
from imgconv.core.call import Call, filtering
from imgconv.core.run import hashable
from imgconv.filters.arguments import Image, Mode
from imgconv.filters.linear import gaussian_term
from imgconv.operations.base import Operation
from imgconv.operations.correlate import Correlation
from imgconv.operations.separable import IDENTITY, Kernel1D, Separable, Term

__all__ = [
    "derivative",
    "farid",
    "gaussian_gradient_magnitude",
    "gaussian_laplace",
    "gradient",
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

"""Kernels as data: the coefficients of the linear filters, each with its source.

Every function returns a fresh float64 array (`gabor`: complex128) to be *correlated* with an
image, ``out[y, x] = sum(kernel[i, j] * image[y + i - kh // 2, x + j - kw // 2])``, so a
derivative is positive where the image grows along its axis: axis 0 is y (down the rows),
axis 1 is x. What is to be convolved instead says so; `flip` turns one into the other.
"""

from __future__ import annotations

import math
import operator
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.polynomial import hermite_e
from numpy.typing import ArrayLike, NDArray

from imgconv.core.check import type_error, value_error

__all__ = [
    "box",
    "derivative",
    "disk",
    "edge_factors",
    "farid",
    "flip",
    "gabor",
    "gaussian",
    "laplacian",
    "log",
    "prewitt",
    "roberts",
    "scharr",
    "separable_rank",
    "separate",
    "sobel",
]

Weights = NDArray[np.float64]

# The most weights of a kernel that is made from a scale: a Gaussian of sigma 16,000 along an
# axis, or 1024 x 1024 of two.
LONGEST, MOST = 1 << 17, 1 << 20
# Their fractions are exact, which takes half a second for so many pixels.
LONGEST_DIFFERENCE = 51

# scipy.ndimage.gaussian_filter, too, leaves an axis alone up to this sigma.
NO_BLUR = 1e-15

# 1-D factors (edge, smooth) as published; Sobel's are computed for each size.
EDGE_FACTORS: dict[str, tuple[list[float], list[float]]] = {
    "scharr": ([-1, 0, 1], [3, 10, 3]),
    "prewitt": ([-1, 0, 1], [1, 1, 1]),
    "farid": (
        [-0.109603762960254, -0.276690988455557, 0, 0.276690988455557, 0.109603762960254],
        [
            0.0376593171958126,
            0.249153396177344,
            0.426374573253687,
            0.249153396177344,
            0.0376593171958126,
        ],
    ),
}


# ---- one dimension ---------------------------------------------------------------------------


def gaussian(
    sigma: float, *, order: int = 0, truncate: float = 4.0, radius: int | None = None
) -> Weights:
    """Gaussian of standard deviation `sigma`, or one of its derivatives.

    Parameters
    ----------
    sigma : float
        Standard deviation in pixels. 0 (up to 1e-15) is no blur: the kernel ``[1.0]``.
    order : int
        0 is the Gaussian itself, n its n-th derivative.
    truncate : float
        The kernel ends at this many standard deviations.
    radius : int, optional
        The kernel ends at this many pixels, whatever `truncate` says.

    Returns
    -------
    ndarray of shape (2 * radius + 1,), float64
        Without `radius`, radius = int(truncate * sigma + 0.5).

    Raises
    ------
    ValueError
        If `sigma`, `order`, `truncate` or `radius` is negative, `sigma` or `truncate` not finite,
        or `sigma` zero while `order` is not; if there would be more than 131072 weights, or `order`
        is so high that some are not finite.

    Notes
    -----
    The samples of exp(-x**2 / (2 * sigma**2)), divided by their sum, times He_n(x / sigma) /
    sigma**n for order n, He_n being Hermite's polynomials [1]_. The values are those of
    `scipy.ndimage.gaussian_filter1d`, orientation included: correlated, order 1 is positive on
    a rising ramp.

    References
    ----------
    .. [1] M. Abramowitz, I. A. Stegun, "Handbook of Mathematical Functions", 1964, chapter 22.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.gaussian(0.5, radius=1).round(4)
    array([0.1065, 0.787 , 0.1065])
    >>> kernels.gaussian(1, order=1, radius=2).round(4)
    array([-0.109 , -0.2442,  0.    ,  0.2442,  0.109 ])
    """
    sigma = _real("sigma", sigma)
    truncate = _real("truncate", truncate)
    order = _integer("order", order, least=0)
    if sigma <= NO_BLUR:
        if order > 0:
            raise value_error(f"sigma must be positive where order is, got {sigma} for {order}")
        return np.ones(1)
    if radius is None:
        _fits("truncate * sigma", truncate * sigma, 2 * truncate * sigma + 1, LONGEST)
        radius = int(truncate * sigma + 0.5)
    else:
        radius = _integer("radius", radius, least=0)
        _fits("radius", radius, 2 * radius + 1, LONGEST)
    x = np.arange(-radius, radius + 1)
    weights: Weights = np.exp(-0.5 / (sigma * sigma) * x**2)
    weights /= weights.sum()
    if order > 0:
        with np.errstate(all="ignore"):
            weights *= hermite_e.hermeval(x / sigma, [0] * order + [1]) / np.float64(sigma) ** order
        if not np.isfinite(weights).all():
            raise value_error(f"order must leave weights finite, got {order} for sigma {sigma}")
    return weights


def box(size: int) -> Weights:
    """Mean of `size` pixels.

    Parameters
    ----------
    size : int
        Number of pixels.

    Returns
    -------
    ndarray of shape (size,), float64
        Equal weights that add up to 1.

    Raises
    ------
    ValueError
        If `size` is not positive.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.box(4)
    array([0.25, 0.25, 0.25, 0.25])
    """
    size = _integer("size", size, least=1)
    return np.full(size, 1 / size)


def derivative(order: int = 1, accuracy: int = 2) -> Weights:
    """Central finite difference: the shortest one of this order and accuracy.

    Parameters
    ----------
    order : int
        Which derivative; 0 is the pixel itself.
    accuracy : int
        The error falls with this power of the pixel distance. Central differences have an even one.

    Returns
    -------
    ndarray of shape (2 * p + 1,), float64
        p = (order + 1) // 2 + accuracy // 2 - 1; exact but for one rounding of each weight.

    Raises
    ------
    ValueError
        If `order` is negative, or `accuracy` not positive and even.

    Notes
    -----
    The weights differentiate, at 0, the polynomial through the pixels -p to p [1]_: weight j is
    order! times the coefficient of x**order in Lagrange's polynomial, which is 1 at j and 0 at all
    other pixels. So polynomials up to degree order + accuracy - 1 are differentiated exactly.

    References
    ----------
    .. [1] B. Fornberg, "Generation of finite difference formulas on arbitrarily spaced grids",
       Mathematics of Computation 51, 1988, table 1.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.derivative()
    array([-0.5,  0. ,  0.5])
    >>> kernels.derivative(2)
    array([ 1., -2.,  1.])
    """
    order = _integer("order", order, least=0)
    accuracy = _integer("accuracy", accuracy, least=1)
    if accuracy % 2:
        raise value_error(f"accuracy must be even, got {accuracy}")
    if order == 0:
        return np.ones(1)
    p = (order + 1) // 2 + accuracy // 2 - 1
    _fits("order and accuracy", (order, accuracy), 2 * p + 1, LONGEST_DIFFERENCE)
    pixels = range(-p, p + 1)
    weights = [math.factorial(order) * _lagrange(j, pixels)[order] for j in pixels]
    return np.array([float(weight) for weight in weights])


def _lagrange(j: int, pixels: range) -> list[Fraction]:
    """Coefficients, lowest power first, of the polynomial that is 1 at `j`, 0 at other `pixels`."""
    coefficients = [Fraction(1)]
    for k in pixels:
        if k != j:
            times_x = [Fraction(0), *coefficients]
            times_k = [k * c for c in coefficients] + [Fraction(0)]
            coefficients = [(a - b) / (j - k) for a, b in zip(times_x, times_k, strict=True)]
    return coefficients


# ---- edges -----------------------------------------------------------------------------------


def edge_factors(name: str, size: int = 3, normalize: bool = True) -> tuple[Weights, Weights]:
    """One-dimensional factors of an edge kernel: a derivative and the smoothing across it.

    Parameters
    ----------
    name : {"sobel", "scharr", "prewitt", "farid"}
        Whose kernel.
    size : {3, 5, 7}
        Number of weights of Sobel's. The others have one size (3; Farid's 5) and take only 3.
    normalize : bool
        Divide both factors as scikit-image does: the positive weights of the edge add up to 1, and
        so does the smoothing. Else the bare integers. Farid's weights are not integers and
        normalised as published: they are the same for both.

    Returns
    -------
    edge, smooth : ndarray of shape (size,), float64
        The kernel is ``outer(edge, smooth)`` for axis 0 and ``outer(smooth, edge)`` for axis 1.

    Raises
    ------
    ValueError
        If `name` or `size` is not one of those above.

    Notes
    -----
    A normalised edge from 0 to 1 gives at most 1 (Farid's: 0.39, as its weights measure the slope);
    a ramp of slope 1 gives 2 for the 3x3 kernels, 0.99 for Farid's, and 8/3 and 16/5 for Sobel's
    5x5 and 7x7. scikit-image and SciPy agree in sign; only the scale differs.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.edge_factors("sobel")
    (array([-1.,  0.,  1.]), array([0.25, 0.5 , 0.25]))
    >>> kernels.edge_factors("sobel", 5, normalize=False)
    (array([-1., -2.,  0.,  2.,  1.]), array([1., 4., 6., 4., 1.]))
    """
    if name == "sobel":
        factors = _sobel_factors(size)
    elif name not in EDGE_FACTORS:
        raise value_error(f"name must be one of {['sobel', *EDGE_FACTORS]}, got {name!r}")
    elif size != 3:
        raise value_error(f"size must be left at 3 for {name}, got {size!r}")
    else:
        factors = EDGE_FACTORS[name]
    edge, smooth = (np.array(factor, dtype=np.float64) for factor in factors)
    if normalize and name != "farid":
        edge /= edge[edge > 0].sum()
        smooth /= smooth.sum()
    return edge, smooth


def _sobel_factors(size: int) -> tuple[list[float], list[float]]:
    """Integer factors of Sobel's kernel: a binomial row differenced, and a binomial row."""
    if size not in (3, 5, 7):
        raise value_error(f"size must be 3, 5 or 7, got {size!r}")
    shorter = [math.comb(size - 2, k) for k in range(size - 1)]
    edge = [float(a - b) for a, b in zip([0, *shorter], [*shorter, 0], strict=True)]
    return edge, [float(math.comb(size - 1, k)) for k in range(size)]


def _edge_kernel(name: str, axis: int, size: int, normalize: bool) -> Weights:
    axis = _image_axis(axis)
    edge, smooth = edge_factors(name, size, normalize)
    return np.outer(edge, smooth) if axis == 0 else np.outer(smooth, edge)


def sobel(axis: int, size: int = 3, normalize: bool = True) -> Weights:
    """Sobel's derivative along one axis.

    Parameters
    ----------
    axis : {0, 1}
        0 differentiates along y (finds horizontal edges), 1 along x.
    size : {3, 5, 7}
        Width and height.
    normalize : bool
        Scale the weights so that the positive ones add up to 1; else bare integers.

    Returns
    -------
    ndarray of shape (size, size), float64

    Raises
    ------
    ValueError
        If `axis` or `size` is not one of those above.

    Notes
    -----
    The 3x3 kernel is [1]_'s, the product of [-1, 0, 1] and [1, 2, 1]. Both are binomial rows,
    (z - 1)(z + 1)**(size - 2) and (z + 1)**(size - 1), and so continue to larger sizes, as in
    OpenCV. Normalised it is `skimage.filters.sobel_h` (axis 0) and ``sobel_v`` (axis 1); bare it is
    `scipy.ndimage.sobel`.

    References
    ----------
    .. [1] I. Sobel, G. Feldman, "A 3x3 isotropic gradient operator for image processing",
       talk at the Stanford Artificial Intelligence Project, 1968.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.sobel(0, normalize=False)
    array([[-1., -2., -1.],
           [ 0.,  0.,  0.],
           [ 1.,  2.,  1.]])
    """
    return _edge_kernel("sobel", axis, size, normalize)


def scharr(axis: int, normalize: bool = True) -> Weights:
    """Scharr's 3x3 derivative along one axis, the most isotropic of its size.

    Parameters
    ----------
    axis : {0, 1}
        0 differentiates along y (finds horizontal edges), 1 along x.
    normalize : bool
        Scale the weights so that the positive ones add up to 1; else bare integers.

    Returns
    -------
    ndarray of shape (3, 3), float64

    Raises
    ------
    ValueError
        If `axis` is neither 0 nor 1.

    Notes
    -----
    The product of [-1, 0, 1] and [3, 10, 3] [1]_, as `skimage.filters.scharr_h` and ``scharr_v``.

    References
    ----------
    .. [1] H. Scharr, "Optimal operators in digital image processing", thesis, Heidelberg, 2000.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.scharr(1, normalize=False)
    array([[ -3.,   0.,   3.],
           [-10.,   0.,  10.],
           [ -3.,   0.,   3.]])
    """
    return _edge_kernel("scharr", axis, 3, normalize)


def prewitt(axis: int, normalize: bool = True) -> Weights:
    """Prewitt's 3x3 derivative along one axis.

    Parameters
    ----------
    axis : {0, 1}
        0 differentiates along y (finds horizontal edges), 1 along x.
    normalize : bool
        Scale the weights so that the positive ones add up to 1; else bare integers.

    Returns
    -------
    ndarray of shape (3, 3), float64

    Raises
    ------
    ValueError
        If `axis` is neither 0 nor 1.

    Notes
    -----
    The product of [-1, 0, 1] and [1, 1, 1] [1]_. Normalised it is `skimage.filters.prewitt_h` and
    ``prewitt_v``; bare it is `scipy.ndimage.prewitt`.

    References
    ----------
    .. [1] J. M. S. Prewitt, "Object enhancement and extraction", in "Picture Processing and
       Psychopictorics", 1970.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.prewitt(0, normalize=False)
    array([[-1., -1., -1.],
           [ 0.,  0.,  0.],
           [ 1.,  1.,  1.]])
    """
    return _edge_kernel("prewitt", axis, 3, normalize)


def farid(axis: int, normalize: bool = True) -> Weights:
    """Farid and Simoncelli's 5x5 derivative along one axis.

    Parameters
    ----------
    axis : {0, 1}
        0 differentiates along y (finds horizontal edges), 1 along x.
    normalize : bool
        Without effect: the published weights are not integers and measure the slope already. It is
        there because the other edge kernels have it.

    Returns
    -------
    ndarray of shape (5, 5), float64

    Raises
    ------
    ValueError
        If `axis` is neither 0 nor 1.

    Notes
    -----
    Table 1 of [1]_, third and fourth row, with the decimal places that scikit-image computed by the
    authors' code, as `skimage.filters.farid_h` and ``farid_v``.

    References
    ----------
    .. [1] H. Farid, E. P. Simoncelli, "Differentiation of discrete multidimensional signals",
       IEEE Transactions on Image Processing 13, 2004.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.farid(1)[2].round(4)
    array([-0.0467, -0.118 ,  0.    ,  0.118 ,  0.0467])
    """
    return _edge_kernel("farid", axis, 3, normalize)


def roberts(axis: int, normalize: bool = True) -> Weights:
    """Roberts' 2x2 difference along one diagonal.

    Parameters
    ----------
    axis : {0, 1}
        0 is the diagonal from upper left to lower right, 1 the one from upper right to lower left:
        `skimage.filters.roberts_pos_diag` and ``roberts_neg_diag``.
    normalize : bool
        Without effect: the bare integers already have positive weights that add up to 1. It is
        there because the other edge kernels have it.

    Returns
    -------
    ndarray of shape (2, 2), float64

    Raises
    ------
    ValueError
        If `axis` is neither 0 nor 1.

    Notes
    -----
    The size is even, so the place of the kernel matters. scikit-image looks down and to the right,
    ``image[y + 1, x + 1] - image[y, x]`` for axis 0: that is ``convolve(image, flip(kernel))``.
    Correlation, centred at size // 2, looks up and to the left: the same picture, but one pixel
    lower and further right. The source is [1]_.

    References
    ----------
    .. [1] L. G. Roberts, "Machine perception of three-dimensional solids", thesis, MIT, 1963.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.roberts(0)
    array([[-1.,  0.],
           [ 0.,  1.]])
    >>> kernels.roberts(1)
    array([[ 0., -1.],
           [ 1.,  0.]])
    """
    kernel = np.array([[-1.0, 0.0], [0.0, 1.0]])
    return kernel if _image_axis(axis) == 0 else kernel[:, ::-1].copy()


# ---- other kernels in two dimensions ---------------------------------------------------------


def laplacian(neighbours: int = 4) -> Weights:
    """Sum of the second differences with the pixel's neighbours.

    Parameters
    ----------
    neighbours : {4, 8}
        Those that share a side, or those that share a corner as well.

    Returns
    -------
    ndarray of shape (3, 3), float64

    Raises
    ------
    ValueError
        If `neighbours` is neither 4 nor 8.

    Notes
    -----
    The centre is negative, as in `scipy.ndimage.laplace` (which is `neighbours` = 4) and OpenCV;
    `skimage.filters.laplace` has the opposite sign. With 4 it estimates d2/dy2 + d2/dx2, with
    8 three times that. Source: A. Rosenfeld, A. C. Kak, "Digital Picture Processing", 1976.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.laplacian()
    array([[ 0.,  1.,  0.],
           [ 1., -4.,  1.],
           [ 0.,  1.,  0.]])
    """
    if neighbours not in (4, 8):
        raise value_error(f"neighbours must be 4 or 8, got {neighbours!r}")
    corner = int(neighbours == 8)
    rows = [[corner, 1, corner], [1, -neighbours, 1], [corner, 1, corner]]
    return np.array(rows, dtype=np.float64)


def log(sigma: float | tuple[float, float], *, truncate: float = 4.0) -> Weights:
    """Laplacian of a Gaussian.

    Parameters
    ----------
    sigma : float or (float, float)
        Standard deviation in pixels, for both axes or for y and x.
    truncate : float
        The kernel ends at this many standard deviations.

    Returns
    -------
    ndarray of shape (2 * ry + 1, 2 * rx + 1), float64
        With the radii r = int(truncate * sigma + 0.5).

    Raises
    ------
    ValueError
        If `sigma` is not positive or more than two, `truncate` negative, or one not finite.

    Notes
    -----
    g''(y) g(x) + g(y) g''(x) with the weights of `gaussian`, the same as in
    `scipy.ndimage.gaussian_laplace`; so its rank is at most 2. Cut off at `truncate`, the weights
    do not quite add up to 0. The source is [1]_.

    References
    ----------
    .. [1] D. Marr, E. Hildreth, "Theory of edge detection", Proceedings of the Royal Society of
       London B 207, 1980.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.log(0.5, truncate=2).round(3)
    array([[ 0.272,  0.671,  0.272],
           [ 0.671, -4.955,  0.671],
           [ 0.272,  0.671,  0.272]])
    """
    sigmas = tuple(sigma) if isinstance(sigma, tuple | list) else (sigma, sigma)
    if len(sigmas) != 2:
        raise value_error(f"sigma must be one number or two, got {sigma!r}")
    sigma_y, sigma_x = sigmas
    smooth_y, smooth_x = gaussian(sigma_y, truncate=truncate), gaussian(sigma_x, truncate=truncate)
    curve_y = gaussian(sigma_y, order=2, truncate=truncate)
    curve_x = gaussian(sigma_x, order=2, truncate=truncate)
    return np.outer(curve_y, smooth_x) + np.outer(smooth_y, curve_x)


def gabor(
    frequency: float,
    theta: float = 0.0,
    *,
    bandwidth: float = 1.0,
    sigma_x: float | None = None,
    sigma_y: float | None = None,
    n_stds: float = 3,
    offset: float = 0.0,
) -> NDArray[np.complex128]:
    """Gabor's kernel: a complex wave under a Gaussian, to be convolved.

    Parameters
    ----------
    frequency : float
        Cycles a pixel.
    theta : float
        Direction of the wave in radians, from x towards y.
    bandwidth : float
        Octaves that the filter lets pass; gives the standard deviations that are not given.
    sigma_x, sigma_y : float, optional
        Standard deviations along the wave and across it, in pixels (along x and y for theta = 0).
    n_stds : float
        The kernel ends at this many standard deviations.
    offset : float
        Phase of the wave at the centre, in radians.

    Returns
    -------
    ndarray of shape (2 * ry + 1, 2 * rx + 1), complex128
        Real part even, imaginary part odd where `offset` is 0.

    Raises
    ------
    ValueError
        If `frequency` or `bandwidth` is not positive where a sigma is missing, a sigma not
        positive, `n_stds` negative, or an argument not finite.

    Notes
    -----
    The weight at (y, x) is [1]_ ::

        exp(-(u**2 / sigma_x**2 + v**2 / sigma_y**2) / 2 + i (2 pi frequency u + offset))
        / (2 pi sigma_x sigma_y),  u = x cos(theta) + y sin(theta),  v = y cos(theta) - x sin(theta)

    and a missing sigma is sqrt(log(2) / 2) (2**b + 1) / (2**b - 1) / (pi frequency), b being the
    bandwidth. It equals `skimage.filters.gabor_kernel`, which is made for convolution; correlation
    takes its `flip`, for offset 0 the same as its conjugate.

    References
    ----------
    .. [1] J. G. Daugman, "Uncertainty relation for resolution in space, spatial frequency, and
       orientation optimized by two-dimensional visual cortical filters", Journal of the Optical
       Society of America A 2, 1985.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.gabor(0.25, sigma_x=1, sigma_y=1, n_stds=1).round(3)
    array([[0.   -0.059j, 0.097+0.j   , 0.   +0.059j],
           [0.   -0.097j, 0.159+0.j   , 0.   +0.097j],
           [0.   -0.059j, 0.097+0.j   , 0.   +0.059j]])
    """
    sigma_x = _gabor_sigma("sigma_x", sigma_x, frequency, bandwidth)
    sigma_y = _gabor_sigma("sigma_y", sigma_y, frequency, bandwidth)
    frequency = _real("frequency", frequency, "be finite")
    theta, offset = _real("theta", theta, "be finite"), _real("offset", offset, "be finite")
    n_stds = _real("n_stds", n_stds)
    reach = n_stds * max(sigma_x, sigma_y)
    _fits("n_stds * sigma", reach, (2 * reach + 1) ** 2, MOST)
    cos, sin = math.cos(theta), math.sin(theta)
    ry = math.ceil(max(abs(n_stds * sigma_y * cos), abs(n_stds * sigma_x * sin), 1))
    rx = math.ceil(max(abs(n_stds * sigma_x * cos), abs(n_stds * sigma_y * sin), 1))
    y, x = np.ogrid[-ry : ry + 1, -rx : rx + 1]
    u, v = x * cos + y * sin, y * cos - x * sin
    envelope = -0.5 * (u**2 / sigma_x**2 + v**2 / sigma_y**2)
    phase = 2 * np.pi * frequency * u + offset
    wavelet: NDArray[np.complex128] = np.exp(envelope + 1j * phase, dtype=np.complex128)
    return wavelet / (2 * np.pi * sigma_x * sigma_y)


def _gabor_sigma(name: str, sigma: float | None, frequency: float, bandwidth: float) -> float:
    if sigma is not None:
        return _real(name, sigma, "be positive")
    octaves: float = 2.0 ** _real("bandwidth", bandwidth, "be positive")
    frequency = _real("frequency", frequency, "be positive")
    return math.sqrt(math.log(2) / 2) * (octaves + 1) / (octaves - 1) / (math.pi * frequency)


def disk(radius: float) -> Weights:
    """Mean over a disk.

    Parameters
    ----------
    radius : float
        In pixels. A pixel belongs to the disk if its centre is at most this far away.

    Returns
    -------
    ndarray of shape (2 * r + 1, 2 * r + 1), float64, r = floor(radius)
        1 / n for each of the n pixels of the disk, 0 elsewhere: the weights add up to 1.

    Raises
    ------
    ValueError
        If `radius` is negative or not finite.

    Notes
    -----
    y**2 + x**2 <= radius**2, as `skimage.morphology.disk` has it for whole radii; pixels on the rim
    count whole.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.disk(1)
    array([[0. , 0.2, 0. ],
           [0.2, 0.2, 0.2],
           [0. , 0.2, 0. ]])
    """
    radius = _real("radius", radius)
    _fits("radius", radius, (2 * radius + 1) ** 2, MOST)
    reach = math.floor(radius)
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    inside = y**2 + x**2 <= radius**2
    weights: Weights = inside / inside.sum()
    return weights


# ---- kernels from kernels --------------------------------------------------------------------


def flip(kernel: ArrayLike) -> NDArray[Any]:
    """Kernel turned by half a circle: makes a correlation of a convolution, and back.

    Parameters
    ----------
    kernel : array_like of shape (kh, kw)
        Any dtype.

    Returns
    -------
    ndarray of shape (kh, kw)
        A copy, reversed along both axes, of the same dtype.

    Raises
    ------
    ValueError
        If `kernel` is not 2-D or has no weights.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.flip([[1, 2], [3, 4]])
    array([[4, 3],
           [2, 1]])
    """
    return _kernel(kernel)[::-1, ::-1].copy()


def separate(kernel: ArrayLike, tol: float | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Fewest pairs of 1-D kernels whose products add up to the kernel.

    Parameters
    ----------
    kernel : array_like of shape (kh, kw)
        Real or complex.
    tol : float, optional
        Singular values up to `tol` times the largest are dropped. The default, 4 eps max(kh, kw),
        drops what is rounding in float64 and nothing else; a larger one approximates.

    Returns
    -------
    columns : ndarray of shape (r, kh), float64 or complex128
    rows : ndarray of shape (r, kw), float64 or complex128
        ``columns.T @ rows`` is the kernel. The most important pair comes first; no pair (r = 0) for
        a kernel of zeros.

    Raises
    ------
    ValueError
        If `kernel` is not 2-D, has no weights or one that is not finite, or `tol` is negative.

    Notes
    -----
    The singular value decomposition, the best approximation of each rank [1]_; each singular value
    is shared evenly between column and row, and the largest weight of each row is positive. Two
    passes cost r (kh + kw) operations a pixel instead of kh kw. `imgconv.correlate` finds exact
    terms by itself; use this to approximate a kernel by fewer.

    References
    ----------
    .. [1] C. Eckart, G. Young, "The approximation of one matrix by another of lower rank",
       Psychometrika 1, 1936.

    Examples
    --------
    >>> from imgconv import kernels
    >>> columns, rows = kernels.separate([[1, 2, 1], [2, 4, 2], [1, 2, 1]])
    >>> columns.round(6), rows.round(6)
    (array([[1., 2., 1.]]), array([[1., 2., 1.]]))
    """
    left, singular, right = np.linalg.svd(_finite(kernel), full_matrices=False)
    rank = _count_above(singular, np.shape(kernel), tol)
    share = np.sqrt(singular[:rank, np.newaxis])
    columns, rows = left.T[:rank] * share, right[:rank] * share
    largest = np.take_along_axis(rows, np.abs(rows).argmax(axis=1, keepdims=True), axis=1)
    phase = largest / np.abs(largest)
    return columns * phase, rows * phase.conj()


def separable_rank(kernel: ArrayLike, tol: float | None = None) -> int:
    """Count the pairs of 1-D kernels that `separate` finds: 1 for a separable kernel.

    Parameters
    ----------
    kernel : array_like of shape (kh, kw)
        Real or complex.
    tol : float, optional
        Singular values up to `tol` times the largest count as zero; 4 eps max(kh, kw) by default.

    Returns
    -------
    int
        0 for a kernel of zeros.

    Raises
    ------
    ValueError
        If `kernel` is not 2-D, has no weights or one that is not finite, or `tol` is negative.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.separable_rank(kernels.sobel(0)), kernels.separable_rank(kernels.laplacian())
    (1, 2)
    """
    singular = np.linalg.svd(_finite(kernel), compute_uv=False)
    return _count_above(singular, np.shape(kernel), tol)


def _count_above(singular: NDArray[np.floating], shape: tuple[int, ...], tol: float | None) -> int:
    tol = 4 * np.finfo(np.float64).eps * max(shape) if tol is None else _real("tol", tol)
    return int(np.count_nonzero(singular > tol * singular[0]))


# ---- arguments -------------------------------------------------------------------------------


def _integer(name: str, value: int, *, least: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise type_error(f"{name} must be an integer, got {value!r}") from None
    if number < least:
        rule = "not be negative" if least == 0 else "be positive"
        raise value_error(f"{name} must {rule}, got {number}")
    return number


def _real(name: str, value: float, rule: str = "not be negative") -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise type_error(f"{name} must be a number, got {value!r}") from None
    if not math.isfinite(number):
        raise value_error(f"{name} must be finite, got {number}")
    if (rule == "not be negative" and number < 0) or (rule == "be positive" and number <= 0):
        raise value_error(f"{name} must {rule}, got {number}")
    return number


def _fits(name: str, value: Any, weights: float, most: int) -> None:
    if weights > most:
        raise value_error(f"{name} must give at most {most} weights, got {value}: {weights:.3g}")


def _image_axis(axis: int) -> int:
    if axis not in (0, 1):
        raise value_error(f"axis must be 0 (y) or 1 (x), got {axis!r}")
    return axis


def _kernel(kernel: ArrayLike) -> NDArray[Any]:
    array = np.asarray(kernel)
    if array.ndim != 2 or array.size == 0:
        raise value_error(f"kernel must be 2-D and not empty, got shape {array.shape}")
    return array


def _finite(kernel: ArrayLike) -> NDArray[Any]:
    array = _kernel(kernel)
    array = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
    if not np.isfinite(array).all():
        raise value_error(f"kernel must be finite, got {array[~np.isfinite(array)][0]}")
    return array

"""Finite differences, and the kernels that find edges."""

import math
from fractions import Fraction

import numpy as np

from imgconv.core.check import value_error, weights_fit
from imgconv.kernels.arguments import Weights, integer

# The fractions of finite differences are exact, which takes half a second for so many weights.
MOST_DIFFERENCE = 51

# Factors (edge, smooth) as published; Sobel's are computed for each size.
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


def derivative(order: int = 1, accuracy: int = 2) -> Weights:
    """Central finite difference: the shortest one of this order and accuracy.

    Parameters
    ----------
    order : int
        Which derivative; 0 is the pixel itself.
    accuracy : int
        Even: the error falls with this power of the distance between pixels.

    Returns
    -------
    ndarray, (2 * p + 1,)
        p = (order + 1) // 2 + accuracy // 2 - 1. Each weight is exact up to one rounding.

    Raises
    ------
    ValueError
        If accuracy is odd, or there are more than 51 weights.

    Notes
    -----
    The weights differentiate, at 0, the polynomial through the pixels -p to p: weight j is order!
    times the coefficient of x**order in the Lagrange polynomial that is 1 at j and 0 at the other
    pixels. So polynomials up to degree order + accuracy - 1 are differentiated exactly. Source: B.
    Fornberg, "Generation of finite difference formulas on arbitrarily spaced grids", Mathematics of
    Computation 51, 1988, table 1.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.derivative()
    array([-0.5,  0. ,  0.5])
    >>> kernels.derivative(2)
    array([ 1., -2.,  1.])
    """
    order = integer("order", order, minimum=0)
    accuracy = integer("accuracy", accuracy, minimum=1)
    if accuracy % 2:
        raise value_error(f"accuracy must be even, got {accuracy}")
    if order == 0:
        return np.ones(1)
    p = (order + 1) // 2 + accuracy // 2 - 1
    weights_fit(2 * p + 1, "order and accuracy", (order, accuracy), MOST_DIFFERENCE)
    pixels = range(-p, p + 1)
    weights = [math.factorial(order) * lagrange(j, pixels)[order] for j in pixels]
    return np.array([float(weight) for weight in weights])


def lagrange(j: int, pixels: range) -> list[Fraction]:
    """Return the polynomial that is 1 at `j` and 0 at the other `pixels`, lowest power first."""
    coefficients = [Fraction(1)]
    for k in pixels:
        if k != j:
            times_x = [Fraction(0), *coefficients]
            times_k = [k * c for c in coefficients] + [Fraction(0)]
            coefficients = [(a - b) / (j - k) for a, b in zip(times_x, times_k, strict=True)]
    return coefficients


def edge_factors(name: str, size: int = 3, normalize: bool = True) -> tuple[Weights, Weights]:
    """One-dimensional factors of an edge kernel: the derivative and the smoothing across it.

    Parameters
    ----------
    name : {"sobel", "scharr", "prewitt", "farid"}
        The edge kernel.
    size : {3, 5, 7}
        Number of weights of Sobel's factors. The others have one size (3; Farid's have 5) and take
        3 only.
    normalize : bool
        Divide each factor as scikit-image does, so that the positive weights of the derivative add
        up to 1, and so do those of the smoothing; otherwise they are integers. Farid's published
        weights are the same for both.

    Returns
    -------
    edge, smooth : ndarray, (size,)
        The kernel is ``outer(edge, smooth)`` for axis 0 and ``outer(smooth, edge)`` for axis 1.

    Raises
    ------
    ValueError
        If `name` has no kernel of that size.

    Notes
    -----
    A normalised kernel gives at most 1 on a step from 0 to 1 (Farid's: 0.39, as it measures the
    slope). On a ramp of slope 1 the 3x3 kernels give 2, Farid's 0.99, and Sobel's of 5x5 and 7x7
    give 8/3 and 16/5. scikit-image and SciPy differ from each other only in the scale.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.edge_factors("sobel")
    (array([-1.,  0.,  1.]), array([0.25, 0.5 , 0.25]))
    >>> kernels.edge_factors("sobel", 5, normalize=False)
    (array([-1., -2.,  0.,  2.,  1.]), array([1., 4., 6., 4., 1.]))
    """
    if name == "sobel":
        factors = sobel_factors(size)
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


def sobel_factors(size: int) -> tuple[list[float], list[float]]:
    """Return the integer factors: a binomial row differenced, and a binomial row."""
    if size not in (3, 5, 7):
        raise value_error(f"size must be 3, 5 or 7, got {size!r}")
    shorter = [math.comb(size - 2, k) for k in range(size - 1)]
    edge = [float(a - b) for a, b in zip([0, *shorter], [*shorter, 0], strict=True)]
    return edge, [float(math.comb(size - 1, k)) for k in range(size)]


def edge_kernel(name: str, axis: int, size: int, normalize: bool) -> Weights:
    """Return the product of the factors of an edge kernel."""
    axis = image_axis(axis)
    edge, smooth = edge_factors(name, size, normalize)
    return np.outer(edge, smooth) if axis == 0 else np.outer(smooth, edge)


def sobel(axis: int, size: int = 3, normalize: bool = True) -> Weights:
    """Sobel's derivative along one axis.

    Parameters
    ----------
    axis : {0, 1}
        0 differentiates along y and finds horizontal edges, 1 along x.
    size : {3, 5, 7}
        Width and height.
    normalize : bool
        Scale the weights so that the positive ones add up to 1; otherwise they are integers.

    Returns
    -------
    ndarray, (size, size)

    Raises
    ------
    ValueError
        If axis is neither 0 nor 1, or size not 3, 5 or 7.

    Notes
    -----
    The 3x3 kernel is the product of [-1, 0, 1] and [1, 2, 1]. These are the coefficients of
    (z - 1)(z + 1)**(size - 2) and (z + 1)**(size - 1), which give the larger sizes, as in OpenCV.
    Normalised it is `skimage.filters.sobel_h` (axis 0) and ``sobel_v`` (axis 1), with integers
    `scipy.ndimage.sobel`. Source: I. Sobel, G. Feldman, "A 3x3 isotropic gradient operator for
    image processing", talk at the Stanford Artificial Intelligence Project, 1968.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.sobel(0, normalize=False)
    array([[-1., -2., -1.],
           [ 0.,  0.,  0.],
           [ 1.,  2.,  1.]])
    """
    return edge_kernel("sobel", axis, size, normalize)


def scharr(axis: int, normalize: bool = True) -> Weights:
    """Scharr's 3x3 derivative along one axis, the most isotropic of its size.

    Parameters
    ----------
    axis, normalize : see `sobel`.

    Returns
    -------
    ndarray, (3, 3)

    Notes
    -----
    The product of [-1, 0, 1] and [3, 10, 3], as `skimage.filters.scharr_h` and ``scharr_v``.
    Source: H. Scharr, "Optimal operators in digital image processing", thesis, Heidelberg, 2000.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.scharr(1, normalize=False)
    array([[ -3.,   0.,   3.],
           [-10.,   0.,  10.],
           [ -3.,   0.,   3.]])
    """
    return edge_kernel("scharr", axis, 3, normalize)


def prewitt(axis: int, normalize: bool = True) -> Weights:
    """Prewitt's 3x3 derivative along one axis.

    Parameters
    ----------
    axis, normalize : see `sobel`.

    Returns
    -------
    ndarray, (3, 3)

    Notes
    -----
    The product of [-1, 0, 1] and [1, 1, 1]: normalised `skimage.filters.prewitt_h` and
    ``prewitt_v``, with integers `scipy.ndimage.prewitt`. Source: J. M. S. Prewitt, "Object
    enhancement and extraction", in "Picture Processing and Psychopictorics", 1970.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.prewitt(0, normalize=False)
    array([[-1., -1., -1.],
           [ 0.,  0.,  0.],
           [ 1.,  1.,  1.]])
    """
    return edge_kernel("prewitt", axis, 3, normalize)


def farid(axis: int, normalize: bool = True) -> Weights:
    """Farid and Simoncelli's 5x5 derivative along one axis.

    Parameters
    ----------
    axis : see `sobel`.
    normalize : bool
        Without effect, as the published weights are not integers; for the same call as other
        kernels.

    Returns
    -------
    ndarray, (5, 5)

    Notes
    -----
    Third and fourth row of table 1 of the source, with the decimals that scikit-image computed by
    the authors' code, as `skimage.filters.farid_h` and ``farid_v``. Source: H. Farid, E. P.
    Simoncelli, "Differentiation of discrete multidimensional signals", IEEE Transactions on Image
    Processing 13, 2004.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.farid(1)[2].round(4)
    array([-0.0467, -0.118 ,  0.    ,  0.118 ,  0.0467])
    """
    return edge_kernel("farid", axis, 3, normalize)


def roberts(axis: int, normalize: bool = True) -> Weights:
    """Roberts' 2x2 difference along one diagonal.

    Parameters
    ----------
    axis : {0, 1}
        0 is the diagonal from upper left to lower right, 1 the one from upper right to lower left:
        `skimage.filters.roberts_pos_diag` and ``roberts_neg_diag``.
    normalize : bool
        Without effect, as the positive weights add up to 1; for the same call as other kernels.

    Returns
    -------
    ndarray, (2, 2)

    Notes
    -----
    The size is even, so the centre lies beside the middle. `imgconv.correlate`, centred at
    size // 2, looks up and to the left. scikit-image looks down and to the right,
    ``image[y + 1, x + 1] - image[y, x]`` for axis 0: its result is
    ``convolve(image, flip(kernel))``, the same one pixel higher and further left. Source:
    L. G. Roberts, "Machine perception of three-dimensional solids", thesis, MIT, 1963.

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
    return kernel if image_axis(axis) == 0 else kernel[:, ::-1].copy()


def image_axis(axis: int) -> int:
    """Return an axis, which must be 0 or 1."""
    if axis not in (0, 1):
        raise value_error(f"axis must be 0 (y) or 1 (x), got {axis!r}")
    return axis


def laplacian(neighbours: int = 4) -> Weights:
    """Sum of the differences between the pixel's neighbours and the pixel.

    Parameters
    ----------
    neighbours : {4, 8}
        Those that share a side with the pixel, or those that share a corner as well.

    Returns
    -------
    ndarray, (3, 3)

    Raises
    ------
    ValueError
        If neighbours is neither 4 nor 8.

    Notes
    -----
    The centre is negative, as in `scipy.ndimage.laplace` (which has 4 neighbours) and OpenCV;
    `skimage.filters.laplace` has the opposite sign. With 4 it estimates d2/dy2 + d2/dx2, with 8
    three times that. Source: A. Rosenfeld, A. C. Kak, "Digital Picture Processing", 1976.

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

"""Finite differences, Laplacians and derivatives of Gaussians.

Axis 0 is y, down the rows, and axis 1 is x. A derivative is positive where the image grows along
its axis.
"""

from functools import lru_cache
from typing import Any

from numpy.typing import ArrayLike, DTypeLike

from imgconv import kernels
from imgconv.core import check
from imgconv.core.call import filtering
from imgconv.core.run import Call, hashable
from imgconv.filters.arguments import Image, Mode
from imgconv.filters.smoothing import gaussian_term
from imgconv.operations.base import Operation
from imgconv.operations.correlate import Correlation
from imgconv.operations.separable import IDENTITY, Kernel1D, Separable

__all__ = ["derivative", "gaussian_gradient_magnitude", "gaussian_laplace", "laplace"]


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
    axis : {0, 1}
        0 differentiates along y, 1 along x.
    order, accuracy : see `imgconv.kernels.derivative`.
    mode, cval, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the computing dtype

    Raises
    ------
    ValueError
        If axis is neither 0 nor 1, or as `imgconv.kernels.derivative`.

    Notes
    -----
    The weights are `imgconv.kernels.derivative`, exact on polynomials whose degree is
    below order + accuracy. Source: B. Fornberg, "Generation of finite difference formulas on
    arbitrarily spaced grids", Mathematics of Computation 51, 1988.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import derivative
    >>> squares = np.arange(6.0)[None] ** 2
    >>> print(derivative(squares, 1)[0, 1:-1], derivative(squares, 1, order=2)[0, 1:-1])
    [2. 4. 6. 8.] [2. 2. 2. 2.]
    """
    operation = derivative_operation(axis, order, accuracy)
    return Call(operation, image, mode, cval, axes, channel_axis, dtype, out)


@lru_cache(maxsize=64, typed=True)
def derivative_operation(axis: Any, order: Any, accuracy: Any) -> Operation:
    """Return a central difference along one axis."""
    along = Kernel1D.centred(kernels.derivative(order, accuracy))
    checked = check.integer(axis, "axis")
    if checked not in (0, 1):
        raise check.value_error(f"axis must be 0 (y) or 1 (x), got {axis!r}")
    term = (along, IDENTITY) if checked == 0 else (IDENTITY, along)
    return Separable(((term,),))


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
    """Add the second differences of an image along both axes.

    Parameters
    ----------
    image : array_like, (H, W)
    mode, cval, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the computing dtype

    Notes
    -----
    The kernel is [[0, 1, 0], [1, -4, 1], [0, 1, 0]], as in `scipy.ndimage.laplace`; scikit-image's
    has the opposite sign.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import laplace
    >>> y, x = np.mgrid[:4, :5]
    >>> print(laplace(x**2 + y**2)[1:-1, 1:-1])
    [[4. 4. 4.]
     [4. 4. 4.]]
    """
    operation = laplace_operation()
    return Call(operation, image, mode, cval, axes, channel_axis, dtype, out)


@lru_cache(maxsize=1)
def laplace_operation() -> Operation:
    """Return the 3x3 kernel as a dense one: faster than its two second differences as terms."""
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
    """Take the Laplacian of the smoothed image, by second derivatives of a Gaussian.

    Parameters
    ----------
    image : array_like, (H, W)
    sigma : float or (float, float)
        Standard deviation in pixels, along y and x; positive.
    truncate : float
        The kernels end at this many standard deviations.
    mode, cval, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the computing dtype

    Notes
    -----
    g''(y) g(x) + g(y) g''(x), both terms in one pass, as `scipy.ndimage.gaussian_laplace`. Source:
    D. Marr, E. Hildreth, "Theory of edge detection", Proceedings of the Royal Society of London B
    207, 1980.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import gaussian_laplace
    >>> step = np.repeat([[0.0, 100.0]], 4, axis=1).repeat(3, axis=0)
    >>> gaussian_laplace(step, 1)[1].round(1)
    array([  0.2,   3.7,  19.9,  19.9, -20. , -20. ,  -3.8,  -0.2])
    """
    operation = gaussian_laplace_operation(hashable(sigma), truncate)
    return Call(operation, image, mode, cval, axes, channel_axis, dtype, out)


@lru_cache(maxsize=64, typed=True)
def gaussian_laplace_operation(sigma: Any, truncate: Any) -> Operation:
    """Return the sum of the second derivatives of a Gaussian."""
    sigmas = check.scales(sigma, "sigma")
    y, x = (gaussian_term(sigmas, order, truncate) for order in ((2, 0), (0, 2)))
    return Separable(((y, x),))


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
    """Take the gradient's magnitude in the smoothed image, by derivatives of a Gaussian.

    Parameters
    ----------
    image : array_like, (H, W)
    sigma, truncate : see `gaussian_laplace`.
    mode, cval, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the computing dtype

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
    operation = gaussian_magnitude_operation(hashable(sigma), truncate)
    return Call(operation, image, mode, cval, axes, channel_axis, dtype, out)


@lru_cache(maxsize=64, typed=True)
def gaussian_magnitude_operation(sigma: Any, truncate: Any) -> Operation:
    """Return the magnitude of the first derivatives of a Gaussian."""
    sigmas = check.scales(sigma, "sigma")
    y, x = (gaussian_term(sigmas, order, truncate) for order in ((1, 0), (0, 1)))
    return Separable(((y,), (x,)), combine="magnitude")

"""Gaussians and what is made of them, and means."""

import math
import sys

import numpy as np
from numpy.polynomial import hermite_e
from numpy.typing import NDArray

from imgconv.core.check import value_error, weights_fit
from imgconv.kernels.arguments import Weights, integer, real

# Limits of the number of weights: a Gaussian of sigma 16,000 along an axis; 1024 x 1024 in 2-D.
MOST_1D, MOST_2D = 1 << 17, 1 << 20

# Up to this sigma a Gaussian is one pixel, as in scipy.ndimage.gaussian_filter.
NO_BLUR = 1e-15


def gaussian(
    sigma: float, *, order: int = 0, truncate: float = 4.0, radius: int | None = None
) -> Weights:
    """Gaussian of standard deviation `sigma`, or one of its derivatives.

    Parameters
    ----------
    sigma : float
        Standard deviation in pixels. 0 (up to 1e-15) does not smooth: the kernel is ``[1.0]``.
    order : int
        0 is the Gaussian itself, n its n-th derivative.
    truncate : float
        The kernel ends at this many standard deviations.
    radius : int, optional
        The kernel ends at this many pixels from its centre; replaces `truncate`.

    Returns
    -------
    ndarray, (2 * radius + 1,)
        By default radius = int(truncate * sigma + 0.5).

    Raises
    ------
    ValueError
        If order is positive where sigma is 0, if there are more than 131072 weights, or if order is
        so high that a weight is not finite.

    Notes
    -----
    exp(-x**2 / (2 * sigma**2)) at the pixels x, divided by its sum, and for order n times
    He_n(x / sigma) / sigma**n with Hermite's polynomials He_n. The weights are those of
    `scipy.ndimage.gaussian_filter1d`, its direction included: order 1 is positive on a rising ramp.
    Source: M. Abramowitz, I. A. Stegun, "Handbook of Mathematical Functions", 1964, chapter 22.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.gaussian(0.5, radius=1).round(4)
    array([0.1065, 0.787 , 0.1065])
    >>> kernels.gaussian(1, order=1, radius=2).round(4)
    array([-0.109 , -0.2442,  0.    ,  0.2442,  0.109 ])
    """
    sigma = real("sigma", sigma)
    truncate = real("truncate", truncate)
    order = integer("order", order, minimum=0)
    if sigma <= NO_BLUR:
        if order > 0:
            raise value_error(f"sigma must be positive where order is, got {sigma} for {order}")
        return np.ones(1)
    if radius is None:
        reach = truncate * sigma
        weights_fit(2 * reach + 1, "truncate * sigma", reach, MOST_1D)
        radius = int(reach + 0.5)
    else:
        radius = integer("radius", radius, minimum=0)
        weights_fit(2 * radius + 1, "radius", radius, MOST_1D)
    x = np.arange(-radius, radius + 1)
    weights: Weights = np.exp(-0.5 / (sigma * sigma) * x**2)
    weights /= weights.sum()
    if order > 0:
        with np.errstate(all="ignore"):
            weights *= hermite_e.hermeval(x / sigma, [0] * order + [1]) / np.float64(sigma) ** order
        if not np.isfinite(weights).all():
            raise value_error(f"order must leave weights finite, got {order} for sigma {sigma}")
    return weights


def log(sigma: float | tuple[float, float], *, truncate: float = 4.0) -> Weights:
    """Laplacian of a Gaussian.

    Parameters
    ----------
    sigma : float or (float, float)
        Standard deviation in pixels, for both axes or for y and x; positive.
    truncate : float
        The kernel ends at this many standard deviations.

    Returns
    -------
    ndarray, (2 * ry + 1, 2 * rx + 1)
        The radii are int(truncate * sigma + 0.5).

    Notes
    -----
    g''(y) g(x) + g(y) g''(x) with the weights of `gaussian`, as in
    `scipy.ndimage.gaussian_laplace`; so its rank is at most 2. Since the kernel ends at `truncate`,
    the weights do not quite add up to 0. Source: D. Marr, E. Hildreth, "Theory of edge detection",
    Proceedings of the Royal Society of London B 207, 1980.

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
    """Gabor's kernel: a complex wave under a Gaussian, to be convolved with an image.

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
    ndarray, (2 * ry + 1, 2 * rx + 1), complex128
        For offset 0 the real part is even and the imaginary part odd.

    Raises
    ------
    ValueError
        If frequency or bandwidth is not positive where a sigma is missing, a sigma is not positive,
        or the kernel could have more than 1048576 weights.

    Notes
    -----
    The weight at (y, x) is ::

        exp(-(u**2 / sigma_x**2 + v**2 / sigma_y**2) / 2 + i (2 pi frequency u + offset))
        / (2 pi sigma_x sigma_y),  u = x cos(theta) + y sin(theta),  v = y cos(theta) - x sin(theta)

    and a missing sigma is sqrt(log(2) / 2) (2**b + 1) / (2**b - 1) / (pi frequency) for bandwidth
    b. This is `skimage.filters.gabor_kernel`. To correlate, take its `flip`, which for offset 0 is
    its conjugate. Source: J. G. Daugman, "Uncertainty relation for resolution in space, spatial
    frequency, and orientation optimized by two-dimensional visual cortical filters", Journal of the
    Optical Society of America A 2, 1985.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.gabor(0.25, sigma_x=1, sigma_y=1, n_stds=1).round(3)
    array([[0.   -0.059j, 0.097+0.j   , 0.   +0.059j],
           [0.   -0.097j, 0.159+0.j   , 0.   +0.097j],
           [0.   -0.059j, 0.097+0.j   , 0.   +0.059j]])
    """
    sigma_x = gabor_sigma("sigma_x", sigma_x, frequency, bandwidth)
    sigma_y = gabor_sigma("sigma_y", sigma_y, frequency, bandwidth)
    frequency = real("frequency", frequency, "be finite")
    theta, offset = real("theta", theta, "be finite"), real("offset", offset, "be finite")
    n_stds = real("n_stds", n_stds)
    reach = n_stds * max(sigma_x, sigma_y)
    side = 2 * reach + 1
    weights_fit(side * side, "n_stds * sigma", reach, MOST_2D)
    cos, sin = math.cos(theta), math.sin(theta)
    ry = math.ceil(max(abs(n_stds * sigma_y * cos), abs(n_stds * sigma_x * sin), 1))
    rx = math.ceil(max(abs(n_stds * sigma_x * cos), abs(n_stds * sigma_y * sin), 1))
    y, x = np.ogrid[-ry : ry + 1, -rx : rx + 1]
    u, v = x * cos + y * sin, y * cos - x * sin
    envelope = -0.5 * (u**2 / sigma_x**2 + v**2 / sigma_y**2)
    phase = 2 * np.pi * frequency * u + offset
    wavelet: NDArray[np.complex128] = np.exp(envelope + 1j * phase, dtype=np.complex128)
    return wavelet / (2 * np.pi * sigma_x * sigma_y)


def gabor_sigma(name: str, sigma: float | None, frequency: float, bandwidth: float) -> float:
    """Return a standard deviation, by default that of a filter of this bandwidth."""
    if sigma is not None:
        return real(name, sigma, "be positive")
    octaves = real("bandwidth", bandwidth, "be positive")
    frequency = real("frequency", frequency, "be positive")
    # (2**b - 1) / (2**b + 1), which neither overflows nor becomes 0.
    ratio = max(math.tanh(octaves * math.log(2) / 2), sys.float_info.min)
    return math.sqrt(math.log(2) / 2) / ratio / (math.pi * frequency)


def box(size: int) -> Weights:
    """Mean of `size` pixels: equal weights that add up to 1.

    Parameters
    ----------
    size : int
        Number of pixels.

    Returns
    -------
    ndarray, (size,)

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.box(4)
    array([0.25, 0.25, 0.25, 0.25])
    """
    size = integer("size", size, minimum=1)
    return np.full(size, 1 / size)


def disk(radius: float) -> Weights:
    """Mean over a disk: equal weights inside it that add up to 1, and 0 outside.

    Parameters
    ----------
    radius : float
        In pixels. A pixel belongs to the disk if its centre is at most this far from the centre.

    Returns
    -------
    ndarray, (2 * r + 1, 2 * r + 1) with r = floor(radius)

    Raises
    ------
    ValueError
        If there are more than 1048576 weights.

    Notes
    -----
    The pixels are those of `skimage.morphology.disk`, y**2 + x**2 <= radius**2, each with full
    weight.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.disk(1)
    array([[0. , 0.2, 0. ],
           [0.2, 0.2, 0.2],
           [0. , 0.2, 0. ]])
    """
    radius = real("radius", radius)
    weights_fit((2 * radius + 1) ** 2, "radius", radius, MOST_2D)
    reach = math.floor(radius)
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    inside = y**2 + x**2 <= radius**2
    weights: Weights = inside / inside.sum()
    return weights

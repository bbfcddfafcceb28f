"""Tensors of second derivatives and of gradients, and the ridges that they show.

A tensor has three parts at each pixel: yy, yx and xx, along a new first axis. Axis 0 is y, down the
rows, and axis 1 is x.
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from imgconv import kernels
from imgconv.core import check
from imgconv.core.call import filtering
from imgconv.core.run import Call, hashable
from imgconv.filters.arguments import Image, Mode
from imgconv.filters.smoothing import gaussian_term
from imgconv.operations.base import FLOAT64, pixels
from imgconv.operations.separable import Kernel1D
from imgconv.operations.tensors import Parts, Tensors, combined, without_tails

__all__ = ["coherence", "eigenvalues", "hessian", "orientation", "structure_tensor"]

# Taps of a kernel from which on transforms are faster than sums.
LONG = 2048

OF_HESSIAN = ("tensor", "eigenvalues")
OF_STRUCTURE = ("tensor", "eigenvalues", "orientation", "coherence")


@filtering
def hessian(
    image: ArrayLike,
    sigma: float | tuple[float, float] = 1.0,
    *,
    of: str = "tensor",
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Take the second derivatives of the smoothed image, or their eigenvalues.

    Parameters
    ----------
    image : array_like, (H, W)
    sigma : float or (float, float)
        Standard deviation in pixels, along y and x; positive.
    of : {"tensor", "eigenvalues"}
        What to return.
    mode, cval, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the computing dtype, (3, H, W) or (2, H, W)
        The derivatives yy, yx and xx, or the eigenvalues, the larger one first.

    Raises
    ------
    ValueError
        If sigma is not positive, or of none of these.

    Notes
    -----
    Each derivative is two first derivatives of a Gaussian, of standard deviation sigma / sqrt(2)
    each, as one separable kernel. A flat area gives exactly 0. Cost: about 70 * sigma
    multiply-adds for each pixel, in one pass. Away from borders equal to
    `skimage.feature.hessian_matrix` with Gaussian derivatives.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import hessian
    >>> y, x = np.mgrid[:31, :31] - 15.0
    >>> print(hessian(3 * y * y + y * x - 2 * x * x, 2)[:, 15, 15].round(3))
    [ 6.  1. -4.]
    """
    checked = check.choice(of, OF_HESSIAN, "of")
    operation = hessian_operation(hashable(sigma), checked)
    return Call(operation, image, mode, cval, axes, channel_axis, dtype, out)


@filtering
def structure_tensor(
    image: ArrayLike,
    sigma: float | tuple[float, float] = 1.0,
    *,
    of: str = "tensor",
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Smooth the products of the derivatives of an image, which tells how it is directed.

    Parameters
    ----------
    image : array_like, (H, W)
    sigma : float or (float, float)
        Standard deviation of the Gaussian in pixels, along y and x; positive.
    of : {"tensor", "eigenvalues", "orientation", "coherence"}
        What to return; see the functions of these names.
    mode, cval, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the computing dtype, (3, H, W), (2, H, W) or (H, W)
        The products yy, yx and xx, or what is made of them.

    Raises
    ------
    ValueError
        If sigma is not positive, or of none of these.

    Notes
    -----
    The derivatives are Sobel's, with integer weights. All is done in one pass. Away from borders
    equal to `skimage.feature.structure_tensor`. Source: J. Bigun, G. H. Granlund, "Optimal
    orientation detection of linear symmetry", International Conference on Computer Vision, 1987.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import structure_tensor
    >>> y, x = np.mgrid[:31, :31]
    >>> wave = np.sin(0.3 * y + 0.3 * x)
    >>> print(np.degrees(structure_tensor(wave, 2, of="orientation")[15, 15]).round(2))
    45.0
    >>> print(structure_tensor(wave, 2, of="coherence")[15, 15].round(2))
    1.0
    """
    checked = check.choice(of, OF_STRUCTURE, "of")
    operation = structure_operation(hashable(sigma), checked)
    return Call(operation, image, mode, cval, axes, channel_axis, dtype, out)


def eigenvalues(tensor: ArrayLike) -> Image:
    """Return the eigenvalues of tensors.

    Parameters
    ----------
    tensor : array_like, (3, ...)
        The parts yy, yx and xx, as `hessian` and `structure_tensor` give them.

    Returns
    -------
    ndarray of the computing dtype, (2, ...)
        The larger eigenvalue first.

    Raises
    ------
    ValueError
        If the first axis has not three elements.

    Notes
    -----
    (yy + xx) / 2 +- sqrt(((yy - xx) / 2)**2 + yx**2): the difference is taken before it is squared,
    so that nothing cancels.

    Examples
    --------
    >>> from imgconv import eigenvalues
    >>> print(eigenvalues([3.0, 4.0, -3.0]))
    [ 5. -5.]
    """
    return made_of(tensor, "eigenvalues")


def orientation(tensor: ArrayLike) -> Image:
    """Return the direction in which tensors are largest.

    Parameters
    ----------
    tensor : array_like, (3, ...)
        The parts yy, yx and xx, as `hessian` and `structure_tensor` give them.

    Returns
    -------
    ndarray of the computing dtype, (...)
        The angle of the larger eigenvalue's vector in radians, from x towards y, above -pi/2 and up
        to pi/2; 0 where both eigenvalues are equal.

    Raises
    ------
    ValueError
        If the first axis has not three elements.

    Notes
    -----
    atan2(2 * yx, xx - yy) / 2. Of a structure tensor it is the direction of the gradient, across
    edges and lines.

    Examples
    --------
    >>> from imgconv import orientation
    >>> print(orientation([[4.0, 1.0], [0.0, 1.0], [1.0, 1.0]]).round(3))
    [1.571 0.785]
    """
    return made_of(tensor, "orientation")


def coherence(tensor: ArrayLike) -> Image:
    """Return how clearly tensors have one direction: 0 for none, 1 for a single one.

    Parameters
    ----------
    tensor : array_like, (3, ...)
        The parts yy, yx and xx, as `structure_tensor` gives them.

    Returns
    -------
    ndarray of the computing dtype, (...)

    Raises
    ------
    ValueError
        If the first axis has not three elements.

    Notes
    -----
    ((l1 - l2) / (l1 + l2))**2 of the eigenvalues, 0 where both are 0.

    Examples
    --------
    >>> from imgconv import coherence
    >>> print(coherence([[4.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))
    [1. 0. 0.]
    """
    return made_of(tensor, "coherence")


def made_of(tensor: ArrayLike, response: str) -> Image:
    """Return what a response makes of an array of tensors."""
    array = check.image(tensor, "tensor")
    check.image_dtype(array.dtype, "tensor")
    if array.ndim == 0 or len(array) != 3:
        raise check.value_error(f"tensor must have shape (3, ...), got {array.shape}")
    return combined(array, response, pixels(array.dtype, 0).float_type)


# ---- operations ----------------------------------------------------------------------------------


@lru_cache(maxsize=64, typed=True)
def hessian_operation(sigma: Any, of: str) -> Tensors:
    """Return the second derivatives at one scale."""
    return Tensors((second_derivatives(positive_scales(sigma)),), products=False, response=of)


@lru_cache(maxsize=64, typed=True)
def structure_operation(sigma: Any, of: str, numbers: tuple[float, ...] = ()) -> Tensors:
    """Return the smoothed products of derivatives, or what is made of them."""
    term = gaussian_term(positive_scales(sigma))
    return Tensors(((term, term, term),), products=True, response=of, numbers=numbers)


def positive_scales(sigma: Any, name: str = "sigma") -> tuple[float, float]:
    """Return a standard deviation, or a pair (y, x) of them, none of which is 0."""
    scales = check.scales(sigma, name)
    if min(scales) <= 0:
        raise check.value_error(f"{name} must be positive, got {sigma!r}")
    return scales


def second_derivatives(sigma: tuple[float, float], sign: float = 1.0) -> Parts:
    """Return yy, yx and xx: derivatives of Gaussians whose width is scikit-image's."""
    truncate = 8.0 if min(sigma) > 1 else 100.0
    y, x = ([composed(s * math.sqrt(0.5), order, truncate) for order in range(3)] for s in sigma)
    yy, yx, xx = (y[2], x[0] * sign), (y[1], x[1] * sign), (y[0], x[2] * sign)
    return without_tails((yy, yx, xx), FLOAT64)


def composed(sigma: float, order: int, truncate: float) -> Kernel1D:
    """Return two Gaussians one after the other, `order` of them differentiated once."""
    one, other = (
        kernels.gaussian(sigma, order=int(order > which), truncate=truncate) for which in (0, 1)
    )
    # At least three taps: differences of neighbours need two.
    return Kernel1D.centred(np.pad(convolved(one, other), 1))


def convolved(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the convolution of two kernels, by transforms if they are long."""
    if len(one) <= LONG:
        return np.convolve(one, other)
    size = len(one) + len(other) - 1
    padded = 1 << (size - 1).bit_length()
    product = np.fft.rfft(one, padded) * np.fft.rfft(other, padded)
    return np.fft.irfft(product, padded)[:size]

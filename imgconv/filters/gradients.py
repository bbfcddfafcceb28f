"""Edge kernels and their gradients: Sobel's, Scharr's, Prewitt's, Farid's and Roberts'.

Axis 0 is y, down the rows, and axis 1 is x. A derivative is positive where the image grows along
its axis.
"""

import math
from functools import lru_cache
from typing import Any

from numpy.typing import ArrayLike, DTypeLike

from imgconv import kernels
from imgconv.core import check
from imgconv.core.call import filtering
from imgconv.core.run import Call
from imgconv.filters.arguments import Image, Mode
from imgconv.operations.base import Operation
from imgconv.operations.separable import IDENTITY, Kernel1D, Separable, Term

__all__ = ["farid", "gradient", "prewitt", "roberts", "scharr", "sobel"]

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
    axis : {0, 1}, optional
        0 differentiates along y, 1 along x; without it the result is the magnitude of both.
    size : {3, 5, 7}
        Width and height of the kernel.
    normalize : bool
        Scale the weights so that a step of 1 gives 1, and divide the magnitude by sqrt(2), as
        scikit-image does; otherwise the weights are integers, as SciPy's.
    mode, cval, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the computing dtype

    Raises
    ------
    ValueError
        If axis is neither 0, 1 nor None, or size not 3, 5 or 7.

    Notes
    -----
    The kernels are `imgconv.kernels.sobel`: a difference along the axis and a weighted mean across
    it. The magnitude, sqrt((gy**2 + gx**2) / 2), takes one pass. Source: I. Sobel, G. Feldman, "A
    3x3 isotropic gradient operator for image processing", 1968.

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
    operation = edge_operation("sobel", axis, size, normalize)
    return Call(operation, image, mode, cval, axes, channel_axis, dtype, out)


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
    """Find edges by Scharr's kernels, whose magnitude hardly depends on the direction of an edge.

    Parameters
    ----------
    image : array_like, (H, W)
    axis, normalize : see `sobel`.
    mode, cval, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the computing dtype

    Notes
    -----
    The kernels are `imgconv.kernels.scharr`, from [-1, 0, 1] and [3, 10, 3]. Source: H. Scharr,
    "Optimal operators in digital image processing", thesis, Heidelberg, 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import scharr
    >>> print(scharr(np.eye(4))[1].round(3))
    [0.653 0.    0.625 0.188]
    """
    operation = edge_operation("scharr", axis, 3, normalize)
    return Call(operation, image, mode, cval, axes, channel_axis, dtype, out)


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
    axis, normalize : see `sobel`.
    mode, cval, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the computing dtype

    Notes
    -----
    The kernels are `imgconv.kernels.prewitt`, from [-1, 0, 1] and [1, 1, 1]. Source: J. M. S.
    Prewitt, "Object enhancement and extraction", 1970.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import prewitt
    >>> print(prewitt(np.arange(4.0) * np.ones((3, 1)), axis=1))
    [[1. 2. 2. 1.]
     [1. 2. 2. 1.]
     [1. 2. 2. 1.]]
    """
    operation = edge_operation("prewitt", axis, 3, normalize)
    return Call(operation, image, mode, cval, axes, channel_axis, dtype, out)


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
    axis : see `sobel`.
    normalize : bool
        Divide the magnitude by sqrt(2), as scikit-image does. The published weights measure the
        slope and are never scaled.
    mode, cval, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the computing dtype

    Notes
    -----
    The kernels are `imgconv.kernels.farid`. Source: H. Farid, E. P. Simoncelli, "Differentiation of
    discrete multidimensional signals", IEEE Transactions on Image Processing 13, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import farid
    >>> print(farid(np.arange(7.0) * np.ones((3, 1)), axis=1)[1].round(2))
    [0.39 0.88 0.99 0.99 0.99 0.88 0.39]
    """
    operation = edge_operation("farid", axis, 3, normalize)
    return Call(operation, image, mode, cval, axes, channel_axis, dtype, out)


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
    """Find edges by the differences along the two diagonals.

    Parameters
    ----------
    image : array_like, (H, W)
    axis : {0, 1}, optional
        0 is the diagonal from upper left to lower right, 1 the other one; without it the result is
        the magnitude of both.
    normalize : bool
        Divide the magnitude by sqrt(2), as scikit-image does.
    mode, cval, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the computing dtype

    Notes
    -----
    The kernels are 2x2. Their result belongs to the corner between four pixels and is stored at the
    upper left one, as in scikit-image. Source: L. G. Roberts, "Machine perception of
    three-dimensional solids", thesis, MIT, 1963.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import roberts
    >>> step = np.zeros((3, 6), np.float32)
    >>> step[:, 3:] = 1
    >>> print(roberts(step)[1].round(3))
    [0. 0. 1. 0. 0. 0.]
    """
    operation = roberts_operation(axis, normalize)
    return Call(operation, image, mode, cval, axes, channel_axis, dtype, out)


@lru_cache(maxsize=64, typed=True)
def edge_operation(name: str, axis: Any, size: Any, normalize: Any) -> Operation:
    """Return a derivative by an edge kernel, or the magnitude of both."""
    y, x = gradient_terms(name, size, normalize)
    return one_or_magnitude(((y,), (x,)), axis, normalize)


@lru_cache(maxsize=8, typed=True)
def roberts_operation(axis: Any, normalize: Any) -> Operation:
    """Return Roberts' filter; each difference is a sum of two terms of one tap each."""
    here, next_one = shift_kernel(0), shift_kernel(1)
    falling = (next_one, next_one), (here, here * -1)
    rising = (next_one, here), (here, next_one * -1)
    return one_or_magnitude((falling, rising), axis, normalize)


def one_or_magnitude(
    components: tuple[tuple[Term, ...], tuple[Term, ...]], axis: Any, normalize: Any
) -> Operation:
    """Return one of two derivatives, or the magnitude of both where axis is None."""
    if axis is None:
        scale = math.sqrt(0.5) if normalize else 1.0
        return Separable(components, combine="magnitude", scale=scale)
    checked = check.integer(axis, "axis")
    if checked not in (0, 1):
        raise check.value_error(f"axis must be 0 (y), 1 (x) or None (magnitude), got {axis!r}")
    return Separable((components[checked],))


def gradient_terms(name: str, size: Any = 3, normalize: Any = True) -> tuple[Term, Term]:
    """Return the derivatives along y and x by an edge kernel."""
    edge, smooth = map(Kernel1D.centred, kernels.edge_factors(name, size, normalize))
    return (edge, smooth), (smooth, edge)


def shift_kernel(offset: int) -> Kernel1D:
    """Return the kernel whose result is the pixel `offset` further along the axis."""
    return Kernel1D(IDENTITY.weights, -offset)


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
    """Differentiate an image along both axes, in one pass.

    Parameters
    ----------
    image : array_like, (H, W)
    kernel : {"sobel", "scharr", "prewitt", "farid"}
        The edge kernels, 3x3 (Farid's: 5x5).
    polar : bool
        Return magnitude and orientation instead of the two derivatives.
    normalize : bool
        Scale the weights so that a step of 1 gives 1; otherwise they are integers (but for
        Farid's).
    mode, cval, axes, channel_axis, dtype : see `imgconv`.
    out : (ndarray, ndarray), optional
        As in `imgconv`, but a pair of arrays of the same dtype and strides.

    Returns
    -------
    gy, gx : ndarray of the computing dtype
        The derivatives along y and x; if polar, the magnitude sqrt(gy**2 + gx**2) and the
        orientation atan2(gy, gx) in radians, from -pi to pi.

    Notes
    -----
    `sobel` and the other single filters give the same derivatives; only their magnitude is divided
    by sqrt(2).

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
    operation = gradient_operation(kernel, polar, normalize)
    return Call(operation, image, mode, cval, axes, channel_axis, dtype, out)


@lru_cache(maxsize=32, typed=True)
def gradient_operation(kernel: Any, polar: Any, normalize: Any) -> Operation:
    """Return both derivatives by an edge kernel."""
    y, x = gradient_terms(check.choice(kernel, GRADIENTS, "kernel"), 3, normalize)
    return Separable(((y,), (x,)), combine="polar" if polar else "sum")

"""Medians, Wiener's filter and separable filters of images."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from imgconv.core.call import apply
from imgconv.fallback import FACES, HandOver, face
from imgconv.filters import order
from imgconv.filters.linear import OPERATIONS
from imgconv.filters.smoothing import box_operation
from imgconv.ndimage.call import array_of, fits_double
from imgconv.operations.base import FLOAT32, FLOAT64
from imgconv.operations.separable import Kernel1D, Separable

__all__ = ["medfilt", "medfilt2d", "sepfir2d", "wiener"]

# Up to so many pixels times taps a call takes SciPy less time than the engine needs to begin.
SMALL = 3000

# Rows that are worked on together: some 1 MB of float64, which stays in the cache.
PIECE = 1 << 17


@face("scipy.signal", signal.medfilt2d)
def medfilt2d(input, kernel_size=3):
    """Replace each pixel by the median of the window around it, as `scipy.signal.medfilt2d`.

    Parameters
    ----------
    input : array_like, (H, W)
        Image of real numbers; zeros lie around it.
    kernel_size : int or (int, int)
        Height and width of the window, odd.

    Returns
    -------
    ndarray
        Of the image's dtype.

    Raises
    ------
    ValueError
        If a size is even.

    Notes
    -----
    See `imgconv.median`, which has other borders, and windows of any form.

    Examples
    --------
    >>> from imgconv.signal import medfilt2d
    >>> print(medfilt2d([[1, 1, 1, 1], [1, 9, 1, 1], [1, 1, 1, 1]]))
    [[0 1 1 0]
     [1 1 1 1]
     [0 1 1 0]]
    """
    image, sizes = plain_image(input), odd_sizes(kernel_size)
    if image.dtype.type not in (np.uint8, np.float32, np.float64):
        # SciPy's medfilt does it, which wants more of its arguments.
        check_volume(image, sizes)
    if image.size * sizes[0] * sizes[1] < SMALL:
        raise HandOver("small")
    return median_of(image, sizes)


@face("scipy.signal", signal.medfilt)
def medfilt(volume, kernel_size=None):
    """Replace each value by the median of the window around it, as `scipy.signal.medfilt`.

    Parameters
    ----------
    volume : array_like
        Real numbers along any number of axes; zeros lie around them. Two axes are run by the
        engine.
    kernel_size : int or sequence of int, optional
        Size of the window along all axes or along each, odd; 3 by default.

    Returns
    -------
    ndarray
        Of the dtype of `volume`.

    Raises
    ------
    ValueError
        If a size is even, or the dtype is none of integers, float32 and float64.

    Notes
    -----
    A window that is larger than the image is a warning of SciPy's.

    Examples
    --------
    >>> from imgconv.signal import medfilt
    >>> print(medfilt([[1, 1, 1, 1], [1, 9, 1, 1], [1, 1, 1, 1]]))
    [[0 1 1 0]
     [1 1 1 1]
     [0 1 1 0]]
    """
    image, sizes = plain_image(volume), odd_sizes(kernel_size)
    check_volume(image, sizes)
    return median_of(image, sizes)


@face("scipy.signal", signal.wiener)
def wiener(im, mysize=None, noise=None):
    """Smooth what varies less than the noise does, as `scipy.signal.wiener`.

    Parameters
    ----------
    im : array_like
        Real numbers along any number of axes; zeros lie around them. Two axes are run by the
        engine.
    mysize : int or sequence of int, optional
        Size of the window of local means and variances; 3 by default.
    noise : float, optional
        Power of the noise; by default the mean of the local variances.

    Returns
    -------
    ndarray, float64

    Notes
    -----
    mean + (im - mean) * (1 - noise / variance) where the local variance is not below the noise,
    else the mean. Source: J. S. Lim, "Two-dimensional signal and image processing", 1990.

    Examples
    --------
    >>> from imgconv.signal import wiener
    >>> print(wiener([[1.0, 1, 1, 1], [1, 1, 2, 1], [1, 1, 1, 1]], 3, noise=0.5)[1].round(3))
    [0.667 1.111 1.111 0.778]
    """
    image = plain_image(im)
    check_dtype(image)
    if noise is not None and type(noise) not in (int, float, np.float64):
        raise HandOver("noise that is no number")
    if isinstance(mysize, np.ndarray):
        raise HandOver("window")
    window = box_operation(two_sizes(mysize))
    squares = image**2
    mean, variance = (
        apply(window, each.astype(FLOAT64, copy=False), "constant", 0.0, None, None, None, None)
        for each in (image, squares)
    )
    with np.errstate(all="ignore"):
        if not np.isfinite(variance.sum() + mean.sum()):
            raise HandOver("NaN or infinity")
    rows = pieces(image.shape)
    for piece in rows:
        variance[piece] -= mean[piece] ** 2
    if noise is None:
        noise = np.mean(variance.reshape(-1), axis=0)
    for piece in rows:
        smooth, spread = mean[piece], variance[piece]
        sharp = image[piece] - smooth
        sharp *= 1 - noise / spread
        sharp += smooth
        np.copyto(smooth, sharp, where=~(spread < noise))
    return mean


# SciPy's is a built-in function without a signature. It writes outside its memory where a filter is
# much longer than the image, or the image has no pixels: there it gets an image that is extended.
def _sepfir2d(input, hrow, hcol, /):
    image, longest = np.asarray(input), max(np.size(hrow), np.size(hcol))
    if image.ndim != 2 or (0 not in image.shape and min(image.shape) > longest):
        return SCIPYS_SEPFIR2D(input, hrow, hcol)
    if not image.size:
        return np.empty(image.shape, _sepfir2d(np.zeros((1, 1), image.dtype), hrow, hcol).dtype)
    inner = tuple(slice(longest, longest + n) for n in image.shape)
    return SCIPYS_SEPFIR2D(np.pad(image, longest, "symmetric"), hrow, hcol)[inner].copy()


SCIPYS_SEPFIR2D = signal.sepfir2d
_sepfir2d.__name__ = "sepfir2d"


@face("scipy.signal", _sepfir2d)
def sepfir2d(input, hrow, hcol, /):
    """Convolve an image along its rows and down its columns, as `scipy.signal.sepfir2d`.

    Parameters
    ----------
    input : array_like, (H, W)
        Image; its mirror image lies around it.
    hrow, hcol : array_like, 1-D
        Filters along the rows and down the columns, of odd lengths.

    Returns
    -------
    ndarray
        float32 for small integers and float32, else float64; complex for complex images.

    Raises
    ------
    ValueError
        If the length of a filter is even.
    TypeError
        If a filter's dtype does not fit into that of the result.

    Notes
    -----
    The outermost pixels are repeated by the mirror. SciPy writes outside its memory where a filter
    is much longer than the image; here that is right, too.

    Examples
    --------
    >>> from imgconv.signal import sepfir2d
    >>> print(sepfir2d([[0.0, 0, 4], [0, 8, 0]], [0.25, 0.5, 0.25], [1.0]))
    [[0. 1. 3.]
     [2. 4. 2.]]
    """
    image = plain_image(input)
    column, row = array_of(hcol, "filter"), array_of(hrow, "filter")
    if image.size < SMALL and image.shape[0] > column.size and image.shape[1] > row.size:
        raise HandOver("small")
    dtype = np.promote_types(image.dtype, FLOAT32)
    filters = []
    for taps in (column, row):
        if taps.ndim != 1 or taps.size % 2 == 0 or taps.dtype.kind not in "biuf":
            raise HandOver("filter")
        if not np.can_cast(taps.dtype, dtype):
            raise HandOver("dtype of a filter")
        filters.append(taps[::-1].astype(np.float64))
    operation = product_of(*filters)
    return apply(operation, image.astype(dtype, copy=False), "reflect", 0.0, None, None, None, None)


FACES["scipy.signal.sepfir2d"].original = SCIPYS_SEPFIR2D


def product_of(column: NDArray[np.float64], row: NDArray[np.float64]) -> Separable:
    """Return the operation of a filter down the columns and one along the rows."""
    key = (column.tobytes(), row.tobytes())
    operation = OPERATIONS.get(key)
    if operation is None:
        operation = Separable((((Kernel1D.centred(column), Kernel1D.centred(row)),),))
        OPERATIONS.put(key, operation, 2 * (column.nbytes + row.nbytes) + 1024)
    return operation


def plain_image(array: Any) -> NDArray[Any]:
    """Return a real image."""
    if type(array) not in {np.ndarray, list, tuple}:
        raise HandOver("not plain arrays")
    image = array_of(array, "input")
    if image.ndim != 2:
        raise HandOver("not 2-D")
    if image.dtype.kind not in "biuf" or image.dtype.itemsize > 8:
        raise HandOver("complex numbers" if image.dtype.kind == "c" else "dtype")
    if not image.size:
        raise HandOver("no pixels")
    return image


def two_sizes(sizes: Any) -> tuple[int, int]:
    """Return height and width of a window."""
    if sizes is None:
        return 3, 3
    pair = sizes.tolist() if isinstance(sizes, (np.ndarray, np.generic)) else sizes
    pair = (pair, pair) if type(pair) is int else pair
    if type(pair) not in (tuple, list) or len(pair) != 2 or {*map(type, pair)} != {int}:
        raise HandOver("window")
    height, width = pair
    if height < 1 or width < 1:
        raise HandOver("window")
    return height, width


def odd_sizes(sizes: Any) -> tuple[int, int]:
    """Return height and width of a window, both odd."""
    height, width = two_sizes(sizes)
    if height % 2 == 0 or width % 2 == 0:
        raise HandOver("window")
    return height, width


def check_dtype(image: NDArray[Any]) -> None:
    """Hand over bool and float16, of which SciPy has rules of its own, and foreign byte orders."""
    if image.dtype.kind == "b" or image.dtype == np.float16 or not image.dtype.isnative:
        raise HandOver("dtype")


def check_volume(image: NDArray[Any], sizes: tuple[int, int]) -> None:
    """Hand over what SciPy's medfilt refuses or warns of."""
    check_dtype(image)
    if sizes[0] > image.shape[0] or sizes[1] > image.shape[1]:
        raise HandOver("window larger than the image")


def median_of(image: NDArray[Any], sizes: tuple[int, int]) -> NDArray[Any]:
    """Return the median with zeros around; SciPy's where there is a NaN, or what doubles round."""
    if not fits_double(image):
        raise HandOver("integers beyond 2**53")
    result = order.median(image, sizes, mode="constant")
    if result.dtype.kind == "f" and np.isnan(np.min(result)):
        raise HandOver("NaN")
    return result


def pieces(shape: tuple[int, ...]) -> list[slice]:
    """Return slices of rows that have some PIECE of numbers."""
    rows = max(1, PIECE // max(1, prod(shape[1:])))
    return [slice(top, top + rows) for top in range(0, shape[0], rows)]

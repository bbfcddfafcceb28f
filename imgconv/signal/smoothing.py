"""Medians, Wiener's filter and separable filters of images."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import signal

from imgconv.core.run import Call, run
from imgconv.face_arguments import Image, Ints, array_of, check_size, fits_double, real, real_image
from imgconv.fallback import FACES, FallBack, face
from imgconv.filters import order
from imgconv.filters.linear import product_operation
from imgconv.filters.smoothing import box_operation
from imgconv.operations.base import FLOAT32, FLOAT64

__all__ = ["medfilt", "medfilt2d", "sepfir2d", "wiener"]

# Calls of fewer pixels times weights SciPy computes in less time than a call of the engine costs.
SMALL = 3000

# Pixels that are computed together: some 1 MB of float64, which stays in the cache.
PIECE = 1 << 17


@face("scipy.signal", signal.medfilt2d)
def medfilt2d(input: ArrayLike, kernel_size: Ints = 3) -> Image:
    """Replace each pixel by the median of the window around it, as `scipy.signal.medfilt2d`.

    Parameters
    ----------
    input : array_like, (H, W)
        Image of real numbers; outside lie zeros.
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
    `imgconv.median` has other borders, and windows of any shape.

    Examples
    --------
    >>> from imgconv.signal import medfilt2d
    >>> print(medfilt2d([[1, 1, 1, 1], [1, 9, 1, 1], [1, 1, 1, 1]]))
    [[0 1 1 0]
     [1 1 1 1]
     [0 1 1 0]]
    """
    image, sizes = real_image(input, lists=True), odd_sizes(kernel_size)
    if image.dtype.type not in (np.uint8, np.float32, np.float64):
        # SciPy calls its medfilt, which refuses more arguments.
        check_medfilt(image, sizes)
    check_size(image.size * sizes[0] * sizes[1], SMALL)
    return median_of(image, sizes)


@face("scipy.signal", signal.medfilt)
def medfilt(volume: ArrayLike, kernel_size: Ints | None = None) -> Image:
    """Replace each value by the median of the window around it, as `scipy.signal.medfilt`.

    Parameters
    ----------
    volume : array_like
        Real numbers with any number of axes; outside lie zeros. Images of two axes are run by
        the engine.
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
    SciPy warns of a window that is larger than the image.

    Examples
    --------
    >>> from imgconv.signal import medfilt
    >>> print(medfilt([[1, 1, 1, 1], [1, 9, 1, 1], [1, 1, 1, 1]]))
    [[0 1 1 0]
     [1 1 1 1]
     [0 1 1 0]]
    """
    image, sizes = real_image(volume, lists=True), odd_sizes(kernel_size)
    check_medfilt(image, sizes)
    return median_of(image, sizes)


@face("scipy.signal", signal.wiener)
def wiener(im: ArrayLike, mysize: Ints | None = None, noise: float | None = None) -> Image:
    """Smooth what varies less than the noise does, as `scipy.signal.wiener`.

    Parameters
    ----------
    im : array_like
        Real numbers with any number of axes; outside lie zeros. Images of two axes are run by
        the engine.
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
    image = real_image(im, lists=True)
    check_dtype(image)
    if type(noise) in (int, float):
        noise = real(noise, "noise")
    elif noise is not None and type(noise) is not np.float64:
        raise FallBack("noise")
    if isinstance(mysize, np.ndarray):
        raise FallBack("window")
    window = box_operation(two_sizes(mysize))
    squares = image**2
    mean: Image
    mean, variance = (
        run(Call(window, each.astype(FLOAT64, copy=False), "constant")) for each in (image, squares)
    )
    with np.errstate(all="ignore"):
        if not np.isfinite(variance.sum() + mean.sum()):
            raise FallBack("NaN or infinity")
    pieces = row_slices(image.shape)
    for rows in pieces:
        variance[rows] -= mean[rows] ** 2
    if noise is None:
        noise = np.mean(variance.reshape(-1), axis=0)
    for rows in pieces:
        smooth, spread = mean[rows], variance[rows]
        sharp = image[rows] - smooth
        sharp *= 1 - noise / spread
        sharp += smooth
        np.copyto(smooth, sharp, where=~(spread < noise))
    return mean


scipy_sepfir2d = signal.sepfir2d


def _sepfir2d(input: ArrayLike, hrow: ArrayLike, hcol: ArrayLike, /) -> Image:
    """Call SciPy's function, with the image extended where SciPy would leave its arrays.

    It writes outside them where a filter is much longer than the image, or the image has no pixels.
    The face has the signature of this function, since the built-in one has none.
    """
    image, longest = np.asarray(input), max(np.size(hrow), np.size(hcol))
    result: Image
    if image.ndim != 2 or (0 not in image.shape and min(image.shape) > longest):
        result = scipy_sepfir2d(input, hrow, hcol)
        return result
    if not image.size:
        return np.empty(image.shape, _sepfir2d(np.zeros((1, 1), image.dtype), hrow, hcol).dtype)
    inner = tuple(slice(longest, longest + n) for n in image.shape)
    result = scipy_sepfir2d(np.pad(image, longest, "symmetric"), hrow, hcol)
    return result[inner].copy()


_sepfir2d.__name__ = "sepfir2d"


@face("scipy.signal", _sepfir2d)
def sepfir2d(input: ArrayLike, hrow: ArrayLike, hcol: ArrayLike, /) -> Image:
    """Convolve an image along its rows and down its columns, as `scipy.signal.sepfir2d`.

    Parameters
    ----------
    input : array_like, (H, W)
        Image; outside lies its mirror image.
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
    The mirror image repeats the outermost pixels. Where a filter is much longer than the image,
    SciPy writes outside its arrays; here the result is right.

    Examples
    --------
    >>> from imgconv.signal import sepfir2d
    >>> print(sepfir2d([[0.0, 0, 4], [0, 8, 0]], [0.25, 0.5, 0.25], [1.0]))
    [[0. 1. 3.]
     [2. 4. 2.]]
    """
    image = real_image(input, lists=True)
    column, row = array_of(hcol, "filter"), array_of(hrow, "filter")
    if image.shape[0] > column.size and image.shape[1] > row.size:
        check_size(image.size, SMALL)
    dtype = np.promote_types(image.dtype, FLOAT32)
    filters = []
    for taps in (column, row):
        if taps.ndim != 1 or taps.size % 2 == 0 or taps.dtype.kind not in "biuf":
            raise FallBack("filter")
        if not np.can_cast(taps.dtype, dtype):
            raise FallBack("dtype of a filter")
        filters.append(taps[::-1].astype(np.float64))
    operation = product_operation(*filters)
    result: Image = run(Call(operation, image.astype(dtype, copy=False)))
    return result


# What the face replaces is SciPy's function, not the memory-safe one.
FACES["scipy.signal.sepfir2d"].original = scipy_sepfir2d


def two_sizes(sizes: Any) -> tuple[int, int]:
    """Return height and width of a window."""
    if sizes is None:
        return 3, 3
    pair = sizes.tolist() if isinstance(sizes, (np.ndarray, np.generic)) else sizes
    pair = (pair, pair) if type(pair) is int else pair
    if type(pair) not in (tuple, list) or len(pair) != 2 or {*map(type, pair)} != {int}:
        raise FallBack("window")
    height, width = pair
    if height < 1 or width < 1:
        raise FallBack("window")
    return height, width


def odd_sizes(sizes: object) -> tuple[int, int]:
    """Return height and width of a window, both odd."""
    height, width = two_sizes(sizes)
    if height % 2 == 0 or width % 2 == 0:
        raise FallBack("window")
    return height, width


def check_dtype(image: Image) -> None:
    """Fall back for bool and float16, for which SciPy has rules of its own, and byte orders."""
    if image.dtype.kind == "b" or image.dtype == np.float16 or not image.dtype.isnative:
        raise FallBack(f"dtype {image.dtype}")


def check_medfilt(image: Image, sizes: tuple[int, int]) -> None:
    """Fall back for arguments that SciPy's medfilt refuses or warns of."""
    check_dtype(image)
    if sizes[0] > image.shape[0] or sizes[1] > image.shape[1]:
        raise FallBack("window larger than the image")


def median_of(image: Image, sizes: tuple[int, int]) -> Image:
    """Return the median with zeros outside; fall back for NaN and where SciPy rounds pixels."""
    if not fits_double(image):
        raise FallBack("integers beyond 2**53")
    result = order.median(image, sizes, mode="constant")
    if result.dtype.kind == "f" and np.isnan(np.min(result)):
        raise FallBack("NaN")
    return result


def row_slices(shape: tuple[int, ...]) -> list[slice]:
    """Return slices of rows of some PIECE pixels each."""
    rows = max(1, PIECE // max(1, prod(shape[1:])))
    return [slice(top, top + rows) for top in range(0, shape[0], rows)]

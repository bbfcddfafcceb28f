"""Point operations: each result depends on one pixel, or on one pixel of several images.

Results have the dtype of the image, rounded to nearest and saturated, unless the documentation of a
function states another. White is the largest integer of a dtype, and 1.0 of floats and bool.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from imgconv.core import check
from imgconv.core.pixels import limits, native, rounded, store
from imgconv.filters.smoothing import box
from imgconv.operations.base import pixels
from imgconv.pipeline.measures import extremes, otsu

__all__ = [
    "absolute",
    "astype",
    "clip",
    "gamma",
    "grey",
    "invert",
    "magnitude",
    "normalize",
    "scale",
    "threshold",
]

Array = NDArray[Any]

# Rec. 709, on the stored (gamma-encoded) values, as scikit-image's rgb2gray has them.
LUMINANCE = (0.2125, 0.7154, 0.0721)


def computing_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return float32 for bool, 8 and 16 bits and float32, float64 for the rest: as filters do."""
    return pixels(dtype, 0).float_type


def common_computing_dtype(dtypes: Sequence[np.dtype[Any]]) -> np.dtype[Any]:
    """Return the dtype in which images of all these dtypes are computed together."""
    return np.result_type(*map(computing_dtype, dtypes))


def white_of(dtype: np.dtype[Any], white: float | None) -> float:
    """Return the value of white: of integers the given one, if their dtype holds it."""
    given = np.inf if white is None else check.positive(white, "white")
    return min(given, float(np.iinfo(dtype).max)) if dtype.kind in "iu" else 1.0


def map_values(image: ArrayLike, function: Callable[[Array], Array], out: Array | None) -> Array:
    """Apply a function of numbers of the computing dtype to each pixel, and round.

    Where the image has more pixels than its dtype has values, the results of all values are looked
    up in a table.
    """
    array = check.image(image)
    dtype = native(array.dtype)
    if dtype.kind in "iu" and dtype.itemsize <= 2 and array.size > 1 << (8 * dtype.itemsize):
        unsigned = np.dtype(f"u{dtype.itemsize}")
        values = np.arange(1 << (8 * dtype.itemsize), dtype=unsigned).view(dtype)
        table = map_values(values, function, None)
        index = np.asarray(array, dtype).view(unsigned)
        if out is not None and out.dtype != dtype:
            return converted(table[index], dtype, out)
        return np.take(table, index, out=out, mode="clip")
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        results = function(array.astype(computing_dtype(dtype)))
    return converted(results, computing_dtype(dtype) if dtype.kind == "b" else dtype, out)


def converted(values: Array, dtype: np.dtype[Any], out: Array | None) -> Array:
    """Return values in a dtype, or in the caller's array, rounded and saturated."""
    if out is None or out.dtype != dtype:
        values = values if values.dtype == dtype else rounded(values, dtype)
    if out is None:
        return values
    store(values, out)
    return out


def scale(
    image: ArrayLike, factor: float = 1.0, offset: float = 0.0, *, out: Array | None = None
) -> Array:
    """Multiply every pixel by a factor and add an offset.

    Parameters
    ----------
    image : array_like
        Of any shape and real dtype.
    factor : float
        What pixels are multiplied by.
    offset : float
        What is then added, in the image's units.
    out : ndarray, optional
        The array to fill.

    Returns
    -------
    ndarray
        Of the image's dtype (float32 for bool), rounded and saturated.

    Raises
    ------
    TypeError
        If image, factor or offset is not real.

    Examples
    --------
    >>> from imgconv.pipeline import scale
    >>> import numpy as np
    >>> scale(np.uint8([10, 100, 200]), 2, offset=-30)
    array([  0, 170, 255], dtype=uint8)
    """
    m, b = check.number(factor, "factor"), check.number(offset, "offset")
    return map_values(image, lambda values: values * m + b, out)


def clip(image: ArrayLike, low: float, high: float, *, out: Array | None = None) -> Array:
    """Set pixels below `low` to `low`, and pixels above `high` to `high`.

    Parameters
    ----------
    image : array_like
        Of any shape and real dtype.
    low, high : float
        The smallest and the largest pixel of the result, in the image's units.
    out : ndarray, optional
        The array to fill.

    Returns
    -------
    ndarray
        Of the image's dtype (float32 for bool).

    Raises
    ------
    ValueError
        If low is above high.

    Examples
    --------
    >>> from imgconv.pipeline import clip
    >>> import numpy as np
    >>> clip(np.uint8([10, 100, 200]), 50, 150)
    array([ 50, 100, 150], dtype=uint8)
    """
    lowest, highest = check.number(low, "low"), check.number(high, "high")
    check.ordered(lowest, highest)
    return map_values(image, lambda values: np.clip(values, lowest, highest), out)


def gamma(
    image: ArrayLike, exponent: float, *, white: float | None = None, out: Array | None = None
) -> Array:
    """Raise every pixel, as a part of white, to a power: below 1 brightens, above 1 darkens.

    Parameters
    ----------
    image : array_like
        Of any shape and real dtype; what is below zero counts as zero.
    exponent : float
        Positive: the power.
    white : float, optional
        Of integers that do not use all their bits, such as 4095 of 12 bits in uint16; by default
        the largest of their dtype. Floats have 1.0 in any case.
    out : ndarray, optional
        The array to fill.

    Returns
    -------
    ndarray
        Of the image's dtype (float32 for bool), rounded.

    Raises
    ------
    ValueError
        If exponent or white is not positive and finite.

    Notes
    -----
    white * (pixel / white) ** exponent.

    Examples
    --------
    >>> from imgconv.pipeline import gamma
    >>> import numpy as np
    >>> gamma(np.uint8([0, 64, 255]), 0.5)
    array([  0, 128, 255], dtype=uint8)
    """
    power = check.positive(exponent, "exponent")
    full = white_of(check.image(image).dtype, white)
    return map_values(
        image,
        lambda values: full * (np.maximum(values, 0) / values.dtype.type(full)) ** power,
        out,
    )


def invert(image: ArrayLike, *, white: float | None = None, out: Array | None = None) -> Array:
    """Return the negative of an image: bright becomes dark.

    Parameters
    ----------
    image : array_like
        Of any shape and real dtype.
    white : float, optional
        Of unsigned integers that do not use all their bits, such as 4095 of 12 bits in uint16; by
        default the largest of their dtype. Floats have 1.0 in any case.
    out : ndarray, optional
        The array to fill.

    Returns
    -------
    ndarray
        Of the image's dtype: white - pixel; for signed integers -1 - pixel, for bool its opposite.

    Raises
    ------
    ValueError
        If white is not positive and finite.

    Examples
    --------
    >>> from imgconv.pipeline import invert
    >>> import numpy as np
    >>> invert(np.uint8([0, 64, 255]))
    array([255, 191,   0], dtype=uint8)
    """
    array = check.image(image)
    dtype = native(array.dtype)
    full = white_of(dtype, white)
    if dtype.kind == "u" and full < limits(dtype)[1]:
        inverted = dtype.type(full) - np.minimum(array, dtype.type(full))
    else:
        inverted = 1 - array if dtype.kind == "f" else ~array
    return converted(inverted.astype(dtype, copy=False), dtype, out)


def absolute(image: ArrayLike, *, out: Array | None = None) -> Array:
    """Return the absolute value of every pixel.

    Parameters
    ----------
    image : array_like
        Of any shape and real dtype.
    out : ndarray, optional
        The array to fill.

    Returns
    -------
    ndarray
        Of the image's dtype, saturated: the smallest integer becomes the largest.

    Examples
    --------
    >>> from imgconv.pipeline import absolute
    >>> import numpy as np
    >>> absolute(np.int8([-128, -3, 4]))
    array([127,   3,   4], dtype=int8)
    """
    array = check.image(image)
    dtype = native(array.dtype)
    if dtype.kind == "i":
        array = np.maximum(array, -limits(dtype)[1])
    return converted(np.abs(array).astype(dtype, copy=False), dtype, out)


def astype(image: ArrayLike, dtype: DTypeLike, *, out: Array | None = None) -> Array:
    """Convert an image to another dtype: to nearest, saturated, NaN to 0.

    A chain that begins with ``astype(float32)`` does not round between its steps.

    Parameters
    ----------
    image : array_like
        Of any shape and real dtype.
    dtype : dtype
        The dtype of the result.
    out : ndarray, optional
        The array to fill.

    Returns
    -------
    ndarray

    Raises
    ------
    TypeError
        If either dtype is not real.

    Examples
    --------
    >>> from imgconv.pipeline import astype
    >>> import numpy as np
    >>> astype([-3.0, 1.7, 300.0], np.uint8)
    array([  0,   2, 255], dtype=uint8)
    """
    if dtype is None:  # which NumPy takes for float64
        raise check.type_error("dtype must be a dtype, got None")
    target = native(check.result_dtype(dtype))
    array = check.image(image)
    return converted(array.astype(native(array.dtype), copy=False), target, out)


def grey(image: ArrayLike, *, channel_axis: int | None = None, out: Array | None = None) -> Array:
    """Return the luminance of a colour image.

    Parameters
    ----------
    image : array_like, (H, W) or (H, W, 3)
        Of any real dtype. Without a `channel_axis` it is grey already.
    channel_axis : int, optional
        The axis of red, green and blue, or of one channel.
    out : ndarray, optional
        The array to fill.

    Returns
    -------
    ndarray, (H, W)
        Of the image's dtype (float32 for colours of bool), rounded.

    Raises
    ------
    ValueError
        If there are not three channels, nor one.

    Notes
    -----
    Y = 0.2125 R + 0.7154 G + 0.0721 B on the stored values (Rec. 709 weights).

    Examples
    --------
    >>> from imgconv.pipeline import grey
    >>> import numpy as np
    >>> grey(np.uint8([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]]), channel_axis=-1)
    array([[ 54, 182,  18]], dtype=uint8)
    """
    array = check.image(image)
    dtype = native(array.dtype)
    if channel_axis is None:
        return converted(array.astype(dtype, copy=False), dtype, out)
    colours = np.moveaxis(array, channel_axis, -1)
    count = colours.shape[-1]
    if count not in {1, 3}:
        raise ValueError(f"grey takes three channels or one, got {count}")
    if count == 1:
        return converted(colours[..., 0].astype(dtype), dtype, out)
    real = computing_dtype(dtype)
    luminance = np.zeros(colours.shape[:-1], real)
    for channel, weight in enumerate(LUMINANCE):
        luminance += np.multiply(colours[..., channel], weight, dtype=real)
    return converted(luminance, real if dtype.kind == "b" else dtype, out)


def normalize(
    image: ArrayLike,
    low: float | None = None,
    high: float | None = None,
    *,
    out: Array | None = None,
) -> Array:
    """Stretch an image so that `low` becomes 0 and `high` 1.

    Parameters
    ----------
    image : array_like
        Of any shape and real dtype.
    low, high : float, optional
        What becomes 0 and what becomes 1, in the image's units; by default the smallest and the
        largest finite pixel, for which a pipeline needs the whole image.
    out : ndarray, optional
        The array to fill.

    Returns
    -------
    ndarray, float32 or float64
        The computing dtype of the image. Pixels beyond low and high are not clipped; where both
        are equal, all results are 0.

    Raises
    ------
    ValueError
        If low is above high.

    Examples
    --------
    >>> from imgconv.pipeline import normalize
    >>> import numpy as np
    >>> normalize(np.uint8([50, 75, 100]))
    array([0. , 0.5, 1. ], dtype=float32)
    """
    array = check.image(image)
    lowest, highest = (
        None if value is None else check.number(value, name)
        for value, name in ((low, "low"), (high, "high"))
    )
    if lowest is None or highest is None:
        found = extremes(array)
        lowest = found[0] if lowest is None else lowest
        highest = found[1] if highest is None else highest
    check.ordered(lowest, highest)
    real = computing_dtype(native(array.dtype))
    spread = highest - lowest
    values = np.subtract(array, real.type(lowest), dtype=real)
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.divide(values, real.type(spread), out=values) if spread else values * 0
    return converted(values, real, out)


def threshold(
    image: ArrayLike,
    value: float | str = "otsu",
    *,
    size: int | tuple[int, int] = 35,
    offset: float = 0.0,
    mode: Any = "reflect",
    channel_axis: int | None = None,
    out: Array | None = None,
) -> Array:
    """Return which pixels are brighter than a value.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype.
    value : float or {"otsu", "local"}
        A number in the image's units; "otsu": Otsu's threshold of the image, for which a pipeline
        needs the whole image; "local": the mean of the rectangle around each pixel minus `offset`.
    size : int or (int, int)
        Height and width of the rectangle in pixels, for "local".
    offset : float
        What is subtracted from the mean, in the image's units, for "local".
    mode, channel_axis : see `imgconv`.
        For "local".
    out : ndarray, optional
        The array to fill, with 0 and 1.

    Returns
    -------
    ndarray, bool
        The image's shape.

    Raises
    ------
    ValueError
        If value is another string, size is not positive or mode is unknown.
    TypeError
        If value is neither a number nor a string, or offset is not a number.

    Notes
    -----
    Otsu's threshold is that of `skimage.filters.threshold_otsu`: each value of integers has its own
    bin, floats have 256 bins between the extremes. Integers of 32 and 64 bits may have more than
    2**20 different values: then 2, 4, 8, ... neighbouring ones share a bin, as few as leave at most
    2**20 bins. Source: N. Otsu, "A threshold selection method from gray-level histograms", IEEE
    Transactions on Systems, Man, and Cybernetics 9, 1979.

    Examples
    --------
    >>> from imgconv.pipeline import threshold
    >>> import numpy as np
    >>> threshold(np.uint8([[10, 12, 90, 95]])).astype(int)
    array([[0, 0, 1, 1]])
    """
    array = check.image(image)
    if isinstance(value, str):
        check.choice(value, ("otsu", "local"), "value")
    # Checked for every value, so that a wrong argument never waits for "local" to be noticed.
    subtracted = check.number(offset, "offset")
    check.integers(size, "size", 1)
    check.modes(mode)
    if value == "local":
        real = computing_dtype(native(array.dtype))
        mean = box(array, size, mode=mode, channel_axis=channel_axis, dtype=real)
        mean -= real.type(subtracted)
        limit: Any = mean
    else:
        number = otsu(array) if value == "otsu" else check.number(value, "value")
        # float64 does not hold integers beyond 2**53, which those of 64 bits are compared with.
        exact = isinstance(value, (int, np.integer)) and array.dtype.kind in "iu"
        limit = int(value) if exact else number
    if out is not None and out.dtype != np.bool_:
        return converted(np.greater(array, limit), np.dtype(np.bool_), out)
    mask: Array = np.greater(array, limit, out=out)
    return mask


def magnitude(*images: ArrayLike, out: Array | None = None) -> Array:
    """Return the root of the sum of the squares of images: the length of vectors of their pixels.

    Parameters
    ----------
    *images : array_like
        Of one shape and any real dtype.
    out : ndarray, optional
        The array to fill.

    Returns
    -------
    ndarray, float32 or float64
        float64 where any of the images is computed in float64.

    Examples
    --------
    >>> from imgconv.pipeline import magnitude
    >>> import numpy as np
    >>> magnitude(np.float32([3, 0]), np.float32([4, 2]))
    array([5., 2.], dtype=float32)
    """
    arrays = [check.image(image) for image in images]
    real = common_computing_dtype([native(array.dtype) for array in arrays])
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        squares = np.square(arrays[0], dtype=real)
        for array in arrays[1:]:
            squares += np.square(array, dtype=real)
        lengths = np.sqrt(squares, out=squares)
        # Where a square may have vanished or overflowed, `hypot` is right, and ten times as slow.
        info = np.finfo(real)
        odd = (lengths < np.sqrt(info.tiny) / info.eps) | (lengths > np.sqrt(info.max))
        if odd.any():
            odd &= np.logical_or.reduce([array != 0 for array in arrays])
            parts = [array[odd].astype(real) for array in arrays]
            lengths[odd] = np.hypot.reduce(np.abs(parts))
        return converted(lengths, real, out)

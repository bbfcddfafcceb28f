"""Point operations: each result depends on one pixel, or on one pixel of several images.

Results have the dtype of the image, rounded to nearest and saturated, unless the documentation of a
function states another. White is the largest integer of a dtype, and 1.0 of floats and bool.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from imgconv.core import check
from imgconv.core.call import Runnable, filtering
from imgconv.core.pixels import limits, native
from imgconv.filters.measures import extremes
from imgconv.filters.point_calls import (
    Array,
    after_measuring,
    call_points,
    common_computing_dtype,
    computed_with,
    computing_dtype,
    converted,
    in_numpy,
    inverted,
    is_wide,
    map_values,
)
from imgconv.operations.base import Point
from imgconv.pipeline.thresholding import threshold

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

# Rec. 709, on the stored (gamma-encoded) values, as scikit-image's rgb2gray has them.
LUMINANCE = (0.2125, 0.7154, 0.0721)


def white_of(dtype: np.dtype[Any], white: float | None) -> float:
    """Return the value of white: of integers the given one, if their dtype holds it."""
    given = np.inf if white is None else check.positive(white, "white")
    return min(given, float(np.iinfo(dtype).max)) if dtype.kind in "iu" else 1.0


@filtering
def scale(
    image: ArrayLike, factor: float = 1.0, offset: float = 0.0, *, out: Array | None = None
) -> Runnable[Array]:
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
    return call_points(image, [Point("scale", m, b)], computed_with(image), out)


@filtering
def clip(image: ArrayLike, low: float, high: float, *, out: Array | None = None) -> Runnable[Array]:
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
    return call_points(image, [Point("clip", lowest, highest)], computed_with(image), out)


@filtering
def gamma(
    image: ArrayLike, exponent: float, *, white: float | None = None, out: Array | None = None
) -> Runnable[Array]:
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
    array = check.image(image)
    full = white_of(array.dtype, white)

    def curve(values: Array) -> Array:
        raised: Array = full * (np.maximum(values, 0) / values.dtype.type(full)) ** power
        return raised

    return in_numpy(lambda: map_values(array, curve, out), array, computed_with(array))


@filtering
def invert(
    image: ArrayLike, *, white: float | None = None, out: Array | None = None
) -> Runnable[Array]:
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
    if is_wide(dtype):
        return in_numpy(lambda: converted(inverted(array, int(full)), dtype, out), array, dtype)
    if dtype.kind == "i":
        return call_points(array, [Point("scale", -1, -1)], dtype, out)
    darker = [Point("clip", 0, full)] if dtype.kind == "u" and full < limits(dtype)[1] else []
    return call_points(array, [*darker, Point("scale", -1, full)], dtype, out)


@filtering
def absolute(image: ArrayLike, *, out: Array | None = None) -> Runnable[Array]:
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
    if not is_wide(dtype):
        return call_points(array, [Point("absolute")], dtype, out)

    def run() -> Array:
        lowest = -limits(dtype)[1] if dtype.kind == "i" else 0
        return converted(np.abs(np.maximum(array, lowest)).astype(dtype, copy=False), dtype, out)

    return in_numpy(run, array, dtype)


@filtering
def astype(image: ArrayLike, dtype: DTypeLike, *, out: Array | None = None) -> Runnable[Array]:
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
    own = native(array.dtype)
    if not is_wide(own):
        return call_points(array, [], target, out)
    return in_numpy(lambda: converted(array.astype(own, copy=False), target, out), array, target)


@filtering
def grey(
    image: ArrayLike, *, channel_axis: int | None = None, out: Array | None = None
) -> Runnable[Array]:
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
        return in_numpy(
            lambda: converted(array.astype(dtype, copy=False), dtype, out), array, dtype
        )
    colours = np.moveaxis(array, channel_axis, -1)
    count = colours.shape[-1]
    if count not in {1, 3}:
        raise ValueError(f"grey takes three channels or one, got {count}")
    result = dtype if count == 1 else computed_with(array)
    return in_numpy(
        lambda: luminance_of(colours, result, out), array, result, shape=colours.shape[:-1]
    )


def luminance_of(colours: Array, result: np.dtype[Any], out: Array | None) -> Array:
    """Return the luminance of colours along the last axis, or their only channel."""
    if colours.shape[-1] == 1:
        return converted(colours[..., 0].astype(result), result, out)
    real = computing_dtype(native(colours.dtype))
    luminance = np.zeros(colours.shape[:-1], real)
    for channel, weight in enumerate(LUMINANCE):
        luminance += np.multiply(colours[..., channel], weight, dtype=real)
    return converted(luminance, result, out)


@filtering
def normalize(
    image: ArrayLike,
    low: float | None = None,
    high: float | None = None,
    *,
    out: Array | None = None,
) -> Runnable[Array]:
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
    spread = highest - lowest
    stretch = Point("divide", spread) if spread else Point("scale", 0, 0)
    real = computing_dtype(native(array.dtype))
    call = call_points(array, [Point("scale", 1, -lowest), stretch], real, out)
    return call if None not in (low, high) else after_measuring(call, "with the extremes measured")


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

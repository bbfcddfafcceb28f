"""Grey and binary morphology with flat structuring elements.

Every function takes the common keywords of `imgconv`: mode, cval, axes, channel_axis, dtype, out.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from imgconv.core import check
from imgconv.core.call import Call, Several, filtering
from imgconv.core.pixels import difference, native
from imgconv.filters.order import extremum, window
from imgconv.operations.base import Operation
from imgconv.operations.rank import Compound, Footprint

__all__ = [
    "black_tophat",
    "closing",
    "dilate",
    "erode",
    "morphological_gradient",
    "opening",
    "white_tophat",
]

Mode = str | Sequence[str]
Image = NDArray[Any]


@filtering
def erode(
    image: ArrayLike,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Shrink what is bright: the least pixel under the structuring element.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    size : int or (int, int)
        Height and width of the structuring element in pixels, centred at size // 2.
    footprint : array_like of bool, (kh, kw), optional
        The pixels of the structuring element, in place of `size`.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords; in an image of integers cval is rounded and saturated.

    Returns
    -------
    ndarray
        Of the image's dtype, bool too.

    Raises
    ------
    ValueError
        If size is not positive; if the footprint is not 2-D or has no pixel.

    Notes
    -----
    The same as `minimum`, and as fast. Of a bool image it is binary erosion.
    A NaN spoils what it reaches.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import erode
    >>> block = np.zeros((5, 6), np.uint8)
    >>> block[1:4, 1:5] = 1
    >>> print(erode(block))
    [[0 0 0 0 0 0]
     [0 0 0 0 0 0]
     [0 0 1 1 0 0]
     [0 0 0 0 0 0]
     [0 0 0 0 0 0]]
    """
    common = mode, cval, axes, channel_axis
    return eroded(image, window(size, footprint), common, dtype, out)


@filtering
def dilate(
    image: ArrayLike,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Grow what is bright: the greatest pixel under the turned structuring element.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    size : int or (int, int)
        Height and width of the structuring element in pixels, centred at size // 2.
    footprint : array_like of bool, (kh, kw), optional
        The pixels of the structuring element, in place of `size`.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords; in an image of integers cval is rounded and saturated.

    Returns
    -------
    ndarray
        Of the image's dtype, bool too.

    Raises
    ------
    ValueError
        If size is not positive; if the footprint is not 2-D or has no pixel.

    Notes
    -----
    The same as `maximum` over the structuring element turned by 180 degrees about its centre, so
    that a single bright pixel becomes the structuring element. Of a bool image it is binary
    dilation.
    A NaN spoils what it reaches.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import dilate
    >>> dot = np.zeros((4, 5), np.uint8)
    >>> dot[1, 2] = 1
    >>> print(dilate(dot, footprint=[[0, 1, 0], [0, 1, 1], [0, 0, 0]]))
    [[0 0 1 0 0]
     [0 0 1 1 0]
     [0 0 0 0 0]
     [0 0 0 0 0]]
    """
    common = mode, cval, axes, channel_axis
    return dilated(image, window(size, footprint), common, dtype, out)


@filtering
def opening(
    image: ArrayLike,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Remove what is bright and smaller than the structuring element: erosion, then dilation.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    size : int or (int, int)
        Height and width of the structuring element in pixels, centred at size // 2.
    footprint : array_like of bool, (kh, kw), optional
        The pixels of the structuring element, in place of `size`.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords; in an image of integers cval is rounded and saturated.

    Returns
    -------
    ndarray
        Of the image's dtype, bool too.

    Raises
    ------
    ValueError
        If size is not positive; if the footprint is not 2-D or has no pixel.

    Notes
    -----
    One pass; the border extends the image once, so that the result nowhere exceeds the image.
    `scipy.ndimage.grey_opening` extends the eroded image once more, which shows at the border with
    mode="nearest" or "constant", and with elements that are not their own mirror image.
    A NaN spoils what it reaches.

    Examples
    --------
    >>> from imgconv import opening
    >>> print(opening([[1, 5, 1, 4, 4, 4, 1]], (1, 3)))
    [[1 1 1 4 4 4 1]]
    """
    common = mode, cval, axes, channel_axis
    return compounded("opening", image, window(size, footprint), common, dtype, out)


@filtering
def closing(
    image: ArrayLike,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Fill what is dark and smaller than the structuring element: dilation, then erosion.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    size : int or (int, int)
        Height and width of the structuring element in pixels, centred at size // 2.
    footprint : array_like of bool, (kh, kw), optional
        The pixels of the structuring element, in place of `size`.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords; in an image of integers cval is rounded and saturated.

    Returns
    -------
    ndarray
        Of the image's dtype, bool too.

    Raises
    ------
    ValueError
        If size is not positive; if the footprint is not 2-D or has no pixel.

    Notes
    -----
    One pass; the border extends the image once, so that the image nowhere exceeds the result.
    `scipy.ndimage.grey_closing` extends the dilated image once more, which shows at the border with
    mode="nearest" or "constant", and with elements that are not their own mirror image.
    A NaN spoils what it reaches.

    Examples
    --------
    >>> from imgconv import closing
    >>> print(closing([[5, 1, 5, 2, 2, 2, 5]], (1, 3)))
    [[5 5 5 2 2 2 5]]
    """
    common = mode, cval, axes, channel_axis
    return compounded("closing", image, window(size, footprint), common, dtype, out)


@filtering
def morphological_gradient(
    image: ArrayLike,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image] | Several[Image]:
    """Find edges: the dilated image minus the eroded one.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    size : int or (int, int)
        Height and width of the structuring element in pixels, centred at size // 2.
    footprint : array_like of bool, (kh, kw), optional
        The pixels of the structuring element, in place of `size`.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords; in an image of integers cval is rounded and saturated.

    Returns
    -------
    ndarray
        Of the image's dtype, bool too, saturated; True where the two of a bool image differ.

    Raises
    ------
    ValueError
        If size is not positive; if the footprint is not 2-D or has no pixel.

    Notes
    -----
    Where the difference does not fit the image's dtype, ask for another by `dtype`.
    A NaN spoils what it reaches.

    Examples
    --------
    >>> from imgconv import morphological_gradient
    >>> print(morphological_gradient([[1, 1, 1, 6, 6, 6]], (1, 3)))
    [[0 0 5 5 0 0]]
    """
    common = mode, cval, axes, channel_axis
    parts = dilated, eroded
    return subtracted("gradient", parts, image, window(size, footprint), common, dtype, out)


@filtering
def white_tophat(
    image: ArrayLike,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image] | Several[Image]:
    """Keep what is bright and smaller than the structuring element: image minus opening.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    size : int or (int, int)
        Height and width of the structuring element in pixels, centred at size // 2.
    footprint : array_like of bool, (kh, kw), optional
        The pixels of the structuring element, in place of `size`.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords; in an image of integers cval is rounded and saturated.

    Returns
    -------
    ndarray
        Of the image's dtype, bool too, saturated; of a bool image the pixels that opening removes.

    Raises
    ------
    ValueError
        If size is not positive; if the footprint is not 2-D or has no pixel.

    Notes
    -----
    Where the difference does not fit the image's dtype, ask for another by `dtype`.
    A NaN spoils what it reaches.

    Examples
    --------
    >>> from imgconv import white_tophat
    >>> print(white_tophat([[1, 5, 1, 4, 4, 4, 1]], (1, 3)))
    [[0 4 0 0 0 0 0]]
    """
    common = mode, cval, axes, channel_axis
    parts = None, partial(compounded, "opening")
    return subtracted("white tophat", parts, image, window(size, footprint), common, dtype, out)


@filtering
def black_tophat(
    image: ArrayLike,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image] | Several[Image]:
    """Keep what is dark and smaller than the structuring element: closing minus image.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    size : int or (int, int)
        Height and width of the structuring element in pixels, centred at size // 2.
    footprint : array_like of bool, (kh, kw), optional
        The pixels of the structuring element, in place of `size`.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords; in an image of integers cval is rounded and saturated.

    Returns
    -------
    ndarray
        Of the image's dtype, bool too, saturated; of a bool image the pixels that closing adds.

    Raises
    ------
    ValueError
        If size is not positive; if the footprint is not 2-D or has no pixel.

    Notes
    -----
    Where the difference does not fit the image's dtype, ask for another by `dtype`.
    A NaN spoils what it reaches.

    Examples
    --------
    >>> from imgconv import black_tophat
    >>> print(black_tophat([[5, 1, 5, 2, 2, 2, 5]], (1, 3)))
    [[0 4 0 0 0 0 0]]
    """
    common = mode, cval, axes, channel_axis
    parts = partial(compounded, "closing"), None
    return subtracted("black tophat", parts, image, window(size, footprint), common, dtype, out)


# Makes the call of one of two passes, from image, element, common arguments, dtype and out.
Part = Callable[..., Call[Image]]


def subtracted(
    way: str,
    parts: tuple[Part | None, Part | None],
    image: ArrayLike,
    element: Footprint,
    common: tuple[Any, ...],
    dtype: Any,
    out: Any,
) -> Call[Image] | Several[Image]:
    """Return the first part less the second, in one pass where the loop can subtract.

    A part takes (image, element, common, dtype, out), as `eroded` does; None is the image itself.
    """
    high, low = parts
    if is_subtracted(image, dtype, out) and (element.holds_pixel or None in parts):
        return compounded(way, image, element, common, dtype, out)
    array, last = check.image(image), high or low
    assert last is not None
    # The plan of one part finds what is wrong with the arguments.
    planned = last(array, element, common, dtype, out).plan()

    def runs() -> Image:
        more, less = (part(array, element, common).run() if part else array for part in parts)
        return difference(more, less, more if low is None else less, planned.dtype, out)

    passes = tuple(part(array, element, common) for part in parts if part)
    return Several(runs, passes, planned.shape, planned.dtype, "the difference, saturated")


def eroded(
    image: ArrayLike,
    element: Footprint,
    common: tuple[Any, ...],
    dtype: Any = None,
    out: Any = None,
) -> Call[Image]:
    """Return the least pixels; `common` are mode, cval, axes and channel_axis."""
    mode, cval, axes, channel_axis = common
    return Call.of(extremum(element, False), image, mode, cval, axes, channel_axis, dtype, out)


def dilated(
    image: ArrayLike,
    element: Footprint,
    common: tuple[Any, ...],
    dtype: Any = None,
    out: Any = None,
) -> Call[Image]:
    """Return the greatest pixels of the turned element."""
    mode, cval, axes, channel_axis = common
    return Call.of(
        extremum(element.flipped, True), image, mode, cval, axes, channel_axis, dtype, out
    )


def compounded(
    way: str,
    image: ArrayLike,
    element: Footprint,
    common: tuple[Any, ...],
    dtype: Any = None,
    out: Any = None,
) -> Call[Image]:
    """Return two extremes, one of the other or one less the other, in one pass."""
    mode, cval, axes, channel_axis = common
    return Call.of(compound(element, way), image, mode, cval, axes, channel_axis, dtype, out)


@lru_cache(maxsize=256)
def compound(element: Footprint, way: str) -> Operation:
    """Return the operation."""
    return Compound(element, way)


# The dtypes in whose loops a difference that is not negative is right, and saturated where it is
# stored: keys of signed integers and of float16 are no numbers.
SUBTRACTED = tuple(
    map(np.dtype, ("bool", "uint8", "uint16", "int32", "uint32", "float32", "float64"))
)


def is_subtracted(image: ArrayLike, dtype: Any, out: Any) -> bool:
    """Whether the loop can subtract, or the difference of two results has to be made."""
    own = native(check.image(image).dtype)
    kept = out is None or (isinstance(out, np.ndarray) and native(out.dtype) == own)
    return dtype is None and kept and own in SUBTRACTED

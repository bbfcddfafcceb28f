"""Grey and binary morphology with flat structuring elements.

Results are pixels of the image, or differences of two.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from imgconv.core import check
from imgconv.core.call import Several, filtering
from imgconv.core.pixels import difference, native
from imgconv.core.run import Call
from imgconv.filters.arguments import Image, Mode
from imgconv.filters.counted import morphology_of_counted
from imgconv.filters.order import extremum_operation, window_of
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


@filtering
def erode(
    image: ArrayLike,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Shrink what is bright: the smallest pixel under the structuring element.

    Parameters
    ----------
    image : array_like, (H, W)
    size : int or (int, int)
        Height and width of the structuring element in pixels; its pixel (h // 2, w // 2) lies on
        the pixel of the result.
    footprint : array_like of bool, (kh, kw), optional
        The pixels of the structuring element, True or not zero, instead of `size`.
    mode, cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the image's dtype

    Raises
    ------
    ValueError
        If the footprint is not 2-D or has no pixel.

    Notes
    -----
    The same as `minimum`, with its cost and source. A bool image is eroded as a set of pixels.

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
    operation = erosion(window_of(size, footprint))
    common = image, mode, cval, axes, channel_axis, dtype, out
    return Call(operation, *common, nan=nan, weights=weights)


@filtering
def dilate(
    image: ArrayLike,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Grow what is bright: the largest pixel under the flipped structuring element.

    Parameters
    ----------
    image : array_like, (H, W)
    size, footprint : see `erode`.
    mode, cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the image's dtype

    Notes
    -----
    The same as `maximum` over the structuring element rotated by 180 degrees about its centre, so
    that a single bright pixel becomes the structuring element. A bool image is dilated as a set of
    pixels.

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
    operation = dilation(window_of(size, footprint))
    common = image, mode, cval, axes, channel_axis, dtype, out
    return Call(operation, *common, nan=nan, weights=weights)


@filtering
def opening(
    image: ArrayLike,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image] | Several[Image]:
    """Remove what is bright and smaller than the structuring element: erosion, then dilation.

    Parameters
    ----------
    image : array_like, (H, W)
    size, footprint : see `erode`.
    mode, cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the image's dtype

    Notes
    -----
    One pass. The border extends the image once, so the result is nowhere above the image.
    `scipy.ndimage.grey_opening` extends the eroded image as well, which shows at the border with
    mode="nearest" or "constant", and with structuring elements that differ from their flipped form.

    Examples
    --------
    >>> from imgconv import opening
    >>> print(opening([[1, 5, 1, 4, 4, 4, 1]], (1, 3)))
    [[1 1 1 4 4 4 1]]
    """
    element, common = window_of(size, footprint), (mode, cval, axes, channel_axis)
    if check.weighs("ranks", image, mode, nan, weights):
        return morphology_of_counted("opening", element, image, common, dtype, out, nan, weights)
    return Call(compound(element, "opening"), image, *common, dtype, out)


@filtering
def closing(
    image: ArrayLike,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image] | Several[Image]:
    """Fill what is dark and smaller than the structuring element: dilation, then erosion.

    Parameters
    ----------
    image : array_like, (H, W)
    size, footprint : see `erode`.
    mode, cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the image's dtype

    Notes
    -----
    One pass. The border extends the image once, so the result is nowhere below the image; see
    `opening` for the difference to SciPy.

    Examples
    --------
    >>> from imgconv import closing
    >>> print(closing([[5, 1, 5, 2, 2, 2, 5]], (1, 3)))
    [[5 5 5 2 2 2 5]]
    """
    element, common = window_of(size, footprint), (mode, cval, axes, channel_axis)
    if check.weighs("ranks", image, mode, nan, weights):
        return morphology_of_counted("closing", element, image, common, dtype, out, nan, weights)
    return Call(compound(element, "closing"), image, *common, dtype, out)


@filtering
def morphological_gradient(
    image: ArrayLike,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image] | Several[Image]:
    """Find edges: the dilated image minus the eroded one.

    Parameters
    ----------
    image : array_like, (H, W)
    size, footprint : see `erode`.
    mode, cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the image's dtype
        Saturated; `dtype` gives room for larger differences. In bool, True where the two differ.

    Notes
    -----
    One pass; two and a subtraction where the loop cannot subtract, which `imgconv.explain` shows.

    Examples
    --------
    >>> from imgconv import morphological_gradient
    >>> print(morphological_gradient([[1, 1, 1, 6, 6, 6]], (1, 3)))
    [[0 0 5 5 0 0]]
    """
    common = mode, cval, axes, channel_axis
    element = window_of(size, footprint)
    if check.weighs("ranks", image, mode, nan, weights):
        return morphology_of_counted("gradient", element, image, common, dtype, out, nan, weights)
    grown, shrunk = dilation(element), erosion(element)
    return difference_call("gradient", element, grown, shrunk, image, common, dtype, out)


@filtering
def white_tophat(
    image: ArrayLike,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image] | Several[Image]:
    """Keep what is bright and smaller than the structuring element: the image minus its opening.

    Parameters
    ----------
    image : array_like, (H, W)
    size, footprint : see `erode`.
    mode, cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the image's dtype
        As of `morphological_gradient`.

    Notes
    -----
    One pass, or an opening and a subtraction where the loop cannot subtract, which
    `imgconv.explain` shows. The border is that of `opening`.

    Examples
    --------
    >>> from imgconv import white_tophat
    >>> print(white_tophat([[1, 5, 1, 4, 4, 4, 1]], (1, 3)))
    [[0 4 0 0 0 0 0]]
    """
    common = mode, cval, axes, channel_axis
    element = window_of(size, footprint)
    if check.weighs("ranks", image, mode, nan, weights):
        return morphology_of_counted(
            "white tophat", element, image, common, dtype, out, nan, weights
        )
    opened = compound(element, "opening")
    return difference_call("white tophat", element, None, opened, image, common, dtype, out)


@filtering
def black_tophat(
    image: ArrayLike,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image] | Several[Image]:
    """Keep what is dark and smaller than the structuring element: the closing minus the image.

    Parameters
    ----------
    image : array_like, (H, W)
    size, footprint : see `erode`.
    mode, cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the image's dtype
        As of `morphological_gradient`.

    Notes
    -----
    One pass, or a closing and a subtraction where the loop cannot subtract, which
    `imgconv.explain` shows. The border is that of `closing`.

    Examples
    --------
    >>> from imgconv import black_tophat
    >>> print(black_tophat([[5, 1, 5, 2, 2, 2, 5]], (1, 3)))
    [[0 4 0 0 0 0 0]]
    """
    common = mode, cval, axes, channel_axis
    element = window_of(size, footprint)
    if check.weighs("ranks", image, mode, nan, weights):
        return morphology_of_counted(
            "black tophat", element, image, common, dtype, out, nan, weights
        )
    closed = compound(element, "closing")
    return difference_call("black tophat", element, closed, None, image, common, dtype, out)


def erosion(element: Footprint) -> Operation:
    """Return the minimum under the element."""
    return extremum_operation(element, False)


def dilation(element: Footprint) -> Operation:
    """Return the maximum under the flipped element."""
    return extremum_operation(element.flipped, True)


# Two extrema in one pass, one of the other or one minus the other.
compound = lru_cache(maxsize=256)(Compound)


def difference_call(
    kind: str,
    element: Footprint,
    minuend: Operation | None,
    subtrahend: Operation | None,
    image: ArrayLike,
    common: tuple[Any, Any, Any, Any],
    dtype: Any,
    out: Any,
) -> Call[Image] | Several[Image]:
    """Return minuend minus subtrahend, in one pass where the loop can subtract.

    One of the two may be None, the image itself. `common` are mode, cval, axes and channel_axis.
    """
    operations = [each for each in (minuend, subtrahend) if each is not None]
    if loop_subtracts(image, dtype, out) and (element.holds_pixel or len(operations) == 1):
        return Call(compound(element, kind), image, *common, dtype, out)
    array = check.image(image)
    # The plan of one pass checks the arguments, and gives the dtype of the result.
    planned = Call(operations[0], array, *common, dtype, out).plan()
    passes = tuple(Call(each, array, *common, None, None) for each in operations)

    def runs(image: Image) -> Image:
        results: list[Image] = [each.run() for each in passes]
        more = image if minuend is None else results[0]
        less = image if subtrahend is None else results[-1]
        # The difference may overwrite either, but not the image.
        return difference(more, less, results[-1], planned.dtype, out)

    return Several(array, runs, passes, planned.shape, planned.dtype, "the difference, saturated")


# Loops subtract in these dtypes. The others are compared by integer keys: those of signed integers
# and float16 have the order of the pixels but not their distances.
SUBTRACTED = tuple(
    map(np.dtype, ("bool", "uint8", "uint16", "int32", "uint32", "float32", "float64"))
)


def loop_subtracts(image: ArrayLike, dtype: Any, out: Any) -> bool:
    """Whether the loop can subtract, and store the difference in the image's own dtype."""
    own = native(check.image(image).dtype)
    kept = out is None or (isinstance(out, np.ndarray) and native(out.dtype) == own)
    return dtype is None and kept and own in SUBTRACTED

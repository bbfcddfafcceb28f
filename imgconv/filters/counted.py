"""Morphology of the pixels that count, one extreme after the other.

Where the first extreme finds no pixel that counts, its result does not count in the second. So the
passes cannot share rows, as those of `Compound` do: between them is a mask.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgconv.core import border, check
from imgconv.core.call import Several
from imgconv.core.pixels import difference, native, rounded, store
from imgconv.core.run import Call
from imgconv.filters.arguments import Image
from imgconv.operations.base import Axis
from imgconv.operations.rank import Compound, Extremum, Footprint

__all__ = ["morphology_of_counted"]

# Pixels that are computed at once, so that no array in between is as large as the image.
PIECE = 1 << 19

Mask = NDArray[np.bool_]
# An image, and which of its pixels count.
Counted = tuple[Image, Mask]


def morphology_of_counted(
    kind: str,
    element: Footprint,
    image: ArrayLike,
    common: tuple[Any, Any, Any, Any],
    dtype: Any,
    out: Any,
    nan: str,
    weights: ArrayLike | None,
) -> Several[Image]:
    """Return one of the KINDS of two extremes; `common` are mode, cval, axes and channel_axis."""
    mode, cval, axes, channel_axis = common
    array = check.image(image)
    layout = check.layout(array.ndim, axes, channel_axis)
    modes = check.modes(mode, ignores=True)
    given = None if weights is None else check.weights(weights, array.shape, layout)
    window = Compound(element, kind)
    # The plan of one pass checks the other arguments, and gives the dtype of the result.
    plain = tuple("constant" if one == border.IGNORE else one for one in modes)
    whole: Call[Image] = Call(window, array, plain, cval, axes, channel_axis, dtype, out)
    planned = whole.plan()
    height = rows_at_once(array.shape, layout, window.windows[0])

    def runs(image: Image) -> Image:
        inputs = (image,) if given is None else (image, given)
        apart = out is not None and not any(np.may_share_memory(out, each) for each in inputs)
        made = out if apart else np.empty(image.shape, planned.dtype)
        rows = np.moveaxis(made, layout.y, 0)
        for top in range(0, len(rows) if made.size else 0, height):
            bottom = min(top + height, len(rows))
            into = np.moveaxis(rows[top:bottom], 0, layout.y)
            cut, pixels = extended(image, given, nan, layout, (top, bottom), window.windows, common)
            found = two_extremes(kind, element, pixels, (layout.y, layout.x), layout.channel)
            write(kind, cropped(pixels, cut), [cropped(each, cut) for each in found], into)
        return made if out is None or apart else stored(made, out)

    note = "two extremes of the pixels that count"
    return Several(array, runs, (whole,), planned.shape, planned.dtype, note)


def rows_at_once(shape: tuple[int, ...], layout: check.Layout, window: Axis) -> int:
    """Return how many rows are computed together: some pixels, more than the windows add."""
    row = max(prod(shape) // max(shape[layout.y], 1), 1)
    return max(PIECE // row, 2 * window.span, 1)


def extended(
    image: Image,
    given: Mask | None,
    nan: str,
    layout: check.Layout,
    rows: tuple[int, int],
    windows: tuple[Axis, Axis],
    common: tuple[Any, ...],
) -> tuple[tuple[slice, ...], Counted]:
    """Return where some rows are in a copy that all their windows fit in, and the copy.

    In the direction of mode "ignore" nothing is added to the image.
    """
    mode, cval, *_ = common
    counts = np.broadcast_to(True, image.shape) if given is None else given
    cut, beyond = [slice(None)] * image.ndim, np.zeros((1,) * image.ndim, np.bool_)
    sides = zip((layout.y, layout.x), (rows, (0, image.shape[layout.x])), windows,
                check.modes(mode, ignores=True), strict=True)  # fmt: skip
    for axis, (begin, end), window, one in sides:
        places = np.arange(begin - max(window.before, 0), end + max(window.after, 0))
        n = image.shape[axis]
        if one == border.IGNORE:
            places = places[(places >= 0) & (places < n)]
        first = int(np.searchsorted(places, begin))
        places = border.sources(places, n, one)
        cut[axis] = slice(first, first + end - begin)
        # Not `take`, which copies a whole array of other strides first.
        chosen = (slice(None),) * axis + (places,)
        image, counts = image[chosen], counts[chosen]
        beyond = beyond | np.expand_dims(places < 0, [k for k in range(image.ndim) if k != axis])
    pixels, counts = image.astype(native(image.dtype), copy=False), counts > 0
    if nan == "omit" and pixels.dtype.kind == "f":
        counts &= ~np.isnan(pixels)
    outside = rounded(np.array([float(cval)]), pixels.dtype)[0]
    return tuple(cut), (np.where(beyond, outside, pixels), counts | beyond)


def two_extremes(
    kind: str, element: Footprint, pixels: Counted, axes: tuple[int, int], channel: int | None
) -> list[Counted]:
    """Return the extreme of an extreme, or for a gradient both extremes of the image."""
    erosion, dilation = Extremum(element, False), Extremum(element.flipped, True)
    if kind == "gradient":
        return [extreme(each, pixels, axes, channel) for each in (dilation, erosion)]
    opens = kind in {"opening", "white tophat"}
    first, second = (erosion, dilation) if opens else (dilation, erosion)
    return [extreme(second, extreme(first, pixels, axes, channel), axes, channel)]


def extreme(
    operation: Extremum, pixels: Counted, axes: tuple[int, int], channel: int | None
) -> Counted:
    """Return the extremes of the pixels that count, and where there are any."""
    image, counts = pixels
    anywhere = Extremum(operation.footprint, True)
    common = "ignore", 0.0, axes, channel
    found: Image = Call[Image](operation, image, *common, weights=counts).run()
    some: Mask = Call[Mask](anywhere, counts, *common).run()
    return found, some


def cropped(counted: Counted, cut: tuple[slice, ...]) -> Counted:
    """Return a part of an image, and which of its pixels count."""
    pixels, counts = counted
    return pixels[cut], counts[cut]


def write(kind: str, own: Counted, extremes: Sequence[Counted], into: Image) -> None:
    """Fill an array with a result: an extreme, or a difference of two or of one and the image."""
    results = [emptied(*each) for each in extremes]
    if kind in {"opening", "closing"}:
        store(results[0], into)
        return
    image = emptied(*own)
    high = {"white tophat": image, "black tophat": results[0]}.get(kind, results[0])
    low = {"white tophat": results[0], "black tophat": image}.get(kind, results[-1])
    difference(high, low, low, into.dtype, into)


def emptied(image: Image, counts: Mask) -> Image:
    """Return a copy with NaN, or 0, where nothing counts."""
    found = image.copy()
    found[~counts] = np.nan if image.dtype.kind == "f" else 0
    return found


def stored(result: Image, out: Image) -> Image:
    """Return the array to fill, with the result."""
    store(result, out)
    return out

"""Morphology of the pixels that count, one extreme after the other.

Where the first extreme finds no pixel that counts, its result does not count in the second. So the
passes cannot share rows, as those of `Compound` do: between them is a mask.
"""

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

    def runs(image: Image) -> Image:
        counts = np.ones(image.shape, bool) if given is None else given > 0
        if nan == "omit" and image.dtype.kind == "f":
            counts &= ~np.isnan(image)
        cut, pixels = extended(image, counts, layout, window.windows, modes, cval)
        found = two_extremes(kind, element, pixels, (layout.y, layout.x), layout.channel)
        results = [emptied(values[cut], counted[cut]) for values, counted in found]
        if kind in {"opening", "closing"}:
            return stored(results[0], planned.dtype, out)
        more = {"white tophat": emptied(image, counts), "black tophat": results[0]}
        less = {"white tophat": results[0], "black tophat": emptied(image, counts)}
        high, low = more.get(kind, results[0]), less.get(kind, results[-1])
        return difference(high, low.copy(), low.copy(), planned.dtype, out)

    note = "two extremes of the pixels that count"
    return Several(array, runs, (whole,), planned.shape, planned.dtype, note)


def extended(
    image: Image,
    counts: Mask,
    layout: check.Layout,
    windows: tuple[Axis, Axis],
    modes: tuple[str, str],
    cval: float,
) -> tuple[tuple[slice, ...], Counted]:
    """Return where the image is in an extended copy, and the copy; "ignore" adds nothing."""
    image, cut = image.astype(native(image.dtype)), [slice(None)] * image.ndim
    outside = rounded(np.array([float(cval)]), image.dtype)[0]
    for axis, window, mode in zip((layout.y, layout.x), windows, modes, strict=True):
        n = image.shape[axis]
        if mode == border.IGNORE or n == 0:
            continue
        places = border.index_map(n, window.before, window.after, mode)
        image, counts = image.take(places, axis), counts.take(places, axis)
        cut[axis] = slice(window.before, window.before + n)
        beyond = tuple(places < 0 if each == axis else slice(None) for each in range(image.ndim))
        image[beyond], counts[beyond] = outside, True
    return tuple(cut), (image, counts)


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


def emptied(image: Image, counts: Mask) -> Image:
    """Return a copy with NaN, or 0, where nothing counts."""
    found = image.copy()
    found[~counts] = np.nan if image.dtype.kind == "f" else 0
    return found


def stored(result: Image, dtype: np.dtype[Any], out: Image | None) -> Image:
    """Return a result in a dtype, or in the array to fill."""
    target = np.empty(result.shape, dtype) if out is None else out
    store(result, target)
    return target

"""The rank filters of `scipy.ndimage`."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from imgconv.core.cache import Cache
from imgconv.core.call import apply
from imgconv.fallback import HandOver
from imgconv.filters.order import extremum
from imgconv.ndimage.call import (
    Image,
    Target,
    array_of,
    axes_of,
    axis_of,
    before,
    border,
    borders,
    each,
    fits_double,
    has_nan,
    image_of,
    in_order,
    integer,
    number,
    scalar,
    target_of,
)
from imgconv.ndimage.passes import fastest, plane
from imgconv.ndimage.sound import as_scipy
from imgconv.operations.rank import Footprint, Rank

__all__ = [
    "maximum_filter",
    "maximum_filter1d",
    "median_filter",
    "minimum_filter",
    "minimum_filter1d",
    "percentile_filter",
    "rank_filter",
]

# Windows of signals up to so many pixels, for pixels of 1, 2, 4 and 8 bytes; SciPy's filter of
# signals, which keeps what is in the window sorted, is faster in longer ones.
LONGEST = {1: 25, 2: 25, 4: 7, 8: 5}
# Windows by the bytes of footprints.
WINDOWS = Cache(limit=1 << 20)


@as_scipy
def minimum_filter1d(input, size, axis=-1, output=None, mode="reflect", cval=0.0, origin=0):
    """Take minima along an axis.

    Examples
    --------
    >>> from imgconv.ndimage import minimum_filter1d
    >>> print(minimum_filter1d([2, 8, 0, 4, 1, 9, 9, 0], size=3))
    [2 0 0 0 1 1 0 0]
    """
    return extreme_along(input, size, axis, output, mode, cval, origin, False)


@as_scipy
def maximum_filter1d(input, size, axis=-1, output=None, mode="reflect", cval=0.0, origin=0):
    """Take maxima along an axis.

    Examples
    --------
    >>> from imgconv.ndimage import maximum_filter1d
    >>> print(maximum_filter1d([2, 8, 0, 4, 1, 9, 9, 0], size=3))
    [8 8 8 4 9 9 9 9]
    """
    return extreme_along(input, size, axis, output, mode, cval, origin, True)


@as_scipy
def minimum_filter(
    input, size=None, footprint=None, output=None, mode="reflect", cval=0.0, origin=0, *,
    axes=None,
):  # fmt: skip
    """Take the least pixel of each window.

    Examples
    --------
    >>> from imgconv.ndimage import minimum_filter
    >>> print(minimum_filter([[5, 4, 3], [9, 8, 7], [6, 6, 6]], size=3))
    [[4 3 3]
     [4 3 3]
     [6 6 6]]
    """
    return extreme(input, size, footprint, output, mode, cval, origin, axes, False)


@as_scipy
def maximum_filter(
    input, size=None, footprint=None, output=None, mode="reflect", cval=0.0, origin=0, *,
    axes=None,
):  # fmt: skip
    """Take the greatest pixel of each window.

    Examples
    --------
    >>> from imgconv.ndimage import maximum_filter
    >>> print(maximum_filter([[5, 4, 3], [9, 8, 7], [6, 6, 6]], size=3))
    [[9 9 8]
     [9 9 8]
     [9 9 8]]
    """
    return extreme(input, size, footprint, output, mode, cval, origin, axes, True)


@as_scipy
def median_filter(
    input, size=None, footprint=None, output=None, mode="reflect", cval=0.0, origin=0, *,
    axes=None,
):  # fmt: skip
    """Take the median of each window.

    Examples
    --------
    >>> from imgconv.ndimage import median_filter
    >>> print(median_filter([[1, 1, 1], [1, 9, 5], [1, 5, 5]], size=3))
    [[1 1 1]
     [1 1 5]
     [1 5 5]]
    """
    found = windowed(input, size, footprint, output, mode, cval, origin, axes)
    return found.ranked(found.window.count // 2)


@as_scipy
def percentile_filter(
    input, percentile, size=None, footprint=None, output=None, mode="reflect", cval=0.0,
    origin=0, *, axes=None,
):  # fmt: skip
    """Take a percentile of each window.

    Examples
    --------
    >>> from imgconv.ndimage import percentile_filter
    >>> print(percentile_filter([5, 1, 4, 2, 3], percentile=20, size=5))
    [1 2 2 2 2]
    """
    found = windowed(input, size, footprint, output, mode, cval, origin, axes)
    count = found.window.count
    share = scalar(percentile, "percentile")
    share = share + 100.0 if share < 0.0 else share
    if not 0 <= share <= 100:
        raise HandOver("percentile")
    return found.ranked(count - 1 if share == 100.0 else int(float(count) * share / 100.0))


@as_scipy
def rank_filter(
    input, rank, size=None, footprint=None, output=None, mode="reflect", cval=0.0, origin=0, *,
    axes=None,
):  # fmt: skip
    """Take the pixel of a rank in each window.

    Examples
    --------
    >>> from imgconv.ndimage import rank_filter
    >>> print(rank_filter([5, 1, 4, 2, 3], rank=1, size=3))
    [5 4 2 3 3]
    """
    found = windowed(input, size, footprint, output, mode, cval, origin, axes)
    place, count = integer(rank, "rank"), found.window.count
    if not -count <= place < count:
        raise HandOver("rank")
    return found.ranked(place % count)


# ---- windows ---------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def rectangle(size: tuple[int, int], at: tuple[int, int]) -> Footprint:
    """Return the window that is all of a rectangle."""
    return Footprint(size, at)


def window_of(footprint: Image, at: tuple[int, int]) -> Footprint:
    """Return a 2-D footprint as a window."""
    key = footprint.tobytes(), footprint.shape, at
    found = WINDOWS.get(key)
    if found is None:
        found = rectangle(footprint.shape, at) if footprint.all() else Footprint.of(footprint, at)
        WINDOWS.put(key, found, 2 * footprint.nbytes + 512)
    return found


# ---- minima and maxima -----------------------------------------------------------------------


class Extent(NamedTuple):
    """A window along one axis: its size, where its pixel is, and the border."""

    axis: int
    size: int
    before: int
    mode: str


def extreme_along(
    input: Any, size: Any, axis: Any, output: Any, mode: Any, cval: Any, origin: Any,
    greatest: bool,
) -> Image:  # fmt: skip
    """Take extremes along one axis."""
    image = image_of(input)
    target = target_of(output, image)
    n = integer(size, "size")
    if n < 1:
        raise HandOver("size")
    extent = Extent(axis_of(axis, image.ndim), n, before(n, origin), border(mode))
    return extremes(image, [extent], cval, target, greatest)


def extreme(
    input: Any, size: Any, footprint: Any, output: Any, mode: Any, cval: Any, origin: Any,
    axes: Any, greatest: bool,
) -> Image:  # fmt: skip
    """Take extremes over a rectangle, axis by axis, or over a 2-D footprint."""
    image = image_of(input)
    target = target_of(output, image)
    along_axes = axes_of(axes, image.ndim)
    if (size is None) == (footprint is None):
        raise HandOver("size and footprint")
    if footprint is not None:
        pixels = array_of(footprint, "footprint", bool)
        if not pixels.size:
            raise HandOver("footprint")
        if not pixels.all():
            found = windowed(input, None, pixels, output, mode, cval, origin, axes)
            return found.ranked(found.window.count - 1 if greatest else 0)
        size = pixels.shape
    n = len(along_axes)
    sizes = [integer(k, "size") for k in each(size, n, "size")]
    extents = [
        Extent(axis, k, before(k, at), one)
        for axis, k, at, one in zip(
            along_axes, sizes, each(origin, n, "origin"), borders(mode, n), strict=True,
        )
        if k > 1
    ]  # fmt: skip
    if not extents:
        raise HandOver("nothing to filter")
    return extremes(image, extents, cval, target, greatest)


def extremes(
    image: Image, extents: Sequence[Extent], cval: Any, target: Target, greatest: bool
) -> Image:
    """Take extremes along some axes, two at once."""
    outside = comparable(image, [extent.mode for extent in extents], cval, target)
    source, out = image, target.out
    if image.ndim == 1:
        if image.dtype.itemsize == 8:
            raise HandOver("extremes of a signal of 64 bits")
        source, out = source[None], None if out is None else out[None]
        extents = [extents[0]._replace(axis=1)]
    while extents:
        first, second = pair(source, extents)
        extents = extents[2:]
        size, at = (first.size, second.size), (first.before, second.before)
        source = out = apply(
            extremum(rectangle(size, at), greatest), source, (first.mode, second.mode), outside,
            named(source, first.axis, second.axis), None, target.dtype if out is None else None,
            out,
        )  # fmt: skip
    if target.out is not None:
        return target.out
    return source[0] if image.ndim == 1 else source


def pair(image: Image, extents: Sequence[Extent]) -> tuple[Extent, Extent]:
    """Return the windows along y and along x of the first two, or of one and another axis."""
    fast = fastest(image)
    first = extents[0]
    if len(extents) > 1:
        second = extents[1]
    else:
        y, x = plane(image, first.axis, fast)
        second = Extent(x if first.axis == y else y, 1, 0, first.mode)
        if first.axis == x:
            return second, first
    return (second, first) if first.axis == fast else (first, second)


def named(image: Image, y: int, x: int) -> tuple[int, int] | None:
    """Return the axes of the planes, nothing where they are those of an image."""
    return None if image.ndim == 2 and (y, x) == (0, 1) else (y, x)


def comparable(image: Image, modes: Sequence[str], cval: Any, target: Target) -> float:
    """Return the number outside, if SciPy, which compares doubles, finds the same pixels.

    Where a NaN is in the window, SciPy's result depends on the order in which it looks.
    """
    outside = number(cval)
    floats = image.dtype.kind == target.dtype.kind == "f"
    if not floats and not np.can_cast(image.dtype, target.dtype):
        raise HandOver("output dtype")
    if "constant" in modes and not holds(image.dtype, outside):
        raise HandOver("cval")
    if has_nan(image):
        raise HandOver("NaN")
    if not fits_double(image):
        raise HandOver("integers beyond 2**53")
    return outside


def holds(dtype: np.dtype, value: float) -> bool:
    """Whether a dtype holds a number, floats to rounding."""
    if dtype.kind == "f":
        return value == value
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return low <= value <= high and value.is_integer()


# ---- ranks -----------------------------------------------------------------------------------


class Windowed(NamedTuple):
    """A rank filter before its rank is known: an image of planes, perhaps one row, and a window."""

    image: Image
    lifted: bool
    axes: tuple[int, int] | None
    window: Footprint
    mode: str
    cval: float
    target: Target

    def ranked(self, rank: int) -> Image:
        """Return the pixels of a rank."""
        image, target = self.image, self.target
        # SciPy leaves the gaps of a signal's footprint away, and is no help there.
        longest = LONGEST[image.dtype.itemsize]
        if self.lifted and self.window.is_rectangle and self.window.count > longest:
            raise HandOver("long window of a signal")
        out = target.out[None] if target.out is not None and self.lifted else target.out
        operation = ranking(self.window, (rank,))
        asked = target.dtype if out is None else None
        result = apply(operation, image, self.mode, self.cval, self.axes, None, asked, out)
        if target.out is not None:
            return target.out
        return result[0] if self.lifted else result


ranking = lru_cache(maxsize=256)(Rank)


def windowed(
    input: Any, size: Any, footprint: Any, output: Any, mode: Any, cval: Any, origin: Any,
    axes: Any,
) -> Windowed:  # fmt: skip
    """Return planes and a window in them."""
    image = image_of(input)
    target = target_of(output, image)
    along_axes = axes_of(axes, image.ndim)
    n = len(along_axes)
    if (size is None) == (footprint is None):
        raise HandOver("size and footprint")
    if footprint is None:
        shape = tuple(integer(k, "size") for k in each(size, n, "size"))
        pixels = None
    else:
        pixels = array_of(footprint, "footprint", bool)
        shape = pixels.shape
        if not pixels.any():
            raise HandOver("footprint")
    if len(shape) != n or min(shape, default=0) < 1:
        raise HandOver("footprint")
    along_axes, origins = in_order(along_axes, each(origin, n, "origin"), image.ndim)
    places = [before(k, at) for k, at in zip(shape, origins, strict=True)]
    extents = dict(zip(along_axes, zip(shape, places, strict=True), strict=True))
    wide = [axis for axis, k in zip(along_axes, shape, strict=True) if k > 1]
    if len(wide) > 2:
        raise HandOver("window of more than two axes")
    one = border(mode)
    outside = comparable(image, [one], cval, target)
    source = image
    if image.ndim == 1:
        source, wide, extents = image[None], [1] if wide else [], {1: extents[0]}
    fast = fastest(source)
    if len(wide) == 2:
        y, x = sorted(wide, key=lambda axis: (axis == fast, axis))
    else:
        y, x = plane(source, wide[0] if wide else fast, fast)
    (height, top), (width, left) = extents.get(y, (1, 0)), extents.get(x, (1, 0))
    if pixels is None:
        window = rectangle((height, width), (top, left))
    else:
        turned = pixels.squeeze() if len(wide) == 2 else pixels.reshape(height, width)
        if len(wide) == 2 and along_axes.index(y) > along_axes.index(x):
            turned = turned.T
        window = window_of(np.ascontiguousarray(turned), (top, left))
    return Windowed(source, image.ndim == 1, named(source, y, x), window, one, outside, target)

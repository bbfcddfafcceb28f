"""The rank filters of `scipy.ndimage`."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from imgconv.core.cache import Cache
from imgconv.core.pixels import limits
from imgconv.face_arguments import (
    Axes,
    Image,
    Ints,
    Modes,
    array_of,
    border,
    each,
    fits_double,
    integer,
)
from imgconv.fallback import FallBack
from imgconv.filters.order import extremum_operation, rank_operation
from imgconv.ndimage.arguments import (
    Output,
    OutputLike,
    axes_of,
    axis_of,
    before,
    borders,
    has_nan,
    image_of,
    number,
    output_of,
    scalar,
    window_axes,
)
from imgconv.ndimage.memory_safe import scipy_face
from imgconv.ndimage.planes import PlaneCall, as_planes, fastest_axis, plane_axes, plane_window
from imgconv.operations.rank import Footprint

__all__ = [
    "maximum_filter",
    "maximum_filter1d",
    "median_filter",
    "minimum_filter",
    "minimum_filter1d",
    "percentile_filter",
    "rank_filter",
]

# The longest window of a signal that is filtered here, for pixels of 1, 2, 4 and 8 bytes. SciPy's
# filter of signals, which keeps the window's pixels sorted, is faster in longer ones.
LONGEST = {1: 25, 2: 25, 4: 7, 8: 5}
# Windows by the bytes of their footprints.
WINDOWS = Cache(limit=1 << 20)


class WindowArguments(NamedTuple):
    """The arguments of a window, as the caller gave them."""

    size: object
    footprint: object
    mode: object
    cval: object
    origin: object
    axes: object


@scipy_face
def minimum_filter1d(
    input: ArrayLike,
    size: int,
    axis: int = -1,
    output: OutputLike = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: int = 0,
) -> Image:
    """Take minima along an axis.

    Examples
    --------
    >>> from imgconv.ndimage import minimum_filter1d
    >>> print(minimum_filter1d([2, 8, 0, 4, 1, 9, 9, 0], size=3))
    [2 0 0 0 1 1 0 0]
    """
    return extremum_along(input, size, axis, output, mode, cval, origin, maximum=False)


@scipy_face
def maximum_filter1d(
    input: ArrayLike,
    size: int,
    axis: int = -1,
    output: OutputLike = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: int = 0,
) -> Image:
    """Take maxima along an axis.

    Examples
    --------
    >>> from imgconv.ndimage import maximum_filter1d
    >>> print(maximum_filter1d([2, 8, 0, 4, 1, 9, 9, 0], size=3))
    [8 8 8 4 9 9 9 9]
    """
    return extremum_along(input, size, axis, output, mode, cval, origin, maximum=True)


@scipy_face
def minimum_filter(
    input: ArrayLike,
    size: Ints | None = None,
    footprint: ArrayLike | None = None,
    output: OutputLike = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
    origin: Ints = 0,
    *,
    axes: Axes = None,
) -> Image:
    """Take the minimum of each window.

    Examples
    --------
    >>> from imgconv.ndimage import minimum_filter
    >>> print(minimum_filter([[5, 4, 3], [9, 8, 7], [6, 6, 6]], size=3))
    [[4 3 3]
     [4 3 3]
     [6 6 6]]
    """
    given = WindowArguments(size, footprint, mode, cval, origin, axes)
    return extremum_filter(input, given, output, maximum=False)


@scipy_face
def maximum_filter(
    input: ArrayLike,
    size: Ints | None = None,
    footprint: ArrayLike | None = None,
    output: OutputLike = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
    origin: Ints = 0,
    *,
    axes: Axes = None,
) -> Image:
    """Take the maximum of each window.

    Examples
    --------
    >>> from imgconv.ndimage import maximum_filter
    >>> print(maximum_filter([[5, 4, 3], [9, 8, 7], [6, 6, 6]], size=3))
    [[9 9 8]
     [9 9 8]
     [9 9 8]]
    """
    given = WindowArguments(size, footprint, mode, cval, origin, axes)
    return extremum_filter(input, given, output, maximum=True)


@scipy_face
def median_filter(
    input: ArrayLike,
    size: Ints | None = None,
    footprint: ArrayLike | None = None,
    output: OutputLike = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: Ints = 0,
    *,
    axes: Axes = None,
) -> Image:
    """Take the median of each window.

    Examples
    --------
    >>> from imgconv.ndimage import median_filter
    >>> print(median_filter([[1, 1, 1], [1, 9, 5], [1, 5, 5]], size=3))
    [[1 1 1]
     [1 1 5]
     [1 5 5]]
    """
    given = WindowArguments(size, footprint, mode, cval, origin, axes)
    ready = prepare_rank(input, given, output)
    return ready.run(ready.window.count // 2)


@scipy_face
def percentile_filter(
    input: ArrayLike,
    percentile: float,
    size: Ints | None = None,
    footprint: ArrayLike | None = None,
    output: OutputLike = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: Ints = 0,
    *,
    axes: Axes = None,
) -> Image:
    """Take a percentile of each window.

    Examples
    --------
    >>> from imgconv.ndimage import percentile_filter
    >>> print(percentile_filter([5, 1, 4, 2, 3], percentile=20, size=5))
    [1 2 2 2 2]
    """
    given = WindowArguments(size, footprint, mode, cval, origin, axes)
    ready = prepare_rank(input, given, output)
    count = ready.window.count
    share = scalar(percentile, "percentile")
    share = share + 100.0 if share < 0.0 else share
    if not 0 <= share <= 100:
        raise FallBack("percentile")
    return ready.run(count - 1 if share == 100.0 else int(float(count) * share / 100.0))


@scipy_face
def rank_filter(
    input: ArrayLike,
    rank: int,
    size: Ints | None = None,
    footprint: ArrayLike | None = None,
    output: OutputLike = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: Ints = 0,
    *,
    axes: Axes = None,
) -> Image:
    """Take the pixel of a rank in each window.

    Examples
    --------
    >>> from imgconv.ndimage import rank_filter
    >>> print(rank_filter([5, 1, 4, 2, 3], rank=1, size=3))
    [5 4 2 3 3]
    """
    given = WindowArguments(size, footprint, mode, cval, origin, axes)
    ready = prepare_rank(input, given, output)
    place, count = integer(rank, "rank"), ready.window.count
    if not -count <= place < count:
        raise FallBack("rank")
    return ready.run(place % count)


# ---- minima and maxima -----------------------------------------------------------------------


class AxisWindow(NamedTuple):
    """A window along one axis: from `before` pixels ahead of its pixel; and the border mode."""

    axis: int
    size: int
    before: int
    mode: str


def extremum_along(
    input: object,
    size: object,
    axis: object,
    output: object,
    mode: object,
    cval: object,
    origin: object,
    maximum: bool,
) -> Image:
    """Take minima or maxima along one axis."""
    image = image_of(input)
    result = output_of(output, image)
    n = integer(size, "size")
    if n < 1:
        raise FallBack("size")
    window = AxisWindow(axis_of(axis, image.ndim), n, before(n, origin), border(mode))
    return run_extrema(image, [window], cval, result, maximum)


def extremum_filter(input: object, given: WindowArguments, output: object, maximum: bool) -> Image:
    """Take minima or maxima over a rectangle, axis by axis, or over a 2-D footprint."""
    image = image_of(input)
    result = output_of(output, image)
    along = axes_of(given.axes, image.ndim)
    size = given.size
    if (size is None) == (given.footprint is None):
        raise FallBack("size and footprint")
    if given.footprint is not None:
        pixels = array_of(given.footprint, "footprint", bool)
        if not pixels.size:
            raise FallBack("footprint")
        if not pixels.all():
            ready = prepare_rank(input, given._replace(footprint=pixels), output)
            return ready.run(ready.window.count - 1 if maximum else 0)
        size = pixels.shape
    n = len(along)
    sizes = [integer(k, "size") for k in each(size, n, "size")]
    origins, modes = each(given.origin, n, "origin"), borders(given.mode, n)
    windows = [
        AxisWindow(axis, k, before(k, at), one)
        for axis, k, at, one in zip(along, sizes, origins, modes, strict=True)
        if k > 1
    ]
    if not windows:
        raise FallBack("nothing to filter")
    return run_extrema(image, windows, given.cval, result, maximum)


def run_extrema(
    image: Image, windows: Sequence[AxisWindow], cval: object, output: Output, maximum: bool
) -> Image:
    """Take minima or maxima along some axes, two at once."""
    outside = outside_value(image, [window.mode for window in windows], cval, output)
    signal = image.ndim == 1
    if signal:
        if image.dtype.itemsize == 8:
            raise FallBack("extremes of a signal of 64 bits")
        windows = [windows[0]._replace(axis=1)]
    source = as_planes(image)
    out = None if output.array is None else as_planes(output.array)
    while windows:
        y, x = next_pair(source, windows)
        windows = windows[2:]
        operation = extremum_operation(rectangle((y.size, x.size), (y.before, x.before)), maximum)
        call = PlaneCall(operation, (y.axis, x.axis), (y.mode, x.mode))
        source = out = call.run(source, outside, output.dtype, out)
    return output.result(source, signal)


def next_pair(image: Image, windows: Sequence[AxisWindow]) -> tuple[AxisWindow, AxisWindow]:
    """Return the first two windows as those along y and x; beside a last one, one of one pixel."""
    fast = fastest_axis(image)
    first = windows[0]
    if len(windows) > 1:
        second = windows[1]
        return (second, first) if first.axis == fast else (first, second)
    y, x = plane_axes(image, first.axis, fast)
    if first.axis == x:
        return AxisWindow(y, 1, 0, first.mode), first
    return first, AxisWindow(x, 1, 0, first.mode)


def outside_value(image: Image, modes: Sequence[str], cval: object, output: Output) -> float:
    """Return the value outside the image; fall back where SciPy may find other pixels.

    SciPy compares in float64. If a NaN lies in a window, its result depends on the order in which
    it compares.
    """
    outside = number(cval)
    floats = image.dtype.kind == output.dtype.kind == "f"
    if not floats and not np.can_cast(image.dtype, output.dtype):
        raise FallBack("output dtype")
    if "constant" in modes and not represents(image.dtype, outside):
        raise FallBack("cval")
    if has_nan(image):
        raise FallBack("NaN")
    if not fits_double(image):
        raise FallBack("integers beyond 2**53")
    return outside


def represents(dtype: np.dtype[Any], value: float) -> bool:
    """Whether a dtype represents a number, floats to rounding."""
    if dtype.kind == "f":
        return value == value
    low, high = limits(dtype)
    return low <= value <= high and value.is_integer()


# ---- ranks -----------------------------------------------------------------------------------


class PreparedRank(NamedTuple):
    """A rank filter but for the rank, which may depend on the number of pixels in the window."""

    image: Image
    axes: tuple[int, int]
    window: Footprint
    mode: str
    cval: float
    output: Output

    def run(self, rank: int) -> Image:
        """Return the pixels of a rank."""
        signal = self.image.ndim == 1
        # For a footprint with gaps there is no fast filter of signals to fall back to.
        longest = LONGEST[self.image.dtype.itemsize]
        if signal and self.window.is_rectangle and self.window.count > longest:
            raise FallBack("long window of a signal")
        out = None if self.output.array is None else as_planes(self.output.array)
        call = PlaneCall(rank_operation(self.window, (rank,)), self.axes, self.mode)
        filtered = call.run(as_planes(self.image), self.cval, self.output.dtype, out)
        return self.output.result(filtered, signal)


def prepare_rank(input: object, given: WindowArguments, output: object) -> PreparedRank:
    """Return a rank filter with the planes and the window that it will run in."""
    image = image_of(input)
    result = output_of(output, image)
    along = axes_of(given.axes, image.ndim)
    n = len(along)
    if (given.size is None) == (given.footprint is None):
        raise FallBack("size and footprint")
    pixels = None
    if given.footprint is None:
        shape = tuple(integer(k, "size") for k in each(given.size, n, "size"))
    else:
        pixels = array_of(given.footprint, "footprint", bool)
        shape = pixels.shape
        if not pixels.any():
            raise FallBack("footprint")
    if len(shape) != n or min(shape, default=0) < 1:
        raise FallBack("footprint")
    along, origins = window_axes(along, each(given.origin, n, "origin"), image.ndim)
    places = [before(k, at) for k, at in zip(shape, origins, strict=True)]
    found = plane_window(image, along, shape, places)
    mode = border(given.mode)
    outside = outside_value(image, [mode], given.cval, result)
    if pixels is None:
        window = rectangle(found.size, found.before)
    else:
        height, width = found.size
        oriented = (
            pixels.reshape(width, height).T if found.transposed else pixels.reshape(found.size)
        )
        window = window_of(np.ascontiguousarray(oriented), found.before)
    return PreparedRank(image, found.axes, window, mode, outside, result)


@lru_cache(maxsize=256)
def rectangle(size: tuple[int, int], at: tuple[int, int]) -> Footprint:
    """Return a window that is all of a rectangle."""
    return Footprint(size, at)


def window_of(footprint: Image, at: tuple[int, int]) -> Footprint:
    """Return the window of a 2-D footprint."""
    key = footprint.tobytes(), footprint.shape, at
    found: Footprint | None = WINDOWS.get(key)
    if found is None:
        found = rectangle(footprint.shape, at) if footprint.all() else Footprint.of(footprint, at)
        WINDOWS.put(key, found, 2 * footprint.nbytes + 512)
    return found

"""Planes of two axes, in which signals, images and volumes are filtered.

A signal is an image of one row.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from imgconv.core.run import Call, run
from imgconv.face_arguments import Image
from imgconv.fallback import FallBack
from imgconv.operations.base import Operation

# Rows shorter than this keep vectors idle: the axis to filter along becomes the row.
NARROW = 32


def as_planes(image: Image) -> Image:
    """Return a signal as an image of one row; any other image as it is."""
    return image[None] if image.ndim == 1 else image


class PlaneCall(NamedTuple):
    """An operation on the planes of the axes y and x; it does the work of some `filters`."""

    operation: Operation
    axes: tuple[int, int]
    modes: str | tuple[str, str]
    filters: int = 1
    channel: int | None = None

    def run(self, image: Image, cval: float, dtype: np.dtype[Any], out: Image | None) -> Image:
        """Return the filtered image, in `out` if that is an array, else of this dtype."""
        # The default axes of an image are named by None, so that its plan is found in the cache.
        axes = None if image.ndim == 2 and self.axes == (0, 1) else self.axes
        requested = dtype if out is None else None
        call = Call(self.operation, image, self.modes, cval, axes, self.channel, requested, out)
        result: Image = run(call)
        return result


def fastest_axis(image: Image) -> int:
    """Return the axis along which pixels lie closest in memory."""
    if image.flags.c_contiguous:
        return image.ndim - 1
    strides = [
        (abs(stride), -axis)
        for axis, (stride, n) in enumerate(zip(image.strides, image.shape, strict=True))
        if n > 1
    ]
    return -min(strides)[1] if strides else image.ndim - 1


def row_axis(image: Image, axis: int, fast: int) -> tuple[int, int | None]:
    """Return the axis x of planes, and that of channels that lie side by side along it.

    So the few colours of an image, which are not filtered among each other, make one long row.
    """
    count = image.shape[fast]
    if image.ndim < 3 or count >= NARROW or axis == fast or image.strides[fast] < 0:
        return fast, None
    beside = count * image.strides[fast]
    rows = [i for i in range(image.ndim) if i != fast and image.strides[i] == beside]
    return (rows[0], fast) if rows else (fast, None)


def plane_axes(image: Image, axis: int, fast: int, channel: int | None = None) -> tuple[int, int]:
    """Return the axes y and x of the planes in which to filter along one axis."""
    shape = image.shape
    if axis == fast:
        others = [other for other in range(image.ndim) if other not in (axis, channel)]
        return max(others, key=shape.__getitem__), axis
    if channel is None and shape[fast] < NARROW and shape[axis] > shape[fast]:
        return fast, axis
    return axis, fast


class PlaneWindow(NamedTuple):
    """A window in the planes of an image; "before" is how far ahead of its pixel it begins."""

    axes: tuple[int, int]
    size: tuple[int, int]
    before: tuple[int, int]

    @property
    def transposed(self) -> bool:
        """Whether the axes of the window, in the image's order, are x and y."""
        y, x = self.axes
        return y > x


def plane_window(
    image: Image, axes: Sequence[int], shape: Sequence[int], before: Sequence[int]
) -> PlaneWindow:
    """Return where a window lies that is more than 1 pixel wide along at most two axes.

    Its `axes` are sorted, as `window_axes` gives them.
    """
    wide = [axis for axis, n in zip(axes, shape, strict=True) if n > 1]
    if len(wide) > 2:
        raise FallBack("window of more than two axes")
    extents = dict(zip(axes, zip(shape, before, strict=True), strict=True))
    if image.ndim == 1:
        image, wide, extents = image[None], [1] if wide else [], {1: extents[0]}
    fast = fastest_axis(image)
    if len(wide) == 2:
        y, x = reversed(wide) if wide[0] == fast else wide
    else:
        y, x = plane_axes(image, wide[0] if wide else fast, fast)
    (height, top), (width, left) = extents.get(y, (1, 0)), extents.get(x, (1, 0))
    return PlaneWindow((y, x), (height, width), (top, left))

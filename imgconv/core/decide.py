"""Decide: what a request means, with every choice made once, before anything is laid out.

A request is an operation, the shape, strides and dtype of an image, and the common arguments. From
it follow the border modes, the dtypes, the sizes, and which of several operations runs.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from imgconv import geometry
from imgconv.core import check, cpu
from imgconv.core.pixels import native
from imgconv.operations.base import Axis, Operation, Pixels, pixels


class Guide(NamedTuple):
    """How a guide lies in memory: the axes of the image without channels, then its own channels.

    The last axis has no elements if an image guides itself.
    """

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any]


class Placement(NamedTuple):
    """Windows that a caller places: pixels that the first is ahead of the image, and how many."""

    before: tuple[int, int]
    size: tuple[int, int]


class WeightLayout(NamedTuple):
    """How the weights of pixels lie in memory; their shape is that of the image."""

    strides: tuple[int, ...]
    dtype: np.dtype[Any]


class Request(NamedTuple):
    """The arguments that a plan depends on; the key of the plan in the cache."""

    operation: Operation
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    image_dtype: np.dtype[Any]
    mode: Any
    cval: Any
    axes: Any
    channel_axis: Any
    dtype: Any
    placement: geometry.Shape | Placement
    out: tuple[tuple[int, ...], tuple[int, ...], np.dtype[Any]] | None = None
    in_place: bool = False
    guide: Guide | None = None  # None: each channel is filtered by itself
    nan: str = "spread"
    weights: "WeightLayout | None" = None


class Decisions(NamedTuple):
    """The choices for a request. `computed` is the computing dtype, `dtype` that of the result.

    `weighed` is one of WEIGHED, and empty if all pixels count alike.
    """

    layout: check.Layout
    modes: tuple[str, str]
    cval: float
    operation: Operation
    times: dict[str, float]
    windows: tuple[Axis, Axis]
    size: tuple[int, int]
    result_size: tuple[int, int]
    dtype: np.dtype[Any]
    computed: np.dtype[Any]
    weighed: str


def decide(request: Request) -> Decisions:
    """Choose borders, dtypes, sizes and method."""
    layout = check.layout(len(request.shape), request.axes, request.channel_axis)
    can = request.operation.weighed
    modes = check.modes(request.mode, ignores=bool(can))
    cval = check.number(request.cval, "cval")
    holds_nan = request.image_dtype
    if request.guide is not None and holds_nan.kind != "f":
        holds_nan = request.guide.dtype
    weighed = check.weighed_as(can, holds_nan, modes, request.nan, request.weights)
    given = pixels(request.image_dtype, cval if "constant" in modes else 0, weighed)
    dtype = result_dtype(given, request.operation, request.dtype, request.out)
    size = request.shape[layout.y], request.shape[layout.x]
    _, result_size = place(request.operation, size, request.placement)
    operation = request.operation
    if request.placement == "same" and min(size) > 0:
        operation = operation.folded(size, modes)
    operation, times = operation.resolve(result_size, given, dtype)
    windows, _ = place(operation, size, request.placement)
    computed = cpu.built_for(operation.computed_in(given, operation.without_points or dtype))
    if request.guide is not None:
        computed = max(computed, pixels(request.guide.dtype, 0).float_type)
    y, x = windows
    # The loop needs at least the rows under a window, and the plan the index maps of the border.
    rows = operation.kept_rows or y.span
    minimum = int(rows * x.span * computed.itemsize) + 16 * (y.span + x.span)
    check.window_fits_memory((y.span, x.span), minimum)
    return Decisions(
        layout, modes, cval, operation, times, windows, size, result_size, dtype, computed,
        can if weighed else "",
    )  # fmt: skip


SHAPES: tuple[geometry.Shape, ...] = ("same", "valid", "full")


def place(
    operation: Operation, size: tuple[int, int], placement: str | Placement
) -> tuple[tuple[Axis, Axis], tuple[int, int]]:
    """Return the windows and the size of the result."""
    windows = operation.windows
    if isinstance(placement, Placement):
        y, x = (Axis(at, axis.span) for at, axis in zip(placement.before, windows, strict=True))
        return (y, x), placement.size
    shape = check.choice(placement, SHAPES, "shape")
    height, width = (
        geometry.output_size(n, axis.span, shape=shape, stride=s)
        for n, axis, s in zip(size, windows, operation.stride, strict=True)
    )
    if shape != "same":
        y, x = (Axis(axis.span - 1 if shape == "full" else 0, axis.span) for axis in windows)
        windows = y, x
    return windows, (height, width)


def result_dtype(
    image: Pixels, operation: Operation, requested: DTypeLike | None, out: Any
) -> np.dtype[Any]:
    """Return the dtype of the result: of `out`, requested, of the image, or the computing one."""
    if out is not None:
        return native(out[2])
    if requested is not None:
        return native(check.result_dtype(requested))
    keeps = operation.ordered or (operation.smooths and image.dtype.kind != "b")
    return native(image.dtype) if keeps else image.float_type

"""The calls of the pooling loops: means and extrema of windows, and where the maxima lie."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

from imgconv.core import cpu
from imgconv.core.run import Call
from imgconv.core.windows import Plane
from imgconv.filters.pooling import OUTSIDE, pool_operation
from imgconv.nn.core import checks
from imgconv.nn.core.arrays import Array, DType, Shape
from imgconv.nn.core.calls import LoopPlan


def axes_of(plane: Plane) -> NDArray[np.intp]:
    """Return the windows as the loops read them."""
    return np.array(plane, np.intp)


def planes_of(images: Array) -> Array:
    """Return a batch as one stack of planes."""
    return np.ascontiguousarray(images).reshape(-1, *images.shape[2:])


def pool_call(how: str, array: Array, plane: Plane, padded: bool = False) -> Call[Array]:
    """Return the call of `imgconv.pool`'s loop; padding counts in a mean if `padded`."""
    operation, placement = pool_operation(how, plane, padded)
    return Call(
        operation, array, "constant", OUTSIDE[how], (-2, -1), dtype=array.dtype, placement=placement
    )


def compared_in(dtype: DType, plane: Plane) -> DType:
    """Return the dtype in which windows are compared: integers in 64 bits, float16 in float32.

    Places are as wide as the pixels: if 32 bits do not count those from the first to the last row
    of a window, float32 is compared in float64.
    """
    y, x = plane
    if dtype.kind != "f":
        return np.dtype(np.uint64 if dtype == np.uint64 else np.int64)
    wide = dtype.itemsize == 8 or y.span * x.n > np.iinfo(np.int32).max
    return np.dtype(np.float64 if wide else np.float32)


def scratch_bytes(plane: Plane, computed: DType) -> int:
    """Return the scratch of a thread that finds maxima: for the rows under a window."""
    numbers: int = cpu.constant("pool2d", computed.name, "numbers")(axes_of(plane))
    return numbers * computed.itemsize


def plan_maxima(images: Array, plane: Plane) -> LoopPlan:
    """Return the plan of `maxima`."""
    dtype, computed = images.dtype, compared_in(images.dtype, plane)
    y, x = plane
    shape = (*images.shape[:2], y.count, x.count)
    cost = float(images.shape[0] * images.shape[1] * y.count * x.count * y.k * x.k)
    scratch = scratch_bytes(plane, computed)
    return LoopPlan("pool2d", "largest", shape, dtype, (y.k, x.k), cost, scratch, computed)


def maxima(plan: LoopPlan, images: Array, plane: Plane) -> tuple[Array, NDArray[np.int64]]:
    """Return the maximum of each window, and where in its plane it lies."""
    dtype, computed = plan.dtype, plan.computing_dtype
    lowest = -np.inf if dtype.kind == "f" else np.iinfo(dtype).min
    best, places = np.empty(plan.shape, computed), np.empty(plan.shape, np.int64)
    pixels = planes_of(images.astype(computed, copy=False))
    plan.run(axes_of(plane), pixels, lowest, best, places)
    return best.astype(dtype, copy=False), places


def plan_place(grad: Array, shape: Shape) -> LoopPlan:
    """Return the plan of `place` for gradients of these windows; the pixels have this shape."""
    cost = float(prod(shape) + grad.size)
    return LoopPlan("pool2d", "place", shape, grad.dtype, (1, 1), cost)


def place(plan: LoopPlan, grad: Array, places: NDArray[np.int64]) -> Array:
    """Return planes of zeros to which gradients are added at these places; at -1 they are lost."""
    *batch, height, width = plan.shape
    # Sizes are given, not -1, which is no size in a batch of no images.
    planes, windows = prod(batch), prod(grad.shape[-2:])
    result = np.empty((planes, height * width), plan.dtype)
    above, at = (np.ascontiguousarray(each).reshape(planes, windows) for each in (grad, places))
    if not plan.run(at, above, result):
        checks.inside(places, height * width, lowest=-1)
    return result.reshape(plan.shape)


def scatter(values: Array, places: NDArray[np.int64], shape: Shape) -> Array:
    """Return planes of zeros with values at these places of each."""
    planes = prod(shape[:-2])
    result = np.zeros((planes, shape[-2] * shape[-1]), values.dtype)
    if result.size == 0:
        return result.reshape(shape)
    result[np.arange(planes)[:, None], places.reshape(planes, -1)] = values.reshape(planes, -1)
    return result.reshape(shape)

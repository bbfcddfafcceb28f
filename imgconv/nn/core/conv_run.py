"""The calls of the convolution loop: weights in its order, a convolution, a gradient of weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imgconv.core.cache import Cache
from imgconv.core.run import run_entry
from imgconv.core.threads import threads_for
from imgconv.nn.core.arrays import Array
from imgconv.nn.core.conv_plan import SHARES, ConvPlan, make_plan
from imgconv.nn.core.phases import AxisPhases

# Weights in the order in which tiles read them, with the weights as they came.
PACKED = Cache(32 << 20)


def plan_for(
    images: int, weights: Array, y: AxisPhases, x: AxisPhases, of_weights: bool = False
) -> ConvPlan:
    """Return the plan of `convolve` with these weights, or of `weight_gradient` for them."""
    groups, outputs, inputs = weights.shape[:3]
    return make_plan(images, groups, inputs, outputs, y, x, weights.dtype, of_weights)


def convolve(plan: ConvPlan, image: Array, weights: Array, bias: Array | None = None) -> Array:
    """Return the result, (N, groups * outputs, oh, ow)."""
    result = np.empty(plan.shape, plan.dtype)
    if len(image) == 0:
        return result
    biases = np.zeros(plan.shape[1], plan.dtype) if bias is None else np.ascontiguousarray(bias)
    numbers, begin = packed_weights(weights, plan)
    regions = plan.regions(threads_for(plan.cost))
    run_entry(
        "conv2d", plan.dtype_name, "run", regions.params, regions.first, regions.offsets, begin,
        numbers, biases, np.ascontiguousarray(image), result,
        cost=plan.cost, scratch_bytes=regions.scratch,
    )  # fmt: skip
    return result


def weight_gradient(plan: ConvPlan, image: Array, gradient: Array) -> Array:
    """Return the gradient of a convolution's weights, (groups, outputs, inputs, kh, kw)."""
    if len(image) == 0:
        return np.zeros(plan.shape, plan.dtype)
    regions = plan.regions(threads_for(plan.cost))
    shares = max(1, min(SHARES // (plan.groups * plan.strips), len(image) * regions.number))
    parts = np.empty((shares, *plan.shape), plan.dtype)
    run_entry(
        "conv2d", plan.dtype_name, "products", regions.params, regions.first, regions.offsets,
        np.ascontiguousarray(image), np.ascontiguousarray(gradient), parts,
        cost=plan.cost, scratch_bytes=regions.scratch,
    )  # fmt: skip
    total: Array = parts.sum(axis=0) if shares > 1 else parts[0]
    return total


def packed_weights(weights: Array, plan: ConvPlan) -> tuple[Array, NDArray[np.intp]]:
    """Return weights in the order in which tiles read them, and where those of each phase begin.

    They are kept. Weights may change in place, so the same memory must hold the same numbers, too.
    """
    key = (weights.ctypes.data, weights.shape, weights.strides, weights.dtype,
           plan.outputs_per_tile, plan.taps)  # fmt: skip
    known = PACKED.get(key)
    if known is not None and np.array_equal(known[0], weights):
        return known[1], known[2]
    found = pack_weights(weights, plan)
    PACKED.put(key, (weights.copy(), *found), 3 * weights.nbytes)
    return found


def pack_weights(weights: Array, plan: ConvPlan) -> tuple[Array, NDArray[np.intp]]:
    """Return (groups, tiles, inputs, taps, outputs of a tile) of each phase, one after another.

    The last tile of a group has the outputs that remain.
    """
    groups, outputs = weights.shape[:2]
    tiles = [slice(o, o + plan.outputs_per_tile) for o in range(0, outputs, plan.outputs_per_tile)]
    parts, begin = [], [0]
    for taps in plan.taps:
        i, j = (np.array([tap[axis] for tap in taps], np.intp) for axis in (0, 1))
        phase = np.moveaxis(weights[..., i, j], 1, -1)
        rows = [phase[..., tile].reshape(groups, -1) for tile in tiles]
        parts.append(np.concatenate(rows, axis=1).ravel())
        begin.append(begin[-1] + parts[-1].size)
    return np.concatenate(parts), np.array(begin, np.intp)

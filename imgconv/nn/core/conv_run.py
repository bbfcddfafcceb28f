"""The calls of the convolution loops, and the weights in the order in which tiles read them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imgconv.core.cache import Cache
from imgconv.core.run import run_entry
from imgconv.core.threads import threads_for
from imgconv.nn.core.arrays import Array
from imgconv.nn.core.channel_plan import (
    ChannelPlan,
    ChannelWeightsPlan,
    channel_plan,
    channel_weights_plan,
    grid_of,
    weight_transform,
)
from imgconv.nn.core.conv_plan import SHARES, ConvPlan, Sizes, make_plan
from imgconv.nn.core.phases import AxisPhases

# Weights in the order in which tiles read them, with the weights as they came.
PACKED = Cache(32 << 20)
# Kernels that are transformed at once.
BLOCK = 1 << 12


def plan_for(
    images: int,
    weights: Array,
    y: AxisPhases,
    x: AxisPhases,
    winograd: bool | None = None,
) -> ChannelPlan | ConvPlan:
    """Return the plan of `convolve` with these weights."""
    sizes = sizes_of(images, weights, y, x)
    return channel_plan(sizes, winograd) or make_plan(sizes)


def plan_for_weights(
    images: int,
    weights: Array,
    y: AxisPhases,
    x: AxisPhases,
    winograd: bool | None = None,
) -> ChannelWeightsPlan | ConvPlan:
    """Return the plan of `weight_gradient` for these weights."""
    sizes = sizes_of(images, weights, y, x)
    return channel_weights_plan(sizes, winograd) or make_plan(sizes, of_weights=True)


def sizes_of(images: int, weights: Array, y: AxisPhases, x: AxisPhases) -> Sizes:
    """Return the convolution of so many images with these weights."""
    groups, outputs, inputs = weights.shape[:3]
    return Sizes(images, groups, inputs, outputs, y, x, weights.dtype)


def convolve(
    plan: ChannelPlan | ConvPlan, image: Array, weights: Array, bias: Array | None = None
) -> Array:
    """Return the result, (N, groups * outputs, oh, ow)."""
    result = np.empty(plan.shape, plan.dtype)
    if len(image) == 0:
        return result
    biases = np.zeros(plan.shape[1], plan.dtype) if bias is None else np.ascontiguousarray(bias)
    images = np.ascontiguousarray(image)
    if isinstance(plan, ConvPlan):
        convolve_directly(plan, images, weights, biases, result)
    else:
        convolve_channels(plan, images, weights, biases, result)
    return result


def convolve_directly(
    plan: ConvPlan, image: Array, weights: Array, bias: Array, result: Array
) -> None:
    """Fill the result by sums over inputs and taps."""
    numbers, begin = packed_weights(weights, plan)
    regions = plan.regions(threads_for(plan.cost))
    run_entry(
        "conv2d", plan.dtype_name, "run", regions.params, regions.first, regions.offsets, begin,
        numbers, bias, image, result,
        cost=plan.cost, scratch_bytes=regions.scratch,
    )  # fmt: skip


def convolve_channels(
    plan: ChannelPlan, image: Array, weights: Array, bias: Array, result: Array
) -> None:
    """Fill the result by sums over inputs alone.

    By Winograd's algorithm, a pixel that is not finite would reach all results of its cell, so an
    image whose results are not all finite is computed again directly.
    """
    numbers, _ = packed_weights(weights, plan)
    runs = plan.runs(threads_for(plan.cost))
    begin = np.zeros_like(bias) if plan.winograd else bias
    spoiled = np.zeros(len(image), np.uint8)
    run_entry(
        "channels", plan.dtype_name, "run", runs.params, runs.places, numbers, begin, bias, image,
        result, spoiled,
        cost=plan.cost, scratch_bytes=runs.scratch,
    )  # fmt: skip
    for n in np.flatnonzero(spoiled):
        directly = make_plan(plan.sizes._replace(images=1))
        convolve_directly(directly, image[n : n + 1], weights, bias, result[n : n + 1])


def weight_gradient(plan: ChannelWeightsPlan | ConvPlan, image: Array, gradient: Array) -> Array:
    """Return the gradient of a convolution's weights, (groups, outputs, inputs, kh, kw)."""
    if len(image) == 0:
        return np.zeros(plan.shape, plan.dtype)
    images, above = np.ascontiguousarray(image), np.ascontiguousarray(gradient)
    if isinstance(plan, ConvPlan):
        return weights_directly(plan, images, above)
    return weights_by_channels(plan, images, above)


def weights_directly(plan: ConvPlan, image: Array, gradient: Array) -> Array:
    """Return the gradient by sums over pixels."""
    regions = plan.regions(threads_for(plan.cost))
    shares = max(1, min(SHARES // (plan.sizes.groups * plan.strips), len(image) * regions.number))
    parts = np.empty((shares, *plan.shape), plan.dtype)
    run_entry(
        "conv2d_weights", plan.dtype_name, "run", regions.params, regions.first, regions.offsets,
        image, gradient, parts,
        cost=plan.cost, scratch_bytes=regions.scratch,
    )  # fmt: skip
    total: Array = parts.sum(axis=0) if shares > 1 else parts[0]
    return total


def weights_by_channels(plan: ChannelWeightsPlan, image: Array, gradient: Array) -> Array:
    """Return the gradient by sums over cells.

    If it is not all finite, it is computed again directly, as in `convolve_channels`.
    """
    params = np.array([*grid_of(plan), *plan.params], np.intp)
    panels = [np.empty((plan.positions, numbers), plan.dtype) for numbers in plan.numbers]
    result = np.empty(plan.shape, plan.dtype)
    finite = run_entry(
        "channels_weights", plan.dtype_name, "run", params, image, gradient, *panels, result,
        cost=plan.cost, scratch_bytes=plan.scratch,
    )  # fmt: skip
    if finite:
        return result
    return weights_directly(make_plan(plan.sizes, of_weights=True), image, gradient)


def packed_weights(weights: Array, plan: ChannelPlan | ConvPlan) -> tuple[Array, NDArray[np.intp]]:
    """Return weights in the order in which tiles read them, and where those of each phase begin.

    They are kept. Weights may change in place, so the same memory must hold the same numbers, too.
    """
    key = (weights.ctypes.data, weights.shape, weights.strides, weights.dtype, type(plan),
           plan.outputs_per_tile, plan.packing)  # fmt: skip
    known = PACKED.get(key)
    if known is not None and np.array_equal(known[0], in_memory(weights)):
        return known[1], known[2]
    if isinstance(plan, ConvPlan):
        found = pack_weights(weights, plan)
    else:
        found = pack_channels(weights, plan), np.zeros(1, np.intp)
    PACKED.put(key, (in_memory(weights).copy(), *found), weights.nbytes + found[0].nbytes)
    return found


def in_memory(weights: Array) -> Array:
    """Return weights in the order of memory, as integers of 64 bits: the fastest to compare."""
    numbers = weights.ravel(order="K")
    return numbers.view(np.uint64) if numbers.nbytes % 8 == 0 else numbers


def in_tiles(weights: Array, high: int) -> Array:
    """Return (groups, outputs, inputs, taps) as (groups, tiles, inputs, taps, outputs of a tile).

    The last tile of a group has the outputs that remain, so the result has one axis.
    """
    groups, outputs = weights.shape[:2]
    last = np.moveaxis(weights, 1, -1)
    rows = [last[..., o : o + high].reshape(groups, -1) for o in range(0, outputs, high)]
    packed: Array = np.concatenate(rows, axis=1).ravel()
    return packed


def pack_weights(weights: Array, plan: ConvPlan) -> tuple[Array, NDArray[np.intp]]:
    """Return the weights of each phase `in_tiles`, one after another, and where they begin."""
    parts, begin = [], [0]
    for taps in plan.taps:
        i, j = (np.array([tap[axis] for tap in taps], np.intp) for axis in (0, 1))
        parts.append(in_tiles(weights[..., i, j], plan.outputs_per_tile))
        begin.append(begin[-1] + parts[-1].size)
    return np.concatenate(parts), np.array(begin, np.intp)


def pack_channels(weights: Array, plan: ChannelPlan) -> Array:
    """Return the weights of each position `in_tiles`: of the one tap, or Winograd's 36."""
    y, x = plan.packing
    taps = np.stack(
        [in_tiles(weights[..., i, j][..., None], plan.outputs_per_tile) for i in y for j in x]
    )
    if not plan.winograd:
        return taps
    result = np.empty((plan.positions, taps.shape[1]), plan.dtype)
    for at in range(0, taps.shape[1], BLOCK):
        result[:, at : at + BLOCK] = weight_transform() @ taps[:, at : at + BLOCK].astype(float)
    return result

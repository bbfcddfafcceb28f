"""The loop of convolution layers: how a layer is cut into regions, and how weights are packed.

A layer is an image (N, C, H, W), weights and a `Layout`: which pixels of the image each tap of each
phase stands on. Forward, a layer has one phase; transposed, one for each pixel of its stride.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgconv.core import cpu, threads
from imgconv.core.run import scratch
from imgconv.nn.checks import Array
from imgconv.nn.windows import Axis, Pair

# Bytes of a region's strip and stage together: half of a cache of 1 MB, so that weights fit, too.
REGION = int(__import__('os').environ.get('RG',512)) << 10
# Bytes of the pixels under a tile, of as many inputs as are added at once.
L1 = int(__import__('os').environ.get('L1',24)) << 10
# Lanes of vectors that a row may waste, relative to its pixels.
WASTE = 1 + 1 / 32
# Vectors of 64 bytes are the widest; what tiles overrun is counted in these.
LANES = 16


class Phases(NamedTuple):
    """Along one axis: result pixel ``p + cell * phases`` sums pixels of the image.

    `taps` are for each phase p the pairs (i, d): tap i of the kernel stands on pixel
    ``cell * step + d`` of the image.
    """

    n: int
    count: int
    step: int
    taps: tuple[tuple[Pair, ...], ...]


def forward(axis: Axis) -> Phases:
    """Return the taps of a layer along an axis."""
    taps = tuple((i, i * axis.dilation - axis.before) for i in range(axis.k))
    return Phases(axis.n, axis.count, axis.stride, (taps,))


def transposed(axis: Axis) -> Phases:
    """Return the taps of the transposed layer: from its windows back to its n pixels.

    Pixel o of the layer's image is in window y as tap i where o + before = y stride + i dilation.
    """
    phases = []
    for p in range(min(axis.stride, axis.n)):
        places = ((i, p + axis.before - i * axis.dilation) for i in range(axis.k))
        phases.append(tuple((i, d // axis.stride) for i, d in places if d % axis.stride == 0))
    return Phases(axis.count, axis.n, 1, tuple(phases))


@dataclass(frozen=True)
class Job:
    """What the loop reads; the fields of `Job` in pyx/conv2d.pyx, in the same order."""

    images: int
    groups: int
    inputs: int
    outputs: int
    height: int
    width: int
    result_height: int
    result_width: int
    step_y: int
    step_x: int
    phases_y: int
    phases_x: int
    grid_height: int
    grid_width: int
    top: int
    left: int
    residues_y: int
    residues_x: int
    reach_y: int
    reach_x: int
    rows: int
    columns: int
    pitch: int
    plane: int
    channel: int
    tail: int
    some_inputs: int
    places: int
    high: int
    some_outputs: int
    stage: int
    in_place: int
    direct: int


class Plan(NamedTuple):
    """A layer on images of one shape: the job, and its taps as the loop reads them."""

    job: Job
    packed_job: NDArray[np.intp]
    first: NDArray[np.intp]  # of each phase, in `offsets`
    offsets: NDArray[np.intp]
    kernel_taps: tuple[tuple[Pair, ...], ...]  # of each phase, (i, j)
    cost: float
    scratch: int  # bytes a thread


def _reach(phases: Phases) -> tuple[int, int, int]:
    """Return how far taps begin ahead of their cell, the residues they stand on, their reach."""
    places = [d for taps in phases.taps for _, d in taps] or [0]
    before = -min(places)
    span = max(places) + before + 1
    return before, min(phases.step, span), (span - 1) // phases.step


def _up(n: int, unit: int) -> int:
    return -(-n // unit) * unit


def tile_height(outputs: int, highest: int) -> int:
    """Return the outputs of a tile: as many as waste least, the larger the better."""
    return min(range(1, highest + 1), key=lambda high: (_up(outputs, high) + 0.0, -high))


@lru_cache(maxsize=256)
def make_plan(
    images: int,
    groups: int,
    inputs: int,
    outputs: int,
    y: Phases,
    x: Phases,
    dtype: np.dtype,
    count: int,
    level: str,
) -> Plan:
    """Return how a layer runs; `count` threads are to find work."""
    loop = cpu.loop("conv2d", dtype.name)
    top, residues_y, reach_y = _reach(y)
    left, residues_x, reach_x = _reach(x)
    phases = len(y.taps) * len(x.taps)
    grid_height, grid_width = -(-y.count // len(y.taps)), -(-x.count // len(x.taps))
    high = tile_height(outputs, loop.HIGHEST_TILE)
    columns = grid_width
    shared = 0
    if x.step == 1:
        shared = max(0, min(left, columns + reach_x - left - x.n))
    pitch = columns + reach_x - shared
    chunk = loop.WIDTHS[high - 1]
    rows_of_taps = sum(len({d for _, d in taps}) for taps in y.taps)
    lines = rows_of_taps * residues_x * ((chunk + reach_x) // LANES + 2)
    some_inputs = max(1, min(inputs, L1 // (64 * lines)))
    some_inputs = -(-inputs // -(-inputs // some_inputs))
    some_outputs = _up(outputs, high)
    per_row = some_inputs * residues_y * residues_x * pitch + phases * some_outputs * pitch
    room = REGION // dtype.itemsize - some_inputs * residues_y * residues_x * pitch * reach_y
    rows = max(1, min(grid_height, room // per_row))
    wanted = -(-4 * count // (images * groups)) if count > 1 else 1
    rows = max(1, min(rows, -(-grid_height // wanted)))
    rows = -(-grid_height // -(-grid_height // rows))
    tail = _up(shared + LANES, LANES)
    plane = (rows + reach_y) * pitch + tail
    channel = _up(residues_y * residues_x * plane, LANES)
    channel += LANES * (1 - channel // LANES % 2)
    stage = _up(rows * pitch, LANES) + LANES
    in_place = (
        y.step == x.step == 1 and top == left == 0 and pitch == x.n
        and grid_height + reach_y <= y.n and (x.n * y.n * dtype.itemsize) % 2048 != 0
    )
    # Vectors that end with the rows waste some of their lanes, others a way through the stage.
    last = grid_height - (grid_height - 1) // rows * rows
    lines = {rows * pitch, last * pitch} if pitch == grid_width else {grid_width}
    direct = (
        phases == 1
        and outputs % high == 0
        and all(LANES <= n and _up(n, LANES) <= n * WASTE for n in lines)
        and (some_inputs == inputs or all(n % LANES == 0 for n in lines))
    )
    offsets, first, kernel_taps = [], [0], []
    for ty in y.taps:
        for tx in x.taps:
            for i, dy in ty:
                for j, dx in tx:
                    qy, ry = divmod(dy + top, y.step)
                    qx, rx = divmod(dx + left, x.step)
                    offsets.append((ry * residues_x + rx) * plane + qy * pitch + qx)
            first.append(len(offsets))
            kernel_taps.append(tuple((i, j) for i, _ in ty for j, _ in tx))
    most = max(len(taps) for taps in kernel_taps)
    places = _up(some_inputs * most, LANES)
    job = Job(
        images, groups, inputs, outputs, y.n, x.n, y.count, x.count, y.step, x.step,
        len(y.taps), len(x.taps), grid_height, grid_width, top, left, residues_y, residues_x,
        reach_y, reach_x, rows, columns, pitch, plane, channel, tail, some_inputs, places, high,
        some_outputs, stage, int(in_place), int(direct),
    )
    macs = float(images * groups * inputs * outputs * grid_height * grid_width * len(offsets))
    return Plan(
        job, np.array(astuple(job), np.intp), np.array(first, np.intp),
        np.array(offsets, np.intp), tuple(kernel_taps), macs,
        _up(8 * places + (some_inputs * channel + phases * some_outputs * stage) * dtype.itemsize, 64),
    )


def pack(weights: Array, plan: Plan) -> tuple[Array, NDArray[np.intp]]:
    """Return weights (groups, outputs, inputs, kh, kw) as tiles read them, and where phases begin."""
    job = plan.job
    groups, outputs, inputs = weights.shape[:3]
    blocks = -(-outputs // job.high)
    full = np.zeros((groups, blocks * job.high, *weights.shape[2:]), weights.dtype)
    full[:, :outputs] = weights
    full = full.reshape(groups, blocks, job.high, *weights.shape[2:])
    parts, begin = [], [0]
    for taps in plan.kernel_taps:
        i, j = (np.array([tap[axis] for tap in taps], np.intp) for axis in (0, 1))
        part = full[..., i, j].transpose(0, 1, 3, 4, 2)
        parts.append(np.ascontiguousarray(part).ravel())
        begin.append(begin[-1] + parts[-1].size)
    return np.concatenate(parts), np.array(begin, np.intp)


PACKED: dict[tuple[Any, ...], tuple[Array, Array, NDArray[np.intp]]] = {}


def packed_weights(weights: Array, plan: Plan) -> tuple[Array, NDArray[np.intp]]:
    """`pack`, or what it returned for the same numbers at the same place before."""
    key = (weights.ctypes.data, weights.shape, weights.strides, weights.dtype, plan.job.high, plan.kernel_taps)
    known = PACKED.get(key)
    if known is not None and np.array_equal(known[0], weights):
        return known[1:]
    found = pack(weights, plan)
    PACKED[key] = (weights.copy(), *found)
    return found


def correlate(
    image: Array, weights: Array, bias: Array | None, y: Phases, x: Phases
) -> Array:
    """Return (N, groups * outputs, y.count, x.count); weights (groups, outputs, inputs, kh, kw)."""
    groups, outputs, inputs = weights.shape[:3]
    count = threads.get_num_threads()
    plan = make_plan(
        image.shape[0], groups, inputs, outputs, y, x, image.dtype, count, cpu.LEVEL
    )
    packed, begin = packed_weights(weights, plan)
    job = plan.job
    rows = np.zeros((groups, -(-outputs // job.high) * job.high), image.dtype)
    if bias is not None:
        rows[:, :outputs] = bias.reshape(groups, outputs)
    result = np.empty((image.shape[0], groups * outputs, y.count, x.count), image.dtype)
    if plan.cost < threads.SERIAL_BELOW:
        count = 1
    work = scratch(count * plan.scratch)
    loop = cpu.loop("conv2d", image.dtype.name)
    threads.run_parallel(
        loop.run, plan.packed_job, plan.first, plan.offsets, begin, packed, rows,
        np.ascontiguousarray(image), result, work, plan.scratch, count,
    )
    return result

"""The loop of convolution layers: how a layer is cut into regions, and how weights are packed.

A layer is an image (N, C, H, W), weights (groups, outputs, inputs, kh, kw), and along each axis
`Phases`: which pixels of the image each tap stands on. Forward, a layer has one phase; transposed,
one for each pixel of its stride.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgconv.core import cpu, threads
from imgconv.core.cache import Cache
from imgconv.core.run import scratch
from imgconv.nn.checks import Array
from imgconv.nn.windows import Axis, Pair

# Bytes of a region's strip and stage together, so that weights fit into L2, too.
REGION = 1 << 19
# Bytes of the pixels under a tile, of as many inputs as are added at once.
UNDER_TILE = 24 << 10
# Lanes of vectors that a row may waste, relative to its pixels.
WASTE = 1 + 1 / 32
# Numbers in the widest vector: what tiles overrun is counted in these.
LANES = 16
# Bytes of sums that a thread keeps for the gradient of weights.
SUMS = 1 << 21
# Shares of the work of a gradient of weights, where its groups and inputs are fewer.
SHARES = 8


class Phases(NamedTuple):
    """Along one axis: pixel ``p + cell * len(taps)`` of `count` sums pixels of an image of n.

    For each phase p, `taps` are pairs (i, d): tap i of the kernel stands on ``cell * step + d``.
    """

    n: int
    count: int  # type: ignore[assignment]
    step: int
    taps: tuple[tuple[Pair, ...], ...]

    @property
    def cells(self) -> int:
        """Cells of the grid."""
        return -(-self.count // len(self.taps))

    @property
    def before(self) -> int:
        """How far the first tap of the first cell lies ahead of the image."""
        return -min((d for taps in self.taps for _, d in taps), default=0)

    @property
    def span(self) -> int:
        """Pixels from the first to the last tap of a cell."""
        return max((d for taps in self.taps for _, d in taps), default=0) + self.before + 1

    @property
    def residues(self) -> int:
        """How many of the pixels of a step taps stand on, at most."""
        return min(self.step, self.span)

    @property
    def reach(self) -> int:
        """Steps from the first to the last tap of a cell."""
        return (self.span - 1) // self.step


def forward(axis: Axis) -> Phases:
    """Return the taps of a layer along an axis."""
    taps = tuple((i, i * axis.dilation - axis.before) for i in range(axis.k))
    return Phases(axis.n, axis.count, axis.stride, (taps,))


def transposed(axis: Axis) -> Phases:
    """Return the taps of the transposed layer, from the windows of an axis back to its n pixels.

    Pixel o is tap i of window y where ``o + before == y * stride + i * dilation``.
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
    regions: int
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
    """A layer on images of one shape: its job, and its taps as the loop reads them."""

    job: NDArray[np.intp]
    first: NDArray[np.intp]  # where the taps of each phase begin in `offsets`
    offsets: NDArray[np.intp]
    taps: tuple[tuple[Pair, ...], ...]  # (i, j) of each phase
    high: int
    padded: int  # outputs, in whole tiles
    parts: int  # of the inputs
    regions: int
    cost: float
    scratch: int  # bytes a thread


def up(n: int, unit: int) -> int:
    """Return the next multiple of a unit."""
    return -(-n // unit) * unit


def evenly(n: int, most: int) -> int:
    """Return the size of the parts of n, as equal as can be, none larger than `most`."""
    return -(-n // -(-n // max(1, min(n, most))))


def tile_height(outputs: int, highest: int) -> int:
    """Return the outputs of a tile: those that waste least, of these the most."""
    return min(range(1, highest + 1), key=lambda high: (up(outputs, high), -high))


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
    products: bool = False,
) -> Plan:
    """Return how a layer runs on `count` threads, or the gradient of its weights."""
    loop = cpu.loop("conv2d", dtype.name)
    high = tile_height(outputs, loop.HIGHEST_TILE)
    phases = len(y.taps) * len(x.taps)
    residues = y.residues * x.residues
    columns, tile = columns_of(y, x, dtype), loop.WIDTHS[high - 1]
    # Zeros to the right of a row serve the next one, whose zeros to the left they are.
    whole = columns == x.cells and x.step == 1
    after = columns + x.reach - x.before - x.n
    shared = max(0, min(x.before, after, x.reach)) if whole else 0
    pitch = columns + x.reach - shared

    lines = sum(len(taps) for taps in y.taps) * x.residues * ((tile + x.reach) // LANES + 2)
    some_inputs = evenly(inputs, UNDER_TILE // (64 * max(lines, 1)))
    if products:
        taps_of_input = len(y.taps[0]) * len(x.taps[0])
        some_inputs = evenly(some_inputs, SUMS // (64 * outputs * taps_of_input))
    some_outputs = up(outputs, high)
    per_row = (some_inputs * residues + phases * some_outputs) * pitch
    room = REGION // dtype.itemsize - some_inputs * residues * pitch * y.reach
    # A few regions for each thread.
    wanted = -(-4 * count // (images * groups)) if count > 1 and not products else 1
    rows = evenly(y.cells, max(1, min(room // per_row, -(-y.cells // wanted))))
    regions = -(-y.cells // rows) * -(-x.cells // columns)
    if regions * images * groups < 2 * count and not products:
        some_outputs = up(evenly(outputs, -(-outputs // (2 * count))), high)

    tail = up(shared + LANES, LANES)
    plane = (rows + y.reach) * pitch + tail
    channel = up(residues * plane, LANES)
    channel += LANES * (1 - channel // LANES % 2)  # so that channels share no set of a cache
    stage = up(rows * pitch, LANES) + LANES
    in_place = (
        y.step == x.step == 1
        and y.before == x.before == 0
        and whole
        and pitch == x.n
        and y.cells + y.reach <= y.n
        and x.n * y.n * dtype.itemsize % 4096 != 0
    )
    last = y.cells - (y.cells - 1) // rows * rows
    lengths = {rows * pitch, last * pitch} if whole and pitch == x.cells else {columns}
    direct = (
        phases == 1
        and columns == x.cells
        and outputs % high == 0
        and all(n >= LANES and up(n, LANES) <= n * WASTE for n in lengths)
        and (some_inputs == inputs or all(n % LANES == 0 for n in lengths))
        and not products
    )
    first, offsets, taps = offsets_of(y, x, plane, pitch)
    places = up(some_inputs * max(map(len, taps)), LANES)
    numbers = some_inputs * channel + phases * some_outputs * stage
    sums = outputs * some_inputs * len(offsets) * 64 if products else 0
    parts = -(-outputs // some_outputs)
    job = Job(
        images, groups, inputs, outputs, y.n, x.n, y.count, x.count, y.step, x.step,
        len(y.taps), len(x.taps), y.cells, x.cells, y.before, x.before, y.residues, x.residues,
        y.reach, x.reach, rows, columns, regions * parts, pitch, plane, channel, tail,
        some_inputs, places, high, some_outputs, stage, int(in_place), int(direct),
    )  # fmt: skip
    return Plan(
        job=np.array(astuple(job), np.intp),
        first=first,
        offsets=offsets,
        taps=taps,
        high=high,
        padded=up(outputs, high),
        parts=-(-inputs // some_inputs),
        regions=regions,
        cost=float(images * groups * inputs * outputs * y.cells * x.cells * len(offsets)),
        scratch=up(8 * places + up(numbers, LANES) * dtype.itemsize + sums + 64, 64),
    )


def columns_of(y: Phases, x: Phases, dtype: np.dtype) -> int:
    """Return the columns of a region: all, but for rows so long that one fills its room."""
    rows = y.residues * x.residues * (y.reach + 1) + 8
    return evenly(x.cells, max(256, REGION // (4 * rows * dtype.itemsize)))


def offsets_of(
    y: Phases, x: Phases, plane: int, pitch: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], tuple[tuple[Pair, ...], ...]]:
    """Return where in the strip taps lie: the first of each phase, all, and their (i, j)."""
    first, offsets, taps = [0], [], []
    for rows in y.taps:
        for columns in x.taps:
            for _, dy in rows:
                for _, dx in columns:
                    row, residue_y = divmod(dy + y.before, y.step)
                    column, residue_x = divmod(dx + x.before, x.step)
                    residue = residue_y * x.residues + residue_x
                    offsets.append(residue * plane + row * pitch + column)
            first.append(len(offsets))
            taps.append(tuple((i, j) for i, _ in rows for j, _ in columns))
    return np.array(first, np.intp), np.array(offsets, np.intp), tuple(taps)


# Weights as tiles read them, with what they were packed from.
PACKED = Cache(32 << 20)


def packed(weights: Array, plan: Plan) -> tuple[Array, NDArray[np.intp]]:
    """Return weights as tiles read them, and where those of each phase begin.

    They are kept, and taken again where the same numbers stand in the same place.
    """
    key = weights.ctypes.data, weights.shape, weights.strides, weights.dtype, plan.high, plan.taps
    known = PACKED.get(key)
    if known is not None and np.array_equal(known[0], weights):
        return known[1], known[2]
    found = pack(weights, plan)
    PACKED.put(key, (weights.copy(), *found), 3 * weights.nbytes)
    return found


def pack(weights: Array, plan: Plan) -> tuple[Array, NDArray[np.intp]]:
    """Return (groups, tiles, inputs, taps, outputs of a tile) of each phase, one after another."""
    groups, outputs, inputs, *kernel = weights.shape
    full = np.zeros((groups, plan.padded, inputs, *kernel), weights.dtype)
    full[:, :outputs] = weights
    full = full.reshape(groups, -1, plan.high, inputs, *kernel)
    parts, begin = [], [0]
    for taps in plan.taps:
        i, j = (np.array([tap[axis] for tap in taps], np.intp) for axis in (0, 1))
        parts.append(full[..., i, j].transpose(0, 1, 3, 4, 2).ravel())
        begin.append(begin[-1] + parts[-1].size)
    return np.concatenate(parts), np.array(begin, np.intp)


def threads_for(cost: float) -> int:
    """Return how many threads share so many multiply-adds."""
    return threads.get_num_threads() if cost >= threads.SERIAL_BELOW else 1


def correlate(image: Array, weights: Array, bias: Array | None, y: Phases, x: Phases) -> Array:
    """Return the layer's result, (N, groups * outputs, y.count, x.count)."""
    groups, outputs, inputs = weights.shape[:3]
    result = np.empty((len(image), groups * outputs, y.count, x.count), image.dtype)
    if len(image) == 0:
        return result
    shape = len(image), groups, inputs, outputs, y, x, image.dtype
    plan = make_plan(*shape, 1)
    count = threads_for(plan.cost)
    plan = make_plan(*shape, count)
    biases = np.zeros((groups, plan.padded), image.dtype)
    if bias is not None:
        biases[:, :outputs] = bias.reshape(groups, outputs)
    numbers, begin = packed(weights, plan)
    threads.run_parallel(
        cpu.loop("conv2d", image.dtype.name).run, plan.job, plan.first, plan.offsets, begin,
        numbers, biases, np.ascontiguousarray(image), result, scratch(count * plan.scratch + 64),
        plan.scratch, count,
    )  # fmt: skip
    return result


def products(image: Array, gradient: Array, groups: int, y: Phases, x: Phases) -> Array:
    """Return the gradient of a layer's weights, (groups, outputs, inputs, kh, kw)."""
    inputs, outputs = image.shape[1] // groups, gradient.shape[1] // groups
    kernel = len(y.taps[0]), len(x.taps[0])
    if len(image) == 0:
        return np.zeros((groups, outputs, inputs, *kernel), image.dtype)
    plan = make_plan(len(image), groups, inputs, outputs, y, x, image.dtype, 1, True)
    shares = max(1, min(SHARES // (groups * plan.parts), len(image) * plan.regions))
    result = np.empty((shares, groups, outputs, inputs, *kernel), image.dtype)
    count = threads_for(plan.cost)
    threads.run_parallel(
        cpu.loop("conv2d", image.dtype.name).products, plan.job, plan.first, plan.offsets,
        np.ascontiguousarray(image), np.ascontiguousarray(gradient), result,
        scratch(count * plan.scratch + 64), plan.scratch, count,
    )  # fmt: skip
    return result.sum(axis=0) if shares > 1 else result[0]

"""The loop of convolution layers: how a layer is cut into regions, and how weights are packed.

A layer is an image (N, C, H, W), weights (groups, outputs, inputs, kh, kw), and along each axis
`Phases`: which pixels of the image each tap stands on. Forward, a layer has one phase; transposed,
one for each pixel of its stride.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from functools import lru_cache
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgconv.core import cpu
from imgconv.core.cache import Cache, cached_property
from imgconv.core.run import run_entry
from imgconv.core.threads import threads_for
from imgconv.core.windows import Pair, Windows
from imgconv.nn.core.checks import Array

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


@lru_cache(maxsize=256)
def forward(axis: Windows) -> Phases:
    """Return the taps of a layer along an axis."""
    taps = tuple((i, i * axis.dilation - axis.before) for i in range(axis.k))
    return Phases(axis.n, axis.count, axis.stride, (taps,))


@lru_cache(maxsize=256)
def transposed(axis: Windows) -> Phases:
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


class Cut(NamedTuple):
    """A plan cut into regions for a number of threads, as the loop reads it."""

    job: NDArray[np.intp]
    first: NDArray[np.intp]  # where the taps of each phase begin in `offsets`
    offsets: NDArray[np.intp]
    rows: int  # of a region, in cells
    regions: int  # of an image and group
    some_outputs: int  # that a task computes
    scratch: int  # bytes a thread


@dataclass(frozen=True, eq=False)
class Plan:
    """How a layer runs on images of one shape, or how the gradient of its weights does, and why.

    Attributes
    ----------
    images, groups, inputs, outputs : int
        Images, groups of channels, and the channels of a group.
    y, x : Phases
        The pixels that taps stand on.
    dtype : numpy.dtype
        Of images, weights and result; all is computed in it.
    products : bool
        Whether the result is the gradient of the weights.
    taps : tuple
        (i, j) of the taps of each phase.
    high : int
        Outputs of a tile.
    columns : int
        Columns of a region, in cells.
    some_inputs : int
        Inputs in a strip.
    """

    images: int
    groups: int
    inputs: int
    outputs: int
    y: Phases
    x: Phases
    dtype: np.dtype
    products: bool
    taps: tuple[tuple[Pair, ...], ...]
    high: int
    columns: int
    some_inputs: int
    _cuts: dict[int, Cut] = field(default_factory=dict)

    @cached_property
    def real(self) -> str:
        """Name of the dtype."""
        return self.dtype.name

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result."""
        y, x = self.y, self.x
        if self.products:
            return self.groups, self.outputs, self.inputs, len(y.taps[0]), len(x.taps[0])
        return self.images, self.groups * self.outputs, y.count, x.count

    @cached_property
    def padded(self) -> int:
        """Outputs, in whole tiles."""
        return up(self.outputs, self.high)

    @property
    def parts(self) -> int:
        """Strips that hold all inputs."""
        return -(-self.inputs // self.some_inputs)

    @property
    def whole(self) -> bool:
        """Whether a region has whole rows, which lie one behind the other as in the image."""
        return self.columns == self.x.cells and self.x.step == 1

    @property
    def shared(self) -> int:
        """Zeros to the right of a row in the strip, which are those to the left of the next one."""
        x = self.x
        after = self.columns + x.reach - x.before - x.n
        return max(0, min(x.before, after, x.reach)) if self.whole else 0

    @cached_property
    def cost(self) -> float:
        """Multiply-adds of the whole call."""
        cells = self.y.cells * self.x.cells * sum(map(len, self.taps))
        return float(self.images * self.groups * self.inputs * self.outputs * cells)

    def cut(self, threads: int) -> Cut:
        """Return the regions for so many threads; those of a gradient of weights never change."""
        threads = 1 if self.products else threads
        found = self._cuts.get(threads)
        if found is None:
            found = self._cuts[threads] = cut(self, threads)
        return found

    def __repr__(self) -> str:
        """Tell a curious reader what will run and why."""
        y, x, threads = self.y, self.x, threads_for(self.cost)
        found, a_number = self.cut(threads), self.cost / max(1, prod(self.shape))
        rows, columns = found.rows * len(y.taps), self.columns * len(x.taps)
        lie = f", every {y.step} x {x.step} pixels" if y.step * x.step > 1 else ""
        lie += f", in {len(y.taps)} x {len(x.taps)} phases" if len(self.taps) > 1 else ""
        channels = f"{some(self.groups, 'group')} of {self.inputs} inputs, {self.outputs} outputs"
        return "\n".join(
            [
                f"Plan: conv2d loop, level {cpu.LEVEL}, in {self.dtype}",
                f"  result  1 x {self.shape} {self.dtype}",
                f"  window  {y.span} x {x.span}, pixel at ({y.before}, {x.before}){lie}",
                f"  image   {some(self.images, 'image')}, {channels}",
                f"  cost    {a_number:.3g} operations a number, {self.cost:.3g} in all",
                f"  regions {found.regions} of {rows} x {columns} pixels and "
                f"{found.some_outputs} outputs, on {some(threads, 'thread')}",
            ]
        )


def some(n: int, noun: str) -> str:
    """Return a number of things in words."""
    return f"{n} {noun}{'s' if n != 1 else ''}"


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
    products: bool = False,
) -> Plan:
    """Return how a layer runs, or the gradient of its weights."""
    high = tile_height(outputs, cpu.constant("conv2d", dtype.name, "HIGHEST_TILE"))
    tile = cpu.constant("conv2d", dtype.name, "WIDTHS")[high - 1]
    lines = sum(len(taps) for taps in y.taps) * x.residues * ((tile + x.reach) // LANES + 2)
    some_inputs = evenly(inputs, UNDER_TILE // (64 * max(lines, 1)))
    if products:
        taps_of_input = len(y.taps[0]) * len(x.taps[0])
        some_inputs = evenly(some_inputs, SUMS // (64 * outputs * taps_of_input))
    taps = tuple(
        tuple((i, j) for i, _ in rows for j, _ in columns) for rows in y.taps for columns in x.taps
    )
    return Plan(images, groups, inputs, outputs, y, x, dtype, products, taps, high,
                columns_of(y, x, dtype), some_inputs)  # fmt: skip


def cut(plan: Plan, threads: int) -> Cut:
    """Return the regions that so many threads share, and where pixels lie in their strips."""
    y, x, dtype, outputs, some_inputs = plan.y, plan.x, plan.dtype, plan.outputs, plan.some_inputs
    phases, residues = len(plan.taps), y.residues * x.residues
    pitch = plan.columns + x.reach - plan.shared
    some_outputs = plan.padded
    per_row = (some_inputs * residues + phases * some_outputs) * pitch
    room = REGION // dtype.itemsize - some_inputs * residues * pitch * y.reach
    # A few regions for each thread.
    wanted = -(-4 * threads // max(1, plan.images * plan.groups)) if threads > 1 else 1
    rows = evenly(y.cells, max(1, min(room // per_row, -(-y.cells // wanted))))
    regions = -(-y.cells // rows) * -(-x.cells // plan.columns)
    if regions * plan.images * plan.groups < 2 * threads and not plan.products:
        some_outputs = up(evenly(outputs, -(-outputs // (2 * threads))), plan.high)

    tail = up(plan.shared + LANES, LANES)
    plane = (rows + y.reach) * pitch + tail
    channel = up(residues * plane, LANES)
    channel += LANES * (1 - channel // LANES % 2)  # so that channels share no set of a cache
    stage = up(rows * pitch, LANES) + LANES
    first, offsets = offsets_of(y, x, plane, pitch)
    places = up(some_inputs * max(map(len, plan.taps)), LANES)
    numbers = some_inputs * channel + phases * some_outputs * stage
    sums = outputs * some_inputs * len(offsets) * 64 if plan.products else 0
    job = Job(
        plan.images, plan.groups, plan.inputs, outputs, y.n, x.n, y.count, x.count, y.step, x.step,
        len(y.taps), len(x.taps), y.cells, x.cells, y.before, x.before, y.residues, x.residues,
        y.reach, x.reach, rows, plan.columns, regions * -(-outputs // some_outputs), pitch, plane,
        channel, tail, some_inputs, places, plan.high, some_outputs, stage,
        int(is_strip(plan, pitch)), int(is_stage(plan, rows, pitch)),
    )  # fmt: skip
    return Cut(
        job=np.array(astuple(job), np.intp),
        first=first,
        offsets=offsets,
        rows=rows,
        regions=regions,
        some_outputs=some_outputs,
        # A cache line more, with which the loop begins at a whole one.
        scratch=up(8 * places + up(numbers, LANES) * dtype.itemsize + sums + 128, 64),
    )


def is_strip(plan: Plan, pitch: int) -> bool:
    """Whether the image itself can be the strip: it has no border and its rows have the pitch."""
    y, x = plan.y, plan.x
    return (
        y.step == x.step == 1
        and y.before == x.before == 0
        and plan.whole
        and pitch == x.n
        and y.cells + y.reach <= y.n
        and x.n * y.n * plan.dtype.itemsize % 4096 != 0
    )


def is_stage(plan: Plan, rows: int, pitch: int) -> bool:
    """Whether tiles can write the result itself: their vectors waste little beyond its rows."""
    y, x = plan.y, plan.x
    last = y.cells - (y.cells - 1) // rows * rows
    joined = plan.whole and pitch == x.cells
    lengths = {rows * pitch, last * pitch} if joined else {plan.columns}
    return (
        len(plan.taps) == 1
        and plan.columns == x.cells
        and plan.outputs % plan.high == 0
        and all(n >= LANES and up(n, LANES) <= n * WASTE for n in lengths)
        and (plan.some_inputs == plan.inputs or all(n % LANES == 0 for n in lengths))
        and not plan.products
    )


def columns_of(y: Phases, x: Phases, dtype: np.dtype) -> int:
    """Return the columns of a region: all, but for rows so long that one fills its room."""
    rows = y.residues * x.residues * (y.reach + 1) + 8
    return evenly(x.cells, max(256, REGION // (4 * rows * dtype.itemsize)))


def offsets_of(
    y: Phases, x: Phases, plane: int, pitch: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where the offsets of each phase begin, and those of all taps in the strip."""
    first, offsets = [0], []
    for rows in y.taps:
        for columns in x.taps:
            for _, dy in rows:
                for _, dx in columns:
                    row, residue_y = divmod(dy + y.before, y.step)
                    column, residue_x = divmod(dx + x.before, x.step)
                    residue = residue_y * x.residues + residue_x
                    offsets.append(residue * plane + row * pitch + column)
            first.append(len(offsets))
    return np.array(first, np.intp), np.array(offsets, np.intp)


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


def plan_of(images: int, weights: Array, y: Phases, x: Phases) -> Plan:
    """Return the plan of `correlate` for so many images."""
    groups, outputs, inputs = weights.shape[:3]
    return make_plan(images, groups, inputs, outputs, y, x, weights.dtype)


def correlate(image: Array, weights: Array, bias: Array | None, y: Phases, x: Phases) -> Array:
    """Return the layer's result, (N, groups * outputs, y.count, x.count)."""
    plan = plan_of(len(image), weights, y, x)
    result = np.empty(plan.shape, plan.dtype)
    if len(image) == 0:
        return result
    biases = np.zeros((plan.groups, plan.padded), plan.dtype)
    if bias is not None:
        biases[:, : plan.outputs] = bias.reshape(plan.groups, plan.outputs)
    numbers, begin = packed(weights, plan)
    found = plan.cut(threads_for(plan.cost))
    run_entry(
        "conv2d", plan.real, "run", found.job, found.first, found.offsets, begin, numbers,
        biases, np.ascontiguousarray(image), result, cost=plan.cost, scratch_bytes=found.scratch,
    )  # fmt: skip
    return result


def products(image: Array, gradient: Array, groups: int, y: Phases, x: Phases) -> Array:
    """Return the gradient of a layer's weights, (groups, outputs, inputs, kh, kw)."""
    inputs, outputs = image.shape[1] // groups, gradient.shape[1] // groups
    plan = make_plan(len(image), groups, inputs, outputs, y, x, image.dtype, True)
    if len(image) == 0:
        return np.zeros(plan.shape, plan.dtype)
    found = plan.cut(threads_for(plan.cost))
    shares = max(1, min(SHARES // (groups * plan.parts), len(image) * found.regions))
    result = np.empty((shares, *plan.shape), plan.dtype)
    run_entry(
        "conv2d", plan.real, "products", found.job, found.first, found.offsets,
        np.ascontiguousarray(image), np.ascontiguousarray(gradient), result,
        cost=plan.cost, scratch_bytes=found.scratch,
    )  # fmt: skip
    return result.sum(axis=0) if shares > 1 else result[0]

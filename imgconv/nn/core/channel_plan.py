"""How a convolution runs whose products are sums over channels alone: 1x1, and 3x3 by Winograd.

The loop in pyx/channels.pyx computes cells: pixels of the result for 1x1, and 4x4 of them for 3x3,
as far apart as the taps. The cells of all images are divided into runs of whole panels. That in
pyx/channels_weights.pyx computes the gradient of the weights from them, chunk by chunk.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgconv.core import cpu
from imgconv.core.cache import cached_property
from imgconv.core.params import round_up
from imgconv.core.threads import threads_for
from imgconv.core.windows import Pair
from imgconv.nn.core.arrays import DType, Shape
from imgconv.nn.core.calls import cost_text, counted
from imgconv.nn.core.conv_plan import LANES, Sizes, even_part
from imgconv.nn.core.phases import AxisPhases

# Bytes of the panels and sums of a run, which stay in L2.
RUN = 1 << 18
# Bytes of a panel, which stays in L1 with the weights that stream past it.
PANEL = 24 << 10
# Fewest inputs and outputs for which panels are worth their copy.
FEWEST = 16
# Winograd: fewest inputs, below which its error is over four times that of the direct sum; and what
# the transforms of an input and of an output of a cell cost, in multiply-adds.
WINOGRAD_INPUTS, TRANSFORM = 8, 400
# Bytes of the largest transformed weights, a quarter of what is kept.
WEIGHTS = 10 << 20
# Of gradients of weights: most cells of a chunk, over which a float's sum rounds little; most bytes
# of its panels (with 4 MB the system gives other memory to each call, which takes twice as long);
# cells that are loaded at once; and what the sums of a chunk cost, in multiply-adds.
MOST_CELLS, CHUNK, RUN_CELLS, PASSES = 128, 2 << 20, 64, 4
# The points at which Winograd evaluates, beside infinity: those of pyx/winograd.pxd.
POINTS = (0.0, 0.75, -0.75, 1.5, -1.5)
STEP, SPAN = 4, 6
# How much longer than with all threads busy a call may take before its tasks are divided.
IDLE = 1.15


class GridParams(NamedTuple):
    """The cells of all images: the fields of the struct in pyx/cells.pxd, in the same order."""

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
    top: int
    left: int
    rows: int
    columns: int
    positions: int


class ChannelParams(NamedTuple):
    """What the loop reads behind the grid: the fields in pyx/channels.pyx, in the same order."""

    panels: int
    runs: int
    wide: int
    cells: int
    some_inputs: int
    high: int
    some_outputs: int
    parts: int
    row: int
    values: int
    sums: int
    panel: int
    plane: int


class Runs(NamedTuple):
    """The runs that a number of threads share, as the loop reads them."""

    params: NDArray[np.intp]
    places: NDArray[np.intp]  # where the inputs lie in a panel
    panels: int  # of a run
    number: int  # of a group
    outputs_per_task: int
    scratch: int  # bytes a thread


@dataclass(frozen=True, eq=False)
class ChannelPlan:
    """How a convolution runs whose products are sums over channels alone.

    Attributes
    ----------
    sizes : Sizes
        The convolution.
    winograd : bool
        Whether this is a kernel of 3x3.
    """

    sizes: Sizes
    winograd: bool
    _runs: dict[int, Runs] = field(default_factory=dict)

    @property
    def dtype(self) -> DType:
        """The dtype of images, weights and result."""
        return self.sizes.dtype

    @cached_property
    def dtype_name(self) -> str:
        """Name of the dtype, which NumPy composes anew each time."""
        return self.dtype.name

    @cached_property
    def shape(self) -> Shape:
        """Shape of the result."""
        images, groups, _, outputs, y, x, _ = self.sizes
        return images, groups * outputs, y.count, x.count

    @property
    def positions(self) -> int:
        """Values of a cell, and sums."""
        return SPAN * SPAN if self.winograd else 1

    @property
    def gaps(self) -> Pair:
        """How far the taps are apart: the dilation of a kernel of 3x3."""
        y, x = (taps_of(axis) for axis in self.axes)
        return (y[1] - y[0], x[1] - x[0]) if self.winograd else (1, 1)

    @property
    def grid(self) -> Pair:
        """The rows of cells of an image, and the cells of a row.

        Pixels whose places differ by a multiple of the gap are an image of their own.
        """
        y, x = self.gaps
        step = STEP if self.winograd else 1
        return y * x * -(-self.sizes.y.count // (y * step)), -(-self.sizes.x.count // (x * step))

    @property
    def cells(self) -> int:
        """Cells of all images."""
        rows, columns = self.grid
        return self.sizes.images * rows * columns

    @cached_property
    def wide(self) -> int:
        """Vectors of a panel: with these all cells and the rest of the last panel are cheapest."""
        panels = cpu.constant("channels", self.dtype_name, "PANELS")
        costs = [cost * round_up(self.cells, cells) for cells, cost in panels]
        return costs.index(min(costs)) + 1

    @property
    def panel(self) -> int:
        """Cells of a panel."""
        return int(cpu.constant("channels", self.dtype_name, "PANELS")[self.wide - 1][0])

    @cached_property
    def outputs_per_tile(self) -> int:
        """Outputs of a tile; the last one of a group may have fewer."""
        most = cpu.constant("channels", self.dtype_name, "HIGHEST_TILE")
        return even_part(self.sizes.outputs, most)

    @cached_property
    def inputs_per_panel(self) -> int:
        """Inputs whose products are added at once."""
        return even_part(self.sizes.inputs, PANEL // (self.panel * self.dtype.itemsize))

    @cached_property
    def packing(self) -> tuple[tuple[int, ...], ...]:
        """The taps along y and x in the order of the pixels that they read."""
        y, x = (tuple(i for i, _ in sorted(a.phases[0], key=lambda tap: tap[1])) for a in self.axes)
        return y, x

    @property
    def axes(self) -> tuple[AxisPhases, AxisPhases]:
        """The pixels that taps read, along y and along x."""
        return self.sizes.y, self.sizes.x

    @cached_property
    def cost(self) -> float:
        """Multiply-adds of the whole call."""
        products = self.positions * self.sizes.inputs * self.sizes.outputs
        transforms = TRANSFORM * (self.sizes.inputs + self.sizes.outputs) if self.winograd else 0
        return float(self.sizes.groups * self.cells * (products + transforms))

    def runs(self, threads: int) -> Runs:
        """Return the runs for so many threads."""
        found = self._runs.get(threads)
        if found is None:
            found = self._runs[threads] = cut_runs(self, threads)
        return found

    def __repr__(self) -> str:
        """Return what will run, in lines for a reader."""
        y, x, threads = self.sizes.y, self.sizes.x, threads_for(self.cost)
        runs = self.runs(threads)
        spacing = f", every {y.step} x {x.step} pixels" if y.step * x.step > 1 else ""
        how = ", by Winograd's algorithm for 4 x 4 results" if self.winograd else ""
        return "\n".join(
            [
                f"Plan: channels loop, level {cpu.LEVEL}, in {self.dtype}{how}",
                f"  result  1 x {self.shape} {self.dtype}",
                f"  window  {y.span} x {x.span}, pixel at ({y.before}, {x.before}){spacing}",
                f"  image   {self.sizes}",
                f"  cost    {cost_text(self.cost, self.shape)}",
                f"  regions {runs.number} of {runs.panels * self.panel} cells and "
                f"{runs.outputs_per_task} outputs, on {counted(threads, 'thread')}",
            ]
        )


def taps_of(axis: AxisPhases) -> tuple[int, ...]:
    """Return the pixels that taps read, if there is one phase with equal gaps; else none."""
    places = tuple(sorted(d for _, d in axis.phases[0]))
    equal = len({b - a for a, b in pairwise(places)}) <= 1
    return places if equal and len(axis.phases) == 1 else ()


@lru_cache(maxsize=256)
def channel_plan(sizes: Sizes, winograd: bool | None = None) -> ChannelPlan | None:
    """Return how a convolution runs as sums over channels, or None if it better runs directly.

    `winograd` says whether a kernel of 3x3 does, None for where it is faster.
    """
    three = is_three(sizes) and winograd is not False
    if not three and not is_one(sizes):
        return None
    plan = ChannelPlan(sizes, three)
    return plan if not three or winograd or winograd_is_faster(plan) else None


def is_three(sizes: Sizes) -> bool:
    """Whether this is a kernel of 3x3 at all pixels."""
    axes = sizes.y, sizes.x
    return all(len(taps_of(axis)) == 3 and axis.step == 1 for axis in axes)


def is_one(sizes: Sizes) -> bool:
    """Whether this is a kernel of 1x1, of so many channels that panels are worth their copy."""
    one = len(taps_of(sizes.y)) == len(taps_of(sizes.x)) == 1
    return one and min(sizes.inputs, sizes.outputs) >= FEWEST


def winograd_is_faster(plan: ChannelPlan) -> bool:
    """Whether transforms cost less than the products that they save, and the error is small."""
    direct = direct_cost(plan)
    _, groups, inputs, outputs, *_, dtype = plan.sizes
    weights = plan.positions * groups * inputs * outputs * dtype.itemsize
    return (
        inputs >= WINOGRAD_INPUTS
        and weights <= WEIGHTS
        and plan.cost < direct
        and plan.cost * round_up(plan.cells, plan.panel) < direct * plan.cells
    )


def direct_cost(plan: ChannelPlan) -> int:
    """Multiply-adds of the direct sum of a kernel of 3x3."""
    images, groups, inputs, outputs, y, x, _ = plan.sizes
    return 9 * inputs * outputs * images * groups * y.count * x.count


def grid_of(plan: ChannelPlan) -> GridParams:
    """Return the cells of a plan; where results lie as the image's pixels, they are one row."""
    images, groups, inputs, outputs, y, x, _ = plan.sizes
    rows, columns = plan.grid
    height, width, result = y.n, x.n, (y.count, x.count)
    if y.before == x.before == 0 and (y.n, x.n) == result and not plan.winograd:
        height = rows = 1
        width = columns = y.n * x.n
        result = (1, width)
    step_y, step_x = plan.gaps if plan.winograd else (y.step, x.step)
    return GridParams(
        images=images, groups=groups, inputs=inputs, outputs=outputs,
        height=height, width=width, result_height=result[0], result_width=result[1],
        step_y=step_y, step_x=step_x, top=y.before, left=x.before,
        rows=rows, columns=columns, positions=plan.positions,
    )  # fmt: skip


def cut_runs(plan: ChannelPlan, threads: int) -> Runs:
    """Return the runs that so many threads share, and where pixels lie in their panels."""
    _, groups, _, outputs, *_, dtype = plan.sizes
    size = dtype.itemsize
    numbers = plan.positions * (plan.inputs_per_panel + outputs) * plan.panel
    all_panels = max(1, -(-plan.cells // plan.panel))
    # A few runs for each thread.
    fewest = -(-4 * threads // groups) if threads > 1 else 1
    most = min(RUN // (numbers * size), -(-all_panels // fewest))
    panels = even_part(all_panels, max(1, most))
    number = -(-all_panels // panels)
    # As few parts as keep all threads busy: each part fills the panels of its run itself.
    tasks = number * groups
    parts = next(p for p in count(1) if round_up(p * tasks, threads) <= IDLE * p * tasks)
    some_outputs = min(outputs, round_up(-(-outputs // parts), plan.outputs_per_tile))
    cells = panels * plan.panel
    row = odd_lines(cells + 2 * LANES)
    panel = odd_lines(plan.inputs_per_panel * plan.panel)
    values = odd_lines(panels * panel)
    sums = odd_lines(some_outputs * cells)
    plane = cells + LANES if plan.winograd else 0
    params = ChannelParams(
        panels=panels, runs=number, wide=plan.wide, cells=plan.panel,
        some_inputs=plan.inputs_per_panel, high=plan.outputs_per_tile,
        some_outputs=some_outputs, parts=-(-outputs // some_outputs),
        row=row, values=values, sums=sums, panel=panel, plane=plane,
    )  # fmt: skip
    total = plan.positions * (row + values + sums) + (SPAN * STEP + STEP * STEP) * plane
    return Runs(
        params=np.array([*grid_of(plan), *params], np.intp),
        places=np.arange(plan.inputs_per_panel, dtype=np.intp) * plan.panel,
        panels=panels,
        number=number,
        outputs_per_task=some_outputs,
        # A cache line more, so that the loop can begin at a whole one.
        scratch=round_up(total * size + 128, 64),
    )


class WeightsParams(NamedTuple):
    """What the loop reads behind the grid: those in pyx/channels_weights.pyx, in the same order."""

    chunk: int
    chunks: int
    run: int
    runs: int
    row: int
    panel: int
    plane: int
    input_panels: int
    output_panels: int


class ChannelWeightsPlan(ChannelPlan):
    """How the gradient of the weights runs, by sums over cells alone."""

    @cached_property
    def shape(self) -> Shape:
        """Shape of the result."""
        y, x = (len(axis.phases[0]) for axis in self.axes)
        return self.sizes.groups, self.sizes.outputs, self.sizes.inputs, y, x

    @cached_property
    def lanes(self) -> int:
        """Channels of a panel."""
        return int(cpu.constant("channels_weights", self.dtype_name, "LANE_COUNT"))

    @cached_property
    def panels(self) -> Pair:
        """Panels of the inputs and of the outputs of a group."""
        return -(-self.sizes.inputs // self.lanes), -(-self.sizes.outputs // self.lanes)

    @cached_property
    def cost(self) -> float:
        """Multiply-adds of the whole call, and loads and stores of sums."""
        inputs, outputs = (self.lanes * panels for panels in self.panels)
        products = self.positions * inputs * outputs
        transforms = TRANSFORM * (inputs + outputs) if self.winograd else 0
        return float(self.sizes.groups * (self.cells * (products + transforms) + PASSES * products))

    @cached_property
    def params(self) -> WeightsParams:
        """Chunks and panels; they do not depend on the threads, so that bits do not."""
        inputs, outputs = self.panels
        of_cell = self.positions * self.sizes.groups * (inputs + outputs) * self.lanes
        most = max(LANES, min(MOST_CELLS, CHUNK // (of_cell * self.dtype.itemsize)))
        chunk = even_part(max(1, self.cells), most)
        run = min(RUN_CELLS, round_up(chunk, LANES))
        return WeightsParams(
            chunk=chunk, chunks=-(-self.cells // chunk), run=run, runs=-(-chunk // run),
            row=odd_lines(run + 2 * LANES),
            panel=self.lanes * round_up(chunk, run) + LANES,
            plane=run + 2 * LANES if self.winograd else 0,
            input_panels=inputs, output_panels=outputs,
        )  # fmt: skip

    @property
    def numbers(self) -> tuple[int, int, int]:
        """Numbers of a position: in the panels of values and of gradients, and of the sums."""
        inputs, outputs = (self.sizes.groups * panels for panels in self.panels)
        sums = outputs * self.panels[0] * self.lanes**2
        return inputs * self.params.panel, outputs * self.params.panel, sums

    @cached_property
    def scratch(self) -> int:
        """Bytes of a thread, and a cache line more, so that the loop can begin at a whole one."""
        lines = (SPAN * STEP + STEP) * self.params.plane + LANES
        total = self.lanes * self.positions * self.params.row + lines
        return round_up(total * self.dtype.itemsize + 128, 64)

    def __repr__(self) -> str:
        """Return what will run, in lines for a reader."""
        y, x, params = self.sizes.y, self.sizes.x, self.params
        how = ", by Winograd's algorithm for 4 x 4 gradients" if self.winograd else ""
        return "\n".join(
            [
                f"Plan: channels_weights loop, level {cpu.LEVEL}, in {self.dtype}{how}",
                f"  result  1 x {self.shape} {self.dtype}",
                f"  window  {y.span} x {x.span}, pixel at ({y.before}, {x.before})",
                f"  image   {self.sizes}",
                f"  cost    {cost_text(self.cost, self.shape)}",
                f"  regions {params.chunks} of {params.chunk} cells, on "
                f"{counted(threads_for(self.cost), 'thread')}",
            ]
        )


@lru_cache(maxsize=256)
def channel_weights_plan(sizes: Sizes, winograd: bool | None = None) -> ChannelWeightsPlan | None:
    """Return how the gradient of weights runs as sums over cells, or None if directly.

    `winograd` says whether that of a kernel of 3x3 does, None for where it is faster.
    """
    three = is_three(sizes) and winograd is not False
    if not three and not is_one(sizes):
        return None
    plan = ChannelWeightsPlan(sizes, three)
    few = plan.positions * plan.numbers[2] * plan.dtype.itemsize <= WEIGHTS
    faster = few and (not three or plan.cost < direct_cost(plan))
    return plan if winograd or faster else None


def odd_lines(numbers: int) -> int:
    """Return an odd number of vectors, so that rows so far apart share no set of a cache."""
    vectors = -(-numbers // LANES)
    return LANES * (vectors + 1 - vectors % 2)


@lru_cache(maxsize=1)
def weight_transform() -> NDArray[np.float64]:
    """Return the matrix, (36, 9), from a kernel of 3x3 to its values at Winograd's points.

    Along an axis, a kernel g of 3 has the value (g0 + g1 p + g2 p^2) / product of (p - q) over the
    other points q, and g2 at infinity.
    """
    rows = [[p**k / np.prod([p - q for q in POINTS if q != p]) for k in range(3)] for p in POINTS]
    one = np.array([*rows, [0, 0, 1]])
    return np.kron(one, one)

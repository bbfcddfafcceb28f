"""How a convolution is cut into regions for the loop in pyx/conv2d.pyx.

A convolution has images (N, C, H, W), weights (groups, outputs, inputs, kh, kw), and along each
axis the phases of `imgconv.nn.core.phases`. The loop copies the rows under a region of the result
into a strip, computes the region there tile by tile, into a stage, and stores it from there.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from functools import lru_cache
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
from imgconv.nn.core.phases import AxisPhases

# Bytes of a region's strip and stage together, so that weights fit into L2, too.
REGION = 1 << 19
# Bytes of the pixels under a tile, of as many inputs as are added at once.
UNDER_TILE = 24 << 10
# Numbers of whole vectors that a row may take, relative to its pixels.
WASTE = 1 + 1 / 32
# Numbers in the widest vector: tiles read and write up to so many beyond the end of a row.
LANES = 16
# What it costs to copy a pixel to a strip, in multiply-adds: a fifth of a nanosecond.
COPIED = 8
# Up to so many inputs or outputs, the image is read in place where it can be.
FEW = 32
# Bytes of sums that a thread keeps for the gradient of weights.
SUMS = 1 << 21
# Parts of the gradient of weights that are added up at the end, divided by groups and strips.
SHARES = 8


class Sizes(NamedTuple):
    """A convolution, whichever loop runs it.

    Attributes
    ----------
    images, groups, inputs, outputs : int
        Images, groups of channels, and the channels of a group.
    y, x : AxisPhases
        The pixels that taps read.
    dtype : numpy.dtype
        Of images, weights and result; all is computed in it.
    """

    images: int
    groups: int
    inputs: int
    outputs: int
    y: AxisPhases
    x: AxisPhases
    dtype: DType

    def __str__(self) -> str:
        """Return images and channels, for a reader."""
        images, groups = counted(self.images, "image"), counted(self.groups, "group")
        return f"{images}, {groups} of {self.inputs} inputs, {self.outputs} outputs"


@dataclass(frozen=True)
class ConvParams:
    """What the loop reads: the fields of the struct in pyx/conv2d.pyx, in the same order."""

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
    pairs: int
    shared: int


class Regions(NamedTuple):
    """The regions that a number of threads share, as the loop reads them."""

    params: NDArray[np.intp]
    first: NDArray[np.intp]  # where the taps of each phase begin in `offsets`
    offsets: NDArray[np.intp]  # where each tap reads in the strip
    rows: int  # of a region, in cells
    number: int  # of an image and group
    outputs_per_task: int
    scratch: int  # bytes a thread


@dataclass(frozen=True, eq=False)
class ConvPlan:
    """How a convolution of images of one shape runs, or the gradient of its weights.

    Attributes
    ----------
    sizes : Sizes
        The convolution.
    of_weights : bool
        Whether the result is the gradient of the weights.
    taps : tuple
        (i, j) of the taps of each phase.
    outputs_per_tile, inputs_per_strip : int
    columns : int
        Of a region, in cells.
    """

    sizes: Sizes
    of_weights: bool
    taps: tuple[tuple[Pair, ...], ...]
    outputs_per_tile: int
    columns: int
    inputs_per_strip: int
    _regions: dict[int, Regions] = field(default_factory=dict)

    @property
    def packing(self) -> tuple[tuple[Pair, ...], ...]:
        """The taps whose weights tiles read, in this order."""
        return self.taps

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
        images, groups, inputs, outputs, y, x, _ = self.sizes
        if self.of_weights:
            return groups, outputs, inputs, len(y.phases[0]), len(x.phases[0])
        return images, groups * outputs, y.count, x.count

    @property
    def strips(self) -> int:
        """Strips that hold all inputs."""
        return -(-self.sizes.inputs // self.inputs_per_strip)

    @property
    def whole_rows(self) -> bool:
        """Whether a region has whole rows, which follow one another as in the image."""
        return self.columns == self.sizes.x.cells and self.sizes.x.step == 1

    @property
    def shared_zeros(self) -> int:
        """Zeros of the strip that are right of a row and left of the next one at once."""
        x = self.sizes.x
        after = self.columns + x.reach - x.before - x.n
        return max(0, min(x.before, after, x.reach)) if self.whole_rows else 0

    @property
    def pitch(self) -> int:
        """Numbers from one row of a strip to the next."""
        return self.columns + self.sizes.x.reach - self.shared_zeros

    @cached_property
    def in_place(self) -> bool:
        """Whether the image itself is the strip: it has no border and its rows have the pitch.

        Many outputs read the pixels of many inputs again and again, each input in a page of its
        own. Then a strip is worth its copy: with 256 outputs of 64 inputs a layer of 1x1 takes a
        tenth less.
        """
        y, x = self.sizes.y, self.sizes.x
        again = self.sizes.outputs > FEW and self.inputs_per_strip > FEW
        return (
            not again
            and y.step == x.step == 1
            and y.before == x.before == 0
            and self.whole_rows
            and self.pitch == x.n
            and y.cells + y.reach <= y.n
            # Channels a multiple of 4 KB apart share the same sets of the cache.
            and x.n * y.n * self.dtype.itemsize % 4096 != 0
        )

    @cached_property
    def shared(self) -> bool:
        """Whether neighbouring rows of cells share all rows of pixels but one."""
        y = self.sizes.y
        rows = [d for _, d in y.phases[0]]
        return y.step == 1 and rows == list(range(-y.before, y.reach - y.before + 1))

    @cached_property
    def pairs(self) -> int:
        """Taps in a row, if the loop computes rows together; else 0.

        It does so for one output of one input, if rows share pixels or the kernel is of 3x3. Its
        last vectors end with a row, so that the result is written without a stage.
        """
        down, along = self.sizes.y.phases[0], self.sizes.x.phases[0]
        together = (
            self.sizes.inputs == self.sizes.outputs == len(self.taps) == 1
            and (self.shared or len(down) == len(along) == 3)
            and self.columns >= LANES
            and not self.of_weights
        )
        return len(along) if together else 0

    @cached_property
    def cost(self) -> float:
        """Multiply-adds of the whole call, and copies of pixels in place of some of them."""
        images, groups, inputs, outputs, y, x, _ = self.sizes
        products = outputs * y.cells * x.cells * sum(map(len, self.taps))
        copies = 0 if self.in_place else COPIED * y.n * x.n
        return float(images * groups * inputs * (products + copies))

    def regions(self, threads: int) -> Regions:
        """Return the regions for so many threads.

        Those of a gradient of weights do not depend on the threads, so that its bits do not.
        """
        threads = 1 if self.of_weights else threads
        found = self._regions.get(threads)
        if found is None:
            found = self._regions[threads] = cut_regions(self, threads)
        return found

    def __repr__(self) -> str:
        """Return what will run, in lines for a reader."""
        y, x, threads = self.sizes.y, self.sizes.x, threads_for(self.cost)
        regions = self.regions(threads)
        rows, columns = regions.rows * len(y.phases), self.columns * len(x.phases)
        spacing = f", every {y.step} x {x.step} pixels" if y.step * x.step > 1 else ""
        phases = f", in {len(y.phases)} x {len(x.phases)} phases" if len(self.taps) > 1 else ""
        loop = "conv2d_weights" if self.of_weights else "conv2d"
        return "\n".join(
            [
                f"Plan: {loop} loop, level {cpu.LEVEL}, in {self.dtype}",
                f"  result  1 x {self.shape} {self.dtype}",
                f"  window  {y.span} x {x.span}, pixel at ({y.before}, {x.before})"
                f"{spacing}{phases}",
                f"  image   {self.sizes}",
                f"  cost    {cost_text(self.cost, self.shape)}",
                f"  regions {regions.number} of {rows} x {columns} pixels and "
                f"{regions.outputs_per_task} outputs, on {counted(threads, 'thread')}",
            ]
        )


def even_part(n: int, most: int) -> int:
    """Return the size of the parts of n, as equal as can be, none larger than `most`."""
    return -(-n // -(-n // max(1, min(n, most))))


@lru_cache(maxsize=256)
def make_plan(sizes: Sizes, of_weights: bool = False) -> ConvPlan:
    """Return how a convolution runs, or the gradient of its weights."""
    inputs, outputs, y, x, dtype = sizes[2:]
    high = even_part(outputs, cpu.constant("conv2d", dtype.name, "HIGHEST_TILE"))
    tile = cpu.constant("conv2d", dtype.name, "WIDTHS")[high - 1]
    lines = sum(len(taps) for taps in y.phases) * x.residues * ((tile + x.reach) // LANES + 2)
    inputs_per_strip = even_part(inputs, UNDER_TILE // (64 * max(lines, 1)))
    if of_weights:
        taps_of_input = len(y.phases[0]) * len(x.phases[0])
        inputs_per_strip = even_part(inputs_per_strip, SUMS // (64 * outputs * taps_of_input))
    taps = tuple(
        tuple((i, j) for i, _ in rows for j, _ in columns)
        for rows in y.phases
        for columns in x.phases
    )
    return ConvPlan(
        sizes, of_weights, taps,
        outputs_per_tile=high, columns=region_columns(y, x, dtype),
        inputs_per_strip=inputs_per_strip,
    )  # fmt: skip


def cut_regions(plan: ConvPlan, threads: int) -> Regions:
    """Return the regions that so many threads share, and where pixels lie in their strips."""
    images, groups, inputs, outputs, y, x, dtype = plan.sizes
    some_inputs = plan.inputs_per_strip
    phases, residues = len(plan.taps), y.residues * x.residues
    pitch = plan.pitch
    some_outputs = outputs
    per_row = (some_inputs * residues + phases * some_outputs) * pitch
    room = REGION // dtype.itemsize - some_inputs * residues * pitch * y.reach
    # A few regions for each thread.
    fewest = -(-4 * threads // max(1, images * groups)) if threads > 1 else 1
    rows = even_part(y.cells, max(1, min(room // per_row, -(-y.cells // fewest))))
    number = -(-y.cells // rows) * -(-x.cells // plan.columns)
    if number * images * groups < 2 * threads and not plan.of_weights:
        high = plan.outputs_per_tile
        some_outputs = round_up(even_part(outputs, -(-outputs // (2 * threads))), high)

    tail = round_up(plan.shared_zeros + LANES, LANES)
    plane = (rows + y.reach) * pitch + tail
    channel = round_up(residues * plane, LANES)
    channel += LANES * (1 - channel // LANES % 2)  # so that channels share no set of a cache
    stage = round_up(rows * pitch, LANES) + LANES
    first, offsets = tap_offsets(y, x, plane, pitch)
    places = round_up(some_inputs * max(map(len, plan.taps)), LANES)
    numbers = some_inputs * channel + phases * some_outputs * stage
    sums = outputs * some_inputs * len(offsets) * 64 if plan.of_weights else 0
    params = ConvParams(
        images=images, groups=groups, inputs=inputs, outputs=outputs,
        height=y.n, width=x.n, result_height=y.count, result_width=x.count,
        step_y=y.step, step_x=x.step, phases_y=len(y.phases), phases_x=len(x.phases),
        grid_height=y.cells, grid_width=x.cells, top=y.before, left=x.before,
        residues_y=y.residues, residues_x=x.residues, reach_y=y.reach, reach_x=x.reach,
        rows=rows, columns=plan.columns, regions=number * -(-outputs // some_outputs),
        pitch=pitch, plane=plane, channel=channel, tail=tail,
        some_inputs=some_inputs, places=places,
        high=plan.outputs_per_tile, some_outputs=some_outputs, stage=stage,
        in_place=int(plan.in_place),
        direct=int(plan.pairs > 0 or result_is_stage(plan, rows)),
        pairs=plan.pairs, shared=int(plan.shared),
    )  # fmt: skip
    return Regions(
        params=np.array(astuple(params), np.intp),
        first=first,
        offsets=offsets,
        rows=rows,
        number=number,
        outputs_per_task=some_outputs,
        # A cache line more, so that the loop can begin at a whole one.
        scratch=round_up(8 * places + round_up(numbers, LANES) * dtype.itemsize + sums + 128, 64),
    )


def result_is_stage(plan: ConvPlan, rows: int) -> bool:
    """Whether tiles can write the result itself: their vectors waste little beyond its rows."""
    y, x, pitch = plan.sizes.y, plan.sizes.x, plan.pitch
    last = y.cells - (y.cells - 1) // rows * rows
    joined = plan.whole_rows and pitch == x.cells
    lengths = {rows * pitch, last * pitch} if joined else {plan.columns}
    return (
        len(plan.taps) == 1
        and plan.columns == x.cells
        and all(n >= LANES and round_up(n, LANES) <= n * WASTE for n in lengths)
        and (plan.inputs_per_strip == plan.sizes.inputs or all(n % LANES == 0 for n in lengths))
        and not plan.of_weights
    )


def region_columns(y: AxisPhases, x: AxisPhases, dtype: DType) -> int:
    """Return the columns of a region: all, but for rows so long that one fills its room."""
    rows = y.residues * x.residues * (y.reach + 1) + 8
    return even_part(x.cells, max(256, REGION // (4 * rows * dtype.itemsize)))


def tap_offsets(
    y: AxisPhases, x: AxisPhases, plane: int, pitch: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where the offsets of each phase begin, and those of all taps in the strip."""
    first, offsets = [0], []
    for rows in y.phases:
        for columns in x.phases:
            for _, dy in rows:
                for _, dx in columns:
                    row, residue_y = divmod(dy + y.before, y.step)
                    column, residue_x = divmod(dx + x.before, x.step)
                    residue = residue_y * x.residues + residue_x
                    offsets.append(residue * plane + row * pitch + column)
            first.append(len(offsets))
    return np.array(first, np.intp), np.array(offsets, np.intp)

"""Plans: what will run, worked out once for each kind of call and kept.

A request (operation, shape, strides, dtype, modes, ...) is the key, the plan its frozen value. A
plan knows no pixels.
"""

from dataclasses import dataclass, field
from math import prod
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from imgconv import geometry
from imgconv.core import border, check, cpu, fourier
from imgconv.core.cache import Cache
from imgconv.core.pixels import rounded
from imgconv.operations.base import FLOAT64, Axis, Operation, Pixels, in_a_row, pixels
from imgconv.operations.correlate import Correlation
from imgconv.operations.fourier import Fourier
from imgconv.operations.methods import SPARSE

# The record that a loop reads: `Job` of pyx/rows.pxd, field by field.
SAMPLES = [("row_stride", "p"), ("column_stride", "p"), ("code", "i"), ("swapped", "i")]
JOB = np.dtype(
    [
        ("image", np.dtype(SAMPLES, align=True)),
        ("height", "p"), ("width", "p"),
        ("top", "p"), ("left", "p"),
        ("above", "p"), ("below", "p"), ("before", "p"), ("after", "p"),
        ("cval", "d"), ("edge", "p"),
        ("span_y", "p"), ("span_x", "p"), ("stride_y", "p"), ("stride_x", "p"), ("step", "p"),
        ("result", np.dtype(SAMPLES, align=True), 2),
        ("results", "p"), ("result_height", "p"), ("result_width", "p"), ("in_place", "p"),
        ("planes", "p"), ("offsets", "p"),
        ("block", "p"), ("strip", "p"), ("chunk", "p"), ("grain", "p"),
        ("pitch", "p"), ("ring_pitch", "p"), ("work", "p"),
        ("loads", "p"), ("stores", "p"), ("shape", "p"), ("weights", "p"),
        ("guide", np.dtype(SAMPLES, align=True)),
        ("channels", "p"), ("guides", "p"),
        ("image_step", "p"), ("result_step", "p"), ("guide_step", "p"),
    ],
    align=True,
)  # fmt: skip

# Its pointers to arrays that the plan keeps.
ARRAYS = ("above", "below", "before", "after", "edge", "offsets", "shape", "weights")

# A chunk of 4 KB rows keeps the rows that a block computes (4 of them, for each vertical pass) in a
# 48 KB L1 cache. A strip is as wide as the rows under a block fit half of a 2 MB L2 cache.
CHUNK_BYTES = 4096
STRIP_BYTES = 1 << 20
NARROWEST = 64
WIDE_BYTES = 4 << 20
# Scratch of a thread that filters in place. Where full rows need more, the image is copied.
IN_PLACE_BYTES = 3 << 20


# The widest vector (AVX-512): rows are padded to whole vectors.
VECTOR_BYTES = 64


class Guide(NamedTuple):
    """The image that weights come from: the axes of the image without its channels, then its own.

    An image that guides itself has a guide without channels.
    """

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype


class Request(NamedTuple):
    """The hashable question that a plan answers."""

    operation: Operation
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    image_dtype: np.dtype
    mode: Any
    cval: Any
    axes: Any
    channel_axis: Any
    dtype: Any
    fit: "geometry.Shape | Fit"
    out: tuple[tuple[int, ...], tuple[int, ...], np.dtype] | None = None
    in_place: bool = False
    guide: Guide | None = None  # None: each channel is filtered by itself


class Fit(NamedTuple):
    """Windows placed by hand: where the first begins ahead of the image, and how many there are."""

    before: tuple[int, int]
    size: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Plan:
    """What will run for a kind of call, and why; `imgconv.explain` returns it.

    Attributes
    ----------
    operation : Operation
        What is computed.
    results : int
        How many arrays come out.
    shape, dtype : tuple of int, numpy.dtype
        Of each result.
    written, direct : numpy.dtype, bool
        What the loop writes, and whether it writes into the result, which has pixels.
    computed_in : numpy.dtype
        float32 or float64; a short integer where 8-bit pixels make that exact.
    cost : float
        Estimated multiply-adds of the whole call.
    times : dict of str to float
        Where there were several methods to choose from: the nanoseconds that each is expected to
        take for a pixel on one core of the machine of docs/performance.md.
    """

    operation: Operation
    results: int
    shape: tuple[int, ...]
    dtype: np.dtype
    written: np.dtype
    direct: bool
    computed_in: np.dtype
    modes: tuple[str, str]
    windows: tuple[Axis, Axis]
    interleaved: int
    planes: int
    height: int
    cost: float
    in_place: bool
    scratch: int
    times: dict[str, float]
    job: NDArray[Any] | fourier.Job = field(repr=False)
    loop: ModuleType = field(repr=False)
    keep: tuple[NDArray[Any], ...] = field(repr=False)

    @property
    def method(self) -> str:
        """How the sum is computed: "direct", "separable", "fft" or "resample"."""
        names = {"separable": "separable", "fourier": "fft", "resample": "resample"}
        return names.get(self.operation.loop, "direct")

    @property
    def grid(self) -> tuple[int, int]:
        """The cells on whose place in the image the last bits depend."""
        return self.operation.grid

    @property
    def whole(self) -> str:
        """Why it needs the whole image, if it does."""
        return self.operation.whole

    @property
    def piecewise(self) -> Operation | None:
        """The operation that computes any piece of the result by itself, if there is one."""
        return self.operation if self.operation.placeable else None

    def band_rows(self, threads: int) -> int:
        """Result rows of a band: some for each thread, none so low that halos dominate.

        In place it is one band for each thread, since every band saves its neighbours' rows; a
        stack has one for each plane. They are few where a band computes anew what lies under its
        first windows.
        """
        if threads == 1 or (self.in_place and self.planes > 1):
            return self.height
        bands = threads * (1 if self.in_place else 2 if self.operation.held else 8)
        even, fair = (-(-self.height * self.planes // n) for n in (bands, threads))
        rows = min(max(even, 16, self.windows[0].span), fair, self.height)
        return -(-rows // self.operation.block) * self.operation.block

    @property
    def nbytes(self) -> int:
        """Bytes that the plan holds."""
        spectrum = self.job.spectrum.nbytes if isinstance(self.job, fourier.Job) else 0
        return 2048 + spectrum + sum(array.nbytes for array in self.keep)

    def __repr__(self) -> str:
        """Tell a curious reader what will run and why."""
        y, x = self.windows
        planes = f"{self.planes} plane{'s' if self.planes != 1 else ''}"
        colour = f", {self.interleaved} channels interleaved" if self.interleaved > 1 else ""
        if isinstance(self.job, np.ndarray) and self.job["channels"] > 1:
            colour = f", {self.job['channels']} channels together"
        way = [self.operation.note or self.method] if self.operation.note or self.times else []
        times = ", ".join(f"{name} {time:.3g}" for name, time in self.times.items())
        way += [f"nanoseconds a pixel: {times}"] if times else []
        return "\n".join(
            [
                f"Plan: {self.operation.loop} loop, level {cpu.LEVEL}, in {self.computed_in}",
                f"  result  {self.operation.results} x {self.shape} {self.dtype}",
                f"  window  {y.span} x {x.span}, pixel at ({y.before}, {x.before})",
                f"  border  {self.modes[0]} along y, {self.modes[1]} along x",
                f"  image   {planes}{colour}",
                f"  cost    {self.operation.cost:.3g} operations a pixel, {self.cost:.3g} in all",
                *([f"  method  {'; '.join(way)}"] if way else []),
            ]
        )


PLANS = Cache(limit=24 << 20)


class Decisions(NamedTuple):
    """What a request comes to, before anything is laid out: every choice, made once."""

    layout: check.Layout
    modes: tuple[str, str]
    cval: float
    operation: Operation
    times: dict[str, float]
    windows: tuple[Axis, Axis]
    size: tuple[int, int]
    result_size: tuple[int, int]
    dtype: np.dtype
    computed: np.dtype

    @property
    def by_tiles(self) -> bool:
        """Whether transforms run it, tile by tile."""
        return isinstance(self.operation, Fourier)


def decide(request: Request) -> Decisions:
    """Work out borders, dtypes, sizes and method."""
    layout = check.layout(len(request.shape), request.axes, request.channel_axis)
    modes = check.modes(request.mode)
    cval = check.number(request.cval, "cval")
    given = pixels(request.image_dtype, cval if "constant" in modes else 0)
    dtype = result_dtype(given, request.operation, request.dtype, request.out)
    size = request.shape[layout.y], request.shape[layout.x]
    _, result_size = place(request.operation, size, request.fit)
    operation, times = request.operation.resolve(result_size, given, dtype)
    windows, _ = place(operation, size, request.fit)
    computed = cpu.built_for(operation.computed_in(given, dtype))
    if request.guide is not None:
        computed = max(computed, pixels(request.guide.dtype, 0).float_type)
    y, x = windows
    # No less than this: the rows under a window, and the index maps of the border.
    least = int((operation.held or y.span) * x.span * computed.itemsize) + 16 * (y.span + x.span)
    check.window_fits_memory((y.span, x.span), least)
    return Decisions(
        layout, modes, cval, operation, times, windows, size, result_size, dtype, computed
    )


class Target(NamedTuple):
    """Where results go: their shape, and how what the loop writes lies in memory.

    Layers lie `between` bytes apart.
    """

    shape: tuple[int, ...]
    written: np.dtype
    lies_as: np.dtype
    strides: tuple[int, ...]
    between: int


def target_of(request: Request, decided: Decisions) -> Target:
    """Return the results of a request, in the caller's array or in a fresh one."""
    operation, layout = decided.operation, decided.layout
    shape = list(request.shape)
    shape[layout.y], shape[layout.x] = decided.result_size
    if operation.layers:
        shape.insert(0, operation.layers)
    # A loop that compares writes the image's dtype; `run` makes another of it.
    written = check.native(request.image_dtype) if operation.ordered else decided.dtype
    strides, lies_as = contiguous_strides(shape, written.itemsize), written
    if request.out is not None:
        out_shape, out_strides, out_dtype = request.out
        check.out_fits(out_shape, out_dtype, tuple(shape), request.dtype)
        if written == decided.dtype:
            strides, lies_as = out_strides, out_dtype
    between, strides = (strides[0], strides[1:]) if operation.layers else (0, strides)
    return Target(tuple(shape), written, lies_as, strides, between)


def offsets_of(
    request: Request, decided: Decisions, target: Target, step: int, results: int
) -> NDArray[np.intp]:
    """Return for each plane of a stack where image, results and guide begin, in bytes."""
    layout, stack = decided.layout, decided.layout.stack
    if step == 1 and layout.channel is not None and request.guide is None:
        stack = (layout.channel, *stack)
    offsets = plane_offsets(request.shape, stack, request.strides, target.strides, results)
    offsets[:, 1:] += np.arange(results) * target.between
    if request.guide is not None:
        offsets = np.c_[offsets, guide_offsets(request.guide, layout)]
    return offsets


def make_plan(request: Request) -> Plan:
    """Lay out what was decided: the record that the loop reads, and the arrays it points to."""
    decided = decide(request)
    operation, computed, size = decided.operation, decided.computed, decided.size
    (y, x), (height, width), layout = decided.windows, decided.result_size, decided.layout
    target = target_of(request, decided)
    step = 1 if decided.by_tiles else interleaved_channels(request, layout, target.strides)
    results = operation.results * max(1, operation.layers)
    offsets = offsets_of(request, decided, target, step, results)
    records, weights = operation.pack(step, computed)
    edge = rounded(np.array([decided.cval]), check.native(request.image_dtype))
    sample_axis = layout.x if step == 1 else layout.channel
    assert sample_axis is not None
    skips = request.guide is None and not decided.by_tiles
    rows = places(size[0], y, operation.stride[0], height, decided.modes[0], False)
    columns = places(size[1], x, operation.stride[1], width, decided.modes[1], skips)
    job = np.zeros((), JOB)
    job["image"] = samples(request.strides, request.image_dtype, layout.y, sample_axis)
    job["result"] = samples(target.strides, target.lies_as, layout.y, sample_axis)
    job["height"], job["width"] = size[0], size[1] * step
    job["top"], job["left"] = rows.first, columns.first * step
    job["cval"] = edge.item() if operation.ordered else decided.cval
    job["span_y"], job["span_x"] = y.span, (x.span - 1) * step + 1
    job["stride_y"], job["stride_x"] = rows.stride, columns.stride
    job["step"] = step
    job["results"] = results
    job["result_height"], job["result_width"] = height, width * step
    job["planes"] = len(offsets)
    saves = not decided.by_tiles and can_save_rows(job, operation, computed.itemsize)
    job["in_place"] = request.in_place and saves
    if request.guide is not None:
        join_channels(job, request, layout, target.strides)
    schedule(job, operation, computed.itemsize)
    maps = (rows.ahead, rows.behind, *(by_sample(i, step) for i in columns[2:]))
    refuse_unsound(job, maps)
    keep = (*maps, edge, offsets, in_a_row(records), weights.astype(computed))
    for name, array in zip(ARRAYS, keep, strict=True):
        array.setflags(write=False)
        job[name] = array.ctypes.data
    job["loads"], job["stores"] = cpu.conversions(computed.name)
    return plan_of(decided, target, job, keep)


def plan_of(
    decided: Decisions, target: Target, job: NDArray[Any], keep: tuple[NDArray[Any], ...]
) -> Plan:
    """Return the plan of a job, run by its loop or by transforms."""
    operation, computed, (y, x) = decided.operation, decided.computed, decided.windows
    offsets = keep[ARRAYS.index("offsets")]
    loop = cpu.loop("correlate" if decided.by_tiles else operation.loop, computed.name)
    run: NDArray[Any] | fourier.Job = job
    if isinstance(operation, Fourier):
        run = tile_jobs(job, operation, computed, decided.result_size, offsets, loop)
        loop = fourier
    scratch = loop.scratch(run, 1)
    check.window_fits_memory((y.span, x.span), 0 if decided.by_tiles else scratch)
    return Plan(
        operation=operation,
        results=operation.results,
        shape=target.shape,
        dtype=decided.dtype,
        written=target.written,
        direct=target.written == decided.dtype and prod(target.shape) > 0,
        computed_in=computed,
        modes=decided.modes,
        windows=decided.windows,
        interleaved=int(job["step"]),
        planes=len(offsets),
        height=max(1, decided.result_size[0]),
        # Every pixel also costs about four operations for being read and written.
        cost=(operation.cost + 4) * prod(target.shape),
        in_place=bool(job["in_place"]),
        scratch=scratch,
        times=decided.times,
        job=run,
        loop=loop,
        keep=keep,
    )


def place(
    operation: Operation, size: tuple[int, int], fit: geometry.Shape | Fit
) -> tuple[tuple[Axis, Axis], tuple[int, int]]:
    """Return the windows and the size of the result."""
    windows = operation.windows
    if isinstance(fit, Fit):
        y, x = (Axis(at, axis.span) for at, axis in zip(fit.before, windows, strict=True))
        return (y, x), fit.size
    check.choice(fit, ("same", "valid", "full"), "shape")
    height, width = (
        geometry.output_size(n, axis.span, shape=fit, stride=s)
        for n, axis, s in zip(size, windows, operation.stride, strict=True)
    )
    if fit != "same":
        y, x = (Axis(axis.span - 1 if fit == "full" else 0, axis.span) for axis in windows)
        windows = y, x
    return windows, (height, width)


def result_dtype(
    image: Pixels, operation: Operation, asked: DTypeLike | None, out: Any
) -> np.dtype:
    """Return the dtype of the result: of `out`, asked for, the image's, or the computing one."""
    if out is not None:
        return check.native(out[2])
    if asked is not None:
        return check.native(check.result_dtype(asked))
    keeps = operation.ordered or (operation.smooths and image.dtype.kind != "b")
    return check.native(image.dtype) if keeps else image.float_type


def contiguous_strides(shape: list[int], itemsize: int) -> tuple[int, ...]:
    """Return the strides of a fresh array."""
    return tuple(itemsize * prod(shape[axis + 1 :]) for axis in range(len(shape)))


def interleaved_channels(request: Request, layout: check.Layout, strides: tuple[int, ...]) -> int:
    """Return the channels that lie side by side in image and result and run as one long row."""
    channel = layout.channel
    if channel is None or request.guide is not None:
        return 1
    count = request.shape[channel]
    beside = all(each[layout.x] == count * each[channel] for each in (request.strides, strides))
    return count if beside and count > 0 else 1


def plane_offsets(
    shape: tuple[int, ...],
    stack: tuple[int, ...],
    image_strides: tuple[int, ...],
    result_strides: tuple[int, ...],
    results: int,
) -> NDArray[np.intp]:
    """Return for each plane of a stack the byte offsets of the image and of every result."""
    if not stack:
        return np.zeros((1, 1 + results), dtype=np.intp)
    indices = np.indices([shape[axis] for axis in stack], dtype=np.intp)
    offsets = [
        np.tensordot([strides[axis] for axis in stack], indices, axes=1).ravel()
        for strides in (image_strides, *[result_strides] * results)
    ]
    return np.stack(offsets, axis=1).astype(np.intp)


def guide_offsets(guide: Guide, layout: check.Layout) -> NDArray[np.intp]:
    """Return the byte offset of the guide for each plane of a stack."""
    stack = tuple(
        axis for axis in range(len(guide.shape) - 1) if axis not in check.without_channel(layout)
    )
    return plane_offsets(guide.shape, stack, guide.strides, (), 0)[:, 0]


def join_channels(
    job: NDArray[Any], request: Request, layout: check.Layout, strides: tuple[int, ...]
) -> None:
    """Tell a loop that looks at all channels at once where they are, and those of the guide."""
    guide = request.guide
    assert guide is not None
    job["channels"], job["guides"] = 1, guide.shape[-1]
    if layout.channel is not None:
        job["channels"] = request.shape[layout.channel]
        job["image_step"] = request.strides[layout.channel]
        job["result_step"] = strides[layout.channel]
    if job["guides"]:
        y, x = check.without_channel(layout)
        job["guide"] = samples(guide.strides, guide.dtype, y, x)
        job["guide_step"] = guide.strides[-1]


class Places(NamedTuple):
    """Where a loop finds the windows along an axis.

    The first begins `first` places ahead of the image, the next ones `stride` further each. `ahead`
    and `behind` are the index maps of the places outside the image.
    """

    first: int
    stride: int
    ahead: NDArray[np.intp]
    behind: NDArray[np.intp]


def places(n: int, axis: Axis, stride: int, count: int, mode: str, skips: bool) -> Places:
    """Return where `count` windows lie in an axis of n pixels.

    Where it `skips`, windows far apart are moved together: all of them lie in the index map ahead.
    """
    windows = np.arange(count if n and skips and stride > max(axis.span, SPARSE) else 0)
    if windows.size:
        pixels = windows[:, None] * stride + np.arange(axis.span) - axis.before
        ahead = border.sources(pixels.ravel(), n, mode)
        return Places(len(ahead), axis.span, ahead, np.zeros(0, np.intp))
    # No window need hold its own pixel: the first may begin inside the image or behind it.
    stop = (count - 1) * stride + axis.span - axis.before if n and count else 0
    begin = -axis.before if n and count else 0
    outside = (np.arange(*ends, dtype=np.intp) for ends in ((begin, 0), (n, max(n, stop))))
    ahead, behind = (border.sources(i, n, mode) if i.size else i for i in outside)
    return Places(axis.before, stride, ahead, behind)


def by_sample(indices: NDArray[np.intp], step: int) -> NDArray[np.intp]:
    """Return an index map of pixels as one of the `step` samples that each pixel has."""
    samples = indices[:, None] * step + np.arange(step)
    return np.where(indices[:, None] < 0, -1, samples).ravel()


def samples(strides: tuple[int, ...], dtype: np.dtype, y: int, x: int) -> tuple[int, ...]:
    """Return the record of how an array's samples lie."""
    return strides[y], strides[x], check.code_of(dtype), int(not dtype.isnative)


def schedule(job: NDArray[Any], operation: Operation, itemsize: int) -> None:
    """Choose the widths of strips and chunks, so that what a block works on stays in cache."""
    step, stride = int(job["step"]), int(job["stride_x"])
    columns = max(step, (int(job["result_width"]) - step) * stride + step)
    span_x, lanes = int(job["span_x"]), VECTOR_BYTES // itemsize
    rows = operation.held or int(job["span_y"]) + (operation.block - 1) * operation.stride[0]
    rows *= max(1, int(job["channels"] + job["guides"]))
    fits = int(STRIP_BYTES / (itemsize * rows)) - span_x - 2 * lanes
    # No narrower than the window, which is loaded beside it, unless that took too much.
    wide = operation.held or 2 * span_x * rows * itemsize <= WIDE_BYTES
    strip = max(NARROWEST, span_x if wide else 0, fits)
    if job["in_place"]:
        strip = columns
    grain = lanes if stride == 1 else stride * step
    strip = whole(columns if strip >= columns else max(1, strip - grain + 1), grain)
    chunk = min(whole(max(1, CHUNK_BYTES // itemsize - grain + 1), grain), strip)
    job["block"], job["strip"], job["chunk"] = operation.block, strip, chunk
    job["grain"] = grain
    job["pitch"] = scratch_pitch(chunk + span_x, itemsize)
    job["ring_pitch"] = scratch_pitch(strip + span_x, itemsize)
    job["work"] = operation.work(int(job["pitch"]))


# What brings pixels into a tile and results out of it: the kernel [[1]], as a loop reads it.
COPY = Correlation(np.ones((1, 1)), (0, 0))
COPY_SHAPE = in_a_row(COPY.pack(1, FLOAT64)[0])
COPY_WEIGHTS = {real: np.ones(1, real) for real in ("float32", "float64")}


def tile_jobs(
    job: NDArray[Any],
    operation: Fourier,
    computed: np.dtype,
    size: tuple[int, int],
    offsets: NDArray[np.intp],
    loop: ModuleType,
) -> fourier.Job:
    """Return the jobs of a filter that runs tile by tile, from that of the whole result."""
    load, store, direct, real = job.copy(), job.copy(), job.copy(), operation.real
    for copy in (load, store):
        copy["span_y"] = copy["span_x"] = copy["stride_y"] = copy["stride_x"] = 1
        copy["shape"] = COPY_SHAPE.ctypes.data
        copy["weights"] = COPY_WEIGHTS[real.name].ctypes.data
        copy["loads"], copy["stores"] = cpu.conversions(real.name)
    row, code = operation.tile[1] * real.itemsize, check.code_of(real)
    sy, sx = operation.stride
    load["result"][0] = row, real.itemsize, code, 0
    store["image"] = sy * row, sx * real.itemsize, code, 0
    store["height"], store["width"] = operation.step
    store["top"] = store["left"] = 0
    # A tile of one column has no next one, however large the stride.
    direct["stride_x"] = operation.stride[1] if operation.step[1] > 1 else 1
    for each, what, shape, dtype in (
        (load, COPY, operation.tile, real),
        (store, COPY, operation.step, real),
        (direct, operation, operation.step, computed),
    ):
        each["result_height"], each["result_width"] = shape
        schedule(each, what, dtype.itemsize)
    return fourier.Job(
        load=load,
        store=store,
        direct=direct,
        copier=cpu.loop("correlate", real.name),
        loop=loop,
        operation=operation,
        size=size,
        offsets=offsets,
        spectrum=fourier.spectrum(operation),
        gain=float(operation.kernel.sum()),
        safe=fourier.safe_range(operation),
    )


def can_save_rows(job: NDArray[Any], operation: Operation, itemsize: int) -> bool:
    """Whether an image can be filtered in place: its full rows, in the ring and saved, are few.

    A window that lies above or below its pixel would want rows that were overwritten long ago.
    """
    if operation.held or not 0 <= job["top"] < job["span_y"]:
        return False
    rows = 2 * int(job["span_y"]) + 3 * operation.block
    columns = int(job["result_width"]) + int(job["span_x"]) + 2 * VECTOR_BYTES // itemsize
    return rows * columns * itemsize <= IN_PLACE_BYTES


def refuse_unsound(job: NDArray[Any], maps: tuple[NDArray[np.intp], ...]) -> None:
    """Stop before a loop would read what is not there: every window, by the job's own numbers.

    This can only be a fault of this package. It costs little, once for each plan, and makes an
    error of what would be foreign memory.
    """
    above, below, before, after = maps
    columns = (job["result_width"] - job["step"]) * job["stride_x"] + job["step"]
    rows = (job["result_height"] - 1) * job["stride_y"] + 1
    axes = (
        (job["height"], job["top"], rows + job["span_y"] - 1, above, below),
        (job["width"], job["left"], columns + job["span_x"] - 1, before, after),
    )
    if min(job["result_height"], job["result_width"]) > 0:
        for n, first, extended, ahead, behind in axes:
            sound = n > 0 and len(ahead) >= first and len(behind) >= extended - first - n
            for indices in (ahead, behind):
                sound &= indices.size == 0 or (indices.min() >= -1 and indices.max() < n)
            assert sound, f"windows reach beyond the border: {job}"
    assert not job["in_place"] or 0 <= job["top"] < job["span_y"], f"rows are not saved: {job}"


def whole(n: int, unit: int) -> int:
    """Return the next multiple of a unit."""
    return -(-n // unit) * unit


def scratch_pitch(columns: int, itemsize: int) -> int:
    """Return the distance of scratch rows that hold so many columns and a vector more.

    Never a multiple of 4 KB: all rows would fall into the same few sets of the cache.
    """
    lanes = VECTOR_BYTES // itemsize
    pitch = whole(columns + lanes, lanes)
    return pitch + lanes if pitch * itemsize % 4096 == 0 else pitch

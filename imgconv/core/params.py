"""Params: the record that a loop reads, laid out for what was decided.

It states where the windows lie and which pixels they hold, how image and result lie in memory, and
in which pieces the loop computes.
"""

from math import lcm, prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgconv.core import border, check, cpu
from imgconv.core.decide import Decisions, Guide, Request
from imgconv.core.pixels import code_of, native, rounded
from imgconv.operations.base import WEIGHED, Axis, Operation, in_a_row, records_of
from imgconv.operations.methods import SPARSE

# `Samples`, `Weighing` and `Params` of pyx/rows.pxd, field by field.
SAMPLES = np.dtype(
    [("row_stride", "p"), ("column_stride", "p"), ("code", "i"), ("swapped", "i")], align=True
)
WEIGHING = np.dtype(
    [
        ("kind", "p"), ("omit", "p"), ("first", "p"), ("beyond_y", "d"), ("beyond_x", "d"),
        ("given", "p"), ("samples", SAMPLES), ("channel_stride", "p"), ("offsets", "p"),
    ],
    align=True,
)  # fmt: skip
PARAMS = np.dtype(
    [
        ("image", SAMPLES),
        ("height", "p"), ("width", "p"),
        ("top", "p"), ("left", "p"),
        ("above", "p"), ("below", "p"), ("before", "p"), ("after", "p"),
        ("cval", "d"), ("edge", "p"),
        ("span_y", "p"), ("span_x", "p"), ("stride_y", "p"), ("stride_x", "p"), ("step", "p"),
        ("result", SAMPLES, 2),
        ("results", "p"), ("result_height", "p"), ("result_width", "p"), ("in_place", "p"),
        ("planes", "p"), ("offsets", "p"),
        ("block", "p"), ("strip", "p"), ("chunk", "p"), ("grain", "p"),
        ("pitch", "p"), ("ring_pitch", "p"), ("work", "p"),
        ("loads", "p"), ("stores", "p"), ("points", "p"), ("point_count", "p"), ("follow", "p"),
        ("records", "p"), ("weights", "p"),
        ("guide", SAMPLES),
        ("channels", "p"), ("guides", "p"),
        ("image_step", "p"), ("result_step", "p"), ("guide_step", "p"),
        ("weighing", WEIGHING),
    ],
    align=True,
)  # fmt: skip

# One record of PARAMS, as an array without axes.
Record = NDArray[Any]

# A chunk of 4 KB rows keeps the rows that a block computes (4 of them, for each vertical pass) in a
# 48 KB L1 cache. Where a loop goes along a few rows at once, chunks are STREAM times as wide: the
# processor fetches long rows ahead. A strip is so wide that the rows under a block take half of a
# 2 MB L2 cache.
CHUNK_BYTES = 4096
STREAM = 4
STRIP_BYTES = 1 << 20
NARROWEST = 64
# Scratch of a thread that filters in place. If full rows need more, the image is copied instead.
IN_PLACE_BYTES = 3 << 20

# The widest vector (AVX-512): rows are padded to whole vectors.
VECTOR_BYTES = 64


class Pointers(NamedTuple):
    """The arrays that the pointers of a record point to; the plan must keep them."""

    above: NDArray[np.intp]
    below: NDArray[np.intp]
    before: NDArray[np.intp]
    after: NDArray[np.intp]
    edge: NDArray[Any]
    offsets: NDArray[np.intp]
    weight_offsets: NDArray[np.intp]
    points: NDArray[Any]
    records: NDArray[np.uint8]
    weights: NDArray[Any]


class ResultLayout(NamedTuple):
    """The shape of the result, and how what the loop writes lies in memory.

    `written` is the dtype that the loop writes, `stored` the same in the byte order of the array.
    Stacked results are `between` bytes apart.
    """

    shape: tuple[int, ...]
    written: np.dtype[Any]
    stored: np.dtype[Any]
    strides: tuple[int, ...]
    between: int


def lay_out(request: Request, decided: Decisions) -> tuple[Record, Pointers, ResultLayout]:
    """Return the record for a loop, the arrays it points to, and the layout of the result."""
    operation, computed, size = decided.operation, decided.computed, decided.size
    (y, x), (height, width), layout = decided.windows, decided.result_size, decided.layout
    result = result_layout(request, decided)
    step = 1 if operation.tiled else interleaved_channels(request, layout, result.strides)
    results = operation.results * max(1, operation.stacked)
    records, weights = operation.pack(step, computed)
    edge = rounded(np.array([decided.cval]), native(request.image_dtype))
    sample_axis = layout.x if step == 1 else layout.channel
    assert sample_axis is not None
    skips = request.guide is None and not operation.tiled
    rows = places(size[0], y, operation.stride[0], height, decided.modes[0], False)
    columns = places(size[1], x, operation.stride[1], width, decided.modes[1], skips)
    pointers = Pointers(
        above=rows.ahead,
        below=rows.behind,
        before=by_sample(columns.ahead, step),
        after=by_sample(columns.behind, step),
        edge=edge,
        offsets=offsets_of(request, decided, result, step, results),
        weight_offsets=weight_offsets(request, decided, step),
        points=records_of(operation.points),
        records=in_a_row(records),
        weights=weights.astype(computed),
    )
    params = np.zeros((), PARAMS)
    params["image"] = samples(request.strides, request.image_dtype, layout.y, sample_axis)
    params["result"] = samples(result.strides, result.stored, layout.y, sample_axis)
    params["height"], params["width"] = size[0], size[1] * step
    params["top"], params["left"] = rows.first, columns.first * step
    params["cval"] = edge.item() if operation.ordered else decided.cval
    params["span_y"], params["span_x"] = y.span, (x.span - 1) * step + 1
    params["stride_y"], params["stride_x"] = rows.stride, columns.stride
    params["step"] = step
    params["results"] = results
    params["result_height"], params["result_width"] = height, width * step
    params["planes"] = len(pointers.offsets)
    plain = not operation.tiled and not decided.weighed
    saves = plain and can_save_rows(params, operation, computed.itemsize)
    params["in_place"] = request.in_place and saves
    if request.guide is not None:
        join_channels(params, request.guide, request, layout, result.strides)
    if decided.weighed:
        params["weighing"] = weighing(request, decided, sample_axis)
    schedule(params, operation, computed.itemsize)
    params["point_count"] = len(operation.points)
    params["loads"], params["stores"], params["follow"] = cpu.conversions(computed.name)
    for name, array in pointers._asdict().items():
        array.setflags(write=False)
        if name != "weight_offsets":
            params[name] = array.ctypes.data
    params["weighing"]["offsets"] = pointers.weight_offsets.ctypes.data
    refuse_unsound(params, pointers)
    return params, pointers, result


# -------------------------------------------------------------------------------------------------
# Where image and result lie in memory


def result_layout(request: Request, decided: Decisions) -> ResultLayout:
    """Return the layout of the results, in the array of the caller or in a new one."""
    operation, layout = decided.operation, decided.layout
    shape = list(request.shape)
    shape[layout.y], shape[layout.x] = decided.result_size
    if operation.stacked:
        shape.insert(0, operation.stacked)
    # A loop that compares writes the dtype of the image; `run` converts it if another is requested.
    written = native(request.image_dtype) if operation.ordered else decided.dtype
    strides, stored = contiguous_strides(shape, written.itemsize), written
    if request.out is not None:
        out_shape, out_strides, out_dtype = request.out
        check.out_fits(out_shape, out_dtype, tuple(shape), request.dtype)
        if written == decided.dtype:
            strides, stored = out_strides, out_dtype
    between, strides = (strides[0], strides[1:]) if operation.stacked else (0, strides)
    return ResultLayout(tuple(shape), written, stored, strides, between)


def contiguous_strides(shape: list[int], itemsize: int) -> tuple[int, ...]:
    """Return the strides of a new array."""
    return tuple(itemsize * prod(shape[axis + 1 :]) for axis in range(len(shape)))


def interleaved_channels(request: Request, layout: check.Layout, strides: tuple[int, ...]) -> int:
    """Return the number of channels if they can run as one long row, else 1."""
    channel = layout.channel
    if channel is None or request.guide is not None:
        return 1
    count = request.shape[channel]
    beside = all(each[layout.x] == count * each[channel] for each in (request.strides, strides))
    return count if beside and count > 0 else 1


def samples(
    strides: tuple[int, ...], dtype: np.dtype[Any], y: int, x: int
) -> tuple[int, int, int, int]:
    """Return the fields of SAMPLES for an array."""
    return strides[y], strides[x], code_of(dtype), int(not dtype.isnative)


def offsets_of(
    request: Request, decided: Decisions, result: ResultLayout, step: int, results: int
) -> NDArray[np.intp]:
    """Return the byte offsets of image, results and guide for each plane of a stack."""
    layout, stack = decided.layout, planes_of(request, decided, step)
    offsets = plane_offsets(request.shape, stack, request.strides, result.strides, results)
    offsets[:, 1:] += np.arange(results) * result.between
    if request.guide is not None:
        offsets = np.c_[offsets, guide_offsets(request.guide, layout)]
    return offsets


def planes_of(request: Request, decided: Decisions, step: int) -> tuple[int, ...]:
    """Return the axes along which planes lie: channels too, unless they are used together."""
    layout = decided.layout
    if step == 1 and layout.channel is not None and request.guide is None:
        return (layout.channel, *layout.stack)
    return layout.stack


def weight_offsets(request: Request, decided: Decisions, step: int) -> NDArray[np.intp]:
    """Return the byte offset of the weights of each plane of a stack."""
    if request.weights is None:
        return np.zeros(0, np.intp)
    stack = planes_of(request, decided, step)
    return plane_offsets(request.shape, stack, request.weights.strides, (), 0)[:, 0].copy()


def weighing(request: Request, decided: Decisions, sample_axis: int) -> Record:
    """Return the record of how pixels count."""
    layout, found = decided.layout, np.zeros((), WEIGHING)
    found["kind"] = WEIGHED.index(decided.weighed)
    found["omit"] = request.nan == "omit"
    found["first"] = decided.operation.largest
    found["beyond_y"], found["beyond_x"] = (mode != border.IGNORE for mode in decided.modes)
    if request.weights is not None:
        strides, dtype = request.weights
        found["given"] = 1
        found["samples"] = samples(strides, dtype, layout.y, layout.x)
        found["channel_stride"] = strides[sample_axis]
    return found


def plane_offsets(
    shape: tuple[int, ...],
    stack: tuple[int, ...],
    image_strides: tuple[int, ...],
    result_strides: tuple[int, ...],
    results: int,
) -> NDArray[np.intp]:
    """Return the byte offsets of the image and of every result for each plane of a stack."""
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
    params: Record,
    guide: Guide,
    request: Request,
    layout: check.Layout,
    strides: tuple[int, ...],
) -> None:
    """Set the fields of the channels, for a loop that uses all of them and those of a guide."""
    params["channels"], params["guides"] = 1, guide.shape[-1]
    if layout.channel is not None:
        params["channels"] = request.shape[layout.channel]
        params["image_step"] = request.strides[layout.channel]
        params["result_step"] = strides[layout.channel]
    if params["guides"]:
        y, x = check.without_channel(layout)
        params["guide"] = samples(guide.strides, guide.dtype, y, x)
        params["guide_step"] = guide.strides[-1]


# -------------------------------------------------------------------------------------------------
# Where windows lie


class Places(NamedTuple):
    """Where a loop finds the windows along an axis.

    The first window begins `first` places ahead of the image, each next one `stride` further.
    `ahead` and `behind` are the index maps of the places outside the image.
    """

    first: int
    stride: int
    ahead: NDArray[np.intp]
    behind: NDArray[np.intp]


def places(n: int, axis: Axis, stride: int, count: int, mode: str, skips: bool) -> Places:
    """Return where `count` windows lie in an axis of n pixels.

    If it `skips`, windows that are far apart are moved together: the index map ahead of the image
    holds all their pixels, so that those between them are not read.
    """
    windows = np.arange(count if n and skips and stride > max(axis.span, SPARSE) else 0)
    if windows.size:
        pixels = windows[:, None] * stride + np.arange(axis.span) - axis.before
        ahead = border.sources(pixels.ravel(), n, mode)
        return Places(len(ahead), axis.span, ahead, np.zeros(0, np.intp))
    # A window may not hold its own pixel: the first may begin inside the image, or behind it.
    stop = (count - 1) * stride + axis.span - axis.before if n and count else 0
    begin = -axis.before if n and count else 0
    outside = (np.arange(*ends, dtype=np.intp) for ends in ((begin, 0), (n, max(n, stop))))
    ahead, behind = (border.sources(i, n, mode) if i.size else i for i in outside)
    return Places(axis.before, stride, ahead, behind)


def by_sample(indices: NDArray[np.intp], step: int) -> NDArray[np.intp]:
    """Return an index map of samples from one of pixels, which have `step` samples each."""
    samples = indices[:, None] * step + np.arange(step)
    return np.where(indices[:, None] < 0, -1, samples).ravel()


def refuse_unsound(params: Record, pointers: Pointers) -> None:
    """Raise an error if a window would reach beyond its index maps, by the numbers of the record.

    That can only be a fault of this package. The check is cheap, once for each plan, and prevents
    that a loop reads foreign memory.
    """
    columns = (params["result_width"] - params["step"]) * params["stride_x"] + params["step"]
    rows = (params["result_height"] - 1) * params["stride_y"] + 1
    ends = rows + params["span_y"] - 1, columns + params["span_x"] - 1
    axes = (
        (params["height"], params["top"], ends[0], pointers.above, pointers.below),
        (params["width"], params["left"], ends[1], pointers.before, pointers.after),
    )
    if min(params["result_height"], params["result_width"]) > 0:
        for n, first, extended, ahead, behind in axes:
            sound = n > 0 and len(ahead) >= first and len(behind) >= extended - first - n
            for indices in (ahead, behind):
                sound &= indices.size == 0 or (indices.min() >= -1 and indices.max() < n)
            assert sound, f"windows reach beyond the border: {params}"
    saved = 0 <= params["top"] < params["span_y"]
    assert saved or not params["in_place"], f"rows are not saved: {params}"


# -------------------------------------------------------------------------------------------------
# The schedule


def schedule(params: Record, operation: Operation, itemsize: int) -> None:
    """Choose the widths of strips and chunks, so that what a block needs stays in cache."""
    step, stride = int(params["step"]), int(params["stride_x"])
    columns = max(step, (int(params["result_width"]) - step) * stride + step)
    span_x, lanes = int(params["span_x"]), VECTOR_BYTES // itemsize
    rows = operation.kept_rows or (
        int(params["span_y"]) + (operation.block - 1) * operation.stride[0]
    )
    rows *= max(1, int(params["channels"] + params["guides"]))
    rows *= 2 if params["weighing"]["kind"] else 1
    fits = int(STRIP_BYTES / (itemsize * rows)) - span_x - 2 * lanes
    # At least as wide as the window, whose columns are loaded, too, so that at most half of the
    # work is done twice. For a box of 801 x 801 that takes a sixth of the time.
    strip = max(NARROWEST, span_x, fits)
    if params["in_place"]:
        strip = columns
    grain = lcm(lanes, operation.cell * step) if stride == 1 else stride * step
    strip = round_up(columns if strip >= columns else max(1, strip - grain + 1), grain)
    chunk_bytes = STREAM * CHUNK_BYTES if operation.streams else CHUNK_BYTES
    chunk = min(round_up(max(1, chunk_bytes // itemsize - grain + 1), grain), strip)
    params["block"], params["strip"], params["chunk"] = operation.block, strip, chunk
    params["grain"] = grain
    params["pitch"] = scratch_pitch(chunk + span_x, itemsize)
    params["ring_pitch"] = scratch_pitch(strip + span_x, itemsize)
    params["work"] = operation.work(int(params["pitch"]))


def can_save_rows(params: Record, operation: Operation, itemsize: int) -> bool:
    """Whether an image can be filtered in place: its full rows, in the ring and saved, are few.

    A window that is above or below its pixel would need rows that were overwritten before.
    """
    if operation.kept_rows or not 0 <= params["top"] < params["span_y"]:
        return False
    rows = 2 * int(params["span_y"]) + 3 * operation.block
    columns = int(params["result_width"]) + int(params["span_x"]) + 2 * VECTOR_BYTES // itemsize
    return rows * columns * itemsize <= IN_PLACE_BYTES


def round_up(n: int, unit: int) -> int:
    """Return the next multiple of a unit."""
    return -(-n // unit) * unit


def scratch_pitch(columns: int, itemsize: int) -> int:
    """Return the distance of scratch rows that have `columns` numbers and a vector more.

    It is never a multiple of 4 KB, where all rows would share a few sets of the cache.
    """
    lanes = VECTOR_BYTES // itemsize
    pitch = round_up(columns + lanes, lanes)
    return pitch + lanes if pitch * itemsize % 4096 == 0 else pitch

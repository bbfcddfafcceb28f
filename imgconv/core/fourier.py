"""Correlation by the fast Fourier transform: overlap-save, tile by tile, in the place of a loop.

    results of a tile = irfft2(rfft2(tile) * conj(rfft2(kernel)))

A tile of H x W extended pixels gives the (H - kh + 1) x (W - kw + 1) results whose windows lie in
it; all others wrap around and are dropped. Tiles begin at (0, 0) of the result and are shared out
among the threads. SciPy plans and runs the transforms; loading (borders, dtypes) and storing
(rounding, saturation) are the compiled loop's, with the kernel [[1]].

The error of a transform is a share of the largest pixel in its tile, not of each result, and one
NaN spoils the whole tile. So each tile is looked at as it is loaded. The middle between its least
and its largest pixel is taken off, and times the sum of the weights put back: what is flat stays
flat. If it holds a number that is not finite, or one too large to be safe, it is correlated
directly.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import cycle
from math import log2
from queue import SimpleQueue
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgconv.core.operation import FLOAT32, FLOAT64, Correlation, Pixels
from imgconv.core.threads import IMPORTS, lock

# A tile takes so much, and two copies of it as much again: with what SciPy and the loops need, some
# 4 MB a thread. A kernel that would leave few results of such a tile gets one of AREA times itself.
TILE_BYTES = 1 << 20
AREA = 16

# Sides that the transform likes: powers of two, times 5 / 4 and 3 / 2.
SIDES = np.array([m << n for n in range(2, 26) for m in (4, 5, 6)])

# Measured on the machine of docs/performance.md, nanoseconds: a pixel of a tile there and back, for
# each doubling of the tile; a pixel loaded, looked at and stored; the calls that a tile takes.
DOUBLING = {"float32": 0.95, "float64": 1.6}
LOADED = 4.0
CALLS = 100e3

# Measured with images of noise, steps and bright planes: the largest error of a result is 4.5 times
# eps * sum(|weights|) * the difference of the largest and the least pixel of the tile.
ERROR = 6.0
# An integer result is rounded from a value that is off by no more.
INTEGER_ERROR = 1 / 32


@dataclass(frozen=True, eq=False)
class Fourier(Correlation):
    """A dense kernel by transforms.

    The sides of a tile, the results that it gives, its type, and the expected time of a result.
    """

    tile: tuple[int, int] = (0, 0)
    step: tuple[int, int] = (0, 0)
    real: np.dtype = FLOAT64
    nanoseconds: float = 0.0
    loop: str = "fourier"

    @property
    def cost(self) -> float:
        """Two real transforms of 2.5 n log2(n) additions and multiplications, counted in pairs."""
        pixels = self.tile[0] * self.tile[1]
        return 2.5 * pixels * log2(pixels) / (self.step[0] * self.step[1])

    def computed_in(self, pixels: Pixels, result: np.dtype) -> np.dtype:
        """What is computed directly is computed as floats are."""
        return pixels.float_type


def tile_type(dense: Correlation, pixels: Pixels, result: np.dtype) -> np.dtype:
    """Return the type of a tile: float64 for integers that float32 might round amiss."""
    if result.kind == "f" or pixels.dtype.kind == "f":
        return pixels.float_type
    bounded = np.isfinite(pixels.high)
    levels = pixels.high - pixels.low if bounded else 2.0 ** (8 * pixels.dtype.itemsize)
    error = ERROR * float(np.finfo(FLOAT32).eps) * float(np.abs(dense.kernel).sum()) * levels
    return FLOAT32 if error <= INTEGER_ERROR else FLOAT64


def tiled(dense: Correlation, size: tuple[int, int], real: np.dtype) -> Fourier:
    """Return a dense kernel for results of this size, by the tiles that take the least time."""
    heights, widths = (
        sides(axis.span, (max(n, 1) - 1) * stride + axis.span)
        for axis, n, stride in zip(dense.windows, size, dense.stride, strict=True)
    )
    span_y, span_x = (axis.span for axis in dense.windows)
    most = max(TILE_BYTES // real.itemsize, AREA * span_y * span_x, heights[0] * widths[0])
    height, width = (sides.ravel() for sides in np.meshgrid(heights, widths))
    pixels = height * width
    rows = (height - span_y) // dense.stride[0] + 1
    columns = (width - span_x) // dense.stride[1] + 1
    tiles = -(-size[0] // rows) * -(-size[1] // columns)
    time = tiles * (pixels * (DOUBLING[real.name] * np.log2(pixels) + LOADED) + CALLS)
    best = np.where(pixels <= most, time, np.inf).argmin()
    tile = int(height[best]), int(width[best])
    return Fourier(
        dense.kernel,
        dense.origin,
        dense.stride,
        dense.dilation,
        method="fft",
        note=f"fft of {tile[0]} x {tile[1]} tiles in {real}",
        tile=tile,
        step=(int(rows[best]), int(columns[best])),
        real=real,
        nanoseconds=float(time[best]) / max(1, size[0] * size[1]),
    )


def sides(least: int, enough: int) -> NDArray[np.intp]:
    """Return the sides from `least` to the first that is enough."""
    first, last = np.searchsorted(SIDES, (least, enough))
    return SIDES[first : last + 1]


# -------------------------------------------------------------------------------------------------
# What runs: `scratch` and `run` are called as those of a compiled loop are.


@dataclass(frozen=True, eq=False)
class Job:
    """The records of three loops, each for the rectangle of a tile, and what lies between them.

    `load` brings extended pixels into the tile and `store` takes results from it, both by the
    `copier`; `direct` is the correlation itself, by the `loop`. `offsets` are those of image and
    result for each plane of a stack, `gain` is the sum of the weights, and `safe` the range of
    `safe_range`.
    """

    load: NDArray[Any]
    store: NDArray[Any]
    direct: NDArray[Any]
    copier: ModuleType
    loop: ModuleType
    operation: Fourier
    size: tuple[int, int]
    offsets: NDArray[np.intp]
    spectrum: NDArray[Any]
    gain: float
    safe: tuple[float, float]

    def places(self) -> list[tuple[int, int, int]]:
        """Return for each tile the plane, the row and the column where its results begin."""
        (height, width), (rows, columns) = self.size, self.operation.step
        return [
            (plane, y, x)
            for plane in range(len(self.offsets))
            for y in range(0, height, rows)
            for x in range(0, width, columns)
        ]


@cache
def transforms() -> ModuleType:
    """Return SciPy's transforms, imported when they are first wanted."""
    with IMPORTS:
        return import_module("scipy.fft")


# SciPy looks up how to transform under a lock that forks know nothing of. So a fork waits for the
# transforms that run: each holds the next of these, which are enough for many at once.
TRANSFORMING = cycle([lock() for _ in range(64)])


def spectrum(operation: Fourier) -> NDArray[Any]:
    """Return what the spectrum of a tile is multiplied by, worked out in float64."""
    kernel, (down, right) = operation.kernel, operation.dilation
    spread = np.zeros(operation.tile)
    spread[: kernel.shape[0] * down : down, : kernel.shape[1] * right : right] = kernel
    fft = transforms()
    with next(TRANSFORMING):
        waves = fft.rfft2(spread).conj()
    waves = waves.astype(np.result_type(operation.real, np.complex64))
    waves.setflags(write=False)
    return waves


def safe_range(operation: Fourier) -> tuple[float, float]:
    """Return the smallest and largest absolute maximum of a tile that may be transformed.

    No sum there and back can overflow, and a product eps times the largest one is not subnormal.
    """
    limits = np.finfo(operation.real)
    pixels = float(operation.tile[0] * operation.tile[1])
    gain = max(float(np.abs(operation.kernel).sum()), float(np.finfo(np.float64).tiny))
    least = float(limits.tiny) / float(limits.eps) * max(1.0, 1 / gain)
    return least, float(limits.max) / (pixels * pixels * max(1.0, gain))


def slot_bytes(job: Job) -> int:
    """Bytes of a thread's scratch: a tile, and what any of the three loops needs, aligned."""
    copying = max(int(job.copier.scratch(each, 1)) for each in (job.load, job.store))
    rest = max(copying, int(job.loop.scratch(job.direct, 1)))
    return tile_bytes(job) + -(-rest // 64) * 64


def tile_bytes(job: Job) -> int:
    """Bytes of a tile."""
    return job.operation.tile[0] * job.operation.tile[1] * job.operation.real.itemsize


def scratch(job: Job, threads: int) -> int:
    """Bytes of scratch that `run` needs for so many threads."""
    return threads * slot_bytes(job)


def run(
    job: Job,
    image: NDArray[Any],
    first: NDArray[Any],
    second: NDArray[Any],
    scratch: NDArray[np.uint8],
    rows: int,
    threads: int,
) -> None:
    """Filter `image` into `first`; `second` and `rows`, the height of bands, are not used."""
    size = slot_bytes(job)
    free: SimpleQueue[NDArray[np.uint8]] = SimpleQueue()
    for slot in range(threads):
        free.put(scratch[slot * size : (slot + 1) * size])

    def run_one(place: tuple[int, int, int]) -> None:
        slot = free.get()
        try:
            # Underflow is expected; a caller may have made it an error.
            with np.errstate(all="ignore"):
                run_tile(job, image, first, slot, *place)
        finally:
            free.put(slot)

    if threads == 1:
        for place in job.places():
            run_one(place)
    else:
        with ThreadPoolExecutor(threads, thread_name_prefix="imgconv") as pool:
            for _ in pool.map(run_one, job.places()):
                pass


def run_tile(
    job: Job,
    image: NDArray[Any],
    result: NDArray[Any],
    scratch: NDArray[np.uint8],
    plane: int,
    y: int,
    x: int,
) -> None:
    """Filter the results of a plane that belong to the tile from (y, x) on."""
    operation = job.operation
    (sy, sx), (span_y, span_x) = operation.stride, (axis.span for axis in operation.windows)
    size = rows, columns = (
        min(operation.step[0], job.size[0] - y),
        min(operation.step[1], job.size[1] - x),
    )
    height, width = (rows - 1) * sy + span_y, (columns - 1) * sx + span_x
    begin = y * sy, x * sx
    strides = job.direct["result"][0]
    source, target = map(int, job.offsets[plane])
    target += y * int(strides["row_stride"]) + x * int(strides["column_stride"])
    tile = scratch[: tile_bytes(job)].view(operation.real).reshape(operation.tile)
    scratch = scratch[tile_bytes(job) :]

    run_part(job.copier, job.load, begin, (height, width), (source, 0), image, tile, scratch)
    least, largest = float(tile[:height, :width].min()), float(tile[:height, :width].max())
    if is_safe(least, largest, job.safe):
        middle = operation.real.type((least + largest) / 2)
        tile[:height, :width] -= middle
        tile[height:] = 0
        tile[:height, width:] = 0
        sums = correlated(tile, job.spectrum, (rows - 1) * sy + 1)
        sums += operation.real.type(float(middle) * job.gain)
        run_part(job.copier, job.store, (0, 0), size, (0, target), sums, result, scratch)
    else:
        offsets = source, target
        run_part(job.loop, job.direct, begin, size, offsets, image, result, scratch)


def run_part(
    loop: ModuleType,
    job: NDArray[Any],
    begin: tuple[int, int],
    size: tuple[int, int],
    offsets: tuple[int, int],
    image: NDArray[Any],
    result: NDArray[Any],
    scratch: NDArray[np.uint8],
) -> None:
    """Run a loop on a rectangle of results, whose first window begins at an extended pixel."""
    # A copy of the record's bytes: NumPy would copy field by field, at ten times the cost.
    part = np.ndarray((), job.dtype, bytearray(job.tobytes()))
    places = np.array([offsets], np.intp)
    for origin, border, first in zip(("top", "left"), ("above", "before"), begin, strict=True):
        part[origin] -= first
        part[border] += first * np.intp().itemsize
    part["result_height"], part["result_width"] = size
    part["planes"], part["offsets"] = 1, places.ctypes.data
    loop.run(part, image, result, result, scratch, size[0], 1)


def is_safe(least: float, largest: float, safe: tuple[float, float]) -> bool:
    """Whether a tile may be transformed whose pixels lie between these; not if either is NaN."""
    size = max(largest, -least)
    return least == largest == 0 or safe[0] <= size <= safe[1]


def correlated(tile: NDArray[Any], spectrum: NDArray[Any], rows: int) -> NDArray[Any]:
    """Return the first rows of the correlation of a tile with the kernel of a spectrum."""
    fft = transforms()
    with next(TRANSFORMING):
        waves = fft.fft(fft.rfft(tile), axis=0, overwrite_x=True)
        waves *= spectrum
        return fft.irfft(fft.ifft(waves, axis=0, overwrite_x=True)[:rows], tile.shape[1])

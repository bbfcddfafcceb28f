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
from queue import SimpleQueue
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgconv.core.threads import IMPORTS, lock
from imgconv.operations.fourier import Fourier

# `scratch` and `run` are called as those of a compiled loop are.


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

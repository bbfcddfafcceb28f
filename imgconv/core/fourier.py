"""Correlation by the fast Fourier transform: overlap-save, tile by tile, instead of a loop.

    results of a tile = irfft2(rfft2(tile) * conj(rfft2(kernel)))

A tile of H x W extended pixels gives the (H - kh + 1) x (W - kw + 1) results whose windows lie in
it; all others wrap around and are dropped. Tiles begin at (0, 0) of the result, and the threads
share them. SciPy plans and runs the transforms. The dense loop, with the kernel [[1]], loads the
pixels (borders, dtypes) and stores the results (rounding, saturation).

The error of a transform is relative to the largest pixel of its tile, not to each result, and one
NaN spoils the whole tile. So each tile is examined after it is loaded. The middle of its range is
subtracted before the transform; that number times the sum of the weights is added afterwards, so
that flat images stay flat. A tile with a number that is not finite, or too large to be safe, is
correlated directly.

`scratch` and `run` are called as those of a compiled loop are.
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

from imgconv.core import cpu
from imgconv.core.params import Record, round_up, schedule
from imgconv.core.pixels import code_of
from imgconv.core.threads import IMPORTS, lock
from imgconv.operations.base import FLOAT64, in_a_row
from imgconv.operations.correlate import Correlation
from imgconv.operations.fourier import Fourier

# The dense kernel [[1]], which copies pixels into a tile and results from it.
COPY = Correlation(np.ones((1, 1)), (0, 0))
COPY_RECORDS = in_a_row(COPY.pack(1, FLOAT64)[0])
COPY_WEIGHTS = {real: np.ones(1, real) for real in ("float32", "float64")}


@dataclass(frozen=True, eq=False)
class TiledParams:
    """The records of three loops, each for the rectangle of a tile, and what the transforms need.

    With the loop `copier`, `load` copies extended pixels into a tile and `store` copies results
    from it. With the loop `loop`, `direct` correlates without a transform. `offsets` are those of
    image and result for each plane of a stack, `gain` is the sum of the weights, `safe` is what
    `safe_range` returns.
    """

    load: Record
    store: Record
    direct: Record
    copier: cpu.Loop[Record]
    loop: cpu.Loop[Record]
    operation: Fourier
    size: tuple[int, int]
    offsets: NDArray[np.intp]
    spectrum: NDArray[Any]
    gain: float
    safe: tuple[float, float]

    def places(self) -> list[tuple[int, int, int]]:
        """Return the plane, row and column of the first result of each tile."""
        (height, width), (rows, columns) = self.size, self.operation.step
        return [
            (plane, y, x)
            for plane in range(len(self.offsets))
            for y in range(0, height, rows)
            for x in range(0, width, columns)
        ]

    def run(
        self,
        image: NDArray[Any],
        first: NDArray[Any],
        second: NDArray[Any],
        rows: int,
        threads: int,
    ) -> None:
        """Filter `image` into `first`, as the entry of a loop does."""
        run(self, image, first, second, np.empty(scratch(self, threads), np.uint8), rows, threads)


@cache
def transforms() -> ModuleType:
    """Return SciPy's transforms; importing them with imgconv would take too long."""
    with IMPORTS:
        return import_module("scipy.fft")


# SciPy looks up plans of transforms under a lock, which a forked child may inherit locked. So a
# fork waits for the transforms that run: each takes the next of these locks, many enough for all
# threads.
TRANSFORMING = cycle([lock() for _ in range(64)])


def spectrum(operation: Fourier) -> NDArray[Any]:
    """Return the conjugate spectrum of the kernel, computed in float64."""
    kernel, (down, right) = operation.kernel, operation.dilation
    spread = np.zeros(operation.tile)
    spread[: kernel.shape[0] * down : down, : kernel.shape[1] * right : right] = kernel
    fft = transforms()
    with next(TRANSFORMING):
        exact = fft.rfft2(spread).conj()
    waves: NDArray[Any] = exact.astype(np.result_type(operation.real, np.complex64))
    waves.setflags(write=False)
    return waves


def safe_range(operation: Fourier) -> tuple[float, float]:
    """Return the smallest and largest absolute maximum of a tile that may be transformed.

    No sum of the two transforms overflows, and a product eps times the largest is not subnormal.
    """
    limits = np.finfo(operation.real)
    pixels = float(operation.tile[0] * operation.tile[1])
    gain = max(float(np.abs(operation.kernel).sum()), float(np.finfo(np.float64).tiny))
    smallest = float(limits.tiny) / float(limits.eps) * max(1.0, 1 / gain)
    return smallest, float(limits.max) / (pixels * pixels * max(1.0, gain))


def tiled_params(
    params: Record,
    operation: Fourier,
    computed: np.dtype[Any],
    size: tuple[int, int],
    offsets: NDArray[np.intp],
) -> TiledParams:
    """Return the parameters for tiles, from the record of the whole result."""
    load, store, direct, real = params.copy(), params.copy(), params.copy(), operation.real
    for copy in (load, store):
        copy["span_y"] = copy["span_x"] = copy["stride_y"] = copy["stride_x"] = 1
        copy["records"] = COPY_RECORDS.ctypes.data
        copy["weights"] = COPY_WEIGHTS[real.name].ctypes.data
        copy["loads"], copy["stores"], copy["follow"] = cpu.conversions(real.name)
    row, code = operation.tile[1] * real.itemsize, code_of(real)
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
    return TiledParams(
        load=load,
        store=store,
        direct=direct,
        copier=cpu.loop("correlate", real.name),
        loop=cpu.loop("correlate", computed.name),
        operation=operation,
        size=size,
        offsets=offsets,
        spectrum=spectrum(operation),
        gain=float(operation.kernel.sum()),
        safe=safe_range(operation),
    )


def slot_bytes(params: TiledParams) -> int:
    """Bytes of scratch for a thread: a tile, and what any of the three loops needs, aligned."""
    copying = max(int(params.copier.scratch(each, 1)) for each in (params.load, params.store))
    rest = max(copying, int(params.loop.scratch(params.direct, 1)))
    return tile_bytes(params) + round_up(rest, 64)


def tile_bytes(params: TiledParams) -> int:
    """Bytes of a tile."""
    return params.operation.tile[0] * params.operation.tile[1] * params.operation.real.itemsize


def scratch(params: TiledParams, threads: int) -> int:
    """Bytes of scratch that `run` needs for this number of threads."""
    return threads * slot_bytes(params)


def run(
    params: TiledParams,
    image: NDArray[Any],
    first: NDArray[Any],
    second: NDArray[Any],
    scratch: NDArray[np.uint8],
    rows: int,
    threads: int,
) -> None:
    """Filter `image` into `first`; `second` and `rows` (of a band) are not used."""
    size = slot_bytes(params)
    free: SimpleQueue[NDArray[np.uint8]] = SimpleQueue()
    for slot in range(threads):
        free.put(scratch[slot * size : (slot + 1) * size])

    def run_next(place: tuple[int, int, int]) -> None:
        slot = free.get()
        try:
            # Underflow is expected, but the settings of a caller may make it an error.
            with np.errstate(all="ignore"):
                run_tile(params, image, first, slot, *place)
        finally:
            free.put(slot)

    if threads == 1:
        for place in params.places():
            run_next(place)
    else:
        with ThreadPoolExecutor(threads, thread_name_prefix="imgconv") as pool:
            for _ in pool.map(run_next, params.places()):
                pass


def run_tile(
    params: TiledParams,
    image: NDArray[Any],
    result: NDArray[Any],
    scratch: NDArray[np.uint8],
    plane: int,
    y: int,
    x: int,
) -> None:
    """Compute the results of a plane that belong to the tile from (y, x) on."""
    operation = params.operation
    (sy, sx), (span_y, span_x) = operation.stride, (axis.span for axis in operation.windows)
    size = rows, columns = (
        min(operation.step[0], params.size[0] - y),
        min(operation.step[1], params.size[1] - x),
    )
    height, width = (rows - 1) * sy + span_y, (columns - 1) * sx + span_x
    begin = y * sy, x * sx
    strides = params.direct["result"][0]
    source, target = params.offsets[plane].tolist()
    target += y * int(strides["row_stride"]) + x * int(strides["column_stride"])
    tile = scratch[: tile_bytes(params)].view(operation.real).reshape(operation.tile)
    scratch = scratch[tile_bytes(params) :]

    run_part(params.copier, params.load, begin, (height, width), (source, 0), image, tile, scratch)
    smallest, largest = float(tile[:height, :width].min()), float(tile[:height, :width].max())
    if is_safe(smallest, largest, params.safe):
        middle = operation.real.type((smallest + largest) / 2)
        tile[:height, :width] -= middle
        tile[height:] = 0
        tile[:height, width:] = 0
        sums = correlated(tile, params.spectrum, (rows - 1) * sy + 1)
        sums += operation.real.type(float(middle) * params.gain)
        run_part(params.copier, params.store, (0, 0), size, (0, target), sums, result, scratch)
    else:
        offsets = source, target
        run_part(params.loop, params.direct, begin, size, offsets, image, result, scratch)


def run_part(
    loop: cpu.Loop[Record],
    params: Record,
    begin: tuple[int, int],
    size: tuple[int, int],
    offsets: tuple[int, int],
    image: NDArray[Any],
    result: NDArray[Any],
    scratch: NDArray[np.uint8],
) -> None:
    """Run a loop on a rectangle of results; its first window begins at extended pixel `begin`."""
    # The bytes of the record are copied; NumPy would copy field by field, ten times as slow.
    part: Record = np.ndarray((), params.dtype, bytearray(params.tobytes()))
    places = np.array([offsets], np.intp)
    for origin, border, first in zip(("top", "left"), ("above", "before"), begin, strict=True):
        part[origin] -= first
        part[border] += first * np.intp().itemsize
    part["result_height"], part["result_width"] = size
    part["planes"], part["offsets"] = 1, places.ctypes.data
    loop.run(part, image, result, result, scratch, size[0], 1)


def is_safe(smallest: float, largest: float, safe: tuple[float, float]) -> bool:
    """Whether a tile with pixels of this range may be transformed; not if either is NaN."""
    size = max(largest, -smallest)
    return smallest == largest == 0 or safe[0] <= size <= safe[1]


def correlated(tile: NDArray[Any], spectrum: NDArray[Any], rows: int) -> NDArray[Any]:
    """Return the first rows of the correlation of a tile with the kernel of a spectrum."""
    fft = transforms()
    with next(TRANSFORMING):
        waves = fft.fft(fft.rfft(tile), axis=0, overwrite_x=True)
        waves *= spectrum
        waves = fft.ifft(waves, axis=0, overwrite_x=True)[:rows]
        results: NDArray[Any] = fft.irfft(waves, tile.shape[1])
    return results

"""Dense correlation by fast Fourier transforms, tile by tile: tiles, twiddles and spectra."""

from dataclasses import dataclass
from functools import lru_cache
from math import log2, pi, prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgconv.core import cpu
from imgconv.operations import base
from imgconv.operations.base import DType, Packed, Pixels, Weights
from imgconv.operations.correlate import Correlation

# `Tiling` in pyx/fourier.pyx.
TILING = np.dtype(
    [
        ("tile_height", "p"), ("tile_width", "p"),
        ("rows", "p"), ("columns", "p"),
        ("height", "p"), ("width", "p"),
        ("down", "p"), ("right", "p"),
        ("passes_y", "p"), ("passes_x", "p"),
        ("numbers_y", "p"), ("numbers_x", "p"),
        ("gain", "d"),
        ("smallest", "d"), ("largest", "d"),
        ("error", "d"),
        ("unit", "d"),
    ],
    align=True,
)  # fmt: skip

# Pixels of a tile, 512 KB of float32: they stay in common L2 caches. If a kernel leaves few results
# of such a tile, the tile may have AREA times the size of the kernel, but not more than MOST_BYTES
# unless the kernel itself has.
TILE_PIXELS = 1 << 17
AREA = 16
MOST_BYTES = 1 << 27
# The highest tile, unless four times the height of the kernel is more: LANES columns of 256 complex
# numbers are 32 KB at level v4.
TALLEST = 512

# Sides for which transforms are fast: powers of two, and these times 5 / 4 and 3 / 2.
SIDES = np.array([m << n for n in range(26) for m in (4, 5, 6)])

# Nanoseconds at level v3, fitted to tiles of 128x128 to 640x640: for a pass of radix 4 over a
# pixel, there and back; to load, examine and store a pixel; for the start of a tile. They are 1.3
# times those of a Zen 5, which is so much faster than the machine of the dense loop's figures.
PASS = {"float32": 0.17, "float64": 0.3}
LOADED = {"float32": 0.55, "float64": 1.25}
START = 1e3
# The time of other passes, relative to that of radix 4.
RADICES = {5: 1.5, 3: 1.0, 4: 1.0, 2: 0.7}
# How fast other levels are, relative to v3: as vectors are longer or shorter, less what memory
# takes. Only v3 and v4 are measured.
SPEED = {"v4": 1.4, "v3": 1.0, "neon": 0.5, "v2": 0.45, "plain": 0.1}

# The errors of transforms are relative to the range of a tile, those of sums to each result. So
# "auto" takes transforms only where the fastest sum takes this many times as long.
GAIN = 2.0

# A bound of errors, as a multiple of eps * sum(|weights|) * range of the pixels of the tile. The
# largest error measured, with images of noise, steps, waves and bright planes, is 3.3; that of
# SciPy's transforms is 5.0.
ERROR = 4.0
# The largest error of a number that is rounded to an integer.
INTEGER_ERROR = 1 / 32

# Multiples of this are integers, halves, quarters and so on. With integer pixels, sums with such
# weights are exact, and "auto" chooses only methods that keep them exact.
UNIT = 2.0**-16


@dataclass(frozen=True, eq=False)
class Fourier(Correlation):
    """A dense kernel by transforms of tiles.

    `tile` is the size of a tile, `step` that of its results, `real` its dtype and `nanoseconds` the
    expected time of a result. With `keeps_small`, no result becomes 0 or whole because of its
    error, and nothing is subtracted from a tile: errors are like those of other transforms.
    """

    whole = "its transforms have tiles that are fixed in the image"

    tile: tuple[int, int] = (0, 0)
    step: tuple[int, int] = (0, 0)
    real: DType = base.FLOAT64
    nanoseconds: float = 0.0
    keeps_small: bool = False
    loop = "fourier"
    tiled = True

    @property
    def note(self) -> str:
        """The size of tiles."""
        return f"fft of {self.tile[0]} x {self.tile[1]} tiles in {self.real}"

    @property
    def cost(self) -> float:
        """Two real transforms of 2.5 n log2(n) additions and multiplications, counted in pairs."""
        pixels = prod(self.tile)
        return 2.5 * pixels * log2(pixels) / prod(self.step)

    def computed_in(self, pixels: Pixels, result: DType) -> DType:
        """The dtype of tiles."""
        return self.real

    def pack(self, step: int, computed: DType) -> Packed:
        """Return the tiling and the radices; the kernel, the twiddles and the spectrum."""
        down, across = Passes.of(self.tile[0] // 2), Passes.of(self.tile[1])
        smallest, largest = safe_range(self)
        tiling = base.record(
            TILING,
            tile_height=self.tile[0],
            tile_width=self.tile[1],
            rows=self.step[0],
            columns=self.step[1],
            height=self.kernel.shape[0],
            width=self.kernel.shape[1],
            down=self.dilation[0],
            right=self.dilation[1],
            passes_y=len(down.radices),
            passes_x=len(across.radices),
            numbers_y=down.twiddles.size,
            numbers_x=across.twiddles.size,
            gain=self.kernel.sum(),
            smallest=smallest,
            largest=largest,
            error=0.0 if self.keeps_small else error(self.kernel, computed),
            unit=0.0 if self.keeps_small else unit_of(self.kernel),
        )
        waves = spectrum(self, down, across)
        lanes = cpu.constant("fourier", computed.name, "TOGETHER")
        # As the loop reads it: for so many rows at a time, column by column.
        waves = waves.astype(computed).reshape(-1, lanes, *waves.shape[1:]).transpose(0, 2, 3, 1)
        twist = turns(np.arange(self.tile[0] // 2) / (2 * self.tile[0]))
        few = (self.kernel.T, twist, down.twiddles, across.twiddles)
        weights = [each.ravel().astype(computed) for each in few]
        radices = np.array(down.radices + across.radices, np.intp)
        return [tiling, radices], np.concatenate([*weights, waves.ravel()])


@dataclass(frozen=True)
class Passes:
    """The passes of a transform of n numbers (pyx/transforms.pxd).

    `twiddles` are those of all passes, as pairs of real and imaginary part, and `order` the
    frequencies in the order in which they are found.
    """

    radices: list[int]
    twiddles: Weights
    order: NDArray[np.intp]

    @staticmethod
    @lru_cache(maxsize=32)
    def of(n: int) -> "Passes":
        """Return the passes of a transform."""
        radices = radices_of(n)
        twiddles, order, rows = [np.empty(0)], np.zeros(1, np.intp), 1
        for radix in reversed(radices):
            factors = np.outer(np.arange(rows), np.arange(1, radix)) / (radix * rows)
            twiddles.insert(0, turns(factors))
            order = np.add.outer(np.arange(radix), radix * order).ravel()
            rows *= radix
        return Passes(radices, np.concatenate(twiddles), order)


def radices_of(n: int) -> list[int]:
    """Return the radices of the passes: 4, but for what is left.

    The last is 4 if any is: it is computed together with the product and with the pass back.
    """
    radices = list[int]()
    for radix in RADICES:
        while n // prod(radices) % radix == 0:
            radices.append(radix)
    if radices[-2:] == [4, 2]:
        radices[-2:] = [2, 4]
    return radices


def turns(angles: Weights) -> Weights:
    """Return cosine and sine of each angle, a part of a turn, in a row."""
    return np.stack([np.cos(2 * pi * angles), np.sin(2 * pi * angles)], axis=-1).ravel()


def spectrum(operation: Fourier, down: Passes, across: Passes) -> Weights:
    """Return the spectrum of the mirrored kernel, in the order of the passes.

    NumPy computes it in float64, with the opposite sign in its exponents. It is divided by the
    number of frequencies, because the inverse transforms are not.
    """
    (height, width), (rows, columns) = operation.kernel.shape, operation.dilation
    n, m = len(down.order), len(across.order)
    i = np.arange(height) * rows
    twisted = operation.kernel * (np.exp(-0.5j * pi / n * i) / (n * m))[:, None]
    # Columns of zeros need no transform.
    folded = np.zeros((n, width), complex)
    folded[i[i < n]] = twisted[i < n]
    folded[i[i >= n] - n] += twisted[i >= n]
    waves = np.zeros((n, m), complex)
    waves[:, : width * columns : columns] = np.fft.fft(folded, axis=0)[down.order]
    pairs: Weights = np.fft.fft(waves).view(np.float64).reshape(n, m, 2)
    return pairs.take(across.order, axis=1)


def error(kernel: Weights, real: DType) -> float:
    """Return the bound of the errors of tiles whose pixels have a range of 1."""
    return ERROR * float(np.finfo(real).eps) * float(np.abs(kernel).sum())


def safe_range(operation: Fourier) -> tuple[float, float]:
    """Return the smallest and largest absolute maximum of a tile that may be transformed.

    No sum of the two transforms overflows, and a product eps times the largest is not subnormal.
    """
    limits, gain = np.finfo(operation.real), float(np.abs(operation.kernel).sum())
    if not np.isfinite(gain):
        return np.inf, 0.0
    pixels = float(prod(operation.tile))
    tiny = float(limits.tiny) / float(limits.eps)
    smallest = tiny * max(1.0, 1 / max(gain, float(np.finfo(np.float64).tiny)))
    return smallest, float(limits.max) / (pixels * pixels * max(1.0, gain))


def tile_type(dense: Correlation, pixels: Pixels, result: DType) -> DType:
    """Return the dtype of a tile: float64 if float32 could give a wrong integer."""
    unit = unit_of(dense.kernel)
    if pixels.dtype.kind == "f" or (result.kind == "f" and not unit):
        return pixels.float_type
    off = error(dense.kernel, base.FLOAT32) * levels(pixels)
    enough = 2 * off < unit if unit else off <= INTEGER_ERROR
    return base.FLOAT32 if enough else base.FLOAT64


def keeps_whole(dense: Correlation, pixels: Pixels, real: DType) -> bool:
    """Whether sums of integer pixels are exact in tiles of a dtype, because they are rounded."""
    return 2 * error(dense.kernel, real) * levels(pixels) < unit_of(dense.kernel)


def levels(pixels: Pixels) -> float:
    """Return the largest difference of two integer pixels."""
    bounded = np.isfinite(pixels.high)
    return pixels.high - pixels.low if bounded else 2.0 ** (8 * pixels.dtype.itemsize)


def is_exact(weights: Weights) -> bool:
    """Whether all weights are multiples of UNIT."""
    units = weights / UNIT
    return bool((np.abs(units) < 2.0**40).all() and (units == np.rint(units)).all())


def unit_of(weights: Weights) -> float:
    """Return the largest power of two of which all exact weights are multiples; 0 for others."""
    if not is_exact(weights):
        return 0.0
    bits = int(np.bitwise_or.reduce(np.abs(weights / UNIT).astype(np.int64), axis=None))
    return UNIT * (bits & -bits)


class Tiles(NamedTuple):
    """The size of tiles and of their results, and nanoseconds for a result."""

    tile: tuple[int, int]
    step: tuple[int, int]
    nanoseconds: float


def tiled(
    dense: Correlation, size: tuple[int, int], real: DType, keeps_small: bool = False
) -> Fourier:
    """Return the operation for results of this size, with the fastest tiles."""
    y, x = dense.windows
    tiles = fastest_tiles((y.span, x.span), dense.stride, size, real)
    return Fourier(
        dense.kernel,
        dense.origin,
        dense.stride,
        dense.dilation,
        tile=tiles.tile,
        step=tiles.step,
        real=real,
        nanoseconds=tiles.nanoseconds,
        keeps_small=keeps_small,
    )


@lru_cache(maxsize=256)
def fastest_tiles(
    spans: tuple[int, int], stride: tuple[int, int], size: tuple[int, int], real: DType
) -> Tiles:
    """Return the fastest tiles for windows that span so many pixels."""
    lanes = cpu.constant("fourier", real.name, "TOGETHER")
    heights, widths = (
        sides(span, (max(n, 1) - 1) * step + span, unit)
        for span, n, step, unit in zip(spans, size, stride, (2 * lanes, lanes), strict=True)
    )
    span_y, span_x = spans
    heights = heights[heights <= max(TALLEST, 4 * span_y, heights[0])]
    wide = min(AREA * span_y * span_x, MOST_BYTES // real.itemsize)
    largest = max(TILE_PIXELS, wide, heights[0] * widths[0])
    height, width = (sides.ravel() for sides in np.meshgrid(heights, widths))
    passes = np.add.outer(passes_over(widths), passes_over(heights // 2)).ravel()
    pixels = height * width
    rows = (height - span_y) // stride[0] + 1
    columns = (width - span_x) // stride[1] + 1
    tiles = -(-size[0] // rows) * -(-size[1] // columns)
    each = pixels * (PASS[real.name] * passes + LOADED[real.name]) + START
    time = tiles * each / SPEED[cpu.LEVEL]
    best = np.where(pixels <= largest, time, np.inf).argmin()
    return Tiles(
        tile=(int(height[best]), int(width[best])),
        step=(int(rows[best]), int(columns[best])),
        nanoseconds=float(time[best]) / max(1, size[0] * size[1]),
    )


def passes_over(lengths: NDArray[np.intp]) -> Weights:
    """Return the time of the passes of each length, in passes of radix 4."""
    return np.array([sum(RADICES[radix] for radix in radices_of(int(n))) for n in lengths])


def sides(minimum: int, enough: int, unit: int) -> NDArray[np.intp]:
    """Return the sides from `minimum` to the first that is enough, multiples of a unit."""
    whole: NDArray[np.intp] = SIDES[SIDES % unit == 0]
    first, last = np.searchsorted(whole, (minimum, enough))
    return whole[first : last + 1]

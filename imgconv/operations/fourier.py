"""Dense correlation by the fast Fourier transform, tile by tile; core/fourier.py runs it."""

from dataclasses import dataclass
from math import log2

import numpy as np
from numpy.typing import NDArray

from imgconv.operations import base
from imgconv.operations.base import DType, Pixels
from imgconv.operations.correlate import Correlation

# Bytes of a tile. With two copies of it, and what SciPy and the loops need, a thread takes some 4
# MB. If a kernel leaves few results of such a tile, the tile may have AREA times the size of the
# kernel.
TILE_BYTES = 1 << 20
AREA = 16

# Sides for which transforms are fast: powers of two, and these times 5 / 4 and 3 / 2.
SIDES = np.array([m << n for n in range(2, 26) for m in (4, 5, 6)])

# Nanoseconds, measured on the machine of docs/performance.md: for both transforms of a pixel, for
# each doubling of the tile; to load, examine and store a pixel; for the calls of a tile.
DOUBLING = {"float32": 0.95, "float64": 1.6}
LOADED = 4.0
CALLS = 100e3

# A bound of errors, as a multiple of eps * sum(|weights|) * range of the pixels of the tile. The
# largest error measured, with images of noise, steps and bright planes, is 4.5.
ERROR = 6.0
# The largest error of a number that is rounded to an integer.
INTEGER_ERROR = 1 / 32


@dataclass(frozen=True, eq=False)
class Fourier(Correlation):
    """A dense kernel by transforms of tiles.

    `tile` is the size of a tile, `step` that of its results, `real` its dtype and `nanoseconds` the
    expected time of a result.
    """

    whole = "its transforms have tiles that are fixed in the image"

    tile: tuple[int, int] = (0, 0)
    step: tuple[int, int] = (0, 0)
    real: DType = base.FLOAT64
    nanoseconds: float = 0.0
    note: str = ""
    loop = "fourier"

    @property
    def cost(self) -> float:
        """Two real transforms of 2.5 n log2(n) additions and multiplications, counted in pairs."""
        pixels = self.tile[0] * self.tile[1]
        return 2.5 * pixels * log2(pixels) / (self.step[0] * self.step[1])

    def computed_in(self, pixels: Pixels, result: DType) -> DType:
        """The dtype for tiles that are correlated directly."""
        return pixels.float_type


def tile_type(dense: Correlation, pixels: Pixels, result: DType) -> DType:
    """Return the dtype of a tile: float64 if float32 could round an integer to a wrong one."""
    if result.kind == "f" or pixels.dtype.kind == "f":
        return pixels.float_type
    bounded = np.isfinite(pixels.high)
    levels = pixels.high - pixels.low if bounded else 2.0 ** (8 * pixels.dtype.itemsize)
    error = ERROR * float(np.finfo(base.FLOAT32).eps) * float(np.abs(dense.kernel).sum()) * levels
    return base.FLOAT32 if error <= INTEGER_ERROR else base.FLOAT64


def tiled(dense: Correlation, size: tuple[int, int], real: DType) -> Fourier:
    """Return the operation for results of this size, with the fastest tiles."""
    heights, widths = (
        sides(axis.span, (max(n, 1) - 1) * stride + axis.span)
        for axis, n, stride in zip(dense.windows, size, dense.stride, strict=True)
    )
    span_y, span_x = (axis.span for axis in dense.windows)
    largest = max(TILE_BYTES // real.itemsize, AREA * span_y * span_x, heights[0] * widths[0])
    height, width = (sides.ravel() for sides in np.meshgrid(heights, widths))
    pixels = height * width
    rows = (height - span_y) // dense.stride[0] + 1
    columns = (width - span_x) // dense.stride[1] + 1
    tiles = -(-size[0] // rows) * -(-size[1] // columns)
    time = tiles * (pixels * (DOUBLING[real.name] * np.log2(pixels) + LOADED) + CALLS)
    best = np.where(pixels <= largest, time, np.inf).argmin()
    tile = int(height[best]), int(width[best])
    return Fourier(
        dense.kernel,
        dense.origin,
        dense.stride,
        dense.dilation,
        note=f"fft of {tile[0]} x {tile[1]} tiles in {real}",
        tile=tile,
        step=(int(rows[best]), int(columns[best])),
        real=real,
        nanoseconds=float(time[best]) / max(1, size[0] * size[1]),
    )


def sides(minimum: int, enough: int) -> NDArray[np.intp]:
    """Return the sides from `minimum` to the first that is enough."""
    first, last = np.searchsorted(SIDES, (minimum, enough))
    return SIDES[first : last + 1]

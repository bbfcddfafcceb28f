"""Dense kernels by the fast Fourier transform, tile by tile: core/fourier.py runs it."""

from dataclasses import dataclass
from math import log2

import numpy as np
from numpy.typing import NDArray

from imgconv.operations.base import FLOAT32, FLOAT64, Pixels
from imgconv.operations.correlate import Correlation

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

    whole = "its transforms have tiles that are fixed in the image"

    tile: tuple[int, int] = (0, 0)
    step: tuple[int, int] = (0, 0)
    real: np.dtype = FLOAT64
    nanoseconds: float = 0.0
    note: str = ""
    loop = "fourier"

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

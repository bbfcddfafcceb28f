"""A separable kernel by Fourier transforms of columns and of rows: lengths, twiddles, spectra."""

from dataclasses import dataclass
from math import inf, log2

import numpy as np

from imgconv.core import cpu
from imgconv.operations import base
from imgconv.operations.base import Axis, DType, Operation, Packed, Pixels, Weights
from imgconv.operations.fourier import (
    INTEGER_ERROR,
    SIDES,
    SPEED,
    Passes,
    levels,
    passes_over,
    turns,
)

# `Side` and `Sides` in pyx/lines.pyx.
SIDE = np.dtype(
    [
        ("length", "p"), ("results", "p"), ("taps", "p"),
        ("passes", "p"), ("numbers", "p"),
        ("gain", "d"),
        ("smallest", "d"), ("largest", "d"),
        ("error", "d"),
    ],
    align=True,
)  # fmt: skip
BOTH = np.dtype([("y", SIDE), ("x", SIDE)], align=True)

# The longest pieces, unless four times the taps are more: LANES float32 lines of 2048 are 64 KB,
# and a panel of them is 400 KB.
LONGEST = 2048
# Bytes of the results of the first pass that wait for the second, unless those of LANES rows are
# more.
SLAB_BYTES = 32 << 20
# Results of a piece where there is one tap, and nothing is transformed.
UNCHANGED = 512

# Nanoseconds, estimated for level v3: for a pass of radix 4 over a number of a line, there and
# back; to load, examine, turn, multiply, transpose and store it. On Zen 3, results of 1024x1024
# took 1.5 times as long as these say.
PASS = {"float32": 0.28, "float64": 0.6}
LOADED = {"float32": 0.7, "float64": 1.4}

# A bound of errors, as a multiple of eps * sum(|weights|) * range of the pixels of the line.
ERROR = 4.0


@dataclass(frozen=True)
class LineSide:
    """The kernel along an axis, and the pieces of lines that are transformed.

    Attributes
    ----------
    kernel : ndarray, (taps,)
    length, results : int
        Pixels of a piece, and how many results it leaves.
    nanoseconds : float
        The expected time of a result.
    """

    kernel: Weights
    length: int
    results: int
    nanoseconds: float

    @staticmethod
    def of(kernel: Weights, n: int, real: DType, most: float) -> "LineSide":
        """Return the side for n results with the fastest pieces of at most `most` results."""
        taps, size = len(kernel), max(n, 1)
        lanes = cpu.constant("lines", real.name, "TOGETHER")
        if taps == 1:
            results = 2 ** int(log2(max(2 * lanes, min(UNCHANGED, most))))
            return LineSide(kernel, results, results, LOADED[real.name] / SPEED[cpu.LEVEL])
        lengths = SIDES[SIDES % (2 * lanes) == 0]
        first = np.searchsorted(lengths, taps - 1 + lanes)
        whole = np.searchsorted(lengths, taps - 1 + size)
        last = min(whole, np.searchsorted(lengths, max(LONGEST, 4 * taps), "right") - 1)
        lengths = lengths[first : max(last, first) + 1]
        results = np.minimum(lengths - taps + 1, max(most, lanes)).astype(np.intp)
        pieces = -(-size // results)
        each = PASS[real.name] * passes_over(lengths // 2) + LOADED[real.name]
        time = pieces * lengths * each / (size * SPEED[cpu.LEVEL])
        best = time.argmin()
        return LineSide(kernel, int(lengths[best]), int(results[best]), float(time[best]))

    def error(self, real: DType) -> float:
        """Return the bound of the errors of lines whose pixels have a range of 1."""
        if len(self.kernel) == 1:
            return 0.0
        return ERROR * float(np.finfo(real).eps) * float(np.abs(self.kernel).sum())

    def pack(self, real: DType) -> tuple[base.Records, list[Weights]]:
        """Return the side and its radices; the kernel, the twiddles and the spectrum."""
        passes = Passes.of(self.length // 2)
        smallest, largest = self.safe_range(real)
        side = base.record(
            SIDE,
            length=self.length,
            results=self.results,
            taps=len(self.kernel),
            passes=len(passes.radices),
            numbers=passes.twiddles.size,
            gain=self.kernel.sum(),
            smallest=smallest,
            largest=largest,
            error=self.error(real),
        )
        twist = turns(np.arange(self.length // 2) / (2 * self.length))
        weights = [self.kernel, twist, passes.twiddles, self.spectrum(passes)]
        return [side, np.array(passes.radices, np.intp)], weights

    def spectrum(self, passes: Passes) -> Weights:
        """Return the spectrum of the mirrored kernel, in the order of the passes.

        It is divided by the number of frequencies, because the inverse transform is not.
        """
        half, i = self.length // 2, np.arange(len(self.kernel))
        folded = np.zeros(half, complex)
        np.add.at(folded, i % half, self.kernel * np.exp(-0.5j * np.pi / half * i))
        waves = np.fft.fft(folded)[passes.order] / half
        return np.stack([waves.real, waves.imag], axis=-1).ravel()

    def safe_range(self, real: DType) -> tuple[float, float]:
        """Return the smallest and largest absolute maximum of a line that may be transformed.

        No sum of the transforms overflows, and a product eps times the largest is not subnormal.
        """
        limits, gain = np.finfo(real), float(np.abs(self.kernel).sum())
        if not np.isfinite(gain):
            return inf, 0.0
        tiny = float(limits.tiny) / float(limits.eps)
        smallest = tiny * max(1.0, 1 / max(gain, float(np.finfo(np.float64).tiny)))
        return smallest, float(limits.max) / (self.length * self.length * max(1.0, gain))


@dataclass(frozen=True, eq=False)
class Lines(Operation):
    """A separable kernel by transforms of columns and rows; `real` is their dtype."""

    whole = "its transforms have pieces that are fixed in the image"

    y: LineSide
    x: LineSide
    origin: tuple[int, int]
    smooths: bool = False
    real: DType = base.FLOAT64
    loop = "lines"
    tiled = True
    block = 1

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """Both kernels."""
        y, x = self.origin
        return Axis(y, len(self.y.kernel)), Axis(x, len(self.x.kernel))

    @property
    def nanoseconds(self) -> float:
        """The expected time of a result."""
        return self.y.nanoseconds + self.x.nanoseconds

    @property
    def note(self) -> str:
        """The lengths of pieces."""
        return f"fft of columns by {self.y.length} and of rows by {self.x.length} in {self.real}"

    @property
    def cost(self) -> float:
        """Two real transforms of 2.5 n log2(n) additions and multiplications, counted in pairs."""
        return sum(
            2.5 * log2(side.length) * side.length / side.results
            for side in (self.y, self.x)
            if len(side.kernel) > 1
        )

    def computed_in(self, pixels: Pixels, result: DType) -> DType:
        """The dtype of lines."""
        return self.real

    def pack(self, step: int, computed: DType) -> Packed:
        """Return both sides, and then the radices of both; their weights."""
        (y, radices_y), weights_y = self.y.pack(computed)
        (x, radices_x), weights_x = self.x.pack(computed)
        sides = base.record(BOTH, y=y, x=x)
        return [sides, radices_y, radices_x], np.concatenate(weights_y + weights_x)


def lines_of(
    kernels: tuple[Weights, Weights],
    origin: tuple[int, int],
    smooths: bool,
    size: tuple[int, int],
    pixels: Pixels,
    result: DType,
) -> Lines:
    """Return the operation for results of this size and dtype, with the fastest pieces."""
    found = sized(kernels, origin, smooths, size, pixels.float_type)
    if pixels.dtype.kind == "f" or result.kind == "f":
        return found
    (y, x), off = kernels, found.y.error(found.real)
    bound = off * float(np.abs(x).sum()) + found.x.error(found.real) * float(np.abs(y).sum())
    if bound * levels(pixels) <= INTEGER_ERROR:
        return found
    return sized(kernels, origin, smooths, size, base.FLOAT64)


def sized(
    kernels: tuple[Weights, Weights],
    origin: tuple[int, int],
    smooths: bool,
    size: tuple[int, int],
    real: DType,
) -> Lines:
    """Return the operation in a dtype."""
    (column, row), (height, width) = kernels, size
    # The first pass keeps the columns under the windows.
    most = SLAB_BYTES // (real.itemsize * (max(width, 1) + len(row)))
    return Lines(
        LineSide.of(column, height, real, most),
        LineSide.of(row, width, real, inf),
        origin,
        smooths,
        real,
    )

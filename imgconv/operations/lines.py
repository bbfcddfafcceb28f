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
BOTH = np.dtype([("y", SIDE), ("x", SIDE), ("terms", "p")], align=True)

# The longest pieces, unless four times the taps are more: LANES float32 lines of 2048 are 64 KB,
# and a panel of them is 400 KB.
LONGEST = 2048
# Bytes of the results of the first pass that wait for the second, unless those of LANES rows are
# more.
SLAB_BYTES = 32 << 20
# Results of a piece where there is one tap, and nothing is transformed.
UNCHANGED = 512

# Nanoseconds at level v3, for a pass of radix 4 over a number of a line, there and back; to load,
# examine, turn, multiply, transpose and store it.
PASS = {"float32": 0.22, "float64": 0.48}
LOADED = {"float32": 0.7, "float64": 1.4}

# A bound of errors, as a multiple of eps * sum(|weights|) * range of the pixels of the line.
ERROR = 4.0


@dataclass(frozen=True)
class LineSide:
    """The kernels of all terms along an axis, and the pieces of lines that are transformed.

    Attributes
    ----------
    kernels : ndarray, (terms, taps)
    length, results : int
        Pixels of a piece, and how many results it leaves.
    nanoseconds : float
        The expected time of a result.
    """

    kernels: Weights
    length: int
    results: int
    nanoseconds: float

    @staticmethod
    def of(kernels: Weights, n: int, real: DType, most: float) -> "LineSide":
        """Return the side for n results with the fastest pieces of at most `most` results."""
        (terms, taps), size = kernels.shape, max(n, 1)
        lanes = cpu.constant("lines", real.name, "TOGETHER")
        if taps == 1:
            results = 2 ** int(log2(max(2 * lanes, min(UNCHANGED, most))))
            time = terms * LOADED[real.name] / SPEED[cpu.LEVEL]
            return LineSide(kernels, results, results, time)
        lengths = SIDES[SIDES % (2 * lanes) == 0]
        first = np.searchsorted(lengths, taps - 1 + lanes)
        whole = np.searchsorted(lengths, taps - 1 + size)
        last = min(whole, np.searchsorted(lengths, max(LONGEST, 4 * taps), "right") - 1)
        lengths = lengths[first : max(last, first) + 1]
        results = np.minimum(lengths - taps + 1, max(most, lanes)).astype(np.intp)
        pieces = -(-size // results)
        each = PASS[real.name] * passes_over(lengths // 2) + LOADED[real.name]
        time = terms * pieces * lengths * each / (size * SPEED[cpu.LEVEL])
        best = time.argmin()
        return LineSide(kernels, int(lengths[best]), int(results[best]), float(time[best]))

    @property
    def taps(self) -> int:
        """The taps of each kernel."""
        return int(self.kernels.shape[1])

    @property
    def sizes(self) -> Weights:
        """The sum of the absolute weights of each kernel."""
        found: Weights = np.abs(self.kernels).sum(axis=1)
        return found

    def errors(self, real: DType) -> Weights:
        """Return the bound of the errors of lines whose pixels have a range of 1, of each term."""
        factor = ERROR * float(np.finfo(real).eps) if self.taps > 1 else 0.0
        return factor * self.sizes

    def pack(self, real: DType) -> tuple[base.Records, Weights, list[Weights]]:
        """Return the sides and their radices; shared weights; those of each term."""
        passes = Passes.of(self.length // 2)
        smallest, largest = np.transpose([self.safe_range(size, real) for size in self.sizes])
        sides = base.record(
            SIDE,
            length=self.length,
            results=self.results,
            taps=self.taps,
            passes=len(passes.radices),
            numbers=passes.twiddles.size,
            gain=self.kernels.sum(axis=1),
            smallest=smallest,
            largest=largest,
            error=self.errors(real),
        )
        twist = turns(np.arange(self.length // 2) / (2 * self.length))
        kernels = [
            np.concatenate([kernel, self.spectrum(kernel, passes)]) for kernel in self.kernels
        ]
        radices = np.array(passes.radices, np.intp)
        return [sides, radices], np.concatenate([twist, passes.twiddles]), kernels

    def spectrum(self, kernel: Weights, passes: Passes) -> Weights:
        """Return the spectrum of a mirrored kernel, in the order of the passes.

        It is divided by the number of frequencies, because the inverse transform is not.
        """
        half, i = self.length // 2, np.arange(len(kernel))
        folded = np.zeros(half, complex)
        np.add.at(folded, i % half, kernel * np.exp(-0.5j * np.pi / half * i))
        waves = np.fft.fft(folded)[passes.order] / half
        return np.stack([waves.real, waves.imag], axis=-1).ravel()

    def safe_range(self, gain: float, real: DType) -> tuple[float, float]:
        """Return the smallest and largest absolute maximum of a line that may be transformed.

        No sum of the transforms overflows, and a product eps times the largest is not subnormal.
        `gain` is the sum of the absolute weights.
        """
        limits = np.finfo(real)
        if not np.isfinite(gain):
            return inf, 0.0
        tiny = float(limits.tiny) / float(limits.eps)
        smallest = tiny * max(1.0, 1 / max(gain, float(np.finfo(np.float64).tiny)))
        return smallest, float(limits.max) / (self.length * self.length * max(1.0, gain))


@dataclass(frozen=True, eq=False)
class Lines(Operation):
    """A sum of separable kernels by transforms of columns and rows; `real` is their dtype."""

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
        """Along both axes, those of all terms."""
        y, x = self.origin
        return Axis(y, self.y.taps), Axis(x, self.x.taps)

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
        return len(self.y.kernels) * sum(
            2.5 * log2(side.length) * side.length / side.results
            for side in (self.y, self.x)
            if side.taps > 1
        )

    def computed_in(self, pixels: Pixels, result: DType) -> DType:
        """The dtype of lines."""
        return self.real

    def pack(self, step: int, computed: DType) -> Packed:
        """Return the terms, and then the radices along both axes; their weights."""
        (y, radices_y), shared_y, kernels_y = self.y.pack(computed)
        (x, radices_x), shared_x, kernels_x = self.x.pack(computed)
        terms = base.record(BOTH, y=y, x=x, terms=len(kernels_y))
        kernels = [np.concatenate(pair) for pair in zip(kernels_y, kernels_x, strict=True)]
        return [terms, radices_y, radices_x], np.concatenate([shared_y, shared_x, *kernels])


def lines_of(
    kernels: tuple[Weights, Weights],
    origin: tuple[int, int],
    smooths: bool,
    size: tuple[int, int],
    pixels: Pixels,
    result: DType,
) -> Lines:
    """Return the operation for results of this size and dtype, with the fastest pieces.

    `kernels` are those of all terms along y, and along x, with the same windows.
    """
    found = sized(kernels, origin, smooths, size, pixels.float_type)
    if pixels.dtype.kind == "f" or result.kind == "f":
        return found
    y, x = found.y, found.x
    bound = (y.errors(found.real) * x.sizes + x.errors(found.real) * y.sizes).sum()
    if bound * levels(pixels) <= 2 * INTEGER_ERROR:  # of two passes
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
    (columns, rows), (height, width) = kernels, size
    terms, taps = rows.shape
    # The first pass keeps the columns under the windows, for each term.
    most = SLAB_BYTES // (terms * real.itemsize * (max(width, 1) + taps))
    return Lines(
        LineSide.of(columns, height, real, most),
        LineSide.of(rows, width, real, inf),
        origin,
        smooths,
        real,
    )

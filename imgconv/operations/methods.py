"""Methods: the ways to one result, what each is expected to take, and the choice.

    direct      kh * kw multiply-adds a pixel, the definition itself
    separable   r * (kh + kw), where the kernel is a sum of r outer products
    fft         a few for each doubling of a tile, whatever the kernel

`AnyMethod` is resolved once, by the plan of the whole image, into the one that is expected to be
fastest. Times are nanoseconds a
result on one core of the machine of docs/performance.md; on another it is their proportions that
count.
"""

from dataclasses import dataclass, field

import numpy as np

from imgconv.core import check, cpu
from imgconv.operations.base import Operation, Pixels, Weights
from imgconv.operations.correlate import Correlation
from imgconv.operations.fourier import Fourier, tile_type, tiled
from imgconv.operations.separable import Kernel1D, Separable

METHODS = ("auto", "direct", "separable", "fft")

# Measured multiply-adds a nanosecond in float32 (the wider the type, the fewer): of the dense loop
# from 9x9 to 63x63; of its rows one by one, for strides and dilations; of separable passes.
DENSE = {"v4": 48.0, "v3": 26.0, "v2": 9.0, "plain": 2.0}
SINGLE_ROWS = {"v4": 16.0, "v3": 8.0, "v2": 4.0, "plain": 2.0}
PASSES = {"v4": 23.0, "v3": 15.0, "v2": 7.0, "plain": 2.0}

# How far a sum of products may be off a weight, as a share of the largest weight in its row or in
# its column, whichever is smaller. Rounding a kernel to float32 does that; so do, in float64, the
# cosines and exponentials that kernels are made of.
ROUNDING = {"float32": 4 * 2.0**-23, "float64": 32 * 2.0**-52}
# The sum of |column| * |row| over all terms may be so many times that of |kernel|: beyond, the
# terms cancel out and leave the roundings of their passes. Elimination stays below 3 as a rule.
GROWTH = 4.0

# Weights that are multiples of this are whole numbers, halves, quarters, ...: with pixels that are
# integers their sums are exact, and "auto" keeps them so.
UNIT = 2.0**-16

# Pixels between windows along a row, from which on those in between are not read.
SPARSE = 1024


@dataclass(frozen=True, eq=False)
class AnyMethod(Correlation):
    """A dense kernel that a plan runs by the method that is asked for, or by the fastest."""

    method: str = "auto"
    # The same as a sum of separable filters, by computing type, once that was looked for.
    sums: dict[str, Separable | None] = field(default_factory=dict, repr=False)

    @property
    def direct(self) -> Correlation:
        """The kernel itself."""
        return Correlation(self.kernel, self.origin, self.stride, self.dilation)

    def resolve(
        self, size: tuple[int, int], pixels: Pixels, result: np.dtype
    ) -> tuple[Operation, dict[str, float]]:
        """The method that takes the least time for results of this size and dtype."""
        y, x = (axis.span for axis in self.windows)
        computed = pixels.float_type
        # Whatever the method, a window's pixels are held at once.
        check.window_fits_memory((y, x), y * x * computed.itemsize)
        ways = self.ways(size, pixels, result)
        times = {
            name: nanoseconds(way, way.computed_in(pixels, result)) for name, way in ways.items()
        }
        return ways[min(times, key=times.__getitem__)], times

    def ways(self, size: tuple[int, int], pixels: Pixels, result: np.dtype) -> dict[str, Operation]:
        """Return the methods that come in question."""
        computed, ways = pixels.float_type, dict[str, Operation]()
        real = tile_type(self, pixels, result)
        if self.method == "fft":
            ways["fft"] = tiled(self, size, real)
        elif self.method == "separable":
            sums, most = separable(self, computed), most_terms(self.kernel)
            ways["separable"] = check.few_terms(sums, self.kernel, most)
        else:
            whole, finite = is_whole(self.kernel), bool(np.isfinite(self.kernel).all())
            ways["direct"] = self.direct
            sums = separable(self, computed)
            if sums and (not whole or is_product(self.kernel, sums)):
                ways["separable"] = sums
            if finite and not (whole and pixels.dtype.kind in "biu"):
                ways["fft"] = tiled(self, size, real)
        return ways


def nanoseconds(way: Operation, computed: np.dtype) -> float:
    """Return the time that a result is expected to take."""
    if isinstance(way, Fourier):
        return way.nanoseconds
    if isinstance(way, Separable):
        rate = (PASSES if way.stride[0] == 1 else SINGLE_ROWS)[cpu.LEVEL]
    else:
        assert isinstance(way, Correlation)
        neighbours = way.stride[0] == way.dilation[0] == 1
        rate = (DENSE if neighbours else SINGLE_ROWS)[cpu.LEVEL]
    # A stride along x drops results that were computed, unless windows are far apart.
    stride, span = way.stride[1], way.windows[1].span
    dropped = stride if stride <= max(span, SPARSE) else span
    return way.cost * dropped * computed.itemsize / (4 * rate)


# ---- separable -------------------------------------------------------------------------------


def separable(operation: AnyMethod, computed: np.dtype) -> Separable | None:
    """Return the sum of outer products that a kernel is, within rounding, if they are few."""
    if operation.dilation != (1, 1):
        return None
    known = operation.sums
    if computed.name not in known:
        most = most_terms(operation.kernel)
        terms = factor(operation.kernel, ROUNDING[computed.name], most)
        known[computed.name] = sum_of(terms, operation) if terms else None
    return known[computed.name]


def most_terms(kernel: Weights) -> int:
    """Return how many terms are few: with more, a sum of them costs as much as the kernel."""
    return max(1, min(kernel.shape) // 2)


def sum_of(terms: list[tuple[Weights, Weights]], dense: Correlation) -> Separable:
    """Return the operation that adds up these columns times these rows."""
    y, x = dense.origin
    pairs = tuple((Kernel1D(column, y), Kernel1D(row, x)) for column, row in terms)
    return Separable((pairs,), stride=dense.stride)


def factor(kernel: Weights, tolerance: float, most: int) -> list[tuple[Weights, Weights]] | None:
    """Return at most so many columns and rows whose products add up to the kernel, or None.

    Gaussian elimination with complete pivoting: the row and the column of the largest weight left
    are taken out, until nothing but rounding is left. The singular values would tell the rank as
    well; but the products of elimination are as small as the weights that they stand for, zeros
    stay zeros, and a product of whole numbers is taken apart into whole numbers.
    """
    if not np.isfinite(kernel).all():
        return None
    rest, size = kernel.copy(), np.abs(kernel)
    allowed = tolerance * np.minimum(size.max(axis=1, keepdims=True), size.max(axis=0))
    terms: list[tuple[Weights, Weights]] = []
    grown = 0.0
    while not terms or (np.abs(rest) > allowed).any():
        if len(terms) == most:
            return None
        i, j = np.unravel_index(np.abs(rest).argmax(), rest.shape)
        row = rest[i] / divisor(rest[i], rest[i, j])
        column = rest[:, j] / (row[j] or 1.0)
        product = np.outer(column, row)
        terms.append((column, row))
        rest -= product
        grown += float(np.abs(product).sum())
    return terms if grown <= GROWTH * float(size.sum()) else None


def divisor(row: Weights, pivot: float) -> float:
    """Return what to divide a row by: of whole numbers the greatest divisor, else the pivot."""
    if not is_whole(row):
        return pivot
    return float(np.gcd.reduce((row / UNIT).astype(np.int64))) * UNIT or 1.0


def is_whole(weights: Weights) -> bool:
    """Whether all weights are multiples of UNIT."""
    units = weights / UNIT
    return bool((np.abs(units) < 2.0**40).all() and (units == np.rint(units)).all())


def is_product(kernel: Weights, sums: Separable) -> bool:
    """Whether a kernel is one outer product, to the bit."""
    column, row = sums.terms[0]
    return len(sums.terms) == 1 and bool((np.outer(column.weights, row.weights) == kernel).all())

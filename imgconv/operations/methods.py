"""Methods of correlation with the same result: their expected times, and the choice.

    direct      kh * kw multiply-adds a pixel, the definition itself
    separable   r * (kh + kw), where the kernel is a sum of r outer products
    fft         a few for each doubling of a tile, for any kernel

Where pixels are weighed, the quotient of two sums needs sums that are exactly 0 where nothing
counts. Transforms, and products that cancel, leave rounding errors there. So only "direct" and a
single product are left.

The plan of the whole image resolves `AnyMethod` once, into the sum that is expected to be fastest,
or into transforms if these are much faster. Times are nanoseconds for a result, on one core of the
machine of docs/performance.md. On another machine only their ratios matter.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from imgconv.core import check, cpu
from imgconv.operations.base import DType, Operation, Pixels, Weights
from imgconv.operations.correlate import Correlation
from imgconv.operations.fourier import GAIN, UNIT, Fourier, is_exact, keeps_whole, tile_type, tiled
from imgconv.operations.lines import Lines
from imgconv.operations.separable import PASSES, Kernel1D, Separable

METHODS = ("auto", "direct", "separable", "fft")

# Measured multiply-adds per nanosecond in float32 (fewer for wider types): of the dense loop from
# 9x9 to 63x63; of the dense loop with strides or dilations. PASSES has those of separable passes.
# Those of neon are estimates: vectors of v2, the instructions and registers of v4.
DENSE = {"v4": 48.0, "v3": 42.0, "neon": 18.0, "v2": 9.0, "plain": 2.0}
SINGLE_ROWS = {"v4": 16.0, "v3": 20.0, "neon": 8.0, "v2": 4.0, "plain": 2.0}

# The largest error of a sum of products, relative to the largest weight of its row or of its
# column, whichever is smaller. Rounding a kernel to float32 causes such errors; in float64, so do
# the cosines and exponentials in the equations of kernels.
ROUNDING = {"float32": 4 * 2.0**-23, "float64": 32 * 2.0**-52}
# The largest ratio of the sum of |column| * |row| over all terms to that of |kernel|. With a larger
# one, terms cancel and the rounding errors of their passes remain. Elimination is usually below 3.
GROWTH = 4.0

# From this distance on, pixels between the windows along a row are not read.
SPARSE = 1024


@dataclass(frozen=True, eq=False)
class AnyMethod(Correlation):
    """A dense kernel that a plan runs by the requested method, or by the fastest."""

    method: str = "auto"
    # Whether transforms keep results that are smaller than their error.
    keeps_small: bool = False
    # The kernel as a sum of separable filters, if it is one; by computing type, found when needed,
    # with the most terms that were looked for.
    sums: dict[str, tuple[int, Separable | None]] = field(default_factory=dict, repr=False)

    def folded(self, size: tuple[int, int], modes: tuple[str, str]) -> "AnyMethod":
        """Return it folded; another kernel has other sums.

        If the sums are asked for, the rank that is checked is that of the caller's kernel.
        """
        if self.method == "separable":
            return self
        folded = super().folded(size, modes)
        assert isinstance(folded, AnyMethod)
        return self if folded is self else replace(folded, sums={})

    @property
    def direct(self) -> Correlation:
        """The kernel itself."""
        return Correlation(self.kernel, self.origin, self.stride, self.dilation, self.weighed)

    def resolve(
        self, size: tuple[int, int], pixels: Pixels, result: DType
    ) -> tuple[Operation, dict[str, float]]:
        """Return the method that is worth its time most, for results of this size and dtype."""
        y, x = (axis.span for axis in self.windows)
        computed = pixels.float_type
        # With any method, the pixels of a window are in memory at once.
        check.window_fits_memory((y, x), y * x * computed.itemsize)
        methods = self.methods(size, pixels, result)
        times = {
            name: nanoseconds(each, each.computed_in(pixels, result))
            for name, each in methods.items()
        }
        worth = {name: time * (GAIN if name == "fft" else 1) for name, time in times.items()}
        return methods[min(worth, key=worth.__getitem__)], times

    def methods(self, size: tuple[int, int], pixels: Pixels, result: DType) -> dict[str, Operation]:
        """Return the operations to choose from, by the name of their method."""
        computed, methods = pixels.float_type, dict[str, Operation]()
        real = tile_type(self, pixels, result)
        if self.method == "fft":
            check.not_weighed(pixels.weighed, self.method)
            methods["fft"] = tiled(self, size, real)
        elif self.method == "separable":
            maximum = max_terms(self.kernel)
            sums = separable(self, computed, maximum)
            methods["separable"] = check.few_terms(sums, self.kernel, maximum)
        else:
            exact, finite = is_exact(self.kernel), bool(np.isfinite(self.kernel).all())
            methods["direct"] = self.direct
            sums_of_integers = exact and pixels.dtype.kind in "biu"
            transforms = (
                finite
                and not pixels.weighed
                and (not sums_of_integers or keeps_whole(self, pixels, real))
            )
            tiles = tiled(self, size, real, self.keeps_small) if transforms else None
            sums = separable(self, computed, worthwhile_terms(self, pixels, tiles))
            if sums and (not exact or is_product(self.kernel, sums)):
                methods["separable"] = sums
            if tiles:
                methods["fft"] = tiles
                one = sums and not exact and len(sums.terms) == 1 and sums.stride == (1, 1)
                if sums and one and not self.keeps_small:
                    lines = sums.in_lines(size, pixels, result)
                    methods["fft"] = lines if lines.nanoseconds < tiles.nanoseconds else tiles
        return methods


def nanoseconds(operation: Operation, computed: DType) -> float:
    """Return the expected time of a result."""
    if isinstance(operation, Fourier | Lines):
        return operation.nanoseconds
    if isinstance(operation, Separable):
        rate = (PASSES if operation.stride[0] == 1 else SINGLE_ROWS)[cpu.LEVEL]
    else:
        assert isinstance(operation, Correlation)
        neighbours = operation.stride[0] == operation.dilation[0] == 1
        rate = (DENSE if neighbours else SINGLE_ROWS)[cpu.LEVEL]
    # With a stride along x, results are computed and dropped, unless windows are far apart.
    stride, span = operation.stride[1], operation.windows[1].span
    dropped = stride if stride <= max(span, SPARSE) else span
    return operation.cost * dropped * computed.itemsize / (4 * rate)


# ---- separable -------------------------------------------------------------------------------


def separable(operation: AnyMethod, computed: DType, maximum: int) -> Separable | None:
    """Return the kernel as a sum of at most so many outer products, if it is one.

    Rounding errors do not count.
    """
    if operation.dilation != (1, 1):
        return None
    known = operation.sums
    tried, sums = known.get(computed.name, (0, None))
    if sums is None and tried < maximum:
        terms = factor(operation.kernel, ROUNDING[computed.name], maximum)
        sums = sum_of(terms, operation) if terms else None
        known[computed.name] = maximum, sums
    return sums if sums and len(sums.terms) <= maximum else None


def worthwhile_terms(operation: AnyMethod, pixels: Pixels, tiles: Fourier | None) -> int:
    """Return the largest number of terms that may be chosen, at least one.

    A sum that takes as long as transforms and their gain is not, so the many terms of a large
    kernel are not looked for: that would take seconds.
    """
    maximum = 1 if pixels.weighed else max_terms(operation.kernel)
    if tiles is None:
        return maximum
    computed = pixels.float_type
    zeros = (np.zeros(operation.kernel.shape[0]), np.zeros(operation.kernel.shape[1]))
    term = nanoseconds(sum_of([zeros], operation), computed)
    return max(1, min(maximum, int(GAIN * tiles.nanoseconds / term)))


def max_terms(kernel: Weights) -> int:
    """Return the largest number of terms whose sum costs less than the kernel."""
    return max(1, int(min(kernel.shape)) // 2)


def sum_of(terms: list[tuple[Weights, Weights]], dense: Correlation) -> Separable:
    """Return the operation that adds up the products of columns and rows."""
    y, x = dense.origin
    pairs = tuple((Kernel1D(column, y), Kernel1D(row, x)) for column, row in terms)
    return Separable((pairs,), weighed=dense.weighed, stride=dense.stride, method="direct")


def factor(kernel: Weights, tolerance: float, maximum: int) -> list[tuple[Weights, Weights]] | None:
    """Return at most `maximum` columns and rows whose products add up to the kernel, or None.

    Gaussian elimination with complete pivoting: the product of the row and the column of the
    largest weight is subtracted, until only rounding errors are left. Singular values would show
    the rank as well. But with elimination, products are as small as the weights they replace, zeros
    stay zeros, and the product of two integer vectors is divided into integer vectors.
    """
    if not np.isfinite(kernel).all():
        return None
    rest, size = kernel.copy(), np.abs(kernel)
    allowed = tolerance * np.minimum(size.max(axis=1, keepdims=True), size.max(axis=0))
    terms: list[tuple[Weights, Weights]] = []
    grown = 0.0
    while not terms or (np.abs(rest) > allowed).any():
        if len(terms) == maximum:
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
    """Return the divisor of a row: the pivot, or for exact weights their greatest common one."""
    if not is_exact(row):
        return pivot
    return float(np.gcd.reduce((row / UNIT).astype(np.int64))) * UNIT or 1.0


def is_product(kernel: Weights, sums: Separable) -> bool:
    """Whether a kernel equals one outer product to the bit."""
    column, row = sums.terms[0]
    return len(sums.terms) == 1 and bool((np.outer(column.weights, row.weights) == kernel).all())

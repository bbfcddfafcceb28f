"""Sums of separable kernels: a pass down the columns, then one along the rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from imgconv.core import border, check, cpu
from imgconv.core.cache import cached_property
from imgconv.operations import base
from imgconv.operations.base import Axis, DType, Operation, Packed, Pixels, Weights, absolute_sum
from imgconv.operations.fourier import GAIN, is_exact
from imgconv.operations.lines import Lines, lines_of
from imgconv.operations.resample import Resample


@dataclass(frozen=True, eq=False)
class Kernel1D:
    """Weights along one axis, and the tap that is at the pixel."""

    weights: Weights
    origin: int

    @staticmethod
    def centred(weights: Sequence[float] | Weights) -> "Kernel1D":
        """Return a kernel centred at len // 2."""
        array = np.array(weights, dtype=np.float64)
        return Kernel1D(array, len(array) // 2)

    @property
    def axis(self) -> Axis:
        """The window."""
        return Axis(self.origin, len(self.weights))

    def folded(self, n: int, mode: str) -> "Kernel1D":
        """Return the kernel with the weights of all taps that see the same pixel added up."""
        fold = border.fold(len(self.weights), self.origin, n, mode)
        return self if fold is None else Kernel1D(fold.add_up(self.weights), -fold.first)

    def within(self, window: Axis) -> Weights:
        """Return the weights in a window that includes the kernel's, with zeros around them."""
        ahead = window.before - self.origin
        return np.pad(self.weights, (ahead, window.span - len(self.weights) - ahead))

    @property
    def key(self) -> tuple[bytes, int]:
        """Equal for equal kernels."""
        return self.weights.tobytes(), self.origin

    def __mul__(self, factor: float) -> "Kernel1D":
        """Return the kernel with all weights multiplied by a factor."""
        return Kernel1D(self.weights * factor, self.origin)


IDENTITY = Kernel1D(np.ones(1), 0)

# A term of a sum: a kernel down the columns, and a kernel along the rows.
Term = tuple[Kernel1D, Kernel1D]

# From this number of rows on, kernels run in higher tiles.
TALL = 17

# Measured multiply-adds per nanosecond of the passes in float32; fewer for wider types.
PASSES = {"v4": 23.0, "v3": 20.0, "neon": 10.0, "v2": 7.0, "plain": 2.0}

# Kernels with fewer taps along both axes are never transformed unasked, whatever the image: that
# would not be faster on any level.
NARROW = 64

# The largest error of an approximation, in grey levels, before results are rounded to integers.
APPROXIMATION_ERROR = 1 / 32

# In the order of `Combine` in pyx/separable.pyx.
COMBINE = ("sum", "mean", "magnitude", "polar")

# `Header`, `Vertical` and `Horizontal` in pyx/separable.pyx.
HEADER = base.struct("combine", "components", "verticals", "horizontals", "light")
VERTICAL = base.struct("first", "taps", "weights")
HORIZONTAL = base.struct("component", "vertical", "first", "taps", "step", "weights")


@dataclass(frozen=True, eq=False)
class Separable(Operation):
    """Sums of separable filters: components that are sums of terms, and how they are combined.

    With "sum", each component is a result; "mean" divides it by `scale`; "magnitude" is the root of
    the sum of two squares, times `scale`; "polar" gives magnitude and orientation. The scale is
    applied last, so that integer weights stay integers, and cancel exactly where the image is flat.
    A plan may use the `approximation` if its error is too small to see. The method "fft" transforms
    columns and rows, "auto" if that is much faster.
    """

    components: tuple[tuple[Term, ...], ...]
    combine: str = "sum"
    scale: float = 1.0
    smooths: bool = False
    weighed: str = ""
    stride: tuple[int, int] = (1, 1)
    approximation: Resample | None = None
    method: str = "auto"
    loop = "separable"
    takes_points = True

    @cached_property
    def columns(self) -> list[Kernel1D]:
        """The kernels of the vertical passes: terms with the same column kernel share one."""
        return list({column.key: column for column, _ in self.terms}.values())

    @property
    def block(self) -> int:
        """The rows of a tile; twice as many if the rows under a block do not fit in L1."""
        return 8 if max(len(column.weights) for column in self.columns) >= TALL else 4

    @cached_property
    def light(self) -> bool:
        """Whether the sums along the rows come first: all components are single 3x3 kernels."""
        sizes = {(len(column.weights), len(row.weights)) for column, row in self.terms}
        return sizes == {(3, 3)} and len(self.terms) == len(self.components)

    @property
    def streams(self) -> bool:
        """Those of 3x3 kernels go along the rows of a block, piece by piece."""
        return self.light

    @property
    def terms(self) -> list[Term]:
        """All terms of all components."""
        return [term for component in self.components for term in component]

    @property
    def results(self) -> int:
        """One for each component, or the magnitude."""
        return 1 if self.combine == "magnitude" else len(self.components)

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The smallest window that contains every term."""
        return (
            Axis.union([column.axis for column, _ in self.terms]),
            Axis.union([row.axis for _, row in self.terms]),
        )

    @property
    def cost(self) -> float:
        """Taps of vertical passes and of the rows of all terms; more for root and arctangent."""
        taps = sum(len(column.weights) for column in self.columns)
        taps += sum(len(row.weights) for _, row in self.terms)
        return taps + {"sum": 0, "mean": 1, "magnitude": 4, "polar": 80}[self.combine]

    @cached_property
    def weight(self) -> float:
        """The largest sum of absolute weights of a component; infinity if not all are integers."""
        if self.combine != "sum":
            return np.inf
        return max(
            sum(absolute_sum(column.weights) * absolute_sum(row.weights) for column, row in terms)
            for terms in self.components
        )

    def folded(self, size: tuple[int, int], modes: tuple[str, str]) -> "Separable":
        """Return it with folded kernels, without the approximation if that costs more."""
        (height, width), (y, x) = size, modes
        components = tuple(
            tuple((column.folded(height, y), row.folded(width, x)) for column, row in terms)
            for terms in self.components
        )
        if components == self.components:
            return self
        folded = replace(self, components=components)
        coarse = self.approximation
        if coarse is not None and not cheaper_folded(self, coarse, folded, size):
            return folded
        return replace(folded, approximation=None)

    def resolve(
        self, size: tuple[int, int], pixels: Pixels, result: DType
    ) -> tuple[Operation, dict[str, float]]:
        """Return the approximation if that is cheaper and the result is rounded to integers.

        Else transforms if they take a fraction of the time.
        """
        coarse = self.approximation
        if coarse is not None:
            error = coarse.error * (pixels.high - pixels.low)
            if result.kind in "iu" and coarse.cost <= self.cost and error <= APPROXIMATION_ERROR:
                return coarse, {}
            return replace(self, approximation=None).resolve(size, pixels, result)
        if self.method == "fft":
            check.not_weighed(pixels.weighed, self.method)
        if pixels.weighed or not self.can_transform:
            return self, {}
        lines = self.in_lines(size, pixels, result)
        times = {"separable": self.nanoseconds(pixels.float_type), "fft": lines.nanoseconds}
        if self.method == "fft" or times["fft"] * GAIN < times["separable"]:
            return lines, times
        return replace(self, method="direct"), times

    @cached_property
    def can_transform(self) -> bool:
        """Whether it is a sum of terms whose weights are finite.

        Unasked, it must be wide, and its weights not such that sums are exact.
        """
        if self.method == "direct" or len(self.components) > 1:
            return False
        if self.combine != "sum" or self.stride != (1, 1):
            return False
        weights = np.concatenate([kernel.weights for term in self.terms for kernel in term])
        wanted = self.method == "fft" or (self.cost >= NARROW and not is_exact(weights))
        return wanted and bool(np.isfinite(weights).all())

    def in_lines(self, size: tuple[int, int], pixels: Pixels, result: DType) -> Lines:
        """Return the same filter by transforms."""
        y, x = self.windows
        columns = np.stack([column.within(y) for column, _ in self.terms])
        rows = np.stack([row.within(x) for _, row in self.terms])
        origin = y.before, x.before
        return lines_of((columns, rows), origin, self.smooths, size, pixels, result)

    def nanoseconds(self, computed: DType) -> float:
        """Return the expected time of a result, by direct sums."""
        return self.cost * computed.itemsize / (4 * PASSES[cpu.LEVEL])

    def computed_in(self, pixels: Pixels, result: DType) -> DType:
        """A short integer for integer weights on 8-bit pixels, if sums fit."""
        if self.combine == "mean":
            return base.mean_type(pixels, self.scale)
        return base.sum_type(pixels, self.weight)

    def work(self, pitch: int) -> int:
        """A block of rows for each vertical pass, and pointers to them."""
        return 0 if self.light else len(self.columns) * (self.block * pitch + 16 * (1 + self.block))

    def pack(self, step: int, computed: DType) -> Packed:
        """Return the header, the vertical and the horizontal passes; scale and weights in a row."""
        top, left = (axis.before for axis in self.windows)
        records = [
            base.record(
                HEADER,
                combine=COMBINE.index(self.combine),
                components=len(self.components),
                verticals=len(self.columns),
                horizontals=len(self.terms),
                light=self.light,
            )
        ]
        weights = [np.array([self.scale])]
        verticals = [column.key for column in self.columns]
        for column in self.columns:
            records.append(
                base.record(
                    VERTICAL,
                    first=top - column.origin,
                    taps=len(column.weights),
                    weights=sum(map(len, weights)),
                )
            )
            weights.append(column.weights)
        for c, component in enumerate(self.components):
            for column, row in component:
                records.append(
                    base.record(
                        HORIZONTAL,
                        component=c,
                        vertical=verticals.index(column.key),
                        first=(left - row.origin) * step,
                        taps=len(row.weights),
                        step=step,
                        weights=sum(map(len, weights)),
                    )
                )
                weights.append(row.weights)
        return records, np.concatenate(weights)


def cheaper_folded(
    whole: Operation,
    other: Operation,
    folded: Operation,
    size: tuple[int, int],
    apart: bool = False,
) -> bool:
    """Whether the folded form of an operation costs less than another, counting their borders.

    Only the axes along which it is folded count. A piece of an image has all of these axes, so it
    is decided like the whole image. The other one may extend rows and columns `apart`, and not the
    corners between them.
    """
    axes = [axis for axis in (0, 1) if folded.windows[axis] != whole.windows[axis]]
    borders = {each: [each.windows[axis].span / size[axis] for axis in axes]
               for each in (other, folded)}  # fmt: skip
    extended = {each: prod(1 + border for border in borders[each]) for each in borders}
    if apart:
        extended[other] = 1 + sum(borders[other])
    return folded.cost * extended[folded] < other.cost * extended[other]

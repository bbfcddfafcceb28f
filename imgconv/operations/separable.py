"""Sums of separable kernels: a pass down the columns, then one along the rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from imgconv.core.cache import cached_property
from imgconv.operations.base import (
    Axis,
    Operation,
    Pixels,
    Records,
    Weights,
    absolute_sum,
    record,
    struct,
    sum_type,
)
from imgconv.operations.resample import Resample


@dataclass(frozen=True, eq=False)
class Kernel1D:
    """Weights along one axis, and the tap that stands on the pixel."""

    weights: Weights
    origin: int

    @staticmethod
    def centred(weights: Sequence[float] | Weights) -> "Kernel1D":
        """Return a kernel centred at len // 2, as everywhere in this package."""
        array = np.array(weights, dtype=np.float64)
        return Kernel1D(array, len(array) // 2)

    @property
    def axis(self) -> Axis:
        """The window."""
        return Axis(self.origin, len(self.weights))

    def __mul__(self, factor: float) -> "Kernel1D":
        """Return the kernel with all weights multiplied."""
        return Kernel1D(self.weights * factor, self.origin)


IDENTITY = Kernel1D(np.ones(1), 0)

# A term of a sum: a kernel down the columns, and a kernel along the rows.
Term = tuple[Kernel1D, Kernel1D]

# Kernels of so many rows run in higher tiles.
TALL = 17

# An approximation may be this much of a grey level off, before its results are rounded to integers.
HARDLY_SEEN = 1 / 32

# In the order of `Combine` in pyx/separable.pyx.
COMBINE = ("sum", "magnitude", "polar")

# `Filter`, `Vertical` and `Horizontal` in pyx/separable.pyx.
FILTER = struct("combine", "components", "verticals", "horizontals")
VERTICAL = struct("first", "taps", "weights")
HORIZONTAL = struct("component", "vertical", "first", "taps", "step", "weights")


@dataclass(frozen=True, eq=False)
class Separable(Operation):
    """Sums of separable filters: each component a sum of terms, the components combined.

    "sum" gives each component as a result, "magnitude" the root of the sum of two squares times
    `scale`, "polar" magnitude and orientation. The scale is applied last, so that integer weights
    stay integers and cancel exactly where the image is flat. A plan may take the `approximation`
    where its error does not show.
    """

    components: tuple[tuple[Term, ...], ...]
    combine: str = "sum"
    scale: float = 1.0
    smooths: bool = False
    stride: tuple[int, int] = (1, 1)
    approximation: Resample | None = None
    loop = "separable"
    columns: list[Kernel1D] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Find the vertical passes: terms that begin with the same kernel share one."""
        distinct: dict[tuple[bytes, int], Kernel1D] = {}
        for column, _ in self.terms:
            distinct.setdefault((column.weights.tobytes(), column.origin), column)
        object.__setattr__(self, "columns", list(distinct.values()))

    @property
    def block(self) -> int:
        """The rows of a tile; twice as many where the rows under a block do not fit in L1."""
        return 8 if max(len(column.weights) for column in self.columns) >= TALL else 4

    @property
    def terms(self) -> list[Term]:
        """All terms of all components."""
        return [term for component in self.components for term in component]

    @property
    def results(self) -> int:
        """Arrays that come out."""
        return 1 if self.combine == "magnitude" else len(self.components)

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The smallest window that holds every term."""
        return (
            Axis.union([column.axis for column, _ in self.terms]),
            Axis.union([row.axis for _, row in self.terms]),
        )

    @property
    def cost(self) -> float:
        """Taps of the vertical passes and of the rows of all terms; more for root and arc."""
        taps = sum(len(column.weights) for column in self.columns)
        taps += sum(len(row.weights) for _, row in self.terms)
        return taps + {"sum": 0, "magnitude": 4, "polar": 80}[self.combine]

    @cached_property
    def weight(self) -> float:
        """The largest sum of absolute weights of a component, infinite where not integers."""
        if self.combine != "sum":
            return np.inf
        return max(
            sum(absolute_sum(column.weights) * absolute_sum(row.weights) for column, row in terms)
            for terms in self.components
        )

    def resolve(
        self, size: tuple[int, int], pixels: Pixels, result: np.dtype
    ) -> tuple[Operation, dict[str, float]]:
        """The approximation where that is cheaper and integers hide it."""
        cheap = self.approximation
        if cheap is None:
            return self, {}
        hidden = result.kind in "iu" and cheap.error * (pixels.high - pixels.low) <= HARDLY_SEEN
        if hidden and cheap.cost <= self.cost:
            return cheap, {}
        return replace(self, approximation=None), {}

    def computed_in(self, pixels: Pixels, result: np.dtype) -> np.dtype:
        """Integer weights on 8-bit pixels stay short integers."""
        return sum_type(pixels, self.weight)

    def work(self, pitch: int) -> int:
        """One block of rows for each vertical pass, and the pointers to them."""
        return len(self.columns) * (self.block * pitch + 16 * (1 + self.block))

    def _column_of(self, kernel: Kernel1D) -> int:
        return next(
            v
            for v, column in enumerate(self.columns)
            if column.origin == kernel.origin and np.array_equal(column.weights, kernel.weights)
        )

    def pack(self, step: int, computed: np.dtype) -> tuple[Records, Weights]:
        """Return the loop's Filter, Vertical and Horizontal records; scale and weights in a row."""
        top, left = (axis.before for axis in self.windows)
        records = [
            record(
                FILTER,
                combine=COMBINE.index(self.combine),
                components=len(self.components),
                verticals=len(self.columns),
                horizontals=len(self.terms),
            )
        ]
        weights = [np.array([self.scale])]
        for column in self.columns:
            records.append(
                record(
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
                    record(
                        HORIZONTAL,
                        component=c,
                        vertical=self._column_of(column),
                        first=(left - row.origin) * step,
                        taps=len(row.weights),
                        step=step,
                        weights=sum(map(len, weights)),
                    )
                )
                weights.append(row.weights)
        return records, np.concatenate(weights)

"""Operations: what a filter computes, as data.

An operation names its loop, the window it needs, its coefficients and its cost. It knows nothing of
an image. A linear filter that is not listed below is usually not a new operation but a
`Separable` with other numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """The window along one axis: it begins `before` pixels ahead of its pixel and spans `span`."""

    before: int
    span: int

    @property
    def after(self) -> int:
        """Pixels of the window behind its pixel."""
        return self.span - 1 - self.before

    @staticmethod
    def union(axes: Sequence["Axis"]) -> "Axis":
        """Return the smallest window that holds all of these, about the same pixel."""
        before = max(axis.before for axis in axes)
        return Axis(before, before + 1 + max(axis.after for axis in axes))


class Operation(Protocol):
    """What a plan asks of an operation. Instances are compared by identity, which is fast."""

    @property
    def loop(self) -> str:
        """The compiled module that runs it."""

    @property
    def smooths(self) -> bool:
        """Whether the result has the image's dtype."""

    @property
    def results(self) -> int:
        """How many arrays come out: 1, or 2 for a gradient."""

    @property
    def stride(self) -> tuple[int, int]:
        """Every how many pixels a result is kept, along y and x."""

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The window along y and along x."""

    @property
    def cost(self) -> float:
        """Multiply-adds for each pixel."""

    @property
    def block(self) -> int:
        """Result rows that the loop computes at once."""

    def work(self, pitch: int) -> int:
        """Numbers of scratch that a thread needs for rows of `pitch` numbers."""

    def pack(self, step: int) -> tuple[list[int], Weights]:
        """Return the integers and the weights that the loop reads; `step` samples are a pixel."""


@dataclass(frozen=True, eq=False)
class Correlation:
    """A dense kernel: result[y, x] = sum of kernel[i, j] * image[y + i - top, x + j - left]."""

    kernel: Weights
    origin: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    loop: str = "correlate"
    smooths: bool = False
    results: int = 1

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The kernel with the gaps of its dilation."""
        y, x = (
            Axis(at * d, (k - 1) * d + 1)
            for at, k, d in zip(self.origin, self.kernel.shape, self.dilation, strict=True)
        )
        return y, x

    @property
    def cost(self) -> float:
        """One multiply-add for each tap."""
        return self.kernel.size

    @property
    def block(self) -> int:
        """Four rows share their loads, unless the stride sets them apart."""
        return 4 if self.stride[0] == 1 else 1

    def work(self, pitch: int) -> int:
        """Nothing beyond the accumulators."""
        return 0

    def pack(self, step: int) -> tuple[list[int], Weights]:
        """Return height, width, row and column distance of taps, and the kernel row by row."""
        kh, kw = self.kernel.shape
        return [kh, kw, self.dilation[0], self.dilation[1] * step], self.kernel.ravel()


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

COMBINE = ("sum", "magnitude", "polar")


@dataclass(frozen=True, eq=False)
class Separable:
    """Sums of separable filters: each component a sum of terms, the components combined.

    "sum" gives each component as a result, "magnitude" the root of the sum of two squares times
    `scale`, "polar" magnitude and orientation. The scale is applied last, so that integer weights
    stay integers and cancel exactly where the image is flat.
    """

    components: tuple[tuple[Term, ...], ...]
    combine: str = "sum"
    scale: float = 1.0
    smooths: bool = False
    stride: tuple[int, int] = (1, 1)
    loop: str = "separable"
    block: int = 4
    columns: list[Kernel1D] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Find the vertical passes: terms that begin with the same kernel share one."""
        distinct: dict[tuple[bytes, int], Kernel1D] = {}
        for column, _ in self.terms:
            distinct.setdefault((column.weights.tobytes(), column.origin), column)
        object.__setattr__(self, "columns", list(distinct.values()))

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

    def work(self, pitch: int) -> int:
        """One block of rows for each vertical pass, and the pointers to them."""
        return len(self.columns) * (self.block * pitch + 16 * (1 + self.block))

    def _column_of(self, kernel: Kernel1D) -> int:
        return next(
            v
            for v, column in enumerate(self.columns)
            if column.origin == kernel.origin and np.array_equal(column.weights, kernel.weights)
        )

    def pack(self, step: int) -> tuple[list[int], Weights]:
        """Return the loop's Filter, Vertical and Horizontal records; scale and weights in a row."""
        top, left = (axis.before for axis in self.windows)
        numbers = [
            COMBINE.index(self.combine),
            len(self.components),
            len(self.columns),
            len(self.terms),
        ]
        weights = [np.array([self.scale])]
        for column in self.columns:
            numbers += [top - column.origin, len(column.weights), sum(map(len, weights))]
            weights.append(column.weights)
        for c, component in enumerate(self.components):
            for column, row in component:
                first = (left - row.origin) * step
                numbers += [c, self._column_of(column), first]
                numbers += [len(row.weights), step, sum(map(len, weights))]
                weights.append(row.weights)
        return numbers, np.concatenate(weights)


@dataclass(frozen=True, eq=False)
class Box:
    """The mean over a rectangle of (height, width) pixels."""

    size: tuple[int, int]
    loop: str = "box"
    smooths: bool = True
    results: int = 1
    stride: tuple[int, int] = (1, 1)

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The rectangle, centred at size // 2."""
        y, x = (Axis(k // 2, k) for k in self.size)
        return y, x

    @property
    def block(self) -> int:
        """Up to 16 rows, which share their column sums; low rectangles take groups of rows."""
        height = self.size[0]
        return height * (8 // height) if height < 8 else min(height, 16)

    @property
    def cost(self) -> float:
        """Additions: the shared column sums, then up to seven for each digit to the base 4."""
        height, width = self.size
        return 3 + height / min(height, 16) + 3.5 * width.bit_length()

    def work(self, pitch: int) -> int:
        """One block of column sums."""
        return self.block * pitch

    def pack(self, step: int) -> tuple[list[int], Weights]:
        """Return height, width, the distance of neighbours, and the scale."""
        height, width = self.size
        return [height, width, step], np.array([1 / (height * width)])

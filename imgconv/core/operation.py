"""Operations: what a filter computes, as data.

An operation names its loop, the window it needs, its coefficients and its cost. It knows nothing of
an image. A linear filter that is not listed below is usually not a new operation but a
`Separable` with other numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from imgconv.core.cache import cached_property

Weights = NDArray[np.float64]

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
INT16, UINT16 = np.dtype(np.int16), np.dtype(np.uint16)


class Pixels(NamedTuple):
    """What a loop is given: the image's dtype, and the values of integer pixels and border.

    `low` and `high` are infinite where pixels are not integers of at most 16 bits, or where cval is
    not an integer.
    """

    dtype: np.dtype
    low: float
    high: float

    @property
    def float_type(self) -> np.dtype:
        """The dtype in which filters compute that are not exact in another."""
        small = self.dtype.itemsize <= 2 or self.dtype.newbyteorder("=") == FLOAT32
        return FLOAT32 if small else FLOAT64

    @property
    def largest(self) -> float:
        """The largest absolute value."""
        return max(-self.low, self.high)


def pixels(dtype: np.dtype, cval: float) -> Pixels:
    """Return what an image of this dtype holds, extended by cval."""
    if dtype.kind == "f" or dtype.itemsize > 2 or not float(cval).is_integer():
        return Pixels(dtype, -np.inf, np.inf)
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return Pixels(dtype, min(low, cval), max(high, cval))


def absolute_sum(weights: Weights) -> float:
    """Return the sum of the weights' absolute values if all are integers, else infinity."""
    return float(np.abs(weights).sum()) if (weights == np.rint(weights)).all() else np.inf


def sum_type(pixels: Pixels, weight: float) -> np.dtype:
    """Return the type in which to add integer pixels of this total absolute weight.

    int16 wraps on the way, but a sum that fits at the end is right whatever happened before; it has
    twice the lanes of float32.
    """
    fits = pixels.largest * weight < 1 << 15
    return INT16 if pixels.dtype.itemsize == 1 and fits else pixels.float_type


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
    def layers(self) -> int:
        """How many results an array holds along a leading axis; 0 where it has no such axis."""

    @property
    def ordered(self) -> bool:
        """Whether it only compares pixels: its loop gives pixels of the image's dtype."""

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

    @property
    def held(self) -> float:
        """Rows of a strip that the loop keeps in scratch; 0 where it walks the rows of a window."""

    @property
    def note(self) -> str:
        """What else a reader of the plan should know."""

    def computed_in(self, pixels: Pixels, result: np.dtype) -> np.dtype:
        """Return the dtype of the rows that the loop computes on."""

    def work(self, pitch: int) -> int:
        """Numbers of scratch that a thread needs for rows of `pitch` numbers."""

    def pack(self, step: int, computed: np.dtype) -> tuple[list[int], Weights]:
        """Return the integers and the weights that the loop reads; `step` samples are a pixel."""


class Approximation(Operation, Protocol):
    """An operation that does nearly what another does, cheaper."""

    @property
    def error(self) -> float:
        """The largest difference of results, as a share of the range of the pixels."""


@dataclass(frozen=True, eq=False)
class Correlation:
    """A dense kernel: result[y, x] = sum of kernel[i, j] * image[y + i - top, x + j - left].

    With a `method` other than "direct" a plan may put another operation in its place.
    """

    kernel: Weights
    origin: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    method: str = "direct"
    loop: str = "correlate"
    smooths: bool = False
    results: int = 1
    held: float = 0
    note: str = ""
    layers: int = 0
    ordered: bool = False
    # The same as a sum of separable filters, by computing type, once that was looked for.
    separable: dict[str, "Separable | None"] = field(default_factory=dict, repr=False)

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

    @cached_property
    def weight(self) -> float:
        """The sum of the absolute weights, infinite where they are not integers."""
        return absolute_sum(self.kernel)

    def computed_in(self, pixels: Pixels, result: np.dtype) -> np.dtype:
        """Integer weights on 8-bit pixels stay short integers."""
        return sum_type(pixels, self.weight)

    def work(self, pitch: int) -> int:
        """Nothing beyond the accumulators."""
        return 0

    def pack(self, step: int, computed: np.dtype) -> tuple[list[int], Weights]:
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

# Kernels of so many rows run in higher tiles.
TALL = 17

COMBINE = ("sum", "magnitude", "polar")


@dataclass(frozen=True, eq=False)
class Separable:
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
    approximation: Approximation | None = None
    loop: str = "separable"
    held: float = 0
    note: str = ""
    layers: int = 0
    ordered: bool = False
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

    def pack(self, step: int, computed: np.dtype) -> tuple[list[int], Weights]:
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


# Up to this height the box loop shares the column sums of pairs of rows.
SHORT = 8


@dataclass(frozen=True, eq=False)
class Box:
    """The mean over a rectangle of (height, width) pixels."""

    size: tuple[int, int]
    loop: str = "box"
    smooths: bool = True
    results: int = 1
    held: float = 0
    note: str = ""
    layers: int = 0
    ordered: bool = False
    stride: tuple[int, int] = (1, 1)

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The rectangle, centred at size // 2."""
        y, x = (Axis(k // 2, k) for k in self.size)
        return y, x

    @property
    def block(self) -> int:
        """Pairs of rows, or up to 16, share their column sums."""
        return 8 if self.size[0] <= SHORT else min(self.size[0], 16)

    @property
    def cost(self) -> float:
        """Additions: the shared column sums, then up to seven for each digit to the base 4."""
        height, width = self.size
        columns = (height + 1) / 2 if height <= SHORT else 2 + height / min(height, 16)
        return 1 + columns + min(width, 3.5 * width.bit_length())

    @property
    def area(self) -> int:
        """Pixels of the rectangle."""
        return self.size[0] * self.size[1]

    def computed_in(self, pixels: Pixels, result: np.dtype) -> np.dtype:
        """The narrowest type that holds the sum: an integer mean of integers is exactly rounded."""
        largest = self.area * pixels.largest
        unsigned = pixels.dtype.itemsize == 1 and pixels.low >= 0 and result.kind in "ui"
        if unsigned and largest < 1 << 16 and divides(self.area, int(largest)):
            return UINT16
        return FLOAT64 if 1 << 24 <= largest < np.inf else pixels.float_type

    def work(self, pitch: int) -> int:
        """One block of column sums."""
        return self.block * pitch

    def pack(self, step: int, computed: np.dtype) -> tuple[list[int], Weights]:
        """Return height, width, the distance of neighbours, and by what to divide."""
        divisor = quotient(self.area) if computed == UINT16 else (self.area,)
        return [*self.size, step], np.array(divisor, np.float64)


def quotient(area: int) -> tuple[int, int, int]:
    """Return (half, factor, shift): (s + half) * factor >> 16 >> shift is about s / area."""
    shift = area.bit_length() - 1
    return area // 2, -(-(1 << 16 + shift) // area), shift


@lru_cache(maxsize=256)
def divides(area: int, largest: int) -> bool:
    """Whether `quotient` rounds every sum up to the largest to the nearest integer, in 16 bits.

    An even area has ties, which it rounds up, where everything else here rounds them to even.
    """
    half, factor, shift = quotient(area)
    sums = np.arange(largest + 1, dtype=np.int64) + half
    fits = area % 2 == 1 and factor < 1 << 16 and sums[-1] < 1 << 16
    return fits and np.array_equal(sums * factor >> 16 >> shift, sums // area)


# What pooling makes of a window, in the order of `How` in pyx/pool.pyx.
HOW = ("max", "min", "sum", "mean", "median")

# Windows that pyx/pool.pyx sorts at once.
SORTED = 64


@dataclass(frozen=True, eq=False)
class Pool:
    """One number for each window: an extremum, a sum, a mean or a median of its pixels.

    `counts` says of each result row, and of each result column, how many of a window's rows and
    columns count; a mean divides by them, a median has so many pixels.
    """

    how: str
    size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    counts: tuple[Weights, Weights]
    loop: str = "pool"
    smooths: bool = True
    results: int = 1
    held: float = 0
    note: str = ""
    layers: int = 0
    ordered: bool = False

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The window with the gaps of its dilation; where it begins is the caller's to say."""
        y, x = (Axis(0, (k - 1) * d + 1) for k, d in zip(self.size, self.dilation, strict=True))
        return y, x

    @property
    def area(self) -> int:
        """Pixels of the window."""
        return self.size[0] * self.size[1]

    @property
    def cost(self) -> float:
        """Pixels read for each result, columns joined, rows joined by doubling; or sorted."""
        step = self.stride[0] * self.stride[1]
        if self.how == "median":
            return step + self.area * self.area.bit_length() ** 2 / 4
        return step + self.stride[1] * (self.size[0] + 1.5 * self.size[1].bit_length())

    @property
    def block(self) -> int:
        """A few rows, unless that means to keep many."""
        return 4 if self.windows[0].span + 3 * self.stride[0] <= 64 else 1

    def computed_in(self, pixels: Pixels, result: np.dtype) -> np.dtype:
        """A type that holds every sum, or every pixel, exactly.

        Bytes are compared as bytes, many at once. Integers of 64 bits are computed as such only
        where the result is one, because all other conversions go through float64.
        """
        dtype, native = pixels.dtype, pixels.dtype.newbyteorder("=")
        if self.how == "mean" or dtype.kind == "f":
            exact = pixels.largest * self.area < 1 << 24 or dtype.kind == "f"
            return pixels.float_type if exact else FLOAT64
        if self.how == "sum":
            info = np.iinfo("u1" if dtype.kind == "b" else dtype)
            bound = self.area * max(int(info.max), -int(info.min))
            if bound < 1 << 24 and pixels.float_type == FLOAT32:
                return FLOAT32
            long = bound >= 1 << 53 and is_long(result) and np.can_cast(dtype, result)
            return result if long else FLOAT64
        if native == result and dtype.kind in "bu" and dtype.itemsize == 1 and self.how != "median":
            return np.dtype(np.uint8)
        return result if native == result and is_long(result) else pixels.float_type

    def work(self, pitch: int) -> int:
        """Three rows; or the pixels of windows that are sorted at once, and what spoils them."""
        return (self.area + 1) * SORTED if self.how == "median" else 3 * pitch

    def pack(self, step: int, computed: np.dtype) -> tuple[list[int], Weights]:
        """Return what is made of a window, its shape, and what counts of it by row and sample."""
        down, across = self.counts
        numbers = [HOW.index(self.how), *self.size, self.dilation[0], self.dilation[1] * step]
        return numbers, np.concatenate([down, np.repeat(across, step)])


def is_long(dtype: np.dtype) -> bool:
    """Whether a dtype is an integer of 64 bits."""
    return dtype.kind in "iu" and dtype.itemsize == 8


# What `Canny` gives, in the order of `Stage` in pyx/canny.pyx.
STAGES = ("smooth", "magnitude", "classes")

# Columns that pyx/canny.pyx takes through a block together.
PIECE = 256


@dataclass(frozen=True, eq=False)
class Canny:
    """Canny's edges up to the hysteresis: classes 0, 1 (weak) and 2 (strong), or a stage before.

    The kernels are halves of the Gaussian's, from the centre outwards. `parts` says what part of
    the Gaussian lies in the image, for as many rows and columns as differ; it is empty where the
    smoothed image is not divided by it. `scale` multiplies integers.
    """

    kernels: tuple[Weights, Weights]
    parts: Weights
    low: float
    high: float
    scale: float | None
    constant: tuple[bool, bool]
    stage: str = "classes"
    loop: str = "canny"
    smooths: bool = False
    results: int = 1
    stride: tuple[int, int] = (1, 1)
    block: int = 32
    held: float = 0
    note: str = ""
    layers: int = 0
    ordered: bool = False

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The Gaussian, one pixel more for the derivatives and one for the neighbours."""
        y, x = (Axis(len(half) + 1, 2 * len(half) + 3) for half in self.kernels)
        return y, x

    @property
    def cost(self) -> float:
        """Three operations for two taps, and some eighty of the rest."""
        return 80 + 3 * sum(map(len, self.kernels))

    def computed_in(self, pixels: Pixels, result: np.dtype) -> np.dtype:
        """What scikit-image's arrays are; the sums are SciPy's, in double, to the last bit."""
        return pixels.float_type if pixels.dtype.kind == "f" else FLOAT64

    def work(self, pitch: int) -> int:
        """Rows of a piece of a block: 20 of what is computed, and all that lie under it."""
        rows = self.block + self.windows[0].span
        return (20 + rows) * (PIECE + self.windows[1].span + 64) + 2 * rows + 32

    def pack(self, step: int, computed: np.dtype) -> tuple[list[int], Weights]:
        """Return the loop's Filter; low, high, scale, the kernels and the parts in a row."""
        radii = [len(half) - 1 for half in self.kernels]
        flags = [*self.constant, self.scale is not None]
        numbers = [STAGES.index(self.stage), *radii, *flags, *self.parts.shape]
        head = np.array([self.low, self.high, self.scale or 1.0])
        weights = np.concatenate([head, *self.kernels, self.parts.ravel()])
        # They stay double where the rows are float32.
        return list(map(int, numbers)), weights.view(computed)


@dataclass(frozen=True, eq=False)
class Bilateral:
    """Means weighted by `exp(nearness)` and by how alike pixels are, all channels together.

    `nearness` is -inf where the window has no pixel; each row of the window is one run of pixels.
    `deviations` are those of a Gaussian over the distance of colours: one for all images of a
    stack, or one for each.
    """

    nearness: Weights
    deviations: tuple[float, ...]
    manhattan: bool = False
    loop: str = "bilateral"
    smooths: bool = True
    results: int = 1
    stride: tuple[int, int] = (1, 1)
    block: int = 1
    note: str = ""
    layers: int = 0
    ordered: bool = False

    @property
    def held(self) -> float:
        """For each channel, three numbers of every row from the pixel down."""
        return 3 * (len(self.nearness) // 2 + 1)

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The window, centred at size // 2."""
        y, x = (Axis(k // 2, k) for k in self.nearness.shape)
        return y, x

    @property
    def cost(self) -> float:
        """Some twelve operations for each weight."""
        return 12.0 * np.count_nonzero(np.isfinite(self.nearness))

    def computed_in(self, pixels: Pixels, result: np.dtype) -> np.dtype:
        """A float type: the weights are no integers."""
        return pixels.float_type

    def work(self, pitch: int) -> int:
        """Nothing: the loop has a scratch of its own."""
        return 0

    def pack(self, step: int, computed: np.dtype) -> tuple[list[int], Weights]:
        """Return metric, number of scales and heights of the columns; scales and nearness.

        Half of the window is enough, from the pixel's own row down.
        """
        lower = self.nearness[len(self.nearness) // 2 :].T / np.log(2)
        inside = np.isfinite(lower)
        # Not so large that float32 had none for it.
        scales = np.minimum(np.sqrt(0.5 / np.log(2)) / np.array(self.deviations), 1e38)
        numbers = [int(self.manhattan), len(scales), *map(int, inside.sum(axis=1))]
        return numbers, np.concatenate([scales, lower[inside]])


@dataclass(frozen=True, eq=False)
class Guided:
    """The guided filter: means over squares of 2 * radius + 1, and what is added to a variance."""

    radius: int
    eps: float
    loop: str = "guided"
    smooths: bool = True
    results: int = 1
    stride: tuple[int, int] = (1, 1)
    block: int = 1
    note: str = ""
    layers: int = 0
    ordered: bool = False

    @property
    def held(self) -> float:
        """Four moments, two coefficients and the guide, of the rows of a square: for two images."""
        return 3.5 * (2 * self.radius + 1)

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The means of means reach twice as far."""
        window = Axis(2 * self.radius, 4 * self.radius + 1)
        return window, window

    @property
    def cost(self) -> float:
        """Four moments and two coefficients, each summed down the columns and along the rows."""
        return 30.0 + 12 * (2 * self.radius + 1).bit_length()

    def computed_in(self, pixels: Pixels, result: np.dtype) -> np.dtype:
        """float64: a variance is a small difference of large means."""
        return FLOAT64

    def work(self, pitch: int) -> int:
        """Nothing: the loop has a scratch of its own."""
        return 0

    def pack(self, step: int, computed: np.dtype) -> tuple[list[int], Weights]:
        """Return the size of the squares; eps, and the scale of a sum."""
        size = 2 * self.radius + 1
        return [size], np.array([self.eps, size**-2.0])

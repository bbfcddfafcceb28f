"""Operations: what a filter computes, as data, for plans.

An operation has a loop, a window, coefficients and a cost. It knows nothing of an image. Each file
here has the name of the loop in `pyx/` that runs its operations, and packs what that loop reads.
`Operation` is what they have in common.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgconv.core.pixels import limits, native

DType = np.dtype[Any]
Weights = NDArray[np.float64]
# Records and arrays of records, in the order in which a loop reads them.
Records = list[NDArray[Any]]
# What `Operation.pack` returns.
Packed = tuple[Records, Weights]

# `PointKind` and `Point` in pyx/rows.pxd.
POINT_KINDS = ("scale", "divide", "clip", "absolute", "above", "round")
# What an operation makes of pixels that count more or less: in the order of `Weighed` in
# pyx/rows.pxd.
WEIGHED = ("", "sums", "means", "ranks", "apart")
POINT = np.dtype([("kind", "p"), ("first", "d"), ("second", "d")], align=True)

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
INT16, UINT16, INT32 = np.dtype(np.int16), np.dtype(np.uint16), np.dtype(np.int32)


def struct(*names: str, kind: str = "p") -> DType:
    """Return the dtype of a C struct with these fields, by default all of type `Py_ssize_t`."""
    return np.dtype([(name, kind) for name in names], align=True)


def record(dtype: DType, **fields: Any) -> NDArray[Any]:
    """Return a record with these fields, or an array of records if a field is an array."""
    assert fields.keys() == set(dtype.names or ()), f"{dtype} with {sorted(fields)}"
    found = np.zeros(np.broadcast_shapes(*map(np.shape, fields.values())), dtype)
    for name, value in fields.items():
        found[name] = value
    return found


def in_a_row(records: Records) -> NDArray[np.uint8]:
    """Return the bytes of all records in a row."""
    return np.concatenate([np.ravel(each).view(np.uint8) for each in records])


class Pixels(NamedTuple):
    """The dtype of an image, and the range of its pixels and of its border.

    `low` and `high` are infinite if pixels are not integers of at most 16 bits, if cval is not an
    integer, or if they are `weighed`: multiplied by weights.
    """

    dtype: DType
    low: float
    high: float
    weighed: bool = False

    @property
    def float_type(self) -> DType:
        """The computing dtype of filters that have no reason for another."""
        small = self.dtype.itemsize <= 2 or native(self.dtype) == FLOAT32
        return FLOAT32 if small else FLOAT64

    @property
    def largest(self) -> float:
        """The largest absolute value."""
        return max(-self.low, self.high)


def pixels(dtype: DType, cval: float, weighed: bool = False) -> Pixels:
    """Return the pixels of an image of this dtype, extended by cval."""
    if weighed or dtype.kind == "f" or dtype.itemsize > 2 or not float(cval).is_integer():
        return Pixels(dtype, -np.inf, np.inf, weighed)
    low, high = limits(dtype)
    return Pixels(dtype, min(low, cval), max(high, cval))


def absolute_sum(weights: Weights) -> float:
    """Return the sum of the absolute weights if all are integers, else infinity."""
    return float(np.abs(weights).sum()) if (weights == np.rint(weights)).all() else np.inf


def sum_type(pixels: Pixels, weight: float) -> DType:
    """Return the dtype in which to add pixels whose absolute weights add up to `weight`.

    int16 may wrap around in partial sums; a sum that fits at the end is right all the same. It has
    twice the lanes of float32.
    """
    fits = pixels.largest * weight < 1 << 15
    return INT16 if pixels.dtype.itemsize == 1 and fits else pixels.float_type


def mean_type(pixels: Pixels, count: float) -> DType:
    """Return the dtype in which to add `count` pixels for a mean: sums of integers are exact."""
    return FLOAT64 if 1 << 24 <= count * pixels.largest < np.inf else pixels.float_type


class Point(NamedTuple):
    """A point operation on the numbers of a row: what is done, with up to two numbers.

    "scale" multiplies by the first and adds the second, "divide" divides by the first, "clip" keeps
    numbers between the two, "above" makes 1 of what is above the first and 0 of the rest, "round"
    gives the integers that an integer dtype from the first to the second would store.
    """

    kind: str
    first: float = 0.0
    second: float = 0.0


def records_of(points: Sequence[Point]) -> NDArray[Any]:
    """Return point operations as a loop reads them."""
    rows = [(POINT_KINDS.index(kind), first, second) for kind, first, second in points]
    return np.array(rows, POINT)


def stored_as(dtype: DType, computed: DType) -> tuple[Point, ...] | None:
    """Return what storing numbers in a dtype does to them; None if no point operation does it."""
    if dtype == computed:
        return ()
    exact = dtype.kind in "iu" and dtype.itemsize <= computed.itemsize // 2
    return (Point("round", *limits(dtype)),) if exact else None


@dataclass(frozen=True)
class Axis:
    """The window along one axis: it begins `before` pixels ahead of its pixel and spans `span`."""

    before: int
    span: int

    @property
    def after(self) -> int:
        """The number of pixels of the window behind its pixel."""
        return self.span - 1 - self.before

    @staticmethod
    def union(axes: Sequence["Axis"]) -> "Axis":
        """Return the smallest window that contains all of these, at the same pixel."""
        before = max(axis.before for axis in axes)
        return Axis(before, before + 1 + max(axis.after for axis in axes))


def centred(size: tuple[int, ...]) -> tuple[Axis, Axis]:
    """Return the window of a rectangle of (height, width) pixels, centred at size // 2."""
    y, x = (Axis(k // 2, k) for k in size)
    return y, x


class Operation:
    """What a filter computes. Most operations differ from these defaults in a few members.

    Instances are compared by identity, which is fast. A loop that `takes_points` does these to each
    row of results; without them results would have the dtype `without_points`.
    """

    points: tuple[Point, ...] = ()
    without_points: DType | None = None
    takes_points = False
    # Whether it holds numbers that were measured of the pixels.
    measured = False

    def followed_by(self, points: tuple[Point, ...], dtype: DType) -> "Operation":
        """Return the operation with more point operations, on results of a dtype."""
        made = copy(self)
        object.__setattr__(made, "points", self.points + points)
        object.__setattr__(made, "without_points", self.without_points or dtype)
        return made

    @property
    def loop(self) -> str:
        """The name of the compiled module that runs it."""
        raise NotImplementedError

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The window along y and along x."""
        raise NotImplementedError

    @property
    def cost(self) -> float:
        """Multiply-adds for each pixel."""
        raise NotImplementedError

    @property
    def block(self) -> int:
        """Result rows that the loop computes at once."""
        raise NotImplementedError

    def pack(self, step: int, computed: DType) -> Packed:
        """Return the records and the weights that the loop reads; a pixel has `step` samples."""
        raise NotImplementedError

    @property
    def results(self) -> int:
        """The number of result arrays: 1, or 2 for a gradient."""
        return 1

    @property
    def stacked(self) -> int:
        """The number of results along a new first axis; 0 if there is no such axis."""
        return 0

    @property
    def smooths(self) -> bool:
        """Whether the result has the dtype of the image."""
        return False

    @property
    def ordered(self) -> bool:
        """Whether it only compares pixels: its loop writes pixels of the dtype of the image."""
        return False

    @property
    def weighed(self) -> str:
        """What it makes of pixels that do not count alike, one of WEIGHED; empty if all must."""
        return ""

    @property
    def largest(self) -> bool:
        """Whether it gives the largest pixel, so that what does not count must sort first."""
        return False

    @property
    def stride(self) -> tuple[int, int]:
        """The distance of pixels that have a result, along y and x."""
        return 1, 1

    @property
    def kept_rows(self) -> float:
        """The rows of a strip that the loop keeps in scratch; 0 for just those of a window."""
        return 0

    @property
    def streams(self) -> bool:
        """Whether the loop reads and writes a few rows at once, so that chunks may be wide."""
        return False

    @property
    def tiled(self) -> bool:
        """Whether the loop cuts each channel into tiles, instead of walking bands of rows."""
        return False

    @property
    def placeable(self) -> bool:
        """Whether a caller can place the windows, so that any piece of a result is one call."""
        return True

    @property
    def grid(self) -> tuple[int, int]:
        """The size of the cells on whose place in the image the last bits depend; 1 for none."""
        return 1, 1

    @property
    def cell(self) -> int:
        """The columns of such a cell, if strips and chunks must begin where one begins."""
        return 1

    @property
    def whole(self) -> str:
        """Why it cannot be computed piece by piece; empty if it can."""
        return ""

    @property
    def note(self) -> str:
        """What the description of a plan adds about it."""
        return ""

    def folded(self, size: tuple[int, int], modes: tuple[str, str]) -> "Operation":
        """Return what gives the same results for an image of this size, with no larger windows.

        A window that is larger than the image sees its pixels, or what is outside, several times.
        """
        return self

    def resolve(
        self, size: tuple[int, int], pixels: Pixels, result: DType
    ) -> tuple["Operation", dict[str, float]]:
        """Return the operation to run for results of this size and dtype, and the times of each.

        If several operations compute the same, the plan of the whole image chooses one of them. The
        operation that is returned has no choice left.
        """
        return self, {}

    def computed_in(self, pixels: Pixels, result: DType) -> DType:
        """Return the computing dtype for these pixels and this dtype of the result."""
        return pixels.float_type

    def work(self, pitch: int) -> int:
        """Return the numbers of scratch that a thread needs, if rows have `pitch` numbers."""
        return 0

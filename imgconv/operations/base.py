"""What a plan asks of an operation, and what is the same for nearly all of them.

An operation says what a filter computes, as data: its loop, the window it needs, its coefficients
and its cost. It knows nothing of an image. Each file here is named like the loop in `pyx/` that its
operations run on, and lays out what that loop reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]
# What a loop reads, in this order: records, and arrays of records.
Records = list[NDArray[Any]]

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
INT16, UINT16 = np.dtype(np.int16), np.dtype(np.uint16)


def struct(*names: str, kind: str = "p") -> np.dtype:
    """Return the dtype of a C struct with these fields, by default of type `Py_ssize_t`."""
    return np.dtype([(name, kind) for name in names], align=True)


def record(dtype: np.dtype, **fields: Any) -> NDArray[Any]:
    """Return a record with these fields, or an array of records if fields are arrays."""
    assert fields.keys() == set(dtype.names or ()), f"{dtype} with {sorted(fields)}"
    found = np.zeros(np.broadcast_shapes(*map(np.shape, fields.values())), dtype)
    for name, value in fields.items():
        found[name] = value
    return found


def in_a_row(records: Records) -> NDArray[np.uint8]:
    """Return the bytes of records, one behind the other."""
    return np.concatenate([np.ravel(each).view(np.uint8) for each in records])


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


class Operation:
    """What a filter computes. Instances are compared by identity, which is fast.

    Most operations differ from these defaults in a few members only.
    """

    @property
    def loop(self) -> str:
        """The compiled module that runs it."""
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

    def pack(self, step: int, computed: np.dtype) -> tuple[Records, Weights]:
        """Return the records and the weights that the loop reads; `step` samples are a pixel."""
        raise NotImplementedError

    @property
    def results(self) -> int:
        """How many arrays come out: 1, or 2 for a gradient."""
        return 1

    @property
    def layers(self) -> int:
        """How many results an array holds along a leading axis; 0 where it has no such axis."""
        return 0

    @property
    def smooths(self) -> bool:
        """Whether the result has the image's dtype."""
        return False

    @property
    def ordered(self) -> bool:
        """Whether it only compares pixels: its loop gives pixels of the image's dtype."""
        return False

    @property
    def stride(self) -> tuple[int, int]:
        """Every how many pixels a result is kept, along y and x."""
        return 1, 1

    @property
    def held(self) -> float:
        """Rows of a strip that the loop keeps in scratch; 0 where it walks the rows of a window."""
        return 0

    @property
    def placeable(self) -> bool:
        """Whether its windows can be placed by hand, so that any piece of a result is one call."""
        return True

    @property
    def grid(self) -> tuple[int, int]:
        """The cells, along y and x, on whose place in the image the last bits depend; 1: none."""
        return 1, 1

    @property
    def whole(self) -> str:
        """Why it cannot be computed piece by piece; empty where it can."""
        return ""

    @property
    def note(self) -> str:
        """What else a reader of the plan should know."""
        return ""

    def resolve(
        self, size: tuple[int, int], pixels: Pixels, result: np.dtype
    ) -> tuple["Operation", dict[str, float]]:
        """Return what a plan runs for results of this size and dtype, and the times of all ways.

        An operation that stands for several ways is asked once, for the whole image; what comes
        back has no choice left.
        """
        return self, {}

    def computed_in(self, pixels: Pixels, result: np.dtype) -> np.dtype:
        """Return the dtype of the rows that the loop computes on."""
        return pixels.float_type

    def work(self, pitch: int) -> int:
        """Numbers of scratch that a thread needs for rows of `pitch` numbers."""
        return 0

"""Pooling: one number for each window."""

from dataclasses import dataclass

import numpy as np

from imgconv.core.pixels import native
from imgconv.core.windows import span
from imgconv.operations import base
from imgconv.operations.base import Axis, DType, Operation, Packed, Pixels, Weights

# The result for a window, in the order of `How` in pyx/pool.pyx.
HOW = ("max", "min", "sum", "mean", "median")

# Windows that pyx/pool.pyx sorts at once.
SORTED = 64

# `Pooling` in pyx/pool.pyx.
POOLING = base.struct("how", "height", "width", "dilation_y", "dilation_x")


@dataclass(frozen=True, eq=False)
class Pool(Operation):
    """One number for each window: an extremum, a sum, a mean or a median of its pixels.

    `counts` are the numbers of rows and columns of a window that count, for each result row and
    each result column. Their product is the divisor of a mean, and the number of pixels of a
    median.
    """

    how: str
    size: tuple[int, int]
    counts: tuple[Weights, Weights]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    loop = "pool"
    smooths = True
    whole = "it changes the size"

    @property
    def weighed(self) -> str:
        """A mean of what counts; the divisors of values and of weights are the same."""
        return {"mean": "means", "sum": "sums"}.get(self.how, "ranks")

    @property
    def largest(self) -> bool:
        """The maximum."""
        return self.how == "max"

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The window, with the gaps of its dilation; the caller places it."""
        y, x = (Axis(0, span(k, d)) for k, d in zip(self.size, self.dilation, strict=True))
        return y, x

    @property
    def area(self) -> int:
        """The number of pixels of the window."""
        return self.size[0] * self.size[1]

    @property
    def cost(self) -> float:
        """To read pixels, join columns, and join rows by doubling; or to sort them."""
        step = self.stride[0] * self.stride[1]
        if self.how == "median":
            return step + self.area * self.area.bit_length() ** 2 / 4
        return step + self.stride[1] * (self.size[0] + 1.5 * self.size[1].bit_length())

    @property
    def block(self) -> int:
        """A few rows, unless there are many rows under them."""
        return 4 if self.windows[0].span + 3 * self.stride[0] <= 64 else 1

    def computed_in(self, pixels: Pixels, result: DType) -> DType:
        """A dtype that holds every sum, or every pixel, exactly.

        Bytes are compared as bytes, many at once. Integers of 64 bits are used only if the result
        is one, because all other conversions go through float64.
        """
        dtype = pixels.dtype
        if self.how == "mean" or dtype.kind == "f":
            exact = pixels.largest * self.area < 1 << 24 or dtype.kind == "f"
            return pixels.float_type if exact else base.FLOAT64
        if self.how == "sum" and pixels.weighed:
            return base.FLOAT64
        if self.how == "sum":
            info = np.iinfo("u1" if dtype.kind == "b" else dtype)
            bound = self.area * max(int(info.max), -int(info.min))
            if bound < 1 << 24 and pixels.float_type == base.FLOAT32:
                return base.FLOAT32
            long = bound >= 1 << 53 and is_long(result) and np.can_cast(dtype, result)
            return result if long else base.FLOAT64
        keeps = native(dtype) == result
        if keeps and dtype.kind in "bu" and dtype.itemsize == 1 and self.how != "median":
            return np.dtype(np.uint8)
        return result if keeps and is_long(result) else pixels.float_type

    def work(self, pitch: int) -> int:
        """Three rows; for a median also the windows that are sorted at once, and a row for NaN."""
        return max(3 * pitch, (self.area + 1) * SORTED if self.how == "median" else 0)

    def pack(self, step: int, computed: DType) -> Packed:
        """Return the pooling; the counts for each row and for each sample."""
        down, across = self.counts
        pooling = base.record(
            POOLING,
            how=HOW.index(self.how),
            height=self.size[0],
            width=self.size[1],
            dilation_y=self.dilation[0],
            dilation_x=self.dilation[1] * step,
        )
        return [pooling], np.concatenate([down, np.repeat(across, step)])


def is_long(dtype: DType) -> bool:
    """Whether a dtype is an integer of 64 bits."""
    return dtype.kind in "iu" and dtype.itemsize == 8

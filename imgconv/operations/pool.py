"""Pooling: one number for each window."""

from dataclasses import dataclass

import numpy as np

from imgconv.core.windows import span
from imgconv.operations.base import (
    FLOAT32,
    FLOAT64,
    Axis,
    Operation,
    Pixels,
    Records,
    Weights,
    record,
    struct,
)

# What pooling makes of a window, in the order of `How` in pyx/pool.pyx.
HOW = ("max", "min", "sum", "mean", "median")

# Windows that pyx/pool.pyx sorts at once.
SORTED = 64

# `Window` in pyx/pool.pyx.
WINDOW = struct("how", "height", "width", "dilation_y", "dilation_x")


@dataclass(frozen=True, eq=False)
class Pool(Operation):
    """One number for each window: an extremum, a sum, a mean or a median of its pixels.

    `counts` says of each result row, and of each result column, how many of a window's rows and
    columns count; a mean divides by them, a median has so many pixels.
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
    def windows(self) -> tuple[Axis, Axis]:
        """The window with the gaps of its dilation; where it begins is the caller's to say."""
        y, x = (Axis(0, span(k, d)) for k, d in zip(self.size, self.dilation, strict=True))
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

    def pack(self, step: int, computed: np.dtype) -> tuple[Records, Weights]:
        """Return what is made of a window, its shape, and what counts of it by row and sample."""
        down, across = self.counts
        window = record(
            WINDOW,
            how=HOW.index(self.how),
            height=self.size[0],
            width=self.size[1],
            dilation_y=self.dilation[0],
            dilation_x=self.dilation[1] * step,
        )
        return [window], np.concatenate([down, np.repeat(across, step)])


def is_long(dtype: np.dtype) -> bool:
    """Whether a dtype is an integer of 64 bits."""
    return dtype.kind in "iu" and dtype.itemsize == 8

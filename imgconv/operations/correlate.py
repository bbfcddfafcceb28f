"""Dense kernels."""

from dataclasses import dataclass

import numpy as np

from imgconv.core.cache import cached_property
from imgconv.core.windows import span
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

# `Kernel` in pyx/correlate.pyx.
KERNEL = struct("height", "width", "dilation", "step")


@dataclass(frozen=True, eq=False)
class Correlation(Operation):
    """A dense kernel: result[y, x] = sum of kernel[i, j] * image[y + i - top, x + j - left]."""

    kernel: Weights
    origin: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    loop = "correlate"

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The kernel with the gaps of its dilation."""
        y, x = (
            Axis(at * d, span(k, d))
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

    def pack(self, step: int, computed: np.dtype) -> tuple[Records, Weights]:
        """Return height, width, row and column distance of taps, and the kernel row by row."""
        (height, width), (down, right) = self.kernel.shape, self.dilation
        kernel = record(KERNEL, height=height, width=width, dilation=down, step=right * step)
        return [kernel], self.kernel.ravel()

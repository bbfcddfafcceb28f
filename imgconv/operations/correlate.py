"""Dense correlation."""

from dataclasses import dataclass, replace

import numpy as np

from imgconv.core import border
from imgconv.core.cache import cached_property
from imgconv.core.windows import span
from imgconv.operations import base
from imgconv.operations.base import Axis, DType, Operation, Packed, Pixels, Weights

# `Kernel` in pyx/correlate.pyx.
KERNEL = base.struct("height", "width", "dilation", "step")


@dataclass(frozen=True, eq=False)
class Correlation(Operation):
    """A dense kernel: result[y, x] = sum of kernel[i, j] * image[y + i - top, x + j - left]."""

    kernel: Weights
    origin: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    weighed: str = ""
    loop = "correlate"
    takes_points = True

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The kernel, with the gaps of its dilation."""
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
        """Four rows share their loads, unless there is a stride."""
        return 4 if self.stride[0] == 1 else 1

    @cached_property
    def weight(self) -> float:
        """The sum of the absolute weights; infinity if they are not integers."""
        return base.absolute_sum(self.kernel)

    def folded(self, size: tuple[int, int], modes: tuple[str, str]) -> "Correlation":
        """Return it with the weights of all taps that see the same pixel added up."""
        kernel, origin = self.kernel, list(self.origin)
        for axis, (k, n, mode) in enumerate(zip(kernel.shape, size, modes, strict=True)):
            fold = border.fold(k, origin[axis], n, mode, self.dilation[axis])
            if fold is not None:
                kernel, origin[axis] = fold.add_up(kernel, axis), -fold.first
        if kernel is self.kernel:
            return self
        return replace(self, kernel=np.ascontiguousarray(kernel), origin=(origin[0], origin[1]))

    def computed_in(self, pixels: Pixels, result: DType) -> DType:
        """A short integer for integer weights on 8-bit pixels, if sums fit."""
        return base.sum_type(pixels, self.weight)

    def pack(self, step: int, computed: DType) -> Packed:
        """Return the shape of the kernel and the distances of its taps; its columns in a row."""
        (height, width), (down, right) = self.kernel.shape, self.dilation
        kernel = base.record(KERNEL, height=height, width=width, dilation=down, step=right * step)
        return [kernel], self.kernel.T.ravel()

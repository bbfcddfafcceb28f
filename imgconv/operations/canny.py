"""Canny's edges."""

from dataclasses import dataclass

import numpy as np

from imgconv.operations.base import (
    FLOAT64,
    Axis,
    Operation,
    Pixels,
    Records,
    Weights,
    in_a_row,
    record,
    struct,
)

# What `Canny` gives, in the order of `Stage` in pyx/canny.pyx.
STAGES = ("smooth", "magnitude", "classes")

# Columns that pyx/canny.pyx takes through a block together.
PIECE = 256

# `Filter` and `Numbers` in pyx/canny.pyx.
FILTER = struct(
    *("stage", "radius_y", "radius_x", "constant_y", "constant_x", "integer"),
    *("parts_y", "parts_x"),
)
NUMBERS = struct("low", "high", "scale", kind="d")


@dataclass(frozen=True, eq=False)
class Canny(Operation):
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
    loop = "canny"
    block = 32

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

    def pack(self, step: int, computed: np.dtype) -> tuple[Records, Weights]:
        """Return the loop's Filter; low, high, scale, the kernels and the parts in a row."""
        y, x = self.kernels
        filter = record(
            FILTER,
            stage=STAGES.index(self.stage),
            radius_y=len(y) - 1,
            radius_x=len(x) - 1,
            constant_y=self.constant[0],
            constant_x=self.constant[1],
            integer=self.scale is not None,
            parts_y=self.parts.shape[0],
            parts_x=self.parts.shape[1],
        )
        numbers = record(NUMBERS, low=self.low, high=self.high, scale=self.scale or 1.0)
        # They stay double where the rows are float32.
        return [filter], in_a_row([numbers, y, x, self.parts]).view(computed)

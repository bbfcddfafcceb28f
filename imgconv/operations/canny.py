"""Canny's edges, up to the hysteresis."""

from dataclasses import dataclass

from imgconv.operations import base
from imgconv.operations.base import Axis, DType, Operation, Packed, Pixels, Weights

# The results that `Canny` can give, in the order of `Stage` in pyx/canny.pyx.
STAGES = ("smooth", "magnitude", "classes")

# Columns of a block that pyx/canny.pyx computes together.
PIECE = 256

# `Header` and `Numbers` in pyx/canny.pyx.
HEADER = base.struct(
    *("stage", "radius_y", "radius_x", "constant_y", "constant_x", "integer"),
    *("parts_y", "parts_x"),
)
NUMBERS = base.struct("low", "high", "scale", kind="d")


@dataclass(frozen=True, eq=False)
class Canny(Operation):
    """Canny's edges up to the hysteresis: classes 0, 1 (weak) and 2 (strong), or an earlier stage.

    The kernels are halves of a Gaussian, from the centre outwards. `parts` is the part of the
    Gaussian that lies in the image, for the rows and columns where it differs; it is empty if the
    smoothed image is not divided by it. Integers are multiplied by `scale`.
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
        """The Gaussian, plus a pixel for the derivatives and one for the neighbours."""
        y, x = (Axis(len(half) + 1, 2 * len(half) + 3) for half in self.kernels)
        return y, x

    @property
    def cost(self) -> float:
        """Three operations for two taps, and about eighty for the rest."""
        return 80 + 3 * sum(map(len, self.kernels))

    def computed_in(self, pixels: Pixels, result: DType) -> DType:
        """The dtype of scikit-image's arrays; sums are double, and equal SciPy's to the bit."""
        return pixels.float_type if pixels.dtype.kind == "f" else base.FLOAT64

    def work(self, pitch: int) -> int:
        """Rows of a piece of a block: 20 for what is computed, and all rows under the block."""
        rows = self.block + self.windows[0].span
        return (20 + rows) * (PIECE + self.windows[1].span + 64) + 2 * rows + 32

    def pack(self, step: int, computed: DType) -> Packed:
        """Return the header; low, high, scale, the kernels and the parts in a row."""
        y, x = self.kernels
        header = base.record(
            HEADER,
            stage=STAGES.index(self.stage),
            radius_y=len(y) - 1,
            radius_x=len(x) - 1,
            constant_y=self.constant[0],
            constant_x=self.constant[1],
            integer=self.scale is not None,
            parts_y=self.parts.shape[0],
            parts_x=self.parts.shape[1],
        )
        numbers = base.record(NUMBERS, low=self.low, high=self.high, scale=self.scale or 1.0)
        # These are double even if rows are float32.
        return [header], base.in_a_row([numbers, y, x, self.parts]).view(computed)

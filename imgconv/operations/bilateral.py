"""The bilateral filter: means weighted by distance and by difference of colour."""

from dataclasses import dataclass

import numpy as np

from imgconv.operations import base
from imgconv.operations.base import Axis, DType, Operation, Packed, Weights

# `Metric` in pyx/bilateral.pyx; the heights of the columns follow.
METRIC = base.struct("manhattan", "scales")


@dataclass(frozen=True, eq=False)
class Bilateral(Operation):
    """Means weighted by `exp(nearness)` and by the distance of colours, of all channels together.

    `nearness` is -inf where the window has no pixel; each row of the window is one run of pixels.
    `deviations` are those of a Gaussian over the distance of colours: one for all images of a
    stack, or one for each. `measured` states whether they are those of the pixels of the images.
    """

    nearness: Weights
    deviations: tuple[float, ...]
    manhattan: bool = False
    measured: bool = False
    loop = "bilateral"
    smooths = True
    block = 1
    placeable = False

    @property
    def whole(self) -> str:
        """A measured deviation is that of all pixels."""
        return "sigma_color is the deviation of the whole image" if self.measured else ""

    @property
    def kept_rows(self) -> float:
        """For each row from the pixel down, three rows of numbers of a channel."""
        return 3 * (len(self.nearness) // 2 + 1)

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The window, centred at size // 2."""
        return base.centred(self.nearness.shape)

    @property
    def cost(self) -> float:
        """About twelve operations for each weight."""
        return 12.0 * np.count_nonzero(np.isfinite(self.nearness))

    def pack(self, step: int, computed: DType) -> Packed:
        """Return the metric and the heights of the columns; scales and nearness.

        Half of the window is enough: from the row of the pixel down.
        """
        lower = self.nearness[len(self.nearness) // 2 :].T / np.log(2)
        inside = np.isfinite(lower)
        # Limited, so that float32 does not overflow.
        scales = np.minimum(np.sqrt(0.5 / np.log(2)) / np.array(self.deviations), 1e38)
        metric = base.record(METRIC, manhattan=self.manhattan, scales=len(scales))
        heights = inside.sum(axis=1, dtype=np.intp)
        return [metric, heights], np.concatenate([scales, lower[inside]])

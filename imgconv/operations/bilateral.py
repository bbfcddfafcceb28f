"""Means weighted by distance and by likeness."""

from dataclasses import dataclass

import numpy as np

from imgconv.operations.base import Axis, Operation, Records, Weights, record, struct

# `Window` in pyx/bilateral.pyx; the heights of the columns follow.
WINDOW = struct("manhattan", "scales")


@dataclass(frozen=True, eq=False)
class Bilateral(Operation):
    """Means weighted by `exp(nearness)` and by how alike pixels are, all channels together.

    `nearness` is -inf where the window has no pixel; each row of the window is one run of pixels.
    `deviations` are those of a Gaussian over the distance of colours: one for all images of a
    stack, or one for each; `measured` where they are those of the images themselves.
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
        """A deviation is that of all pixels."""
        return "sigma_color is the deviation of the whole image" if self.measured else ""

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

    def pack(self, step: int, computed: np.dtype) -> tuple[Records, Weights]:
        """Return metric, number of scales and heights of the columns; scales and nearness.

        Half of the window is enough, from the pixel's own row down.
        """
        lower = self.nearness[len(self.nearness) // 2 :].T / np.log(2)
        inside = np.isfinite(lower)
        # Not so large that float32 had none for it.
        scales = np.minimum(np.sqrt(0.5 / np.log(2)) / np.array(self.deviations), 1e38)
        window = record(WINDOW, manhattan=self.manhattan, scales=len(scales))
        heights = inside.sum(axis=1, dtype=np.intp)
        return [window, heights], np.concatenate([scales, lower[inside]])

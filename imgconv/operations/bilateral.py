"""The bilateral filter: means weighted by distance and by difference of colour."""

from dataclasses import dataclass, replace

import numpy as np

from imgconv.core import border
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
    weighed = "apart"

    def folded(self, size: tuple[int, int], modes: tuple[str, str]) -> "Bilateral":
        """Return it with the weights added up of all taps that see the same pixel.

        The distance of colours is the same for these, so only their nearness counts.
        """
        nearness = self.nearness
        for axis in (0, 1):
            nearness = folded_nearness(nearness, size[axis], modes[axis], axis)
        if nearness is self.nearness:
            return self
        # The loop takes 1 for the weight of the pixel itself.
        middle = nearness[nearness.shape[0] // 2, nearness.shape[1] // 2]
        return replace(self, nearness=nearness - middle)

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


def folded_nearness(nearness: Weights, n: int, mode: str, axis: int) -> Weights:
    """Return the logarithms of weights along an axis of n pixels, added up where taps are shared.

    The window stays symmetric: of an even period, the taps half a period before and after the pixel
    see the same, and each has half of the weight.
    """
    taps = nearness.shape[axis]
    fold = border.fold(taps, taps // 2, n, mode)
    if fold is None:
        return nearness
    along = np.moveaxis(nearness, axis, 0)
    sums = np.full((fold.size + 1 - fold.size % 2, *along.shape[1:]), -np.inf)
    np.logaddexp.at(sums, fold.shared, along)
    if fold.size % 2 == 0:
        sums[0] -= np.log(2)
        sums[-1] = sums[0]
    return np.moveaxis(sums, 0, axis)

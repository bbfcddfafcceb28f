"""Which pixels the taps of a convolution read, along one axis.

A convolution has one phase: neighbouring results see windows one stride apart, all with the same
taps. A transposed convolution of stride s has s phases: results that are s apart see the same taps,
and so each phase is an ordinary convolution.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from imgconv.core.windows import Pair, Windows


class AxisPhases(NamedTuple):
    """The phases of an axis of n pixels, from which `count` pixels are computed.

    A phase is a tuple of taps (i, d). Result pixel ``cell * len(phases) + p`` sums over the taps of
    phase p: tap i of the kernel reads pixel ``cell * step + d``.
    """

    n: int
    count: int  # type: ignore[assignment]
    step: int
    phases: tuple[tuple[Pair, ...], ...]

    @property
    def cells(self) -> int:
        """How many cells there are; a cell is one result pixel of each phase."""
        return -(-self.count // len(self.phases))

    @property
    def before(self) -> int:
        """How far the first tap of the first cell lies ahead of the image."""
        return -min((d for taps in self.phases for _, d in taps), default=0)

    @property
    def span(self) -> int:
        """Pixels from the first to the last tap of a cell."""
        return max((d for taps in self.phases for _, d in taps), default=0) + self.before + 1

    @property
    def residues(self) -> int:
        """How many residues modulo `step` the pixels under a cell have, at most."""
        return min(self.step, self.span)

    @property
    def reach(self) -> int:
        """Steps from the first to the last tap of a cell."""
        return (self.span - 1) // self.step


@lru_cache(maxsize=256)
def forward(axis: Windows) -> AxisPhases:
    """Return the one phase of a convolution."""
    taps = tuple((i, i * axis.dilation - axis.before) for i in range(axis.k))
    return AxisPhases(axis.n, axis.count, axis.stride, (taps,))


@lru_cache(maxsize=256)
def transposed(axis: Windows) -> AxisPhases:
    """Return the phases of the transpose, from the windows of an axis back to its n pixels.

    Pixel o is tap i of window y where ``o + before == y * stride + i * dilation``.
    """
    phases = []
    for p in range(min(axis.stride, axis.n)):
        taps = ((i, p + axis.before - i * axis.dilation) for i in range(axis.k))
        phases.append(tuple((i, d // axis.stride) for i, d in taps if d % axis.stride == 0))
    return AxisPhases(axis.count, axis.n, 1, tuple(phases))

"""DIPlib."""

from __future__ import annotations

import numpy as np

from imgconv.bench.peers.base import Array, DType, Peer, PreparedCall


class DIPlib(Peer):
    """PyDIP. Its Gaussian has SciPy's taps; its border mirrors about the last pixel."""

    name, module, package = "DIPlib", "diplib", "diplib"

    def set_threads(self, count: int) -> None:
        self.library.SetNumberOfThreads(count)

    def gaussian(self, image: Array, result: DType, sigma: float) -> PreparedCall | None:
        if image.dtype != np.float32 or result != np.float32:
            return None
        return PreparedCall(
            lambda out: self.library.GaussFIR(image, [sigma], [0], ["mirror"], 4),
            "mirror border",
            fills_out=False,
            same_border=False,
        )

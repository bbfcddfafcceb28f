"""mahotas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from imgconv.bench.peers.base import (
    MANY,
    Array,
    DType,
    Peer,
    PreparedCall,
    kernel_of,
    pixels_under_taps,
    windows,
)


class Mahotas(Peer):
    """mahotas, one thread; images without colour."""

    name, module, package = "mahotas", "mahotas", "mahotas"

    def correlate(self, image: Array, result: DType, size: int) -> PreparedCall | None:
        if image.dtype != result or result.kind != "f":
            return None
        kernel = kernel_of(size).astype(result)
        return self._call(image, size, lambda: self.library.convolve(image, kernel, mode="reflect"))

    def gaussian(self, image: Array, result: DType, sigma: float) -> PreparedCall | None:
        if image.dtype != result or result.kind != "f":
            return None
        call = self._call(
            image, 1, lambda: self.library.gaussian_filter(image, sigma, mode="reflect")
        )
        return call and call._replace(slow=pixels_under_taps(image, sigma) > MANY)

    def median(self, image: Array, result: DType, size: int) -> PreparedCall | None:
        window = np.ones((size, size), bool)
        return self._call(
            image, size, lambda: self.library.median_filter(image, window, mode="reflect")
        )

    def _call(self, image: Array, size: int, run: Callable[[], Any]) -> PreparedCall | None:
        if image.ndim != 2:
            return None
        return PreparedCall(lambda out: run(), fills_out=False, slow=windows(image, size) > MANY)

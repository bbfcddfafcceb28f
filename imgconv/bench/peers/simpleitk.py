"""SimpleITK."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from imgconv.bench.peers.base import MANY, Array, DType, Peer, PreparedCall, windows


class SimpleITK(Peer):
    """ITK, whose border repeats the nearest pixel; images are copied to it before."""

    name, module, package = "SimpleITK", "SimpleITK", "SimpleITK"

    def set_threads(self, count: int) -> None:
        self.library.ProcessObject.SetGlobalDefaultNumberOfThreads(count)

    def box(self, image: Array, result: DType, size: int) -> PreparedCall | None:
        if result.kind != "f":
            return None
        return self._call(image, lambda given: self.library.BoxMean(given, [size // 2] * 2))

    def median(self, image: Array, result: DType, size: int) -> PreparedCall | None:
        call = self._call(image, lambda given: self.library.Median(given, [size // 2] * 2))
        return call and call._replace(slow=windows(image, size) > MANY)

    def minimum(self, image: Array, result: DType, size: int) -> PreparedCall | None:
        return self._flat("GrayscaleErode", image, size)

    def maximum(self, image: Array, result: DType, size: int) -> PreparedCall | None:
        return self._flat("GrayscaleDilate", image, size)

    def _flat(self, function: str, image: Array, size: int) -> PreparedCall | None:
        apply = getattr(self.library, function)
        shape = self.library.sitkBox
        return self._call(image, lambda given: apply(given, [size // 2] * 2, shape))

    def _call(self, image: Array, apply: Callable[[Any], Any]) -> PreparedCall | None:
        if image.ndim != 2:
            return None
        given = self.library.GetImageFromArray(image)
        # An array of a result is valid as long as the result is there.
        kept: list[Any] = [None]

        def run(_out: Array | None) -> Array:
            kept[0] = apply(given)
            pixels: Array = np.asarray(self.library.GetArrayViewFromImage(kept[0]))
            return pixels

        return PreparedCall(run, "extended border", fills_out=False, same_border=False)

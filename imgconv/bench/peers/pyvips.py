"""pyvips, the Python of libvips."""

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
    taps_of,
    windows,
)


class Vips(Peer):
    """libvips, whose border repeats the nearest pixel. Images are given to it without a copy."""

    name, module, package = "libvips", "pyvips", "pyvips"

    def __init__(self) -> None:
        super().__init__()
        # So that no call finds the operation of the one before.
        self.library.cache_set_max(0)

    def describe(self) -> str:
        return ".".join(str(self.library.version(i)) for i in range(3))

    def set_threads(self, count: int) -> None:
        self.library.vips_lib.vips_concurrency_set(count)

    def correlate(self, image: Array, result: DType, size: int) -> PreparedCall | None:
        kernel = self.library.Image.new_from_list(kernel_of(size).tolist())
        call = self._call(image, result, lambda given: given.conv(kernel, precision="float"))
        return call and call._replace(slow=windows(image, size) > MANY)

    def gaussian(self, image: Array, result: DType, sigma: float) -> PreparedCall | None:
        kernel = self.library.Image.new_from_list([taps_of(sigma).tolist()])
        call = self._call(image, result, lambda given: given.convsep(kernel, precision="float"))
        return call and call._replace(slow=pixels_under_taps(image, sigma) > MANY)

    def minimum(self, image: Array, result: DType, size: int) -> PreparedCall | None:
        return self._ranked(image, result, size, 0)

    def maximum(self, image: Array, result: DType, size: int) -> PreparedCall | None:
        return self._ranked(image, result, size, size * size - 1)

    def median(self, image: Array, result: DType, size: int) -> PreparedCall | None:
        return self._ranked(image, result, size, size * size // 2)

    def _ranked(self, image: Array, result: DType, size: int, rank: int) -> PreparedCall | None:
        """Take a pixel of each window; only those of 8 bits have a fast algorithm."""
        call = self._call(image, result, lambda given: given.rank(size, size, rank))
        slow = image.dtype != np.uint8 and windows(image, size) > MANY
        return call and call._replace(slow=slow)

    def _call(
        self, image: Array, result: DType, apply: Callable[[Any], Any]
    ) -> PreparedCall | None:
        if image.dtype == np.float64 or result.name not in ("uint8", "uint16", "float32"):
            return None
        given = self.library.Image.new_from_array(image)
        wanted = {"uint8": "uchar", "uint16": "ushort", "float32": "float"}[result.name]

        def run(_out: Array | None) -> Array:
            found = apply(given)
            if found.format != wanted:
                found = (found.rint() if result.kind in "ui" else found).cast(wanted)
            pixels: Array = found.numpy()
            return pixels

        return PreparedCall(run, "extended border", fills_out=False, same_border=False)

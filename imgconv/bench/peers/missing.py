"""Libraries that leave out missing pixels: Astropy and silx."""

from __future__ import annotations

from importlib import import_module

import numpy as np

from imgconv.bench.peers.base import Array, DType, Peer, PreparedCall


class Astropy(Peer):
    """astropy.convolution, one thread: dense kernels, whatever their factors."""

    name, module, package = "Astropy", "astropy.convolution", "astropy"

    def missing(self, image: Array, result: DType, work: str, number: float) -> PreparedCall | None:
        kernels = import_module("imgconv.kernels")
        if work == "gaussian":
            along = kernels.gaussian(number)
            kernel = np.outer(along, along)
        elif work == "box" and number % 2:
            kernel = np.full((int(number), int(number)), 1 / number**2)
        else:
            return None
        return PreparedCall(
            lambda out: self.library.convolve(image, kernel, boundary="extend"),
            "extended border",
            fills_out=False,
            same_border=False,
        )


class Silx(Peer):
    """silx, whose median leaves NaN out and takes the same pixel of an even number."""

    name, module, package = "silx", "silx.math.medianfilter", "silx"

    def missing(self, image: Array, result: DType, work: str, number: float) -> PreparedCall | None:
        if work != "median":
            return None
        return PreparedCall(
            lambda out: self.library.medfilt2d(image, int(number), mode="reflect"),
            fills_out=False,
        )

"""SciPy: `scipy.ndimage`, which is also the reference, and `scipy.signal`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from imgconv.bench.peers.base import (
    FARID_EDGE,
    FARID_SMOOTH,
    SCHARR_SMOOTH,
    SOBEL_EDGE,
    SOBEL_SMOOTH,
    Array,
    DType,
    Peer,
    PreparedCall,
    disk_of,
    kernel_of,
    low_rank_kernel,
)

# Above so many pixels in all windows together, SciPy's median takes more than four seconds.
SLOW = 120_000_000


def upper_median(window: Array) -> float:
    """Return the pixel that comes after half of those that are not NaN."""
    counted = np.sort(window[~np.isnan(window)])
    return float(counted[len(counted) // 2]) if counted.size else np.nan


class SciPy(Peer):
    """scipy.ndimage, one thread. In float64 it is the reference for all libraries."""

    name, module, package = "SciPy", "scipy.ndimage", "scipy"

    def correlate(self, image: Array, result: DType, size: int) -> PreparedCall:
        kernel = kernel_of(size)[..., None] if image.ndim == 3 else kernel_of(size)
        note = "truncated, not rounded" if result.kind in "ui" else ""
        return PreparedCall(
            lambda out: self.library.correlate(image, kernel, result if out is None else out), note
        )

    def missing(self, image: Array, result: DType, work: str, number: float) -> PreparedCall:
        """Take the quotient of two filtered images; medians have none."""
        if work == "median":
            apply = self.library.generic_filter
            return PreparedCall(
                lambda out: apply(image, upper_median, number), fills_out=False, slow=True
            )
        counts = np.isfinite(image)
        pixels, weights = np.where(counts, image, 0), counts.astype(image.dtype)

        def smooth(array: Array) -> Array:
            name = {"gaussian": "gaussian_filter", "box": "uniform_filter"}[work]
            smoothed: Array = getattr(self.library, name)(array, number)
            return smoothed

        return PreparedCall(lambda out: smooth(pixels) / smooth(weights), fills_out=False)

    def correlate_large(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._overlap_add(image, result, kernel_of(size))

    def correlate_low_rank(self, image: Array, result: DType, size: int, rank: int) -> PreparedCall:
        return self._overlap_add(image, result, low_rank_kernel(size, rank))

    def _overlap_add(self, image: Array, result: DType, kernel: Array) -> PreparedCall:
        """Use the transforms of scipy.signal, which have no border modes, on a padded image."""
        convolve = import_module("scipy.signal").oaconvolve
        flipped = kernel[::-1, ::-1].astype(result)
        margins = [(n // 2, n - 1 - n // 2) for n in kernel.shape]
        return PreparedCall(
            lambda out: convolve(
                np.pad(image, margins, "symmetric").astype(result, copy=False), flipped, "valid"
            ),
            method="DFT",
            fills_out=False,
        )

    def gaussian(self, image: Array, result: DType, sigma: float) -> PreparedCall:
        note = "truncated, not rounded" if result.kind in "ui" else ""
        return PreparedCall(
            lambda out: self.library.gaussian_filter(
                image, sigma, output=result if out is None else out, axes=(0, 1)
            ),
            note,
        )

    def box(self, image: Array, result: DType, size: int) -> PreparedCall:
        note = "truncated, not rounded" if result.kind in "ui" else ""
        return PreparedCall(
            lambda out: self.library.uniform_filter(
                image, size, result if out is None else out, axes=(0, 1)
            ),
            note,
        )

    def variance(self, image: Array, result: DType, size: int) -> PreparedCall:
        """Take the mean of squares minus the square of the mean, in float64."""
        mean = self.library.uniform_filter

        def run(out: Array | None) -> Array:
            pixels = image.astype(np.float64)
            centre = mean(pixels, size)
            np.square(pixels, out=pixels)
            squares = mean(pixels, size)
            np.square(centre, out=centre)
            spread: Array = np.subtract(squares, centre, out, dtype=np.float64, casting="same_kind")
            return spread

        return PreparedCall(run)

    def sobel_x(self, image: Array, result: DType) -> PreparedCall:
        return PreparedCall(
            lambda out: self._separable(
                image, SOBEL_SMOOTH, SOBEL_EDGE, result if out is None else out
            )
        )

    def sobel_magnitude(self, image: Array, result: DType) -> PreparedCall:
        return self._magnitude(image, result, SOBEL_SMOOTH / 4, SOBEL_EDGE)

    def scharr_magnitude(self, image: Array, result: DType) -> PreparedCall:
        return self._magnitude(image, result, SCHARR_SMOOTH / 16, SOBEL_EDGE)

    def farid_magnitude(self, image: Array, result: DType) -> PreparedCall:
        return self._magnitude(image, result, FARID_SMOOTH, FARID_EDGE)

    def _magnitude(self, image: Array, result: DType, smooth: Array, edge: Array) -> PreparedCall:
        half = smooth / 2**0.5
        return PreparedCall(
            lambda out: np.hypot(
                self._separable(image, edge, half, result),
                self._separable(image, half, edge, result),
                out,
            )
        )

    def _separable(self, image: Array, along_y: Array, along_x: Array, output: Any) -> Array:
        first = self.library.correlate1d(image, along_y, 0, output)
        filtered: Array = self.library.correlate1d(first, along_x, 1, first)
        return filtered

    def laplace(self, image: Array, result: DType) -> PreparedCall:
        return PreparedCall(lambda out: self.library.laplace(image, result if out is None else out))

    def gaussian_laplace(self, image: Array, result: DType, sigma: float) -> PreparedCall:
        return PreparedCall(
            lambda out: self.library.gaussian_laplace(image, sigma, result if out is None else out)
        )

    def difference_of_gaussians(
        self, image: Array, result: DType, low: float, high: float
    ) -> PreparedCall:
        blur = self.library.gaussian_filter
        return PreparedCall(
            lambda out: np.subtract(
                blur(image, low, output=result), blur(image, high, output=result), out
            )
        )

    def pool(self, image: Array, result: DType, how: str, size: int, stride: int) -> PreparedCall:
        apply = {"max": self.library.maximum_filter, "mean": self.library.uniform_filter}[how]
        note = "truncated, not rounded" if how == "mean" and result.kind in "ui" else ""
        first = size // 2
        last = [n - size + first + 1 for n in image.shape]
        inside = tuple(slice(first, end, stride) for end in last)
        return PreparedCall(
            lambda out: apply(image, size, output=result)[inside], note, fills_out=False
        )

    def guided(self, image: Array, result: DType, radius: int, eps: float) -> PreparedCall | None:
        if image.ndim != 2 or image.dtype != result or result.kind != "f":
            return None

        def mean(array: Array) -> Array:
            means: Array = self.library.uniform_filter(array, 2 * radius + 1)
            return means

        def run(out: Array | None) -> Array:
            average = mean(image)
            variance = mean(image * image) - average**2
            a = variance / (variance + eps)
            filtered: Array = np.add(mean(a) * image, mean(average - a * average), out)
            return filtered

        return PreparedCall(run)

    def minimum(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._rank("minimum_filter", image, size)

    def maximum(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._rank("maximum_filter", image, size)

    def median(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._rank("median_filter", image, size)

    def _rank(self, function: str, image: Array, size: int) -> PreparedCall:
        apply = getattr(self.library, function)
        slow = function == "median_filter" and size * size * image.size > SLOW
        return PreparedCall(lambda out: apply(image, size, output=out, axes=(0, 1)), slow=slow)

    def opening(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._morphology("grey_opening", image, size)

    def morphological_gradient(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._morphology("morphological_gradient", image, size)

    def white_tophat(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._morphology("white_tophat", image, size)

    def _morphology(self, function: str, image: Array, size: int) -> PreparedCall:
        apply = getattr(self.library, function)
        return PreparedCall(lambda out: apply(image, size, output=out))

    def dilate_disk(self, image: Array, result: DType, size: int) -> PreparedCall:
        footprint = disk_of(size)
        return PreparedCall(
            lambda out: self.library.grey_dilation(image, footprint=footprint, output=out)
        )


class SciPySignal(Peer):
    """scipy.signal, one thread: the direct 2-D sum."""

    name, module, package = "scipy.signal", "scipy.signal", "scipy"

    def correlate(self, image: Array, result: DType, size: int) -> PreparedCall | None:
        if image.dtype != result or result.kind in "ui" or image.ndim != 2:
            return None
        kernel = kernel_of(size).astype(result)
        return PreparedCall(
            lambda out: self.library.correlate2d(image, kernel, "same", "symm"), fills_out=False
        )

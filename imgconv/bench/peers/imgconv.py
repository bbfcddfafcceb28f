"""imgconv itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgconv.bench.peers.base import (
    Array,
    DType,
    Peer,
    PreparedCall,
    blob_threshold,
    disk_of,
    full_scale,
    kernel_of,
    low_rank_kernel,
    marked,
    template_of,
)


class Imgconv(Peer):
    """imgconv, with as many threads as are set."""

    name, module, package = "imgconv", "imgconv", "imgconv"

    def describe(self) -> str:
        return str(self.library.__version__)

    def set_threads(self, count: int) -> None:
        self.library.set_num_threads(count)

    def _call(
        self, function: str, image: Array, result: DType, *arguments: Any, **options: Any
    ) -> PreparedCall:
        apply = getattr(self.library, function)
        if image.ndim == 3 and "axes" not in options:
            options["channel_axis"] = -1
        # Where the result has this dtype by default, the call is measured without the argument.
        if result != apply(image[:9, :9], *arguments, **options).dtype:
            options["dtype"] = result
        return PreparedCall(lambda out: apply(image, *arguments, out=out, **options))

    def stacked(self, images: Array, result: DType, work: str, *numbers: Any) -> PreparedCall:
        arguments = {"correlate": kernel_of}.get(work, lambda number: number)
        return self._call(work, images, result, *map(arguments, numbers), axes=(1, 2))

    def correlate(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._call("correlate", image, result, kernel_of(size))

    correlate_large = correlate

    def correlate_low_rank(self, image: Array, result: DType, size: int, rank: int) -> PreparedCall:
        return self._call("correlate", image, result, low_rank_kernel(size, rank))

    def gaussian(self, image: Array, result: DType, sigma: float) -> PreparedCall:
        return self._call("gaussian", image, result, sigma)

    def gaussian_resampled(self, image: Array, result: DType, sigma: float) -> PreparedCall:
        call = self._call("gaussian", image, result, sigma, method="resample")
        return call._replace(note="resampled")

    def box(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._call("box", image, result, size)

    def variance(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._call("variance", image, result, size)

    def sauvola(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._binary(image, "sauvola", size)

    def local_gaussian(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._binary(image, "gaussian", size)

    def otsu(self, image: Array, result: DType) -> PreparedCall:
        return self._binary(image, "otsu")

    def li(self, image: Array, result: DType) -> PreparedCall:
        return self._binary(image, "li")

    def triangle(self, image: Array, result: DType) -> PreparedCall:
        return self._binary(image, "triangle")

    def entropy(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._call("entropy", image, result, size, mode="ignore")

    def clahe(self, image: Array, result: DType, tile: int, limit: float) -> PreparedCall:
        return self._call("clahe", image, result, tile, limit)

    def _binary(self, image: Array, *arguments: Any) -> PreparedCall:
        return PreparedCall(lambda out: self.library.binarize(image, *arguments, out=out))

    def rolling_ball(self, image: Array, result: DType, radius: int) -> PreparedCall:
        return PreparedCall(lambda out: self.library.rolling_ball(image, radius, out=out))

    def sobel_x(self, image: Array, result: DType) -> PreparedCall:
        return self._call("sobel", image, result, axis=1, normalize=False)

    def sobel_magnitude(self, image: Array, result: DType) -> PreparedCall:
        return self._call("sobel", image, result)

    def scharr_magnitude(self, image: Array, result: DType) -> PreparedCall:
        return self._call("scharr", image, result)

    def farid_magnitude(self, image: Array, result: DType) -> PreparedCall:
        return self._call("farid", image, result)

    def laplace(self, image: Array, result: DType) -> PreparedCall:
        return self._call("laplace", image, result)

    def gaussian_laplace(self, image: Array, result: DType, sigma: float) -> PreparedCall:
        return self._call("gaussian_laplace", image, result, sigma)

    def difference_of_gaussians(
        self, image: Array, result: DType, low: float, high: float
    ) -> PreparedCall:
        return self._call("difference_of_gaussians", image, result, low, high)

    def corners(self, image: Array, result: DType, method: str, sigma: float) -> PreparedCall:
        return self._call("corners", image, result, method, sigma)

    def hessian(self, image: Array, result: DType, sigma: float) -> PreparedCall:
        apply = self.library.hessian
        return PreparedCall(lambda out: np.moveaxis(apply(image, sigma), 0, -1), fills_out=False)

    def peaks(self, image: Array, result: DType, distance: int) -> PreparedCall:
        apply = self.library.peaks
        return PreparedCall(lambda out: marked(image, apply(image, distance)), fills_out=False)

    def blobs(
        self, image: Array, result: DType, method: str, smallest: float, largest: float
    ) -> PreparedCall:
        apply, threshold = self.library.blobs, blob_threshold(image, method)
        options = {"method": method, "steps": 5, "threshold": threshold}
        return PreparedCall(
            lambda out: marked(image, apply(image, smallest, largest, **options)), fills_out=False
        )

    def ridges(self, image: Array, result: DType, method: str, sigma: float) -> PreparedCall:
        return self._call("ridges", image, result, [sigma], method)

    def match(self, image: Array, result: DType, method: str, size: int) -> PreparedCall:
        apply, template = self.library.match, template_of(image, size)
        return PreparedCall(lambda out: apply(image, template, method=method, out=out))

    def pool(self, image: Array, result: DType, how: str, size: int, stride: int) -> PreparedCall:
        return self._call("pool", image, result, size, stride, how=how)

    def canny(self, image: Array, result: DType, sigma: float) -> PreparedCall:
        return self._call("canny", image, result, sigma)

    def hysteresis(self, image: Array, result: DType, low: float, high: float) -> PreparedCall:
        top = full_scale(image.dtype)
        return self._call("hysteresis", image, result, low * top, high * top)

    def bilateral(self, image: Array, result: DType, size: int, sigma: float) -> PreparedCall:
        return self._call(
            "bilateral",
            image,
            result,
            win_size=size,
            sigma_color=sigma,
            sigma_spatial=size / 4,
            window="disk",
            metric="l1",
        )

    def guided(self, image: Array, result: DType, radius: int, eps: float) -> PreparedCall:
        apply = self.library.guided
        return PreparedCall(lambda out: apply(image, image, radius, eps, out=out))

    def missing(self, image: Array, result: DType, work: str, number: float) -> PreparedCall:
        return self._call(work, image, result, number, nan="omit")

    def minimum(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._call("minimum", image, result, size)

    def maximum(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._call("maximum", image, result, size)

    def median(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._call("median", image, result, size)

    def opening(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._call("opening", image, result, size)

    def morphological_gradient(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._call("morphological_gradient", image, result, size)

    def white_tophat(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._call("white_tophat", image, result, size)

    def dilate_disk(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._call("dilate", image, result, footprint=disk_of(size))

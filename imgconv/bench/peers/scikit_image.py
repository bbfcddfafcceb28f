"""scikit-image."""

from __future__ import annotations

from importlib import import_module

import numpy as np

from imgconv.bench.peers.base import (
    Array,
    DType,
    Peer,
    PreparedCall,
    blob_threshold,
    full_scale,
    marked,
    template_of,
)


class ScikitImage(Peer):
    """skimage.filters, one thread."""

    name, module, package = "scikit-image", "skimage.filters", "scikit-image"

    def gaussian(self, image: Array, result: DType, sigma: float) -> PreparedCall:
        channel_axis = -1 if image.ndim == 3 else None
        note = "" if result.kind == "f" else "float result"
        return PreparedCall(
            lambda out: self.library.gaussian(
                image, sigma, mode="reflect", preserve_range=True, channel_axis=channel_axis
            ),
            note,
            fills_out=False,
        )

    def sobel_magnitude(self, image: Array, result: DType) -> PreparedCall | None:
        return self._edges("sobel", image, result)

    def scharr_magnitude(self, image: Array, result: DType) -> PreparedCall | None:
        return self._edges("scharr", image, result)

    def farid_magnitude(self, image: Array, result: DType) -> PreparedCall | None:
        return self._edges("farid", image, result)

    def _edges(self, function: str, image: Array, result: DType) -> PreparedCall | None:
        # Results of integers would have another scale.
        apply = getattr(self.library, function)
        return (
            PreparedCall(lambda out: apply(image), fills_out=False)
            if image.dtype == result
            else None
        )

    def difference_of_gaussians(
        self, image: Array, result: DType, low: float, high: float
    ) -> PreparedCall | None:
        if image.dtype != result:
            return None
        return PreparedCall(
            lambda out: self.library.difference_of_gaussians(image, low, high, mode="reflect"),
            fills_out=False,
        )

    def corners(self, image: Array, result: DType, method: str, sigma: float) -> PreparedCall:
        apply = getattr(import_module("skimage.feature"), f"corner_{method}")
        pixels = image.astype(result)  # it would rescale integers
        return PreparedCall(
            lambda out: apply(pixels, sigma=sigma), fills_out=False, same_border=False
        )

    def hessian(self, image: Array, result: DType, sigma: float) -> PreparedCall:
        apply, pixels = import_module("skimage.feature").hessian_matrix, image.astype(result)
        return PreparedCall(
            lambda out: np.stack(apply(pixels, sigma, use_gaussian_derivatives=True), axis=-1),
            fills_out=False,
            same_border=False,
        )

    def peaks(self, image: Array, result: DType, distance: int) -> PreparedCall:
        apply = import_module("skimage.feature").peak_local_max
        return PreparedCall(lambda out: marked(image, apply(image, distance)), fills_out=False)

    def blobs(
        self, image: Array, result: DType, method: str, smallest: float, largest: float
    ) -> PreparedCall:
        apply = getattr(import_module("skimage.feature"), f"blob_{method}")
        pixels = image.astype(np.float32)  # it would rescale integers
        options = {} if method == "dog" else {"num_sigma": 5}
        threshold = blob_threshold(image, method)
        return PreparedCall(
            lambda out: marked(
                image, apply(pixels, smallest, largest, threshold=threshold, **options)
            ),
            fills_out=False,
        )

    def ridges(self, image: Array, result: DType, method: str, sigma: float) -> PreparedCall:
        apply, pixels = getattr(self.library, method), image.astype(result)
        return PreparedCall(lambda out: apply(pixels, [sigma]), fills_out=False, same_border=False)

    def match(self, image: Array, result: DType, method: str, size: int) -> PreparedCall | None:
        if method != "zncc":
            return None
        apply = import_module("skimage.feature").match_template
        pixels, template = image.astype(result), template_of(image, size).astype(result)
        return PreparedCall(lambda out: apply(pixels, template), "float32 sums", fills_out=False)

    def pool(
        self, image: Array, result: DType, how: str, size: int, stride: int
    ) -> PreparedCall | None:
        if size != stride or image.ndim != 2:
            return None
        block_reduce, reduce = import_module("skimage.measure").block_reduce, getattr(np, how)
        height, width = (n // size * size for n in image.shape)
        note = "" if how == "max" or result.kind == "f" else "float64 result"
        whole = image[:height, :width]
        return PreparedCall(lambda out: block_reduce(whole, size, reduce), note, fills_out=False)

    def sauvola(self, image: Array, result: DType, size: int) -> PreparedCall:
        return PreparedCall(
            lambda out: image > self.library.threshold_sauvola(image, size), fills_out=False
        )

    def local_gaussian(self, image: Array, result: DType, size: int) -> PreparedCall:
        return PreparedCall(
            lambda out: np.greater(image, self.library.threshold_local(image, size), out=out)
        )

    def otsu(self, image: Array, result: DType) -> PreparedCall:
        return self._above("otsu", image)

    def li(self, image: Array, result: DType) -> PreparedCall:
        return self._above("li", image)

    def triangle(self, image: Array, result: DType) -> PreparedCall:
        return self._above("triangle", image)

    def _above(self, method: str, image: Array) -> PreparedCall:
        threshold = getattr(self.library, f"threshold_{method}")
        return PreparedCall(lambda out: np.greater(image, threshold(image), out=out))

    def entropy(self, image: Array, result: DType, size: int) -> PreparedCall:
        footprint = np.ones((size, size), np.uint8)
        return PreparedCall(
            lambda out: self.library.rank.entropy(image, footprint), fills_out=False
        )

    def rolling_ball(self, image: Array, result: DType, radius: int) -> PreparedCall:
        apply = import_module("skimage.restoration").rolling_ball
        return PreparedCall(lambda out: apply(image, radius=radius, workers=1), fills_out=False)

    def canny(self, image: Array, result: DType, sigma: float) -> PreparedCall:
        canny = import_module("skimage.feature").canny
        return PreparedCall(lambda out: canny(image, sigma), fills_out=False)

    def hysteresis(self, image: Array, result: DType, low: float, high: float) -> PreparedCall:
        apply, top = self.library.apply_hysteresis_threshold, full_scale(image.dtype)
        return PreparedCall(lambda out: apply(image, low * top, high * top), fills_out=False)

    def bilateral(
        self, image: Array, result: DType, size: int, sigma: float
    ) -> PreparedCall | None:
        if image.dtype != result or result.kind != "f":
            return None
        apply = import_module("skimage.restoration").denoise_bilateral
        channels = image.shape[2] if image.ndim == 3 else 1
        # It divides the distance of colours by the number of channels.
        return PreparedCall(
            lambda out: apply(
                image, size, sigma / channels, size / 4, mode="symmetric",
                channel_axis=-1 if channels > 1 else None,
            ),
            "square window, other weights",
            fills_out=False,
        )  # fmt: skip

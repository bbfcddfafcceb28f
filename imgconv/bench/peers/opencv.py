"""OpenCV."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from imgconv.bench.peers.base import (
    FARID_EDGE,
    FARID_SMOOTH,
    Array,
    DType,
    Peer,
    PreparedCall,
    disk_of,
    kernel_of,
    low_rank_kernel,
    template_of,
)


class OpenCV(Peer):
    """cv2, with BORDER_REFLECT and Gaussians of 2 int(4 sigma + 1/2) + 1 taps."""

    name, module, package = "OpenCV", "cv2", "opencv-python-headless"

    def describe(self) -> str:
        ipp = self.library.ipp
        # As in "ippIP AVX2 (l9) 2026.0.0 (-) Mar 27 2026".
        found = re.search(r"ippIP (\S+) \(\w+\) (\S+)", ipp.getIppVersion())
        with_ipp = f"IPP {found[2]} {found[1]}" if found and ipp.useIPP() else "without IPP"
        return f"{self.library.__version__} ({with_ipp})"

    def set_threads(self, count: int) -> None:
        self.library.setNumThreads(count)

    def _depth(self, result: DType) -> int:
        depths: dict[str, int] = {
            "uint8": self.library.CV_8U,
            "int16": self.library.CV_16S,
            "uint16": self.library.CV_16U,
            "float32": self.library.CV_32F,
            "float64": self.library.CV_64F,
        }
        return depths[result.name]

    def correlate(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._filter(image, result, kernel_of(size))

    correlate_large = correlate

    def correlate_low_rank(self, image: Array, result: DType, size: int, rank: int) -> PreparedCall:
        return self._filter(image, result, low_rank_kernel(size, rank))

    def _filter(self, image: Array, result: DType, kernel: Array) -> PreparedCall:
        cv2, depth = self.library, self._depth(result)
        # The limits in the source of filter2D, above which it uses transforms.
        fast = image.dtype in (np.uint8, np.float32) and result in (np.uint8, np.int16, np.float32)
        method = "DFT" if kernel.size >= (130 if fast else 50) else ""
        return PreparedCall(
            lambda out: cv2.filter2D(image, depth, kernel, dst=out, borderType=cv2.BORDER_REFLECT),
            method=method,
        )

    def gaussian(self, image: Array, result: DType, sigma: float) -> PreparedCall | None:
        if result != image.dtype:
            return None
        cv2, taps = self.library, 2 * int(4 * sigma + 0.5) + 1
        note = f"{8 * image.itemsize}-bit weights" if image.dtype.kind == "u" else ""
        return PreparedCall(
            lambda out: cv2.GaussianBlur(
                image, (taps, taps), sigma, dst=out, sigmaY=sigma, borderType=cv2.BORDER_REFLECT
            ),
            note,
        )

    def box(self, image: Array, result: DType, size: int) -> PreparedCall:
        cv2, depth = self.library, self._depth(result)
        return PreparedCall(
            lambda out: cv2.boxFilter(
                image, depth, (size, size), dst=out, borderType=cv2.BORDER_REFLECT
            )
        )

    def variance(self, image: Array, result: DType, size: int) -> PreparedCall:
        """Take the mean of squares minus the square of the mean, in the dtype of the result."""
        cv2, depth = self.library, self._depth(result)
        window, border = (size, size), cv2.BORDER_REFLECT

        def run(out: Array | None) -> Array:
            centre = cv2.boxFilter(image, depth, window, borderType=border)
            squares = cv2.sqrBoxFilter(image, depth, window, dst=out, borderType=border)
            spread: Array = cv2.subtract(squares, cv2.multiply(centre, centre, centre), squares)
            return spread

        return PreparedCall(run, "float32 sums")

    def clahe(self, image: Array, result: DType, tile: int, limit: float) -> PreparedCall:
        height, width = image.shape
        equalize = self.library.createCLAHE(limit, (width // tile, height // tile))
        return PreparedCall(lambda out: equalize.apply(image, out))

    def sobel_x(self, image: Array, result: DType) -> PreparedCall:
        cv2, depth = self.library, self._depth(result)
        return PreparedCall(
            lambda out: cv2.Sobel(
                image, depth, 1, 0, dst=out, ksize=3, borderType=cv2.BORDER_REFLECT
            )
        )

    def sobel_magnitude(self, image: Array, result: DType) -> PreparedCall:
        cv2, depth, scale = self.library, self._depth(result), 1 / (4 * 2**0.5)
        return self._magnitude(
            lambda dx, dy: cv2.Sobel(
                image, depth, dx, dy, ksize=3, scale=scale, borderType=cv2.BORDER_REFLECT
            )
        )

    def scharr_magnitude(self, image: Array, result: DType) -> PreparedCall:
        cv2, depth, scale = self.library, self._depth(result), 1 / (16 * 2**0.5)
        return self._magnitude(
            lambda dx, dy: cv2.Scharr(
                image, depth, dx, dy, scale=scale, borderType=cv2.BORDER_REFLECT
            )
        )

    def farid_magnitude(self, image: Array, result: DType) -> PreparedCall:
        cv2, depth = self.library, self._depth(result)
        smooth, edge = FARID_SMOOTH / 2**0.5, FARID_EDGE
        return self._magnitude(
            lambda dx, dy: cv2.sepFilter2D(
                image,
                depth,
                edge if dx else smooth,
                smooth if dx else edge,
                borderType=cv2.BORDER_REFLECT,
            )
        )

    def _magnitude(self, derivative: Callable[[int, int], Array]) -> PreparedCall:
        magnitude = self.library.magnitude
        return PreparedCall(lambda out: magnitude(derivative(1, 0), derivative(0, 1), out))

    def corners(
        self, image: Array, result: DType, method: str, sigma: float
    ) -> PreparedCall | None:
        if image.dtype not in (np.uint8, np.float32):
            return None
        cv2, border = self.library, self.library.BORDER_REFLECT
        size = 2 * int(2 * sigma) + 1  # a box as wide as two deviations on both sides
        if method == "harris":
            return PreparedCall(
                lambda out: cv2.cornerHarris(image, size, 3, 0.05, out, border), "box window"
            )
        return PreparedCall(
            lambda out: cv2.cornerMinEigenVal(image, size, out, 3, border), "box window"
        )

    def match(self, image: Array, result: DType, method: str, size: int) -> PreparedCall | None:
        if image.dtype not in (np.uint8, np.float32):
            return None
        cv2, template = self.library, template_of(image, size)
        names = {"zncc": "TM_CCOEFF_NORMED", "ncc": "TM_CCORR_NORMED", "ssd": "TM_SQDIFF"}
        how = getattr(cv2, names[method])
        return PreparedCall(lambda out: cv2.matchTemplate(image, template, how, out))

    def laplace(self, image: Array, result: DType) -> PreparedCall:
        cv2, depth = self.library, self._depth(result)
        return PreparedCall(
            lambda out: cv2.Laplacian(image, depth, dst=out, ksize=1, borderType=cv2.BORDER_REFLECT)
        )

    def gaussian_laplace(self, image: Array, result: DType, sigma: float) -> PreparedCall | None:
        cv2, depth, blur = (
            self.library,
            self._depth(result),
            self.gaussian(image, image.dtype, sigma),
        )
        return blur and PreparedCall(
            lambda out: cv2.Laplacian(
                blur.run(None), depth, dst=out, ksize=1, borderType=cv2.BORDER_REFLECT
            ),
            "blur + 3x3 Laplacian",
        )

    def difference_of_gaussians(
        self, image: Array, result: DType, low: float, high: float
    ) -> PreparedCall | None:
        cv2, depth = self.library, self._depth(result)
        near, far = self.gaussian(image, image.dtype, low), self.gaussian(image, image.dtype, high)
        return (
            near
            and far
            and PreparedCall(
                lambda out: cv2.subtract(near.run(None), far.run(None), out, dtype=depth), near.note
            )
        )

    def canny(self, image: Array, result: DType, sigma: float) -> PreparedCall | None:
        if image.dtype != np.uint8 or image.ndim != 2:
            return None
        cv2, blur = self.library, self.gaussian(image, image.dtype, sigma)
        # imgconv's default thresholds.
        return blur and PreparedCall(
            lambda out: cv2.Canny(blur.run(None), 25.5, 51, L2gradient=True),
            "no interpolation",
            fills_out=False,
        )

    def bilateral(
        self, image: Array, result: DType, size: int, sigma: float
    ) -> PreparedCall | None:
        if image.dtype not in (np.uint8, np.float32) or result != image.dtype:
            return None
        cv2 = self.library
        return PreparedCall(
            lambda out: cv2.bilateralFilter(
                image, size, sigma, size / 4, dst=out, borderType=cv2.BORDER_REFLECT
            ),
            "interpolated weights" if image.dtype == np.float32 else "",
        )

    def minimum(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._morphology("erode", image, np.ones((size, size), np.uint8))

    def maximum(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._morphology("dilate", image, np.ones((size, size), np.uint8))

    def dilate_disk(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._morphology("dilate", image, disk_of(size).astype(np.uint8))

    def _morphology(self, function: str, image: Array, element: Array) -> PreparedCall:
        apply, border = getattr(self.library, function), self.library.BORDER_REFLECT
        return PreparedCall(lambda out: apply(image, element, out, borderType=border))

    def opening(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._compound("MORPH_OPEN", image, size)

    def morphological_gradient(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._compound("MORPH_GRADIENT", image, size)

    def white_tophat(self, image: Array, result: DType, size: int) -> PreparedCall:
        return self._compound("MORPH_TOPHAT", image, size)

    def _compound(self, name: str, image: Array, size: int) -> PreparedCall:
        cv2, element = self.library, np.ones((size, size), np.uint8)
        which, border = getattr(cv2, name), cv2.BORDER_REFLECT
        return PreparedCall(
            lambda out: cv2.morphologyEx(image, which, element, out, borderType=border)
        )

    def median(self, image: Array, result: DType, size: int) -> PreparedCall | None:
        if size > 5 and image.dtype != np.uint8:
            return None
        blur = self.library.medianBlur
        return PreparedCall(lambda out: blur(image, size, out), "nearest border", same_border=False)

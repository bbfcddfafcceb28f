"""How each library spells the same work.

A peer is a class whose methods are named after the works of `suite`. A method takes the image
((H, W), or (H, W, C) if colour), the dtype of the result and the work's numbers, prepares what a
user would prepare once (kernels, sizes), and returns a `Call`. All use SciPy's border "reflect"
(d c b a | a b c d | d c b a) and Gaussians truncated at 4 sigma, unless the call's note says
otherwise. A work that a library has not is a method that the class has not, or that returns None.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray
SOBEL_SMOOTH, SOBEL_EDGE = np.array([1.0, 2.0, 1.0]), np.array([-1.0, 0.0, 1.0])
SCHARR_SMOOTH = np.array([3.0, 10.0, 3.0])
FARID_SMOOTH = np.array(
    [
        0.0376593171958126,
        0.249153396177344,
        0.426374573253687,
        0.249153396177344,
        0.0376593171958126,
    ]
)
FARID_EDGE = np.array(
    [-0.109603762960254, -0.276690988455557, 0.0, 0.276690988455557, 0.109603762960254]
)


class Call(NamedTuple):
    """One work, ready to run: `run(None)` allocates its result, `run(out)` fills one."""

    run: Callable[[Array | None], Any]
    note: str = ""  # where the work is not equal: "DFT", "8-bit weights", ...
    fills_out: bool = True
    same_border: bool = True
    slow: bool = False  # takes many seconds: a reference, but not measured


class Peer:
    """A library; missing ones are passed over by `installed`."""

    name = ""
    module = ""
    package = ""

    def __init__(self) -> None:
        self.library = import_module(self.module)

    def describe(self) -> str:
        """Return the version, and what else decides the speed."""
        return version(self.package)

    def set_threads(self, count: int) -> None:
        """Use count threads; most of the libraries always use one."""

    def call(self, work: str, image: Array, result: np.dtype, numbers: tuple) -> Call | None:
        """Return the library's way to do a work, or None where it has none."""
        method = getattr(self, work, None)
        return method(image, result, *numbers) if method else None

    def stacked(self, images: Array, result: np.dtype, work: str, *numbers: Any) -> Call | None:
        """Do a work for each image of a stack."""
        first = self.call(work, images[0], result, numbers)
        if first is None or not first.same_border:
            return None
        calls = [self.call(work, image, result, numbers) or first for image in images]
        return first._replace(
            run=lambda out: [
                call.run(None if out is None else out[i]) for i, call in enumerate(calls)
            ]
        )

    def gaussian_resampled(self, image: Array, result: np.dtype, sigma: float) -> Call | None:
        return self.call("gaussian", image, result, (sigma,))


def full_scale(dtype: np.dtype) -> float:
    """Return the largest integer of a dtype, 1 for floats."""
    return 1.0 if dtype.kind == "f" else float(np.iinfo(dtype).max)


def kernel_of(size: int) -> Array:
    """Return a dense kernel without symmetry, zeros or separable factors, whose sum is 1."""
    kernel = np.random.default_rng(size).uniform(0.1, 1.0, (size, size))
    return kernel / kernel.sum()


def low_rank_kernel(size: int, rank: int) -> Array:
    """Return a dense kernel that is a sum of `rank` outer products."""
    rng = np.random.default_rng(size)
    kernel = rng.uniform(0.1, 1.0, (size, rank)) @ rng.uniform(0.1, 1.0, (rank, size))
    return kernel / kernel.sum()


def disk_of(size: int) -> Array:
    """Return a round footprint."""
    y, x = np.mgrid[:size, :size] - size // 2
    return y * y + x * x <= (size // 2) ** 2


# Pixels of all windows, from which on SciPy's median takes more than six seconds.
SLOW = 250_000_000


class Imgconv(Peer):
    """Ourselves."""

    name, module, package = "imgconv", "imgconv", "imgconv"

    def describe(self) -> str:
        return self.library.__version__

    def set_threads(self, count: int) -> None:
        self.library.set_num_threads(count)

    def _call(
        self, function: str, image: Array, result: np.dtype, *arguments: Any, **options: Any
    ) -> Call:
        apply = getattr(self.library, function)
        if image.ndim == 3 and "axes" not in options:
            options["channel_axis"] = -1
        # A result that already is the default is not asked for, so that the call is the plain one.
        if result != apply(image[:9, :9], *arguments, **options).dtype:
            options["dtype"] = result
        return Call(lambda out: apply(image, *arguments, out=out, **options))

    def stacked(self, images: Array, result: np.dtype, work: str, *numbers: Any) -> Call:
        arguments = {"correlate": kernel_of}.get(work, lambda number: number)
        return self._call(work, images, result, *map(arguments, numbers), axes=(1, 2))

    def correlate(self, image: Array, result: np.dtype, size: int) -> Call:
        return self._call("correlate", image, result, kernel_of(size))

    correlate_large = correlate

    def correlate_low_rank(self, image: Array, result: np.dtype, size: int, rank: int) -> Call:
        return self._call("correlate", image, result, low_rank_kernel(size, rank))

    def gaussian(self, image: Array, result: np.dtype, sigma: float) -> Call:
        return self._call("gaussian", image, result, sigma)

    def gaussian_resampled(self, image: Array, result: np.dtype, sigma: float) -> Call:
        call = self._call("gaussian", image, result, sigma, method="resample")
        return call._replace(note="resampled")

    def box(self, image: Array, result: np.dtype, size: int) -> Call:
        return self._call("box", image, result, size)

    def sobel_x(self, image: Array, result: np.dtype) -> Call:
        return self._call("sobel", image, result, axis=1, normalize=False)

    def sobel_magnitude(self, image: Array, result: np.dtype) -> Call:
        return self._call("sobel", image, result)

    def scharr_magnitude(self, image: Array, result: np.dtype) -> Call:
        return self._call("scharr", image, result)

    def farid_magnitude(self, image: Array, result: np.dtype) -> Call:
        return self._call("farid", image, result)

    def laplace(self, image: Array, result: np.dtype) -> Call:
        return self._call("laplace", image, result)

    def gaussian_laplace(self, image: Array, result: np.dtype, sigma: float) -> Call:
        return self._call("gaussian_laplace", image, result, sigma)

    def difference_of_gaussians(
        self, image: Array, result: np.dtype, low: float, high: float
    ) -> Call:
        return self._call("difference_of_gaussians", image, result, low, high)

    def pool(self, image: Array, result: np.dtype, how: str, size: int, stride: int) -> Call:
        return self._call("pool", image, result, size, stride, how=how)

    def canny(self, image: Array, result: np.dtype, sigma: float) -> Call:
        return self._call("canny", image, result, sigma)

    def hysteresis(self, image: Array, result: np.dtype, low: float, high: float) -> Call:
        top = full_scale(image.dtype)
        return self._call("hysteresis", image, result, low * top, high * top)

    def bilateral(self, image: Array, result: np.dtype, size: int, sigma: float) -> Call:
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

    def guided(self, image: Array, result: np.dtype, radius: int, eps: float) -> Call:
        apply = self.library.guided
        return Call(lambda out: apply(image, image, radius, eps, out=out))

    def minimum(self, image: Array, result: np.dtype, size: int) -> Call:
        return self._call("minimum", image, result, size)

    def maximum(self, image: Array, result: np.dtype, size: int) -> Call:
        return self._call("maximum", image, result, size)

    def median(self, image: Array, result: np.dtype, size: int) -> Call:
        return self._call("median", image, result, size)

    def opening(self, image: Array, result: np.dtype, size: int) -> Call:
        return self._call("opening", image, result, size)

    def morphological_gradient(self, image: Array, result: np.dtype, size: int) -> Call:
        return self._call("morphological_gradient", image, result, size)

    def white_tophat(self, image: Array, result: np.dtype, size: int) -> Call:
        return self._call("white_tophat", image, result, size)

    def dilate_disk(self, image: Array, result: np.dtype, size: int) -> Call:
        return self._call("dilate", image, result, footprint=disk_of(size))


class OpenCV(Peer):
    """cv2, with BORDER_REFLECT and Gaussians of 2 int(4 sigma + 1/2) + 1 taps."""

    name, module, package = "OpenCV", "cv2", "opencv-python-headless"

    def describe(self) -> str:
        ipp = re.search(r"Intel IPP:\s+(\S+)", self.library.getBuildInformation())
        with_ipp = ipp is not None and self.library.ipp.useIPP()
        return (
            f"{self.library.__version__} ({f'IPP {ipp[1]}' if ipp and with_ipp else 'without IPP'})"
        )

    def set_threads(self, count: int) -> None:
        self.library.setNumThreads(count)

    def _depth(self, result: np.dtype) -> int:
        return {
            "uint8": self.library.CV_8U,
            "int16": self.library.CV_16S,
            "uint16": self.library.CV_16U,
            "float32": self.library.CV_32F,
            "float64": self.library.CV_64F,
        }[result.name]

    def correlate(self, image: Array, result: np.dtype, size: int) -> Call:
        return self._filter(image, result, kernel_of(size))

    correlate_large = correlate

    def correlate_low_rank(self, image: Array, result: np.dtype, size: int, rank: int) -> Call:
        return self._filter(image, result, low_rank_kernel(size, rank))

    def _filter(self, image: Array, result: np.dtype, kernel: Array) -> Call:
        cv2, depth = self.library, self._depth(result)
        # The limits in filter2D's source, where it leaves the direct sum.
        fast = image.dtype in (np.uint8, np.float32) and result in (np.uint8, np.int16, np.float32)
        note = "DFT" if kernel.size >= (130 if fast else 50) else ""
        return Call(
            lambda out: cv2.filter2D(image, depth, kernel, dst=out, borderType=cv2.BORDER_REFLECT),
            note,
        )

    def gaussian(self, image: Array, result: np.dtype, sigma: float) -> Call | None:
        if result != image.dtype:
            return None
        cv2, taps = self.library, 2 * int(4 * sigma + 0.5) + 1
        note = f"{8 * image.itemsize}-bit weights" if image.dtype.kind == "u" else ""
        return Call(
            lambda out: cv2.GaussianBlur(
                image, (taps, taps), sigma, dst=out, sigmaY=sigma, borderType=cv2.BORDER_REFLECT
            ),
            note,
        )

    def box(self, image: Array, result: np.dtype, size: int) -> Call:
        cv2, depth = self.library, self._depth(result)
        return Call(
            lambda out: cv2.boxFilter(
                image, depth, (size, size), dst=out, borderType=cv2.BORDER_REFLECT
            )
        )

    def sobel_x(self, image: Array, result: np.dtype) -> Call:
        cv2, depth = self.library, self._depth(result)
        return Call(
            lambda out: cv2.Sobel(
                image, depth, 1, 0, dst=out, ksize=3, borderType=cv2.BORDER_REFLECT
            )
        )

    def sobel_magnitude(self, image: Array, result: np.dtype) -> Call:
        cv2, depth, scale = self.library, self._depth(result), 1 / (4 * 2**0.5)
        return self._magnitude(
            lambda dx, dy: cv2.Sobel(
                image, depth, dx, dy, ksize=3, scale=scale, borderType=cv2.BORDER_REFLECT
            )
        )

    def scharr_magnitude(self, image: Array, result: np.dtype) -> Call:
        cv2, depth, scale = self.library, self._depth(result), 1 / (16 * 2**0.5)
        return self._magnitude(
            lambda dx, dy: cv2.Scharr(
                image, depth, dx, dy, scale=scale, borderType=cv2.BORDER_REFLECT
            )
        )

    def farid_magnitude(self, image: Array, result: np.dtype) -> Call:
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

    def _magnitude(self, derivative: Callable[[int, int], Array]) -> Call:
        magnitude = self.library.magnitude
        return Call(lambda out: magnitude(derivative(1, 0), derivative(0, 1), out))

    def laplace(self, image: Array, result: np.dtype) -> Call:
        cv2, depth = self.library, self._depth(result)
        return Call(
            lambda out: cv2.Laplacian(image, depth, dst=out, ksize=1, borderType=cv2.BORDER_REFLECT)
        )

    def gaussian_laplace(self, image: Array, result: np.dtype, sigma: float) -> Call | None:
        cv2, depth, blur = (
            self.library,
            self._depth(result),
            self.gaussian(image, image.dtype, sigma),
        )
        return blur and Call(
            lambda out: cv2.Laplacian(
                blur.run(None), depth, dst=out, ksize=1, borderType=cv2.BORDER_REFLECT
            ),
            "blur + 3x3 Laplacian",
        )

    def difference_of_gaussians(
        self, image: Array, result: np.dtype, low: float, high: float
    ) -> Call | None:
        cv2, depth = self.library, self._depth(result)
        near, far = self.gaussian(image, image.dtype, low), self.gaussian(image, image.dtype, high)
        return (
            near
            and far
            and Call(
                lambda out: cv2.subtract(near.run(None), far.run(None), out, dtype=depth), near.note
            )
        )

    def canny(self, image: Array, result: np.dtype, sigma: float) -> Call | None:
        if image.dtype != np.uint8 or image.ndim != 2:
            return None
        cv2, blur = self.library, self.gaussian(image, image.dtype, sigma)
        # The thresholds that are ours by default.
        return blur and Call(
            lambda out: cv2.Canny(blur.run(None), 25.5, 51, L2gradient=True),
            "no interpolation",
            fills_out=False,
        )

    def bilateral(self, image: Array, result: np.dtype, size: int, sigma: float) -> Call | None:
        if image.dtype not in (np.uint8, np.float32) or result != image.dtype:
            return None
        cv2 = self.library
        return Call(
            lambda out: cv2.bilateralFilter(
                image, size, sigma, size / 4, dst=out, borderType=cv2.BORDER_REFLECT
            ),
            "interpolated weights" if image.dtype == np.float32 else "",
        )

    def minimum(self, image: Array, result: np.dtype, size: int) -> Call:
        return self._morphology("erode", image, np.ones((size, size), np.uint8))

    def maximum(self, image: Array, result: np.dtype, size: int) -> Call:
        return self._morphology("dilate", image, np.ones((size, size), np.uint8))

    def dilate_disk(self, image: Array, result: np.dtype, size: int) -> Call:
        return self._morphology("dilate", image, disk_of(size).astype(np.uint8))

    def _morphology(self, function: str, image: Array, element: Array) -> Call:
        apply, border = getattr(self.library, function), self.library.BORDER_REFLECT
        return Call(lambda out: apply(image, element, out, borderType=border))

    def opening(self, image: Array, result: np.dtype, size: int) -> Call:
        return self._compound("MORPH_OPEN", image, size)

    def morphological_gradient(self, image: Array, result: np.dtype, size: int) -> Call:
        return self._compound("MORPH_GRADIENT", image, size)

    def white_tophat(self, image: Array, result: np.dtype, size: int) -> Call:
        return self._compound("MORPH_TOPHAT", image, size)

    def _compound(self, name: str, image: Array, size: int) -> Call:
        cv2, element = self.library, np.ones((size, size), np.uint8)
        which, border = getattr(cv2, name), cv2.BORDER_REFLECT
        return Call(lambda out: cv2.morphologyEx(image, which, element, out, borderType=border))

    def median(self, image: Array, result: np.dtype, size: int) -> Call | None:
        if size > 5 and image.dtype != np.uint8:
            return None
        blur = self.library.medianBlur
        return Call(lambda out: blur(image, size, out), "nearest border", same_border=False)


class SciPy(Peer):
    """scipy.ndimage, one thread. In float64 it is the reference of all."""

    name, module, package = "SciPy", "scipy.ndimage", "scipy"

    def correlate(self, image: Array, result: np.dtype, size: int) -> Call:
        kernel = kernel_of(size)[..., None] if image.ndim == 3 else kernel_of(size)
        note = "truncated, not rounded" if result.kind in "ui" else ""
        return Call(
            lambda out: self.library.correlate(image, kernel, result if out is None else out), note
        )

    def correlate_large(self, image: Array, result: np.dtype, size: int) -> Call:
        return self._overlap_add(image, kernel_of(size))

    def correlate_low_rank(self, image: Array, result: np.dtype, size: int, rank: int) -> Call:
        return self._overlap_add(image, low_rank_kernel(size, rank))

    def _overlap_add(self, image: Array, kernel: Array) -> Call:
        """scipy.signal's way for large kernels, which knows no border."""
        convolve, turned = import_module("scipy.signal").oaconvolve, kernel[::-1, ::-1]
        turned = turned.astype(image.dtype)
        margins = [(n // 2, n - 1 - n // 2) for n in kernel.shape]
        return Call(
            lambda out: convolve(np.pad(image, margins, "symmetric"), turned, "valid"),
            "DFT",
            fills_out=False,
        )

    def gaussian(self, image: Array, result: np.dtype, sigma: float) -> Call:
        note = "truncated, not rounded" if result.kind in "ui" else ""
        return Call(
            lambda out: self.library.gaussian_filter(
                image, sigma, output=result if out is None else out, axes=(0, 1)
            ),
            note,
        )

    def box(self, image: Array, result: np.dtype, size: int) -> Call:
        note = "truncated, not rounded" if result.kind in "ui" else ""
        return Call(
            lambda out: self.library.uniform_filter(
                image, size, result if out is None else out, axes=(0, 1)
            ),
            note,
        )

    def sobel_x(self, image: Array, result: np.dtype) -> Call:
        return Call(
            lambda out: self._separable(
                image, SOBEL_SMOOTH, SOBEL_EDGE, result if out is None else out
            )
        )

    def sobel_magnitude(self, image: Array, result: np.dtype) -> Call:
        return self._magnitude(image, result, SOBEL_SMOOTH / 4, SOBEL_EDGE)

    def scharr_magnitude(self, image: Array, result: np.dtype) -> Call:
        return self._magnitude(image, result, SCHARR_SMOOTH / 16, SOBEL_EDGE)

    def farid_magnitude(self, image: Array, result: np.dtype) -> Call:
        return self._magnitude(image, result, FARID_SMOOTH, FARID_EDGE)

    def _magnitude(self, image: Array, result: np.dtype, smooth: Array, edge: Array) -> Call:
        half = smooth / 2**0.5
        return Call(
            lambda out: np.hypot(
                self._separable(image, edge, half, result),
                self._separable(image, half, edge, result),
                out,
            )
        )

    def _separable(self, image: Array, along_y: Array, along_x: Array, output: Any) -> Array:
        first = self.library.correlate1d(image, along_y, 0, output)
        return self.library.correlate1d(first, along_x, 1, first)

    def laplace(self, image: Array, result: np.dtype) -> Call:
        return Call(lambda out: self.library.laplace(image, result if out is None else out))

    def gaussian_laplace(self, image: Array, result: np.dtype, sigma: float) -> Call:
        return Call(
            lambda out: self.library.gaussian_laplace(image, sigma, result if out is None else out)
        )

    def difference_of_gaussians(
        self, image: Array, result: np.dtype, low: float, high: float
    ) -> Call:
        blur = self.library.gaussian_filter
        return Call(
            lambda out: np.subtract(
                blur(image, low, output=result), blur(image, high, output=result), out
            )
        )

    def pool(self, image: Array, result: np.dtype, how: str, size: int, stride: int) -> Call:
        every = {"max": self.library.maximum_filter, "mean": self.library.uniform_filter}[how]
        note = "truncated, not rounded" if how == "mean" and result.kind in "ui" else ""
        first = size // 2
        last = [n - size + first + 1 for n in image.shape]
        inside = tuple(slice(first, end, stride) for end in last)
        return Call(lambda out: every(image, size, output=result)[inside], note, fills_out=False)

    def guided(self, image: Array, result: np.dtype, radius: int, eps: float) -> Call | None:
        if image.ndim != 2 or image.dtype != result or result.kind != "f":
            return None

        def mean(array: Array) -> Array:
            found: Array = self.library.uniform_filter(array, 2 * radius + 1)
            return found

        def run(out: Array | None) -> Array:
            average = mean(image)
            variance = mean(image * image) - average**2
            a = variance / (variance + eps)
            return np.add(mean(a) * image, mean(average - a * average), out)

        return Call(run)

    def minimum(self, image: Array, result: np.dtype, size: int) -> Call:
        return self._rank("minimum_filter", image, size)

    def maximum(self, image: Array, result: np.dtype, size: int) -> Call:
        return self._rank("maximum_filter", image, size)

    def median(self, image: Array, result: np.dtype, size: int) -> Call:
        return self._rank("median_filter", image, size)

    def _rank(self, function: str, image: Array, size: int) -> Call:
        apply = getattr(self.library, function)
        slow = function == "median_filter" and size * size * image.size > SLOW
        return Call(lambda out: apply(image, size, output=out, axes=(0, 1)), slow=slow)

    def opening(self, image: Array, result: np.dtype, size: int) -> Call:
        return self._morphology("grey_opening", image, size)

    def morphological_gradient(self, image: Array, result: np.dtype, size: int) -> Call:
        return self._morphology("morphological_gradient", image, size)

    def white_tophat(self, image: Array, result: np.dtype, size: int) -> Call:
        return self._morphology("white_tophat", image, size)

    def _morphology(self, function: str, image: Array, size: int) -> Call:
        apply = getattr(self.library, function)
        return Call(lambda out: apply(image, size, output=out))

    def dilate_disk(self, image: Array, result: np.dtype, size: int) -> Call:
        footprint = disk_of(size)
        return Call(lambda out: self.library.grey_dilation(image, footprint=footprint, output=out))


class Definition(Peer):
    """NumPy's sums as a filter is defined: the reference of what SciPy has not, never measured."""

    name, module, package = "definition", "numpy", "numpy"

    def bilateral(self, image: Array, result: np.dtype, size: int, sigma: float) -> Call:
        r = size // 2
        values = image if image.ndim == 3 else image[..., None]
        around = np.pad(values, ((r, r), (r, r), (0, 0)), "symmetric")

        def run(out: Array | None) -> Array:
            top, below = np.zeros(values.shape), np.zeros((*values.shape[:2], 1))
            for i in range(size):
                for j in range(size):
                    far = (i - r) ** 2 + (j - r) ** 2
                    if far <= r * r:
                        there = around[i : i + len(values), j : j + values.shape[1]]
                        apart = np.abs(there - values).sum(axis=2, keepdims=True)
                        weight = np.exp(-8 * far / size**2 - 0.5 * (apart / sigma) ** 2)
                        top += weight * there
                        below += weight
            return (top / below).reshape(image.shape)

        return Call(run)


class SciPySignal(Peer):
    """scipy.signal, one thread: the direct 2-D sum."""

    name, module, package = "scipy.signal", "scipy.signal", "scipy"

    def correlate(self, image: Array, result: np.dtype, size: int) -> Call | None:
        if image.dtype != result or result.kind in "ui" or image.ndim != 2:
            return None
        kernel = kernel_of(size).astype(result)
        return Call(
            lambda out: self.library.correlate2d(image, kernel, "same", "symm"), fills_out=False
        )


class ScikitImage(Peer):
    """skimage.filters, one thread."""

    name, module, package = "scikit-image", "skimage.filters", "scikit-image"

    def gaussian(self, image: Array, result: np.dtype, sigma: float) -> Call:
        channel_axis = -1 if image.ndim == 3 else None
        note = "" if result.kind == "f" else "float result"
        return Call(
            lambda out: self.library.gaussian(
                image, sigma, mode="reflect", preserve_range=True, channel_axis=channel_axis
            ),
            note,
            fills_out=False,
        )

    def sobel_magnitude(self, image: Array, result: np.dtype) -> Call | None:
        return self._edges("sobel", image, result)

    def scharr_magnitude(self, image: Array, result: np.dtype) -> Call | None:
        return self._edges("scharr", image, result)

    def farid_magnitude(self, image: Array, result: np.dtype) -> Call | None:
        return self._edges("farid", image, result)

    def _edges(self, function: str, image: Array, result: np.dtype) -> Call | None:
        # Integers would come out on another scale.
        apply = getattr(self.library, function)
        return Call(lambda out: apply(image), fills_out=False) if image.dtype == result else None

    def difference_of_gaussians(
        self, image: Array, result: np.dtype, low: float, high: float
    ) -> Call | None:
        if image.dtype != result:
            return None
        return Call(
            lambda out: self.library.difference_of_gaussians(image, low, high, mode="reflect"),
            fills_out=False,
        )

    def pool(self, image: Array, result: np.dtype, how: str, size: int, stride: int) -> Call | None:
        if size != stride or image.ndim != 2:
            return None
        block_reduce, reduce = import_module("skimage.measure").block_reduce, getattr(np, how)
        height, width = (n // size * size for n in image.shape)
        note = "" if how == "max" or result.kind == "f" else "float64 result"
        whole = image[:height, :width]
        return Call(lambda out: block_reduce(whole, size, reduce), note, fills_out=False)

    def canny(self, image: Array, result: np.dtype, sigma: float) -> Call:
        canny = import_module("skimage.feature").canny
        return Call(lambda out: canny(image, sigma), fills_out=False)

    def hysteresis(self, image: Array, result: np.dtype, low: float, high: float) -> Call:
        apply, top = self.library.apply_hysteresis_threshold, full_scale(image.dtype)
        return Call(lambda out: apply(image, low * top, high * top), fills_out=False)

    def bilateral(self, image: Array, result: np.dtype, size: int, sigma: float) -> Call | None:
        if image.dtype != result or result.kind != "f":
            return None
        apply = import_module("skimage.restoration").denoise_bilateral
        channels = image.shape[2] if image.ndim == 3 else 1
        # It divides the distance of colours by the number of channels.
        return Call(
            lambda out: apply(
                image, size, sigma / channels, size / 4, mode="symmetric",
                channel_axis=-1 if channels > 1 else None,
            ),
            "square window, other weights",
            fills_out=False,
        )  # fmt: skip


class PyTorch(Peer):
    """torch.nn.functional on the array itself; it has no such border and pads with zeros."""

    name, module, package = "PyTorch", "torch", "torch"

    def set_threads(self, count: int) -> None:
        self.library.set_num_threads(count)

    def correlate(self, image: Array, result: np.dtype, size: int) -> Call | None:
        return self._convolutions(image, result, [kernel_of(size)])

    def gaussian(self, image: Array, result: np.dtype, sigma: float) -> Call | None:
        radius = int(4 * sigma + 0.5)
        taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
        taps /= taps.sum()
        return self._convolutions(image, result, [taps[:, None], taps[None, :]])

    def _convolutions(self, image: Array, result: np.dtype, kernels: list[Array]) -> Call | None:
        if image.dtype.kind != "f" or image.dtype != result or image.ndim != 2:
            return None
        torch = self.library
        source = torch.from_numpy(image)[None, None]
        weights = [torch.from_numpy(kernel.astype(result))[None, None] for kernel in kernels]

        def run(out: Array | None) -> Array:
            with torch.inference_mode():
                done = source
                for weight in weights:
                    done = torch.nn.functional.conv2d(done, weight, padding="same")
                return done[0, 0].numpy()

        return Call(run, "zero border", fills_out=False, same_border=False)

    def pool(self, image: Array, result: np.dtype, how: str, size: int, stride: int) -> Call | None:
        if image.ndim != 2 or (how == "mean" and image.dtype.kind != "f"):
            return None
        torch = self.library
        source = torch.from_numpy(image)[None]
        apply = getattr(torch.nn.functional, {"max": "max_pool2d", "mean": "avg_pool2d"}[how])

        def run(out: Array | None) -> Array:
            with torch.inference_mode():
                return apply(source, size, stride)[0].numpy()

        return Call(run, fills_out=False)


class DIPlib(Peer):
    """PyDIP. Its Gaussian has SciPy's taps; its border mirrors about the last pixel."""

    name, module, package = "DIPlib", "diplib", "diplib"

    def set_threads(self, count: int) -> None:
        self.library.SetNumberOfThreads(count)

    def gaussian(self, image: Array, result: np.dtype, sigma: float) -> Call | None:
        if image.dtype != np.float32 or result != np.float32:
            return None
        return Call(
            lambda out: self.library.GaussFIR(image, [sigma], [0], ["mirror"], 4),
            "mirror border",
            fills_out=False,
            same_border=False,
        )


PEERS: tuple[type[Peer], ...] = (OpenCV, SciPy, SciPySignal, ScikitImage, PyTorch, DIPlib)


def installed() -> tuple[list[Peer], list[str]]:
    """Return the peers that can be imported, and the names of those that cannot."""
    found, missing = [], []
    for peer in PEERS:
        try:
            found.append(peer())
        except ImportError:
            missing.append(peer.name)
    return found, missing

"""Calls of `scipy.signal` as calls of the engine; what the engine does not do falls back."""

from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgconv.core import cpu
from imgconv.core.decide import Placement
from imgconv.core.run import Call, run
from imgconv.face_arguments import Image, array_of, real_image
from imgconv.fallback import FallBack
from imgconv.filters.linear import dense_operation
from imgconv.operations.base import FLOAT32, FLOAT64, Operation, pixels
from imgconv.operations.methods import DENSE

# SciPy's names of border modes, and imgconv's.
BORDERS = {
    "fill": "constant",
    "pad": "constant",
    "wrap": "wrap",
    "circular": "wrap",
    "symm": "reflect",
    "symmetric": "reflect",
}

# Integers below these are exact, and so are all sums that stay below them, in any order.
EXACT_IN_FLOAT32, EXACT_IN_FLOAT64 = 2.0**24, 2.0**53

# Multiply-adds in 14 nanoseconds on the machine of docs/performance.md: to sum up smaller kernels
# takes half of the time of SciPy's transforms of whole images. Larger kernels are planned first,
# and the plan transforms them, too. That is worth it in an image of so many pixels, and of so many
# times their size.
DIRECT_WEIGHTS = 14 * DENSE[cpu.LEVEL]
LARGE = 1 << 16
PLANNED = 16

# Sums of fewer terms SciPy computes in less time than a call of the engine costs.
SMALL = 2000


class EngineCall(NamedTuple):
    """A correlation by the engine that gives the result of a call of SciPy."""

    image: Image
    weights: NDArray[np.float64]
    border: str
    fill: float
    fit: Placement
    stored: np.dtype[Any]  # represents every sum
    dtype: np.dtype[Any]  # SciPy's, in which integers wrap around
    flip_result: bool
    operation: Operation | None = None  # None: the sum of all terms

    def run(self) -> Image:
        """Return SciPy's result."""
        operation = self.operation or dense_operation(self.weights, (0, 0))
        sums = run(
            Call(
                operation,
                self.image,
                self.border,
                self.fill,
                dtype=self.stored,
                placement=self.fit,
            )
        )
        result: Image = sums.astype(self.dtype, copy=False)
        return result[::-1, ::-1] if self.flip_result else result

    def run_finite(self) -> Image:
        """Return SciPy's result by transforms, which spread a NaN over the whole image."""
        result = self.run()
        with np.errstate(all="ignore"):
            if not np.isfinite(result.sum()):
                raise FallBack("NaN or infinity")
        return result

    @property
    def casts_safely(self) -> bool:
        """Whether no sum wraps around, or only sums of 32 bits.

        SciPy casts from float64 what its transforms give; of more than 32 bits that does not wrap.
        """
        return self.stored == self.dtype or self.stored.itemsize <= 4

    def by_fastest_method(self) -> "EngineCall":
        """Return the call by the engine's fastest method, or fall back.

        Transforms of float32 keep results that are smaller than the bound of their error, and so
        have errors like SciPy's. Other pixels are transformed in float64.
        """
        image, size = self.image, self.weights.size
        singles = image.dtype == self.stored == FLOAT32
        if size > DIRECT_WEIGHTS:
            if image.size < max(LARGE, PLANNED * size):
                raise FallBack("a kernel that is large for its image")
            if not singles:
                image = image.astype(FLOAT64, copy=False)
        operation = dense_operation(self.weights, (0, 0), method="auto", keeps_small=singles)
        return self._replace(image=image, operation=operation)


def translate(
    image: Image,
    kernel: Image,
    mode: object,
    boundary: object,
    fillvalue: object,
    convolution: bool,
    any_axes: bool = False,
    floats: bool = False,
) -> EngineCall:
    """Return the engine's call for a convolution or a correlation of SciPy.

    `any_axes` is for SciPy's functions of any number of axes, which centre an even kernel
    differently; `floats` is for those that convert integers to floats first.
    """
    border = BORDERS.get(boundary) if isinstance(boundary, str) else None
    if border is None or not isinstance(mode, str):
        raise FallBack("no such boundary or mode")
    swapped = is_swapped(image.shape, kernel.shape, mode, any_axes)
    if swapped:
        image, kernel = kernel, image
    fit = placement(image.shape, kernel.shape, mode, convolution or any_axes)
    dtype = np.promote_types(image.dtype, kernel.dtype)
    if floats and dtype.kind != "f":
        dtype = FLOAT64
    if floats and dtype != FLOAT64 and {image.dtype.kind, kernel.dtype.kind} != {"f"}:
        dtype = FLOAT64  # small integers become float64, too
    fill = outside_value(fillvalue, dtype) if border == "constant" else 0.0
    weights = kernel.astype(np.float64)
    computed, stored = exact_types(image, weights, fill, dtype)
    if computed == FLOAT64 and pixels(image.dtype, 0).float_type == FLOAT32:
        image = image.astype(FLOAT64)
    if convolution:
        weights = weights[::-1, ::-1]
    return EngineCall(image, weights, border, fill, fit, stored, dtype, swapped and not convolution)


def real_images(in1: object, in2: object) -> tuple[Image, Image]:
    """Return two images of real numbers."""
    return real_image(in1, lists=True), real_image(in2, lists=True)


def is_swapped(image: tuple[int, ...], kernel: tuple[int, ...], mode: str, any_axes: bool) -> bool:
    """Whether SciPy exchanges image and kernel."""
    if mode == "valid":
        return any(n < k for n, k in zip(image, kernel, strict=True))
    return any_axes and mode == "full" and prod(kernel) > prod(image)


def placement(
    image: tuple[int, ...], kernel: tuple[int, ...], mode: str, centred: bool
) -> Placement:
    """Return where the first window begins, and how many there are.

    For mode="same" an even kernel is `centred` on its pixel kh // 2, or on the one before it.
    """
    (h, w), (kh, kw) = image, kernel
    if mode == "full":
        return Placement((kh - 1, kw - 1), (h + kh - 1, w + kw - 1))
    if mode == "same":
        before = (kh // 2, kw // 2) if centred else ((kh - 1) // 2, (kw - 1) // 2)
        return Placement(before, (h, w))
    if mode == "valid" and kh <= h and kw <= w:
        return Placement((0, 0), (h - kh + 1, w - kw + 1))
    raise FallBack("no such mode, or no place")


def outside_value(fillvalue: object, dtype: np.dtype[Any]) -> float:
    """Return the value outside the image; fall back where it depends on SciPy's casts."""
    if type(fillvalue) is int and fillvalue == 0:
        return 0.0
    value = array_of(fillvalue, "fillvalue")
    if value.ndim or value.dtype.kind not in "biuf" or value.dtype.itemsize > 8:
        raise FallBack("fillvalue")
    fill = float(value)
    if dtype.kind in "iu" and not (fill.is_integer() and in_range(fill, dtype)):
        raise FallBack("fillvalue")
    return fill


def exact_types(
    image: Image, weights: NDArray[np.float64], fill: float, dtype: np.dtype[Any]
) -> tuple[np.dtype[Any], np.dtype[Any]]:
    """Return the dtypes to compute and to store in for SciPy's `dtype`.

    Integers wrap around in SciPy and saturate in the engine. So they are computed exactly, stored
    in a dtype that represents every sum, and wrapped afterwards.
    """
    if dtype in (FLOAT32, FLOAT64):
        return dtype, dtype
    if dtype.kind not in "iu":
        raise FallBack("dtype")
    bound = max(largest(image), abs(fill)) * float(np.abs(weights).sum())
    if not bound < EXACT_IN_FLOAT64:
        raise FallBack("integers beyond float64")
    computed = FLOAT32 if bound < EXACT_IN_FLOAT32 else FLOAT64
    wider = (dtype, np.dtype(np.int32), np.dtype(np.int64))
    return computed, next(each for each in wider if in_range(bound, each))


def in_range(value: float, dtype: np.dtype[Any]) -> bool:
    """Whether a number lies in the range of an integer dtype."""
    limits = np.iinfo(dtype)
    return limits.min <= value <= limits.max


def largest(image: Image) -> int:
    """Return a bound of the pixels' absolute values: of small integers that of their dtype."""
    if image.dtype.kind == "b":
        return 1
    if image.dtype.itemsize < 4:
        limits = np.iinfo(image.dtype)
        return max(-limits.min, limits.max)
    return max(-int(image.min()), int(image.max()))

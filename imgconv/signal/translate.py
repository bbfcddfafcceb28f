"""Calls of SciPy in the engine's words, and what the engine does not do."""

from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgconv.core import cpu
from imgconv.core.call import apply
from imgconv.core.decide import Placement
from imgconv.fallback import HandOver
from imgconv.filters.linear import OPERATIONS, dense
from imgconv.ndimage.call import array_of
from imgconv.operations.base import FLOAT32, FLOAT64, Operation, pixels
from imgconv.operations.methods import DENSE, ROUNDING, factor
from imgconv.operations.separable import Kernel1D, Separable

# SciPy's words for what lies outside an image, and the engine's.
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

# SciPy's transforms of whole images take some 28 nanoseconds a pixel in float32, and twice that in
# float64: as long as a sum of 1300 terms on the machine of docs/performance.md. Up to half of that
# a kernel is summed up directly, and larger ones only where they are sums of few outer products.
TERMS = 14 * DENSE[cpu.LEVEL]
PRODUCTS = 3
# In smaller images these are not looked for.
LARGE = 1 << 16

# Up to so many terms a call takes SciPy less time than the engine needs to begin.
SMALL = 2000


class Call(NamedTuple):
    """A call of SciPy in the engine's words."""

    image: NDArray[Any]
    weights: NDArray[np.float64]
    border: str
    fill: float
    fit: Placement
    stored: np.dtype  # holds every sum
    dtype: np.dtype  # SciPy's, in which integers wrap around
    flipped: bool
    operation: Operation | None = None  # None: the sum of all terms

    def run(self) -> NDArray[Any]:
        """Return what SciPy would."""
        operation = self.operation or dense(self.weights, (0, 0))
        sums = apply(
            operation, self.image, self.border, self.fill, None, None, self.stored, None, self.fit
        )
        result = sums.astype(self.dtype, copy=False)
        return result[::-1, ::-1] if self.flipped else result

    def run_finite(self) -> NDArray[Any]:
        """Return what SciPy would by transforms, where a NaN spoils everything."""
        result = self.run()
        with np.errstate(all="ignore"):
            if not np.isfinite(result.sum()):
                raise HandOver("NaN or infinity")
        return result

    @property
    def fits(self) -> bool:
        """Whether no integer wraps around; or where it does, not in a cast from float64 either."""
        return self.stored == self.dtype or self.stored.itemsize <= 4

    def faster(self) -> "Call":
        """Return the call by the sum of all terms or of few products, unless both are slow."""
        if self.weights.size <= TERMS:
            return self
        real = FLOAT64 if self.stored == FLOAT64 else FLOAT32
        operation = products(self.weights, real) if self.dtype.kind == "f" else None
        if operation is None:
            raise HandOver("large kernel, by transforms")
        return self._replace(operation=operation)


def products(weights: NDArray[np.float64], real: np.dtype) -> Operation | None:
    """Return a kernel as a sum of few outer products, None if it is none."""
    key = (weights.tobytes(), weights.shape, real, "products")
    found = OPERATIONS.get(key)
    if found is None:
        terms = factor(weights, ROUNDING[real.name], PRODUCTS)
        pairs = tuple((Kernel1D(column, 0), Kernel1D(row, 0)) for column, row in terms or ())
        found = (Separable((pairs,)) if terms else None,)
        OPERATIONS.put(key, found, 2 * weights.nbytes + 1024)
    return found[0]


def translate(
    image: NDArray[Any],
    kernel: NDArray[Any],
    mode: Any,
    boundary: Any,
    fillvalue: Any,
    turned: bool,
    centred: bool = False,
    floats: bool = False,
) -> Call:
    """Return the engine's call; `turned` means convolution.

    `centred` is the middle of correlate and convolve for any number of axes; `floats` makes floats
    of integers, as convolution by transforms does.
    """
    border = BORDERS.get(boundary) if isinstance(boundary, str) else None
    if border is None or not isinstance(mode, str):
        raise HandOver("no such boundary or mode")
    swapped = swap(image.shape, kernel.shape, mode, centred)
    if swapped:
        image, kernel = kernel, image
    fit = place(image.shape, kernel.shape, mode, turned or centred)
    dtype = np.promote_types(image.dtype, kernel.dtype)
    if floats and dtype.kind != "f":
        dtype = FLOAT64
    if floats and dtype != FLOAT64 and {image.dtype.kind, kernel.dtype.kind} != {"f"}:
        dtype = FLOAT64  # small integers become float64, too
    fill = constant(fillvalue, dtype) if border == "constant" else 0.0
    weights = kernel.astype(np.float64)
    computed, stored = exact_types(image, weights, fill, dtype)
    if computed == FLOAT64 and pixels(image.dtype, 0).float_type == FLOAT32:
        image = image.astype(FLOAT64)
    weights = weights[::-1, ::-1] if turned else weights
    return Call(image, weights, border, fill, fit, stored, dtype, swapped and not turned)


def arrays(in1: Any, in2: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return two real images."""
    # Masked arrays, matrices and the arrays of other libraries have rules of their own.
    if not all(type(each) in {np.ndarray, list, tuple} for each in (in1, in2)):
        raise HandOver("not plain arrays")
    image, kernel = array_of(in1, "in1"), array_of(in2, "in2")
    for each in (image, kernel):
        if each.ndim != 2:
            raise HandOver("not 2-D")
        if each.dtype.kind not in "biuf" or each.dtype.itemsize > 8:
            raise HandOver("complex numbers" if each.dtype.kind == "c" else "dtype")
        if not each.size:
            raise HandOver("no pixels")
    return image, kernel


def swap(image: tuple[int, ...], kernel: tuple[int, ...], mode: Any, centred: bool) -> bool:
    """Whether image and kernel change places."""
    if mode == "valid":
        return any(n < k for n, k in zip(image, kernel, strict=True))
    return centred and mode == "full" and prod(kernel) > prod(image)


def place(image: tuple[int, ...], kernel: tuple[int, ...], mode: Any, turned: bool) -> Placement:
    """Return where the first window begins, and how many there are."""
    (h, w), (kh, kw) = image, kernel
    if mode == "full":
        return Placement((kh - 1, kw - 1), (h + kh - 1, w + kw - 1))
    if mode == "same":
        # The centre of an even kernel lies on its other side once it is turned around.
        before = (kh // 2, kw // 2) if turned else ((kh - 1) // 2, (kw - 1) // 2)
        return Placement(before, (h, w))
    if mode == "valid" and kh <= h and kw <= w:
        return Placement((0, 0), (h - kh + 1, w - kw + 1))
    raise HandOver("no such mode, or no place")


def constant(fillvalue: Any, dtype: np.dtype) -> float:
    """Return the value outside the image, unless SciPy must say what it becomes."""
    if type(fillvalue) is int and fillvalue == 0:
        return 0.0
    value = array_of(fillvalue, "fillvalue")
    if value.ndim or value.dtype.kind not in "biuf" or value.dtype.itemsize > 8:
        raise HandOver("fillvalue")
    fill = float(value)
    if dtype.kind in "iu" and not (fill.is_integer() and in_range(fill, dtype)):
        raise HandOver("fillvalue")
    return fill


def exact_types(
    image: NDArray[Any], weights: NDArray[np.float64], fill: float, dtype: np.dtype
) -> tuple[np.dtype, np.dtype]:
    """Return the dtypes to compute and to store in for SciPy's `dtype`.

    Integers wrap around in SciPy and saturate in the engine. So they are computed exactly, stored
    in a dtype that holds every sum, and wrapped afterwards.
    """
    if dtype in (FLOAT32, FLOAT64):
        return dtype, dtype
    if dtype.kind not in "iu":
        raise HandOver("dtype")
    bound = max(largest(image), abs(fill)) * float(np.abs(weights).sum())
    if not bound < EXACT_IN_FLOAT64:
        raise HandOver("integers beyond float64")
    computed = FLOAT32 if bound < EXACT_IN_FLOAT32 else FLOAT64
    wider = (dtype, np.dtype(np.int32), np.dtype(np.int64))
    return computed, next(each for each in wider if in_range(bound, each))


def in_range(value: float, dtype: np.dtype) -> bool:
    """Whether an integer dtype holds a number."""
    limits = np.iinfo(dtype)
    return limits.min <= value <= limits.max


def largest(image: NDArray[Any]) -> int:
    """Return a bound of a bool or integer image: its dtype's, or that of the pixels if wide."""
    if image.dtype.kind == "b":
        return 1
    if image.dtype.itemsize < 4:
        limits = np.iinfo(image.dtype)
        return max(-limits.min, limits.max)
    return max(-int(image.min()), int(image.max()))

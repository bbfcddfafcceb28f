"""What the arguments of `scipy.ndimage` mean, and which of them go to SciPy as they came."""

import operator
from collections.abc import Iterator
from functools import lru_cache
from math import inf, isnan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgconv.core.border import MODES, SYNONYMS
from imgconv.core.pixels import native
from imgconv.fallback import HandOver

Image = NDArray[Any]

UINT8, UINT64 = np.dtype(np.uint8), np.dtype(np.uint64)
# SciPy's names of modes, and the engine's.
BORDERS = {**{mode: mode for mode in MODES}, **SYNONYMS}
# double holds all integers up to this one.
EXACT = 2**53


@lru_cache(maxsize=64)
def refused(dtype: np.dtype) -> str:
    """Return why images of a dtype go to SciPy; nothing if they do not."""
    if dtype.kind == "c":
        return "complex numbers"
    if dtype.kind not in "biuf" or dtype.itemsize > 8 or (dtype.kind, dtype.itemsize) == ("f", 2):
        return f"dtype {dtype.name}"
    return ""


# Below so many pixels SciPy's linear filters are as fast: a call of the engine costs some
# microseconds.
SMALL = 1024


def image_of(input: Any) -> Image:
    """Return an image that the engine filters."""
    if type(input) is not np.ndarray:
        if type(input) not in {list, tuple}:
            raise HandOver("not a NumPy array")
        input = array_of(input, "input")
    if why := refused(input.dtype):
        raise HandOver(why)
    if input.size == 0 or input.ndim == 0:
        raise HandOver("no pixels")
    return input


def large_image_of(input: Any) -> Image:
    """Return an image that the engine filters faster."""
    image = image_of(input)
    if image.size < SMALL:
        raise HandOver("few pixels")
    return image


class Target(NamedTuple):
    """Where results go: into an array of this dtype, the caller's or a fresh one."""

    dtype: np.dtype
    out: Image | None


def target_of(output: Any, image: Image) -> Target:
    """Return what `output` asks for: nothing, a dtype, its name or an array to fill."""
    if output is None:
        return Target(native(image.dtype), None)
    if type(output) is np.ndarray:
        if output.shape != image.shape or not output.flags.writeable or refused(output.dtype):
            raise HandOver("output")
        return Target(native(output.dtype), output)
    if not isinstance(output, (type, np.dtype, str)):
        raise HandOver("output")
    dtype = dtype_of(output)
    named = isinstance(output, str) and not issubclass(dtype.type, np.number)
    if refused(dtype) or named or not dtype.isnative:
        raise HandOver("output")
    return Target(dtype, None)


def dtype_of(output: Any) -> np.dtype:
    """Return the dtype that `output` names."""
    try:
        return np.dtype(output)
    except TypeError:
        raise HandOver("output") from None


def axes_of(axes: Any, ndim: int) -> tuple[int, ...]:
    """Return the axes to filter along, in the caller's order."""
    if axes is None:
        return tuple(range(ndim))
    again(axes, "axes")
    if not np.iterable(axes):
        if integer(axes, "axes") < 0:
            raise HandOver("axes")
        axes = (axes,)
    given = tuple(integer(axis, "axes") for axis in axes)
    numbers = tuple(axis % ndim for axis in given)
    inside = all(-ndim <= axis < ndim for axis in given)
    if not inside or len(set(numbers)) != len(numbers):
        raise HandOver("axes")
    return numbers


def again(value: Any, name: str) -> None:
    """Check that SciPy can read what we have read: an iterator is empty then."""
    if isinstance(value, Iterator):
        raise HandOver(name)


def axis_of(axis: Any, ndim: int) -> int:
    """Return one axis."""
    number = integer(axis, "axes")
    if not -ndim <= number < ndim:
        raise HandOver("axes")
    return number % ndim


def integer(value: Any, name: str) -> int:
    """Return an integer."""
    if type(value) is int:
        return value
    # SciPy takes an array of no axes for one in some places, in others not.
    if not hasattr(value, "__index__") or isinstance(value, np.ndarray):
        raise HandOver(name)
    return operator.index(value)


def scalar(value: Any, name: str) -> Any:
    """Return a finite number of Python's or NumPy's as it is."""
    if not isinstance(value, (int, float, np.integer, np.floating)) or not -inf < value < inf:
        raise HandOver(name)
    return value


def array_of(value: Any, name: str, dtype: Any = None) -> Image:
    """Return an array."""
    try:
        return np.asarray(value, dtype)
    except (TypeError, ValueError):
        raise HandOver(name) from None


def each(value: Any, n: int, name: str) -> tuple[Any, ...]:
    """Return n values from one or a sequence of them."""
    if value is None or isinstance(value, (str, bytes, int, float)) or not np.iterable(value):
        return (value,) * n
    again(value, name)
    values = tuple(value)
    if len(values) != n:
        raise HandOver(name)
    return values


def border(mode: Any) -> str:
    """Return the engine's name of a mode."""
    if not isinstance(mode, str) or mode not in BORDERS:
        raise HandOver("mode")
    return BORDERS[mode]


def borders(mode: Any, n: int) -> tuple[str, ...]:
    """Return the modes of n axes, from one or a sequence."""
    if isinstance(mode, str):
        return (border(mode),) * n
    return tuple(border(one) for one in each(mode, n, "mode"))


def number(value: Any, name: str = "cval") -> float:
    """Return a real number, such as lies outside for mode="constant"."""
    if type(value) is float or type(value) is int:
        return float(value)
    array = array_of(value, name)
    if array.ndim or array.dtype.kind not in "biuf":
        raise HandOver(name)
    return float(array)


def before(size: int, origin: Any) -> int:
    """Return how far ahead of its pixel a window begins."""
    at = size // 2 + integer(origin, "origin")
    if not 0 <= at < size:
        raise HandOver("origin")
    return at


def in_order(
    axes: tuple[int, ...], origins: tuple[Any, ...], ndim: int
) -> tuple[tuple[int, ...], tuple[Any, ...]]:
    """Return the axes of a window that is not separable, in the array's order, with their origins.

    Whatever order a caller names axes in, the window's are the array's; origins follow the caller,
    unless all axes are named.
    """
    if len(axes) < ndim:
        origins = tuple(origin for _, origin in sorted(zip(axes, origins, strict=True)))
    return tuple(sorted(axes)), origins


def as_bytes(image: Image) -> Image:
    """Return a bool image as the bytes that SciPy computes with; any other as it is."""
    return image.view(UINT8) if image.dtype.kind == "b" else image


def as_image(result: Image, dtype: np.dtype) -> Image:
    """Return the result of a bool image as one."""
    return result.view(dtype) if dtype.kind == "b" else result


def has_nan(image: Image) -> bool:
    """Whether an image holds a NaN."""
    return image.dtype.kind == "f" and isnan(image.min())


def fits_double(image: Image) -> bool:
    """Whether double holds all pixels of an image exactly."""
    if image.dtype.kind == "f" or image.dtype.itemsize < 8:
        return True
    return max(-int(image.min()), int(image.max())) <= EXACT

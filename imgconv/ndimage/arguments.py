"""What the arguments of `scipy.ndimage` mean, and which of them the face falls back for."""

from math import inf, isnan
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from imgconv.core.pixels import native
from imgconv.face_arguments import (
    Image,
    array_of,
    border,
    check_not_iterator,
    check_size,
    each,
    integer,
    real,
    real_image,
    unsupported,
)
from imgconv.fallback import FallBack

OutputLike: TypeAlias = Image | DTypeLike | None

UINT8, UINT64 = np.dtype(np.uint8), np.dtype(np.uint64)
# In images of fewer pixels SciPy's linear filters are as fast.
SMALL = 1024


def image_of(input: object) -> Image:
    """Return an image of any number of axes, but of one at least."""
    image = real_image(input, None, True, False)
    if image.ndim == 0:
        raise FallBack("no axes")
    return image


def large_image_of(input: object) -> Image:
    """Return an image of enough pixels to filter it faster than SciPy does."""
    image = image_of(input)
    check_size(image.size, SMALL)
    return image


class Output(NamedTuple):
    """Where a result goes: into the caller's array, or a new one of this dtype."""

    dtype: np.dtype[Any]
    array: Image | None

    def result(self, filtered: Image, signal: bool) -> Image:
        """Return what the caller gets: the array that was given, or what was filtered.

        Signals are filtered as images of one row, and some bool images as bytes.
        """
        if self.array is not None:
            return self.array
        found = filtered[0] if signal else filtered
        return found.view(self.dtype) if self.dtype.kind == "b" else found


def output_of(output: object, image: Image) -> Output:
    """Return what `output` requests: by default a new array, else a dtype or an array to fill."""
    if output is None:
        return Output(native(image.dtype), None)
    if type(output) is np.ndarray:
        if not is_fillable(output, image):
            raise FallBack("output")
        return Output(native(output.dtype), output)
    if not isinstance(output, (type, np.dtype, str)):
        raise FallBack("output")
    dtype = dtype_of(output)
    unusual = isinstance(output, str) and not issubclass(dtype.type, np.number)
    if unsupported(dtype, False) or unusual or not dtype.isnative:
        raise FallBack("output")
    return Output(dtype, None)


def is_fillable(output: Image, image: Image) -> bool:
    """Whether results for the pixels of an image can be written into an array."""
    same_shape = output.shape == image.shape
    return same_shape and output.flags.writeable and not unsupported(output.dtype, False)


def dtype_of(output: Any) -> np.dtype[Any]:
    """Return the dtype that `output` names."""
    try:
        dtype: np.dtype[Any] = np.dtype(output)
    except TypeError:
        raise FallBack("output") from None
    return dtype


def axes_of(axes: Any, ndim: int) -> tuple[int, ...]:
    """Return the axes to filter along, in the caller's order."""
    if axes is None:
        return tuple(range(ndim))
    check_not_iterator(axes, "axes")
    if not np.iterable(axes):
        if integer(axes, "axes") < 0:
            raise FallBack("axes")
        axes = (axes,)
    given = tuple(integer(axis, "axes") for axis in axes)
    numbers = tuple(axis % ndim for axis in given)
    inside = all(-ndim <= axis < ndim for axis in given)
    if not inside or len(set(numbers)) != len(numbers):
        raise FallBack("axes")
    return numbers


def axis_of(axis: object, ndim: int) -> int:
    """Return one axis."""
    number = integer(axis, "axes")
    if not -ndim <= number < ndim:
        raise FallBack("axes")
    return number % ndim


def borders(mode: object, n: int) -> tuple[str, ...]:
    """Return imgconv's names of the border modes of n axes."""
    if isinstance(mode, str):
        return (border(mode),) * n
    return tuple(border(one) for one in each(mode, n, "mode"))


def scalar(value: Any, name: str) -> Any:
    """Return a finite number as it is, since SciPy computes in its type."""
    if not isinstance(value, (int, float, np.integer, np.floating)):
        raise FallBack(name)
    if not -inf < real(value, name) < inf:
        raise FallBack(name)
    return value


def number(value: object, name: str = "cval") -> float:
    """Return a real number, by default `cval`."""
    if type(value) is float or type(value) is int:
        return real(value, name)
    array = array_of(value, name)
    if array.ndim or array.dtype.kind not in "biuf":
        raise FallBack(name)
    return float(array)


def before(size: int, origin: object) -> int:
    """Return how many pixels ahead of its pixel a window begins."""
    at = size // 2 + integer(origin, "origin")
    if not 0 <= at < size:
        raise FallBack("origin")
    return at


def flipped_origins(origin: object, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the origins of a window that is rotated by 180 degrees."""
    origins = each(origin, len(shape), "origin")
    return tuple(-integer(o, "origin") - (n % 2 == 0) for o, n in zip(origins, shape, strict=True))


def window_axes(
    axes: tuple[int, ...], origins: tuple[Any, ...], ndim: int
) -> tuple[tuple[int, ...], tuple[Any, ...]]:
    """Return the axes of a window that is not separable, sorted, with their origins.

    SciPy applies a window's axes in the array's order, whatever order the caller names axes in;
    origins follow the caller's order, unless all axes are named.
    """
    if len(axes) < ndim:
        origins = tuple(origin for _, origin in sorted(zip(axes, origins, strict=True)))
    return tuple(sorted(axes)), origins


def as_bytes(image: Image) -> Image:
    """Return a bool image as the bytes that SciPy computes with; any other as it is."""
    return image.view(UINT8) if image.dtype.kind == "b" else image


def has_nan(image: Image) -> bool:
    """Whether an image contains a NaN."""
    return image.dtype.kind == "f" and isnan(image.min())

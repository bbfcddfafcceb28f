"""Array arguments of layers: each error names the argument, the rule and the value."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from imgconv.core import check, pixels

Array = NDArray[Any]
DType = np.dtype[Any]
Shape = tuple[int, ...]
# What draws random numbers: a generator, or the seed of a new one.
Seed = np.random.Generator | int | None

FLOATS: tuple[DType, DType] = (np.dtype(np.float32), np.dtype(np.float64))


def float_dtype(dtype: DTypeLike, name: str = "dtype") -> DType:
    """Return a dtype that layers compute in, in native byte order."""
    native = pixels.native(np.dtype(dtype))
    if native not in FLOATS:
        raise TypeError(f"{name} must be float32 or float64, got {np.dtype(dtype)}")
    return native


def reals(value: ArrayLike) -> Array:
    """Return an input of any real dtype that loops can read."""
    array = check.image(value, "input")
    return pixels.aligned(array, pixels.native(array.dtype))


def comparable(value: ArrayLike) -> Array:
    """Return an input of integers or floats that loops can read."""
    array = reals(value)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"input must be of integers or floats, got {array.dtype}")
    return array


def floats(value: ArrayLike, name: str = "input", dtype: DType | None = None) -> Array:
    """Return an array of float32 or float64, of `dtype` if given, that loops can read."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} must not be a masked array")
    array = np.asarray(value)
    found = float_dtype(array.dtype, f"{name}'s dtype")
    if dtype is not None and found != dtype:
        raise TypeError(f"{name} must have the input's dtype {dtype}, got {found}")
    return pixels.aligned(array, found)


def optional(value: ArrayLike | None, name: str, shape: Shape, dtype: DType) -> Array | None:
    """Return an array of this shape and dtype, or None for None."""
    if value is None:
        return None
    array = floats(value, name, dtype)
    check_shape(array, shape, name)
    return array


def gradient(value: ArrayLike, shape: Shape, dtype: DType) -> Array:
    """Return the gradient of a result of this shape and dtype; a Python float has any dtype."""
    if isinstance(value, float):
        value = np.asarray(value, dtype)
    array = floats(value, "grad_output", dtype)
    check_shape(array, shape, "grad_output")
    return array


def check_shape(array: Array, shape: Shape, name: str) -> None:
    """Raise if an array has another shape."""
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")


def axis(dim: Any, ndim: int) -> int:
    """Return an axis as a number from 0; an array without axes counts as one with one axis."""
    number = check.integer(dim, "dim")
    axes = max(ndim, 1)
    if not -axes <= number < axes:
        raise ValueError(f"dim must lie in {axes} axes, got {number}")
    return number % axes


def probability(value: Any, name: str) -> float:
    """Return a number from 0 to 1."""
    checked = check.number(value, name)
    if not 0 <= checked <= 1:
        raise ValueError(f"{name} must lie between 0 and 1, got {value!r}")
    return checked

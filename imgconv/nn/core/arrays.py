"""Array arguments of layers: each error names argument, rule and value."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from imgconv.core import check
from imgconv.core.pixels import native

Array = NDArray[Any]

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def float_dtype(dtype: DTypeLike, name: str = "dtype") -> np.dtype:
    """Return a dtype that layers compute in."""
    wanted = native(np.dtype(dtype))
    if wanted not in FLOATS:
        raise TypeError(f"{name} must be float32 or float64, got {np.dtype(dtype)}")
    return wanted


def readable(array: Array, dtype: np.dtype) -> Array:
    """Return an array as loops read it: of a native dtype, its numbers at multiples of their size.

    It is copied only where it is not so. What NumPy makes of it afterwards, slices and contiguous
    copies among them, is aligned, too.
    """
    array = array.astype(dtype, copy=False)
    return array if array.flags.aligned else array.copy()


def reals(value: ArrayLike) -> Array:
    """Return an input of any real dtype that loops can read."""
    array = check.image(value, "input")
    return readable(array, native(array.dtype))


def floats(value: ArrayLike, name: str = "input", dtype: np.dtype | None = None) -> Array:
    """Return an array of float32 or float64, of `dtype` if given, that loops can read."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} must not be a masked array")
    array = np.asarray(value)
    kind = float_dtype(array.dtype, f"{name}'s dtype")
    if dtype is not None and kind != dtype:
        raise TypeError(f"{name} must have the input's dtype {dtype}, got {kind}")
    return readable(array, kind)


def optional(
    value: ArrayLike | None, name: str, shape: tuple[int, ...], dtype: np.dtype
) -> Array | None:
    """Return an array of this shape and dtype, or None as it is."""
    if value is None:
        return None
    array = floats(value, name, dtype)
    check_shape(array, shape, name)
    return array


def grad(value: ArrayLike, shape: tuple[int, ...], dtype: np.dtype) -> Array:
    """Return the gradient of a result of this shape and dtype; a bare number has any dtype."""
    if isinstance(value, float):
        value = np.asarray(value, dtype)
    array = floats(value, "grad_output", dtype)
    check_shape(array, shape, "grad_output")
    return array


def check_shape(array: Array, shape: tuple[int, ...], name: str) -> None:
    """Check that an array has this shape."""
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")


def axis(dim: Any, ndim: int) -> int:
    """Return an axis as a number from 0; an array without axes has one for the asking."""
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

"""Arguments of the originals, as all faces read them.

Each function returns what an argument means, or raises `FallBack` with the argument's name. Nothing
is refused here: whether an argument is wrong is for the original to decide.
"""

import operator
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgconv.core.border import MODES, SYNONYMS
from imgconv.fallback import FallBack

Image = NDArray[Any]
# The types of arguments that many functions share.
Ints: TypeAlias = int | Sequence[int]
Floats: TypeAlias = float | Sequence[float]
Axes: TypeAlias = int | Sequence[int] | None
Modes: TypeAlias = str | Sequence[str]

# SciPy's names of border modes, and imgconv's.
BORDERS = {**{mode: mode for mode in MODES}, **SYNONYMS}
# The names of `numpy.pad`, and imgconv's.
NUMPY_BORDERS = {
    "constant": "constant",
    "edge": "nearest",
    "symmetric": "reflect",
    "reflect": "mirror",
    "wrap": "wrap",
}
# float64 represents all integers up to this one.
EXACT_INTEGER = 2**53
# Whether small calls fall back, which the original computes as fast. Tests set it to False.
SMALL_CALLS_FALL_BACK = True


def check_size(size: int, limit: int) -> None:
    """Fall back where there is less to do than `limit`: a call costs imgconv some microseconds."""
    if size < limit and SMALL_CALLS_FALL_BACK:
        raise FallBack("small")


@lru_cache(maxsize=128)
def unsupported(dtype: np.dtype[Any], float16: bool = True) -> str:
    """Return why no face filters images of a dtype; "" if one does."""
    if dtype.kind == "c":
        return "complex numbers"
    real = dtype.kind in "biuf" and dtype.itemsize <= 8
    return "" if real and (float16 or dtype.char != "e") else f"dtype {dtype.name}"


def real(value: Any, name: str) -> float:
    """Return a number as a float; integers may be larger than any."""
    try:
        return float(value)
    except OverflowError:
        raise FallBack(name) from None


def real_image(
    value: object, ndim: int | None = 2, lists: bool = False, float16: bool = True
) -> Image:
    """Return an image of real numbers, with `ndim` axes if given; from lists where allowed."""
    if type(value) is not np.ndarray:
        # Masked arrays, matrices and arrays of other libraries have rules of their own.
        if not lists or type(value) not in {list, tuple}:
            raise FallBack("not a NumPy array")
        value = array_of(value, "input")
    if ndim is not None and value.ndim != ndim:
        raise FallBack(f"not {ndim}-D")
    if why := unsupported(value.dtype, float16):
        raise FallBack(why)
    if not value.size:
        raise FallBack("no pixels")
    return value


def array_of(value: object, name: str, dtype: type | None = None) -> Image:
    """Return an array."""
    try:
        return np.asarray(value, dtype)
    except (TypeError, ValueError):
        raise FallBack(name) from None


def integer(value: Any, name: str) -> int:
    """Return an integer."""
    if type(value) is int:
        return value
    # Some originals take an array of no axes for an integer, others do not.
    if not hasattr(value, "__index__") or isinstance(value, np.ndarray):
        raise FallBack(name)
    return operator.index(value)


def each(value: Any, n: int, name: str) -> tuple[Any, ...]:
    """Return n values, from one value or from a sequence of n."""
    if value is None or isinstance(value, (str, bytes, int, float)) or not np.iterable(value):
        return (value,) * n
    check_not_iterator(value, name)
    values = tuple(value)
    if len(values) != n:
        raise FallBack(name)
    return values


def check_not_iterator(value: object, name: str) -> None:
    """Fall back for an iterator: once read here, it would be empty for the original."""
    if isinstance(value, Iterator):
        raise FallBack(name)


def border(mode: object) -> str:
    """Return imgconv's name of a border mode."""
    if not isinstance(mode, str) or mode not in BORDERS:
        raise FallBack("mode")
    return BORDERS[mode]


def fits_double(image: Image) -> bool:
    """Whether float64 represents all pixels of an image exactly."""
    if image.dtype.kind == "f" or image.dtype.itemsize < 8:
        return True
    return max(-int(image.min()), int(image.max())) <= EXACT_INTEGER

"""Conversions of whole arrays, by the rule of all filters: to nearest, saturated, NaN is 0."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def limits(dtype: np.dtype) -> tuple[int, int]:
    """Return the least and the greatest value of an integer dtype; bool has 0 and 1."""
    if dtype.kind == "b":
        return 0, 1
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def store(values: NDArray[Any], out: NDArray[Any]) -> None:
    """Fill an array of any dtype with these values."""
    if out.dtype.kind == "f":
        with np.errstate(over="ignore"):
            np.copyto(out, values, casting="unsafe")
        return
    low, high = limits(out.dtype)
    if values.dtype.kind != "f":
        least, most = limits(values.dtype)
        whole = values.view(np.uint8) if values.dtype.kind == "b" else values
        np.copyto(out, np.clip(whole, max(low, least), min(high, most)), casting="unsafe")
        return
    nearest = np.rint(values, dtype=np.float64)
    # The limits of 64-bit integers are no floats: what lies beyond them is set, not converted.
    inside = (nearest > low) & (nearest < high)
    np.copyto(out, np.where(inside, nearest, 0), casting="unsafe")
    out[nearest <= low] = low
    out[nearest >= high] = high


def rounded(values: NDArray[Any], dtype: np.dtype) -> NDArray[Any]:
    """Return the values in another dtype."""
    out = np.empty(values.shape, dtype)
    store(values, out)
    return out


def difference(
    high: NDArray[Any], low: NDArray[Any], spare: NDArray[Any], dtype: np.dtype, out: Any
) -> NDArray[Any]:
    """Return high - low in a dtype or in `out`, rounded once and saturated.

    Of bool it is where the two differ. `spare` is one of the two, in native byte order, and may be
    overwritten.
    """
    own = spare.dtype
    if own.kind == "b":
        exact = np.not_equal(high, low, out=spare)
    elif own.kind == "f":
        with np.errstate(invalid="ignore"):
            exact = np.subtract(high, low, out=spare)
    elif own.kind == "u" and dtype == own:
        # What would be negative is 0: nothing is taken from a pixel but what it has.
        exact = np.subtract(high, np.minimum(high, low, out=low if spare is low else None),
                            out=spare)  # fmt: skip
    else:
        exact = integer_difference(high, low, dtype)
    if out is None:
        return exact if exact.dtype == dtype else rounded(exact, dtype)
    store(exact, out)
    return out


def integer_difference(high: NDArray[Any], low: NDArray[Any], dtype: np.dtype) -> NDArray[Any]:
    """Return the difference of two arrays of integers, saturated; without a sign it always fits."""
    unsigned = f"u{high.dtype.itemsize}"
    negative = high < low
    bits = [array.astype(unsigned, copy=False) for array in (high, low)]
    wrapped = bits[0] - bits[1]
    distance = np.where(negative, 0 - wrapped, wrapped)
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            size = distance.astype(dtype)
        return np.where(negative, -size, size)
    least, most = limits(dtype)
    ends = [min(end, limits(distance.dtype)[1]) for end in (-least, most)]
    distance = np.minimum(distance, np.where(negative, *np.array(ends, distance.dtype)))
    # Not saturated any more, a negative number is what wraps to it.
    whole = distance.astype(f"u{dtype.itemsize}")
    return np.where(negative, 0 - whole, whole).astype(dtype)

"""Dtypes of pixels: which ones the filters take, and how arrays are converted between them.

Numbers are rounded to nearest and saturated; NaN becomes 0 in integers.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# In the order of `Code` in pyx/rows.pxd.
INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
DTYPES = tuple(map(np.dtype, ("bool", *INTEGERS, "float16", "float32", "float64")))
CODES = {dtype: code for code, dtype in enumerate(DTYPES)}


def is_pixel_type(dtype: np.dtype[Any]) -> bool:
    """Whether the filters take images of this dtype."""
    return dtype.kind in "biuf" and dtype.itemsize <= 8


def native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in the byte order of the machine."""
    return dtype.newbyteorder("=")


def aligned(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an array whose numbers lie at multiples of their size; a copy if it must be.

    Slices and contiguous copies of it are aligned, too.
    """
    array = array.astype(dtype, copy=False)
    return array if array.flags.aligned else array.copy()


def contiguous(array: NDArray[Any], dtype: np.dtype[Any] | type) -> NDArray[Any]:
    """Return an aligned array in C order; a copy if it must be."""
    return np.require(array, dtype, ["C", "A"])


def code_of(dtype: np.dtype[Any]) -> int:
    """Return the code of a dtype for the loops; long and long long have the same one."""
    return CODES[np.dtype(f"{dtype.kind}{dtype.itemsize}")]


def limits(dtype: np.dtype[Any]) -> tuple[int, int]:
    """Return the smallest and the largest value of an integer dtype; 0 and 1 for bool."""
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
        smallest, largest = limits(values.dtype)
        integers = values.view(np.uint8) if values.dtype.kind == "b" else values
        np.copyto(out, np.clip(integers, max(low, smallest), min(high, largest)), casting="unsafe")
        return
    nearest = np.rint(values, dtype=np.float64)
    # No float is equal to the limits of 64-bit integers, so numbers beyond them are not converted.
    inside = (nearest > low) & (nearest < high)
    np.copyto(out, np.where(inside, nearest, 0), casting="unsafe")
    out[nearest <= low] = low
    out[nearest >= high] = high


def rounded(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the values in another dtype."""
    out = np.empty(values.shape, dtype)
    store(values, out)
    return out


def difference(
    high: NDArray[Any],
    low: NDArray[Any],
    spare: NDArray[Any],
    dtype: np.dtype[Any],
    out: NDArray[Any] | None,
) -> NDArray[Any]:
    """Return high - low in a dtype or in `out`, rounded once and saturated.

    The difference of bool is where the two differ. `spare` is one of the two, in native byte order,
    and may be overwritten.
    """
    own = spare.dtype
    exact: NDArray[Any]
    if own.kind == "b":
        exact = np.not_equal(high, low, out=spare)
    elif own.kind == "f":
        with np.errstate(invalid="ignore"):
            exact = np.subtract(high, low, out=spare)
    elif own.kind == "u" and dtype == own:
        # Negative differences become 0: no more than `high` is subtracted from it.
        exact = np.subtract(high, np.minimum(high, low, out=low if spare is low else None),
                            out=spare)  # fmt: skip
    else:
        exact = integer_difference(high, low, dtype)
    if out is None:
        return exact if exact.dtype == dtype else rounded(exact, dtype)
    store(exact, out)
    return out


def integer_difference(high: NDArray[Any], low: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return high - low of integers, saturated; the absolute difference fits the unsigned type."""
    unsigned = f"u{high.dtype.itemsize}"
    negative = high < low
    bits = [array.astype(unsigned, copy=False) for array in (high, low)]
    wrapped = bits[0] - bits[1]
    distance = np.where(negative, 0 - wrapped, wrapped)
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            floats: NDArray[Any] = distance.astype(dtype)
        return np.where(negative, -floats, floats)
    smallest, largest = limits(dtype)
    ends = [min(end, limits(distance.dtype)[1]) for end in (-smallest, largest)]
    distance = np.minimum(distance, np.where(negative, *np.array(ends, distance.dtype)))
    # After saturation the unsigned number that wraps to a negative one is right.
    size = distance.astype(f"u{dtype.itemsize}")
    result: NDArray[Any] = np.where(negative, 0 - size, size).astype(dtype)
    return result

"""How tests compare arrays, and the awkward arrays that they feed in."""

import numpy as np


def assert_form(actual, shape, dtype):
    """An ndarray, no subclass, of this shape and dtype (byte order too)."""
    assert type(actual) is np.ndarray, f"actual must be an ndarray, got {type(actual).__name__}"
    assert actual.shape == shape, f"shape {actual.shape}, expected {shape}"
    assert actual.dtype == dtype, f"dtype {actual.dtype.str}, expected {dtype.str}"


def assert_same_bits(actual, expected):
    """Same type, shape, dtype (byte order too) and bits. NaN equals NaN, whatever its payload."""
    assert_form(actual, expected.shape, expected.dtype)
    differs = (_bits(actual) != _bits(expected)).any(axis=-1)
    if actual.dtype.kind in "fc":
        differs &= ~(np.isnan(actual) & np.isnan(expected))
    if differs.any():
        place = _first(differs)
        raise AssertionError(
            f"{np.count_nonzero(differs)} of {actual.size} values differ in their bits; the first "
            f"at {place}: {_pair(actual, expected, place)}"
        )


def assert_close(actual, expected, *, ulps=None, rtol=None, scale=None, dtype=None):
    """Same shape, NaN and infinities in the same places, all else close to the largest value.

    Just one of the two tolerances is given, and it measures every value by the largest, since a
    filter's rounding errors grow with what it adds up and not with what is left: `rtol` is a share
    of the largest value, `ulps` a multiple of the distance between neighbouring numbers there in
    the dtype of `actual` (1 for integers).

    `scale` is the largest value if it is not that of `expected`: take the largest sum of
    |kernel| * |image| where a result cancels out. `dtype` is what `actual` must have, if not the
    dtype of `expected`.
    """
    if (ulps is None) == (rtol is None):
        raise TypeError("give ulps or rtol, and only one of them")
    if "c" in (actual.dtype.kind, expected.dtype.kind):
        raise TypeError("compare the real and the imaginary part one by one")
    assert_form(actual, expected.shape, expected.dtype if dtype is None else np.dtype(dtype))
    finite = np.isfinite(expected)
    _assert_same_specials(actual, expected, finite)
    if not finite.any():
        return
    # long double holds every integer of 64 bits and every float64 (on x86; elsewhere nearly so).
    wide_actual, wide_expected = (a[finite].astype(np.longdouble) for a in (actual, expected))
    error = np.zeros(actual.shape, dtype=np.longdouble)
    error[finite] = np.abs(wide_actual - wide_expected)
    largest = np.abs(wide_expected).max() if scale is None else np.longdouble(scale)
    tolerance = rtol * largest if ulps is None else ulps * _spacing(largest, actual.dtype)
    if not (error <= tolerance).all():
        place = tuple(map(int, np.unravel_index(error.argmax(), error.shape)))
        raise AssertionError(
            f"{np.count_nonzero(error > tolerance)} of {actual.size} values are off by more than "
            f"{float(tolerance):.3g} (the largest is {float(largest):.6g}); the worst at {place}: "
            f"{_pair(actual, expected, place)}, off by {float(error[place]):.3g}"
        )


def awkward_arrays(image):
    """Yield (name, array) for every unfriendly layout of the pixels of `image` in memory.

    All are equal to `image`. What lies between and around their pixels is poison: NaN or the
    largest integer. Layouts that the dtype or the shape cannot have are left out.
    """
    image = np.asarray(image)
    yield "strided", _inside_poison(image, step=2)
    yield "offset", _inside_poison(image, step=1)
    yield "reversed", _reversed(image)
    yield "fortran", np.asfortranarray(image)
    yield "read-only", _read_only(image)
    if image.ndim > 1:
        yield "transposed", np.ascontiguousarray(image.T).T
    if image.dtype.itemsize > 1:
        yield "byte-swapped", image.astype(image.dtype.newbyteorder("S"))
        yield "unaligned", _unaligned(image)


# ---- parts of assertions ---------------------------------------------------------------------


def _assert_same_specials(actual, expected, finite):
    """NaN and infinities are in the same places with the same sign."""
    same = np.isnan(actual) == np.isnan(expected)
    same &= np.where(finite, np.isfinite(actual), np.isnan(expected) | (actual == expected))
    if not same.all():
        place = _first(~same)
        raise AssertionError(
            f"{np.count_nonzero(~same)} of {actual.size} values differ in being NaN or infinite; "
            f"the first at {place}: {_pair(actual, expected, place)}"
        )


def _bits(array):
    return np.frombuffer(array.tobytes(), np.uint8).reshape(*array.shape, array.dtype.itemsize)


def _first(mask):
    return tuple(map(int, np.argwhere(mask)[0]))


def _pair(actual, expected, place):
    return f"{actual[place]!r}, expected {expected[place]!r}"


def _spacing(largest, dtype):
    return np.spacing(dtype.type(largest)) if dtype.kind == "f" else 1


# ---- parts of awkward arrays -----------------------------------------------------------------


def _poison(shape, dtype):
    if dtype.kind == "b":
        return np.ones(shape, dtype)
    return np.full(shape, np.iinfo(dtype).max if dtype.kind in "iu" else np.nan, dtype)


def _inside_poison(image, step):
    around = _poison([3 + step * n for n in image.shape], image.dtype)
    inside = around[tuple(slice(2, 2 + step * n, step) for n in image.shape)]
    inside[...] = image
    return inside


def _reversed(image):
    backwards = (slice(None, None, -1),) * image.ndim
    return image[backwards].copy()[backwards]


def _read_only(image):
    copy = image.copy()
    copy.flags.writeable = False
    return copy


def _unaligned(image):
    memory = np.empty(image.nbytes + 1, np.uint8)
    array = memory[1:].view(image.dtype).reshape(image.shape)
    array[...] = image
    return array

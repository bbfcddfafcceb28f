"""Whether what a filter returned is right, to the last rounding."""

from typing import Any

import numpy as np
import oracle
from comparing import assert_close, assert_form, assert_same_bits
from numpy.typing import NDArray

from cases.base import ULPS, Case, as_tuple


def assert_right(
    case: Case,
    actual: Any,
    image: NDArray[Any],
    *,
    mode: str = "reflect",
    cval: float = 0.0,
    dtype: Any = None,
    exact: Any = None,
) -> None:
    """Every pixel of a result is the exact value, rounded to the dtype of the result.

    Rounding is monotone. So a result that was off by at most the tolerance before it was rounded
    lies between the rounded ends of that interval: integers are equal unless the exact value comes
    near a tie.

    `exact` is what to compare with, if not the reference implementation. `dtype` is the requested
    dtype, if any.
    """
    actual = as_tuple(actual)
    exact = case.exact(image, mode, cval) if exact is None else as_tuple(exact)
    assert len(actual) == len(exact), f"{len(actual)} results, expected {len(exact)}"
    dtype = case.result_dtype(image.dtype) if dtype is None else np.dtype(dtype)
    tolerances = case.tolerances(exact, image, cval)
    pi = oracle.compute_dtype(image.dtype).type(np.pi)
    try:
        for one, value, tolerance in zip(actual, exact, tolerances, strict=True):
            if dtype == np.float16:
                # It is rounded from float32: docs/numerics.md.
                tolerance = tolerance + np.finfo(np.float32).eps / 2 * np.abs(value)
            if case.selects:
                assert_selected(one, value, dtype)
            elif case.combine == "polar" and value is exact[1]:
                value = unwrapped(value, tolerance, one)
                assert_rounded(one, value, tolerance, dtype, bound=pi)
            else:
                assert_rounded(one, value, tolerance, dtype)
    except AssertionError as error:
        error.add_note(f"{case.id}, {image.dtype} image {image.shape}, {mode=}, {cval=}")
        raise


def assert_selected(actual: Any, exact: NDArray[Any], dtype: np.dtype[Any]) -> None:
    """The values are those of `exact`, converted to `dtype`; -0.0 is 0.0."""
    assert_form(actual, exact.shape, dtype)
    expected = oracle.convert(exact, dtype)
    _assert_all((actual == expected) | _both_nan(actual, expected), actual, expected, "exactly")


def assert_rounded(
    actual: Any, exact: NDArray[Any], tolerance: Any, dtype: np.dtype[Any], bound: float = np.inf
) -> None:
    """The values are those of `exact` +- tolerance (within +- bound), rounded to `dtype`."""
    assert_form(actual, exact.shape, dtype)
    low = oracle.round_to(np.maximum(exact - tolerance, -bound), dtype)
    high = oracle.round_to(np.minimum(exact + tolerance, bound), dtype)
    right = ((low <= actual) & (actual <= high)) | _both_nan(actual, exact)
    _assert_all(right, actual, exact, f"within {np.max(tolerance):.3g}")


def assert_untouched(case: Case, actual: NDArray[Any], expected: NDArray[Any]) -> None:
    """Pixels outside the windows of a result have changed none of its bits.

    Transforms round all pixels of a tile together: there the results are equal but for rounding.
    The pixels are those of a `sample` of floats.
    """
    if case.by_tiles:
        largest = case.parts[0].gain * 100 * 5
        assert_close(actual, expected, ulps=ULPS, scale=largest)
    else:
        assert_same_bits(actual, expected)


def unwrapped(angle: NDArray[Any], tolerance: Any, actual: NDArray[Any]) -> NDArray[Any]:
    """Return the angles, those that may be pi as well as -pi with the sign of `actual`."""
    either = np.abs(angle) + tolerance >= np.pi
    return np.where(either, np.where(actual > 0, np.abs(angle), -np.abs(angle)), angle)


def _both_nan(actual: NDArray[Any], expected: NDArray[Any]) -> NDArray[Any] | bool:
    """Return where both are NaN; integers never are, whatever the exact value is."""
    return actual.dtype.kind == "f" and np.isnan(actual) & np.isnan(expected)


def _assert_all(
    right: NDArray[Any], actual: NDArray[Any], expected: NDArray[Any], within: str
) -> None:
    if not right.all():
        place = tuple(map(int, np.argwhere(~right)[0]))
        raise AssertionError(
            f"{np.count_nonzero(~right)} of {actual.size} values are wrong; the first at {place}: "
            f"{actual[place]!r}, expected {expected[place]!r} {within}"
        )

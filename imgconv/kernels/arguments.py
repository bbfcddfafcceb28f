"""Checks of the numbers that a kernel is made of."""

import math
import operator

import numpy as np
from numpy.typing import NDArray

from imgconv.core import check
from imgconv.core.check import type_error, value_error

Weights = NDArray[np.float64]


def integer(name: str, value: int, *, minimum: int) -> int:
    """Return an integer, which must not be below `minimum`, 0 or 1."""
    try:
        number = operator.index(value)
    except TypeError:
        raise type_error(f"{name} must be an integer, got {value!r}") from None
    if number < minimum:
        rule = "not be negative" if minimum == 0 else "be positive"
        raise value_error(f"{name} must {rule}, got {number}")
    return number


def real(name: str, value: float, rule: str = "not be negative") -> float:
    """Return a finite number; `rule` is "not be negative", "be positive" or "be finite"."""
    number = check.number(value, name)
    if not math.isfinite(number):
        raise value_error(f"{name} must be finite, got {number}")
    if (rule == "not be negative" and number < 0) or (rule == "be positive" and number <= 0):
        raise value_error(f"{name} must {rule}, got {number}")
    return number

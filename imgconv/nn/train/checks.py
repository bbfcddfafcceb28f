"""Numbers that optimizers and learning rates take."""

from typing import Any

from imgconv.core import check


def not_negative(value: Any, name: str) -> float:
    """Return a finite number from 0 on."""
    number = check.finite(value, name)
    if number < 0:
        raise ValueError(f"{name} must not be negative, got {value!r}")
    return number


def below_one(value: Any, name: str) -> float:
    """Return a number from 0 to below 1."""
    number = not_negative(value, name)
    if number >= 1:
        raise ValueError(f"{name} must be below 1, got {value!r}")
    return number

"""Which results count as equal work: no library is timed before its result has been compared."""

from __future__ import annotations

from math import isnan

import numpy as np

from imgconv.bench.peers import PreparedCall
from imgconv.bench.peers.base import full_scale
from imgconv.bench.suite import Row

# Of the image's range, in float32; results of integers may be rounded the other way as well.
EQUAL = 2e-6
# The share of a mask's pixels that rounding may turn: one in 2,000.
EQUAL_MASKS = 1 / 2000
# The largest difference that a note explains, as a part of the image's range.
UNEQUAL = {
    "zero border": EQUAL,
    "mirror border": 1e-5,
    "blur + 3x3 Laplacian": 0.02,
    "8-bit weights": 0.008,
    "16-bit weights": 3e-5,
    "resampled": 1e-4,
    "truncated, not rounded": 0.008,
    "float result": 0.002,
    "float64 result": 0.002,
    "no interpolation": 1,
    "interpolated weights": 2e-5,
    "square window, other weights": 0.5,
    "nearest border": 0,
    "extended border": EQUAL,
    "three boxes": 0.02,
    "integer weights": 0.02,
    "box window": 1000,
    "float32 sums": 5e-4,
}


def tolerance(row: Row, note: str = "") -> float:
    """Return the largest difference to the reference that a result may have.

    Of masks it is a share of pixels.
    """
    if row.result_dtype.kind == "b":
        return UNEQUAL.get(note, EQUAL_MASKS)
    rounding = 1 if row.result_dtype.kind in "ui" else 0
    largest = row.largest * full_scale(np.dtype(row.dtype)) ** row.power
    return largest * UNEQUAL.get(note, EQUAL) + rounding


def objection(row: Row, call: PreparedCall, difference: float) -> str:
    """Return why a result is not that of the row; nothing if it is."""
    allowed = tolerance(row, call.note)
    if isnan(difference):
        return "no pixel of its result could be compared"
    if difference <= allowed:
        return ""
    if row.result_dtype.kind == "b":
        return f"differs from the reference in {difference:.2%} of the pixels, {allowed:.2%} may"
    return f"differs from the reference by {difference:.3g}, at most {allowed:.3g} is allowed"

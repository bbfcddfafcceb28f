"""Histograms: how often values occur, on all threads."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgconv.core.pixels import contiguous
from imgconv.core.run import run_entry

# Operations a pixel: a count is loaded, increased and stored; a bin of floats is found first.
COST, BIN_COST = 4, 12
# In the order of the constants of pyx/histogram.pyx: tables of a thread, and pixels of a chunk.
TABLES, WIDE_TABLES, CHUNK = 4, 2, 1 << 14
# Pixels that are counted at once: counts have 32 bits, and what is not contiguous is copied.
PIECE = 1 << 22


def value_counts(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return how often each value of 8 or 16 bits occurs, from the smallest of the dtype on."""
    unsigned = np.dtype(f"u{values.dtype.itemsize}")
    bins = 1 << 8 * unsigned.itemsize
    total, found = np.zeros(bins, np.int64), np.empty(bins, np.int64)
    tables = TABLES if unsigned.itemsize == 1 else WIDE_TABLES
    for piece in pieces(values, values.dtype.newbyteorder("=")):
        run_entry(
            "histogram", "float32", "count", piece.view(unsigned), found,
            cost=COST * piece.size, scratch_bytes=4 * tables * bins,
        )  # fmt: skip
        total += found
    # Negative values have the upper half of the unsigned ones.
    return np.roll(total, bins // 2) if values.dtype.kind == "i" else total


def bin_counts(values: NDArray[Any], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return how many numbers lie between the edges of each bin; the last has both of its edges."""
    bins = len(edges) - 1
    total, found = np.zeros(bins, np.int64), np.empty(bins, np.int64)
    for piece in pieces(values, float_type(values)):
        run_entry(
            "histogram", "float32", "count_bins", piece, edges, found,
            cost=BIN_COST * piece.size, scratch_bytes=4 * TABLES * (bins + 1),
        )  # fmt: skip
        total += found
    return total


def extremes(values: NDArray[Any]) -> tuple[float, float]:
    """Return the smallest and the largest finite float; (inf, -inf) if there is none."""
    low, high = np.inf, -np.inf
    for piece in pieces(values, float_type(values)):
        found = np.empty((-(-piece.size // CHUNK), 2))
        run_entry("histogram", "float32", "extremes", piece, found, cost=2 * piece.size)
        low, high = min(low, found[:, 0].min()), max(high, found[:, 1].max())
    return float(low), float(high)


def sums_above(
    values: NDArray[Any], extremes: tuple[float, float], limit: float
) -> tuple[float, float]:
    """Return how many finite floats are above a limit, and their sum, as differences to the lowest.

    The limit is such a difference, too. Sums of chunks are added, which lose fewer digits than one
    long sum.
    """
    totals = np.zeros(2)
    for piece in pieces(values, float_type(values)):
        found = np.empty((-(-piece.size // CHUNK), 2))
        run_entry(
            "histogram", "float32", "sums_above", piece, *extremes, limit, found,
            cost=2 * piece.size,
        )  # fmt: skip
        totals += found.sum(axis=0)
    return float(totals[0]), float(totals[1])


def replaced(values: NDArray[Any], table: NDArray[Any]) -> NDArray[Any]:
    """Return integers of 8 or 16 bits looked up in a table, which begins with the smallest."""
    dtype = values.dtype.newbyteorder("=")
    unsigned = np.dtype(f"u{dtype.itemsize}")
    image = contiguous(values, dtype)
    result = np.empty(image.shape, table.dtype)
    if dtype.kind == "i":
        table = np.roll(table, len(table) // 2)
    run_entry(
        "histogram", "float32", "replace", image.view(unsigned), table.view(unsigned), result,
        cost=2 * image.size,
    )  # fmt: skip
    return result


def float_type(values: NDArray[Any]) -> np.dtype[Any]:
    """Return the float dtype that holds these numbers."""
    return np.result_type(values.dtype, np.float32)


def pieces(values: NDArray[Any], dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
    """Yield contiguous pieces of an array in a dtype, in native byte order."""
    if values.size <= PIECE or values.flags.c_contiguous:
        flat = values.reshape(-1)
        for start in range(0, flat.size, PIECE):
            yield contiguous(flat[start : start + PIECE], dtype)
        return
    rows = max(1, PIECE * len(values) // values.size)
    for top in range(0, len(values), rows):
        yield from pieces(contiguous(values[top : top + rows], dtype), dtype)

# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Pieces: short runs of columns, for loops that go along a few rows of a chunk.

Such a loop makes lines of a piece (sums or extremes of its columns), which stay in L1, and then the
results of the piece. So the image is read while results are written, and both as long rows. With a
4 KB chunk as one piece, a 3x3 maximum of float32 takes half as long again.
"""
from bands cimport up_to_lanes
from rows cimport Params
from types cimport real

cdef enum:
    PIECE_BYTES = 512


cdef inline Py_ssize_t piece_columns(const Params* params) noexcept nogil:
    """Columns of a piece: many, compared with those that the window adds."""
    return up_to_lanes(max(PIECE_BYTES // <Py_ssize_t> sizeof(real), 2 * params.span_x))

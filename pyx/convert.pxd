# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Rows of doubles as what is left of them in a dtype, converted as C converts.

House filters round to nearest and saturate; `scipy.ndimage` casts: what is behind the point is cut
off, and what does not fit wraps around.
"""
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t

from rows cimport BOOL, FLOAT32, INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64
from types cimport real


cdef inline void convert(real* row, Py_ssize_t n, int code) noexcept nogil:
    """A number that is beyond the integers of the machine's conversion becomes their least.

    uint64 is right below 2**63.
    """
    cdef Py_ssize_t x
    if code == FLOAT32:
        for x in range(n):
            row[x] = <real> <float> row[x]
    elif code == UINT8 or code == BOOL:
        for x in range(n):
            row[x] = <real> <uint8_t> <int32_t> row[x]
    elif code == INT8:
        for x in range(n):
            row[x] = <real> <int8_t> <int32_t> row[x]
    elif code == UINT16:
        for x in range(n):
            row[x] = <real> <uint16_t> <int32_t> row[x]
    elif code == INT16:
        for x in range(n):
            row[x] = <real> <int16_t> <int32_t> row[x]
    elif code == INT32:
        for x in range(n):
            row[x] = <real> <int32_t> row[x]
    elif code == UINT32:
        for x in range(n):
            row[x] = <real> <uint32_t> <int64_t> row[x]
    elif code == INT64 or code == UINT64:
        for x in range(n):
            row[x] = <real> <int64_t> row[x]

# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Point operations alone: results are the pixels, to which params.points are then applied.

Rows of any image become rows of numbers, and rows of results pixels of any dtype, as in all loops.
"""
from libc.string cimport memcpy

from bands cimport Block, Slot
from rows cimport Params
from types cimport real


cdef void block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t r
    for r in range(params.block):
        memcpy(slot.targets[r], slot.rows[r], n * sizeof(real))


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Block block_for(const Params* params) noexcept nogil:
    return block


include "bands.pxi"

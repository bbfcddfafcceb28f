# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Dense correlation with a kernel of any shape.

    result[y, x] = sum over i, j:  kernel[i, j] * image[y * stride + i * dilation, x + j * step]
"""
from bands cimport Block, Slot, keep_results
from rows cimport Params
from tiles cimport Taps, correlate_block
from types cimport real


cdef struct Kernel:
    # params.records
    Py_ssize_t height, width
    Py_ssize_t dilation, step       # rows and columns between taps


cdef void block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    cdef const Kernel* kernel = <const Kernel*> params.records
    cdef Taps taps = Taps(<const real*> params.weights, kernel.height, kernel.width, kernel.step,
                          kernel.dilation, False)
    correlate_block(slot.rows, &taps, params.stride_y, params.block, n, slot.targets)
    keep_results(params, slot, n)


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Block block_for(const Params* params) noexcept nogil:
    return block


include "bands.pxi"

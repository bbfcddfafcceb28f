# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Dense correlation with a kernel of any shape.

    result[y, x] = sum over i, j:  kernel[i, j] * image[y * stride + i * dilation, x + j * step]
"""
from bands cimport Block, Slot, keep_results
from rows cimport Params
from tiles cimport Taps, correlate_rows, single_row
from types cimport real


cdef struct Kernel:
    # params.records
    Py_ssize_t height, width
    Py_ssize_t dilation, step       # rows and columns between taps


cdef inline Taps taps_of(const Params* params) noexcept nogil:
    cdef const Kernel* kernel = <const Kernel*> params.records
    return Taps(<const real*> params.weights, kernel.height, kernel.width, kernel.step,
                kernel.dilation)


cdef void dense_block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """Compute a block without a dilation or stride along y."""
    cdef Taps taps = taps_of(params)
    correlate_rows(slot.rows, &taps, n, slot.targets)
    keep_results(params, slot, n)


cdef void dilated_block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """With a stride or dilation, result rows share no loads, so each is computed by itself."""
    cdef Taps taps = taps_of(params)
    cdef Py_ssize_t r
    for r in range(params.block):
        single_row(slot.rows + r * params.stride_y, &taps, n, slot.targets + r)
    keep_results(params, slot, n)


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Block block_for(const Params* params) noexcept nogil:
    cdef bint dense = (<const Kernel*> params.records).dilation == 1 and params.stride_y == 1
    return dense_block if dense else dilated_block


include "bands.pxi"

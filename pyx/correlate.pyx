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


cdef void block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """Compute a block; with a stride or dilation along y, each row by itself."""
    cdef const Kernel* kernel = <const Kernel*> params.records
    cdef Taps taps = Taps(<const real*> params.weights, kernel.height, kernel.width, kernel.step,
                          kernel.dilation)
    cdef Py_ssize_t r
    if kernel.dilation == 1 and params.stride_y == 1:
        correlate_rows(slot.rows, &taps, n, slot.targets)
    else:
        for r in range(params.block):
            single_row(slot.rows + r * params.stride_y, &taps, n, slot.targets + r)
    keep_results(params, slot, n)


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Block block_for(const Params* params) noexcept nogil:
    return block


include "bands.pxi"

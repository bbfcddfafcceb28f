# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Dense correlation with a kernel of any shape.

    result[y, x] = sum over i, j:  kernel[i, j] * image[y * stride + i * dilation, x + j * step]
"""
from bands cimport Block, Slot, keep_results
from rows cimport Params
from tiles cimport Taps, correlate_rows
from types cimport LANES, WIDE, ZERO, load, real, store, vec


cdef struct Kernel:
    # params.records
    Py_ssize_t height, width
    Py_ssize_t dilation, step       # rows and columns between taps


cdef inline void dilated_tile(real** rows, const real* weights, const Kernel* kernel, Py_ssize_t x,
                              real* target, int wide) noexcept nogil:
    """Compute one row by `wide` vectors, with taps `dilation` rows apart."""
    cdef vec[WIDE] acc
    cdef Py_ssize_t i, j
    cdef int k
    for k in range(wide):
        acc[k] = ZERO
    for i in range(kernel.height):
        for j in range(kernel.width):
            for k in range(wide):
                acc[k] = acc[k] + (load(rows[i * kernel.dilation] + x + j * kernel.step
                                        + k * LANES) * weights[i * kernel.width + j])
    for k in range(wide):
        store(target + x + k * LANES, acc[k])


cdef void dense_block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """Compute a block without a dilation or stride along y."""
    cdef const Kernel* kernel = <const Kernel*> params.records
    cdef Taps taps = Taps(<const real*> params.weights, kernel.height, kernel.width, kernel.step)
    correlate_rows(slot.rows, &taps, n, slot.targets)
    keep_results(params, slot, n)


cdef void dilated_block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """With a stride or dilation, result rows share no loads, so each is computed by itself."""
    cdef const Kernel* kernel = <const Kernel*> params.records
    cdef const real* weights = <const real*> params.weights
    cdef Py_ssize_t r, x
    for r in range(params.block):
        x = 0
        while x + WIDE * LANES <= n:
            dilated_tile(slot.rows + r * params.stride_y, weights, kernel, x, slot.targets[r], WIDE)
            x += WIDE * LANES
        while x < n:
            dilated_tile(slot.rows + r * params.stride_y, weights, kernel, x, slot.targets[r], 1)
            x += LANES
    keep_results(params, slot, n)


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Block block_for(const Params* params) noexcept nogil:
    cdef bint dense = (<const Kernel*> params.records).dilation == 1 and params.stride_y == 1
    return dense_block if dense else dilated_block


include "bands.pxi"

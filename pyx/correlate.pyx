# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Dense correlation with a kernel of any shape.

    result[y, x] = sum over i, j:  kernel[i, j] * image[y * stride + i * dilation, x + j * step]
"""
from bands cimport Block, Slot, keep_results
from rows cimport Job
from tiles cimport Taps, correlate_rows
from types cimport LANES, WIDE, ZERO, load, real, store, vec


cdef struct Kernel:
    # job.shape
    Py_ssize_t height, width
    Py_ssize_t dilation, step       # rows and columns between taps


cdef inline void dilated_tile(real** rows, const real* weights, const Kernel* kernel, Py_ssize_t x,
                              real* target, int wide) noexcept nogil:
    """One row by `wide` vectors, taps `dilation` rows apart."""
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


cdef void dense_block(const Job* job, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """Neighbouring rows and taps."""
    cdef const Kernel* kernel = <const Kernel*> job.shape
    cdef Taps taps = Taps(<const real*> job.weights, kernel.height, kernel.width, kernel.step)
    correlate_rows(slot.rows, &taps, n, slot.targets)
    keep_results(job, slot, n)


cdef void dilated_block(const Job* job, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """Strides and dilations: rows are too far apart to share, so each result row by itself."""
    cdef const Kernel* kernel = <const Kernel*> job.shape
    cdef const real* weights = <const real*> job.weights
    cdef Py_ssize_t r, x
    for r in range(job.block):
        x = 0
        while x + WIDE * LANES <= n:
            dilated_tile(slot.rows + r * job.stride_y, weights, kernel, x, slot.targets[r], WIDE)
            x += WIDE * LANES
        while x < n:
            dilated_tile(slot.rows + r * job.stride_y, weights, kernel, x, slot.targets[r], 1)
            x += LANES
    keep_results(job, slot, n)


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Block block_for(const Job* job) noexcept nogil:
    cdef bint dense = (<const Kernel*> job.shape).dilation == 1 and job.stride_y == 1
    return dense_block if dense else dilated_block


include "bands.pxi"

# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Dense correlation with a kernel of any shape.

    result[y, x] = sum over i, j:  kernel[i, j] * image[y * stride + i * dilation, x + j * step]
"""
cimport numpy as cnp

from bands cimport Slot, keep_results, run_bands, scratch_bytes
from rows cimport Job
from tiles cimport Taps, correlate_rows
from types cimport LANES, WIDE, ZERO, load, real, store, vec

cnp.import_array()


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

def scratch(cnp.ndarray job not None, int threads):
    """Bytes of scratch that `run` needs for so many threads."""
    return scratch_bytes(<const Job*> cnp.PyArray_DATA(job), threads)


def run(cnp.ndarray job not None, cnp.ndarray image not None, cnp.ndarray first not None,
        cnp.ndarray second not None, cnp.ndarray scratch not None, Py_ssize_t rows, int threads):
    """Filter `image` into `first`; `second` is not used."""
    cdef const Job* j = <const Job*> cnp.PyArray_DATA(job)
    cdef const Kernel* kernel = <const Kernel*> j.shape
    cdef char* results[2]
    results[:] = [<char*> cnp.PyArray_DATA(first), <char*> cnp.PyArray_DATA(second)]
    with nogil:
        run_bands(j, dense_block if kernel.dilation == 1 and j.stride_y == 1 else dilated_block,
                  <const char*> cnp.PyArray_DATA(image), results,
                  <char*> cnp.PyArray_DATA(scratch), rows, threads)

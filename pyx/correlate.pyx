# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Dense correlation with a kernel of any shape.

    result[y, x] = sum over i, j:  kernel[i, j] * image[y * stride + i * dilation, x + j * step]
"""
cimport numpy as cnp

from bands cimport Slot, run_bands, scratch_bytes
from rows cimport Job
from types cimport LANES, WIDE, ZERO, load, real, store, vec

cnp.import_array()

cdef enum:
    # Result rows of a block. 4 rows of WIDE vectors measured fastest from 3x3 to 21x21 on an
    # AVX-512 server core (139 of 241 GFLOP/s at 11x11); 8x3, 12x2 and 13x2 were all slower.
    BLOCK = 4


cdef struct Kernel:
    # job.shape
    Py_ssize_t height, width
    Py_ssize_t dilation, step       # rows and columns between taps


# ---------------------------------------------------------------------------------------------
# The equation

cdef inline void add_rows(vec[BLOCK][WIDE] acc, real** rows, const real* weights,
                          const Kernel* kernel, Py_ssize_t x, Py_ssize_t first, Py_ssize_t last,
                          int top, int bottom, int wide) noexcept nogil:
    """Add rows first to last to the accumulators top to bottom.

    acc[r] += kernel[i - r, j] * row[i][x + j * step], each row loaded once for all accumulators.
    """
    cdef vec[WIDE] v
    cdef Py_ssize_t i, j
    cdef int r, k
    cdef real w
    for i in range(first, last):
        for j in range(kernel.width):
            for k in range(wide):
                v[k] = load(rows[i] + x + j * kernel.step + k * LANES)
            for r in range(top, bottom):
                w = weights[(i - r) * kernel.width + j]
                for k in range(wide):
                    acc[r][k] = acc[r][k] + v[k] * w


cdef inline void tile(real** rows, const real* weights, const Kernel* kernel, Py_ssize_t x,
                      real** targets, int high, int wide) noexcept nogil:
    """`high` rows by `wide` vectors; high is 1, 2 or 4 and at most the kernel's height.

    The first and the last high - 1 rows belong to some of the accumulators only. They are written
    out so that no weight is padded with a zero, which would spread a NaN to its neighbour rows.
    """
    cdef vec[BLOCK][WIDE] acc
    cdef Py_ssize_t kh = kernel.height
    cdef int r, k
    for r in range(high):
        for k in range(wide):
            acc[r][k] = ZERO
    if high > 1:
        add_rows(acc, rows, weights, kernel, x, 0, 1, 0, 1, wide)
    if high > 2:
        add_rows(acc, rows, weights, kernel, x, 1, 2, 0, 2, wide)
        add_rows(acc, rows, weights, kernel, x, 2, 3, 0, 3, wide)
    add_rows(acc, rows, weights, kernel, x, high - 1, kh, 0, high, wide)
    if high > 1:
        add_rows(acc, rows, weights, kernel, x, kh, kh + 1, 1, high, wide)
    if high > 2:
        add_rows(acc, rows, weights, kernel, x, kh + 1, kh + 2, 2, high, wide)
        add_rows(acc, rows, weights, kernel, x, kh + 2, kh + 3, 3, high, wide)
    for r in range(high):
        for k in range(wide):
            store(targets[r] + x + k * LANES, acc[r][k])


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


# ---------------------------------------------------------------------------------------------
# The schedule

cdef inline void rows_of_tiles(real** rows, const real* weights, const Kernel* kernel,
                               Py_ssize_t n, real** targets, int high) noexcept nogil:
    cdef Py_ssize_t x = 0
    while x + WIDE * LANES <= n:
        tile(rows, weights, kernel, x, targets, high, WIDE)
        x += WIDE * LANES
    while x < n:
        tile(rows, weights, kernel, x, targets, high, 1)
        x += LANES


cdef void dense_block(const Job* job, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """Neighbouring rows and taps: as many result rows at once as the kernel is high."""
    cdef const Kernel* kernel = <const Kernel*> job.shape
    cdef const real* weights = <const real*> job.weights
    cdef Py_ssize_t r
    if kernel.height >= 4:
        rows_of_tiles(slot.rows, weights, kernel, n, slot.targets, 4)
    elif kernel.height >= 2:
        for r in range(0, BLOCK, 2):
            rows_of_tiles(slot.rows + r, weights, kernel, n, slot.targets + r, 2)
    else:
        for r in range(BLOCK):
            rows_of_tiles(slot.rows + r, weights, kernel, n, slot.targets + r, 1)


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

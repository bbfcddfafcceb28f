# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The mean over a rectangle, at a cost that hardly grows with its size.

    result[y, x] = scale * sum over i < kh, j < kw:  image[y + i, x + j * step]

Nothing is ever subtracted, as a running sum would: each result is a sum of its own window, so
nothing drifts and a NaN stays within the windows that hold it.

Down the columns, a block of R results shares its sums as van Herk (1992) and Gil and Werman (1993)
do for minima: suffix sums of the rows above the block's last window, prefix sums of those below.
Along the rows, sums of 1, 2, 4, ... neighbours are doubled, and the binary digits of kw picked.
"""
cimport numpy as cnp

from bands cimport Slot, run_bands, scratch_bytes
from rows cimport Job
from types cimport LANES, WIDE, ZERO, load, real, store, vec

cnp.import_array()


cdef struct Rectangle:
    # job.shape
    Py_ssize_t height, width
    Py_ssize_t step                 # columns between neighbours: the interleaved channels


# ---------------------------------------------------------------------------------------------
# The equation

cdef inline void column_sums(real** rows, Py_ssize_t height, Py_ssize_t block, Py_ssize_t x,
                             real* out, Py_ssize_t pitch, int wide) noexcept nogil:
    """out[r] = rows[r] + ... + rows[r + height - 1] for r < block <= height.

    About 3 + (height - block) / block additions a result.
    """
    cdef vec[WIDE] total
    cdef Py_ssize_t r
    cdef int k
    for k in range(wide):
        total[k] = load(rows[height - 1] + x + k * LANES)
    for r in range(height - 2, -1, -1):
        if r + 1 < block:
            for k in range(wide):
                store(out + (r + 1) * pitch + x + k * LANES, total[k])
        for k in range(wide):
            total[k] = total[k] + load(rows[r] + x + k * LANES)
    for k in range(wide):
        store(out + x + k * LANES, total[k])
        total[k] = ZERO
    for r in range(1, block):
        for k in range(wide):
            total[k] = total[k] + load(rows[height + r - 1] + x + k * LANES)
            store(out + r * pitch + x + k * LANES,
                  load(out + r * pitch + x + k * LANES) + total[k])


cdef inline void add_shifted(real* sums, Py_ssize_t shift, Py_ssize_t n) noexcept nogil:
    """sums[x] += sums[x + shift]: each sum joins its right neighbour of the same length."""
    cdef Py_ssize_t x = 0
    while x < n:
        store(sums + x, load(sums + x) + load(sums + x + shift))
        x += LANES


cdef inline void row_sums(real* sums, Py_ssize_t width, Py_ssize_t step, Py_ssize_t n,
                          real scale, real* target) noexcept nogil:
    """target[x] = scale * (sums[x] + sums[x + step] + ... width terms); `sums` is used up."""
    cdef Py_ssize_t length = 1, done = 0, x
    while True:
        if width & length:
            x = 0
            if done == 0:
                while x < n:
                    store(target + x, load(sums + x))
                    x += LANES
            else:
                while x < n:
                    store(target + x, load(target + x) + load(sums + x + done * step))
                    x += LANES
            done += length
        if done == width:
            break
        add_shifted(sums, length * step, n + (width - 2 * length) * step)
        length *= 2
    x = 0
    while x < n:
        store(target + x, load(target + x) * scale)
        x += LANES


cdef inline void short_row_sums(const real* sums, Py_ssize_t width, Py_ssize_t step, Py_ssize_t x,
                                real scale, real* target, int wide) noexcept nogil:
    """The same for a few terms, in registers."""
    cdef vec[WIDE] total
    cdef Py_ssize_t j
    cdef int k
    for k in range(wide):
        total[k] = load(sums + x + k * LANES)
    for j in range(1, width):
        for k in range(wide):
            total[k] = total[k] + load(sums + x + j * step + k * LANES)
    for k in range(wide):
        store(target + x + k * LANES, total[k] * scale)


# ---------------------------------------------------------------------------------------------
# The schedule

cdef enum:
    # Up to here adding one by one beats doubling: its passes load twice and store once each.
    SHORT = 8


cdef void block(const Job* job, const Slot* slot, Py_ssize_t n) noexcept nogil:
    cdef const Rectangle* rectangle = <const Rectangle*> job.shape
    cdef real scale = (<const real*> job.weights)[0]
    cdef Py_ssize_t columns = (n + job.span_x - 1 + LANES - 1) // LANES * LANES
    cdef Py_ssize_t x = 0, r
    cdef real* sums
    while x + WIDE * LANES <= columns:
        column_sums(slot.rows, rectangle.height, job.block, x, slot.work, job.pitch, WIDE)
        x += WIDE * LANES
    while x < columns:
        column_sums(slot.rows, rectangle.height, job.block, x, slot.work, job.pitch, 1)
        x += LANES
    for r in range(job.block):
        sums = slot.work + r * job.pitch
        if rectangle.width > SHORT:
            row_sums(sums, rectangle.width, rectangle.step, n, scale, slot.targets[r])
            continue
        x = 0
        while x + WIDE * LANES <= n:
            short_row_sums(sums, rectangle.width, rectangle.step, x, scale, slot.targets[r], WIDE)
            x += WIDE * LANES
        while x < n:
            short_row_sums(sums, rectangle.width, rectangle.step, x, scale, slot.targets[r], 1)
            x += LANES


# ---------------------------------------------------------------------------------------------
# Entry

def scratch(cnp.ndarray job not None, int threads):
    """Bytes of scratch that `run` needs for so many threads."""
    return scratch_bytes(<const Job*> cnp.PyArray_DATA(job), threads)


def run(cnp.ndarray job not None, cnp.ndarray image not None, cnp.ndarray first not None,
        cnp.ndarray second not None, cnp.ndarray scratch not None, Py_ssize_t rows, int threads):
    """Filter `image` into `first`; `second` is not used."""
    cdef char* results[2]
    results[:] = [<char*> cnp.PyArray_DATA(first), <char*> cnp.PyArray_DATA(second)]
    with nogil:
        run_bands(<const Job*> cnp.PyArray_DATA(job), block, <const char*> cnp.PyArray_DATA(image),
                  results, <char*> cnp.PyArray_DATA(scratch), rows, threads)

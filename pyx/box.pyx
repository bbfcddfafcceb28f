# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The mean over a rectangle, at a cost that hardly grows with its size.

    result[y, x] = scale * sum over i < kh, j < kw:  image[y + i, x + j * step]

Nothing is ever subtracted, as a running sum would: each result is a sum of its own window, so
nothing drifts and a NaN stays within the windows that hold it.

Down the columns, a group of R <= kh results shares its sums as van Herk (1992) and Gil and Werman
(1993) do for minima: suffix sums of the rows above the group's last window, prefix sums of those
below. Along the rows, sums of 1, 4, 16, ... neighbours are made of four each, and as many of them
added as the digits of kw to the base 4 say.
"""
cimport numpy as cnp

from bands cimport Slot, run_bands, scratch_bytes
from rows cimport Job
from types cimport LANES, WIDE, ZERO, load, real, store, vec

cnp.import_array()


cdef enum:
    SHORT = 8                       # rows of so many terms are added up in one go


cdef struct Rectangle:
    # job.shape
    Py_ssize_t height, width
    Py_ssize_t step                 # columns between neighbours: the interleaved channels


# ---------------------------------------------------------------------------------------------
# The equation

cdef inline void column_sums(real** rows, Py_ssize_t height, Py_ssize_t group, Py_ssize_t x,
                             real* out, Py_ssize_t pitch, int wide) noexcept nogil:
    """out[r] = rows[r] + ... + rows[r + height - 1] for r < group <= height.

    About 3 + (height - group) / group additions a result.
    """
    cdef vec[WIDE] total
    cdef Py_ssize_t r
    cdef int k
    for k in range(wide):
        total[k] = load(rows[height - 1] + x + k * LANES)
    for r in range(height - 2, -1, -1):
        if r + 1 < group:
            for k in range(wide):
                store(out + (r + 1) * pitch + x + k * LANES, total[k])
        for k in range(wide):
            total[k] = total[k] + load(rows[r] + x + k * LANES)
    for k in range(wide):
        store(out + x + k * LANES, total[k])
        total[k] = ZERO
    for r in range(1, group):
        for k in range(wide):
            total[k] = total[k] + load(rows[height + r - 1] + x + k * LANES)
            store(out + r * pitch + x + k * LANES,
                  load(out + r * pitch + x + k * LANES) + total[k])


cdef inline void add_copies(const real* sums, Py_ssize_t count, Py_ssize_t distance, Py_ssize_t x,
                            bint more, real scale, real* target, int wide) noexcept nogil:
    """target[x] = scale * (target[x] if more + the sum over c < count: sums[x + c * distance])."""
    cdef vec[WIDE] total
    cdef Py_ssize_t c
    cdef int k
    for k in range(wide):
        total[k] = load(target + x + k * LANES) if more else ZERO
    for c in range(count):
        for k in range(wide):
            total[k] = total[k] + load(sums + x + c * distance + k * LANES)
    for k in range(wide):
        store(target + x + k * LANES, total[k] * scale)


cdef inline void add_row(const real* sums, Py_ssize_t count, Py_ssize_t distance, Py_ssize_t n,
                         bint more, real scale, real* target) noexcept nogil:
    """`add_copies` for n columns; target may be sums, since it only looks ahead."""
    cdef Py_ssize_t x = 0
    while x + WIDE * LANES <= n:
        add_copies(sums, count, distance, x, more, scale, target, WIDE)
        x += WIDE * LANES
    while x < n:
        add_copies(sums, count, distance, x, more, scale, target, 1)
        x += LANES


cdef void row_sums(real* sums, Py_ssize_t width, Py_ssize_t step, Py_ssize_t n, real scale,
                   real* target) noexcept nogil:
    """target[x] = scale * (sums[x] + sums[x + step] + ... width terms); `sums` is used up."""
    cdef Py_ssize_t length = 1, done = 0, rest = width, digit
    if width <= SHORT:
        add_row(sums, width, step, n, False, scale, target)
        return
    while rest > 0:
        digit = rest % 4
        rest = rest // 4
        if digit > 0:
            add_row(sums + done * step, digit, length * step, n, done > 0,
                    <real> 1 if rest > 0 else scale, target)
            done += digit * length
        if rest > 0:
            add_row(sums, 4, length * step, n + (width - 4 * length) * step, False, 1, sums)
            length *= 4


# ---------------------------------------------------------------------------------------------
# The schedule

cdef void block(const Job* job, const Slot* slot, Py_ssize_t n) noexcept nogil:
    cdef const Rectangle* rectangle = <const Rectangle*> job.shape
    cdef real scale = (<const real*> job.weights)[0]
    cdef Py_ssize_t columns = (n + job.span_x - 1 + LANES - 1) // LANES * LANES
    cdef Py_ssize_t group = min(job.block, rectangle.height), r = 0, x
    while r < job.block:
        x = 0
        while x + WIDE * LANES <= columns:
            column_sums(slot.rows + r, rectangle.height, group, x, slot.work + r * job.pitch,
                        job.pitch, WIDE)
            x += WIDE * LANES
        while x < columns:
            column_sums(slot.rows + r, rectangle.height, group, x, slot.work + r * job.pitch,
                        job.pitch, 1)
            x += LANES
        r += group
    for r in range(job.block):
        row_sums(slot.work + r * job.pitch, rectangle.width, rectangle.step, n, scale,
                 slot.targets[r])


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

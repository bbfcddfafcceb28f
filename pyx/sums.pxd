# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Sums of neighbours along a row, shared by the filters that add up rectangles."""
from types cimport LANES, WIDE, ZERO, load, real, store, vec

cdef extern from *:
    """
    /* Cython takes a vec for a float, and would convert it. */
    #define quotient(sum, area) ((sum) / (area))
    """
    vec quotient(vec sum, real area) nogil


cdef inline void add_copies(const real* sums, Py_ssize_t count, Py_ssize_t distance, Py_ssize_t x,
                            bint more, real* target, int wide) noexcept nogil:
    """target[x] = target[x] if more + the sum over c < count: sums[x + c * distance]."""
    cdef vec[WIDE] total
    cdef Py_ssize_t c
    cdef int k
    for k in range(wide):
        total[k] = load(target + x + k * LANES) if more else ZERO
    for c in range(count):
        for k in range(wide):
            total[k] = total[k] + load(sums + x + c * distance + k * LANES)
    for k in range(wide):
        store(target + x + k * LANES, total[k])


cdef inline void add_row(const real* sums, Py_ssize_t count, Py_ssize_t distance, Py_ssize_t n,
                         bint more, real* target) noexcept nogil:
    """`add_copies` for n columns; target may be sums, since only later columns are read."""
    cdef Py_ssize_t x = 0
    while x + WIDE * LANES <= n:
        add_copies(sums, count, distance, x, more, target, WIDE)
        x += WIDE * LANES
    while x < n:
        add_copies(sums, count, distance, x, more, target, 1)
        x += LANES


cdef inline void divide_row(const real* sums, Py_ssize_t count, Py_ssize_t distance, Py_ssize_t n,
                            bint more, real area, real* target) noexcept nogil:
    """`add_row` of at most three copies, whose sums are divided."""
    cdef Py_ssize_t x = 0
    cdef vec total
    while x < n:
        total = load(sums + x)
        if count > 1:
            total = total + load(sums + x + distance)
        if count > 2:
            total = total + load(sums + x + 2 * distance)
        if more:
            total = total + load(target + x)
        store(target + x, quotient(total, area))
        x += LANES


cdef inline void row_sums(real* sums, Py_ssize_t width, Py_ssize_t step, Py_ssize_t n, real area,
                          real* target, bint divide) noexcept nogil:
    """target[x] = sum of the `width` neighbours from x on; `sums` is overwritten.

    Sums of 1, 4, 16, ... neighbours are made of four each; the digits of the width to the base 4
    are the numbers of them that are added. With `divide` the last of them also divides.
    """
    cdef Py_ssize_t length = 1, done = 0, rest = width, digit
    while rest > 0:
        digit = rest % 4
        rest = rest // 4
        if rest == 0 and divide:
            divide_row(sums + done * step, digit, length * step, n, done > 0, area, target)
        elif digit > 0:
            add_row(sums + done * step, digit, length * step, n, done > 0, target)
            done += digit * length
        if rest > 0:
            add_row(sums, 4, length * step, n + (width - 4 * length) * step, False, sums)
            length *= 4

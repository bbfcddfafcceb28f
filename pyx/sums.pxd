# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Sums of neighbours along a row, shared by the filters that add up rectangles."""
from types cimport LANES, WIDE, ZERO, load, real, store, vec

cdef extern from *:
    """
    /* Cython takes a vec for a float, and would convert it. */
    #define quotient(sum, area) ((sum) / (area))
    """
    vec quotient(vec sum, real area) nogil


cdef enum:
    MOST = 7            # copies that are added at once


cdef inline void add_copies(const real* sums, Py_ssize_t count, Py_ssize_t distance, Py_ssize_t x,
                            bint more, real area, bint divide, real* target,
                            int wide) noexcept nogil:
    cdef vec[WIDE] total
    cdef Py_ssize_t c
    cdef int k
    for k in range(wide):
        total[k] = load(target + x + k * LANES) if more else ZERO
    for c in range(count):
        for k in range(wide):
            total[k] = total[k] + load(sums + x + c * distance + k * LANES)
    for k in range(wide):
        store(target + x + k * LANES, quotient(total[k], area) if divide else total[k])


cdef inline void add_row(const real* sums, Py_ssize_t count, Py_ssize_t distance, Py_ssize_t n,
                         bint more, real area, bint divide, real* target) noexcept nogil:
    """target[x] = target[x] if more + the sum over c < count: sums[x + c * distance].

    With `divide`, by the area. target may be sums, since only later columns are read.
    """
    cdef Py_ssize_t x = 0
    while x + WIDE * LANES <= n:
        add_copies(sums, count, distance, x, more, area, divide, target, WIDE)
        x += WIDE * LANES
    while x < n:
        add_copies(sums, count, distance, x, more, area, divide, target, 1)
        x += LANES


cdef inline void add_some(const real* sums, Py_ssize_t count, Py_ssize_t distance, Py_ssize_t n,
                          bint more, real area, bint divide, real* target) noexcept nogil:
    """`add_row`, with most counts as literals: code without a loop over copies."""
    if count == 3:
        add_row(sums, 3, distance, n, more, area, divide, target)
    elif count == 4:
        add_row(sums, 4, distance, n, more, area, divide, target)
    elif count == 5:
        add_row(sums, 5, distance, n, more, area, divide, target)
    elif count == 7:
        add_row(sums, 7, distance, n, more, area, divide, target)
    else:
        add_row(sums, count, distance, n, more, area, divide, target)


cdef inline Py_ssize_t base_of(Py_ssize_t width) noexcept nogil:
    """A base from 3 to 5: if there is one, one that divides the width, which leaves no digit."""
    if width % 4 != 0 and width % 5 == 0:
        return 5
    return 3 if width % 4 != 0 and width % 3 == 0 else 4


cdef inline void row_sums(real* sums, Py_ssize_t width, Py_ssize_t step, Py_ssize_t n, real area,
                          real* target, bint divide) noexcept nogil:
    """target[x] = sum of the `width` neighbours from x on; `sums` is overwritten.

    Sums of more and more neighbours are made of three to five each. The width has a digit to each
    of these bases: how many of the sums that came before are added. With `divide` the last of them
    also divides.
    """
    cdef Py_ssize_t length = 1, done = 0, rest = width, base, digit
    while rest > MOST:
        base = base_of(rest)
        digit = rest % base
        if digit > 0:
            add_some(sums + done * step, digit, length * step, n, done > 0, 1, False, target)
            done += digit * length
        add_some(sums, base, length * step, n + (width - base * length) * step, False, 1, False,
                 sums)
        rest = rest // base
        length *= base
    if divide:
        add_some(sums + done * step, rest, length * step, n, done > 0, area, True, target)
    else:
        add_some(sums + done * step, rest, length * step, n, done > 0, 1, False, target)

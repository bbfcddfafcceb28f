# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""One output of one input, as in a depthwise layer: two rows share the vectors that they load."""
from outputs cimport BROAD, Cells, Terms, tiles
from types cimport LANES, ZERO, load, real, store, vec


cdef inline void add_row(vec[2][BROAD] acc, const real* strip, const Py_ssize_t* places,
                         const real* weights, Py_ssize_t taps, int top, int bottom,
                         int wide) noexcept nogil:
    """Add a row of pixels to the rows top to bottom of a pair; the lower one is a tap behind."""
    cdef vec[BROAD] v
    cdef Py_ssize_t j
    cdef int r, k
    cdef real w
    for j in range(taps):
        for k in range(wide):
            v[k] = load(strip + places[j] + k * LANES)
        for r in range(top, bottom):
            w = weights[j - r * taps]
            for k in range(wide):
                acc[r][k] = acc[r][k] + v[k] * w


cdef inline void pair(const real* strip, const Terms* terms, real* target, const Cells* cells,
                      Py_ssize_t taps, int wide) noexcept nogil:
    """Compute two rows of cells; the kernel has `taps` taps in a row."""
    cdef vec[2][BROAD] acc
    cdef Py_ssize_t t = taps
    cdef int r, k
    for r in range(2):
        for k in range(wide):
            acc[r][k] = ZERO + terms.bias[0]
    add_row(acc, strip, terms.places, terms.weights, taps, 0, 1, wide)
    while t < terms.count:
        add_row(acc, strip, terms.places + t, terms.weights + t, taps, 0, 2, wide)
        t += taps
    add_row(acc, strip + cells.pitch, terms.places + t - taps, terms.weights + t, taps, 1, 2, wide)
    for r in range(2):
        for k in range(wide):
            store(target + r * cells.row + k * LANES, acc[r][k])


cdef inline void row_of_pairs(const real* strip, const Terms* terms, real* target,
                              const Cells* cells, Py_ssize_t taps, int wide) noexcept nogil:
    """Compute two rows; the last tile ends with them."""
    cdef Py_ssize_t x = 0
    while x < cells.columns:
        x = min(x, cells.columns - wide * LANES)
        pair(strip + x, terms, target + x, cells, taps, wide)
        x += wide * LANES


cdef inline void rows_of_pairs(const real* strip, const Terms* terms, real* target, Cells* cells,
                               Py_ssize_t taps) noexcept nogil:
    while cells.rows >= 2:
        if cells.columns >= 4 * LANES:
            row_of_pairs(strip, terms, target, cells, taps, 4)
        elif cells.columns >= 2 * LANES:
            row_of_pairs(strip, terms, target, cells, taps, 2)
        else:
            row_of_pairs(strip, terms, target, cells, taps, 1)
        strip += 2 * cells.pitch
        target += 2 * cells.row
        cells.rows -= 2
    tiles(strip, terms, target, cells, 1, 1)


cdef inline void compute_pairs(const real* strip, const Terms* terms, real* target, Cells* cells,
                               Py_ssize_t taps) noexcept nogil:
    """For the width 3 a loop over the taps would cost as much as its body, so it is a literal."""
    if taps == 3:
        rows_of_pairs(strip, terms, target, cells, 3)
    else:
        rows_of_pairs(strip, terms, target, cells, taps)

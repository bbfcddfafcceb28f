# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Register-blocked correlation of rows: the arithmetic that dense and separable filters share.

    target[r][x] = sum over i < kh, j < kw:  weights[i * kw + j] * rows[r + i][x + j * step]

A tile is `high` result rows by `wide` vectors, all in registers. Each vector of a row is loaded
once and added to every accumulator of the tile that wants it: (kh + high - 1) * kw loads for
high * kh * kw multiply-adds. 4 rows of WIDE vectors measured fastest from 3x3 to 21x21 on an
AVX-512 server core (139 of 241 GFLOP/s at 11x11); 8x3, 12x2 and 13x2 were all slower.
"""
from types cimport LANES, WIDE, ZERO, load, real, store, vec

cdef enum:
    TALL = 4            # rows of the highest tile


cdef struct Taps:
    const real* weights
    Py_ssize_t height, width
    Py_ssize_t step                 # columns between taps


cdef inline void add_rows(vec[TALL][WIDE] acc, real** rows, const Taps* taps, Py_ssize_t x,
                          Py_ssize_t first, Py_ssize_t last, int top, int bottom, int wide,
                          Py_ssize_t width) noexcept nogil:
    """Add rows first to last to the accumulators top to bottom."""
    cdef vec[WIDE] v
    cdef Py_ssize_t i, j
    cdef int r, k
    cdef real w
    for i in range(first, last):
        for j in range(width):
            for k in range(wide):
                v[k] = load(rows[i] + x + j * taps.step + k * LANES)
            for r in range(top, bottom):
                w = taps.weights[(i - r) * width + j]
                for k in range(wide):
                    acc[r][k] = acc[r][k] + v[k] * w


cdef inline void tile(real** rows, const Taps* taps, Py_ssize_t x, real** targets, int high,
                      int wide, Py_ssize_t width) noexcept nogil:
    """One tile; high is 1, 2 or 4 and at most the height of the kernel.

    The first and the last high - 1 rows belong to some of the accumulators only. They are written
    out so that no weight is padded with a zero, which would spread a NaN to its neighbour rows.
    """
    cdef vec[TALL][WIDE] acc
    cdef Py_ssize_t height = taps.height
    cdef int r, k
    for r in range(high):
        for k in range(wide):
            acc[r][k] = ZERO
    if high > 1:
        add_rows(acc, rows, taps, x, 0, 1, 0, 1, wide, width)
    if high > 2:
        add_rows(acc, rows, taps, x, 1, 2, 0, 2, wide, width)
        add_rows(acc, rows, taps, x, 2, 3, 0, 3, wide, width)
    add_rows(acc, rows, taps, x, high - 1, height, 0, high, wide, width)
    if high > 1:
        add_rows(acc, rows, taps, x, height, height + 1, 1, high, wide, width)
    if high > 2:
        add_rows(acc, rows, taps, x, height + 1, height + 2, 2, high, wide, width)
        add_rows(acc, rows, taps, x, height + 2, height + 3, 3, high, wide, width)
    for r in range(high):
        for k in range(wide):
            store(targets[r] + x + k * LANES, acc[r][k])


cdef inline void row_of_tiles(real** rows, const Taps* taps, Py_ssize_t n, real** targets,
                              int high, Py_ssize_t width) noexcept nogil:
    cdef Py_ssize_t x = 0
    while x + WIDE * LANES <= n:
        tile(rows, taps, x, targets, high, WIDE, width)
        x += WIDE * LANES
    while x < n:
        tile(rows, taps, x, targets, high, 1, width)
        x += LANES


cdef inline void correlate_rows(real** rows, const Taps* taps, Py_ssize_t n,
                                real** targets) noexcept nogil:
    """TALL result rows of n columns (a multiple of LANES), in the highest tiles that fit.

    Kernels 1 and 3 wide, where a loop over the columns would cost as much as its body, get code
    without one.
    """
    cdef Py_ssize_t r
    if taps.height >= 4 and taps.width == 1:
        row_of_tiles(rows, taps, n, targets, 4, 1)
    elif taps.height >= 4:
        row_of_tiles(rows, taps, n, targets, 4, taps.width)
    elif taps.height >= 2:
        for r in range(0, TALL, 2):
            if taps.width == 1:
                row_of_tiles(rows + r, taps, n, targets + r, 2, 1)
            elif taps.width == 3:
                row_of_tiles(rows + r, taps, n, targets + r, 2, 3)
            else:
                row_of_tiles(rows + r, taps, n, targets + r, 2, taps.width)
    else:
        for r in range(TALL):
            row_of_tiles(rows + r, taps, n, targets + r, 1, taps.width)

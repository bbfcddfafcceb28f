# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Correlation of rows, blocked for registers: shared by dense and separable filters.

    target[r][x] = sum over i < kh, j < kw:  weights[i * kw + j] * rows[r + i][x + j * step]

A tile is `high` result rows by `wide` vectors, all in registers. Each vector of an image row is
loaded once and used for every accumulator of the tile that needs it: (kh + high - 1) * kw loads for
high * kh * kw multiply-adds. SQUARE rows of WIDE vectors are fastest from 3x3 to 21x21, measured on
an AVX-512 server core (139 of 241 GFLOP/s at 11x11). 8x3, 12x2 and 13x2 are all slower.
"""
from types cimport LANES, WIDE, ZERO, load, real, store, vec

cdef enum:
    TALL = 8            # rows of the highest tile
    SQUARE = 4          # rows of the tile that is as wide


cdef struct Taps:
    const real* weights
    Py_ssize_t height, width
    Py_ssize_t step                 # columns between taps


cdef inline void add_rows(vec[TALL][WIDE] acc, real** rows, const Taps* taps, Py_ssize_t x,
                          Py_ssize_t first, Py_ssize_t last, int top, int bottom, int wide,
                          Py_ssize_t width) noexcept nogil:
    """Add image rows first to last to the accumulators top to bottom."""
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
    """Compute a tile; high is 1, 2, 4 or 8, and at most the height of the kernel.

    The first and the last high - 1 image rows belong to some of the accumulators only. Each has a
    call of its own. Padding the kernel with zero weights instead would be wrong: zero times NaN is
    NaN, in rows whose window does not hold it.
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
    if high > 4:
        add_rows(acc, rows, taps, x, 3, 4, 0, 4, wide, width)
        add_rows(acc, rows, taps, x, 4, 5, 0, 5, wide, width)
        add_rows(acc, rows, taps, x, 5, 6, 0, 6, wide, width)
        add_rows(acc, rows, taps, x, 6, 7, 0, 7, wide, width)
    add_rows(acc, rows, taps, x, high - 1, height, 0, high, wide, width)
    if high > 1:
        add_rows(acc, rows, taps, x, height, height + 1, 1, high, wide, width)
    if high > 2:
        add_rows(acc, rows, taps, x, height + 1, height + 2, 2, high, wide, width)
        add_rows(acc, rows, taps, x, height + 2, height + 3, 3, high, wide, width)
    if high > 4:
        add_rows(acc, rows, taps, x, height + 3, height + 4, 4, high, wide, width)
        add_rows(acc, rows, taps, x, height + 4, height + 5, 5, high, wide, width)
        add_rows(acc, rows, taps, x, height + 5, height + 6, 6, high, wide, width)
        add_rows(acc, rows, taps, x, height + 6, height + 7, 7, high, wide, width)
    for r in range(high):
        for k in range(wide):
            store(targets[r] + x + k * LANES, acc[r][k])


cdef inline void row_of_tiles(real** rows, const Taps* taps, Py_ssize_t n, real** targets,
                              int high, int wide, Py_ssize_t width) noexcept nogil:
    cdef Py_ssize_t x = 0
    while x + wide * LANES <= n:
        tile(rows, taps, x, targets, high, wide, width)
        x += wide * LANES
    while x < n:
        tile(rows, taps, x, targets, high, 1, width)
        x += LANES


cdef inline void correlate_rows(real** rows, const Taps* taps, Py_ssize_t n,
                                real** targets) noexcept nogil:
    """Compute SQUARE result rows of n columns (a multiple of LANES), in the highest tiles that fit.

    For widths 1 and 3 a loop over the columns would cost as much as its body. So these widths are
    literals, and the compiler makes code without that loop.
    """
    cdef Py_ssize_t r
    if taps.height >= 4 and taps.width == 1:
        row_of_tiles(rows, taps, n, targets, 4, WIDE, 1)
    elif taps.height >= 4:
        row_of_tiles(rows, taps, n, targets, 4, WIDE, taps.width)
    elif taps.height >= 2:
        for r in range(0, SQUARE, 2):
            if taps.width == 1:
                row_of_tiles(rows + r, taps, n, targets + r, 2, WIDE, 1)
            elif taps.width == 3:
                row_of_tiles(rows + r, taps, n, targets + r, 2, WIDE, 3)
            else:
                row_of_tiles(rows + r, taps, n, targets + r, 2, WIDE, taps.width)
    else:
        for r in range(SQUARE):
            row_of_tiles(rows + r, taps, n, targets + r, 1, WIDE, taps.width)


cdef inline void correlate_tall(real** rows, const Taps* taps, Py_ssize_t n,
                                real** targets) noexcept nogil:
    """Compute TALL result rows of a kernel of one column and at least TALL taps.

    The rows under a tall kernel are in L2, not in L1. Tiles with twice the rows read half as much.
    """
    row_of_tiles(rows, taps, n, targets, TALL, WIDE // 2, 1)


cdef inline void dilated_tile(real** rows, const Taps* taps, Py_ssize_t dilation, Py_ssize_t x,
                              real* target, int wide) noexcept nogil:
    """Compute one row by `wide` vectors, with taps `dilation` rows apart."""
    cdef vec[WIDE] acc
    cdef Py_ssize_t i, j
    cdef int k
    for k in range(wide):
        acc[k] = ZERO
    for i in range(taps.height):
        for j in range(taps.width):
            for k in range(wide):
                acc[k] = acc[k] + (load(rows[i * dilation] + x + j * taps.step + k * LANES)
                                   * taps.weights[i * taps.width + j])
    for k in range(wide):
        store(target + x + k * LANES, acc[k])


cdef inline void dilated_row(real** rows, const Taps* taps, Py_ssize_t dilation, Py_ssize_t n,
                             real* target) noexcept nogil:
    cdef Py_ssize_t x = 0
    while x + WIDE * LANES <= n:
        dilated_tile(rows, taps, dilation, x, target, WIDE)
        x += WIDE * LANES
    while x < n:
        dilated_tile(rows, taps, dilation, x, target, 1)
        x += LANES


cdef inline void correlate_block(real** rows, const Taps* taps, Py_ssize_t dilation,
                                 Py_ssize_t stride, Py_ssize_t count, Py_ssize_t n,
                                 real** targets) noexcept nogil:
    """Compute `count` result rows of n columns (a multiple of LANES).

    Without a stride and a dilation along y, they are SQUARE rows. Else result rows share no loads,
    so each is computed by itself.
    """
    cdef Py_ssize_t r
    if dilation == 1 and stride == 1:
        correlate_rows(rows, taps, n, targets)
        return
    for r in range(count):
        dilated_row(rows + r * stride, taps, dilation, n, targets[r])

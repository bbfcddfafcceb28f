# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Correlation of rows, blocked for registers: shared by dense and separable filters.

    target[r][x] = sum over j < kw, i < kh:  weights[j * kh + i] * rows[r + i][x + j * step]

A tile is `high` result rows by `wide` vectors, all in registers. Each vector of an image row is
loaded once and used for every accumulator of the tile that needs it: (kh + high - 1) * kw loads for
high * kh * kw multiply-adds.

The first and the last rows of a tile keep few accumulators busy, which then wait for each other.
With the columns of the kernel in the outer loop they are a few dozen instructions from rows that
keep all busy, so that the processor overlaps them. Row by row, 5x5 to 9x9 take 1.1 times as long.
"""
from held cimport hold
from types cimport LANES, ZERO, load, real, store, vec

cdef extern from *:
    """
    #include "tile_sizes.h"
    /* Vectors side by side in a tile of SQUARE rows; SMALL_WIDE for kernels of few rows, whose
       weights stay in registers, too. AVX-512 and NEON have 32: 16 accumulators, 4 vectors and
       the weights. With 16 registers, 12 accumulators, 3 vectors and a weight fill all; a product
       that is added by an instruction of its own needs one more.
       ROW_WIDE for tiles of one row, where accumulators wait for each other. */
    #if defined(NEON)
      #define TILE_WIDE TILE_WIDE_neon
      #define SMALL_WIDE SMALL_WIDE_neon
      #define ROW_WIDE 8
    #elif REGISTERS == 32
      #define TILE_WIDE TILE_WIDE_v4
      #define SMALL_WIDE SMALL_WIDE_v4
      #define ROW_WIDE 8
    #elif FUSED && !SHORT_INTEGER
      #define TILE_WIDE TILE_WIDE_v3
      #define SMALL_WIDE SMALL_WIDE_v3
      #define ROW_WIDE 4
    #else
      #define TILE_WIDE TILE_WIDE_v2
      #define SMALL_WIDE SMALL_WIDE_v2
      #define ROW_WIDE 4
    #endif
    """
    enum: TILE_WIDE, SMALL_WIDE, ROW_WIDE

cdef enum:
    TALL = 8            # rows of the highest tile
    SQUARE = 4          # rows of the tile that is as wide


cdef struct Taps:
    const real* weights             # column by column
    Py_ssize_t height, width
    Py_ssize_t step                 # columns between taps
    Py_ssize_t dilation             # rows between taps; 1 for tiles of several rows
    bint more                       # whether sums are added to what the targets hold


cdef inline void add_row(vec[TALL][ROW_WIDE] acc, const real* row, const real* weights, int top,
                         int bottom, int wide) noexcept nogil:
    """Add an image row to the accumulators top to bottom; `weights` points to that of row 0."""
    cdef vec[ROW_WIDE] v
    cdef int r, k
    cdef real w
    for k in range(wide):
        v[k] = load(row + k * LANES)
        hold(v[k])
    for r in range(top, bottom):
        w = weights[-r]
        for k in range(wide):
            acc[r][k] = acc[r][k] + v[k] * w


cdef inline void tile(real** rows, const Taps* taps, Py_ssize_t x, real** targets, int high,
                      int wide, Py_ssize_t height, Py_ssize_t width) noexcept nogil:
    """Compute a tile; high is 1, 2, 4 or 8, and at most height + 1.

    The first and the last high - 1 image rows belong to some of the accumulators only. Each has a
    call of its own. Padding the kernel with zero weights instead would be wrong: zero times NaN is
    NaN, in rows whose window does not hold it.
    """
    cdef vec[TALL][ROW_WIDE] acc
    cdef const real* weights = taps.weights
    cdef Py_ssize_t at, i, j
    cdef int r, k
    for r in range(high):
        for k in range(wide):
            acc[r][k] = ZERO
    for j in range(width):
        at = x + j * taps.step
        if high > 1:
            add_row(acc, rows[0] + at, weights, 0, 1, wide)
        if high > 2:
            add_row(acc, rows[1] + at, weights + 1, 0, 2, wide)
            add_row(acc, rows[2] + at, weights + 2, 0, 3, wide)
        if high > 4:
            add_row(acc, rows[3] + at, weights + 3, 0, 4, wide)
            add_row(acc, rows[4] + at, weights + 4, 0, 5, wide)
            add_row(acc, rows[5] + at, weights + 5, 0, 6, wide)
            add_row(acc, rows[6] + at, weights + 6, 0, 7, wide)
        for i in range(high - 1, height):
            add_row(acc, rows[i if high > 1 else i * taps.dilation] + at, weights + i, 0, high,
                    wide)
        weights = weights + height
        if high > 1:
            add_row(acc, rows[height] + at, weights, 1, high, wide)
        if high > 2:
            add_row(acc, rows[height + 1] + at, weights + 1, 2, high, wide)
            add_row(acc, rows[height + 2] + at, weights + 2, 3, high, wide)
        if high > 4:
            add_row(acc, rows[height + 3] + at, weights + 3, 4, high, wide)
            add_row(acc, rows[height + 4] + at, weights + 4, 5, high, wide)
            add_row(acc, rows[height + 5] + at, weights + 5, 6, high, wide)
            add_row(acc, rows[height + 6] + at, weights + 6, 7, high, wide)
    if taps.more:
        for r in range(high):
            for k in range(wide):
                acc[r][k] = acc[r][k] + load(targets[r] + x + k * LANES)
    for r in range(high):
        for k in range(wide):
            store(targets[r] + x + k * LANES, acc[r][k])


cdef inline void row_of_tiles(real** rows, const Taps* taps, Py_ssize_t n, real** targets,
                              int high, int wide, Py_ssize_t height,
                              Py_ssize_t width) noexcept nogil:
    """Compute n columns; whole tiles are faster than narrow ones for the rest.

    So the last tile begins where it still fits, and computes some columns a second time, but for
    sums that are added to others.
    """
    cdef Py_ssize_t x = 0, last = n - wide * LANES
    cdef Py_ssize_t end = last + 1 if taps.more or last < 0 else n
    while x < end:
        tile(rows, taps, min(x, last), targets, high, wide, height, width)
        x += wide * LANES
    while x < n:
        tile(rows, taps, x, targets, high, 1, height, width)
        x += LANES


cdef inline void single_row(real** rows, const Taps* taps, Py_ssize_t n,
                            real** target) noexcept nogil:
    """Compute a result row that shares no loads with others."""
    if taps.width == 1:
        row_of_tiles(rows, taps, n, target, 1, ROW_WIDE, taps.height, 1)
    elif taps.height == 1:
        row_of_tiles(rows, taps, n, target, 1, ROW_WIDE, 1, taps.width)
    else:
        row_of_tiles(rows, taps, n, target, 1, ROW_WIDE, taps.height, taps.width)


cdef inline void correlate_rows(real** rows, const Taps* taps, Py_ssize_t n,
                                real** targets) noexcept nogil:
    """Compute SQUARE result rows of n columns (a multiple of LANES)."""
    cdef Py_ssize_t r
    if taps.height == 3 and taps.width == 1:
        row_of_tiles(rows, taps, n, targets, SQUARE, SMALL_WIDE, 3, 1)
    elif taps.height == 3:
        row_of_tiles(rows, taps, n, targets, SQUARE, SMALL_WIDE, 3, taps.width)
    elif taps.height == 5 and taps.width > 1:
        row_of_tiles(rows, taps, n, targets, SQUARE, SMALL_WIDE, 5, taps.width)
    elif taps.height >= 4 and taps.width == 1:
        row_of_tiles(rows, taps, n, targets, SQUARE, TILE_WIDE, taps.height, 1)
    elif taps.height >= 4:
        row_of_tiles(rows, taps, n, targets, SQUARE, TILE_WIDE, taps.height, taps.width)
    elif taps.height == 2:
        for r in range(0, SQUARE, 2):
            row_of_tiles(rows + r, taps, n, targets + r, 2, TILE_WIDE, 2, taps.width)
    else:
        for r in range(SQUARE):
            single_row(rows + r, taps, n, targets + r)


cdef inline void correlate_tall(real** rows, const Taps* taps, Py_ssize_t n,
                                real** targets) noexcept nogil:
    """Compute TALL result rows of a kernel of one column and at least TALL taps.

    The rows under a tall kernel are in L2, not in L1. Tiles with twice the rows read half as much.
    """
    row_of_tiles(rows, taps, n, targets, TALL, TILE_WIDE // 2, taps.height, 1)


cdef inline void correlate_block(real** rows, const Taps* taps, Py_ssize_t stride, Py_ssize_t count,
                                 Py_ssize_t n, real** targets) noexcept nogil:
    """Compute `count` result rows of n columns (a multiple of LANES).

    Without a stride and a dilation along y, they are SQUARE rows. Else result rows share no loads,
    so each is computed by itself.
    """
    cdef Py_ssize_t r
    if taps.dilation == 1 and stride == 1:
        correlate_rows(rows, taps, n, targets)
        return
    for r in range(count):
        single_row(rows + r * stride, taps, n, targets + r)

# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""One output of one input, as in a depthwise layer: rows share the vectors that they load.

Loads limit such layers. A kernel of 3x3 has its weights in registers, and a vector of four rows of
cells takes 18 loads for 36 products. The weights of others are loaded, too, so a tile is four
rows of WIDE vectors, or two of four. With 16 registers four rows pay where they have at most two
vectors: other rows then take 1.05 to 1.1 times as long. With 32, two rows of 56 pixels take 1.26
times as long as four (7x7, Zen 5).
"""
from held cimport hold
from outputs cimport BROAD, Cells, Terms, tiles
from types cimport LANES, WIDE, ZERO, load, real, store, vec

cdef enum:
    FOUR = 4            # rows of cells that are computed at once
    NINE = 9            # taps of a kernel of 3x3


cdef inline Py_ssize_t place_of(int k, int wide, Py_ssize_t last) noexcept nogil:
    """Where vector k of a tile begins; the last one ends with the tile."""
    return last if k == wide - 1 else k * LANES


cdef inline void add_row(vec[FOUR][BROAD] acc, const real* strip, const Py_ssize_t* places,
                         const real* weights, Py_ssize_t taps, bint side_by_side, int top,
                         int bottom, int wide, Py_ssize_t last) noexcept nogil:
    """Add a row of pixels to rows top to bottom of a tile; each is a row of taps behind."""
    cdef vec[BROAD] v
    cdef Py_ssize_t j
    cdef int r, k
    cdef real w
    cdef const real* at
    for j in range(taps):
        at = strip + places[0] + j if side_by_side else strip + places[j]
        for k in range(wide):
            v[k] = load(at + place_of(k, wide, last))
            hold(v[k])
        for r in range(top, bottom):
            w = weights[j - r * taps]
            for k in range(wide):
                acc[r][k] = acc[r][k] + v[k] * w


cdef inline void tile(const real* strip, const Terms* terms, real* target, const Cells* cells,
                      Py_ssize_t taps, bint side_by_side, int high, int wide,
                      Py_ssize_t last) noexcept nogil:
    """Compute two or four rows of cells; the kernel has at least high - 1 rows of `taps` taps."""
    cdef vec[FOUR][BROAD] acc
    cdef const Py_ssize_t* places = terms.places
    cdef const real* weights = terms.weights
    cdef Py_ssize_t t = (high - 1) * taps, pitch = cells.pitch
    cdef int r, k
    for r in range(high):
        for k in range(wide):
            acc[r][k] = ZERO + terms.bias[0]
    add_row(acc, strip, places, weights, taps, side_by_side, 0, 1, wide, last)
    if high > 2:
        add_row(acc, strip, places + taps, weights + taps, taps, side_by_side, 0, 2, wide, last)
        add_row(acc, strip, places + 2 * taps, weights + 2 * taps, taps, side_by_side, 0, 3, wide,
                last)
    while t < terms.count:
        add_row(acc, strip, places + t, weights + t, taps, side_by_side, 0, high, wide, last)
        t += taps
    places += t - taps
    weights += t
    add_row(acc, strip + pitch, places, weights, taps, side_by_side, 1, high, wide, last)
    if high > 2:
        add_row(acc, strip + 2 * pitch, places, weights + taps, taps, side_by_side, 2, high, wide,
                last)
        add_row(acc, strip + 3 * pitch, places, weights + 2 * taps, taps, side_by_side, 3, high,
                wide, last)
    for r in range(high):
        for k in range(wide):
            store(target + r * cells.row + place_of(k, wide, last), acc[r][k])


cdef inline void row_of_tiles(const real* strip, const Terms* terms, real* target,
                              const Cells* cells, Py_ssize_t taps, bint side_by_side, int high,
                              int wide) noexcept nogil:
    """Compute `high` rows, in tiles of `wide` vectors and a narrower one that ends with them."""
    cdef Py_ssize_t x = 0, rest
    while x + wide * LANES < cells.columns:
        tile(strip + x, terms, target + x, cells, taps, side_by_side, high, wide,
             (wide - 1) * LANES)
        x += wide * LANES
    rest = cells.columns - x
    if wide > 3 and rest > 3 * LANES:
        tile(strip + x, terms, target + x, cells, taps, side_by_side, high, 4, rest - LANES)
    elif wide > 2 and rest > 2 * LANES:
        tile(strip + x, terms, target + x, cells, taps, side_by_side, high, 3, rest - LANES)
    elif rest > LANES:
        tile(strip + x, terms, target + x, cells, taps, side_by_side, high, 2, rest - LANES)
    else:
        x = cells.columns - LANES
        tile(strip + x, terms, target + x, cells, taps, side_by_side, high, 1, 0)


cdef inline void rows_of_tiles(const real* strip, const Terms* terms, real* target, Cells* cells,
                               Py_ssize_t taps, bint side_by_side) noexcept nogil:
    """Compute rows that share pixels: four at a time, two, and the last one alone."""
    cdef bint tall = WIDE == 4 or cells.columns <= WIDE * LANES
    while tall and cells.rows >= FOUR and terms.count >= (FOUR - 1) * taps:
        row_of_tiles(strip, terms, target, cells, taps, side_by_side, FOUR, WIDE)
        strip += FOUR * cells.pitch
        target += FOUR * cells.row
        cells.rows -= FOUR
    while cells.rows >= 2:
        row_of_tiles(strip, terms, target, cells, taps, side_by_side, 2, 4)
        strip += 2 * cells.pitch
        target += 2 * cells.row
        cells.rows -= 2
    tiles(strip, terms, target, cells, 1, 1)


cdef inline void add_to_four(vec[FOUR] acc, const real* pixels, const Py_ssize_t* places,
                             const vec[NINE] weights, int i) noexcept nogil:
    """Add row i of the six under four rows of cells that share pixels."""
    cdef vec v
    cdef int j, r
    for j in range(3):
        v = load(pixels + places[j])
        hold(v)
        for r in range(max(0, i - 2), min(3, i) + 1):
            acc[r] = acc[r] + v * weights[3 * (i - r) + j]


cdef inline void add_nine(vec[FOUR] acc, const real* pixels, Py_ssize_t pitch,
                          const Py_ssize_t* places, const vec[NINE] weights) noexcept nogil:
    """Add all taps to four rows of cells that share no pixels."""
    cdef int r, t
    for t in range(NINE):
        for r in range(FOUR):
            acc[r] = acc[r] + load(pixels + places[t] + r * pitch) * weights[t]


cdef inline void four_rows(const real* strip, const Terms* terms, real* target, const Cells* cells,
                           const vec[NINE] weights, bint shared) noexcept nogil:
    """Compute four rows of cells of a kernel of 3x3."""
    cdef const Py_ssize_t* places = terms.places
    cdef vec[FOUR] acc
    cdef vec bias = ZERO + terms.bias[0]
    cdef Py_ssize_t x = 0, pitch = cells.pitch
    cdef int r
    while x < cells.columns:
        x = min(x, cells.columns - LANES)
        for r in range(FOUR):
            acc[r] = bias
        if shared:
            add_to_four(acc, strip + x, places, weights, 0)
            add_to_four(acc, strip + x + pitch, places, weights, 1)
            add_to_four(acc, strip + x + 2 * pitch, places, weights, 2)
            add_to_four(acc, strip + x + 3 * pitch, places, weights, 3)
            add_to_four(acc, strip + x + 4 * pitch, places, weights, 4)
            add_to_four(acc, strip + x + 5 * pitch, places, weights, 5)
        else:
            add_nine(acc, strip + x, pitch, places, weights)
        for r in range(FOUR):
            store(target + x + r * cells.row, acc[r])
        x += LANES


cdef inline void rows_of_four(const real* strip, const Terms* terms, real* target, Cells* cells,
                              bint shared) noexcept nogil:
    """Compute rows of cells of a kernel of 3x3, four at a time, and the rest otherwise."""
    cdef vec[NINE] weights
    cdef int t
    for t in range(NINE):
        weights[t] = ZERO + terms.weights[t]
    while cells.rows >= FOUR:
        four_rows(strip, terms, target, cells, weights, shared)
        strip += FOUR * cells.pitch
        target += FOUR * cells.row
        cells.rows -= FOUR
    if shared:
        rows_of_tiles(strip, terms, target, cells, 3, False)
    else:
        tiles(strip, terms, target, cells, 1, 4)


cdef inline void compute_rows(const real* strip, const Terms* terms, real* target, Cells* cells,
                              Py_ssize_t taps, bint shared) noexcept nogil:
    """Compute all cells of a kernel with `taps` taps in a row.

    For few taps a loop over them would cost as much as its body, so the usual numbers are literals.
    """
    cdef bint side_by_side = terms.places[taps - 1] - terms.places[0] == taps - 1
    if taps == 3 and terms.count == NINE:
        if shared:
            rows_of_four(strip, terms, target, cells, True)
        else:
            rows_of_four(strip, terms, target, cells, False)
    elif taps == 3:
        rows_of_tiles(strip, terms, target, cells, 3, False)
    elif taps == 5 and side_by_side:
        rows_of_tiles(strip, terms, target, cells, 5, True)
    elif taps == 7 and side_by_side:
        rows_of_tiles(strip, terms, target, cells, 7, True)
    else:
        rows_of_tiles(strip, terms, target, cells, taps, False)

# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""The passes of separable filters: down the columns, then along the rows.

    result_c[y, x] = sum over terms t of c, taps j:  row_t[j] * V_t[y, x + j]
    V_t[y, x]      = sum over taps i:                column_t[i] * rows[y + i][x]
"""
from rows cimport Params
from tiles cimport SQUARE, TALL, Taps, correlate_rows, correlate_tall, single_row
from types cimport LANES, WIDE, ZERO, load, real, store, vec

cdef extern from *:
    """
    /* The most taps of a part of a sum. Each addition rounds to the digits of the sum so far, so
       long sums are added in parts. Parts of 24 cost a Gaussian of sigma 4 a tenth of its time;
       where products are rounded, too, they are needed. */
    #define PART (FUSED ? 36 : 24)
    """
    enum:
        PART


cdef enum:
    POINTER = 16                    # numbers for a pointer: a cache line of float


cdef struct Vertical:
    Py_ssize_t first, taps          # extended row of the first tap, number of taps
    Py_ssize_t weights


cdef struct Horizontal:
    Py_ssize_t component, vertical  # the component it adds to, the vertical pass it reads
    Py_ssize_t first, taps, step    # column of the first tap, number of taps, columns between taps
    Py_ssize_t weights


cdef inline Py_ssize_t part_of(Py_ssize_t taps) noexcept nogil:
    """The taps of a part of a sum of `taps`; the last part may have fewer."""
    cdef Py_ssize_t parts = (taps + PART - 1) // PART
    return (taps + parts - 1) // parts


cdef inline void vertical_part(const Taps* taps, const Params* params, real** rows,
                               Py_ssize_t columns, real** target) noexcept nogil:
    """Add up one part; with a stride, rows share no loads, so each is computed by itself."""
    cdef Py_ssize_t r, t
    if params.stride_y > 1:
        for r in range(params.block):
            single_row(rows + r * params.stride_y, taps, columns, target + r)
    elif params.block == TALL and taps.height >= TALL:
        correlate_tall(rows, taps, columns, target)
    else:
        for t in range(params.block // SQUARE):
            correlate_rows(rows + t * SQUARE, taps, columns, target + t * SQUARE)


cdef inline void vertical_pass(const Vertical* term, const Params* params, real** rows,
                               const real* weights, Py_ssize_t columns, real** target,
                               real* out) noexcept nogil:
    """Compute a block of V: a kernel one tap wide. For a single tap of 1, rows are not copied."""
    cdef Taps taps = Taps(weights + term.weights, 0, 1, 1, 1, False)
    cdef bint nothing = term.taps == 1 and taps.weights[0] == 1
    cdef Py_ssize_t part = part_of(term.taps), t = 0, r
    for r in range(params.block):
        target[r] = (rows[term.first + r * params.stride_y] if nothing else out + r * params.pitch)
    if nothing:
        return
    while t < term.taps:
        taps.height = min(part, term.taps - t)
        taps.more = t > 0
        vertical_part(&taps, params, rows + term.first + t, columns, target)
        t += taps.height
        taps.weights += taps.height


cdef inline void add_taps(vec[SQUARE][WIDE] acc, real** rows, const real* weights, Py_ssize_t step,
                          Py_ssize_t i, Py_ssize_t first, Py_ssize_t last, int begin,
                          int end) noexcept nogil:
    """Load the vectors at taps i * LANES + (first to last); add them to accumulators begin to end.

    Accumulator k is k * LANES pixels further right, so for it the same vector belongs to tap
    (i - k) * LANES + j.
    """
    cdef Py_ssize_t j
    cdef int r, k
    cdef vec v
    for j in range(first, last):
        for r in range(SQUARE):
            v = load(rows[r] + (i * LANES + j) * step)
            for k in range(begin, end):
                acc[r][k] = acc[r][k] + v * weights[(i - k) * LANES + j]


cdef inline void add_few(vec[SQUARE][WIDE] acc, real** rows, const real* weights, Py_ssize_t step,
                         int i, int whole, Py_ssize_t rest) noexcept nogil:
    """`add_taps` for one i of a kernel of whole * LANES + rest taps, whole < WIDE - 1."""
    if i < whole + WIDE:
        add_taps(acc, rows, weights, step, i, 0, rest, max(0, i - whole), min(WIDE, i + 1))
        add_taps(acc, rows, weights, step, i, rest, LANES, max(0, i - whole + 1), min(WIDE, i + 1))


cdef inline void add_many(vec[SQUARE][WIDE] acc, real** rows, const real* weights, Py_ssize_t step,
                          Py_ssize_t whole, Py_ssize_t rest) noexcept nogil:
    """`add_taps` for all i, for whole >= WIDE - 1: first for some accumulators, then for all."""
    cdef Py_ssize_t i
    add_taps(acc, rows, weights, step, 0, 0, LANES, 0, 1)
    if WIDE > 2:
        add_taps(acc, rows, weights, step, 1, 0, LANES, 0, 2)
        add_taps(acc, rows, weights, step, 2, 0, LANES, 0, 3)
    for i in range(WIDE - 1, whole):
        add_taps(acc, rows, weights, step, i, 0, LANES, 0, WIDE)
    add_taps(acc, rows, weights, step, whole, 0, rest, 0, WIDE)
    add_taps(acc, rows, weights, step, whole, rest, LANES, 1, WIDE)
    add_taps(acc, rows, weights, step, whole + 1, 0, rest, 1, WIDE)
    if WIDE > 2:
        add_taps(acc, rows, weights, step, whole + 1, rest, LANES, 2, WIDE)
        add_taps(acc, rows, weights, step, whole + 2, 0, rest, 2, WIDE)
        add_taps(acc, rows, weights, step, whole + 2, rest, LANES, 3, WIDE)
        add_taps(acc, rows, weights, step, whole + 3, 0, rest, 3, WIDE)


cdef inline void add_all(vec[SQUARE][WIDE] acc, Py_ssize_t taps, Py_ssize_t step, real** rows,
                         const real* w, int wide) noexcept nogil:
    """Add some taps, one by one; the vectors of the tile are step * LANES columns apart.

    A load from an address that is not aligned costs as much as two. So a loop with one such load
    for each multiply-add is bound by loads. From LANES taps on, the vectors of the tile share
    loads: tap j + LANES of a vector is tap j of the next one. sigma 8 takes 0.6 of the time.
    """
    cdef Py_ssize_t whole = taps // LANES, rest = taps % LANES, j
    cdef int r, k
    if whole == 0 or wide == 1:
        for j in range(taps):
            for r in range(SQUARE):
                for k in range(wide):
                    acc[r][k] = acc[r][k] + w[j] * load(rows[r] + (j + k * LANES) * step)
    elif whole >= WIDE - 1:
        add_many(acc, rows, w, step, whole, rest)
    elif whole == 1:
        add_few(acc, rows, w, step, 0, 1, rest)
        add_few(acc, rows, w, step, 1, 1, rest)
        add_few(acc, rows, w, step, 2, 1, rest)
        add_few(acc, rows, w, step, 3, 1, rest)
        add_few(acc, rows, w, step, 4, 1, rest)
    else:
        add_few(acc, rows, w, step, 0, 2, rest)
        add_few(acc, rows, w, step, 1, 2, rest)
        add_few(acc, rows, w, step, 2, 2, rest)
        add_few(acc, rows, w, step, 3, 2, rest)
        add_few(acc, rows, w, step, 4, 2, rest)
        add_few(acc, rows, w, step, 5, 2, rest)


cdef inline void horizontal_tile(const Horizontal* passes, Py_ssize_t count, Py_ssize_t component,
                                 Py_ssize_t first, Py_ssize_t most, real*** sources,
                                 Py_ssize_t top, const real* weights, Py_ssize_t x, real** targets,
                                 Py_ssize_t step, int wide) noexcept nogil:
    """Add at most `most` taps of all terms of a component, from `first` on, to those before.

    A tile is SQUARE rows by `wide` vectors, step * LANES columns apart.
    """
    cdef vec[SQUARE][WIDE] acc
    cdef const Horizontal* term
    cdef real* rows[SQUARE]
    cdef Py_ssize_t t, taps
    cdef int r, k
    for r in range(SQUARE):
        for k in range(wide):
            acc[r][k] = ZERO
    for t in range(count):
        term = passes + t
        taps = min(most, term.taps - first)
        if term.component == component and taps > 0:
            for r in range(SQUARE):
                rows[r] = sources[term.vertical][top + r] + term.first + first * term.step + x
            add_all(acc, taps, term.step, rows, weights + term.weights + first, wide)
    if first > 0:
        for r in range(SQUARE):
            for k in range(wide):
                acc[r][k] = acc[r][k] + load(targets[r] + x + k * step * LANES)
    for r in range(SQUARE):
        for k in range(wide):
            store(targets[r] + x + k * step * LANES, acc[r][k])


cdef inline void horizontal_part(const Horizontal* passes, Py_ssize_t count, Py_ssize_t component,
                                 Py_ssize_t first, Py_ssize_t most, real*** sources,
                                 Py_ssize_t top, const real* weights, Py_ssize_t n,
                                 real** targets) noexcept nogil:
    """Add some taps to n columns of SQUARE rows, in tiles that are interleaved as channels are."""
    cdef Py_ssize_t step = passes.step, x = 0, channel
    while x + WIDE * step * LANES <= n:
        for channel in range(step):
            horizontal_tile(passes, count, component, first, most, sources, top, weights,
                            x + channel * LANES, targets, step, WIDE)
        x += WIDE * step * LANES
    while x < n:
        horizontal_tile(passes, count, component, first, most, sources, top, weights, x, targets,
                        step, 1)
        x += LANES


cdef inline void horizontal_pass(const Horizontal* passes, Py_ssize_t count, Py_ssize_t component,
                                 real*** sources, Py_ssize_t top, const real* weights,
                                 Py_ssize_t n, real** targets) noexcept nogil:
    """Compute n columns of SQUARE rows of a component."""
    cdef Py_ssize_t taps = 1, first = 0, t, part
    for t in range(count):
        if passes[t].component == component:
            taps = max(taps, passes[t].taps)
    part = part_of(taps)
    while first < taps:
        horizontal_part(passes, count, component, first, part, sources, top, weights, n, targets)
        first += part


# ---------------------------------------------------------------------------------------------
# Both passes of a 3x3 kernel, in registers: along the rows first.

cdef inline void light_tile(real** rows, const real* column, const real* row, Py_ssize_t step,
                            Py_ssize_t x, real** targets, int high) noexcept nogil:
    """Compute `high` rows of a vector; the sums along the rows stay in registers."""
    cdef vec[SQUARE + 2] along
    cdef vec total
    cdef int r, k
    for r in range(high + 2):
        along[r] = ZERO
        for k in range(3):
            along[r] = along[r] + load(rows[r] + x + k * step) * row[k]
    for r in range(high):
        total = ZERO
        for k in range(3):
            total = total + along[r + k] * column[k]
        store(targets[r] + x, total)


cdef inline void light_rows(real** rows, const real* column, const real* row, Py_ssize_t step,
                            Py_ssize_t first, Py_ssize_t x, Py_ssize_t n, real** targets,
                            int high) noexcept nogil:
    """Compute columns x to x + n of `high` rows, whose windows begin `first` columns further right.

    What is used again and again is copied: the compiler could not keep it in registers, as any
    store might change an array that others see. A 3x3 kernel of float32 on 4 megapixels takes
    2.5 ms, as a copy does; with the rows of a vertical pass in L1 it takes 3.6 (v3).
    """
    cdef real* at[SQUARE + 2]
    cdef real* to[SQUARE]
    cdef real[3] down
    cdef real[3] across
    cdef Py_ssize_t i
    cdef int r
    for r in range(3):
        down[r] = column[r]
        across[r] = row[r]
    for r in range(high + 2):
        at[r] = rows[r] + first + x
    for r in range(high):
        to[r] = targets[r] + x
    i = 0
    while i < n:
        light_tile(at, down, across, step, i, to, high)
        i += LANES


cdef inline void light_pass(const Horizontal* row, const Vertical* column, const Params* params,
                            real** rows, const real* weights, Py_ssize_t x, Py_ssize_t n,
                            real** targets) noexcept nogil:
    """Compute columns x to x + n of a block for a 3x3 kernel; with a stride, rows share no sums."""
    cdef const real* down = weights + column.weights
    cdef const real* across = weights + row.weights
    cdef Py_ssize_t r
    rows += column.first
    if params.stride_y == 1:
        light_rows(rows, down, across, row.step, row.first, x, n, targets, SQUARE)
        return
    for r in range(params.block):
        light_rows(rows + r * params.stride_y, down, across, row.step, row.first, x, n,
                   targets + r, 1)

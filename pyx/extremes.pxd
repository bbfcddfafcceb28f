# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""The minimum or the maximum of every window, at a cost that hardly grows with the window.

    target[r][x] = extreme over (i, j) of the window:  rows[r + i][x + j * step]

A rectangle is computed first down the columns. In small squares, four results share the rows
between them, and all stays in registers. In other low windows, two results share rows. In others a
group of results shares its work (van Herk 1992, Gil and Werman 1993): extremes of the rows above
the last window of the group, from bottom to top, and of the rows below, from top to bottom. Then
along the rows: extremes of 1, 4, 16, ... neighbours are made of four each. The last ones overlap,
which does not change an extreme.

Any other window is a list of chords: runs of pixels in a row. For each row there are tables of the
extremes of 1, 2, 4, ... neighbours. The extreme of a chord is that of two entries, one at each end
of the chord: two comparisons for each chord, however long it is.
"""
from bands cimport Slot, up_to_lanes
from keys cimport ANY_NAN, larger_of, smaller_of
from pieces cimport piece_columns
from rows cimport Params
from squares cimport LARGEST, SMALLEST, fold_squares, is_small_square
from types cimport LANES, WIDE, load, real, store, vec

cdef enum:
    CHORD_BYTES = 512               # bytes of a row for which tables are made at once
    # Up to this height, but for 3x3, only pairs of results share extremes of columns. SHORT in
    # operations/rank.py is the same number.
    SHORT = 10


cdef enum Kind:
    # What is computed from the window, in the order of KINDS in operations/rank.py.
    MINIMUM, MAXIMUM, NETWORK, HISTOGRAM, OPENING, CLOSING, GRADIENT, WHITE_TOPHAT, BLACK_TOPHAT


cdef struct Chord:
    Py_ssize_t row, first           # row and first sample in the window
    Py_ssize_t level, second        # 1 << level pixels from `first` and from `second` on cover it


cdef struct Footprint:
    # The head of params.records; `count` chords follow, none for a rectangle.
    Py_ssize_t kind                  # Kind
    Py_ssize_t height, width        # in pixels
    Py_ssize_t step                 # samples between neighbours: the interleaved channels
    Py_ssize_t levels               # tables that the longest chord needs
    Py_ssize_t count


cdef inline vec extreme(vec a, vec b, bint maximum) noexcept nogil:
    return larger_of(a, b) if maximum else smaller_of(a, b)


cdef inline bint any_nan(real** rows, Py_ssize_t count, Py_ssize_t begin,
                         Py_ssize_t n) noexcept nogil:
    """Whether n numbers of any row, from `begin` on, hold a NaN; two rows are tested at once."""
    cdef Py_ssize_t r, x
    cdef int found = 0
    cdef const real* row
    cdef const real* other
    for r in range(0, count, 2):
        row = rows[r] + begin
        other = rows[min(r + 1, count - 1)] + begin
        for x in range(n):
            found |= ANY_NAN(row[x], other[x])
    return found


# ---------------------------------------------------------------------------------------------
# Rectangles

cdef inline void column_extremes(real** rows, Py_ssize_t height, Py_ssize_t group,
                                 Py_ssize_t begin, Py_ssize_t x, real* out, Py_ssize_t pitch,
                                 int wide, bint maximum) noexcept nogil:
    """out[r] = extreme of rows[r] to rows[r + height - 1] for r < group <= height."""
    cdef vec[WIDE] best
    cdef Py_ssize_t r
    cdef int k
    begin += x
    for k in range(wide):
        best[k] = load(rows[height - 1] + begin + k * LANES)
    for r in range(height - 2, -1, -1):
        if r + 1 < group:
            for k in range(wide):
                store(out + (r + 1) * pitch + x + k * LANES, best[k])
        for k in range(wide):
            best[k] = extreme(best[k], load(rows[r] + begin + k * LANES), maximum)
    for k in range(wide):
        store(out + x + k * LANES, best[k])
    if group > 1:
        for k in range(wide):
            best[k] = load(rows[height] + begin + k * LANES)
            store(out + pitch + x + k * LANES,
                  extreme(best[k], load(out + pitch + x + k * LANES), maximum))
    for r in range(2, group):
        for k in range(wide):
            best[k] = extreme(best[k], load(rows[height + r - 1] + begin + k * LANES), maximum)
            store(out + r * pitch + x + k * LANES,
                  extreme(best[k], load(out + r * pitch + x + k * LANES), maximum))


cdef inline void pair_extremes(real** rows, Py_ssize_t height, Py_ssize_t begin, Py_ssize_t n,
                               real* out, Py_ssize_t pitch, bint maximum) noexcept nogil:
    """`column_extremes` of a group of two, for n columns: the rows that both share, and one each.

    The pointers are copied: the compiler could not keep them in registers, as any store might
    change an array that others see.
    """
    cdef const real* at[SHORT + 1]
    cdef Py_ssize_t r, x = 0
    cdef vec best
    for r in range(height + 1):
        at[r] = rows[r] + begin
    while x < n:
        best = load(at[1] + x)
        for r in range(2, height):
            best = extreme(best, load(at[r] + x), maximum)
        store(out + x, extreme(best, load(at[0] + x), maximum))
        store(out + pitch + x, extreme(best, load(at[height] + x), maximum))
        x += LANES


cdef inline void extremes_of_9(real** rows, Py_ssize_t step, Py_ssize_t begin, Py_ssize_t n,
                               real** targets, bint maximum) noexcept nogil:
    """Four rows of 3x3 windows: first along the rows, then pairs of these, all in registers.

    Lines of columns in L1 would be read before they are written there. On 2048 columns of uint8,
    a row takes 123 ns with them, 106 ns without (v3, in C alone).
    """
    cdef const real* at[6]
    cdef real* to[4]
    cdef vec[6] along
    cdef vec upper, lower
    cdef Py_ssize_t x = 0
    cdef int r
    for r in range(6):
        at[r] = rows[r] + begin
    for r in range(4):
        to[r] = targets[r] + begin
    while x < n:
        for r in range(6):
            along[r] = extreme(extreme(load(at[r] + x), load(at[r] + x + step), maximum),
                               load(at[r] + x + 2 * step), maximum)
        upper = extreme(along[1], along[2], maximum)
        lower = extreme(along[3], along[4], maximum)
        store(to[0] + x, extreme(along[0], upper, maximum))
        store(to[1] + x, extreme(upper, along[3], maximum))
        store(to[2] + x, extreme(along[2], lower, maximum))
        store(to[3] + x, extreme(lower, along[5], maximum))
        x += LANES


cdef inline void square_minima(real** rows, Py_ssize_t side, Py_ssize_t step, Py_ssize_t begin,
                               Py_ssize_t n, real** targets) noexcept nogil:
    fold_squares(rows, side, step, begin, n, targets, SMALLEST)


cdef inline void square_maxima(real** rows, Py_ssize_t side, Py_ssize_t step, Py_ssize_t begin,
                               Py_ssize_t n, real** targets) noexcept nogil:
    fold_squares(rows, side, step, begin, n, targets, LARGEST)


# They are called through a pointer, so that they are compiled once for all callers.
ctypedef void (*Squares)(real** rows, Py_ssize_t side, Py_ssize_t step, Py_ssize_t begin,
                         Py_ssize_t n, real** targets) noexcept nogil


cdef inline void of_copies(const real* row, Py_ssize_t count, Py_ssize_t distance, Py_ssize_t last,
                           Py_ssize_t n, real* target, bint maximum) noexcept nogil:
    """target[x] = extreme of row[x + c * distance] for c < count, and of row[x + last].

    target may be row, since only later columns are read.
    """
    cdef vec best
    cdef Py_ssize_t x = 0, c
    while x < n:
        best = load(row + x)
        for c in range(1, count):
            best = extreme(best, load(row + x + c * distance), maximum)
        store(target + x, extreme(best, load(row + x + last), maximum))
        x += LANES


cdef inline void row_extremes(real* row, Py_ssize_t width, Py_ssize_t step, Py_ssize_t n,
                              real* target, bint maximum) noexcept nogil:
    """target[x] = extreme of row[x], row[x + step], ... (width of them); `row` is overwritten."""
    cdef Py_ssize_t length = 1, count
    while width > 5 * length:
        of_copies(row, 3, length * step, 3 * length * step, n + (width - 4 * length) * step, row,
                  maximum)
        length *= 4
    count = (width - 1) // length
    if count <= 1:
        of_copies(row, 1, 0, (width - length) * step, n, target, maximum)
    elif count == 2:
        of_copies(row, 2, length * step, (width - length) * step, n, target, maximum)
    elif count == 3:
        of_copies(row, 3, length * step, (width - length) * step, n, target, maximum)
    else:
        of_copies(row, 4, length * step, (width - length) * step, n, target, maximum)


cdef inline Py_ssize_t line_pitch(const Params* params) noexcept nogil:
    return min(up_to_lanes(piece_columns(params) + params.span_x + LANES), params.pitch)


cdef inline void fill_lines(real** rows, Py_ssize_t height, Py_ssize_t group, Py_ssize_t begin,
                            Py_ssize_t n, real* lines, Py_ssize_t pitch,
                            bint maximum) noexcept nogil:
    """Store the extremes of n columns from `begin` on; line k belongs to the k-th result row.

    The most used heights are literals, so that the compiler makes code without a loop over rows.
    """
    cdef Py_ssize_t x = 0
    if group == 2 and height == 3:
        pair_extremes(rows, 3, begin, n, lines, pitch, maximum)
    elif group == 2 and height == 5:
        pair_extremes(rows, 5, begin, n, lines, pitch, maximum)
    elif group == 2 and height <= SHORT:
        pair_extremes(rows, height, begin, n, lines, pitch, maximum)
    else:
        while x + WIDE * LANES <= n:
            column_extremes(rows, height, group, begin, x, lines, pitch, WIDE, maximum)
            x += WIDE * LANES
        while x < n:
            column_extremes(rows, height, group, begin, x, lines, pitch, 1, maximum)
            x += LANES


cdef inline bint rectangle_extremes(const Params* params, const Slot* slot, Py_ssize_t n,
                                    real* work, real** targets, bint maximum,
                                    bint watch) noexcept nogil:
    """Compute a group of rows at a time, piece by piece; return whether a NaN was found."""
    cdef const Footprint* window = <const Footprint*> params.records
    cdef Py_ssize_t pitch = line_pitch(params)
    cdef Py_ssize_t most = 2 if 2 <= window.height <= SHORT else window.height
    cdef Py_ssize_t r = 0, k, group, piece, x, m
    cdef bint found = False, four
    cdef bint square = is_small_square(window.height, window.width, window.step)
    cdef Squares squares = square_maxima if maximum else square_minima
    while r < params.block:
        four = params.block - r >= 4 and (square or window.height == window.width == 3)
        group = 4 if four else min(params.block - r, most)
        piece = n if four and not watch else piece_columns(params)
        x = 0
        while x < n:
            m = min(piece, n - x)
            if four and square:
                squares(slot.rows + r, window.height, window.step, x, m, targets + r)
            elif four:
                extremes_of_9(slot.rows + r, window.step, x, m, targets + r, maximum)
            else:
                fill_lines(slot.rows + r, window.height, group, x, m + params.span_x - 1, work,
                           pitch, maximum)
                for k in range(group):
                    row_extremes(work + k * pitch, window.width, window.step, m,
                                 targets[r + k] + x, maximum)
            if watch:
                found |= any_nan(slot.rows + r, group, x, m + params.span_x - 1)
            x += m
        r += group
    return found or watch and any_nan(slot.rows + r, window.height - 1, 0, n + params.span_x - 1)


# ---------------------------------------------------------------------------------------------
# Chords

cdef inline Py_ssize_t chord_columns(const Params* params) noexcept nogil:
    """Columns for which tables are made at once: many, compared with those that the window adds."""
    return max(CHORD_BYTES // <Py_ssize_t> sizeof(real), (2 * params.span_x + 63) // 64 * 64)


cdef inline Py_ssize_t table_pitch(const Params* params) noexcept nogil:
    return min(chord_columns(params) + params.span_x + 2 * LANES + 63, params.pitch + 63) // 64 * 64


cdef inline void tabulate(const real* row, const Footprint* window, Py_ssize_t columns, real* table,
                          Py_ssize_t pitch, bint maximum) noexcept nogil:
    """table[v][x] = extreme of the 1 << v neighbours from x on."""
    cdef Py_ssize_t v, x = 0, distance
    while x < columns:
        store(table + x, load(row + x))
        x += LANES
    for v in range(1, window.levels):
        distance = window.step << (v - 1)
        columns -= distance
        x = 0
        while x < columns:
            store(table + pitch + x,
                  extreme(load(table + x), load(table + x + distance), maximum))
            x += LANES
        table += pitch


cdef inline void chord_extremes(const Params* params, const Slot* slot, Py_ssize_t n, real* work,
                                real** targets, bint maximum) noexcept nogil:
    cdef const Footprint* window = <const Footprint*> params.records
    cdef const Chord* chords = <const Chord*> (window + 1)
    cdef Py_ssize_t pitch = table_pitch(params), of_row = pitch * window.levels
    cdef Py_ssize_t begin = 0, end, r, c, x
    cdef const real* at
    cdef vec best
    while begin < n:
        end = min(n, begin + chord_columns(params))
        for r in range(window.height + params.block - 1):
            tabulate(slot.rows[r] + begin, window, end - begin + params.span_x - 1,
                     work + r * of_row, pitch, maximum)
        for r in range(params.block):
            x = 0
            while x < end - begin:
                at = work + (r + chords.row) * of_row + chords.level * pitch + x
                best = extreme(load(at + chords.first), load(at + chords.second), maximum)
                for c in range(1, window.count):
                    at = work + (r + chords[c].row) * of_row + chords[c].level * pitch + x
                    best = extreme(best, load(at + chords[c].first), maximum)
                    best = extreme(best, load(at + chords[c].second), maximum)
                store(targets[r] + begin + x, best)
                x += LANES
        begin = end


# ---------------------------------------------------------------------------------------------
# Any window

cdef inline bint window_extremes(const Params* params, const Slot* slot, Py_ssize_t n, real* work,
                                 real** targets, bint maximum, bint watch) noexcept nogil:
    """Compute params.block rows of n extremes; `work` has `window_work` numbers.

    Return whether a NaN was found, if the loop is to watch for them.
    """
    if (<const Footprint*> params.records).count == 0:
        return rectangle_extremes(params, slot, n, work, targets, maximum, watch)
    chord_extremes(params, slot, n, work, targets, maximum)
    return watch and any_nan(slot.rows, params.span_y + params.block - 1, 0, n + params.span_x - 1)


cdef inline Py_ssize_t window_work(const Params* params) noexcept nogil:
    """Numbers of scratch."""
    cdef const Footprint* window = <const Footprint*> params.records
    if window.count == 0:
        return min(params.block, max(2, window.height)) * line_pitch(params)
    return (params.span_y + params.block - 1) * window.levels * table_pitch(params)

# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""The least or the greatest key of every window, at a cost that hardly grows with the window.

    target[r][x] = extreme over (i, j) of the window:  rows[r + i][x + j * step]

A rectangle goes first down the columns, where a group of results shares its work as van Herk
(1992) and Gil and Werman (1993) found: extremes of the rows above the group's last window, from
the bottom up, and of those below it, from the top down. Then along the rows, where extremes of 1,
4, 16, ... neighbours are made of four each; the last few overlap, which extremes do not mind.

Any other window is a list of chords, runs of pixels in a row. A row gives the extremes of 1, 2, 4,
... neighbours, and a chord is the two of them that reach its ends: two comparisons for each chord,
however long.
"""
from bands cimport Slot
from keys cimport greater, lesser
from rows cimport Job
from types cimport LANES, WIDE, load, real, store, vec

cdef enum:
    CHORD_BYTES = 512               # of a row whose chords are looked up at once


cdef enum Way:
    # What is done with the window, in the order of WAYS in operations/rank.py.
    LEAST, GREATEST, NETWORK, HISTOGRAM, OPENING, CLOSING, GRADIENT, WHITE_TOPHAT, BLACK_TOPHAT


cdef struct Chord:
    Py_ssize_t row, first           # where it begins in the window, in samples
    Py_ssize_t level, second        # 1 << level pixels from `first` and from `second` cover it


cdef struct Window:
    # The beginning of job.shape; `count` chords follow, none for a rectangle.
    Py_ssize_t way                  # Way
    Py_ssize_t height, width        # in pixels
    Py_ssize_t step                 # samples between neighbours: the interleaved channels
    Py_ssize_t levels               # of the longest chord
    Py_ssize_t count


cdef inline vec extreme(vec a, vec b, bint greatest) noexcept nogil:
    return greater(a, b) if greatest else lesser(a, b)


# ---------------------------------------------------------------------------------------------
# Rectangles

cdef inline void column_extremes(real** rows, Py_ssize_t height, Py_ssize_t group, Py_ssize_t x,
                                 real* out, Py_ssize_t pitch, int wide,
                                 bint greatest) noexcept nogil:
    """out[r] = extreme of rows[r] to rows[r + height - 1] for r < group <= height."""
    cdef vec[WIDE] best
    cdef Py_ssize_t r
    cdef int k
    for k in range(wide):
        best[k] = load(rows[height - 1] + x + k * LANES)
    for r in range(height - 2, -1, -1):
        if r + 1 < group:
            for k in range(wide):
                store(out + (r + 1) * pitch + x + k * LANES, best[k])
        for k in range(wide):
            best[k] = extreme(best[k], load(rows[r] + x + k * LANES), greatest)
    for k in range(wide):
        store(out + x + k * LANES, best[k])
    if group > 1:
        for k in range(wide):
            best[k] = load(rows[height] + x + k * LANES)
            store(out + pitch + x + k * LANES,
                  extreme(best[k], load(out + pitch + x + k * LANES), greatest))
    for r in range(2, group):
        for k in range(wide):
            best[k] = extreme(best[k], load(rows[height + r - 1] + x + k * LANES), greatest)
            store(out + r * pitch + x + k * LANES,
                  extreme(best[k], load(out + r * pitch + x + k * LANES), greatest))


cdef inline void of_copies(const real* row, Py_ssize_t count, Py_ssize_t distance, Py_ssize_t last,
                           Py_ssize_t n, real* target, bint greatest) noexcept nogil:
    """target[x] = extreme of row[x + c * distance] for c < count, and of row[x + last].

    target may be row, since it only looks ahead.
    """
    cdef vec best
    cdef Py_ssize_t x = 0, c
    while x < n:
        best = load(row + x)
        for c in range(1, count):
            best = extreme(best, load(row + x + c * distance), greatest)
        store(target + x, extreme(best, load(row + x + last), greatest))
        x += LANES


cdef inline void row_extremes(real* row, Py_ssize_t width, Py_ssize_t step, Py_ssize_t n,
                              real* target, bint greatest) noexcept nogil:
    """target[x] = extreme of row[x], row[x + step], ... width of them; `row` is used up."""
    cdef Py_ssize_t length = 1, count
    while width > 4 * length:
        of_copies(row, 3, length * step, 3 * length * step, n + (width - 4 * length) * step, row,
                  greatest)
        length *= 4
    count = (width - 1) // length
    if count <= 1:
        of_copies(row, 1, 0, (width - length) * step, n, target, greatest)
    elif count == 2:
        of_copies(row, 2, length * step, (width - length) * step, n, target, greatest)
    else:
        of_copies(row, 3, length * step, (width - length) * step, n, target, greatest)


cdef inline void rectangle_extremes(const Job* job, const Slot* slot, Py_ssize_t n, real* work,
                                    real** targets, bint greatest) noexcept nogil:
    cdef const Window* window = <const Window*> job.shape
    cdef Py_ssize_t columns = (n + job.span_x - 1 + LANES - 1) // LANES * LANES
    cdef Py_ssize_t r = 0, group, x
    while r < job.block:
        group = min(job.block - r, window.height)
        x = 0
        while x + WIDE * LANES <= columns:
            column_extremes(slot.rows + r, window.height, group, x, work + r * job.pitch,
                            job.pitch, WIDE, greatest)
            x += WIDE * LANES
        while x < columns:
            column_extremes(slot.rows + r, window.height, group, x, work + r * job.pitch,
                            job.pitch, 1, greatest)
            x += LANES
        r += group
    for r in range(job.block):
        row_extremes(work + r * job.pitch, window.width, window.step, n, targets[r], greatest)


# ---------------------------------------------------------------------------------------------
# Chords

cdef inline Py_ssize_t chord_columns(const Job* job) noexcept nogil:
    """Columns whose chords are looked up at once: many beside those that the window adds."""
    return max(CHORD_BYTES // <Py_ssize_t> sizeof(real), (2 * job.span_x + 63) // 64 * 64)


cdef inline Py_ssize_t table_pitch(const Job* job) noexcept nogil:
    return min(chord_columns(job) + job.span_x + 2 * LANES + 63, job.pitch + 63) // 64 * 64


cdef inline void tabulate(const real* row, const Window* window, Py_ssize_t columns, real* table,
                          Py_ssize_t pitch, bint greatest) noexcept nogil:
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
                  extreme(load(table + x), load(table + x + distance), greatest))
            x += LANES
        table += pitch


cdef inline void chord_extremes(const Job* job, const Slot* slot, Py_ssize_t n, real* work,
                                real** targets, bint greatest) noexcept nogil:
    cdef const Window* window = <const Window*> job.shape
    cdef const Chord* chords = <const Chord*> (window + 1)
    cdef Py_ssize_t pitch = table_pitch(job), of_row = pitch * window.levels
    cdef Py_ssize_t begin = 0, end, r, c, x
    cdef const real* at
    cdef vec best
    while begin < n:
        end = min(n, begin + chord_columns(job))
        for r in range(window.height + job.block - 1):
            tabulate(slot.rows[r] + begin, window, end - begin + job.span_x - 1, work + r * of_row,
                     pitch, greatest)
        for r in range(job.block):
            x = 0
            while x < end - begin:
                at = work + (r + chords.row) * of_row + chords.level * pitch + x
                best = extreme(load(at + chords.first), load(at + chords.second), greatest)
                for c in range(1, window.count):
                    at = work + (r + chords[c].row) * of_row + chords[c].level * pitch + x
                    best = extreme(best, load(at + chords[c].first), greatest)
                    best = extreme(best, load(at + chords[c].second), greatest)
                store(targets[r] + begin + x, best)
                x += LANES
        begin = end


# ---------------------------------------------------------------------------------------------
# Any window

cdef inline void window_extremes(const Job* job, const Slot* slot, Py_ssize_t n, real* work,
                                 real** targets, bint greatest) noexcept nogil:
    """job.block rows of n extremes; `work` holds `window_work` numbers."""
    if (<const Window*> job.shape).count == 0:
        rectangle_extremes(job, slot, n, work, targets, greatest)
    else:
        chord_extremes(job, slot, n, work, targets, greatest)


cdef inline Py_ssize_t window_work(const Job* job) noexcept nogil:
    """Numbers of scratch."""
    cdef const Window* window = <const Window*> job.shape
    if window.count == 0:
        return job.block * job.pitch
    return (job.span_y + job.block - 1) * window.levels * table_pitch(job)

# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Orders of the pixels that count.

What does not count sorts last, or first for a maximum, so that it is never chosen. How many pixels
of a window count says which element of the order is wanted; where none does, the result is NaN, or
0 in integers.
"""
from libc.stdint cimport int32_t, uint64_t
from libc.string cimport memcpy

from bands cimport Slot, ring_rows
from keys cimport KEYS, NOT_A_NUMBER
from rows cimport Params, is_float, loader
from types cimport LANES, load, real, store, vec
from extremes cimport Chord, Footprint, window_extremes
from weights cimport sentinel

cdef extern from *:
    """
    #ifdef VECTOR_BYTES
      typedef __typeof__((vec) {0} < (vec) {0}) lane_mask;
      static inline vec at_least(vec counts, real bound, vec a, vec b)
      {
        lane_mask holds = counts >= bound;
        return (vec) (((lane_mask) a & holds) | ((lane_mask) b & ~holds));
      }
    #else
      #define at_least(counts, bound, a, b) ((counts) >= (bound) ? (a) : (b))
    #endif
    """
    vec at_least(vec counts, real bound, vec a, vec b) nogil


cdef inline real nothing(const Params* params) noexcept nogil:
    """The result where no pixel counts."""
    cdef uint64_t zero = 0
    cdef real found = 0
    if is_float(params.image.code):
        return NOT_A_NUMBER
    if KEYS:
        loader(params, params.image.code)(<const char*> &zero, 1, &found)
    return found


# ---------------------------------------------------------------------------------------------
# Extremes

cdef inline bint any_is(real** rows, Py_ssize_t count, Py_ssize_t n, real value) noexcept nogil:
    cdef Py_ssize_t r, x
    cdef int found = 0
    for r in range(count):
        for x in range(n):
            found |= rows[r][x] == value
    return found


cdef inline void mark_empty(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """Replace the extremes of windows where nothing counts.

    There, the extreme is what stands for a missing pixel, which other windows seldom have.
    """
    cdef Slot weights = slot[0]
    cdef real** counted = slot.targets + params.block
    cdef Py_ssize_t r, x
    if not any_is(slot.targets, params.block, n, sentinel(params)):
        return
    weights.rows = slot.rows + ring_rows(params)
    window_extremes(params, &weights, n, slot.work, counted, True, False)
    for r in range(params.block):
        for x in range(n):
            if counted[r][x] == 0:
                slot.targets[r][x] = nothing(params)


# ---------------------------------------------------------------------------------------------
# Networks: the number of pixels that count, in a vector for each window

cdef inline void add_neighbours(const real* row, Py_ssize_t count, Py_ssize_t step, Py_ssize_t n,
                                real* target) noexcept nogil:
    """target[x] += row[x] + row[x + step] + ..., `count` of them."""
    cdef Py_ssize_t x = 0, j
    cdef vec total
    while x < n:
        total = load(target + x)
        for j in range(count):
            total = total + load(row + x + j * step)
        store(target + x, total)
        x += LANES


cdef inline void count_row(const Params* params, real** weights, Py_ssize_t n, real* line,
                           real* counts) noexcept nogil:
    """Count the pixels of n windows of a row; `line` has room for a row."""
    cdef const Footprint* window = <const Footprint*> params.records
    cdef const Chord* chords = <const Chord*> (window + 1)
    cdef Py_ssize_t columns = n + params.span_x - 1, x, i
    for x in range(n):
        counts[x] = 0
    for i in range(window.count):
        add_neighbours(weights[chords[i].row] + chords[i].first,
                       (chords[i].second - chords[i].first) // window.step
                       + (<Py_ssize_t> 1 << chords[i].level), window.step, n, counts)
    if window.count > 0:
        return
    for x in range(columns):
        line[x] = weights[0][x]
    for i in range(1, window.height):
        for x in range(columns):
            line[x] = line[x] + weights[i][x]
    add_neighbours(line, window.width, window.step, n, counts)


cdef inline void count_windows(const Params* params, const Slot* slot, Py_ssize_t n,
                               real** counts) noexcept nogil:
    """Count the pixels of the windows of a block."""
    cdef Py_ssize_t r
    for r in range(params.block):
        count_row(params, slot.rows + ring_rows(params) + r, n, slot.work, counts[r])


cdef inline void select(const real* planes, const Py_ssize_t* places, Py_ssize_t each,
                        Py_ssize_t ranks, const real* bounds, const real* counts, real empty,
                        Py_ssize_t n, real* target) noexcept nogil:
    """Choose the plane that the count of each window asks for: plane t if it is bounds[t] or more.

    Plane t begins at planes + places[t * each]. Bounds ascend; the first is 1.
    """
    cdef Py_ssize_t x = 0, t
    cdef vec count, found
    while x < n:
        count = load(counts + x)
        found = load(planes + places[0] + x)
        for t in range(1, ranks):
            found = at_least(count, bounds[t], load(planes + places[t * each] + x), found)
        if x + LANES <= n:
            store(target + x, found)
        else:
            memcpy(target + x, &found, (n - x) * sizeof(real))
        x += LANES
    for x in range(n):
        if counts[x] == 0:
            target[x] = empty


# ---------------------------------------------------------------------------------------------
# Histograms: the number of pixels that count, in an integer for each window

cdef inline void count_columns(const Params* params, const Slot* slot, Py_ssize_t y,
                               Py_ssize_t first, Py_ssize_t columns, int32_t* sums) noexcept nogil:
    """Move the counts of columns, each `step` samples apart, from row y - 1 to row y of a block."""
    cdef const Footprint* window = <const Footprint*> params.records
    cdef real** weights = slot.rows + ring_rows(params)
    cdef Py_ssize_t i, x, begin = y + window.height - 1 if y > 0 else 0
    for x in range(columns):
        sums[x] = sums[x] - <int32_t> weights[y - 1][first + x * window.step] if y > 0 else 0
    for i in range(begin, y + window.height):
        for x in range(columns):
            sums[x] += <int32_t> weights[i][first + x * window.step]


cdef inline void count_in_rectangles(const int32_t* sums, Py_ssize_t width, Py_ssize_t results,
                                     int32_t* counts) noexcept nogil:
    cdef int32_t total = 0
    cdef Py_ssize_t x
    for x in range(width):
        total += sums[x]
    for x in range(results):
        counts[x] = total
        if x + 1 < results:
            total += sums[x + width] - sums[x]


cdef inline void count_in_chords(const Params* params, const Slot* slot, Py_ssize_t y,
                                 Py_ssize_t first, Py_ssize_t results,
                                 int32_t* counts) noexcept nogil:
    cdef const Footprint* window = <const Footprint*> params.records
    cdef const Chord* chords = <const Chord*> (window + 1)
    cdef real** weights = slot.rows + ring_rows(params) + y
    cdef Py_ssize_t c, x, j, length
    cdef int32_t total
    cdef const real* row
    for x in range(results):
        counts[x] = 0
    for c in range(window.count):
        length = (chords[c].second - chords[c].first) // window.step + (1 << chords[c].level)
        row = weights[chords[c].row] + chords[c].first + first
        total = 0
        for j in range(length):
            total += <int32_t> row[j * window.step]
        for x in range(results):
            counts[x] += total
            total += (<int32_t> row[(x + length) * window.step]
                      - <int32_t> row[x * window.step] if x + 1 < results else 0)


cdef inline void count_in_row(const Params* params, const Slot* slot, Py_ssize_t y,
                              Py_ssize_t first, Py_ssize_t results, int32_t* sums,
                              int32_t* counts) noexcept nogil:
    """Count the pixels of windows of row y of a block, which is the one after the last."""
    cdef const Footprint* window = <const Footprint*> params.records
    if window.count > 0:
        count_in_chords(params, slot, y, first, results, counts)
        return
    count_columns(params, slot, y, first, results + window.width - 1, sums)
    count_in_rectangles(sums, window.width, results, counts)


cdef inline void empty_row(const Params* params, const int32_t* counts, Py_ssize_t results,
                           real* target) noexcept nogil:
    """Replace the results of windows where nothing counts."""
    cdef Py_ssize_t step = (<const Footprint*> params.records).step, x
    for x in range(results):
        if counts[x] == 0:
            target[x * step] = nothing(params)

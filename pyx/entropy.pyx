# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The entropy of the values in every window, from a histogram that moves along the row.

    result = log2(n) - 1 / n * sum over v:  c[v] log2(c[v])

c[v] is how often a value occurs among the n pixels of the window. When the window moves by a pixel,
each of its chords loses one pixel and gains another, and the sum changes by two differences, which
are looked up. They are integers (multiples of `unit`), so the sum is exact however far it moved,
and no bit depends on where a row began.

Pixels that do not count are infinite (weights.pxd); where none counts, the result is NaN.
"""
from libc.stdint cimport int32_t, int64_t, uint16_t
from libc.string cimport memset

from bands cimport Block, Slot
from rows cimport Params
from types cimport real

cdef extern from "<math.h>":
    const double NAN


cdef enum:
    VALUES = 256
    MISSING = VALUES


cdef struct Window:
    # The head of params.records; `chords` chords follow, then `size` + 1 numbers c log2(c), and the
    # `size` differences between them.
    Py_ssize_t step                 # samples between neighbours: the interleaved channels
    Py_ssize_t chords
    Py_ssize_t size                 # pixels of the window
    double unit


cdef struct Chord:
    # Samples `first` to `last` of a row of the window: one behind the last is `last`.
    Py_ssize_t row, first, last


cdef struct Histogram:
    int32_t[VALUES + 1] counts
    int64_t total                   # sum of c log2(c), MISSING too
    const int64_t* sums
    const int64_t* differences


cdef inline uint16_t code_of(real pixel) noexcept nogil:
    """The bin of a pixel: negative ones of int8 have those that its positive ones leave free."""
    return <uint16_t> (<int> pixel & (VALUES - 1)) if pixel < VALUES else MISSING


cdef inline void count(Histogram* histogram, uint16_t code) noexcept nogil:
    cdef int32_t c = histogram.counts[code]
    histogram.total += histogram.differences[c]
    histogram.counts[code] = c + 1


cdef inline void forget(Histogram* histogram, uint16_t code) noexcept nogil:
    cdef int32_t c = histogram.counts[code] - 1
    histogram.total -= histogram.differences[c]
    histogram.counts[code] = c


cdef inline real entropy_of(const Histogram* histogram, const Window* window) noexcept nogil:
    cdef int32_t missing = histogram.counts[MISSING]
    cdef Py_ssize_t n = window.size - missing
    cdef int64_t rest = histogram.total - histogram.sums[missing]
    if n == 0:
        return <real> NAN
    return <real> (<double> (histogram.sums[n] - rest) * (window.unit / <double> n))


cdef void run_row(const Window* window, const Chord* chords, Histogram* histogram,
                  const uint16_t* codes, Py_ssize_t pitch, Py_ssize_t n,
                  real* target) noexcept nogil:
    """Compute every step-th of n columns; `codes` is the first row under the window."""
    cdef Py_ssize_t x = 0, c, i
    cdef const uint16_t* row
    cdef uint16_t old, new
    memset(histogram.counts, 0, sizeof(histogram.counts))
    histogram.total = 0
    for c in range(window.chords):
        i = chords[c].first
        while i < chords[c].last:
            count(histogram, codes[chords[c].row * pitch + i])
            i += window.step
    target[0] = entropy_of(histogram, window)
    x = window.step
    while x < n:
        for c in range(window.chords):
            row = codes + chords[c].row * pitch + x - window.step
            old = row[chords[c].first]
            new = row[chords[c].last]
            if old != new:
                forget(histogram, old)
                count(histogram, new)
        target[x] = entropy_of(histogram, window)
        x += window.step


cdef void block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    cdef const Window* window = <const Window*> params.records
    cdef const Chord* chords = <const Chord*> (window + 1)
    cdef Py_ssize_t columns = n + params.span_x - 1, r, x
    cdef uint16_t* codes = <uint16_t*> slot.work
    cdef Histogram histogram
    histogram.sums = <const int64_t*> (chords + window.chords)
    histogram.differences = histogram.sums + window.size + 1
    for r in range(params.span_y + params.block - 1):
        for x in range(columns):
            codes[r * params.pitch + x] = code_of(slot.rows[r][x])
    for r in range(params.block):
        # A chunk begins with a pixel, and may end within one.
        for x in range(min(n, window.step)):
            run_row(window, chords, &histogram, codes + r * params.pitch + x, params.pitch, n - x,
                    slot.targets[r] + x)


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Block block_for(const Params* params) noexcept nogil:
    return block


include "bands.pxi"

# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Histograms: how often each value of small integers occurs, or how many floats are in each bin.

Each thread counts a run of pixels in several tables, in turn. One table would make a pixel wait
until the count of an equal one before it is stored, and neighbouring pixels often are equal.
"""
cimport numpy as cnp

from cython.parallel cimport prange, threadid
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memset

cnp.import_array()

cdef enum:
    TABLES = 4              # more do not fit in L1 for 8 bits; two of 16 bits fill an L2 of 512 KB
    WIDE_TABLES = 2
    CHUNK = 1 << 14         # pixels that a thread takes at a time
    RUN = 512               # floats whose bins are computed before they are counted
    LANES = 16              # extremes that are found side by side

ctypedef fused integer:
    uint8_t
    uint16_t

ctypedef fused number:
    float
    double


cdef extern from *:
    """
    #include <math.h>
    /* How far into a bin, as a share of it, rounding of a quotient in float32 may reach. */
    #define ROUNDING 0.001
    """
    const double ROUNDING
    double fabs(double x) nogil
    const double INFINITY


cdef struct Bins:
    const double* edges     # count + 1 of them, ascending
    Py_ssize_t count
    double low, high, scale
    double margin           # share of a bin next to its edges, where these must be looked at


cdef inline void count_values(const integer* values, Py_ssize_t n, uint32_t* tables,
                              Py_ssize_t bins) noexcept nogil:
    cdef Py_ssize_t i = 0
    if integer is uint8_t:
        while i + TABLES <= n:
            tables[values[i]] += 1
            tables[bins + values[i + 1]] += 1
            tables[2 * bins + values[i + 2]] += 1
            tables[3 * bins + values[i + 3]] += 1
            i += TABLES
    else:
        while i + WIDE_TABLES <= n:
            tables[values[i]] += 1
            tables[bins + values[i + 1]] += 1
            i += WIDE_TABLES
    while i < n:
        tables[values[i]] += 1
        i += 1


cdef inline Py_ssize_t bin_of(double value, const Bins* bins) noexcept nogil:
    """The bin between whose edges a value is; the last bin has both of its edges.

    Rounding, of the quotient and of the edges, may lead to another bin first.
    """
    cdef Py_ssize_t i = min(<Py_ssize_t> ((value - bins.low) * bins.scale), bins.count - 1)
    while i > 0 and value < bins.edges[i]:
        i -= 1
    while i + 1 < bins.count and value >= bins.edges[i + 1]:
        i += 1
    return i


cdef double margin_of(const Bins* bins) noexcept nogil:
    """Edges are rounded to the type of the pixels, far from zero to large parts of a bin."""
    cdef double largest = 0
    cdef Py_ssize_t i
    for i in range(bins.count + 1):
        largest = max(largest, fabs((bins.edges[i] - bins.low) * bins.scale - i))
    return ROUNDING + largest


cdef inline void count_between(const number* values, Py_ssize_t n, const Bins* bins,
                               uint32_t* tables) noexcept nogil:
    """NaN and what is outside all bins is not counted.

    Far from all edges a bin needs no comparison with them. Such bins are computed in vectors; -1 is
    left to `bin_of`.
    """
    cdef int32_t[RUN] found
    cdef number low = <number> bins.low, scale = <number> bins.scale, at, rest
    cdef number margin = <number> bins.margin, end = <number> (1 - bins.margin)
    cdef number last = <number> bins.count
    cdef Py_ssize_t begin = 0, i, m
    while begin < n:
        m = min(RUN, n - begin)
        for i in range(m):
            at = (values[begin + i] - low) * scale
            at = at if at >= 0 else 0
            at = at if at < last else 0
            rest = at - <number> <int32_t> at
            found[i] = <int32_t> at if (rest > margin) & (rest < end) else -1
        for i in range(m):
            if found[i] >= 0:
                tables[i % TABLES * bins.count + found[i]] += 1
            elif bins.low <= values[begin + i] <= bins.high:
                tables[bin_of(values[begin + i], bins)] += 1
        begin += m


cdef void add_tables(const uint32_t* tables, Py_ssize_t count, Py_ssize_t bins,
                     int64_t* total) noexcept nogil:
    cdef Py_ssize_t t, v
    for v in range(bins):
        total[v] = 0
    for t in range(count):
        for v in range(bins):
            total[v] += tables[t * bins + v]


# ---------------------------------------------------------------------------------------------
# Entry

def count(cnp.ndarray pixels not None, cnp.ndarray total not None, cnp.ndarray scratch not None,
          int threads):
    """Put into `total` (int64) how often each value of contiguous uint8 or uint16 occurs."""
    cdef const char* data = <const char*> cnp.PyArray_DATA(pixels)
    cdef char* tables = <char*> cnp.PyArray_DATA(scratch)
    cdef Py_ssize_t n = cnp.PyArray_SIZE(pixels), slot = cnp.PyArray_DIM(scratch, 1), i
    cdef Py_ssize_t bins = cnp.PyArray_SIZE(total), chunks = (n + CHUNK - 1) // CHUNK
    cdef bint short = pixels.descr.itemsize == 1
    with nogil:
        memset(tables, 0, threads * slot)
        for i in prange(chunks, num_threads=threads, use_threads_if=threads > 1,
                        schedule="static"):
            if short:
                count_values(<const uint8_t*> data + i * CHUNK, min(CHUNK, n - i * CHUNK),
                             <uint32_t*> (tables + threadid() * slot), bins)
            else:
                count_values(<const uint16_t*> data + i * CHUNK, min(CHUNK, n - i * CHUNK),
                             <uint32_t*> (tables + threadid() * slot), bins)
        add_tables(<const uint32_t*> tables, threads * slot // (bins * <Py_ssize_t> 4), bins,
                   <int64_t*> cnp.PyArray_DATA(total))


cdef inline void look_up(const integer* values, Py_ssize_t n, const integer* table,
                         integer* target) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        target[i] = table[values[i]]


def replace(cnp.ndarray pixels not None, cnp.ndarray table not None, cnp.ndarray result not None,
            int threads):
    """Look up contiguous uint8 or uint16 in a table of the same type."""
    cdef const char* data = <const char*> cnp.PyArray_DATA(pixels)
    cdef char* target = <char*> cnp.PyArray_DATA(result)
    cdef const void* values = cnp.PyArray_DATA(table)
    cdef Py_ssize_t n = cnp.PyArray_SIZE(pixels), i
    cdef bint short = pixels.descr.itemsize == 1
    with nogil:
        for i in prange((n + CHUNK - 1) // CHUNK, num_threads=threads,
                        use_threads_if=threads > 1, schedule="static"):
            if short:
                look_up(<const uint8_t*> data + i * CHUNK, min(CHUNK, n - i * CHUNK),
                        <const uint8_t*> values, <uint8_t*> target + i * CHUNK)
            else:
                look_up(<const uint16_t*> data + i * CHUNK, min(CHUNK, n - i * CHUNK),
                        <const uint16_t*> values, <uint16_t*> target + i * CHUNK)


def count_bins(cnp.ndarray pixels not None, cnp.ndarray edges not None,
               cnp.ndarray total not None, cnp.ndarray scratch not None, int threads):
    """Put into `total` how many contiguous float32 or float64 lie between the edges (float64)."""
    cdef const char* data = <const char*> cnp.PyArray_DATA(pixels)
    cdef char* tables = <char*> cnp.PyArray_DATA(scratch)
    cdef Py_ssize_t n = cnp.PyArray_SIZE(pixels), slot = cnp.PyArray_DIM(scratch, 1), i
    cdef Py_ssize_t chunks = (n + CHUNK - 1) // CHUNK
    cdef bint short = pixels.descr.itemsize == 4
    cdef Bins bins
    bins.edges = <const double*> cnp.PyArray_DATA(edges)
    bins.count = cnp.PyArray_SIZE(total)
    bins.low = bins.edges[0]
    bins.high = bins.edges[bins.count]
    bins.scale = bins.count / (bins.high - bins.low)
    bins.margin = margin_of(&bins)
    with nogil:
        memset(tables, 0, threads * slot)
        for i in prange(chunks, num_threads=threads, use_threads_if=threads > 1,
                        schedule="static"):
            if short:
                count_between(<const float*> data + i * CHUNK, min(CHUNK, n - i * CHUNK), &bins,
                              <uint32_t*> (tables + threadid() * slot))
            else:
                count_between(<const double*> data + i * CHUNK, min(CHUNK, n - i * CHUNK), &bins,
                              <uint32_t*> (tables + threadid() * slot))
        add_tables(<const uint32_t*> tables, threads * slot // (bins.count * <Py_ssize_t> 4),
                   bins.count, <int64_t*> cnp.PyArray_DATA(total))


cdef inline void find_extremes(const number* values, Py_ssize_t n, double* pair) noexcept nogil:
    """The smallest and the largest finite value; infinity and -infinity if there is none."""
    cdef number[LANES] low, high
    cdef number value, infinite = <number> INFINITY
    cdef Py_ssize_t i = 0, k
    for k in range(LANES):
        low[k] = infinite
        high[k] = -infinite
    while i + LANES <= n:
        for k in range(LANES):
            value = values[i + k]
            # False for NaN, too.
            low[k] = value if (value < low[k]) & (value > -infinite) else low[k]
            high[k] = value if (value > high[k]) & (value < infinite) else high[k]
        i += LANES
    for i in range(n // LANES * LANES, n):
        value = values[i]
        if -infinite < value < infinite:
            low[0] = min(low[0], value)
            high[0] = max(high[0], value)
    for k in range(1, LANES):
        low[0] = min(low[0], low[k])
        high[0] = max(high[0], high[k])
    pair[0] = low[0]
    pair[1] = high[0]


def extremes(cnp.ndarray pixels not None, cnp.ndarray found not None, int threads):
    """Put into `found` (float64, a pair for each chunk) the extremes of contiguous floats."""
    cdef const char* data = <const char*> cnp.PyArray_DATA(pixels)
    cdef double* pairs = <double*> cnp.PyArray_DATA(found)
    cdef Py_ssize_t n = cnp.PyArray_SIZE(pixels), i
    cdef bint short = pixels.descr.itemsize == 4
    with nogil:
        for i in prange((n + CHUNK - 1) // CHUNK, num_threads=threads,
                        use_threads_if=threads > 1, schedule="static"):
            if short:
                find_extremes(<const float*> data + i * CHUNK, min(CHUNK, n - i * CHUNK),
                              pairs + 2 * i)
            else:
                find_extremes(<const double*> data + i * CHUNK, min(CHUNK, n - i * CHUNK),
                              pairs + 2 * i)


cdef inline void add_above(const number* values, Py_ssize_t n, double limit,
                           double* count, double* total) noexcept nogil:
    """How many values are above a limit, and their sum, in four sums that do not wait."""
    cdef double[4] counts, sums
    cdef double value
    cdef Py_ssize_t i, k
    for k in range(4):
        counts[k] = sums[k] = 0
    for i in range(0, n - 3, 4):
        for k in range(4):
            value = values[i + k]
            counts[k] += 1.0 if value > limit else 0.0
            sums[k] += value if value > limit else 0.0
    for i in range(n // 4 * 4, n):
        value = values[i]
        counts[0] += 1.0 if value > limit else 0.0
        sums[0] += value if value > limit else 0.0
    count[0] = counts[0] + counts[1] + counts[2] + counts[3]
    total[0] = sums[0] + sums[1] + sums[2] + sums[3]


def sums_above(cnp.ndarray pixels not None, double limit, cnp.ndarray found not None, int threads):
    """Put into `found` (float64, a pair for each chunk) number and sum of what is above a limit."""
    cdef const char* data = <const char*> cnp.PyArray_DATA(pixels)
    cdef double* pairs = <double*> cnp.PyArray_DATA(found)
    cdef Py_ssize_t n = cnp.PyArray_SIZE(pixels), i
    cdef bint short = pixels.descr.itemsize == 4
    with nogil:
        for i in prange((n + CHUNK - 1) // CHUNK, num_threads=threads,
                        use_threads_if=threads > 1, schedule="static"):
            if short:
                add_above(<const float*> data + i * CHUNK, min(CHUNK, n - i * CHUNK), limit,
                          pairs + 2 * i, pairs + 2 * i + 1)
            else:
                add_above(<const double*> data + i * CHUNK, min(CHUNK, n - i * CHUNK), limit,
                          pairs + 2 * i, pairs + 2 * i + 1)

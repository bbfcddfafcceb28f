# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Histograms: how often each value of small integers occurs, or how many floats are in each bin.

Each thread counts a run of pixels in several tables, in turn. One table would make a pixel wait
until the count of an equal one before it is stored, and neighbouring pixels often are equal.
"""
cimport numpy as cnp

from cython.parallel cimport prange, threadid
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memset

cnp.import_array()

cdef enum:
    TABLES = 4              # more do not fit in L1 for 8 bits; two of 16 bits fill an L2 of 512 KB
    WIDE_TABLES = 2
    CHUNK = 1 << 14         # pixels that a thread takes at a time
    RUN = 512               # floats whose bins are computed before they are counted
    LANES = 16              # sums that are found side by side

ctypedef fused integer:
    uint8_t
    uint16_t

ctypedef fused number:
    float
    double

# Floats as integers.
ctypedef fused ordered:
    int32_t
    int64_t


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

    Far from all edges a bin needs no comparison with them. Such bins are computed in vectors. All
    others are counted behind the last bin, and then looked at one by one.
    """
    cdef int32_t[RUN] found
    cdef number[RUN] places
    cdef number low = <number> bins.low, scale = <number> bins.scale, at, rest
    cdef number margin = <number> bins.margin, end = <number> (1 - bins.margin)
    cdef number last = <number> bins.count
    cdef int32_t others = <int32_t> bins.count, near
    cdef Py_ssize_t begin = 0, i, m, table = bins.count + 1
    while begin < n:
        m = min(RUN, n - begin)
        near = 0
        # Two loops: a compiler would make branches of one, since 0 is near an edge.
        for i in range(m):
            at = (values[begin + i] - low) * scale
            at = at if at >= 0 else 0
            places[i] = at if at < last else 0
        for i in range(m):
            rest = places[i] - <number> <int32_t> places[i]
            found[i] = <int32_t> places[i] if (rest > margin) & (rest < end) else others
            near += found[i] == others
        i = 0
        while i + TABLES <= m:
            tables[found[i]] += 1
            tables[table + found[i + 1]] += 1
            tables[2 * table + found[i + 2]] += 1
            tables[3 * table + found[i + 3]] += 1
            i += TABLES
        while i < m:
            tables[found[i]] += 1
            i += 1
        for i in range(m if near > 0 else 0):
            if found[i] == others and bins.low <= values[begin + i] <= bins.high:
                tables[bin_of(values[begin + i], bins)] += 1
        begin += m


cdef void add_tables(const char* scratch, Py_ssize_t slot, int threads, Py_ssize_t tables,
                     Py_ssize_t pitch, Py_ssize_t bins, int64_t* total) noexcept nogil:
    """Add the tables of all threads, whose scratch begins `slot` bytes apart."""
    cdef const uint32_t* table
    cdef Py_ssize_t t, v
    memset(total, 0, bins * sizeof(int64_t))
    for t in range(threads * tables):
        table = <const uint32_t*> (scratch + t // tables * slot) + t % tables * pitch
        for v in range(bins):
            total[v] += table[v]


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
        add_tables(tables, slot, threads, TABLES if short else WIDE_TABLES, bins, bins,
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
        add_tables(tables, slot, threads, TABLES, bins.count + 1, bins.count,
                   <int64_t*> cnp.PyArray_DATA(total))


cdef inline double float_of(ordered key) noexcept nogil:
    """The float with the bits of an integer."""
    cdef float single
    cdef double found
    if ordered is int32_t:
        memcpy(&single, &key, sizeof(key))
        return single
    else:
        memcpy(&found, &key, sizeof(key))
        return found


cdef inline void find_extremes(const ordered* bits, Py_ssize_t n, double* pair) noexcept nogil:
    """The smallest and the largest finite value; infinity and -infinity if there is none.

    Floats are compared as integers, whose extremes compilers find in vectors: all bits but the sign
    of a negative one are flipped. What is not finite has all bits of the exponent.
    """
    cdef ordered highest = 0x7fffffff, exponent = 0x7f800000, low, high, key, skip
    cdef Py_ssize_t i
    cdef int sign = 31
    if ordered is int64_t:
        highest, exponent, sign = 0x7fffffffffffffff, 0x7ff0000000000000, 63
    low, high = highest, ~highest
    for i in range(n):
        key = bits[i] ^ (bits[i] >> sign & highest)
        skip = -<ordered> ((bits[i] & exponent) == exponent)
        low = min(low, (key & ~skip) | (highest & skip))
        high = max(high, (key & ~skip) | (~highest & skip))
    pair[0] = float_of(<ordered> (low ^ (low >> sign & highest))) if low <= high else INFINITY
    pair[1] = float_of(<ordered> (high ^ (high >> sign & highest))) if low <= high else -INFINITY


cdef inline void add_above(const number* values, Py_ssize_t n, number low, number high,
                           number limit, double* pair) noexcept nogil:
    """How many of the values from `low` to `high` are above a limit, and their sum, less `low`."""
    cdef double[LANES] sums
    cdef number[RUN] found
    cdef number value
    cdef int32_t count = 0
    cdef bint above
    cdef Py_ssize_t begin = 0, i, k, m
    for k in range(LANES):
        sums[k] = 0
    while begin < n:
        m = min(RUN, n - begin)
        for i in range(m):
            value = values[begin + i] - low
            # False for NaN, too.
            above = (value > limit) & (values[begin + i] <= high)
            found[i] = value if above else 0
            count += above
        for i in range(m, (m + LANES - 1) // LANES * LANES):
            found[i] = 0
        i = 0
        while i < m:
            for k in range(LANES):
                sums[k] += found[i + k]
            i += LANES
        begin += m
    pair[0] = count
    pair[1] = 0
    for k in range(LANES):
        pair[1] += sums[k]


cdef inline void find_pair(const number* values, Py_ssize_t n, const double* limits,
                           double* pair) noexcept nogil:
    """The extremes, or what is above a limit: the third number behind the extremes, if given."""
    if limits != NULL:
        add_above(values, n, <number> limits[0], <number> limits[1], <number> limits[2], pair)
    elif number is float:
        find_extremes(<const int32_t*> values, n, pair)
    else:
        find_extremes(<const int64_t*> values, n, pair)


cdef void find_pairs(cnp.ndarray pixels, const double* limits, cnp.ndarray found, int threads):
    """Put a pair for each chunk of contiguous floats into `found` (float64)."""
    cdef const char* data = <const char*> cnp.PyArray_DATA(pixels)
    cdef double* pairs = <double*> cnp.PyArray_DATA(found)
    cdef Py_ssize_t n = cnp.PyArray_SIZE(pixels), i
    cdef bint short = pixels.descr.itemsize == 4
    with nogil:
        for i in prange((n + CHUNK - 1) // CHUNK, num_threads=threads,
                        use_threads_if=threads > 1, schedule="static"):
            if short:
                find_pair(<const float*> data + i * CHUNK, min(CHUNK, n - i * CHUNK), limits,
                          pairs + 2 * i)
            else:
                find_pair(<const double*> data + i * CHUNK, min(CHUNK, n - i * CHUNK), limits,
                          pairs + 2 * i)


def extremes(cnp.ndarray pixels not None, cnp.ndarray found not None, int threads):
    """Put into `found` (float64, a pair for each chunk) the extremes of contiguous floats."""
    find_pairs(pixels, NULL, found, threads)


def sums_above(cnp.ndarray pixels not None, double low, double high, double limit,
               cnp.ndarray found not None, int threads):
    """Put into `found` (float64, a pair for each chunk) what `add_above` finds.

    A value is above a limit if its difference to `low` is.
    """
    cdef double[3] limits = [low, high, limit]
    find_pairs(pixels, limits, found, threads)

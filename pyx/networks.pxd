# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Medians and other ranks of small windows, by the sorting networks of operations/network.py.

    for (first, second, ahead) in exchanges:
        smaller[x], larger[x] = sorted(first[x], second[x + ahead])

A network is data, and one loop runs all networks. Each number of a network is a row of some vectors
in scratch, called a plane. An exchange loads two vectors and stores two, which takes no longer than
their minimum and maximum; a network compiled to registers would hardly be faster. A row has so many
vectors that reading the exchange takes little time beside them (eight of AVX-512), and so few that
the planes of a 9x9 median fit in L1.
"""
from libc.stdint cimport int32_t
from libc.string cimport memcpy

from bands cimport Slot
from counting cimport nothing, select
from keys cimport larger_of, smaller_of
from rows cimport Params
from types cimport LANES, load, real, store, vec
from extremes cimport Chord, Footprint, any_nan

cdef struct Network:
    # Follows the footprint in params.records. Offsets are numbers from the first plane.
    Py_ssize_t coded                # 9 or 25 for the medians that have code of their own, else 0
    Py_ssize_t tile                 # rows of results
    Py_ssize_t inputs               # rows of the image, which are the first planes
    Py_ssize_t pitch                # from one plane to the next
    Py_ssize_t columns              # of a plane; the last span_x - 1 have no results
    Py_ssize_t size                 # numbers of all planes
    Py_ssize_t count                # exchanges
    Py_ssize_t ranks                # whose numbers come out: results, or ranks to select from
    # Then the offsets of the outputs, `tile` for each rank, and the exchanges. Where windows differ
    # in the pixels that count, params.weights has the bounds of `select` for each result.


cdef struct Exchange:
    int32_t first, second           # offsets; `second` has `ahead` in it
    int32_t smaller, larger         # offsets of the results, or -1 where one is not needed


cdef inline void exchange(real* planes, const Exchange* each, Py_ssize_t vectors) noexcept nogil:
    """A result may overwrite either of its two inputs."""
    cdef const real* first = planes + each.first
    cdef const real* second = planes + each.second
    cdef real* low = planes + each.smaller
    cdef real* high = planes + each.larger
    cdef Py_ssize_t v
    cdef vec a, b
    if each.larger < 0:
        for v in range(vectors):
            store(low + v * LANES, smaller_of(load(first + v * LANES), load(second + v * LANES)))
    elif each.smaller < 0:
        for v in range(vectors):
            store(high + v * LANES, larger_of(load(first + v * LANES), load(second + v * LANES)))
    else:
        for v in range(vectors):
            a = load(first + v * LANES)
            b = load(second + v * LANES)
            store(low + v * LANES, smaller_of(a, b))
            store(high + v * LANES, larger_of(a, b))


cdef inline void run_network(real* planes, const Exchange* exchanges, Py_ssize_t count,
                             Py_ssize_t vectors) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(count):
        exchange(planes, exchanges + i, vectors)


cdef inline void tile(const Params* params, const Network* network, const Slot* slot,
                      Py_ssize_t top, Py_ssize_t x, Py_ssize_t n) noexcept nogil:
    """Compute n columns from x on of a tile, whose first result row is row `top` of the block."""
    cdef Py_ssize_t vectors = (n + params.span_x - 1 + LANES - 1) // LANES, r, k, t
    cdef const Py_ssize_t* outputs = <const Py_ssize_t*> (network + 1)
    cdef const Exchange* exchanges = <const Exchange*> (outputs + network.ranks * network.tile)
    cdef const real* bounds = <const real*> params.weights
    cdef real* planes = slot.work
    for r in range(network.inputs):
        memcpy(planes + r * network.pitch, slot.rows[top + r] + x,
               vectors * LANES * sizeof(real))
    run_network(planes, exchanges, network.count, vectors)
    for k in range(params.results):
        for t in range(network.tile):
            if params.weighing.kind:
                select(planes, outputs + t, network.tile, network.ranks,
                       bounds + k * network.ranks,
                       slot.targets[params.results * params.block + top + t] + x, nothing(params),
                       n, slot.targets[k * params.block + top + t] + x)
            else:
                memcpy(slot.targets[k * params.block + top + t] + x,
                       planes + outputs[k * network.tile + t], n * sizeof(real))


cdef inline const Network* network_of(const Params* params) noexcept nogil:
    cdef const Footprint* window = <const Footprint*> params.records
    return <const Network*> (<const Chord*> (window + 1) + window.count)


cdef inline void block_of_tiles(const Params* params, const Slot* slot,
                                Py_ssize_t n) noexcept nogil:
    cdef const Network* network = network_of(params)
    cdef Py_ssize_t top = 0, x, most = network.columns - params.span_x + 1
    cdef Py_ssize_t pieces = (n + most - 1) // most, width = (n + pieces - 1) // pieces
    while top < params.block:
        x = 0
        while x < n:
            tile(params, network, slot, top, x, min(width, n - x))
            x += width
        top += network.tile


# ---------------------------------------------------------------------------------------------
# The medians of 3x3 and 5x5, in registers

cdef inline vec middle(vec a, vec b, vec c) noexcept nogil:
    return larger_of(smaller_of(a, b), smaller_of(larger_of(a, b), c))


cdef struct Triple:
    # Three sorted numbers.
    vec low, middle, high


cdef struct Pair:
    # What two triples above each other give to all windows that hold both.
    vec low, high                   # the larger of the lows, the smaller of the highs
    vec smaller, larger             # of the middles


cdef inline Triple neighbours_of(const real* at, Py_ssize_t step) noexcept nogil:
    """Sort three neighbours along a row."""
    cdef vec a = load(at), b = load(at + step), c = load(at + 2 * step)
    cdef vec low = smaller_of(a, b), high = larger_of(a, b)
    return Triple(smaller_of(low, c), larger_of(low, smaller_of(high, c)), larger_of(high, c))


cdef inline Pair pair_of(Triple a, Triple b) noexcept nogil:
    return Pair(larger_of(a.low, b.low), smaller_of(a.high, b.high),
                smaller_of(a.middle, b.middle), larger_of(a.middle, b.middle))


cdef inline vec median_of_triples(Triple a, Pair pair) noexcept nogil:
    """The median of nine numbers, from three sorted rows (J. L. Smith, Xcell 23, 1996).

    It is the median of three: the maximum of the minima, the median of the medians and the minimum
    of the maxima.
    """
    return middle(larger_of(a.low, pair.low),
                  larger_of(pair.smaller, smaller_of(pair.larger, a.middle)),
                  smaller_of(a.high, pair.high))


cdef inline void medians_of_9(real** rows, Py_ssize_t step, Py_ssize_t n,
                              real** targets) noexcept nogil:
    """Compute four rows of medians, which share the sorted neighbours of the rows between them.

    The pointers are copied, as in `pair_extremes`.
    """
    cdef const real* at[6]
    cdef real* to[4]
    cdef Triple upper, lower
    cdef Pair pair
    cdef Py_ssize_t x = 0, r
    for r in range(6):
        at[r] = rows[r]
    for r in range(4):
        to[r] = targets[r]
    while x < n:
        upper = neighbours_of(at[2] + x, step)
        pair = pair_of(neighbours_of(at[1] + x, step), upper)
        store(to[0] + x, median_of_triples(neighbours_of(at[0] + x, step), pair))
        lower = neighbours_of(at[3] + x, step)
        store(to[1] + x, median_of_triples(lower, pair))
        pair = pair_of(lower, neighbours_of(at[4] + x, step))
        store(to[2] + x, median_of_triples(upper, pair))
        store(to[3] + x, median_of_triples(neighbours_of(at[5] + x, step), pair))
        x += LANES


cdef inline bint block_of_9(const Params* params, const Slot* slot, Py_ssize_t n,
                            bint watch) noexcept nogil:
    """Return whether a NaN was found; rows are tested while they are in L1."""
    cdef Py_ssize_t step = (<const Footprint*> params.records).step, r
    cdef bint found = False
    for r in range(0, params.block, 4):
        medians_of_9(slot.rows + r, step, n, slot.targets + r)
        if watch:
            found |= any_nan(slot.rows + r, 6 if r + 4 == params.block else 4, 0,
                             n + params.span_x - 1)
    return found


# The median of 5x5: pyx/medians.py writes its network as code.

cdef extern from *:
    """
    /* A line has room for LINE_BYTES of results, the columns that windows add, and a vector. The
       distance of lines is a constant, so that one register addresses all 44 of them. They take
       25 KB, which leaves room in an L1 cache that two hardware threads share (a third less time
       than with 42 KB). For pixels of one byte, longer lines are faster. */
    #define LINE_BYTES (sizeof(real) == 1 ? 768 : 384)
    #define LINE_COLUMNS ((Py_ssize_t) (LINE_BYTES / sizeof(real)))
    #define LINE ((Py_ssize_t) ((LINE_BYTES + 192) / sizeof(real)))
    """
    const Py_ssize_t LINE_COLUMNS, LINE

include "medians.pxi"


cdef inline void block_of_25(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t step = (<const Footprint*> params.records).step, r, begin, end
    for r in range(0, params.block, 2):
        begin = 0
        while begin < n:
            end = min(n, begin + LINE_COLUMNS)
            median_of_25(slot.rows + r, step, slot.work, slot.targets + r, begin, end)
            begin = end


cdef inline bint rank_by_network(const Params* params, const Slot* slot, Py_ssize_t n,
                                 bint watch) noexcept nogil:
    """Return whether a NaN was found, if the loop is to watch for them.

    The code for 5x5 reads a vector beyond n: rows are long enough if steps are small.
    """
    cdef const Network* network = network_of(params)
    if network.coded == 9:
        return block_of_9(params, slot, n, watch)
    if network.coded == 25 and params.span_x - 1 <= LANES:
        block_of_25(params, slot, n)
    else:
        block_of_tiles(params, slot, n)
    return watch and any_nan(slot.rows, params.span_y + params.block - 1, 0, n + params.span_x - 1)


cdef inline Py_ssize_t network_work(const Params* params) noexcept nogil:
    """Numbers of scratch for the planes or for the lines."""
    cdef const Network* network = network_of(params)
    return max(network.size, (MEDIAN_OF_25_LINES + 1) * LINE if network.coded else 0)

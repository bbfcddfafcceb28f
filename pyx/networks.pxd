# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Medians and other ranks of small windows, by the sorting networks of core/network.py.

    for (first, second, ahead) in exchanges:
        lesser[x], greater[x] = sorted(first[x], second[x + ahead])

A network is data: one loop runs them all. Its numbers are rows of some vectors, which lie in planes
of scratch; an exchange loads two and stores two of them, which takes a core no longer than the
minimum and the maximum do, so that networks compiled to registers would hardly be faster. Eight
vectors of AVX-512 hide what it takes to read the exchange, and as many planes as a 9x9 median has
fit L1.
"""
from libc.stdint cimport int32_t
from libc.string cimport memcpy

from bands cimport Slot
from keys cimport CAN_SHIFT, greater, lesser, prefetch, shifted
from rows cimport Job
from types cimport LANES, load, real, store, vec
from windows cimport Chord, Window

cdef struct Network:
    # job.shape, behind the window. Offsets are numbers from the first plane.
    Py_ssize_t coded                # 9 or 25 for the medians that are there as code
    Py_ssize_t tile                 # rows of results
    Py_ssize_t inputs               # rows of the image, which come in the first planes
    Py_ssize_t pitch                # from one plane to the next
    Py_ssize_t columns              # of a plane; the last span_x - 1 of them serve the others
    Py_ssize_t size                 # numbers of all planes
    Py_ssize_t count                # exchanges
    # Then the offsets of the outputs, `tile` for each rank, and the exchanges.


cdef struct Exchange:
    int32_t first, second           # offsets; `second` has `ahead` in it
    int32_t lesser, greater         # offsets, or -1 where nobody wants it


cdef inline void exchange(real* planes, const Exchange* each, Py_ssize_t vectors) noexcept nogil:
    """A result may take the place of what it is made of."""
    cdef const real* first = planes + each.first
    cdef const real* second = planes + each.second
    cdef real* low = planes + each.lesser
    cdef real* high = planes + each.greater
    cdef Py_ssize_t v
    cdef vec a, b
    if each.greater < 0:
        for v in range(vectors):
            store(low + v * LANES, lesser(load(first + v * LANES), load(second + v * LANES)))
    elif each.lesser < 0:
        for v in range(vectors):
            store(high + v * LANES, greater(load(first + v * LANES), load(second + v * LANES)))
    else:
        for v in range(vectors):
            a = load(first + v * LANES)
            b = load(second + v * LANES)
            store(low + v * LANES, lesser(a, b))
            store(high + v * LANES, greater(a, b))


cdef inline void run_network(real* planes, const Exchange* exchanges, Py_ssize_t count,
                             Py_ssize_t vectors) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(count):
        exchange(planes, exchanges + i, vectors)


cdef inline void tile(const Job* job, const Network* network, const Slot* slot, Py_ssize_t top,
                      Py_ssize_t x, Py_ssize_t n) noexcept nogil:
    """n columns from x on of a tile of results, whose first row is `top` of the block."""
    cdef Py_ssize_t vectors = (n + job.span_x - 1 + LANES - 1) // LANES, r, k, t
    cdef const Py_ssize_t* outputs = <const Py_ssize_t*> (network + 1)
    cdef const Exchange* exchanges = <const Exchange*> (outputs + job.results * network.tile)
    cdef real* planes = slot.work
    for r in range(network.inputs):
        memcpy(planes + r * network.pitch, slot.rows[top + r] + x,
               vectors * LANES * sizeof(real))
    run_network(planes, exchanges, network.count, vectors)
    for k in range(job.results):
        for t in range(network.tile):
            memcpy(slot.targets[k * job.block + top + t] + x,
                   planes + outputs[k * network.tile + t], n * sizeof(real))


cdef inline const Network* network_of(const Job* job) noexcept nogil:
    cdef const Window* window = <const Window*> job.shape
    return <const Network*> (<const Chord*> (window + 1) + window.count)


cdef inline void block_of_tiles(const Job* job, const Slot* slot, Py_ssize_t n) noexcept nogil:
    cdef const Network* network = network_of(job)
    cdef Py_ssize_t top = 0, x, most = network.columns - job.span_x + 1
    cdef Py_ssize_t pieces = (n + most - 1) // most, width = (n + pieces - 1) // pieces
    while top < job.block:
        x = 0
        while x < n:
            tile(job, network, slot, top, x, min(width, n - x))
            x += width
        top += network.tile


# ---------------------------------------------------------------------------------------------
# The medians of 3x3 and 5x5, in registers

cdef inline vec middle(vec a, vec b, vec c) noexcept nogil:
    return greater(lesser(a, b), lesser(greater(a, b), c))


cdef inline void sort_columns(real** rows, Py_ssize_t x, vec[2][3] columns) noexcept nogil:
    """Each column of rows 0 to 2, and of rows 1 to 3: least, middle, greatest."""
    cdef vec a, b = load(rows[1] + x), c = load(rows[2] + x)
    cdef vec low = lesser(b, c), high = greater(b, c)
    cdef int r
    for r in range(2):
        a = load(rows[3 * r] + x)
        columns[r][0] = lesser(a, low)
        columns[r][1] = lesser(greater(a, low), high)
        columns[r][2] = greater(a, high)


cdef inline vec median_of_columns(vec[3] first, vec[3] second, vec[3] third) noexcept nogil:
    """The median of nine is that of three: the greatest of the least, the median of the medians,
    the least of the greatest (J. L. Smith, Xcell 23, 1996)."""
    return middle(greater(greater(first[0], second[0]), third[0]),
                  middle(first[1], second[1], third[1]),
                  lesser(lesser(first[2], second[2]), third[2]))


cdef inline void medians_of_9(real** rows, const real* next, const real* second, Py_ssize_t step,
                              Py_ssize_t n, real** targets) noexcept nogil:
    """Two rows of them. Neighbours at a step of 1 are made of vectors that are there already.

    The rows that the next two will want are called into the cache meanwhile.
    """
    cdef vec[3][2][3] columns
    cdef vec[2][3] ahead
    cdef Py_ssize_t x = 0
    cdef int r, k
    if step == 1 and CAN_SHIFT:
        sort_columns(rows, 0, ahead)
    while x < n:
        prefetch(next + x)
        prefetch(second + x)
        if step == 1 and CAN_SHIFT:
            for r in range(2):
                for k in range(3):
                    columns[0][r][k] = ahead[r][k]
            sort_columns(rows, x + LANES, ahead)
            for r in range(2):
                for k in range(3):
                    columns[1][r][k] = shifted(columns[0][r][k], ahead[r][k], 1)
                    columns[2][r][k] = shifted(columns[0][r][k], ahead[r][k], 2)
        else:
            for k in range(3):
                sort_columns(rows, x + k * step, columns[k])
        for r in range(2):
            store(targets[r] + x, median_of_columns(columns[0][r], columns[1][r], columns[2][r]))
        x += LANES


cdef inline void block_of_9(const Job* job, const Slot* slot, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t step = (<const Window*> job.shape).step, last = job.block + 1, r
    cdef const real* next
    cdef const real* second
    for r in range(0, job.block, 2):
        next = slot.rows[min(r + 4, last)]
        second = slot.rows[min(r + 5, last)]
        if step == 1:
            medians_of_9(slot.rows + r, next, second, 1, n, slot.targets + r)
        else:
            medians_of_9(slot.rows + r, next, second, step, n, slot.targets + r)


# The median of 5x5: its network as code, by pyx/medians.py.

cdef extern from *:
    """
    /* A line holds so many bytes of results, what windows add to them, and a vector; the distance
       of lines is a constant, so that one register addresses all 44 of them. They take 25 KB, which
       leaves room in an L1 cache that two processes share (a third less time than with 42 KB);
       bytes, of which a line holds more, rather have it long. */
    #define LINE_BYTES (sizeof(real) == 1 ? 768 : 384)
    #define LINE_COLUMNS ((Py_ssize_t) (LINE_BYTES / sizeof(real)))
    #define LINE ((Py_ssize_t) ((LINE_BYTES + 192) / sizeof(real)))
    """
    const Py_ssize_t LINE_COLUMNS, LINE

include "medians.pxi"


cdef inline void block_of_25(const Job* job, const Slot* slot, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t step = (<const Window*> job.shape).step, r, begin, end
    for r in range(0, job.block, 2):
        begin = 0
        while begin < n:
            end = min(n, begin + LINE_COLUMNS)
            median_of_25(slot.rows + r, step, slot.work, slot.targets + r, begin, end)
            begin = end


cdef inline void rank_by_network(const Job* job, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """Lines are written in whole vectors and read ahead: rows hold enough for narrow windows."""
    cdef const Network* network = network_of(job)
    if network.coded == 9:
        block_of_9(job, slot, n)
    elif network.coded == 25 and job.span_x - 1 <= LANES:
        block_of_25(job, slot, n)
    else:
        block_of_tiles(job, slot, n)


cdef inline Py_ssize_t network_work(const Job* job) noexcept nogil:
    """Numbers of scratch: planes, or lines."""
    cdef const Network* network = network_of(job)
    return max(network.size, (MEDIAN_OF_25_LINES + 1) * LINE if network.coded else 0)

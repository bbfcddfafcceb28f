# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Sums of shifted rows in double, in the order in which SciPy adds them.

    single     s = w[0] a[0],  then  s = s + w[t] a[t]              for t = 1, 2, ...
    paired     s = w[0] a[0],  then  s = s + w[t] (a[t] +- b[t])

a[t] and b[t] are neighbours of the pixel. `scipy.ndimage` adds pairs for symmetric and
antisymmetric 1-D kernels, and single taps for all others. A filter along two axes is two such
passes, and the result of each is converted to the dtype of the result. No multiplication is fused
with an addition (a flag of the build). So results equal those of SciPy to the bit.

A filter is one or more terms of one or two passes each. The terms are added up, or their squares;
each step is converted to the dtype of the result.
"""
from libc.stdint cimport int32_t

from bands cimport Block, Slot, up_to_lanes
from convert cimport as_long, convert, write
from rows cimport INT32, Params, Samples, is_plain
from types cimport LANES, load, real, store, vec

cdef extern from *:
    """
    #include <math.h>
    /* Accumulators of a tile: enough to hide the latency of the additions. */
    #define BROAD (2 * WIDE)
    """
    enum: BROAD
    double sqrt(double x) nogil

cdef enum Combine:
    # In the order of COMBINE in operations/inorder.py.
    SUM, ROOT


cdef struct Place:
    # The two pixels of a pair, from the first row and column of the window; a single has no second.
    Py_ssize_t row, column, other_row, other_column


cdef struct Pass:
    # A pass reads from this row and column of the window, or of the result of the pass before it.
    Py_ssize_t first_row, first_column
    Py_ssize_t rows, columns        # results beyond the block, which the next pass needs
    Py_ssize_t sign                 # of the second of a pair, 0 for singles
    Py_ssize_t taps, places, weights
    Py_ssize_t last                 # whether it is the last pass of its term


cdef struct Header:
    # The head of params.records; the passes follow it, then the places of all taps.
    Py_ssize_t combine, passes, terms, most_taps


# ---------------------------------------------------------------------------------------------
# The equation

cdef inline void tile(const real** a, const real** b, const real* weights, Py_ssize_t taps,
                      int sign, Py_ssize_t x, real* target, int wide) noexcept nogil:
    """Compute `wide` vectors of one row."""
    cdef vec[BROAD] acc
    cdef vec v
    cdef real w = weights[0]
    cdef Py_ssize_t t
    cdef int k
    for k in range(wide):
        acc[k] = load(a[0] + x + k * LANES) * w
    for t in range(1, taps):
        w = weights[t]
        for k in range(wide):
            v = load(a[t] + x + k * LANES)
            if sign > 0:
                v = v + load(b[t] + x + k * LANES)
            elif sign < 0:
                v = v - load(b[t] + x + k * LANES)
            acc[k] = acc[k] + v * w
    for k in range(wide):
        store(target + x + k * LANES, acc[k])


cdef inline void row_of_tiles(const real** a, const real** b, const real* weights,
                              Py_ssize_t taps, int sign, Py_ssize_t n,
                              real* target) noexcept nogil:
    cdef Py_ssize_t x = 0
    while x + BROAD * LANES <= n:
        tile(a, b, weights, taps, sign, x, target, BROAD)
        x += BROAD * LANES
    while x < n:
        tile(a, b, weights, taps, sign, x, target, 1)
        x += LANES


cdef inline void wrap(real* row, Py_ssize_t n, int code) noexcept nogil:
    """`convert` for sums of two numbers of the dtype: sums of int32 wrap around instead."""
    cdef Py_ssize_t x
    if code != INT32:
        convert(row, n, code)
        return
    for x in range(n):
        row[x] = <real> <int32_t> as_long(row[x])


cdef inline void add_term(real* sums, real* term, Py_ssize_t n, int code) noexcept nogil:
    cdef Py_ssize_t x
    for x in range(n):
        sums[x] = sums[x] + term[x]
    wrap(sums, n, code)


cdef inline void square(real* row, Py_ssize_t n, int code) noexcept nogil:
    cdef Py_ssize_t x
    for x in range(n):
        row[x] = row[x] * row[x]
    convert(row, n, code)


cdef inline void take_root(real* row, Py_ssize_t n, int code) noexcept nogil:
    cdef Py_ssize_t x
    for x in range(n):
        row[x] = <real> sqrt(row[x])
    convert(row, n, code)


# ---------------------------------------------------------------------------------------------
# The schedule: for each term, the passes of a block of rows, with scratch between two passes

cdef inline void run_pass(const Pass* what, const Place* places, const real* weights,
                          real** sources, Py_ssize_t rows, Py_ssize_t n, const real** pointers,
                          Py_ssize_t most_taps, real** targets, int code, bint bare) noexcept nogil:
    """Compute `rows` rows of n columns; `pointers` has room for two pointers for each tap.

    If `bare`, results stay double.
    """
    cdef const real** a = pointers
    cdef const real** b = pointers + most_taps
    cdef const Place* place
    cdef Py_ssize_t r, t
    for r in range(rows):
        for t in range(what.taps):
            place = places + what.places + t
            a[t] = sources[r + place.row] + what.first_column + place.column
            b[t] = sources[r + place.other_row] + what.first_column + place.other_column
        if what.sign > 0:
            row_of_tiles(a, b, weights + what.weights, what.taps, 1, n, targets[r])
        elif what.sign < 0:
            row_of_tiles(a, b, weights + what.weights, what.taps, -1, n, targets[r])
        else:
            row_of_tiles(a, b, weights + what.weights, what.taps, 0, n, targets[r])
        if not bare:
            convert(targets[r], n, code)


cdef inline void write_rows(const Params* params, const Slot* slot, Py_ssize_t rows,
                            Py_ssize_t n) noexcept nogil:
    """Convert rows to the result, and point slot.targets there, so that they are not stored again.

    The columns that fill the last vector belong to the next chunk, which overwrites them.
    """
    cdef const Samples* result = &params.result[0]
    cdef Py_ssize_t r
    cdef char* start
    for r in range(rows):
        start = (slot.planes[0] + (slot.y + r) * result.row_stride
                 + slot.x * result.column_stride)
        if <char*> slot.targets[r] != start:
            write(slot.targets[r], min(n, params.result_width - slot.x), result.code, start)
            slot.targets[r] = <real*> start


cdef void block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    cdef const Header* what = <const Header*> params.records
    cdef const Pass* passes = <const Pass*> (what + 1)
    cdef const Place* places = <const Place*> (passes + what.passes)
    cdef const real* weights = <const real*> params.weights
    cdef int code = params.result[0].code
    cdef Py_ssize_t valid = min(params.block, params.result_height - slot.y)
    cdef Py_ssize_t rows = params.block + params.span_y - 1, p, r, term = 0
    cdef bint plain = is_plain(&params.result[0], slot.planes[0])
    cdef bint bare = plain and what.terms == 1 and what.combine == SUM
    # Scratch: rows of a first pass, rows of a second term, pointers to them and to the taps.
    cdef real** between = <real**> (slot.work + (rows + params.block) * params.pitch)
    cdef real** second = between + rows
    cdef const real** pointers = <const real**> (second + params.block)
    cdef real** sources = slot.rows
    cdef real** targets
    for r in range(rows):
        between[r] = slot.work + r * params.pitch
    for r in range(params.block):
        second[r] = slot.work + (rows + r) * params.pitch
    for p in range(what.passes):
        targets = (between if not passes[p].last else slot.targets if term == 0 else second)
        run_pass(passes + p, places, weights, sources + passes[p].first_row,
                 valid + passes[p].rows, up_to_lanes(n + passes[p].columns), pointers,
                 what.most_taps, targets, code, bare and passes[p].last)
        sources = between
        if not passes[p].last:
            continue
        sources = slot.rows
        for r in range(valid):
            if what.combine == ROOT:
                square(targets[r], n, code)
            if term > 0:
                add_term(slot.targets[r], second[r], n, code)
        term += 1
    if what.combine == ROOT:
        for r in range(valid):
            take_root(slot.targets[r], n, code)
    if plain:
        write_rows(params, slot, valid, n)


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Block block_for(const Params* params) noexcept nogil:
    return block


include "bands.pxi"

# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Means weighted by a table of places and a table of distances, as scikit-image's bilateral filter.

    result[y, x] = sum over i, j:  w[i, j] * image[y + i, x + j]  / sum over i, j:  w[i, j]
    w[i, j] = places[i, j] * likeness[min(|image[y + i, x + j] - centre| * scale, bins - 1)]

Both sums are added in the order of i and j without fused multiply-adds, and the distance is the
root of a square. So results equal those of scikit-image to the bit. The results of a tile are
computed side by side, so that the compiler makes gathers of the look-ups.
"""
from bands cimport Block, Slot
from rows cimport Params
from types cimport LANES, real


cdef extern from *:
    """
    #include <math.h>
    #define root(x) _Generic((x), float: sqrtf(x), default: sqrt(x))
    """
    real root(real square) nogil


cdef enum:
    TILE = 4 * LANES            # results, whose two sums stay in registers or at least in L1


cdef struct Tables:
    # params.records
    Py_ssize_t height, width, bins


cdef inline void add(const real* row, const real* centre, real place, const real* likeness,
                     real last, real scale, real* total, real* weights, int wide) noexcept nogil:
    """Add a place of the window to the sums of a tile; a NaN gets the weight of the last bin."""
    cdef real distance, at, weight
    cdef Py_ssize_t x
    for x in range(wide):
        distance = centre[x] - row[x]
        distance = root(distance * distance)
        at = distance * scale
        at = at if at < last else last
        weight = place * likeness[<int> at]
        total[x] = total[x] + row[x] * weight
        weights[x] = weights[x] + weight


cdef inline void tile(const Tables* tables, const real* scale, real** rows, Py_ssize_t x,
                      real* target, int wide) noexcept nogil:
    cdef const real* places = scale + 1
    cdef const real* likeness = places + tables.height * tables.width
    cdef const real* centre = rows[tables.height // 2] + x + tables.width // 2
    cdef real last = <real> (tables.bins - 1)
    cdef real[TILE] total
    cdef real[TILE] weights
    cdef Py_ssize_t k, i, j
    for k in range(wide):
        total[k] = weights[k] = 0
    for i in range(tables.height):
        for j in range(tables.width):
            add(rows[i] + x + j, centre, places[i * tables.width + j], likeness, last, scale[0],
                total, weights, wide)
    for k in range(wide):
        target[x + k] = total[k] / weights[k]


cdef void block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    cdef const Tables* tables = <const Tables*> params.records
    cdef const real* scale = <const real*> params.weights
    cdef Py_ssize_t x = 0
    while x + TILE <= n:
        tile(tables, scale, slot.rows, x, slot.targets[0], TILE)
        x += TILE
    while x < n:
        tile(tables, scale, slot.rows, x, slot.targets[0], LANES)
        x += LANES


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Block block_for(const Params* params) noexcept nogil:
    return block


include "bands.pxi"

# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The minimum, the maximum, the median or any other ranks of every window.

    result[k, y, x] = sorted(image[y + i, x + j * step] for (i, j) in window)[rank[k]]

extremes.pxd computes extremes, compounds.pxd combinations of two extremes, networks.pxd the ranks
of small windows and histograms.pxd those of large windows.
"""
from bands cimport Block, Slot, band_bytes, run_bands
from compounds cimport compound
from counting cimport count_windows, mark_empty
from histograms cimport histogram_work, rank_by_histogram
from keys cimport KEYS
from networks cimport network_work, rank_by_network
from rows cimport Params, Task, is_float
from spread cimport holds_nan, is_compound, spread_nan, spread_work
from extremes cimport HISTOGRAM, MAXIMUM, MINIMUM, NETWORK, Footprint, window_extremes


# A block replaces the results whose window holds a NaN last, when its scratch is not in use any
# more.

cdef void minimum_block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    if window_extremes(params, slot, n, slot.work, slot.targets, False,
                       is_float(params.image.code)):
        spread_nan(params, slot, n, slot.work)
    if params.weighing.kind:
        mark_empty(params, slot, n)


cdef void maximum_block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """Among keys NaN is the largest, so that the maximum is right already."""
    if window_extremes(params, slot, n, slot.work, slot.targets, True,
                       not KEYS and is_float(params.image.code)):
        spread_nan(params, slot, n, slot.work)
    if params.weighing.kind:
        mark_empty(params, slot, n)


cdef void network_block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    if params.weighing.kind:
        count_windows(params, slot, n, slot.targets + params.results * params.block)
    if rank_by_network(params, slot, n, is_float(params.image.code)):
        spread_nan(params, slot, n, slot.work)


cdef void histogram_block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    rank_by_histogram(params, slot, n)
    if is_float(params.image.code) and holds_nan(params, slot, n):
        spread_nan(params, slot, n, slot.work)


cdef void compound_block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    compound(params, slot, n, slot.work)
    if is_float(params.image.code) and holds_nan(params, slot, n):
        spread_nan(params, slot, n, slot.work)


cdef inline Block block_for(const Params* params) noexcept nogil:
    cdef Py_ssize_t kind = (<const Footprint*> params.records).kind
    if kind == MINIMUM:
        return minimum_block
    if kind == MAXIMUM:
        return maximum_block
    if is_compound(params):
        return compound_block
    return histogram_block if kind == HISTOGRAM else network_block


cdef inline Params with_work(const Params* params) noexcept nogil:
    """A copy of `params` with the scratch that this kind needs."""
    cdef Params found = params[0]
    cdef Py_ssize_t kind = (<const Footprint*> params.records).kind
    found.work = spread_work(params)
    if kind == NETWORK:
        found.work = max(found.work, network_work(params), params.pitch)
    elif kind == HISTOGRAM:
        found.work = max(found.work, histogram_work(params))
    return found


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Py_ssize_t slot_bytes(const Params* params) noexcept nogil:
    cdef Params todo = with_work(params)
    return band_bytes(&todo)


cdef inline void run_loop(const Params* params, const Task* task) noexcept nogil:
    cdef Params todo = with_work(params)
    run_bands(&todo, block_for(&todo), task)


include "entry.pxi"

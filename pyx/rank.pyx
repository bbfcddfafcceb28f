# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The least pixel of every window, the greatest, the median, or those of any ranks.

    result[k, y, x] = sorted(image[y + i, x + j * step] for (i, j) in window)[rank[k]]

windows.pxd finds extremes, compounds.pxd extremes of extremes, networks.pxd ranks of small windows,
histograms.pxd those of large ones.
"""
from bands cimport Block, Slot, band_bytes, run_bands
from compounds cimport compound
from histograms cimport histogram_work, rank_by_histogram
from keys cimport KEYS
from networks cimport network_work, rank_by_network
from rows cimport Job, Task
from spread cimport is_compound, spread_nan, spread_work
from windows cimport GREATEST, HISTOGRAM, LEAST, NETWORK, Window, window_extremes


cdef void spread(const Job* job, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """Make NaN of results whose window holds one; the scratch is free again by then."""
    spread_nan(job, slot, n, slot.work)


cdef void least(const Job* job, const Slot* slot, Py_ssize_t n) noexcept nogil:
    window_extremes(job, slot, n, slot.work, slot.targets, False)
    spread(job, slot, n)


cdef void greatest(const Job* job, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """NaN has the highest key, so that loops on keys need no more."""
    window_extremes(job, slot, n, slot.work, slot.targets, True)
    if not KEYS:
        spread(job, slot, n)


cdef void by_network(const Job* job, const Slot* slot, Py_ssize_t n) noexcept nogil:
    rank_by_network(job, slot, n)
    spread(job, slot, n)


cdef void by_histogram(const Job* job, const Slot* slot, Py_ssize_t n) noexcept nogil:
    rank_by_histogram(job, slot, n)
    spread(job, slot, n)


cdef void by_compound(const Job* job, const Slot* slot, Py_ssize_t n) noexcept nogil:
    compound(job, slot, n, slot.work)
    spread(job, slot, n)


cdef inline Block block_for(const Job* job) noexcept nogil:
    cdef Py_ssize_t way = (<const Window*> job.shape).way
    if way == LEAST:
        return least
    if way == GREATEST:
        return greatest
    if is_compound(job):
        return by_compound
    return by_histogram if way == HISTOGRAM else by_network


cdef inline Job with_work(const Job* job) noexcept nogil:
    """The job with the scratch that its way needs."""
    cdef Job found = job[0]
    cdef Py_ssize_t way = (<const Window*> job.shape).way
    found.work = spread_work(job)
    if way == NETWORK:
        found.work = max(found.work, network_work(job))
    elif way == HISTOGRAM:
        found.work = max(found.work, histogram_work(job))
    return found


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Py_ssize_t slot_bytes(const Job* job) noexcept nogil:
    cdef Job todo = with_work(job)
    return band_bytes(&todo)


cdef inline void run_job(const Job* job, const Task* task) noexcept nogil:
    cdef Job todo = with_work(job)
    run_bands(&todo, block_for(&todo), task)


include "entry.pxi"

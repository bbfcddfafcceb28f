# cython: cdivision=True, freethreading_compatible=True
"""The peak of the machine: multiply-adds on registers only, for the benchmark."""
from cython.parallel cimport prange

from types cimport LANES, WIDE, ZERO, real, store, vec

cdef enum:
    # Chains of dependent operations: two units with a latency of four need eight of them. 3 * WIDE
    # vectors (12 or 6) and what GCC needs besides fit in the registers of every level.
    CHAINS = 3


cdef real chains(Py_ssize_t steps, real factor) noexcept nogil:
    """acc = acc * factor + factor, `steps` times in each lane of each chain."""
    cdef vec[CHAINS][WIDE] acc
    cdef real[16] lanes
    cdef Py_ssize_t _
    cdef int c, k
    for c in range(CHAINS):
        for k in range(WIDE):
            # All differ, and none is the fixed point 1: else the compiler would compute less.
            acc[c][k] = ZERO + <real> (2 + c * WIDE + k)
    for _ in range(steps):
        for c in range(CHAINS):
            for k in range(WIDE):
                acc[c][k] = acc[c][k] * factor + factor
    for c in range(CHAINS):
        for k in range(WIDE):
            if c + k > 0:
                acc[0][0] = acc[0][0] + acc[c][k]
    store(lanes, acc[0][0])
    return lanes[0]


def run(Py_ssize_t steps, int threads):
    """Multiply-add on all threads; return the number of floating-point operations."""
    cdef real total = 0
    cdef int _
    for _ in prange(threads, num_threads=threads, nogil=True):
        total += chains(steps, <real> 0.5)
    return 2 * CHAINS * WIDE * LANES * steps * threads

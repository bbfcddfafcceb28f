# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Reading ahead: cache lines that are asked for before they are needed."""

cdef extern from *:
    """
    /* Ask for the cache line of an address; any address may be given. */
    #if defined(__GNUC__) || defined(__clang__)
      #define prefetch(at) __builtin_prefetch(at)
    #else
      #define prefetch(at)
    #endif
    """
    void prefetch(const void* at) nogil

# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Vectors that stay in registers."""
from types cimport vec

cdef extern from *:
    """
    /* GCC would load a vector again for each accumulator, since an operand may be in memory. But
       loads are what limits these loops. */
    #if !FUSED || !defined(VECTOR_BYTES)
      #define hold(v)
    #elif defined(NEON)
      #define hold(v) __asm__("" : "+w" (v))
    #else
      #define hold(v) __asm__("" : "+v" (v))
    #endif
    """
    void hold(vec v) nogil

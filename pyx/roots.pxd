# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Roots of sums of squares, and angles, in the computing type."""
from types cimport real

cdef extern from *:
    """
    #include <math.h>
    /* In the computing type, so that the compiler can use whole vectors. */
    #define root(x) (sizeof(real) == 4 ? (real) sqrtf((float) (x)) : (real) sqrt((double) (x)))
    #define arc(y, x) (sizeof(real) == 4 ? (real) atan2f((float) (y), (float) (x)) \\
                                         : (real) atan2((double) (y), (double) (x)))
    #define size_of(x) ((x) < 0 ? -(x) : (x))

    /* Below SMALL and above LARGE a square may vanish or overflow; times UP or DOWN it does not. */
    #define SMALL ((real) (sizeof(real) == 4 ? 0x1p-50 : 0x1p-450))
    #define LARGE ((real) (sizeof(real) == 4 ? 0x1p60 : 0x1p500))
    #define UP ((real) (sizeof(real) == 4 ? 0x1p100 : 0x1p600))
    #define DOWN ((real) (sizeof(real) == 4 ? 0x1p-100 : 0x1p-600))
    """
    const real SMALL, LARGE, UP, DOWN
    real size_of(real x) nogil
    real root(real x) nogil
    real arc(real y, real x) nogil


cdef inline real length(real y, real x, real scale) noexcept nogil:
    """scale * sqrt(y**2 + x**2), without the overflow or the underflow of a square.

    Numbers that are very large or very small are multiplied by a power of two, and the root is
    divided by it. That is exact: ordinary numbers have the bits of the plain formula.
    """
    cdef real ay = size_of(y), ax = size_of(x)
    cdef real largest = ay if ay > ax else ax
    cdef real factor = DOWN if largest > LARGE else UP if largest < SMALL else 1
    cdef real back = UP if largest > LARGE else DOWN if largest < SMALL else 1
    y = y * factor
    x = x * factor
    return scale * root(y * y + x * x) * back

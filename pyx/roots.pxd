# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Roots of sums of squares, and angles, in the computing type."""
from types cimport real

cdef extern from *:
    """
    #include <math.h>
    /* In the computing type, so that the compiler can use whole vectors. */
    #define root(x) (sizeof(real) == 4 ? (real) sqrtf((float) (x)) : (real) sqrt((double) (x)))
    #define size_of(x) ((x) < 0 ? -(x) : (x))

    /* atan(t) of t in [0, 1], as t + t**3 * p(t**2): polynomials through Chebyshev's nodes, off by
       2e-8 and 3e-17. */
    static inline float arctangentf(float t) {
        float s = t * t;
        return t + t * s * (-0.333333313f + s * (0.199997395f + s * (-0.142785683f
            + s * (0.110337645f + s * (-0.0865688026f + s * (0.0625016913f + s * (-0.0358715393f
            + s * (0.0135077713f + s * -0.00238699722f))))))));
    }
    static inline double arctangent(double t) {
        double s = t * t;
        return t + t * s * (-0.3333333333333333 + s * (0.1999999999999753
            + s * (-0.14285714285384132 + s * (0.11111111093490827 + s * (-0.09090908590891934
            + s * (0.07692298971033217 + s * (-0.06666564699289104 + s * (0.05881506877793656
            + s * (-0.052579733342841106 + s * (0.04737749579527779 + s * (-0.04260356632601652
            + s * (0.03749486812535247 + s * (-0.031277189066996385 + s * (0.023696731580048622
            + s * (-0.015535152475414177 + s * (0.008368931178450162 + s * (-0.0034958859739163094
            + s * (0.0010496035084968515 + s * (-0.00019996189377901382
            + s * 1.806195461861215e-05)))))))))))))))))));
    }
    /* atan2(y, x) without a branch, so that the compiler can use whole vectors; at most 3 units in
       the last place off. */
    static inline real arc(real y, real x) {
        real ay = size_of(y), ax = size_of(x), pi = (real) 3.141592653589793;
        real large = ay > ax ? ay : ax, small = ay > ax ? ax : ay, t = small / large, angle;
        t = small == large ? 1 : t;         /* infinities */
        t = large == 0 ? small : t;         /* 0, or NaN */
        angle = sizeof(real) == 4 ? (real) arctangentf((float) t) : (real) arctangent((double) t);
        angle = ay > ax ? pi / 2 - angle : angle;
        angle = (sizeof(real) == 4 ? copysignf(1, (float) x) : copysign(1, (double) x)) < 0
            ? pi - angle : angle;
        return sizeof(real) == 4 ? (real) copysignf((float) angle, (float) y)
                                 : (real) copysign((double) angle, (double) y);
    }

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

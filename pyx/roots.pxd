# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Roots of sums of squares, and angles, in the computing type."""
from types cimport real

cdef extern from *:
    """
    #include <math.h>
    /* In the computing type, so that the compiler can use whole vectors. */
    #define root(x) (sizeof(real) == 4 ? (real) sqrtf((float) (x)) : (real) sqrt((double) (x)))
    #define size_of(x) ((x) < 0 ? -(x) : (x))

    /* p * s + c, in one instruction where the level has it, whatever the flags of the loop. */
    #if FUSED
      #define FUSE32(p, s, c) fmaf(p, s, c)
      #define FUSE64(p, s, c) fma(p, s, c)
    #else
      #define FUSE32(p, s, c) ((p) * (s) + (c))
      #define FUSE64(p, s, c) ((p) * (s) + (c))
    #endif

    /* y**2 + x**2. Which of the squares is rounded by itself must not be left to a compiler: GCC 16
       takes one in whole vectors, and the other in the rest of a row. */
    static inline real squares(real y, real x) {
        return sizeof(real) == 4
            ? (real) FUSE32((float) y, (float) y, (float) x * (float) x)
            : (real) FUSE64((double) y, (double) y, (double) x * (double) x);
    }
    /* atan(t) of t in [0, 1], as t + t**3 * p(t**2): polynomials through Chebyshev's nodes, off by
       2e-8 and 3e-17. */
    static inline float arctangentf(float t) {
        float s = t * t, p;
        p = -0.00238699722f;
        p = FUSE32(p, s, 0.0135077713f); p = FUSE32(p, s, -0.0358715393f);
        p = FUSE32(p, s, 0.0625016913f); p = FUSE32(p, s, -0.0865688026f);
        p = FUSE32(p, s, 0.110337645f); p = FUSE32(p, s, -0.142785683f);
        p = FUSE32(p, s, 0.199997395f); p = FUSE32(p, s, -0.333333313f);
        return FUSE32(p, t * s, t);
    }
    static inline double arctangent(double t) {
        double s = t * t, p;
        p = 1.806195461861215e-05;
        p = FUSE64(p, s, -0.00019996189377901382); p = FUSE64(p, s, 0.0010496035084968515);
        p = FUSE64(p, s, -0.0034958859739163094); p = FUSE64(p, s, 0.008368931178450162);
        p = FUSE64(p, s, -0.015535152475414177); p = FUSE64(p, s, 0.023696731580048622);
        p = FUSE64(p, s, -0.031277189066996385); p = FUSE64(p, s, 0.03749486812535247);
        p = FUSE64(p, s, -0.04260356632601652); p = FUSE64(p, s, 0.04737749579527779);
        p = FUSE64(p, s, -0.052579733342841106); p = FUSE64(p, s, 0.05881506877793656);
        p = FUSE64(p, s, -0.06666564699289104); p = FUSE64(p, s, 0.07692298971033217);
        p = FUSE64(p, s, -0.09090908590891934); p = FUSE64(p, s, 0.11111111093490827);
        p = FUSE64(p, s, -0.14285714285384132); p = FUSE64(p, s, 0.1999999999999753);
        p = FUSE64(p, s, -0.3333333333333333);
        return FUSE64(p, t * s, t);
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
    real squares(real y, real x) nogil
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
    return scale * root(squares(y, x)) * back

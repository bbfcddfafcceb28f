# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Conversion of rows of doubles as C casts them, for results that equal those of SciPy.

imgconv's own functions round to nearest and saturate. `scipy.ndimage` casts: the fraction is cut
off, and a number that does not fit wraps around.
"""
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t

from rows cimport (
    BOOL, FLOAT32, FLOAT64, INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64,
)
from types cimport real


cdef extern from *:
    """
    #include <math.h>
    /* As x86 converts doubles: NaN and numbers that do not fit become the smallest integer. */
    #define WITHIN(x, bits) ((x) > -0x1p##bits - 1 && (x) < 0x1p##bits ? (x) : -0x1p##bits)
    #define as_int(x) ((int32_t) WITHIN(x, 31))
    #define as_long(x) ((int64_t) ((x) >= -0x1p63 && (x) < 0x1p63 ? (x) : -0x1p63))
    /* Division by multiplication: a product with the reciprocal, corrected by the remainder that a
       fused multiply-add gives, is the correctly rounded quotient if the reciprocal is nearly exact
       (Markstein 1990). It takes a third of the time of a division. For an infinity the remainder
       is NaN, and the product stays as it is. */
    #if FUSED
      #define is_exact(reciprocal, by) (fabs(fma(-(reciprocal), by, 1)) < 0x1p-60)
      #define remainder_of(q, x, by) fma(-(q), by, x)
      #define corrected(q, rest, reciprocal) \
          ((rest) == (rest) ? fma(rest, reciprocal, q) : (q))
    #else
      #define is_exact(reciprocal, by) 0
      #define remainder_of(q, x, by) 0
      #define corrected(q, rest, reciprocal) (q)
    #endif
    """
    bint is_exact(double reciprocal, double by) nogil
    double remainder_of(double q, double x, double by) nogil
    double corrected(double q, double rest, double reciprocal) nogil
    int32_t as_int(double x) nogil
    int64_t as_long(double x) nogil


cdef inline void convert(real* row, Py_ssize_t n, int code) noexcept nogil:
    """Make each number what is left of it in a dtype; for uint64, numbers must be below 2**63."""
    cdef Py_ssize_t x
    if code == FLOAT32:
        for x in range(n):
            row[x] = <real> <float> row[x]
    elif code == UINT8 or code == BOOL:
        for x in range(n):
            row[x] = <real> <uint8_t> as_int(row[x])
    elif code == INT8:
        for x in range(n):
            row[x] = <real> <int8_t> as_int(row[x])
    elif code == UINT16:
        for x in range(n):
            row[x] = <real> <uint16_t> as_int(row[x])
    elif code == INT16:
        for x in range(n):
            row[x] = <real> <int16_t> as_int(row[x])
    elif code == INT32:
        for x in range(n):
            row[x] = <real> as_int(row[x])
    elif code == UINT32:
        for x in range(n):
            row[x] = <real> <uint32_t> as_long(row[x])
    elif code == INT64 or code == UINT64:
        for x in range(n):
            row[x] = <real> as_long(row[x])


cdef inline void write(const real* row, Py_ssize_t n, int code, char* target) noexcept nogil:
    """Convert n numbers to neighbouring pixels."""
    cdef Py_ssize_t x
    if code == FLOAT64:
        for x in range(n):
            (<double*> target)[x] = row[x]
    elif code == FLOAT32:
        for x in range(n):
            (<float*> target)[x] = <float> row[x]
    elif code == UINT8 or code == BOOL or code == INT8:
        for x in range(n):
            (<uint8_t*> target)[x] = <uint8_t> as_int(row[x])
    elif code == UINT16 or code == INT16:
        for x in range(n):
            (<uint16_t*> target)[x] = <uint16_t> as_int(row[x])
    elif code == INT32:
        for x in range(n):
            (<int32_t*> target)[x] = as_int(row[x])
    elif code == UINT32:
        for x in range(n):
            (<uint32_t*> target)[x] = <uint32_t> as_long(row[x])
    elif code == INT64 or code == UINT64:
        for x in range(n):
            (<int64_t*> target)[x] = as_long(row[x])


cdef inline void divide(const real* row, Py_ssize_t n, real by, real* target) noexcept nogil:
    """Divide by one number, with the rounding of a division."""
    cdef real reciprocal = 1 / by, q
    cdef Py_ssize_t x
    if is_exact(reciprocal, by):
        for x in range(n):
            q = row[x] * reciprocal
            target[x] = corrected(q, remainder_of(q, row[x], by), reciprocal)
    else:
        for x in range(n):
            target[x] = row[x] / by

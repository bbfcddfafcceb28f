# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
# cython: freethreading_compatible=True
"""What works on rows of numbers, compiled once for each level and computing type.

These are the conversions of pixels to numbers and back, and the point operations. A plan puts their
`addresses` into `Params`. A loop calls them through a pointer, once for each row.
"""
from libc.math cimport rint
from libc.stdint cimport (
    int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t,
)
from libc.string cimport memcpy

from keys cimport larger_of, smaller_of
from rows cimport (
    ABOVE, ABSOLUTE, CLIP, CODES, DIVIDE, Load, Point, REAL_CODE, SCALE, Store, keep, narrow_none,
)
from types cimport LANES, ZERO, load, real, vec


cdef extern from *:
    """
    #include <limits.h>
    #include <math.h>
    /* Smallest and largest number of a short integer type; of int for the other types. */
    #define TYPE_MIN _Generic((real) 0, int16_t: INT16_MIN, uint16_t: 0, default: INT_MIN)
    #define TYPE_MAX _Generic((real) 0, int16_t: INT16_MAX, uint16_t: UINT16_MAX, default: INT_MAX)
    /* To nearest, ties to even, in the computing type, so that the compiler uses whole vectors. */
    #define nearest(x) \\
        _Generic((x), float: (int) rintf(x), double: (int) rint(x), default: (int) (x))
    #define whole(x) _Generic((x), float: rintf(x), double: rint(x), default: (x))
    #define distance(x) _Generic((x), float: fabsf(x), double: fabs(x), default: (x))

    /* Vectors of floats to integers, to nearest; others are left to the compiler. */
    #if defined(VECTOR_BYTES) && !defined(NEON)
      #define RUNS_FLOATS _Generic((real) 0, float: 1, default: 0)
      typedef int32_t ints __attribute__((vector_size(VECTOR_BYTES)));
      #if VECTOR_BYTES == 64
        #define to_ints(v) _mm512_cvtps_epi32((__m512) (v))
      #elif VECTOR_BYTES == 32
        #define to_ints(v) _mm256_cvtps_epi32((__m256) (v))
      #else
        #define to_ints(v) _mm_cvtps_epi32((__m128) (v))
      #endif
      #define or_zero(v) ((vec) ((ints) (v) & (ints) ((v) == (v))))
      static inline void store_ints(int32_t* at, vec v)
      {
        ints found = (ints) to_ints(v);
        memcpy(at, &found, sizeof found);
      }
    #else
      #define RUNS_FLOATS 0
      #define or_zero(v) (v)
      #define store_ints(at, v)
    #endif
    """
    const int TYPE_MIN, TYPE_MAX
    int nearest(real value) nogil
    real distance(real value) nogil
    real whole(real value) nogil
    const bint RUNS_FLOATS
    vec or_zero(vec v) nogil
    void store_ints(int32_t* at, vec v) nogil


cdef enum:
    RUN = 64            # floats that become integers at once


ctypedef fused pixel:
    uint8_t
    int8_t
    uint16_t
    int16_t
    uint32_t
    int32_t
    uint64_t
    int64_t
    float
    double

ctypedef fused small_integer:
    uint8_t
    int8_t
    uint16_t
    int16_t

ctypedef fused large_integer:
    uint32_t
    int32_t
    uint64_t
    int64_t

ctypedef fused some_float:
    float
    double


# ---------------------------------------------------------------------------------------------
# float16 as bits: not every compiler has the type

cdef inline float from_half(uint16_t half) noexcept nogil:
    """Convert a half: shift exponent and fraction into place, multiply by 2**112 for the bias."""
    cdef uint32_t bits = <uint32_t> (half & 0x7fff) << 13
    cdef float value
    memcpy(&value, &bits, 4)
    value = value * <float> 5.192296858534828e33
    memcpy(&bits, &value, 4)
    if value >= <float> 65536.0:
        bits = bits | <uint32_t> 0x7f800000
    bits = bits | (<uint32_t> (half & 0x8000) << 16)
    memcpy(&value, &bits, 4)
    return value


cdef inline uint16_t to_half(float value) noexcept nogil:
    """Convert to the nearest half, ties to even; overflow gives infinity, NaN gives NaN."""
    cdef uint32_t bits, sign
    cdef float scaled
    memcpy(&bits, &value, 4)
    sign = (bits >> 16) & 0x8000
    bits = bits & 0x7fffffff
    if bits > 0x7f800000:
        return <uint16_t> (sign | 0x7e00)
    if bits >= 0x477ff000:                      # rounds beyond 65504
        return <uint16_t> (sign | 0x7c00)
    if bits < 0x38800000:                       # subnormal half: let the float adder round
        memcpy(&scaled, &bits, 4)
        scaled = scaled + <float> 0.5
        memcpy(&bits, &scaled, 4)
        return <uint16_t> (sign | (bits - 0x3f000000))
    bits = bits + 0xfff + ((bits >> 13) & 1)
    return <uint16_t> (sign | ((bits - 0x38000000) >> 13))


cdef inline float to_odd(real value) noexcept nogil:
    """Round towards zero to a float, and set its last bit if that is not exact.

    Rounding this float to a half gives the half nearest to the value. Rounding to the nearest float
    first would not, because it rounds twice.
    """
    cdef float near = <float> value
    cdef uint32_t bits
    if <real> near == value or value != value:
        return near
    memcpy(&bits, &near, 4)
    if (near > value) == (value > 0):
        bits = bits - 1
    bits = bits | 1
    memcpy(&near, &bits, 4)
    return near


# ---------------------------------------------------------------------------------------------
# Load: pixels -> real

cdef inline void widen(const pixel* source, Py_ssize_t n, real* row) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        row[i] = <real> source[i]


cdef inline void widen_half(const uint16_t* source, Py_ssize_t n, real* row) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        row[i] = <real> from_half(source[i])


# ---------------------------------------------------------------------------------------------
# Store: real -> pixels, to nearest (ties to even), saturated, NaN as 0 in integers

cdef inline int nearest_within(real value, int low, int high) noexcept nogil:
    """The nearest integer, saturated. NaN becomes 0, since comparisons with it are false."""
    cdef real smallest = <real> max(low, TYPE_MIN), largest = <real> min(high, TYPE_MAX)
    if low < 0:
        value = value if value == value else <real> 0
    value = value if value > smallest else smallest
    return nearest(value if value < largest else largest)


cdef inline void nearest_run(const real* row, real low, real high, int32_t* found) noexcept nogil:
    """`nearest_within` for RUN floats.

    The compiler makes three times the instructions: it rounds each side of a choice by itself, and
    twice. A NaN must be 0; of a NaN and another number, the larger one is the other.
    """
    cdef Py_ssize_t i = 0
    cdef vec v
    while i < RUN:
        v = load(row + i)
        if low < 0:
            v = or_zero(v)
        store_ints(found + i, smaller_of(larger_of(v, ZERO + low), ZERO + high))
        i += LANES


cdef inline void narrow(const real* row, Py_ssize_t step, Py_ssize_t n,
                        small_integer* target) noexcept nogil:
    """There is a loop of its own over neighbours, since the compiler vectorises only that one."""
    cdef int32_t[RUN] found
    cdef Py_ssize_t i, begin = 0
    cdef int low = 0, high = (1 << 8 * sizeof(small_integer)) - 1
    if small_integer is int8_t or small_integer is int16_t:
        low = -(1 << (8 * sizeof(small_integer) - 1))
        high = -low - 1
    if step == 1:
        while RUNS_FLOATS and begin + RUN <= n:
            nearest_run(row + begin, <real> low, <real> high, found)
            for i in range(RUN):
                target[begin + i] = <small_integer> found[i]
            begin += RUN
        for i in range(begin, n):
            target[i] = <small_integer> nearest_within(row[i], low, high)
    else:
        for i in range(n):
            target[i] = <small_integer> nearest_within(row[i * step], low, high)


cdef inline void narrow_large(const real* row, Py_ssize_t step, Py_ssize_t n,
                              large_integer* target) noexcept nogil:
    """Saturate in double; `end` is the first double above the largest number of the type."""
    cdef Py_ssize_t i
    cdef double value, end = 2.0 ** (8 * sizeof(large_integer) - 1), low = -end
    cdef large_integer first = <large_integer> (<uint64_t> 1 << (8 * sizeof(large_integer) - 1))
    cdef large_integer last = <large_integer> ~first
    if large_integer is uint32_t or large_integer is uint64_t:
        end = 2 * end
        low = 0
        first = 0
        last = <large_integer> ~first
    for i in range(n):
        value = rint(<double> row[i * step])
        if value != value:
            target[i] = 0
        elif value <= low:
            target[i] = first
        elif value >= end:
            target[i] = last
        else:
            target[i] = <large_integer> value


cdef inline void narrow_bool(const real* row, Py_ssize_t step, Py_ssize_t n,
                             uint8_t* target) noexcept nogil:
    """1 for numbers above 0.5: to nearest, saturated, and 0.5 ties to 0, as for other integers."""
    cdef Py_ssize_t i
    for i in range(n):
        target[i] = row[i * step] > <real> 0.5


cdef inline void narrow_half(const real* row, Py_ssize_t step, Py_ssize_t n,
                             uint16_t* target) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        target[i] = to_half(to_odd(row[i * step]))


cdef inline void narrow_float(const real* row, Py_ssize_t step, Py_ssize_t n,
                              some_float* target) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        target[i] = <some_float> row[i * step]


# ---------------------------------------------------------------------------------------------
# Point operations on a row

cdef inline void clip(real* row, Py_ssize_t n, real low, real high) noexcept nogil:
    """NaN stays NaN, since comparisons with it are false."""
    cdef Py_ssize_t i
    cdef real value
    for i in range(n):
        value = row[i]
        value = low if value < low else value
        row[i] = high if value > high else value


cdef inline void to_integers(real* row, Py_ssize_t n, real low, real high) noexcept nogil:
    """Make of a row what storing and loading integers would: NaN becomes 0, and -0.0 as well."""
    cdef Py_ssize_t i
    cdef real value
    for i in range(n):
        value = row[i] if row[i] == row[i] else <real> 0
        value = value if value > low else low
        row[i] = whole(value if value < high else high) + <real> 0


cdef inline void apply(const Point* point, real* row, Py_ssize_t n) noexcept nogil:
    cdef real first = <real> point.first, second = <real> point.second
    cdef Py_ssize_t i
    if point.kind == SCALE:
        for i in range(n):
            row[i] = row[i] * first + second
    elif point.kind == DIVIDE:
        for i in range(n):
            row[i] = row[i] / first
    elif point.kind == CLIP:
        clip(row, n, first, second)
    elif point.kind == ABSOLUTE:
        for i in range(n):
            row[i] = distance(row[i])
    elif point.kind == ABOVE:
        for i in range(n):
            row[i] = <real> 1 if row[i] > first else <real> 0
    else:
        to_integers(row, n, first, second)


cdef void follow(const Point* points, Py_ssize_t count, real* row, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(count):
        apply(points + k, row, n)


# ---------------------------------------------------------------------------------------------
# The tables

# In the order of Code in rows.pxd.
cdef Load[CODES] LOADS = [
    <Load> widen[uint8_t], <Load> widen[uint8_t], <Load> widen[int8_t],
    <Load> widen[uint16_t], <Load> widen[int16_t],
    <Load> widen[uint32_t], <Load> widen[int32_t],
    <Load> widen[uint64_t], <Load> widen[int64_t],
    <Load> widen_half, <Load> widen[float], <Load> widen[double],
]
cdef Store[CODES] STORES = [
    <Store> narrow_bool, <Store> narrow[uint8_t], <Store> narrow[int8_t],
    <Store> narrow[uint16_t], <Store> narrow[int16_t],
    <Store> narrow_large[uint32_t], <Store> narrow_large[int32_t],
    <Store> narrow_large[uint64_t], <Store> narrow_large[int64_t],
    <Store> narrow_half, <Store> narrow_float[float], <Store> narrow_float[double],
]
LOADS[REAL_CODE] = <Load> keep
STORES[REAL_CODE] = <Store> narrow_none


def addresses() -> tuple:
    """Return where the conversions from pixels, those to pixels and `follow` are."""
    return <size_t> LOADS, <size_t> STORES, <size_t> follow

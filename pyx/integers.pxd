# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Means of integers by running sums, which are exact: down the columns, then along a row.

The sums may wrap around; the differences between them do not.
"""
from libc.stdint cimport int8_t, int16_t, uint8_t, uint16_t

from rows cimport INT8, UINT8, UINT16
from types cimport LANES, ZERO, load, real, store, vec

# Integers that are read in place.
ctypedef fused pixel:
    uint8_t
    int8_t
    uint16_t
    int16_t
    real


cdef struct Rectangle:
    # params.records
    Py_ssize_t height, width
    Py_ssize_t step                 # columns between neighbours: the interleaved channels
    Py_ssize_t group                # rows of a group and of a block of results; 1 for integers
    # Integers are added as differences to `base`, and their sums begin with `half`. If `factor` is
    # not 0, a sum times factor, without the lower 32 + shift bits, is the nearest integer.
    Py_ssize_t base, half, factor, shift


cdef extern from *:
    """
    #include <math.h>

    #define WHOLE(name) PASTE(WHOLE_, name)
    #define WHOLE_int32_t 1
    #if WHOLE(REAL)
      #define IS_WHOLE 1
    #else
      #define IS_WHOLE 0
    #endif

    #if !IS_WHOLE
      /* Never called. */
      #define scanned(v) (v)
      #define last_lane(v) (v)
      #define scaled(sum, factor, shift) (sum)
      #define nearest(sum, area) (sum)
    #elif !defined(VECTOR_BYTES)
      #define scanned(v) (v)
      #define last_lane(v) (v)
      #define scaled(sum, factor, shift) \
          ((vec) ((uint64_t) (sum) * (uint32_t) (factor) >> 32 >> (shift)))
      #define nearest(sum, area) ((vec) rint((double) (sum) / (area)))
    #else
      /* Each lane and all lanes below it, added up; and the last lane in all lanes. */
      static inline vec scanned(vec v)
      {
      #if defined(__AVX512F__)
        const __m512i zero = _mm512_setzero_si512();
        v += (vec) _mm512_alignr_epi32((__m512i) v, zero, 15);
        v += (vec) _mm512_alignr_epi32((__m512i) v, zero, 14);
        v += (vec) _mm512_alignr_epi32((__m512i) v, zero, 12);
        v += (vec) _mm512_alignr_epi32((__m512i) v, zero, 8);
      #elif defined(__AVX2__)
        v += (vec) _mm256_slli_si256((__m256i) v, 4);
        v += (vec) _mm256_slli_si256((__m256i) v, 8);
        __m256i lower = _mm256_permute2x128_si256((__m256i) v, (__m256i) v, 0x08);
        v += (vec) _mm256_shuffle_epi32(lower, 0xff);
      #elif defined(__SSE2__)
        v += (vec) _mm_slli_si128((__m128i) v, 4);
        v += (vec) _mm_slli_si128((__m128i) v, 8);
      #else
        const int32x4_t zero = vdupq_n_s32(0);
        v += (vec) vextq_s32(zero, (int32x4_t) v, 3);
        v += (vec) vextq_s32(zero, (int32x4_t) v, 2);
      #endif
        return v;
      }
      static inline vec last_lane(vec v)
      {
      #if defined(__AVX512F__)
        return (vec) _mm512_permutexvar_epi32(_mm512_set1_epi32(15), (__m512i) v);
      #elif defined(__AVX2__)
        return (vec) _mm256_permutevar8x32_epi32((__m256i) v, _mm256_set1_epi32(7));
      #else
        return ZERO + v[LANES - 1];
      #endif
      }

      /* The upper half of products, shifted. Even and odd lanes are multiplied separately. */
      static inline vec scaled(vec sum, uint32_t factor, int shift)
      {
        vec upper;
      #if defined(__AVX512F__)
        __m512i by = _mm512_set1_epi32(factor), odd = _mm512_srli_epi64((__m512i) sum, 32);
        __m512i even = _mm512_srli_epi64(_mm512_mul_epu32((__m512i) sum, by), 32);
        upper = (vec) _mm512_mask_mov_epi32(even, 0xaaaa, _mm512_mul_epu32(odd, by));
      #elif defined(__AVX2__)
        __m256i by = _mm256_set1_epi32(factor), odd = _mm256_srli_epi64((__m256i) sum, 32);
        __m256i even = _mm256_srli_epi64(_mm256_mul_epu32((__m256i) sum, by), 32);
        upper = (vec) _mm256_blend_epi32(even, _mm256_mul_epu32(odd, by), 0xaa);
      #elif defined(__SSE4_1__)
        __m128i by = _mm_set1_epi32(factor), odd = _mm_srli_epi64((__m128i) sum, 32);
        __m128i even = _mm_srli_epi64(_mm_mul_epu32((__m128i) sum, by), 32);
        upper = (vec) _mm_blend_epi16(even, _mm_mul_epu32(odd, by), 0xcc);
      #elif defined(NEON)
        uint32x4_t all = (uint32x4_t) sum, by = vdupq_n_u32(factor);
        uint64x2_t low = vmull_u32(vget_low_u32(all), vget_low_u32(by));
        upper = (vec) vuzp2q_u32((uint32x4_t) low, (uint32x4_t) vmull_high_u32(all, by));
      #else
        for (int i = 0; i < LANES; i++)
          upper[i] = (int32_t) ((uint64_t) (uint32_t) sum[i] * factor >> 32);
      #endif
        return upper >> shift;
      }

      /* The nearest integer to sum / area, ties to even. The quotient in float32 is less than one
         and a half off; the remainder, which is exact, shows by how much. Comparisons are -1 where
         they hold. */
      static inline vec nearest(vec sum, real area)
      {
        typedef float floats __attribute__((vector_size(VECTOR_BYTES)));
        vec near = __builtin_convertvector(
            __builtin_convertvector(sum, floats) * (1 / (float) area), vec);
        vec twice = 2 * (sum - near * area), odd = near & 1;
        return near - (vec) (twice + odd > area) + (vec) (twice - odd < -area);
      }
    #endif
    """
    const bint IS_WHOLE
    vec scanned(vec v) nogil
    vec last_lane(vec v) nogil
    vec scaled(vec sum, unsigned int factor, int shift) nogil
    vec nearest(vec sum, real area) nogil


# ---------------------------------------------------------------------------------------------
# Sums down the columns, and along a row

cdef inline void replace_row(real* sums, const pixel* entering, const pixel* leaving,
                             Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t x
    for x in range(n):
        sums[x] += <real> entering[x] - <real> leaving[x]


cdef inline void replace_pixels(real* sums, const char* entering, const char* leaving, int code,
                                Py_ssize_t n) noexcept nogil:
    if code == UINT8:
        replace_row(sums, <const uint8_t*> entering, <const uint8_t*> leaving, n)
    elif code == INT8:
        replace_row(sums, <const int8_t*> entering, <const int8_t*> leaving, n)
    elif code == UINT16:
        replace_row(sums, <const uint16_t*> entering, <const uint16_t*> leaving, n)
    else:
        replace_row(sums, <const int16_t*> entering, <const int16_t*> leaving, n)


cdef inline vec mean(vec sum, const Rectangle* rectangle, real area, bint scales) noexcept nogil:
    if scales:
        sum = scaled(sum, <unsigned int> rectangle.factor, <int> rectangle.shift)
    else:
        sum = nearest(sum, area)
    return sum + <real> rectangle.base


cdef inline real before_first(const Rectangle* rectangle, real area) noexcept nogil:
    return <real> rectangle.half - area * <real> rectangle.base


cdef inline void running_means(const real* sums, Rectangle rectangle, real area, Py_ssize_t n,
                               real* target, bint scales) noexcept nogil:
    """target[x] = mean of sums[x], ..., sums[x + width - 1]; sums[-1] must be 0."""
    cdef Py_ssize_t ahead = rectangle.width - 1, x
    cdef real first = before_first(&rectangle, area)
    cdef vec total, inner
    for x in range(ahead):
        first += sums[x]
    total = ZERO + first
    x = 0
    while x < n:
        inner = scanned(load(sums + x + ahead) - load(sums + x - 1))
        store(target + x, mean(total + inner, &rectangle, area, scales))
        total = total + last_lane(inner)
        x += LANES


cdef inline void running_means_of_channels(const real* sums, Rectangle rectangle, real area,
                                           Py_ssize_t n, real* target,
                                           bint scales) noexcept nogil:
    """The same for every step-th number."""
    cdef Py_ssize_t step = rectangle.step, last = (rectangle.width - 1) * step, x, j
    for x in range(step):
        target[x] = before_first(&rectangle, area)
        for j in range(rectangle.width):
            target[x] += sums[x + j * step]
    for x in range(step, n):
        target[x] = target[x - step] + (sums[x + last] - sums[x - step])
    x = 0
    while x < n:
        store(target + x, mean(load(target + x), &rectangle, area, scales))
        x += LANES


cdef inline void means_of_row(const real* sums, const Rectangle* rectangle, real area,
                              Py_ssize_t n, real* target, bint scales) noexcept nogil:
    """The rectangle is copied, since the compiler must assume that `target` overlaps it."""
    if rectangle.step == 1:
        running_means(sums, rectangle[0], area, n, target, scales)
    else:
        running_means_of_channels(sums, rectangle[0], area, n, target, scales)

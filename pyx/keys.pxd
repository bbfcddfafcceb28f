# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Numbers that are only compared: keys, minimum and maximum of vectors, NaN.

Minima, maxima and ranks run on float32 and float64 (which holds integers of 32 bits), and for other
pixels on keys. A key is an integer as wide as the pixel (8, 16 or 64 bits), and keys have the order
of the pixels. KEYS is the width, 0 in loops without keys. The key of a pixel is the pixel itself,
or the pixel with its sign bit flipped, or, for float16, with all bits of negative numbers flipped.
NaN has the largest key.
"""
from types cimport real, vec


cdef extern from *:
    """
    #include <math.h>
    #include <stdint.h>

    #ifndef KEYS
    #define KEYS 0
    #endif
    #define JOINED_(a, b, c) a##b##c
    #define JOINED(a, b, c) JOINED_(a, b, c)

    #if KEYS == 0
      #define KEY_CODES 0
      #define IS_NAN(x) ((x) != (x))
      #define ANY_NAN(x, y) isunordered(x, y)
      #define NOT_A_NUMBER ((real) NAN)
      /* Never called. */
      #define flipped(bits) (bits)
      #define folded(bits) (bits)
      #define unfolded(key) (key)
    #else
      typedef JOINED(int, KEYS, _t) signed_bits;
      typedef JOINED(uint, KEYS, _t) unsigned_bits;
      #define SIGN_BIT ((unsigned_bits) ((unsigned_bits) 1 << (KEYS - 1)))
      /* The pixel types that are keys already, a bit for each `Code` of rows.pxd: bool and uint8,
         uint16, int64. Keys of 64 bits are signed, because AVX2 compares signed integers only. */
      #define KEY_CODES (KEYS == 8 ? 3 : KEYS == 16 ? 1 << 3 : 1 << 8)
      #define INFINITE_HALF 0x7c00
      #define IS_NAN(key) (KEYS == 16 && (key) > (INFINITE_HALF ^ SIGN_BIT))
      #define ANY_NAN(x, y) (IS_NAN(x) | IS_NAN(y))
      #define NOT_A_NUMBER ((real) -1)

      static inline real flipped(real bits) { return (real) (bits ^ SIGN_BIT); }

      static inline real folded(real bits)
      {
        signed_bits half = (signed_bits) bits;
        signed_bits key = half ^ ((half >> (KEYS - 1)) & 0x7fff);
        return (half & 0x7fff) > INFINITE_HALF ? NOT_A_NUMBER : (real) (key ^ SIGN_BIT);
      }

      static inline real unfolded(real key)
      {
        signed_bits half = (signed_bits) (key ^ SIGN_BIT);
        return (real) (half ^ ((half >> (KEYS - 1)) & 0x7fff));
      }
    #endif

    #ifdef VECTOR_BYTES
      /* Lane by lane: for integers, compilers make one instruction of it. */
      static inline vec smaller_lanes(vec a, vec b)
      {
        vec c;
        for (int i = 0; i < LANES; i++) c[i] = a[i] < b[i] ? a[i] : b[i];
        return c;
      }
      static inline vec larger_lanes(vec a, vec b)
      {
        vec c;
        for (int i = 0; i < LANES; i++) c[i] = a[i] > b[i] ? a[i] : b[i];
        return c;
      }
      /* For floats they need intrinsics. If one of two is NaN, either may be the result. */
      #ifdef NEON
        #define OF_FLOATS(f, a, b) v##f##q_f32((float32x4_t) (a), (float32x4_t) (b))
        #define OF_DOUBLES(f, a, b) v##f##q_f64((float64x2_t) (a), (float64x2_t) (b))
      #elif VECTOR_BYTES == 64
        #define OF_FLOATS(f, a, b) _mm512_##f##_ps((__m512) (a), (__m512) (b))
        #define OF_DOUBLES(f, a, b) _mm512_##f##_pd((__m512d) (a), (__m512d) (b))
      #elif VECTOR_BYTES == 32
        #define OF_FLOATS(f, a, b) _mm256_##f##_ps((__m256) (a), (__m256) (b))
        #define OF_DOUBLES(f, a, b) _mm256_##f##_pd((__m256d) (a), (__m256d) (b))
      #else
        #define OF_FLOATS(f, a, b) _mm_##f##_ps((__m128) (a), (__m128) (b))
        #define OF_DOUBLES(f, a, b) _mm_##f##_pd((__m128d) (a), (__m128d) (b))
      #endif
      #define CHOICE(f, a, b, lanes) _Generic((real) 0, float: (vec) OF_FLOATS(f, a, b), \\
          double: (vec) OF_DOUBLES(f, a, b), default: lanes)
      #define smaller_of(a, b) CHOICE(min, a, b, smaller_lanes(a, b))
      #define larger_of(a, b) CHOICE(max, a, b, larger_lanes(a, b))
    #else
      #define smaller_of(a, b) ((a) < (b) ? (a) : (b))
      #define larger_of(a, b) ((a) > (b) ? (a) : (b))
    #endif

    #if defined(__GNUC__) || defined(__clang__)
      #define prefetch(at) __builtin_prefetch(at)
    #else
      #define prefetch(at)
    #endif

    /* LANES numbers of a followed by b, from number `lanes` (a literal) on. */
    #define CAN_SHIFT 1
    #ifndef VECTOR_BYTES
      #undef CAN_SHIFT
      #define CAN_SHIFT 0
      #define shifted(a, b, lanes) (a)
    #elif defined(__AVX512BW__)
      #define shifted(a, b, lanes) ((vec) _mm512_alignr_epi8( \\
          _mm512_alignr_epi64((__m512i) (b), (__m512i) (a), 2), (__m512i) (a), \\
          (lanes) * (int) sizeof(real)))
    #elif defined(__AVX2__)
      #define shifted(a, b, lanes) ((vec) _mm256_alignr_epi8( \\
          _mm256_permute2x128_si256((__m256i) (a), (__m256i) (b), 0x21), (__m256i) (a), \\
          (lanes) * (int) sizeof(real)))
    #elif defined(NEON)
      /* The instruction takes no shift by a whole vector. */
      #define shifted(a, b, lanes) ((lanes) == LANES ? (b) : (vec) vextq_u8( \\
          (uint8x16_t) (a), (uint8x16_t) (b), (lanes) * (int) sizeof(real) % VECTOR_BYTES))
    #elif defined(__SSSE3__)
      #define shifted(a, b, lanes) ((vec) _mm_alignr_epi8((__m128i) (b), (__m128i) (a), \\
          (lanes) * (int) sizeof(real)))
    #else
      #undef CAN_SHIFT
      #define CAN_SHIFT 0
      #define shifted(a, b, lanes) (a)
    #endif
    """
    const int KEYS
    void prefetch(const real* at) nogil
    const bint CAN_SHIFT
    vec shifted(vec a, vec b, int lanes) nogil
    const int KEY_CODES
    const real NOT_A_NUMBER
    bint IS_NAN(real number) nogil
    bint ANY_NAN(real number, real other) nogil
    real flipped(real bits) nogil
    real folded(real bits) nogil
    real unfolded(real key) nogil
    vec smaller_of(vec a, vec b) nogil
    vec larger_of(vec a, vec b) nogil


cdef inline void flip(const real* source, Py_ssize_t n, real* target) noexcept nogil:
    """Convert integers that differ from keys by the sign bit to keys, or keys to them."""
    cdef Py_ssize_t i
    for i in range(n):
        target[i] = flipped(source[i])


cdef inline void fold(const real* source, Py_ssize_t n, real* target) noexcept nogil:
    """Convert float16, as bits, to keys."""
    cdef Py_ssize_t i
    for i in range(n):
        target[i] = folded(source[i])


cdef inline void unfold(const real* source, Py_ssize_t n, real* target) noexcept nogil:
    """Convert keys to float16, as bits."""
    cdef Py_ssize_t i
    for i in range(n):
        target[i] = unfolded(source[i])

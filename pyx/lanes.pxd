# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Numbers that change their lanes: every second one of two vectors, and two vectors in turns."""
from types cimport vec

cdef extern from *:
    """
    #if defined(VECTOR_BYTES)
      /* Lanes are chosen by words of 4 bytes, so that one list serves float and double: a number
         has NUMBER words. */
      typedef int32_t lane_words __attribute__((vector_size(VECTOR_BYTES)));
      #define NUMBER ((int) (sizeof(real) / 4))
      #define VECTOR_WORDS ((int) (VECTOR_BYTES / 4))
      #define EVEN_WORD(i) (2 * ((i) - (i) % NUMBER) + (i) % NUMBER)
      #define ODD_WORD(i) (EVEN_WORD(i) + NUMBER)
      #define LOW_WORD(i) \
          ((i) / NUMBER % 2 * VECTOR_WORDS + (i) / NUMBER / 2 * NUMBER + (i) % NUMBER)
      #define HIGH_WORD(i) (LOW_WORD(i) + VECTOR_WORDS / 2)
      #define WORDS_4(of, i) of(i), of((i) + 1), of((i) + 2), of((i) + 3)
      #define WORDS_8(of, i) WORDS_4(of, i), WORDS_4(of, (i) + 4)
      #if VECTOR_BYTES == 64
        #define ALL_WORDS(of) WORDS_8(of, 0), WORDS_8(of, 8)
      #elif VECTOR_BYTES == 32
        #define ALL_WORDS(of) WORDS_8(of, 0)
      #else
        #define ALL_WORDS(of) WORDS_4(of, 0)
      #endif
      #if defined(__clang__)
        #define LANES_OF(a, b, ...) \
            ((vec) __builtin_shufflevector((lane_words) (a), (lane_words) (b), __VA_ARGS__))
      #else
        #define LANES_OF(a, b, ...) ((vec) __builtin_shuffle( \
            (lane_words) (a), (lane_words) (b), (lane_words) {__VA_ARGS__}))
      #endif
      #define even(a, b) LANES_OF(a, b, ALL_WORDS(EVEN_WORD))
      #define odd(a, b) LANES_OF(a, b, ALL_WORDS(ODD_WORD))
      #define zip_low(a, b) LANES_OF(a, b, ALL_WORDS(LOW_WORD))
      #define zip_high(a, b) LANES_OF(a, b, ALL_WORDS(HIGH_WORD))
    #else
      #define even(a, b) (a)
      #define odd(a, b) (b)
      #define zip_low(a, b) (a)
      #define zip_high(a, b) (b)
    #endif
    """
    vec even(vec a, vec b) nogil        # a0 a2 ... b0 b2 ...
    vec odd(vec a, vec b) nogil         # a1 a3 ... b1 b3 ...
    vec zip_low(vec a, vec b) nogil     # a0 b0 a1 b1 ..., of the first halves
    vec zip_high(vec a, vec b) nogil    # of the second halves

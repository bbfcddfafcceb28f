# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Numbers that change their lanes: every second one of two vectors, two in turns, a transpose."""
from types cimport vec

cdef extern from *:
    """
    #if defined(VECTOR_BYTES)
      /* Lanes are chosen by words of 4 bytes, so that one list serves float and double: `unit` is
         the number of words that stay together. */
      typedef int32_t words __attribute__((vector_size(VECTOR_BYTES)));
      #define WORDS ((int) (VECTOR_BYTES / 4))
      #define NUMBER ((int) (sizeof(real) / 4))
      #define EVEN_WORD(i, unit) (2 * ((i) - (i) % (unit)) + (i) % (unit))
      #define ODD_WORD(i, unit) (EVEN_WORD(i, unit) + (unit))
      #define LOW_WORD(i, unit) \\
          ((i) / (unit) % 2 * WORDS + (i) / (unit) / 2 * (unit) + (i) % (unit))
      #define HIGH_WORD(i, unit) (LOW_WORD(i, unit) + WORDS / 2)
      #define LEFT_WORD(i, unit) (((i) & (unit)) ? WORDS + (i) - (unit) : (i))
      #define RIGHT_WORD(i, unit) (((i) & (unit)) ? WORDS + (i) : (i) + (unit))
      #define WORDS_4(of, i, unit) \\
          of(i, unit), of((i) + 1, unit), of((i) + 2, unit), of((i) + 3, unit)
      #define WORDS_8(of, i, unit) WORDS_4(of, i, unit), WORDS_4(of, (i) + 4, unit)
      #if VECTOR_BYTES == 64
        #define ALL_WORDS(of, unit) WORDS_8(of, 0, unit), WORDS_8(of, 8, unit)
      #elif VECTOR_BYTES == 32
        #define ALL_WORDS(of, unit) WORDS_8(of, 0, unit)
      #else
        #define ALL_WORDS(of, unit) WORDS_4(of, 0, unit)
      #endif
      #if defined(__clang__)
        #define LANES_OF(a, b, ...) \\
            ((vec) __builtin_shufflevector((words) (a), (words) (b), __VA_ARGS__))
      #else
        #define LANES_OF(a, b, ...) \\
            ((vec) __builtin_shuffle((words) (a), (words) (b), (words) {__VA_ARGS__}))
      #endif
      #define even(a, b) LANES_OF(a, b, ALL_WORDS(EVEN_WORD, NUMBER))
      #define odd(a, b) LANES_OF(a, b, ALL_WORDS(ODD_WORD, NUMBER))
      #define zip_low(a, b) LANES_OF(a, b, ALL_WORDS(LOW_WORD, NUMBER))
      #define zip_high(a, b) LANES_OF(a, b, ALL_WORDS(HIGH_WORD, NUMBER))
      /* Exchange the odd pieces of every vector a with the even pieces of the vector b that is as
         many vectors further as a piece has numbers. */
      #define EXCHANGE(v, unit) do { \\
          const int far = (int) ((unit) * 4 / sizeof(real)); \\
          for (int k = 0; far > 0 && k < LANES; k++) { \\
              if (k & far) continue; \\
              const vec a = v[k], b = v[k + far]; \\
              v[k] = LANES_OF(a, b, ALL_WORDS(LEFT_WORD, unit)); \\
              v[k + far] = LANES_OF(a, b, ALL_WORDS(RIGHT_WORD, unit)); \\
          } \\
      } while (0)
      static inline __attribute__((always_inline)) void transpose(vec* v)
      {
        if (sizeof(real) == 4) EXCHANGE(v, 1);
        EXCHANGE(v, 2);
        #if VECTOR_BYTES >= 32
          EXCHANGE(v, 4);
        #endif
        #if VECTOR_BYTES >= 64
          EXCHANGE(v, 8);
        #endif
      }
    #else
      #define even(a, b) (a)
      #define odd(a, b) (b)
      #define zip_low(a, b) (a)
      #define zip_high(a, b) (b)
      static inline void transpose(vec* v) {}
    #endif
    """
    vec even(vec a, vec b) nogil        # a0 a2 ... b0 b2 ...
    vec odd(vec a, vec b) nogil         # a1 a3 ... b1 b3 ...
    vec zip_low(vec a, vec b) nogil     # a0 b0 a1 b1 ..., of the first halves
    vec zip_high(vec a, vec b) nogil    # of the second halves
    void transpose(vec* vectors) nogil  # LANES vectors of as many numbers

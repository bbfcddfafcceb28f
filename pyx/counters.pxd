# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""What histograms are made of: sixteen counters in a few vectors; sets of 64 pixels in a word."""
from libc.stdint cimport int32_t, uint16_t, uint64_t

from keys cimport KEYS
from types cimport real

cdef extern from *:
    """
    /* Sixteen counters: of a column (counts) and of a window (sums). Sums are as many vectors as
       the registers need; a vector wider than these goes through the stack, which takes five times
       as long. */
    #ifdef VECTOR_BYTES
      #define PARTS (64 / VECTOR_BYTES)
      typedef uint16_t counts __attribute__((vector_size(32), may_alias));
      typedef int16_t some_counts __attribute__((vector_size(VECTOR_BYTES / 2), may_alias));
      typedef int32_t some_sums __attribute__((vector_size(VECTOR_BYTES), may_alias));
      #if defined(__AVX512F__)
        #define widened(c) ((some_sums) _mm512_cvtepi16_epi32((__m256i) (c)))
      #elif defined(__AVX2__)
        #define widened(c) ((some_sums) _mm256_cvtepi16_epi32((__m128i) (c)))
      #else
        #define widened(c) __builtin_convertvector(c, some_sums)
      #endif
      #define counts_plus(a, b) ((a) + (b))
      #define counts_minus(a, b) ((a) - (b))
    #else
      #define PARTS 16
      typedef struct { uint16_t n[16]; } counts;
      typedef int16_t some_counts;
      typedef int32_t some_sums;
      #define widened(c) ((int32_t) (int16_t) (c))
      #define EACH(op) for (int i = 0; i < 16; i++) a.n[i] = a.n[i] op b.n[i]; return a;
      static counts counts_plus(counts a, counts b) { EACH(+) }
      static counts counts_minus(counts a, counts b) { EACH(-) }
    #endif
    typedef struct { some_sums part[PARTS]; } sums;
    #define NO_SUMS ((sums) {0})

    /* A column of less than 32768 pixels enters the window, or one leaves it as well. */
    static inline sums sums_plus(sums s, const counts* entering)
    {
      for (int p = 0; p < PARTS; p++)
        s.part[p] += widened(((const some_counts*) entering)[p]);
      return s;
    }
    static inline sums sums_moved(sums s, const counts* entering, const counts* leaving)
    {
      const some_counts* more = (const some_counts*) entering;
      const some_counts* less = (const some_counts*) leaving;
      for (int p = 0; p < PARTS; p++) s.part[p] += widened(more[p] - less[p]);
      return s;
    }

    /* The number of bins whose sum is at most `most`. */
    static inline int bins_up_to(sums s, int32_t most)
    {
    #if !defined(VECTOR_BYTES)
      int count = 0;
      for (int i = 0; i < 16; i++) count += s.part[i] <= most;
      return count;
    #elif defined(__AVX512F__)
      return __builtin_popcount(
          _mm512_cmple_epi32_mask((__m512i) s.part[0], _mm512_set1_epi32(most)));
    #elif defined(__AVX2__)
      __m256i limit = _mm256_set1_epi32(most);
      __m256i above = _mm256_packs_epi32(_mm256_cmpgt_epi32((__m256i) s.part[0], limit),
                                         _mm256_cmpgt_epi32((__m256i) s.part[1], limit));
      return 16 - __builtin_popcount(_mm256_movemask_epi8(above)) / 2;
    #elif defined(__SSE2__)
      int above = 0;
      for (int p = 0; p < PARTS; p++)
        above += __builtin_popcount(_mm_movemask_ps(
            (__m128) _mm_cmpgt_epi32((__m128i) s.part[p], _mm_set1_epi32(most))));
      return 16 - above;
    #else
      /* A comparison is -1 where it holds. */
      some_sums above = {0};
      for (int p = 0; p < PARTS; p++) above += s.part[p] > most;
      return 16 + vaddvq_s32((int32x4_t) above);
    #endif
    }

    /* Row b has ones behind bin b: what a pixel of bin b adds to the counts of smaller pixels. */
    #define ONES(b) {0, b<1, b<2, b<3, b<4, b<5, b<6, b<7, \
                     b<8, b<9, b<10, b<11, b<12, b<13, b<14, b<15}
    _Alignas(32) static const uint16_t BEHIND[16][16] = {
      ONES(0), ONES(1), ONES(2), ONES(3), ONES(4), ONES(5), ONES(6), ONES(7), ONES(8), ONES(9),
      ONES(10), ONES(11), ONES(12), ONES(13), ONES(14), ONES(15)};

    /* The bits of a number, changed so that they have the order of the numbers. */
    static inline uint64_t ordered(real number)
    {
    #if KEYS
      return (uint64_t) number ^ (KEYS == 64 ? (uint64_t) 1 << 63 : 0);
    #else
      uint64_t bits = 0, sign = (uint64_t) 1 << (8 * sizeof(real) - 1);
      memcpy(&bits, &number, sizeof(real));
      return bits & sign ? ~bits & (2 * sign - 1) : bits | sign;
    #endif
    }

    #if defined(__GNUC__) || defined(__clang__)
      #define bits_of(word) __builtin_popcountll(word)
    #else
      static inline int bits_of(uint64_t word)
      {
        int count = 0;
        for (; word; word &= word - 1) count++;
        return count;
      }
    #endif

    /* The position of the set bit that has `rank` set bits below it. */
    static inline int place_of_bit(uint64_t word, int rank)
    {
    #ifdef __BMI2__
      return __builtin_ctzll(_pdep_u64((uint64_t) 1 << rank, word));
    #else
      for (; rank > 0; rank--) word &= word - 1;
      return bits_of((word & -word) - 1);
    #endif
    }

    /* A bit for each of 64 pixels: whether ys - top < height and xs - left < width. */
    static inline uint64_t inside(const uint16_t* ys, const uint16_t* xs, uint16_t top,
                                  uint16_t left, uint16_t height, uint16_t width)
    {
      uint64_t found = 0;
    #if !defined(VECTOR_BYTES)
      for (int i = 0; i < 64; i++)
        found |= (uint64_t) ((uint16_t) (ys[i] - top) < height && (uint16_t) (xs[i] - left) < width)
                 << i;
    #elif defined(__AVX512BW__)
      for (int i = 0; i < 64; i += 32) {
        __m512i y = _mm512_sub_epi16(_mm512_loadu_si512(ys + i), _mm512_set1_epi16(top));
        __m512i x = _mm512_sub_epi16(_mm512_loadu_si512(xs + i), _mm512_set1_epi16(left));
        __mmask32 row = _mm512_cmplt_epu16_mask(y, _mm512_set1_epi16(height));
        found |= (uint64_t) _mm512_mask_cmplt_epu16_mask(row, x, _mm512_set1_epi16(width)) << i;
      }
    #elif defined(__SSE2__)
      /* SSE2 compares no unsigned numbers. A saturated difference of 0 shows that a number is at
         most the last one. */
      const __m128i h = _mm_set1_epi16(height - 1), w = _mm_set1_epi16(width - 1);
      for (int i = 0; i < 64; i += 8) {
        __m128i y = _mm_sub_epi16(_mm_loadu_si128((const __m128i*) (ys + i)), _mm_set1_epi16(top));
        __m128i x = _mm_sub_epi16(_mm_loadu_si128((const __m128i*) (xs + i)), _mm_set1_epi16(left));
        __m128i out = _mm_or_si128(_mm_subs_epu16(y, h), _mm_subs_epu16(x, w));
        __m128i in = _mm_cmpeq_epi16(out, _mm_setzero_si128());
        found |= (uint64_t) (_mm_movemask_epi8(_mm_packs_epi16(in, in)) & 255) << i;
      }
    #else
      const uint8x8_t places = {1, 2, 4, 8, 16, 32, 64, 128};
      for (int i = 0; i < 64; i += 8) {
        uint16x8_t y = vsubq_u16(vld1q_u16(ys + i), vdupq_n_u16(top));
        uint16x8_t x = vsubq_u16(vld1q_u16(xs + i), vdupq_n_u16(left));
        uint16x8_t in = vcltq_u16(y, vdupq_n_u16(height)) & vcltq_u16(x, vdupq_n_u16(width));
        found |= (uint64_t) vaddv_u8(vand_u8(vmovn_u16(in), places)) << i;
      }
    #endif
      return found;
    }
    """
    ctypedef struct counts:
        pass
    ctypedef struct sums:
        pass
    const uint16_t[16][16] BEHIND
    const sums NO_SUMS
    counts counts_plus(counts a, counts b) nogil
    counts counts_minus(counts a, counts b) nogil
    sums sums_plus(sums s, const counts* entering) nogil
    sums sums_moved(sums s, const counts* entering, const counts* leaving) nogil
    int bins_up_to(sums s, int32_t most) nogil
    uint64_t ordered(real number) nogil
    int bits_of(uint64_t word) nogil
    int place_of_bit(uint64_t word, int rank) nogil
    uint64_t inside(const uint16_t* ys, const uint16_t* xs, uint16_t top, uint16_t left,
                    uint16_t height, uint16_t width) nogil

# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The mean over a rectangle of few rows; widebox.pyx has the others.

    result[y, x] = sum over i < kh, j < kw:  image[y + i, x + j * step]  / (kh * kw)

Unlike a running sum, nothing is subtracted: each result is a sum of the pixels of its window. So
rounding errors do not grow along the image, and a NaN affects only the windows that hold it.

Down the columns, pairs of results share their sums. `row_sums` adds those along the rows. Small
squares of short integers stay in registers.
"""
from bands cimport Block, Slot
from pieces cimport piece_columns
from rows cimport Params
from squares cimport SUM, fold_squares, is_small_square
from sums cimport row_sums
from types cimport LANES, SHORT_INTEGER, WIDE, ZERO, load, real, store, vec


cdef enum:
    # The most rows of a rectangle: the largest of LOW in operations/box.py.
    HIGHEST = 16


cdef struct Rectangle:
    # params.records
    Py_ssize_t height, width
    Py_ssize_t step                 # columns between neighbours: the interleaved channels


cdef extern from *:
    """
    /* params.weights are the area, or for short integers the three numbers of `quotient` in
       operations/box.py. The upper half of a product needs an intrinsic: vector types have none. */
    #if SHORT_INTEGER
      typedef struct { vec half, factor; int shift; } Divisor;
      #define divisor(weights) \\
          ((Divisor) {ZERO + weights[0], ZERO + weights[1], (int) weights[2]})
      #if !defined(VECTOR_BYTES)
        #define upper(a, b) ((vec) ((uint32_t) (a) * (b) >> 16))
      #elif defined(__AVX512BW__)
        #define upper(a, b) ((vec) _mm512_mulhi_epu16((__m512i) (a), (__m512i) (b)))
      #elif defined(__AVX2__)
        #define upper(a, b) ((vec) _mm256_mulhi_epu16((__m256i) (a), (__m256i) (b)))
      #elif defined(__SSE2__)
        #define upper(a, b) ((vec) _mm_mulhi_epu16((__m128i) (a), (__m128i) (b)))
      #else
        static inline vec upper(vec a, vec b)
        {
          uint16x8_t x = (uint16x8_t) a, y = (uint16x8_t) b;
          uint32x4_t low = vmull_u16(vget_low_u16(x), vget_low_u16(y)), high = vmull_high_u16(x, y);
          return (vec) vuzp2q_u16((uint16x8_t) low, (uint16x8_t) high);
        }
      #endif
      #define mean(sum, by) (upper((sum) + (by)->half, (by)->factor) >> (by)->shift)
    #else
      typedef struct { real area; } Divisor;
      #define divisor(weights) ((Divisor) {weights[0]})
      #define mean(sum, by) ((sum) / (by)->area)
    #endif
    """
    ctypedef struct Divisor:
        pass
    Divisor divisor(const real* weights) nogil
    vec mean(vec sum, const Divisor* by) nogil


# ---------------------------------------------------------------------------------------------
# The equation

cdef inline void pair_sums(real** rows, Py_ssize_t height, Py_ssize_t begin, Py_ssize_t n,
                           real* out, Py_ssize_t pitch) noexcept nogil:
    """out[r] = rows[r] + ... + rows[r + height - 1] for r < 2 and n columns from `begin` on.

    That is (height + 1) / 2 additions for each result, and no sum is loaded again. The pointers are
    copied: the compiler could not keep them in registers, as any store might change an array that
    others see.
    """
    cdef const real* at[HIGHEST + 1]
    cdef Py_ssize_t r, x = 0
    cdef vec total
    for r in range(height + 1):
        at[r] = rows[r] + begin
    while x < n:
        total = load(at[1] + x) if height > 1 else ZERO
        for r in range(2, height):
            total = total + load(at[r] + x)
        store(out + x, load(at[0] + x) + total)
        store(out + pitch + x, total + load(at[height] + x))
        x += LANES


cdef inline void short_tile(const real* sums, Py_ssize_t width, Py_ssize_t step, Py_ssize_t x,
                            const Divisor* by, real* target, int wide) noexcept nogil:
    cdef vec[WIDE] total
    cdef Py_ssize_t c
    cdef int k
    for k in range(wide):
        total[k] = load(sums + x + k * LANES)
    for c in range(1, width):
        for k in range(wide):
            total[k] = total[k] + load(sums + x + c * step + k * LANES)
    for k in range(wide):
        store(target + x + k * LANES, mean(total[k], by))


cdef inline void short_means(const real* sums, Py_ssize_t width, Py_ssize_t step, Py_ssize_t n,
                             const Divisor* by, real* target) noexcept nogil:
    """target[x] = mean of the sum over c < width: sums[x + c * step]."""
    cdef Py_ssize_t x = 0
    while x + WIDE * LANES <= n:
        short_tile(sums, width, step, x, by, target, WIDE)
        x += WIDE * LANES
    while x < n:
        short_tile(sums, width, step, x, by, target, 1)
        x += LANES


cdef void row_means(real* sums, Py_ssize_t width, Py_ssize_t step, Py_ssize_t n,
                    const Divisor* by, real* target) noexcept nogil:
    """target[x] = mean of the `width` neighbours from x on; `sums` is overwritten.

    The most used widths are literals, so that the compiler makes code without a loop over c.
    """
    if width == 1:
        short_means(sums, 1, step, n, by, target)
        return
    if width == 3:
        short_means(sums, 3, step, n, by, target)
        return
    if width == 5:
        short_means(sums, 5, step, n, by, target)
        return
    if width == 7:
        short_means(sums, 7, step, n, by, target)
        return
    row_sums(sums, width, step, n, 1, target, False)
    short_means(target, 1, 0, n, by, target)


# ---------------------------------------------------------------------------------------------
# The schedule

cdef inline void sum_pairs(real** rows, Py_ssize_t height, Py_ssize_t begin, Py_ssize_t n,
                           real* out, Py_ssize_t pitch) noexcept nogil:
    """`pair_sums`, with the most used heights as literals: code without a loop over rows."""
    if height == 3:
        pair_sums(rows, 3, begin, n, out, pitch)
    elif height == 5:
        pair_sums(rows, 5, begin, n, out, pitch)
    else:
        pair_sums(rows, height, begin, n, out, pitch)


cdef inline void means_of_squares(const Params* params, const Slot* slot, const Rectangle* square,
                                  const Divisor* by, Py_ssize_t n) noexcept nogil:
    """Go along four rows, in pieces whose sums stay in L1."""
    cdef Py_ssize_t piece = piece_columns(params), r, k, x, m
    for r in range(0, params.block, 4):
        x = 0
        while x < n:
            m = min(piece, n - x)
            fold_squares(slot.rows + r, square.height, square.step, x, m, slot.targets + r, SUM)
            for k in range(4):
                short_means(slot.targets[r + k] + x, 1, 0, m, by, slot.targets[r + k] + x)
            x += m


cdef void block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """Go along pairs of rows, in pieces whose sums of columns stay in L1."""
    cdef const Rectangle* rectangle = <const Rectangle*> params.records
    cdef Py_ssize_t piece = piece_columns(params), r, k, x, m
    cdef Divisor by = divisor(<const real*> params.weights)
    if SHORT_INTEGER and is_small_square(rectangle.height, rectangle.width, rectangle.step):
        means_of_squares(params, slot, rectangle, &by, n)
        return
    for r in range(0, params.block, 2):
        x = 0
        while x < n:
            m = min(piece, n - x)
            sum_pairs(slot.rows + r, rectangle.height, x, m + params.span_x - 1, slot.work,
                      params.pitch)
            for k in range(2):
                row_means(slot.work + k * params.pitch, rectangle.width, rectangle.step, m, &by,
                          slot.targets[r + k] + x)
            x += m


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Block block_for(const Params* params) noexcept nogil:
    return block


include "bands.pxi"

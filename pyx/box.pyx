# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The mean over a rectangle, at a cost that hardly grows with its size.

    result[y, x] = sum over i < kh, j < kw:  image[y + i, x + j * step]  / (kh * kw)

Unlike a running sum, nothing is subtracted: each result is a sum of the pixels of its window. So
rounding errors do not grow along the image, and a NaN affects only the windows that hold it.

Down the columns, a group of R <= kh results shares its sums as van Herk (1992) and Gil and Werman
(1993) do for minima: suffix sums of the rows above the last window of the group, prefix sums of
those below. Along the rows, sums of 1, 4, 16, ... neighbours are made of four each; the digits of
kw to the base 4 are the numbers of them that are added.
"""
from bands cimport Block, Slot, up_to_lanes
from pieces cimport piece_columns
from rows cimport Params
from sums cimport add_row
from types cimport LANES, WIDE, ZERO, load, real, store, vec


cdef enum:
    # Up to this height, only pairs of results share sums of columns. SHORT in operations/box.py is
    # the same number.
    SHORT = 8


cdef struct Rectangle:
    # params.records
    Py_ssize_t height, width
    Py_ssize_t step                 # columns between neighbours: the interleaved channels


cdef extern from *:
    """
    #include <immintrin.h>

    /* params.weights are the area, or for short integers the three numbers of `quotient` in
       operations/box.py. The upper half of a product needs an intrinsic: vector types have none. */
    #if SHORT_INTEGER
      typedef struct { vec half, factor; int shift; } Divisor;
      #define divisor(weights) \\
          ((Divisor) {ZERO + weights[0], ZERO + weights[1], (int) weights[2]})
      #if defined(__AVX512BW__)
        #define upper(a, b) ((vec) _mm512_mulhi_epu16((__m512i) (a), (__m512i) (b)))
      #elif defined(__AVX2__)
        #define upper(a, b) ((vec) _mm256_mulhi_epu16((__m256i) (a), (__m256i) (b)))
      #elif defined(__SSE2__)
        #define upper(a, b) ((vec) _mm_mulhi_epu16((__m128i) (a), (__m128i) (b)))
      #else
        #define upper(a, b) ((vec) ((uint32_t) (a) * (b) >> 16))
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

cdef inline void column_sums(real** rows, Py_ssize_t height, Py_ssize_t group, Py_ssize_t x,
                             real* out, Py_ssize_t pitch, int wide) noexcept nogil:
    """out[r] = rows[r] + ... + rows[r + height - 1] for r < group <= height.

    That is about 3 + (height - group) / group additions for each result.
    """
    cdef vec[WIDE] total
    cdef Py_ssize_t r
    cdef int k
    for k in range(wide):
        total[k] = load(rows[height - 1] + x + k * LANES)
    for r in range(height - 2, -1, -1):
        if r + 1 < group:
            for k in range(wide):
                store(out + (r + 1) * pitch + x + k * LANES, total[k])
        for k in range(wide):
            total[k] = total[k] + load(rows[r] + x + k * LANES)
    for k in range(wide):
        store(out + x + k * LANES, total[k])
        total[k] = ZERO
    for r in range(1, group):
        for k in range(wide):
            total[k] = total[k] + load(rows[height + r - 1] + x + k * LANES)
            store(out + r * pitch + x + k * LANES,
                  load(out + r * pitch + x + k * LANES) + total[k])


cdef inline void pair_sums(real** rows, Py_ssize_t height, Py_ssize_t begin, Py_ssize_t n,
                           real* out, Py_ssize_t pitch) noexcept nogil:
    """`column_sums` of a group of two, for n columns: the rows that both share, and one row each.

    That is (height + 1) / 2 additions for each result, and no sum is loaded again. The pointers are
    copied: the compiler could not keep them in registers, as any store might change an array that
    others see.
    """
    cdef const real* at[SHORT + 1]
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
    cdef Py_ssize_t length = 1, done = 0, rest = width, digit
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
    while rest > 0:
        digit = rest % 4
        rest = rest // 4
        if digit > 0:
            add_row(sums + done * step, digit, length * step, n, done > 0, target)
            done += digit * length
        if rest > 0:
            add_row(sums, 4, length * step, n + (width - 4 * length) * step, False, sums)
            length *= 4
    short_means(target, 1, 0, n, by, target)


# ---------------------------------------------------------------------------------------------
# The schedule

cdef inline void sum_columns(real** rows, Py_ssize_t height, Py_ssize_t group, Py_ssize_t n,
                             real* out, Py_ssize_t pitch) noexcept nogil:
    """Sum n columns of a group of rows."""
    cdef Py_ssize_t x = 0
    while x + WIDE * LANES <= n:
        column_sums(rows, height, group, x, out, pitch, WIDE)
        x += WIDE * LANES
    while x < n:
        column_sums(rows, height, group, x, out, pitch, 1)
        x += LANES


cdef inline void sum_pairs(real** rows, Py_ssize_t height, Py_ssize_t begin, Py_ssize_t n,
                           real* out, Py_ssize_t pitch) noexcept nogil:
    """`pair_sums`, with the most used heights as literals: code without a loop over rows."""
    if height == 3:
        pair_sums(rows, 3, begin, n, out, pitch)
    elif height == 5:
        pair_sums(rows, 5, begin, n, out, pitch)
    else:
        pair_sums(rows, height, begin, n, out, pitch)


cdef void low_block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """Low windows: pairs of rows, in pieces whose sums of columns stay in L1."""
    cdef const Rectangle* rectangle = <const Rectangle*> params.records
    cdef Py_ssize_t piece = piece_columns(params), r, k, x, m
    cdef Divisor by = divisor(<const real*> params.weights)
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


cdef void high_block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    cdef const Rectangle* rectangle = <const Rectangle*> params.records
    cdef Py_ssize_t columns = up_to_lanes(n + params.span_x - 1), r = 0
    cdef Divisor by = divisor(<const real*> params.weights)
    cdef Py_ssize_t group = min(params.block, rectangle.height)
    cdef real* sums = slot.work
    while r < params.block:
        sum_columns(slot.rows + r, rectangle.height, group, columns, sums, params.pitch)
        r += group
        sums += group * params.pitch
    for r in range(params.block):
        row_means(slot.work + r * params.pitch, rectangle.width, rectangle.step, n, &by,
                  slot.targets[r])


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Block block_for(const Params* params) noexcept nogil:
    return low_block if (<const Rectangle*> params.records).height <= SHORT else high_block


include "bands.pxi"

# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Small squares of pixels, folded to their sum or an extreme, all in registers.

    target[r][x] = fold over i, j < side:  rows[r + i][x + j * step]

Four rows of results share the rows between them, and the neighbours of a column are shifted copies
of two vectors. Columns stored as lines in L1 would be read before they are written there: a maximum
of 5x5 of uint8 takes 68 ns for a thousand results with them, 40 ns without (v3, in C alone).
"""
from keys cimport CAN_SHIFT, larger_of, smaller_of
from types cimport LANES, load, real, store, vec

cdef extern from *:
    """
    /* `shifted` by a literal of up to REACH bytes. The instructions shift by up to 16 bytes within
       16 bytes; by more, they take the next two vectors that are 16 bytes apart. */
    #define BYTES(lanes) ((lanes) * (int) sizeof(real))
    #if !defined(VECTOR_BYTES) || VECTOR_BYTES == 16
      #define REACH 16
      #define neighbours(a, b, lanes) shifted(a, b, lanes)
    #else
      #define REACH 32
      #if defined(__AVX512BW__)
        #define farther(a, b, bytes) ((vec) _mm512_alignr_epi8( \\
            _mm512_alignr_epi64((__m512i) (b), (__m512i) (a), 4), \\
            _mm512_alignr_epi64((__m512i) (b), (__m512i) (a), 2), bytes))
      #else
        #define farther(a, b, bytes) ((vec) _mm256_alignr_epi8((__m256i) (b), \\
            _mm256_permute2x128_si256((__m256i) (a), (__m256i) (b), 0x21), bytes))
      #endif
      #define neighbours(a, b, lanes) \\
          (BYTES(lanes) <= 16 ? shifted(a, b, lanes) : farther(a, b, (BYTES(lanes) + 16) & 31))
    #endif
    """
    const int REACH
    vec neighbours(vec a, vec b, int lanes) nogil

cdef enum:
    SIDES = 9           # the largest side


cdef enum Fold:
    SMALLEST, LARGEST, SUM


cdef inline bint is_small_square(Py_ssize_t height, Py_ssize_t width,
                                 Py_ssize_t step) noexcept nogil:
    """Whether `fold_squares` has the square, and can shift by it."""
    cdef bint known = 3 <= height <= SIDES if step == 1 else 3 <= height <= 5 and step == 3
    return CAN_SHIFT and known and height % 2 == 1 and width == height and (
        (height - 1) * step * <Py_ssize_t> sizeof(real) <= REACH)


cdef inline vec both(vec a, vec b, int how) noexcept nogil:
    if how == SUM:
        return a + b
    return larger_of(a, b) if how == LARGEST else smaller_of(a, b)


cdef inline void columns_of_four(const real** at, Py_ssize_t height, Py_ssize_t x, vec[4] found,
                                 int how) noexcept nogil:
    """found[r] = fold of column x of rows r to r + height - 1, which all but a few share."""
    cdef vec upper = load(at[1] + x), third = load(at[2] + x), shared = load(at[3] + x)
    cdef vec lower = load(at[height] + x)
    cdef Py_ssize_t r
    for r in range(4, height):
        shared = both(shared, load(at[r] + x), how)
    upper = both(upper, third, how)
    if height == 3:
        found[1] = both(upper, shared, how)
        lower = both(shared, load(at[4] + x), how)
    else:
        upper = both(upper, shared, how)
        found[1] = both(upper, lower, how)
        lower = both(both(shared, lower, how), load(at[height + 1] + x), how)
    found[0] = both(load(at[0] + x), upper, how)
    found[2] = both(third, lower, how)
    found[3] = both(lower, load(at[height + 2] + x), how)


cdef inline vec along_row(vec a, vec b, Py_ssize_t width, Py_ssize_t step, int how) noexcept nogil:
    """Fold `width` neighbours, from each number of a on; b follows a.

    Shifts must be literals, so there is no loop.
    """
    cdef vec found
    if step == 3:
        found = both(both(a, neighbours(a, b, 3), how), neighbours(a, b, 6), how)
        if width >= 5:
            found = both(found, both(neighbours(a, b, 9), neighbours(a, b, 12), how), how)
        return found
    found = both(both(a, neighbours(a, b, 1), how), neighbours(a, b, 2), how)
    if width >= 5:
        found = both(found, both(neighbours(a, b, 3), neighbours(a, b, 4), how), how)
    if width >= 7:
        found = both(found, both(neighbours(a, b, 5), neighbours(a, b, 6), how), how)
    if width >= 9:
        found = both(found, both(neighbours(a, b, 7), neighbours(a, b, 8), how), how)
    return found


cdef inline void four_rows(real** rows, Py_ssize_t side, Py_ssize_t step, Py_ssize_t begin,
                           Py_ssize_t n, real** targets, int how) noexcept nogil:
    """Fold squares into four rows; the pointers are copied, as in `pair_extremes`.

    Nothing is read that is LANES or more columns behind the last window.
    """
    cdef const real* at[SIDES + 3]
    cdef real* to[4]
    cdef vec[4] columns
    cdef vec[4] ahead
    cdef Py_ssize_t x = 0, end = n + (side - 1) * step, r
    for r in range(side + 3):
        at[r] = rows[r] + begin
    for r in range(4):
        to[r] = targets[r] + begin
    columns_of_four(at, side, 0, columns, how)
    ahead = columns
    while x < n:
        if x + LANES < end:
            columns_of_four(at, side, x + LANES, ahead, how)
        for r in range(4):
            store(to[r] + x, along_row(columns[r], ahead[r], side, step, how))
            columns[r] = ahead[r]
        x += LANES


cdef inline void fold_squares(real** rows, Py_ssize_t side, Py_ssize_t step, Py_ssize_t begin,
                              Py_ssize_t n, real** targets, int how) noexcept nogil:
    """targets[r][x] = fold of the square at rows[r] and column x, for r < 4 and n columns.

    Each side and step is a literal in `four_rows`.
    """
    if step == 3 and side == 3:
        four_rows(rows, 3, 3, begin, n, targets, how)
    elif step == 3:
        four_rows(rows, 5, 3, begin, n, targets, how)
    elif side == 3:
        four_rows(rows, 3, 1, begin, n, targets, how)
    elif side == 5:
        four_rows(rows, 5, 1, begin, n, targets, how)
    elif side == 7:
        four_rows(rows, 7, 1, begin, n, targets, how)
    else:
        four_rows(rows, 9, 1, begin, n, targets, how)

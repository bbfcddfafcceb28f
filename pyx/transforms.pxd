# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Fast Fourier transforms of LANES columns side by side, in place.

    Z[f] = sum over y < N:  z[y] * exp(2 pi i f y / N)

A pass of radix R takes a block of R parts of n rows apart ("decimation in frequency"):

    part_j[r] = exp(2 pi i j r / (R n)) * sum over k < R:  exp(2 pi i j k / R) * part_k[r]

The transform of part j has the frequencies j + R f, so each part is a block of the next pass. The
last pass leaves the frequencies in the order in which the passes found them. Nobody sorts them: a
product of two transforms needs the same order in both, and the inverse takes the passes in the
reverse order ("decimation in time"). See C. Van Loan, "Computational Frameworks for the Fast
Fourier Transform" (1992).

Measured at level v3 (Zen 3), passes of radix 8 are slower than passes of radix 4: eight complex
numbers and their factors do not fit 16 registers. Factors that belong to a block instead of a row
(a splitting of t^N - c) are as fast, but their roundings add up where neighbours are equal: the
largest error is twice as large.
"""
from lanes cimport transpose
from types cimport LANES, load, real, store, vec

cdef extern from *:
    """
    #if defined(VECTOR_BYTES)
      enum { MOST_LANES = VECTOR_BYTES / 4 };
    #else
      enum { MOST_LANES = 1 };
    #endif
    """
    enum: MOST_LANES

cdef enum:
    RADIX = 5           # the largest


cdef struct Transform:
    Py_ssize_t length
    Py_ssize_t passes
    const Py_ssize_t* radices       # of each pass
    # exp(2 pi i j r / (R n)) for each pass, r and j > 0, as pairs of real and imaginary part
    const real* twiddles
    Py_ssize_t numbers              # of the twiddles


cdef inline void transform_3(vec* re, vec* im, real sign) noexcept nogil:
    cdef real sine = sign * <real> 0.86602540378443864676
    cdef vec sum_re = re[1] + re[2], sum_im = im[1] + im[2]
    cdef vec mid_re = re[0] - sum_re * <real> 0.5, mid_im = im[0] - sum_im * <real> 0.5
    cdef vec cross_re = (im[2] - im[1]) * sine, cross_im = (re[1] - re[2]) * sine
    re[0] = re[0] + sum_re
    im[0] = im[0] + sum_im
    re[1] = mid_re + cross_re
    im[1] = mid_im + cross_im
    re[2] = mid_re - cross_re
    im[2] = mid_im - cross_im


cdef inline void transform_4(vec* re, vec* im, real sign) noexcept nogil:
    cdef vec even_re = re[0] + re[2], even_im = im[0] + im[2]
    cdef vec odd_re = re[1] + re[3], odd_im = im[1] + im[3]
    cdef vec rest_re = re[0] - re[2], rest_im = im[0] - im[2]
    cdef vec cross_re = im[3] - im[1], cross_im = re[1] - re[3]
    re[0] = even_re + odd_re
    im[0] = even_im + odd_im
    re[2] = even_re - odd_re
    im[2] = even_im - odd_im
    re[1] = rest_re + cross_re * sign
    im[1] = rest_im + cross_im * sign
    re[3] = rest_re - cross_re * sign
    im[3] = rest_im - cross_im * sign


cdef inline void transform_5(vec* re, vec* im, real sign) noexcept nogil:
    """Two pairs of numbers, 1 and 4, 2 and 3, whose sums and differences are shared."""
    cdef real cos_1 = <real> 0.30901699437494742410, cos_2 = <real> -0.80901699437494742410
    cdef real sin_1 = sign * <real> 0.95105651629515357212
    cdef real sin_2 = sign * <real> 0.58778525229247312917
    cdef vec outer_re = re[1] + re[4], outer_im = im[1] + im[4]
    cdef vec inner_re = re[2] + re[3], inner_im = im[2] + im[3]
    cdef vec far_re = im[4] - im[1], far_im = re[1] - re[4]
    cdef vec near_re = im[3] - im[2], near_im = re[2] - re[3]
    cdef vec one_re = re[0] + outer_re * cos_1 + inner_re * cos_2
    cdef vec one_im = im[0] + outer_im * cos_1 + inner_im * cos_2
    cdef vec two_re = re[0] + outer_re * cos_2 + inner_re * cos_1
    cdef vec two_im = im[0] + outer_im * cos_2 + inner_im * cos_1
    cdef vec first_re = far_re * sin_1 + near_re * sin_2
    cdef vec first_im = far_im * sin_1 + near_im * sin_2
    cdef vec second_re = far_re * sin_2 - near_re * sin_1
    cdef vec second_im = far_im * sin_2 - near_im * sin_1
    re[0] = re[0] + outer_re + inner_re
    im[0] = im[0] + outer_im + inner_im
    re[1] = one_re + first_re
    im[1] = one_im + first_im
    re[4] = one_re - first_re
    im[4] = one_im - first_im
    re[2] = two_re + second_re
    im[2] = two_im + second_im
    re[3] = two_re - second_re
    im[3] = two_im - second_im


cdef inline void transform_few(vec* re, vec* im, int radix, real sign) noexcept nogil:
    """Transform `radix` numbers, or back with sign -1."""
    cdef vec re_1, im_1
    if radix == 2:
        re_1 = re[1]
        im_1 = im[1]
        re[1] = re[0] - re_1
        im[1] = im[0] - im_1
        re[0] = re[0] + re_1
        im[0] = im[0] + im_1
    elif radix == 3:
        transform_3(re, im, sign)
    elif radix == 4:
        transform_4(re, im, sign)
    else:
        transform_5(re, im, sign)


cdef inline void multiply(vec* re, vec* im, real cosine, real sine) noexcept nogil:
    cdef vec product = re[0] * cosine - im[0] * sine
    im[0] = im[0] * cosine + re[0] * sine
    re[0] = product


cdef inline void run_parts(real* at, Py_ssize_t imaginary, Py_ssize_t part, const real* twiddles,
                           int radix, bint factors, bint back) noexcept nogil:
    """Replace a number of each part; the parts are `part` numbers apart."""
    cdef vec[RADIX] re
    cdef vec[RADIX] im
    cdef int k
    for k in range(radix):
        re[k] = load(at + k * part)
        im[k] = load(at + k * part + imaginary)
        if k > 0 and factors and back:
            multiply(&re[k], &im[k], twiddles[2 * k - 2], -twiddles[2 * k - 1])
    transform_few(re, im, radix, -1 if back else 1)
    for k in range(radix):
        if k > 0 and factors and not back:
            multiply(&re[k], &im[k], twiddles[2 * k - 2], twiddles[2 * k - 1])
        store(at + k * part, re[k])
        store(at + k * part + imaginary, im[k])


cdef inline void run_pass(real* column, Py_ssize_t imaginary, Py_ssize_t pitch, Py_ssize_t blocks,
                          Py_ssize_t rows, const real* twiddles, int radix,
                          bint back) noexcept nogil:
    """One pass over blocks whose parts have `rows` rows. Row 0 has the factors 1."""
    cdef Py_ssize_t part = rows * pitch, b, r
    for b in range(blocks):
        run_parts(column + b * radix * part, imaginary, part, twiddles, radix, False, back)
    for r in range(1, rows):
        for b in range(blocks):
            run_parts(column + b * radix * part + r * pitch, imaginary, part,
                      twiddles + r * 2 * (radix - 1), radix, True, back)


cdef inline void run_radix(real* column, Py_ssize_t imaginary, Py_ssize_t pitch, Py_ssize_t blocks,
                           Py_ssize_t rows, const real* twiddles, Py_ssize_t radix,
                           bint back) noexcept nogil:
    """`run_pass` with a literal radix."""
    if radix == 4:
        run_pass(column, imaginary, pitch, blocks, rows, twiddles, 4, back)
    elif radix == 2:
        run_pass(column, imaginary, pitch, blocks, rows, twiddles, 2, back)
    elif radix == 3:
        run_pass(column, imaginary, pitch, blocks, rows, twiddles, 3, back)
    else:
        run_pass(column, imaginary, pitch, blocks, rows, twiddles, 5, back)


cdef inline void forwards(const Transform* transform, real* column, Py_ssize_t imaginary,
                          Py_ssize_t pitch) noexcept nogil:
    """Transform LANES columns; rows are `pitch` numbers apart, real and imaginary parts
    `imaginary` numbers."""
    cdef const real* twiddles = transform.twiddles
    cdef Py_ssize_t rows = transform.length, p, radix
    for p in range(transform.passes):
        radix = transform.radices[p]
        rows //= radix
        run_radix(column, imaginary, pitch, transform.length // (rows * radix), rows, twiddles,
                  radix, False)
        twiddles += rows * 2 * (radix - 1)


cdef inline void backwards(const Transform* transform, real* column, Py_ssize_t imaginary,
                           Py_ssize_t pitch) noexcept nogil:
    """Transform back, up to a factor of the length."""
    cdef const real* twiddles = transform.twiddles + transform.numbers
    cdef Py_ssize_t rows = 1, p, radix
    for p in range(transform.passes - 1, -1, -1):
        radix = transform.radices[p]
        twiddles -= rows * 2 * (radix - 1)
        run_radix(column, imaginary, pitch, transform.length // (rows * radix), rows, twiddles,
                  radix, True)
        rows *= radix


cdef inline void transpose_square(const real* source, Py_ssize_t source_pitch, real* target,
                                  Py_ssize_t target_pitch) noexcept nogil:
    """Transpose a square of LANES by LANES numbers."""
    cdef vec[MOST_LANES] rows
    cdef Py_ssize_t k
    for k in range(LANES):
        rows[k] = load(source + k * source_pitch)
    transpose(rows)
    for k in range(LANES):
        store(target + k * target_pitch, rows[k])

# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Fast Fourier transforms of LANES columns side by side, in place.

    Z[f] = sum over y < N:  z[y] * exp(2 pi i f y / N)

A row of numbers is LANES real parts, then LANES imaginary parts, and rows follow each other.

A pass of radix R takes a block of R parts of n rows apart ("decimation in frequency"):

    part_j[r] = exp(2 pi i j r / (R n)) * sum over k < R:  exp(2 pi i j k / R) * part_k[r]

The transform of part j has the frequencies j + R f, so each part is a block of the next pass. The
last pass leaves the frequencies in the order in which the passes found them. Nobody sorts them: a
product of two transforms needs the same order in both, and the inverse takes the passes in the
reverse order ("decimation in time"). See C. Van Loan, "Computational Frameworks for the Fast
Fourier Transform" (1992).

Measured at level v3, passes of radix 8 are slower than passes of radix 4 on a Zen 3, and as fast on
a Zen 5: eight complex numbers and their factors do not fit 16 registers. With 32 registers they
gain nothing either. Factors that belong to a block instead of a row
(a splitting of t^N - c) are as fast, but their roundings add up where neighbours are equal: the
largest error is twice as large.
"""
from lanes cimport transpose
from types cimport LANES, compiled_once, load, real, store, vec

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


# A pass over blocks whose parts have `rows` rows, and the product of the last one. Each is a
# function of its own, whose numbers stay in registers: among all else they would not.
ctypedef void (*Pass)(real* columns, Py_ssize_t blocks, Py_ssize_t rows, const real* twiddles,
                      Py_ssize_t radix) noexcept nogil


ctypedef void (*Product)(real* columns, const real* spectrum, Py_ssize_t length,
                         Py_ssize_t radix) noexcept nogil


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


cdef inline void multiply(vec* re, vec* im, real cosine, real sine, bint back) noexcept nogil:
    """Multiply a number by a factor, or by its conjugate."""
    cdef vec product
    if back:
        product = re[0] * cosine + im[0] * sine
        im[0] = im[0] * cosine - re[0] * sine
    else:
        product = re[0] * cosine - im[0] * sine
        im[0] = im[0] * cosine + re[0] * sine
    re[0] = product


cdef inline void load_numbers(const real* at, Py_ssize_t part, int radix, vec* re,
                              vec* im) noexcept nogil:
    cdef int k
    for k in range(radix):
        re[k] = load(at + k * part)
        im[k] = load(at + k * part + LANES)


cdef inline void store_numbers(real* at, Py_ssize_t part, int radix, const vec* re,
                               const vec* im) noexcept nogil:
    cdef int k
    for k in range(radix):
        store(at + k * part, re[k])
        store(at + k * part + LANES, im[k])


cdef inline void run_parts(real* at, Py_ssize_t part, const real* twiddles, int radix,
                           bint factors, bint back) noexcept nogil:
    """Replace a number of each part; the parts are `part` numbers apart."""
    cdef vec[RADIX] re
    cdef vec[RADIX] im
    cdef int k
    load_numbers(at, part, radix, re, im)
    for k in range(1, radix if factors and back else 1):
        multiply(&re[k], &im[k], twiddles[2 * k - 2], twiddles[2 * k - 1], True)
    transform_few(re, im, radix, -1 if back else 1)
    for k in range(1, radix if factors and not back else 1):
        multiply(&re[k], &im[k], twiddles[2 * k - 2], twiddles[2 * k - 1], False)
    store_numbers(at, part, radix, re, im)


cdef inline void run_pass(real* columns, Py_ssize_t blocks, Py_ssize_t rows, const real* twiddles,
                          int radix, bint back) noexcept nogil:
    """One pass over blocks whose parts have `rows` rows. Row 0 has the factors 1."""
    cdef Py_ssize_t part = rows * 2 * LANES, b, r
    for b in range(blocks):
        run_parts(columns + b * radix * part, part, twiddles, radix, False, back)
    for r in range(1, rows):
        for b in range(blocks):
            run_parts(columns + b * radix * part + r * 2 * LANES, part,
                      twiddles + r * 2 * (radix - 1), radix, True, back)


cdef inline void run_radix(real* columns, Py_ssize_t blocks, Py_ssize_t rows, const real* twiddles,
                           Py_ssize_t radix, bint back) noexcept nogil:
    """`run_pass` with a literal radix."""
    if radix == 4:
        run_pass(columns, blocks, rows, twiddles, 4, back)
    elif radix == 2:
        run_pass(columns, blocks, rows, twiddles, 2, back)
    elif radix == 3:
        run_pass(columns, blocks, rows, twiddles, 3, back)
    else:
        run_pass(columns, blocks, rows, twiddles, 5, back)


cdef inline void run_forwards_body(real* columns, Py_ssize_t blocks, Py_ssize_t rows,
                                   const real* twiddles, Py_ssize_t radix) noexcept nogil:
    run_radix(columns, blocks, rows, twiddles, radix, False)


cdef inline void run_backwards_body(real* columns, Py_ssize_t blocks, Py_ssize_t rows,
                                    const real* twiddles, Py_ssize_t radix) noexcept nogil:
    run_radix(columns, blocks, rows, twiddles, radix, True)


cdef inline void run_passes(const Transform* transform, Py_ssize_t first, Py_ssize_t end,
                            real* columns, Py_ssize_t length) noexcept nogil:
    """Run passes `first` to `end` over `length` numbers: all, or some blocks of pass `first`."""
    cdef const real* twiddles = transform.twiddles
    cdef Py_ssize_t rows = transform.length, p, radix
    cdef Pass run = <Pass> compiled_once(<void*> run_forwards_body)
    for p in range(end):
        radix = transform.radices[p]
        rows //= radix
        if p >= first:
            run(columns, length // (rows * radix), rows, twiddles, radix)
        twiddles += rows * 2 * (radix - 1)


cdef inline void run_passes_back(const Transform* transform, Py_ssize_t first, Py_ssize_t end,
                                 real* columns, Py_ssize_t length) noexcept nogil:
    """Undo `run_passes`, up to a factor."""
    cdef const real* twiddles = transform.twiddles + transform.numbers
    cdef Py_ssize_t rows = 1, p, radix
    cdef Pass run = <Pass> compiled_once(<void*> run_backwards_body)
    for p in range(transform.passes - 1, first - 1, -1):
        radix = transform.radices[p]
        twiddles -= rows * 2 * (radix - 1)
        if p < end:
            run(columns, length // (rows * radix), rows, twiddles, radix)
        rows *= radix


cdef inline void forwards(const Transform* transform, real* columns) noexcept nogil:
    """Transform LANES columns."""
    run_passes(transform, 0, transform.passes, columns, transform.length)


cdef inline void backwards(const Transform* transform, real* columns) noexcept nogil:
    """Transform back, up to a factor of the length."""
    run_passes_back(transform, 0, transform.passes, columns, transform.length)


cdef inline void multiply_blocks(real* columns, const real* spectrum, Py_ssize_t length, int radix,
                                 bint alike) noexcept nogil:
    """The last pass over `length` numbers, the product with the spectrum, and the pass back."""
    cdef vec[RADIX] re
    cdef vec[RADIX] im
    cdef vec product, wave_re, wave_im
    cdef Py_ssize_t i = 0
    cdef int k
    while i < length:
        load_numbers(columns, 2 * LANES, radix, re, im)
        transform_few(re, im, radix, 1)
        for k in range(radix):
            if alike:
                multiply(&re[k], &im[k], spectrum[2 * k], spectrum[2 * k + 1], False)
            else:
                wave_re = load(spectrum + 2 * k * LANES)
                wave_im = load(spectrum + (2 * k + 1) * LANES)
                product = re[k] * wave_re - im[k] * wave_im
                im[k] = im[k] * wave_re + re[k] * wave_im
                re[k] = product
        transform_few(re, im, radix, -1)
        store_numbers(columns, 2 * LANES, radix, re, im)
        columns += 2 * radix * LANES
        spectrum += 2 * radix * (1 if alike else LANES)
        i += radix


cdef inline void multiply_radix(real* columns, const real* spectrum, Py_ssize_t length,
                                Py_ssize_t radix, bint alike) noexcept nogil:
    """`multiply_blocks` with a literal radix."""
    if radix == 4:
        multiply_blocks(columns, spectrum, length, 4, alike)
    elif radix == 2:
        multiply_blocks(columns, spectrum, length, 2, alike)
    elif radix == 3:
        multiply_blocks(columns, spectrum, length, 3, alike)
    else:
        multiply_blocks(columns, spectrum, length, 5, alike)


cdef inline void multiply_alike(real* columns, const real* spectrum, Py_ssize_t length,
                                Py_ssize_t radix) noexcept nogil:
    multiply_radix(columns, spectrum, length, radix, True)


cdef inline void multiply_apart(real* columns, const real* spectrum, Py_ssize_t length,
                                Py_ssize_t radix) noexcept nogil:
    multiply_radix(columns, spectrum, length, radix, False)


cdef inline void filter_blocks(const Transform* transform, Py_ssize_t first, real* columns,
                               Py_ssize_t length, const real* spectrum,
                               bint alike) noexcept nogil:
    """`filter_columns` of blocks of pass `first`."""
    cdef Py_ssize_t last = transform.passes - 1
    cdef Product multiply = <Product> compiled_once(<void*> (multiply_alike if alike
                                                             else multiply_apart))
    run_passes(transform, first, last, columns, length)
    multiply(columns, spectrum, length, transform.radices[last])
    run_passes_back(transform, first, last, columns, length)


cdef inline void filter_columns(const Transform* transform, real* columns, const real* spectrum,
                                bint alike) noexcept nogil:
    """Transform LANES columns, multiply them by spectra, and transform them back.

    Each column has a spectrum of its own, side by side, or all have the same one (`alike`). Each
    part of the first pass goes all the way alone, so that it stays in L1, and the last pass, the
    product and the pass back are one: 256 x 256 float64 take 0.9 of the time (Zen 5).
    """
    cdef Py_ssize_t part = transform.length // transform.radices[0], i = 0
    if transform.passes == 1:
        filter_blocks(transform, 0, columns, transform.length, spectrum, alike)
        return
    run_passes(transform, 0, 1, columns, transform.length)
    while i < transform.length:
        filter_blocks(transform, 1, columns + 2 * i * LANES, part,
                      spectrum + 2 * i * (1 if alike else LANES), alike)
        i += part
    run_passes_back(transform, 0, 1, columns, transform.length)


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

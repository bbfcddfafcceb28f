# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Symmetric tensors of 2 x 2 numbers at each pixel, and what is made of them, in one pass.

    tensor = [[a, b], [b, c]]       a: yy, b: yx, c: xx
    eigenvalues                     (a + c) / 2 +- sqrt(((a - c) / 2)**2 + b**2)

Hessian: a, b and c are second derivatives of a Gaussian, at one scale or at several, of whose
responses the largest is kept. Structure tensor: products of the two first derivatives, smoothed.

A kernel whose weights add up to 0 is applied to the differences of neighbouring pixels, as the sum
of its weights up to each. So a flat area has a tensor of exactly 0, however bright it is, and small
slopes are not lost beside it.
"""
from cython.parallel cimport prange
from libc.string cimport memcpy

from bands cimport Block, Slot, ring_rows, up_to_lanes
from passes cimport POINTER, Horizontal, Vertical, horizontal_pass, vertical_pass
from roots cimport arc, length, size_of
from rows cimport Params
from tiles cimport SQUARE
from types cimport real

cdef extern from *:
    """
    /* exp(x) for x <= 0 without a branch, so that the compiler can use whole vectors: 2**n times
       the series of the rest, at most ln(2) / 2. */
    static inline float negative_expf(float x) {
        float n = rintf(x * 0x1.715476p+0f), r = (x - n * 0x1.62ep-1f) - n * 0x1.0bfbe8p-15f, y;
        int32_t bits = ((int32_t) (n < -126.0f ? -126.0f : n) + 127) * (1 << 23);
        memcpy(&y, &bits, 4);
        y *= 1 + r * (1 + r * (0x1p-1f + r * (0x1.555556p-3f + r * (0x1.555556p-5f
             + r * (0x1.111112p-7f + r * (0x1.6c16c2p-10f + r * 0x1.a01a02p-13f))))));
        return x < -87.0f ? 0.0f : y;
    }
    static inline double negative_exp(double x) {
        double n = rint(x * 0x1.71547652b82fep+0), y;
        double r = (x - n * 0x1.62e42feep-1) - n * 0x1.a39ef35793c76p-33;
        int64_t bits = (int64_t) (int32_t) (n < -1022.0 ? -1022.0 : n) + 1023;
        bits *= (int64_t) 1 << 52;
        memcpy(&y, &bits, 8);
        y *= 1 + r * (1 + r * (1.0 / 2 + r * (1.0 / 6 + r * (1.0 / 24 + r * (1.0 / 120
             + r * (1.0 / 720 + r * (1.0 / 5040 + r * (1.0 / 40320 + r * (1.0 / 362880
             + r * (1.0 / 3628800 + r * (1.0 / 39916800 + r * (1.0 / 479001600
             + r * (1.0 / 6227020800.0)))))))))))));
        return x < -708.0 ? 0.0 : y;
    }
    #define exponential(x) \\
        (sizeof(real) == 4 ? (real) negative_expf((float) (x)) : (real) negative_exp((double) (x)))
    """
    real exponential(real x) nogil

cdef enum:
    PARTS = 3           # of a tensor: yy, yx, xx
    PIECE = 1024        # tensors that are combined at once


cdef enum Response:
    # In the order of RESPONSES in operations/tensors.py.
    TENSOR, EIGENVALUES, ORIENTATION, COHERENCE, NORM, HARRIS, SHI_TOMASI, SATO, FRANGI, MEIJERING


cdef struct Tensor:
    # The head of params.records; for each scale three Vertical, and for each three Horizontal
    # follow it. The first of params.weights are two numbers of the response, then a factor for each
    # scale.
    Py_ssize_t products, response, scales


# ---------------------------------------------------------------------------------------------
# What the vertical passes read

cdef inline void difference_rows(real** rows, Py_ssize_t count, Py_ssize_t n,
                                 real** target) noexcept nogil:
    """Store the differences of neighbouring rows."""
    cdef Py_ssize_t r, x
    for r in range(count - 1):
        for x in range(n):
            target[r][x] = rows[r + 1][x] - rows[r][x]
    for x in range(n):
        target[count - 1][x] = 0


cdef inline void differences(real* row, Py_ssize_t n, Py_ssize_t step, real* target) noexcept nogil:
    """Store the differences of neighbouring pixels of a row; target may be the row."""
    cdef Py_ssize_t x
    for x in range(n - step):
        target[x] = row[x + step] - row[x]
    for x in range(max(n - step, 0), n):
        target[x] = 0


cdef inline void product_rows(real** rows, Py_ssize_t count, Py_ssize_t n, Py_ssize_t step,
                              real** yy, real** yx, real** xx) noexcept nogil:
    """Store the products of Sobel's derivatives, each at the upper left corner of its window."""
    cdef Py_ssize_t r, x, last = n - 2 * step
    cdef const real* top
    cdef const real* middle
    cdef const real* bottom
    cdef real dy, dx, two = 2           # a literal would be a double
    for r in range(count - 2):
        top = rows[r]
        middle = rows[r + 1]
        bottom = rows[r + 2]
        for x in range(last):
            dy = ((bottom[x] - top[x]) + two * (bottom[x + step] - top[x + step])
                  + (bottom[x + 2 * step] - top[x + 2 * step]))
            dx = ((top[x + 2 * step] - top[x]) + two * (middle[x + 2 * step] - middle[x])
                  + (bottom[x + 2 * step] - bottom[x]))
            yy[r][x] = dy * dy
            yx[r][x] = dy * dx
            xx[r][x] = dx * dx
        for x in range(max(last, 0), n):
            yy[r][x] = 0
            yx[r][x] = 0
            xx[r][x] = 0


# ---------------------------------------------------------------------------------------------
# What is made of the tensors of a row. Each function stores its result in a, the second one in b.

cdef inline real larger(real a, real b, real c) noexcept nogil:
    return (a + c) / 2 + length((a - c) / 2, b, 1)


cdef inline real smaller(real a, real b, real c) noexcept nogil:
    return (a + c) / 2 - length((a - c) / 2, b, 1)


cdef inline void eigenvalues(real* a, real* b, const real* c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef real mean, radius
    for i in range(n):
        mean = (a[i] + c[i]) / 2
        radius = length((a[i] - c[i]) / 2, b[i], 1)
        a[i] = mean + radius
        b[i] = mean - radius


cdef inline void orientation(real* a, const real* b, const real* c, Py_ssize_t n) noexcept nogil:
    """The angle of the larger eigenvalue's vector; the sum with 0 makes +0 of -0, for arc."""
    cdef Py_ssize_t i
    for i in range(n):
        a[i] = arc(2 * b[i] + 0, c[i] - a[i]) / 2


cdef inline void coherence(real* a, const real* b, const real* c, Py_ssize_t n) noexcept nogil:
    """((l1 - l2) / (l1 + l2))**2."""
    cdef Py_ssize_t i
    cdef real mean, radius, ratio
    for i in range(n):
        mean = (a[i] + c[i]) / 2
        radius = length((a[i] - c[i]) / 2, b[i], 1)
        ratio = radius / (1 if mean == 0 else mean)
        a[i] = ratio * ratio


cdef inline void norm(real* a, const real* b, const real* c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        a[i] = length(larger(a[i], b[i], c[i]), smaller(a[i], b[i], c[i]), 1)


cdef inline void harris(real* a, const real* b, const real* c, Py_ssize_t n, real k) noexcept nogil:
    cdef Py_ssize_t i
    cdef real trace
    for i in range(n):
        trace = a[i] + c[i]
        a[i] = a[i] * c[i] - b[i] * b[i] - k * (trace * trace)


cdef inline void shi_tomasi(real* a, const real* b, const real* c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        a[i] = smaller(a[i], b[i], c[i])


cdef inline void sato(real* a, const real* b, const real* c, Py_ssize_t n,
                      real factor) noexcept nogil:
    cdef Py_ssize_t i
    cdef real value
    for i in range(n):
        value = larger(a[i], b[i], c[i])
        a[i] = factor * (0 if value < 0 else value)


cdef inline void frangi(real* a, real* b, const real* c, Py_ssize_t n, real blobness,
                        real structure) noexcept nogil:
    """exp(-blobness * (l1 / l2)**2) * (1 - exp(-structure * (l1**2 + l2**2))), |l1| <= |l2|.

    An l2 below 1e-10 counts as 1e-10, so that ridges of the other sign have a large ratio.
    """
    cdef Py_ssize_t i
    cdef real low, high, ratio, square
    eigenvalues(a, b, c, n)
    for i in range(n):
        low = a[i] if size_of(a[i]) <= size_of(b[i]) else b[i]
        high = b[i] if size_of(a[i]) <= size_of(b[i]) else a[i]
        square = structure * (low * low + high * high)
        ratio = low / (<real> 1e-10 if high < <real> 1e-10 else high)
        a[i] = exponential(-blobness * (ratio * ratio)) * (1 - exponential(-square))


cdef inline void meijering(real* a, const real* b, const real* c, Py_ssize_t n, real alpha,
                           real factor) noexcept nogil:
    """The larger by its size of l1 + alpha * l2 and l2 + alpha * l1, or 0 if that is negative."""
    cdef Py_ssize_t i
    cdef real mean, radius, one, other
    for i in range(n):
        mean = (a[i] + c[i]) / 2
        radius = length((a[i] - c[i]) / 2, b[i], 1)
        one = (mean + radius) + alpha * (mean - radius)
        other = (mean - radius) + alpha * (mean + radius)
        one = other if size_of(other) > size_of(one) else one
        a[i] = factor * (0 if one < 0 else one)


cdef inline void respond(Py_ssize_t response, const real* numbers, real factor, real* a, real* b,
                         const real* c, Py_ssize_t n) noexcept nogil:
    if response == EIGENVALUES:
        eigenvalues(a, b, c, n)
    elif response == ORIENTATION:
        orientation(a, b, c, n)
    elif response == COHERENCE:
        coherence(a, b, c, n)
    elif response == NORM:
        norm(a, b, c, n)
    elif response == HARRIS:
        harris(a, b, c, n, numbers[0])
    elif response == SHI_TOMASI:
        shi_tomasi(a, b, c, n)
    elif response == SATO:
        sato(a, b, c, n, factor)
    elif response == FRANGI:
        frangi(a, b, c, n, numbers[0], numbers[1])
    elif response == MEIJERING:
        meijering(a, b, c, n, numbers[0], factor)


cdef inline void keep_larger(const real* a, Py_ssize_t n, real* target) noexcept nogil:
    """Keep the larger of two responses; NaN stays."""
    cdef Py_ssize_t i
    for i in range(n):
        target[i] = a[i] if a[i] > target[i] or a[i] != a[i] else target[i]


# ---------------------------------------------------------------------------------------------
# The schedule: for each scale the vertical passes into rows that stay in cache, then the horizontal
# ones from these, then what is made of the three rows, which replaces the first of them.

cdef void block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    cdef const Tensor* what = <const Tensor*> params.records
    cdef const Vertical* verticals = <const Vertical*> (what + 1)
    cdef const Horizontal* horizontals = <const Horizontal*> (verticals + PARTS * what.scales)
    cdef const real* weights = <const real*> params.weights
    cdef Py_ssize_t count = ring_rows(params), columns = up_to_lanes(n + params.span_x - 1), s, r
    cdef Py_ssize_t prepared = (PARTS if what.products else 1) * count
    cdef real*** passes = <real***> slot.work
    cdef real** rows = <real**> (passes + PARTS)
    cdef real** parts = rows + prepared
    cdef real* first
    cdef real* second
    cdef real* free = slot.work + pointer_numbers(prepared, params.block)
    for r in range(prepared + 2 * PARTS * params.block):
        rows[r] = free + r * params.pitch
    if what.products:
        product_rows(slot.rows, count, columns, params.step, rows, rows + count, rows + 2 * count)
    else:
        difference_rows(slot.rows, count, columns, rows)
    for r in range(PARTS):
        passes[r] = parts + (PARTS + r) * params.block
    for s in range(what.scales):
        scale(params, slot, verticals + PARTS * s, horizontals + PARTS * s, weights, n, columns,
              rows, passes, slot.targets if what.response == TENSOR else parts)
        for r in range(params.block if what.response != TENSOR else 0):
            first = parts[r]
            second = parts[params.block + r]
            respond(what.response, weights, weights[2 + s], first, second,
                    parts[2 * params.block + r], n)
            if s > 0:
                keep_larger(first, n, slot.targets[r])
                continue
            memcpy(slot.targets[r], first, n * sizeof(real))
            if what.response == EIGENVALUES:
                memcpy(slot.targets[params.block + r], second, n * sizeof(real))


cdef inline Py_ssize_t pointer_numbers(Py_ssize_t prepared, Py_ssize_t block) noexcept nogil:
    return POINTER * (PARTS + prepared + 2 * PARTS * block)


cdef inline void scale(const Params* params, const Slot* slot, const Vertical* verticals,
                       const Horizontal* horizontals, const real* weights, Py_ssize_t n,
                       Py_ssize_t columns, real** rows, real*** passes,
                       real** targets) noexcept nogil:
    """Compute the three parts of the tensors of a block: `block` rows of yy, then of yx and of xx.

    A second derivative along x is taken of the differences of a row, after its vertical pass.
    """
    cdef bint products = (<const Tensor*> params.records).products
    cdef Py_ssize_t count = ring_rows(params), p, r, t
    cdef real** source
    cdef real* memory
    for p in range(PARTS):
        source = rows + p * count if products else slot.rows if p == 2 else rows
        memory = rows[(PARTS if products else 1) * count + (PARTS + p) * params.block]
        vertical_pass(verticals + p, params, source, weights, columns, passes[p], memory)
        for r in range(params.block if p > 0 and not products else 0):
            differences(passes[p][r], columns, params.step, memory + r * params.pitch)
            passes[p][r] = memory + r * params.pitch
    for p in range(PARTS):
        for t in range(params.block // SQUARE):
            horizontal_pass(horizontals, PARTS, p, passes, t * SQUARE, weights, n,
                            targets + p * params.block + t * SQUARE)


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Block block_for(const Params* params) noexcept nogil:
    return block


include "bands.pxi"


def combine(cnp.ndarray yy not None, cnp.ndarray yx not None, cnp.ndarray xx not None,
            cnp.ndarray results not None, Py_ssize_t response, cnp.ndarray numbers not None,
            int threads):
    """Make of n tensors what `response` says, in (1, n) or (2, n).

    `numbers` are the two of the response, then a factor. Rows of the results may lie apart.
    """
    cdef Py_ssize_t n = yy.shape[0], pieces = (n + PIECE - 1) // PIECE, p, begin
    cdef const real* a = <const real*> cnp.PyArray_DATA(yy)
    cdef const real* b = <const real*> cnp.PyArray_DATA(yx)
    cdef const real* c = <const real*> cnp.PyArray_DATA(xx)
    cdef real* target = <real*> cnp.PyArray_DATA(results)
    cdef real* second = NULL
    cdef const real* given = <const real*> cnp.PyArray_DATA(numbers)
    if response == EIGENVALUES:
        second = target + cnp.PyArray_STRIDE(results, 0) // <Py_ssize_t> sizeof(real)
    for p in prange(pieces, num_threads=threads, schedule="static", nogil=True):
        begin = p * PIECE
        combine_piece(a + begin, b + begin, c + begin, min(PIECE, n - begin), response, given,
                      target + begin, NULL if second == NULL else second + begin)


cdef void combine_piece(const real* yy, const real* yx, const real* xx, Py_ssize_t n,
                        Py_ssize_t response, const real* numbers, real* target,
                        real* second) noexcept nogil:
    """Make it in the target, and of `yx`, which is copied."""
    cdef real[PIECE] other
    memcpy(target, yy, n * sizeof(real))
    memcpy(other, yx, n * sizeof(real))
    respond(response, numbers, numbers[2], target, other, xx, n)
    if second != NULL:
        memcpy(second, other, n * sizeof(real))

# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Rows that carry a weight beside each value.

    row of values:   w x        row of weights:   w        result:   sum of k w x / sum of k w

A pixel counts with its weight, and NaN or a place outside the image may have the weight 0. A loop
that adds runs once over the values and once over the weights, and knows of neither; the quotient of
both is the mean of what counts (H. Knutsson, C.-F. Westin, "Normalized and differential
convolution", 1993). Where nothing counts it is 0 / 0, which is NaN.
"""
from libc.math cimport INFINITY
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from keys cimport IS_NAN, KEYS, folded
from rows cimport (
    APART, BYTES_OF, RANKS, Params, Samples, Weighing, copy_pixel, fill, image_row, is_float,
    is_plain, saturated,
)
from types cimport compiled_once, real

cdef extern from *:
    """
    /* The lowest key: those of 64 bits are signed. */
    #define LOWEST_KEY ((real) (KEYS == 64 ? (uint64_t) 1 << 63 : 0))
    #define HIGHEST_KEY ((real) (KEYS == 64 ? ~((uint64_t) 1 << 63) : ~(uint64_t) 0))
    """
    const real LOWEST_KEY, HIGHEST_KEY

ctypedef fused bits:
    uint8_t
    uint16_t
    uint32_t
    uint64_t


cdef inline void mark(const bits* raw, bits sign, Py_ssize_t n, real* row) noexcept nogil:
    """1 for each number that is not zero; `sign` is the bit that is set in -0.0."""
    cdef Py_ssize_t i
    for i in range(n):
        row[i] = (raw[i] & <bits> ~sign) != 0


cdef inline void convert_weights(const Params* params, const char* raw, Py_ssize_t n,
                                 real* row) noexcept nogil:
    """Convert weights to numbers; loops of keys need only know which are above 0."""
    cdef int code = params.weighing.samples.code
    cdef Py_ssize_t size = BYTES_OF(code)
    cdef uint64_t sign = <uint64_t> is_float(code) << (8 * size - 1)
    if not KEYS:
        params.loads[code](raw, n, row)
    elif size == 1:
        mark(<const uint8_t*> raw, 0, n, row)
    elif size == 2:
        mark(<const uint16_t*> raw, <uint16_t> sign, n, row)
    elif size == 4:
        mark(<const uint32_t*> raw, <uint32_t> sign, n, row)
    else:
        mark(<const uint64_t*> raw, sign, n, row)


cdef inline void gather_weights(const Params* params, const char* line, const Py_ssize_t* columns,
                                Py_ssize_t n, char* raw) noexcept nogil:
    """Copy the weights of the n samples that an index map names; a zero where it has -1."""
    cdef const Weighing* by = &params.weighing
    cdef Py_ssize_t size = BYTES_OF(by.samples.code), i
    for i in range(n):
        if columns[i] < 0:
            memset(raw + i * size, 0, size)
        else:
            copy_pixel(raw + i * size, line + columns[i] // params.step * by.samples.column_stride
                       + columns[i] % params.step * by.channel_stride, size, by.samples.swapped)


cdef inline void copy_weights(const Params* params, const char* line, Py_ssize_t first,
                              Py_ssize_t n, char* raw) noexcept nogil:
    """Copy the weights of n samples of an image row, from `first` on."""
    cdef const Weighing* by = &params.weighing
    cdef Py_ssize_t size = BYTES_OF(by.samples.code), i, channel = first % params.step
    line += first // params.step * by.samples.column_stride
    for i in range(n):
        copy_pixel(raw + i * size, line + channel * by.channel_stride, size, by.samples.swapped)
        channel += 1
        if channel == params.step:
            channel = 0
            line += by.samples.column_stride


cdef inline void weigh_outside(const Py_ssize_t* columns, Py_ssize_t n, real beyond,
                               real* row) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        if columns[i] < 0:
            row[i] = beyond


cdef inline void load_weights(const Params* params, const char* plane, Py_ssize_t e, Py_ssize_t x,
                              Py_ssize_t n, char* raw, real* row) noexcept nogil:
    """The weights of columns x to x + n of extended row e, as `load_row` finds their pixels.

    `plane` holds the weights, and is NULL if all pixels of the image have the weight 1.
    """
    cdef const Weighing* by = &params.weighing
    cdef Py_ssize_t y = image_row(params, e), end = params.left + params.width
    cdef Py_ssize_t before = min(n, max(0, params.left - x)), after = min(n, max(0, x + n - end))
    cdef Py_ssize_t first = x + before - params.left, size
    cdef const Py_ssize_t* behind = params.after + (x + n - after - end)
    cdef const char* line
    if y < 0 or plane == NULL:
        fill(row, n, 1 if y >= 0 else <real> by.beyond_y)
    else:
        line = plane + y * by.samples.row_stride
        size = BYTES_OF(by.samples.code)
        if before + after == 0 and params.step == 1 and is_plain(
                &by.samples, line + first * by.samples.column_stride):
            convert_weights(params, line + first * by.samples.column_stride, n, row)
            return
        gather_weights(params, line, params.before + x, before, raw)
        copy_weights(params, line, first, n - before - after, raw + before * size)
        gather_weights(params, line, behind, after, raw + (n - after) * size)
        convert_weights(params, raw, n, row)
    weigh_outside(params.before + x, before, <real> (by.beyond_x * (1 if y >= 0 else by.beyond_y)),
                  row)
    weigh_outside(behind, after, <real> (by.beyond_x * (1 if y >= 0 else by.beyond_y)),
                  row + n - after)


cdef inline void weigh(real* values, real* weights, Py_ssize_t n, bint omit,
                       bint apart) noexcept nogil:
    """Multiply values by weights, or leave them `apart`; what has no weight becomes 0."""
    cdef Py_ssize_t i
    if omit:
        for i in range(n):
            weights[i] = weights[i] if values[i] == values[i] else 0
    for i in range(n):
        values[i] = (values[i] if apart else values[i] * weights[i]) if weights[i] != 0 else 0


cdef inline real sentinel(const Params* params) noexcept nogil:
    """What stands for a pixel that does not count among those of an order: it is never chosen."""
    cdef bint first = params.weighing.first
    if not KEYS:
        return saturated(-INFINITY if first else INFINITY)
    if is_float(params.image.code):         # float16, as bits: NaN sorts behind infinity
        return folded(<real> (0xfc00 if first else 0x7c00))
    return LOWEST_KEY if first else HIGHEST_KEY


cdef inline void mark_counted(real* values, real* weights, Py_ssize_t n, bint omit, bint floats,
                              real missing) noexcept nogil:
    """Make weights 1 or 0, and replace values that do not count."""
    cdef Py_ssize_t i
    for i in range(n):
        weights[i] = weights[i] != 0
    if omit and floats:
        for i in range(n):
            weights[i] = 0 if IS_NAN(values[i]) else weights[i]
    for i in range(n):
        values[i] = values[i] if weights[i] != 0 else missing


ctypedef void (*CarryWeights)(const Params* params, const char* plane, Py_ssize_t e, Py_ssize_t x,
                              Py_ssize_t n, char* raw, real* values, real* weights) noexcept nogil


cdef inline void carry_weights_body(const Params* params, const char* plane, Py_ssize_t e,
                                    Py_ssize_t x, Py_ssize_t n, char* raw, real* values,
                                    real* weights) noexcept nogil:
    load_weights(params, plane, e, x, n, raw, weights)
    if params.weighing.kind == RANKS:
        mark_counted(values, weights, n, params.weighing.omit, is_float(params.image.code),
                     sentinel(params))
    elif params.weighing.kind == APART:
        weigh(values, weights, n, params.weighing.omit, True)
    else:
        weigh(values, weights, n, params.weighing.omit, False)


cdef inline void carry_weights(const Params* params, const char* plane, Py_ssize_t e, Py_ssize_t x,
                               Py_ssize_t n, char* raw, real* values, real* weights) noexcept nogil:
    """Load the weights of a row of values, and apply them."""
    cdef CarryWeights body = <CarryWeights> compiled_once(<void*> carry_weights_body)
    body(params, plane, e, x, n, raw, values, weights)


cdef inline void divide_by_weights(real* values, const real* weights, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        values[i] = values[i] / weights[i]

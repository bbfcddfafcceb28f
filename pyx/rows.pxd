# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Rows: the image and the result as a loop sees them, and the one place where dtypes meet.

A loop computes on rows of `real`. `load_row` converts a piece of an image row and extends it
past the border; `store_row` rounds and saturates a row into the result. So there are N loads and
M stores, not N x M loops. `Job` is what a plan hands to a loop: a plain record that
`imgconv.core.plan.JOB` mirrors field by field.
"""
from libc.math cimport rint
from libc.stdint cimport (
    int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t,
)
from libc.string cimport memcpy, memset

from keys cimport KEY_CODES, KEYS, flip, fold, unfold
from types cimport LANES, real


cdef extern from *:
    """
    #include <limits.h>
    #include <math.h>
    #define REAL_CODE _Generic((real) 0, float: 10, double: 11, uint8_t: 1, uint16_t: 3, \
                               int16_t: 4, uint64_t: 7, int64_t: 8)
    #define BYTES_OF(code) ((Py_ssize_t) "\\1\\1\\1\\2\\2\\4\\4\\10\\10\\2\\4\\10"[code])
    /* The ends of the short integers, and of int for the others. */
    #define LEAST _Generic((real) 0, int16_t: INT16_MIN, uint16_t: 0, default: INT_MIN)
    #define MOST _Generic((real) 0, int16_t: INT16_MAX, uint16_t: UINT16_MAX, default: INT_MAX)
    /* to nearest, ties to even, in the computing type: whole vectors of it */
    #define nearest(x) \\
        _Generic((x), float: (int) rintf(x), double: (int) rint(x), default: (int) (x))
    /* A number outside the image in the computing type; infinity is an integer's last value. */
    static inline real saturated(double value) {
        const int whole = (real) 0.5 == 0, bits = 8 * sizeof(real), sign = (real) -1 < 0;
        const real low = sign ? (real) ((uint64_t) 1 << (bits - 1)) : 0;
        const real high = (real) (~(uint64_t) 0 >> (64 - bits + sign));
        if (!whole) return (real) value;
        if (!(value > (double) low)) return low;
        return value < (double) high ? (real) rint(value) : high;
    }
    """
    const int REAL_CODE, LEAST, MOST
    int nearest(real value) nogil
    real saturated(double value) nogil
    Py_ssize_t BYTES_OF(int code) nogil


cdef enum Code:
    # The pixel types, in the order of imgconv.core.plan.DTYPES.
    BOOL, UINT8, INT8, UINT16, INT16, UINT32, INT32, UINT64, INT64, FLOAT16, FLOAT32, FLOAT64


cdef struct Samples:
    # A strided plane of pixels of one type; interleaved channels are samples of one row.
    Py_ssize_t row_stride, column_stride    # bytes
    int code                                # Code
    int swapped                             # not the machine's byte order


cdef struct Job:
    # Extended row e is row e - top of the image. Outside the image `above` and `below` name the
    # row to read, -1 standing for cval; `left`, `before` and `after` do the same for columns.
    Samples image
    Py_ssize_t height, width
    Py_ssize_t top, left
    const Py_ssize_t* above
    const Py_ssize_t* below
    const Py_ssize_t* before
    const Py_ssize_t* after
    double cval
    const char* edge                # cval as a pixel of the image's type, in native byte order
    # The window covers span_y extended rows and span_x extended columns.
    Py_ssize_t span_y, span_x
    Py_ssize_t stride_y, stride_x
    Py_ssize_t step                 # samples of a pixel: the interleaved channels
    # The result: one or two arrays.
    Samples[2] result
    Py_ssize_t results, result_height, result_width
    Py_ssize_t in_place             # whether the result is the image itself
    # Planes of a stack: byte offsets of image and results, 1 + results numbers a plane.
    Py_ssize_t planes
    const Py_ssize_t* offsets
    # Schedule: result rows in a block, columns in a strip and in a chunk of it (multiples of
    # `grain`, so that each begins with a pixel that has a result), numbers from one
    # scratch row to the next (of a chunk, of a strip), and numbers that the filter needs itself.
    Py_ssize_t block, strip, chunk, grain, pitch, ring_pitch, work
    # What the filter is: its integers and its coefficients (of type real).
    const Py_ssize_t* shape
    const void* weights
    # Filters that look at all channels of a pixel, and those of a guide (no channels: none): their
    # numbers, and the bytes from one channel to the next. Offsets end with that of the guide.
    Samples guide
    Py_ssize_t channels, guides
    Py_ssize_t image_step, result_step, guide_step


ctypedef fused pixel:
    uint8_t
    int8_t
    uint16_t
    int16_t
    uint32_t
    int32_t
    uint64_t
    int64_t
    float
    double

ctypedef fused small_integer:
    uint8_t
    int8_t
    uint16_t
    int16_t

ctypedef fused large_integer:
    uint32_t
    int32_t
    uint64_t
    int64_t

ctypedef fused some_float:
    float
    double


# ---------------------------------------------------------------------------------------------
# float16 as bits, so that no compiler need know the type

cdef inline float from_half(uint16_t half) noexcept nogil:
    """The float of a half: shift the fields into place and scale by 2**112 to move the bias."""
    cdef uint32_t bits = <uint32_t> (half & 0x7fff) << 13
    cdef float value
    memcpy(&value, &bits, 4)
    value = value * <float> 5.192296858534828e33
    memcpy(&bits, &value, 4)
    if value >= <float> 65536.0:
        bits = bits | <uint32_t> 0x7f800000
    bits = bits | (<uint32_t> (half & 0x8000) << 16)
    memcpy(&value, &bits, 4)
    return value


cdef inline uint16_t to_half(float value) noexcept nogil:
    """The nearest half, ties to even; overflow gives infinity and NaN stays NaN."""
    cdef uint32_t bits, sign
    cdef float scaled
    memcpy(&bits, &value, 4)
    sign = (bits >> 16) & 0x8000
    bits = bits & 0x7fffffff
    if bits > 0x7f800000:
        return <uint16_t> (sign | 0x7e00)
    if bits >= 0x477ff000:                      # rounds beyond 65504
        return <uint16_t> (sign | 0x7c00)
    if bits < 0x38800000:                       # subnormal half: let the float adder round
        memcpy(&scaled, &bits, 4)
        scaled = scaled + <float> 0.5
        memcpy(&bits, &scaled, 4)
        return <uint16_t> (sign | (bits - 0x3f000000))
    bits = bits + 0xfff + ((bits >> 13) & 1)
    return <uint16_t> (sign | ((bits - 0x38000000) >> 13))


cdef inline float to_odd(real value) noexcept nogil:
    """The float towards zero, its last bit set where that is not exact.

    Rounding that to a half is as good as rounding the value, where rounding twice would not be.
    """
    cdef float near = <float> value
    cdef uint32_t bits
    if <real> near == value or value != value:
        return near
    memcpy(&bits, &near, 4)
    if (near > value) == (value > 0):
        bits = bits - 1
    bits = bits | 1
    memcpy(&near, &bits, 4)
    return near


# ---------------------------------------------------------------------------------------------
# Load: pixels -> real

cdef inline void widen(const pixel* source, Py_ssize_t n, real* row) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        row[i] = <real> source[i]


cdef inline void widen_half(const uint16_t* source, Py_ssize_t n, real* row) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        row[i] = <real> from_half(source[i])


cdef inline void keep(const real* source, Py_ssize_t n, real* row) noexcept nogil:
    memcpy(row, source, n * sizeof(real))


# n neighbouring pixels in native byte order, as real. Called through a pointer, so that each
# conversion is compiled by itself: inlined all together they take the compiler three times as long.
ctypedef void (*Load)(const char* source, Py_ssize_t n, real* row) noexcept nogil


cdef inline bint is_real(int code) noexcept nogil:
    """Whether pixels of a type are numbers of `real` as they are."""
    return KEY_CODES >> code & 1 if KEYS else code == REAL_CODE


cdef inline bint is_float(int code) noexcept nogil:
    return code >= FLOAT16


cdef inline Load loader(int code) noexcept nogil:
    """The conversion from a pixel type."""
    if KEYS and not is_real(code):
        return <Load> fold if is_float(code) else <Load> flip
    if is_real(code):
        return <Load> keep
    if code == UINT8 or code == BOOL:
        return <Load> widen[uint8_t]
    if code == INT8:
        return <Load> widen[int8_t]
    if code == UINT16:
        return <Load> widen[uint16_t]
    if code == INT16:
        return <Load> widen[int16_t]
    if code == UINT32:
        return <Load> widen[uint32_t]
    if code == INT32:
        return <Load> widen[int32_t]
    if code == UINT64:
        return <Load> widen[uint64_t]
    if code == INT64:
        return <Load> widen[int64_t]
    if code == FLOAT16:
        return <Load> widen_half
    if code == FLOAT32:
        return <Load> widen[float]
    return <Load> widen[double]


cdef inline void copy_pixel(char* target, const char* source, Py_ssize_t size,
                            bint swapped) noexcept nogil:
    """One pixel of any alignment and byte order; a copy of known size is one instruction."""
    cdef Py_ssize_t b
    if swapped:
        for b in range(size):
            target[b] = source[size - 1 - b]
    elif size == 1:
        target[0] = source[0]
    elif size == 2:
        memcpy(target, source, 2)
    elif size == 4:
        memcpy(target, source, 4)
    else:
        memcpy(target, source, 8)


cdef inline void copy_pixels(char* target, Py_ssize_t target_step, const char* source,
                             Py_ssize_t source_step, Py_ssize_t size, bint swapped,
                             Py_ssize_t n) noexcept nogil:
    """n pixels of any stride, alignment and byte order."""
    cdef Py_ssize_t i
    for i in range(n):
        copy_pixel(target + i * target_step, source + i * source_step, size, swapped)


cdef inline bint is_plain(const Samples* samples, const char* data) noexcept nogil:
    """Whether rows are aligned, native and without gaps, so that they can be read in place."""
    cdef Py_ssize_t size = BYTES_OF(samples.code)
    return (not samples.swapped and samples.column_stride == size
            and (<Py_ssize_t> data | samples.row_stride) & (size - 1) == 0)


cdef inline Py_ssize_t image_row(const Job* job, Py_ssize_t e) noexcept nogil:
    """The image row that extended row e shows, or -1 for cval."""
    cdef Py_ssize_t y = e - job.top
    if y < 0:
        return job.above[e]
    if y >= job.height:
        return job.below[y - job.height]
    return y


cdef inline void gather(const Samples* image, const char* source, const Py_ssize_t* columns,
                        Py_ssize_t n, char* raw) noexcept nogil:
    """The n pixels of an image row that an index map names; where it says -1, a zero."""
    cdef Py_ssize_t i, size = BYTES_OF(image.code)
    for i in range(n):
        if columns[i] < 0:
            memset(raw + i * size, 0, size)
        else:
            copy_pixel(raw + i * size, source + columns[i] * image.column_stride, size,
                       image.swapped)


cdef inline void fill(real* row, Py_ssize_t n, real value) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        row[i] = value


cdef inline void fill_border(real* row, const Py_ssize_t* columns, Py_ssize_t n,
                             real value) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        if columns[i] < 0:
            row[i] = value


cdef inline real outside(const Job* job) noexcept nogil:
    """What cval is to the loop."""
    cdef real key
    if not KEYS:
        return saturated(job.cval)
    loader(job.image.code)(job.edge, 1, &key)
    return key


cdef inline void load_row(const Job* job, const char* plane, Py_ssize_t e, Py_ssize_t x,
                          Py_ssize_t n, char* raw, real* row) noexcept nogil:
    """Columns x to x + n of extended row e, as real; `raw` holds n pixels of 8 bytes.

    Up to three parts: before the image, inside it, after it.
    """
    cdef const Samples* image = &job.image
    cdef Py_ssize_t y = image_row(job, e), size = BYTES_OF(image.code)
    cdef Py_ssize_t m, inside = job.left + job.width
    cdef const Py_ssize_t* border
    cdef const char* line
    cdef const char* source
    if y < 0:
        fill(row, n, outside(job))
        return
    line = plane + y * image.row_stride
    while n > 0:
        source = raw
        border = NULL
        if x < job.left:
            m = min(n, job.left - x)
            border = job.before + x
        elif x >= inside:
            m = n
            border = job.after + (x - inside)
        else:
            m = min(n, inside - x)
            source = line + (x - job.left) * image.column_stride
            if not is_plain(image, source):
                copy_pixels(raw, size, source, image.column_stride, size, image.swapped, m)
                source = raw
        if border != NULL:
            gather(image, line, border, m, raw)
        loader(image.code)(source, m, row)
        if border != NULL:
            fill_border(row, border, m, outside(job))
        x += m
        n -= m
        row += m


# ---------------------------------------------------------------------------------------------
# Store: real -> pixels, to nearest (ties to even), saturated, NaN as 0 in integers

cdef inline int nearest_within(real value, int low, int high) noexcept nogil:
    """The nearest integer, saturated; a comparison with NaN is false, so that NaN becomes 0."""
    cdef real least = <real> max(low, LEAST), most = <real> min(high, MOST)
    if low < 0:
        value = value if value == value else <real> 0
    value = value if value > least else least
    return nearest(value if value < most else most)


cdef inline void narrow(const real* row, Py_ssize_t step, Py_ssize_t n,
                        small_integer* target) noexcept nogil:
    """Two loops, since the compiler makes vectors of neighbours only."""
    cdef Py_ssize_t i
    cdef int low = 0, high = (1 << 8 * sizeof(small_integer)) - 1
    if small_integer is int8_t or small_integer is int16_t:
        low = -(1 << (8 * sizeof(small_integer) - 1))
        high = -low - 1
    if step == 1:
        for i in range(n):
            target[i] = <small_integer> nearest_within(row[i], low, high)
    else:
        for i in range(n):
            target[i] = <small_integer> nearest_within(row[i * step], low, high)


cdef inline void narrow_large(const real* row, Py_ssize_t step, Py_ssize_t n,
                              large_integer* target) noexcept nogil:
    """Saturate in double; `end` is the first double past the type, which the type may not hold."""
    cdef Py_ssize_t i
    cdef double value, end = 2.0 ** (8 * sizeof(large_integer) - 1), low = -end
    cdef large_integer first = <large_integer> (<uint64_t> 1 << (8 * sizeof(large_integer) - 1))
    cdef large_integer last = <large_integer> ~first
    if large_integer is uint32_t or large_integer is uint64_t:
        end = 2 * end
        low = 0
        first = 0
        last = <large_integer> ~first
    for i in range(n):
        value = rint(<double> row[i * step])
        if value != value:
            target[i] = 0
        elif value <= low:
            target[i] = first
        elif value >= end:
            target[i] = last
        else:
            target[i] = <large_integer> value


cdef inline void narrow_bool(const real* row, Py_ssize_t step, Py_ssize_t n,
                             uint8_t* target) noexcept nogil:
    """1 from one half up: nearest and saturated, as for the other integers (0.5 ties to 0)."""
    cdef Py_ssize_t i
    for i in range(n):
        target[i] = row[i * step] > <real> 0.5


cdef inline void narrow_half(const real* row, Py_ssize_t step, Py_ssize_t n,
                             uint16_t* target) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        target[i] = to_half(to_odd(row[i * step]))


cdef inline void narrow_float(const real* row, Py_ssize_t step, Py_ssize_t n,
                              some_float* target) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        target[i] = <some_float> row[i * step]


cdef inline void narrow_none(const real* row, Py_ssize_t step, Py_ssize_t n,
                             real* target) noexcept nogil:
    cdef Py_ssize_t i
    if step == 1:
        memcpy(target, row, n * sizeof(real))
        return
    for i in range(n):
        target[i] = row[i * step]


# Every step-th of a row's values as n neighbouring pixels in native byte order; see Load.
ctypedef void (*Store)(const real* row, Py_ssize_t step, Py_ssize_t n, char* target) noexcept nogil


cdef inline void narrow_flipped(const real* row, Py_ssize_t step, Py_ssize_t n,
                                real* target) noexcept nogil:
    narrow_none(row, step, n, target)
    flip(target, n, target)


cdef inline void narrow_folded(const real* row, Py_ssize_t step, Py_ssize_t n,
                               real* target) noexcept nogil:
    narrow_none(row, step, n, target)
    unfold(target, n, target)


cdef inline Store storer(int code) noexcept nogil:
    """The conversion to a pixel type; keys become pixels of the image's type only."""
    if KEYS and not is_real(code):
        return <Store> narrow_folded if is_float(code) else <Store> narrow_flipped
    if is_real(code):
        return <Store> narrow_none
    if code == BOOL:
        return <Store> narrow_bool
    if code == UINT8:
        return <Store> narrow[uint8_t]
    if code == INT8:
        return <Store> narrow[int8_t]
    if code == UINT16:
        return <Store> narrow[uint16_t]
    if code == INT16:
        return <Store> narrow[int16_t]
    if code == UINT32:
        return <Store> narrow_large[uint32_t]
    if code == INT32:
        return <Store> narrow_large[int32_t]
    if code == UINT64:
        return <Store> narrow_large[uint64_t]
    if code == INT64:
        return <Store> narrow_large[int64_t]
    if code == FLOAT16:
        return <Store> narrow_half
    if code == FLOAT32:
        return <Store> narrow_float[float]
    return <Store> narrow_float[double]


cdef inline void store_row(const Samples* samples, const real* row, Py_ssize_t step, Py_ssize_t n,
                           char* raw, char* target) noexcept nogil:
    """Every step-th of a row's values into n pixels of the result, from `target` on."""
    cdef Py_ssize_t size = BYTES_OF(samples.code)
    cdef bint plain = is_plain(samples, target)
    storer(samples.code)(row, step, n, target if plain else raw)
    if not plain:
        copy_pixels(target, samples.column_stride, raw, size, size, samples.swapped, n)

# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Rows: how a loop reads the image and writes the result, and where pixels are converted.

A loop computes on rows of `real`. `load_row` converts a piece of an image row and adds its border;
`store_row` rounds and saturates a row into the result. So there are N loads and M stores instead of
N x M loops. The conversions are compiled in pixels.pyx; `Params` has pointers to them.

`Params` is the record that a plan gives to a loop. PARAMS in core/params.py has the same fields.
"""
from libc.string cimport memcpy, memset

from keys cimport KEY_CODES, KEYS, flip, fold, unfold
from types cimport LANES, compiled_once, real


cdef extern from *:
    """
    #include <math.h>
    #define REAL_CODE _Generic((real) 0, float: 10, double: 11, uint8_t: 1, uint16_t: 3, \
                               int16_t: 4, int32_t: 6, uint64_t: 7, int64_t: 8)
    #define BYTES_OF(code) ((Py_ssize_t) "\\1\\1\\1\\2\\2\\4\\4\\10\\10\\2\\4\\10"[code])
    /* cval in the computing type: rounded, and saturated where that is an integer. */
    static inline real saturated(double value) {
        const int whole = (real) 0.5 == 0, bits = 8 * sizeof(real), sign = (real) -1 < 0;
        const real low = sign ? (real) ((uint64_t) 1 << (bits - 1)) : 0;
        const real high = (real) (~(uint64_t) 0 >> (64 - bits + sign));
        if (!whole) return (real) value;
        if (!(value > (double) low)) return low;
        return value < (double) high ? (real) rint(value) : high;
    }
    """
    const int REAL_CODE
    real saturated(double value) nogil
    Py_ssize_t BYTES_OF(int code) nogil


cdef enum:
    CACHE_LINE = 64
    CODES = 12                      # pixel types


cdef enum Code:
    # The pixel types, in the order of DTYPES in core/pixels.py.
    BOOL, UINT8, INT8, UINT16, INT16, UINT32, INT32, UINT64, INT64, FLOAT16, FLOAT32, FLOAT64


cdef struct Samples:
    # How the samples of a plane lie in memory. Interleaved channels are samples of one row.
    Py_ssize_t row_stride, column_stride    # bytes
    int code                                # Code
    int swapped                             # whether bytes are in the other order


# Convert n neighbouring pixels in native byte order to real.
ctypedef void (*Load)(const char* source, Py_ssize_t n, real* row) noexcept nogil

# Convert every step-th number of a row to n neighbouring pixels in native byte order.
ctypedef void (*Store)(const real* row, Py_ssize_t step, Py_ssize_t n, char* target) noexcept nogil


cdef enum PointKind:
    # In the order of POINT_KINDS in operations/base.py.
    SCALE, DIVIDE, CLIP, ABSOLUTE, ABOVE, ROUND


cdef struct Point:
    # A point operation with its two numbers: see `apply` in pixels.pyx.
    Py_ssize_t kind
    double first, second


# Apply point operations to n numbers of a row, one after the other.
ctypedef void (*Follow)(const Point* points, Py_ssize_t count, real* row,
                        Py_ssize_t n) noexcept nogil


cdef enum Weighed:
    # What becomes of values and weights, in the order of WEIGHED in operations/base.py.
    UNWEIGHED, SUMS, MEANS, RANKS, APART


cdef struct Weighing:
    # How much pixels count: see weights.pxd.
    Py_ssize_t kind                 # Weighed
    Py_ssize_t omit                 # whether NaN does not count
    Py_ssize_t first                # in orders, whether what does not count sorts first, not last
    double beyond_y, beyond_x       # weights of places outside the image whose index is -1
    Py_ssize_t given                # whether there is an array of weights, and how it lies
    Samples samples
    Py_ssize_t channel_stride       # bytes
    const Py_ssize_t* offsets       # bytes, one number for each plane


cdef struct Params:
    # Extended row e is row e - top of the image. For rows outside the image, `above` and `below`
    # hold the index of the row to read, or -1 for cval; `left`, `before` and `after` are the same
    # for columns.
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
    # Schedule: result rows in a block; columns in a strip and in a chunk of it (multiples of
    # `grain`, so that each begins with a pixel that has a result); numbers from one scratch row to
    # the next (of a chunk, of a strip); numbers of scratch that the loop needs for itself.
    Py_ssize_t block, strip, chunk, grain, pitch, ring_pitch, work
    # From each pixel type to real and back, in the order of Code: the tables of pixels.pyx.
    const Load* loads
    const Store* stores
    # Point operations on each row of results before it is stored, and what applies them.
    const Point* points
    Py_ssize_t point_count
    Follow follow
    # What to compute: the records that this loop reads, and its coefficients (of type real).
    const void* records
    const void* weights
    # For filters that use all channels of a pixel together: how many channels the image and the
    # guide have (0: no guide), and the bytes from one channel to the next. `offsets` then has one
    # number more for each plane, that of the guide.
    Samples guide
    Py_ssize_t channels, guides
    Py_ssize_t image_step, result_step, guide_step
    Weighing weighing


cdef struct Task:
    # What a loop gets besides Params: the arrays of one call, and how threads share them.
    const char* image
    char* results[2]                # one or two results, or the result and the guide
    char* scratch                   # begins on a cache line
    Py_ssize_t slot_bytes           # bytes of scratch for each thread
    Py_ssize_t rows                 # result rows in a band
    int threads
    const char* weights             # of the pixels, if there are any


# ---------------------------------------------------------------------------------------------
# Conversions. Those to and from keys are here, since only the rank loop uses them.

cdef inline void keep(const real* source, Py_ssize_t n, real* row) noexcept nogil:
    memcpy(row, source, n * sizeof(real))


cdef inline void narrow_none(const real* row, Py_ssize_t step, Py_ssize_t n,
                             real* target) noexcept nogil:
    cdef Py_ssize_t i
    if step == 1:
        memcpy(target, row, n * sizeof(real))
        return
    for i in range(n):
        target[i] = row[i * step]


cdef inline void narrow_flipped(const real* row, Py_ssize_t step, Py_ssize_t n,
                                real* target) noexcept nogil:
    narrow_none(row, step, n, target)
    flip(target, n, target)


cdef inline void narrow_folded(const real* row, Py_ssize_t step, Py_ssize_t n,
                               real* target) noexcept nogil:
    narrow_none(row, step, n, target)
    unfold(target, n, target)


cdef inline bint is_real(int code) noexcept nogil:
    """Whether pixels of this type need no conversion to `real`."""
    return KEY_CODES >> code & 1 if KEYS else code == REAL_CODE


cdef inline bint is_float(int code) noexcept nogil:
    return code >= FLOAT16


cdef inline Load loader(const Params* params, int code) noexcept nogil:
    """The conversion from a pixel type."""
    if not KEYS:
        return params.loads[code]
    if is_real(code):
        return <Load> keep
    return <Load> fold if is_float(code) else <Load> flip


cdef inline Store storer(const Params* params, int code) noexcept nogil:
    """The conversion to a pixel type; keys become pixels of the image's type only."""
    if not KEYS:
        return params.stores[code]
    if is_real(code):
        return <Store> narrow_none
    return <Store> narrow_folded if is_float(code) else <Store> narrow_flipped


# ---------------------------------------------------------------------------------------------
# Load and store

cdef inline void copy_pixel(char* target, const char* source, Py_ssize_t size,
                            bint swapped) noexcept nogil:
    """Copy a pixel of any alignment and byte order; memcpy of a literal size is one instruction."""
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
    """Copy n pixels of any stride, alignment and byte order."""
    cdef Py_ssize_t i
    for i in range(n):
        copy_pixel(target + i * target_step, source + i * source_step, size, swapped)


cdef inline bint is_plain(const Samples* samples, const char* data) noexcept nogil:
    """Whether rows are aligned, native and without gaps, so that they can be read in place."""
    cdef Py_ssize_t size = BYTES_OF(samples.code)
    return (not samples.swapped and samples.column_stride == size
            and (<Py_ssize_t> data | samples.row_stride) & (size - 1) == 0)


cdef inline Py_ssize_t image_row(const Params* params, Py_ssize_t e) noexcept nogil:
    """The image row that extended row e repeats, or -1 for cval."""
    cdef Py_ssize_t y = e - params.top
    if y < 0:
        return params.above[e]
    if y >= params.height:
        return params.below[y - params.height]
    return y


cdef inline void gather(const Samples* image, const char* source, const Py_ssize_t* columns,
                        Py_ssize_t n, char* raw) noexcept nogil:
    """Copy the n pixels of an image row that an index map names; a zero where it has -1."""
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


cdef inline real outside(const Params* params) noexcept nogil:
    """cval as a number or key of the loop."""
    cdef real key
    if not KEYS:
        return saturated(params.cval)
    loader(params, params.image.code)(params.edge, 1, &key)
    return key


cdef inline void load_border(const Params* params, const char* line, const real* whole,
                             const Py_ssize_t* columns, Py_ssize_t n, char* raw,
                             real* row) noexcept nogil:
    """Convert n pixels outside an image row; `whole` is all of it, converted, or NULL."""
    cdef real value = outside(params)
    cdef Py_ssize_t i
    if whole == NULL:
        gather(&params.image, line, columns, n, raw)
        loader(params, params.image.code)(raw, n, row)
    for i in range(n):
        if columns[i] < 0:
            row[i] = value
        elif whole != NULL:
            row[i] = whole[columns[i]]


# One copy of each in a module (`compiled_once`).
ctypedef void (*LoadRow)(const Params* params, const char* plane, Py_ssize_t e, Py_ssize_t x,
                         Py_ssize_t n, char* raw, real* row) noexcept nogil
ctypedef void (*StoreRow)(const Params* params, const real* row, Py_ssize_t step, Py_ssize_t n,
                          char* raw, char* target) noexcept nogil


cdef inline void load_row_body(const Params* params, const char* plane, Py_ssize_t e, Py_ssize_t x,
                               Py_ssize_t n, char* raw, real* row) noexcept nogil:
    cdef const Samples* image = &params.image
    cdef Py_ssize_t y = image_row(params, e), size = BYTES_OF(image.code)
    cdef Py_ssize_t end = params.left + params.width
    cdef Py_ssize_t before = min(n, max(0, params.left - x)), after = min(n, max(0, x + n - end))
    cdef Py_ssize_t inside = n - before - after
    cdef const char* line = plane + y * image.row_stride
    cdef const char* source = line + (x + before - params.left) * image.column_stride
    cdef const real* whole = row + before if inside == params.width else NULL
    if y < 0:
        fill(row, n, outside(params))
        return
    if inside > 0:
        if not is_plain(image, source):
            copy_pixels(raw, size, source, image.column_stride, size, image.swapped, inside)
            source = raw
        loader(params, image.code)(source, inside, row + before)
    if before > 0:
        load_border(params, line, whole, params.before + x, before, raw, row)
    if after > 0:
        load_border(params, line, whole, params.after + (x + n - after - end), after, raw,
                    row + n - after)


cdef inline void store_row_body(const Params* params, const real* row, Py_ssize_t step,
                                Py_ssize_t n, char* raw, char* target) noexcept nogil:
    cdef const Samples* samples = &params.result[0]
    cdef Py_ssize_t size = BYTES_OF(samples.code)
    cdef bint plain = is_plain(samples, target)
    storer(params, samples.code)(row, step, n, target if plain else raw)
    if not plain:
        copy_pixels(target, samples.column_stride, raw, size, size, samples.swapped, n)


cdef inline void load_row(const Params* params, const char* plane, Py_ssize_t e, Py_ssize_t x,
                          Py_ssize_t n, char* raw, real* row) noexcept nogil:
    """Convert columns x to x + n of extended row e; `raw` has room for n pixels of 8 bytes.

    A row has up to three parts: before the image, inside it, after it. Where it holds all of the
    image's columns, as in a small image, the pixels outside are copies of converted ones.
    """
    cdef LoadRow body = <LoadRow> compiled_once(<void*> load_row_body)
    body(params, plane, e, x, n, raw, row)


cdef inline void store_row(const Params* params, const real* row, Py_ssize_t step, Py_ssize_t n,
                           char* raw, char* target) noexcept nogil:
    """Convert every step-th number of a row to n pixels of the result, from `target` on."""
    cdef StoreRow body = <StoreRow> compiled_once(<void*> store_row_body)
    body(params, row, step, n, raw, target)

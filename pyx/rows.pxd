# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Rows: the image and the result as a loop sees them, and the one place where dtypes meet.

A loop computes on rows of `real`. `load_row` converts a piece of an image row and extends it
past the border; `store_row` rounds and saturates a row into the result. So there are N loads and
M stores, not N x M loops; they are compiled in pixels.pyx, and a job brings pointers to them. `Job`
is what a plan hands to a loop: a plain record, which JOB in core/plan.py mirrors field by field.
"""
from libc.string cimport memcpy, memset

from keys cimport KEY_CODES, KEYS, flip, fold, unfold
from types cimport LANES, real


cdef extern from *:
    """
    #include <math.h>
    #define REAL_CODE _Generic((real) 0, float: 10, double: 11, uint8_t: 1, uint16_t: 3, \
                               int16_t: 4, uint64_t: 7, int64_t: 8)
    #define BYTES_OF(code) ((Py_ssize_t) "\\1\\1\\1\\2\\2\\4\\4\\10\\10\\2\\4\\10"[code])
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
    const int REAL_CODE
    real saturated(double value) nogil
    Py_ssize_t BYTES_OF(int code) nogil


cdef enum:
    CACHE_LINE = 64
    CODES = 12                      # pixel types


cdef enum Code:
    # The pixel types, in the order of DTYPES in core/check.py.
    BOOL, UINT8, INT8, UINT16, INT16, UINT32, INT32, UINT64, INT64, FLOAT16, FLOAT32, FLOAT64


cdef struct Samples:
    # A strided plane of pixels of one type; interleaved channels are samples of one row.
    Py_ssize_t row_stride, column_stride    # bytes
    int code                                # Code
    int swapped                             # not the machine's byte order


# n neighbouring pixels in native byte order, as real.
ctypedef void (*Load)(const char* source, Py_ssize_t n, real* row) noexcept nogil

# Every step-th of a row's values as n neighbouring pixels in native byte order.
ctypedef void (*Store)(const real* row, Py_ssize_t step, Py_ssize_t n, char* target) noexcept nogil


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
    # From each pixel type to real and back, in the order of Code: the tables of pixels.pyx.
    const Load* loads
    const Store* stores
    # What the filter is: the records of its loop and its coefficients (of type real).
    const void* shape
    const void* weights
    # Filters that look at all channels of a pixel, and those of a guide (no channels: none): their
    # numbers, and the bytes from one channel to the next. Offsets end with that of the guide.
    Samples guide
    Py_ssize_t channels, guides
    Py_ssize_t image_step, result_step, guide_step


cdef struct Task:
    # What `entry.pxi` hands to a loop beside the job: the arrays, and how threads share them.
    const char* image
    char* results[2]                # one or two, or the result and the guide
    char* scratch                   # on a whole cache line
    Py_ssize_t slot_bytes           # of it, for each thread
    Py_ssize_t rows                 # of the result, in a band
    int threads


# ---------------------------------------------------------------------------------------------
# Conversions. Keys are made here, since no other loop wants them.

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
    """Whether pixels of a type are numbers of `real` as they are."""
    return KEY_CODES >> code & 1 if KEYS else code == REAL_CODE


cdef inline bint is_float(int code) noexcept nogil:
    return code >= FLOAT16


cdef inline Load loader(const Job* job, int code) noexcept nogil:
    """The conversion from a pixel type."""
    if not KEYS:
        return job.loads[code]
    if is_real(code):
        return <Load> keep
    return <Load> fold if is_float(code) else <Load> flip


cdef inline Store storer(const Job* job, int code) noexcept nogil:
    """The conversion to a pixel type; keys become pixels of the image's type only."""
    if not KEYS:
        return job.stores[code]
    if is_real(code):
        return <Store> narrow_none
    return <Store> narrow_folded if is_float(code) else <Store> narrow_flipped


# ---------------------------------------------------------------------------------------------
# Load and store

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
    loader(job, job.image.code)(job.edge, 1, &key)
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
        loader(job, image.code)(source, m, row)
        if border != NULL:
            fill_border(row, border, m, outside(job))
        x += m
        n -= m
        row += m


cdef inline void store_row(const Job* job, const real* row, Py_ssize_t step, Py_ssize_t n,
                           char* raw, char* target) noexcept nogil:
    """Every step-th of a row's values into n pixels of the result, from `target` on."""
    cdef const Samples* samples = &job.result[0]
    cdef Py_ssize_t size = BYTES_OF(samples.code)
    cdef bint plain = is_plain(samples, target)
    storer(job, samples.code)(row, step, n, target if plain else raw)
    if not plain:
        copy_pixels(target, samples.column_stride, raw, size, size, samples.swapped, n)

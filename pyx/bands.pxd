"""The walk that every row filter shares: bands, strips and blocks of extended rows.

A band (a run of result rows of one plane) is the unit of work of a thread. It is walked in column
strips narrow enough for the cache, and each strip downwards in blocks of a few result rows. For a
block the walk lays out the extended rows under its windows and calls the filter's `block`
function, which sees row pointers only: no border, no dtype, no stride.

Rows are read in place where that is possible (the computing type, no gaps, all windows inside the
image). Elsewhere they are converted once into a ring of rows, which moves down with the block.
"""
from cython.parallel cimport prange, threadid

from rows cimport (
    Job, Samples, REAL_CODE, fill, image_row, is_plain, load_row, store_row,
)
from types cimport LANES, real

cdef enum:
    CACHE_LINE = 64


cdef struct Slot:
    # The scratch of one thread.
    real** rows             # the extended rows under a block, top to bottom
    real** targets          # the rows a block writes: results x block
    char* raw               # pixels on their way to or from real
    real* blank             # a row of cval
    real* ring              # converted rows, span_y + (block - 1) * stride_y of them
    real* stage             # results on their way to the image
    real* work              # what the filter asked for


# Computes `n` columns (a multiple of LANES) of job.block result rows. The window of result row r
# and column x begins at slot.rows[r * stride_y][x]. Reading LANES columns past the last window is
# safe, what they hold is not used.
ctypedef void (*Block)(const Job* job, const Slot* slot, Py_ssize_t n) noexcept nogil


cdef inline Py_ssize_t ring_rows(const Job* job) noexcept nogil:
    return job.span_y + (job.block - 1) * job.stride_y


cdef inline char* take(char** free, Py_ssize_t size) noexcept nogil:
    """The next `size` bytes of the scratch, on whole cache lines."""
    cdef char* taken = free[0]
    free[0] = taken + (size + CACHE_LINE - 1) // CACHE_LINE * CACHE_LINE
    return taken


cdef inline Py_ssize_t lay_out(const Job* job, char* scratch, Slot* slot) noexcept nogil:
    """Divide a thread's scratch; returns the bytes it takes."""
    cdef Py_ssize_t row = job.pitch * <Py_ssize_t> sizeof(real)
    cdef char* free = scratch
    slot.rows = <real**> take(&free, ring_rows(job) * sizeof(void*))
    slot.targets = <real**> take(&free, 2 * job.block * sizeof(void*))
    slot.raw = take(&free, job.pitch * 8)
    slot.blank = <real*> take(&free, row)
    slot.ring = <real*> take(&free, ring_rows(job) * row)
    slot.stage = <real*> take(&free, 2 * job.block * row)
    slot.work = <real*> take(&free, job.work * <Py_ssize_t> sizeof(real))
    return free - scratch


cdef inline Py_ssize_t strip_width(const Job* job, Py_ssize_t x, Py_ssize_t width, bint plain,
                                   bint* direct) noexcept nogil:
    """Columns of the strip that begins at x, and whether its rows can be read in place.

    A row read in place must hold every window of the strip and LANES columns more. What is left
    at the sides is as narrow as possible, since it is copied.
    """
    cdef Py_ssize_t inside = job.left + job.width - job.span_x + 1 - LANES - x
    direct[0] = False
    if not plain or inside < 4 * LANES:
        return min(job.strip, width - x)
    if x < job.left:
        return min(job.strip, (job.left - x + LANES - 1) // LANES * LANES, width - x)
    direct[0] = True
    return min(job.strip, inside // LANES * LANES, (width - x) // LANES * LANES)


cdef inline void lay_rows(const Job* job, const Slot* slot, const char* plane, Py_ssize_t first,
                          Py_ssize_t last, Py_ssize_t x, Py_ssize_t n, bint direct,
                          Py_ssize_t* loaded) noexcept nogil:
    """Point slot.rows to extended rows first to last (the last one repeated), columns x to x + n."""
    cdef Py_ssize_t count = ring_rows(job), i, e, y
    for i in range(count):
        e = min(first + i, last)
        if direct:
            y = image_row(job, e)
            slot.rows[i] = slot.blank
            if y >= 0:
                slot.rows[i] = <real*> (plane + y * job.image.row_stride) + (x - job.left)
        else:
            slot.rows[i] = slot.ring + e % count * job.pitch
            if e >= loaded[0]:
                load_row(job, plane, e, x, n, slot.raw, slot.rows[i])
                loaded[0] = e + 1


cdef inline char* result_row(const Job* job, char** planes, Py_ssize_t which,
                             Py_ssize_t y) noexcept nogil:
    return planes[which] + y * job.result[which].row_stride


cdef inline void walk_strip(const Job* job, const Slot* slot, Block block, const char* plane,
                            char** results, Py_ssize_t top, Py_ssize_t bottom, Py_ssize_t x,
                            Py_ssize_t width, bint direct) noexcept nogil:
    """Result rows top to bottom of the columns x to x + width, block by block."""
    cdef Py_ssize_t padded = (width + LANES - 1) // LANES * LANES
    cdef Py_ssize_t last = (bottom - 1) * job.stride_y + job.span_y - 1
    cdef Py_ssize_t loaded = 0
    cdef Py_ssize_t first_out = (x + job.stride_x - 1) // job.stride_x
    cdef Py_ssize_t count = (x + width - 1) // job.stride_x + 1 - first_out
    cdef Py_ssize_t y, r, k, column
    cdef bint[2] in_place
    cdef real* staged
    for k in range(job.results):
        in_place[k] = (job.result[k].code == REAL_CODE and padded == width and job.stride_x == 1
                       and is_plain(&job.result[k], results[k]))
    y = top
    while y < bottom:
        lay_rows(job, slot, plane, y * job.stride_y, last, x, width + job.span_x - 1, direct,
                 &loaded)
        for k in range(2):
            for r in range(job.block):
                slot.targets[k * job.block + r] = slot.stage + (k * job.block + r) * job.pitch
                if k < job.results and in_place[k] and y + r < bottom:
                    slot.targets[k * job.block + r] = (
                        <real*> result_row(job, results, k, y + r) + x)
        block(job, slot, padded)
        for k in range(job.results):
            if in_place[k]:
                continue
            column = first_out * job.result[k].column_stride
            for r in range(min(job.block, bottom - y)):
                staged = slot.targets[k * job.block + r] + (first_out * job.stride_x - x)
                store_row(&job.result[k], staged, job.stride_x, count, slot.raw,
                          result_row(job, results, k, y + r) + column)
        y += job.block


cdef inline void walk_band(const Job* job, Block block, const char* image, char** results,
                           Py_ssize_t band, Py_ssize_t rows, char* scratch) noexcept nogil:
    """Band number `band` of the whole stack, strip by strip, in the scratch of this thread."""
    cdef Py_ssize_t in_plane = (job.result_height + rows - 1) // rows
    cdef Py_ssize_t p = band // in_plane, top = band % in_plane * rows
    cdef Py_ssize_t bottom = min(top + rows, job.result_height)
    cdef Py_ssize_t columns = (job.result_width - 1) * job.stride_x + 1
    cdef const Py_ssize_t* offsets = job.offsets + p * (1 + job.results)
    cdef const char* plane = image + offsets[0]
    cdef char* planes[2]
    cdef Py_ssize_t k, x = 0, width
    cdef bint plain = job.image.code == REAL_CODE and is_plain(&job.image, plane)
    cdef bint direct = False
    cdef Slot slot
    lay_out(job, scratch, &slot)
    fill(slot.blank, job.pitch, <real> job.cval)
    for k in range(job.results):
        planes[k] = results[k] + offsets[1 + k]
    while x < columns:
        width = strip_width(job, x, columns, plain, &direct)
        walk_strip(job, &slot, block, plane, planes, top, bottom, x, width, direct)
        x += width


cdef inline Py_ssize_t run_bands(const Job* job, Block block, const char* image, char** results,
                                 char* scratch, Py_ssize_t rows, int threads) noexcept nogil:
    """All bands of all planes, each `rows` result rows high, on `threads` threads.

    Every pixel's value depends on its window alone, so neither `rows` nor `threads` changes a bit.
    """
    cdef Slot unused
    cdef Py_ssize_t slot_bytes = lay_out(job, NULL, &unused)
    cdef Py_ssize_t bands = (job.result_height + rows - 1) // rows * job.planes, band
    scratch += -(<Py_ssize_t> <size_t> scratch) & (CACHE_LINE - 1)
    if threads == 1:
        for band in range(bands):
            walk_band(job, block, image, results, band, rows, scratch)
    else:
        for band in prange(bands, num_threads=threads, schedule="dynamic"):
            walk_band(job, block, image, results, band, rows,
                      scratch + threadid() * slot_bytes)
    return bands


cdef inline Py_ssize_t scratch_bytes(const Job* job, int threads) noexcept nogil:
    """What `run_bands` needs of scratch for so many threads."""
    cdef Slot unused
    return lay_out(job, NULL, &unused) * threads + CACHE_LINE

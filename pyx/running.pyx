# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Means by running sums in double, added as SciPy does.

    s[0] = p[0] + ... + p[size - 1],   s[y] = s[y - 1] + (p[y + size - 1] - p[y - 1])
    result[y] = s[y] / size

A rounding error or a NaN stays in the sum up to the end of its line. So results equal those of
`scipy.ndimage.uniform_filter1d` only if each line is summed from its beginning. Lines do not depend
on each other: down the columns, a row of sums is updated from row to row; along the rows, several
lines are summed side by side. Means are converted as C casts: the fraction is cut off, and a number
that does not fit wraps around.
"""
from cython.parallel cimport prange, threadid

from convert cimport convert, divide, write
from rows cimport Params, Task, is_plain, load_row, store_row
from types cimport real

cdef enum:
    ABREAST = 8             # rows summed side by side: enough to hide the latency of an addition
    COLUMNS = 512           # of a tile: its rows stay in L1
    SUMS = COLUMNS + 8      # of a tile, and the first of the next one

cdef struct Mean:
    # params.records: pixels of a mean down the columns and along the rows; 0: not along this axis
    Py_ssize_t down, along


# ---------------------------------------------------------------------------------------------
# The equation

cdef inline void finish(const Params* params, real* sums, Py_ssize_t n, real size, real* means,
                        char* raw, char* target) noexcept nogil:
    """Store the means of n sums in the result."""
    divide(sums, n, size, means)
    if is_plain(&params.result[0], target):
        write(means, n, params.result[0].code, target)
        return
    convert(means, n, params.result[0].code)
    store_row(params, means, 1, n, raw, target)


cdef inline void run_down(const Params* params, const char* plane, char* result, Py_ssize_t x,
                          Py_ssize_t n, real* work) noexcept nogil:
    """Compute all rows of n columns from x on."""
    cdef Py_ssize_t size = (<const Mean*> params.records).down, first = x + params.left, y, e, i
    cdef real* sums = work
    cdef real* entering = work + COLUMNS
    cdef real* leaving = work + 2 * COLUMNS
    cdef char* raw = <char*> (work + 3 * COLUMNS)
    cdef char* target = result + x * params.result[0].column_stride
    for i in range(n):
        sums[i] = 0
    for e in range(size):
        load_row(params, plane, e, first, n, raw, entering)
        for i in range(n):
            sums[i] = sums[i] + entering[i]
    for y in range(params.result_height):
        if y > 0:
            load_row(params, plane, y + size - 1, first, n, raw, entering)
            load_row(params, plane, y - 1, first, n, raw, leaving)
            for i in range(n):
                sums[i] = sums[i] + (entering[i] - leaving[i])
        finish(params, sums, n, <real> size, entering, raw,
               target + y * params.result[0].row_stride)


cdef inline void sum_abreast(const real* line, Py_ssize_t pitch, Py_ssize_t n, Py_ssize_t size,
                             real* last, real* sums, int rows) noexcept nogil:
    """The next n sums of `rows` lines; `last` has the sums before, `line` the first pixels."""
    cdef real[ABREAST] s
    cdef Py_ssize_t i
    cdef int r
    for r in range(rows):
        s[r] = last[r]
    for i in range(n):
        for r in range(rows):
            s[r] = s[r] + (line[r * pitch + i + size] - line[r * pitch + i])
            sums[r * SUMS + i] = s[r]
    for r in range(rows):
        last[r] = s[r]


cdef inline void run_along(const Params* params, const char* plane, char* result, Py_ssize_t y,
                           Py_ssize_t rows, real* work) noexcept nogil:
    """Compute all columns of a few rows from y on."""
    cdef Py_ssize_t size = (<const Mean*> params.records).along, width = params.result_width
    cdef Py_ssize_t pitch = line_pitch(params), x, n, r, i
    cdef real[ABREAST] last
    cdef real* sums = work
    cdef real* means = work + ABREAST * SUMS
    cdef real* lines = means + COLUMNS
    cdef char* raw = <char*> (lines + rows_abreast(params) * pitch)
    for r in range(rows):
        load_row(params, plane, y + r + params.top, 0, width + size - 1, raw, lines + r * pitch)
        last[r] = 0
        for i in range(size):
            last[r] = last[r] + lines[r * pitch + i]
        # The loop below reads it for one sum more, which is not used.
        lines[r * pitch + width + size - 1] = 0
    x = 0
    while x < width:
        n = min(COLUMNS, width - x)
        for r in range(rows):
            sums[r * SUMS] = last[r]
        if rows == ABREAST:
            sum_abreast(lines + x, pitch, n, size, last, sums + 1, ABREAST)
        else:
            for r in range(rows):
                sum_abreast(lines + r * pitch + x, pitch, n, size, last + r,
                            sums + r * SUMS + 1, 1)
        for r in range(rows):
            finish(params, sums + r * SUMS, n, <real> size, means, raw, result
                   + (y + r) * params.result[0].row_stride + x * params.result[0].column_stride)
        x += n


# ---------------------------------------------------------------------------------------------
# The schedule: tiles of columns, or groups of rows, of all planes

cdef inline Py_ssize_t line_pitch(const Params* params) noexcept nogil:
    """Numbers from one line to the next; with multiples of 4 KB, lines would share cache sets."""
    cdef Py_ssize_t columns = (params.result_width + params.span_x + 7) // 8 * 8
    return columns + 8 if columns % 512 == 0 else columns


cdef inline Py_ssize_t rows_abreast(const Params* params) noexcept nogil:
    return min(ABREAST, params.result_height)


cdef inline Py_ssize_t slot_numbers(const Params* params) noexcept nogil:
    """Numbers of scratch for a thread."""
    return max(4 * COLUMNS,
               ABREAST * SUMS + COLUMNS + (rows_abreast(params) + 1) * line_pitch(params))


cdef inline void run_axis(const Params* params, bint down, const char* image, Py_ssize_t which,
                          const Task* task) noexcept nogil:
    """Compute one axis; `which` selects the offset of a plane: 0 of the image, 1 of the result."""
    cdef Py_ssize_t unit = COLUMNS if down else ABREAST
    cdef Py_ssize_t length = params.result_width if down else params.result_height
    cdef Py_ssize_t units = (length + unit - 1) // unit
    cdef Py_ssize_t item
    for item in prange(units * params.planes, num_threads=task.threads,
                       use_threads_if=task.threads > 1, schedule="dynamic"):
        run_item(params, down, image + params.offsets[item // units * 2 + which],
                 task.results[0] + params.offsets[item // units * 2 + 1], item % units * unit,
                 min(unit, length - item % units * unit),
                 <real*> (task.scratch + threadid() * task.slot_bytes))


cdef inline void run_item(const Params* params, bint down, const char* plane, char* result,
                          Py_ssize_t start, Py_ssize_t n, real* work) noexcept nogil:
    if down:
        run_down(params, plane, result, start, n, work)
    else:
        run_along(params, plane, result, start, n, work)


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Py_ssize_t slot_bytes(const Params* params) noexcept nogil:
    return slot_numbers(params) * <Py_ssize_t> sizeof(real)


cdef inline void run_loop(const Params* params, const Task* task) noexcept nogil:
    """Compute down the columns, then along the rows of that result; there are no bands."""
    cdef const Mean* mean = <const Mean*> params.records
    cdef Params second = params[0]
    if mean.down == 0:
        run_axis(params, False, task.image, 0, task)
        return
    run_axis(params, True, task.image, 0, task)
    if mean.along > 0:
        second.image = params.result[0]
        run_axis(&second, False, task.results[0], 1, task)


include "entry.pxi"

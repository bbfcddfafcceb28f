# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Means along one axis by running sums in double, as SciPy adds them.

    s[0] = p[0] + ... + p[size - 1],   s[y] = s[y - 1] + (p[y + size - 1] - p[y - 1])
    result[y] = s[y] / size

What a sum has rounded stays in it to the end of its line, and so does a NaN, and lines are long; so
results are those of `scipy.ndimage.uniform_filter1d` only if each line is added up from its
beginning. Lines are independent: down the columns a row of sums is carried from row to row, along
the rows several are summed side by side. Means are converted as C converts them, cut off and
wrapped around.
"""
from cython.parallel cimport prange, threadid

from convert cimport convert, divide, write
from rows cimport Job, Task, is_plain, load_row, store_row
from types cimport real

cdef enum:
    ABREAST = 8             # rows summed side by side: enough to hide the latency of an addition
    COLUMNS = 512           # of a tile: its rows stay in L1
    SUMS = COLUMNS + 8      # and the first of the next tile

cdef struct Mean:
    # job.shape: pixels of a mean down the columns and along the rows, 0 to leave an axis alone
    Py_ssize_t down, along


# ---------------------------------------------------------------------------------------------
# The equation

cdef inline void finish(const Job* job, real* sums, Py_ssize_t n, real size, real* means,
                        char* raw, char* target) noexcept nogil:
    """n sums as means in the result."""
    divide(sums, n, size, means)
    if is_plain(&job.result[0], target):
        write(means, n, job.result[0].code, target)
        return
    convert(means, n, job.result[0].code)
    store_row(job, means, 1, n, raw, target)


cdef inline void run_down(const Job* job, const char* plane, char* result, Py_ssize_t x,
                          Py_ssize_t n, real* work) noexcept nogil:
    """All rows of n columns from x on."""
    cdef Py_ssize_t size = (<const Mean*> job.shape).down, first = x + job.left, y, e, i
    cdef real* sums = work
    cdef real* entering = work + COLUMNS
    cdef real* leaving = work + 2 * COLUMNS
    cdef char* raw = <char*> (work + 3 * COLUMNS)
    cdef char* target = result + x * job.result[0].column_stride
    for i in range(n):
        sums[i] = 0
    for e in range(size):
        load_row(job, plane, e, first, n, raw, entering)
        for i in range(n):
            sums[i] = sums[i] + entering[i]
    for y in range(job.result_height):
        if y > 0:
            load_row(job, plane, y + size - 1, first, n, raw, entering)
            load_row(job, plane, y - 1, first, n, raw, leaving)
            for i in range(n):
                sums[i] = sums[i] + (entering[i] - leaving[i])
        finish(job, sums, n, <real> size, entering, raw,
               target + y * job.result[0].row_stride)


cdef inline void sum_abreast(const real* line, Py_ssize_t pitch, Py_ssize_t n, Py_ssize_t size,
                             real* last, real* sums, int rows) noexcept nogil:
    """The next n sums of `rows` lines; `last` has those before, and `line` what leaves them."""
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


cdef inline void run_along(const Job* job, const char* plane, char* result, Py_ssize_t y,
                           Py_ssize_t rows, real* work) noexcept nogil:
    """All columns of a few rows from y on."""
    cdef Py_ssize_t size = (<const Mean*> job.shape).along, width = job.result_width
    cdef Py_ssize_t pitch = line_pitch(job), x, n, r, i
    cdef real[ABREAST] last
    cdef real* sums = work
    cdef real* means = work + ABREAST * SUMS
    cdef real* lines = means + COLUMNS
    cdef char* raw = <char*> (lines + rows_abreast(job) * pitch)
    for r in range(rows):
        load_row(job, plane, y + r + job.top, 0, width + size - 1, raw, lines + r * pitch)
        last[r] = 0
        for i in range(size):
            last[r] = last[r] + lines[r * pitch + i]
        # Read, and added to what nobody wants, after the last sum.
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
            finish(job, sums + r * SUMS, n, <real> size, means, raw, result
                   + (y + r) * job.result[0].row_stride + x * job.result[0].column_stride)
        x += n


# ---------------------------------------------------------------------------------------------
# The schedule: tiles of columns, or groups of rows, of all planes

cdef inline Py_ssize_t line_pitch(const Job* job) noexcept nogil:
    """From one line to the next: not a multiple of 4 KB, whose sets of the cache are few."""
    cdef Py_ssize_t columns = (job.result_width + job.span_x + 7) // 8 * 8
    return columns + 8 if columns % 512 == 0 else columns


cdef inline Py_ssize_t rows_abreast(const Job* job) noexcept nogil:
    return min(ABREAST, job.result_height)


cdef inline Py_ssize_t slot_numbers(const Job* job) noexcept nogil:
    """Numbers of scratch for a thread."""
    return max(4 * COLUMNS,
               ABREAST * SUMS + COLUMNS + (rows_abreast(job) + 1) * line_pitch(job))


cdef inline void run_axis(const Job* job, bint down, const char* image, Py_ssize_t which,
                          const Task* task) noexcept nogil:
    """One axis; `which` is the offset of a plane: 0 for that of the image, 1 for the result's."""
    cdef Py_ssize_t unit = COLUMNS if down else ABREAST
    cdef Py_ssize_t length = job.result_width if down else job.result_height
    cdef Py_ssize_t units = (length + unit - 1) // unit
    cdef Py_ssize_t item
    for item in prange(units * job.planes, num_threads=task.threads,
                       use_threads_if=task.threads > 1, schedule="dynamic"):
        run_item(job, down, image + job.offsets[item // units * 2 + which],
                 task.results[0] + job.offsets[item // units * 2 + 1], item % units * unit,
                 min(unit, length - item % units * unit),
                 <real*> (task.scratch + threadid() * task.slot_bytes))


cdef inline void run_item(const Job* job, bint down, const char* plane, char* result,
                          Py_ssize_t start, Py_ssize_t n, real* work) noexcept nogil:
    if down:
        run_down(job, plane, result, start, n, work)
    else:
        run_along(job, plane, result, start, n, work)


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Py_ssize_t slot_bytes(const Job* job) noexcept nogil:
    return slot_numbers(job) * <Py_ssize_t> sizeof(real)


cdef inline void run_job(const Job* job, const Task* task) noexcept nogil:
    """Down the columns, then along the rows of what that has given; nothing is cut by rows."""
    cdef const Mean* mean = <const Mean*> job.shape
    cdef Job second = job[0]
    if mean.down == 0:
        run_axis(job, False, task.image, 0, task)
        return
    run_axis(job, True, task.image, 0, task)
    if mean.along > 0:
        second.image = job.result[0]
        run_axis(&second, False, task.results[0], 1, task)


include "entry.pxi"

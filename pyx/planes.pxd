# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Filters that look at all channels of a pixel together, and at those of a guide.

As in `bands`, a band of result rows is the unit of work of a thread, and cut into strips of
columns. But here every channel has rows of its own, however the channels lie in memory.
"""
from cython.parallel cimport prange, threadid

from rows cimport BYTES_OF, Job, Samples, Task, image_row, load_row, loader, store_row, storer
from types cimport LANES, real


cdef struct Planes:
    # The channels of an image, a guide or a result: one plane of a stack.
    const Job* job
    const Samples* samples
    char* first
    Py_ssize_t channels, step           # and the bytes from one to the next


# Filters result rows top to bottom of the columns left to right, in one thread's scratch. The image
# has the number `plane` in the stack.
ctypedef void (*Strip)(const Planes* image, const Planes* guide, const Planes* result,
                       Py_ssize_t plane, Py_ssize_t top, Py_ssize_t bottom, Py_ssize_t left,
                       Py_ssize_t right, char* scratch) noexcept nogil


# ---------------------------------------------------------------------------------------------
# Channels that lie side by side are converted together, then split (and joined, then converted).

cdef inline bint are_dense(const Planes* planes) noexcept nogil:
    """Whether the channels of a pixel lie side by side, aligned, native and without gaps."""
    cdef Py_ssize_t size = BYTES_OF(planes.samples.code)
    return (planes.channels > 1 and planes.step == size and not planes.samples.swapped
            and planes.samples.column_stride == planes.channels * size
            and (<size_t> planes.first) % <size_t> size == 0
            and planes.samples.row_stride % size == 0)


cdef inline void split(const real* samples, Py_ssize_t n, Py_ssize_t channels, real* row,
                       Py_ssize_t pitch) noexcept nogil:
    """n pixels into one row for each channel."""
    cdef Py_ssize_t k, x
    if channels == 3:                   # a number that the compiler knows makes vectors of it
        for x in range(n):
            for k in range(3):
                row[k * pitch + x] = samples[x * 3 + k]
        return
    for k in range(channels):
        for x in range(n):
            row[k * pitch + x] = samples[x * channels + k]


cdef inline void join(const real* row, Py_ssize_t pitch, Py_ssize_t n, Py_ssize_t channels,
                      real* samples) noexcept nogil:
    """The rows of all channels into n pixels."""
    cdef Py_ssize_t k, x
    if channels == 3:
        for x in range(n):
            for k in range(3):
                samples[x * 3 + k] = row[k * pitch + x]
        return
    for k in range(channels):
        for x in range(n):
            samples[x * channels + k] = row[k * pitch + x]


cdef inline void load_planes(const Planes* planes, Py_ssize_t e, Py_ssize_t left, Py_ssize_t n,
                             char* raw, real* samples, real* row, Py_ssize_t pitch) noexcept nogil:
    """n columns of extended row e, from `left` on; channel k from row + k * pitch on.

    `raw` holds n pixels of 8 bytes and `samples` n pixels of all channels.
    """
    cdef const Job* job = planes.job
    cdef Py_ssize_t y = image_row(job, e), before = 0, after = 0, k
    cdef const char* line
    if y >= 0 and are_dense(planes):
        before = min(max(job.left - left, 0), n)
        after = min(max(job.left + job.width - left, before), n)
        line = (planes.first + y * planes.samples.row_stride
                + (left + before - job.left) * planes.samples.column_stride)
        loader(job, planes.samples.code)(line, (after - before) * planes.channels, samples)
        split(samples, after - before, planes.channels, row + before, pitch)
    for k in range(planes.channels):
        load_row(job, planes.first + k * planes.step, e, left, before, raw, row + k * pitch)
        load_row(job, planes.first + k * planes.step, e, left + after, n - after, raw,
                 row + k * pitch + after)


cdef inline void store_planes(const Planes* planes, Py_ssize_t y, Py_ssize_t left, Py_ssize_t n,
                              char* raw, real* samples, const real* row,
                              Py_ssize_t pitch) noexcept nogil:
    """n columns of result row y, from `left` on; channel k from row + k * pitch on."""
    cdef char* start = (planes.first + y * planes.samples.row_stride
                        + left * planes.samples.column_stride)
    cdef Py_ssize_t k
    if are_dense(planes):
        join(row, pitch, n, planes.channels, samples)
        storer(planes.job, planes.samples.code)(samples, 1, n * planes.channels, start)
        return
    for k in range(planes.channels):
        store_row(planes.job, row + k * pitch, 1, n, raw, start + k * planes.step)


# ---------------------------------------------------------------------------------------------
# The walk

cdef inline Planes planes_at(const Job* job, const Samples* samples, const char* first,
                             Py_ssize_t channels, Py_ssize_t step) noexcept nogil:
    cdef Planes planes
    planes.job = job
    planes.samples = samples
    planes.first = <char*> first
    planes.channels = channels
    planes.step = step
    return planes


cdef inline void walk_band(const Job* job, const Job* guide_job, Strip strip, const Task* task,
                           Py_ssize_t band, char* scratch) noexcept nogil:
    """Band number `band` of the whole stack, strip by strip."""
    cdef Py_ssize_t in_plane = (job.result_height + task.rows - 1) // task.rows
    cdef Py_ssize_t p = band // in_plane, top = band % in_plane * task.rows, x = 0, right
    cdef Py_ssize_t bottom = min(top + task.rows, job.result_height)
    cdef const Py_ssize_t* offsets = job.offsets + 3 * p
    cdef Planes source = planes_at(job, &job.image, task.image + offsets[0], job.channels,
                                   job.image_step)
    cdef Planes target = planes_at(job, &job.result[0], task.results[0] + offsets[1], job.channels,
                                   job.result_step)
    cdef Planes leader = planes_at(guide_job, &guide_job.image, task.results[1] + offsets[2],
                                   job.guides, job.guide_step)
    while x < job.result_width:
        right = min(x + job.strip, job.result_width)
        strip(&source, &leader, &target, p, top, bottom, x, right, scratch)
        x = right


cdef inline void run_planes(const Job* job, Strip strip, const Task* task) noexcept nogil:
    """All bands of all planes."""
    cdef Py_ssize_t bands = (job.result_height + task.rows - 1) // task.rows * job.planes, band
    cdef Job guide_job = job[0]
    guide_job.image = job.guide
    if task.threads == 1:
        for band in range(bands):
            walk_band(job, &guide_job, strip, task, band, task.scratch)
    else:
        for band in prange(bands, num_threads=task.threads, schedule="dynamic"):
            walk_band(job, &guide_job, strip, task, band,
                      task.scratch + threadid() * task.slot_bytes)

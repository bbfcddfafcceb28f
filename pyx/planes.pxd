# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""The schedule of filters that use all channels of a pixel together, and those of a guide.

As in bands.pxd, a band of result rows is the unit of work of a thread, and is cut into strips of
columns. But here each channel has rows of its own, however the channels lie in memory.
"""
from cython.parallel cimport prange, threadid

from rows cimport BYTES_OF, Params, Samples, Task, image_row, load_row, loader, store_row, storer
from types cimport LANES, real


cdef struct Planes:
    # The channels of one plane of a stack: of the image, the guide or the result.
    const Params* params
    const Samples* samples
    char* first
    Py_ssize_t channels, step           # number of channels; bytes from one to the next
    const char* weights                 # of the pixels of the image, or NULL


# Compute result rows top to bottom of the columns left to right, in the scratch of one thread.
# `plane` is the number of the image in the stack.
ctypedef void (*Strip)(const Planes* image, const Planes* guide, const Planes* result,
                       Py_ssize_t plane, Py_ssize_t top, Py_ssize_t bottom, Py_ssize_t left,
                       Py_ssize_t right, char* scratch) noexcept nogil


# ---------------------------------------------------------------------------------------------
# Channels that are interleaved without gaps are converted together, then split into rows. Results
# are joined, then converted.

cdef inline bint are_dense(const Planes* planes) noexcept nogil:
    """Whether the channels of a pixel lie side by side, aligned, native and without gaps."""
    cdef Py_ssize_t size = BYTES_OF(planes.samples.code)
    return (planes.channels > 1 and planes.step == size and not planes.samples.swapped
            and planes.samples.column_stride == planes.channels * size
            and (<size_t> planes.first) % <size_t> size == 0
            and planes.samples.row_stride % size == 0)


cdef inline void split(const real* samples, Py_ssize_t n, Py_ssize_t channels, real* row,
                       Py_ssize_t pitch) noexcept nogil:
    """Split n pixels into one row for each channel."""
    cdef Py_ssize_t k, x
    if channels == 3:                   # a literal number, so that the compiler uses vectors
        for x in range(n):
            for k in range(3):
                row[k * pitch + x] = samples[x * 3 + k]
        return
    for k in range(channels):
        for x in range(n):
            row[k * pitch + x] = samples[x * channels + k]


cdef inline void join(const real* row, Py_ssize_t pitch, Py_ssize_t n, Py_ssize_t channels,
                      real* samples) noexcept nogil:
    """Join the rows of all channels to n pixels."""
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
    """Convert n columns of extended row e, from `left` on; channel k begins at row + k * pitch.

    `raw` has room for n pixels of 8 bytes, `samples` for n pixels of all channels.
    """
    cdef const Params* params = planes.params
    cdef Py_ssize_t y = image_row(params, e), before = 0, after = 0, k
    cdef const char* line
    if y >= 0 and are_dense(planes):
        before = min(max(params.left - left, 0), n)
        after = min(max(params.left + params.width - left, before), n)
        line = (planes.first + y * planes.samples.row_stride
                + (left + before - params.left) * planes.samples.column_stride)
        loader(params, planes.samples.code)(line, (after - before) * planes.channels, samples)
        split(samples, after - before, planes.channels, row + before, pitch)
    for k in range(planes.channels):
        load_row(params, planes.first + k * planes.step, e, left, before, raw, row + k * pitch)
        load_row(params, planes.first + k * planes.step, e, left + after, n - after, raw,
                 row + k * pitch + after)


cdef inline void store_planes(const Planes* planes, Py_ssize_t y, Py_ssize_t left, Py_ssize_t n,
                              char* raw, real* samples, const real* row,
                              Py_ssize_t pitch) noexcept nogil:
    """Store n columns of result row y, from `left` on; channel k begins at row + k * pitch."""
    cdef char* start = (planes.first + y * planes.samples.row_stride
                        + left * planes.samples.column_stride)
    cdef Py_ssize_t k
    if are_dense(planes):
        join(row, pitch, n, planes.channels, samples)
        storer(planes.params, planes.samples.code)(samples, 1, n * planes.channels, start)
        return
    for k in range(planes.channels):
        store_row(planes.params, row + k * pitch, 1, n, raw, start + k * planes.step)


# ---------------------------------------------------------------------------------------------
# The schedule

cdef inline Planes planes_at(const Params* params, const Samples* samples, const char* first,
                             Py_ssize_t channels, Py_ssize_t step) noexcept nogil:
    cdef Planes planes
    planes.params = params
    planes.samples = samples
    planes.first = <char*> first
    planes.channels = channels
    planes.step = step
    planes.weights = NULL
    return planes


cdef inline void run_band(const Params* params, const Params* guide_params, Strip strip,
                          const Task* task, Py_ssize_t band, char* scratch) noexcept nogil:
    """Compute band number `band` of the stack, strip by strip."""
    cdef Py_ssize_t in_plane = (params.result_height + task.rows - 1) // task.rows
    cdef Py_ssize_t p = band // in_plane, top = band % in_plane * task.rows, x = 0, right
    cdef Py_ssize_t bottom = min(top + task.rows, params.result_height)
    cdef const Py_ssize_t* offsets = params.offsets + 3 * p
    cdef Planes source = planes_at(params, &params.image, task.image + offsets[0], params.channels,
                                   params.image_step)
    cdef Planes target = planes_at(params, &params.result[0], task.results[0] + offsets[1],
                                   params.channels, params.result_step)
    cdef Planes guide = planes_at(guide_params, &guide_params.image, task.results[1] + offsets[2],
                                  params.guides, params.guide_step)
    if params.weighing.given:
        source.weights = task.weights + params.weighing.offsets[p]
    while x < params.result_width:
        right = min(x + params.strip, params.result_width)
        strip(&source, &guide, &target, p, top, bottom, x, right, scratch)
        x = right


cdef inline void run_planes(const Params* params, Strip strip, const Task* task) noexcept nogil:
    """Compute all bands of all planes."""
    cdef Py_ssize_t in_plane = (params.result_height + task.rows - 1) // task.rows
    cdef Py_ssize_t bands = in_plane * params.planes, band
    cdef Params guide_params = params[0]
    guide_params.image = params.guide
    if task.threads == 1:
        for band in range(bands):
            run_band(params, &guide_params, strip, task, band, task.scratch)
    else:
        for band in prange(bands, num_threads=task.threads, schedule="dynamic"):
            run_band(params, &guide_params, strip, task, band,
                     task.scratch + threadid() * task.slot_bytes)

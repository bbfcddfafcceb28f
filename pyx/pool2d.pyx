# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Where the largest pixel of each window lies, and the gradients of pooling.

    place[y, x] = the window's first largest pixel, or its last NaN; -1 where it has no pixel

Windows are those of imgconv.core.windows, one axis at a time. A row of results is made at once:
each tap is compared for all windows of the row, or added to all.
"""
cimport numpy as cnp
from cython.parallel cimport prange, threadid
from libc.stdint cimport int64_t

from types cimport real

cnp.import_array()

cdef extern from *:
    """
    /* Whether b takes the place of a: a NaN always does, and nothing that of a NaN. */
    #define beats(b, a) ((b) > (a) || (b) != (b))
    """
    bint beats(real b, real a) nogil


cdef struct Axis:
    # The fields of imgconv.core.windows.Windows.
    Py_ssize_t n, k, stride, dilation, before, after, count


cdef inline Py_ssize_t first_pixel(const Axis* axis, Py_ssize_t window) noexcept nogil:
    """The first pixel under a tap of a window; -1 if there is none."""
    cdef Py_ssize_t at = window * axis.stride - axis.before
    cdef Py_ssize_t tap = (axis.dilation - 1 - at) // axis.dilation if at < 0 else 0
    at += tap * axis.dilation
    return at if tap < axis.k and at < axis.n else -1


cdef inline Py_ssize_t first_window(const Axis* axis, Py_ssize_t tap) noexcept nogil:
    """The first window whose tap stands on a pixel."""
    cdef Py_ssize_t off = axis.before - tap * axis.dilation
    return min(axis.count, (off + axis.stride - 1) // axis.stride if off > 0 else 0)


cdef inline Py_ssize_t last_window(const Axis* axis, Py_ssize_t tap) noexcept nogil:
    """Behind the last window whose tap stands on a pixel."""
    cdef Py_ssize_t room = axis.n - 1 + axis.before - tap * axis.dilation
    return min(axis.count, room // axis.stride + 1 if room >= 0 else 0)


# ---------------------------------------------------------------------------------------------
# The largest

cdef inline void compare(const real* row, Py_ssize_t step, Py_ssize_t place, Py_ssize_t begin,
                         Py_ssize_t end, real* best, int64_t* places) noexcept nogil:
    """A tap of the windows begin to end of a row; `place` is that of the tap of window 0."""
    cdef Py_ssize_t x
    cdef real value
    for x in range(begin, end):
        value = row[x * step]
        places[x] = <int64_t> (place + x * step) if beats(value, best[x]) else places[x]
        best[x] = value if beats(value, best[x]) else best[x]


cdef void largest_row(const real* image, const Axis* down, const Axis* along, Py_ssize_t y,
                      real lowest, real* best, int64_t* places) noexcept nogil:
    cdef Py_ssize_t i, j, x, row, place
    row = first_pixel(down, y)
    for x in range(along.count):
        best[x] = lowest
        places[x] = -1
        if row >= 0 and first_pixel(along, x) >= 0:
            places[x] = <int64_t> (row * along.n + first_pixel(along, x))
    for i in range(down.k):
        row = y * down.stride - down.before + i * down.dilation
        if row < 0 or row >= down.n:
            continue
        for j in range(along.k):
            place = row * along.n + j * along.dilation - along.before
            if along.stride == 1:
                compare(image + place, 1, place, first_window(along, j), last_window(along, j),
                        best, places)
            elif along.stride == 2:
                compare(image + place, 2, place, first_window(along, j), last_window(along, j),
                        best, places)
            else:
                compare(image + place, along.stride, place, first_window(along, j),
                        last_window(along, j), best, places)


def largest(cnp.ndarray axes not None, cnp.ndarray image not None, lowest,
            cnp.ndarray result not None, cnp.ndarray places not None, int threads):
    """Fill values and places, (planes, oh, ow), of an image of planes."""
    cdef const Axis* axis = <const Axis*> cnp.PyArray_DATA(axes)
    cdef const real* source = <const real*> cnp.PyArray_DATA(image)
    cdef real* best = <real*> cnp.PyArray_DATA(result)
    cdef int64_t* found = <int64_t*> cnp.PyArray_DATA(places)
    cdef Py_ssize_t planes = cnp.PyArray_DIM(image, 0), task, at
    cdef real least = lowest
    with nogil:
        for task in prange(planes * axis[0].count, num_threads=threads,
                           use_threads_if=threads > 1, schedule="static"):
            at = task * axis[1].count
            largest_row(source + task // axis[0].count * axis[0].n * axis[1].n, axis, axis + 1,
                        task % axis[0].count, least, best + at, found + at)


def scatter(cnp.ndarray axes not None, cnp.ndarray image not None, lowest,
            cnp.ndarray gradient not None, cnp.ndarray result not None,
            cnp.ndarray scratch not None, int threads):
    """Add each window's gradient to the pixel that is its largest; `result` is zero before.

    `scratch` is (threads, bytes), which hold the places and the values of a row of windows.
    """
    cdef const Axis* axis = <const Axis*> cnp.PyArray_DATA(axes)
    cdef const real* source = <const real*> cnp.PyArray_DATA(image)
    cdef const real* above = <const real*> cnp.PyArray_DATA(gradient)
    cdef real* target = <real*> cnp.PyArray_DATA(result)
    cdef char* slots = <char*> cnp.PyArray_DATA(scratch)
    cdef Py_ssize_t slot = cnp.PyArray_DIM(scratch, 1)
    cdef Py_ssize_t planes = cnp.PyArray_DIM(image, 0), plane
    cdef real least = lowest
    with nogil:
        for plane in prange(planes, num_threads=threads, use_threads_if=threads > 1,
                            schedule="static"):
            scatter_plane(axis, axis + 1, source + plane * axis[0].n * axis[1].n, least,
                          above + plane * axis[0].count * axis[1].count,
                          target + plane * axis[0].n * axis[1].n,
                          <int64_t*> (slots + threadid() * slot))


cdef void scatter_plane(const Axis* down, const Axis* along, const real* image, real lowest,
                        const real* gradient, real* result, int64_t* places) noexcept nogil:
    cdef Py_ssize_t y, x
    # Behind the places, which are as wide as any number, so that both are aligned.
    cdef real* best = <real*> (places + along.count)
    for y in range(down.count):
        largest_row(image, down, along, y, lowest, best, places)
        for x in range(along.count):
            if places[x] >= 0:
                result[places[x]] += gradient[x]
        gradient += along.count


# ---------------------------------------------------------------------------------------------
# The mean

cdef void spread_plane(const Axis* down, const Axis* along, const real* gradient,
                       const real* across, const real* rows, real* result,
                       real* row) noexcept nogil:
    """Windows along a row first, in `row`, then the row to all rows of its windows."""
    cdef Py_ssize_t y, x, i, j, at
    cdef real share
    for y in range(down.count):
        for x in range(along.n):
            row[x] = 0
        for j in range(along.k):
            at = j * along.dilation - along.before
            for x in range(first_window(along, j), last_window(along, j)):
                row[x * along.stride + at] += gradient[x] * across[x]
        share = rows[y]
        for i in range(down.k):
            at = y * down.stride - down.before + i * down.dilation
            if 0 <= at < down.n:
                for x in range(along.n):
                    result[at * along.n + x] += row[x] * share
        gradient += along.count


def spread(cnp.ndarray axes not None, cnp.ndarray gradient not None, cnp.ndarray rows not None,
           cnp.ndarray across not None, cnp.ndarray result not None, cnp.ndarray scratch not None,
           int threads):
    """Add each window's gradient to all its pixels; `result` is zero before.

    The gradient counts rows[y] * across[x]; `scratch` is (threads, bytes), which hold a row of
    pixels.
    """
    cdef const Axis* axis = <const Axis*> cnp.PyArray_DATA(axes)
    cdef const real* above = <const real*> cnp.PyArray_DATA(gradient)
    cdef const real* down = <const real*> cnp.PyArray_DATA(rows)
    cdef const real* along = <const real*> cnp.PyArray_DATA(across)
    cdef real* target = <real*> cnp.PyArray_DATA(result)
    cdef char* slots = <char*> cnp.PyArray_DATA(scratch)
    cdef Py_ssize_t slot = cnp.PyArray_DIM(scratch, 1)
    cdef Py_ssize_t planes = cnp.PyArray_DIM(result, 0), plane
    with nogil:
        for plane in prange(planes, num_threads=threads, use_threads_if=threads > 1,
                            schedule="static"):
            spread_plane(axis, axis + 1, above + plane * axis[0].count * axis[1].count, along,
                         down, target + plane * axis[0].n * axis[1].n,
                         <real*> (slots + threadid() * slot))

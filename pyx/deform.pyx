# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Deformable convolution: the columns of windows whose taps stand where they are told to.

    column[c, t, y, x] = mask[t, y, x] * image[c, y s + i d - p + dy[t, y, x], ... + dx[t, y, x]]

An image between its pixels is bilinear, and zero from one pixel beyond its edges on; channels of a
group share their places. A row of results is computed at once: first its four neighbours and their
weights, then one channel after another.
"""
cimport numpy as cnp
from cython.parallel cimport prange, threadid
from libc.math cimport floor
from libc.stdint cimport int32_t

from types cimport real

cnp.import_array()


cdef struct Job:
    # The fields of imgconv.nn.functional.deformable.Job.
    Py_ssize_t height, width, kh, kw, oh, ow
    Py_ssize_t stride_y, stride_x, top, left, dilation_y, dilation_x
    Py_ssize_t channels, groups     # of the image, of offsets


cdef struct Row:
    # Of each result of a row: its four neighbours, -1 outside the image, and their weights.
    int32_t* places         # (4, ow)
    real* weights           # (4, ow)
    real* right             # the share of the right column
    real* down              # the share of the lower row


cdef inline Row row_of(const Job* job, char* scratch) noexcept nogil:
    cdef Row row
    row.weights = <real*> scratch
    row.right = row.weights + 4 * job.ow
    row.down = row.right + job.ow
    row.places = <int32_t*> (row.down + job.ow)
    return row


cdef inline void neighbour(const Job* job, const Row* row, Py_ssize_t k, Py_ssize_t x,
                           Py_ssize_t py, Py_ssize_t px, real weight) noexcept nogil:
    cdef bint inside = 0 <= py < job.height and 0 <= px < job.width
    row.places[k * job.ow + x] = <int32_t> (py * job.width + px) if inside else -1
    row.weights[k * job.ow + x] = weight


cdef void find_row(const Job* job, const real* offsets, Py_ssize_t t, Py_ssize_t y,
                   const Row* row) noexcept nogil:
    """The neighbours of tap t for a row of results; offsets (2 taps, oh, ow)."""
    cdef Py_ssize_t x, top, left, plane = job.oh * job.ow
    cdef const real* dy = offsets + 2 * t * plane + y * job.ow
    cdef const real* dx = dy + plane
    cdef double at_y, at_x
    cdef real down, right
    for x in range(job.ow):
        at_y = y * job.stride_y - job.top + t // job.kw * job.dilation_y + <double> dy[x]
        at_x = x * job.stride_x - job.left + t % job.kw * job.dilation_x + <double> dx[x]
        if not (-1 < at_y < job.height and -1 < at_x < job.width):
            # Nowhere, and where there is no number.
            at_y = at_x = -2
        top = <Py_ssize_t> floor(at_y)
        left = <Py_ssize_t> floor(at_x)
        down = <real> (at_y - top)
        right = <real> (at_x - left)
        row.down[x] = down
        row.right[x] = right
        neighbour(job, row, 0, x, top, left, (1 - down) * (1 - right))
        neighbour(job, row, 1, x, top, left + 1, (1 - down) * right)
        neighbour(job, row, 2, x, top + 1, left, down * (1 - right))
        neighbour(job, row, 3, x, top + 1, left + 1, down * right)


cdef inline real sampled(const real* image, const int32_t* places, const real* weights,
                         Py_ssize_t n, Py_ssize_t x) noexcept nogil:
    """One pixel; a neighbour outside the image has no place."""
    cdef real total = 0
    cdef Py_ssize_t k
    for k in range(4):
        if places[k * n + x] >= 0:
            total = total + weights[k * n + x] * image[places[k * n + x]]
    return total


cdef void sample_row(const Job* job, const real* image, const real* offsets, const real* mask,
                     Py_ssize_t g, Py_ssize_t t, Py_ssize_t y, const Row* row,
                     real* columns) noexcept nogil:
    cdef Py_ssize_t some = job.channels // job.groups, plane = job.oh * job.ow, c, x
    cdef Py_ssize_t taps = job.kh * job.kw
    cdef const real* pixels
    cdef const real* share = mask + (g * taps + t) * plane + y * job.ow
    cdef real* target
    find_row(job, offsets + 2 * g * taps * plane, t, y, row)
    for c in range(g * some, (g + 1) * some):
        pixels = image + c * job.height * job.width
        target = columns + (c * taps + t) * plane + y * job.ow
        for x in range(job.ow):
            target[x] = share[x] * sampled(pixels, row.places, row.weights, job.ow, x)


def sample(cnp.ndarray job not None, cnp.ndarray image not None, cnp.ndarray offsets not None,
           cnp.ndarray mask not None, cnp.ndarray columns not None, cnp.ndarray scratch not None,
           int threads):
    """Fill the columns of one image; scratch is (threads, bytes), which hold a `Row`."""
    cdef const Job* plan = <const Job*> cnp.PyArray_DATA(job)
    cdef const real* source = <const real*> cnp.PyArray_DATA(image)
    cdef const real* places = <const real*> cnp.PyArray_DATA(offsets)
    cdef const real* shares = <const real*> cnp.PyArray_DATA(mask)
    cdef real* target = <real*> cnp.PyArray_DATA(columns)
    cdef char* slots = <char*> cnp.PyArray_DATA(scratch)
    cdef Py_ssize_t slot = cnp.PyArray_DIM(scratch, 1), taps = plan.kh * plan.kw, task
    with nogil:
        for task in prange(plan.groups * taps * plan.oh, num_threads=threads,
                           use_threads_if=threads > 1, schedule="static"):
            sample_task(plan, source, places, shares, task, slots + threadid() * slot, target)


cdef void sample_task(const Job* job, const real* image, const real* offsets, const real* mask,
                      Py_ssize_t task, char* scratch, real* columns) noexcept nogil:
    cdef Row row = row_of(job, scratch)
    cdef Py_ssize_t taps = job.kh * job.kw
    sample_row(job, image, offsets, mask, task // job.oh // taps, task // job.oh % taps,
               task % job.oh, &row, columns)


# ---------------------------------------------------------------------------------------------
# Gradients

cdef void back_group(const Job* job, const real* image, const real* offsets, const real* mask,
                     const real* gradient, Py_ssize_t g, char* scratch, real* grad_image,
                     real* grad_offsets, real* grad_mask) noexcept nogil:
    """What the gradient of a group's columns is to its channels, offsets and mask."""
    cdef Row row = row_of(job, scratch)
    cdef Py_ssize_t some = job.channels // job.groups, plane = job.oh * job.ow
    cdef Py_ssize_t taps = job.kh * job.kw, t, y, c, x, k, at, n = job.ow
    cdef real[4] v
    cdef real above, down, right, share
    cdef const real* pixels
    cdef const real* from_columns
    cdef real* to_pixels
    for t in range(taps):
        for y in range(job.oh):
            find_row(job, offsets + 2 * g * taps * plane, t, y, &row)
            at = (g * taps + t) * plane + y * n
            for c in range(g * some, (g + 1) * some):
                pixels = image + c * job.height * job.width
                to_pixels = grad_image + c * job.height * job.width
                from_columns = gradient + (c * taps + t) * plane + y * n
                for x in range(n):
                    above = from_columns[x]
                    share = mask[at + x]
                    for k in range(4):
                        v[k] = 0
                        if row.places[k * n + x] >= 0:
                            v[k] = pixels[row.places[k * n + x]]
                            to_pixels[row.places[k * n + x]] += (
                                above * share * row.weights[k * n + x])
                    down = row.down[x]
                    right = row.right[x]
                    grad_mask[at + x] += above * (
                        (1 - down) * ((1 - right) * v[0] + right * v[1])
                        + down * ((1 - right) * v[2] + right * v[3]))
                    grad_offsets[at + (g * taps + t) * plane + x] += above * share * (
                        (1 - right) * (v[2] - v[0]) + right * (v[3] - v[1]))
                    grad_offsets[at + (g * taps + t + 1) * plane + x] += above * share * (
                        (1 - down) * (v[1] - v[0]) + down * (v[3] - v[2]))


def back(cnp.ndarray job not None, cnp.ndarray image not None, cnp.ndarray offsets not None,
         cnp.ndarray mask not None, cnp.ndarray gradient not None, cnp.ndarray grad_image not None,
         cnp.ndarray grad_offsets not None, cnp.ndarray grad_mask not None,
         cnp.ndarray scratch not None, int threads):
    """Add to the gradients of one image, from those of its columns."""
    cdef const Job* plan = <const Job*> cnp.PyArray_DATA(job)
    cdef const real* source = <const real*> cnp.PyArray_DATA(image)
    cdef const real* places = <const real*> cnp.PyArray_DATA(offsets)
    cdef const real* shares = <const real*> cnp.PyArray_DATA(mask)
    cdef const real* above = <const real*> cnp.PyArray_DATA(gradient)
    cdef real* to_image = <real*> cnp.PyArray_DATA(grad_image)
    cdef real* to_offsets = <real*> cnp.PyArray_DATA(grad_offsets)
    cdef real* to_mask = <real*> cnp.PyArray_DATA(grad_mask)
    cdef char* slots = <char*> cnp.PyArray_DATA(scratch)
    cdef Py_ssize_t slot = cnp.PyArray_DIM(scratch, 1), g
    with nogil:
        for g in prange(plan.groups, num_threads=threads, use_threads_if=threads > 1,
                        schedule="static"):
            back_group(plan, source, places, shares, above, g, slots + threadid() * slot, to_image,
                       to_offsets, to_mask)

# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Deformable convolution: the columns of windows whose taps have offsets.

    column[c, t, y, x] = mask[t, y, x] * image[c, y s + i d - p + dy[t, y, x], ... + dx[t, y, x]]

Between pixels the image is interpolated bilinearly; from one pixel outside its edges on it is zero.
Channels of a group share their places. A row of results is computed at once: first the four
neighbours of each place and their weights, then one channel after another.
"""
cimport numpy as cnp
from cython.parallel cimport prange, threadid
from libc.math cimport floor
from libc.stdint cimport int32_t

from types cimport real

cnp.import_array()


cdef struct Params:
    # The fields of the record that imgconv/nn/functional/deformable.py makes, in its order.
    Py_ssize_t height, width, kh, kw, oh, ow
    Py_ssize_t stride_y, stride_x, top, left, dilation_y, dilation_x
    Py_ssize_t channels, groups     # channels of the image, groups of offsets


cdef struct Row:
    # For each result of a row: its four neighbours (-1 outside the image) and their weights.
    int32_t* places         # (4, ow)
    real* weights           # (4, ow)
    real* right             # weight of the right column
    real* down              # weight of the lower row


cdef inline Row row_of(const Params* params, char* scratch) noexcept nogil:
    cdef Row row
    row.weights = <real*> scratch
    row.right = row.weights + 4 * params.ow
    row.down = row.right + params.ow
    row.places = <int32_t*> (row.down + params.ow)
    return row


cdef inline void neighbour(const Params* params, const Row* row, Py_ssize_t k, Py_ssize_t x,
                           Py_ssize_t py, Py_ssize_t px, real weight) noexcept nogil:
    cdef bint inside = 0 <= py < params.height and 0 <= px < params.width
    row.places[k * params.ow + x] = <int32_t> (py * params.width + px) if inside else -1
    row.weights[k * params.ow + x] = weight


cdef void find_row(const Params* params, const real* offsets, Py_ssize_t t, Py_ssize_t y,
                   const Row* row) noexcept nogil:
    """Find the neighbours of tap t for a row of results; offsets are (2 taps, oh, ow)."""
    cdef Py_ssize_t x, top, left, plane = params.oh * params.ow
    cdef const real* dy = offsets + 2 * t * plane + y * params.ow
    cdef const real* dx = dy + plane
    cdef Py_ssize_t tap_y = y * params.stride_y - params.top + t // params.kw * params.dilation_y
    cdef Py_ssize_t tap_x = t % params.kw * params.dilation_x - params.left
    cdef double at_y, at_x
    cdef real down, right
    for x in range(params.ow):
        at_y = tap_y + <double> dy[x]
        at_x = tap_x + x * params.stride_x + <double> dx[x]
        if not (-1 < at_y < params.height and -1 < at_x < params.width):
            # Outside the image, or NaN.
            at_y = at_x = -2
        top = <Py_ssize_t> floor(at_y)
        left = <Py_ssize_t> floor(at_x)
        down = <real> (at_y - top)
        right = <real> (at_x - left)
        row.down[x] = down
        row.right[x] = right
        neighbour(params, row, 0, x, top, left, (1 - down) * (1 - right))
        neighbour(params, row, 1, x, top, left + 1, (1 - down) * right)
        neighbour(params, row, 2, x, top + 1, left, down * (1 - right))
        neighbour(params, row, 3, x, top + 1, left + 1, down * right)


cdef inline real sampled(const real* image, const int32_t* places, const real* weights,
                         Py_ssize_t n, Py_ssize_t x) noexcept nogil:
    """The interpolated pixel of result x."""
    cdef real total = 0
    cdef Py_ssize_t k
    for k in range(4):
        if places[k * n + x] >= 0:
            total = total + weights[k * n + x] * image[places[k * n + x]]
    return total


cdef void sample_row(const Params* params, const real* image, const real* offsets, const real* mask,
                     Py_ssize_t g, Py_ssize_t t, Py_ssize_t y, const Row* row,
                     real* columns) noexcept nogil:
    cdef Py_ssize_t some = params.channels // params.groups, plane = params.oh * params.ow, c, x
    cdef Py_ssize_t taps = params.kh * params.kw
    cdef const real* pixels
    cdef const real* share = mask + (g * taps + t) * plane + y * params.ow
    cdef real* target
    find_row(params, offsets + 2 * g * taps * plane, t, y, row)
    for c in range(g * some, (g + 1) * some):
        pixels = image + c * params.height * params.width
        target = columns + (c * taps + t) * plane + y * params.ow
        for x in range(params.ow):
            target[x] = share[x] * sampled(pixels, row.places, row.weights, params.ow, x)


def sample(cnp.ndarray params not None, cnp.ndarray image not None, cnp.ndarray offsets not None,
           cnp.ndarray mask not None, cnp.ndarray columns not None, cnp.ndarray scratch not None,
           int threads):
    """Fill the columns of one image; scratch is (threads, bytes), with room for a `Row`."""
    cdef const Params* plan = <const Params*> cnp.PyArray_DATA(params)
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


cdef void sample_task(const Params* params, const real* image, const real* offsets,
                      const real* mask, Py_ssize_t task, char* scratch,
                      real* columns) noexcept nogil:
    cdef Row row = row_of(params, scratch)
    cdef Py_ssize_t taps = params.kh * params.kw
    sample_row(params, image, offsets, mask, task // params.oh // taps, task // params.oh % taps,
               task % params.oh, &row, columns)


# ---------------------------------------------------------------------------------------------
# Gradients

cdef void back_group(const Params* params, const real* image, const real* offsets, const real* mask,
                     const real* gradient, Py_ssize_t g, char* scratch, real* grad_image,
                     real* grad_offsets, real* grad_mask) noexcept nogil:
    """Add the gradients of the channels, offsets and mask of a group, from those of its columns."""
    cdef Row row = row_of(params, scratch)
    cdef Py_ssize_t some = params.channels // params.groups, plane = params.oh * params.ow
    cdef Py_ssize_t taps = params.kh * params.kw, t, y, c, x, k, at, n = params.ow
    cdef real[4] v
    cdef real above, down, right, share
    cdef const real* pixels
    cdef const real* from_columns
    cdef real* to_pixels
    for t in range(taps):
        for y in range(params.oh):
            find_row(params, offsets + 2 * g * taps * plane, t, y, &row)
            at = (g * taps + t) * plane + y * n
            for c in range(g * some, (g + 1) * some):
                pixels = image + c * params.height * params.width
                to_pixels = grad_image + c * params.height * params.width
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


def back(cnp.ndarray params not None, cnp.ndarray image not None, cnp.ndarray offsets not None,
         cnp.ndarray mask not None, cnp.ndarray gradient not None, cnp.ndarray grad_image not None,
         cnp.ndarray grad_offsets not None, cnp.ndarray grad_mask not None,
         cnp.ndarray scratch not None, int threads):
    """Add to the gradients of one image, from those of its columns."""
    cdef const Params* plan = <const Params*> cnp.PyArray_DATA(params)
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

# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Resizing: each pixel is a weighted sum of a few, along y and then along x.

    row[x] = sum over k of down[y, k] * image[rows[y, k], x]
    result[y, x] = sum over k of along[x, k] * row[columns[x, k]]

and the transpose of it, for gradients. Places and weights are tables with a row for each tap k.
"""
cimport numpy as cnp
from cython.parallel cimport prange, threadid
from libc.stdint cimport int64_t

from types cimport real

cnp.import_array()


cdef struct Taps:
    const int64_t* places       # (taps, count)
    const real* weights
    Py_ssize_t taps, count, n   # taps of a result, results, pixels


cdef inline Taps taps_of(cnp.ndarray places, cnp.ndarray weights, Py_ssize_t n):
    cdef Taps taps
    taps.places = <const int64_t*> cnp.PyArray_DATA(places)
    taps.weights = <const real*> cnp.PyArray_DATA(weights)
    taps.taps = cnp.PyArray_DIM(places, 0)
    taps.count = cnp.PyArray_DIM(places, 1)
    taps.n = n
    return taps


cdef void resize_row(const Taps* down, const Taps* along, const real* image, Py_ssize_t y,
                     real* row, real* result) noexcept nogil:
    cdef Py_ssize_t k, x
    cdef const real* source
    cdef const int64_t* places
    cdef const real* weights
    cdef real weight
    for k in range(down.taps):
        source = image + down.places[k * down.count + y] * along.n
        weight = down.weights[k * down.count + y]
        for x in range(along.n):
            row[x] = (row[x] if k > 0 else 0) + weight * source[x]
    for k in range(along.taps):
        places = along.places + k * along.count
        weights = along.weights + k * along.count
        if k == 0:
            for x in range(along.count):
                result[x] = weights[x] * row[places[x]]
        else:
            for x in range(along.count):
                result[x] += weights[x] * row[places[x]]


cdef void resize_back(const Taps* down, const Taps* along, const real* gradient,
                      real* row, real* result) noexcept nogil:
    """One plane of the transpose."""
    cdef Py_ssize_t y, k, x
    cdef real* target
    cdef real weight
    for y in range(down.count):
        for x in range(along.n):
            row[x] = 0
        for k in range(along.taps):
            for x in range(along.count):
                row[along.places[k * along.count + x]] += (
                    along.weights[k * along.count + x] * gradient[x])
        for k in range(down.taps):
            target = result + down.places[k * down.count + y] * along.n
            weight = down.weights[k * down.count + y]
            for x in range(along.n):
                target[x] += weight * row[x]
        gradient += along.count


def run(cnp.ndarray rows not None, cnp.ndarray down not None, cnp.ndarray columns not None,
        cnp.ndarray along not None, cnp.ndarray image not None, cnp.ndarray result not None,
        cnp.ndarray scratch not None, int threads):
    """Resize planes, (planes, H, W) to (planes, oh, ow).

    scratch is (threads, bytes), with room for a row of the image.
    """
    cdef Taps y = taps_of(rows, down, cnp.PyArray_DIM(image, 1))
    cdef Taps x = taps_of(columns, along, cnp.PyArray_DIM(image, 2))
    cdef const real* source = <const real*> cnp.PyArray_DATA(image)
    cdef real* target = <real*> cnp.PyArray_DATA(result)
    cdef char* slots = <char*> cnp.PyArray_DATA(scratch)
    cdef Py_ssize_t slot = cnp.PyArray_DIM(scratch, 1)
    cdef Py_ssize_t planes = cnp.PyArray_DIM(image, 0), task
    with nogil:
        for task in prange(planes * y.count, num_threads=threads, use_threads_if=threads > 1,
                           schedule="static"):
            resize_row(&y, &x, source + task // y.count * y.n * x.n, task % y.count,
                       <real*> (slots + threadid() * slot), target + task * x.count)


def back(cnp.ndarray rows not None, cnp.ndarray down not None, cnp.ndarray columns not None,
         cnp.ndarray along not None, cnp.ndarray gradient not None, cnp.ndarray result not None,
         cnp.ndarray scratch not None, int threads):
    """The transpose of `run`, added to `result`."""
    cdef Taps y = taps_of(rows, down, cnp.PyArray_DIM(result, 1))
    cdef Taps x = taps_of(columns, along, cnp.PyArray_DIM(result, 2))
    cdef const real* source = <const real*> cnp.PyArray_DATA(gradient)
    cdef real* target = <real*> cnp.PyArray_DATA(result)
    cdef char* slots = <char*> cnp.PyArray_DATA(scratch)
    cdef Py_ssize_t slot = cnp.PyArray_DIM(scratch, 1)
    cdef Py_ssize_t planes = cnp.PyArray_DIM(result, 0), plane
    with nogil:
        for plane in prange(planes, num_threads=threads, use_threads_if=threads > 1,
                            schedule="static"):
            resize_back(&y, &x, source + plane * y.count * x.count,
                        <real*> (slots + threadid() * slot), target + plane * y.n * x.n)

# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Resizing: each pixel is a weighted sum of a few, along x and then along y.

    row[j, x] = sum over k of along[x, k] * image[j, columns[x, k]]
    result[y, x] = sum over k of down[y, k] * row[rows[y, k], x]

and the transpose of it, for gradients. Places and weights are tables with a row for each tap k. The
rows[y, k] are neighbours, but for the edges of the image; row j is kept in slot j % taps until
another one needs it. So each row is resized once, whichever way the sizes differ. The transpose
along x has tables of its own, of the results that a pixel is in: adding each result to its pixels
would wait for the pixel before it.
"""
cimport numpy as cnp
from cython.parallel cimport prange, threadid
from libc.stdint cimport int64_t

from types cimport real

cnp.import_array()

cdef enum:
    PARTS = 4       # parts of the work, for each thread


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


cdef struct Rows:
    # The rows that the latest results needed.
    Py_ssize_t* held            # which row is in each slot; -1 for none
    real* slots                 # (taps, count along x)


cdef inline Rows rows_of(const Taps* down, char* scratch) noexcept nogil:
    cdef Rows rows
    cdef Py_ssize_t k
    rows.held = <Py_ssize_t*> scratch
    rows.slots = <real*> (rows.held + down.taps)
    for k in range(down.taps):
        rows.held[k] = -1
    return rows


cdef inline void resize_along(const Taps* along, const real* image, real* row) noexcept nogil:
    cdef Py_ssize_t _k, x
    cdef const int64_t* places = along.places
    cdef const real* weights = along.weights
    for x in range(along.count):
        row[x] = weights[x] * image[places[x]]
    for _k in range(1, along.taps):
        places += along.count
        weights += along.count
        for x in range(along.count):
            row[x] += weights[x] * image[places[x]]


cdef void resize_rows(const Taps* down, const Taps* along, const real* image, Py_ssize_t first,
                      Py_ssize_t last, char* scratch, real* result) noexcept nogil:
    """Compute the results first to last of a plane."""
    cdef Rows rows = rows_of(down, scratch)
    cdef Py_ssize_t y, k, j, x
    cdef real* row
    cdef real* target
    cdef real weight
    for y in range(first, last):
        target = result + y * along.count
        for k in range(down.taps):
            j = <Py_ssize_t> down.places[k * down.count + y]
            row = rows.slots + j % down.taps * along.count
            if rows.held[j % down.taps] != j:
                resize_along(along, image + j * along.n, row)
                rows.held[j % down.taps] = j
            weight = down.weights[k * down.count + y]
            if k == 0:
                for x in range(along.count):
                    target[x] = weight * row[x]
            else:
                for x in range(along.count):
                    target[x] += weight * row[x]


cdef inline void resize_back(const Taps* down, const Taps* along, const real* gradient,
                             char* scratch, real* result) noexcept nogil:
    """One plane of the transpose: rows of gradients are added up, then each is resized once.

    `along` has the gradients of each pixel. Where a pixel has fewer than others, its last taps are
    on a zero behind the row.
    """
    cdef Rows rows = rows_of(down, scratch)
    cdef Py_ssize_t y, k, j, x, pitch = along.n + 1
    cdef Py_ssize_t* held
    cdef real* row
    cdef real weight
    for k in range(down.taps):
        rows.slots[k * pitch + along.n] = 0
    for y in range(down.count):
        for k in range(down.taps):
            j = <Py_ssize_t> down.places[k * down.count + y]
            held = rows.held + j % down.taps
            row = rows.slots + j % down.taps * pitch
            weight = down.weights[k * down.count + y]
            if held[0] == j:
                for x in range(along.n):
                    row[x] += weight * gradient[x]
            else:
                if held[0] >= 0:
                    resize_along(along, row, result + held[0] * along.count)
                held[0] = j
                for x in range(along.n):
                    row[x] = weight * gradient[x]
        gradient += along.n
    for k in range(down.taps):
        if rows.held[k] >= 0:
            resize_along(along, rows.slots + k * pitch, result + rows.held[k] * along.count)


def run(cnp.ndarray rows not None, cnp.ndarray down not None, cnp.ndarray columns not None,
        cnp.ndarray along not None, cnp.ndarray image not None, cnp.ndarray result not None,
        cnp.ndarray scratch not None, int threads):
    """Resize planes, (planes, H, W) to (planes, oh, ow).

    scratch is (threads, bytes), with room for `Rows`.
    """
    cdef Taps y = taps_of(rows, down, cnp.PyArray_DIM(image, 1))
    cdef Taps x = taps_of(columns, along, cnp.PyArray_DIM(image, 2))
    cdef const real* source = <const real*> cnp.PyArray_DATA(image)
    cdef real* target = <real*> cnp.PyArray_DATA(result)
    cdef char* slots = <char*> cnp.PyArray_DATA(scratch)
    cdef Py_ssize_t slot = cnp.PyArray_DIM(scratch, 1)
    cdef Py_ssize_t planes = cnp.PyArray_DIM(image, 0), task
    # A few parts for each thread; rows at their edges are resized twice.
    cdef Py_ssize_t parts = max(1, min(y.count, PARTS * threads // max(1, planes)))
    with nogil:
        for task in prange(planes * parts, num_threads=threads, use_threads_if=threads > 1,
                           schedule="static"):
            resize_rows(&y, &x, source + task // parts * y.n * x.n, task % parts * y.count // parts,
                        (task % parts + 1) * y.count // parts, slots + threadid() * slot,
                        target + task // parts * y.count * x.count)


def back(cnp.ndarray rows not None, cnp.ndarray down not None, cnp.ndarray columns not None,
         cnp.ndarray along not None, cnp.ndarray gradient not None, cnp.ndarray result not None,
         cnp.ndarray scratch not None, int threads):
    """The transpose of `run`, into a `result` of zeros.

    `rows` and `down` are those of `run`; `columns` and `along` are for each pixel of the result.
    """
    cdef Taps y = taps_of(rows, down, cnp.PyArray_DIM(result, 1))
    cdef Taps x = taps_of(columns, along, cnp.PyArray_DIM(gradient, 2))
    cdef const real* source = <const real*> cnp.PyArray_DATA(gradient)
    cdef real* target = <real*> cnp.PyArray_DATA(result)
    cdef char* slots = <char*> cnp.PyArray_DATA(scratch)
    cdef Py_ssize_t slot = cnp.PyArray_DIM(scratch, 1)
    cdef Py_ssize_t planes = cnp.PyArray_DIM(result, 0), plane
    with nogil:
        for plane in prange(planes, num_threads=threads, use_threads_if=threads > 1,
                            schedule="static"):
            resize_back(&y, &x, source + plane * y.count * x.n, slots + threadid() * slot,
                        target + plane * y.n * x.count)

# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The guided filter: in each window, fit the image by a line over the guide; average the lines.

    a = covariance(guide, image) / (variance(guide) + eps)      b = mean(image) - a * mean(guide)
    result = mean(a) * guide + mean(b)

K. He, J. Sun, X. Tang, "Guided image filtering", 2013. All means are over the same square, at a
cost that hardly grows with its size. Nothing is subtracted from a sum, so that a NaN affects only
its windows and rounding errors do not grow along the image.

Down the columns, rows are added in groups as high as the window, as van Herk (1992) and Gil and
Werman (1993) do for minima: sums from each row of a group to its last row, and sums from the first
row of the next group down. A window is one of each. Along the rows, sums of 1, 4, 16, ...
neighbours are made of four each; the digits of the width to the base 4 are the numbers of them that
are added.
"""
from libc.string cimport memcpy

from bands cimport take
from planes cimport Planes, load_planes, run_planes, store_planes
from rows cimport Params, Task, fill
from sums cimport add_row
from types cimport LANES, load, real, store, vec


cdef enum:
    MOMENTS = 4             # guide, image, guide * guide, guide * image
    LINES = 2               # a, b


cdef struct Square:
    # params.records
    Py_ssize_t size


cdef struct Columns:
    # Sums of `size` rows, for several planes.
    Py_ssize_t size, planes, pitch
    real* ring              # the last rows; those of a complete group are sums to its end
    real* since             # the sum from the first row of the current group on
    real* sums              # the sum of the window that ends with the last row


cdef struct Slot:
    # The scratch of one thread.
    Columns moments, lines
    real* guide             # extended rows of the guide, until their results are computed
    real* image
    real* stage             # a row of the result
    char* raw
    Py_ssize_t pitch


# ---------------------------------------------------------------------------------------------
# Sums

cdef inline real* row_of(const Columns* columns, Py_ssize_t e) noexcept nogil:
    return columns.ring + e % columns.size * columns.planes * columns.pitch


cdef void push(Columns* columns, Py_ssize_t e, Py_ssize_t first) noexcept nogil:
    """Add row e, which is in the ring; `first` was the first row of all."""
    cdef Py_ssize_t n = columns.planes * columns.pitch, i, x
    cdef const real* ahead = row_of(columns, e + 1)
    cdef const real* row = row_of(columns, e)
    cdef vec since
    if (e + 1) % columns.size == 0:
        for i in range(e - 1, max(first, e + 1 - columns.size) - 1, -1):
            add_row(row_of(columns, i + 1), 1, 0, n, True, row_of(columns, i))
        fill(columns.since, n, 0)
        memcpy(columns.sums, ahead, n * sizeof(real))
        return
    x = 0
    while x < n:
        since = load(columns.since + x) + load(row + x)
        store(columns.since + x, since)
        store(columns.sums + x, load(ahead + x) + since)
        x += LANES


cdef void add_neighbours(real* sums, Py_ssize_t size, Py_ssize_t n, real* target) noexcept nogil:
    """target[x] = sums[x] + ... + sums[x + size - 1] for n columns; `sums` is overwritten."""
    cdef Py_ssize_t length = 1, done = 0, rest = size, digit
    while True:
        digit = rest % 4
        rest = rest // 4
        if digit > 0:
            add_row(sums + done, digit, length, n, done > 0, target)
            done += digit * length
        if rest == 0:
            return
        add_row(sums, 4, length, n + size - 4 * length, False, sums)
        length *= 4


# ---------------------------------------------------------------------------------------------
# The equation

cdef inline void take_moments(const real* guide, const real* image, Py_ssize_t pitch,
                              Py_ssize_t n, real* moments) noexcept nogil:
    cdef Py_ssize_t x = 0
    cdef vec g, v
    while x < n:
        g = load(guide + x)
        v = load(image + x)
        store(moments + x, g)
        store(moments + pitch + x, v)
        store(moments + 2 * pitch + x, g * g)
        store(moments + 3 * pitch + x, g * v)
        x += LANES


cdef inline void fit_lines(const real* sums, Py_ssize_t pitch, Py_ssize_t n, real scale, real eps,
                           real* lines) noexcept nogil:
    """a and b of every window, from the sums of its moments."""
    cdef Py_ssize_t x = 0
    cdef vec g, v, a, variance, covariance
    while x < n:
        g = load(sums + x) * scale
        v = load(sums + pitch + x) * scale
        variance = load(sums + 2 * pitch + x) * scale - g * g
        covariance = load(sums + 3 * pitch + x) * scale - g * v
        variance = variance + eps
        a = covariance / variance
        store(lines + x, a)
        store(lines + pitch + x, v - a * g)
        x += LANES


cdef inline void draw_lines(const real* sums, Py_ssize_t pitch, const real* guide, Py_ssize_t n,
                            real scale, real* target) noexcept nogil:
    """The result, from the sums of a and b."""
    cdef Py_ssize_t x = 0
    while x < n:
        store(target + x,
              (load(sums + x) * load(guide + x) + load(sums + pitch + x)) * scale)
        x += LANES


# ---------------------------------------------------------------------------------------------
# The schedule

cdef inline void lay_columns(Columns* columns, Py_ssize_t size, Py_ssize_t planes,
                             Py_ssize_t pitch, char** free) noexcept nogil:
    cdef Py_ssize_t row = planes * pitch * <Py_ssize_t> sizeof(real)
    columns.size = size
    columns.planes = planes
    columns.pitch = pitch
    columns.ring = <real*> take(free, size * row)
    columns.since = <real*> take(free, row)
    columns.sums = <real*> take(free, row)


cdef Py_ssize_t lay_out(const Params* params, char* scratch, Slot* slot) noexcept nogil:
    """Divide a thread's scratch; return its size in bytes."""
    cdef Py_ssize_t size = (<const Square*> params.records).size
    cdef Py_ssize_t row
    cdef char* free = scratch
    slot.pitch = params.ring_pitch + LANES
    row = slot.pitch * <Py_ssize_t> sizeof(real)
    lay_columns(&slot.moments, size, MOMENTS, slot.pitch, &free)
    lay_columns(&slot.lines, size, LINES, slot.pitch, &free)
    slot.guide = <real*> take(&free, size * row)
    slot.image = <real*> take(&free, row)
    slot.stage = <real*> take(&free, MOMENTS * row)
    slot.raw = take(&free, slot.pitch * 8)
    return free - scratch


cdef inline void sum_windows(const Columns* columns, Py_ssize_t n, real* target) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(columns.planes):
        add_neighbours(columns.sums + k * columns.pitch, columns.size, n,
                       target + k * columns.pitch)


cdef void strip(const Planes* image, const Planes* guide, const Planes* result, Py_ssize_t plane,
                Py_ssize_t top, Py_ssize_t bottom, Py_ssize_t left, Py_ssize_t right,
                char* scratch) noexcept nogil:
    """For each image row: the lines half a window above it, and the result a window above it."""
    cdef const Params* params = image.params
    cdef const real* weights = <const real*> params.weights
    cdef real eps = weights[0], scale = weights[1]
    cdef Py_ssize_t reach = (<const Square*> params.records).size - 1
    cdef Py_ssize_t n = right - left, e
    cdef real* row
    cdef Slot slot
    fill(<real*> scratch, lay_out(params, scratch, &slot) // <Py_ssize_t> sizeof(real), 0)
    for e in range(top, bottom + 2 * reach):
        row = slot.guide + e % (reach + 1) * slot.pitch
        load_planes(guide, e, left, n + 2 * reach, slot.raw, NULL, row, slot.pitch)
        load_planes(image, e, left, n + 2 * reach, slot.raw, NULL, slot.image, slot.pitch)
        take_moments(row, slot.image, slot.pitch, n + 2 * reach, row_of(&slot.moments, e))
        push(&slot.moments, e, top)
        if e >= top + reach:
            sum_windows(&slot.moments, n + reach, slot.stage)
            fit_lines(slot.stage, slot.pitch, n + reach, scale, eps,
                      row_of(&slot.lines, e - reach))
            push(&slot.lines, e - reach, top)
        if e >= top + 2 * reach:
            sum_windows(&slot.lines, n, slot.stage)
            row = slot.guide + (e - reach) % (reach + 1) * slot.pitch + reach
            draw_lines(slot.stage, slot.pitch, row, n, scale, slot.stage)
            store_planes(result, e - 2 * reach, left, n, slot.raw, NULL, slot.stage, slot.pitch)


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Py_ssize_t slot_bytes(const Params* params) noexcept nogil:
    cdef Slot unused
    return lay_out(params, NULL, &unused)


cdef inline void run_loop(const Params* params, const Task* task) noexcept nogil:
    run_planes(params, strip, task)


include "entry.pxi"

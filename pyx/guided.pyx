# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The guided filter: in each window, fit the image by a line over the guide; average the lines.

    a = covariance(guide, image) / (variance(guide) + eps)      b = mean(image) - a * mean(guide)
    result = mean(a) * guide + mean(b)

K. He, J. Sun, X. Tang, "Guided image filtering", 2013. All means are over the same square, at a
cost that hardly grows with its size. Nothing is subtracted from a sum, so that a NaN affects only
its windows and rounding errors do not grow along the image.

Where pixels are weighed, so are their means, and lines count where their window has a pixel that
counts; with mode="ignore", not outside the image.

Down the columns, rows are added in groups as high as the window, as van Herk (1992) and Gil and
Werman (1993) do for minima: sums from each row of a group to its last row, and sums from the first
row of the next group down. A window is one of each. Sums along the rows are those of `row_sums`.
"""
from libc.string cimport memcpy

from bands cimport take
from planes cimport Planes, load_planes, run_planes, store_planes
from rows cimport Params, Task, fill
from sums cimport add_row, row_sums
from types cimport LANES, ZERO, load, real, store, vec
from weights cimport load_weights


cdef enum:
    MOMENTS = 4             # guide, image, guide * guide, guide * image
    LINES = 2               # a, b
    # Where pixels are weighed, the weights follow the moments, and follow the lines.


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
    real* weights
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
            add_row(row_of(columns, i + 1), 1, 0, n, True, 1, False, row_of(columns, i))
        fill(columns.since, n, 0)
        memcpy(columns.sums, ahead, n * sizeof(real))
        return
    x = 0
    while x < n:
        since = load(columns.since + x) + load(row + x)
        store(columns.since + x, since)
        store(columns.sums + x, load(ahead + x) + since)
        x += LANES


# ---------------------------------------------------------------------------------------------
# The equation

cdef inline void take_moments(const real* guide, const real* image, const real* weights,
                              Py_ssize_t pitch, Py_ssize_t n, real* moments,
                              bint weighed) noexcept nogil:
    cdef Py_ssize_t x = 0
    cdef vec g, v, w
    while x < n:
        g = load(guide + x)
        v = load(image + x)
        store(moments + 2 * pitch + x, g * g)
        store(moments + 3 * pitch + x, g * v)
        if weighed:
            w = load(weights + x)
            g = g * w
            v = v * w
            store(moments + 2 * pitch + x, load(moments + 2 * pitch + x) * w)
            store(moments + 3 * pitch + x, load(moments + 3 * pitch + x) * w)
            store(moments + 4 * pitch + x, w)
        store(moments + x, g)
        store(moments + pitch + x, v)
        x += LANES


cdef inline void fit_lines(const real* sums, Py_ssize_t pitch, Py_ssize_t n, real scale, real eps,
                           real* lines, bint weighed) noexcept nogil:
    cdef Py_ssize_t x = 0
    cdef vec g, v, a, covariance, variance, by = ZERO + scale
    while x < n:
        if weighed:
            by = 1 / load(sums + 4 * pitch + x)
        g = load(sums + x) * by
        v = load(sums + pitch + x) * by
        variance = load(sums + 2 * pitch + x) * by - g * g
        covariance = load(sums + 3 * pitch + x) * by - g * v
        variance = variance + eps
        a = covariance / variance
        store(lines + x, a)
        store(lines + pitch + x, v - a * g)
        x += LANES


cdef inline void draw_lines(const real* sums, Py_ssize_t pitch, const real* guide, Py_ssize_t n,
                            real scale, real* target, bint weighed) noexcept nogil:
    """The result, from the sums of a and b."""
    cdef Py_ssize_t x = 0
    cdef vec by = ZERO + scale
    while x < n:
        if weighed:
            by = 1 / load(sums + 2 * pitch + x)
        store(target + x,
              (load(sums + x) * load(guide + x) + load(sums + pitch + x)) * by)
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
    cdef Py_ssize_t row, weighed = params.weighing.kind != 0
    cdef char* free = scratch
    slot.pitch = params.ring_pitch + LANES
    row = slot.pitch * <Py_ssize_t> sizeof(real)
    lay_columns(&slot.moments, size, MOMENTS + weighed, slot.pitch, &free)
    lay_columns(&slot.lines, size, LINES + weighed, slot.pitch, &free)
    slot.guide = <real*> take(&free, size * row)
    slot.image = <real*> take(&free, row)
    slot.weights = <real*> take(&free, row)
    slot.stage = <real*> take(&free, (MOMENTS + weighed) * row)
    slot.raw = take(&free, slot.pitch * 8)
    return free - scratch


cdef inline void sum_windows(const Columns* columns, Py_ssize_t n, real* target) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(columns.planes):
        row_sums(columns.sums + k * columns.pitch, columns.size, 1, n, 1,
                 target + k * columns.pitch, False)


cdef void weigh(const Planes* image, const Slot* slot, const real* guide, Py_ssize_t e,
                Py_ssize_t left, Py_ssize_t n, real* moments) noexcept nogil:
    """Take the moments of n pixels of row e that count; what does not count may be anything."""
    cdef const Params* params = image.params
    cdef bint omit = params.weighing.omit
    cdef real* weights = slot.weights
    cdef real* there = moments      # the guide where it counts
    cdef Py_ssize_t x
    load_weights(params, image.weights, e, left, n, slot.raw, weights)
    for x in range(n if omit else 0):
        weights[x] = weights[x] if guide[x] == guide[x] and slot.image[x] == slot.image[x] else 0
    for x in range(n):
        there[x] = guide[x] if weights[x] != 0 else 0
        slot.image[x] = slot.image[x] if weights[x] != 0 else 0
    take_moments(there, slot.image, weights, slot.pitch, n, moments, True)


cdef void weigh_lines(const Params* params, const Slot* slot, Py_ssize_t e, Py_ssize_t left,
                      Py_ssize_t n, real* lines) noexcept nogil:
    """Add their weights to n lines whose middle is row e: 1 or 0."""
    cdef const real* sums = slot.stage + MOMENTS * slot.pitch
    cdef real* weights = lines + LINES * slot.pitch
    cdef Py_ssize_t k, x
    load_weights(params, NULL, e, left, n, slot.raw, weights)
    for x in range(n):
        weights[x] = weights[x] if sums[x] > 0 else 0
    for k in range(LINES):
        for x in range(n):
            lines[k * slot.pitch + x] = lines[k * slot.pitch + x] if weights[x] != 0 else 0


cdef void strip(const Planes* image, const Planes* guide, const Planes* result, Py_ssize_t plane,
                Py_ssize_t top, Py_ssize_t bottom, Py_ssize_t left, Py_ssize_t right,
                char* scratch) noexcept nogil:
    """For each image row: the lines half a window above it, and the result a window above it."""
    cdef const Params* params = image.params
    cdef const real* numbers = <const real*> params.weights
    cdef real eps = numbers[0], scale = numbers[1]
    cdef Py_ssize_t reach = (<const Square*> params.records).size - 1
    cdef Py_ssize_t n = right - left, e
    cdef bint weighed = params.weighing.kind != 0
    cdef real* row
    cdef real* lines
    cdef Slot slot
    fill(<real*> scratch, lay_out(params, scratch, &slot) // <Py_ssize_t> sizeof(real), 0)
    for e in range(top, bottom + 2 * reach):
        row = slot.guide + e % (reach + 1) * slot.pitch
        load_planes(guide, e, left, n + 2 * reach, slot.raw, NULL, row, slot.pitch)
        load_planes(image, e, left, n + 2 * reach, slot.raw, NULL, slot.image, slot.pitch)
        if weighed:
            weigh(image, &slot, row, e, left, n + 2 * reach, row_of(&slot.moments, e))
        else:
            take_moments(row, slot.image, NULL, slot.pitch, n + 2 * reach,
                         row_of(&slot.moments, e), False)
        push(&slot.moments, e, top)
        if e >= top + reach:
            sum_windows(&slot.moments, n + reach, slot.stage)
            lines = row_of(&slot.lines, e - reach)
            if weighed:
                fit_lines(slot.stage, slot.pitch, n + reach, scale, eps, lines, True)
                weigh_lines(params, &slot, e - reach // 2, left + reach // 2, n + reach, lines)
            else:
                fit_lines(slot.stage, slot.pitch, n + reach, scale, eps, lines, False)
            push(&slot.lines, e - reach, top)
        if e >= top + 2 * reach:
            sum_windows(&slot.lines, n, slot.stage)
            row = slot.guide + (e - reach) % (reach + 1) * slot.pitch + reach
            if weighed:
                draw_lines(slot.stage, slot.pitch, row, n, scale, slot.stage, True)
            else:
                draw_lines(slot.stage, slot.pitch, row, n, scale, slot.stage, False)
            store_planes(result, e - 2 * reach, left, n, slot.raw, NULL, slot.stage, slot.pitch)


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Py_ssize_t slot_bytes(const Params* params) noexcept nogil:
    cdef Slot unused
    return lay_out(params, NULL, &unused)


cdef inline void run_loop(const Params* params, const Task* task) noexcept nogil:
    run_planes(params, strip, task)


include "entry.pxi"

# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Pooling with indices: the place of the largest pixel of each window; gradients of pooling.

    place[y, x] = the first of the largest pixels of the window, or its last NaN; -1 without pixels

Windows are those of imgconv.core.windows, one for each axis. A row of results is computed at once:
tap by tap, each for all windows of the row.
"""
cimport numpy as cnp
from cython.parallel cimport prange, threadid
from libc.stdint cimport int32_t, int64_t

from types cimport LANES, load, real, store, vec

cnp.import_array()

cdef extern from *:
    """
    /* Whether b replaces a: a NaN always does, and only a NaN replaces a NaN. */
    #define beats(b, a) ((b) > (a) || (b) != (b))

    /* Places are as wide as pixels, so that both have the same lanes. */
    #define PLACE(name) PASTE(PLACE_, name)
    #define PLACE_float int32_t
    #define PLACE_double int64_t
    #define PLACE_int64_t int64_t
    #define PLACE_uint64_t int64_t
    typedef PLACE(REAL) place_t;

    /* a if `condition` is 1, b if it is 0. A choice with ?: becomes a store through a mask, which
       takes several times as long. */
    #define chosen(condition, a, b) ((b) ^ (((a) ^ (b)) & -(place_t) (condition)))

    /* Vectors of places. `take` replaces best pixels and their places where others beat them. */
    #if defined(VECTOR_BYTES)
      typedef place_t place_vec __attribute__((vector_size(VECTOR_BYTES)));
      typedef place_t loose_places __attribute__((vector_size(VECTOR_BYTES),
                                                  aligned(sizeof(place_t)), may_alias));
      #define take(best, places, value, at) do { \
          const place_vec better = (place_vec) ((value) > (best)) \
              | (place_vec) ((value) != (value)); \
          best = (vec) ((better & (place_vec) (value)) | (~better & (place_vec) (best))); \
          places = (better & (at)) | (~better & (places)); \
      } while (0)
    #else
      typedef place_t place_vec;
      typedef place_t loose_places;
      #define take(best, places, value, at) do { \
          if (beats(value, best)) { \
              best = value; \
              places = at; \
          } \
      } while (0)
    #endif
    """
    bint beats(real b, real a) nogil
    ctypedef int32_t place_t
    place_t chosen(bint condition, place_t a, place_t b) nogil
    ctypedef int32_t place_vec
    ctypedef int32_t loose_places
    void take(vec best, place_vec places, vec value, place_vec at) nogil

cdef enum:
    MOST_LANES = 16


cdef struct Windows:
    # The fields of `Windows` in core/windows.py.
    Py_ssize_t n, k, stride, dilation, before, after, count


cdef inline Py_ssize_t first_pixel(const Windows* axis, Py_ssize_t window) noexcept nogil:
    """The first pixel of a window; -1 if it has none."""
    cdef Py_ssize_t at = window * axis.stride - axis.before
    cdef Py_ssize_t tap = (axis.dilation - 1 - at) // axis.dilation if at < 0 else 0
    at += tap * axis.dilation
    return at if tap < axis.k and at < axis.n else -1


cdef inline Py_ssize_t first_window(const Windows* axis, Py_ssize_t tap) noexcept nogil:
    """The first window whose tap is on a pixel."""
    cdef Py_ssize_t off = axis.before - tap * axis.dilation
    return min(axis.count, (off + axis.stride - 1) // axis.stride if off > 0 else 0)


cdef inline Py_ssize_t last_window(const Windows* axis, Py_ssize_t tap) noexcept nogil:
    """One more than the last window whose tap is on a pixel."""
    cdef Py_ssize_t room = axis.n - 1 + axis.before - tap * axis.dilation
    return min(axis.count, room // axis.stride + 1 if room >= 0 else 0)


# ---------------------------------------------------------------------------------------------
# Maximum

cdef inline void split_row(const real* row, Py_ssize_t n, Py_ssize_t step, Py_ssize_t width,
                           real* residues) noexcept nogil:
    """Copy n pixels, those of each residue modulo the step together, `width` numbers apart."""
    cdef Py_ssize_t r, x
    if step == 2:
        for x in range(n // 2):
            residues[x] = row[2 * x]
            residues[width + x] = row[2 * x + 1]
        if n % 2:
            residues[n // 2] = row[n - 1]
    else:
        for r in range(min(step, n)):
            for x in range((n - r + step - 1) // step):
                residues[r * width + x] = row[x * step + r]


cdef inline void compare(const real* pixels, Py_ssize_t step, Py_ssize_t place, Py_ssize_t begin,
                         Py_ssize_t end, real* best, place_t* places) noexcept nogil:
    """Compare a tap of the windows begin to end of a row; `place` is that of window 0."""
    cdef Py_ssize_t x
    cdef place_t at = <place_t> (place + begin * step)
    cdef real value
    for x in range(begin, end):
        value = pixels[x]
        places[x] = chosen(beats(value, best[x]), at, places[x])
        best[x] = value if beats(value, best[x]) else best[x]
        at = at + <place_t> step


cdef inline void compare_whole(const real* pixels, const Windows* along, Py_ssize_t width,
                               Py_ssize_t row, Py_ssize_t begin, Py_ssize_t end, real* best,
                               place_t* places) noexcept nogil:
    """Compare all taps of the windows begin to end of a row, which have a pixel under each.

    `row` is the place of column 0, and pixels of each residue are `width` apart. The last vector
    ends with the windows: it may compare some of them again, which changes nothing.
    """
    cdef Py_ssize_t x = begin, step = along.stride, j, _j, r, off
    cdef Py_ssize_t residue = (step - along.before % step) % step
    cdef vec highest, value
    cdef place_vec found, at
    cdef place_t[MOST_LANES] lanes
    for j in range(LANES):
        lanes[j] = <place_t> (row - along.before + j * step)
    while x < end:
        x = min(x, end - LANES)
        highest = load(best + x)
        found = (<const loose_places*> (places + x))[0]
        at = (<const loose_places*> lanes)[0] + <place_t> (x * step)
        r = residue
        off = x + (-along.before - residue) // step
        for _j in range(along.k):
            value = load(pixels + r * width + off)
            take(highest, found, value, at)
            at = at + <place_t> along.dilation
            r += along.dilation
            while r >= step:
                r -= step
                off += 1
        store(best + x, highest)
        (<loose_places*> (places + x))[0] = found
        x += LANES


cdef inline Py_ssize_t row_above(const Windows* down, const Windows* along,
                                 Py_ssize_t y) noexcept nogil:
    """The place of column 0 of the first row of a window, which may be outside the image."""
    return (y * down.stride - down.before) * along.n


cdef inline place_t first_place(const Windows* along, Py_ssize_t x, Py_ssize_t row) noexcept nogil:
    cdef Py_ssize_t first = first_pixel(along, x)
    return <place_t> (row + first) if first >= 0 else -1


cdef void largest_row(const real* image, const Windows* down, const Windows* along, Py_ssize_t y,
                      real lowest, real* best, place_t* places, real* residues) noexcept nogil:
    """Find the largest pixels of a row of windows; places are relative to `row_above`.

    The pixels that a tap reads in neighbouring windows are made neighbours in `residues`.
    """
    cdef Py_ssize_t i, j, x, row, begin, end, place, above = row_above(down, along, y), r
    cdef Py_ssize_t step = along.stride, width = (along.n + step - 1) // step
    cdef const real* pixels
    cdef const real* neighbours
    row = first_pixel(down, y)
    begin = first_window(along, 0)
    end = last_window(along, 0)
    place = row * along.n - above
    for x in range(along.count):
        best[x] = lowest
        places[x] = <place_t> (place + x * along.stride - along.before)
    for x in range(begin):
        places[x] = first_place(along, x, place)
    for x in range(max(begin, end), along.count):
        places[x] = first_place(along, x, place)
    if row < 0:
        for x in range(along.count):
            places[x] = -1
    for i in range(down.k):
        row = y * down.stride - down.before + i * down.dilation
        if row < 0 or row >= down.n:
            continue
        pixels = image + row * along.n
        if step > 1:
            split_row(pixels, along.n, step, width, residues)
            pixels = residues
        row = row * along.n - above
        begin = first_window(along, 0)
        end = last_window(along, along.k - 1)
        if end - begin < LANES:
            begin = end = along.count
        else:
            compare_whole(pixels, along, width, row, begin, end, best, places)
        for j in range(along.k):
            place = j * along.dilation - along.before
            r = (place % step + step) % step
            neighbours = pixels + r * width + (place - r) // step
            compare(neighbours, step, row + place, first_window(along, j),
                    min(begin, last_window(along, j)), best, places)
            compare(neighbours, step, row + place, max(end, first_window(along, j)),
                    last_window(along, j), best, places)


cdef void largest_places(const real* image, const Windows* down, const Windows* along,
                         Py_ssize_t y, real lowest, real* best, int64_t* places,
                         place_t* found) noexcept nogil:
    """Find the largest pixels of a row of windows, and their places in the plane."""
    cdef Py_ssize_t x, above = row_above(down, along, y)
    largest_row(image, down, along, y, lowest, best, found, <real*> (found + along.count))
    for x in range(along.count):
        places[x] = above + found[x] if found[x] >= 0 else -1


def largest(cnp.ndarray axes not None, cnp.ndarray image not None, lowest,
            cnp.ndarray result not None, cnp.ndarray places not None,
            cnp.ndarray scratch not None, int threads):
    """Fill `result` and `places`, (planes, oh, ow), from an image, (planes, h, w).

    `scratch` is (threads, bytes), with room for the places of a row of windows, and for twice a row
    of pixels.
    """
    cdef const Windows* axis = <const Windows*> cnp.PyArray_DATA(axes)
    cdef const real* source = <const real*> cnp.PyArray_DATA(image)
    cdef real* best = <real*> cnp.PyArray_DATA(result)
    cdef int64_t* found = <int64_t*> cnp.PyArray_DATA(places)
    cdef char* slots = <char*> cnp.PyArray_DATA(scratch)
    cdef Py_ssize_t slot = cnp.PyArray_DIM(scratch, 1)
    cdef Py_ssize_t planes = cnp.PyArray_DIM(image, 0), task, at
    cdef real low = lowest
    with nogil:
        for task in prange(planes * axis[0].count, num_threads=threads,
                           use_threads_if=threads > 1, schedule="static"):
            at = task * axis[1].count
            largest_places(source + task // axis[0].count * axis[0].n * axis[1].n, axis, axis + 1,
                           task % axis[0].count, low, best + at, found + at,
                           <place_t*> (slots + threadid() * slot))


def scatter(cnp.ndarray axes not None, cnp.ndarray image not None, lowest,
            cnp.ndarray gradient not None, cnp.ndarray result not None,
            cnp.ndarray scratch not None, int threads):
    """Add the gradient of each window to its largest pixel; `result` must be zero.

    `scratch` is (threads, bytes), with room for the places and the values of a row of windows, and
    for twice a row of pixels.
    """
    cdef const Windows* axis = <const Windows*> cnp.PyArray_DATA(axes)
    cdef const real* source = <const real*> cnp.PyArray_DATA(image)
    cdef const real* above = <const real*> cnp.PyArray_DATA(gradient)
    cdef real* target = <real*> cnp.PyArray_DATA(result)
    cdef char* slots = <char*> cnp.PyArray_DATA(scratch)
    cdef Py_ssize_t slot = cnp.PyArray_DIM(scratch, 1)
    cdef Py_ssize_t planes = cnp.PyArray_DIM(image, 0), plane
    cdef real low = lowest
    with nogil:
        for plane in prange(planes, num_threads=threads, use_threads_if=threads > 1,
                            schedule="static"):
            scatter_plane(axis, axis + 1, source + plane * axis[0].n * axis[1].n, low,
                          above + plane * axis[0].count * axis[1].count,
                          target + plane * axis[0].n * axis[1].n,
                          <place_t*> (slots + threadid() * slot))


cdef void scatter_plane(const Windows* down, const Windows* along, const real* image, real lowest,
                        const real* gradient, real* result, place_t* places) noexcept nogil:
    cdef Py_ssize_t y, x, above
    # The values follow the places, which are as wide, so that both are aligned.
    cdef real* best = <real*> (places + along.count)
    for y in range(down.count):
        largest_row(image, down, along, y, lowest, best, places, best + along.count)
        above = row_above(down, along, y)
        for x in range(along.count):
            if places[x] >= 0:
                result[above + places[x]] += gradient[x]
        gradient += along.count


# ---------------------------------------------------------------------------------------------
# Mean

cdef void spread_plane(const Windows* down, const Windows* along, const real* gradient,
                       const real* across, const real* rows, real* result,
                       real* row) noexcept nogil:
    """Add the windows of a row in `row` first, then `row` to all image rows of these windows."""
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
    """Add the gradient of each window, times rows[y] * across[x], to all its pixels.

    `result` must be zero. `scratch` is (threads, bytes), with room for a row of pixels.
    """
    cdef const Windows* axis = <const Windows*> cnp.PyArray_DATA(axes)
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

# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Pooling with indices: the place of the largest pixel of each window; gradients of pooling.

    place[y, x] = the first of the largest pixels of the window, or its last NaN; -1 without pixels

Windows are those of imgconv.core.windows, one for each axis.
"""
cimport numpy as cnp
from cython.parallel cimport prange, threadid
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset

from lanes cimport even, odd, transpose, zip_high, zip_low
from types cimport LANES, ZERO, load, real, store, vec

cnp.import_array()

cdef extern from *:
    """
    /* Places are as wide as pixels, so that both have the same lanes. */
    #define PLACE(name) PASTE(PLACE_, name)
    #define PLACE_float int32_t
    #define PLACE_double int64_t
    #define PLACE_int64_t int64_t
    #define PLACE_uint64_t int64_t
    typedef PLACE(REAL) place_t;

    /* Vectors of places. `take` replaces best pixels and their places where others are larger, or
       NaN: a NaN always wins, and only a NaN replaces a NaN. `only_where` gives values where places
       are `at`, and 0 elsewhere. */
    #if defined(VECTOR_BYTES)
      typedef place_t place_vec __attribute__((vector_size(VECTOR_BYTES)));
      typedef place_t loose_places __attribute__((vector_size(VECTOR_BYTES),
                                                  aligned(sizeof(place_t)), may_alias));
      #define take(best, places, value, at) do { \
          const vec other = (value); \
          const place_vec better = (place_vec) (other > (best)) | (place_vec) (other != other); \
          best = (vec) ((better & (place_vec) other) | (~better & (place_vec) (best))); \
          places = (better & (at)) | (~better & (places)); \
      } while (0)
      #define only_where(places, at, values) \
          ((vec) ((place_vec) ((places) == (at)) & (place_vec) (values)))
      static const place_t lane_numbers[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
      #define LANE_NUMBERS (((const loose_places*) lane_numbers)[0])
    #else
      typedef place_t place_vec;
      typedef place_t loose_places;
      #define take(best, places, value, at) do { \
          const real other = (value); \
          if (other > best || other != other) { \
              best = other; \
              places = (at); \
          } \
      } while (0)
      #define only_where(places, at, values) ((places) == (at) ? (values) : 0)
      #define LANE_NUMBERS ((place_t) 0)
    #endif
    """
    ctypedef int32_t place_t
    ctypedef int32_t place_vec
    ctypedef int32_t loose_places
    void take(vec best, place_vec places, vec value, place_vec at) nogil
    vec only_where(place_vec places, place_vec at, vec values) nogil
    const place_vec LANE_NUMBERS

cdef enum:
    PARTS = 4               # of each thread, where there are few planes
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
#
# The maximum of a window is that of its rows: first along each row of the image, then down the rows
# of a window, which those above and below it share. Both keep the first of the largest, and so find
# the first in the order of rows. Gradients go back the same way. Those of pixels are gathered where
# they end: adding to neighbours of what was just stored would wait for the store.

cdef struct Lines:
    # The lines of one thread, `pitch` numbers each. Windows and pixels begin at `lead`; vectors
    # read beyond both ends, where nothing counts.
    Py_ssize_t pitch, lead, rows
    real* pixels            # of a row, those of each residue modulo the stride together
    real* highest           # the maxima along `rows` rows of the image
    real* shares            # their gradients
    place_t* columns        # where they are, -1 for none
    real* line              # of a row of windows: maxima or gradients
    place_t* found          # of a row of windows: the rows or the places of the maxima
    place_t* first          # the first column of each window, -1 for none


cdef inline Py_ssize_t whole(Py_ssize_t n) noexcept nogil:
    return (n + LANES - 1) // LANES * LANES


cdef inline Lines sizes_of(const Windows* down, const Windows* along) noexcept nogil:
    cdef Lines lines
    cdef Py_ssize_t step = along.stride, ahead = (along.before + step - 1) // step
    cdef Py_ssize_t behind = max(0, ((along.k - 1) * along.dilation - along.before) // step)
    lines.lead = whole(max(ahead, behind))
    lines.pitch = 2 * lines.lead + whole(max(along.count, (along.n + step - 1) // step)) + LANES
    lines.rows = max(1, min(down.n, (down.k - 1) * down.dilation + 1))
    return lines


cdef inline Lines lines_of(const Windows* down, const Windows* along, real lowest,
                           char* scratch) noexcept nogil:
    cdef Lines lines = sizes_of(down, along)
    cdef Py_ssize_t ring = lines.rows * lines.pitch, x
    lines.highest = <real*> scratch
    lines.shares = lines.highest + ring
    lines.columns = <place_t*> (lines.shares + ring)
    lines.line = <real*> (lines.columns + ring)
    lines.found = <place_t*> (lines.line + lines.pitch)
    lines.first = lines.found + lines.pitch
    lines.pixels = <real*> (lines.first + lines.pitch)
    for x in range(ring):
        lines.shares[x] = 0
        lines.columns[x] = -1
    for x in range(lines.pitch):
        lines.line[x] = 0
        lines.first[x] = -1
    for x in range(along.count):
        lines.first[lines.lead + x] = <place_t> first_pixel(along, x)
    for x in range(along.stride * lines.pitch):
        lines.pixels[x] = lowest
    return lines


cdef inline void split_steps(const real* row, Py_ssize_t step, Py_ssize_t pitch,
                             real* residues) noexcept nogil:
    """Do the work of `split_row` for LANES steps, each of which is loaded as a row of a matrix."""
    cdef vec[MOST_LANES] matrix
    cdef Py_ssize_t j = 0, k
    while j < step:
        for k in range(LANES):
            matrix[k] = load(row + k * step + j)
        transpose(matrix)
        for k in range(min(LANES, step - j)):
            store(residues + (j + k) * pitch, matrix[k])
        j += LANES


cdef inline void split_row(const real* row, Py_ssize_t n, Py_ssize_t step, Py_ssize_t pitch,
                           real* residues) noexcept nogil:
    """Copy n pixels, those of each residue modulo the step together, `pitch` numbers apart."""
    cdef Py_ssize_t x, r = 0, begin = 0, reach = whole(step)
    # Steps from which a whole number of vectors can be loaded.
    cdef Py_ssize_t steps = (n - reach) // step + 1 if n >= reach else 0
    if step == 1:
        memcpy(residues, row, n * sizeof(real))
        return
    if step == 2:
        while 2 * (begin + LANES) <= n:
            store(residues + begin, even(load(row + 2 * begin), load(row + 2 * begin + LANES)))
            store(residues + pitch + begin,
                  odd(load(row + 2 * begin), load(row + 2 * begin + LANES)))
            begin += LANES
    elif steps >= LANES:
        while begin < steps:
            begin = min(begin, steps - LANES)
            split_steps(row + begin * step, step, pitch, residues + begin)
            begin += LANES
    for x in range(begin * step, n):
        residues[r * pitch + begin] = row[x]
        r += 1
        if r == step:
            r = 0
            begin += 1


cdef inline place_vec places(const place_t* at) noexcept nogil:
    return (<const loose_places*> at)[0]


cdef inline void maxima_of(const Windows* along, real lowest, const Lines* lines, Py_ssize_t slot,
                           Py_ssize_t step, Py_ssize_t taps, Py_ssize_t dilation) noexcept nogil:
    """Find the maxima of all windows along a row, whose pixels are split."""
    cdef Py_ssize_t lead = lines.lead, x = 0, _j, r, off
    cdef Py_ssize_t residue = (step - along.before % step) % step
    cdef Py_ssize_t before = (along.before + residue) // step
    cdef real* highest = lines.highest + slot * lines.pitch + lead
    cdef place_t* columns = lines.columns + slot * lines.pitch + lead
    cdef place_vec at = LANE_NUMBERS * <place_t> step - <place_t> along.before, column, found
    cdef vec best, value
    while x < along.count:
        best = ZERO + lowest
        found = places(lines.first + lead + x)
        column = at
        r = residue
        off = lead + x - before
        for _j in range(taps):
            value = load(lines.pixels + r * lines.pitch + off)
            take(best, found, value, column)
            column = column + <place_t> dilation
            r += dilation
            while r >= step:
                r -= step
                off += 1
        store(highest + x, best)
        (<loose_places*> (columns + x))[0] = found
        at = at + <place_t> (LANES * step)
        x += LANES


cdef inline bint is_usual(const Windows* axis, Py_ssize_t step, Py_ssize_t taps) noexcept nogil:
    """Whether sizes are those that are compiled in: for few taps a loop costs as much as a body."""
    return axis.stride == step and axis.k == taps and axis.dilation == 1


cdef void maxima_along(const real* row, const Windows* along, real lowest, const Lines* lines,
                       Py_ssize_t slot) noexcept nogil:
    """Find the maxima of all windows along a row of the image."""
    split_row(row, along.n, along.stride, lines.pitch, lines.pixels + lines.lead)
    if is_usual(along, 2, 2):
        maxima_of(along, lowest, lines, slot, 2, 2, 1)
    elif is_usual(along, 2, 3):
        maxima_of(along, lowest, lines, slot, 2, 3, 1)
    elif is_usual(along, 1, 3):
        maxima_of(along, lowest, lines, slot, 1, 3, 1)
    else:
        maxima_of(along, lowest, lines, slot, along.stride, along.k, along.dilation)


cdef inline Py_ssize_t row_above(const Windows* down, Py_ssize_t y) noexcept nogil:
    """The first row of a window, which may be outside the image."""
    return y * down.stride - down.before


cdef inline Py_ssize_t first_tap(const Windows* down, Py_ssize_t y) noexcept nogil:
    cdef Py_ssize_t above = row_above(down, y)
    return (down.dilation - 1 - above) // down.dilation if above < 0 else 0


cdef inline Py_ssize_t last_tap(const Windows* down, Py_ssize_t y) noexcept nogil:
    """One more than the last tap of a window that is on a row, at least its first."""
    cdef Py_ssize_t room = down.n - 1 - row_above(down, y)
    cdef Py_ssize_t taps = min(down.k, room // down.dilation + 1 if room >= 0 else 0)
    return max(taps, first_tap(down, y))


cdef inline Py_ssize_t next_slot(const Windows* down, const Lines* lines,
                                 Py_ssize_t slot) noexcept nogil:
    """Where the maxima of the row under the next tap are."""
    slot += down.dilation
    while slot >= lines.rows:
        slot -= lines.rows
    return slot


cdef void largest_places(const Windows* down, const Windows* along, Py_ssize_t y, real lowest,
                         const Lines* lines, real* result, int64_t* target) noexcept nogil:
    """Store the largest pixels of a row of windows, and their places in the plane."""
    cdef Py_ssize_t above = row_above(down, y), i, at, slot, x = 0
    cdef Py_ssize_t begin = first_tap(down, y), end = last_tap(down, y)
    cdef Py_ssize_t begin_slot = (above + begin * down.dilation) % lines.rows
    cdef place_vec found
    cdef vec best
    while x < along.count:
        best = ZERO + lowest
        found = places(lines.first + lines.lead + x) + <place_t> (begin * down.dilation * along.n)
        slot = begin_slot
        for i in range(begin, end):
            at = slot * lines.pitch + lines.lead + x
            take(best, found, load(lines.highest + at),
                 places(lines.columns + at) + <place_t> (i * down.dilation * along.n))
            slot = next_slot(down, lines, slot)
        store(lines.line + lines.lead + x, best)
        (<loose_places*> (lines.found + lines.lead + x))[0] = found
        x += LANES
    memcpy(result, lines.line + lines.lead, along.count * sizeof(real))
    for x in range(along.count):
        target[x] = above * along.n + lines.found[lines.lead + x]
        if lines.first[lines.lead + x] < 0 or begin == end:
            target[x] = -1


cdef void largest_rows(const Windows* down, const Windows* along, const real* image, real lowest,
                       Py_ssize_t top, Py_ssize_t bottom, char* scratch, real* result,
                       int64_t* target) noexcept nogil:
    """Find the largest pixels of the rows top to bottom of windows."""
    cdef Lines lines = lines_of(down, along, lowest, scratch)
    cdef Py_ssize_t y, row = 0, last
    for y in range(top, bottom):
        row = max(row, row_above(down, y))
        last = min(down.n, row_above(down, y) + (down.k - 1) * down.dilation + 1)
        while row < last:
            maxima_along(image + row * along.n, along, lowest, &lines, row % lines.rows)
            row += 1
        largest_places(down, along, y, lowest, &lines, result + y * along.count,
                       target + y * along.count)


def numbers(cnp.ndarray axes not None):
    """Return the numbers of scratch of one thread, for `largest` and `scatter`."""
    cdef const Windows* axis = <const Windows*> cnp.PyArray_DATA(axes)
    cdef Lines lines = sizes_of(axis, axis + 1)
    return lines.pitch * (3 * lines.rows + 3 + axis[1].stride)


def largest(cnp.ndarray axes not None, cnp.ndarray image not None, lowest,
            cnp.ndarray result not None, cnp.ndarray places not None,
            cnp.ndarray scratch not None, int threads):
    """Fill `result` and `places`, (planes, oh, ow), from an image, (planes, h, w).

    `scratch` is (threads, bytes), with room for `numbers`.
    """
    cdef const Windows* axis = <const Windows*> cnp.PyArray_DATA(axes)
    cdef const real* source = <const real*> cnp.PyArray_DATA(image)
    cdef real* best = <real*> cnp.PyArray_DATA(result)
    cdef int64_t* found = <int64_t*> cnp.PyArray_DATA(places)
    cdef char* slots = <char*> cnp.PyArray_DATA(scratch)
    cdef Py_ssize_t slot = cnp.PyArray_DIM(scratch, 1), rows = axis[0].count, task, plane
    cdef Py_ssize_t planes = cnp.PyArray_DIM(image, 0)
    # A few parts for each thread; rows at their edges are read twice.
    cdef Py_ssize_t parts = max(1, min(rows, PARTS * threads // max(1, planes)))
    cdef real low = lowest
    with nogil:
        for task in prange(planes * parts, num_threads=threads, use_threads_if=threads > 1,
                           schedule="static"):
            plane = task // parts
            largest_rows(axis, axis + 1, source + plane * axis[0].n * axis[1].n, low,
                         task % parts * rows // parts, (task % parts + 1) * rows // parts,
                         slots + threadid() * slot, best + plane * rows * axis[1].count,
                         found + plane * rows * axis[1].count)


# Gradients of maxima

cdef inline void share_taps(const Windows* down, const Windows* along, const Lines* lines,
                            Py_ssize_t begin_slot, real lowest, Py_ssize_t taps) noexcept nogil:
    """Add the gradients of a row of windows to those of the maxima under `taps` taps."""
    cdef Py_ssize_t i, at, slot, x = 0
    cdef place_vec found, none = LANE_NUMBERS * 0
    cdef vec best, above
    while x < along.count:
        best = ZERO + lowest
        found = none
        slot = begin_slot
        for i in range(taps):
            take(best, found, load(lines.highest + slot * lines.pitch + lines.lead + x),
                 none + <place_t> i)
            slot = next_slot(down, lines, slot)
        above = load(lines.line + lines.lead + x)
        slot = begin_slot
        for i in range(taps):
            at = slot * lines.pitch + lines.lead + x
            store(lines.shares + at,
                  load(lines.shares + at) + only_where(found, none + <place_t> i, above))
            slot = next_slot(down, lines, slot)
        x += LANES


cdef void share_down(const Windows* down, const Windows* along, Py_ssize_t y, real lowest,
                     const Lines* lines, const real* gradient) noexcept nogil:
    """Add the gradients of a row of windows to those of the maxima along rows."""
    cdef Py_ssize_t begin = first_tap(down, y), taps = last_tap(down, y) - begin
    cdef Py_ssize_t slot = (row_above(down, y) + begin * down.dilation) % lines.rows
    memcpy(lines.line + lines.lead, gradient, along.count * sizeof(real))
    if taps == 2:
        share_taps(down, along, lines, slot, lowest, 2)
    elif taps == 3:
        share_taps(down, along, lines, slot, lowest, 3)
    else:
        share_taps(down, along, lines, slot, lowest, taps)


cdef inline vec gathered(const Windows* along, const Lines* lines, Py_ssize_t slot,
                         Py_ssize_t residue, Py_ssize_t x, Py_ssize_t step, Py_ssize_t taps,
                         Py_ssize_t dilation) noexcept nogil:
    """The gradients of LANES pixels of a residue, from x on."""
    cdef Py_ssize_t begin = slot * lines.pitch + lines.lead + x, _j
    cdef Py_ssize_t r = (step - along.before % step) % step
    cdef Py_ssize_t off = begin + (along.before + r) // step
    cdef place_vec column = LANE_NUMBERS * <place_t> step + <place_t> (x * step + residue)
    cdef vec total = ZERO
    for _j in range(taps):
        if r == residue:
            total = total + only_where(places(lines.columns + off), column,
                                       load(lines.shares + off))
        r += dilation
        while r >= step:
            r -= step
            off -= 1
    return total


cdef inline void gather_row(const Windows* along, const Lines* lines, Py_ssize_t slot, real* row,
                            Py_ssize_t step, Py_ssize_t taps, Py_ssize_t dilation) noexcept nogil:
    """Store the gradients of a row of the image; the step is 1 or 2."""
    cdef Py_ssize_t x = 0
    cdef vec low, high
    if step == 1:
        while x < along.n:
            x = min(x, along.n - LANES)
            store(row + x, gathered(along, lines, slot, 0, x, 1, taps, dilation))
            x += LANES
        return
    while x < along.n // 2:
        x = min(x, along.n // 2 - LANES)
        low = gathered(along, lines, slot, 0, x, 2, taps, dilation)
        high = gathered(along, lines, slot, 1, x, 2, taps, dilation)
        store(row + 2 * x, zip_low(low, high))
        store(row + 2 * x + LANES, zip_high(low, high))
        x += LANES
    if along.n % 2:
        low = gathered(along, lines, slot, 0, along.n // 2, 2, taps, dilation)
        row[along.n - 1] = (<real*> &low)[0]


cdef void store_gradients(const Windows* along, const Lines* lines, Py_ssize_t slot,
                          real* row) noexcept nogil:
    """Store the gradients of a row of the image, and clear those of its maxima."""
    cdef real* shares = lines.shares + slot * lines.pitch + lines.lead
    cdef place_t* columns = lines.columns + slot * lines.pitch + lines.lead
    cdef Py_ssize_t step = along.stride, x
    if step > 2 or along.n < step * LANES:
        memset(row, 0, along.n * sizeof(real))
        for x in range(along.count):
            if columns[x] >= 0:
                row[columns[x]] += shares[x]
    elif is_usual(along, 2, 2):
        gather_row(along, lines, slot, row, 2, 2, 1)
    elif is_usual(along, 2, 3):
        gather_row(along, lines, slot, row, 2, 3, 1)
    elif is_usual(along, 1, 3):
        gather_row(along, lines, slot, row, 1, 3, 1)
    else:
        gather_row(along, lines, slot, row, step, along.k, along.dilation)
    memset(shares, 0, along.count * sizeof(real))


cdef void scatter_plane(const Windows* down, const Windows* along, const real* image, real lowest,
                        const real* gradient, real* result, char* scratch) noexcept nogil:
    """Store the gradients of a plane: a row is done when no later window looks at it."""
    cdef Lines lines = lines_of(down, along, lowest, scratch)
    cdef Py_ssize_t y, done = 0, row = 0, last, above
    for y in range(down.count):
        above = row_above(down, y)
        while done < min(row, above):
            store_gradients(along, &lines, done % lines.rows, result + done * along.n)
            done += 1
        if row < above:
            # Rows between windows.
            last = min(above, down.n)
            memset(result + row * along.n, 0, (last - row) * along.n * sizeof(real))
            done = row = last
        last = min(down.n, above + (down.k - 1) * down.dilation + 1)
        while row < last:
            maxima_along(image + row * along.n, along, lowest, &lines, row % lines.rows)
            row += 1
        share_down(down, along, y, lowest, &lines, gradient + y * along.count)
    while done < row:
        store_gradients(along, &lines, done % lines.rows, result + done * along.n)
        done += 1
    memset(result + row * along.n, 0, (down.n - row) * along.n * sizeof(real))


def scatter(cnp.ndarray axes not None, cnp.ndarray image not None, lowest,
            cnp.ndarray gradient not None, cnp.ndarray result not None,
            cnp.ndarray scratch not None, int threads):
    """Fill `result` with the gradients of windows at their largest pixels.

    `scratch` is (threads, bytes), with room for `numbers`.
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
                          target + plane * axis[0].n * axis[1].n, slots + threadid() * slot)


cdef Py_ssize_t place_plane(const int64_t* places, const real* gradient, Py_ssize_t windows,
                            real* result, Py_ssize_t pixels) noexcept nogil:
    """Store the gradients of a plane; return how many places lie outside.

    A plane is cleared just before, while it is in a cache.
    """
    cdef Py_ssize_t i, outside = 0
    memset(result, 0, pixels * sizeof(real))
    for i in range(windows):
        if <size_t> places[i] < <size_t> pixels:
            result[places[i]] += gradient[i]
        elif places[i] != -1:
            outside += 1
    return outside


def place(cnp.ndarray places not None, cnp.ndarray gradient not None, cnp.ndarray result not None,
          int threads):
    """Fill `result`, (planes, pixels), with gradients of windows whose largest pixels are known.

    `places` and `gradient` are (planes, windows); a window at -1 has no pixel. Return whether all
    places lie in a plane.
    """
    cdef const int64_t* at = <const int64_t*> cnp.PyArray_DATA(places)
    cdef const real* above = <const real*> cnp.PyArray_DATA(gradient)
    cdef real* target = <real*> cnp.PyArray_DATA(result)
    cdef Py_ssize_t planes = cnp.PyArray_DIM(result, 0), pixels = cnp.PyArray_DIM(result, 1)
    cdef Py_ssize_t windows = cnp.PyArray_DIM(places, 1), outside = 0, plane
    with nogil:
        for plane in prange(planes, num_threads=threads, use_threads_if=threads > 1,
                            schedule="static"):
            outside += place_plane(at + plane * windows, above + plane * windows, windows,
                                   target + plane * pixels, pixels)
    return outside == 0


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

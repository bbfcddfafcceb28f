# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Opening, closing, gradient and top-hats: two extremes, computed in one pass over the image.

    opening  = maximum over the flipped element of (minimum over the element)
    closing  = minimum over the element of (maximum over the flipped element)
    gradient = maximum over the flipped element - minimum over the element

A flipped element is rotated by 180 degrees. The rows between two extremes stay in cache. The image
is extended once, so an opening is nowhere above the image and a closing nowhere below it: top-hats
are never negative.
"""
from bands cimport Slot
from rows cimport Params
from types cimport LANES, load, real, store
from extremes cimport (
    BLACK_TOPHAT, CLOSING, GRADIENT, WHITE_TOPHAT, Chord, Footprint, window_extremes, window_work,
)


cdef struct Compound:
    # Follows two footprints and their chords in params.records: where the first window, the second
    # window and the pixel are in the rectangle around both windows (columns in samples).
    Py_ssize_t y, x
    Py_ssize_t second_y, second_x
    Py_ssize_t pixel_y, pixel_x


cdef inline const Footprint* second_window(const Params* params) noexcept nogil:
    cdef const Footprint* first = <const Footprint*> params.records
    return <const Footprint*> (<const Chord*> (first + 1) + first.count)


cdef inline const Compound* compound_of(const Params* params) noexcept nogil:
    cdef const Footprint* second = second_window(params)
    return <const Compound*> (<const Chord*> (second + 1) + second.count)


cdef inline Params params_of(const Params* params, const Footprint* window,
                             Py_ssize_t rows) noexcept nogil:
    """Params for the extremes of one window, in blocks of `rows` rows."""
    cdef Params found = params[0]
    found.records = <const void*> window
    found.block = rows
    found.span_y = window.height
    found.span_x = (window.width - 1) * window.step + 1
    return found


cdef inline Slot seen_from(const Slot* slot, Py_ssize_t y, Py_ssize_t x, Py_ssize_t count,
                           real** rows) noexcept nogil:
    """A copy of the slot whose rows begin at row y and column x; `rows` stores the pointers."""
    cdef Slot found = slot[0]
    cdef Py_ssize_t r
    for r in range(count):
        rows[r] = slot.rows[y + r] + x
    found.rows = rows
    return found


cdef inline void two_extremes(const Params* params, const Slot* slot, Py_ssize_t n,
                              bint of_each_other, bint maximum, bint then_maximum, real* work,
                              real** targets, real** between) noexcept nogil:
    """Store the extremes of the first window in `between`, those of the second in `targets`.

    The second extremes are of the image or, if `of_each_other`, of the first extremes.
    """
    cdef const Footprint* other = second_window(params)
    cdef const Compound* places = compound_of(params)
    cdef Py_ssize_t more = other.height - 1 if of_each_other else 0
    cdef Py_ssize_t wider = (other.width - 1) * other.step if of_each_other else 0
    cdef Params first = params_of(params, <const Footprint*> params.records, params.block + more)
    cdef Params second = params_of(params, other, params.block)
    cdef real** rows = between + first.block
    cdef Slot seen = seen_from(slot, places.y, places.x, first.block + first.span_y - 1, rows)
    window_extremes(&first, &seen, n + wider, work, between, maximum, False)
    if of_each_other:
        seen.rows = between
    else:
        seen = seen_from(slot, places.second_y, places.second_x, params.block + other.height - 1,
                         rows)
    window_extremes(&second, &seen, n, work, targets, then_maximum, False)


cdef inline real* lay_between(const Params* params, real* work, real*** between) noexcept nogil:
    """Divide the scratch into pointers to rows, and the rows between; return the rest of it."""
    cdef Py_ssize_t rows = between_rows(params), r
    between[0] = <real**> work
    work = <real*> (<char*> work + pointer_bytes(params))
    for r in range(rows):
        between[0][r] = work + r * params.pitch
    return work + rows * params.pitch


cdef inline Py_ssize_t between_rows(const Params* params) noexcept nogil:
    return params.block + second_window(params).height - 1


cdef inline Py_ssize_t pointer_bytes(const Params* params) noexcept nogil:
    """Bytes of the pointers, in whole vectors."""
    cdef Py_ssize_t count = between_rows(params) + params.block + params.span_y - 1
    return (count * <Py_ssize_t> sizeof(void*) + 63) // 64 * 64


cdef inline Py_ssize_t compound_work(const Params* params) noexcept nogil:
    """Numbers of scratch."""
    cdef Params first = params_of(params, <const Footprint*> params.records, between_rows(params))
    cdef Params second = params_of(params, second_window(params), params.block)
    return (pointer_bytes(params) // <Py_ssize_t> sizeof(real) + between_rows(params) * params.pitch
            + max(window_work(&first), window_work(&second)))


# ---------------------------------------------------------------------------------------------
# The results

cdef inline void subtract(real* high, real* low, Py_ssize_t n, real* target) noexcept nogil:
    """target may be high or low."""
    cdef Py_ssize_t x = 0
    while x < n:
        store(target + x, load(high + x) - load(low + x))
        x += LANES


cdef inline void compound(const Params* params, const Slot* slot, Py_ssize_t n,
                          real* work) noexcept nogil:
    """Compute params.block rows of n results; `work` has `compound_work` numbers."""
    cdef Py_ssize_t kind = (<const Footprint*> params.records).kind, r
    cdef const Compound* places = compound_of(params)
    cdef bint maximum_first = kind == CLOSING or kind == BLACK_TOPHAT
    cdef real** targets = slot.targets
    cdef real** between
    cdef real* pixels
    work = lay_between(params, work, &between)
    two_extremes(params, slot, n, kind != GRADIENT, maximum_first, not maximum_first, work,
                 targets, between)
    for r in range(params.block if kind > CLOSING else 0):
        pixels = slot.rows[r + places.pixel_y] + places.pixel_x
        if kind == GRADIENT:
            subtract(targets[r], between[r], n, targets[r])
        elif kind == WHITE_TOPHAT:
            subtract(pixels, targets[r], n, targets[r])
        else:
            subtract(targets[r], pixels, n, targets[r])


cdef inline void compound_reach(const Params* params, const Slot* slot, Py_ssize_t n, real* work,
                                real** targets) noexcept nogil:
    """Find the largest of all numbers that each result depends on."""
    cdef Py_ssize_t kind = (<const Footprint*> params.records).kind, r, x
    cdef real** between
    work = lay_between(params, work, &between)
    two_extremes(params, slot, n, kind != GRADIENT, True, True, work, targets, between)
    for r in range(params.block if kind == GRADIENT else 0):
        for x in range(n):
            targets[r][x] = max(targets[r][x], between[r][x])

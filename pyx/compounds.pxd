# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Two extremes of every window, of the image or one of the other, and differences of them.

    opening  = greatest over the turned element of (least over the element)
    closing  = least over the element of (greatest over the turned element)
    gradient = greatest over the turned element - least over the element

Rows between two extremes stay in cache. The image is extended once, so that an opening nowhere
exceeds the image, nor the image a closing: top-hats are never negative.
"""
from bands cimport Slot
from rows cimport Job
from types cimport LANES, load, real, store
from windows cimport (
    BLACK_TOPHAT, CLOSING, GRADIENT, WHITE_TOPHAT, Chord, Window, window_extremes, window_work,
)


cdef struct Compound:
    # job.shape, behind two windows and their chords: where in the rectangle of both the first one
    # begins, the second one, and where the pixel is (columns in samples).
    Py_ssize_t y, x
    Py_ssize_t second_y, second_x
    Py_ssize_t pixel_y, pixel_x


cdef inline const Window* second_window(const Job* job) noexcept nogil:
    cdef const Window* first = <const Window*> job.shape
    return <const Window*> (<const Chord*> (first + 1) + first.count)


cdef inline const Compound* compound_of(const Job* job) noexcept nogil:
    cdef const Window* second = second_window(job)
    return <const Compound*> (<const Chord*> (second + 1) + second.count)


cdef inline Job job_of(const Job* job, const Window* window, Py_ssize_t rows) noexcept nogil:
    """The job of the extremes of a window, in so many rows."""
    cdef Job found = job[0]
    found.shape = <const Py_ssize_t*> window
    found.block = rows
    found.span_y = window.height
    found.span_x = (window.width - 1) * window.step + 1
    return found


cdef inline Slot seen_from(const Slot* slot, Py_ssize_t y, Py_ssize_t x, Py_ssize_t count,
                           real** rows) noexcept nogil:
    """The slot with rows that begin at row y and column x; `rows` holds the pointers."""
    cdef Slot found = slot[0]
    cdef Py_ssize_t r
    for r in range(count):
        rows[r] = slot.rows[y + r] + x
    found.rows = rows
    return found


cdef inline void both_extremes(const Job* job, const Slot* slot, Py_ssize_t n, bint of_each_other,
                               bint greatest, bint then_greatest, real* work,
                               real** targets, real** between) noexcept nogil:
    """The extremes of the first window in `between`, and those of the second one in `targets`.

    The second one sees the image or, `of_each_other`, the rows between.
    """
    cdef const Window* other = second_window(job)
    cdef const Compound* places = compound_of(job)
    cdef Py_ssize_t more = other.height - 1 if of_each_other else 0
    cdef Py_ssize_t wider = (other.width - 1) * other.step if of_each_other else 0
    cdef Job first = job_of(job, <const Window*> job.shape, job.block + more)
    cdef Job second = job_of(job, other, job.block)
    cdef real** rows = between + first.block
    cdef Slot seen = seen_from(slot, places.y, places.x, first.block + first.span_y - 1, rows)
    window_extremes(&first, &seen, n + wider, work, between, greatest)
    if of_each_other:
        seen.rows = between
    else:
        seen = seen_from(slot, places.second_y, places.second_x, job.block + other.height - 1,
                         rows)
    window_extremes(&second, &seen, n, work, targets, then_greatest)


cdef inline real* lay_between(const Job* job, real* work, real*** between) noexcept nogil:
    """Divide the scratch: pointers to the rows between and to rows seen, the rows; the rest."""
    cdef Py_ssize_t rows = between_rows(job), r
    between[0] = <real**> work
    work = <real*> (<char*> work + pointer_bytes(job))
    for r in range(rows):
        between[0][r] = work + r * job.pitch
    return work + rows * job.pitch


cdef inline Py_ssize_t between_rows(const Job* job) noexcept nogil:
    return job.block + second_window(job).height - 1


cdef inline Py_ssize_t pointer_bytes(const Job* job) noexcept nogil:
    """Of the pointers, in whole vectors."""
    cdef Py_ssize_t count = between_rows(job) + job.block + job.span_y - 1
    return (count * <Py_ssize_t> sizeof(void*) + 63) // 64 * 64


cdef inline Py_ssize_t compound_work(const Job* job) noexcept nogil:
    """Numbers of scratch."""
    cdef Job first = job_of(job, <const Window*> job.shape, between_rows(job))
    cdef Job second = job_of(job, second_window(job), job.block)
    return (pointer_bytes(job) // <Py_ssize_t> sizeof(real) + between_rows(job) * job.pitch
            + max(window_work(&first), window_work(&second)))


# ---------------------------------------------------------------------------------------------
# What is made of them

cdef inline void subtract(real* high, real* low, Py_ssize_t n, real* target) noexcept nogil:
    """target may be either of them."""
    cdef Py_ssize_t x = 0
    while x < n:
        store(target + x, load(high + x) - load(low + x))
        x += LANES


cdef inline void compound(const Job* job, const Slot* slot, Py_ssize_t n,
                          real* work) noexcept nogil:
    """job.block rows of n results; `work` holds `compound_work` numbers."""
    cdef Py_ssize_t way = (<const Window*> job.shape).way, r
    cdef const Compound* places = compound_of(job)
    cdef bint grows = way == CLOSING or way == BLACK_TOPHAT
    cdef real** targets = slot.targets
    cdef real** between
    cdef real* pixels
    work = lay_between(job, work, &between)
    both_extremes(job, slot, n, way != GRADIENT, grows, not grows, work, targets, between)
    for r in range(job.block if way > CLOSING else 0):
        pixels = slot.rows[r + places.pixel_y] + places.pixel_x
        if way == GRADIENT:
            subtract(targets[r], between[r], n, targets[r])
        elif way == WHITE_TOPHAT:
            subtract(pixels, targets[r], n, targets[r])
        else:
            subtract(targets[r], pixels, n, targets[r])


cdef inline void compound_reach(const Job* job, const Slot* slot, Py_ssize_t n, real* work,
                                real** targets) noexcept nogil:
    """The greatest of all numbers that a result depends on."""
    cdef Py_ssize_t way = (<const Window*> job.shape).way, r, x
    cdef real** between
    work = lay_between(job, work, &between)
    both_extremes(job, slot, n, way != GRADIENT, True, True, work, targets, between)
    for r in range(job.block if way == GRADIENT else 0):
        for x in range(n):
            targets[r][x] = max(targets[r][x], between[r][x])

# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""NaN: a window that holds one gives NaN, and no other result changes."""
from bands cimport Slot
from compounds cimport compound_reach, compound_work
from keys cimport ANY_NAN, IS_NAN, KEYS, NOT_A_NUMBER
from rows cimport Job, is_float
from types cimport real
from windows cimport OPENING, Window, window_extremes, window_work


cdef inline bint is_compound(const Job* job) noexcept nogil:
    return (<const Window*> job.shape).way >= OPENING


cdef inline void reach(const Job* job, const Slot* slot, Py_ssize_t n, real* work,
                       real** targets) noexcept nogil:
    """The greatest of all numbers that a result depends on."""
    if is_compound(job):
        compound_reach(job, slot, n, work, targets)
    else:
        window_extremes(job, slot, n, work, targets, True)


cdef inline Py_ssize_t spread_work(const Job* job) noexcept nogil:
    """Numbers of scratch: the marks and their pointers, and to look how far they reach."""
    cdef Py_ssize_t rows = job.span_y + job.block - 1
    cdef Py_ssize_t marks = 0 if KEYS else rows * (job.pitch + <Py_ssize_t> sizeof(void*))
    return marks + (compound_work(job) if is_compound(job) else window_work(job))


cdef inline bint holds_nan(const Job* job, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """Whether any number under a block of rows is NaN, two rows at once."""
    cdef Py_ssize_t r = 0, x, last = job.span_y + job.block - 2
    cdef int found = 0
    cdef const real* row
    cdef const real* other
    while r <= last:
        row = slot.rows[r]
        other = slot.rows[min(r + 1, last)]
        for x in range(n + job.span_x - 1):
            found |= ANY_NAN(row[x], other[x])
        r += 2
    return found


cdef inline void mark_nan(const Job* job, const Slot* slot, Py_ssize_t n, char* work,
                          Slot* marks) noexcept nogil:
    """Rows that are 1 where those under the block are NaN and 0 elsewhere."""
    cdef Py_ssize_t count = job.span_y + job.block - 1, r, x
    marks.rows = <real**> work
    work += count * <Py_ssize_t> sizeof(double)
    for r in range(count):
        marks.rows[r] = <real*> work + r * job.pitch
        for x in range(n + job.span_x - 1):
            marks.rows[r][x] = IS_NAN(slot.rows[r][x])


cdef inline void spread_nan(const Job* job, const Slot* slot, Py_ssize_t n,
                            real* work) noexcept nogil:
    """Make NaN of the results whose window holds one, in images of floats.

    The greatest key of such a window is that of NaN. Loops on floats mark NaN first. `work` holds
    `spread_work` numbers.
    """
    cdef Py_ssize_t k, r, x
    cdef real** found = slot.targets + job.results * job.block
    cdef real* target
    cdef Slot marks = slot[0]
    if not is_float(job.image.code) or not holds_nan(job, slot, n):
        return
    if not KEYS:
        mark_nan(job, slot, n, <char*> work, &marks)
        work = marks.rows[0] + (job.span_y + job.block - 1) * job.pitch
    reach(job, &marks, n, work, found)
    for k in range(job.results):
        for r in range(job.block):
            target = slot.targets[k * job.block + r]
            for x in range(n):
                if IS_NAN(found[r][x]) if KEYS else found[r][x] > 0:
                    target[x] = NOT_A_NUMBER

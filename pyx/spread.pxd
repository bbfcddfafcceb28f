# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""NaN in rank filters: a window that holds one gives NaN, and no other result changes."""
from bands cimport Slot
from compounds cimport compound_reach, compound_work
from keys cimport IS_NAN, KEYS, NOT_A_NUMBER
from rows cimport Params
from types cimport real
from extremes cimport OPENING, Footprint, any_nan, window_extremes, window_work


cdef inline bint is_compound(const Params* params) noexcept nogil:
    return (<const Footprint*> params.records).kind >= OPENING


cdef inline void reach(const Params* params, const Slot* slot, Py_ssize_t n, real* work,
                       real** targets) noexcept nogil:
    """Find the largest of all numbers that each result depends on."""
    if is_compound(params):
        compound_reach(params, slot, n, work, targets)
    else:
        window_extremes(params, slot, n, work, targets, True, False)


cdef inline Py_ssize_t spread_work(const Params* params) noexcept nogil:
    """Numbers of scratch for the marks, their row pointers, and their maxima."""
    cdef Py_ssize_t rows = params.span_y + params.block - 1
    cdef Py_ssize_t marks = 0 if KEYS else rows * (params.pitch + <Py_ssize_t> sizeof(void*))
    return marks + (compound_work(params) if is_compound(params) else window_work(params))


cdef inline bint holds_nan(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """Whether any number under a block of rows is NaN."""
    return any_nan(slot.rows, params.span_y + params.block - 1, 0, n + params.span_x - 1)


cdef inline void mark_nan(const Params* params, const Slot* slot, Py_ssize_t n, char* work,
                          Slot* marks) noexcept nogil:
    """Make rows that are 1 where those under the block are NaN, and 0 elsewhere."""
    cdef Py_ssize_t count = params.span_y + params.block - 1, r, x
    marks.rows = <real**> work
    work += count * <Py_ssize_t> sizeof(double)
    for r in range(count):
        marks.rows[r] = <real*> work + r * params.pitch
        for x in range(n + params.span_x - 1):
            marks.rows[r][x] = IS_NAN(slot.rows[r][x])


cdef inline void spread_nan(const Params* params, const Slot* slot, Py_ssize_t n,
                            real* work) noexcept nogil:
    """Replace results whose window holds a NaN by NaN, where the rows of a block hold one.

    Among keys, that of NaN is the largest, so the maximum of a window shows it. Loops on floats
    take the maximum of marks instead. `work` has `spread_work` numbers.
    """
    cdef Py_ssize_t k, r, x
    cdef real** found = slot.targets + params.results * params.block
    cdef real* target
    cdef Slot marks = slot[0]
    if not KEYS:
        mark_nan(params, slot, n, <char*> work, &marks)
        work = marks.rows[0] + (params.span_y + params.block - 1) * params.pitch
    reach(params, &marks, n, work, found)
    for k in range(params.results):
        for r in range(params.block):
            target = slot.targets[k * params.block + r]
            for x in range(n):
                if IS_NAN(found[r][x]) if KEYS else found[r][x] > 0:
                    target[x] = NOT_A_NUMBER

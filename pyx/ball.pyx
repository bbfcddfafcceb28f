# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The surface that a ball touches when it rolls below an image.

    result[y, x] = minimum over the disk of  image[y + i, x + j] + rise[|i|, |j|]

`rise` is how much lower the ball is there than at its top. It is the same for four pixels, at
(+-i, +-j): their minimum is taken first, so that a disk of n pixels costs n / 4 additions.
"""
from bands cimport Block, Slot
from keys cimport NOT_A_NUMBER, smaller_of
from rows cimport Params
from types cimport LANES, WIDE, load, real, store, vec


cdef enum:
    PIECE = 64                      # vectors of a line that stays in L1


cdef struct Ball:
    # The head of params.records; the reach along x of each row i >= 0 follows, in pixels.
    Py_ssize_t reach                # rows above and below the middle
    Py_ssize_t step                 # samples between neighbours: the interleaved channels
    Py_ssize_t pitch                # numbers of a row of `rise`, which are params.weights


cdef extern from *:
    """
    #define raised(x, by) ((x) + (by))
    """
    vec raised(vec x, real by) nogil


cdef inline void fold_rows(const real* above, const real* below, Py_ssize_t n,
                           real* line) noexcept nogil:
    cdef Py_ssize_t x = 0
    while x < n:
        store(line + x, smaller_of(load(above + x), load(below + x)))
        x += LANES


cdef inline void roll_tile(const real* line, Py_ssize_t reach, Py_ssize_t step, const real* rise,
                           bint more, real* target, int wide) noexcept nogil:
    """Take the minimum of a tile of results and of a folded row, whose middle is at line[0]."""
    cdef vec[2 * WIDE] best
    cdef Py_ssize_t j
    cdef int k
    for k in range(wide):
        best[k] = raised(load(line + k * LANES), rise[0])
        if more:
            best[k] = smaller_of(best[k], load(target + k * LANES))
    for j in range(1, reach + 1):
        for k in range(wide):
            best[k] = smaller_of(best[k], raised(
                smaller_of(load(line - j * step + k * LANES), load(line + j * step + k * LANES)),
                rise[j]))
    for k in range(wide):
        store(target + k * LANES, best[k])


cdef inline void roll_row(const real* line, Py_ssize_t reach, Py_ssize_t step, const real* rise,
                          bint more, Py_ssize_t n, real* target) noexcept nogil:
    cdef Py_ssize_t x = 0
    while x + 2 * WIDE * LANES <= n:
        roll_tile(line + x, reach, step, rise, more, target + x, 2 * WIDE)
        x += 2 * WIDE * LANES
    while x < n:
        roll_tile(line + x, reach, step, rise, more, target + x, 1)
        x += LANES


cdef void spoil(const Ball* ball, real** rows, Py_ssize_t n, real* target) noexcept nogil:
    """Replace the results whose disk holds a NaN."""
    cdef const Py_ssize_t* reaches = <const Py_ssize_t*> (ball + 1)
    cdef Py_ssize_t reach = reaches[0] * ball.step, i, x, far, at
    for i in range(2 * ball.reach + 1):
        far = reaches[max(i - ball.reach, ball.reach - i)] * ball.step
        for x in range(n + 2 * reach):
            if rows[i][x] != rows[i][x]:
                at = x - reach - far
                while at <= x - reach + far:
                    if 0 <= at < n:
                        target[at] = NOT_A_NUMBER
                    at += ball.step


cdef bint any_nan(real** rows, Py_ssize_t count, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t r, x
    cdef int found = 0
    for r in range(count):
        for x in range(n):
            found |= rows[r][x] != rows[r][x]
    return found


cdef void block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """Compute each row of a block, piece by piece."""
    cdef const Ball* ball = <const Ball*> params.records
    cdef const Py_ssize_t* reaches = <const Py_ssize_t*> (ball + 1)
    cdef const real* rise = <const real*> params.weights
    cdef Py_ssize_t reach = reaches[0] * ball.step, r, i, x, m
    cdef real* line = slot.work
    cdef real** middle
    for r in range(params.block):
        middle = slot.rows + r + ball.reach
        x = 0
        while x < n:
            m = min(PIECE * LANES, n - x)
            for i in range(ball.reach + 1):
                fold_rows(middle[-i] + x, middle[i] + x, m + 2 * reach, line)
                roll_row(line + reach, reaches[i], ball.step, rise + i * ball.pitch, i > 0, m,
                         slot.targets[r] + x)
            x += m
    if any_nan(slot.rows, params.span_y + params.block - 1, n + 2 * reach):
        for r in range(params.block):
            spoil(ball, slot.rows + r, n, slot.targets[r])


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Block block_for(const Params* params) noexcept nogil:
    return block


include "bands.pxi"

# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Sums of separable filters, in one pass over the image.

    result_c[y, x] = sum over terms t of c, taps j:  row_t[j] * V_t[y, x + j]
    V_t[y, x]      = sum over taps i:                column_t[i] * image[y + i, x]

One component c gives a smoothing filter, a derivative, a Laplacian of Gaussian (two terms); two
components give a gradient, or its magnitude sqrt(c0**2 + c1**2) and orientation atan2(c0, c1).
"""

cimport numpy as cnp

from bands cimport Slot, run_bands, scratch_bytes
from rows cimport Job
from tiles cimport TALL, Taps, correlate_rows
from types cimport LANES, WIDE, ZERO, load, real, store, vec

cnp.import_array()

cdef extern from *:
    """
    #include <math.h>
    /* of the computing type, so that the compiler can take whole vectors */
    #define root(x) (sizeof(real) == 4 ? (real) sqrtf((float) (x)) : (real) sqrt((double) (x)))
    #define arc(y, x) (sizeof(real) == 4 ? (real) atan2f((float) (y), (float) (x)) \\
                                         : (real) atan2((double) (y), (double) (x)))
    """
    real root(real x) nogil
    real arc(real y, real x) nogil

cdef enum:
    BLOCK = TALL                    # result rows of a block: one row of tiles
    # Scratch for the row pointers of one vertical pass, in whole cache lines of real.
    POINTERS = 16 * (1 + BLOCK)

cdef enum Combine:
    SUM, MAGNITUDE, POLAR


cdef struct Vertical:
    Py_ssize_t first, taps          # extended row of the first tap, number of taps
    Py_ssize_t weights


cdef struct Horizontal:
    Py_ssize_t component, vertical  # the component it adds to, the vertical pass it reads
    Py_ssize_t first, taps, step    # column of the first tap, number of taps, columns between taps
    Py_ssize_t weights


cdef struct Filter:
    # The head of job.shape; `verticals`, then `horizontals` follow it. The head of job.weights is
    # the scale of the magnitude.
    Py_ssize_t combine, components, verticals, horizontals


# ---------------------------------------------------------------------------------------------
# The equation

cdef inline void horizontal_tile(const Horizontal* passes, Py_ssize_t count, Py_ssize_t component,
                                 real*** sources, const real* weights, Py_ssize_t x,
                                 real** targets, int high, int wide) noexcept nogil:
    """`high` rows by `wide` vectors of one component: the sum over its terms and their taps."""
    cdef vec[BLOCK][WIDE] acc
    cdef const Horizontal* term
    cdef const real* w
    cdef Py_ssize_t t, j
    cdef int r, k
    for r in range(high):
        for k in range(wide):
            acc[r][k] = ZERO
    for t in range(count):
        term = passes + t
        if term.component != component:
            continue
        w = weights + term.weights
        for j in range(term.taps):
            for r in range(high):
                for k in range(wide):
                    acc[r][k] = acc[r][k] + w[j] * load(
                        sources[term.vertical][r] + term.first + x + j * term.step + k * LANES)
    for r in range(high):
        for k in range(wide):
            store(targets[r] + x + k * LANES, acc[r][k])


cdef inline void magnitude(real* a, const real* b, Py_ssize_t n, real scale) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        a[i] = scale * root(a[i] * a[i] + b[i] * b[i])


cdef inline void polar(real* a, real* b, Py_ssize_t n) noexcept nogil:
    """(gy, gx) -> (magnitude, orientation)."""
    cdef Py_ssize_t i
    cdef real y, x
    for i in range(n):
        y = a[i]
        x = b[i]
        a[i] = root(y * y + x * x)
        b[i] = arc(y, x)


# ---------------------------------------------------------------------------------------------
# The schedule: vertical first, into rows that stay in L1, so that every image row is read by
# aligned loads and shared by BLOCK results; then horizontal from those rows into the result.

cdef void block(const Job* job, const Slot* slot, Py_ssize_t n) noexcept nogil:
    cdef const Filter* what = <const Filter*> job.shape
    cdef const Vertical* verticals = <const Vertical*> (what + 1)
    cdef const Horizontal* horizontals = <const Horizontal*> (verticals + what.verticals)
    cdef const real* weights = <const real*> job.weights
    cdef real*** sources = <real***> slot.work
    cdef real** rows = <real**> (sources + what.verticals)
    cdef real* free = slot.work + what.verticals * POINTERS
    cdef Py_ssize_t columns = (n + job.span_x - 1 + LANES - 1) // LANES * LANES
    cdef Py_ssize_t v, c
    cdef int r
    for v in range(what.verticals):
        sources[v] = rows + v * BLOCK
        vertical_pass(&verticals[v], slot.rows, weights, columns, job.pitch, sources[v], free)
        free += BLOCK * job.pitch
    for c in range(what.components):
        horizontal_pass(horizontals, what.horizontals, c, sources, weights, n,
                        slot.targets + c * BLOCK)
    for r in range(BLOCK):
        if what.combine == MAGNITUDE:
            magnitude(slot.targets[r], slot.targets[BLOCK + r], n, weights[0])
        elif what.combine == POLAR:
            polar(slot.targets[r], slot.targets[BLOCK + r], n)


cdef inline void vertical_pass(const Vertical* term, real** rows, const real* weights,
                               Py_ssize_t columns, Py_ssize_t pitch, real** target,
                               real* out) noexcept nogil:
    """BLOCK rows of V: a kernel one tap wide. A single tap of 1 leaves rows where they lie."""
    cdef Taps taps = Taps(weights + term.weights, term.taps, 1, 1)
    cdef bint nothing = term.taps == 1 and taps.weights[0] == 1
    cdef int r
    for r in range(BLOCK):
        target[r] = rows[term.first + r] if nothing else out + r * pitch
    if not nothing:
        correlate_rows(rows + term.first, &taps, columns, target)


cdef inline void horizontal_pass(const Horizontal* passes, Py_ssize_t count, Py_ssize_t component,
                                 real*** sources, const real* weights, Py_ssize_t n,
                                 real** targets) noexcept nogil:
    cdef Py_ssize_t x = 0
    while x + WIDE * LANES <= n:
        horizontal_tile(passes, count, component, sources, weights, x, targets, BLOCK, WIDE)
        x += WIDE * LANES
    while x < n:
        horizontal_tile(passes, count, component, sources, weights, x, targets, BLOCK, 1)
        x += LANES


# ---------------------------------------------------------------------------------------------
# Entry

def scratch(cnp.ndarray job not None, int threads):
    """Bytes of scratch that `run` needs for so many threads."""
    return scratch_bytes(<const Job*> cnp.PyArray_DATA(job), threads)


def run(cnp.ndarray job not None, cnp.ndarray image not None, cnp.ndarray first not None,
        cnp.ndarray second not None, cnp.ndarray scratch not None, Py_ssize_t rows, int threads):
    """Filter `image` into `first` (and `second`, where job says there are two results)."""
    cdef char* results[2]
    results[:] = [<char*> cnp.PyArray_DATA(first), <char*> cnp.PyArray_DATA(second)]
    with nogil:
        run_bands(<const Job*> cnp.PyArray_DATA(job), block, <const char*> cnp.PyArray_DATA(image),
                  results, <char*> cnp.PyArray_DATA(scratch), rows, threads)

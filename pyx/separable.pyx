# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Sums of separable filters, in one pass over the image.

    result_c[y, x] = sum over terms t of c, taps j:  row_t[j] * V_t[y, x + j]
    V_t[y, x]      = sum over taps i:                column_t[i] * image[y + i, x]

One component c gives a smoothing filter, a derivative, a Laplacian of Gaussian (two terms); two
components give a gradient, or its magnitude sqrt(c0**2 + c1**2) and orientation atan2(c0, c1).

Of 3x3 kernels with one term, the sums along the rows come first: nothing but pixels is read then,
and nothing but results is written.
"""

from bands cimport Block, Slot, keep_results, up_to_lanes
from passes cimport POINTER, Horizontal, Vertical, horizontal_pass, light_pass, vertical_pass
from pieces cimport piece_columns
from roots cimport LARGE, SMALL, arc, length, root, squares
from rows cimport Params
from tiles cimport SQUARE
from types cimport real

cdef enum:
    # Numbers that are found to be ordinary together, in registers: that hides behind their roots.
    # 0.195 ns a pixel against 0.193 without (float32, v3); 0.27 with groups of 128.
    GROUP = 32

cdef enum Combine:
    # In the order of COMBINE in operations/separable.py.
    SUM, MEAN, MAGNITUDE, POLAR


cdef struct Header:
    # The head of params.records; `verticals`, then `horizontals` follow it. The first of
    # params.weights is the scale of a mean or of the magnitude. `light`: whether each component is
    # one term of three taps down the columns and three along the rows.
    Py_ssize_t combine, components, verticals, horizontals, light


# ---------------------------------------------------------------------------------------------
# What is made of the components

cdef inline void divide(real* a, Py_ssize_t n, real by) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        a[i] = a[i] / by


cdef inline bint ordinary(const real* a, const real* b) noexcept nogil:
    """Whether the plain formula is right for a GROUP: no square overflows or vanishes."""
    cdef Py_ssize_t i
    cdef real square, odd = 0
    for i in range(GROUP):
        square = squares(a[i], b[i])
        odd = 1 if (square > LARGE * LARGE) | (square < SMALL * SMALL) else odd
    if odd == 0:
        return True
    # The root of 0 is right, too. Flat areas have many, so they are worth a second look.
    odd = 0
    for i in range(GROUP):
        square = squares(a[i], b[i])
        odd = 1 if (square > LARGE * LARGE) | (
            (square < SMALL * SMALL) & ((a[i] != 0) | (b[i] != 0))) else odd
    return odd == 0


cdef inline void magnitude(real* a, const real* b, Py_ssize_t n, real scale) noexcept nogil:
    cdef Py_ssize_t x = 0, i
    while x + GROUP <= n:
        if ordinary(a + x, b + x):
            for i in range(x, x + GROUP):
                a[i] = scale * root(squares(a[i], b[i]))
        else:
            for i in range(x, x + GROUP):
                a[i] = length(a[i], b[i], scale)
        x += GROUP
    for i in range(x, n):
        a[i] = length(a[i], b[i], scale)


cdef inline void polar(real* a, real* b, Py_ssize_t n) noexcept nogil:
    """(gy, gx) -> (magnitude, orientation)."""
    cdef Py_ssize_t i
    cdef real y, x
    for i in range(n):
        y = a[i]
        x = b[i]
        a[i] = length(y, x, 1)
        b[i] = arc(y, x)


# ---------------------------------------------------------------------------------------------
# The schedule: the vertical pass first, into rows that stay in L1. So image rows are read by
# aligned loads, and the rows of a block share them. Then the horizontal pass, from these rows.

cdef void block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    cdef const Header* what = <const Header*> params.records
    cdef const Vertical* verticals = <const Vertical*> (what + 1)
    cdef const Horizontal* horizontals = <const Horizontal*> (verticals + what.verticals)
    cdef const real* weights = <const real*> params.weights
    cdef real*** sources = <real***> slot.work
    cdef real** rows = <real**> (sources + what.verticals)
    cdef real* free = slot.work + what.verticals * POINTER * (1 + params.block)
    cdef Py_ssize_t columns = up_to_lanes(n + params.span_x - 1), v, c, t, r
    for v in range(what.verticals):
        sources[v] = rows + v * params.block
        vertical_pass(&verticals[v], params, slot.rows, weights, columns, sources[v], free)
        free += params.block * params.pitch
    for c in range(what.components):
        for t in range(params.block // SQUARE):
            horizontal_pass(horizontals, what.horizontals, c, sources, t * SQUARE, weights, n,
                            slot.targets + c * params.block + t * SQUARE)
    for r in range(params.block):
        combine(what, slot.targets[r], slot.targets[params.block + r], n, weights[0])
    keep_results(params, slot, n)


cdef inline void combine(const Header* what, real* first, real* second, Py_ssize_t n,
                         real scale) noexcept nogil:
    """Make a row of results of a row of each component."""
    if what.combine == MEAN:
        divide(first, n, scale)
    elif what.combine == MAGNITUDE:
        magnitude(first, second, n, scale)
    elif what.combine == POLAR:
        polar(first, second, n)


cdef void light_block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """Go along the rows of a block, in pieces whose components stay in L1."""
    cdef const Header* what = <const Header*> params.records
    cdef const Vertical* verticals = <const Vertical*> (what + 1)
    cdef const Horizontal* terms = <const Horizontal*> (verticals + what.verticals)
    cdef const real* weights = <const real*> params.weights
    cdef Py_ssize_t piece = piece_columns(params), x = 0, m, c, r
    while x < n:
        m = min(piece, n - x)
        for c in range(what.components):
            light_pass(&terms[c], &verticals[terms[c].vertical], params, slot.rows, weights, x, m,
                       slot.targets + c * params.block)
        for r in range(params.block):
            combine(what, slot.targets[r] + x, slot.targets[params.block + r] + x, m, weights[0])
        x += m
    keep_results(params, slot, n)


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Block block_for(const Params* params) noexcept nogil:
    return light_block if (<const Header*> params.records).light else block


include "bands.pxi"

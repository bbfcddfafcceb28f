# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Blobs: the largest answers in cubes of 3 x 3 x 3, and those of second derivatives by boxes.

    dxx * dyy - 0.81 * dxy**2

A sum over a box takes four numbers of a table, the cumulative sums of the image along both axes; a
negative one counts as 0. So the work is the same at every scale (H. Bay, T. Tuytelaars, L. Van
Gool, "SURF: Speeded up robust features", European Conference on Computer Vision, 2006).

A box that would begin outside the table begins at its first row or column, and keeps its size as
far as the table reaches.
"""
cimport numpy as cnp

from cython.parallel cimport prange
from libc.stdint cimport uint8_t
from libc.string cimport memset

from types cimport real

cnp.import_array()

cdef double MIXED = 0.81                # the weight of dxy**2

cdef enum:
    PIECE = 256                         # columns at once
    TOGETHER = 4                        # rows of the table at once


cdef struct Boxes:
    Py_ssize_t lobe                     # the shorter side of a lobe of dxx or dyy
    Py_ssize_t across                   # its longer side
    Py_ssize_t window                   # all three lobes of dxx or dyy
    double scale                        # 1 / window**2


cdef struct Rows:
    # Of the table, for one row of results: above the first row of a box, and its last.
    const double* upper[2]              # boxes of dxy above the row
    const double* lower[2]              # below it
    const double* lobes[2]              # boxes of dxx
    const double* window[2]             # the window of dyy
    const double* middle[2]             # the lobe in its middle


# ---------------------------------------------------------------------------------------------
# Determinants

cdef inline Py_ssize_t inside(Py_ssize_t i, Py_ssize_t size) noexcept nogil:
    return 0 if i < 0 else size - 1 if i >= size else i


cdef inline double box(const double* const* rows, Py_ssize_t left, Py_ssize_t length,
                       Py_ssize_t width, bint at_border) noexcept nogil:
    cdef Py_ssize_t right = left + length
    cdef double value
    if at_border:
        left = inside(left, width)
        right = inside(left + length, width)
    value = rows[0][left] + rows[1][right] - rows[0][right] - rows[1][left]
    return value if value > 0 else 0


cdef inline double determinant(const Rows* rows, const Boxes* of, Py_ssize_t x, Py_ssize_t width,
                               bint at_border) noexcept nogil:
    cdef Py_ssize_t lobe = of.lobe
    cdef Py_ssize_t half = (of.window - 1) // 2, middle = lobe // 2, along = lobe - 1
    cdef double dxx, dyy, dxy
    dxy = (box(rows.upper, x + 1, lobe, width, at_border)
           + box(rows.lower, x - lobe, lobe, width, at_border)
           - box(rows.upper, x - lobe, lobe, width, at_border)
           - box(rows.lower, x + 1, lobe, width, at_border))
    dxx = (box(rows.lobes, x - half, of.window, width, at_border)
           - 3 * box(rows.lobes, x - middle, lobe, width, at_border))
    dyy = (box(rows.window, x - along, of.across, width, at_border)
           - 3 * box(rows.middle, x - along, of.across, width, at_border))
    dxy = -dxy * of.scale
    dxx = -dxx * of.scale
    dyy = -dyy * of.scale
    return dxx * dyy - MIXED * (dxy * dxy)


cdef inline void determinants(const Rows* rows, const Boxes* of, Py_ssize_t begin, Py_ssize_t end,
                              Py_ssize_t width, real* target) noexcept nogil:
    """Fill what is away from the border; the compiler knows that nothing else is in `found`."""
    cdef double[PIECE] found
    cdef Py_ssize_t x = begin, n, i
    while x < end:
        n = min(PIECE, end - x)
        for i in range(n):
            found[i] = determinant(rows, of, x + i, width, False)
        for i in range(n):
            target[x + i] = <real> found[i]
        x += n


cdef inline void place(const double* table, Py_ssize_t first, Py_ssize_t top, Py_ssize_t length,
                       Py_ssize_t height, Py_ssize_t width, const double** rows) noexcept nogil:
    """Store the two rows of a box; the table begins with row `first` of the image's."""
    top = inside(top, height)
    rows[0] = table + (top - first) * width
    rows[1] = table + (inside(top + length, height) - first) * width


cdef inline void determinant_row(const double* table, Py_ssize_t first, Py_ssize_t height,
                                 Py_ssize_t width, const Boxes* of, Py_ssize_t y,
                                 real* target) noexcept nogil:
    cdef Py_ssize_t lobe = of.lobe, rim = min(of.window, width), x
    cdef Rows rows
    place(table, first, y - lobe, lobe, height, width, rows.upper)
    place(table, first, y + 1, lobe, height, width, rows.lower)
    place(table, first, y - lobe + 1, of.across, height, width, rows.lobes)
    place(table, first, y - (of.window - 1) // 2, of.window, height, width, rows.window)
    place(table, first, y - lobe // 2, lobe, height, width, rows.middle)
    for x in range(rim):
        target[x] = <real> determinant(&rows, of, x, width, True)
    determinants(&rows, of, rim, width - rim, width, target)
    for x in range(max(rim, width - rim), width):
        target[x] = <real> determinant(&rows, of, x, width, True)


cdef inline void add_rows(const real* image, Py_ssize_t width, int rows, double* columns,
                          double* table) noexcept nogil:
    """Fill some rows of the table. Their sums do not wait for one another."""
    cdef double[TOGETHER] total
    cdef double column
    cdef Py_ssize_t x
    cdef int y
    for y in range(rows):
        total[y] = 0
    for x in range(width):
        column = columns[x]
        for y in range(rows):
            column = column + image[y * width + x]
            total[y] = total[y] + column
            table[y * width + x] = total[y]
        columns[x] = column


def add_up(const real[:, ::1] image, double[::1] columns, double[:, ::1] table, int threads):
    """Fill the next rows of a table of cumulative sums; `columns` are those of the image above.

    A row needs the one before it: there is one thread.
    """
    cdef Py_ssize_t height = image.shape[0], width = image.shape[1], y = 0
    with nogil:
        while y + TOGETHER <= height:
            add_rows(&image[y, 0], width, TOGETHER, &columns[0], &table[y, 0])
            y += TOGETHER
        while y < height:
            add_rows(&image[y, 0], width, 1, &columns[0], &table[y, 0])
            y += 1


def determine(const double[:, ::1] table, Py_ssize_t first, Py_ssize_t height, Py_ssize_t begin,
              Py_ssize_t window, real[:, ::1] result, int threads):
    """Fill the rows from `begin` on of the determinants at one scale.

    `table` has the rows from `first` on of an image's, of `height` rows, that the boxes reach.
    """
    cdef Py_ssize_t width = table.shape[1], y
    cdef Boxes of
    of.lobe = window // 3
    of.across = 2 * of.lobe - 1
    of.window = window
    of.scale = 1.0 / window / window
    for y in prange(result.shape[0], num_threads=threads, schedule="static", nogil=True):
        determinant_row(&table[0, 0], first, height, width, &of, begin + y, &result[y, 0])


# ---------------------------------------------------------------------------------------------
# Maxima

cdef inline bint is_largest(const real[:, ::1] layer, Py_ssize_t y, Py_ssize_t x,
                            real value) noexcept nogil:
    """Whether no number around a pixel is larger; a NaN is."""
    cdef Py_ssize_t left = max(x - 1, 0), right = min(x + 2, layer.shape[1]), i, j
    for i in range(max(y - 1, 0), min(y + 2, layer.shape[0])):
        for j in range(left, right):
            if not layer[i, j] <= value:
                return False
    return True


def mark(const real[:, ::1] before, const real[:, ::1] layer, const real[:, ::1] after,
         Py_ssize_t top, real threshold, uint8_t[:, ::1] marked, int threads):
    """Mark the pixels above a threshold that are largest in three layers, from row `top` on."""
    cdef Py_ssize_t width = layer.shape[1], y, x
    cdef real value
    for y in prange(marked.shape[0], num_threads=threads, schedule="static", nogil=True):
        memset(&marked[y, 0], 0, width)
        for x in range(width):
            value = layer[top + y, x]
            if value > threshold:
                marked[y, x] = (is_largest(layer, top + y, x, value)
                                and is_largest(before, top + y, x, value)
                                and is_largest(after, top + y, x, value))

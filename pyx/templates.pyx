# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""How much the windows of an image are like a template, from the sums of their products with it.

    zncc = products / sqrt((sum(I**2) - sum(I)**2 / n) * square)
    ncc  = products / sqrt(sum(I**2) * square)
    ssd  = sum(I**2) + products + square            (products with -2 * template)

The sums of I and of I**2 over each window are in float64. Down the columns they are running sums
whose rounding errors are summed up beside them (A. Neumaier, 1974), so that a bright area leaves
nothing in the dark one below it. Along a row nothing is subtracted: each window is the end of one
block of columns and the begin of the next, and blocks are as wide as windows (M. van Herk, 1992).
"""
cimport numpy as cnp

from cython.parallel cimport prange, threadid
from libc.string cimport memset

from types cimport real

cnp.import_array()

cdef extern from *:
    """
    #include <math.h>
    """
    double sqrt(double x) nogil

cdef enum Method:
    # In the order of METHODS in operations/templates.py.
    ZNCC, NCC, SSD

cdef enum:
    ROWS = 128              # results of a thread at once, whose first sums are made anew
    ARRAYS = 4              # of Columns


cdef struct Windows:
    Py_ssize_t height, width            # of a window
    Py_ssize_t columns                  # of the image
    Py_ssize_t results                  # of a row
    double square                       # sum of the squares of the template
    double flat                         # with less than this part of its squares a window is flat


cdef struct Columns:
    double* sums                        # down the columns, over the rows of a window
    double* errors                      # what these lost by rounding
    double* begins                      # along the row, from the first column of a block on
    double* ends                        # up to the last column of a block


# ---------------------------------------------------------------------------------------------
# Sums

cdef inline void add_row(const real* row, Py_ssize_t n, bint squares, double sign, double* sums,
                         double* errors) noexcept nogil:
    """Add pixels or their squares to the sums, and to the errors what is lost by that."""
    cdef double value, old, new, part
    cdef Py_ssize_t x
    for x in range(n):
        value = row[x]
        value = sign * (value * value) if squares else sign * value
        old = sums[x]
        new = old + value
        part = new - old
        errors[x] += (old - (new - part)) + (value - part)
        sums[x] = new


cdef inline bint any_not_finite(const real* row, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t x
    cdef int found = 0
    for x in range(n):
        found |= row[x] - row[x] != 0
    return found


cdef void add_anew(const real* row, Py_ssize_t rows, Py_ssize_t n, bint squares, double* sums,
                   double* errors) noexcept nogil:
    """Add up the columns again above which there was a NaN or an infinity: it would never leave."""
    cdef Py_ssize_t x, y
    for x in range(n):
        if row[x] - row[x] != 0:
            sums[x] = 0
            errors[x] = 0
            for y in range(1, rows + 1):
                add_row(row + y * n + x, 1, squares, 1, sums + x, errors + x)


cdef inline void move_down(const real* row, Py_ssize_t rows, Py_ssize_t n, bint squares,
                           double* sums, double* errors) noexcept nogil:
    """Take a row from the sums, below which there are the rows of the window."""
    add_row(row, n, squares, -1, sums, errors)
    if any_not_finite(row, n):
        add_anew(row, rows, n, squares, sums, errors)


cdef inline void add_along(const double* sums, const double* errors, Py_ssize_t n, Py_ssize_t width,
                           double* begins, double* ends) noexcept nogil:
    """Add up each block from its first and from its last column on."""
    cdef Py_ssize_t block = 0, last, i
    cdef double begin, end
    while block < n:
        last = min(block + width, n) - 1
        begin = 0
        end = 0
        for i in range(last - block + 1):
            begin = begin + (sums[block + i] + errors[block + i])
            begins[block + i] = begin
            end = end + (sums[last - i] + errors[last - i])
            ends[last - i] = end
        block += width
        if block <= n:
            begins[last] = 0            # a window that is a block has no part of the next one


# ---------------------------------------------------------------------------------------------
# Comparisons, which replace the sums of products

cdef inline void compare_row(const Windows* of, const Columns* plain, const Columns* squared,
                             int method, real* results) noexcept nogil:
    cdef const double* ends = plain.ends
    cdef const double* begins = plain.begins + of.width - 1
    cdef const double* square_ends = squared.ends
    cdef const double* square_begins = squared.begins + of.width - 1
    cdef double template = of.square, share = 1.0 / (of.height * of.width), flat = of.flat
    cdef double sum, square, smallest, ratio
    cdef Py_ssize_t x
    cdef bint is_flat
    for x in range(of.results):
        square = square_ends[x] + square_begins[x]
        if method == SSD:
            ratio = square + results[x] + template
            results[x] = <real> (0 if ratio < 0 else ratio)
            continue
        smallest = flat * square * template
        if method == ZNCC:
            sum = ends[x] + begins[x]
            square = square - sum * sum * share
        square = square * template
        is_flat = square <= smallest
        ratio = results[x] / sqrt(1 if is_flat else square)
        ratio = 0 if is_flat else ratio
        ratio = 1 if ratio > 1 else ratio
        results[x] = <real> (-1 if ratio < -1 else ratio)


cdef inline void divide(double* memory, Py_ssize_t n, Columns* into) noexcept nogil:
    into.sums = memory
    into.errors = memory + n
    into.begins = memory + 2 * n
    into.ends = memory + 3 * n


cdef inline void compare_rows(const real* pixels, const Windows* of, int method, double* memory,
                              real* results, Py_ssize_t pitch, Py_ssize_t rows) noexcept nogil:
    cdef Py_ssize_t n = of.columns, y, row
    cdef Columns plain, squared
    divide(memory, n, &plain)
    divide(memory + ARRAYS * n, n, &squared)
    memset(memory, 0, 2 * ARRAYS * n * sizeof(double))
    for row in range(rows + of.height - 1):
        y = row - of.height + 1
        add_row(pixels + row * n, n, True, 1, squared.sums, squared.errors)
        if method == ZNCC:
            add_row(pixels + row * n, n, False, 1, plain.sums, plain.errors)
        if y > 0:
            move_down(pixels + (y - 1) * n, of.height, n, True, squared.sums, squared.errors)
            if method == ZNCC:
                move_down(pixels + (y - 1) * n, of.height, n, False, plain.sums, plain.errors)
        if y >= 0:
            add_along(squared.sums, squared.errors, n, of.width, squared.begins, squared.ends)
            if method == ZNCC:
                add_along(plain.sums, plain.errors, n, of.width, plain.begins, plain.ends)
            compare_row(of, &plain, &squared, method, results + y * pitch)


# ---------------------------------------------------------------------------------------------
# Entry

def compare(cnp.ndarray pixels not None, cnp.ndarray results not None, Py_ssize_t height,
            Py_ssize_t width, int method, double square, double flat,
            cnp.ndarray scratch not None, int threads):
    """Replace sums of products with comparisons; rows of results may lie apart from each other.

    Scratch has eight numbers of 64 bits for each column of the pixels.
    """
    cdef const real* image = <const real*> cnp.PyArray_DATA(pixels)
    cdef real* target = <real*> cnp.PyArray_DATA(results)
    cdef Py_ssize_t pitch = cnp.PyArray_STRIDE(results, 0) // <Py_ssize_t> sizeof(real)
    cdef Py_ssize_t rows = results.shape[0], block, y
    cdef Py_ssize_t slot = scratch.shape[1] // <Py_ssize_t> sizeof(double)
    cdef double* memory = <double*> cnp.PyArray_DATA(scratch)
    cdef double* own
    cdef Windows of
    of.height = height
    of.width = width
    of.columns = pixels.shape[1]
    of.results = results.shape[1]
    of.square = square
    of.flat = flat
    for block in prange((rows + ROWS - 1) // ROWS, num_threads=threads, schedule="static",
                        nogil=True):
        y = block * ROWS
        own = memory + threadid() * slot
        if method == ZNCC:
            compare_rows(image + y * of.columns, &of, ZNCC, own, target + y * pitch, pitch,
                         min(ROWS, rows - y))
        elif method == NCC:
            compare_rows(image + y * of.columns, &of, NCC, own, target + y * pitch, pitch,
                         min(ROWS, rows - y))
        else:
            compare_rows(image + y * of.columns, &of, SSD, own, target + y * pitch, pitch,
                         min(ROWS, rows - y))

# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""How much the windows of an image are like a template, from the sums of their products with it.

    zncc = products / sqrt((sum(I**2) - sum(I)**2 / n) * square)
    ncc  = products / sqrt(sum(I**2) * square)
    ssd  = sum(I**2) + products + square            (products with -2 * template)

The sums of I and of I**2 over each window are in float64, and nothing is subtracted from them, so
that a bright area leaves nothing in the dark one below it. Down the columns a window is the end of
one block of rows and the begin of the next, and blocks are as high as windows (M. van Herk, 1992).
Along a row, sums of 2, 4, 8, ... neighbours are sums of two such of half the length.
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
    const double INFINITY
    double sqrt(double x) nogil

cdef enum Method:
    # In the order of METHODS in operations/templates.py.
    ZNCC, NCC, SSD

cdef enum:
    ARRAYS = 4              # of Sums, beside `ends`


cdef struct Windows:
    Py_ssize_t height, width            # of a window
    Py_ssize_t columns                  # of the image
    Py_ssize_t rows                     # of results in a block, no more than a window has
    double square                       # sum of the squares of the template
    double flat                         # with less than this part of its squares a window is flat


cdef struct Sums:
    # Of pixels or of their squares; each is an array of columns.
    double* ends                        # for each row of a block: from it to the last of the block
    double* begins                      # from the first row of the next block on
    double* columns                     # over all rows of a window
    double* one                         # of several neighbours
    double* other


# ---------------------------------------------------------------------------------------------
# Sums

cdef inline void add_up(const real* pixels, const Windows* of, Py_ssize_t rows, Py_ssize_t n,
                        bint squares, Sums* sums) noexcept nogil:
    """Add the rows of the first window from its last one on, and store what `rows` of them have."""
    cdef Py_ssize_t y, x
    cdef const real* row
    cdef const double* below
    cdef double* ends
    cdef double value
    memset(sums.begins, 0, n * sizeof(double))
    for y in range(of.height - 1, -1, -1):
        row = pixels + y * of.columns
        below = sums.begins if y >= rows - 1 else sums.ends + (y + 1) * n
        ends = sums.begins if y >= rows else sums.ends + y * n
        for x in range(n):
            value = row[x]
            ends[x] = below[x] + (value * value if squares else value)
    memset(sums.begins, 0, n * sizeof(double))


cdef inline const double* add_along(Sums* sums, Py_ssize_t n, Py_ssize_t width) noexcept nogil:
    """Return the sums of so many neighbours, from the leftmost bit of the number to the last.

    A bit doubles how many there are, and adds one if it is set; two bits that are not set are one
    pass.
    """
    cdef Py_ssize_t count = 1, bit = 1, x
    cdef const double* columns = sums.columns
    cdef const double* found = columns
    cdef double* into
    while 2 * bit <= width:
        bit *= 2
    while bit > 1:
        into = sums.other if found == sums.one else sums.one
        if bit > 2 and not width & (bit // 2 | bit // 4):
            bit //= 4
            for x in range(n - 4 * count + 1):
                into[x] = ((found[x] + found[x + count])
                           + (found[x + 2 * count] + found[x + 3 * count]))
            count *= 4
        else:
            bit //= 2
            for x in range(n - 2 * count + 1):
                into[x] = found[x] + found[x + count]
            count *= 2
        found = into
        if width & bit:
            into = sums.other if found == sums.one else sums.one
            for x in range(n - count):
                into[x] = found[x] + columns[x + count]
            found = into
            count += 1
    return found


cdef inline const double* windows_of(const real* row, Py_ssize_t y, Py_ssize_t n, Py_ssize_t width,
                                     bint squares, Sums* sums) noexcept nogil:
    """Return the sums of the windows of row y of a block; `row` is the last one in them."""
    cdef const double* ends = sums.ends + y * n
    cdef double value, begin
    cdef Py_ssize_t x
    for x in range(n):
        value = row[x] if y > 0 else 0
        begin = sums.begins[x] + (value * value if squares else value)
        sums.begins[x] = begin
        sums.columns[x] = ends[x] + begin
    return add_along(sums, n, width)


# ---------------------------------------------------------------------------------------------
# Comparisons, which replace the sums of products

cdef inline void compare_row(const Windows* of, const double* plain, const double* squares,
                             int method, Py_ssize_t n, real* results) noexcept nogil:
    cdef double share = 1.0 / (of.height * of.width), flat = of.flat, square
    # The products with a template of zeros are 0.
    cdef double template = of.square if method == SSD or of.square > 0 else 1
    cdef double ratio
    cdef Py_ssize_t x
    for x in range(n):
        square = squares[x]
        if method == SSD:
            square = square + results[x] + template
            results[x] = <real> (0 if square < 0 else square)
            continue
        if method == ZNCC:
            square = square - plain[x] * plain[x] * share
        square = INFINITY if square <= flat * squares[x] else square * template
        ratio = results[x] / sqrt(square)
        ratio = 1 if ratio > 1 else ratio
        results[x] = <real> (-1 if ratio < -1 else ratio)


cdef inline double* divide(double* memory, const Windows* of, Py_ssize_t n,
                           Sums* into) noexcept nogil:
    """Give sums their memory, and return what is behind it."""
    into.begins = memory
    into.columns = memory + n
    into.one = memory + 2 * n
    into.other = memory + 3 * n
    into.ends = memory + ARRAYS * n
    return into.ends + of.rows * n


cdef inline void compare_block(const real* pixels, const Windows* of, int method, double* memory,
                               real* results, Py_ssize_t pitch, Py_ssize_t rows,
                               Py_ssize_t columns) noexcept nogil:
    """Compare some rows and columns of windows; `pixels` begin with the first of them."""
    cdef Py_ssize_t n = columns + of.width - 1, y
    cdef Sums plain, squared
    cdef const real* last
    cdef const double* sums = NULL
    divide(divide(memory, of, n, &squared), of, n, &plain)
    add_up(pixels, of, rows, n, True, &squared)
    if method == ZNCC:
        add_up(pixels, of, rows, n, False, &plain)
    for y in range(rows):
        last = pixels + (y + of.height - 1) * of.columns
        if method == ZNCC:
            sums = windows_of(last, y, n, of.width, False, &plain)
        compare_row(of, sums, windows_of(last, y, n, of.width, True, &squared), method, columns,
                    results + y * pitch)


# ---------------------------------------------------------------------------------------------
# Entry

def compare(cnp.ndarray pixels not None, cnp.ndarray results not None, Py_ssize_t height,
            Py_ssize_t width, int method, double square, double flat, Py_ssize_t block,
            Py_ssize_t strip, cnp.ndarray scratch not None, int threads):
    """Replace sums of products with comparisons; rows of results may lie apart from each other.

    Blocks have so many rows of results, no more than the template, and strips so many columns. For
    each column of the pixels under a strip, scratch has 2 * (block + 4) numbers of 64 bits.
    """
    cdef const real* image = <const real*> cnp.PyArray_DATA(pixels)
    cdef real* target = <real*> cnp.PyArray_DATA(results)
    cdef Py_ssize_t pitch = cnp.PyArray_STRIDE(results, 0) // <Py_ssize_t> sizeof(real)
    cdef Py_ssize_t rows = results.shape[0], columns = results.shape[1], piece, y, x, i, j
    cdef Py_ssize_t strips = (columns + strip - 1) // strip
    cdef Py_ssize_t slot = scratch.shape[1] // <Py_ssize_t> sizeof(double)
    cdef double* memory = <double*> cnp.PyArray_DATA(scratch)
    cdef double* own
    cdef const real* first
    cdef real* found
    cdef Windows of
    of.height = height
    of.width = width
    of.columns = pixels.shape[1]
    of.rows = block
    of.square = square
    of.flat = flat
    for piece in prange((rows + block - 1) // block * strips, num_threads=threads,
                        schedule="static", nogil=True):
        y = piece // strips * block
        x = piece % strips * strip
        i = min(block, rows - y)
        j = min(strip, columns - x)
        own = memory + threadid() * slot
        first = image + y * of.columns + x
        found = target + y * pitch + x
        if method == ZNCC:
            compare_block(first, &of, ZNCC, own, found, pitch, i, j)
        elif method == NCC:
            compare_block(first, &of, NCC, own, found, pitch, i, j)
        else:
            compare_block(first, &of, SSD, own, found, pitch, i, j)

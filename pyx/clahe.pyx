# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Contrast-limited adaptive histogram equalisation of integers of 8 or 16 bits.

Each tile has a table, the cumulative histogram of its pixels. Before that, what exceeds a limit is
taken from each count and shared out among all counts (K. Zuiderveld, "Contrast limited adaptive
histogram equalization", Graphics Gems IV, 1994). A pixel is looked up in the tables of the four
tiles whose centres are around it, and the results are interpolated.

For 8 bits and tiles that are not narrow, the tables of a row of pixels are interpolated along y
first, so that a pixel needs two instead of four look-ups.
"""
cimport numpy as cnp

from cython.parallel cimport prange, threadid
from libc.stdint cimport int32_t, uint8_t, uint16_t
from libc.string cimport memset

cnp.import_array()

cdef enum:
    TABLES = 4              # equal neighbours are counted in different tables
    NARROW = 32             # columns of a tile below which a row of tables would cost more


ctypedef fused pixel:
    uint8_t
    uint16_t


cdef extern from *:
    """
    #include <math.h>
    """
    float floorf(float x) nogil
    float rintf(float x) nogil


cdef struct Tiling:
    Py_ssize_t height, width            # of the image
    Py_ssize_t tile_height, tile_width
    Py_ssize_t down, along              # tiles
    Py_ssize_t bins
    int limit                           # of a count; 0 for none
    float scale                         # from counts to pixels
    const Py_ssize_t* rows              # the pixels of all tiles: they may exceed the image
    const Py_ssize_t* columns


# ---------------------------------------------------------------------------------------------
# Tables

cdef void limit_counts(int32_t* counts, Py_ssize_t bins, int limit) noexcept nogil:
    """Cut counts to a limit, and share out the rest: equally, then one each at equal distances."""
    cdef Py_ssize_t v, batch, rest, step, excess = 0
    for v in range(bins):
        if counts[v] > limit:
            excess += counts[v] - limit
            counts[v] = limit
    batch = excess // bins
    rest = excess - batch * bins
    for v in range(bins):
        counts[v] += <int32_t> batch
    if rest > 0:
        step = max(bins // rest, <Py_ssize_t> 1)
        v = 0
        while v < bins and rest > 0:
            counts[v] += 1
            rest -= 1
            v += step


cdef void make_table(const pixel* image, Py_ssize_t pitch, const Tiling* tiling, Py_ssize_t which,
                     int32_t* counts, pixel* table) noexcept nogil:
    """Fill the table of tile number `which`."""
    cdef Py_ssize_t bins = tiling.bins, y, x, v, i
    cdef Py_ssize_t count = 1
    cdef const Py_ssize_t* columns = (tiling.columns
                                      + which % tiling.along * tiling.tile_width)
    cdef const pixel* row
    cdef int32_t total = 0
    if pixel is uint8_t:
        count = TABLES
    memset(counts, 0, count * bins * sizeof(int32_t))
    for y in range(tiling.tile_height):
        row = image + tiling.rows[which // tiling.along * tiling.tile_height + y] * pitch
        for x in range(tiling.tile_width):
            counts[x % count * bins + row[columns[x]]] += 1
    for i in range(1, count):
        for v in range(bins):
            counts[v] += counts[i * bins + v]
    if tiling.limit > 0:
        limit_counts(counts, bins, tiling.limit)
    for v in range(bins):
        total += counts[v]
        table[v] = <pixel> min(rintf(<float> total * tiling.scale), <float> (bins - 1))


# ---------------------------------------------------------------------------------------------
# Look-ups

cdef inline float place(Py_ssize_t at, Py_ssize_t size, Py_ssize_t count, Py_ssize_t* first,
                        Py_ssize_t* second) noexcept nogil:
    """The tiles on both sides of a pixel, and the weight of the second."""
    cdef float where = <float> at * (<float> 1 / <float> size) - <float> 0.5
    cdef float low = floorf(where)
    first[0] = max(<Py_ssize_t> low, 0)
    second[0] = min(<Py_ssize_t> low + 1, count - 1)
    return where - low


cdef inline void blend(const pixel* upper, const pixel* lower, Py_ssize_t n, float weight,
                       float* row) noexcept nogil:
    cdef Py_ssize_t v
    for v in range(n):
        row[v] = <float> upper[v] * (1 - weight) + <float> lower[v] * weight


cdef inline void look_up(const pixel* image, const float* first, const float* second,
                         Py_ssize_t n, float weight, float change, pixel* target) noexcept nogil:
    """Interpolate along x; `change` is that of the weight from pixel to pixel."""
    cdef Py_ssize_t x
    cdef float at
    for x in range(n):
        at = weight + change * x
        target[x] = <pixel> <int> rintf(first[image[x]] * (1 - at) + second[image[x]] * at)


cdef void map_row(const pixel* image, const Tiling* tiling, const pixel* tables, Py_ssize_t y,
                  float* blended, pixel* target) noexcept nogil:
    """Map a row by tables that are interpolated along y; between centres of tiles none changes."""
    cdef Py_ssize_t upper, lower, left, right, x = 0, end, size = tiling.tile_width
    cdef Py_ssize_t of_row = tiling.along * tiling.bins
    cdef float weight = place(y, tiling.tile_height, tiling.down, &upper, &lower)
    blend(tables + upper * of_row, tables + lower * of_row, of_row, weight, blended)
    while x < tiling.width:
        weight = place(x, tiling.tile_width, tiling.along, &left, &right)
        # The middle of the next tile.
        end = min((((2 * x + size) // (2 * size) * 2 + 1) * size + 1) // 2, tiling.width)
        look_up(image + x, blended + left * tiling.bins, blended + right * tiling.bins, end - x,
                weight, <float> 1 / <float> size, target + x)
        x = end


cdef void map_pixels(const pixel* image, const Tiling* tiling, const pixel* tables, Py_ssize_t y,
                     pixel* target) noexcept nogil:
    """Map a row by four look-ups for each pixel."""
    cdef Py_ssize_t upper, lower, left, right, x
    cdef Py_ssize_t of_row = tiling.along * tiling.bins
    cdef float down = place(y, tiling.tile_height, tiling.down, &upper, &lower), along
    cdef const pixel* above = tables + upper * of_row
    cdef const pixel* below = tables + lower * of_row
    for x in range(tiling.width):
        along = place(x, tiling.tile_width, tiling.along, &left, &right)
        left = left * tiling.bins + image[x]
        right = right * tiling.bins + image[x]
        target[x] = <pixel> <int> rintf(
            (above[left] * (1 - along) + above[right] * along) * (1 - down)
            + (below[left] * (1 - along) + below[right] * along) * down)


cdef void run_row(const pixel* image, const Tiling* tiling, const pixel* tables, Py_ssize_t y,
                  float* blended, pixel* target) noexcept nogil:
    if pixel is uint8_t:
        if tiling.tile_width >= NARROW:
            map_row(image, tiling, tables, y, blended, target)
            return
    map_pixels(image, tiling, tables, y, target)


# ---------------------------------------------------------------------------------------------
# Entry

cdef void run(const pixel* image, const Tiling* tiling, pixel* tables, pixel* result,
              char* scratch, Py_ssize_t slot, int threads) noexcept nogil:
    """Make all tables, then map all rows."""
    cdef Py_ssize_t i, width = tiling.width
    for i in prange(tiling.down * tiling.along, num_threads=threads, use_threads_if=threads > 1,
                    schedule="dynamic"):
        make_table(image, width, tiling, i, <int32_t*> (scratch + threadid() * slot),
                   tables + i * tiling.bins)
    for i in prange(tiling.height, num_threads=threads, use_threads_if=threads > 1,
                    schedule="static"):
        run_row(image + i * width, tiling, tables, i, <float*> (scratch + threadid() * slot),
                result + i * width)


def equalize(cnp.ndarray image not None, cnp.ndarray rows not None, cnp.ndarray columns not None,
             Py_ssize_t tile_height, Py_ssize_t tile_width, int limit, cnp.ndarray tables not None,
             cnp.ndarray result not None, cnp.ndarray scratch not None, int threads):
    """Equalise a contiguous plane of uint8 or uint16 into another.

    `rows` and `columns` are the pixels of the tiles, `tables` has one for each tile.
    """
    cdef Tiling tiling
    cdef void* source = cnp.PyArray_DATA(image)
    cdef void* target = cnp.PyArray_DATA(result)
    cdef void* table = cnp.PyArray_DATA(tables)
    cdef char* free = <char*> cnp.PyArray_DATA(scratch)
    cdef Py_ssize_t slot = cnp.PyArray_DIM(scratch, 1)
    cdef bint short = image.descr.itemsize == 1
    tiling.height = cnp.PyArray_DIM(image, 0)
    tiling.width = cnp.PyArray_DIM(image, 1)
    tiling.tile_height = tile_height
    tiling.tile_width = tile_width
    tiling.down = cnp.PyArray_SIZE(rows) // tile_height
    tiling.along = cnp.PyArray_SIZE(columns) // tile_width
    tiling.bins = cnp.PyArray_DIM(tables, 1)
    tiling.limit = limit
    tiling.scale = <float> (tiling.bins - 1) / <float> (tile_height * tile_width)
    tiling.rows = <const Py_ssize_t*> cnp.PyArray_DATA(rows)
    tiling.columns = <const Py_ssize_t*> cnp.PyArray_DATA(columns)
    with nogil:
        if short:
            run(<const uint8_t*> source, &tiling, <uint8_t*> table, <uint8_t*> target, free, slot,
                threads)
        else:
            run(<const uint16_t*> source, &tiling, <uint16_t*> table, <uint16_t*> target, free,
                slot, threads)

# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Contrast-limited adaptive histogram equalisation of integers of 8 or 16 bits.

Each tile has a table, the cumulative histogram of its pixels. Before that, what exceeds a limit is
taken from each count and shared out among all counts (K. Zuiderveld, "Contrast limited adaptive
histogram equalization", Graphics Gems IV, 1994). A pixel is looked up in the tables of the four
tiles whose centres are around it, and the results are interpolated.

Of 8 bits, the tables of four tiles are joined, so that a pixel needs one look-up instead of four.

`equalize` rounds and shares out as OpenCV does, `adapt` as scikit-image.
"""
cimport numpy as cnp

from cython.parallel cimport prange, threadid
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

cnp.import_array()

cdef enum:
    TABLES = 4              # equal neighbours are counted in different tables
    RUN = 128               # pixels that are looked up before they are interpolated
    KEPT = 2                # rows of tiles whose tables are there
    EMPTY = 8               # bins that are looked at together: most of those of 16 bits are empty
    LEVELS = 16384          # of scikit-image


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
    cdef int32_t excess = 0, batch, rest
    cdef Py_ssize_t v, step
    for v in range(bins):
        excess += max(counts[v] - limit, 0)
        counts[v] = min(counts[v], limit)
    if excess == 0:
        return
    batch = excess // <int32_t> bins
    rest = excess - batch * <int32_t> bins
    for v in range(bins if batch > 0 else 0):
        counts[v] += batch
    if rest > 0:
        step = max(bins // rest, <Py_ssize_t> 1)
        v = 0
        while v < bins and rest > 0:
            counts[v] += 1
            rest -= 1
            v += step


cdef inline void accumulate(const int32_t* counts, Py_ssize_t bins, float scale,
                            pixel* table) noexcept nogil:
    """The pixel for each value, from the sum of counts up to it."""
    cdef const uint64_t* pairs = <const uint64_t*> counts
    cdef int32_t total = 0
    cdef Py_ssize_t v = 0, i
    cdef pixel value = 0
    while v < bins:
        if pairs[0] | pairs[1] | pairs[2] | pairs[3]:
            for i in range(v, v + EMPTY):
                total += counts[i]
                value = <pixel> <int> min(rintf(<float> total * scale), <float> (bins - 1))
                table[i] = value
        else:
            for i in range(v, v + EMPTY):
                table[i] = value
        pairs += EMPTY // 2
        v += EMPTY


cdef inline void count_tile(const pixel* image, const Tiling* tiling, Py_ssize_t which,
                            int32_t* counts) noexcept nogil:
    """Count the pixels of tile number `which`."""
    cdef Py_ssize_t bins = tiling.bins, y, x, v, i
    cdef Py_ssize_t count = 1
    cdef const Py_ssize_t* columns = (tiling.columns
                                      + which % tiling.along * tiling.tile_width)
    cdef const pixel* row
    if pixel is uint8_t:
        count = TABLES
    memset(counts, 0, count * bins * sizeof(int32_t))
    for y in range(tiling.tile_height):
        row = image + (tiling.rows[which // tiling.along * tiling.tile_height + y]
                       * tiling.width)
        if columns[tiling.tile_width - 1] - columns[0] == tiling.tile_width - 1:
            # None is mirrored.
            for x in range(tiling.tile_width):
                counts[x % count * bins + row[columns[0] + x]] += 1
            continue
        for x in range(tiling.tile_width):
            counts[x % count * bins + row[columns[x]]] += 1
    for i in range(1, count):
        for v in range(bins):
            counts[v] += counts[i * bins + v]


cdef void make_table(const pixel* image, const Tiling* tiling, Py_ssize_t which, int32_t* counts,
                     pixel* table) noexcept nogil:
    """Fill the table of tile number `which`."""
    count_tile(image, tiling, which, counts)
    if tiling.limit > 0:
        limit_counts(counts, tiling.bins, tiling.limit)
    accumulate(counts, tiling.bins, tiling.scale, table)


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


cdef inline void join_tables(const uint8_t* above, const uint8_t* below, Py_ssize_t left,
                             Py_ssize_t right, Py_ssize_t bins, uint32_t* joined) noexcept nogil:
    """A number for each value, of the bytes of four tables."""
    cdef Py_ssize_t v
    for v in range(bins):
        joined[v] = (above[left + v] | <uint32_t> above[right + v] << 8
                     | <uint32_t> below[left + v] << 16 | <uint32_t> below[right + v] << 24)


cdef inline void look_up_joined(const uint8_t* image, const uint32_t* joined, Py_ssize_t n,
                                float weight, float change, float down,
                                uint8_t* target) noexcept nogil:
    """Interpolate along x and y; `change` is that of the weight from pixel to pixel."""
    cdef uint32_t[RUN] four
    cdef Py_ssize_t begin = 0, m, i
    cdef float at, upper, lower
    while begin < n:
        m = min(RUN, n - begin)
        for i in range(m):
            four[i] = joined[image[begin + i]]
        for i in range(m):
            at = weight + change * <float> <int32_t> (begin + i)
            upper = (<float> <int32_t> (four[i] & 255) * (1 - at)
                     + <float> <int32_t> (four[i] >> 8 & 255) * at)
            lower = (<float> <int32_t> (four[i] >> 16 & 255) * (1 - at)
                     + <float> <int32_t> (four[i] >> 24) * at)
            target[begin + i] = <uint8_t> <int32_t> rintf(upper * (1 - down) + lower * down)
        begin += m


cdef inline void look_up_four(const pixel* image, const pixel* above, const pixel* below,
                              Py_ssize_t left, Py_ssize_t right, Py_ssize_t n, float weight,
                              float change, float down, pixel* target) noexcept nogil:
    """Interpolate along x and y; tables begin at `left` and `right` of both rows of tiles."""
    cdef Py_ssize_t x
    cdef float at
    for x in range(n):
        at = weight + change * x
        target[x] = <pixel> <int> rintf(
            (above[left + image[x]] * (1 - at) + above[right + image[x]] * at) * (1 - down)
            + (below[left + image[x]] * (1 - at) + below[right + image[x]] * at) * down)


cdef void map_row(const pixel* image, const Tiling* tiling, const pixel* tables,
                  const uint32_t* joined, Py_ssize_t y, pixel* target) noexcept nogil:
    """Map a row by the tables of the tiles around it; between centres of tiles none changes."""
    cdef Py_ssize_t upper, lower, left, right, x = 0, end, tile, size = tiling.tile_width
    cdef Py_ssize_t of_row = tiling.along * tiling.bins
    cdef float down = place(y, tiling.tile_height, tiling.down, &upper, &lower), weight
    cdef const pixel* above = tables + upper % KEPT * of_row
    cdef const pixel* below = tables + lower % KEPT * of_row
    cdef float change = <float> 1 / <float> size
    while x < tiling.width:
        # The next tile whose middle is behind x.
        tile = (2 * x + size) // (2 * size)
        weight = <float> x * change + <float> 0.5 - <float> tile
        end = min(((2 * tile + 1) * size + 1) // 2, tiling.width)
        if pixel is uint8_t:
            look_up_joined(image + x, joined + tile * tiling.bins, end - x, weight, change, down,
                           target + x)
        else:
            left = max(tile - 1, 0) * tiling.bins
            right = min(tile, tiling.along - 1) * tiling.bins
            look_up_four(image + x, above, below, left, right, end - x, weight, change, down,
                         target + x)
        x = end


# ---------------------------------------------------------------------------------------------
# As scikit-image does it

cdef void share_out(int32_t* counts, Py_ssize_t bins, int32_t limit) noexcept nogil:
    """Cut counts to a limit, and share out the rest among those that are below it."""
    cdef int32_t excess = 0, before = 0, batch, below
    cdef Py_ssize_t v, first, step
    for v in range(bins):
        excess += max(counts[v] - limit, 0)
        counts[v] = min(counts[v], limit)
    batch = excess // <int32_t> bins
    for v in range(bins):
        if counts[v] < limit - batch:
            counts[v] += batch
            excess -= batch
        if limit - batch <= counts[v] < limit:
            excess -= limit - counts[v]
            counts[v] = limit
    while excess > 0 and excess != before:
        before = excess
        for first in range(bins):
            below = 0
            for v in range(bins):
                below += counts[v] < limit
            step = max(below // excess, 1)
            v = first
            while v < bins:
                if counts[v] < limit:
                    counts[v] += 1
                    excess -= 1
                v += step
            if excess <= 0:
                break


cdef void make_map(const pixel* image, const Tiling* tiling, Py_ssize_t which, double scale,
                   int32_t* counts, uint16_t* table) noexcept nogil:
    """Fill the table of tile number `which`: fractions are cut off."""
    cdef int32_t total = 0
    cdef Py_ssize_t v
    count_tile(image, tiling, which, counts)
    share_out(counts, tiling.bins, tiling.limit)
    for v in range(tiling.bins):
        total += counts[v]
        table[v] = <uint16_t> min(total * scale, <double> (LEVELS - 1))


cdef inline Py_ssize_t clipped(Py_ssize_t tile, Py_ssize_t count) noexcept nogil:
    return min(max(tile, 0), count - 1)


cdef void adapt_row(const pixel* image, const Tiling* tiling, const uint16_t* tables, Py_ssize_t y,
                    uint16_t* target) noexcept nogil:
    """Map a row by the tables of the tiles around it; weights are multiplied before tables are."""
    cdef Py_ssize_t size = tiling.tile_width, half = size // 2, x = 0, end, tile, left, right
    cdef Py_ssize_t lower = (y + tiling.tile_height // 2) // tiling.tile_height
    cdef double down = ((y + tiling.tile_height // 2) % tiling.tile_height
                        / <double> tiling.tile_height), at
    cdef const uint16_t* above = tables + (clipped(lower - 1, tiling.down) % KEPT
                                           * tiling.along * tiling.bins)
    cdef const uint16_t* below = tables + (clipped(lower, tiling.down) % KEPT
                                           * tiling.along * tiling.bins)
    cdef float total
    while x < tiling.width:
        tile = (x + half) // size
        end = min((tile + 1) * size - half, tiling.width)
        left = clipped(tile - 1, tiling.along) * tiling.bins
        right = clipped(tile, tiling.along) * tiling.bins
        while x < end:
            at = (x + half - tile * size) / <double> size
            total = <float> (above[left + image[x]] * ((1 - at) * (1 - down)))
            total += <float> (above[right + image[x]] * (at * (1 - down)))
            total += <float> (below[left + image[x]] * ((1 - at) * down))
            total += <float> (below[right + image[x]] * (at * down))
            target[x] = <uint16_t> total
            x += 1


cdef void run_adapt(const pixel* image, const Tiling* tiling, uint16_t* tables, uint16_t* result,
                    char* scratch, Py_ssize_t slot, int threads) noexcept nogil:
    """For each row of tiles, make its tables and map the rows that these are the last for."""
    cdef Py_ssize_t i, tile, top = 0, bottom, width = tiling.width
    cdef double scale = (LEVELS - 1) / <double> (tiling.tile_height * tiling.tile_width)
    for tile in range(tiling.down):
        for i in prange(tiling.along, num_threads=threads, use_threads_if=threads > 1,
                        schedule="dynamic"):
            make_map(image, tiling, tile * tiling.along + i, scale,
                     <int32_t*> (scratch + threadid() * slot),
                     tables + (tile % KEPT * tiling.along + i) * tiling.bins)
        bottom = tiling.height
        if tile + 1 < tiling.down:
            bottom = (tile + 1) * tiling.tile_height - tiling.tile_height // 2
        for i in prange(top, bottom, num_threads=threads, use_threads_if=threads > 1,
                        schedule="static"):
            adapt_row(image + i * width, tiling, tables, i, result + i * width)
        top = bottom


# ---------------------------------------------------------------------------------------------
# Entry

cdef Py_ssize_t last_row(const Tiling* tiling, Py_ssize_t y, Py_ssize_t tile) noexcept nogil:
    """One behind the last row from y on that is above the centre of row `tile` of the tiles."""
    cdef Py_ssize_t upper, lower
    while y < tiling.height:
        # As if there were more tiles.
        place(y, tiling.tile_height, tiling.down + 2, &upper, &lower)
        if lower > tile:
            break
        y += 1
    return y


cdef void run(const pixel* image, const Tiling* tiling, pixel* tables, uint32_t* joined,
              pixel* result, char* scratch, Py_ssize_t slot, int threads) noexcept nogil:
    """For each row of tiles, make its tables and map the rows from the centres above to its own.

    Of 16 bits, all tables would be many times as large as the image.
    """
    cdef Py_ssize_t i, tile, top = 0, bottom, width = tiling.width, bins = tiling.bins
    cdef Py_ssize_t along = tiling.along, upper, lower
    for tile in range(tiling.down + 1):
        for i in prange(along if tile < tiling.down else 0, num_threads=threads,
                        use_threads_if=threads > 1, schedule="dynamic"):
            make_table(image, tiling, tile * along + i,
                       <int32_t*> (scratch + threadid() * slot),
                       tables + (tile % KEPT * along + i) * bins)
        upper = max(tile - 1, 0) % KEPT * along
        lower = min(tile, tiling.down - 1) % KEPT * along
        if pixel is uint8_t:
            for i in prange(along + 1, num_threads=threads, use_threads_if=threads > 1,
                            schedule="static"):
                join_tables(tables + upper * bins, tables + lower * bins, max(i - 1, 0) * bins,
                            min(i, along - 1) * bins, bins, joined + i * bins)
        bottom = last_row(tiling, top, tile)
        for i in prange(top, bottom, num_threads=threads, use_threads_if=threads > 1,
                        schedule="static"):
            map_row(image + i * width, tiling, tables, joined, i, result + i * width)
        top = bottom


cdef Tiling tiling_of(cnp.ndarray image, cnp.ndarray rows, cnp.ndarray columns,
                      Py_ssize_t tile_height, Py_ssize_t tile_width, int limit,
                      cnp.ndarray tables):
    """Tiles of an image; `rows` and `columns` are their pixels, `tables` has one for each tile."""
    cdef Tiling tiling
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
    return tiling


def equalize(cnp.ndarray image not None, cnp.ndarray rows not None, cnp.ndarray columns not None,
             Py_ssize_t tile_height, Py_ssize_t tile_width, int limit, cnp.ndarray tables not None,
             cnp.ndarray joined not None, cnp.ndarray result not None,
             cnp.ndarray scratch not None, int threads):
    """Equalise a contiguous plane of uint8 or uint16 into another.

    `rows` and `columns` are the pixels of the tiles, `tables` has one for each tile of KEPT rows;
    `joined` has one more of uint32 than a row has tiles, if pixels have 8 bits.
    """
    cdef Tiling tiling = tiling_of(image, rows, columns, tile_height, tile_width, limit, tables)
    cdef void* source = cnp.PyArray_DATA(image)
    cdef void* target = cnp.PyArray_DATA(result)
    cdef void* table = cnp.PyArray_DATA(tables)
    cdef uint32_t* four = <uint32_t*> cnp.PyArray_DATA(joined)
    cdef char* free = <char*> cnp.PyArray_DATA(scratch)
    cdef Py_ssize_t slot = cnp.PyArray_DIM(scratch, 1)
    cdef bint short = image.descr.itemsize == 1
    with nogil:
        if short:
            run(<const uint8_t*> source, &tiling, <uint8_t*> table, four, <uint8_t*> target, free,
                slot, threads)
        else:
            run(<const uint16_t*> source, &tiling, <uint16_t*> table, four, <uint16_t*> target,
                free, slot, threads)


def adapt(cnp.ndarray image not None, cnp.ndarray rows not None, cnp.ndarray columns not None,
          Py_ssize_t tile_height, Py_ssize_t tile_width, int limit, cnp.ndarray tables not None,
          cnp.ndarray result not None, cnp.ndarray scratch not None, int threads):
    """Map a contiguous plane of uint8 or uint16, the bins of pixels, to LEVELS levels in uint16.

    The arguments are those of `equalize`.
    """
    cdef Tiling tiling = tiling_of(image, rows, columns, tile_height, tile_width, limit, tables)
    cdef void* source = cnp.PyArray_DATA(image)
    cdef uint16_t* target = <uint16_t*> cnp.PyArray_DATA(result)
    cdef uint16_t* table = <uint16_t*> cnp.PyArray_DATA(tables)
    cdef char* free = <char*> cnp.PyArray_DATA(scratch)
    cdef Py_ssize_t slot = cnp.PyArray_DIM(scratch, 1)
    cdef bint short = image.descr.itemsize == 1
    with nogil:
        if short:
            run_adapt(<const uint8_t*> source, &tiling, table, target, free, slot, threads)
        else:
            run_adapt(<const uint16_t*> source, &tiling, table, target, free, slot, threads)

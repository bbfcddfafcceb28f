# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Medians and other ranks of large windows, by histograms.

The pixels of a tile of the image are divided into 256 classes, in the order of their values. A
pixel of 8 bits is its own class. Other pixels are sorted, and a class is a run of the sorted list:
so each class has few pixels, whatever their values, and the pixel of a rank is found among them
(the ordinal transform of B. Weiss, "Fast median and bilateral filtering", ACM Transactions on
Graphics 25, 2006).

Rectangles take constant time (S. Perreault and P. Hebert, "Median filtering in constant time",
IEEE Transactions on Image Processing 16, 2007). Each column has a histogram, which moves down by
one pixel at a time. The histogram of the window moves right by one column at a time. It has 16
coarse bins of 16 fine bins each; fine bins are updated only if the rank is in their coarse bin.
Counts are cumulative (within the histogram, or within the coarse bin), so that comparisons find the
bin of a rank.

The histograms of other windows are updated chord by chord: one pixel enters and one leaves.
"""
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from bands cimport Slot, take
from counters cimport (
    BEHIND, NO_SUMS, bins_up_to, bits_of, counts, counts_minus, counts_plus, inside, ordered,
    place_of_bit, sums, sums_moved, sums_plus,
)
from counting cimport count_in_row, empty_row
from keys cimport KEYS
from rows cimport Params
from types cimport real
from extremes cimport Chord, Footprint


cdef struct Histogram:
    # Follows the footprint and its chords in params.records; the ranks follow it.
    Py_ssize_t columns              # of results in a tile
    Py_ssize_t shift                # a class is 1 << shift numbers of the sorted list
    Py_ssize_t ranks                # of each result: 1, or one for each number of pixels


cdef struct Item:
    real number
    uint16_t y, x


cdef struct Tile:
    Py_ssize_t height, width        # pixels under the windows
    Py_ssize_t results              # columns of results
    const uint8_t** rows            # classes of the pixels
    uint8_t* classes                # the same, one row after the other, unless they are pixels
    # Of rectangles. Each bin counts the pixels of the column that are in smaller bins.
    counts* coarse                  # 16 bins of each column
    counts* fine                    # for each coarse bin: 16 fine bins of each column
    uint8_t* found                  # for each window of a row: the coarse bin of its rank,
    int32_t* rests                  # and the rank within that bin
    int32_t* ranks                  # that are wanted of the windows of a row
    int32_t* sums                   # pixels that count in each column, and
    int32_t* counted                # in each window
    # In sorted tiles, in ascending order of the numbers:
    Item* items
    Item* others                    # scratch of the sort
    real* numbers
    uint16_t* ys                    # rows and columns of the numbers in the tile
    uint16_t* xs
    # For chords: the place of each pixel in the list; a bit for each place that is in the window.
    int32_t* places
    uint64_t* present


cdef inline Py_ssize_t lay_tile(const Params* params, char* scratch, Tile* tile) noexcept nogil:
    """Divide the scratch for a tile of the largest size; return its size in bytes."""
    cdef const Footprint* window = <const Footprint*> params.records
    cdef const Histogram* histogram = histogram_of(params)
    cdef Py_ssize_t width = histogram.columns + window.width - 1
    cdef Py_ssize_t pixels = (params.block + window.height - 1) * width
    cdef Py_ssize_t listed = 0 if KEYS == 8 else pixels + 64
    cdef char* free = scratch
    tile.height = params.block + window.height - 1
    tile.rows = <const uint8_t**> take(&free, tile.height * sizeof(void*))
    tile.classes = <uint8_t*> take(&free, pixels)
    tile.coarse = <counts*> take(&free, width * sizeof(counts))
    tile.fine = <counts*> take(&free, 16 * width * sizeof(counts))
    tile.found = <uint8_t*> take(&free, histogram.columns + 1)
    tile.rests = <int32_t*> take(&free, histogram.columns * 4)
    tile.ranks = <int32_t*> take(&free, histogram.columns * 4)
    tile.sums = <int32_t*> take(&free, width * 4)
    tile.counted = <int32_t*> take(&free, histogram.columns * 4)
    tile.items = <Item*> take(&free, listed * sizeof(Item))
    tile.others = <Item*> take(&free, listed * sizeof(Item))
    tile.numbers = <real*> take(&free, listed * sizeof(real))
    tile.ys = <uint16_t*> take(&free, listed * 2)
    tile.xs = <uint16_t*> take(&free, listed * 2)
    tile.places = <int32_t*> take(&free, listed * 4)
    tile.present = <uint64_t*> take(&free, listed // 8 + 64)
    return free - scratch


cdef inline const Histogram* histogram_of(const Params* params) noexcept nogil:
    cdef const Footprint* window = <const Footprint*> params.records
    return <const Histogram*> (<const Chord*> (window + 1) + window.count)


cdef inline int32_t rank_of(const Params* params, const Tile* tile, Py_ssize_t k,
                            Py_ssize_t x) noexcept nogil:
    """The rank of result k of window x: one for all, or by the number of pixels that count."""
    cdef const Histogram* histogram = histogram_of(params)
    cdef const Py_ssize_t* ranks = <const Py_ssize_t*> (histogram + 1) + k * histogram.ranks
    return <int32_t> ranks[tile.counted[x] if params.weighing.kind else 0]


# ---------------------------------------------------------------------------------------------
# The tile: its pixels, their order, their classes

cdef inline void sort_items(Tile* tile, Py_ssize_t n) noexcept nogil:
    """Radix sort, from the lowest byte to the highest; bytes that are all equal are skipped."""
    cdef Py_ssize_t[8][256] begins
    cdef Py_ssize_t i, b, total, count
    cdef uint64_t key
    cdef Item* swap
    memset(begins, 0, sizeof(begins))
    for i in range(n):
        key = ordered(tile.items[i].number)
        for b in range(<Py_ssize_t> sizeof(real)):
            begins[b][key >> 8 * b & 255] += 1
    for b in range(<Py_ssize_t> sizeof(real)):
        if begins[b][ordered(tile.items[0].number) >> 8 * b & 255] == n:
            continue
        total = 0
        for i in range(256):
            count = begins[b][i]
            begins[b][i] = total
            total += count
        for i in range(n):
            key = ordered(tile.items[i].number) >> 8 * b & 255
            tile.others[begins[b][key]] = tile.items[i]
            begins[b][key] += 1
        swap = tile.items
        tile.items = tile.others
        tile.others = swap


cdef inline bint are_classes(const Footprint* window) noexcept nogil:
    """Whether the pixels are neighbours and their own classes, so that none is copied."""
    return KEYS == 8 and window.count == 0 and window.step == 1


cdef inline void fetch_tile(const Params* params, const Slot* slot, Py_ssize_t first,
                            Tile* tile) noexcept nogil:
    """Copy every step-th number from column `first` on, and find their classes."""
    cdef const Footprint* window = <const Footprint*> params.records
    cdef Py_ssize_t step = window.step, shift = histogram_of(params).shift
    cdef Py_ssize_t n = tile.height * tile.width, y, x, i = 0
    cdef const real* row
    for y in range(tile.height):
        row = slot.rows[y] + first
        tile.rows[y] = tile.classes + y * tile.width
        if are_classes(window):
            tile.rows[y] = <const uint8_t*> row
            continue
        for x in range(tile.width):
            if KEYS == 8:
                tile.classes[i] = <uint8_t> row[x * step]
            else:
                tile.items[i].number = row[x * step]
                tile.items[i].y = <uint16_t> y
                tile.items[i].x = <uint16_t> x
            i += 1
    if KEYS == 8:
        return
    sort_items(tile, n)
    for i in range(n):
        tile.numbers[i] = tile.items[i].number
        tile.ys[i] = tile.items[i].y
        tile.xs[i] = tile.items[i].x
        tile.classes[tile.ys[i] * tile.width + tile.xs[i]] = <uint8_t> (i >> shift)


# ---------------------------------------------------------------------------------------------
# Rectangles

cdef inline sums first_columns(const counts* columns, Py_ssize_t width) noexcept nogil:
    cdef sums bins = NO_SUMS
    cdef Py_ssize_t j
    for j in range(width):
        bins = sums_plus(bins, columns + j)
    return bins


cdef inline Py_ssize_t look_up(const Tile* tile, Py_ssize_t place, Py_ssize_t y, Py_ssize_t x,
                               Py_ssize_t height, Py_ssize_t width,
                               Py_ssize_t rank) noexcept nogil:
    """The place in the sorted list, from `place` on, of the rank-th pixel inside the window."""
    cdef uint64_t found
    while True:
        found = inside(tile.ys + place, tile.xs + place, <uint16_t> y, <uint16_t> x,
                       <uint16_t> height, <uint16_t> width)
        if bits_of(found) > rank:
            return place + place_of_bit(found, <int> rank)
        rank -= bits_of(found)
        place += 64


cdef inline void count_row(Tile* tile, const uint8_t* row) noexcept nogil:
    """Add a row to the histograms of all columns."""
    cdef const counts* behind = <const counts*> &BEHIND[0][0]
    cdef counts* fine
    cdef Py_ssize_t x
    for x in range(tile.width):
        tile.coarse[x] = counts_plus(tile.coarse[x], behind[row[x] >> 4])
        fine = tile.fine + (row[x] >> 4) * tile.width + x
        fine[0] = counts_plus(fine[0], behind[row[x] & 15])


cdef inline void replace_row(Tile* tile, const uint8_t* leaving,
                             const uint8_t* entering) noexcept nogil:
    """Subtract a row from the histograms of all columns, and add another."""
    cdef const counts* behind = <const counts*> &BEHIND[0][0]
    cdef counts* fine
    cdef Py_ssize_t x
    for x in range(tile.width):
        tile.coarse[x] = counts_plus(tile.coarse[x], counts_minus(behind[entering[x] >> 4],
                                                                  behind[leaving[x] >> 4]))
        fine = tile.fine + (leaving[x] >> 4) * tile.width + x
        fine[0] = counts_minus(fine[0], behind[leaving[x] & 15])
        fine = tile.fine + (entering[x] >> 4) * tile.width + x
        fine[0] = counts_plus(fine[0], behind[entering[x] & 15])


cdef inline void move_down(Tile* tile, Py_ssize_t y, Py_ssize_t height) noexcept nogil:
    """Move the histograms of all columns from row y - 1 to row y; at row 0, make them."""
    cdef Py_ssize_t i
    if y > 0:
        replace_row(tile, tile.rows[y - 1], tile.rows[y + height - 1])
        return
    memset(tile.coarse, 0, tile.width * sizeof(counts))
    memset(tile.fine, 0, 16 * tile.width * sizeof(counts))
    for i in range(height):
        count_row(tile, tile.rows[i])


cdef inline void find_coarse(const Tile* tile, Py_ssize_t width) noexcept nogil:
    """Find the coarse bin of the rank of each window of a row, and the rank within the bin."""
    cdef sums bins = first_columns(tile.coarse, width)
    cdef Py_ssize_t x, c
    for x in range(tile.results):
        c = bins_up_to(bins, tile.ranks[x]) - 1
        tile.found[x] = <uint8_t> c
        tile.rests[x] = tile.ranks[x] - (<const int32_t*> &bins)[c]
        if x + 1 < tile.results:
            bins = sums_moved(bins, tile.coarse + x + width, tile.coarse + x)


cdef inline real number_in(const Tile* tile, const Footprint* window, Py_ssize_t shift,
                           Py_ssize_t y, Py_ssize_t x, const sums* fine) noexcept nogil:
    """The number of the rank of window x, whose coarse bin has these fine bins."""
    cdef int32_t rest = tile.rests[x]
    cdef Py_ssize_t bin = bins_up_to(fine[0], rest) - 1, found = 16 * tile.found[x] + bin
    if KEYS == 8:
        return <real> found
    rest -= (<const int32_t*> fine)[bin]
    return tile.numbers[look_up(tile, found << shift, y, x, window.height, window.width, rest)]


cdef inline void rank_row(const Params* params, const Tile* tile, Py_ssize_t y,
                          real* target) noexcept nogil:
    """Compute a row of results.

    The coarse bins of all windows are found first: there is no choice in that, so a processor works
    on several windows at once. The fine bins stay in registers while the coarse bin is the same.
    Otherwise they are brought up to date from the last window that had this coarse bin, or made.
    """
    cdef const Footprint* window = <const Footprint*> params.records
    cdef Py_ssize_t shift = histogram_of(params).shift, width = window.width, x = 0, c, at
    cdef sums[16] fine
    cdef Py_ssize_t[16] last        # the window that the fine bins are of
    cdef sums bins
    cdef const counts* columns
    find_coarse(tile, width)
    tile.found[tile.results] = 16
    for c in range(16):
        last[c] = -width
    while x < tile.results:
        c = tile.found[x]
        columns = tile.fine + c * tile.width
        if 2 * (x - last[c]) >= width:
            bins = first_columns(columns + x, width)
        else:
            bins = fine[c]
            for at in range(last[c], x):
                bins = sums_moved(bins, columns + at + width, columns + at)
        target[x * window.step] = number_in(tile, window, shift, y, x, &bins)
        while tile.found[x + 1] == c:
            bins = sums_moved(bins, columns + x + width, columns + x)
            x += 1
            target[x * window.step] = number_in(tile, window, shift, y, x, &bins)
        fine[c] = bins
        last[c] = x
        x += 1


# ---------------------------------------------------------------------------------------------
# Chords

cdef inline void enter(const Tile* tile, uint32_t* bins, Py_ssize_t pixel, int by) noexcept nogil:
    """Add a pixel to the window (by = 1), or remove it (by = -1)."""
    cdef uint8_t which = tile.classes[pixel]
    bins[which] += by
    bins[256 + (which >> 4)] += by
    if KEYS != 8:
        tile.present[tile.places[pixel] >> 6] ^= <uint64_t> 1 << (tile.places[pixel] & 63)


cdef inline real find(const Tile* tile, const uint32_t* bins, Py_ssize_t rank,
                      Py_ssize_t shift) noexcept nogil:
    """The number of a rank."""
    cdef Py_ssize_t c = 0, word
    while bins[256 + c] <= rank:
        rank -= bins[256 + c]
        c += 1
    c *= 16
    while bins[c] <= rank:
        rank -= bins[c]
        c += 1
    if KEYS == 8:
        return <real> c
    word = c << shift >> 6
    while bits_of(tile.present[word]) <= rank:
        rank -= bits_of(tile.present[word])
        word += 1
    return tile.numbers[64 * word + place_of_bit(tile.present[word], <int> rank)]


cdef inline void rank_row_of_chords(const Params* params, const Slot* slot, const Tile* tile,
                                    Py_ssize_t y, Py_ssize_t first) noexcept nogil:
    cdef const Footprint* window = <const Footprint*> params.records
    cdef const Chord* chords = <const Chord*> (window + 1)
    cdef Py_ssize_t shift = histogram_of(params).shift, x, k, c, pixel, length
    cdef uint32_t[272] bins
    memset(bins, 0, sizeof(bins))
    if KEYS != 8:
        memset(tile.present, 0, (tile.height * tile.width // 64 + 1) * 8)
    for x in range(tile.results):
        for c in range(window.count):
            pixel = (y + chords[c].row) * tile.width + chords[c].first // window.step + x
            length = (chords[c].second - chords[c].first) // window.step + (1 << chords[c].level)
            if x == 0:
                for k in range(length):
                    enter(tile, bins, pixel + k, 1)
            else:
                enter(tile, bins, pixel + length - 1, 1)
                enter(tile, bins, pixel - 1, -1)
        for k in range(params.results):
            slot.targets[k * params.block + y][first + x * window.step] = find(
                tile, bins, rank_of(params, tile, k, x), shift)


# ---------------------------------------------------------------------------------------------
# The schedule

cdef inline void rank_tile(const Params* params, const Slot* slot, Py_ssize_t first,
                           Py_ssize_t results) noexcept nogil:
    """Compute every step-th column of a block, `results` of them, from `first` on."""
    cdef const Footprint* window = <const Footprint*> params.records
    cdef Tile tile
    cdef Py_ssize_t y, i, k, x
    cdef real* target
    lay_tile(params, <char*> slot.work, &tile)
    tile.results = results
    tile.width = results + window.width - 1
    fetch_tile(params, slot, first, &tile)
    if window.count > 0 and KEYS != 8:
        for i in range(tile.height * tile.width):
            tile.places[tile.ys[i] * tile.width + tile.xs[i]] = <int32_t> i
    for y in range(params.block):
        if params.weighing.kind:
            count_in_row(params, slot, y, first, results, tile.sums, tile.counted)
        if window.count > 0:
            rank_row_of_chords(params, slot, &tile, y, first)
        else:
            move_down(&tile, y, window.height)
        for k in range(params.results):
            target = slot.targets[k * params.block + y] + first
            if window.count == 0:
                for x in range(results):
                    tile.ranks[x] = rank_of(params, &tile, k, x)
                rank_row(params, &tile, y, target)
            if params.weighing.kind:
                empty_row(params, tile.counted, results, target)


cdef inline void rank_by_histogram(const Params* params, const Slot* slot,
                                   Py_ssize_t n) noexcept nogil:
    """Compute a block in tiles of about the same width."""
    cdef Py_ssize_t step = (<const Footprint*> params.records).step
    cdef Py_ssize_t most = histogram_of(params).columns, phase, begin, count, tiles, columns
    for phase in range(step):
        count = (n - phase + step - 1) // step
        tiles = (count + most - 1) // most
        columns = (count + tiles - 1) // max(tiles, 1)
        begin = 0
        while begin < count:
            rank_tile(params, slot, phase + begin * step, min(columns, count - begin))
            begin += columns


cdef inline Py_ssize_t histogram_work(const Params* params) noexcept nogil:
    """Numbers of scratch."""
    cdef Tile unused
    return lay_tile(params, NULL, &unused) // <Py_ssize_t> sizeof(real) + 1

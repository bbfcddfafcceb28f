# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Dense correlation by fast Fourier transforms, tile by tile (overlap-save).

    tile * kernel = inverse transform of (transform of the tile x spectrum of the kernel)

A tile of H x W extended pixels gives the (H - kh + 1) x (W - kw + 1) results whose windows lie in
it; the others wrap around and are dropped. Since nobody looks at them, it does not matter how they
wrap around. Down the columns, t^H = -1: row y and row y + H / 2 are the real and the imaginary part
of one number, of a polynomial with t^(H / 2) = i. So a real tile is a complex one of half the
height, without the two passes that usually separate the spectra of real numbers ("right-angle
convolution": R. Crandall and B. Fagin, "Discrete weighted transforms", 1994). Along the rows,
t^W = 1.

A tile lies in squares, LANES rows of as many columns: of each row the real parts, then the
imaginary ones. LANES columns are copied side by side, transformed, and put back with each square
transposed. So LANES rows have become columns side by side, which are transformed, multiplied and
transformed back where they lie. Then the columns again. All passes are in L1; the copies read and
write whole cache lines, of few pages. A tile stays in L2.

The error of a transform is relative to the range of its tile, not to each result, and one NaN
spoils the whole tile. So each tile is examined when it is loaded. The middle of its range is
subtracted before the transform; that number times the sum of the weights is added afterwards, and
flat tiles need no transform. A tile with a number that is not finite, or with numbers so large or
small that they are not safe, is correlated directly. What is smaller than the error becomes 0, and
sums of whole numbers become whole (`finished`).
"""
from cython.parallel cimport prange, threadid

from ahead cimport prefetch
from bands cimport take, up_to_lanes
from keys cimport larger_of, smaller_of
from rows cimport (
    BYTES_OF, CACHE_LINE, Params, Samples, Task, image_row, load_row, store_row,
)
from tiles cimport SQUARE, Taps, correlate_block
from transforms cimport Transform, backwards, filter_columns, forwards, transpose_square
from types cimport LANES, ZERO, load, real, store, vec

cdef extern from *:
    """
    /* Added to a smaller number and subtracted again, this leaves the nearest whole number. */
    #define WHOLE ((real) (sizeof(real) == 4 ? 0x1.8p23 : 0x1.8p52))
    /* Numbers whose magnitude is above a limit, and 0 for the others. */
    #if defined(VECTOR_BYTES)
      static inline vec above(vec v, real limit)
      {
        __typeof__(v > v) kept = (v > limit) | (v < -limit);
        return (vec) (kept & (__typeof__(kept)) v);
      }
    #else
      static inline vec above(vec v, real limit) { return v > limit || v < -limit ? v : 0; }
    #endif
    """
    const real WHOLE
    vec above(vec v, real limit) nogil

cdef enum:
    # Rows whose memory is asked for before they are loaded or stored. Rows of a tile are too short
    # for a processor to foresee: without it, loading 256 x 256 float64 takes twice as long, and all
    # of a kernel of 63x63 1.2 times (Zen 5, level v3). 2 to 8 rows are as good.
    AHEAD = 4


cdef struct Tiling:
    # params.records. The radices of the passes follow it, down the columns and then along the rows.
    Py_ssize_t tile_height, tile_width
    Py_ssize_t rows, columns        # results of a tile
    Py_ssize_t height, width        # of the kernel
    Py_ssize_t down, right          # its dilation
    Py_ssize_t passes_y, passes_x
    Py_ssize_t numbers_y, numbers_x         # of the twiddles
    double gain                     # the sum of the weights
    double smallest, largest        # absolute maximum of a tile that is safe to transform
    # Bound of the errors, for a range of 1. 0: nothing is subtracted, and results stay as they are.
    double error
    double unit                     # all weights are multiples of it; 0: of no such number


cdef struct Layout:
    # The scratch of a thread, and what params.weights points to.
    Py_ssize_t half                 # rows of complex numbers
    Py_ssize_t pitch                # from LANES of them to the next
    real* tile
    real* columns                   # LANES complex columns
    real* row                       # pixels or results
    real* stage                     # results of direct sums
    char* raw                       # pixels before or after conversion
    real** rows                     # the extended rows of a tile that is correlated directly
    const real* kernel
    const real* turns
    Transform down, across
    const real* spectrum


cdef struct Place:
    # A tile: the planes, the first result and how many there are, the extended pixels.
    const char* image
    char* result
    Py_ssize_t y, x
    Py_ssize_t rows, columns
    Py_ssize_t height, width


cdef struct Contents:
    # What a tile holds.
    real low, high
    bint finite, whole


cdef inline Py_ssize_t lay_out(const Params* params, char* scratch, Layout* to) noexcept nogil:
    """Divide a thread's scratch; return its size in bytes.

    Rows of squares are an odd number of cache lines apart, so that a column is spread over all
    sets.
    """
    cdef const Tiling* tiling = <const Tiling*> params.records
    cdef const Py_ssize_t* radices = <const Py_ssize_t*> (tiling + 1)
    cdef Py_ssize_t size = sizeof(real)
    cdef Py_ssize_t height = tiling.tile_height, width = tiling.tile_width
    cdef char* free = scratch
    to.half = height // 2
    to.pitch = 2 * LANES * width + CACHE_LINE // size
    to.tile = <real*> take(&free, to.half // LANES * to.pitch * size)
    to.columns = <real*> take(&free, 2 * LANES * to.half * size)
    to.row = <real*> take(&free, width * size)
    to.stage = <real*> take(&free, SQUARE * width * size)
    to.raw = take(&free, width * 8)
    to.rows = <real**> take(&free, (height + SQUARE) * sizeof(void*))
    to.kernel = <const real*> params.weights
    to.turns = to.kernel + tiling.height * tiling.width
    to.down = Transform(to.half, tiling.passes_y, radices, to.turns + height,
                        tiling.numbers_y)
    to.across = Transform(width, tiling.passes_x, radices + tiling.passes_y,
                          to.down.twiddles + tiling.numbers_y, tiling.numbers_x)
    to.spectrum = to.across.twiddles + tiling.numbers_x
    return free - scratch


cdef inline real* row_of(const Layout* at, Py_ssize_t y) noexcept nogil:
    """The first LANES numbers of row y of a tile; the next ones are a square further."""
    cdef Py_ssize_t e = y if y < at.half else y - at.half
    return (at.tile + e // LANES * at.pitch + e % LANES * 2 * LANES
            + (0 if y < at.half else LANES))


cdef inline void ask_for(const char* line, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t k = 0
    while k < size:
        prefetch(line + k)
        k += CACHE_LINE


cdef inline void ask_for_pixels(const Params* params, const Place* place,
                                Py_ssize_t y) noexcept nogil:
    """Ask for the pixels of row y of a tile, if they lie in the image side by side."""
    cdef const Samples* image = &params.image
    cdef Py_ssize_t row = image_row(params, place.y * params.stride_y + y)
    cdef Py_ssize_t x = max(<Py_ssize_t> 0, place.x * params.stride_x - params.left)
    if row >= 0 and image.column_stride == BYTES_OF(image.code):
        ask_for(place.image + row * image.row_stride + x * image.column_stride,
                place.width * image.column_stride)


cdef inline void ask_for_results(const Params* params, const Place* place,
                                 Py_ssize_t y) noexcept nogil:
    """Ask for the memory of row y of the results of a tile, if they lie side by side."""
    cdef const Samples* result = &params.result[0]
    if result.column_stride == BYTES_OF(result.code):
        ask_for(place.result + (place.y + y) * result.row_stride + place.x * result.column_stride,
                place.columns * result.column_stride)


cdef inline Contents load_tile(const Params* params, const Layout* at,
                               const Place* place) noexcept nogil:
    """Load the extended pixels of a tile into its squares, and examine them.

    Behind the last pixel of a row its first one is repeated, so that all vectors count.
    """
    cdef vec low = ZERO, high = ZERO, odd = ZERO, rest = ZERO, apart, v
    cdef real[64] lanes
    cdef Py_ssize_t y, x
    cdef real* to
    cdef Contents found
    for y in range(place.height):
        if y + AHEAD < place.height:
            ask_for_pixels(params, place, y + AHEAD)
        load_row(params, place.image, place.y * params.stride_y + y,
                 place.x * params.stride_x, place.width, at.raw, at.row)
        for x in range(place.width, up_to_lanes(place.width)):
            at.row[x] = at.row[0]
        if y == 0:
            low = high = load(at.row)
        to = row_of(at, y)
        x = 0
        while x < place.width:
            v = load(at.row + x)
            low = smaller_of(low, v)
            high = larger_of(high, v)
            odd = odd + (v - v)
            apart = v - ((v + WHOLE) - WHOLE)
            rest = larger_of(rest, larger_of(apart, ZERO - apart))
            store(to, v)
            to += 2 * LANES * LANES
            x += LANES
    store(lanes, low)
    store(lanes + LANES, high)
    store(lanes + 2 * LANES, odd)
    store(lanes + 3 * LANES, rest)
    found = Contents(lanes[0], lanes[LANES], True, True)
    for x in range(LANES):
        found.low = min(found.low, lanes[x])
        found.high = max(found.high, lanes[LANES + x])
        found.finite = found.finite and lanes[2 * LANES + x] == 0
        found.whole = found.whole and lanes[3 * LANES + x] == 0
    return found


cdef inline void fill_below(const Tiling* tiling, const Layout* at, const Place* place,
                            real value) noexcept nogil:
    """Fill the rows below the pixels of a tile."""
    cdef Py_ssize_t y, x
    cdef real* to
    for y in range(place.height, tiling.tile_height):
        to = row_of(at, y)
        x = 0
        while x < place.width:
            store(to, ZERO + value)
            to += 2 * LANES * LANES
            x += LANES


cdef inline void take_columns(const Layout* at, Py_ssize_t x, real middle) noexcept nogil:
    """Subtract a number from LANES columns of pixels, and multiply complex row y by turn y.

    That makes t^H = -1 of t^(H / 2) = 1.
    """
    cdef const real* source = at.tile + 2 * x * LANES
    cdef real* columns = at.columns
    cdef const real* turns = at.turns
    cdef Py_ssize_t _, r
    cdef vec re, im
    for _ in range(at.half // LANES):
        for r in range(LANES):
            re = load(source + 2 * r * LANES) - middle
            im = load(source + (2 * r + 1) * LANES) - middle
            store(columns, re * turns[0] - im * turns[1])
            store(columns + LANES, im * turns[0] + re * turns[1])
            columns += 2 * LANES
            turns += 2
        source += at.pitch


cdef inline vec finished(vec v, real shift, real error, real unit, real per_unit) noexcept nogil:
    """Add the number that was subtracted, times the sum of the weights.

    If the results are multiples of a unit, and the error is below half of it, they become so again.
    Else what is not larger than the error becomes 0: nothing is known of it but its size, and a sum
    of nothing but zeros must be 0.
    """
    if unit > 0:
        return ((v * per_unit + WHOLE) - WHOLE) * unit + shift
    return above(v + shift, error)


cdef inline void finish_columns(const Layout* at, Py_ssize_t x, real shift, real error,
                                real unit) noexcept nogil:
    """Undo `take_columns`: LANES columns of results."""
    cdef real* target = at.tile + 2 * x * LANES
    cdef const real* columns = at.columns
    cdef const real* turns = at.turns
    cdef real per_unit = 1 / unit if unit > 0 else 0
    cdef Py_ssize_t _, r
    cdef vec re, im
    for _ in range(at.half // LANES):
        for r in range(LANES):
            re = load(columns)
            im = load(columns + LANES)
            store(target + 2 * r * LANES,
                  finished(re * turns[0] + im * turns[1], shift, error, unit, per_unit))
            store(target + (2 * r + 1) * LANES,
                  finished(im * turns[0] - re * turns[1], shift, error, unit, per_unit))
            columns += 2 * LANES
            turns += 2
        target += at.pitch


cdef inline void put_squares(const Layout* at, Py_ssize_t x) noexcept nogil:
    """Transpose LANES columns into the squares of the tile from column x on."""
    cdef real* target = at.tile + 2 * x * LANES
    cdef real* source = at.columns
    cdef Py_ssize_t _
    for _ in range(at.half // LANES):
        transpose_square(source, 2 * LANES, target, 2 * LANES)
        transpose_square(source + LANES, 2 * LANES, target + LANES, 2 * LANES)
        source += 2 * LANES * LANES
        target += at.pitch


cdef inline void take_squares(const Layout* at, Py_ssize_t x) noexcept nogil:
    """Undo `put_squares`."""
    cdef real* source = at.tile + 2 * x * LANES
    cdef real* target = at.columns
    cdef Py_ssize_t _
    for _ in range(at.half // LANES):
        transpose_square(source, 2 * LANES, target, 2 * LANES)
        transpose_square(source + LANES, 2 * LANES, target + LANES, 2 * LANES)
        target += 2 * LANES * LANES
        source += at.pitch


cdef inline void blank_squares(const Tiling* tiling, const Layout* at,
                               Py_ssize_t x) noexcept nogil:
    """Fill the squares of a tile from column x on with zeros."""
    cdef Py_ssize_t _, k
    cdef real* target = at.tile
    for _ in range(at.half // LANES):
        k = 2 * x * LANES
        while k < 2 * tiling.tile_width * LANES:
            store(target + k, ZERO)
            k += LANES
        target += at.pitch


cdef inline void transform_tile(const Tiling* tiling, const Layout* at, Py_ssize_t loaded,
                                Py_ssize_t wanted, real middle, real shift, real error,
                                real unit) noexcept nogil:
    """Correlate a tile of `loaded` columns; make the first `wanted` columns of results."""
    cdef Py_ssize_t x = 0, b
    while x < loaded:
        take_columns(at, x, middle)
        forwards(&at.down, at.columns)
        put_squares(at, x)
        x += LANES
    blank_squares(tiling, at, x)
    for b in range(at.half // LANES):
        filter_columns(&at.across, at.tile + b * at.pitch,
                       at.spectrum + b * 2 * LANES * tiling.tile_width, False)
    x = 0
    while x < wanted:
        take_squares(at, x)
        backwards(&at.down, at.columns)
        finish_columns(at, x, shift, error, unit)
        x += LANES


cdef inline void fill_row(real* row, Py_ssize_t n, real value) noexcept nogil:
    cdef Py_ssize_t x
    for x in range(n):
        row[x] = value


cdef inline void store_tile_row(const Params* params, const Layout* at, const Place* place,
                                const real* row, Py_ssize_t y) noexcept nogil:
    """Store row y of the results of a tile, of every stride_x-th number."""
    store_row(params, row, params.stride_x, place.columns, at.raw,
              place.result + (place.y + y) * params.result[0].row_stride
              + place.x * params.result[0].column_stride)


cdef inline void store_tile(const Params* params, const Layout* at, const Place* place,
                            Py_ssize_t wanted) noexcept nogil:
    """Store the results of a tile from its squares."""
    cdef const real* source
    cdef Py_ssize_t y, x
    for y in range(place.rows):
        if y + AHEAD < place.rows:
            ask_for_results(params, place, y + AHEAD)
        source = row_of(at, y * params.stride_y)
        x = 0
        while x < wanted:
            store(at.row + x, load(source))
            source += 2 * LANES * LANES
            x += LANES
        store_tile_row(params, at, place, at.row, y)


cdef inline void correlate_directly(const Params* params, const Layout* at,
                                    const Place* place) noexcept nogil:
    """Correlate a tile as the dense loop does, from rows that are loaded again, one by one."""
    cdef const Tiling* tiling = <const Tiling*> params.records
    cdef Taps taps = Taps(at.kernel, tiling.height, tiling.width, tiling.right, tiling.down, False)
    cdef Py_ssize_t wanted = up_to_lanes((place.columns - 1) * params.stride_x + 1), y = 0, r
    cdef Py_ssize_t high = SQUARE if params.stride_y == 1 else 1
    cdef real* targets[SQUARE]
    # The last block may reach below the tile.
    for r in range(tiling.tile_height + SQUARE):
        at.rows[r] = at.tile + (r * tiling.tile_width if r < place.height else 0)
    for r in range(place.height):
        load_row(params, place.image, place.y * params.stride_y + r,
                 place.x * params.stride_x, place.width, at.raw, at.rows[r])
    for r in range(SQUARE):
        targets[r] = at.stage + r * tiling.tile_width
    while y < place.rows:
        correlate_block(at.rows + y * params.stride_y, &taps, params.stride_y, high,
                        wanted, targets)
        for r in range(min(high, place.rows - y)):
            store_tile_row(params, at, place, targets[r], y + r)
        y += high


cdef inline bint is_safe(const Tiling* tiling, const Contents* found) noexcept nogil:
    cdef double size = max(<double> found.high, -<double> found.low)
    return found.finite and (size == 0 or tiling.smallest <= size <= tiling.largest)


cdef inline void correlate_tile(const Params* params, const Layout* at,
                                const Place* place) noexcept nogil:
    cdef const Tiling* tiling = <const Tiling*> params.records
    cdef Contents found = load_tile(params, at, place)
    cdef Py_ssize_t wanted = (place.columns - 1) * params.stride_x + 1, y
    cdef double error = tiling.error * (<double> found.high - <double> found.low)
    cdef real middle, shift, unit
    if not is_safe(tiling, &found):
        correlate_directly(params, at, place)
        return
    middle = <real> ((<double> found.high + <double> found.low) / 2)
    if tiling.error == 0 and found.low < found.high:
        middle = 0
    unit = <real> tiling.unit if found.whole and 2 * error < tiling.unit else 0
    if unit > 0:
        middle = (middle + WHOLE) - WHOLE
    shift = <real> (middle * tiling.gain)
    if found.low < found.high:
        fill_below(tiling, at, place, middle)
        transform_tile(tiling, at, place.width, wanted, middle, shift, <real> error, unit)
        store_tile(params, at, place, wanted)
        return
    fill_row(at.stage, wanted, shift)
    for y in range(place.rows):
        store_tile_row(params, at, place, at.stage, y)


cdef inline Py_ssize_t tiles_along(Py_ssize_t results, Py_ssize_t step) noexcept nogil:
    return (results + step - 1) // step


cdef void run_tile(const Params* params, const Task* task, Py_ssize_t index,
                   char* scratch) noexcept nogil:
    """Compute tile number `index` of the stack."""
    cdef const Tiling* tiling = <const Tiling*> params.records
    cdef Py_ssize_t down = tiles_along(params.result_height, tiling.rows)
    cdef Py_ssize_t across = tiles_along(params.result_width, tiling.columns)
    cdef const Py_ssize_t* offsets = params.offsets + index // (down * across) * 2
    cdef Layout layout
    cdef Place place
    lay_out(params, scratch, &layout)
    place.image = task.image + offsets[0]
    place.result = task.results[0] + offsets[1]
    place.y = index // across % down * tiling.rows
    place.x = index % across * tiling.columns
    place.rows = min(tiling.rows, params.result_height - place.y)
    place.columns = min(tiling.columns, params.result_width - place.x)
    place.height = (place.rows - 1) * params.stride_y + params.span_y
    place.width = (place.columns - 1) * params.stride_x + params.span_x
    correlate_tile(params, &layout, &place)


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Py_ssize_t slot_bytes(const Params* params) noexcept nogil:
    cdef Layout unused
    return lay_out(params, NULL, &unused)


cdef inline void run_loop(const Params* params, const Task* task) noexcept nogil:
    """Compute all tiles of all planes. Where they begin does not depend on the threads."""
    cdef const Tiling* tiling = <const Tiling*> params.records
    cdef Py_ssize_t tiles = (params.planes * tiles_along(params.result_height, tiling.rows)
                             * tiles_along(params.result_width, tiling.columns)), index
    if task.threads == 1:
        for index in range(tiles):
            run_tile(params, task, index, task.scratch)
        return
    for index in prange(tiles, num_threads=task.threads, schedule="dynamic"):
        run_tile(params, task, index, task.scratch + threadid() * task.slot_bytes)


include "entry.pxi"

TOGETHER = LANES        # columns that are transformed side by side

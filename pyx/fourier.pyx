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

Columns are transformed LANES at a time where they lie. Rows are transposed into columns, LANES at a
time; these are transformed, multiplied and transformed back before the next, so that they stay in
L1. A tile stays in L2.

The error of a transform is relative to the range of its tile, not to each result, and one NaN
spoils the whole tile. So each tile is examined when it is loaded. The middle of its range is
subtracted before the transform; that number times the sum of the weights is added afterwards, and
flat tiles need no transform. A tile with a number that is not finite, or with numbers so large or
small that they are not safe, is correlated directly. What is smaller than the error becomes 0, and
sums of whole numbers become whole (`finish_row`).
"""
from cython.parallel cimport prange, threadid

from bands cimport take, up_to_lanes
from keys cimport larger_of, smaller_of
from rows cimport CACHE_LINE, Params, Task, load_row, store_row
from tiles cimport SQUARE, Taps, correlate_block
from transforms cimport Transform, backwards, forwards, transpose_square
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
    double error                    # bound of the errors, for a range of 1
    double unit                     # all weights are multiples of it; 0: of no such number


cdef struct Layout:
    # The scratch of a thread, and what params.weights points to.
    Py_ssize_t half                 # rows of complex numbers
    Py_ssize_t imaginary, pitch     # from real to imaginary parts, from a row to the next
    real* tile
    real* transposed                    # LANES rows as columns
    real* stage                     # results of direct sums
    char* raw                       # pixels before or after conversion
    real** rows                     # the extended rows of a tile
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

    Rows of a tile are an odd number of cache lines apart, so that a column is spread over all sets.
    """
    cdef const Tiling* tiling = <const Tiling*> params.records
    cdef const Py_ssize_t* radices = <const Py_ssize_t*> (tiling + 1)
    cdef Py_ssize_t size = sizeof(real), line = CACHE_LINE // size, k
    cdef Py_ssize_t height = tiling.tile_height, width = tiling.tile_width
    cdef char* free = scratch
    to.half = height // 2
    to.imaginary = (width + line - 1) // line * line + line
    to.pitch = 2 * to.imaginary + line
    to.tile = <real*> take(&free, to.half * to.pitch * size)
    to.transposed = <real*> take(&free, 2 * LANES * width * size)
    to.stage = <real*> take(&free, SQUARE * to.imaginary * size)
    to.raw = take(&free, width * 8)
    to.rows = <real**> take(&free, (height + SQUARE) * sizeof(void*))
    to.kernel = <const real*> params.weights
    to.turns = to.kernel + tiling.height * tiling.width
    to.down = Transform(to.half, tiling.passes_y, radices, to.turns + height,
                        tiling.numbers_y)
    to.across = Transform(width, tiling.passes_x, radices + tiling.passes_y,
                          to.down.twiddles + tiling.numbers_y, tiling.numbers_x)
    to.spectrum = to.across.twiddles + tiling.numbers_x
    for k in range(height if scratch != NULL else 0):
        to.rows[k] = to.tile + k % to.half * to.pitch + k // to.half * to.imaginary
    return free - scratch


cdef inline Contents load_tile(const Params* params, const Layout* at,
                               const Place* place) noexcept nogil:
    """Load the extended pixels of a tile, and examine them.

    What is left of a row repeats its first pixel meanwhile, so that all vectors count.
    """
    cdef Py_ssize_t width = (<const Tiling*> params.records).tile_width, y, x
    cdef vec low = ZERO, high = ZERO, odd = ZERO, rest = ZERO, apart, v
    cdef real[64] lanes
    cdef Contents found
    for y in range(place.height):
        load_row(params, place.image, place.y * params.stride_y + y,
                 place.x * params.stride_x, place.width, at.raw, at.rows[y])
        for x in range(place.width, width):
            at.rows[y][x] = at.rows[y][0]
        if y == 0:
            low = high = load(at.rows[0])
        x = 0
        while x < width:
            v = load(at.rows[y] + x)
            low = smaller_of(low, v)
            high = larger_of(high, v)
            odd = odd + (v - v)
            apart = v - ((v + WHOLE) - WHOLE)
            rest = larger_of(rest, larger_of(apart, ZERO - apart))
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


cdef inline void twist(const Layout* at, Py_ssize_t y, Py_ssize_t n, real middle,
                       bint back) noexcept nogil:
    """Subtract a number from n columns of complex row y, and multiply it by turn y, or back.

    That makes t^H = -1 of t^(H / 2) = 1.
    """
    cdef real cosine = at.turns[2 * y]
    cdef real sine = -at.turns[2 * y + 1] if back else at.turns[2 * y + 1]
    cdef real* re = at.tile + y * at.pitch
    cdef real* im = re + at.imaginary
    cdef Py_ssize_t x = 0
    cdef vec a, b
    while x < n:
        a = load(re + x) - middle
        b = load(im + x) - middle
        store(re + x, a * cosine - b * sine)
        store(im + x, b * cosine + a * sine)
        x += LANES


cdef inline void blank(const Tiling* tiling, const Layout* at, const Place* place,
                       real value) noexcept nogil:
    """Fill what is beyond the pixels of a tile."""
    cdef Py_ssize_t y, x
    for y in range(tiling.tile_height):
        for x in range(place.width if y < place.height else 0, tiling.tile_width):
            at.rows[y][x] = value


cdef inline void transpose_rows(const Tiling* tiling, const Layout* at, real* rows,
                                bint back) noexcept nogil:
    """Transpose LANES rows of a tile into columns side by side, or back."""
    cdef Py_ssize_t pitch = 2 * LANES, x = 0
    cdef real* columns = at.transposed
    while x < tiling.tile_width:
        if back:
            transpose_square(columns, pitch, rows, at.pitch)
            transpose_square(columns + LANES, pitch, rows + at.imaginary, at.pitch)
        else:
            transpose_square(rows, at.pitch, columns, pitch)
            transpose_square(rows + at.imaginary, at.pitch, columns + LANES, pitch)
        rows += LANES
        columns += LANES * pitch
        x += LANES


cdef inline void multiply_columns(real* columns, const real* spectrum,
                                  Py_ssize_t n) noexcept nogil:
    """Multiply n complex vectors by those of the spectrum."""
    cdef vec re, im, kernel_re, kernel_im
    cdef Py_ssize_t _
    for _ in range(n):
        re = load(columns)
        im = load(columns + LANES)
        kernel_re = load(spectrum)
        kernel_im = load(spectrum + LANES)
        store(columns, re * kernel_re - im * kernel_im)
        store(columns + LANES, re * kernel_im + im * kernel_re)
        columns += 2 * LANES
        spectrum += 2 * LANES


cdef inline void transform_tile(const Tiling* tiling, const Layout* at, Py_ssize_t loaded,
                                Py_ssize_t wanted) noexcept nogil:
    """Correlate a tile; its columns are 0 from `loaded` on, and garbage from `wanted` on."""
    cdef Py_ssize_t pitch = 2 * LANES, x = 0, y = 0
    while x < loaded:
        forwards(&at.down, at.tile + x, at.imaginary, at.pitch)
        x += LANES
    while y < at.half:
        transpose_rows(tiling, at, at.tile + y * at.pitch, False)
        forwards(&at.across, at.transposed, LANES, pitch)
        multiply_columns(at.transposed, at.spectrum + y * 2 * tiling.tile_width, tiling.tile_width)
        backwards(&at.across, at.transposed, LANES, pitch)
        transpose_rows(tiling, at, at.tile + y * at.pitch, True)
        y += LANES
    x = 0
    while x < wanted:
        backwards(&at.down, at.tile + x, at.imaginary, at.pitch)
        x += LANES


cdef inline void finish_row(real* row, Py_ssize_t n, real shift, real error,
                            real unit) noexcept nogil:
    """Add the number that was subtracted, times the sum of the weights.

    If the results are multiples of a unit, and the error is below half of it, they become so again.
    Else what is not larger than the error becomes 0: nothing is known of it but its size, and a sum
    of nothing but zeros must be 0.
    """
    cdef real per_unit = 1 / unit if unit > 0 else 0
    cdef Py_ssize_t x = 0
    cdef vec v
    while x < n:
        v = load(row + x)
        if unit > 0:
            v = ((v * per_unit + WHOLE) - WHOLE) * unit + shift
        else:
            v = above(v + shift, error)
        store(row + x, v)
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


cdef inline void correlate_directly(const Params* params, const Layout* at,
                                    const Place* place) noexcept nogil:
    """Correlate a tile as the dense loop does, from the rows that are loaded."""
    cdef const Tiling* tiling = <const Tiling*> params.records
    cdef Taps taps = Taps(at.kernel, tiling.height, tiling.width, tiling.right, tiling.down, False)
    cdef Py_ssize_t wanted = up_to_lanes((place.columns - 1) * params.stride_x + 1), y = 0, r
    cdef Py_ssize_t high = SQUARE if params.stride_y == 1 else 1
    cdef real* targets[SQUARE]
    for r in range(SQUARE):
        targets[r] = at.stage + r * at.imaginary
        # The last block may reach below the tile.
        at.rows[tiling.tile_height + r] = at.rows[0]
    while y < place.rows:
        correlate_block(at.rows + y * params.stride_y, &taps, params.stride_y, high,
                        wanted, targets)
        for r in range(min(high, place.rows - y)):
            store_tile_row(params, at, place, targets[r], y + r)
        y += high


cdef inline void finish(const Params* params, const Layout* at, const Place* place, real shift,
                        real error, real unit) noexcept nogil:
    """Make results of the tile, and store them, one complex row after the other."""
    cdef Py_ssize_t wanted = (place.columns - 1) * params.stride_x + 1, y, half, e
    for y in range(at.half):
        twist(at, y, wanted, 0, True)
        for half in range(2):
            e = y + half * at.half
            if e % params.stride_y == 0 and e // params.stride_y < place.rows:
                finish_row(at.rows[e], wanted, shift, error, unit)
                store_tile_row(params, at, place, at.rows[e], e // params.stride_y)


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
    unit = <real> tiling.unit if found.whole and 2 * error < tiling.unit else 0
    if unit > 0:
        middle = (middle + WHOLE) - WHOLE
    shift = <real> (middle * tiling.gain)
    if found.low < found.high:
        blank(tiling, at, place, middle)
        for y in range(at.half):
            twist(at, y, tiling.tile_width, middle, False)
        transform_tile(tiling, at, place.width, wanted)
        finish(params, at, place, shift, <real> error, unit)
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

# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""A Gaussian by resampling: decimate, filter the few pixels that are left, interpolate.

    low[k]      = sum over t < order * factor:  down[t] * image[(k - order + 1 + lead) * factor + t]
    filtered[k] = sum over i < taps:            kernel[i] * low[k + i - taps // 2]
    result[m * factor + p] = sum over j < order:  up[p][j] * filtered[m - lead + j]

along y and along x, with lead = (order - 1) // 2. The image is divided into cells of `factor`
pixels. Each cell adds to `order` grid points k, and each grid point to as many cells m of the
result. With factor and order 1, an axis is filtered without resampling.

A band is computed from top to bottom. Image rows are added to the sums of `order` grid rows. A
complete sum is decimated along x into a ring of low rows. Filtered low rows are interpolated along
x into a ring of wide rows. The rows of the result are interpolated between wide rows.
"""
from cython.parallel cimport prange, threadid
from libc.string cimport memset

from bands cimport take, up_to_lanes
from rows cimport REAL_CODE, Params, Task, is_plain, load_row, store_row
from tiles cimport SQUARE, Taps, correlate_rows, single_row
from types cimport LANES, WIDE, ZERO, load, real, store, vec

cdef enum:
    ORDER = 4                       # of an axis that is resampled
    # A chunk of GROUP image rows and the ORDER sums they are added to take 32 KB of a 48 KB L1.
    GROUP = 4
    CHUNK_BYTES = 4096


cdef struct Side:
    # One axis, and where its weights begin: `down`, then `up`, then `kernel`.
    Py_ssize_t factor, order, taps
    Py_ssize_t weights


cdef struct Grid:
    # params.records
    Side y, x
    Py_ssize_t step                 # samples of a pixel: the interleaved channels


cdef inline const real* down(const Params* params, const Side* side) noexcept nogil:
    return <const real*> params.weights + side.weights


cdef inline const real* up(const Params* params, const Side* side) noexcept nogil:
    return down(params, side) + side.order * side.factor


cdef inline const real* kernel(const Params* params, const Side* side) noexcept nogil:
    return up(params, side) + side.order * side.factor


# ---------------------------------------------------------------------------------------------
# The equation

cdef inline void add_tile(real** sums, const real* rows, Py_ssize_t pitch, Py_ssize_t count,
                          const real* weights, Py_ssize_t factor, Py_ssize_t x, int order,
                          int wide) noexcept nogil:
    """sums[j] += sum over r < count: weights[(order - 1 - j) * factor + r] * rows[r]."""
    cdef vec[ORDER][WIDE] acc
    cdef vec[WIDE] v
    cdef Py_ssize_t r
    cdef int j, k
    cdef real w
    for j in range(order):
        for k in range(wide):
            acc[j][k] = load(sums[j] + x + k * LANES)
    for r in range(count):
        for k in range(wide):
            v[k] = load(rows + r * pitch + x + k * LANES)
        for j in range(order):
            w = weights[(order - 1 - j) * factor + r]
            for k in range(wide):
                acc[j][k] = acc[j][k] + v[k] * w
    for j in range(order):
        for k in range(wide):
            store(sums[j] + x + k * LANES, acc[j][k])


cdef inline void add_rows(real** sums, const real* rows, Py_ssize_t pitch, Py_ssize_t count,
                          const real* weights, Py_ssize_t factor, Py_ssize_t n,
                          int order) noexcept nogil:
    """Add n columns (a multiple of LANES) of some rows of a cell to the sums of its grid rows."""
    cdef Py_ssize_t x = 0
    while x + WIDE * LANES <= n:
        add_tile(sums, rows, pitch, count, weights, factor, x, order, WIDE)
        x += WIDE * LANES
    while x < n:
        add_tile(sums, rows, pitch, count, weights, factor, x, order, 1)
        x += LANES


cdef void pick(const real* line, Py_ssize_t factor, Py_ssize_t step, Py_ssize_t points,
               real* low) noexcept nogil:
    """Copy every factor-th pixel of a row; a pixel has `step` samples."""
    cdef Py_ssize_t k, c
    if step == 1:
        for k in range(points):
            low[k] = line[k * factor]
        return
    for k in range(points):
        for c in range(step):
            low[k * step + c] = line[k * step * factor + c]


cdef void repeat(const real* low, Py_ssize_t factor, Py_ssize_t step, Py_ssize_t points,
                 real* line) noexcept nogil:
    """Copy each pixel of a row `factor` times, in vectors, which may overlap the next pixel's."""
    cdef Py_ssize_t k, x, c
    if step == 1:
        for k in range(points):
            x = 0
            while x < factor:
                store(line + x, ZERO + low[k])
                x += LANES
            line += factor
        return
    for k in range(points):
        for x in range(factor):
            for c in range(step):
                line[x * step + c] = low[k * step + c]
        line += factor * step


cdef void interpolate(const real* line, Py_ssize_t cell, const real* phases,
                      Py_ssize_t pitch, Py_ssize_t n, Py_ssize_t order,
                      real* target) noexcept nogil:
    """target[x] = sum over j < order: phases[j][x] * line[x + j * cell], n a multiple of LANES."""
    cdef Py_ssize_t x = 0, j
    cdef vec acc
    while x < n:
        acc = ZERO
        for j in range(order):
            acc = acc + load(phases + j * pitch + x) * load(line + j * cell + x)
        store(target + x, acc)
        x += LANES


# ---------------------------------------------------------------------------------------------
# The schedule

cdef struct Slot:
    # The scratch of one thread: wide rows (a strip with its window), and low rows.
    Py_ssize_t wide_pitch, low_pitch, low_rows, wide_rows
    char* raw               # pixels before or after conversion
    real* group             # a chunk of GROUP image rows
    real* sums              # grid rows that are being added up
    real* line              # a row before `pick`, or after `repeat`
    real* low               # ring of low rows
    real* columns           # SQUARE low rows, filtered along y
    real* filtered          # a low row, filtered along x too
    real* phases            # the weights of `up` along x, for each column
    real* wide              # ring of wide rows
    real* stage             # a row of the result
    real** rows             # pointers to rows


cdef struct Strip:
    Py_ssize_t left, width          # samples of the result; `left` is the first of a cell
    Py_ssize_t first, columns       # extended samples of the image that they need
    Py_ssize_t begin, end           # those of them that are loaded; the others repeat these
    Py_ssize_t low, filtered        # samples of a low row, before and after the filter


cdef inline real* take_rows(char** free, Py_ssize_t count, Py_ssize_t pitch) noexcept nogil:
    return <real*> take(free, count * pitch * <Py_ssize_t> sizeof(real))


cdef inline Py_ssize_t lay_out(const Params* params, char* scratch, Slot* slot) noexcept nogil:
    """Divide a thread's scratch; return its size in bytes."""
    cdef const Grid* grid = <const Grid*> params.records
    cdef char* free = scratch
    slot.wide_pitch = params.ring_pitch
    slot.low_pitch = up_to_lanes(params.ring_pitch // grid.x.factor + grid.step) + LANES
    slot.low_rows = grid.y.taps - 1 + SQUARE
    slot.wide_rows = grid.y.order - 1 + SQUARE
    slot.raw = take(&free, params.ring_pitch * 8)
    slot.group = <real*> take(&free, GROUP * CHUNK_BYTES)
    slot.sums = take_rows(&free, grid.y.order, slot.wide_pitch)
    slot.line = take_rows(&free, 1, slot.wide_pitch)
    slot.low = take_rows(&free, slot.low_rows, slot.low_pitch)
    slot.columns = take_rows(&free, SQUARE, slot.low_pitch)
    slot.filtered = take_rows(&free, 1, slot.low_pitch)
    slot.phases = take_rows(&free, grid.x.order, slot.wide_pitch)
    slot.wide = take_rows(&free, slot.wide_rows, slot.wide_pitch)
    slot.stage = take_rows(&free, 1, slot.wide_pitch)
    slot.rows = <real**> take(&free, (slot.low_rows + SQUARE) * sizeof(void*))
    return free - scratch


cdef inline Strip strip_of(const Params* params, Py_ssize_t left, Py_ssize_t right) noexcept nogil:
    """The strip for the columns left to right of the result.

    A strip as wide as the image has all pixels that the border repeats. So no border is loaded;
    instead the sums are extended, which are fewer than the image rows.
    """
    cdef const Side* x = &(<const Grid*> params.records).x
    cdef Py_ssize_t step = (<const Grid*> params.records).step, cell = x.factor * step
    cdef Py_ssize_t points = (right - left + cell - 1) // cell + x.order - 1
    cdef Py_ssize_t low = points + x.taps - 1
    cdef Py_ssize_t first = left - (x.taps // 2 + x.order - 1) * cell + params.left
    cdef Py_ssize_t columns = (low + x.order - 1) * cell, begin = 0, end = columns
    if right - left == params.width:
        begin = params.left - first
        end = begin + params.width
    return Strip(left, right - left, first, columns, begin, end, low * step, points * step)


cdef void set_phases(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """Set the weights of each column of a strip, which begins with a cell."""
    cdef const Side* side = &(<const Grid*> params.records).x
    cdef Py_ssize_t step = (<const Grid*> params.records).step, cell = side.factor * step, x, j
    cdef const real* weights = up(params, side)
    cdef real* row
    for j in range(side.order):
        row = slot.phases + j * slot.wide_pitch
        for x in range(min(cell, n)):
            row[x] = weights[x // step * side.order + j]
        for x in range(cell, n):
            row[x] = row[x - cell]


cdef void add_chunk(const Params* params, const Slot* slot, const char* plane, Py_ssize_t e,
                    Py_ssize_t x, Py_ssize_t n, real** sums) noexcept nogil:
    """Add n columns of a cell of image rows, from extended row e on, to the sums."""
    cdef const Side* side = &(<const Grid*> params.records).y
    cdef Py_ssize_t pitch = CHUNK_BYTES // sizeof(real), p = 0, r, count
    cdef const real* weights = down(params, side)
    while p < side.factor:
        count = min(<Py_ssize_t> GROUP, side.factor - p)
        for r in range(count):
            load_row(params, plane, e + p + r, x, n, slot.raw, slot.group + r * pitch)
        if side.order == ORDER:
            add_rows(sums, slot.group, pitch, count, weights + p, side.factor, up_to_lanes(n),
                     ORDER)
        else:
            add_rows(sums, slot.group, pitch, count, weights + p, side.factor, up_to_lanes(n), 1)
        p += count


cdef inline void add_cell(const Params* params, const Slot* slot, const Strip* strip,
                          const char* plane, Py_ssize_t e, Py_ssize_t cell) noexcept nogil:
    """Add a cell of image rows to the sums of its grid rows."""
    cdef Py_ssize_t order = (<const Grid*> params.records).y.order, n, j
    cdef Py_ssize_t x = strip.begin
    cdef real* sums[ORDER]
    while x < strip.end:
        n = min(<Py_ssize_t> (CHUNK_BYTES // sizeof(real)), strip.end - x)
        for j in range(order):
            sums[j] = slot.sums + (cell + 1 + j) % order * slot.wide_pitch + x
        add_chunk(params, slot, plane, e, strip.first + x, n, sums)
        x += n


cdef void extend(const Params* params, const Strip* strip, real* row) noexcept nogil:
    """Fill the border of a row from the pixels that are loaded."""
    cdef const Py_ssize_t* before = params.before + strip.first
    cdef const Py_ssize_t* after = params.after - strip.end
    cdef const real* image = row + strip.begin
    cdef Py_ssize_t x
    for x in range(strip.begin):
        row[x] = image[before[x]] if before[x] >= 0 else <real> params.cval
    for x in range(strip.end, strip.columns):
        row[x] = image[after[x]] if after[x] >= 0 else <real> params.cval


cdef void take_sum(const Params* params, const Slot* slot, const Strip* strip,
                   Py_ssize_t row) noexcept nogil:
    """Decimate the complete sum of a grid row into the ring of low rows."""
    cdef const Grid* grid = <const Grid*> params.records
    cdef Py_ssize_t taps = grid.x.order * grid.x.factor
    cdef Py_ssize_t n = strip.columns - (taps - 1) * grid.step
    cdef Taps weights = Taps(down(params, &grid.x), 1, taps, grid.step, 1, False)
    cdef real* sums = slot.sums + row % grid.y.order * slot.wide_pitch
    cdef real* line = slot.line
    extend(params, strip, sums)
    single_row(&sums, &weights, up_to_lanes(n), &line)
    pick(line, grid.x.factor, grid.step, strip.low // grid.step,
         slot.low + row % slot.low_rows * slot.low_pitch)


cdef void filter_rows(const Params* params, const Slot* slot, const Strip* strip,
                      Py_ssize_t first, Py_ssize_t count) noexcept nogil:
    """Filter up to SQUARE low rows, and interpolate them along x into the ring of wide rows."""
    cdef const Grid* grid = <const Grid*> params.records
    cdef Taps along_y = Taps(kernel(params, &grid.y), grid.y.taps, 1, 1, 1, False)
    cdef Taps along_x = Taps(kernel(params, &grid.x), 1, grid.x.taps, grid.step, 1, False)
    cdef real** columns = slot.rows + slot.low_rows
    cdef real* filtered = slot.filtered
    cdef Py_ssize_t last = first + count + grid.y.taps - 2, r
    for r in range(slot.low_rows):
        slot.rows[r] = slot.low + min(first + r, last) % slot.low_rows * slot.low_pitch
    for r in range(SQUARE):
        columns[r] = slot.columns + r * slot.low_pitch
    correlate_rows(slot.rows, &along_y, up_to_lanes(strip.low), columns)
    for r in range(count):
        single_row(columns + r, &along_x, up_to_lanes(strip.filtered), &filtered)
        repeat(filtered, grid.x.factor, grid.step, strip.filtered // grid.step, slot.line)
        interpolate(slot.line, grid.x.factor * grid.step, slot.phases, slot.wide_pitch,
                    up_to_lanes(strip.width), grid.x.order,
                    slot.wide + (first + r) % slot.wide_rows * slot.wide_pitch)


cdef void write_cell(const Params* params, const Slot* slot, const Strip* strip, char* plane,
                     Py_ssize_t cell, Py_ssize_t y, Py_ssize_t count) noexcept nogil:
    """Interpolate `count` result rows of a cell, from row y on, between its wide rows."""
    cdef const Side* side = &(<const Grid*> params.records).y
    cdef Py_ssize_t r
    cdef Py_ssize_t n = up_to_lanes(strip.width)
    cdef Taps weights = Taps(up(params, side), side.order, 1, 1, 1, False)
    cdef real* target
    cdef char* start
    cdef bint plain
    for r in range(side.order):
        slot.rows[r] = slot.wide + (cell + r) % slot.wide_rows * slot.wide_pitch
    for r in range(count):
        start = (plane + (y + r) * params.result[0].row_stride
                 + strip.left * params.result[0].column_stride)
        plain = (params.result[0].code == REAL_CODE and n == strip.width
                 and is_plain(&params.result[0], start))
        target = <real*> start if plain else slot.stage
        single_row(slot.rows, &weights, n, &target)
        if not plain:
            store_row(params, target, 1, strip.width, slot.raw, start)
        weights.weights = weights.weights + side.order


cdef inline void run_strip(const Params* params, const Slot* slot, const Strip* strip,
                           const char* plane, char* result, Py_ssize_t top,
                           Py_ssize_t bottom) noexcept nogil:
    """Compute result rows top (the first of a cell) to bottom; grid rows are counted from 0."""
    cdef const Side* side = &(<const Grid*> params.records).y
    cdef Py_ssize_t cells = (bottom - top + side.factor - 1) // side.factor
    cdef Py_ssize_t rows = cells + side.order - 1, count, y
    cdef Py_ssize_t added = 0, filtered = 0, written = 0
    cdef Py_ssize_t e = top - (side.taps // 2 + side.order - 1) * side.factor + params.top
    memset(slot.sums, 0, side.order * slot.wide_pitch * sizeof(real))
    while filtered < rows:
        count = min(<Py_ssize_t> SQUARE, rows - filtered)
        while added < filtered + count + side.taps - 1 + side.order - 1:
            add_cell(params, slot, strip, plane, e + added * side.factor, added)
            if added >= side.order - 1:
                take_sum(params, slot, strip, added - (side.order - 1))
            added += 1
            memset(slot.sums + added % side.order * slot.wide_pitch, 0,
                   slot.wide_pitch * sizeof(real))
        filter_rows(params, slot, strip, filtered, count)
        filtered += count
        while written + side.order <= filtered:
            y = top + written * side.factor
            write_cell(params, slot, strip, result, written, y, min(side.factor, bottom - y))
            written += 1


cdef inline void run_band(const Params* params, const char* image, char* result, Py_ssize_t band,
                          Py_ssize_t rows, char* scratch) noexcept nogil:
    """Compute band number `band` of the stack, in strips of whole cells.

    The scratch is set to zero first. The last vector of a row is computed with whatever it holds,
    and subnormal numbers there would take a hundred times as long.
    """
    cdef const Grid* grid = <const Grid*> params.records
    cdef Py_ssize_t in_plane = (params.result_height + rows - 1) // rows
    cdef Py_ssize_t top = band % in_plane * rows, bottom = min(top + rows, params.result_height)
    cdef const Py_ssize_t* offsets = params.offsets + band // in_plane * 2
    cdef Py_ssize_t cell = grid.x.factor * grid.step, x = 0, right, width = params.result_width
    cdef Slot slot
    cdef Strip strip
    memset(scratch, 0, lay_out(params, scratch, &slot))
    if params.strip < width:
        width = max(params.strip // cell, <Py_ssize_t> 1) * cell
    set_phases(params, &slot, up_to_lanes(width))
    while x < params.result_width:
        right = min(x + width, params.result_width)
        strip = strip_of(params, x, right)
        run_strip(params, &slot, &strip, image + offsets[0], result + offsets[1], top, bottom)
        x = right


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Py_ssize_t slot_bytes(const Params* params) noexcept nogil:
    cdef Slot unused
    return lay_out(params, NULL, &unused)


cdef inline void run_loop(const Params* params, const Task* task) noexcept nogil:
    """Compute all bands, which are whole cells."""
    cdef Py_ssize_t in_plane = (params.result_height + task.rows - 1) // task.rows
    cdef Py_ssize_t bands = in_plane * params.planes, band
    for band in prange(bands, num_threads=task.threads, schedule="dynamic"):
        run_band(params, task.image, task.results[0], band, task.rows,
                 task.scratch + threadid() * task.slot_bytes)


include "entry.pxi"

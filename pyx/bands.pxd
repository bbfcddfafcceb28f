# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""The schedule that most loops share: bands, strips, blocks and chunks of extended rows.

A band (neighbouring result rows of one plane) is the unit of work of a thread. It is cut into
strips, so narrow that the rows under a block fit in the L2 cache. A strip is computed from top to
bottom, block by block; a block is a few result rows. A block is cut into chunks that fit in L1. For
each chunk the loop's `block` function is called. It gets pointers to rows, so it deals with no
border, dtype or stride.

Rows are read in place where that is possible (computing type, no gaps, all windows inside the
image). Elsewhere each row is converted once into a ring of rows, which moves down with the block.
"""
from cython.parallel cimport prange, threadid
from libc.string cimport memcpy

from rows cimport (
    CACHE_LINE, MEANS, Params, Task, fill, image_row, is_plain, is_real, load_row, outside,
    store_row,
)
from types cimport LANES, real
from weights cimport carry_weights, divide_by_weights

cdef enum:
    WAYS = 8                # lines in a set of the L1 cache (12 on newer processors)

cdef struct Slot:
    # The scratch of one thread.
    real** rows             # the extended rows under a block, top to bottom; then their weights
    real** targets          # the rows a block writes: results x block, and one block more
    char** planes           # where each result of the plane begins
    char* raw               # pixels before or after conversion
    real* blank             # a row of cval
    real* ring              # converted rows, span_y + (block - 1) * stride_y; then their weights
    real* stage             # results before conversion
    real* saved             # in place: copies of the rows above and below the band
    real* work              # params.work numbers for the loop itself
    const char* weights     # those of the plane, or NULL
    Py_ssize_t y, x         # first row and sample of the block in the result


# Compute n columns (a multiple of LANES) of params.block result rows. The window of result row r
# and column x begins at slot.rows[r * stride_y][x]. LANES columns behind the last window may be
# read; their values are not used. With a stride, only every stride_x-th pixel has a result; these
# are stored side by side in slot.targets (`keep_strided`).
ctypedef void (*Block)(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil


cdef inline Py_ssize_t kept(const Params* params, Py_ssize_t n) noexcept nogil:
    """The samples that have a result, of n columns that begin at a multiple of params.grain."""
    if params.stride_x == 1:
        return n
    return ((n - params.step) // (params.stride_x * params.step) + 1) * params.step


cdef inline void pick(const real* row, Py_ssize_t step, Py_ssize_t n, real* target) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        target[i] = row[i * step]


cdef inline void keep_strided(const Params* params, const real* row, Py_ssize_t n,
                              real* target) noexcept nogil:
    """Copy the samples of every stride_x-th pixel of n columns; target may be the row itself.

    Strides 2 and 3 are literals, so that the compiler makes shuffles of vectors of them.
    """
    cdef Py_ssize_t step = params.step, count = kept(params, n), i, c
    if params.stride_x == 1:
        pick(row, 1, count, target)
    elif step > 1:
        for i in range(count // step):
            for c in range(step):
                target[i * step + c] = row[i * step * params.stride_x + c]
    elif params.stride_x == 2:
        pick(row, 2, count, target)
    elif params.stride_x == 3:
        pick(row, 3, count, target)
    else:
        pick(row, params.stride_x, count, target)


cdef inline void keep_results(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """Apply `keep_strided` to all rows that a block has written."""
    cdef Py_ssize_t k
    for k in range(params.results * params.block if params.stride_x > 1 else 0):
        keep_strided(params, slot.targets[k], n, slot.targets[k])


cdef inline Py_ssize_t ring_rows(const Params* params) noexcept nogil:
    return params.span_y + (params.block - 1) * params.stride_y


cdef inline Py_ssize_t ring_numbers(const Params* params) noexcept nogil:
    return ring_rows(params) * params.ring_pitch


cdef inline Py_ssize_t carried(const Params* params) noexcept nogil:
    """The numbers of a pixel: its value, and its weight if pixels are weighed."""
    return 2 if params.weighing.kind else 1


cdef inline Py_ssize_t target_rows(const Params* params) noexcept nogil:
    return (params.results + 1) * params.block


cdef inline char* take(char** free, Py_ssize_t size) noexcept nogil:
    """The next `size` bytes of scratch; each piece begins on a cache line."""
    cdef char* taken = free[0]
    free[0] = taken + (size + CACHE_LINE - 1) // CACHE_LINE * CACHE_LINE
    return taken


cdef inline Py_ssize_t lay_out(const Params* params, char* scratch, Slot* slot) noexcept nogil:
    """Divide a thread's scratch; return its size in bytes."""
    cdef Py_ssize_t row = params.pitch * <Py_ssize_t> sizeof(real)
    cdef char* free = scratch
    slot.rows = <real**> take(&free, carried(params) * ring_rows(params) * sizeof(void*))
    slot.targets = <real**> take(&free, target_rows(params) * sizeof(void*))
    slot.planes = <char**> take(&free, params.results * sizeof(void*))
    slot.raw = take(&free, params.ring_pitch * 8)
    slot.blank = <real*> take(&free, row)
    slot.ring = <real*> take(&free, carried(params) * ring_numbers(params) * sizeof(real))
    slot.stage = <real*> take(&free, target_rows(params) * row)
    slot.work = <real*> take(&free, params.work * <Py_ssize_t> sizeof(real))
    slot.saved = <real*> take(
        &free, (params.span_y - 1) * params.ring_pitch * sizeof(real) if params.in_place else 0)
    return free - scratch


cdef inline Py_ssize_t up_to(Py_ssize_t n, Py_ssize_t unit) noexcept nogil:
    """n rounded up to a multiple of a unit."""
    return (n + unit - 1) // unit * unit


cdef inline Py_ssize_t up_to_lanes(Py_ssize_t n) noexcept nogil:
    return up_to(n, LANES)


cdef inline void find_direct(const Params* params, bint plain, Py_ssize_t left, Py_ssize_t right,
                             Py_ssize_t* begin, Py_ssize_t* end) noexcept nogil:
    """Find the columns begin to end of a strip, in whole grains, whose rows can be read in place.

    A row that is read in place must hold every window of these columns and LANES samples more.
    Where a grain is not a whole number of vectors, it must also hold the windows of the columns
    that fill the last vector. Short rows are copied, because the columns on both sides need chunks
    of their own: with 256 x 256 float32 pixels that takes a quarter less time for 3x3.
    """
    cdef Py_ssize_t spare = LANES if params.grain % LANES == 0 else 2 * LANES
    begin[0] = max(left, up_to(params.left, params.grain))
    end[0] = min(right, params.left + params.width - params.span_x + 1 - spare)
    end[0] = begin[0] + (end[0] - begin[0]) // params.grain * params.grain
    if not plain or end[0] - begin[0] < 32 * LANES:
        begin[0] = end[0] = right


cdef inline real* saved_row(const Params* params, const Slot* slot, Py_ssize_t e, Py_ssize_t top,
                            Py_ssize_t bottom) noexcept nogil:
    """Where extended row e of a band filtered in place is saved; NULL for the band's own rows."""
    if not params.in_place or top + params.top <= e < bottom + params.top:
        return NULL
    return slot.saved + (e - top if e < top + params.top else e - bottom) * params.ring_pitch


cdef inline void save_rows(const Params* params, const Slot* slot, const char* plane,
                           Py_ssize_t top, Py_ssize_t bottom) noexcept nogil:
    """Save the rows above and below a band before they are overwritten."""
    cdef Py_ssize_t n = params.result_width + params.span_x - 1, e
    cdef real* row
    for e in range(top, bottom + params.span_y - 1):
        row = saved_row(params, slot, e, top, bottom)
        if row != NULL:
            load_row(params, plane, e, 0, n, slot.raw, row)


cdef inline void load_rows(const Params* params, const Slot* slot, const char* plane,
                           Py_ssize_t first, Py_ssize_t last, Py_ssize_t strip, Py_ssize_t left,
                           Py_ssize_t right, Py_ssize_t top, Py_ssize_t bottom) noexcept nogil:
    """Convert columns left to right of extended rows first to last into the ring; weigh them.

    A vector of zeros follows each row. The last vector of a block computes with it, and subnormal
    numbers there would take a hundred times as long.
    """
    cdef Py_ssize_t count = ring_rows(params), place = first % count, e
    cdef Py_ssize_t n = right - left + params.span_x - 1
    cdef real* row
    cdef real* weights
    cdef const real* saved
    for e in range(first, last + 1 if left < right else first):
        row = slot.ring + place * params.ring_pitch + left - strip
        place = place + 1 if place + 1 < count else 0
        saved = saved_row(params, slot, e, top, bottom)
        if saved == NULL:
            load_row(params, plane, e, left, n, slot.raw, row)
        else:
            memcpy(row, saved, n * sizeof(real))
        if params.weighing.kind:
            weights = row + ring_numbers(params)
            carry_weights(params, slot.weights, e, left, n, slot.raw, row, weights)
            fill(weights + n, LANES, 0)
        fill(row + n, LANES, 0)


cdef inline void lay_rows(const Params* params, const Slot* slot, const char* plane,
                          Py_ssize_t first, Py_ssize_t last, Py_ssize_t strip, Py_ssize_t x,
                          bint direct) noexcept nogil:
    """Point slot.rows to extended rows first to last (the last one repeated), from column x on."""
    cdef Py_ssize_t count = ring_rows(params), place = first % count, i, e, y
    for i in range(count):
        e = min(first + i, last)
        if not direct:
            slot.rows[i] = slot.ring + place * params.ring_pitch + (x - strip)
            if params.weighing.kind:
                slot.rows[count + i] = slot.rows[i] + ring_numbers(params)
            if e < last:
                place = place + 1 if place + 1 < count else 0
            continue
        y = image_row(params, e)
        slot.rows[i] = slot.blank
        if y >= 0:
            slot.rows[i] = <real*> (plane + y * params.image.row_stride) + (x - params.left)


cdef inline char* result_row(const Params* params, const Slot* slot, Py_ssize_t which,
                             Py_ssize_t y) noexcept nogil:
    return slot.planes[which] + y * params.result[0].row_stride


cdef inline void compute(const Params* params, Slot* slot, Block block,
                         Py_ssize_t n) noexcept nogil:
    """Fill slot.targets; for means, from the results of the values and from those of the weights.

    A mean is one result, so the rows for another block are free for what the weights give.
    """
    cdef Slot weights = slot[0]
    cdef Py_ssize_t r
    block(params, slot, n)
    if params.weighing.kind != MEANS:
        return
    weights.rows = slot.rows + ring_rows(params)
    weights.targets = slot.targets + params.block
    block(params, &weights, n)
    for r in range(params.block):
        divide_by_weights(slot.targets[r], weights.targets[r], n)


cdef inline void run_chunk(const Params* params, Slot* slot, Block block, Py_ssize_t y,
                           Py_ssize_t bottom, Py_ssize_t x, Py_ssize_t width) noexcept nogil:
    """Compute columns x to x + width of the block of rows from y on, and store them.

    Whole vectors of the computing type are written to the result directly, all else to the stage
    first.
    """
    cdef Py_ssize_t padded = up_to_lanes(width)
    cdef Py_ssize_t first = x // params.stride_x, count = kept(params, width)
    cdef Py_ssize_t k, r
    cdef bint in_place
    cdef real** targets
    cdef char* start
    slot.y = y
    slot.x = first
    for k in range(target_rows(params)):
        slot.targets[k] = slot.stage + k * params.pitch
    for k in range(params.results):
        in_place = (is_real(params.result[0].code) and padded == width and params.stride_x == 1
                    and is_plain(&params.result[0], slot.planes[k]))
        for r in range(min(params.block, bottom - y) if in_place else 0):
            slot.targets[k * params.block + r] = <real*> result_row(params, slot, k, y + r) + x
    compute(params, slot, block, padded)
    for k in range(params.results):
        targets = slot.targets + k * params.block
        for r in range(min(params.block, bottom - y)):
            if params.point_count:
                params.follow(params.points, params.point_count, targets[r], count)
            start = result_row(params, slot, k, y + r) + first * params.result[0].column_stride
            if <char*> targets[r] != start:
                store_row(params, targets[r], 1, count, slot.raw, start)


cdef inline void run_strip(const Params* params, Slot* slot, Block block, const char* plane,
                           Py_ssize_t top, Py_ssize_t bottom, Py_ssize_t left, Py_ssize_t right,
                           bint plain) noexcept nogil:
    """Compute result rows top to bottom of the columns left to right, block by block.

    The columns from `begin` to `end` are read in place, those on both sides from the ring.
    """
    cdef Py_ssize_t last_row = (bottom - 1) * params.stride_y + params.span_y - 1
    cdef Py_ssize_t loaded = top * params.stride_y, y = top
    cdef Py_ssize_t begin = 0, end = 0, first, last, x, width
    cdef bint direct
    find_direct(params, plain, left, right, &begin, &end)
    while y < bottom:
        first = y * params.stride_y
        last = min(first + ring_rows(params) - 1, last_row)
        loaded = max(loaded, first)
        load_rows(params, slot, plane, loaded, last, left, left, begin, top, bottom)
        load_rows(params, slot, plane, loaded, last, left, end, right, top, bottom)
        loaded = last + 1
        x = left
        while x < right:
            direct = begin <= x < end
            width = min(params.chunk, (begin if x < begin else end if direct else right) - x)
            # Whole vectors can be written to the result directly.
            if width > LANES and params.stride_x == 1 and is_real(params.result[0].code):
                width = width // LANES * LANES
            lay_rows(params, slot, plane, first, last, left, x, direct)
            run_chunk(params, slot, block, y, bottom, x, width)
            x += width
        y += params.block


cdef inline bint shares_sets(const Params* params) noexcept nogil:
    """Whether the rows under a block, read in place, would share a few sets of the cache.

    Rows that are a multiple of 4 KB apart share one set of an L1 cache, which holds WAYS lines, and
    a few sets of L2. Half of the lines are for rows of the result. Where there are too many, a line
    is gone before it is used again: 15x15 takes twice as long, a Gaussian of sigma 2 a third
    longer. The rows of the ring have another distance.
    """
    return params.span_y > WAYS // 2 and params.image.row_stride % 4096 == 0


cdef inline void run_band(const Params* params, Block block, const Task* task, Py_ssize_t band,
                          char* scratch, bint save, bint compute) noexcept nogil:
    """Save the neighbour rows of band number `band` of the stack, or compute the band, or both."""
    cdef Py_ssize_t in_plane = (params.result_height + task.rows - 1) // task.rows
    cdef Py_ssize_t p = band // in_plane, top = band % in_plane * task.rows
    cdef Py_ssize_t bottom = min(top + task.rows, params.result_height)
    cdef Py_ssize_t columns = (params.result_width - params.step) * params.stride_x + params.step
    cdef const Py_ssize_t* offsets = params.offsets + p * (1 + params.results)
    cdef const char* plane = task.image + offsets[0]
    cdef Py_ssize_t k, x = 0, right
    cdef bint plain = (not params.in_place and not params.weighing.kind
                       and is_real(params.image.code)
                       and is_plain(&params.image, plane) and not shares_sets(params))
    cdef Slot slot
    lay_out(params, scratch, &slot)
    slot.weights = NULL
    if params.weighing.given:
        slot.weights = task.weights + params.weighing.offsets[p]
    if save:
        save_rows(params, &slot, plane, top, bottom)
    fill(slot.blank, params.pitch, outside(params))
    for k in range(params.results):
        slot.planes[k] = task.results[min(k, 1)] + offsets[1 + k]
    while x < columns and compute:
        right = min(x + params.strip, columns)
        run_strip(params, &slot, block, plane, top, bottom, x, right, plain)
        x = right


cdef inline Py_ssize_t band_bytes(const Params* params) noexcept nogil:
    """Bytes of scratch for a thread."""
    cdef Slot unused
    return lay_out(params, NULL, &unused)


# `run_band` is called through a pointer, so that it is compiled once for both loops below.
ctypedef void (*RunBand)(const Params* params, Block block, const Task* task, Py_ssize_t band,
                         char* scratch, bint save, bint compute) noexcept nogil


cdef inline void run_bands(const Params* params, Block block, const Task* task) noexcept nogil:
    """Compute all bands of all planes.

    A result depends on its window only, so neither the rows of a band nor the number of threads
    change a bit. In place there is either one band for each plane, or one plane with at most one
    band for each thread. In the second case each band has a slot of its own, and all bands save
    their neighbour rows before any band writes.
    """
    cdef Py_ssize_t in_plane = (params.result_height + task.rows - 1) // task.rows
    cdef Py_ssize_t bands = in_plane * params.planes, band
    cdef bint shared = params.in_place and task.rows < params.result_height
    cdef RunBand run = run_band
    cdef int phase
    if task.threads == 1:
        # Without OpenMP: starting a parallel region takes as long as a hundred pixels.
        for band in range(bands):
            run(params, block, task, band, task.scratch, params.in_place, True)
        return
    for phase in range(2 if shared else 1):
        for band in prange(bands, num_threads=task.threads, use_threads_if=task.threads > 1,
                           schedule="dynamic"):
            run(params, block, task, band,
                task.scratch + (band if shared else threadid()) * task.slot_bytes,
                params.in_place and phase == 0, phase == 1 or not shared)

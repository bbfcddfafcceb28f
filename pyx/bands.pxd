# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""The walk that every row filter shares: bands, strips, blocks and chunks of extended rows.

A band (a run of result rows of one plane) is the unit of work of a thread. It is walked downwards
in blocks of a few result rows, in strips as wide as the rows that a block needs fit the L2 cache.
A block is cut into chunks that fit L1, and each chunk handed to the filter's `block` function,
which sees row pointers only: no border, no dtype, no stride.

Rows are read in place where that is possible (the computing type, no gaps, all windows inside the
image). Elsewhere they are converted once into a ring of rows, which moves down with the block.
"""
from cython.parallel cimport prange, threadid
from libc.string cimport memcpy

from rows cimport (
    CACHE_LINE, Job, Task, fill, image_row, is_plain, is_real, load_row, outside, store_row,
)
from types cimport LANES, real

cdef struct Slot:
    # The scratch of one thread.
    real** rows             # the extended rows under a block, top to bottom
    real** targets          # the rows a block writes: results x block, and block rows to spare
    char** planes           # where each result of the plane begins
    char* raw               # pixels on their way to or from real
    real* blank             # a row of cval
    real* ring              # converted rows, span_y + (block - 1) * stride_y of them
    real* stage             # results on their way to the image
    real* saved             # in place: the rows above and below the band, as they were
    real* work              # what the filter asked for
    Py_ssize_t y, x         # where the block stands: its first row and sample in the result


# Computes `n` columns (a multiple of LANES) of job.block result rows. The window of result row r
# and column x begins at slot.rows[r * stride_y][x]. Reading LANES columns past the last window is
# safe, what they hold is not used. With a stride, the results of every stride_x-th pixel are
# wanted, side by side in slot.targets: `keep_strided` picks them.
ctypedef void (*Block)(const Job* job, const Slot* slot, Py_ssize_t n) noexcept nogil


cdef inline Py_ssize_t kept(const Job* job, Py_ssize_t n) noexcept nogil:
    """How many samples of n columns, from a multiple of job.grain on, have a result."""
    if job.stride_x == 1:
        return n
    return ((n - job.step) // (job.stride_x * job.step) + 1) * job.step


cdef inline void pick(const real* row, Py_ssize_t step, Py_ssize_t n, real* target) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        target[i] = row[i * step]


cdef inline void keep_strided(const Job* job, const real* row, Py_ssize_t n,
                              real* target) noexcept nogil:
    """Of n columns, the samples of every stride_x-th pixel; target may be the row itself.

    Literal strides let the compiler shuffle vectors.
    """
    cdef Py_ssize_t step = job.step, count = kept(job, n), i, c
    if job.stride_x == 1:
        pick(row, 1, count, target)
    elif step > 1:
        for i in range(count // step):
            for c in range(step):
                target[i * step + c] = row[i * step * job.stride_x + c]
    elif job.stride_x == 2:
        pick(row, 2, count, target)
    elif job.stride_x == 3:
        pick(row, 3, count, target)
    else:
        pick(row, job.stride_x, count, target)


cdef inline void keep_results(const Job* job, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """`keep_strided` for all that a block has written."""
    cdef Py_ssize_t k
    for k in range(job.results * job.block if job.stride_x > 1 else 0):
        keep_strided(job, slot.targets[k], n, slot.targets[k])


cdef inline Py_ssize_t ring_rows(const Job* job) noexcept nogil:
    return job.span_y + (job.block - 1) * job.stride_y


cdef inline Py_ssize_t target_rows(const Job* job) noexcept nogil:
    return (job.results + 1) * job.block


cdef inline char* take(char** free, Py_ssize_t size) noexcept nogil:
    """The next `size` bytes of the scratch, on whole cache lines."""
    cdef char* taken = free[0]
    free[0] = taken + (size + CACHE_LINE - 1) // CACHE_LINE * CACHE_LINE
    return taken


cdef inline Py_ssize_t lay_out(const Job* job, char* scratch, Slot* slot) noexcept nogil:
    """Divide a thread's scratch; returns the bytes it takes."""
    cdef Py_ssize_t row = job.pitch * <Py_ssize_t> sizeof(real)
    cdef char* free = scratch
    slot.rows = <real**> take(&free, ring_rows(job) * sizeof(void*))
    slot.targets = <real**> take(&free, target_rows(job) * sizeof(void*))
    slot.planes = <char**> take(&free, job.results * sizeof(void*))
    slot.raw = take(&free, job.ring_pitch * 8)
    slot.blank = <real*> take(&free, row)
    slot.ring = <real*> take(&free, ring_rows(job) * job.ring_pitch * sizeof(real))
    slot.stage = <real*> take(&free, target_rows(job) * row)
    slot.work = <real*> take(&free, job.work * <Py_ssize_t> sizeof(real))
    slot.saved = <real*> take(
        &free, (job.span_y - 1) * job.ring_pitch * sizeof(real) if job.in_place else 0)
    return free - scratch


cdef inline Py_ssize_t up_to(Py_ssize_t n, Py_ssize_t unit) noexcept nogil:
    """The next multiple of a unit."""
    return (n + unit - 1) // unit * unit


cdef inline Py_ssize_t up_to_lanes(Py_ssize_t n) noexcept nogil:
    return up_to(n, LANES)


cdef inline void find_direct(const Job* job, bint plain, Py_ssize_t left, Py_ssize_t right,
                             Py_ssize_t* begin, Py_ssize_t* end) noexcept nogil:
    """The columns begin to end of a strip, in whole grains, whose rows can be read in place.

    A row read in place must hold every window of these columns, and LANES samples more; where the
    columns are no whole vectors, since grains are none, the windows of as many as fill the last
    one, too. Short rows are copied, since what is left beside them is done in chunks of its own: of
    256 x 256 float32 pixels 3x3 takes a quarter less time so.
    """
    cdef Py_ssize_t spare = LANES if job.grain % LANES == 0 else 2 * LANES
    begin[0] = max(left, up_to(job.left, job.grain))
    end[0] = min(right, job.left + job.width - job.span_x + 1 - spare)
    end[0] = begin[0] + (end[0] - begin[0]) // job.grain * job.grain
    if not plain or end[0] - begin[0] < 32 * LANES:
        begin[0] = end[0] = right


cdef inline real* saved_row(const Job* job, const Slot* slot, Py_ssize_t e, Py_ssize_t top,
                            Py_ssize_t bottom) noexcept nogil:
    """Where extended row e of a band filtered in place is saved; NULL for the band's own rows."""
    if not job.in_place or top + job.top <= e < bottom + job.top:
        return NULL
    return slot.saved + (e - top if e < top + job.top else e - bottom) * job.ring_pitch


cdef inline void save_rows(const Job* job, const Slot* slot, const char* plane, Py_ssize_t top,
                           Py_ssize_t bottom) noexcept nogil:
    """Save the rows above and below a band before they are overwritten."""
    cdef Py_ssize_t n = job.result_width + job.span_x - 1, e
    cdef real* row
    for e in range(top, bottom + job.span_y - 1):
        row = saved_row(job, slot, e, top, bottom)
        if row != NULL:
            load_row(job, plane, e, 0, n, slot.raw, row)


cdef inline void load_rows(const Job* job, const Slot* slot, const char* plane, Py_ssize_t first,
                           Py_ssize_t last, Py_ssize_t strip, Py_ssize_t left, Py_ssize_t right,
                           Py_ssize_t top, Py_ssize_t bottom) noexcept nogil:
    """Bring the columns left to right of extended rows first to last into the ring.

    A vector of zeros follows, since what lies there is computed with: subnormal rubbish would cost
    a hundred times the time of a number.
    """
    cdef Py_ssize_t count = ring_rows(job), place = first % count, e
    cdef Py_ssize_t n = right - left + job.span_x - 1
    cdef real* row
    cdef const real* saved
    for e in range(first, last + 1 if left < right else first):
        row = slot.ring + place * job.ring_pitch + left - strip
        place = place + 1 if place + 1 < count else 0
        saved = saved_row(job, slot, e, top, bottom)
        if saved == NULL:
            load_row(job, plane, e, left, n, slot.raw, row)
        else:
            memcpy(row, saved, n * sizeof(real))
        fill(row + n, LANES, 0)


cdef inline void lay_rows(const Job* job, const Slot* slot, const char* plane, Py_ssize_t first,
                          Py_ssize_t last, Py_ssize_t strip, Py_ssize_t x,
                          bint direct) noexcept nogil:
    """Point slot.rows to extended rows first to last (the last one repeated), from column x on."""
    cdef Py_ssize_t count = ring_rows(job), place = first % count, i, e, y
    for i in range(count):
        e = min(first + i, last)
        if not direct:
            slot.rows[i] = slot.ring + place * job.ring_pitch + (x - strip)
            if e < last:
                place = place + 1 if place + 1 < count else 0
            continue
        y = image_row(job, e)
        slot.rows[i] = slot.blank
        if y >= 0:
            slot.rows[i] = <real*> (plane + y * job.image.row_stride) + (x - job.left)


cdef inline char* result_row(const Job* job, const Slot* slot, Py_ssize_t which,
                             Py_ssize_t y) noexcept nogil:
    return slot.planes[which] + y * job.result[0].row_stride


cdef inline void run_chunk(const Job* job, Slot* slot, Block block, Py_ssize_t y,
                           Py_ssize_t bottom, Py_ssize_t x, Py_ssize_t width) noexcept nogil:
    """One block of result rows from y, the columns x to x + width, and their way into the result.

    Whole vectors of the computing type are written where they belong, all else is staged.
    """
    cdef Py_ssize_t padded = up_to_lanes(width)
    cdef Py_ssize_t first = x // job.stride_x, count = kept(job, width)
    cdef Py_ssize_t k, r
    cdef bint in_place
    cdef real** targets
    cdef char* start
    slot.y = y
    slot.x = first
    for k in range(target_rows(job)):
        slot.targets[k] = slot.stage + k * job.pitch
    for k in range(job.results):
        in_place = (is_real(job.result[0].code) and padded == width and job.stride_x == 1
                    and is_plain(&job.result[0], slot.planes[k]))
        for r in range(min(job.block, bottom - y) if in_place else 0):
            slot.targets[k * job.block + r] = <real*> result_row(job, slot, k, y + r) + x
    block(job, slot, padded)
    for k in range(job.results):
        targets = slot.targets + k * job.block
        for r in range(min(job.block, bottom - y)):
            start = result_row(job, slot, k, y + r) + first * job.result[0].column_stride
            if <char*> targets[r] != start:
                store_row(job, targets[r], 1, count, slot.raw, start)


cdef inline void walk_strip(const Job* job, Slot* slot, Block block, const char* plane,
                            Py_ssize_t top, Py_ssize_t bottom, Py_ssize_t left, Py_ssize_t right,
                            bint plain) noexcept nogil:
    """Result rows top to bottom of the columns left to right, block by block.

    The columns from `begin` to `end` are read in place, those on both sides come from the ring.
    """
    cdef Py_ssize_t last_row = (bottom - 1) * job.stride_y + job.span_y - 1
    cdef Py_ssize_t loaded = top * job.stride_y, y = top
    cdef Py_ssize_t begin = 0, end = 0, first, last, x, width
    cdef bint direct
    find_direct(job, plain, left, right, &begin, &end)
    while y < bottom:
        first = y * job.stride_y
        last = min(first + ring_rows(job) - 1, last_row)
        loaded = max(loaded, first)
        load_rows(job, slot, plane, loaded, last, left, left, begin, top, bottom)
        load_rows(job, slot, plane, loaded, last, left, end, right, top, bottom)
        loaded = last + 1
        x = left
        while x < right:
            direct = begin <= x < end
            width = min(job.chunk, (begin if x < begin else end if direct else right) - x)
            # Whole vectors can be written where they belong.
            if width > LANES and job.stride_x == 1 and is_real(job.result[0].code):
                width = width // LANES * LANES
            lay_rows(job, slot, plane, first, last, left, x, direct)
            run_chunk(job, slot, block, y, bottom, x, width)
            x += width
        y += job.block


cdef inline bint crowds(const Job* job) noexcept nogil:
    """Whether the rows under a window, read in place, would fall into the same few sets of a cache.

    64 rows that lie 32 KB apart have 4 sets of a 2 MB cache for a column, 16 lines each: a Gaussian
    of sigma 8 took twice as long. The rows of the ring lie otherwise.
    """
    return job.span_y > 32 and job.image.row_stride % 4096 == 0


cdef inline void walk_band(const Job* job, Block block, const Task* task, Py_ssize_t band,
                           char* scratch, bint save, bint walk) noexcept nogil:
    """Band number `band` of the whole stack, in one slot of scratch: save, then walk, or one."""
    cdef Py_ssize_t in_plane = (job.result_height + task.rows - 1) // task.rows
    cdef Py_ssize_t p = band // in_plane, top = band % in_plane * task.rows
    cdef Py_ssize_t bottom = min(top + task.rows, job.result_height)
    cdef Py_ssize_t columns = (job.result_width - job.step) * job.stride_x + job.step
    cdef const Py_ssize_t* offsets = job.offsets + p * (1 + job.results)
    cdef const char* plane = task.image + offsets[0]
    cdef Py_ssize_t k, x = 0, right
    cdef bint plain = (not job.in_place and is_real(job.image.code)
                       and is_plain(&job.image, plane) and not crowds(job))
    cdef Slot slot
    lay_out(job, scratch, &slot)
    if save:
        save_rows(job, &slot, plane, top, bottom)
    fill(slot.blank, job.pitch, outside(job))
    for k in range(job.results):
        slot.planes[k] = task.results[min(k, 1)] + offsets[1 + k]
    while x < columns and walk:
        right = min(x + job.strip, columns)
        walk_strip(job, &slot, block, plane, top, bottom, x, right, plain)
        x = right


cdef inline Py_ssize_t band_bytes(const Job* job) noexcept nogil:
    """Bytes of scratch for a thread."""
    cdef Slot unused
    return lay_out(job, NULL, &unused)


# Called by its address, so that it is compiled once for both loops below.
ctypedef void (*WalkBand)(const Job* job, Block block, const Task* task, Py_ssize_t band,
                          char* scratch, bint save, bint walk) noexcept nogil


cdef inline void run_bands(const Job* job, Block block, const Task* task) noexcept nogil:
    """All bands of all planes.

    Every pixel's value depends on its window alone, so neither rows nor threads change a bit.
    In place, there is either one band a plane, or one plane and no more bands than threads: then
    each has a slot of its own, and all save their neighbours' rows before any begins to write.
    """
    cdef Py_ssize_t bands = (job.result_height + task.rows - 1) // task.rows * job.planes, band
    cdef bint shared = job.in_place and task.rows < job.result_height
    cdef WalkBand walk = walk_band
    cdef int phase
    if task.threads == 1:
        # Not through OpenMP, whose region of one thread takes as long as a hundred pixels.
        for band in range(bands):
            walk(job, block, task, band, task.scratch, job.in_place, True)
        return
    for phase in range(2 if shared else 1):
        for band in prange(bands, num_threads=task.threads, use_threads_if=task.threads > 1,
                           schedule="dynamic"):
            walk(job, block, task, band,
                 task.scratch + (band if shared else threadid()) * task.slot_bytes,
                 job.in_place and phase == 0, phase == 1 or not shared)

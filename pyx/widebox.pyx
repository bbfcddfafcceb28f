# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The mean over a rectangle of many pixels, at a cost that does not grow with its height.

    result[y, x] = sum over i < kh, j < kw:  image[y + i, x + j * step]  / (kh * kw)

A band is computed from top to bottom. First come sums down the columns.

Integers are exact, so one row of running sums is enough: a row is added and another subtracted
(integers.pxd).

Floats are added and never subtracted, so that rounding errors do not grow and a NaN stays in its
windows. The rows are divided into groups, and a block of results into as many rows. The sums of a
block share the whole groups and the single rows that are under all of its windows. Each adds the
last rows of the first group, summed from bottom to top, and the rows that enter, summed from top to
bottom (van Herk 1992, Gil and Werman 1993). Sums of groups are kept in a ring.

Then come sums along the rows: running sums of integers, and for floats those of `row_sums`.

Where pixels are weighed (weights.pxd), all sums of floats are made of their weights, too.
"""
from cython.parallel cimport prange, threadid
from libc.string cimport memcpy

from bands cimport take, up_to_lanes
from integers cimport IS_WHOLE, Rectangle, means_of_row, replace_pixels, replace_row
from keys cimport prefetch
from rows cimport (
    INT16, REAL_CODE, UINT8, Params, Task, fill, image_row, is_plain, is_real, load_row, outside,
    store_row,
)
from sums cimport row_sums
from types cimport LANES, ZERO, load, real, store, vec
from weights cimport carry_weights, divide_by_weights


cdef enum:
    # Columns whose rows are loaded at once. The rows are added one after the other, each from
    # memory in one piece: many at once, as far apart as image rows, share a few sets of the cache.
    CHUNK = 1024


# ---------------------------------------------------------------------------------------------
# Floats: column sums that share groups of rows

cdef inline void sum_rows(real** rows, Py_ssize_t count, Py_ssize_t n, real* out) noexcept nogil:
    """out = rows[0] + ... + rows[count - 1], four of them at a time."""
    cdef Py_ssize_t r = 0
    if count == 0:
        fill(out, up_to_lanes(n), 0)
    while r < count:
        sum_some(rows + r, min(count - r, <Py_ssize_t> 4), n, r > 0, out)
        r += 4


cdef inline void sum_some(real** rows, Py_ssize_t count, Py_ssize_t n, bint more,
                          real* out) noexcept nogil:
    """out = out if more + up to four rows."""
    cdef Py_ssize_t x = 0, r
    cdef vec total
    while x < n:
        total = load(out + x) if more else ZERO
        for r in range(count):
            total = total + load(rows[r] + x)
        store(out + x, total)
        x += LANES


cdef inline void add_rows(const real* row, const real* other, Py_ssize_t n,
                          real* out) noexcept nogil:
    """out = row + other."""
    cdef Py_ssize_t x = 0
    while x < n:
        store(out + x, load(row + x) + load(other + x))
        x += LANES


cdef inline void enter_row(const real* row, const real* next, Py_ssize_t n, real* total,
                           real* out) noexcept nogil:
    """total += row; out += total. Meanwhile a row of the next block is prefetched."""
    cdef Py_ssize_t x = 0
    cdef vec sums
    while x < n:
        prefetch(next + x)
        sums = load(total + x) + load(row + x)
        store(total + x, sums)
        store(out + x, load(out + x) + sums)
        x += LANES


cdef inline void block_sums(real** leaving, real** shared, Py_ssize_t count, real** entering,
                            real** next, Py_ssize_t group, Py_ssize_t n, real* total, real* out,
                            Py_ssize_t pitch) noexcept nogil:
    """out[r] = leaving[r] + ... + leaving[group - 1] + all that is shared + the first r that enter.

    Meanwhile the rows that enter at the next block are prefetched: they are too many for a
    processor to foresee.
    """
    cdef Py_ssize_t r
    memcpy(out + (group - 1) * pitch, leaving[group - 1], n * sizeof(real))
    for r in range(group - 2, -1, -1):
        add_rows(leaving[r], out + (r + 1) * pitch, n, out + r * pitch)
    sum_rows(shared, count, n, total)
    add_rows(total, out, n, out)
    for r in range(1, group):
        enter_row(entering[r - 1], next[r - 1], n, total, out + r * pitch)


# ---------------------------------------------------------------------------------------------
# The schedule

cdef struct Slot:
    # The scratch of one thread.
    Py_ssize_t pitch                # numbers of a row of sums
    Py_ssize_t group_pitch          # numbers of the sums of a group
    Py_ssize_t shared               # groups and single rows that the windows of a block share
    Py_ssize_t carried              # numbers of a pixel: its value, and its weight if it has one
    Py_ssize_t count                # pointers in `rows` to values; as many to weights follow
    char* raw                       # pixels before or after conversion
    real* blank                     # a row of cval
    real** rows                     # leaving, shared and entering rows, of a chunk
    real* loaded                    # the same, where they are not read in place
    real* total                     # a row of sums
    real* groups                    # ring of sums of groups; then those of weights, as below
    real* sums                      # sums of a block, behind a vector of zeros
    real* stage                     # a row of the result
    const char* weights             # those of the plane, or NULL


cdef struct Strip:
    Py_ssize_t left, n, columns     # of the result; columns of the extended image
    Py_ssize_t begin, end           # those whose rows are summed; the sums of others repeat these
    Py_ssize_t first, last          # those whose rows can be read in place
    bint whole                      # whether it has all columns of the image


cdef inline Py_ssize_t groups_of(const Rectangle* rectangle) noexcept nogil:
    """The groups below the first that lie whole under the windows of a block."""
    return rectangle.height // rectangle.group - 1


cdef inline Py_ssize_t group_numbers(const Slot* slot,
                                     const Rectangle* rectangle) noexcept nogil:
    """Numbers of the ring of sums of groups."""
    return groups_of(rectangle) * slot.group_pitch


cdef inline bint repeats(const Params* params, Py_ssize_t columns) noexcept nogil:
    """Whether a strip of so many columns of the result has all pixels that the border repeats."""
    cdef Py_ssize_t behind = params.left + params.width
    return (columns == params.result_width and 0 <= params.left
            and behind <= columns + params.span_x - 1 and not params.weighing.kind)


cdef inline Py_ssize_t lay_out(const Params* params, char* scratch, Slot* slot) noexcept nogil:
    """Divide a thread's scratch; return its size in bytes."""
    cdef const Rectangle* rectangle = <const Rectangle*> params.records
    cdef Py_ssize_t group = rectangle.group, size = sizeof(real), rows, groups
    cdef char* free = scratch
    slot.pitch = params.ring_pitch + LANES
    slot.group_pitch = slot.pitch
    if repeats(params, min(params.strip, params.result_width)):
        slot.group_pitch = up_to_lanes(params.width) + LANES
    slot.shared = 0
    if not IS_WHOLE:
        slot.shared = groups_of(rectangle) + rectangle.height % group
    rows = 3 * group + slot.shared
    slot.count = rows
    slot.carried = 2 if params.weighing.kind else 1
    rows *= slot.carried
    slot.raw = take(&free, params.ring_pitch * 8)
    slot.blank = <real*> take(&free, (CHUNK + LANES) * size)
    slot.rows = <real**> take(&free, rows * sizeof(void*))
    slot.loaded = <real*> take(&free, rows * (CHUNK + LANES) * size)
    slot.total = <real*> take(&free, (CHUNK + LANES) * size)
    groups = 0 if IS_WHOLE else group_numbers(slot, rectangle)
    slot.groups = <real*> take(&free, slot.carried * groups * size)
    slot.sums = <real*> take(&free, (slot.carried * group * slot.pitch + LANES) * size)
    slot.stage = <real*> take(&free, slot.carried * slot.pitch * size)
    return free - scratch


cdef inline Strip strip_of(const Params* params, const char* plane, Py_ssize_t left,
                           Py_ssize_t right) noexcept nogil:
    """The strip for the columns left to right of the result.

    A strip as wide as the image has all pixels that the border repeats. So instead of their rows
    the sums are extended, once for each row of the result.
    """
    cdef Py_ssize_t columns = right - left + params.span_x - 1
    cdef Py_ssize_t inside = params.left - left, behind = inside + params.width
    cdef Strip strip = Strip(left, right - left, columns, 0, columns, 0, 0, False)
    if repeats(params, right - left):
        strip.begin = inside
        strip.end = behind
        strip.whole = True
    if is_plain(&params.image, plane) and (
            UINT8 <= params.image.code <= INT16 if IS_WHOLE else is_real(params.image.code)):
        strip.first = min(max(inside, 0), columns)
        strip.last = max(strip.first, min(behind, columns))
        strip.last -= (strip.last - strip.first) % LANES
    return strip


cdef inline Py_ssize_t piece(const Strip* strip, Py_ssize_t x) noexcept nogil:
    """The columns from x on whose rows are laid at once."""
    cdef Py_ssize_t end = strip.end
    if strip.first < strip.last and x < strip.last:
        end = strip.first if x < strip.first else strip.last
    return min(<Py_ssize_t> CHUNK, end - x)


cdef inline void lay_row(const Params* params, const Slot* slot, const Strip* strip,
                         const char* plane, Py_ssize_t e, Py_ssize_t x, Py_ssize_t n,
                         Py_ssize_t which) noexcept nogil:
    """Point slot.rows[which] to n columns from x on of extended row e."""
    cdef Py_ssize_t y
    cdef real* row = slot.loaded + which * (CHUNK + LANES)
    cdef real* weights = row + slot.count * (CHUNK + LANES)
    slot.rows[which] = row
    if params.weighing.kind:
        load_row(params, plane, e, strip.left + x, n, slot.raw, row)
        carry_weights(params, slot.weights, e, strip.left + x, n, slot.raw, row, weights)
        fill(row + n, LANES, 0)
        fill(weights + n, LANES, 0)
        slot.rows[slot.count + which] = weights
        return
    if IS_WHOLE or not strip.first <= x < strip.last:
        load_row(params, plane, e, strip.left + x, n, slot.raw, row)
        fill(row + n, LANES, 0)
        return
    y = image_row(params, e)
    slot.rows[which] = slot.blank
    if y >= 0:
        slot.rows[which] = (<real*> (plane + y * params.image.row_stride)
                            + strip.left + x - params.left)


cdef inline void repeat_sums(const real* inside, const Py_ssize_t* sources, Py_ssize_t n,
                             const Strip* strip, real edge, real* out) noexcept nogil:
    """Set the sums of n columns outside the image, if they are not there, or are those of cval.

    A mode has all of its places outside filled with cval, or none.
    """
    cdef Py_ssize_t x
    if n > 0 and sources[0] < 0:
        fill(out, n, edge)
    elif strip.whole:
        for x in range(n):
            out[x] = inside[sources[x]]


cdef inline void extend(const Params* params, const Strip* strip, real* sums) noexcept nogil:
    """Extend a row of sums beyond both ends of the image."""
    cdef real edge = outside(params) * <real> (<const Rectangle*> params.records).height
    cdef Py_ssize_t inside = params.left - strip.left
    cdef Py_ssize_t behind = max(inside + params.width, <Py_ssize_t> 0)
    if params.weighing.kind:
        return
    repeat_sums(sums + inside, params.before + strip.left, min(inside, strip.columns), strip, edge,
                sums)
    repeat_sums(sums + inside, params.after + behind - inside - params.width,
                strip.columns - behind, strip, edge, sums + behind)


cdef inline void make_sums(const Params* params, const Slot* slot, const Strip* strip,
                           const char* plane, Py_ssize_t y) noexcept nogil:
    """Make the running sums of integers at result row y."""
    cdef const Rectangle* rectangle = <const Rectangle*> params.records
    cdef Py_ssize_t x = strip.begin, n, i
    while x < strip.end:
        n = piece(strip, x)
        fill(slot.sums + x, n, 0)
        for i in range(rectangle.height):
            lay_row(params, slot, strip, plane, y + i, x, n, 0)
            add_rows(slot.sums + x, slot.rows[0], n, slot.sums + x)
        x += n


cdef inline void move_sums(const Params* params, const Slot* slot, const Strip* strip,
                           const char* plane, Py_ssize_t y) noexcept nogil:
    """Move the running sums of integers down to result row y."""
    cdef Py_ssize_t e = y + (<const Rectangle*> params.records).height - 1
    cdef Py_ssize_t entering = image_row(params, e), leaving = image_row(params, y - 1)
    cdef Py_ssize_t x = strip.begin, n
    cdef const char* start
    while x < strip.end:
        n = piece(strip, x)
        if strip.first <= x < strip.last and min(entering, leaving) >= 0:
            start = plane + (strip.left + x - params.left) * params.image.column_stride
            replace_pixels(slot.sums + x, start + entering * params.image.row_stride,
                           start + leaving * params.image.row_stride, params.image.code, n)
        else:
            lay_row(params, slot, strip, plane, e, x, n, 0)
            lay_row(params, slot, strip, plane, y - 1, x, n, 1)
            replace_row(slot.sums + x, <const real*> slot.rows[0], <const real*> slot.rows[1], n)
        x += n


cdef inline void add_group(const Params* params, const Slot* slot, const Strip* strip,
                           const char* plane, Py_ssize_t e) noexcept nogil:
    """Put the sums of the group from extended row e on into the ring."""
    cdef const Rectangle* rectangle = <const Rectangle*> params.records
    cdef Py_ssize_t group = rectangle.group, x = strip.begin, n, r, k
    cdef real* out = (slot.groups + e // group % groups_of(rectangle) * slot.group_pitch
                      - strip.begin)
    while x < strip.end:
        n = piece(strip, x)
        for r in range(group):
            lay_row(params, slot, strip, plane, e + r, x, n, r)
        for k in range(slot.carried):
            sum_rows(slot.rows + k * slot.count, group, n,
                     out + k * group_numbers(slot, rectangle) + x)
        x += n


cdef inline void sum_block(const Params* params, const Slot* slot, const Strip* strip,
                           const char* plane, Py_ssize_t y, Py_ssize_t last) noexcept nogil:
    """Make the column sums of the block from result row y on; rows behind `last` repeat it."""
    cdef const Rectangle* rectangle = <const Rectangle*> params.records
    cdef Py_ssize_t group = rectangle.group, groups = groups_of(rectangle), n, r, k
    cdef Py_ssize_t x = strip.begin
    cdef real** shared = slot.rows + group
    cdef real** leaving
    cdef real** entering
    while x < strip.end:
        n = piece(strip, x)
        for r in range(group):
            lay_row(params, slot, strip, plane, y + r, x, n, r)
        for k in range(slot.carried):
            for r in range(groups):
                shared[k * slot.count + r] = (
                    slot.groups + k * group_numbers(slot, rectangle)
                    + (y // group + 1 + r) % groups * slot.group_pitch + x - strip.begin)
        for r in range(groups, slot.shared):
            lay_row(params, slot, strip, plane, y + (groups + 1) * group + r - groups, x, n,
                    group + r)
        for r in range(2 * group if strip.first <= x < strip.last else group):
            lay_row(params, slot, strip, plane, min(y + rectangle.height + r, last), x, n,
                    group + slot.shared + r)
        for k in range(slot.carried):
            leaving = slot.rows + k * slot.count
            entering = leaving + group + slot.shared
            for r in range(0 if strip.first <= x < strip.last else group):
                entering[group + r] = slot.blank
            block_sums(leaving, leaving + group, slot.shared, entering, entering + group, group,
                       n, slot.total, slot.sums + k * group * slot.pitch + x, slot.pitch)
        x += n


cdef inline void write_row(const Params* params, const Slot* slot, const Strip* strip,
                           real* sums, char* result, Py_ssize_t y) noexcept nogil:
    """Sum along a row, divide and store."""
    cdef const Rectangle* rectangle = <const Rectangle*> params.records
    cdef real area = (<const real*> params.weights)[0]
    cdef Py_ssize_t n = up_to_lanes(strip.n)
    cdef char* start = (result + y * params.result[0].row_stride
                        + strip.left * params.result[0].column_stride)
    cdef bint plain = (params.result[0].code == REAL_CODE and n == strip.n
                       and is_plain(&params.result[0], start))
    cdef real* target = <real*> start if plain else slot.stage
    extend(params, strip, sums)
    if params.weighing.kind:
        row_sums(sums, rectangle.width, rectangle.step, n, 1, target, False)
        sums += rectangle.group * slot.pitch
        row_sums(sums, rectangle.width, rectangle.step, n, 1, slot.stage + slot.pitch, False)
        divide_by_weights(target, slot.stage + slot.pitch, n)
    elif not IS_WHOLE:
        row_sums(sums, rectangle.width, rectangle.step, n, area, target, True)
    elif rectangle.factor > 0:
        means_of_row(sums, rectangle, area, n, target, True)
    else:
        means_of_row(sums, rectangle, area, n, target, False)
    if not plain:
        store_row(params, target, 1, strip.n, slot.raw, start)


cdef inline void run_strip(const Params* params, const Slot* slot, const Strip* strip,
                           const char* plane, char* result, Py_ssize_t top,
                           Py_ssize_t bottom) noexcept nogil:
    """Compute result rows top (the first of a block) to bottom."""
    cdef const Rectangle* rectangle = <const Rectangle*> params.records
    cdef Py_ssize_t group = rectangle.group, last = bottom + rectangle.height - 2, y = top, r
    cdef Py_ssize_t added = top + group
    while y < bottom:
        if IS_WHOLE and y == top:
            make_sums(params, slot, strip, plane, y)
        elif IS_WHOLE:
            move_sums(params, slot, strip, plane, y)
        else:
            added = max(added, y + group)
            while added <= y + groups_of(rectangle) * group:
                add_group(params, slot, strip, plane, added)
                added += group
            sum_block(params, slot, strip, plane, y, last)
        for r in range(min(group, bottom - y)):
            write_row(params, slot, strip, slot.sums + r * slot.pitch, result, y + r)
        y += group


cdef inline void run_band(const Params* params, const Task* task, Py_ssize_t band,
                          char* scratch) noexcept nogil:
    """Compute band number `band` of the stack, strip by strip."""
    cdef Py_ssize_t in_plane = (params.result_height + task.rows - 1) // task.rows
    cdef Py_ssize_t top = band % in_plane * task.rows, x = 0
    cdef Py_ssize_t bottom = min(top + task.rows, params.result_height)
    cdef const Py_ssize_t* offsets = params.offsets + band // in_plane * 2
    cdef const char* plane = task.image + offsets[0]
    cdef Slot slot
    cdef Strip strip
    lay_out(params, scratch, &slot)
    fill(slot.blank, CHUNK + LANES, outside(params))
    # The last vector of a row is computed with what is behind it. Subnormal numbers there would
    # take a hundred times as long.
    fill(slot.sums,
         slot.carried * (<const Rectangle*> params.records).group * slot.pitch + LANES, 0)
    slot.sums += LANES
    slot.weights = NULL
    if params.weighing.given:
        slot.weights = task.weights + params.weighing.offsets[band // in_plane]
    while x < params.result_width:
        strip = strip_of(params, plane, x, min(x + params.strip, params.result_width))
        run_strip(params, &slot, &strip, plane, task.results[0] + offsets[1], top, bottom)
        x += strip.n


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Py_ssize_t slot_bytes(const Params* params) noexcept nogil:
    cdef Slot unused
    return lay_out(params, NULL, &unused)


cdef inline void run_loop(const Params* params, const Task* task) noexcept nogil:
    cdef Py_ssize_t in_plane = (params.result_height + task.rows - 1) // task.rows
    cdef Py_ssize_t bands = in_plane * params.planes, band
    for band in prange(bands, num_threads=task.threads, use_threads_if=task.threads > 1,
                       schedule="dynamic"):
        run_band(params, task, band, task.scratch + threadid() * task.slot_bytes)


include "entry.pxi"

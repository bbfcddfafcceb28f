# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The mean over a rectangle of many pixels, at a cost that does not grow with its height.

    result[y, x] = sum over i < kh, j < kw:  image[y + i, x + j * step]  / (kh * kw)

A band is computed from top to bottom. First come sums down the columns.

Integers are exact, so one row of running sums is enough: a row is added and another subtracted. The
sums may wrap around; the differences between them do not.

Floats are added and never subtracted, so that rounding errors do not grow and a NaN stays in its
windows. The rows are divided into groups, and a block of results into as many rows. The sums of a
block share the whole groups and the single rows that are under all of its windows. Each adds the
last rows of the first group, summed from bottom to top, and the rows that enter, summed from top to
bottom (van Herk 1992, Gil and Werman 1993). Sums of groups are kept in a ring.

Then come sums along the rows: running sums of integers, and for floats those of `row_sums`.
"""
from cython.parallel cimport prange, threadid

from bands cimport take, up_to_lanes
from keys cimport prefetch
from rows cimport (
    Params, REAL_CODE, Task, fill, image_row, is_plain, is_real, load_row, outside, store_row,
)
from sums cimport row_sums
from types cimport LANES, WIDE, ZERO, load, real, store, vec


cdef enum:
    CHUNK = 512                     # columns whose rows are loaded at once


cdef struct Rectangle:
    # params.records
    Py_ssize_t height, width
    Py_ssize_t step                 # columns between neighbours: the interleaved channels
    Py_ssize_t group                # rows of a group and of a block of results; 1 for integers
    Py_ssize_t middle               # of the range of integers: their sums are of differences to it
    Py_ssize_t small                # whether these sums are below 2**24


cdef extern from *:
    """
    #include <immintrin.h>

    #define WHOLE(name) PASTE(WHOLE_, name)
    #define WHOLE_int32_t 1
    #if WHOLE(REAL)
      #define IS_WHOLE 1
    #else
      #define IS_WHOLE 0
    #endif

    #if !IS_WHOLE
      /* Never called. */
      #define scanned(v) (v)
      #define last_lane(v) (v)
      #define mean(sum, area, middle, small) ((sum) / (area))
    #elif !defined(VECTOR_BYTES)
      #define scanned(v) (v)
      #define last_lane(v) (v)
      #define mean(sum, area, middle, small) ((middle) + (real) rint((double) (sum) / (area)))
    #else
      /* Each lane and all lanes below it, added up; and the last lane in all lanes. */
      static inline vec scanned(vec v)
      {
      #if defined(__AVX512F__)
        const __m512i zero = _mm512_setzero_si512();
        v += (vec) _mm512_alignr_epi32((__m512i) v, zero, 15);
        v += (vec) _mm512_alignr_epi32((__m512i) v, zero, 14);
        v += (vec) _mm512_alignr_epi32((__m512i) v, zero, 12);
        v += (vec) _mm512_alignr_epi32((__m512i) v, zero, 8);
      #elif defined(__AVX2__)
        v += (vec) _mm256_slli_si256((__m256i) v, 4);
        v += (vec) _mm256_slli_si256((__m256i) v, 8);
        __m256i lower = _mm256_permute2x128_si256((__m256i) v, (__m256i) v, 0x08);
        v += (vec) _mm256_shuffle_epi32(lower, 0xff);
      #elif defined(__SSE2__)
        v += (vec) _mm_slli_si128((__m128i) v, 4);
        v += (vec) _mm_slli_si128((__m128i) v, 8);
      #else
        for (int i = 1; i < LANES; i++) v[i] += v[i - 1];
      #endif
        return v;
      }
      static inline vec last_lane(vec v)
      {
      #if defined(__AVX512F__)
        return (vec) _mm512_permutexvar_epi32(_mm512_set1_epi32(15), (__m512i) v);
      #elif defined(__AVX2__)
        return (vec) _mm256_permutevar8x32_epi32((__m256i) v, _mm256_set1_epi32(7));
      #else
        return ZERO + v[LANES - 1];
      #endif
      }

      typedef float floats __attribute__((vector_size(VECTOR_BYTES)));

      /* The nearest integer, ties to even. Small sums, below 2**24, are floats: with ROUND added,
         the last bit of the quotient is that of an integer. Of other sums, the quotient in float32
         is less than one and a half off, and the remainder, which is exact, shows by how much.
         Comparisons are -1 where they hold. */
      #define ROUND 0x1.8p23f
      #define ROUND_BITS 0x4b400000
      static inline vec mean(vec sum, real area, real middle, int small)
      {
        floats real_sum = __builtin_convertvector(sum, floats);
        if (small)
          return (vec) (real_sum / (float) area + ROUND) - (ROUND_BITS - middle);
        vec near = __builtin_convertvector(real_sum * (1 / (float) area), vec);
        vec twice = 2 * (sum - near * area), odd = near & 1;
        return middle + near - (vec) (twice + odd > area) + (vec) (twice - odd < -area);
      }
    #endif
    """
    const bint IS_WHOLE
    vec scanned(vec v) nogil
    vec last_lane(vec v) nogil
    vec mean(vec sum, real area, real middle, bint small) nogil


# ---------------------------------------------------------------------------------------------
# Integers: running sums

cdef inline void add_row(real* sums, const real* row, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t x = 0
    while x < n:
        store(sums + x, load(sums + x) + load(row + x))
        x += LANES


cdef inline void replace_row(real* sums, const real* entering, const real* leaving,
                             Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t x = 0
    while x < n:
        store(sums + x, load(sums + x) + (load(entering + x) - load(leaving + x)))
        x += LANES


cdef inline void running_means(const real* sums, const Rectangle* rectangle, real area,
                               Py_ssize_t n, real* target, bint small) noexcept nogil:
    """target[x] = mean of sums[x], ..., sums[x + width - 1]; sums[-1] must be 0."""
    cdef Py_ssize_t ahead = rectangle.width - 1, x
    cdef real first = 0 - area * <real> rectangle.middle
    cdef vec total, inner
    for x in range(ahead):
        first += sums[x]
    total = ZERO + first
    x = 0
    while x < n:
        inner = scanned(load(sums + x + ahead) - load(sums + x - 1))
        store(target + x, mean(total + inner, area, <real> rectangle.middle, small))
        total = total + last_lane(inner)
        x += LANES


cdef inline void running_means_of_channels(const real* sums, const Rectangle* rectangle, real area,
                                           Py_ssize_t n, real* target) noexcept nogil:
    """The same for every step-th number."""
    cdef Py_ssize_t step = rectangle.step, last = (rectangle.width - 1) * step, x, j
    for x in range(step):
        target[x] = 0 - area * <real> rectangle.middle
        for j in range(rectangle.width):
            target[x] += sums[x + j * step]
    for x in range(step, n):
        target[x] = target[x - step] + (sums[x + last] - sums[x - step])
    x = 0
    while x < n:
        store(target + x, mean(load(target + x), area, <real> rectangle.middle, False))
        x += LANES


# ---------------------------------------------------------------------------------------------
# Floats: sums that share groups of rows

cdef inline void group_sums(real** rows, Py_ssize_t group, Py_ssize_t x, real* out,
                            int wide) noexcept nogil:
    """out = rows[0] + ... + rows[group - 1]."""
    cdef vec[WIDE] total
    cdef Py_ssize_t r
    cdef int k
    for k in range(wide):
        total[k] = load(rows[0] + x + k * LANES)
    for r in range(1, group):
        for k in range(wide):
            total[k] = total[k] + load(rows[r] + x + k * LANES)
    for k in range(wide):
        store(out + x + k * LANES, total[k])


cdef inline void block_sums(real** leaving, real** shared, Py_ssize_t count, real** entering,
                            real** next, Py_ssize_t group, Py_ssize_t x, real* out,
                            Py_ssize_t pitch, int wide) noexcept nogil:
    """out[r] = leaving[r] + ... + leaving[group - 1] + all that is shared + the first r that enter.

    Meanwhile the rows that enter at the next block are prefetched: they are too many for a
    processor to foresee.
    """
    cdef vec[WIDE] total
    cdef Py_ssize_t r
    cdef int k
    for k in range(wide):
        total[k] = load(leaving[group - 1] + x + k * LANES)
    for r in range(group - 2, -1, -1):
        for k in range(wide):
            store(out + (r + 1) * pitch + x + k * LANES, total[k])
            total[k] = total[k] + load(leaving[r] + x + k * LANES)
    for k in range(wide):
        store(out + x + k * LANES, total[k])
        total[k] = ZERO
    for r in range(count):
        for k in range(wide):
            total[k] = total[k] + load(shared[r] + x + k * LANES)
    for r in range(group):
        prefetch(next[r] + x)
        for k in range(wide):
            if r > 0:
                total[k] = total[k] + load(entering[r - 1] + x + k * LANES)
            store(out + r * pitch + x + k * LANES,
                  load(out + r * pitch + x + k * LANES) + total[k])


# ---------------------------------------------------------------------------------------------
# The schedule

cdef struct Slot:
    # The scratch of one thread.
    Py_ssize_t pitch                # numbers of a row of sums
    Py_ssize_t shared               # groups and single rows that the windows of a block share
    char* raw                       # pixels before or after conversion
    real* blank                     # a row of cval
    real** rows                     # leaving, shared and entering rows, of a chunk
    real* loaded                    # the same, where they are not read in place
    real* groups                    # ring of sums of groups
    real* sums                      # sums of a block, behind a vector of zeros
    real* stage                     # a row of the result


cdef struct Strip:
    Py_ssize_t left, n, columns     # of the result; columns of the extended image
    Py_ssize_t begin, end           # those whose rows are summed; the sums of others repeat these
    Py_ssize_t first, last          # those whose rows can be read in place
    bint whole                      # whether it has all columns of the image


cdef inline Py_ssize_t groups_of(const Rectangle* rectangle) noexcept nogil:
    """The groups below the first that lie whole under the windows of a block."""
    return rectangle.height // rectangle.group - 1


cdef inline Py_ssize_t lay_out(const Params* params, char* scratch, Slot* slot) noexcept nogil:
    """Divide a thread's scratch; return its size in bytes."""
    cdef const Rectangle* rectangle = <const Rectangle*> params.records
    cdef Py_ssize_t group = rectangle.group, size = sizeof(real), rows
    cdef char* free = scratch
    slot.pitch = params.ring_pitch + WIDE * LANES
    slot.shared = 0
    if not IS_WHOLE:
        slot.shared = groups_of(rectangle) + rectangle.height % group
    rows = 3 * group + slot.shared
    slot.raw = take(&free, params.ring_pitch * 8)
    slot.blank = <real*> take(&free, (CHUNK + WIDE * LANES) * size)
    slot.rows = <real**> take(&free, rows * sizeof(void*))
    slot.loaded = <real*> take(&free, rows * (CHUNK + WIDE * LANES) * size)
    slot.groups = <real*> take(&free, 0 if IS_WHOLE else groups_of(rectangle) * slot.pitch * size)
    slot.sums = <real*> take(&free, (group * slot.pitch + LANES) * size)
    slot.stage = <real*> take(&free, slot.pitch * size)
    return free - scratch


cdef inline Strip strip_of(const Params* params, const char* plane, Py_ssize_t left,
                           Py_ssize_t right) noexcept nogil:
    """The strip for the columns left to right of the result.

    A strip as wide as the image has all pixels that the border repeats. So instead of their rows
    the sums are extended, once for each row of the result.
    """
    cdef Py_ssize_t columns = right - left + params.span_x - 1
    cdef Py_ssize_t inside = params.left - left, outside = inside + params.width
    cdef Strip strip = Strip(left, right - left, columns, 0, columns, 0, 0, False)
    if right - left == params.result_width and 0 <= inside and outside <= columns:
        strip.begin = inside
        strip.end = outside
        strip.whole = True
    if is_real(params.image.code) and is_plain(&params.image, plane):
        strip.first = min(max(inside, 0), columns)
        strip.last = max(strip.first, min(outside, columns))
        strip.last -= (strip.last - strip.first) % (WIDE * LANES)
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
    cdef real* row = slot.loaded + which * (CHUNK + WIDE * LANES)
    slot.rows[which] = row
    if not strip.first <= x < strip.last:
        load_row(params, plane, e, strip.left + x, n, slot.raw, row)
        fill(row + n, WIDE * LANES, 0)
        return
    y = image_row(params, e)
    slot.rows[which] = slot.blank
    if y >= 0:
        slot.rows[which] = (<real*> (plane + y * params.image.row_stride)
                            + strip.left + x - params.left)


cdef inline void extend(const Params* params, const Strip* strip, real* sums) noexcept nogil:
    """Set the sums of columns outside the image, if they are not there, or are those of cval."""
    cdef real edge = outside(params) * <real> (<const Rectangle*> params.records).height
    cdef Py_ssize_t inside = params.left - strip.left, behind = inside + params.width, x, i
    for x in range(min(inside, strip.columns)):
        i = params.before[strip.left + x]
        if i < 0:
            sums[x] = edge
        elif strip.whole:
            sums[x] = sums[inside + i]
    for x in range(max(behind, 0), strip.columns):
        i = params.after[x - behind]
        if i < 0:
            sums[x] = edge
        elif strip.whole:
            sums[x] = sums[inside + i]


cdef inline void move_sums(const Params* params, const Slot* slot, const Strip* strip,
                           const char* plane, Py_ssize_t y, bint first) noexcept nogil:
    """Move the running sums of integers to result row y, or make them."""
    cdef const Rectangle* rectangle = <const Rectangle*> params.records
    cdef Py_ssize_t x = strip.begin, n, i
    while x < strip.end:
        n = piece(strip, x)
        if first:
            fill(slot.sums + x, n, 0)
            for i in range(rectangle.height):
                lay_row(params, slot, strip, plane, y + i, x, n, 0)
                add_row(slot.sums + x, slot.rows[0], n)
        else:
            lay_row(params, slot, strip, plane, y + rectangle.height - 1, x, n, 0)
            lay_row(params, slot, strip, plane, y - 1, x, n, 1)
            replace_row(slot.sums + x, slot.rows[0], slot.rows[1], n)
        x += n


cdef inline void add_group(const Params* params, const Slot* slot, const Strip* strip,
                           const char* plane, Py_ssize_t e) noexcept nogil:
    """Put the sums of the group from extended row e on into the ring."""
    cdef const Rectangle* rectangle = <const Rectangle*> params.records
    cdef Py_ssize_t group = rectangle.group, x = strip.begin, n, r, k
    cdef real* out = slot.groups + e // group % groups_of(rectangle) * slot.pitch
    while x < strip.end:
        n = piece(strip, x)
        for r in range(group):
            lay_row(params, slot, strip, plane, e + r, x, n, r)
        k = 0
        while k < n:
            group_sums(slot.rows, group, k, out + x, WIDE)
            k += WIDE * LANES
        x += n


cdef inline void sum_block(const Params* params, const Slot* slot, const Strip* strip,
                           const char* plane, Py_ssize_t y, Py_ssize_t last) noexcept nogil:
    """Make the column sums of the block from result row y on; rows behind `last` repeat it."""
    cdef const Rectangle* rectangle = <const Rectangle*> params.records
    cdef Py_ssize_t group = rectangle.group, groups = groups_of(rectangle), n, r, k
    cdef Py_ssize_t x = strip.begin
    cdef real** shared = slot.rows + group
    cdef real** entering = shared + slot.shared
    cdef real** next = entering + group
    while x < strip.end:
        n = piece(strip, x)
        for r in range(group):
            lay_row(params, slot, strip, plane, y + r, x, n, r)
        for r in range(groups):
            shared[r] = slot.groups + (y // group + 1 + r) % groups * slot.pitch + x
        for r in range(groups, slot.shared):
            lay_row(params, slot, strip, plane, y + (groups + 1) * group + r - groups, x, n,
                    group + r)
        for r in range(2 * group if strip.first <= x < strip.last else group):
            lay_row(params, slot, strip, plane, min(y + rectangle.height + r, last), x, n,
                    group + slot.shared + r)
        for r in range(0 if strip.first <= x < strip.last else group):
            next[r] = slot.blank
        k = 0
        while k < n:
            block_sums(slot.rows, shared, slot.shared, entering, next, group, k, slot.sums + x,
                       slot.pitch, WIDE)
            k += WIDE * LANES
        x += n


cdef inline void write_row(const Params* params, const Slot* slot, const Strip* strip,
                           real* sums, char* result, Py_ssize_t y) noexcept nogil:
    """Sum along a row, divide and store."""
    cdef const Rectangle* rectangle = <const Rectangle*> params.records
    cdef real area = (<const real*> params.weights)[0]
    cdef Py_ssize_t n = up_to_lanes(strip.n), x = 0
    cdef char* start = (result + y * params.result[0].row_stride
                        + strip.left * params.result[0].column_stride)
    cdef bint plain = (params.result[0].code == REAL_CODE and n == strip.n
                       and is_plain(&params.result[0], start))
    cdef real* target = <real*> start if plain else slot.stage
    extend(params, strip, sums)
    if not IS_WHOLE:
        row_sums(sums, rectangle.width, rectangle.step, n, target)
        while x < n:
            store(target + x, mean(load(target + x), area, 0, False))
            x += LANES
    elif rectangle.step == 1:
        if rectangle.small:
            running_means(sums, rectangle, area, n, target, True)
        else:
            running_means(sums, rectangle, area, n, target, False)
    else:
        running_means_of_channels(sums, rectangle, area, n, target)
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
        if IS_WHOLE:
            move_sums(params, slot, strip, plane, y, y == top)
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
    fill(slot.blank, CHUNK + WIDE * LANES, outside(params))
    # The last vector of a row is computed with what is behind it. Subnormal numbers there would take
    # a hundred times as long.
    fill(slot.sums, (<const Rectangle*> params.records).group * slot.pitch + LANES, 0)
    slot.sums += LANES
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

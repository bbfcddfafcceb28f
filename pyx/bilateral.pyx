# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The bilateral filter: a mean weighted by distance in the image and by difference of colour.

    w[p, q] = 2 ** (nearness[q - p] - (scale * distance(guide[p], guide[q])) ** 2)
    result[p] = image[p] + sum over q: w[p, q] * (image[q] - image[p]) / sum over q: w[p, q]

C. Tomasi, R. Manduchi, "Bilateral filtering for gray and color images", 1998. Differences are added
up instead of pixels, so that a constant image does not change by a bit.

A pair of pixels has one weight, w[p, q] = w[q, p], and computing weights is most of the work. So
each weight is computed once: row by row, each pixel p meets the pixels q of the rows below, and the
weight is added to the sums of both.

Where pixels are weighed, w[p, q] is multiplied by the weight of q in the sums of p, and by that of
p in those of q. What is missing is taken for 0 in the image, which no sum then holds, and in the
guide for the value of any other pixel: only nearness weighs.
"""
from libc.string cimport memcpy

from bands cimport take, up_to_lanes
from planes cimport Planes, load_planes, run_planes, store_planes
from rows cimport Params, Task, fill
from types cimport LANES, WIDE, ZERO, load, real, store, vec
from weights cimport load_weights


cdef extern from *:
    """
    /* 2**x, but at least 2**LOWEST: so products with it are not subnormal, and sums of it do not
       show beside the weight of the pixel itself. The whole part of x is put into the exponent; a
       minimax polynomial gives 2 to the rest in [0, 1], with an error of 7.5e-8 in float and
       2.2e-16 in double. */
    #define LOWEST ((real) (sizeof(real) == 4 ? -100 : -900))
    #ifdef VECTOR_BYTES
    typedef __typeof__((vec) {0} < (vec) {0}) bits;

    static inline __attribute__((always_inline)) vec power_of_rest(vec x) {
        vec p;
        if (sizeof(real) == 4) {
            p = (real) 0.00187757670002 * x + (real) 0.00898934002358;
            p = p * x + (real) 0.0558263181162;
            p = p * x + (real) 0.240153617021;
            p = p * x + (real) 0.693153073203;
            return p * x + (real) 0.999999925064;
        }
        p = (real) 9.952215187242476e-9 * x + (real) 9.460945198500420e-8;
        p = p * x + (real) 1.331272007047366847e-6;
        p = p * x + (real) 1.524465964660373985e-5;
        p = p * x + (real) 1.540395749118424813e-4;
        p = p * x + (real) 1.333354373093832875e-3;
        p = p * x + (real) 9.618129409175977422e-3;
        p = p * x + (real) 5.550410862824480467e-2;
        p = p * x + (real) 0.2402265069613608131;
        p = p * x + (real) 0.6931471805598912716;
        return p * x + (real) 1;
    }

    #if defined(__AVX512F__) && defined(__AVX512DQ__)
    static inline __attribute__((always_inline)) vec power_of_two(vec x) {
        if (sizeof(real) == 4) {
            x = (vec) _mm512_max_ps(_mm512_set1_ps(LOWEST), (__m512) x);
            return (vec) _mm512_scalef_ps(
                (__m512) power_of_rest((vec) _mm512_reduce_ps((__m512) x, 1)), (__m512) x);
        }
        x = (vec) _mm512_max_pd(_mm512_set1_pd(LOWEST), (__m512d) x);
        return (vec) _mm512_scalef_pd(
            (__m512d) power_of_rest((vec) _mm512_reduce_pd((__m512d) x, 1)), (__m512d) x);
    }
    #else
    /* Adding 1.5 * 2**(bits of the fraction) rounds to a whole number, stored in the last bits. */
    static inline __attribute__((always_inline)) vec power_of_two(vec x) {
        const real large = sizeof(real) == 4 ? (real) 0x1.8p23 : (real) 0x1.8p52;
        bits low = x < LOWEST;
        vec whole;
        x = (vec) (((bits) x & ~low) | ((bits) (ZERO + LOWEST) & low));
        whole = (x - (real) 0.5) + large;
        return (vec) ((bits) power_of_rest(x - (whole - large))
                      + ((bits) whole << (sizeof(real) == 4 ? 23 : 52)));
    }
    #endif
    static inline __attribute__((always_inline)) vec absolute(vec x) {
        return (vec) ((bits) x & ~(bits) -ZERO);
    }
    #else
    #define power_of_two(x) ((real) exp2((double) ((x) < LOWEST ? LOWEST : (x))))
    #define absolute(x) ((real) fabs((double) (x)))
    #endif
    """
    vec power_of_two(vec x) nogil
    vec absolute(vec x) nogil


cdef enum:
    # Channels of the image that share their weights; for more channels, weights are computed again.
    # Three channels of two vectors, their differences and sums fill the 32 registers of AVX-512.
    FEW = 3


cdef struct Metric:
    # The head of params.records. For each column of the window, from the left, the number of pixels
    # from the row of p down follows. The window is symmetric.
    Py_ssize_t manhattan    # whether the distances of channels are added, or else their squares
    Py_ssize_t scales       # numbers at the head of params.weights: one for all images, or for each


cdef struct Tap:
    # Pointers to q, where p is in column 0, and the exponent for their distance.
    const real* image
    const real* guide
    const real* counts      # the weight of q; 1 behind it, or 0 where the guide is missing
    real* sums
    real nearness


cdef struct Slot:
    # The scratch of one thread. It has a ring of the rows from p down to the end of the window.
    # Column 0 is number `margin` of a row, since vectors of p reach beyond the window.
    Py_ssize_t rows, pitch, margin
    real* pixels            # all channels of the image, then of the guide, then weights, row by row
    Py_ssize_t planes       # the number of all these
    real* totals            # sums of weights, then of weighted differences of their channels
    real* beside            # the same for pixels q in the row of p
    real* stage             # a row of the result
    real* samples           # a row of the result or an image, with interleaved channels
    char* raw
    # The row of p, from the first of the channels that share their weights on.
    const real* image
    const real* guide
    const real* counts
    real* sums
    Tap* taps
    Py_ssize_t count


# ---------------------------------------------------------------------------------------------
# The equation

cdef inline vec difference(const real* p, const Tap* q, Py_ssize_t pitch, Py_ssize_t x,
                           Py_ssize_t k, bint own, const vec* differences) noexcept nogil:
    """The difference of channel k of the guide; an image of few channels is its own guide."""
    if own:
        return differences[k]
    return load(q.guide + k * pitch + x) - load(p + k * pitch + x)


cdef inline vec weigh(const real* p, const Tap* q, Py_ssize_t pitch, Py_ssize_t x, real scale,
                      Py_ssize_t guides, bint own, bint manhattan, bint weighed, vec both,
                      const vec* differences) noexcept nogil:
    """The weights of LANES pairs of pixels from x on; `p` is a row of the guide.

    If pixels are `weighed`, colours count where `both` is 1, and not where it is 0.
    """
    cdef vec apart = difference(p, q, pitch, x, 0, own, differences), exponent, by = ZERO + scale
    cdef Py_ssize_t k
    if weighed:
        by = both * scale
    if manhattan:
        apart = absolute(apart)
        for k in range(1, guides):
            apart = apart + absolute(difference(p, q, pitch, x, k, own, differences))
    apart = apart * by
    exponent = q.nearness - apart * apart
    for k in range(1, 1 if manhattan else guides):
        apart = difference(p, q, pitch, x, k, own, differences) * by
        exponent = exponent - apart * apart
    return power_of_two(exponent)


cdef inline void add_pairs(const Slot* slot, const Tap* q, Py_ssize_t x, real scale,
                           vec[FEW][WIDE] centre, vec[1 + FEW][WIDE] total, int channels,
                           Py_ssize_t guides, bint own, bint manhattan, bint weighed,
                           int wide) noexcept nogil:
    """Add `wide` vectors of pairs to the sums of p, which are in registers, and to those of q.

    All weights are computed before any store. Otherwise the compiler would compute one vector after
    the other, and the processor would wait for each.
    """
    cdef Py_ssize_t pitch = slot.pitch, at
    cdef vec[WIDE][FEW] differences
    cdef vec[WIDE] weights, others
    cdef vec both = ZERO
    cdef real* sums
    cdef int c, v
    for v in range(wide):
        at = x + v * LANES
        for c in range(channels):
            differences[v][c] = load(q.image + c * pitch + at) - centre[c][v]
        if weighed:
            both = load(slot.counts + pitch + at) * load(q.counts + pitch + at)
        weights[v] = others[v] = weigh(slot.guide, q, pitch, at, scale, guides, own, manhattan,
                                       weighed, both, differences[v])
        if weighed:
            others[v] = weights[v] * load(slot.counts + at)
            weights[v] = weights[v] * load(q.counts + at)
    for v in range(wide):
        sums = q.sums + x + v * LANES
        total[0][v] = total[0][v] + weights[v]
        store(sums, load(sums) + others[v])
        for c in range(channels):
            sums += pitch
            total[1 + c][v] = total[1 + c][v] + weights[v] * differences[v][c]
            store(sums, load(sums) - others[v] * differences[v][c])


cdef inline void tile(const Slot* slot, Py_ssize_t x, real scale, int channels, Py_ssize_t guides,
                      bint own, bint manhattan, bint weighed, int wide) noexcept nogil:
    """Add all pairs of `wide` vectors of pixels p, from x on."""
    cdef vec[1 + FEW][WIDE] total
    cdef vec[FEW][WIDE] centre
    cdef Py_ssize_t t, pitch = slot.pitch
    cdef real* sums = slot.sums
    cdef int c, v
    for v in range(wide):
        for c in range(channels):
            centre[c][v] = load(slot.image + c * pitch + x + v * LANES)
        for c in range(1 + channels):
            total[c][v] = load(sums + c * pitch + x + v * LANES)
    for t in range(slot.count):
        add_pairs(slot, slot.taps + t, x, scale, centre, total, channels, guides, own, manhattan,
                  weighed, wide)
    for v in range(wide):
        for c in range(1 + channels):
            store(sums + c * pitch + x + v * LANES, total[c][v])


cdef inline void tiles(const Params* params, const Slot* slot, Py_ssize_t n, real scale,
                       int channels, Py_ssize_t guides, bint own, bint manhattan, bint weighed,
                       int wide) noexcept nogil:
    """Add all pairs of pixels p whose window reaches the n columns of the result."""
    cdef Py_ssize_t x = slot.margin - up_to_lanes(params.left), end = slot.margin + n + params.left
    while x + wide * LANES <= end:
        tile(slot, x, scale, channels, guides, own, manhattan, weighed, wide)
        x += wide * LANES
    while x < end:
        tile(slot, x, scale, channels, guides, own, manhattan, weighed, 1)
        x += LANES


cdef inline void divide(const Slot* slot, const real* beside, Py_ssize_t n, Py_ssize_t channels,
                        real* target) noexcept nogil:
    """Compute the means of a row. The last term is 0, or NaN where a window holds an infinity."""
    cdef Py_ssize_t x = 0, c, at
    cdef vec total, sum
    while x < n:
        at = slot.margin + x
        total = 1 / (load(slot.sums + at) + load(beside + at))
        for c in range(channels):
            at = (1 + c) * slot.pitch + slot.margin + x
            sum = load(slot.sums + at) + load(beside + at)
            at -= slot.pitch
            store(target + c * slot.pitch + x, load(slot.image + at) + sum * total + sum * 0)
        x += LANES


# ---------------------------------------------------------------------------------------------
# The schedule

cdef Py_ssize_t lay_out(const Params* params, char* scratch, Slot* slot) noexcept nogil:
    """Divide a thread's scratch; return its size in bytes."""
    cdef Py_ssize_t row
    cdef char* free = scratch
    slot.rows = params.top + 1
    slot.planes = params.channels + params.guides + (2 if params.weighing.kind else 0)
    # The first p is at least params.left columns before the result, and its q as far before p.
    slot.margin = 2 * up_to_lanes(params.left)
    slot.pitch = params.ring_pitch + 2 * slot.margin
    row = slot.pitch * <Py_ssize_t> sizeof(real)
    slot.pixels = <real*> take(&free, slot.planes * slot.rows * row)
    slot.totals = <real*> take(&free, 2 * params.channels * slot.rows * row)
    slot.beside = <real*> take(&free, 2 * params.channels * row)
    slot.stage = <real*> take(&free, params.channels * row)
    slot.samples = <real*> take(&free, max(params.channels, params.guides) * row)
    slot.raw = take(&free, slot.pitch * 8)
    slot.taps = <Tap*> take(&free, slot.rows * params.span_x * <Py_ssize_t> sizeof(Tap))
    return free - scratch


cdef inline void lay_rows(const Params* params, Slot* slot, Py_ssize_t e, Py_ssize_t channel,
                          Py_ssize_t group) noexcept nogil:
    """Point image, guide and sums to extended row e, for the channels from `channel` on."""
    cdef Py_ssize_t place = e % slot.rows
    cdef const real* row = slot.pixels + place * slot.planes * slot.pitch
    slot.image = row + channel * slot.pitch
    slot.guide = row + (params.channels if params.guides > 0 else 0) * slot.pitch
    slot.counts = row + (params.channels + params.guides) * slot.pitch
    slot.sums = slot.totals + (2 * params.channels * place + channel + group) * slot.pitch


cdef void lay_taps(const Params* params, Slot* slot, Py_ssize_t e, Py_ssize_t first,
                   Py_ssize_t channel, Py_ssize_t group) noexcept nogil:
    """Make the taps: all q in the rows from `first` on below extended row e; point to that row.

    The order is column by column: neighbours in a row would load sums that have just been stored at
    another address, and wait for the store. Columns go from right to left. So each q meets its p
    from left to right, in one tile or in several, and its sum does not depend on the tiles.
    """
    cdef const Metric* metric = <const Metric*> params.records
    cdef const Py_ssize_t* heights = <const Py_ssize_t*> (metric + 1) + params.left
    cdef const real* nearness = <const real*> params.weights + metric.scales
    cdef Py_ssize_t i, j
    cdef Tap* tap = slot.taps
    for j in range(params.left, -params.left - 1, -1):
        for i in range(heights[j]):
            if i >= first and (i > 0 or j > 0):
                lay_rows(params, slot, e + i, channel, group)
                tap.image = slot.image + j
                tap.guide = slot.guide + j
                tap.counts = slot.counts + j
                tap.sums = slot.sums + j
                if i == 0:
                    tap.sums = slot.beside + (channel + group) * slot.pitch + j
                tap.nearness = nearness[i]
                tap += 1
        nearness += heights[j]
    slot.count = tap - slot.taps
    lay_rows(params, slot, e, channel, group)


cdef void count_pixels(const Params* params, real* pixels, Py_ssize_t pitch,
                       Py_ssize_t n) noexcept nogil:
    """Apply the weights of n pixels; the row behind them becomes 1 where the guide is there."""
    cdef real* guide = pixels + params.channels * pitch
    cdef real* weights = guide + params.guides * pitch
    cdef real* there = weights + pitch
    cdef bint omit = params.weighing.omit
    cdef Py_ssize_t k, x
    fill(there, n, 1)
    for k in range(params.channels if omit else 0):
        for x in range(n):
            weights[x] = weights[x] if pixels[k * pitch + x] == pixels[k * pitch + x] else 0
    for k in range(params.guides):
        for x in range(n):
            if guide[k * pitch + x] != guide[k * pitch + x] and (omit or weights[x] == 0):
                weights[x] = there[x] = 0
    for x in range(n if params.guides == 0 else 0):
        there[x] = weights[x] != 0
    for k in range(params.channels):
        for x in range(n):
            pixels[k * pitch + x] = pixels[k * pitch + x] if weights[x] != 0 else 0
    for k in range(params.guides):
        for x in range(n):
            guide[k * pitch + x] = guide[k * pitch + x] if there[x] != 0 else 0


cdef void load_rows(const Planes* image, const Planes* guide, const Slot* slot, Py_ssize_t e,
                    Py_ssize_t left, Py_ssize_t n) noexcept nogil:
    """Convert n columns of extended row e into the ring."""
    cdef const Params* params = image.params
    cdef real* row = (slot.pixels + e % slot.rows * slot.planes * slot.pitch
                      + slot.margin - params.left)
    load_planes(image, e, left, n, slot.raw, slot.samples, row, slot.pitch)
    load_planes(guide, e, left, n, slot.raw, slot.samples, row + params.channels * slot.pitch,
                slot.pitch)
    if params.weighing.kind:
        load_weights(params, image.weights, e, left, n, slot.raw,
                     row + (params.channels + params.guides) * slot.pitch)
        count_pixels(params, row, slot.pitch, n)


cdef void add_row(const Params* params, Slot* slot, Py_ssize_t e, Py_ssize_t first, real scale,
                  Py_ssize_t n) noexcept nogil:
    """Add all pairs of a row with the rows from `first` on below it, for n columns of the result.

    Without a guide, images of one and of three channels have code of their own. In all other cases
    the weights are computed again for every three channels, or for each.
    """
    cdef bint manhattan = (<const Metric*> params.records).manhattan
    cdef Py_ssize_t guides = params.guides if params.guides > 0 else params.channels
    cdef Py_ssize_t k = 0, group = 0
    while k < params.channels:
        lay_taps(params, slot, e, first, k, group)
        if params.weighing.kind and k + 3 <= params.channels:
            tiles(params, slot, n, scale, 3, guides, False, manhattan, True, WIDE // 2)
        elif params.weighing.kind:
            tiles(params, slot, n, scale, 1, guides, False, manhattan, True, WIDE // 2)
        elif guides == 1 and params.guides == 0:
            tiles(params, slot, n, scale, 1, 1, True, False, False, WIDE)
        elif guides == 3 and params.guides == 0 and manhattan:
            tiles(params, slot, n, scale, 3, 3, True, True, False, WIDE // 2)
        elif guides == 3 and params.guides == 0:
            tiles(params, slot, n, scale, 3, 3, True, False, False, WIDE // 2)
        elif k + 3 <= params.channels:
            tiles(params, slot, n, scale, 3, guides, False, manhattan, False, WIDE // 2)
        else:
            tiles(params, slot, n, scale, 1, guides, False, manhattan, False, WIDE // 2)
        k += 3 if k + 3 <= params.channels else 1
        group += 1


cdef void divide_row(const Planes* result, Slot* slot, Py_ssize_t e, Py_ssize_t left,
                     Py_ssize_t n) noexcept nogil:
    """Compute and store the result row of extended row e."""
    cdef const Params* params = result.params
    cdef Py_ssize_t k = 0, group = 0, channels
    while k < params.channels:
        lay_rows(params, slot, e, k, group)
        channels = 3 if k + 3 <= params.channels else 1
        divide(slot, slot.beside + (k + group) * slot.pitch, n, channels,
               slot.stage + k * slot.pitch)
        k += channels
        group += 1
    store_planes(result, e - params.top, left, n, slot.raw, slot.samples, slot.stage, slot.pitch)


cdef void clear_sums(const Params* params, const Slot* slot, real* sums,
                     bint own) noexcept nogil:
    """Begin the sums of a row, with the `own` weight of each pixel, whose difference is 0."""
    cdef Py_ssize_t k = 0, channels
    while k < params.channels:
        channels = 3 if k + 3 <= params.channels else 1
        fill(sums, slot.pitch, 1 if own else 0)
        if own and params.weighing.kind:
            memcpy(sums, slot.counts, slot.pitch * sizeof(real))
        fill(sums + slot.pitch, channels * slot.pitch, 0)
        sums += (1 + channels) * slot.pitch
        k += channels


cdef void strip(const Planes* image, const Planes* guide, const Planes* result, Py_ssize_t plane,
                Py_ssize_t top, Py_ssize_t bottom, Py_ssize_t left, Py_ssize_t right,
                char* scratch) noexcept nogil:
    """Compute result rows top to bottom; the rows above are visited for their pairs with these."""
    cdef const Params* params = image.params
    cdef const Metric* metric = <const Metric*> params.records
    cdef real scale = (<const real*> params.weights)[min(plane, metric.scales - 1)]
    cdef Py_ssize_t e, loaded = top, n = right - left
    cdef Slot slot
    lay_out(params, scratch, &slot)
    fill(slot.pixels, slot.planes * slot.rows * slot.pitch, 0)
    for e in range(top, bottom + params.top):
        while loaded <= e + params.top:
            load_rows(image, guide, &slot, loaded, left, n + params.span_x - 1)
            lay_rows(params, &slot, loaded, 0, 0)
            clear_sums(params, &slot, slot.sums, True)
            loaded += 1
        clear_sums(params, &slot, slot.beside, False)
        add_row(params, &slot, e, max(0, top + params.top - e), scale, n)
        if e >= top + params.top:
            divide_row(result, &slot, e, left, n)


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Py_ssize_t slot_bytes(const Params* params) noexcept nogil:
    cdef Slot unused
    return lay_out(params, NULL, &unused)


cdef inline void run_loop(const Params* params, const Task* task) noexcept nogil:
    run_planes(params, strip, task)


include "entry.pxi"

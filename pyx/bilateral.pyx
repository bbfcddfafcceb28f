# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The mean of the pixels nearby that look alike, each weighted by how near and how alike it is.

    w[p, q] = 2 ** (nearness[q - p] - (scale * distance(guide[p], guide[q])) ** 2)
    result[p] = image[p] + sum over q: w[p, q] * (image[q] - image[p]) / sum over q: w[p, q]

C. Tomasi, R. Manduchi, "Bilateral filtering for gray and color images", 1998. Adding up differences
leaves a constant image as it is, to the bit.

Two pixels have one weight, w[p, q] = w[q, p], and computing it is most of the work. So row by row,
each pixel p takes the pixels q of the rows below, and the weight goes to the sums of both.
"""
from bands cimport take, up_to_lanes
from planes cimport Planes, load_planes, run_planes, store_planes
from rows cimport Job, Task, fill
from types cimport LANES, WIDE, load, real, store, vec


cdef extern from *:
    """
    /* 2**x, and at least 2**LOWEST, whose products with what is that far apart are not subnormal
       and whose sums are nothing beside the pixel's own weight: 2 to the whole part, by the
       exponent, times a minimax polynomial of the rest in [0, 1]. Its error is 7.5e-8 in float,
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
    #include <immintrin.h>
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
    /* Adding 1.5 * 2**(bits of the fraction) rounds to whole numbers, held in the last bits. */
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
    # Channels of the image that share their weights; others have them computed again. Three
    # channels of two vectors, their differences and sums fill the 32 registers of AVX-512.
    FEW = 3


cdef struct Window:
    # job.shape; behind it stand the heights of the columns from p to the last row, from the left.
    # The window is its own mirror image.
    Py_ssize_t manhattan    # distances of channels add up, where Euclid's add their squares
    Py_ssize_t scales       # one for all images of a stack, or one for each; then the nearness


cdef struct Tap:
    # Where q is, for p in column 0, and how near.
    const real* image
    const real* guide
    real* sums
    real nearness


cdef struct Slot:
    # The scratch of one thread: a ring of rows, as many as the window reaches down. Columns begin
    # `margin` numbers into a row, since whole vectors of p reach beyond the window.
    Py_ssize_t rows, pitch, margin
    real* pixels            # all channels of the image, then of the guide, row by row
    real* totals            # weights, then differences of the channels that share them, row by row
    real* beside            # the same, of q in the row of p
    real* stage             # a row of the result
    real* samples           # the same or a row of an image, with channels side by side
    char* raw
    # The row of p: from the first of the channels that share their weights on.
    const real* image
    const real* guide
    real* sums
    Tap* taps
    Py_ssize_t count


# ---------------------------------------------------------------------------------------------
# The equation

cdef inline vec difference(const real* p, const Tap* q, Py_ssize_t pitch, Py_ssize_t x,
                           Py_ssize_t k, bint own, const vec* differences) noexcept nogil:
    """How channel k of the guide differs; an image of few channels is its own guide."""
    if own:
        return differences[k]
    return load(q.guide + k * pitch + x) - load(p + k * pitch + x)


cdef inline vec weigh(const real* p, const Tap* q, Py_ssize_t pitch, Py_ssize_t x, real scale,
                      Py_ssize_t guides, bint own, bint manhattan,
                      const vec* differences) noexcept nogil:
    """The weights of the pairs of pixels from x on; `p` is the guide."""
    cdef vec apart = difference(p, q, pitch, x, 0, own, differences), exponent
    cdef Py_ssize_t k
    if manhattan:
        apart = absolute(apart)
        for k in range(1, guides):
            apart = apart + absolute(difference(p, q, pitch, x, k, own, differences))
    apart = apart * scale
    exponent = q.nearness - apart * apart
    for k in range(1, 1 if manhattan else guides):
        apart = difference(p, q, pitch, x, k, own, differences) * scale
        exponent = exponent - apart * apart
    return power_of_two(exponent)


cdef inline void add_pairs(const real* p, const Tap* q, Py_ssize_t pitch, Py_ssize_t x, real scale,
                           vec[FEW][WIDE] centre, vec[1 + FEW][WIDE] total, int channels,
                           Py_ssize_t guides, bint own, bint manhattan, int wide) noexcept nogil:
    """`wide` vectors of pairs on to the sums of p, which are in registers, and of q.

    All weights come first: with stores between them, the compiler would compute one vector after
    the other, and the processor wait for each.
    """
    cdef vec[WIDE][FEW] differences
    cdef vec[WIDE] weights
    cdef real* sums
    cdef int c, v
    for v in range(wide):
        for c in range(channels):
            differences[v][c] = load(q.image + c * pitch + x + v * LANES) - centre[c][v]
        weights[v] = weigh(p, q, pitch, x + v * LANES, scale, guides, own, manhattan,
                           differences[v])
    for v in range(wide):
        sums = q.sums + x + v * LANES
        total[0][v] = total[0][v] + weights[v]
        store(sums, load(sums) + weights[v])
        for c in range(channels):
            sums += pitch
            total[1 + c][v] = total[1 + c][v] + weights[v] * differences[v][c]
            store(sums, load(sums) - weights[v] * differences[v][c])


cdef inline void tile(const Slot* slot, Py_ssize_t x, real scale, int channels, Py_ssize_t guides,
                      bint own, bint manhattan, int wide) noexcept nogil:
    """All pairs of `wide` vectors of pixels p, from x on."""
    cdef vec[1 + FEW][WIDE] total
    cdef vec[FEW][WIDE] centre
    cdef Py_ssize_t t, pitch = slot.pitch
    cdef const real* guide = slot.guide
    cdef real* sums = slot.sums
    cdef int c, v
    for v in range(wide):
        for c in range(channels):
            centre[c][v] = load(slot.image + c * pitch + x + v * LANES)
        for c in range(1 + channels):
            total[c][v] = load(sums + c * pitch + x + v * LANES)
    for t in range(slot.count):
        add_pairs(guide, slot.taps + t, pitch, x, scale, centre, total, channels, guides, own,
                  manhattan, wide)
    for v in range(wide):
        for c in range(1 + channels):
            store(sums + c * pitch + x + v * LANES, total[c][v])


cdef inline void tiles(const Job* job, const Slot* slot, Py_ssize_t n, real scale, int channels,
                       Py_ssize_t guides, bint own, bint manhattan, int wide) noexcept nogil:
    """All p from which a window reaches the n columns of the result."""
    cdef Py_ssize_t x = slot.margin - up_to_lanes(job.left), end = slot.margin + n + job.left
    while x + wide * LANES <= end:
        tile(slot, x, scale, channels, guides, own, manhattan, wide)
        x += wide * LANES
    while x < end:
        tile(slot, x, scale, channels, guides, own, manhattan, 1)
        x += LANES


cdef inline void divide(const Slot* slot, const real* beside, Py_ssize_t n, Py_ssize_t channels,
                        real* target) noexcept nogil:
    """The means of a row. The last term is zero, or NaN where the window holds an infinity."""
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

cdef Py_ssize_t lay_out(const Job* job, char* scratch, Slot* slot) noexcept nogil:
    """Divide a thread's scratch; returns the bytes it takes."""
    cdef Py_ssize_t row
    cdef char* free = scratch
    slot.rows = job.top + 1
    # q may lie as far to the left of the first p as that of the first column.
    slot.margin = 2 * up_to_lanes(job.left)
    slot.pitch = job.ring_pitch + 2 * slot.margin
    row = slot.pitch * <Py_ssize_t> sizeof(real)
    slot.pixels = <real*> take(&free, (job.channels + job.guides) * slot.rows * row)
    slot.totals = <real*> take(&free, 2 * job.channels * slot.rows * row)
    slot.beside = <real*> take(&free, 2 * job.channels * row)
    slot.stage = <real*> take(&free, job.channels * row)
    slot.samples = <real*> take(&free, max(job.channels, job.guides) * row)
    slot.raw = take(&free, slot.pitch * 8)
    slot.taps = <Tap*> take(&free, slot.rows * job.span_x * <Py_ssize_t> sizeof(Tap))
    return free - scratch


cdef inline void lay_rows(const Job* job, Slot* slot, Py_ssize_t e, Py_ssize_t channel,
                          Py_ssize_t group) noexcept nogil:
    """Point to extended row e, for the channels from `channel` on."""
    cdef Py_ssize_t place = e % slot.rows, planes = job.channels + job.guides
    slot.image = slot.pixels + (place * planes + channel) * slot.pitch
    slot.guide = slot.pixels + (place * planes + planes - job.guides) * slot.pitch
    if job.guides == 0:
        slot.guide = slot.image - channel * slot.pitch
    slot.sums = slot.totals + (2 * job.channels * place + channel + group) * slot.pitch


cdef void lay_taps(const Job* job, Slot* slot, Py_ssize_t e, Py_ssize_t first, Py_ssize_t channel,
                   Py_ssize_t group) noexcept nogil:
    """Point to all q in the rows from `first` on, below extended row e, and to that row itself.

    Column by column, since neighbours in a row would add to sums that have just been stored at
    another place in the vector, and wait for them. From the right to the left: so a q takes its p
    from the left to the right, in one tile as in several, and its bits do not depend on them.
    """
    cdef const Window* window = <const Window*> job.shape
    cdef const Py_ssize_t* heights = <const Py_ssize_t*> (window + 1) + job.left
    cdef const real* nearness = <const real*> job.weights + window.scales
    cdef Py_ssize_t i, j
    cdef Tap* tap = slot.taps
    for j in range(job.left, -job.left - 1, -1):
        for i in range(heights[j]):
            if i >= first and (i > 0 or j > 0):
                lay_rows(job, slot, e + i, channel, group)
                tap.image = slot.image + j
                tap.guide = slot.guide + j
                tap.sums = slot.sums + j
                if i == 0:
                    tap.sums = slot.beside + (channel + group) * slot.pitch + j
                tap.nearness = nearness[i]
                tap += 1
        nearness += heights[j]
    slot.count = tap - slot.taps
    lay_rows(job, slot, e, channel, group)


cdef void load_rows(const Planes* image, const Planes* guide, const Slot* slot, Py_ssize_t e,
                    Py_ssize_t left, Py_ssize_t n) noexcept nogil:
    """Bring n columns of extended row e into the ring."""
    cdef const Job* job = image.job
    cdef Py_ssize_t place = e % slot.rows
    cdef real* row = (slot.pixels + place * (job.channels + job.guides) * slot.pitch
                      + slot.margin - job.left)
    load_planes(image, e, left, n, slot.raw, slot.samples, row, slot.pitch)
    load_planes(guide, e, left, n, slot.raw, slot.samples, row + job.channels * slot.pitch,
                slot.pitch)


cdef void add_row(const Job* job, Slot* slot, Py_ssize_t e, Py_ssize_t first, real scale,
                  Py_ssize_t n) noexcept nogil:
    """All pairs of a row with those from `first` on below it, n columns of the result wide.

    Grey images and those of three channels guide themselves at full speed. In all other cases the
    weights are computed again for every three channels, or one.
    """
    cdef bint manhattan = (<const Window*> job.shape).manhattan
    cdef Py_ssize_t guides = job.guides if job.guides > 0 else job.channels, k = 0, group = 0
    while k < job.channels:
        lay_taps(job, slot, e, first, k, group)
        if guides == 1 and job.guides == 0:
            tiles(job, slot, n, scale, 1, 1, True, False, WIDE)
        elif guides == 3 and job.guides == 0 and manhattan:
            tiles(job, slot, n, scale, 3, 3, True, True, WIDE // 2)
        elif guides == 3 and job.guides == 0:
            tiles(job, slot, n, scale, 3, 3, True, False, WIDE // 2)
        elif k + 3 <= job.channels:
            tiles(job, slot, n, scale, 3, guides, False, manhattan, WIDE // 2)
        else:
            tiles(job, slot, n, scale, 1, guides, False, manhattan, WIDE // 2)
        k += 3 if k + 3 <= job.channels else 1
        group += 1


cdef void divide_row(const Planes* result, Slot* slot, Py_ssize_t e, Py_ssize_t left,
                     Py_ssize_t n) noexcept nogil:
    """The result row of extended row e."""
    cdef const Job* job = result.job
    cdef Py_ssize_t k = 0, group = 0, channels
    while k < job.channels:
        lay_rows(job, slot, e, k, group)
        channels = 3 if k + 3 <= job.channels else 1
        divide(slot, slot.beside + (k + group) * slot.pitch, n, channels,
               slot.stage + k * slot.pitch)
        k += channels
        group += 1
    store_planes(result, e - job.top, left, n, slot.raw, slot.samples, slot.stage, slot.pitch)


cdef void clear_sums(const Job* job, const Slot* slot, real* sums, real itself) noexcept nogil:
    """Begin the sums of a row with the weight of a pixel and itself; they differ by nothing."""
    cdef Py_ssize_t k = 0, channels
    while k < job.channels:
        channels = 3 if k + 3 <= job.channels else 1
        fill(sums, slot.pitch, itself)
        fill(sums + slot.pitch, channels * slot.pitch, 0)
        sums += (1 + channels) * slot.pitch
        k += channels


cdef void strip(const Planes* image, const Planes* guide, const Planes* result, Py_ssize_t plane,
                Py_ssize_t top, Py_ssize_t bottom, Py_ssize_t left, Py_ssize_t right,
                char* scratch) noexcept nogil:
    """Rows top to bottom. Those above have pairs with them, too."""
    cdef const Job* job = image.job
    cdef const Window* window = <const Window*> job.shape
    cdef real scale = (<const real*> job.weights)[min(plane, window.scales - 1)]
    cdef Py_ssize_t e, loaded = top, n = right - left
    cdef Slot slot
    lay_out(job, scratch, &slot)
    fill(slot.pixels, (job.channels + job.guides) * slot.rows * slot.pitch, 0)
    for e in range(top, bottom + job.top):
        while loaded <= e + job.top:
            load_rows(image, guide, &slot, loaded, left, n + job.span_x - 1)
            lay_rows(job, &slot, loaded, 0, 0)
            clear_sums(job, &slot, slot.sums, 1)
            loaded += 1
        clear_sums(job, &slot, slot.beside, 0)
        add_row(job, &slot, e, max(0, top + job.top - e), scale, n)
        if e >= top + job.top:
            divide_row(result, &slot, e, left, n)


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Py_ssize_t slot_bytes(const Job* job) noexcept nogil:
    cdef Slot unused
    return lay_out(job, NULL, &unused)


cdef inline void run_job(const Job* job, const Task* task) noexcept nogil:
    run_planes(job, strip, task)


include "entry.pxi"

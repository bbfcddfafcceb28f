# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""A separable kernel by Fourier transforms of columns, then of rows (overlap-save).

    line * kernel = inverse transform of (transform of the line x spectrum of the kernel)

A piece of N extended pixels of a line gives the N - k + 1 results whose windows lie in it; the
others wrap around and are dropped. As in fourier.pyx, t^N = -1: pixel i and pixel i + N / 2 are the
real and the imaginary part of one number, so N pixels are a transform of N / 2 numbers.

LANES lines are transformed side by side, and each lane is a line of its own: its middle, its error
and whether it is safe depend on no other line. The image is cut into slabs of result rows. In a
slab, columns are filtered first, PANEL vectors of them from each row of the image. Their results
are transposed, so that LANES rows lie side by side for the second pass, which fetches its border
through the index map. So both passes run from one compact piece of memory.

A sum of several terms, such as a difference of Gaussians, has the same windows and pieces for all
of them. The first pass filters a panel for each term, the second adds up the results of a piece.
"""
from cython.parallel cimport prange, threadid

from bands cimport take, up_to_lanes
from keys cimport larger_of, smaller_of
from rows cimport CACHE_LINE, Params, Task, load_row, store_row
from tiles cimport SQUARE, Taps, correlate_rows
cimport transforms
from transforms cimport MOST_LANES, Transform, transpose_square
from types cimport LANES, ZERO, load, real, store, vec

cdef extern from *:
    """
    /* Numbers whose magnitude is above a limit, lane by lane, and 0 for the others. */
    #if defined(VECTOR_BYTES)
      static inline vec above(vec v, vec limit)
      {
        __typeof__(v > v) kept = (v > limit) | (v < -limit);
        return (vec) (kept & (__typeof__(kept)) v);
      }
    #else
      static inline vec above(vec v, vec limit) { return v > limit || v < -limit ? v : 0; }
    #endif
    """
    vec above(vec v, vec limit) nogil

cdef enum:
    # Vectors that are loaded side by side: two cache lines of a row. At level v3 those of the
    # longest pieces take 256 KB, half of a common L2 cache.
    PANEL = 4


cdef struct Side:
    # An axis.
    Py_ssize_t length               # pixels of a piece: N; any number if there is one tap
    Py_ssize_t results              # of a piece
    Py_ssize_t taps
    Py_ssize_t passes, numbers      # of the transform; numbers of its twiddles
    double gain                     # the sum of the weights
    double smallest, largest        # absolute maximum of a line that is safe to transform
    double error                    # bound of the errors, for a range of 1


cdef struct Sides:
    # A term. params.records has all of them, then the radices of the passes along y and along x.
    Side y, x
    Py_ssize_t terms                # how many there are


cdef struct Axis:
    # A side, and where its weights are.
    const Side* side
    Py_ssize_t half                 # complex numbers
    const real* kernel
    const real* turns
    Transform transform
    const real* spectrum


cdef struct Slot:
    # The scratch of a thread, and both axes of a term.
    Axis y, x
    real** lines                    # LANES pixels of each place of a piece
    real* columns                   # a piece: rows of LANES real and LANES imaginary parts
    real* sums                      # those of earlier terms
    real* panel                     # pixels of PANEL vectors of columns
    Py_ssize_t pitch                # of the panel
    real* stage                     # LANES rows of results
    Py_ssize_t stage_pitch
    real* outside                   # LANES pixels beyond a constant border, after the first pass
    real* few                       # SQUARE vectors of direct sums
    char* raw                       # pixels before or after conversion
    # Results of the first pass: LANES rows of a block side by side, for each column of the image;
    # all blocks of a term, then those of the next. All threads use those of the first slot. Memory
    # that is not touched costs nothing.
    real* filtered


cdef inline Py_ssize_t block_pitch(const Params* params) noexcept nogil:
    """Numbers from a block to the next; a power of two would put all into few sets of a cache."""
    return up_to_lanes(params.width) * LANES + CACHE_LINE // <Py_ssize_t> sizeof(real)


cdef inline Py_ssize_t blocks_of(Py_ssize_t rows) noexcept nogil:
    return (rows + LANES - 1) // LANES


cdef inline const real* lay_axis(const Side* side, const Py_ssize_t* radices, const real* weights,
                                 Axis* to) noexcept nogil:
    """Set where the weights of an axis are that all terms share; return what is behind them."""
    to.half = side.length // 2
    to.turns = weights
    to.transform = Transform(to.half, side.passes, radices, to.turns + side.length, side.numbers)
    return to.transform.twiddles + side.numbers


cdef inline const real* lay_term(const Side* side, const real* weights, Axis* to) noexcept nogil:
    """Set where the weights of a term are along an axis; return what is behind them."""
    to.side = side
    to.kernel = weights
    to.spectrum = to.kernel + side.taps
    return to.spectrum + side.length


cdef inline void choose_term(const Params* params, Py_ssize_t term, Slot* to) noexcept nogil:
    """Set the axes to those of a term."""
    cdef const Sides* sides = <const Sides*> params.records
    cdef const Py_ssize_t* radices = <const Py_ssize_t*> (sides + sides.terms)
    cdef const real* weights = <const real*> params.weights
    weights = lay_axis(&sides.y, radices, weights, &to.y)
    weights = lay_axis(&sides.x, radices + sides.y.passes, weights, &to.x)
    weights += term * (sides.y.taps + sides.y.length + sides.x.taps + sides.x.length)
    weights = lay_term(&sides[term].y, weights, &to.y)
    lay_term(&sides[term].x, weights, &to.x)


cdef inline Py_ssize_t lay_out(const Params* params, char* scratch, Slot* to) noexcept nogil:
    """Divide a thread's scratch; return its size in bytes."""
    cdef const Sides* sides = <const Sides*> params.records
    cdef Py_ssize_t longest = max(sides.y.length, sides.x.length), size = sizeof(real)
    cdef char* free = scratch
    to.pitch = PANEL * LANES + CACHE_LINE // size
    to.stage_pitch = up_to_lanes(sides.x.results) + CACHE_LINE // size
    to.lines = <real**> take(&free, (longest + SQUARE) * sizeof(void*))
    to.columns = <real*> take(&free, longest * LANES * size)
    to.sums = <real*> take(&free, longest * LANES * size)
    to.panel = <real*> take(&free, sides.y.length * to.pitch * size)
    to.stage = <real*> take(&free, LANES * to.stage_pitch * size)
    to.outside = <real*> take(&free, LANES * size)
    to.few = <real*> take(&free, SQUARE * LANES * size)
    to.raw = take(&free, max(longest, PANEL * LANES) * 8)
    to.filtered = <real*> take(&free, sides.terms * blocks_of(sides.y.results)
                               * block_pitch(params) * size)
    return free - scratch


# ---------------------------------------------------------------------------------------------
# LANES lines

cdef struct Contents:
    # What the lines hold, lane by lane.
    vec low, high
    vec middle, shift, error
    bint all_safe
    bint[MOST_LANES] safe


cdef inline real* place(const Axis* axis, real* columns, Py_ssize_t i) noexcept nogil:
    """Where number i of the lines is: a real part, or an imaginary one."""
    if i < axis.half:
        return columns + i * 2 * LANES
    return columns + (i - axis.half) * 2 * LANES + LANES


cdef inline Contents examine(const Axis* axis, real** lines, Py_ssize_t n,
                             Py_ssize_t lanes) noexcept nogil:
    """Find the range of n numbers of each line, and which of the first lanes are safe."""
    cdef const Side* side = axis.side
    cdef Contents found
    cdef vec v, odd = ZERO
    cdef real[MOST_LANES] low
    cdef real[MOST_LANES] high
    cdef real[MOST_LANES] strange
    cdef Py_ssize_t i
    cdef double size
    found.low = found.high = load(lines[0])
    for i in range(n):
        v = load(lines[i])
        found.low = smaller_of(found.low, v)
        found.high = larger_of(found.high, v)
        odd = odd + (v - v)
    found.middle = found.low * <real> 0.5 + found.high * <real> 0.5
    found.shift = found.middle * <real> side.gain
    found.error = (found.high - found.low) * <real> side.error
    store(low, found.low)
    store(high, found.high)
    store(strange, odd)
    found.all_safe = True
    for i in range(lanes):
        size = max(<double> high[i], -<double> low[i])
        found.safe[i] = strange[i] == 0 and (size == 0 or side.smallest <= size <= side.largest)
        found.all_safe = found.all_safe and found.safe[i]
    return found


cdef inline void twist(const Axis* axis, real** lines, Py_ssize_t n, vec middle,
                       real* columns) noexcept nogil:
    """Load n numbers less the middle, and zeros behind them; multiply number y by turn y."""
    cdef Py_ssize_t y
    cdef real cosine, sine
    cdef vec a, b
    for y in range(axis.half):
        cosine = axis.turns[2 * y]
        sine = axis.turns[2 * y + 1]
        a = load(lines[y]) - middle if y < n else ZERO
        b = load(lines[y + axis.half]) - middle if y + axis.half < n else ZERO
        store(columns, a * cosine - b * sine)
        store(columns + LANES, b * cosine + a * sine)
        columns += 2 * LANES


cdef inline void twist_back(const Axis* axis, const Contents* found, real* columns) noexcept nogil:
    """Undo `twist`; what is not larger than the error becomes 0, as in fourier.pyx."""
    cdef Py_ssize_t y
    cdef real cosine, sine
    cdef vec re, im
    for y in range(axis.half):
        cosine = axis.turns[2 * y]
        sine = axis.turns[2 * y + 1]
        re = load(columns)
        im = load(columns + LANES)
        store(columns, above(re * cosine + im * sine + found.shift, found.error))
        store(columns + LANES, above(im * cosine - re * sine + found.shift, found.error))
        columns += 2 * LANES


cdef inline void scale_lines(const Axis* axis, real** lines, Py_ssize_t n,
                             real* columns) noexcept nogil:
    """Filter lines by a kernel of one tap."""
    cdef Py_ssize_t i
    for i in range(n):
        store(place(axis, columns, i), load(lines[i]) * axis.kernel[0])


cdef inline void add_directly(const Axis* axis, const Slot* slot, const Contents* found,
                              Py_ssize_t n, Py_ssize_t lanes) noexcept nogil:
    """Replace the results of lines that are not safe by direct sums."""
    cdef Taps taps = Taps(axis.kernel, axis.side.taps, 1, 1, 1, False)
    cdef Py_ssize_t results = n - axis.side.taps + 1, y = 0, r, k
    cdef real* target
    cdef real* targets[SQUARE]
    for r in range(SQUARE):
        targets[r] = slot.few + r * LANES
        # The last sums may reach beyond the piece.
        slot.lines[n + r] = slot.lines[0]
    while y < results:
        correlate_rows(slot.lines + y, &taps, LANES, targets)
        for r in range(min(<Py_ssize_t> SQUARE, results - y)):
            target = place(axis, slot.columns, y + r)
            for k in range(lanes):
                if not found.safe[k]:
                    target[k] = targets[r][k]
        y += SQUARE


cdef inline void filter_lines(const Axis* axis, const Slot* slot, Py_ssize_t n,
                              Py_ssize_t lanes) noexcept nogil:
    """Filter the n numbers of each line into slot.columns; only the first lanes matter."""
    cdef Contents found
    if axis.side.taps == 1:
        scale_lines(axis, slot.lines, n, slot.columns)
        return
    found = examine(axis, slot.lines, n, lanes)
    twist(axis, slot.lines, n, found.middle, slot.columns)
    transforms.filter_columns(&axis.transform, slot.columns, axis.spectrum, True)
    twist_back(axis, &found, slot.columns)
    if not found.all_safe:
        add_directly(axis, slot, &found, n, lanes)


# ---------------------------------------------------------------------------------------------
# The two passes of a slab. Between them, block b of LANES rows has LANES numbers for each column.

cdef struct Slab:
    const char* image               # the plane
    char* result
    Py_ssize_t y, rows              # of the results
    real* filtered                  # after the first pass
    Py_ssize_t pitch                # from a block to the next
    Py_ssize_t terms, term          # number of terms; blocks from a term to the next


cdef inline void filter_columns(const Slab* slab, const Slot* slot, Py_ssize_t n,
                                Py_ssize_t width, real* filtered) noexcept nogil:
    """Filter `width` columns of n pixels in the panel by a term."""
    cdef Py_ssize_t k = 0, i
    while k < width:
        for i in range(n):
            slot.lines[i] = slot.panel + i * slot.pitch + k
        filter_lines(&slot.y, slot, n, LANES)
        i = 0
        while i < slab.rows:
            transpose_square(place(&slot.y, slot.columns, i), 2 * LANES,
                             filtered + i // LANES * slab.pitch + k * LANES, LANES)
            i += LANES
        k += LANES


cdef inline void filter_panel(const Params* params, const Slab* slab, Py_ssize_t p,
                              char* scratch) noexcept nogil:
    """Filter panel p of the columns of the image, by all terms."""
    cdef Py_ssize_t x = p * PANEL * LANES, width = min(<Py_ssize_t> PANEL * LANES, params.width - x)
    cdef Py_ssize_t k, i, n, term
    cdef Slot slot
    cdef real* row
    lay_out(params, scratch, &slot)
    n = slab.rows + (<const Sides*> params.records).y.taps - 1
    for i in range(n):
        row = slot.panel + i * slot.pitch
        load_row(params, slab.image, slab.y + i, params.left + x, width, slot.raw, row)
        for k in range(width, up_to_lanes(width)):
            row[k] = row[0]
    for term in range(slab.terms):
        choose_term(params, term, &slot)
        filter_columns(slab, &slot, n, width,
                       slab.filtered + term * slab.term * slab.pitch + x * LANES)


cdef inline void lay_lines(const Params* params, const Slot* slot, real* block, Py_ssize_t x,
                           Py_ssize_t n) noexcept nogil:
    """Point slot.lines to n extended columns, from x on, of a block of rows."""
    cdef Py_ssize_t i, column
    for i in range(n):
        column = x + i - params.left
        if column < 0:
            column = params.before[x + i]
        elif column >= params.width:
            column = params.after[column - params.width]
        slot.lines[i] = block + column * LANES if column >= 0 else slot.outside


cdef inline void add_sums(const Slot* slot) noexcept nogil:
    """Add the sums of earlier terms to the results of a piece."""
    cdef Py_ssize_t i = 0
    while i < slot.x.side.length * LANES:
        store(slot.columns + i, load(slot.columns + i) + load(slot.sums + i))
        i += LANES


cdef inline void filter_rows(const Params* params, const Slab* slab, Py_ssize_t b, Py_ssize_t x,
                             Py_ssize_t n, Py_ssize_t rows, Slot* slot) noexcept nogil:
    """Filter n extended columns of block b, from x on, by all terms; add up the results."""
    cdef real* earlier
    cdef Py_ssize_t term, i
    for term in range(slab.terms):
        choose_term(params, term, slot)
        for i in range(LANES):
            slot.outside[i] = <real> params.cval * <real> slot.y.side.gain
        lay_lines(params, slot, slab.filtered + (term * slab.term + b) * slab.pitch, x, n)
        if term > 0:
            earlier = slot.columns
            slot.columns = slot.sums
            slot.sums = earlier
        filter_lines(&slot.x, slot, n, rows)
        if term > 0:
            add_sums(slot)


cdef inline void filter_block(const Params* params, const Slab* slab, Py_ssize_t b,
                              char* scratch) noexcept nogil:
    """Filter block b of the rows of a slab, and store them."""
    cdef Py_ssize_t y = b * LANES, rows = min(<Py_ssize_t> LANES, slab.rows - y)
    cdef Py_ssize_t x = 0, i, count
    cdef const Side* side = &(<const Sides*> params.records).x
    cdef Slot slot
    lay_out(params, scratch, &slot)
    # GCC does not know that there is a first term.
    choose_term(params, 0, &slot)
    while x < params.result_width:
        count = min(side.results, params.result_width - x)
        filter_rows(params, slab, b, x, count + side.taps - 1, rows, &slot)
        i = 0
        while i < count:
            transpose_square(place(&slot.x, slot.columns, i), 2 * LANES, slot.stage + i,
                             slot.stage_pitch)
            i += LANES
        for i in range(rows):
            store_row(params, slot.stage + i * slot.stage_pitch, 1, count, slot.raw,
                      slab.result + (slab.y + y + i) * params.result[0].row_stride
                      + x * params.result[0].column_stride)
        x += count


cdef inline void run_slab(const Params* params, const Task* task, const Slab* slab) noexcept nogil:
    """Filter the columns, then the rows, each pass with all threads."""
    cdef Py_ssize_t panels = (params.width + PANEL * LANES - 1) // (PANEL * LANES), i
    cdef Py_ssize_t blocks = blocks_of(slab.rows)
    if task.threads == 1:
        for i in range(panels):
            filter_panel(params, slab, i, task.scratch)
        for i in range(blocks):
            filter_block(params, slab, i, task.scratch)
        return
    for i in prange(panels, num_threads=task.threads, schedule="dynamic"):
        filter_panel(params, slab, i, task.scratch + threadid() * task.slot_bytes)
    for i in prange(blocks, num_threads=task.threads, schedule="dynamic"):
        filter_block(params, slab, i, task.scratch + threadid() * task.slot_bytes)


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Py_ssize_t slot_bytes(const Params* params) noexcept nogil:
    cdef Slot unused
    return lay_out(params, NULL, &unused)


cdef inline void run_loop(const Params* params, const Task* task) noexcept nogil:
    """Compute all slabs of all planes. Where they begin does not depend on the threads."""
    cdef const Sides* sides = <const Sides*> params.records
    cdef Py_ssize_t step = sides.y.results, p
    cdef Slab slab
    cdef Slot first
    lay_out(params, task.scratch, &first)
    slab.filtered = first.filtered
    slab.pitch = block_pitch(params)
    slab.terms = sides.terms
    slab.term = blocks_of(step)
    for p in range(params.planes):
        slab.image = task.image + params.offsets[2 * p]
        slab.result = task.results[0] + params.offsets[2 * p + 1]
        slab.y = 0
        while slab.y < params.result_height:
            slab.rows = min(step, params.result_height - slab.y)
            run_slab(params, task, &slab)
            slab.y += step


include "entry.pxi"

TOGETHER = LANES        # lines that are transformed side by side

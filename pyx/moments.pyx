# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Mean and variance of every window, and the thresholds that follow from them.

    d = image - shift,   s1 = sum of d,   s2 = sum of d * d   over the n pixels of the window
    mean = shift + s1 / n,   variance = (n s2 - s1**2) / (n (n - ddof))

With weights w the sums are of w d and w d * d, and n is the sum of w; the result is NaN where n is
not above ddof.

The shift is a pixel near the window, so that s1**2 / n is not much larger than the variance and
little cancels (T. F. Chan, G. H. Golub, R. J. LeVeque, "Algorithms for computing the sample
variance", The American Statistician 37, 1983). It is the same for a cell: a block of rows times a
run of columns that begins at a multiple of its length, whatever piece of the image is computed.

Nothing is subtracted from a sum, so a NaN affects only its windows. A rectangle is added down the
columns, where a group of results shares its work (van Herk 1992, Gil and Werman 1993), and then
along the rows. Any other window is a list of runs of 1, 2, 4, ... pixels, the binary digits of the
lengths of its chords; sums of such runs are made once for each row.
"""
from bands cimport Block, Slot, ring_rows, up_to_lanes
from rows cimport Params, fill
from sums cimport row_sums
from types cimport LANES, WIDE, ZERO, load, real, store, vec


cdef enum:
    # Places of the first window whose median is the shift: a single outlier is never taken.
    CANDIDATES = 5
    # The moments: of d, of d * d, and the weights.
    PLANES = 3


cdef enum What:
    # In the order of WHAT in operations/moments.py.
    MEAN, VARIANCE, STD, NIBLACK, SAUVOLA, PHANSALKAR


cdef struct Window:
    # The head of params.records; Numbers and `count` runs follow, none for a rectangle.
    Py_ssize_t what                 # What
    Py_ssize_t above                # whether results are 1 where the pixel is above, else 0
    Py_ssize_t height, width, step
    Py_ssize_t row, column          # the pixel in the window
    Py_ssize_t cell                 # columns of a cell
    Py_ssize_t levels               # runs have at most 1 << (levels - 1) pixels
    Py_ssize_t count


cdef struct Numbers:
    double n, ddof, k, r, p, q, white, offset


cdef struct Run:
    # 1 << level pixels of a row of the window, from sample `first` on.
    Py_ssize_t row, first, level


cdef struct Sums:
    # The sums of the windows of a row: of d, of d * d, and of weights (NULL if there are none).
    const real* first
    const real* second
    const real* weights
    const real* counted         # the weights of the pixels that are compared


cdef extern from *:
    """
    #include <math.h>
    #define squared(x) ((x) * (x))
    /* a * b - c * c. Which product is rounded by itself must not be left to a compiler: GCC 16
       takes one in whole vectors, and the other in the rest of a row. */
    #if FUSED
      #define less_square(a, b, c) fma(a, b, -((c) * (c)))
    #else
      #define less_square(a, b, c) ((a) * (b) - (c) * (c))
    #endif
    /* Not below 0; NaN stays NaN. */
    #define nonnegative(x) ((x) < 0 ? 0 : (x))
    """
    vec squared(vec x) nogil
    double less_square(double a, double b, double c) nogil
    double nonnegative(double x) nogil
    double sqrt(double x) nogil
    double exp(double x) nogil
    bint isfinite(double x) nogil
    const double NAN


# ---------------------------------------------------------------------------------------------
# The equation

cdef inline void finish(const Numbers* at, const Sums* sums, const real* shift, const real* pixels,
                        Py_ssize_t n, int what, bint above, bint weighed,
                        real* target) noexcept nogil:
    """The results of n windows from their sums; in double, where squares of short sums fit."""
    cdef double count = at.n, scale = 1.0 / (at.n * (at.n - at.ddof))
    cdef double s1, mean, variance, value
    cdef Py_ssize_t x
    for x in range(n):
        if weighed:
            count = sums.weights[x]
            scale = 1.0 / (count * (count - at.ddof)) if count > at.ddof else NAN
        s1 = sums.first[x]
        mean = (s1 + count * shift[x]) / count
        value = mean
        if what != MEAN:
            variance = nonnegative(less_square(count, sums.second[x], s1)) * scale
            value = variance
        if what >= STD:
            value = sqrt(variance)
        if what == NIBLACK:
            value = mean - at.k * value
        elif what == SAUVOLA:
            value = mean * (1 + at.k * (value / at.r - 1))
        elif what == PHANSALKAR:
            value = mean * (1 + at.p * exp(-at.q * mean / at.white) + at.k * (value / at.r - 1))
        value = value - at.offset
        if above and weighed:
            target[x] = <real> 1 if (pixels[x] > value) & (sums.counted[x] > 0) else <real> 0
        elif above:
            target[x] = <real> 1 if pixels[x] > value else <real> 0
        else:
            target[x] = <real> value


cdef inline void finish_some(const Numbers* at, const Sums* sums, const real* shift,
                             const real* pixels, Py_ssize_t n, int what, bint above,
                             real* target) noexcept nogil:
    """`finish`, compiled for results, for comparisons, and for pixels that are weighed."""
    if sums.weights != NULL:
        finish(at, sums, shift, pixels, n, what, above, True, target)
    elif above:
        finish(at, sums, shift, pixels, n, what, True, False, target)
    else:
        finish(at, sums, shift, pixels, n, what, False, False, target)


cdef void finish_row(const Window* window, const Numbers* at, const Sums* sums, const real* shift,
                     const real* pixels, Py_ssize_t n, real* target) noexcept nogil:
    """`finish` with the kind of result as a literal, so that no loop chooses."""
    if window.what == MEAN:
        finish_some(at, sums, shift, pixels, n, MEAN, window.above, target)
    elif window.what == VARIANCE:
        finish_some(at, sums, shift, pixels, n, VARIANCE, window.above, target)
    elif window.what == STD:
        finish_some(at, sums, shift, pixels, n, STD, window.above, target)
    elif window.what == NIBLACK:
        finish_some(at, sums, shift, pixels, n, NIBLACK, window.above, target)
    elif window.what == SAUVOLA:
        finish_some(at, sums, shift, pixels, n, SAUVOLA, window.above, target)
    else:
        finish_some(at, sums, shift, pixels, n, PHANSALKAR, window.above, target)


# ---------------------------------------------------------------------------------------------
# The shift

cdef inline real** weight_rows(const Params* params, const Slot* slot) noexcept nogil:
    """The rows of weights under a block; NULL if all pixels count alike."""
    return slot.rows + ring_rows(params) if params.weighing.kind else NULL


cdef inline real middle_of(real* values, int count) noexcept nogil:
    """The median of a few numbers, which are sorted."""
    cdef int i, k
    cdef real value
    for i in range(1, count):
        value = values[i]
        k = i
        while k > 0 and values[k - 1] > value:
            values[k] = values[k - 1]
            k -= 1
        values[k] = value
    return values[count // 2]


cdef inline bint counts(real** rows, real** weights, Py_ssize_t r, Py_ssize_t x) noexcept nogil:
    """Whether a pixel is a number near others; one that does not count may be anything."""
    return isfinite(rows[r][x]) and (weights == NULL or weights[r][x] > 0)


cdef inline real shift_of(real** rows, real** weights, const Window* window, Py_ssize_t height,
                          Py_ssize_t x, Py_ssize_t columns) noexcept nogil:
    """The median of the corners and the middle of the window at x, as far as they count.

    If none does: any pixel of `height` rows and of `columns` columns from x on.
    """
    cdef Py_ssize_t bottom = window.height - 1, right = (window.width - 1) * window.step, r, c
    cdef Py_ssize_t[CANDIDATES] down, across
    cdef real[CANDIDATES] values
    cdef int count = 0, i
    down[0] = down[1] = 0
    down[2] = down[3] = bottom
    across[0] = across[2] = x
    across[1] = across[3] = x + right
    down[4] = window.height // 2
    across[4] = x + window.width // 2 * window.step
    for i in range(CANDIDATES):
        if counts(rows, weights, down[i], across[i]):
            values[count] = rows[down[i]][across[i]]
            count += 1
    if count > 0:
        return middle_of(values, count)
    for r in range(height):
        c = x
        while c < x + columns:
            if counts(rows, weights, r, c):
                return rows[r][c]
            c += window.step
    return 0


cdef void find_shifts(const Params* params, const Slot* slot, Py_ssize_t begin, Py_ssize_t skip,
                      Py_ssize_t n, real* shift) noexcept nogil:
    """The shift of n columns, one for each channel, from `skip` columns behind `begin` on."""
    cdef const Window* window = <const Window*> params.records
    cdef Py_ssize_t left = params.result_width - slot.x - begin, x
    cdef Py_ssize_t columns = min(window.cell * window.step, left) + params.span_x - 1
    cdef real** weights = weight_rows(params, slot)
    if window.what == MEAN:
        fill(shift, n, 0)
        return
    if window.step == 1:
        fill(shift, n, shift_of(slot.rows, weights, window, ring_rows(params), begin, columns))
        return
    for x in range(min(n, window.step)):
        left = (skip + x) % window.step
        shift[x] = shift_of(slot.rows, weights, window, ring_rows(params), begin + left,
                            columns - left)
    for x in range(window.step, n):
        shift[x] = shift[x - window.step]


# ---------------------------------------------------------------------------------------------
# Moments

cdef inline bint is_needed(int moment, bint squares, bint weighed) noexcept nogil:
    """Whether one of the PLANES moments is needed."""
    return moment == 0 or (moment == 1 and squares) or (moment == 2 and weighed)


cdef inline void take(const real* row, const real* weights, vec c, bint weighed,
                      vec* moments) noexcept nogil:
    """w d, w d * d and w of LANES pixels, from differences to c."""
    cdef vec d = load(row) - c
    moments[0] = d
    moments[1] = squared(d)
    if weighed:
        moments[2] = load(weights)
        moments[0] = moments[2] * d
        moments[1] = moments[0] * d


# ---------------------------------------------------------------------------------------------
# Rectangles

cdef inline void column_sums(real** rows, real** weights, Py_ssize_t height, Py_ssize_t group,
                             Py_ssize_t begin, const real* shift, Py_ssize_t x, real* sums,
                             Py_ssize_t pitch, Py_ssize_t plane, bint squares, bint weighed,
                             int wide) noexcept nogil:
    """sums[r] = moments of rows[r] to rows[r + height - 1] for r < group <= height.

    A plane for each of the PLANES moments; those that are not needed stay as they are.
    """
    cdef vec[WIDE][PLANES] total, more
    cdef vec[WIDE] c
    cdef Py_ssize_t r
    cdef int k, m
    begin += x
    for k in range(wide):
        c[k] = load(shift + x + k * LANES)
        take(rows[height - 1] + begin + k * LANES, weights[height - 1] + begin + k * LANES, c[k],
             weighed, total[k])
    for r in range(height - 2, -1, -1):
        for k in range(wide):
            for m in range(PLANES):
                if r + 1 < group and is_needed(m, squares, weighed):
                    store(sums + m * plane + (r + 1) * pitch + x + k * LANES, total[k][m])
            take(rows[r] + begin + k * LANES, weights[r] + begin + k * LANES, c[k],
                 weighed, more[k])
            for m in range(PLANES):
                if is_needed(m, squares, weighed):
                    total[k][m] = total[k][m] + more[k][m]
    for k in range(wide):
        for m in range(PLANES):
            if is_needed(m, squares, weighed):
                store(sums + m * plane + x + k * LANES, total[k][m])
            total[k][m] = ZERO
    for r in range(1, group):
        for k in range(wide):
            take(rows[height + r - 1] + begin + k * LANES,
                 weights[height + r - 1] + begin + k * LANES, c[k],
                 weighed, more[k])
            for m in range(PLANES):
                if is_needed(m, squares, weighed):
                    total[k][m] = total[k][m] + more[k][m]
                    store(sums + m * plane + r * pitch + x + k * LANES,
                          total[k][m] + load(sums + m * plane + r * pitch + x + k * LANES))


cdef inline void all_column_sums(real** rows, real** weights, Py_ssize_t height, Py_ssize_t group,
                                 Py_ssize_t begin, Py_ssize_t columns, const real* shift,
                                 real* sums, Py_ssize_t pitch, Py_ssize_t plane, bint squares,
                                 bint weighed) noexcept nogil:
    cdef Py_ssize_t x = 0
    while x + WIDE * LANES <= columns and not weighed:
        column_sums(rows, weights, height, group, begin, shift, x, sums, pitch, plane, squares,
                    weighed, WIDE)
        x += WIDE * LANES
    while x < columns:
        column_sums(rows, weights, height, group, begin, shift, x, sums, pitch, plane, squares,
                    weighed, 1)
        x += LANES


cdef void rectangle_sums(real** rows, real** weights, const Window* window, Py_ssize_t group,
                         Py_ssize_t begin, Py_ssize_t columns, const real* shift, real* sums,
                         Py_ssize_t pitch, Py_ssize_t plane) noexcept nogil:
    """sums[r][x] = moments of the columns under the windows of a group of rows."""
    if weights != NULL:
        all_column_sums(rows, weights, window.height, group, begin, columns, shift, sums, pitch,
                        plane, True, True)
    elif window.what == MEAN:
        all_column_sums(rows, rows, window.height, group, begin, columns, shift, sums, pitch,
                        plane, False, False)
    else:
        all_column_sums(rows, rows, window.height, group, begin, columns, shift, sums, pitch,
                        plane, True, False)


# ---------------------------------------------------------------------------------------------
# Any other window

cdef inline void tabulate(const real* row, const real* weights, const real* shift,
                          const Window* window, Py_ssize_t columns, real* table,
                          Py_ssize_t pitch, Py_ssize_t plane, bint weighed) noexcept nogil:
    """table[v][x] = moments of the 1 << v neighbours from x on."""
    cdef Py_ssize_t v, x = 0, distance
    cdef vec[PLANES] moments
    cdef int m
    while x < columns:
        take(row + x, weights + x, load(shift + x), weighed, moments)
        for m in range(PLANES if weighed else 2):
            store(table + m * plane + x, moments[m])
        x += LANES
    for v in range(1, window.levels):
        distance = window.step << (v - 1)
        columns -= distance
        for m in range(PLANES if weighed else 2):
            double_runs(table + m * plane, distance, columns, table + m * plane + pitch)
        table += pitch


cdef inline void double_runs(const real* table, Py_ssize_t distance, Py_ssize_t columns,
                             real* longer) noexcept nogil:
    cdef Py_ssize_t x = 0
    while x < columns:
        store(longer + x, load(table + x) + load(table + x + distance))
        x += LANES


cdef inline void add_runs(const real* table, const Run* runs, Py_ssize_t count, Py_ssize_t pitch,
                          Py_ssize_t n, real* sums) noexcept nogil:
    """Add the runs of one row of the window."""
    cdef Py_ssize_t x = 0, i
    cdef vec total
    while x < n:
        total = load(sums + x)
        for i in range(count):
            total = total + load(table + runs[i].level * pitch + runs[i].first + x)
        store(sums + x, total)
        x += LANES


cdef void footprint_sums(real** rows, real** weights, const Window* window, const Run* runs,
                         Py_ssize_t block, Py_ssize_t begin, Py_ssize_t n, const real* shift,
                         real* sums, Py_ssize_t pitch, Py_ssize_t plane,
                         real* table) noexcept nogil:
    """sums[r][x] = moments of the windows of a block of rows.

    For each image row a table is made, and its runs are added to the results that they belong to.
    """
    cdef Py_ssize_t size = window.levels * pitch
    cdef Py_ssize_t columns = n + (window.width - 1) * window.step, e, r, first, last
    cdef int m
    fill(sums, PLANES * plane, 0)
    for e in range(window.height + block - 1):
        if weights == NULL:
            tabulate(rows[e] + begin, rows[e], shift, window, columns, table, pitch, size, False)
        else:
            tabulate(rows[e] + begin, weights[e] + begin, shift, window, columns, table, pitch,
                     size, True)
        first = 0
        while first < window.count:
            last = first + 1
            while last < window.count and runs[last].row == runs[first].row:
                last += 1
            r = e - runs[first].row
            for m in range(PLANES if 0 <= r < block else 0):
                if is_needed(m, window.what != MEAN, weights != NULL):
                    add_runs(table + m * size, runs + first, last - first, pitch, n,
                             sums + m * plane + r * pitch)
            first = last


# ---------------------------------------------------------------------------------------------
# The schedule

cdef inline Py_ssize_t line_pitch(const Params* params) noexcept nogil:
    """Numbers of a line of sums: a cell, what the window adds, and a vector."""
    cdef const Window* window = <const Window*> params.records
    return up_to_lanes(window.cell * window.step + params.span_x) + LANES


cdef inline Sums sums_at(real* sums, Py_ssize_t plane, const real* counted) noexcept nogil:
    """The sums of a row, in planes; `counted` is NULL if all pixels count alike."""
    cdef Sums found
    found.first = sums
    found.second = sums + plane
    found.weights = sums + 2 * plane if counted != NULL else NULL
    found.counted = counted
    return found


cdef void rectangle_block(const Params* params, const Slot* slot, const real* shift,
                          Py_ssize_t x, Py_ssize_t n, real* work) noexcept nogil:
    """Compute n columns of a block, group by group."""
    cdef const Window* window = <const Window*> params.records
    cdef const Numbers* at = <const Numbers*> (window + 1)
    cdef Py_ssize_t pitch = line_pitch(params), plane = params.block * pitch, r = 0, k, group
    cdef Py_ssize_t own = x + window.column * window.step
    cdef real** weights = weight_rows(params, slot)
    cdef bint weighed = weights != NULL
    cdef real* line = work + PLANES * plane
    cdef Sums sums
    cdef int m
    while r < params.block:
        group = min(window.height, params.block - r)
        rectangle_sums(slot.rows + r, weights + r if weighed else NULL, window, group, x,
                       n + params.span_x - 1, shift, work, pitch, plane)
        for k in range(group):
            for m in range(PLANES):
                if is_needed(m, window.what != MEAN, weighed):
                    row_sums(work + m * plane + k * pitch, window.width, window.step, n, 1,
                             line + m * pitch, False)
            sums = sums_at(line, pitch, weights[r + k + window.row] + own if weighed else NULL)
            finish_row(window, at, &sums, shift, slot.rows[r + k + window.row] + own, n,
                       slot.targets[r + k] + x)
        r += group


cdef void footprint_block(const Params* params, const Slot* slot, const real* shift,
                          Py_ssize_t x, Py_ssize_t n, real* work) noexcept nogil:
    """Compute n columns of a block."""
    cdef const Window* window = <const Window*> params.records
    cdef const Numbers* at = <const Numbers*> (window + 1)
    cdef Py_ssize_t pitch = line_pitch(params), plane = params.block * pitch, r
    cdef real** weights = weight_rows(params, slot)
    cdef Sums sums
    footprint_sums(slot.rows, weights, window, <const Run*> (at + 1), params.block, x, n, shift,
                   work, pitch, plane, work + PLANES * plane)
    for r in range(params.block):
        # No results of footprints are compared, so any row will do.
        sums = sums_at(work + r * pitch, plane, weights[r] if weights != NULL else NULL)
        finish_row(window, at, &sums, shift, slot.rows[r], n, slot.targets[r] + x)


cdef void block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """Compute a block cell by cell; a chunk may begin behind the beginning of a cell."""
    cdef const Window* window = <const Window*> params.records
    cdef Py_ssize_t cell = window.cell * window.step, skip = slot.x % cell, x = 0, m
    cdef real* shift = slot.work
    cdef real* work = shift + line_pitch(params)
    while x < n:
        m = min(cell - skip, n - x)
        find_shifts(params, slot, x - skip, skip, up_to_lanes(m + params.span_x), shift)
        if window.count == 0:
            rectangle_block(params, slot, shift, x, m, work)
        else:
            footprint_block(params, slot, shift, x, m, work)
        x += m
        skip = 0


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Block block_for(const Params* params) noexcept nogil:
    return block


include "bands.pxi"

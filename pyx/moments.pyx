# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Mean and variance of every window, and the thresholds that follow from them.

    d = image - shift,   s1 = sum of d,   s2 = sum of d * d   over the n pixels of the window
    mean = shift + s1 / n,   variance = (n s2 - s1**2) / (n (n - ddof))

The shift is a pixel near the window, so that s1**2 / n is not much larger than the variance and
little cancels (T. F. Chan, G. H. Golub, R. J. LeVeque, "Algorithms for computing the sample
variance", The American Statistician 37, 1983). It is the same for a cell: a block of rows times a
run of columns that begins at a multiple of its length, whatever piece of the image is computed.

Nothing is subtracted from a sum, so a NaN affects only its windows. A rectangle is added down the
columns, where a group of results shares its work (van Herk 1992, Gil and Werman 1993), and then
along the rows. Any other window is a list of runs of 1, 2, 4, ... pixels, the binary digits of the
lengths of its chords; sums of such runs are made once for each row.
"""
from bands cimport Block, Slot, up_to_lanes
from rows cimport Params, fill
from sums cimport add_row, row_sums
from types cimport LANES, WIDE, ZERO, load, real, store, vec


cdef enum:
    # Places of the first window whose median is the shift: a single outlier is never taken.
    CANDIDATES = 5


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


cdef extern from *:
    """
    #include <math.h>
    #define squared(x) ((x) * (x))
    /* Not below 0; NaN stays NaN. */
    #define nonnegative(x) ((x) < 0 ? 0 : (x))
    """
    vec squared(vec x) nogil
    double nonnegative(double x) nogil
    double sqrt(double x) nogil
    double exp(double x) nogil
    bint isfinite(double x) nogil


# ---------------------------------------------------------------------------------------------
# The equation

cdef inline void finish(const Numbers* at, const real* first, const real* second,
                        const real* shift, const real* pixels, Py_ssize_t n, int what, bint above,
                        real* target) noexcept nogil:
    """The results of n windows from their sums; in double, where squares of short sums fit."""
    cdef double count = at.n, scale = 1.0 / (at.n * (at.n - at.ddof))
    cdef double s1, mean, variance, value
    cdef Py_ssize_t x
    for x in range(n):
        s1 = first[x]
        mean = (s1 + count * shift[x]) / count
        value = mean
        if what != MEAN:
            variance = nonnegative(count * second[x] - s1 * s1) * scale
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
        if above:
            target[x] = <real> 1 if pixels[x] > value else <real> 0
        else:
            target[x] = <real> value


cdef inline void finish_some(const Numbers* at, const real* first, const real* second,
                             const real* shift, const real* pixels, Py_ssize_t n, int what,
                             bint above, real* target) noexcept nogil:
    """`finish`, compiled once for results and once for comparisons."""
    if above:
        finish(at, first, second, shift, pixels, n, what, True, target)
    else:
        finish(at, first, second, shift, pixels, n, what, False, target)


cdef void finish_row(const Window* window, const Numbers* at, const real* first,
                     const real* second, const real* shift, const real* pixels, Py_ssize_t n,
                     real* target) noexcept nogil:
    """`finish` with the kind of result as a literal, so that no loop chooses."""
    if window.what == MEAN:
        finish_some(at, first, second, shift, pixels, n, MEAN, window.above, target)
    elif window.what == VARIANCE:
        finish_some(at, first, second, shift, pixels, n, VARIANCE, window.above, target)
    elif window.what == STD:
        finish_some(at, first, second, shift, pixels, n, STD, window.above, target)
    elif window.what == NIBLACK:
        finish_some(at, first, second, shift, pixels, n, NIBLACK, window.above, target)
    elif window.what == SAUVOLA:
        finish_some(at, first, second, shift, pixels, n, SAUVOLA, window.above, target)
    else:
        finish_some(at, first, second, shift, pixels, n, PHANSALKAR, window.above, target)


# ---------------------------------------------------------------------------------------------
# The shift

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


cdef inline real shift_of(real** rows, const Window* window, Py_ssize_t x) noexcept nogil:
    """The median of the corners and the middle of the window at x, or any of its finite pixels."""
    cdef Py_ssize_t bottom = window.height - 1, right = (window.width - 1) * window.step, r, c
    cdef Py_ssize_t middle = window.width // 2 * window.step
    cdef real[CANDIDATES] values
    cdef int count = 0, i
    values[0] = rows[0][x]
    values[1] = rows[0][x + right]
    values[2] = rows[bottom][x]
    values[3] = rows[bottom][x + right]
    values[4] = rows[window.height // 2][x + middle]
    for i in range(CANDIDATES):
        if isfinite(values[i]):
            values[count] = values[i]
            count += 1
    if count > 0:
        return middle_of(values, count)
    for r in range(window.height):
        for c in range(window.width):
            if isfinite(rows[r][x + c * window.step]):
                return rows[r][x + c * window.step]
    return 0


cdef void find_shifts(real** rows, const Window* window, Py_ssize_t begin, Py_ssize_t skip,
                      Py_ssize_t n, real* shift) noexcept nogil:
    """The shift of n columns, one for each channel, from `skip` columns behind `begin` on."""
    cdef Py_ssize_t x
    if window.what == MEAN:
        fill(shift, n, 0)
        return
    if window.step == 1:
        fill(shift, n, shift_of(rows, window, begin))
        return
    for x in range(min(n, window.step)):
        shift[x] = shift_of(rows, window, begin + (skip + x) % window.step)
    for x in range(window.step, n):
        shift[x] = shift[x - window.step]


# ---------------------------------------------------------------------------------------------
# Rectangles

cdef inline void column_sums(real** rows, Py_ssize_t height, Py_ssize_t group, Py_ssize_t begin,
                             const real* shift, Py_ssize_t x, real* sums, Py_ssize_t pitch,
                             Py_ssize_t plane, bint squares, int wide) noexcept nogil:
    """sums[r] = moments of rows[r] to rows[r + height - 1] for r < group <= height.

    Without `squares` only the first moment.
    """
    cdef vec[WIDE] s1, s2, d, c
    cdef Py_ssize_t r
    cdef int k
    begin += x
    for k in range(wide):
        c[k] = load(shift + x + k * LANES)
        s1[k] = load(rows[height - 1] + begin + k * LANES) - c[k]
        s2[k] = squared(s1[k])
    for r in range(height - 2, -1, -1):
        for k in range(wide):
            if r + 1 < group:
                store(sums + (r + 1) * pitch + x + k * LANES, s1[k])
                if squares:
                    store(sums + plane + (r + 1) * pitch + x + k * LANES, s2[k])
            d[k] = load(rows[r] + begin + k * LANES) - c[k]
            s1[k] = s1[k] + d[k]
            s2[k] = s2[k] + squared(d[k])
    for k in range(wide):
        store(sums + x + k * LANES, s1[k])
        if squares:
            store(sums + plane + x + k * LANES, s2[k])
        s1[k] = s2[k] = ZERO
    for r in range(1, group):
        for k in range(wide):
            d[k] = load(rows[height + r - 1] + begin + k * LANES) - c[k]
            s1[k] = s1[k] + d[k]
            s2[k] = s2[k] + squared(d[k])
            store(sums + r * pitch + x + k * LANES,
                  s1[k] + load(sums + r * pitch + x + k * LANES))
            if squares:
                store(sums + plane + r * pitch + x + k * LANES,
                      s2[k] + load(sums + plane + r * pitch + x + k * LANES))


cdef inline void all_column_sums(real** rows, Py_ssize_t height, Py_ssize_t group,
                                 Py_ssize_t begin, Py_ssize_t columns, const real* shift,
                                 real* sums, Py_ssize_t pitch, Py_ssize_t plane,
                                 bint squares) noexcept nogil:
    cdef Py_ssize_t x = 0
    while x + WIDE * LANES <= columns:
        column_sums(rows, height, group, begin, shift, x, sums, pitch, plane, squares, WIDE)
        x += WIDE * LANES
    while x < columns:
        column_sums(rows, height, group, begin, shift, x, sums, pitch, plane, squares, 1)
        x += LANES


cdef void rectangle_sums(real** rows, const Window* window, Py_ssize_t group, Py_ssize_t begin,
                         Py_ssize_t columns, const real* shift, real* sums, Py_ssize_t pitch,
                         Py_ssize_t plane) noexcept nogil:
    """sums[r][x] = moments of the columns under the windows of a group of rows."""
    if window.what == MEAN:
        all_column_sums(rows, window.height, group, begin, columns, shift, sums, pitch, plane,
                        False)
    else:
        all_column_sums(rows, window.height, group, begin, columns, shift, sums, pitch, plane,
                        True)


cdef inline void add_neighbours(real* line, const Window* window, Py_ssize_t n,
                                real* target) noexcept nogil:
    """Sums along a row; the most used widths are literals, so that no loop is left."""
    if window.width == 3:
        add_row(line, 3, window.step, n, False, target)
    elif window.width == 5:
        add_row(line, 5, window.step, n, False, target)
    elif window.width == 7:
        add_row(line, 7, window.step, n, False, target)
    else:
        row_sums(line, window.width, window.step, n, 1, target, False)


# ---------------------------------------------------------------------------------------------
# Any other window

cdef inline void tabulate(const real* row, const real* shift, const Window* window,
                          Py_ssize_t columns, real* table, Py_ssize_t pitch,
                          Py_ssize_t plane) noexcept nogil:
    """table[v][x] = moments of the 1 << v neighbours from x on."""
    cdef Py_ssize_t v, x = 0, distance
    cdef vec d
    while x < columns:
        d = load(row + x) - load(shift + x)
        store(table + x, d)
        store(table + plane + x, squared(d))
        x += LANES
    for v in range(1, window.levels):
        distance = window.step << (v - 1)
        columns -= distance
        double_runs(table, distance, columns, table + pitch)
        double_runs(table + plane, distance, columns, table + plane + pitch)
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


cdef void footprint_sums(real** rows, const Window* window, const Run* runs, Py_ssize_t block,
                         Py_ssize_t begin, Py_ssize_t n, const real* shift, real* sums,
                         Py_ssize_t pitch, Py_ssize_t plane, real* table) noexcept nogil:
    """sums[r][x] = moments of the windows of a block of rows.

    For each image row a table is made, and its runs are added to the results that they belong to.
    """
    cdef Py_ssize_t size = window.levels * pitch, moments = 1 if window.what == MEAN else 2
    cdef Py_ssize_t e, r, first, last, m
    fill(sums, 2 * plane, 0)
    for e in range(window.height + block - 1):
        tabulate(rows[e] + begin, shift, window, n + (window.width - 1) * window.step, table,
                 pitch, size)
        first = 0
        while first < window.count:
            last = first + 1
            while last < window.count and runs[last].row == runs[first].row:
                last += 1
            r = e - runs[first].row
            for m in range(moments if 0 <= r < block else 0):
                add_runs(table + m * size, runs + first, last - first, pitch, n,
                         sums + m * plane + r * pitch)
            first = last


# ---------------------------------------------------------------------------------------------
# The schedule

cdef inline Py_ssize_t line_pitch(const Params* params) noexcept nogil:
    """Numbers of a line of sums: a cell, what the window adds, and a vector."""
    cdef const Window* window = <const Window*> params.records
    return up_to_lanes(window.cell * window.step + params.span_x) + LANES


cdef void rectangle_block(const Params* params, const Slot* slot, const real* shift,
                          Py_ssize_t x, Py_ssize_t n, real* work) noexcept nogil:
    """Compute n columns of a block, group by group."""
    cdef const Window* window = <const Window*> params.records
    cdef const Numbers* at = <const Numbers*> (window + 1)
    cdef Py_ssize_t pitch = line_pitch(params), plane = params.block * pitch, r = 0, k, m, group
    cdef real* first = work + 2 * plane
    while r < params.block:
        group = min(window.height, params.block - r)
        rectangle_sums(slot.rows + r, window, group, x, n + params.span_x - 1, shift, work, pitch,
                       plane)
        for k in range(group):
            for m in range(1 if window.what == MEAN else 2):
                add_neighbours(work + m * plane + k * pitch, window, n, first + m * pitch)
            finish_row(window, at, first, first + pitch, shift,
                       slot.rows[r + k + window.row] + x + window.column * window.step, n,
                       slot.targets[r + k] + x)
        r += group


cdef void footprint_block(const Params* params, const Slot* slot, const real* shift,
                          Py_ssize_t x, Py_ssize_t n, real* work) noexcept nogil:
    """Compute n columns of a block."""
    cdef const Window* window = <const Window*> params.records
    cdef const Numbers* at = <const Numbers*> (window + 1)
    cdef Py_ssize_t pitch = line_pitch(params), plane = params.block * pitch, r
    footprint_sums(slot.rows, window, <const Run*> (at + 1), params.block, x, n, shift, work,
                   pitch, plane, work + 2 * plane)
    for r in range(params.block):
        finish_row(window, at, work + r * pitch, work + plane + r * pitch, shift,
                   slot.rows[r], n, slot.targets[r] + x)


cdef void block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """Compute a block cell by cell; a chunk may begin behind the beginning of a cell."""
    cdef const Window* window = <const Window*> params.records
    cdef Py_ssize_t cell = window.cell * window.step, skip = slot.x % cell, x = 0, m
    cdef real* shift = slot.work
    cdef real* work = shift + line_pitch(params)
    while x < n:
        m = min(cell - skip, n - x)
        find_shifts(slot.rows, window, x - skip, skip, up_to_lanes(m + params.span_x), shift)
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

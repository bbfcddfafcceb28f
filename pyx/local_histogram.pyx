# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""What the values in every window tell, from a histogram that moves along the row.

When the window moves by a pixel, each of its chords loses one pixel and gains another. Values are
counted one by one, and where that helps in groups of neighbours, so that a value with a given
number of pixels below it is found in few steps, and values that no pixel has are passed over
together.

    entropy = log2(n) - 1 / n * sum over v:  c[v] log2(c[v])

c[v] is how often a value occurs among the n pixels of the window. The sum changes by two
differences for each pixel that moves, which are looked up. They are integers (multiples of `unit`),
so the sum is exact however far it moved, and no bit depends on where a row began; 2, 4, 8, ...
equal counts give 1, 2, 3, ... bits. So it is with the logarithms of a geometric mean.

Pixels from OUTSIDE on do not count: those that have no weight are infinite (weights.pxd), others
keep their value in the lower bits, for a formula that needs the window's own pixel.
"""
from libc.math cimport exp
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from bands cimport Block, Slot, take
from rows cimport Params
from types cimport real

cdef extern from "<math.h>":
    const double NAN


cdef enum:
    OUTSIDE = 65536                 # pixels from here on do not count
    FLAT = 256                      # values that vectors look through sooner than groups are kept


cdef enum Kind:
    # In the order of KINDS in operations/local_histogram.py.
    ENTROPY, GEOMETRIC_MEAN, COUNTS, EQUALIZE, OTSU, MODAL, NOISE_FILTER, PERCENTILE,
    THRESHOLD_PERCENTILE, GRADIENT_PERCENTILE, AUTOLEVEL_PERCENTILE, ENHANCE_CONTRAST_PERCENTILE,
    MEAN_PERCENTILE, SUBTRACT_MEAN_PERCENTILE, SUM_PERCENTILE, POP_PERCENTILE,
    MEAN_BILATERAL, SUM_BILATERAL, POP_BILATERAL


cdef struct Window:
    # The head of params.records; `chords` chords follow, then a table of integers: for an entropy
    # `size` + 1 numbers c log2(c) and the `size` differences between them, for a geometric mean the
    # logarithms of `bins` values, and 0.
    Py_ssize_t kind
    Py_ssize_t step                 # samples between neighbours: the interleaved channels
    Py_ssize_t chords
    Py_ssize_t size                 # pixels of the window
    Py_ssize_t row, column          # of the window's own pixel
    Py_ssize_t bins                 # values from 0 on
    Py_ssize_t shift                # a group is 1 << shift values
    Py_ssize_t bits                 # of values and of results
    double first, second            # numbers of a formula
    double unit                     # of the table


cdef struct Chord:
    # Samples `first` to `last` of a row of the window: one behind the last is `last`.
    Py_ssize_t row, first, last


cdef struct Histogram:
    int32_t* counts                 # of each value; behind all groups: of pixels that do not count
    int32_t* grouped                # of each group, with one for these pixels
    Py_ssize_t bins, shift, groups, missing
    bint flat                       # whether groups are not kept
    int64_t total                   # sum of what the table says
    const int64_t* table
    const int64_t* differences


cdef struct Some:
    # Some of the pixels of a window: how many, and the sum of their values.
    int64_t count, sum


# ---------------------------------------------------------------------------------------------
# The histogram

cdef inline Py_ssize_t groups_of(const Window* window) noexcept nogil:
    return (window.bins + (<Py_ssize_t> 1 << window.shift) - 1) >> window.shift


cdef inline bint is_flat(const Window* window) noexcept nogil:
    """Whether a formula needs no groups: it looks at all values, or at those near one."""
    return window.bins <= FLAT and (
        window.kind in (COUNTS, EQUALIZE, MODAL, NOISE_FILTER) or window.kind >= MEAN_BILATERAL)


cdef inline Py_ssize_t lay_histogram(const Window* window, const int64_t* table, char* scratch,
                                     Histogram* histogram) noexcept nogil:
    """Divide the scratch for an empty histogram; return the bytes that it takes."""
    cdef char* free = scratch
    histogram.bins = window.bins
    histogram.shift = window.shift
    histogram.groups = groups_of(window)
    histogram.missing = histogram.groups << window.shift
    histogram.table = table
    histogram.differences = table + window.size + 1
    histogram.total = 0
    histogram.flat = is_flat(window)
    histogram.counts = <int32_t*> take(&free, (histogram.missing + 1) * sizeof(int32_t))
    histogram.grouped = <int32_t*> take(&free, (histogram.groups + 1) * sizeof(int32_t))
    memset(scratch, 0, free - scratch)
    return free - scratch


cdef inline void count(Histogram* histogram, int32_t value, Py_ssize_t kind) noexcept nogil:
    """Count a pixel; groups are kept if the kind is, for all that need them, PERCENTILE."""
    cdef int32_t c = histogram.counts[value]
    histogram.counts[value] = c + 1
    if kind == ENTROPY:
        histogram.total += histogram.differences[c]
    elif kind == GEOMETRIC_MEAN:
        histogram.total += histogram.table[value]
    elif kind == PERCENTILE:
        histogram.grouped[value >> histogram.shift] += 1


cdef inline void forget(Histogram* histogram, int32_t value, Py_ssize_t kind) noexcept nogil:
    cdef int32_t c = histogram.counts[value] - 1
    histogram.counts[value] = c
    if kind == ENTROPY:
        histogram.total -= histogram.differences[c]
    elif kind == GEOMETRIC_MEAN:
        histogram.total -= histogram.table[value]
    elif kind == PERCENTILE:
        histogram.grouped[value >> histogram.shift] -= 1


cdef inline bint passes(int64_t number, double bound, bint strictly) noexcept nogil:
    return number > bound or (number == bound and not strictly)


cdef inline Py_ssize_t lowest(const Histogram* histogram, double bound,
                              bint strictly) noexcept nogil:
    """The first value at which the pixels up to it are more than a bound, or that many; else -1."""
    cdef Py_ssize_t group = 0, value
    cdef int64_t number = 0
    while not passes(number + histogram.grouped[group], bound, strictly):
        number += histogram.grouped[group]
        group += 1
        if group == histogram.groups:
            return -1
    value = group << histogram.shift
    while not passes(number + histogram.counts[value], bound, strictly):
        number += histogram.counts[value]
        value += 1
    return value


cdef inline Py_ssize_t highest(const Histogram* histogram, double bound,
                               bint strictly) noexcept nogil:
    """The last value at which the pixels from it on are more than a bound, or that many; else -1.

    Behind the last value are bins of no pixels, up to a whole group.
    """
    cdef Py_ssize_t group = histogram.groups - 1, value
    cdef int64_t number = 0
    while not passes(number + histogram.grouped[group], bound, strictly):
        number += histogram.grouped[group]
        group -= 1
        if group < 0:
            return -1
    value = min(((group + 1) << histogram.shift), histogram.bins) - 1
    while not passes(number + histogram.counts[value], bound, strictly):
        number += histogram.counts[value]
        value -= 1
    return value


cdef inline Some values_between(const Histogram* histogram, Py_ssize_t low,
                                Py_ssize_t high) noexcept nogil:
    """The pixels with the values from `low` to `high`, which may be beyond all values."""
    cdef Some found
    cdef Py_ssize_t value = max(low, 0), end = min(high, histogram.bins - 1)
    cdef int32_t number = 0, sum = 0
    found.count = found.sum = 0
    if histogram.flat:
        for value in range(value, end + 1):
            number += histogram.counts[value]
            sum += histogram.counts[value] * <int32_t> value
        found.count = number
        found.sum = sum
        return found
    while value <= end:
        if histogram.grouped[value >> histogram.shift] == 0:
            value = ((value >> histogram.shift) + 1) << histogram.shift
            continue
        found.count += histogram.counts[value]
        found.sum += histogram.counts[value] * <int64_t> value
        value += 1
    return found


cdef inline Some places_between(const Histogram* histogram, double low,
                                double high) noexcept nogil:
    """The pixels of the values up to which there are `low` to `high` pixels."""
    cdef Some found
    cdef Py_ssize_t group, value, begin
    cdef int64_t number = 0, c
    found.count = found.sum = 0
    for group in range(histogram.groups):
        if number > high:
            break
        if histogram.grouped[group] == 0 or number + histogram.grouped[group] < low:
            number += histogram.grouped[group]
            continue
        begin = group << histogram.shift
        for value in range(begin, begin + (<Py_ssize_t> 1 << histogram.shift)):
            c = histogram.counts[value]
            number += c
            if low <= number <= high:
                found.count += c
                found.sum += c * value
    return found


# ---------------------------------------------------------------------------------------------
# Formulas: those of skimage.filters.rank, with its roundings

cdef inline Py_ssize_t most_frequent(const Histogram* histogram) noexcept nogil:
    """The smallest value of those that occur most often."""
    cdef Py_ssize_t found = 0, group, value, begin
    cdef int32_t most = 0
    if histogram.flat:
        # The smaller value of equal counts gives the larger number.
        for value in range(histogram.bins):
            most = max(most, FLAT * histogram.counts[value] + (FLAT - 1 - <int32_t> value))
        return FLAT - 1 - most % FLAT
    for group in range(histogram.groups):
        if histogram.grouped[group] <= most:
            continue
        begin = group << histogram.shift
        for value in range(begin, begin + (<Py_ssize_t> 1 << histogram.shift)):
            if histogram.counts[value] > most:
                most = histogram.counts[value]
                found = value
    return found


cdef inline Py_ssize_t nearest_other(const Histogram* histogram, Py_ssize_t own) noexcept nogil:
    """The distance to the nearest value that occurs; 0 and the last value always do."""
    cdef Py_ssize_t below = own, above = own, shift = histogram.shift, last = histogram.bins - 1
    if histogram.flat:
        while below > 0 and histogram.counts[below] == 0:
            below -= 1
        while above < last and histogram.counts[above] == 0:
            above += 1
        return min(own - below, above - own)
    while below > 0 and histogram.counts[below] == 0:
        below = below - 1 if histogram.grouped[below >> shift] else max(
            ((below >> shift) << shift) - 1, 0)
    while above < last and histogram.counts[above] == 0:
        above = above + 1 if histogram.grouped[above >> shift] else min(
            ((above >> shift) + 1) << shift, last)
    return min(own - below, above - own)


cdef inline Py_ssize_t otsu(const Histogram* histogram, double n) noexcept nogil:
    """The value that divides two classes with the largest variance between them."""
    cdef Py_ssize_t group, value, begin, found = 0
    cdef int64_t below = 0, c, sum_below = 0
    cdef int64_t sum = values_between(histogram, 0, histogram.bins).sum
    cdef double difference, variance, largest = 0
    for group in range(histogram.groups):
        if histogram.grouped[group] == 0:
            continue
        begin = group << histogram.shift
        for value in range(begin, begin + (<Py_ssize_t> 1 << histogram.shift)):
            c = histogram.counts[value]
            if c == 0:
                continue
            below += c
            if below == n and value > 0:
                return found
            sum_below += c * value
            if value == 0:
                continue
            difference = (n - below) * sum_below - (sum - sum_below) * below
            variance = difference * difference / (below * (n - below))
            if variance > largest:
                largest = variance
                found = value
    return found


cdef inline int64_t of_extremes(const Histogram* histogram, const Window* window, int64_t own,
                                double n) noexcept nogil:
    """What an inner range of the values says; it is from 0 to 0 where there is none."""
    cdef bint strictly = window.kind != GRADIENT_PERCENTILE
    cdef int64_t low = max(lowest(histogram, window.first * n, strictly), 0)
    cdef int64_t high = max(highest(histogram, (1 - window.second) * n, strictly), 0)
    if window.kind == GRADIENT_PERCENTILE:
        return high - low
    if window.kind == ENHANCE_CONTRAST_PERCENTILE:
        return high if high - own < own - low else low
    if high <= low:
        return high - low
    return (window.bins - 1) * (min(max(low, own), high) - low) // (high - low)


cdef inline int64_t of_some(const Some* some, const Window* window, int64_t own) noexcept nogil:
    """The number, the sum or the mean of some pixels."""
    if some.count == 0 or window.kind in (POP_PERCENTILE, POP_BILATERAL):
        return some.count
    if window.kind in (SUM_PERCENTILE, SUM_BILATERAL):
        return some.sum
    if window.kind == SUBTRACT_MEAN_PERCENTILE:
        return <int64_t> ((own - some.sum // some.count) * 0.5 + window.bins // 2)
    return some.sum // some.count


cdef inline int64_t formula(const Histogram* histogram, const Window* window,
                            int64_t own) noexcept nogil:
    cdef double n = <double> (window.size - histogram.counts[histogram.missing])
    cdef Py_ssize_t kind = window.kind, found
    cdef Some some
    if kind == NOISE_FILTER:
        return nearest_other(histogram, own)
    if n == 0:
        return 0
    if kind == EQUALIZE:
        return <int64_t> ((window.bins - 1) * values_between(histogram, 0, own).count / n)
    if kind == OTSU:
        return otsu(histogram, n)
    if kind == MODAL:
        return most_frequent(histogram)
    if kind == PERCENTILE:
        found = (highest(histogram, 0, True) if window.first == 1
                 else lowest(histogram, window.first * n, True))
        return found if found >= 0 else window.bins - 1
    if kind == THRESHOLD_PERCENTILE:
        found = lowest(histogram, window.first * n, False)
        return window.bins - 1 if own >= (found if found >= 0 else window.bins - 1) else 0
    if kind < MEAN_PERCENTILE:
        return of_extremes(histogram, window, own, n)
    if kind < MEAN_BILATERAL:
        some = places_between(histogram, window.first * n, window.second * n)
    else:
        some = values_between(histogram, own - <Py_ssize_t> window.second + 1,
                              own + <Py_ssize_t> window.first - 1)
    return of_some(&some, window, own)


cdef inline real entropy(const Histogram* histogram, const Window* window) noexcept nogil:
    cdef int32_t missing = histogram.counts[histogram.missing]
    cdef Py_ssize_t n = window.size - missing
    cdef int64_t rest = histogram.total - histogram.table[missing]
    if n == 0:
        return <real> NAN
    return <real> (<double> (histogram.table[n] - rest) / <double> n * window.unit)


cdef inline real geometric_mean(const Histogram* histogram, const Window* window) noexcept nogil:
    """One is added to all values, and subtracted from the mean, which is rounded."""
    cdef Py_ssize_t n = window.size - histogram.counts[histogram.missing]
    if n == 0:
        return 0
    return <real> <int64_t> (exp(<double> histogram.total * (window.unit / <double> n)) - 0.5)


# ---------------------------------------------------------------------------------------------
# Rows

cdef inline void tell(const Params* params, const Slot* slot, const Window* window,
                      const Histogram* histogram, Py_ssize_t r, Py_ssize_t x,
                      Py_ssize_t kind) noexcept nogil:
    """Write what the window of sample x of row r of a block tells."""
    cdef real* target = slot.targets[r] + x
    cdef Py_ssize_t v, n
    if kind == ENTROPY:
        target[0] = entropy(histogram, window)
    elif kind == GEOMETRIC_MEAN:
        target[0] = geometric_mean(histogram, window)
    elif kind == COUNTS:
        n = window.size - histogram.counts[histogram.missing]
        for v in range(params.results):
            slot.targets[v * params.block + r][x] = <real> (
                histogram.counts[v] * (1 / <double> n) if n > 0 else 0)
    else:
        v = <Py_ssize_t> slot.rows[r + window.row][x + window.column] & window.bits
        target[0] = <real> (formula(histogram, window, v) & window.bits)


cdef inline void run_row(const Params* params, const Slot* slot, Histogram* histogram,
                         const int32_t* values, Py_ssize_t r, Py_ssize_t first, Py_ssize_t n,
                         Py_ssize_t kind) noexcept nogil:
    """Compute every step-th of n samples of row r of a block, from `first` on.

    `values` is the first row under the window. The histogram is empty, before and after.
    """
    cdef const Window* window = <const Window*> params.records
    cdef const Chord* chords = <const Chord*> (window + 1)
    cdef Py_ssize_t step = window.step, x = first, c, i
    cdef const int32_t* row
    for c in range(window.chords):
        i = chords[c].first
        while i < chords[c].last:
            count(histogram, values[chords[c].row * params.pitch + x + i], kind)
            i += step
    tell(params, slot, window, histogram, r, x, kind)
    while x + step < n:
        for c in range(window.chords):
            row = values + chords[c].row * params.pitch + x
            forget(histogram, row[chords[c].first], kind)
            count(histogram, row[chords[c].last], kind)
        x += step
        tell(params, slot, window, histogram, r, x, kind)
    for c in range(window.chords):
        i = chords[c].first
        while i < chords[c].last:
            forget(histogram, values[chords[c].row * params.pitch + x + i], kind)
            i += step


cdef inline void run_rows(const Params* params, const Slot* slot, Histogram* histogram,
                          const int32_t* values, Py_ssize_t n, Py_ssize_t kind) noexcept nogil:
    """Compute a block; a chunk begins with a pixel, and may end within one."""
    cdef Py_ssize_t r, x
    for r in range(params.block):
        for x in range(min(n, (<const Window*> params.records).step)):
            run_row(params, slot, histogram, values + r * params.pitch, r, x, n, kind)


cdef void block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    cdef const Window* window = <const Window*> params.records
    cdef const int64_t* table = <const int64_t*> (<const Chord*> (window + 1) + window.chords)
    cdef Py_ssize_t rows = params.span_y + params.block - 1, columns = n + params.span_x - 1, r, x
    cdef int32_t* values = <int32_t*> slot.work
    cdef Histogram histogram
    cdef const real* row
    lay_histogram(window, table, <char*> (values + (rows + 1) * params.pitch), &histogram)
    for r in range(rows):
        row = slot.rows[r]
        for x in range(columns):
            values[r * params.pitch + x] = (<int32_t> row[x] & <int32_t> window.bits
                                            if row[x] < OUTSIDE else <int32_t> histogram.missing)
    if window.kind == ENTROPY:
        run_rows(params, slot, &histogram, values, n, ENTROPY)
    elif window.kind == GEOMETRIC_MEAN:
        run_rows(params, slot, &histogram, values, n, GEOMETRIC_MEAN)
    elif window.kind == COUNTS:
        run_rows(params, slot, &histogram, values, n, COUNTS)
    elif histogram.flat:
        run_rows(params, slot, &histogram, values, n, EQUALIZE)
    else:
        run_rows(params, slot, &histogram, values, n, PERCENTILE)


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Block block_for(const Params* params) noexcept nogil:
    return block


include "bands.pxi"

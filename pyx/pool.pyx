# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Pooling: the maximum, the minimum, the sum, the mean or the median of each window.

    result[y, x] = how over i < kh, j < kw:  image[sy y + i dy, sx x + j dx]

Pixels outside the image do not count. The caller extends the image by a value that does not change
the result: 0 for a sum, the smallest or largest number of the type for a maximum or minimum, and
for a median the largest, which is sorted behind all pixels. The same stands for pixels that do not
count, where pixels are weighed (weights.pxd).

An extremum or a sum is computed down the columns first, then along the rows for every column, in
log2(kw) to 2 log2(kw) steps; then the stride selects results. So all steps use whole vectors.
"""
from bands cimport Block, Slot, keep_strided, kept, ring_rows
from rows cimport RANKS, Params
from types cimport real
from weights cimport sentinel

cdef extern from *:
    """
    #define IS_INTEGER ((real) 0.5 == 0)
    /* If one of the two is NaN, the result is NaN; in integers the second line does nothing. */
    static inline real larger(real a, real b) {
        const real m = b > a ? b : a;
        return b != b ? b : m;
    }
    static inline real smaller(real a, real b) {
        const real m = b < a ? b : a;
        return b != b ? b : m;
    }
    /* The mean of a <= b; integers do not overflow, and halves are rounded to even. */
    static inline real middle(real a, real b) {
        if (!IS_INTEGER) return (real) ((a + b) * (real) 0.5);
        const uint64_t p = (uint64_t) a, q = (uint64_t) b, floor = p + ((q - p) >> 1);
        return (real) (floor + ((q - p) & floor & 1));
    }
    static inline real undefined(void) { return IS_INTEGER ? 0 : (real) NAN; }
    """
    real larger(real a, real b) nogil
    real smaller(real a, real b) nogil
    real middle(real a, real b) nogil
    real undefined() nogil

cdef enum How:
    # In the order of HOW in operations/pool.py.
    MAX, MIN, SUM, MEAN, MEDIAN

cdef enum:
    # Windows that are sorted at once: 4 vectors of float32 in AVX-512 hide the latency of a
    # comparison. SORTED in operations/pool.py is the same number.
    SORTED = 64


cdef struct Pooling:
    # params.records. params.weights are, for mean and median: for each result row the rows of its
    # window that count, then for each sample of a result row the columns that count.
    Py_ssize_t how, height, width
    Py_ssize_t dilation_y, dilation_x       # dilation_x in samples


# ---------------------------------------------------------------------------------------------
# The equation

cdef inline real joined(real a, real b, int how) noexcept nogil:
    if how == MAX:
        return larger(a, b)
    if how == MIN:
        return smaller(a, b)
    return a + b


cdef inline void join(const real* a, const real* b, Py_ssize_t n, real* target,
                      int how) noexcept nogil:
    cdef Py_ssize_t x
    for x in range(n):
        target[x] = joined(a[x], b[x], how)


cdef inline void join_to(real* target, const real* b, Py_ssize_t n, int how) noexcept nogil:
    cdef Py_ssize_t x
    for x in range(n):
        target[x] = joined(target[x], b[x], how)


cdef inline const real* join_rows(real** rows, const Pooling* window, Py_ssize_t n, real* target,
                                  int how) noexcept nogil:
    """Join all rows of a window; return the only row, or `target`."""
    cdef Py_ssize_t i
    if window.height == 1:
        return rows[0]
    join(rows[0], rows[window.dilation_y], n, target, how)
    for i in range(2, window.height):
        join_to(target, rows[i * window.dilation_y], n, how)
    return target


cdef inline const real* join_columns(const real* row, const Pooling* window, Py_ssize_t n,
                                     real* even, real* odd, int how) noexcept nogil:
    """Join the columns of windows: each step doubles their width, and adds a column if odd."""
    cdef const real* have = row
    cdef Py_ssize_t step = window.dilation_x, width = 1, bit = 1
    cdef real* target
    while 2 * bit <= window.width:
        bit = 2 * bit
    while bit > 1:
        bit = bit // 2
        target = odd if have == even else even
        # Later steps read windows that begin up to window.width - 1 columns further right.
        join(have, have + width * step, n + (window.width - 2 * width) * step, target, how)
        width = 2 * width
        if window.width & bit:
            join_to(target, row + width * step, n + (window.width - width - 1) * step, how)
            width = width + 1
        have = target
    return have


cdef void sort_rows(real* rows, Py_ssize_t count) noexcept nogil:
    """Sort each column of `count` rows of SORTED numbers: Batcher's merge exchange.

    Knuth, The Art of Computer Programming 3, algorithm 5.2.2M. A NaN leaves its column unsorted.
    """
    cdef Py_ssize_t top = 1, p, q, r, d, i, k
    cdef real* a
    cdef real* b
    cdef real low, high
    while 2 * top < count:
        top = 2 * top
    p = top
    while p > 0:
        q = top
        r = 0
        d = p
        while True:
            for i in range(count - d):
                if i & p != r:
                    continue
                a = rows + i * SORTED
                b = a + d * SORTED
                for k in range(SORTED):
                    low = b[k] if b[k] < a[k] else a[k]
                    high = a[k] if b[k] < a[k] else b[k]
                    a[k] = low
                    b[k] = high
            if q == p:
                break
            d = q - p
            q = q // 2
            r = p
        p = p // 2


# ---------------------------------------------------------------------------------------------
# The schedule

cdef inline void fold(const Params* params, const Slot* slot, Py_ssize_t n, int how) noexcept nogil:
    """Compute one result row after the other: rows, columns, and the selection by the stride."""
    cdef const Pooling* window = <const Pooling*> params.records
    cdef Py_ssize_t columns = n + (window.width - 1) * window.dilation_x, r
    cdef real* lines = slot.work
    cdef const real* line
    for r in range(params.block):
        line = join_rows(slot.rows + r * params.stride_y, window, columns, lines, how)
        line = join_columns(line, window, n, lines + params.pitch, lines + 2 * params.pitch, how)
        keep_strided(params, line, n, slot.targets[r])


cdef inline real counted(const Params* params, const Slot* slot, Py_ssize_t r) noexcept nogil:
    """The rows that count of the windows of row r of the block."""
    return (<const real*> params.weights)[min(slot.y + r, params.result_height - 1)]


cdef inline const real* counts(const Params* params, const Slot* slot) noexcept nogil:
    """The columns that count of the windows, for each column of the block."""
    return <const real*> params.weights + params.result_height + slot.x


cdef inline Py_ssize_t valid(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """The results of n columns that are inside the result; n is rounded up to whole vectors."""
    return min(kept(params, n), params.result_width - slot.x)


cdef void fold_weights(const Params* params, const Slot* slot, Py_ssize_t n,
                       int how) noexcept nogil:
    """Fold the weights, which are 1 or 0, into the rows behind the results."""
    cdef Slot weights = slot[0]
    weights.rows = slot.rows + ring_rows(params)
    weights.targets = slot.targets + params.block
    fold(params, &weights, n, how)


cdef inline bint has(const real* row, Py_ssize_t n, real value) noexcept nogil:
    cdef Py_ssize_t x
    cdef int found = 0
    for x in range(n):
        found |= row[x] == value
    return found


cdef inline void mark_empty(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    """Replace the extremes of windows where nothing counts: those that stand for missing pixels."""
    cdef Py_ssize_t count = valid(params, slot, n), r, x
    cdef bint some = False
    for r in range(params.block if params.weighing.kind == RANKS else 0):
        some |= has(slot.targets[r], count, sentinel(params))
    if not some:
        return
    fold_weights(params, slot, n, MAX)
    for r in range(params.block):
        for x in range(count):
            if slot.targets[params.block + r][x] == 0:
                slot.targets[r][x] = undefined()


cdef void max_block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    fold(params, slot, n, MAX)
    mark_empty(params, slot, n)


cdef void min_block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    fold(params, slot, n, MIN)
    mark_empty(params, slot, n)


cdef void sum_block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    fold(params, slot, n, SUM)


cdef void mean_block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    cdef const real* across = counts(params, slot)
    cdef Py_ssize_t count = valid(params, slot, n), r, x
    cdef real down
    fold(params, slot, n, SUM)
    for r in range(params.block):
        down = counted(params, slot, r)
        for x in range(count):
            slot.targets[r][x] = slot.targets[r][x] / (down * across[x])


cdef inline void lay_window(const Params* params, real** rows, Py_ssize_t first, Py_ssize_t count,
                            real* taps) noexcept nogil:
    """Copy the windows of `count` results from `first` on: a row of `taps` for each tap."""
    cdef const Pooling* window = <const Pooling*> params.records
    cdef Py_ssize_t stride = params.stride_x, step = params.step, i, j, k, x
    cdef const real* row
    for i in range(window.height):
        for j in range(window.width):
            row = rows[i * window.dilation_y] + j * window.dilation_x
            for k in range(count):
                x = first + k
                taps[k] = row[x * stride if step == 1 else x // step * step * stride + x % step]
            for k in range(count, SORTED):
                taps[k] = 0
            taps += SORTED


cdef inline void find_nan(const real* taps, Py_ssize_t count, real* spoiled) noexcept nogil:
    """Set spoiled[k] to NaN if window k holds one, else to any number."""
    cdef Py_ssize_t t, k
    for k in range(SORTED):
        spoiled[k] = 0
    for t in range(count):
        for k in range(SORTED):
            spoiled[k] = larger(spoiled[k], taps[t * SORTED + k])


cdef void median_block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    cdef const Pooling* window = <const Pooling*> params.records
    cdef const real* across = counts(params, slot)
    cdef Py_ssize_t count = valid(params, slot, n), size = window.height * window.width
    cdef Py_ssize_t r, k, x, many, pixels
    cdef real* spoiled = slot.work
    cdef real* taps = slot.work + SORTED
    cdef real** weighed = slot.targets + params.block
    cdef real value
    if params.weighing.kind == RANKS:
        fold_weights(params, slot, n, SUM)
    for r in range(params.block):
        x = 0
        while x < count:
            many = min(count - x, SORTED)
            lay_window(params, slot.rows + r * params.stride_y, x, many, taps)
            find_nan(taps, size, spoiled)
            sort_rows(taps, size)
            for k in range(many):
                pixels = <Py_ssize_t> (counted(params, slot, r) * across[x + k])
                if params.weighing.kind == RANKS:
                    pixels = <Py_ssize_t> weighed[r][x + k]
                value = undefined()
                if pixels > 0:
                    value = middle(taps[(pixels - 1) // 2 * SORTED + k],
                                   taps[pixels // 2 * SORTED + k])
                slot.targets[r][x + k] = value if spoiled[k] == spoiled[k] else spoiled[k]
            x += SORTED


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Block block_for(const Params* params) noexcept nogil:
    cdef Py_ssize_t how = (<const Pooling*> params.records).how
    if how == MAX:
        return max_block
    if how == MIN:
        return min_block
    if how == SUM:
        return sum_block
    return mean_block if how == MEAN else median_block


include "bands.pxi"

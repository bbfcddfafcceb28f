# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Canny's edges up to the hysteresis, in one pass over the image.

    S = Gaussian of the image, divided by the part of the window that lies in it
    I, J = Sobel's derivatives of S along y and x,   M = sqrt(I**2 + J**2)
    class = 0 unless M >= low and M is not smaller than its neighbours on both sides along the
            gradient, interpolated between two pixels;  2 where M >= high, else 1

At straight or symmetric edges, two neighbours often have the same magnitude except for rounding. To
choose the same one as scikit-image, rows are float32 where its arrays are float32, else double;
sums are double, in the order in which `scipy.ndimage.correlate1d` adds; and no multiplication is
fused with an addition (a flag of the build). So the result is equal for every image. float32 for
integers would take half the time, but would choose other pixels of such edges.

A block is computed row by row: S, its differences, I, J and M are in rings of three rows.
"""
from libc.string cimport memcpy

from bands cimport Block, Slot, up_to_lanes
from rows cimport Params, fill
from types cimport LANES, WIDE, real

cdef extern from *:
    """
    #include <math.h>
    /* Sums are double even if rows are float. */
    #if defined(VECTOR_BYTES)
      #define SUM_LANES ((Py_ssize_t) (VECTOR_BYTES / sizeof(double)))
      typedef double sum __attribute__((vector_size(VECTOR_BYTES)));
      typedef float half_sum __attribute__((vector_size(VECTOR_BYTES / 2)));
      static inline sum load_sum(const real* at) {
          sum wide;
          half_sum narrow;
          if (sizeof(real) == sizeof(double)) {
              memcpy(&wide, at, sizeof wide);
              return wide;
          }
          memcpy(&narrow, at, sizeof narrow);
          return __builtin_convertvector(narrow, sum);
      }
      static inline void store_sum(real* at, sum wide) {
          half_sum narrow;
          if (sizeof(real) == sizeof(double)) {
              memcpy(at, &wide, sizeof wide);
              return;
          }
          narrow = __builtin_convertvector(wide, half_sum);
          memcpy(at, &narrow, sizeof narrow);
      }
      static inline sum load_double(const double* at) {
          sum wide;
          memcpy(&wide, at, sizeof wide);
          return wide;
      }
      /* Rounded to `real` as a row would be, but stored as double. */
      static inline void store_double(double* at, sum wide) {
          if (sizeof(real) < sizeof(double))
              wide = __builtin_convertvector(__builtin_convertvector(wide, half_sum), sum);
          memcpy(at, &wide, sizeof wide);
      }
    #else
      #define SUM_LANES ((Py_ssize_t) 1)
      typedef double sum;
      static inline sum load_sum(const real* at) { return *at; }
      static inline void store_sum(real* at, sum wide) { *at = (real) wide; }
      static inline sum load_double(const double* at) { return *at; }
      static inline void store_double(double* at, sum wide) { *at = (real) wide; }
    #endif
    #define root(x) (sizeof(real) == 4 ? (real) sqrtf((float) (x)) : (real) sqrt((double) (x)))
    #define absolute(x) ((x) < 0 ? -(x) : (x))
    /* Division by multiplication: see convert.pxd. */
    #if FUSED
      #define is_exact(reciprocal, y) \
          (sizeof(real) == 8 && fabs(fma(-(double) (reciprocal), y, 1)) < 0x1p-60)
      #define corrected(q, x, y, reciprocal) fma(fma(-(double) (q), y, x), reciprocal, q)
    #else
      #define is_exact(reciprocal, y) 0
      #define corrected(q, x, y, reciprocal) (q)
    #endif
    """
    ctypedef double sum
    const Py_ssize_t SUM_LANES
    sum load_sum(const real* at) nogil
    void store_sum(real* at, sum wide) nogil
    sum load_double(const double* at) nogil
    void store_double(double* at, sum wide) nogil
    real root(real x) nogil
    real absolute(real x) nogil
    bint is_exact(real reciprocal, real y) nogil
    real corrected(real q, real x, real y, real reciprocal) nogil

cdef enum Stage:
    # In the order of STAGES in operations/canny.py.
    SMOOTH, MAGNITUDE, CLASSES

cdef enum:
    RING = 3            # rows of each kind that are needed at a time
    PIECE = 256         # columns of a block that are computed together
    REACH = 2           # pixels that Sobel's derivatives and the neighbours add to a window
    GROUP = 256         # pixels that are skipped together if none is weak


cdef struct Header:
    # params.records
    Py_ssize_t stage
    Py_ssize_t radius_y, radius_x   # of the Gaussian; 0: this axis is not smoothed
    Py_ssize_t constant_y, constant_x       # whether the mode along y and x is "constant"
    Py_ssize_t integer              # whether pixels are scaled to at most 1
    Py_ssize_t parts_y, parts_x     # shape of the table of parts; 0 if S is not divided


cdef struct Numbers:
    # The head of params.weights, which are double even if rows are float. The halves of the kernels
    # (from the centre outwards) and the table of parts follow it.
    double low, high, scale


cdef struct Stream:
    # The state of a piece of a block.
    const Params* params
    const Header* what
    const Numbers* numbers
    const double* kernel_y
    const double* kernel_x
    const double* parts
    real** rows                     # the extended rows, scaled
    Py_ssize_t y, x, n              # first row and column of the piece, and its columns
    Py_ssize_t high                 # rows of the piece
    Py_ssize_t summed               # the last row whose column sum is known
    double* column_sums[2]          # of even and odd rows
    real* smooth[RING]
    real* across[RING]              # S[x + 1] - S[x - 1]
    real* down                      # S[y + 1] - S[y - 1]
    real* gy[RING]
    real* gx[RING]
    real* magnitude[RING]


# ---------------------------------------------------------------------------------------------
# The equation. A row of S begins REACH columns before the block.

cdef inline void column_sum(real** rows, const double* kernel, Py_ssize_t radius, Py_ssize_t x,
                            double* first, double* second, int wide) noexcept nogil:
    """Sum two result rows as SciPy does: the centre, then pairs from the outermost inwards.

    Pairs of the first and of the second result share rows, so that each row is loaded only once.
    """
    cdef sum[WIDE] one
    cdef sum[WIDE] two
    cdef sum[WIDE] upper
    cdef sum[WIDE] lower
    cdef sum next_upper, next_lower
    cdef Py_ssize_t t
    cdef int k
    for k in range(wide):
        one[k] = load_sum(rows[radius] + x + k * SUM_LANES) * kernel[0]
        two[k] = load_sum(rows[radius + 1] + x + k * SUM_LANES) * kernel[0]
        upper[k] = load_sum(rows[0] + x + k * SUM_LANES)
        lower[k] = load_sum(rows[2 * radius + 1] + x + k * SUM_LANES)
    for t in range(radius):
        for k in range(wide):
            next_upper = load_sum(rows[t + 1] + x + k * SUM_LANES)
            next_lower = load_sum(rows[2 * radius - t] + x + k * SUM_LANES)
            one[k] = one[k] + (upper[k] + next_lower) * kernel[radius - t]
            two[k] = two[k] + (next_upper + lower[k]) * kernel[radius - t]
            upper[k] = next_upper
            lower[k] = next_lower
    for k in range(wide):
        store_double(first + x + k * SUM_LANES, one[k])
        store_double(second + x + k * SUM_LANES, two[k])


cdef inline void row_sum(const double* row, const double* kernel, Py_ssize_t radius, Py_ssize_t x,
                         real* target, int wide) noexcept nogil:
    """Sum one result along a row, in the same order."""
    cdef sum[WIDE] total
    cdef Py_ssize_t t
    cdef int k
    for k in range(wide):
        total[k] = load_double(row + radius + x + k * SUM_LANES) * kernel[0]
    for t in range(radius):
        for k in range(wide):
            total[k] = total[k] + (load_double(row + t + x + k * SUM_LANES)
                                   + load_double(row + 2 * radius - t + x + k * SUM_LANES)
                                   ) * kernel[radius - t]
    for k in range(wide):
        store_sum(target + x + k * SUM_LANES, total[k])


cdef inline void difference(const real* before, const real* at, const real* after, Py_ssize_t n,
                            real* target) noexcept nogil:
    """The kernel [-1, 0, 1]. The centre times 0 is added: NaN if it is not finite, as in SciPy."""
    cdef Py_ssize_t x
    for x in range(n):
        target[x] = at[x] * 0 + (after[x] - before[x])


cdef inline void binomial(const real* before, const real* at, const real* after, Py_ssize_t n,
                          real* target) noexcept nogil:
    """The kernel [1, 2, 1]."""
    cdef Py_ssize_t x
    for x in range(n):
        target[x] = <real> (<double> at[x] * 2 + (<double> before[x] + <double> after[x]))


cdef inline void norm(const real* a, const real* b, Py_ssize_t n, real* target) noexcept nogil:
    cdef Py_ssize_t x
    for x in range(n):
        target[x] = root(a[x] * a[x] + b[x] * b[x])


cdef inline real suppressed(real gy, real gx, const real* above, const real* at,
                            const real* below, real low, real high) noexcept nogil:
    """The class of a pixel; the rows of M are given from the column before it on."""
    # All are loaded before a choice between them, so that the compiler uses masks, not branches.
    cdef real m = at[1], left = at[0], right = at[2], up = above[1], down = below[1]
    cdef real upper_left = above[0], upper_right = above[2]
    cdef real lower_left = below[0], lower_right = below[2]
    cdef bint same = (gy <= 0) == (gx <= 0)
    cdef real ay = absolute(gy), ax = absolute(gx)
    cdef bint steep = (ay > ax) | ((ay == ax) & (not same))
    cdef real w = (ax if ay > ax else ay) / (ay if ay > ax else ax)
    cdef double rest = 1 - <double> w
    # One side is at the right, or below or above if the gradient is steep.
    cdef real corner = (lower_right if same else upper_right) * w
    cdef real other_corner = (upper_left if same else lower_left) * w
    cdef real straight = down if same else up
    cdef real other_straight = up if same else down
    cdef real side = straight if steep else right
    cdef real other_side = other_straight if steep else left
    cdef bint peak = (corner + side * rest <= m) & (other_corner + other_side * rest <= m)
    cdef bint weak = (m >= low) & (m > 0) & peak
    cdef real strength = 2 if m >= high else 1
    return strength if weak else 0


cdef inline bint any_weak(const real* m, Py_ssize_t n, real low) noexcept nogil:
    cdef Py_ssize_t x
    cdef int found = 0
    for x in range(n):
        found |= m[x] >= low
    return found


cdef inline void suppress(const real* gy, const real* gx, const real* above, const real* at,
                          const real* below, Py_ssize_t n, real low, real high,
                          real* target) noexcept nogil:
    cdef Py_ssize_t x
    for x in range(n):
        target[x] = suppressed(gy[x], gx[x], above + x - 1, at + x - 1, below + x - 1, low, high)


# ---------------------------------------------------------------------------------------------
# The schedule: one row of the image after the other

cdef inline Py_ssize_t part(Py_ssize_t place, Py_ssize_t n, Py_ssize_t parts) noexcept nogil:
    """The index of a row or column in the table of parts: those far from the border share one."""
    if place < parts // 2:
        return max(place, 0)
    return max(parts // 2, min(place, n - 1) - n + parts)


cdef inline void scale_row(const Stream* s, const real* row, Py_ssize_t i, Py_ssize_t n,
                           real* target) noexcept nogil:
    """Divide integers by the largest of their type; fill a constant border with cval."""
    cdef Py_ssize_t y = s.y + i - s.what.radius_y - REACH, x
    cdef Py_ssize_t left = s.what.radius_x + REACH - s.x, right = left + s.params.width
    cdef real scale = <real> s.numbers.scale, value
    if s.what.constant_y and (y < 0 or y >= s.params.height):
        fill(target, n, <real> s.params.cval)
        return
    for x in range(n):
        value = row[x] * scale
        target[x] = value if value > -1 else -1
    if s.what.constant_x:
        fill(target, max(0, min(left, n)), <real> s.params.cval)
        right = max(0, min(right, n))
        fill(target + right, n - right, <real> s.params.cval)


cdef inline const double* sum_columns(Stream* s, Py_ssize_t i) noexcept nogil:
    """Row i of the column sums; row i + 1 is computed together with it."""
    cdef Py_ssize_t radius = s.what.radius_y, left = s.what.radius_x + REACH - s.x, x = 0
    cdef Py_ssize_t n = up_to_lanes(s.n + 2 * REACH + 2 * s.what.radius_x), k
    # The last row is computed together with the one before it.
    cdef Py_ssize_t at = i if i + 1 < s.high + 2 * REACH else i - 1
    cdef double* first = s.column_sums[at & 1]
    cdef double* second = s.column_sums[1 - (at & 1)]
    if radius == 0:
        for x in range(n):
            s.column_sums[0][x] = s.rows[i][x]
        return s.column_sums[0]
    if i <= s.summed:
        return s.column_sums[i & 1]
    while x + WIDE * SUM_LANES // 2 <= n:
        column_sum(s.rows + at, s.kernel_y, radius, x, first, second, WIDE // 2)
        x += WIDE * SUM_LANES // 2
    while x < n:
        column_sum(s.rows + at, s.kernel_y, radius, x, first, second, 1)
        x += SUM_LANES
    # SciPy extends the image again between the passes, which matters if cval is not zero.
    for k in range(2 if s.what.constant_x else 0):
        for x in range(max(0, min(left, n))):
            s.column_sums[k][x] = s.params.cval
        for x in range(max(0, min(left + s.params.width, n)), n):
            s.column_sums[k][x] = s.params.cval
    s.summed = at + 1
    return s.column_sums[i & 1]


cdef inline void smooth_row(Stream* s, Py_ssize_t i, Py_ssize_t k) noexcept nogil:
    """Compute row i of S, counted from REACH rows above the block, into row k of its ring."""
    cdef const Header* what = s.what
    cdef Py_ssize_t columns = up_to_lanes(s.n + 2 * REACH), x = 0
    cdef const double* row = sum_columns(s, i)
    cdef real* target = s.smooth[k]
    while x + WIDE * SUM_LANES <= columns:
        row_sum(row, s.kernel_x, what.radius_x, x, target, WIDE)
        x += WIDE * SUM_LANES
    while x < columns:
        row_sum(row, s.kernel_x, what.radius_x, x, target, 1)
        x += SUM_LANES
    if what.parts_y > 0:
        divide_row(s, s.y + i - REACH, columns, target)
    # The border of Sobel's derivatives repeats the last pixel.
    x = REACH - s.x
    if 0 < x <= columns - 1:
        target[x - 1] = target[x]
    x += s.params.width
    if 0 < x <= columns - 1:
        target[x] = target[x - 1]
    difference(target, target + 1, target + 2, columns - 2, s.across[k] + 1)


cdef inline void divide(real* row, Py_ssize_t n, real by) noexcept nogil:
    """Divide by one number, with the rounding of a division."""
    cdef real reciprocal = 1 / by
    cdef Py_ssize_t x
    if is_exact(reciprocal, by):
        for x in range(n):
            row[x] = corrected(row[x] * reciprocal, row[x], by, reciprocal)
    else:
        for x in range(n):
            row[x] = row[x] / by


cdef inline void divide_row(const Stream* s, Py_ssize_t y, Py_ssize_t n, real* row) noexcept nogil:
    """Divide by the part of the Gaussian that lies in the image."""
    cdef Py_ssize_t width = s.params.width, parts_x = s.what.parts_x, x
    cdef const double* parts = s.parts + part(y, s.params.height, s.what.parts_y) * parts_x
    cdef Py_ssize_t left = parts_x // 2 - s.x + REACH
    cdef Py_ssize_t right = width - parts_x + parts_x // 2 + 1 - s.x + REACH
    left = max(0, min(left, n))
    right = max(left, min(right, n))
    for x in range(left):
        row[x] = row[x] / <real> parts[part(s.x + x - REACH, width, parts_x)]
    divide(row + left, right - left, <real> parts[parts_x // 2])
    for x in range(right, n):
        row[x] = row[x] / <real> parts[part(s.x + x - REACH, width, parts_x)]


cdef inline void derive_row(Stream* s, Py_ssize_t before, Py_ssize_t at, Py_ssize_t after,
                            Py_ssize_t k) noexcept nogil:
    """Compute I, J and M of a row from three rows of S, from one column before the block on."""
    cdef Py_ssize_t n = s.n + 2
    binomial(s.across[before] + 1, s.across[at] + 1, s.across[after] + 1, n, s.gx[k] + 1)
    difference(s.smooth[before], s.smooth[at], s.smooth[after], n + 2, s.down)
    binomial(s.down, s.down + 1, s.down + 2, n, s.gy[k] + 1)
    norm(s.gy[k] + 1, s.gx[k] + 1, n, s.magnitude[k] + 1)


cdef inline void class_row(Stream* s, Py_ssize_t y, Py_ssize_t above, Py_ssize_t at,
                           Py_ssize_t below, real* target) noexcept nogil:
    """Compute the classes of a row; pixels at the border of the image have class 0."""
    cdef Py_ssize_t x = 0, n, last = s.params.width - 1 - s.x
    cdef real low = <real> s.numbers.low, high = <real> s.numbers.high
    if y == 0 or y == s.params.height - 1:
        fill(target, s.n, 0)
        return
    while x < s.n:
        n = min(<Py_ssize_t> GROUP, s.n - x)
        if any_weak(s.magnitude[at] + REACH + x, n, low):
            suppress(s.gy[at] + REACH + x, s.gx[at] + REACH + x, s.magnitude[above] + REACH + x,
                     s.magnitude[at] + REACH + x, s.magnitude[below] + REACH + x, n, low, high,
                     target + x)
        else:
            fill(target + x, n, 0)
        x += n
    if s.x == 0:
        target[0] = 0
    if 0 <= last < s.n:
        target[last] = 0


cdef inline void stream(const Params* params, const Slot* slot, Py_ssize_t x,
                        Py_ssize_t n) noexcept nogil:
    """Compute n columns of a block from x on.

    Step e computes S in row slot.y + e - REACH of the image, M in the row before, and the classes
    in the row before that.
    """
    cdef Stream s
    cdef Py_ssize_t e, i, k = 0, columns = up_to_lanes(n + params.span_x - 1)
    cdef Py_ssize_t[RING] have          # indices in the ring of the last three rows of S
    begin(params, slot, x, n, &s)
    for i in range(s.high + 2 * REACH + 2 * s.what.radius_y):
        if s.what.integer:
            scale_row(&s, slot.rows[i] + x, i, columns, s.rows[i])
        else:
            s.rows[i] = slot.rows[i] + x
    have[0] = have[1] = have[2] = 0
    for e in range(s.high + 2 * REACH):
        # Outside the image its first or last row is repeated.
        i = max(REACH - s.y, min(e, params.height - 1 - s.y + REACH))
        have[0] = have[1]
        have[1] = have[2]
        if e == 0 or i == e and e != REACH - s.y:
            k = (k + 1) % RING
            smooth_row(&s, i, k)
        have[2] = k
        if s.what.stage == SMOOTH and REACH <= e < s.high + REACH:
            memcpy(slot.targets[e - REACH] + x, s.smooth[k] + REACH, n * sizeof(real))
        if s.what.stage == SMOOTH or e < 2:
            continue
        derive_row(&s, have[0], have[1], have[2], e % RING)
        if s.what.stage == MAGNITUDE and 3 <= e < s.high + 3:
            memcpy(slot.targets[e - 3] + x, s.magnitude[e % RING] + REACH, n * sizeof(real))
        elif s.what.stage == CLASSES and e >= 4:
            class_row(&s, s.y + e - 4, (e - 2) % RING, (e - 1) % RING, e % RING,
                      slot.targets[e - 4] + x)


cdef inline void begin(const Params* params, const Slot* slot, Py_ssize_t x, Py_ssize_t n,
                       Stream* s) noexcept nogil:
    """Divide slot.work: rings of rows of `pitch` numbers, then pointers and scaled rows."""
    cdef const Header* what = <const Header*> params.records
    cdef Py_ssize_t pitch = PIECE + up_to_lanes(2 * what.radius_x + 2 * REACH) + 3 * LANES
    cdef Py_ssize_t inputs = params.block + 2 * REACH + 2 * what.radius_y, k
    cdef real* free = slot.work
    s.params = params
    s.what = what
    s.numbers = <const Numbers*> params.weights
    s.kernel_y = <const double*> (s.numbers + 1)
    s.kernel_x = s.kernel_y + what.radius_y + 1
    s.parts = s.kernel_x + what.radius_x + 1
    s.y = slot.y
    s.x = slot.x + x
    s.n = n
    s.high = min(params.block, params.result_height - slot.y)
    s.summed = -1
    for k in range(RING):
        s.smooth[k] = free
        s.across[k] = free + pitch
        s.gy[k] = free + 2 * pitch
        s.gx[k] = free + 3 * pitch
        s.magnitude[k] = free + 4 * pitch
        free += 5 * pitch
    s.down = free
    free += pitch
    for k in range(2):
        s.column_sums[k] = <double*> free
        free += 2 * pitch
    s.rows = <real**> free
    free += up_to_lanes(inputs * (8 // sizeof(real)))
    for k in range(inputs if what.integer else 0):
        s.rows[k] = free + k * pitch


cdef void block(const Params* params, const Slot* slot, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t x = 0
    while x < n:
        stream(params, slot, x, min(<Py_ssize_t> PIECE, n - x))
        x += PIECE


# ---------------------------------------------------------------------------------------------
# Entry

cdef inline Block block_for(const Params* params) noexcept nogil:
    return block


include "bands.pxi"

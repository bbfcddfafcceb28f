# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Winograd's algorithm for 4x4 results of a 3x3 kernel: 36 products in place of 144.

    Y = A' [(G g G') * (B' d B)] A

A cell is 4x4 results Y and the 6x6 pixels d under them. Seen along one axis, the pixels and the
kernel are polynomials, which are evaluated at six points, multiplied, and interpolated (A. L. Toom;
S. Winograd, "Arithmetic complexity of computations", 1980; A. Lavin and S. Gray, "Fast algorithms
for convolutional neural networks", 2016).

The points 0, 3/4, -3/4, 3/2, -3/2 and infinity are exact in binary, and lie around 1, so that their
powers differ less than those of the usual 0, 1, -1, 2, -2: the error is half as large.

The gradient of the kernel is such a product, too: 3x3 results of the 6x6 pixels, by a kernel of the
4x4 gradients of a cell.

A vector has the same number of LANES neighbouring cells.
"""
from lanes cimport even, odd, zip_high, zip_low
from types cimport LANES, ZERO, load, real, store, vec

cdef enum:
    STEP = 4            # results of a cell along an axis
    SPAN = 6            # pixels of a cell along an axis
    POSITIONS = 36

cdef extern from *:
    """
    /* The points are 0, NEAR, -NEAR, FAR, -FAR and infinity. */
    #define NEAR ((real) 0.75)
    #define FAR ((real) 1.5)
    """
    const real NEAR
    const real FAR


cdef inline void split(const real* line, Py_ssize_t n, real* planes,
                       Py_ssize_t plane) noexcept nogil:
    """Divide a line of 4 n + 2 pixels into those of each column of its cells, and n + 1 of two.

    n is a multiple of LANES.
    """
    cdef vec near, far
    cdef Py_ssize_t t = 0
    while t < n:
        near = even(load(line), load(line + LANES))
        far = even(load(line + 2 * LANES), load(line + 3 * LANES))
        store(planes + t, even(near, far))
        store(planes + 2 * plane + t, odd(near, far))
        near = odd(load(line), load(line + LANES))
        far = odd(load(line + 2 * LANES), load(line + 3 * LANES))
        store(planes + plane + t, even(near, far))
        store(planes + 3 * plane + t, odd(near, far))
        line += 4 * LANES
        t += LANES
    planes[n] = line[0]
    planes[plane + n] = line[1]


cdef inline void at_points(vec* v, Py_ssize_t step) noexcept nogil:
    """Replace six pixels, `step` vectors apart, by their values at the points: v = B' v."""
    cdef real near2 = NEAR * NEAR, far2 = FAR * FAR
    cdef vec even_near = v[4 * step] - v[2 * step] * far2
    cdef vec odd_near = (v[3 * step] - v[step] * far2) * NEAR
    cdef vec even_far = v[4 * step] - v[2 * step] * near2
    cdef vec odd_far = (v[3 * step] - v[step] * near2) * FAR
    v[0] = v[0] * (near2 * far2) - v[2 * step] * (near2 + far2) + v[4 * step]
    v[5 * step] = v[step] * (near2 * far2) - v[3 * step] * (near2 + far2) + v[5 * step]
    v[step] = even_near + odd_near
    v[2 * step] = even_near - odd_near
    v[3 * step] = even_far + odd_far
    v[4 * step] = even_far - odd_far


cdef inline void from_points(vec* v, Py_ssize_t step) noexcept nogil:
    """Replace values at six points by four results: v = A' v."""
    cdef real near2 = NEAR * NEAR, far2 = FAR * FAR
    cdef vec even_near = v[step] + v[2 * step]
    cdef vec odd_near = (v[step] - v[2 * step]) * NEAR
    cdef vec even_far = v[3 * step] + v[4 * step]
    cdef vec odd_far = (v[3 * step] - v[4 * step]) * FAR
    v[0] = v[0] + even_near + even_far
    v[step] = odd_near + odd_far
    v[2 * step] = even_near * near2 + even_far * far2
    v[3 * step] = v[5 * step] + odd_near * near2 + odd_far * far2


cdef inline void transform_cells(const real* planes, Py_ssize_t plane, Py_ssize_t n, real* target,
                                 Py_ssize_t position) noexcept nogil:
    """Transform n cells in a row: from the planes of `split`, of 6 lines, to 36 rows."""
    cdef vec[POSITIONS] v
    cdef const real* at
    cdef Py_ssize_t x = 0
    cdef int i, j
    while x < n:
        for i in range(SPAN):
            at = planes + i * STEP * plane + x
            for j in range(STEP):
                v[i * SPAN + j] = load(at + j * plane)
            for j in range(SPAN - STEP):
                v[i * SPAN + STEP + j] = load(at + j * plane + 1)
            at_points(v + i * SPAN, 1)
        for j in range(SPAN):
            at_points(v + j, SPAN)
        for i in range(POSITIONS):
            store(target + i * position + x, v[i])
        x += LANES


cdef inline bint results_of_cells(const real* products, Py_ssize_t position, Py_ssize_t n,
                                  real bias, real* lines, Py_ssize_t line) noexcept nogil:
    """Compute the results of n cells in a row, 4 lines, from 36 rows of products.

    Return whether all results are finite.
    """
    cdef vec[POSITIONS] v
    cdef vec low, high, low_odd, high_odd, zeros = ZERO
    cdef const real* lanes = <const real*> &zeros
    cdef real total = 0
    cdef vec* row
    cdef real* target
    cdef Py_ssize_t x = 0
    cdef int i, j
    while x < n:
        for i in range(POSITIONS):
            v[i] = load(products + i * position + x)
        for j in range(SPAN):
            from_points(v + j, SPAN)
        for i in range(STEP):
            row = v + i * SPAN
            from_points(row, 1)
            for j in range(STEP):
                row[j] = row[j] + bias
                zeros = zeros + row[j] * 0
            low = zip_low(row[0], row[2])
            high = zip_high(row[0], row[2])
            low_odd = zip_low(row[1], row[3])
            high_odd = zip_high(row[1], row[3])
            target = lines + i * line + STEP * x
            store(target, zip_low(low, low_odd))
            store(target + LANES, zip_high(low, low_odd))
            store(target + 2 * LANES, zip_low(high, high_odd))
            store(target + 3 * LANES, zip_high(high, high_odd))
        x += LANES
    for x in range(LANES):
        total = total + lanes[x]
    return total == 0


cdef inline void gradients_at_points(vec* v, Py_ssize_t step) noexcept nogil:
    """Replace four gradients, `step` vectors apart, by six values: those of a kernel of four."""
    cdef real near2 = NEAR * NEAR, far2 = FAR * FAR
    cdef real of_near = 1 / (2 * near2 * (near2 - far2)), of_far = 1 / (2 * far2 * (far2 - near2))
    cdef real of_zero = 1 / (near2 * far2)
    cdef vec even_near = (v[0] + v[2 * step] * near2) * of_near
    cdef vec odd_near = (v[step] + v[3 * step] * near2) * (of_near * NEAR)
    cdef vec even_far = (v[0] + v[2 * step] * far2) * of_far
    cdef vec odd_far = (v[step] + v[3 * step] * far2) * (of_far * FAR)
    v[5 * step] = v[3 * step]
    v[0] = v[0] * of_zero
    v[step] = even_near + odd_near
    v[2 * step] = even_near - odd_near
    v[3 * step] = even_far + odd_far
    v[4 * step] = even_far - odd_far


cdef inline void transform_gradients(const real* planes, Py_ssize_t plane, Py_ssize_t n,
                                     real* target, Py_ssize_t position) noexcept nogil:
    """Transform the gradients of n cells in a row: from the planes of 4 lines to 36 rows."""
    cdef vec[POSITIONS] v
    cdef Py_ssize_t x = 0
    cdef int i, j
    while x < n:
        for i in range(STEP):
            for j in range(STEP):
                v[i * SPAN + j] = load(planes + (i * STEP + j) * plane + x)
            gradients_at_points(v + i * SPAN, 1)
        for j in range(SPAN):
            gradients_at_points(v + j, SPAN)
        for i in range(POSITIONS):
            store(target + i * position + x, v[i])
        x += LANES


cdef inline void three_from_points(vec* v, Py_ssize_t step) noexcept nogil:
    """Replace values at six points by three results."""
    cdef real near2 = NEAR * NEAR, far2 = FAR * FAR
    cdef vec even_near = v[step] + v[2 * step]
    cdef vec even_far = v[3 * step] + v[4 * step]
    v[0] = v[0] + even_near + even_far
    v[step] = (v[step] - v[2 * step]) * NEAR + (v[3 * step] - v[4 * step]) * FAR
    v[2 * step] = even_near * near2 + even_far * far2 + v[5 * step]


cdef inline bint weights_of_sums(vec* v) noexcept nogil:
    """Replace the first nine of 36 sums by a kernel of 3x3; return whether all are finite."""
    cdef vec zeros = ZERO
    cdef const real* lanes = <const real*> &zeros
    cdef real total = 0
    cdef Py_ssize_t x
    cdef int i, j
    for j in range(SPAN):
        three_from_points(v + j, SPAN)
    for i in range(SPAN - STEP + 1):
        three_from_points(v + i * SPAN, 1)
        for j in range(SPAN - STEP + 1):
            zeros = zeros + v[i * SPAN + j] * 0
    for i in range(SPAN - STEP + 1):
        for j in range(SPAN - STEP + 1):
            v[i * (SPAN - STEP + 1) + j] = v[i * SPAN + j]
    for x in range(LANES):
        total = total + lanes[x]
    return total == 0

# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Edge pixels as points between the pixels, and these as chains.

A pixel is moved along its gradient to the top of the parabola through the logarithms of three
magnitudes: its own, and those at a distance of 1 on both sides, by cubic convolution of 4 x 4
pixels (R. Keys, 1981). Linear interpolation, as Canny's loop does it, would lower the magnitudes on
both sides and with them bend the parabola.

Points are numbered in the order of rows; `begins` has the first number of each row, and the end.
"""
cimport numpy as cnp

from cython.parallel cimport prange
from libc.math cimport floor, fmax, fmin, log
from libc.stdint cimport int32_t, uint8_t

from roots cimport length
from types cimport real

cnp.import_array()

cdef extern from *:
    """
    #include <math.h>
    """
    const double INFINITY


# ---------------------------------------------------------------------------------------------
# Points

cdef inline Py_ssize_t inside(Py_ssize_t i, Py_ssize_t n) noexcept nogil:
    return 0 if i < 0 else n - 1 if i >= n else i


cdef inline void cubic(double t, double* weights) noexcept nogil:
    """Store the weights of four neighbours for a place t behind the second."""
    weights[0] = ((2 - t) * t - 1) * t / 2
    weights[1] = ((3 * t - 5) * t * t + 2) / 2
    weights[2] = ((4 - 3 * t) * t + 1) * t / 2
    weights[3] = (t - 1) * t * t / 2


cdef struct Gradient:
    # Derivatives along y and x, of some rows of an image.
    const real* down
    const real* right
    Py_ssize_t height, width


cdef inline double magnitude(const Gradient* of, double y, double x) noexcept nogil:
    cdef Py_ssize_t top = <Py_ssize_t> floor(y), left = <Py_ssize_t> floor(x), i, j, row, at
    cdef double[4] along_y, along_x
    cdef double found = 0, line
    cubic(y - top, along_y)
    cubic(x - left, along_x)
    for i in range(4):
        row = inside(top + i - 1, of.height) * of.width
        line = 0
        for j in range(4):
            at = row + inside(left + j - 1, of.width)
            line = line + along_x[j] * length(of.down[at], of.right[at], 1)
        found = found + along_y[i] * line
    return found


cdef inline double offset(const Gradient* of, Py_ssize_t y, Py_ssize_t x, double here,
                          const double* way) noexcept nogil:
    """Return how far along the gradient the magnitude is largest, at most a pixel."""
    cdef double lowest = 1e-6 * here, bend
    cdef double before = log(fmax(magnitude(of, y - way[0], x - way[1]), lowest))
    cdef double after = log(fmax(magnitude(of, y + way[0], x + way[1]), lowest))
    bend = before + after - 2 * log(here)
    return fmax(-1, fmin(1, (before - after) / (2 * bend))) if bend < 0 else 0


cdef inline void place_row(const Gradient* of, Py_ssize_t row, const uint8_t* mask, Py_ssize_t y,
                           int32_t* columns, double* points, float* ways) noexcept nogil:
    """Fill the points of row y of the image, which is `row` of the gradient."""
    cdef Py_ssize_t number = 0, x
    cdef double[2] way
    cdef double here, off, dy, dx
    for x in range(of.width):
        if not mask[x]:
            continue
        dy = of.down[row * of.width + x]
        dx = of.right[row * of.width + x]
        here = length(<real> dy, <real> dx, 1)
        way[0] = dy / here if here > 0 else 0
        way[1] = dx / here if here > 0 else 0
        off = offset(of, row, x, here, way) if here > 0 else 0
        columns[number] = <int32_t> x
        points[2 * number] = y + off * way[0]
        points[2 * number + 1] = x + off * way[1]
        ways[2 * number] = <float> way[0]
        ways[2 * number + 1] = <float> way[1]
        number += 1


def place(cnp.ndarray down not None, cnp.ndarray right not None, Py_ssize_t first,
          cnp.ndarray mask not None, Py_ssize_t top, cnp.ndarray begins not None,
          cnp.ndarray columns not None, cnp.ndarray points not None, cnp.ndarray ways not None,
          int threads):
    """Fill the points of some rows, from `top` on, their columns and the ways of their gradients.

    The derivatives along y and x have the rows from `first` on.
    """
    cdef const uint8_t* marked = <const uint8_t*> cnp.PyArray_DATA(mask)
    cdef const int32_t* numbers = <const int32_t*> cnp.PyArray_DATA(begins)
    cdef int32_t* x = <int32_t*> cnp.PyArray_DATA(columns)
    cdef double* places = <double*> cnp.PyArray_DATA(points)
    cdef float* directions = <float*> cnp.PyArray_DATA(ways)
    cdef Py_ssize_t y, n
    cdef Gradient of
    of.down = <const real*> cnp.PyArray_DATA(down)
    of.right = <const real*> cnp.PyArray_DATA(right)
    of.height = down.shape[0]
    of.width = down.shape[1]
    for y in prange(mask.shape[0], num_threads=threads, schedule="static", nogil=True):
        n = numbers[top + y]
        place_row(&of, top + y - first, marked + y * of.width, top + y, x + n, places + 2 * n,
                  directions + 2 * n)


# ---------------------------------------------------------------------------------------------
# Chains

cdef inline void consider(const double* here, const double* there, const float* way,
                          const float* other_way, Py_ssize_t other, int32_t* nearest,
                          double* lowest) noexcept nogil:
    """Keep a neighbour if it is the nearest one ahead, nearest[0], or behind, nearest[1].

    The edge runs at a right angle to the gradient, and neighbours' gradients agree.
    """
    cdef double y = there[0] - here[0], x = there[1] - here[1]
    cdef double along = x * way[0] - y * way[1], distance = y * y + x * x
    cdef int side = 0 if along > 0 else 1
    if (along != 0 and distance < lowest[side]
            and way[0] * other_way[0] + way[1] * other_way[1] > 0):
        nearest[side] = <int32_t> other
        lowest[side] = distance


cdef inline void link_row(const int32_t* begins, Py_ssize_t rows, const int32_t* columns,
                          const double* points, const float* ways, Py_ssize_t y,
                          int32_t* nearest) noexcept nogil:
    """Find the nearest neighbours of the points of a row; columns ascend in each row."""
    cdef Py_ssize_t row, i, other, begin, last
    cdef double[2] lowest
    cdef Py_ssize_t[3] left
    for row in range(3):
        left[row] = begins[inside(y + row - 1, rows)]
    for i in range(begins[y], begins[y + 1]):
        nearest[2 * i] = nearest[2 * i + 1] = -1
        lowest[0] = lowest[1] = INFINITY
        for row in range(max(y - 1, 0), min(y + 2, rows)):
            last = begins[row + 1]
            begin = left[row - y + 1]
            while begin < last and columns[begin] < columns[i] - 1:
                begin += 1
            left[row - y + 1] = begin
            for other in range(begin, min(last, begin + 3)):
                if other != i and columns[other] <= columns[i] + 1:
                    consider(points + 2 * i, points + 2 * other, ways + 2 * i, ways + 2 * other,
                             other, nearest + 2 * i, lowest)


def link(cnp.ndarray begins not None, cnp.ndarray columns not None, cnp.ndarray points not None,
         cnp.ndarray ways not None, cnp.ndarray nearest not None, int threads):
    """Fill the number of the nearest neighbour ahead of each point, and behind it; -1 for none."""
    cdef const int32_t* numbers = <const int32_t*> cnp.PyArray_DATA(begins)
    cdef const int32_t* x = <const int32_t*> cnp.PyArray_DATA(columns)
    cdef const double* places = <const double*> cnp.PyArray_DATA(points)
    cdef const float* directions = <const float*> cnp.PyArray_DATA(ways)
    cdef int32_t* found = <int32_t*> cnp.PyArray_DATA(nearest)
    cdef Py_ssize_t rows = begins.shape[0] - 1, y
    for y in prange(rows, num_threads=threads, schedule="static", nogil=True):
        link_row(numbers, rows, x, places, directions, y, found)


cdef inline int32_t walk(const int32_t* following, Py_ssize_t first, uint8_t* seen) noexcept nogil:
    """Mark a chain as seen, and return how many points it has; a closed one repeats its first."""
    cdef int32_t count = 0
    cdef Py_ssize_t i = first
    while i >= 0 and not seen[i]:
        seen[i] = True
        count += 1
        i = following[i]
    return count + (i == first)


def trace(cnp.ndarray nearest not None, cnp.ndarray following not None, cnp.ndarray seen not None,
          cnp.ndarray firsts not None, cnp.ndarray lengths not None, int threads):
    """Fill which point follows each, and the first point and the length of all chains.

    A point follows another if each is the other's nearest. Return how many chains there are; of a
    closed one the lowest number is the first. No point is `seen` yet. A chain leads to the next
    point: there is one thread.
    """
    cdef const int32_t* near = <const int32_t*> cnp.PyArray_DATA(nearest)
    cdef int32_t* next = <int32_t*> cnp.PyArray_DATA(following)
    cdef uint8_t* marked = <uint8_t*> cnp.PyArray_DATA(seen)
    cdef int32_t* first = <int32_t*> cnp.PyArray_DATA(firsts)
    cdef int32_t* counts = <int32_t*> cnp.PyArray_DATA(lengths)
    cdef Py_ssize_t n = nearest.shape[0], count = 0, i, ahead, behind
    cdef int closed
    with nogil:
        for i in range(n):
            ahead = near[2 * i]
            next[i] = <int32_t> ahead if ahead >= 0 and near[2 * ahead + 1] == i else -1
        for closed in range(2):
            for i in range(n):
                behind = near[2 * i + 1]
                if marked[i] or (not closed and behind >= 0 and next[behind] == i):
                    continue
                first[count] = <int32_t> i
                counts[count] = walk(next, i, marked)
                count += 1
    return count


def write(cnp.ndarray points not None, cnp.ndarray following not None, cnp.ndarray firsts not None,
          cnp.ndarray lengths not None, cnp.ndarray chains not None, int threads):
    """Store the points of all chains one after the other."""
    cdef const double* places = <const double*> cnp.PyArray_DATA(points)
    cdef const int32_t* next = <const int32_t*> cnp.PyArray_DATA(following)
    cdef const int32_t* first = <const int32_t*> cnp.PyArray_DATA(firsts)
    cdef const int32_t* counts = <const int32_t*> cnp.PyArray_DATA(lengths)
    cdef double* target = <double*> cnp.PyArray_DATA(chains)
    cdef Py_ssize_t count = firsts.shape[0], chain, i, _
    with nogil:
        for chain in range(count):
            i = first[chain]
            for _ in range(counts[chain]):
                target[0] = places[2 * i]
                target[1] = places[2 * i + 1]
                target += 2
                i = next[i]

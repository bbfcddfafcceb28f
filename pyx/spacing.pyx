# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Points of an image by their keys, and those that remain if none may be near an earlier one.

A point that remains takes all pixels of a square around it; a point on a taken pixel does not.
"""
cimport numpy as cnp

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset

cnp.import_array()

cdef enum:
    DIGITS = 3              # of a key of 32 bits
    BITS = 11
    BINS = 1 << BITS


cdef inline uint32_t digit_of(uint64_t key, int digit) noexcept nogil:
    return <uint32_t> (key >> (32 + BITS * digit)) & (BINS - 1)


cdef inline bint begin_bins(uint32_t* counts, Py_ssize_t n) noexcept nogil:
    """Replace the counts of bins by where these begin; return whether one bin has all."""
    cdef uint32_t begin = 0, count
    cdef Py_ssize_t i
    for i in range(BINS):
        count = counts[i]
        if count == n:
            return True
        counts[i] = begin
        begin += count
    return False


def sort(uint64_t[::1] keys, uint64_t[::1] other, int threads):
    """Sort by the upper 32 bits, equal ones as they are; `other` is as large, and is written.

    Return whether the result is in `other`. Digit by digit, from the lowest (radix sort); digits in
    which all are equal are left out.
    """
    cdef uint32_t[DIGITS][BINS] counts
    cdef uint64_t* source = &keys[0]
    cdef uint64_t* target = &other[0]
    cdef Py_ssize_t n = keys.shape[0], i
    cdef uint32_t d
    cdef int digit
    with nogil:
        memset(&counts[0][0], 0, sizeof(counts))
        for i in range(n):
            for digit in range(DIGITS):
                counts[digit][digit_of(source[i], digit)] += 1
        for digit in range(DIGITS):
            if begin_bins(counts[digit], n):
                continue
            for i in range(n):
                d = digit_of(source[i], digit)
                target[counts[digit][d]] = source[i]
                counts[digit][d] += 1
            source, target = target, source
    return source == &other[0]


cdef inline void take(uint8_t[:, ::1] taken, Py_ssize_t y, Py_ssize_t x,
                      Py_ssize_t distance) noexcept nogil:
    cdef Py_ssize_t left = max(0, x - distance + 1), right = min(taken.shape[1], x + distance), row
    for row in range(max(0, y - distance + 1), min(taken.shape[0], y + distance)):
        memset(&taken[row, left], 1, right - left)


def keep(const Py_ssize_t[:, ::1] points, Py_ssize_t distance, Py_ssize_t most,
         uint8_t[:, ::1] taken, Py_ssize_t[::1] kept, int threads):
    """Store the numbers of the points that remain, `most` at most, and return how many they are.

    No pixel of the image is `taken` yet. One point decides about the next: there is one thread.
    """
    cdef Py_ssize_t count = 0, i, y, x
    with nogil:
        for i in range(points.shape[0]):
            if count == most:
                break
            y = points[i, 0]
            x = points[i, 1]
            if not taken[y, x]:
                kept[count] = i
                count += 1
                take(taken, y, x, distance)
    return count

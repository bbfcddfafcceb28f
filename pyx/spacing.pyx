# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Which points of an image remain, if none may be near one that comes before it.

A point that remains takes all pixels of a square around it; a point on a taken pixel does not.
"""
cimport numpy as cnp

from libc.stdint cimport uint8_t
from libc.string cimport memset

cnp.import_array()


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

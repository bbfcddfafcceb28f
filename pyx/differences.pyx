# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Second derivatives by differences of neighbours, and what is made of them, in one pass.

    slope[i] = (f[i + 1] - f[i - 1]) / 2        at both ends f[1] - f[0]
    yy, yx, xx: slopes along y of slopes along y, along x of these, along x of slopes along x
    turn     = (dxx * dy**2 + dyy * dx**2 - 2 * dxy * dx * dy) / (dx**2 + dy**2)

Slopes are those of `numpy.gradient`, dy and dx those of `scipy.ndimage.sobel`, with their bits. The
turn is that of the gradient (L. Kitchen, A. Rosenfeld, "Gray-level corner detection", 1982).
"""
cimport numpy as cnp

from cython.parallel cimport prange

from roots cimport arc, root
from types cimport real

cnp.import_array()

cdef enum:
    PARTS = 3           # of a tensor: yy, yx, xx
    PIECE = 512         # columns at once, which stay in L1
    ROWS = 64           # of turns at once

cdef enum Response:
    # In the order of RESPONSES in operations/differences.py.
    TENSOR, DETERMINANT, SHAPE

cdef extern from *:
    """
    #include <math.h>
    """
    const float NAN

cdef double PI = 3.141592653589793


cdef struct Slope:
    # (f[after] - f[before]) * factor
    Py_ssize_t before, after
    real factor


cdef inline Slope slope_at(Py_ssize_t i, Py_ssize_t n) noexcept nogil:
    cdef Slope slope
    cdef bint inside = 0 < i < n - 1
    slope.before = i - 1 if i > 0 else 0
    slope.after = i + 1 if i < n - 1 else n - 1
    slope.factor = <real> 0.5 if inside else 1
    return slope


# ---------------------------------------------------------------------------------------------
# Second derivatives of the pixels of a row from `begin` to `end`

cdef inline void down_twice(const real* image, Py_ssize_t height, Py_ssize_t width, Py_ssize_t y,
                            Py_ssize_t begin, Py_ssize_t end, real* yy) noexcept nogil:
    cdef Slope here = slope_at(y, height)
    cdef Slope above = slope_at(here.before, height), below = slope_at(here.after, height)
    cdef const real* first = image + above.before * width + begin
    cdef const real* second = image + above.after * width + begin
    cdef const real* third = image + below.before * width + begin
    cdef const real* fourth = image + below.after * width + begin
    cdef Py_ssize_t x
    for x in range(end - begin):
        yy[x] = ((fourth[x] - third[x]) * below.factor
                 - (second[x] - first[x]) * above.factor) * here.factor


cdef inline void down_and_along(const real* image, Py_ssize_t width, const Slope* down,
                                Py_ssize_t begin, Py_ssize_t end, real* yx) noexcept nogil:
    cdef const real* above = image + down.before * width
    cdef const real* below = image + down.after * width
    cdef real factor = down.factor
    cdef Py_ssize_t x
    for x in range(max(begin, 2), min(end, width - 2)):
        yx[x - begin] = ((below[x + 1] - above[x + 1]) * factor
                         - (below[x - 1] - above[x - 1]) * factor) * <real> 0.5


cdef inline void along_twice(const real* row, Py_ssize_t width, Py_ssize_t begin, Py_ssize_t end,
                             real* xx) noexcept nogil:
    cdef Py_ssize_t x
    for x in range(max(begin, 2), min(end, width - 2)):
        xx[x - begin] = ((row[x + 2] - row[x]) * <real> 0.5
                         - (row[x] - row[x - 2]) * <real> 0.5) * <real> 0.5


cdef inline real along(const real* row, Slope slope) noexcept nogil:
    return (row[slope.after] - row[slope.before]) * slope.factor


cdef inline void at_end(const real* image, Py_ssize_t width, Py_ssize_t y, const Slope* down,
                        Py_ssize_t x, real* yx, real* xx) noexcept nogil:
    """Fill the derivatives of a pixel at the left or the right end of its row."""
    cdef Slope here = slope_at(x, width)
    cdef const real* row = image + y * width
    cdef const real* above = image + down.before * width
    cdef const real* below = image + down.after * width
    yx[0] = ((below[here.after] - above[here.after]) * down.factor
             - (below[here.before] - above[here.before]) * down.factor) * here.factor
    xx[0] = (along(row, slope_at(here.after, width))
             - along(row, slope_at(here.before, width))) * here.factor


cdef inline void derivatives(const real* image, Py_ssize_t height, Py_ssize_t width, Py_ssize_t y,
                             Py_ssize_t begin, Py_ssize_t end, real* yy, real* yx,
                             real* xx) noexcept nogil:
    cdef Slope down = slope_at(y, height)
    cdef Py_ssize_t x
    down_twice(image, height, width, y, begin, end, yy)
    down_and_along(image, width, &down, begin, end, yx)
    along_twice(image + y * width, width, begin, end, xx)
    for x in range(begin, min(end, 2)):
        at_end(image, width, y, &down, x, yx + x - begin, xx + x - begin)
    for x in range(max(begin, 2, width - 2), end):
        at_end(image, width, y, &down, x, yx + x - begin, xx + x - begin)


# ---------------------------------------------------------------------------------------------
# What is made of them

cdef inline void determinants(const real* yy, const real* yx, const real* xx, Py_ssize_t n,
                              real* target) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        target[i] = yy[i] * xx[i] - yx[i] * yx[i]


cdef inline void shapes(const real* yy, const real* yx, const real* xx, Py_ssize_t n,
                        real* target) noexcept nogil:
    """2 / pi * arctan((l2 + l1) / (l2 - l1)), l1 >= l2; NaN where both are 0."""
    cdef Py_ssize_t i
    cdef real mean, half, radius, total, apart, angle
    for i in range(n):
        mean = (yy[i] + xx[i]) / 2
        half = (yy[i] - xx[i]) / 2
        radius = root(yx[i] * yx[i] + half * half)
        total = (mean - radius) + (mean + radius)
        apart = (mean + radius) - (mean - radius)
        angle = <real> (2 / PI) * arc(total if apart == 0 else -total, apart)
        target[i] = <real> NAN if total == 0 and apart == 0 else angle


cdef inline void fill_piece(const real* image, Py_ssize_t height, Py_ssize_t width, Py_ssize_t y,
                            Py_ssize_t begin, Py_ssize_t end, Py_ssize_t response, real* target,
                            Py_ssize_t part) noexcept nogil:
    cdef real[PARTS][PIECE] parts
    if response == TENSOR:
        derivatives(image, height, width, y, begin, end, target, target + part, target + 2 * part)
        return
    derivatives(image, height, width, y, begin, end, parts[0], parts[1], parts[2])
    if response == DETERMINANT:
        determinants(parts[0], parts[1], parts[2], end - begin, target)
    else:
        shapes(parts[0], parts[1], parts[2], end - begin, target)


def derive(cnp.ndarray image not None, cnp.ndarray results not None, Py_ssize_t response,
           int threads):
    """Fill the second derivatives of an image, (3, H, W), or what is made of them, (1, H, W)."""
    cdef Py_ssize_t height = image.shape[0], width = image.shape[1]
    cdef Py_ssize_t pieces = (width + PIECE - 1) // PIECE, p, y, begin
    cdef const real* pixels = <const real*> cnp.PyArray_DATA(image)
    cdef real* target = <real*> cnp.PyArray_DATA(results)
    for p in prange(height * pieces, num_threads=threads, schedule="static", nogil=True):
        y = p // pieces
        begin = p % pieces * PIECE
        fill_piece(pixels, height, width, y, begin, min(width, begin + PIECE), response,
                   target + y * width + begin, height * width)


# ---------------------------------------------------------------------------------------------
# How fast the gradient turns

cdef struct Gradients:
    # Of three rows, each at its number modulo 3.
    real[3][PIECE + 2] dy
    real[3][PIECE + 2] dx


cdef inline real smooth(real first, real second, real third) noexcept nogil:
    """Return the sum of three differences as SciPy rounds it: once, from float64."""
    return <real> (2 * <double> second + (<double> first + <double> third))


cdef inline real down(const real* top, const real* bottom, Py_ssize_t x) noexcept nogil:
    """Sobel's derivative along y, at the upper left corner of its window."""
    return smooth(bottom[x] - top[x], bottom[x + 1] - top[x + 1], bottom[x + 2] - top[x + 2])


cdef inline real right(const real* top, const real* middle, const real* bottom,
                       Py_ssize_t x) noexcept nogil:
    """Sobel's derivative along x."""
    return smooth(top[x + 2] - top[x], middle[x + 2] - middle[x], bottom[x + 2] - bottom[x])


cdef inline void gradients(const real* top, Py_ssize_t width, Py_ssize_t n, real* dy,
                           real* dx) noexcept nogil:
    cdef const real* middle = top + width
    cdef const real* bottom = middle + width
    cdef Py_ssize_t x
    for x in range(n):
        dy[x] = down(top, bottom, x)
        dx[x] = right(top, middle, bottom, x)


cdef inline void turns(Gradients* of, Py_ssize_t y, Py_ssize_t n, real* target) noexcept nogil:
    """Fill the turns of a row, whose gradients and those above and below are known."""
    cdef Py_ssize_t above = (y + 2) % 3, here = y % 3, below = (y + 1) % 3, x
    cdef const real* dy0 = of.dy[above]
    cdef const real* dy1 = of.dy[here]
    cdef const real* dy2 = of.dy[below]
    cdef const real* dx0 = of.dx[above]
    cdef const real* dx1 = of.dx[here]
    cdef const real* dx2 = of.dx[below]
    cdef real dy, dx, dyy, dxy, dxx, squared, turn
    for x in range(n):
        dy = dy1[x + 1]
        dx = dx1[x + 1]
        dyy = down(dy0, dy2, x)
        dxy = down(dx0, dx2, x)
        dxx = right(dx0, dx1, dx2, x)
        squared = dx * dx + dy * dy
        turn = dxx * (dy * dy) + dyy * (dx * dx) - <real> 2 * dxy * dx * dy
        target[x] = 0 if squared == 0 else turn / squared


cdef void turn_block(const real* image, Py_ssize_t width, Py_ssize_t rows, Py_ssize_t n,
                     real* target) noexcept nogil:
    """Fill some rows and columns; the image begins two pixels above and to the left of them."""
    cdef Gradients of
    cdef Py_ssize_t y
    for y in range(rows + 2):
        gradients(image + y * width, width, n + 2, of.dy[y % 3], of.dx[y % 3])
        if y >= 2:
            turns(&of, y - 1, n, target + (y - 2) * width)


def turn(cnp.ndarray image not None, cnp.ndarray result not None, int threads):
    """Fill the result but for two pixels at each side, of an image of more than four."""
    cdef Py_ssize_t width = image.shape[1], rows = image.shape[0] - 4, columns = width - 4
    cdef Py_ssize_t pieces = (columns + PIECE - 1) // PIECE, p, y, x
    cdef const real* pixels = <const real*> cnp.PyArray_DATA(image)
    cdef real* target = <real*> cnp.PyArray_DATA(result)
    for p in prange((rows + ROWS - 1) // ROWS * pieces, num_threads=threads, schedule="static",
                    nogil=True):
        y = p // pieces * ROWS
        x = p % pieces * PIECE
        turn_block(pixels + y * width + x, width, min(ROWS, rows - y), min(PIECE, columns - x),
                   target + (y + 2) * width + x + 2)

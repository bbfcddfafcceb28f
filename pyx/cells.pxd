# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Cells of layers whose products are sums over channels or cells alone: 1x1, and 3x3 by Winograd.

For 1x1, a cell is a pixel of the result, whose one value is a pixel of the image. For 3x3, a cell
is 4x4 pixels of the result, and has the 36 values of winograd.pxd. With a dilation of d, the pixels
of each residue modulo d are an image of their own. The cells of all images follow one another.
"""
from ahead cimport prefetch
from regions cimport load_row
from types cimport LANES, real
from winograd cimport SPAN, STEP, split, transform_cells, transform_gradients

cdef enum:
    AHEAD = 4           # channels whose pixels are asked for ahead: each lies in a page of its own
    LINE = 64           # bytes of a cache line


cdef struct Grid:
    # The fields of `GridParams` in imgconv/nn/core/channel_plan.py.
    Py_ssize_t images, groups, inputs, outputs      # input and output channels of a group
    Py_ssize_t height, width, result_height, result_width
    Py_ssize_t step_y, step_x           # pixels of the image between cells; for 3x3, between taps
    Py_ssize_t top, left                # rows and columns that cell (0, 0) is ahead of the image
    Py_ssize_t rows, columns            # cells of an image; a row has those of one residue
    Py_ssize_t positions                # values of a cell: 1, or 36 by Winograd


cdef struct Segment:
    # Cells in a row of an image, from (y, x) on, the first of which is cell `at` of a run.
    Py_ssize_t at, n, y, x, cells


cdef struct Pixel:
    Py_ssize_t y, x


cdef struct Target:
    # Where the values of a run go: `row` has those of a position, `pitch` numbers apart. For
    # Winograd's cells, `planes` have their columns, `plane` numbers each, and `lines` their lines.
    real* row
    Py_ssize_t pitch
    real* planes
    Py_ssize_t plane
    real* lines


cdef inline bint next_segment(const Grid* grid, Py_ssize_t first, Py_ssize_t cells,
                              Segment* here) noexcept nogil:
    """Go to the next segment of a run of cells, from one that ends where it begins."""
    cdef Py_ssize_t cell
    here.at += here.cells
    cell = first + here.at
    here.x = cell % grid.columns
    cell = cell // grid.columns
    here.y = cell % grid.rows
    here.n = cell // grid.rows
    here.cells = min(grid.columns - here.x, cells - here.at)
    return here.cells > 0


cdef inline Pixel first_result(const Grid* grid, const Segment* here) noexcept nogil:
    """The pixel of the result at which a segment of 4x4 results begins."""
    cdef Py_ssize_t row = here.y // grid.step_x
    cdef Pixel pixel
    pixel.y = row // grid.step_y * grid.step_y * STEP + row % grid.step_y
    pixel.x = here.x * grid.step_x * STEP + here.y % grid.step_x
    return pixel


cdef inline void load_line(const real* channel, Py_ssize_t height, Py_ssize_t width, Py_ssize_t y,
                           Py_ssize_t step, Py_ssize_t x, real* target,
                           Py_ssize_t n) noexcept nogil:
    cdef const real* row = NULL
    cdef const char* later
    cdef Py_ssize_t i = 0
    if 0 <= y < height:
        row = channel + y * width
        later = <const char*> (row + AHEAD * height * width + x)
        while i < n * step * <Py_ssize_t> sizeof(real):
            prefetch(later + i)
            i += LINE
    load_row(row, width, step, x, target, n)


cdef inline void load_cells(const Grid* grid, const real* channel, const Segment* here,
                            const Target* target) noexcept nogil:
    """Load the values of a segment to its place in the rows of a run."""
    cdef Py_ssize_t n = (here.cells + LANES - 1) // LANES * LANES, i
    cdef real* row = target.row + here.at
    cdef Pixel pixel
    if grid.positions == 1:
        load_line(channel, grid.height, grid.width, here.y * grid.step_y - grid.top, grid.step_x,
                  here.x * grid.step_x - grid.left, row, here.cells)
        return
    pixel = first_result(grid, here)
    for i in range(SPAN):
        load_line(channel, grid.height, grid.width, pixel.y + i * grid.step_y - grid.top,
                  grid.step_x, pixel.x - grid.left, target.lines, STEP * n + SPAN - STEP)
        split(target.lines, n, target.planes + i * STEP * target.plane, target.plane)
    transform_cells(target.planes, target.plane, n, row, target.pitch)


cdef inline void load_gradients(const Grid* grid, const real* channel, const Segment* here,
                                const Target* target) noexcept nogil:
    """Load the gradients of a segment of results, which has as many values as the image there."""
    cdef Py_ssize_t n = (here.cells + LANES - 1) // LANES * LANES, i
    cdef Py_ssize_t height = grid.result_height, width = grid.result_width
    cdef real* row = target.row + here.at
    cdef Pixel pixel
    if grid.positions == 1:
        load_line(channel, height, width, here.y, 1, here.x, row, here.cells)
        return
    pixel = first_result(grid, here)
    for i in range(STEP):
        load_line(channel, height, width, pixel.y + i * grid.step_y, grid.step_x, pixel.x,
                  target.lines, STEP * n)
        split(target.lines, n, target.planes + i * STEP * target.plane, target.plane)
    transform_gradients(target.planes, target.plane, n, row, target.pitch)

# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Regions of a convolution layer: what a task computes, its strip of pixels, its stage of results.

The rows under a region are copied to a strip: with zeros around them, all with the same pitch and,
if the image is read in steps, divided into planes, one for each residue. A stage has the cells of
the region with the same pitch, output by output, phase by phase.
"""
from libc.string cimport memcpy

from lanes cimport even, odd, zip_high, zip_low
from types cimport LANES, ZERO, load, real, store, vec

cdef enum:
    CACHE_LINE = 64


cdef struct Params:
    # The fields of `ConvParams` in imgconv/nn/core/conv_plan.py.
    Py_ssize_t images, groups, inputs, outputs      # input and output channels of a group
    Py_ssize_t height, width, result_height, result_width
    Py_ssize_t step_y, step_x, phases_y, phases_x
    Py_ssize_t grid_height, grid_width
    Py_ssize_t top, left                # rows and columns that cell (0, 0) is ahead of the image
    Py_ssize_t residues_y, residues_x   # residues modulo the step that have taps
    Py_ssize_t reach_y, reach_x         # rows and columns of a plane beyond those of its cells
    Py_ssize_t rows, columns, regions   # cells of a region; regions of an image and group
    Py_ssize_t pitch, plane, channel    # numbers in the strip: of a row, of a residue, of an input
    Py_ssize_t tail                     # numbers behind the last row of a plane that tiles may read
    Py_ssize_t some_inputs, places      # inputs in a strip; the largest number of their taps
    Py_ssize_t high, some_outputs       # outputs of a tile, of a task
    Py_ssize_t stage                    # numbers in the stage for an output
    Py_ssize_t in_place                 # whether the image can be read without a strip
    Py_ssize_t direct                   # whether the result can be written without a stage
    Py_ssize_t pairs                    # taps in a row, if rows of cells are computed together
    Py_ssize_t shared                   # whether these share all rows of pixels but one


cdef struct Region:
    # What a task computes: the image and the group, cells from (y, x) on, outputs from `output` on.
    Py_ssize_t n, g, y, x, rows, columns, output, outputs


cdef inline char* aligned(char* at) noexcept nogil:
    """The first whole cache line of scratch."""
    return at + (-(<Py_ssize_t> <size_t> at) & (CACHE_LINE - 1))


cdef inline Region region_of(const Params* params, Py_ssize_t task) noexcept nogil:
    cdef Py_ssize_t down = (params.grid_height + params.rows - 1) // params.rows
    cdef Py_ssize_t across = (params.grid_width + params.columns - 1) // params.columns
    cdef Py_ssize_t parts = (params.outputs + params.some_outputs - 1) // params.some_outputs
    cdef Region region
    region.output = task % parts * params.some_outputs
    task = task // parts
    region.x = task % across * params.columns
    task = task // across
    region.y = task % down * params.rows
    task = task // down
    region.g = task % params.groups
    region.n = task // params.groups
    region.rows = min(params.rows, params.grid_height - region.y)
    region.columns = min(params.columns, params.grid_width - region.x)
    region.outputs = min(params.some_outputs, params.outputs - region.output)
    return region


cdef inline real* first_pixel(const Params* params, const Region* region,
                              real* result) noexcept nogil:
    """The address of the first pixel of a region in the result."""
    cdef Py_ssize_t plane = (region.n * params.groups + region.g) * params.outputs + region.output
    cdef Py_ssize_t row = plane * params.result_height + region.y * params.phases_y
    return result + row * params.result_width + region.x * params.phases_x


# ---------------------------------------------------------------------------------------------
# From the image to the strip

cdef inline void copy(real* target, const real* source, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i = 0
    while i + LANES <= n:
        store(target + i, load(source + i))
        i += LANES
    if i < n <= LANES:
        memcpy(target, source, n * sizeof(real))
    elif i < n:
        store(target + n - LANES, load(source + n - LANES))


cdef inline void clear(real* target, Py_ssize_t n) noexcept nogil:
    """Store n zeros, and up to LANES - 1 more."""
    cdef Py_ssize_t i = 0
    while i < n:
        store(target + i, ZERO)
        i += LANES


cdef inline void load_row(const real* row, Py_ssize_t width, Py_ssize_t step, Py_ssize_t x,
                          real* target, Py_ssize_t n) noexcept nogil:
    """Copy n pixels of a row of `width`, `step` apart, from column x on, with zeros outside.

    A row that is NULL gives zeros. Up to a vector behind the n pixels is overwritten, so rows must
    be loaded one after the other.
    """
    cdef Py_ssize_t begin, end, pairs, i
    if row == NULL:
        clear(target, n)
        return
    begin = min(n, (step - 1 - x) // step if x < 0 else 0)
    end = max(begin, min(n, (width - x + step - 1) // step if x < width else 0))
    clear(target, begin)
    if step == 1:
        copy(target + begin, row + x + begin, end - begin)
    elif step == 2:
        i = begin
        pairs = min(end, (width - x) // 2)
        while i < pairs and begin + LANES <= pairs:
            i = min(i, pairs - LANES)
            store(target + i, even(load(row + x + 2 * i), load(row + x + 2 * i + LANES)))
            i += LANES
        for i in range(i, end):
            target[i] = row[x + 2 * i]
    else:
        for i in range(begin, end):
            target[i] = row[x + step * i]
    clear(target + end, n - end)


cdef inline real pixel(const real* row, Py_ssize_t width, Py_ssize_t x) noexcept nogil:
    return row[x] if 0 <= x < width else 0


cdef inline void load_two_rows(const real* row, Py_ssize_t width, Py_ssize_t x, real* evens,
                               real* odds, Py_ssize_t n) noexcept nogil:
    """Do the work of `load_row` for every second pixel, from x and from x + 1 on."""
    cdef Py_ssize_t begin = min(n, (1 - x) // 2 if x < 0 else 0), i = begin
    cdef Py_ssize_t pairs = max(begin, min(n, (width - x) // 2))
    cdef vec low, high
    if row == NULL:
        clear(evens, n)
        clear(odds, n)
        return
    while i < pairs and begin + LANES <= pairs:
        i = min(i, pairs - LANES)
        low = load(row + x + 2 * i)
        high = load(row + x + 2 * i + LANES)
        store(evens + i, even(low, high))
        store(odds + i, odd(low, high))
        i += LANES
    # Usually one pair or none.
    for i in range(i, n):
        evens[i] = pixel(row, width, x + 2 * i)
        odds[i] = pixel(row, width, x + 1 + 2 * i)
    for i in range(begin):
        evens[i] = pixel(row, width, x + 2 * i)
        odds[i] = pixel(row, width, x + 1 + 2 * i)


cdef inline void load_strip(const Params* params, const Region* region, const real* image,
                            Py_ssize_t inputs, real* strip) noexcept nogil:
    """Copy the pixels under a region, of `inputs` channels; zeros follow the last row."""
    cdef Py_ssize_t c, a, b, r, y, x = region.x * params.step_x - params.left
    cdef Py_ssize_t rows = region.rows + params.reach_y
    cdef real* target
    cdef const real* row
    cdef bint two = params.step_x == params.residues_x == 2
    for c in range(inputs):
        for a in range(params.residues_y):
            for b in range(1 if two else params.residues_x):
                target = strip + c * params.channel + (a * params.residues_x + b) * params.plane
                for r in range(rows):
                    y = (region.y + r) * params.step_y + a - params.top
                    row = NULL
                    if 0 <= y < params.height:
                        row = image + (c * params.height + y) * params.width
                    if two:
                        load_two_rows(row, params.width, x, target, target + params.plane,
                                      params.pitch)
                    else:
                        load_row(row, params.width, params.step_x, x + b, target,
                                 params.pitch)
                    target += params.pitch
                clear(target, params.tail)
                if two:
                    clear(target + params.plane, params.tail)


# ---------------------------------------------------------------------------------------------
# From the stage to the result

cdef inline void store_row(const Params* params, const real* cells, Py_ssize_t phase, real* row,
                           Py_ssize_t width) noexcept nogil:
    """Store `width` pixels of a row of the result, whose phases are `phase` numbers apart."""
    cdef Py_ssize_t b, i, step = params.phases_x
    cdef const real* second = cells + phase
    if step == 1:
        copy(row, cells, width)
    elif step == 2:
        i = 0
        while 2 * (i + LANES) <= width:
            store(row + 2 * i, zip_low(load(cells + i), load(second + i)))
            store(row + 2 * i + LANES, zip_high(load(cells + i), load(second + i)))
            i += LANES
        for i in range(i, width // 2):
            row[2 * i] = cells[i]
            row[2 * i + 1] = second[i]
        if width % 2:
            row[width - 1] = cells[width // 2]
    else:
        for b in range(step):
            for i in range((width - b + step - 1) // step):
                row[i * step + b] = cells[b * phase + i]


cdef inline void store_stage(const Params* params, const Region* region, const real* stage,
                             real* target) noexcept nogil:
    cdef Py_ssize_t phase = params.some_outputs * params.stage, o, a, r, y
    cdef Py_ssize_t width = min(region.columns * params.phases_x,
                                params.result_width - region.x * params.phases_x)
    for o in range(region.outputs):
        for a in range(params.phases_y):
            for r in range(region.rows):
                y = r * params.phases_y + a
                if region.y * params.phases_y + y < params.result_height:
                    store_row(params, stage + a * params.phases_x * phase + o * params.stage
                              + r * params.pitch, phase, target + y * params.result_width, width)
        target += params.result_height * params.result_width

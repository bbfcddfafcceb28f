# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Convolution layers whose products are sums over channels alone: 1x1, and 3x3 by Winograd.

    sums[p, co, cell] = sum over ci:  weight[p, co, ci] * values[p, ci, cell]

Cells and their values are those of cells.pxd. For 1x1, the sum of a cell is its result; for 3x3,
its 36 sums give 4x4 results.

A run of cells is computed at once. Values are copied to panels: as many cells as a tile has, of all
inputs, side by side. So tiles read what they need in one stream, whereas rows of many inputs would
each take a set of the cache and a page. A panel stays in L1 for all outputs, and the weights stream
from L2 (K. Goto and R. van de Geijn, "Anatomy of high-performance matrix multiplication", 2008).
"""
cimport numpy as cnp
from cython.parallel cimport prange, threadid
from libc.stdint cimport uint8_t

from ahead cimport prefetch
from cells cimport (
    AHEAD,
    LINE,
    Grid,
    Pixel,
    Segment,
    Target,
    first_result,
    load_cells,
    next_segment,
)
from outputs cimport Terms, column
from regions cimport aligned, clear, copy
from types cimport LANES, load, real, store
from winograd cimport SPAN, STEP, results_of_cells

cnp.import_array()

cdef extern from *:
    """
    /* Outputs of a tile of 3 vectors: sums, values and a weight fill the registers. Then what a
       cell costs in a panel of 1, 2 and 3 vectors, in percent, measured on Zen 5: of one vector,
       sums wait for each other; more than two are no faster where there are 32 registers. */
    #if REGISTERS == 32
      #define PANEL_HIGH 8
      #define COST_1 125
      #define COST_2 100
      #define COST_3 103
    #else
      #define PANEL_HIGH 4
      #define COST_1 170
      #define COST_2 110
      #define COST_3 100
    #endif
    """
    enum: PANEL_HIGH, COST_1, COST_2, COST_3

cdef enum:
    WIDEST = 3          # vectors of a panel


cdef struct Params:
    # The fields of `ChannelParams` in imgconv/nn/core/channel_plan.py.
    Grid grid
    Py_ssize_t panels, runs             # panels of a run; runs of a group
    Py_ssize_t wide, cells              # vectors of a panel, and their cells
    Py_ssize_t some_inputs, high        # inputs of a panel; outputs of a tile
    Py_ssize_t some_outputs, parts      # outputs of a task; tasks of a run
    Py_ssize_t row, values, sums        # numbers from one position to the next
    Py_ssize_t panel                    # numbers from one panel to the next
    Py_ssize_t plane                    # numbers of a column of cells; a line has 4 times as many


cdef struct Run:
    Py_ssize_t g, first, cells, panels, output, outputs


cdef struct Scratch:
    Target input        # the values of one
    real* values        # panels
    real* sums


cdef inline Scratch scratch_of(const Params* params, char* slot) noexcept nogil:
    cdef Scratch scratch
    scratch.input.row = <real*> slot
    scratch.input.pitch = params.row
    scratch.values = scratch.input.row + params.grid.positions * params.row
    scratch.sums = scratch.values + params.grid.positions * params.values
    scratch.input.planes = scratch.sums + params.grid.positions * params.sums
    scratch.input.plane = params.plane
    scratch.input.lines = scratch.input.planes + SPAN * STEP * params.plane
    return scratch


cdef inline Run run_of(const Params* params, Py_ssize_t task) noexcept nogil:
    cdef const Grid* grid = &params.grid
    cdef Py_ssize_t cells = grid.images * grid.rows * grid.columns
    cdef Run run
    run.output = task % params.parts * params.some_outputs
    run.outputs = min(params.some_outputs, grid.outputs - run.output)
    task = task // params.parts
    run.first = task % params.runs * params.panels * params.cells
    run.g = task // params.runs
    run.cells = min(params.panels * params.cells, cells - run.first)
    run.panels = (run.cells + params.cells - 1) // params.cells
    return run


# ---------------------------------------------------------------------------------------------
# From the image to panels

cdef inline bint follow_one_another(const Params* params) noexcept nogil:
    """Whether the values of cells in a row are pixels side by side, all inside the image."""
    cdef const Grid* grid = &params.grid
    return (grid.positions == grid.step_y == grid.step_x == 1
            and grid.top == grid.left == 0
            and grid.rows <= grid.height and grid.columns <= grid.width)


cdef inline void load_panels(const Params* params, const real* pixels, Py_ssize_t panels,
                             real* target) noexcept nogil:
    """Copy the pixels of whole panels, which follow one another in the image."""
    cdef const char* later = <const char*> (pixels + AHEAD * params.grid.height * params.grid.width)
    cdef Py_ssize_t _q
    cdef int k
    for _q in range(panels):
        prefetch(later)
        prefetch(later + LINE)
        for k in range(params.wide):
            store(target + k * LANES, load(pixels + k * LANES))
        pixels += params.cells
        target += params.panel
        later += params.cells * sizeof(real)


cdef void fill_panels(const Params* params, const Run* run, const real* image, Py_ssize_t first,
                      Py_ssize_t inputs, const Scratch* scratch) noexcept nogil:
    """Load the values of a run, of `inputs` inputs from `first` on."""
    cdef const Grid* grid = &params.grid
    cdef Py_ssize_t c, p, _q, plane = grid.height * grid.width, whole = 0
    cdef bint follow = follow_one_another(params)
    cdef Segment here
    cdef const real* channel
    cdef const real* row
    cdef real* target
    cdef int k
    for c in range(inputs):
        here.at = here.cells = 0
        while next_segment(grid, run.first, run.cells, &here):
            channel = image + ((here.n * grid.groups + run.g) * grid.inputs + first + c) * plane
            if follow and here.cells == run.cells:
                # Whole panels of one segment need no row between.
                whole = here.cells // params.cells
                load_panels(params, channel + here.y * grid.width + here.x, whole,
                            scratch.values + c * params.cells)
                here.at += whole * params.cells
                here.x += whole * params.cells
                here.cells -= whole * params.cells
            load_cells(grid, channel, &here, &scratch.input)
        for p in range(grid.positions):
            row = scratch.input.row + p * params.row + whole * params.cells
            target = scratch.values + p * params.values + c * params.cells + whole * params.panel
            clear(scratch.input.row + p * params.row + run.cells,
                  run.panels * params.cells - run.cells)
            for _q in range(whole, run.panels):
                for k in range(params.wide):
                    store(target + k * LANES, load(row + k * LANES))
                row += params.cells
                target += params.panel


# ---------------------------------------------------------------------------------------------
# Products

cdef struct Sums:
    # Where the sums of some panels of a run lie: each output, and each position.
    real* first
    Py_ssize_t panels, output, position


cdef inline void multiply_panels(const Params* params, const Terms* terms, const real* values,
                                 const Sums* sums, real* target, int high, int wide) noexcept nogil:
    cdef Py_ssize_t q
    for q in range(sums.panels):
        column(values + q * params.panel, terms, target + q * params.cells, sums.output, high, wide)


cdef inline void multiply_wide(const Params* params, const Terms* terms, const real* values,
                               const Sums* sums, real* target, Py_ssize_t high,
                               int wide) noexcept nogil:
    if high == PANEL_HIGH:
        multiply_panels(params, terms, values, sums, target, PANEL_HIGH, wide)
    elif high == 1:
        multiply_panels(params, terms, values, sums, target, 1, wide)
    elif high == 2:
        multiply_panels(params, terms, values, sums, target, 2, wide)
    elif high == 3:
        multiply_panels(params, terms, values, sums, target, 3, wide)
    elif PANEL_HIGH > 4:
        if high == 4:
            multiply_panels(params, terms, values, sums, target, 4, wide)
        elif high == 5:
            multiply_panels(params, terms, values, sums, target, 5, wide)
        elif high == 6:
            multiply_panels(params, terms, values, sums, target, 6, wide)
        else:
            multiply_panels(params, terms, values, sums, target, 7, wide)


cdef void multiply(const Params* params, const Terms* terms, const real* values, const Sums* sums,
                   real* target, Py_ssize_t high) noexcept nogil:
    if params.wide == WIDEST:
        multiply_wide(params, terms, values, sums, target, high, WIDEST)
    elif params.wide == 2:
        multiply_wide(params, terms, values, sums, target, high, 2)
    else:
        multiply_wide(params, terms, values, sums, target, high, 1)


cdef void add_products(const Params* params, const Run* run, const Py_ssize_t* places,
                       const real* packed, const real* begin, Py_ssize_t first, Py_ssize_t inputs,
                       const real* values, const Sums* sums) noexcept nogil:
    """Add `inputs` inputs, from `first` on, to the sums of all positions and outputs.

    The weights of a position are (groups, tiles, inputs, outputs of a tile), where the last tile of
    a group may have fewer outputs.
    """
    cdef const Grid* grid = &params.grid
    cdef Py_ssize_t output = grid.outputs * run.g + run.output, high = params.high, p
    cdef Py_ssize_t whole = run.outputs // high * high, rest = run.outputs - whole
    cdef real* target
    cdef Terms terms
    packed += output * grid.inputs
    terms.places = places
    terms.count = inputs
    terms.first = first == 0
    for p in range(grid.positions):
        target = sums.first + p * sums.position
        terms.bias = begin + output
        terms.weights = packed + first * high
        terms.blocks = whole // high
        terms.block = grid.inputs * high
        multiply(params, &terms, values, sums, target, high)
        if rest:
            terms.weights = packed + whole * grid.inputs + first * rest
            terms.bias += whole
            terms.blocks = 1
            multiply(params, &terms, values, sums, target + whole * sums.output, rest)
        packed += grid.groups * grid.outputs * grid.inputs
        values += params.values


# ---------------------------------------------------------------------------------------------
# From sums to the result

cdef inline bint is_finite(const real* line, Py_ssize_t n) noexcept nogil:
    cdef real total = 0
    cdef Py_ssize_t i
    for i in range(n):
        total = total + line[i] * 0
    return total == 0


cdef inline void copy_apart(real* target, const real* source, Py_ssize_t n,
                            Py_ssize_t step) noexcept nogil:
    """Copy n neighbours to places that are `step` apart."""
    cdef Py_ssize_t i
    if step == 1:
        copy(target, source, n)
        return
    for i in range(n):
        target[i * step] = source[i]


cdef inline void store_cells(const Params* params, const Segment* here, const Scratch* scratch,
                             const real* sums, bint finite, real* plane,
                             uint8_t* spoiled) noexcept nogil:
    """Store the results of a segment, from the sums or from the lines of results.

    If those of the run are not all finite, find out whether they are of this image.
    """
    cdef const Grid* grid = &params.grid
    cdef Py_ssize_t r, height, width, line = STEP * params.plane
    cdef const real* source
    cdef Pixel pixel
    if grid.positions == 1:
        copy(plane + here.y * grid.result_width + here.x, sums + here.at, here.cells)
        return
    pixel = first_result(grid, here)
    height = (grid.result_height - pixel.y + grid.step_y - 1) // grid.step_y
    width = (grid.result_width - pixel.x + grid.step_x - 1) // grid.step_x
    width = min(STEP * here.cells, width)
    for r in range(min(STEP, height)):
        source = scratch.input.lines + r * line + STEP * here.at
        copy_apart(plane + (pixel.y + r * grid.step_y) * grid.result_width + pixel.x, source,
                   width, grid.step_x)
        if not finite and not is_finite(source, width):
            spoiled[here.n] = 1


cdef void store_results(const Params* params, const Run* run, Py_ssize_t first, const real* bias,
                        const Scratch* scratch, real* result, uint8_t* spoiled) noexcept nogil:
    """Store the results of the cells of a run from `first` on."""
    cdef const Grid* grid = &params.grid
    cdef Py_ssize_t o, plane = grid.result_height * grid.result_width
    cdef Py_ssize_t output = grid.outputs * run.g + run.output
    cdef Segment here
    cdef real* sums = scratch.sums
    cdef bint finite = True
    for o in range(run.outputs):
        if grid.positions > 1:
            finite = results_of_cells(sums, params.sums, run.panels * params.cells,
                                      bias[output + o], scratch.input.lines, STEP * params.plane)
        here.at = first
        here.cells = 0
        while next_segment(grid, run.first, run.cells, &here):
            store_cells(params, &here, scratch, sums, finite,
                        result + (here.n * grid.groups * grid.outputs + output + o) * plane,
                        spoiled)
        sums += params.panels * params.cells


cdef inline Sums direct_sums(const Params* params, const Run* run, real* result) noexcept nogil:
    """The panels of a run whose sums lie in the result itself: of 1x1, those within one image."""
    cdef const Grid* grid = &params.grid
    cdef Py_ssize_t plane = grid.result_height * grid.result_width
    cdef Py_ssize_t n = run.first // plane, whole = run.cells // params.cells
    cdef Sums sums
    sums.first = (result + ((n * grid.groups + run.g) * grid.outputs + run.output) * plane
                  + run.first - n * plane)
    sums.panels = whole if grid.positions == 1 and run.first + run.cells <= (n + 1) * plane else 0
    sums.output = plane
    sums.position = 0
    return sums


cdef inline Sums other_sums(const Params* params, const Run* run, Py_ssize_t panels,
                            const Scratch* scratch) noexcept nogil:
    """The other panels of a run, which are behind so many."""
    cdef Sums sums
    sums.first = scratch.sums + panels * params.cells
    sums.panels = run.panels - panels
    sums.output = params.panels * params.cells
    sums.position = params.sums
    return sums


cdef void run_task(const Params* params, const Py_ssize_t* places, const real* packed,
                   const real* begin, const real* bias, const real* image, Py_ssize_t task,
                   char* slot, real* result, uint8_t* spoiled) noexcept nogil:
    cdef Run run = run_of(params, task)
    cdef Scratch scratch = scratch_of(params, slot)
    cdef Sums direct = direct_sums(params, &run, result)
    cdef Sums others = other_sums(params, &run, direct.panels, &scratch)
    cdef Py_ssize_t c = 0, inputs
    while c < params.grid.inputs:
        inputs = min(params.some_inputs, params.grid.inputs - c)
        fill_panels(params, &run, image, c, inputs, &scratch)
        if direct.panels:
            add_products(params, &run, places, packed, begin, c, inputs, scratch.values, &direct)
        if others.panels:
            add_products(params, &run, places, packed, begin, c, inputs,
                         scratch.values + direct.panels * params.panel, &others)
        c += inputs
    if others.panels:
        store_results(params, &run, direct.panels * params.cells, bias, &scratch, result, spoiled)


# ---------------------------------------------------------------------------------------------
# Entry

HIGHEST_TILE = PANEL_HIGH       # outputs of the highest tile
# Cells of a panel of 1, 2 and 3 vectors, and what each of them costs there.
PANELS = ((LANES, COST_1), (2 * LANES, COST_2), (3 * LANES, COST_3))


def run(cnp.ndarray params not None, cnp.ndarray places not None, cnp.ndarray packed not None,
        cnp.ndarray begin not None, cnp.ndarray bias not None, cnp.ndarray image not None,
        cnp.ndarray result not None, cnp.ndarray spoiled not None, cnp.ndarray scratch not None,
        int threads):
    """Fill `result`, and set `spoiled` for images whose results by Winograd are not all finite.

    All arrays are C-contiguous, `scratch` is (threads, bytes); `places` are those of the inputs in
    a panel. The sums of each output begin with `begin`: for 1x1 with the bias, for Winograd with 0.
    """
    cdef const Params* plan = <const Params*> cnp.PyArray_DATA(params)
    cdef const Py_ssize_t* at = <const Py_ssize_t*> cnp.PyArray_DATA(places)
    cdef const real* weights = <const real*> cnp.PyArray_DATA(packed)
    cdef const real* begins = <const real*> cnp.PyArray_DATA(begin)
    cdef const real* biases = <const real*> cnp.PyArray_DATA(bias)
    cdef const real* source = <const real*> cnp.PyArray_DATA(image)
    cdef real* target = <real*> cnp.PyArray_DATA(result)
    cdef uint8_t* flags = <uint8_t*> cnp.PyArray_DATA(spoiled)
    cdef char* slots = aligned(<char*> cnp.PyArray_DATA(scratch))
    cdef Py_ssize_t slot = cnp.PyArray_DIM(scratch, 1), task
    with nogil:
        for task in prange(plan.grid.groups * plan.runs * plan.parts, num_threads=threads,
                           use_threads_if=threads > 1, schedule="dynamic"):
            run_task(plan, at, weights, begins, biases, source, task, slots + threadid() * slot,
                     target, flags)

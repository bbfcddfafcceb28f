# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Convolution layers whose products are sums over channels alone: 1x1, and 3x3 by Winograd.

    sums[p, co, cell] = sum over ci:  weight[p, co, ci] * values[p, ci, cell]

For 1x1, a cell is a pixel of the result, its one value is a pixel of the image, and its sum is the
result. For 3x3, a cell is 4x4 pixels of the result, and its 36 values and sums are those of
winograd.pxd. What differs is how values are taken from the image, and results from sums. With a
dilation of d, the pixels of each residue modulo d are an image of their own.

The cells of all images follow one another; a run of them is computed at once. Values are copied to
panels: as many cells as a tile has, of all inputs, side by side. So tiles read what they need in
one stream, whereas rows of many inputs would each take a set of the cache and a page. A panel stays
in L1 for all outputs, and the weights stream from L2 (K. Goto and R. van de Geijn, "Anatomy of
high-performance matrix multiplication", 2008).
"""
cimport numpy as cnp
from cython.parallel cimport prange, threadid
from libc.stdint cimport uint8_t

from ahead cimport prefetch
from outputs cimport Terms, column
from regions cimport aligned, clear, copy, load_row
from types cimport LANES, load, real, store
from winograd cimport SPAN, STEP, results_of_cells, split, transform_cells

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
    AHEAD = 4           # inputs whose pixels are asked for ahead: each lies in a page of its own
    LINE = 64           # bytes of a cache line


cdef struct Params:
    # The fields of `ChannelParams` in imgconv/nn/core/channel_plan.py.
    Py_ssize_t images, groups, inputs, outputs      # input and output channels of a group
    Py_ssize_t height, width, result_height, result_width
    Py_ssize_t step_y, step_x           # pixels of the image between cells; for 3x3, between taps
    Py_ssize_t top, left                # rows and columns that cell (0, 0) is ahead of the image
    Py_ssize_t rows, columns            # cells of an image; a row has those of one residue
    Py_ssize_t positions                # values of a cell: 1, or 36 by Winograd
    Py_ssize_t panels, runs             # panels of a run; runs of a group
    Py_ssize_t wide, cells              # vectors of a panel, and their cells
    Py_ssize_t some_inputs, high        # inputs of a panel; outputs of a tile
    Py_ssize_t some_outputs, parts      # outputs of a task; tasks of a run
    Py_ssize_t row, values, sums        # numbers from one position to the next
    Py_ssize_t panel                    # numbers from one panel to the next
    Py_ssize_t plane                    # numbers of a column of cells; a line has 4 times as many


cdef struct Run:
    Py_ssize_t g, first, cells, panels, output, outputs


cdef struct Segment:
    # Cells in a row of an image, from (y, x) on, the first of which is cell `at` of the run.
    Py_ssize_t at, n, y, x, cells


cdef struct Pixel:
    Py_ssize_t y, x


cdef struct Scratch:
    real* row           # the values of an input
    real* values        # panels
    real* sums
    real* planes        # of Winograd's cells
    real* lines


cdef inline Scratch scratch_of(const Params* params, char* slot) noexcept nogil:
    cdef Scratch scratch
    scratch.row = <real*> slot
    scratch.values = scratch.row + params.positions * params.row
    scratch.sums = scratch.values + params.positions * params.values
    scratch.planes = scratch.sums + params.positions * params.sums
    scratch.lines = scratch.planes + SPAN * STEP * params.plane
    return scratch


cdef inline Run run_of(const Params* params, Py_ssize_t task) noexcept nogil:
    cdef Py_ssize_t cells = params.images * params.rows * params.columns
    cdef Run run
    run.output = task % params.parts * params.some_outputs
    run.outputs = min(params.some_outputs, params.outputs - run.output)
    task = task // params.parts
    run.first = task % params.runs * params.panels * params.cells
    run.g = task // params.runs
    run.cells = min(params.panels * params.cells, cells - run.first)
    run.panels = (run.cells + params.cells - 1) // params.cells
    return run


cdef inline bint next_segment(const Params* params, const Run* run, Segment* here) noexcept nogil:
    """Go to the next segment of a run, from one that ends where it begins."""
    cdef Py_ssize_t cell
    here.at += here.cells
    cell = run.first + here.at
    here.x = cell % params.columns
    cell = cell // params.columns
    here.y = cell % params.rows
    here.n = cell // params.rows
    here.cells = min(params.columns - here.x, run.cells - here.at)
    return here.cells > 0


cdef inline Pixel first_result(const Params* params, const Segment* here) noexcept nogil:
    """The pixel of the result at which a segment of 4x4 results begins."""
    cdef Py_ssize_t row = here.y // params.step_x
    cdef Pixel pixel
    pixel.y = row // params.step_y * params.step_y * STEP + row % params.step_y
    pixel.x = here.x * params.step_x * STEP + here.y % params.step_x
    return pixel


# ---------------------------------------------------------------------------------------------
# From the image to panels

cdef inline void load_line(const Params* params, const real* channel, Py_ssize_t y, Py_ssize_t step,
                           Py_ssize_t x, real* target, Py_ssize_t n) noexcept nogil:
    cdef const real* row = NULL
    cdef const char* later
    cdef Py_ssize_t i = 0
    if 0 <= y < params.height:
        row = channel + y * params.width
        later = <const char*> (row + AHEAD * params.height * params.width + x)
        while i < n * step * <Py_ssize_t> sizeof(real):
            prefetch(later + i)
            i += LINE
    load_row(row, params.width, step, x, target, n)


cdef inline bint follow_one_another(const Params* params) noexcept nogil:
    """Whether the values of cells in a row are pixels side by side, all inside the image."""
    return (params.positions == params.step_y == params.step_x == 1
            and params.top == params.left == 0
            and params.rows <= params.height and params.columns <= params.width)


cdef inline void load_panels(const Params* params, const real* pixels, Py_ssize_t panels,
                             real* target) noexcept nogil:
    """Copy the pixels of whole panels, which follow one another in the image."""
    cdef const char* later = <const char*> (pixels + AHEAD * params.height * params.width)
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


cdef inline void load_cells(const Params* params, const real* channel, const Segment* here,
                            const Scratch* scratch) noexcept nogil:
    """Load the values of a segment to its place in the rows of the run."""
    cdef Py_ssize_t n = (here.cells + LANES - 1) // LANES * LANES, i
    cdef real* target = scratch.row + here.at
    cdef Pixel pixel
    if params.positions == 1:
        load_line(params, channel, here.y * params.step_y - params.top, params.step_x,
                  here.x * params.step_x - params.left, target, here.cells)
        return
    pixel = first_result(params, here)
    for i in range(SPAN):
        load_line(params, channel, pixel.y + i * params.step_y - params.top, params.step_x,
                  pixel.x - params.left, scratch.lines, STEP * n + SPAN - STEP)
        split(scratch.lines, n, scratch.planes + i * STEP * params.plane, params.plane)
    transform_cells(scratch.planes, params.plane, n, target, params.row)


cdef void fill_panels(const Params* params, const Run* run, const real* image, Py_ssize_t first,
                      Py_ssize_t inputs, const Scratch* scratch) noexcept nogil:
    """Load the values of a run, of `inputs` inputs from `first` on."""
    cdef Py_ssize_t c, p, _q, plane = params.height * params.width, whole = 0
    cdef bint follow = follow_one_another(params)
    cdef Segment here
    cdef const real* channel
    cdef const real* row
    cdef real* target
    cdef int k
    for c in range(inputs):
        here.at = here.cells = 0
        while next_segment(params, run, &here):
            channel = image + ((here.n * params.groups + run.g) * params.inputs + first + c) * plane
            if follow and here.cells == run.cells:
                # Whole panels of one segment need no row between.
                whole = here.cells // params.cells
                load_panels(params, channel + here.y * params.width + here.x, whole,
                            scratch.values + c * params.cells)
                here.at += whole * params.cells
                here.x += whole * params.cells
                here.cells -= whole * params.cells
            load_cells(params, channel, &here, scratch)
        for p in range(params.positions):
            row = scratch.row + p * params.row + whole * params.cells
            target = scratch.values + p * params.values + c * params.cells + whole * params.panel
            clear(scratch.row + p * params.row + run.cells,
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
    cdef Py_ssize_t output = params.outputs * run.g + run.output, high = params.high, p
    cdef Py_ssize_t whole = run.outputs // high * high, rest = run.outputs - whole
    cdef real* target
    cdef Terms terms
    packed += output * params.inputs
    terms.places = places
    terms.count = inputs
    terms.first = first == 0
    for p in range(params.positions):
        target = sums.first + p * sums.position
        terms.bias = begin + output
        terms.weights = packed + first * high
        terms.blocks = whole // high
        terms.block = params.inputs * high
        multiply(params, &terms, values, sums, target, high)
        if rest:
            terms.weights = packed + whole * params.inputs + first * rest
            terms.bias += whole
            terms.blocks = 1
            multiply(params, &terms, values, sums, target + whole * sums.output, rest)
        packed += params.groups * params.outputs * params.inputs
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
    cdef Py_ssize_t r, height, width, line = STEP * params.plane
    cdef const real* source
    cdef Pixel pixel
    if params.positions == 1:
        copy(plane + here.y * params.result_width + here.x, sums + here.at, here.cells)
        return
    pixel = first_result(params, here)
    height = (params.result_height - pixel.y + params.step_y - 1) // params.step_y
    width = (params.result_width - pixel.x + params.step_x - 1) // params.step_x
    width = min(STEP * here.cells, width)
    for r in range(min(STEP, height)):
        source = scratch.lines + r * line + STEP * here.at
        copy_apart(plane + (pixel.y + r * params.step_y) * params.result_width + pixel.x, source,
                   width, params.step_x)
        if not finite and not is_finite(source, width):
            spoiled[here.n] = 1


cdef void store_results(const Params* params, const Run* run, Py_ssize_t first, const real* bias,
                        const Scratch* scratch, real* result, uint8_t* spoiled) noexcept nogil:
    """Store the results of the cells of a run from `first` on."""
    cdef Py_ssize_t o, plane = params.result_height * params.result_width
    cdef Py_ssize_t output = params.outputs * run.g + run.output
    cdef Segment here
    cdef real* sums = scratch.sums
    cdef bint finite = True
    for o in range(run.outputs):
        if params.positions > 1:
            finite = results_of_cells(sums, params.sums, run.panels * params.cells,
                                      bias[output + o], scratch.lines, STEP * params.plane)
        here.at = first
        here.cells = 0
        while next_segment(params, run, &here):
            store_cells(params, &here, scratch, sums, finite,
                        result + (here.n * params.groups * params.outputs + output + o) * plane,
                        spoiled)
        sums += params.panels * params.cells


cdef inline Sums direct_sums(const Params* params, const Run* run, real* result) noexcept nogil:
    """The panels of a run whose sums lie in the result itself: of 1x1, those within one image."""
    cdef Py_ssize_t plane = params.result_height * params.result_width
    cdef Py_ssize_t n = run.first // plane, whole = run.cells // params.cells
    cdef Sums sums
    sums.first = (result + ((n * params.groups + run.g) * params.outputs + run.output) * plane
                  + run.first - n * plane)
    sums.panels = whole if params.positions == 1 and run.first + run.cells <= (n + 1) * plane else 0
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
    while c < params.inputs:
        inputs = min(params.some_inputs, params.inputs - c)
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
        for task in prange(plan.groups * plan.runs * plan.parts, num_threads=threads,
                           use_threads_if=threads > 1, schedule="dynamic"):
            run_task(plan, at, weights, begins, biases, source, task, slots + threadid() * slot,
                     target, flags)

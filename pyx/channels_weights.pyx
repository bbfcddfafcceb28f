# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The gradient of the weights of the layers of channels.pyx, by sums over cells alone.

    sums[p, co, ci] = sum over cells:  gradients[p, co, cell] * values[p, ci, cell]

For 1x1, the sums are the result. For 3x3, 36 of them give the 9 weights of a kernel: the same
algorithm of Winograd as forward, with 4x4 gradients as the kernel and 3x3 results.

A chunk of the cells of all images is computed at once, and what chunks give is added. Values and
gradients are copied to panels, of LANES channels each, in which those of a cell are neighbours. A
tile is a few outputs by WIDE panels of inputs: its vectors run over inputs, and it reads both
panels in one stream.
"""
cimport numpy as cnp
from cython.parallel cimport prange, threadid
from libc.string cimport memset

from cells cimport Grid, Segment, Target, load_cells, load_gradients, next_segment
from lanes cimport transpose
from regions cimport aligned, copy
from types cimport LANES, ZERO, load, real, store, vec
from winograd cimport POSITIONS, SPAN, STEP, weights_of_sums

cnp.import_array()

cdef extern from *:
    """
    /* Outputs and panels of inputs of a tile: with 16 registers, 12 sums, 3 vectors and a gradient
       fill all; 16 sums of 8 outputs read half as much as they multiply. */
    #define TILE_HIGH (LANES < 4 ? (int) LANES : REGISTERS == 32 && LANES >= 8 ? 8 : 4)
    #define TILE_WIDE (REGISTERS == 32 && LANES >= 8 ? 2 : 3)
    """
    enum: TILE_HIGH, TILE_WIDE

cdef enum:
    MOST_LANES = 16
    TAPS = 9            # of a kernel of 3x3


cdef struct Params:
    # The fields of `WeightsParams` in imgconv/nn/core/channel_plan.py.
    Grid grid
    Py_ssize_t chunk, chunks            # cells of a chunk; chunks of all cells
    Py_ssize_t run, runs                # cells of a run, which are loaded at once; runs of a chunk
    Py_ssize_t row                      # numbers of a row of a run
    Py_ssize_t panel                    # numbers of a panel
    Py_ssize_t plane                    # numbers of a column of cells; a line has 4 times as many
    Py_ssize_t input_panels, output_panels      # of a group


# ---------------------------------------------------------------------------------------------
# Panels

cdef inline Target target_of(const Params* params, char* slot) noexcept nogil:
    cdef Target target
    target.row = <real*> slot
    target.pitch = params.row
    target.planes = target.row + LANES * params.grid.positions * params.row
    target.plane = params.plane
    target.lines = target.planes + SPAN * STEP * params.plane
    return target


cdef inline void load_channel(const Grid* grid, const real* pixels, Py_ssize_t channels,
                              Py_ssize_t c, Py_ssize_t plane, bint of_image, Py_ssize_t first,
                              Py_ssize_t cells, const Target* target) noexcept nogil:
    """Load the values of a run of channel c, of `channels` channels of `plane` numbers."""
    cdef Segment here
    here.at = here.cells = 0
    while next_segment(grid, first, cells, &here):
        if of_image:
            load_cells(grid, pixels + (here.n * channels + c) * plane, &here, target)
        else:
            load_gradients(grid, pixels + (here.n * channels + c) * plane, &here, target)


cdef inline void store_panel(const Params* params, const real* rows, Py_ssize_t cells,
                             Py_ssize_t position, real* panel) noexcept nogil:
    """Store the rows of LANES channels so that the channels of a cell are neighbours."""
    cdef vec[MOST_LANES] matrix
    cdef Py_ssize_t p, x, k
    cdef const real* row
    cdef real* at
    for p in range(params.grid.positions):
        row = rows + p * params.row
        at = panel + p * position
        x = 0
        while x < cells:
            for k in range(LANES):
                matrix[k] = load(row + k * params.grid.positions * params.row + x)
            transpose(matrix)
            for k in range(LANES):
                store(at + (x + k) * LANES, matrix[k])
            x += LANES


cdef void fill_panel(const Params* params, Py_ssize_t chunk, Py_ssize_t task, bint of_image,
                     const real* pixels, real* panels, char* slot) noexcept nogil:
    """Load a run of a chunk into one panel of values, or of gradients."""
    cdef const Grid* grid = &params.grid
    cdef Py_ssize_t count = params.input_panels if of_image else params.output_panels
    cdef Py_ssize_t channels = grid.inputs if of_image else grid.outputs
    cdef Py_ssize_t plane = (grid.height * grid.width if of_image
                             else grid.result_height * grid.result_width)
    cdef Py_ssize_t run = task % params.runs * params.run, panel = task // params.runs
    cdef Py_ssize_t first = chunk * params.chunk + run, lane, c
    cdef Py_ssize_t all = grid.images * grid.rows * grid.columns
    cdef Py_ssize_t cells = min(min(params.run, params.chunk - run), all - first)
    cdef Target target = target_of(params, slot)
    for lane in range(LANES):
        c = panel % count * LANES + lane
        if c < channels:
            load_channel(grid, pixels, grid.groups * channels, panel // count * channels + c,
                         plane, of_image, first, cells, &target)
        else:
            memset(target.row, 0, grid.positions * params.row * sizeof(real))
        target.row += grid.positions * params.row
    store_panel(params, <const real*> slot, cells, grid.groups * count * params.panel,
                panels + panel * params.panel + run * LANES)


# ---------------------------------------------------------------------------------------------
# Products

cdef inline void tile(const real* values, const real* gradients, Py_ssize_t panel,
                      Py_ssize_t cells, bint first, real* sums, Py_ssize_t pitch,
                      int wide) noexcept nogil:
    """Add the products of a chunk to TILE_HIGH outputs by `wide` panels of inputs."""
    cdef vec[TILE_HIGH][TILE_WIDE] acc
    cdef vec[TILE_WIDE] v
    cdef Py_ssize_t t
    cdef int r, k
    cdef real w
    for r in range(TILE_HIGH):
        for k in range(wide):
            acc[r][k] = ZERO
    for t in range(cells):
        for k in range(wide):
            v[k] = load(values + k * panel + t * LANES)
        for r in range(TILE_HIGH):
            w = gradients[t * LANES + r]
            for k in range(wide):
                acc[r][k] = acc[r][k] + v[k] * w
    if not first:
        for r in range(TILE_HIGH):
            for k in range(wide):
                acc[r][k] = acc[r][k] + load(sums + r * pitch + k * LANES)
    for r in range(TILE_HIGH):
        for k in range(wide):
            store(sums + r * pitch + k * LANES, acc[r][k])


cdef void add_products(const Params* params, Py_ssize_t chunk, Py_ssize_t task,
                       const real* values, const real* gradients, real* sums) noexcept nogil:
    """Add the products of a chunk to the sums of a panel of outputs, with all inputs."""
    cdef const Grid* grid = &params.grid
    cdef Py_ssize_t cells = min(params.chunk, grid.images * grid.rows * grid.columns
                                - chunk * params.chunk)
    cdef Py_ssize_t o = task % params.output_panels * LANES, end = min(o + LANES, grid.outputs)
    cdef Py_ssize_t group = task // params.output_panels, q, pitch = params.input_panels * LANES
    cdef const real* at
    values += group * params.input_panels * params.panel
    gradients += task * params.panel
    sums += task * LANES * pitch
    while o < end:
        q = 0
        while q < params.input_panels:
            at = values + q * params.panel
            if params.input_panels - q >= TILE_WIDE:
                tile(at, gradients, params.panel, cells, chunk == 0, sums + q * LANES, pitch,
                     TILE_WIDE)
                q += TILE_WIDE
            elif TILE_WIDE > 2 and params.input_panels - q == 2:
                tile(at, gradients, params.panel, cells, chunk == 0, sums + q * LANES, pitch, 2)
                q += 2
            else:
                tile(at, gradients, params.panel, cells, chunk == 0, sums + q * LANES, pitch, 1)
                q += 1
        gradients += TILE_HIGH
        sums += TILE_HIGH * pitch
        o += TILE_HIGH


# ---------------------------------------------------------------------------------------------
# From sums to weights

cdef Py_ssize_t store_weights(const Params* params, Py_ssize_t task, const real* sums,
                              real* result) noexcept nogil:
    """Store the weights of an output; return how many vectors of them are not finite."""
    cdef const Grid* grid = &params.grid
    cdef Py_ssize_t pitch = params.input_panels * LANES, spoiled = 0, c = 0, lane, t
    cdef Py_ssize_t position = grid.groups * params.output_panels * LANES * pitch
    cdef vec[POSITIONS] v
    cdef const real* lanes = <const real*> v
    sums += (task // grid.outputs * params.output_panels * LANES + task % grid.outputs) * pitch
    if grid.positions == 1:
        copy(result + task * grid.inputs, sums, grid.inputs)
        return 0
    result += task * grid.inputs * TAPS
    while c < grid.inputs:
        for t in range(POSITIONS):
            v[t] = load(sums + t * position + c)
        spoiled += not weights_of_sums(v)
        for lane in range(min(LANES, grid.inputs - c)):
            for t in range(TAPS):
                result[lane * TAPS + t] = lanes[t * LANES + lane]
        result += LANES * TAPS
        c += LANES
    return spoiled


# ---------------------------------------------------------------------------------------------
# Entry

LANE_COUNT = LANES      # channels of a panel


def run(cnp.ndarray params not None, cnp.ndarray image not None, cnp.ndarray gradient not None,
        cnp.ndarray values not None, cnp.ndarray gradients not None, cnp.ndarray sums not None,
        cnp.ndarray result not None, cnp.ndarray scratch not None, int threads):
    """Fill `result`, (groups, outputs, inputs, taps); return whether it is finite, if by Winograd.

    All arrays are C-contiguous; `values`, `gradients` and `sums` are (positions, numbers) for the
    panels of a chunk and for all sums, `scratch` is (threads, bytes).
    """
    cdef const Params* plan = <const Params*> cnp.PyArray_DATA(params)
    cdef const real* source = <const real*> cnp.PyArray_DATA(image)
    cdef const real* above = <const real*> cnp.PyArray_DATA(gradient)
    cdef real* of_image = <real*> cnp.PyArray_DATA(values)
    cdef real* of_gradient = <real*> cnp.PyArray_DATA(gradients)
    cdef real* added = <real*> cnp.PyArray_DATA(sums)
    cdef real* target = <real*> cnp.PyArray_DATA(result)
    cdef char* slots = aligned(<char*> cnp.PyArray_DATA(scratch))
    cdef Py_ssize_t slot = cnp.PyArray_DIM(scratch, 1), chunk, task, spoiled = 0
    cdef Py_ssize_t inputs = plan.grid.groups * plan.input_panels
    cdef Py_ssize_t outputs = plan.grid.groups * plan.output_panels
    cdef Py_ssize_t sums_of_panel = LANES * plan.input_panels * LANES
    with nogil:
        for chunk in range(plan.chunks):
            for task in prange((inputs + outputs) * plan.runs, num_threads=threads,
                               use_threads_if=threads > 1, schedule="dynamic"):
                if task < inputs * plan.runs:
                    fill_panel(plan, chunk, task, True, source, of_image,
                               slots + threadid() * slot)
                else:
                    fill_panel(plan, chunk, task - inputs * plan.runs, False, above, of_gradient,
                               slots + threadid() * slot)
            for task in prange(plan.grid.positions * outputs, num_threads=threads,
                               use_threads_if=threads > 1, schedule="dynamic"):
                add_products(plan, chunk, task % outputs,
                             of_image + task // outputs * inputs * plan.panel,
                             of_gradient + task // outputs * outputs * plan.panel,
                             added + task // outputs * outputs * sums_of_panel)
        for task in prange(plan.grid.groups * plan.grid.outputs, num_threads=threads,
                           use_threads_if=threads > 1, schedule="static"):
            spoiled += store_weights(plan, task, added, target)
    return spoiled == 0

# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Convolution layers, with many input and output channels, and transposed convolution.

    result[co, y, x] = bias[co] + sum over ci, taps t:
                       weight[co, ci, t] * image[ci, y * step_y + dy[t], x * step_x + dx[t]]

with zeros around the image. A transposed layer of stride s is s * s such sums, interleaved: cell
(y, x) of the grid has `phases_y` by `phases_x` pixels of the result, and each phase has taps of its
own.

A region of the grid is computed at once. The rows under it are copied to a strip: with zeros around
them, all with the same pitch and, if the image is read in steps, divided into planes, one for each
residue. In the strip a tap is an offset, the same for all cells, so that vectors may run over the
ends of rows. What they compute there is not copied from the stage to the result.
"""
cimport numpy as cnp
from cython.parallel cimport prange, threadid

from depthwise cimport compute_rows
from outputs cimport (
    HIGHEST,
    WIDE_1,
    WIDE_2,
    WIDE_3,
    WIDE_4,
    WIDE_5,
    WIDE_6,
    WIDE_7,
    WIDE_8,
    Cells,
    Terms,
    tiles,
)
from regions cimport (
    Params,
    Region,
    aligned,
    first_pixel,
    load_strip,
    region_of,
    store_stage,
)
from types cimport LANES, real

cnp.import_array()

cdef struct Weights:
    const Py_ssize_t* first         # the first tap of each phase, and behind the last one
    const Py_ssize_t* taps          # offsets of all taps in the strip
    const Py_ssize_t* begin         # where the weights of each phase begin
    const real* packed              # all weights, in the order in which tiles read them
    const real* bias


cdef void compute(const real* strip, const Terms* terms, real* target, const Cells* cells,
                  Py_ssize_t high) noexcept nogil:
    if high == 1:
        tiles(strip, terms, target, cells, 1, WIDE_1)
    elif high == 2:
        tiles(strip, terms, target, cells, 2, WIDE_2)
    elif high == 3:
        tiles(strip, terms, target, cells, 3, WIDE_3)
    elif high == 4:
        tiles(strip, terms, target, cells, 4, WIDE_4)
    elif high == 5:
        tiles(strip, terms, target, cells, 5, WIDE_5)
    elif high == 6:
        tiles(strip, terms, target, cells, 6, WIDE_6)
    elif high == 7:
        tiles(strip, terms, target, cells, 7, WIDE_7)
    else:
        tiles(strip, terms, target, cells, 8, WIDE_8)


# ---------------------------------------------------------------------------------------------
# Regions

cdef inline bint lies_ready(const Params* params, const Region* region, Py_ssize_t first,
                            Py_ssize_t inputs) noexcept nogil:
    """Whether the image under a region, and what tiles read behind it, can be read in place."""
    cdef Py_ssize_t channels = params.groups * params.inputs
    cdef Py_ssize_t last = (region.n * channels + region.g * params.inputs + first + inputs - 1)
    cdef Py_ssize_t rows = last * params.height + region.y + region.rows + params.reach_y
    cdef Py_ssize_t end = rows * params.width
    return (params.in_place
            and end + params.tail <= params.images * channels * params.height * params.width)


cdef inline Cells cells_of(const Params* params, const Region* region) noexcept nogil:
    cdef Cells cells
    cells.pitch = params.pitch
    if params.direct:
        cells.rows = region.rows
        cells.columns = region.columns
        cells.row = params.result_width
        cells.output = params.result_height * params.result_width
    else:
        cells.rows = 1
        cells.row = 0
        cells.columns = (region.rows - 1) * params.pitch + region.columns
        cells.columns = (cells.columns + LANES - 1) // LANES * LANES
        cells.output = params.stage
    if params.pitch == cells.row == cells.columns and not params.pairs:
        cells.columns *= cells.rows
        cells.rows = 1
    return cells


cdef inline void add_inputs(const Params* params, const Weights* weights, const Region* region,
                            const real* strip, Py_ssize_t channel, Py_ssize_t first,
                            Py_ssize_t inputs, Py_ssize_t* places, real* target) noexcept nogil:
    """Add `inputs` inputs, from `first` on, to all cells, phases and outputs of a region.

    The last tile of a group may have fewer outputs than the others.
    """
    cdef Cells cells = cells_of(params, region)
    cdef Py_ssize_t output = params.outputs * region.g + region.output, high = params.high
    cdef Py_ssize_t whole = region.outputs // high * high, rest = region.outputs - whole
    cdef Py_ssize_t f, c, t, count
    cdef const Py_ssize_t* taps
    cdef const real* packed
    cdef Terms terms
    terms.places = places
    terms.first = first == 0
    for f in range(params.phases_y * params.phases_x):
        taps = weights.taps + weights.first[f]
        count = weights.first[f + 1] - weights.first[f]
        for c in range(inputs):
            for t in range(count):
                places[c * count + t] = c * channel + taps[t]
        packed = weights.packed + weights.begin[f] + output * params.inputs * count
        terms.count = inputs * count
        terms.weights = packed + first * count * high
        terms.bias = weights.bias + output
        terms.blocks = whole // high
        terms.block = params.inputs * count * high
        if params.pairs:
            compute_rows(strip, &terms, target, &cells, params.pairs, params.shared)
        else:
            compute(strip, &terms, target, &cells, high)
        if rest:
            terms.weights = packed + (whole * params.inputs + first * rest) * count
            terms.bias += whole
            terms.blocks = 1
            compute(strip, &terms, target + whole * cells.output, &cells, rest)
        target += params.some_outputs * cells.output


cdef void run_region(const Params* params, const Weights* weights, const real* image, real* result,
                     Py_ssize_t task, char* scratch) noexcept nogil:
    cdef Region region = region_of(params, task)
    cdef Py_ssize_t* places = <Py_ssize_t*> scratch
    cdef real* strip = <real*> (scratch + params.places * sizeof(Py_ssize_t))
    cdef real* stage = strip + params.some_inputs * params.channel
    cdef real* target = stage
    cdef Py_ssize_t c = 0, inputs
    cdef const real* channels
    if params.direct:
        target = first_pixel(params, &region, result)
    image += (region.n * params.groups + region.g) * params.inputs * params.height * params.width
    while c < params.inputs:
        inputs = min(params.some_inputs, params.inputs - c)
        channels = image + c * params.height * params.width
        if lies_ready(params, &region, c, inputs):
            add_inputs(params, weights, &region, channels + region.y * params.width,
                       params.height * params.width, c, inputs, places, target)
        else:
            load_strip(params, &region, channels, inputs, strip)
            add_inputs(params, weights, &region, strip, params.channel, c, inputs, places, target)
        c += inputs
    if not params.direct:
        store_stage(params, &region, stage, first_pixel(params, &region, result))


# ---------------------------------------------------------------------------------------------
# Entry

HIGHEST_TILE = HIGHEST      # outputs of the highest tile
# Cells of a tile of 1, 2, ... outputs.
WIDTHS = (WIDE_1 * LANES, WIDE_2 * LANES, WIDE_3 * LANES, WIDE_4 * LANES, WIDE_5 * LANES,
          WIDE_6 * LANES, WIDE_7 * LANES, WIDE_8 * LANES)


def run(cnp.ndarray params not None, cnp.ndarray first not None, cnp.ndarray taps not None,
        cnp.ndarray begin not None, cnp.ndarray packed not None, cnp.ndarray bias not None,
        cnp.ndarray image not None, cnp.ndarray result not None, cnp.ndarray scratch not None,
        int threads):
    """Fill `result`. All arrays are C-contiguous, `scratch` is (threads, bytes)."""
    cdef const Params* plan = <const Params*> cnp.PyArray_DATA(params)
    cdef const real* source = <const real*> cnp.PyArray_DATA(image)
    cdef real* target = <real*> cnp.PyArray_DATA(result)
    cdef char* slots = aligned(<char*> cnp.PyArray_DATA(scratch))
    cdef Py_ssize_t slot = cnp.PyArray_DIM(scratch, 1), task
    cdef Py_ssize_t tasks = plan.images * plan.groups * plan.regions
    cdef Weights weights
    weights.first = <const Py_ssize_t*> cnp.PyArray_DATA(first)
    weights.taps = <const Py_ssize_t*> cnp.PyArray_DATA(taps)
    weights.begin = <const Py_ssize_t*> cnp.PyArray_DATA(begin)
    weights.packed = <const real*> cnp.PyArray_DATA(packed)
    weights.bias = <const real*> cnp.PyArray_DATA(bias)
    with nogil:
        for task in prange(tasks, num_threads=threads, use_threads_if=threads > 1,
                           schedule="dynamic"):
            run_region(plan, &weights, source, target, task, slots + threadid() * slot)

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

from regions cimport (
    Params,
    Region,
    clear,
    copy,
    first_pixel,
    load_strip,
    region_of,
    store_stage,
)
from types cimport LANES, ZERO, load, real, store, vec

cnp.import_array()

cdef extern from *:
    """
    /* Vectors of a tile of 1 to 8 outputs: the accumulators, the inputs and one weight fill the
       registers (32 of AVX-512 and NEON, else 16). */
    #if REGISTERS == 32
      #define HIGHEST 8
      #define PRODUCTS 6
      #define WIDE_1 8
      #define WIDE_2 8
      #define WIDE_3 7
      #define WIDE_4 6
      #define WIDE_5 5
      #define WIDE_6 4
      #define WIDE_7 3
      #define WIDE_8 3
    #else
      #define HIGHEST 6
      #define PRODUCTS 2
      #define WIDE_1 6
      #define WIDE_2 4
      #define WIDE_3 3
      #define WIDE_4 3
      #define WIDE_5 2
      #define WIDE_6 2
      #define WIDE_7 1
      #define WIDE_8 1
    #endif
    """
    enum: HIGHEST, PRODUCTS, WIDE_1, WIDE_2, WIDE_3, WIDE_4, WIDE_5, WIDE_6, WIDE_7, WIDE_8

cdef enum:
    CACHE_LINE = 64
    PRODUCTS_HIGH = 4   # outputs and taps of a tile of the gradient of weights
    PRODUCTS_WIDE = PRODUCTS
    HIGH = 8            # outputs of the highest tile
    BROAD = 8           # vectors of the widest


cdef struct Weights:
    const Py_ssize_t* first         # the first tap of each phase, and behind the last one
    const Py_ssize_t* taps          # offsets of all taps in the strip
    const Py_ssize_t* begin         # where the weights of each phase begin
    const real* packed              # all weights, in the order in which tiles read them
    const real* bias


# ---------------------------------------------------------------------------------------------
# The equation: `high` outputs of `wide` vectors in registers

cdef struct Terms:
    # What is added to `blocks` times `high` outputs: `count` taps of some inputs.
    const Py_ssize_t* places        # of the taps in the strip
    Py_ssize_t count, blocks
    const real* weights             # (blocks, taps of all inputs, high)
    Py_ssize_t block                # numbers of weights from one block to the next
    const real* bias
    bint first                      # whether sums begin here, with the bias


cdef struct Cells:
    # `rows` rows of `columns` cells: how they lie in the strip and in the target.
    Py_ssize_t rows, columns, pitch     # pitch in the strip
    Py_ssize_t row, output              # distances of rows and of outputs in the target


cdef inline void tile(const real* strip, const Terms* terms, const real* weights,
                      const real* bias, real* target, Py_ssize_t pitch, int high,
                      int wide) noexcept nogil:
    cdef vec[HIGH][BROAD] acc
    cdef vec[BROAD] v
    cdef Py_ssize_t t
    cdef int r, k
    cdef real w
    for r in range(high):
        for k in range(wide):
            if terms.first:
                acc[r][k] = ZERO + bias[r]
            else:
                acc[r][k] = load(target + r * pitch + k * LANES)
    for t in range(terms.count):
        for k in range(wide):
            v[k] = load(strip + terms.places[t] + k * LANES)
        for r in range(high):
            w = weights[r]
            for k in range(wide):
                acc[r][k] = acc[r][k] + v[k] * w
        weights += high
    for r in range(high):
        for k in range(wide):
            store(target + r * pitch + k * LANES, acc[r][k])


cdef inline void column(const real* strip, const Terms* terms, real* target, Py_ssize_t pitch,
                        int high, int wide) noexcept nogil:
    """Compute the same cells of all outputs: the pixels stay in L1, the weights stream from L2."""
    cdef const real* weights = terms.weights
    cdef Py_ssize_t b
    for b in range(terms.blocks):
        tile(strip, terms, weights, terms.bias + b * high, target + b * high * pitch, pitch, high,
             wide)
        weights += terms.block


cdef inline void tiles(const real* strip, const Terms* terms, real* target, const Cells* cells,
                       int high, int wide) noexcept nogil:
    """Compute all cells; the last vector of a row ends with the row."""
    cdef Py_ssize_t x, _y
    for _y in range(cells.rows):
        x = 0
        while x + wide * LANES <= cells.columns:
            column(strip + x, terms, target + x, cells.output, high, wide)
            x += wide * LANES
        while x < cells.columns:
            x = min(x, cells.columns - LANES)
            column(strip + x, terms, target + x, cells.output, high, 1)
            x += LANES
        strip += cells.pitch
        target += cells.row


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
# One output of one input, as in a depthwise layer: two rows share the vectors that they load

cdef inline void add_row(vec[2][BROAD] acc, const real* strip, const Py_ssize_t* places,
                         const real* weights, Py_ssize_t taps, int top, int bottom,
                         int wide) noexcept nogil:
    """Add a row of pixels to the rows top to bottom of a pair; the lower one is a tap behind."""
    cdef vec[BROAD] v
    cdef Py_ssize_t j
    cdef int r, k
    cdef real w
    for j in range(taps):
        for k in range(wide):
            v[k] = load(strip + places[j] + k * LANES)
        for r in range(top, bottom):
            w = weights[j - r * taps]
            for k in range(wide):
                acc[r][k] = acc[r][k] + v[k] * w


cdef inline void pair(const real* strip, const Terms* terms, real* target, const Cells* cells,
                      Py_ssize_t taps, int wide) noexcept nogil:
    """Compute two rows of cells; the kernel has `taps` taps in a row."""
    cdef vec[2][BROAD] acc
    cdef Py_ssize_t t = taps
    cdef int r, k
    for r in range(2):
        for k in range(wide):
            acc[r][k] = ZERO + terms.bias[0]
    add_row(acc, strip, terms.places, terms.weights, taps, 0, 1, wide)
    while t < terms.count:
        add_row(acc, strip, terms.places + t, terms.weights + t, taps, 0, 2, wide)
        t += taps
    add_row(acc, strip + cells.pitch, terms.places + t - taps, terms.weights + t, taps, 1, 2, wide)
    for r in range(2):
        for k in range(wide):
            store(target + r * cells.row + k * LANES, acc[r][k])


cdef inline void row_of_pairs(const real* strip, const Terms* terms, real* target,
                              const Cells* cells, Py_ssize_t taps, int wide) noexcept nogil:
    """Compute two rows; the last tile ends with them."""
    cdef Py_ssize_t x = 0
    while x < cells.columns:
        x = min(x, cells.columns - wide * LANES)
        pair(strip + x, terms, target + x, cells, taps, wide)
        x += wide * LANES


cdef inline void rows_of_pairs(const real* strip, const Terms* terms, real* target, Cells* cells,
                               Py_ssize_t taps) noexcept nogil:
    while cells.rows >= 2:
        if cells.columns >= 4 * LANES:
            row_of_pairs(strip, terms, target, cells, taps, 4)
        elif cells.columns >= 2 * LANES:
            row_of_pairs(strip, terms, target, cells, taps, 2)
        else:
            row_of_pairs(strip, terms, target, cells, taps, 1)
        strip += 2 * cells.pitch
        target += 2 * cells.row
        cells.rows -= 2
    tiles(strip, terms, target, cells, 1, 1)


cdef void compute_pairs(const real* strip, const Terms* terms, real* target, Cells* cells,
                        Py_ssize_t taps) noexcept nogil:
    """For the width 3 a loop over the taps would cost as much as its body, so it is a literal."""
    if taps == 3:
        rows_of_pairs(strip, terms, target, cells, 3)
    else:
        rows_of_pairs(strip, terms, target, cells, taps)


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
            compute_pairs(strip, &terms, target, &cells, params.pairs)
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
# The gradient of the weights: products of a gradient and the pixels under the taps, over all cells

cdef inline void product_tile(const real* strip, const Py_ssize_t* places, const real* gradient,
                              Py_ssize_t pitch, Py_ssize_t cells, vec* sums, Py_ssize_t taps,
                              int high, int wide) noexcept nogil:
    """Compute `high` outputs by `wide` taps, each a vector of sums over every LANES-th cell."""
    cdef vec[PRODUCTS_HIGH][PRODUCTS_WIDE] acc
    cdef vec[PRODUCTS_WIDE] v
    cdef vec g
    cdef Py_ssize_t x = 0
    cdef int r, k
    for r in range(high):
        for k in range(wide):
            acc[r][k] = sums[r * taps + k]
    while x < cells:
        for k in range(wide):
            v[k] = load(strip + places[k] + x)
        for r in range(high):
            g = load(gradient + r * pitch + x)
            for k in range(wide):
                acc[r][k] = acc[r][k] + v[k] * g
        x += LANES
    for r in range(high):
        for k in range(wide):
            sums[r * taps + k] = acc[r][k]


cdef inline void product_tiles(const real* strip, const Py_ssize_t* places, Py_ssize_t taps,
                               const real* gradient, Py_ssize_t pitch, Py_ssize_t cells,
                               vec* sums, int high) noexcept nogil:
    cdef Py_ssize_t t = 0
    while t + PRODUCTS_WIDE <= taps:
        product_tile(strip, places + t, gradient, pitch, cells, sums + t, taps, high,
                     PRODUCTS_WIDE)
        t += PRODUCTS_WIDE
    while t < taps:
        product_tile(strip, places + t, gradient, pitch, cells, sums + t, taps, high, 1)
        t += 1


cdef void add_products(const real* strip, const Py_ssize_t* places, Py_ssize_t taps,
                       const real* gradient, Py_ssize_t pitch, Py_ssize_t cells,
                       Py_ssize_t outputs, vec* sums) noexcept nogil:
    cdef Py_ssize_t o = 0
    while o + PRODUCTS_HIGH <= outputs:
        product_tiles(strip, places, taps, gradient + o * pitch, pitch, cells, sums + o * taps,
                      PRODUCTS_HIGH)
        o += PRODUCTS_HIGH
    if outputs - o == 3:
        product_tiles(strip, places, taps, gradient + o * pitch, pitch, cells, sums + o * taps, 3)
    elif outputs - o == 2:
        product_tiles(strip, places, taps, gradient + o * pitch, pitch, cells, sums + o * taps, 2)
    elif outputs - o == 1:
        product_tiles(strip, places, taps, gradient + o * pitch, pitch, cells, sums + o * taps, 1)


cdef void load_gradient(const Params* params, const Region* region, const real* gradient,
                        real* stage) noexcept nogil:
    """Copy a region of the gradient with the pitch of the strip, and zeros between the rows."""
    cdef Py_ssize_t o, r
    cdef const real* row = first_pixel(params, region, <real*> gradient)
    cdef real* target
    for o in range(region.outputs):
        target = stage + o * params.stage
        for r in range(region.rows):
            copy(target, row + r * params.result_width, region.columns)
            clear(target + region.columns, params.pitch - region.columns)
            target += params.pitch
        clear(target, LANES)
        row += params.result_height * params.result_width


cdef void run_products(const Params* params, const Weights* weights, const real* image,
                       const real* gradient, real* result, Py_ssize_t g, Py_ssize_t part,
                       Py_ssize_t first, Py_ssize_t last, char* scratch) noexcept nogil:
    """Compute the gradient of (outputs, part of the inputs, taps) from some regions of a group."""
    cdef Py_ssize_t* places = <Py_ssize_t*> scratch
    cdef real* strip = <real*> (scratch + params.places * sizeof(Py_ssize_t))
    cdef real* stage = strip + params.some_inputs * params.channel
    cdef vec* sums = <vec*> (stage + params.some_outputs * params.stage)
    cdef Py_ssize_t c = part * params.some_inputs, taps = weights.first[1]
    cdef Py_ssize_t inputs = min(params.some_inputs, params.inputs - c), t, o, k, task, cells
    cdef Region region
    cdef real* total = <real*> sums
    cdef real lane
    for t in range(inputs * taps):
        places[t] = t // taps * params.channel + weights.taps[t % taps]
    for t in range(params.outputs * inputs * taps):
        sums[t] = ZERO
    for task in range(first, last):
        region = region_of(params, task % params.regions
                           + (task // params.regions * params.groups + g) * params.regions)
        cells = (region.rows - 1) * params.pitch + region.columns
        load_strip(params, &region, image + ((region.n * params.groups + g) * params.inputs + c)
                   * params.height * params.width, inputs, strip)
        load_gradient(params, &region, gradient, stage)
        add_products(strip, places, inputs * taps, stage, params.stage, cells, params.outputs, sums)
    for o in range(params.outputs):
        for t in range(inputs * taps):
            lane = 0
            for k in range(LANES):
                lane = lane + total[(o * inputs * taps + t) * LANES + k]
            result[(o * params.inputs + c) * taps + t] = lane


# ---------------------------------------------------------------------------------------------
# Entry

HIGHEST_TILE = HIGHEST      # outputs of the highest tile
# Cells of a tile of 1, 2, ... outputs.
WIDTHS = (WIDE_1 * LANES, WIDE_2 * LANES, WIDE_3 * LANES, WIDE_4 * LANES, WIDE_5 * LANES,
          WIDE_6 * LANES, WIDE_7 * LANES, WIDE_8 * LANES)


cdef inline char* aligned(char* at) noexcept nogil:
    return at + (-(<Py_ssize_t> <size_t> at) & (CACHE_LINE - 1))


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


def products(cnp.ndarray params not None, cnp.ndarray first not None, cnp.ndarray taps not None,
             cnp.ndarray image not None, cnp.ndarray gradient not None,
             cnp.ndarray result not None, cnp.ndarray scratch not None, int threads):
    """Fill `result`, (shares, groups, outputs, inputs, taps); its sum over shares is the gradient.

    The regions of all images are divided into shares, equally for every number of threads.
    """
    cdef const Params* plan = <const Params*> cnp.PyArray_DATA(params)
    cdef const real* source = <const real*> cnp.PyArray_DATA(image)
    cdef const real* above = <const real*> cnp.PyArray_DATA(gradient)
    cdef real* target = <real*> cnp.PyArray_DATA(result)
    cdef char* slots = aligned(<char*> cnp.PyArray_DATA(scratch))
    cdef Py_ssize_t slot = cnp.PyArray_DIM(scratch, 1)
    cdef Py_ssize_t shares = cnp.PyArray_DIM(result, 0)
    cdef Py_ssize_t parts = (plan.inputs + plan.some_inputs - 1) // plan.some_inputs
    cdef Py_ssize_t all = plan.images * plan.regions, task, share, g
    cdef Weights weights
    weights.first = <const Py_ssize_t*> cnp.PyArray_DATA(first)
    weights.taps = <const Py_ssize_t*> cnp.PyArray_DATA(taps)
    with nogil:
        for task in prange(shares * plan.groups * parts, num_threads=threads,
                           use_threads_if=threads > 1, schedule="dynamic"):
            share = task // parts // plan.groups
            g = task // parts % plan.groups
            run_products(plan, &weights, source, above,
                         target + (share * plan.groups + g) * plan.outputs * plan.inputs
                         * weights.first[1],
                         g, task % parts, share * all // shares, (share + 1) * all // shares,
                         slots + threadid() * slot)

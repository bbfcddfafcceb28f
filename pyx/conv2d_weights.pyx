# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The gradient of a convolution layer with respect to its weights.

    result[co, ci, t] = sum over y, x:  gradient[co, y, x]
                                        * image[ci, y * step_y + dy[t], x * step_x + dx[t]]

Regions of the image lie in a strip, as in conv2d.pyx, and those of the gradient have the same
pitch. So a sum over all cells of a region is one over neighbours.
"""
cimport numpy as cnp
from cython.parallel cimport prange, threadid

from regions cimport (
    Params,
    Region,
    aligned,
    clear,
    copy,
    first_pixel,
    load_strip,
    region_of,
)
from lanes cimport transpose
from types cimport LANES, ZERO, load, real, store, vec

cnp.import_array()

cdef extern from *:
    """
    /* Taps of a tile of 4 outputs: the sums, the pixels and one gradient fill the registers. */
    #if REGISTERS == 32
      #define PRODUCTS 6
    #elif FUSED
      #define PRODUCTS 3
    #else
      #define PRODUCTS 2
    #endif
    """
    enum: PRODUCTS

cdef enum:
    PRODUCTS_HIGH = 4   # outputs and taps of a tile
    PRODUCTS_WIDE = PRODUCTS


cdef struct Weights:
    const Py_ssize_t* first         # the first tap, and behind the last one
    const Py_ssize_t* taps          # offsets of all taps in the strip


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


cdef inline void add_lanes(vec* sums, Py_ssize_t n, real* result) noexcept nogil:
    """Store the sums of the lanes of n vectors, of LANES vectors at once; the vectors change."""
    cdef Py_ssize_t t = 0, k
    cdef const real* lanes
    cdef vec total
    while t + LANES <= n:
        transpose(sums + t)
        total = sums[t]
        for k in range(1, LANES):
            total = total + sums[t + k]
        store(result + t, total)
        t += LANES
    for t in range(t, n):
        lanes = <const real*> (sums + t)
        result[t] = lanes[0]
        for k in range(1, LANES):
            result[t] = result[t] + lanes[k]


cdef void run_products(const Params* params, const Weights* weights, const real* image,
                       const real* gradient, real* result, Py_ssize_t g, Py_ssize_t part,
                       Py_ssize_t first, Py_ssize_t last, char* scratch) noexcept nogil:
    """Compute the gradient of (outputs, part of the inputs, taps) from some regions of a group."""
    cdef Py_ssize_t* places = <Py_ssize_t*> scratch
    cdef real* strip = <real*> (scratch + params.places * sizeof(Py_ssize_t))
    cdef real* stage = strip + params.some_inputs * params.channel
    cdef vec* sums = <vec*> (stage + params.some_outputs * params.stage)
    cdef Py_ssize_t c = part * params.some_inputs, taps = weights.first[1]
    cdef Py_ssize_t inputs = min(params.some_inputs, params.inputs - c), t, o, task, cells
    cdef Region region
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
        add_lanes(sums + o * inputs * taps, inputs * taps, result + (o * params.inputs + c) * taps)


# ---------------------------------------------------------------------------------------------
# Entry

def run(cnp.ndarray params not None, cnp.ndarray first not None, cnp.ndarray taps not None,
        cnp.ndarray image not None, cnp.ndarray gradient not None, cnp.ndarray result not None,
        cnp.ndarray scratch not None, int threads):
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

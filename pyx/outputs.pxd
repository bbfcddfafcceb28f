# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""The inner loop of convolution layers: sums of inputs times weights, for several outputs at once.

    target[o][x] = sum over t:  weights[t][o] * strip[x + places[t]]

A tile is `high` outputs by `wide` vectors in registers. A tap of an input is a place in the strip.
"""
from ahead cimport prefetch
from types cimport LANES, ZERO, load, real, store, vec

cdef extern from *:
    """
    /* Vectors of a tile of 1 to 8 outputs: the accumulators, the inputs and one weight fill the
       registers (32 of AVX-512 and NEON, else 16). */
    #if REGISTERS == 32
      #define HIGHEST 8
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
    enum: HIGHEST, WIDE_1, WIDE_2, WIDE_3, WIDE_4, WIDE_5, WIDE_6, WIDE_7, WIDE_8

cdef enum:
    HIGH = 8            # outputs of the highest tile
    BROAD = 8           # vectors of the widest
    # Bytes of weights that are asked for ahead: they stream from L2, or from L3 where they are
    # many, and a tile takes each once. With 1 KB tiles of one vector wait for L3 (256 inputs and
    # outputs at 14x14, Zen 5, AVX-512: 0.97 ms, and 0.72 with 4 KB).
    AHEAD = 4096


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
        prefetch(<const char*> weights + AHEAD)
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

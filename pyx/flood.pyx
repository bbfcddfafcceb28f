# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Hysteresis: the weak pixels that are connected to a strong one.

    kept = strong;  until nothing changes:  kept |= weak & (what touches a kept pixel)

Pixels are bits, 64 in a word. A word takes in what touches it from its eight neighbour words, and
fills its own runs at once: upwards an addition carries from a seed to the end of its run, downwards
doubling steps do. Two sweeps down and up the rows settle nearly all; words that still change put
their neighbours on a stack. As every such change keeps a pixel more, and puts eight words there at
most, the work is bounded by the pixels, also where a spiral leads through the image; sweeps alone
would be repeated for each of its turns.
"""
cimport numpy as cnp

from cython.parallel cimport prange
from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.string cimport memcpy

cnp.import_array()

cdef extern from *:
    """
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
      #define in_order(word) __builtin_bswap64(word)
    #else
      #define in_order(word) (word)
    #endif
    /* The lowest bits of eight bytes to eight bits, and back. */
    #define gathered(word) ((((word) & 0x0101010101010101u) * 0x0102040810204080u) >> 56)
    #define scattered(bits) \\
        ((((((bits) * 0x0101010101010101u) & 0x8040201008040201u) + 0x7f7f7f7f7f7f7f7fu) >> 7) \\
         & 0x0101010101010101u)
    """
    uint64_t in_order(uint64_t word) nogil
    uint64_t gathered(uint64_t word) nogil
    uint64_t scattered(uint64_t bits) nogil

cdef enum:
    SWEEPS = 2          # down and up; a third one hardly ever finds anything


cdef struct Bits:
    # Row y and word i stand at (y + 1) * pitch + i + 1: there is an empty row and word all around.
    uint64_t* weak
    uint64_t* kept
    uint8_t* waiting                # whether a word is on the stack
    int32_t* stack
    Py_ssize_t height, words, pitch
    bint corners                    # whether pixels touch at corners, too


cdef inline uint64_t fill_runs(uint64_t runs, uint64_t seeds) noexcept nogil:
    """The runs that hold a seed."""
    seeds = seeds | (((runs + seeds) ^ runs) & runs)
    seeds = seeds | (runs & (seeds >> 1))
    runs = runs & (runs >> 1)
    seeds = seeds | (runs & (seeds >> 2))
    runs = runs & (runs >> 2)
    seeds = seeds | (runs & (seeds >> 4))
    runs = runs & (runs >> 4)
    seeds = seeds | (runs & (seeds >> 8))
    runs = runs & (runs >> 8)
    seeds = seeds | (runs & (seeds >> 16))
    runs = runs & (runs >> 16)
    return seeds | (runs & (seeds >> 32))


cdef inline uint64_t touched(const uint64_t* row, bint corners) noexcept nogil:
    """What a row of pixels touches of the word above or below its own."""
    if not corners:
        return row[0]
    # Cython takes no negative index here.
    return row[0] | row[0] << 1 | row[0] >> 1 | (row - 1)[0] >> 63 | row[1] << 63


cdef inline bint grow(const Bits* bits, Py_ssize_t at) noexcept nogil:
    """Take in what touches a word, whose own runs are kept whole; whether there was anything."""
    cdef const uint64_t* kept = bits.kept + at
    cdef uint64_t open = bits.weak[at] & ~kept[0], seeds
    if open == 0:
        return False
    seeds = (kept - 1)[0] >> 63 | kept[1] << 63
    seeds = seeds | touched(kept - bits.pitch, bits.corners)
    seeds = seeds | touched(kept + bits.pitch, bits.corners)
    if seeds & open == 0:
        return False
    bits.kept[at] = kept[0] | fill_runs(open, seeds & open)
    return True


cdef inline void sweep_row(const Bits* bits, Py_ssize_t y) noexcept nogil:
    """Once along the row, and back where a run goes on to the word before."""
    cdef Py_ssize_t first = (y + 1) * bits.pitch + 1, i
    for i in range(first, first + bits.words):
        grow(bits, i)
    for i in range(first + bits.words - 1, first - 1, -1):
        if bits.kept[i + 1] & 1 and (bits.weak[i] & ~bits.kept[i]) >> 63:
            grow(bits, i)


cdef inline Py_ssize_t push(const Bits* bits, Py_ssize_t at, Py_ssize_t size) noexcept nogil:
    if bits.waiting[at] or bits.weak[at] == bits.kept[at]:
        return size
    bits.waiting[at] = True
    bits.stack[size] = <int32_t> at
    return size + 1


cdef inline Py_ssize_t push_row(const Bits* bits, Py_ssize_t at, Py_ssize_t size) noexcept nogil:
    size = push(bits, at - 1, size)
    size = push(bits, at + 1, size)
    return push(bits, at, size)


cdef Py_ssize_t settle(const Bits* bits) noexcept nogil:
    """Grow whatever still can; returns how often a word was looked at in vain or not."""
    cdef Py_ssize_t y, i, at, size = 0, steps = 0
    for y in range(bits.height):
        for i in range((y + 1) * bits.pitch + 1, (y + 1) * bits.pitch + 1 + bits.words):
            size = push(bits, i, 0)
            while size > 0:
                size -= 1
                at = bits.stack[size]
                bits.waiting[at] = False
                steps += 1
                if not grow(bits, at):
                    continue
                size = push(bits, at - 1, size)
                size = push(bits, at + 1, size)
                size = push_row(bits, at - bits.pitch, size)
                size = push_row(bits, at + bits.pitch, size)
    return steps


# ---------------------------------------------------------------------------------------------
# Bytes 0 (nothing), 1 (weak) and 2 (strong) to bits, and what is kept to bytes 0 and 1

cdef inline uint64_t load_pixels(const uint8_t* pixels, Py_ssize_t n) noexcept nogil:
    cdef uint64_t word = 0
    memcpy(&word, pixels, n)
    return in_order(word)


cdef void read_row(const Bits* bits, Py_ssize_t y, const uint8_t* row,
                   Py_ssize_t width) noexcept nogil:
    cdef uint64_t word, weak, strong
    cdef Py_ssize_t i, x, at
    for i in range(bits.words):
        weak = strong = 0
        for x in range(64 * i, min(width, 64 * i + 64), 8):
            word = load_pixels(row + x, 8) if x + 8 <= width else load_pixels(row + x, width - x)
            if word != 0:
                weak = weak | gathered(word | word >> 1) << (x - 64 * i)
                strong = strong | gathered(word >> 1) << (x - 64 * i)
        at = (y + 1) * bits.pitch + 1 + i
        bits.weak[at] = weak
        bits.kept[at] = fill_runs(weak, strong)


cdef void write_row(const Bits* bits, Py_ssize_t y, uint8_t* row, Py_ssize_t width) noexcept nogil:
    cdef uint64_t kept, word
    cdef Py_ssize_t i, x
    for i in range(bits.words):
        if bits.weak[(y + 1) * bits.pitch + 1 + i] == 0:
            continue
        kept = bits.kept[(y + 1) * bits.pitch + 1 + i]
        for x in range(64 * i, min(width, 64 * i + 64), 8):
            word = in_order(scattered(kept >> (x - 64 * i) & 0xff))
            if x + 8 <= width:
                memcpy(row + x, &word, 8)
            else:
                memcpy(row + x, &word, width - x)


# ---------------------------------------------------------------------------------------------
# Entry

def connect(cnp.ndarray pixels not None, cnp.ndarray bitmaps not None, cnp.ndarray stack not None,
            cnp.ndarray waiting not None, bint corners, int threads):
    """Make uint8 pixels that are connected to a strong one 1 and all others 0.

    `bitmaps` are two of uint64, zero, with a row above and below and a word on both sides; `stack`
    is int32 and `waiting` uint8, zero, for so many words. Returns how often a word was looked at
    after the sweeps.
    """
    cdef uint8_t* data = <uint8_t*> cnp.PyArray_DATA(pixels)
    cdef Py_ssize_t height = cnp.PyArray_DIM(pixels, 0), width = cnp.PyArray_DIM(pixels, 1), y
    cdef Py_ssize_t pitch = cnp.PyArray_DIM(bitmaps, 2), steps
    cdef int _sweep
    cdef Bits bits
    bits.weak = <uint64_t*> cnp.PyArray_DATA(bitmaps)
    bits.kept = bits.weak + (height + 2) * pitch
    bits.stack = <int32_t*> cnp.PyArray_DATA(stack)
    bits.waiting = <uint8_t*> cnp.PyArray_DATA(waiting)
    bits.height = height
    bits.words = pitch - 2
    bits.pitch = pitch
    bits.corners = corners
    with nogil:
        for y in prange(height, num_threads=threads, schedule="static"):
            read_row(&bits, y, data + y * width, width)
        for _sweep in range(SWEEPS):
            for y in range(height):
                sweep_row(&bits, y)
            for y in range(height - 1, -1, -1):
                sweep_row(&bits, y)
        steps = settle(&bits)
        for y in prange(height, num_threads=threads, schedule="static"):
            write_row(&bits, y, data + y * width, width)
    return steps

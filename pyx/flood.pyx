# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Hysteresis: the weak pixels that are connected to a strong one.

    strong = image > high;  weak = image > low
    kept = strong;  until nothing changes:  kept |= weak & (what touches a kept pixel)

A pixel is a bit, and a word has 64 of them. To grow a word, seeds are taken from its eight
neighbour words, and the runs of weak pixels that hold a seed are filled: towards higher bits by an
addition, which carries from the seed to the end of the run; towards lower bits by shifts, each
twice as long as the one before.

Two sweeps down and up the rows reach nearly all pixels. After them, each word that changes puts its
neighbours on a stack. A change keeps at least one pixel more and puts at most eight words on the
stack, so the work is at most proportional to the pixels, even for a spiral. Sweeps alone would have
to be repeated for each turn of the spiral.

Each thread has a stripe of rows, in which it keeps all that a strong pixel of the stripe reaches.
Then the stripes are joined, and what crosses their borders goes on by the stack.
"""
cimport numpy as cnp

from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from cython.parallel cimport prange
from libc.stdint cimport int8_t, int16_t, int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove, memset

cnp.import_array()

cdef extern from *:
    """
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
      #define in_order(word) __builtin_bswap64(word)
    #else
      #define in_order(word) (word)
    #endif
    /* The lowest bits of eight bytes as eight bits, and back. */
    #define gathered(word) ((((word) & 0x0101010101010101u) * 0x0102040810204080u) >> 56)
    #define scattered(bits) \\
        ((((((bits) * 0x0101010101010101u) & 0x8040201008040201u) + 0x7f7f7f7f7f7f7f7fu) >> 7) \\
         & 0x0101010101010101u)
    """
    uint64_t in_order(uint64_t word) nogil
    uint64_t gathered(uint64_t word) nogil
    uint64_t scattered(uint64_t bits) nogil

cdef enum:
    SWEEPS = 2          # each down and up; a third one hardly ever finds a pixel


ctypedef fused pixel:
    uint8_t
    int8_t
    uint16_t
    int16_t
    uint32_t
    int32_t
    float
    double


# Make classes of a row of pixels.
ctypedef void (*Classify)(const void* row, Py_ssize_t n, double low, double high,
                          uint8_t* classes) noexcept nogil


cdef struct Plane:
    # An image, and the classes of its pixels; whether these are known.
    const char* image
    bint known
    Py_ssize_t size                 # bytes of a pixel
    Classify classify
    double low, high
    uint8_t* classes
    Py_ssize_t width


cdef struct Bits:
    # Word i of row y has the index (y + 1) * pitch + i + 1: empty rows and words surround them.
    uint64_t* weak
    uint64_t* kept
    uint8_t* waiting                # whether a word is on the stack
    int32_t* stack
    Py_ssize_t height, words, pitch
    bint corners                    # whether pixels touch at corners, too


cdef inline uint64_t fill_runs(uint64_t runs, uint64_t seeds) noexcept nogil:
    """The bits of the runs that hold a seed."""
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
    """The pixels that a word of a row touches in the row above or below."""
    if not corners:
        return row[0]
    # A negative index would be a wrapped one for Cython.
    return row[0] | row[0] << 1 | row[0] >> 1 | (row - 1)[0] >> 63 | row[1] << 63


cdef inline bint grow(const Bits* bits, Py_ssize_t at) noexcept nogil:
    """Keep the pixels of a word that touch kept pixels of other words; return if there are any."""
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
    """Grow words from left to right, then from right to left where a run continues to the left."""
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


cdef Py_ssize_t settle(const Bits* bits, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
    """Grow words until nothing changes, from rows first to last on; return the calls of `grow`."""
    cdef Py_ssize_t y, i, at, size = 0, steps = 0
    for y in range(first, last):
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
# Conversion of bytes 0 (nothing), 1 (weak), 2 (strong) to bits, and of kept bits to bytes 0 and 1

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
# From pixels to classes

cdef void classify(const pixel* row, Py_ssize_t n, double low, double high,
                   uint8_t* classes) noexcept nogil:
    """How many of two thresholds each pixel is above: they are float32 where that holds pixels."""
    cdef float near = <float> low, far = <float> high
    cdef Py_ssize_t x
    if sizeof(pixel) <= 2 or pixel is float:
        for x in range(n):
            classes[x] = <uint8_t> (<float> row[x] > near) + <uint8_t> (<float> row[x] > far)
    else:
        for x in range(n):
            classes[x] = <uint8_t> (row[x] > low) + <uint8_t> (row[x] > high)


cdef Classify classifier(cnp.dtype dtype):
    """The function for pixels of a dtype."""
    cdef char kind = dtype.kind
    cdef Py_ssize_t size = dtype.itemsize
    if kind == c"f":
        return <Classify> classify[float] if size == 4 else <Classify> classify[double]
    if kind == c"i":
        if size == 1:
            return <Classify> classify[int8_t]
        return <Classify> classify[int16_t] if size == 2 else <Classify> classify[int32_t]
    if size == 1:
        return <Classify> classify[uint8_t]
    return <Classify> classify[uint16_t] if size == 2 else <Classify> classify[uint32_t]


# ---------------------------------------------------------------------------------------------
# Stripes: each has an empty row above and below it until they are joined.

cdef inline Py_ssize_t first_row(const Bits* bits, Py_ssize_t stripes,
                                 Py_ssize_t s) noexcept nogil:
    return bits.height * s // stripes


cdef Py_ssize_t connect_stripe(const Bits* bits, const Plane* plane, Py_ssize_t stripes,
                               Py_ssize_t s) noexcept nogil:
    """Keep what is connected within stripe s; return how many words were tested."""
    cdef Py_ssize_t first = first_row(bits, stripes, s), at = (first + s) * bits.pitch, y, begin
    cdef Bits stripe = bits[0]
    cdef int _sweep
    stripe.height = first_row(bits, stripes, s + 1) - first
    stripe.weak += at
    stripe.kept += at
    stripe.stack += at
    stripe.waiting += at
    for y in range(stripe.height):
        begin = (first + y) * plane.width
        if not plane.known:
            plane.classify(plane.image + begin * plane.size, plane.width, plane.low, plane.high,
                           plane.classes + begin)
        read_row(&stripe, y, plane.classes + begin, plane.width)
    for _sweep in range(SWEEPS):
        for y in range(stripe.height):
            sweep_row(&stripe, y)
        for y in range(stripe.height - 1, -1, -1):
            sweep_row(&stripe, y)
    return settle(&stripe, 0, stripe.height)


cdef void close_up(const Bits* bits, uint64_t* words, Py_ssize_t stripes) noexcept nogil:
    """Move the rows of all stripes together, before one empty row."""
    cdef Py_ssize_t row = bits.pitch * <Py_ssize_t> sizeof(uint64_t), s, first
    for s in range(1, stripes):
        first = first_row(bits, stripes, s)
        memmove(words + (first + 1) * bits.pitch, words + (first + 1 + s) * bits.pitch,
                (first_row(bits, stripes, s + 1) - first) * row)
    memset(words + (bits.height + 1) * bits.pitch, 0, stripes * row)


cdef Py_ssize_t join(const Bits* bits, Py_ssize_t stripes) noexcept nogil:
    """Keep what is connected across the borders of stripes; return how many words were tested."""
    cdef Py_ssize_t s, first, steps = 0
    if stripes == 1:
        return 0
    close_up(bits, bits.weak, stripes)
    close_up(bits, bits.kept, stripes)
    for s in range(1, stripes):
        first = first_row(bits, stripes, s)
        steps += settle(bits, first - 1, first + 1)
    return steps


# ---------------------------------------------------------------------------------------------
# Entry

def connect(cnp.ndarray image not None, double low, double high, bint corners,
            cnp.ndarray found not None, int threads):
    """Set the pixels above `high`, and those above `low` that are connected to them, to 1, else 0.

    The image is native and contiguous, of floats or at most 32 bits. `found` is uint8; it may be
    the image, if that has classes. Return how many words were tested after the sweeps.
    """
    cdef Py_ssize_t height = cnp.PyArray_DIM(image, 0), width = cnp.PyArray_DIM(image, 1)
    cdef Py_ssize_t stripes = min(<Py_ssize_t> threads, height), s, y, steps = 0
    cdef Py_ssize_t pitch = (width + 63) // 64 + 2, words = (height + 1 + stripes) * pitch
    cdef Plane plane = Plane(
        <const char*> cnp.PyArray_DATA(image), image is found, cnp.PyArray_ITEMSIZE(image),
        classifier(<cnp.dtype> cnp.PyArray_DESCR(image)), low, high,
        <uint8_t*> cnp.PyArray_DATA(found), width)
    cdef Bits bits
    # For each word two bitmaps, its place on the stack, and whether it is there.
    cdef char* memory = <char*> PyMem_RawCalloc(words, 2 * sizeof(uint64_t) + sizeof(int32_t) + 1)
    if memory == NULL:
        raise MemoryError()
    bits.weak = <uint64_t*> memory
    bits.kept = bits.weak + words
    bits.stack = <int32_t*> (bits.kept + words)
    bits.waiting = <uint8_t*> (bits.stack + words)
    bits.height = height
    bits.words = pitch - 2
    bits.pitch = pitch
    bits.corners = corners
    with nogil:
        for s in prange(stripes, num_threads=threads, use_threads_if=threads > 1,
                        schedule="static"):
            steps += connect_stripe(&bits, &plane, stripes, s)
        steps += join(&bits, stripes)
        for y in prange(height, num_threads=threads, use_threads_if=threads > 1,
                        schedule="static"):
            write_row(&bits, y, plane.classes + y * width, width)
    PyMem_RawFree(memory)
    return steps

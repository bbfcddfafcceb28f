# cython: cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""The computing type `real` and its vector. The flags of the compiler choose them.

Each loop is written once. The build compiles it with REAL=float, REAL=double and, where they are
exact, short integers; each of these for every instruction set. This file defines the names `real`,
`vec` and `LANES` that every loop uses.
"""

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>

    #ifndef REAL
    #define REAL float
    #endif
    typedef REAL real;

    /* Whether REAL is a short integer, for the preprocessor too. */
    #define PASTE(a, b) a ## b
    #define SHORT(name) PASTE(SHORT_, name)
    #define SHORT_int16_t 1
    #define SHORT_uint16_t 1
    #if SHORT(REAL)
      #define SHORT_INTEGER 1
    #else
      #define SHORT_INTEGER 0
    #endif

    /* Full-width registers where the compiler knows vector types, else a vector of one lane. Clang
       that takes the place of MSVC is not __GNUC__. REGISTERS is what tiles are sized for; FUSED
       says that a product and a sum are one instruction. */
    #if defined(__AVX512F__) || defined(__aarch64__)
      #define REGISTERS 32
    #else
      #define REGISTERS 16
    #endif
    #if defined(__FMA__) || defined(__aarch64__)
      #define FUSED 1
    #else
      #define FUSED 0
    #endif
    #if (defined(__GNUC__) || defined(__clang__)) && !defined(PLAIN) \\
        && (defined(__SSE2__) || defined(__aarch64__))
      #if defined(__SSE2__)
        #include <immintrin.h>
      #else
        #include <arm_neon.h>
        #define NEON
      #endif
      #if defined(__AVX512F__)
        #define VECTOR_BYTES 64
      #elif defined(__AVX2__)
        #define VECTOR_BYTES 32
      #else
        #define VECTOR_BYTES 16
      #endif
      typedef real vec __attribute__((vector_size(VECTOR_BYTES)));
      typedef real loose_vec __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)),
                                            may_alias));
      #define LANES ((Py_ssize_t) (VECTOR_BYTES / sizeof(real)))
    #else
      typedef real vec;
      typedef real loose_vec;
      #define LANES ((Py_ssize_t) 1)
    #endif
    #define ZERO ((vec) {0})

    /* Vectors side by side in a tile. 4 rows of 4 fill half of the 32 registers of AVX-512 and of
       NEON, 4 rows of 2 half of the 16 registers of the other levels. Inputs and weights need the
       other half. */
    #if REGISTERS == 32
      #define WIDE 4
    #else
      #define WIDE 2
    #endif

    /* The build inlines every function into each place that calls it (setup.py). A function that
       is called once a row, through this, has one copy in a module: the compiler does not know
       which one it is. */
    static inline void* compiled_once(void* function) {
    #if defined(__GNUC__) || defined(__clang__)
      __asm__("" : "+r"(function));
    #endif
      return function;
    }
    """
    ctypedef float real
    ctypedef float vec
    ctypedef float loose_vec
    const Py_ssize_t LANES
    const vec ZERO
    const bint SHORT_INTEGER
    enum: WIDE
    void* compiled_once(void* function) noexcept nogil


cdef inline vec load(const real* at) noexcept nogil:
    """Load LANES neighbours from any address."""
    return (<const loose_vec*> at)[0]


cdef inline void store(real* at, vec values) noexcept nogil:
    (<loose_vec*> at)[0] = values

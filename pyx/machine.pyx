# cython: freethreading_compatible=True
"""What the processor, the compiler and OpenMP support."""
from rows cimport Params

cdef extern from *:
    """
    #if defined(__x86_64__) && !defined(_MSC_VER)
      #define SUPPORTS_V2 (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt"))
      #define SUPPORTS_V3 (SUPPORTS_V2 && __builtin_cpu_supports("avx2") \\
          && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
      #define SUPPORTS_V4 (SUPPORTS_V3 && __builtin_cpu_supports("avx512f") \\
          && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") \\
          && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd"))
    #elif defined(_M_X64)
      /* The runtime of MSVC has no such function. Windows runs on no processor that has AVX2
         without FMA, or AVX-512F without the rest of v4. */
      #define WIN32_LEAN_AND_MEAN
      #include <windows.h>
      #define SUPPORTS_V2 IsProcessorFeaturePresent(PF_SSE4_2_INSTRUCTIONS_AVAILABLE)
      #define SUPPORTS_V3 IsProcessorFeaturePresent(PF_AVX2_INSTRUCTIONS_AVAILABLE)
      #define SUPPORTS_V4 IsProcessorFeaturePresent(PF_AVX512F_INSTRUCTIONS_AVAILABLE)
    #else
      #define SUPPORTS_V2 0
      #define SUPPORTS_V3 0
      #define SUPPORTS_V4 0
    #endif
    /* Every processor of this family has it. */
    #if defined(__aarch64__) || defined(_M_ARM64)
      #define SUPPORTS_NEON 1
    #else
      #define SUPPORTS_NEON 0
    #endif
    #if defined(__VERSION__)
      #define COMPILER __VERSION__
    #elif defined(_MSC_VER)
      #define COMPILER "MSVC"
    #else
      #define COMPILER "unknown"
    #endif
    #if defined(__clang__)
      #define COMPILER_NAME "Clang"
    #elif defined(__GNUC__)
      #define COMPILER_NAME "GCC"
    #else
      #define COMPILER_NAME ""
    #endif
    #ifdef _OPENMP
      #define OPENMP_VERSION _OPENMP
    #else
      #define OPENMP_VERSION 0
    #endif
    """
    bint SUPPORTS_NEON, SUPPORTS_V2, SUPPORTS_V3, SUPPORTS_V4
    const char* COMPILER
    const char* COMPILER_NAME
    int OPENMP_VERSION


def supported() -> list:
    """The levels that this processor and its operating system run, lowest first."""
    answers = [
        ("neon", SUPPORTS_NEON), ("v2", SUPPORTS_V2), ("v3", SUPPORTS_V3), ("v4", SUPPORTS_V4),
    ]
    return [level for level, answer in answers if answer]


def compiler() -> str:
    """Name and version of the compiler that built the loops."""
    return f"{COMPILER_NAME.decode()} {COMPILER.decode()}".strip()


def openmp() -> int:
    """The version (year and month) of OpenMP that the loops are built with, or 0."""
    return OPENMP_VERSION


def params_fields() -> list:
    """The size of `Params` and offsets of some of its fields, to compare with core/params.py."""
    cdef Params params
    return [
        sizeof(Params),
        <char*> &params.cval - <char*> &params,
        <char*> &params.result - <char*> &params,
        <char*> &params.in_place - <char*> &params,
        <char*> &params.block - <char*> &params,
        <char*> &params.weights - <char*> &params,
    ]

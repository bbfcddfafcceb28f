# The end of each loop that uses bands.pxd. The loop has defined `block_for`, which returns the
# Block function for given Params.
from bands cimport band_bytes, run_bands
from rows cimport Params, Task


cdef inline Py_ssize_t slot_bytes(const Params* params) noexcept nogil:
    return band_bytes(params)


cdef inline void run_loop(const Params* params, const Task* task) noexcept nogil:
    run_bands(params, block_for(params), task)


include "entry.pxi"

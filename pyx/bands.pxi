# The end of a loop that is walked in bands: it has defined `block_for`, the Block of a job.
from bands cimport band_bytes, run_bands
from rows cimport Job, Task


cdef inline Py_ssize_t slot_bytes(const Job* job) noexcept nogil:
    return band_bytes(job)


cdef inline void run_job(const Job* job, const Task* task) noexcept nogil:
    run_bands(job, block_for(job), task)


include "entry.pxi"

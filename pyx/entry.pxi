# The two functions that core/run.py calls. A loop has defined `slot_bytes`, the scratch that a
# thread needs for a job, and `run_job`, which fills the result.
cimport numpy as cnp

from rows cimport CACHE_LINE, Job, Task

cnp.import_array()


def scratch(cnp.ndarray job not None, int threads):
    """Bytes of scratch that `run` needs for so many threads."""
    return slot_bytes(<const Job*> cnp.PyArray_DATA(job)) * threads + CACHE_LINE


def run(cnp.ndarray job not None, cnp.ndarray image not None, cnp.ndarray first not None,
        cnp.ndarray second not None, cnp.ndarray scratch not None, Py_ssize_t rows, int threads):
    """Filter `image` into `first`, in bands of so many rows.

    `second` is the second result, or the guide; where there is none, it is not used.
    """
    cdef const Job* record = <const Job*> cnp.PyArray_DATA(job)
    cdef Task task
    task.image = <const char*> cnp.PyArray_DATA(image)
    task.results[:] = [<char*> cnp.PyArray_DATA(first), <char*> cnp.PyArray_DATA(second)]
    task.scratch = <char*> cnp.PyArray_DATA(scratch)
    task.scratch += -(<Py_ssize_t> <size_t> task.scratch) & (CACHE_LINE - 1)
    task.slot_bytes = slot_bytes(record)
    task.rows = rows
    task.threads = threads
    with nogil:
        run_job(record, &task)

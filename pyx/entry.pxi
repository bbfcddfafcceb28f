# The functions by which a loop is called. Each loop has defined `slot_bytes`, the scratch that a
# thread needs, and `run_loop`, which fills the result.
cimport numpy as cnp

from rows cimport CACHE_LINE, Params, Task

cnp.import_array()


def entry():
    """Return the address of `run_loop`, for call.pyx."""
    return <size_t> run_loop


def scratch(cnp.ndarray params not None, int threads):
    """Return the bytes of scratch that `run` needs for this number of threads."""
    return slot_bytes(<const Params*> cnp.PyArray_DATA(params)) * threads + CACHE_LINE


def run(cnp.ndarray params not None, cnp.ndarray image not None, cnp.ndarray first not None,
        cnp.ndarray second not None, cnp.ndarray scratch not None, Py_ssize_t rows, int threads):
    """Filter `image` into `first`, in bands of `rows` rows.

    `second` is the second result, or the guide. Where there is neither, it is not used.
    """
    cdef const Params* record = <const Params*> cnp.PyArray_DATA(params)
    cdef Task task
    task.image = <const char*> cnp.PyArray_DATA(image)
    task.results[:] = [<char*> cnp.PyArray_DATA(first), <char*> cnp.PyArray_DATA(second)]
    task.scratch = <char*> cnp.PyArray_DATA(scratch)
    task.scratch += -(<Py_ssize_t> <size_t> task.scratch) & (CACHE_LINE - 1)
    task.slot_bytes = slot_bytes(record)
    task.rows = rows
    task.threads = threads
    with nogil:
        run_loop(record, &task)

# The functions by which a loop is called. Each loop has defined `slot_bytes`, the scratch that a
# thread needs, and `run_loop`, which fills the result.
cimport numpy as cnp

from rows cimport Params

cnp.import_array()


def entry():
    """Return the address of `run_loop`, for call.pyx."""
    return <size_t> run_loop


def scratch(cnp.ndarray params not None):
    """Return the bytes of scratch that a thread needs."""
    return slot_bytes(<const Params*> cnp.PyArray_DATA(params))

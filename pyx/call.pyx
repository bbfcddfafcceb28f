# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Entering loops, and the shortest way to one: for a call like an earlier one.

The arguments of a call, without the pixels of its image, are written one after the other into a few
bytes: its signature. The first call with a signature makes a plan, and core/run.py runs it.
`repeat` finds the plan for later ones, and does all else that a small image needs: it allocates the
result, unless `out` is given, and enters the loop. In Python this would take longer than to filter
16x16 pixels.
"""
cimport cython
cimport numpy as cnp
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from libc.string cimport memcpy

from rows cimport CACHE_LINE, Params, Task

cdef extern from "Python.h":
    """
    /* Types that are compiled into a program or a library live as long as it does. */
    #define IS_STATIC_TYPE(value) \\
        (PyType_Check(value) && !PyType_HasFeature((PyTypeObject*) (value), Py_TPFLAGS_HEAPTYPE))
    """
    bint IS_STATIC_TYPE(object value)
    bint PyBool_Check(object value)
    bint PyFloat_CheckExact(object value)
    bint PyList_CheckExact(object value)
    bint PyLong_CheckExact(object value)
    bint PyTuple_CheckExact(object value)
    bint PyUnicode_CheckExact(object value)
    bint PyUnicode_IS_COMPACT_ASCII(object value)
    double PyFloat_AS_DOUBLE(object value)
    long long PyLong_AsLongLongAndOverflow(object value, int* overflow)
    const void* PyUnicode_DATA(object value)
    Py_ssize_t PyUnicode_GET_LENGTH(object value)

cdef enum:
    MOST_AXES = 64                  # of any array in NumPy
    # Bytes of a signature. Other arguments, such as kernels of more than 31x31 float32, are work
    # enough to go the longer way.
    LONGEST = 4096

cnp.import_array()

# Fill the results of a task: `run_loop` of a loop module.
ctypedef void (*RunLoop)(const Params* params, const Task* task) noexcept nogil


# ---------------------------------------------------------------------------------------------
# Entering a loop

@cython.final
cdef class Entry:
    """A compiled loop with all that it needs for one kind of call, except the arrays.

    Parameters
    ----------
    loop : int
        The address of the loop, which the function `entry` of its module returns.
    record : ndarray
        The record that it reads, of dtype PARAMS.
    scratch : int
        Bytes of scratch for each thread.
    results : int
        How many results it fills: 1 or 2.
    shape, dtype
        Of each result; the dtype is in the byte order of the machine.
    rows : int
        The rows of a result.
    cost : float
        Estimated multiply-adds of the call.
    """
    cdef RunLoop loop
    cdef cnp.ndarray record
    cdef Py_ssize_t scratch, rows
    cdef int results, axes, dtype
    cdef double cost
    cdef cnp.npy_intp[MOST_AXES] shape

    def __init__(self, size_t loop, cnp.ndarray record not None, Py_ssize_t scratch, int results,
                 tuple shape not None, cnp.dtype dtype not None, Py_ssize_t rows, double cost):
        cdef int axis
        if len(shape) > MOST_AXES:
            raise ValueError(f"a result must have at most {MOST_AXES} axes, got {len(shape)}")
        self.loop = <RunLoop> loop
        self.record = record
        self.scratch = scratch
        self.results = results
        self.axes = <int> len(shape)
        for axis in range(self.axes):
            self.shape[axis] = shape[axis]
        self.dtype = dtype.type_num
        self.rows = rows
        self.cost = cost

    def run(self, cnp.ndarray image not None, cnp.ndarray first not None,
            cnp.ndarray second not None, Py_ssize_t rows, int threads,
            cnp.ndarray weights=None):
        """Filter `image` into `first`, in bands of `rows` rows.

        `second` is the second result, or the guide. Where there is neither, it is not used.
        `weights` are those of the pixels, if the plan has any.
        """
        self.fill(image, first, second, rows, threads, image if weights is None else weights)

    cdef int fill(self, cnp.ndarray image, cnp.ndarray first, cnp.ndarray second, Py_ssize_t rows,
                  int threads, cnp.ndarray weights) except -1:
        cdef Task task
        cdef char* memory = <char*> PyMem_RawMalloc(self.scratch * threads + CACHE_LINE)
        if memory == NULL:
            raise MemoryError()
        task.image = <const char*> cnp.PyArray_DATA(image)
        task.weights = <const char*> cnp.PyArray_DATA(weights)
        task.results[:] = [<char*> cnp.PyArray_DATA(first), <char*> cnp.PyArray_DATA(second)]
        task.scratch = memory + (-(<Py_ssize_t> <size_t> memory) & (CACHE_LINE - 1))
        task.slot_bytes = self.scratch
        task.rows = rows
        task.threads = threads
        with nogil:
            self.loop(<const Params*> cnp.PyArray_DATA(self.record), &task)
        PyMem_RawFree(memory)
        return 0

    cdef object filtered(self, cnp.ndarray image, object out):
        """Return the filtered image, or a pair, computed by one thread; in `out`, if given."""
        cdef cnp.ndarray first = (cnp.PyArray_SimpleNew(self.axes, self.shape, self.dtype)
                                  if out is None else out)
        cdef cnp.ndarray second = first
        if self.results == 2:
            second = cnp.PyArray_SimpleNew(self.axes, self.shape, self.dtype)
        self.fill(image, first, second, self.rows, 1, image)
        return first if self.results == 1 else (first, second)


# ---------------------------------------------------------------------------------------------
# Signatures: each value is a letter for its type, then its bytes. What varies in length begins with
# it, so no two lists of arguments have the same signature.

cdef struct Writer:
    Py_ssize_t size
    char[LONGEST] text


cdef inline bint write(Writer* to, char letter, const void* data, Py_ssize_t size) noexcept:
    """Append a value; return whether there is room for it."""
    if size >= LONGEST - to.size:
        return False
    to.text[to.size] = letter
    if size > 0:
        memcpy(to.text + to.size + 1, data, size)
    to.size += 1 + size
    return True


cdef inline bint write_letter(Writer* to, char letter) noexcept:
    return write(to, letter, to, 0)


cdef inline bint write_size(Writer* to, char letter, Py_ssize_t size) noexcept:
    return write(to, letter, &size, sizeof(size))


cdef inline bint write_dtype(Writer* to, cnp.dtype dtype) noexcept:
    """Append a dtype of numbers."""
    cdef char[2] what = [<char> dtype.type_num, cnp.PyArray_IsNativeByteOrder(dtype.byteorder)]
    return cnp.PyTypeNum_ISNUMBER(dtype.type_num) and write(to, c"d", what, sizeof(what))


cdef bint write_layout(Writer* to, cnp.ndarray array) noexcept:
    """Append all of an array but its pixels."""
    cdef Py_ssize_t size = cnp.PyArray_NDIM(array) * sizeof(cnp.npy_intp)
    return (write_dtype(to, <cnp.dtype> cnp.PyArray_DESCR(array)) and write_size(to, c"a", size)
            and write(to, c"y", cnp.PyArray_DIMS(array), size)
            and write(to, c"x", cnp.PyArray_STRIDES(array), size))


cdef bint write_sequence(Writer* to, char letter, object values):
    if not write_size(to, letter, len(values)):
        return False
    for value in values:
        if not write_value(to, value):
            return False
    return True


cdef bint write_value(Writer* to, object value):
    """Append an argument, if it is of a type whose bytes say all."""
    cdef int overflow
    cdef long long integer
    cdef double real
    cdef Py_ssize_t size
    cdef const void* address
    if value is None:
        return write_letter(to, c"n")
    if PyUnicode_CheckExact(value):
        size = PyUnicode_GET_LENGTH(value)
        return (PyUnicode_IS_COMPACT_ASCII(value) and write_size(to, c"s", size)
                and write(to, c"c", PyUnicode_DATA(value), size))
    if PyBool_Check(value):
        return write_letter(to, c"t" if value is True else c"f")
    if PyLong_CheckExact(value):
        integer = PyLong_AsLongLongAndOverflow(value, &overflow)
        return overflow == 0 and write(to, c"i", &integer, sizeof(integer))
    if PyFloat_CheckExact(value):
        real = PyFloat_AS_DOUBLE(value)
        return write(to, c"r", &real, sizeof(real))
    if cnp.PyArray_CheckExact(value):
        return (cnp.PyArray_IS_C_CONTIGUOUS(value) and write_layout(to, value)
                and write(to, c"p", cnp.PyArray_DATA(value), cnp.PyArray_NBYTES(value)))
    if PyTuple_CheckExact(value) or PyList_CheckExact(value):
        return write_sequence(to, c"u" if PyTuple_CheckExact(value) else c"l", value)
    if cnp.PyArray_DescrCheck(value):
        return write_dtype(to, value)
    address = <const void*> value
    return IS_STATIC_TYPE(value) and write(to, c"o", &address, sizeof(address))


cdef void extent(cnp.ndarray array, const char** begin, const char** end) noexcept:
    """Find the bytes between which the pixels of an array lie, which has some."""
    cdef Py_ssize_t reach
    cdef int axis
    begin[0] = <const char*> cnp.PyArray_DATA(array)
    end[0] = begin[0] + cnp.PyArray_ITEMSIZE(array)
    for axis in range(cnp.PyArray_NDIM(array)):
        reach = (cnp.PyArray_DIM(array, axis) - 1) * cnp.PyArray_STRIDE(array, axis)
        begin[0] += min(reach, 0)
        end[0] += max(reach, 0)


cdef bint write_out(Writer* to, object out, cnp.ndarray image) noexcept:
    """Append the array that gets the result, if it is writeable and lies apart from the image."""
    cdef const char* begin
    cdef const char* end
    cdef const char* image_begin
    cdef const char* image_end
    if not cnp.PyArray_CheckExact(out) or not cnp.PyArray_ISWRITEABLE(out):
        return False
    extent(<cnp.ndarray> out, &begin, &end)
    extent(image, &image_begin, &image_end)
    return (end <= image_begin or image_end <= begin) and write_layout(to, <cnp.ndarray> out)


def signature(make, tuple arguments not None, dict options not None):
    """Return a key for a call of a public function, or None if it has none.

    Parameters
    ----------
    make : callable
        What makes the call of its arguments.
    arguments, options
        The arguments: first the image, of which the pixels do not count. Nor do those of `out`,
        but calls whose `out` may overlap the image, or is no single array, have no signature.
    """
    cdef Writer to
    cdef Py_ssize_t i
    to.size = 0
    if len(arguments) == 0 or not cnp.PyArray_CheckExact(arguments[0]):
        return None
    if not write_layout(&to, arguments[0]):
        return None
    for i in range(1, len(arguments)):
        if not write_value(&to, arguments[i]):
            return None
    for name, value in options.items():
        if not (write_letter(&to, c"k") and write_value(&to, name)):
            return None
        if name == "out" and value is not None:
            if not write_out(&to, value, arguments[0]):
                return None
        elif not write_value(&to, value):
            return None
    return make, PyBytes_FromStringAndSize(to.text, to.size)


def repeat(find, threads, otherwise, make, tuple arguments not None, dict options not None):
    """Filter an image as an earlier call with the same signature did.

    Parameters
    ----------
    find : callable
        Returns what is kept for a signature, or None. If that is a plan, it has an `entry`.
    threads : module
        core/threads.py: only calls that one thread does are done here. Larger ones may use threads,
        and memory of freed results.
    otherwise : callable
        Called for all others, with the signature, what is kept for it, and these arguments:
    make, arguments, options
        As in `signature`.
    """
    cdef Entry entry
    key = signature(make, arguments, options)
    plan = None if key is None else find(key)
    known = getattr(plan, "entry", None)
    if type(known) is Entry and plan.direct:
        entry = known
        if entry.cost < threads.SERIAL_BELOW:
            return entry.filtered(arguments[0], options.get("out"))
    return otherwise(key, plan, make, arguments, options)

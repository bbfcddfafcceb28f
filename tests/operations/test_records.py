"""What Python and Cython share: records, enums and constants are the same on both sides."""

import ctypes
import dataclasses
import importlib
import pkgutil
import re
from functools import cache

import cases
import numpy as np
import pytest
from paths import ROOT

from imgconv import operations
from imgconv._loops import machine
from imgconv.core import params, pixels
from imgconv.nn.core.channel_plan import ChannelParams, GridParams, WeightsParams
from imgconv.nn.core.conv_plan import ConvParams
from imgconv.operations import (
    ball,
    base,
    bilateral,
    box,
    canny,
    correlate,
    differences,
    fourier,
    guided,
    inorder,
    lines,
    local_histogram,
    lookup,
    moments,
    pool,
    rank,
    resample,
    running,
    separable,
    templates,
    tensors,
    widebox,
)

PYX = ROOT / "pyx"
SCALARS = {"Py_ssize_t": "p", "int": "i", "int32_t": "i4", "double": "d", "Follow": "p"}

# File, struct and dtype.
RECORDS = [
    ("rows.pxd", "Params", params.PARAMS),
    ("rows.pxd", "Samples", params.SAMPLES),
    ("rows.pxd", "Weighing", params.WEIGHING),
    ("rows.pxd", "Point", base.POINT),
    ("ball.pyx", "Ball", ball.BALL),
    ("bilateral.pyx", "Metric", bilateral.METRIC),
    ("box.pyx", "Rectangle", box.RECTANGLE),
    ("canny.pyx", "Header", canny.HEADER),
    ("canny.pyx", "Numbers", canny.NUMBERS),
    ("correlate.pyx", "Kernel", correlate.KERNEL),
    ("fourier.pyx", "Tiling", fourier.TILING),
    ("guided.pyx", "Square", guided.SQUARE),
    ("inorder.pyx", "Header", inorder.HEADER),
    ("inorder.pyx", "Pass", inorder.PASS),
    ("inorder.pyx", "Place", inorder.PLACE),
    ("integers.pxd", "Rectangle", widebox.RECTANGLE),
    ("lines.pyx", "Side", lines.SIDE),
    ("lines.pyx", "Sides", lines.BOTH),
    ("local_histogram.pyx", "Window", local_histogram.WINDOW),
    ("local_histogram.pyx", "Chord", local_histogram.CHORD),
    ("lookup.pyx", "Tables", lookup.TABLES),
    ("moments.pyx", "Window", moments.WINDOW),
    ("moments.pyx", "Numbers", moments.NUMBERS),
    ("moments.pyx", "Run", moments.RUN),
    ("pool.pyx", "Pooling", pool.POOLING),
    ("extremes.pxd", "Footprint", rank.FOOTPRINT),
    ("extremes.pxd", "Chord", rank.CHORD),
    ("compounds.pxd", "Compound", rank.COMPOUND),
    ("networks.pxd", "Network", rank.NETWORK),
    ("networks.pxd", "Exchange", rank.EXCHANGE),
    ("histograms.pxd", "Histogram", rank.HISTOGRAM),
    ("resample.pyx", "Side", resample.SIDE),
    ("resample.pyx", "Grid", resample.GRID),
    ("running.pyx", "Mean", running.MEAN),
    ("separable.pyx", "Header", separable.HEADER),
    ("passes.pxd", "Vertical", separable.VERTICAL),
    ("passes.pxd", "Horizontal", separable.HORIZONTAL),
    ("tensors.pyx", "Tensor", tensors.TENSOR),
]
ENUMS = [
    ("rows.pxd", "Code", [dtype.name for dtype in pixels.DTYPES]),
    ("rows.pxd", "PointKind", base.POINT_KINDS),
    ("rows.pxd", "Weighed", ("unweighed", *base.WEIGHED[1:])),
    ("canny.pyx", "Stage", canny.STAGES),
    ("differences.pyx", "Response", differences.RESPONSES),
    ("inorder.pyx", "Combine", inorder.COMBINE),
    ("local_histogram.pyx", "Kind", local_histogram.KINDS),
    ("moments.pyx", "What", moments.WHAT),
    ("pool.pyx", "How", pool.HOW),
    ("separable.pyx", "Combine", separable.COMBINE),
    ("templates.pyx", "Method", templates.METHODS),
    ("tensors.pyx", "Response", tensors.RESPONSES),
    ("extremes.pxd", "Kind", rank.KINDS),
]
# Those that no record holds.
INNER = {("squares.pxd", "Fold")}
CONSTANTS = [
    ("rows.pxd", "CODES", len(pixels.DTYPES)),
    ("local_histogram.pyx", "OUTSIDE", local_histogram.OUTSIDE),
    ("box.pyx", "HIGHEST", max(box.LOW.values())),
    ("extremes.pxd", "SHORT", rank.SHORT),
    ("canny.pyx", "PIECE", canny.PIECE),
    ("pool.pyx", "SORTED", pool.SORTED),
    ("resample.pyx", "ORDER", resample.ORDER),
]


@cache
def lines_of(file, kind, name):
    """Return the lines of a `cdef struct` or `cdef enum`, without comments."""
    head = rf"^cdef {kind} {name}:\n" if name else rf"^cdef {kind}:\n"
    bodies = re.findall(head + r"((?: +.*\n|\n)+)", (PYX / file).read_text(), re.M)
    lines = (line.split("#")[0].strip() for body in bodies for line in body.splitlines())
    return [line for line in lines if line]


def fields_of(file, struct):
    """Yield the name and the dtype of each field of a struct."""
    for line in lines_of(file, "struct", struct):
        kind, names = line.removeprefix("const ").split(maxsplit=1)
        kind, _, count = kind.rstrip("]").partition("[")
        for name in names.split(","):
            if kind.endswith("*"):
                field = np.dtype("p")
            elif kind in SCALARS:
                field = np.dtype(SCALARS[kind])
            else:
                field = dtype_of(file, kind)
            yield (name.strip(), field, int(count)) if count else (name.strip(), field)


def dtype_of(file, struct):
    """Return the dtype of a struct, laid out as a compiler lays it out."""
    return np.dtype(list(fields_of(file, struct)), align=True)


@pytest.mark.parametrize(("file", "struct", "dtype"), RECORDS)
def test_records(file, struct, dtype):
    """The same names, types, order and places."""
    assert dtype.names
    assert dtype == dtype_of(file, struct)
    assert dtype.isalignedstruct


def test_pointers_are_integers_of_their_size():
    assert (
        np.dtype("p").itemsize == ctypes.sizeof(ctypes.c_void_p) == ctypes.sizeof(ctypes.c_ssize_t)
    )


def test_compiled_record():
    """Its size, and where fields all over it stand, as the compiler says."""
    names = ("cval", "result", "in_place", "block", "weights")
    places = [params.PARAMS.fields[name][1] for name in names]
    assert machine.params_fields() == [params.PARAMS.itemsize, *places]


def test_params_of_convolutions():
    names = [field.name for field in dataclasses.fields(ConvParams)]
    assert names == [name for name, *_ in fields_of("regions.pxd", "Params")]
    assert {dtype for _, dtype in fields_of("regions.pxd", "Params")} == {np.dtype("p")}
    # The loops read them one behind the other.
    assert list(GridParams._fields) == [name for name, _ in fields_of("cells.pxd", "Grid")]
    for record, file in ((ChannelParams, "channels.pyx"), (WeightsParams, "channels_weights.pyx")):
        declared = lines_of(file, "struct", "Params")
        assert declared[0] == "Grid grid"
        assert all(each.startswith("Py_ssize_t ") for each in declared[1:])
        names = ", ".join(each.removeprefix("Py_ssize_t ") for each in declared[1:])
        assert list(record._fields) == names.split(", ")


def test_no_record_is_left_out():
    """All structs that a loop finds at params.records, and all dtypes beside an operation."""
    listed = {(file, struct) for file, struct, _ in RECORDS}
    for file in PYX.glob("*.p*x*"):
        for struct in re.findall(r"<const (\w+)\*> params\.records", file.read_text()):
            declared = {other for other, name in listed if name == struct}
            assert declared, (file.name, struct)
    known = {id(dtype) for _, _, dtype in RECORDS}
    for found in pkgutil.iter_modules(operations.__path__, "imgconv.operations."):
        for name, value in vars(importlib.import_module(found.name)).items():
            if isinstance(value, np.dtype) and value.names:
                assert id(value) in known, (found.name, name)


@pytest.mark.parametrize(("file", "enum", "names"), ENUMS)
def test_enums(file, enum, names):
    declared = " ".join(lines_of(file, "enum", enum)).lower().split(", ")
    assert [name.replace(" ", "_") for name in names] == declared


def test_no_enum_is_left_out():
    found = {
        (file.name, name)
        for file in PYX.glob("*.p*x*")
        for name in re.findall(r"^cdef enum (\w+):", file.read_text(), re.M)
    }
    assert found - INNER == {(file, name) for file, name, _ in ENUMS}


@pytest.mark.parametrize(("file", "name", "value"), CONSTANTS)
def test_constants(file, name, value):
    assert f"{name} = {value}" in lines_of(file, "enum", "")


def test_widest_vector():
    defined = re.findall(r"#define VECTOR_BYTES (\d+)", (PYX / "types.pxd").read_text())
    assert max(map(int, defined)) == params.VECTOR_BYTES


def test_pixel_types():
    """Their sizes, and the codes of the computing types."""
    source = (PYX / "rows.pxd").read_text()
    sizes = re.search(r'BYTES_OF\(code\) .*"(.*)"\[code\]', source).group(1)
    assert [int(size, 8) for size in sizes.split(r"\\")[1:]] == [d.itemsize for d in pixels.DTYPES]
    codes = re.search(r"REAL_CODE _Generic\(\(real\) 0, ([^)]*)\)", source).group(1)
    for kind, code in re.findall(r"(\w+): (\d+)", codes):
        name = {"float": "float32", "double": "float64"}.get(kind, kind.removesuffix("_t"))
        assert pixels.DTYPES[int(code)].name == name
    assert sorted(map(str, pixels.DTYPES)) == sorted(cases.DTYPES)


@pytest.mark.parametrize(("table", "of_bool"), [("LOADS", "uint8"), ("STORES", "bool")])
def test_conversions(table, of_bool):
    """In the order of the pixel types."""
    source = (PYX / "pixels.pyx").read_text()
    body = re.search(rf"{table} = \[\n(.*?)\]\n", source, re.S | re.M).group(1)
    found = [name or kind for name, kind in re.findall(r"> \w+?(?:_(half|bool)|\[(\w+)\])", body)]
    kinds = {"float16": "half", "float32": "float", "float64": "double", "bool": of_bool}
    names = [kinds.get(dtype.name, dtype.name) for dtype in pixels.DTYPES]
    assert [name.removesuffix("_t") for name in found] == names


def test_a_record_wants_all_its_fields():
    for fields in ({"height": 1, "width": 2}, {"height": 1, "width": 2, "step": 3, "more": 4}):
        with pytest.raises(AssertionError):
            base.record(box.RECTANGLE, **fields)


def test_records_in_a_row():
    chords = base.record(rank.CHORD, row=np.arange(2), first=3, level=[4, 5], second=6)
    head = base.record(rank.EXCHANGE, first=1, second=2, smaller=3, larger=-1)
    data = base.in_a_row([head, chords, chords[:0]])
    assert data[:16].view(np.int32).tolist() == [1, 2, 3, -1]
    assert data[16:].view(np.intp).tolist() == [0, 3, 4, 6, 1, 3, 5, 6]

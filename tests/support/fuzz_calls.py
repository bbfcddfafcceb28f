"""What the lines of fuzz_draws.py name: arrays, rows of filters, and functions that check a call.

>>> check(order("median", [[0, 0, 1]]), Image((3, 70), "<f4"), threads=3)
>>> chain("sobel | median(size=5)", Image((40, 30), "|u1"), chunks=(17, 9))
"""

import ast
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import cases
import face_calls
import fuzz_faces
import fuzz_files
import numpy as np
from cases import BY_ID, OTHERS, SCIPY_MORPHOLOGY, Case, Other, Part, Selection, as_tuple
from cases.morphology import morphology
from cases.order import ranked, selection
from cases.pooling import pool_case
from comparing import assert_same_bits
from fuzz_faces import array as random_pixels
from fuzz_faces import weights
from fuzz_files import damaged_file
from fuzz_measured import measured
from fuzz_missing import missing

import imgconv
from imgconv import Pipeline, face_arguments
from imgconv.core import params, plan, threads
from imgconv.nn import functional
from imgconv.pipeline.executors import arrays

# What a line may name.
__all__ = [
    "Image",
    "Layout",
    "Out",
    "Values",
    "apply_to_file",
    "chain",
    "check",
    "compare",
    "damaged_file",
    "dense",
    "face",
    "inf",
    "layer",
    "measured",
    "missing",
    "nan",
    "np",
    "order",
    "points",
    "pool_case",
    "row",
]

nan, inf = np.nan, np.inf
DOCUMENTED = (ValueError, TypeError, MemoryError)
# The reference implementations take so many pixels times pixels of the window.
SMALL = 300_000


# ---- lines ---------------------------------------------------------------------------------------


def call_of(name: str, *args: Any, **options: Any) -> str:
    """Return the text of a call; an argument that is text already is a `Text`."""
    parts = [repr(value) for value in args]
    parts += [f"{key}={value!r}" for key, value in options.items() if value is not None]
    return f"{name}({', '.join(parts)})"


class Text(str):
    """A part of a line that is written as it is."""

    __repr__ = str.__str__


# ---- where pixels lie ----------------------------------------------------------------------------


class Brief:
    """A dataclass whose repr leaves out what is as by default."""

    def __repr__(self) -> str:
        given = {each.name: getattr(self, each.name) for each in fields(self)
                if getattr(self, each.name) != each.default}  # fmt: skip
        return call_of(type(self).__name__, **given)


@dataclass(frozen=True, repr=False)
class Layout(Brief):
    """How an array lies in memory.

    `order` are its axes from the slowest to the fastest; `steps` how far neighbours along each axis
    lie apart, as a multiple of what is between them: negative is backwards, 0 the same pixel again.
    The first byte in use is `at` bytes behind the beginning of the memory.
    """

    order: tuple[int, ...]
    steps: tuple[int, ...]
    at: int = 0

    def strides(self, shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
        """Return the strides of an array in bytes."""
        strides, dense = [0] * len(shape), itemsize
        for axis in reversed(self.order):
            strides[axis] = dense * self.steps[axis]
            dense *= max(1, abs(self.steps[axis]) * shape[axis])
        return tuple(strides)

    def nbytes(self, shape: tuple[int, ...], dtype: str) -> int:
        """Return how many bytes of memory an array takes, those ahead of it too."""
        itemsize = np.dtype(dtype).itemsize
        reach = zip(self.strides(shape, itemsize), shape, strict=True)
        return self.at + itemsize + sum(abs(s) * max(0, n - 1) for s, n in reach)

    def array(self, memory: np.ndarray, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """Return the array in this memory."""
        strides = self.strides(shape, np.dtype(dtype).itemsize)
        back = sum(-s * max(0, n - 1) for s, n in zip(strides, shape, strict=True) if s < 0)
        return np.ndarray(shape, dtype, memory, self.at + back, strides)


@dataclass(frozen=True, repr=False)
class Image(Brief):
    """Random pixels."""

    shape: tuple[int, ...]
    dtype: str
    seed: int = 0
    layout: Layout | None = None
    read_only: bool = False

    @property
    def placed(self) -> Layout:
        """The layout, by default of a new array."""
        return self.layout or plain_layout(len(self.shape))

    def array(self, memory: np.ndarray | None = None) -> np.ndarray:
        """Return the pixels, in some memory or in their own; all around them is poison."""
        if memory is None:
            memory = poison(self.placed.nbytes(self.shape, self.dtype))
        array = self.placed.array(memory, self.shape, self.dtype)
        native = np.dtype(self.dtype).newbyteorder("=")
        values = random_pixels(np.random.default_rng(self.seed), self.shape, native.name)
        array[...] = values
        array.setflags(write=not self.read_only)
        return array


@dataclass(frozen=True, repr=False)
class Out(Brief):
    """An array to fill: in its own memory ("fresh"), in the image's, or the image itself."""

    where: str
    dtype: str = ""
    layout: Layout | None = None


def plain_layout(ndim: int) -> Layout:
    """Return how a new array lies."""
    return Layout(tuple(range(ndim)), (1,) * ndim)


def poison(nbytes: int) -> np.ndarray:
    """Return memory that holds NaN, or -1, or the largest integers."""
    return np.full(nbytes, 0xFF, np.uint8)


def plain(array: np.ndarray) -> np.ndarray:
    """Return a contiguous, aligned copy in the machine's byte order."""
    return array.astype(array.dtype.newbyteorder("="), order="C")


# ---- rows of the table, and more of their kind ---------------------------------------------------

Row = Case | Other
OTHERS_BY_ID = {row.id: row for row in OTHERS}
PLACES = {"minimum": 0, "maximum": -1, "erode": 0, "dilate": -1}


def row(name: str) -> Row:
    """Return a row of the table of filters."""
    return BY_ID.get(name) or OTHERS_BY_ID[name]


def order(name: str, window: Any, place: Any = None) -> Selection:
    """Return a row that selects pixels of a window: a size, or a footprint as a list of rows."""
    is_size = np.ndim(window) < 2
    footprint = np.ones(np.broadcast_to(window, 2), bool) if is_size else np.array(window, bool)
    count = np.count_nonzero(footprint)
    arguments = {"size" if is_size else "footprint": window}
    if name in SCIPY_MORPHOLOGY:
        definition = partial(morphology, name, footprint)
    else:
        places = PLACES.get(name, count // 2)
        if name == "rank":
            arguments["rank"] = places = place
        if name == "percentile":
            arguments["percentiles"] = place
            places = np.minimum(count - 1, count * np.array(place) // 100).astype(int).tolist()
        definition = partial(ranked, footprint, places)
    stacked = np.size(place) if np.ndim(place) else 0
    function = getattr(imgconv, name)
    return selection(name, function, arguments, footprint, None, definition, stacked)


def dense(name: str, size: tuple[int, int], seed: int, **options: Any) -> Case:
    """Return a row that correlates or convolves with a random kernel."""
    kernel = weights(np.random.default_rng(seed), size)
    geometry = {key: value for key, value in options.items() if key != "method"}
    return Case(
        id=name,
        function=getattr(imgconv, name),
        arguments={"kernel": kernel, **options},
        library=None,
        parts=(Part(kernel, flipped=name == "convolve", options=geometry),),
    )


# ---- running and checking ------------------------------------------------------------------------


@contextmanager
def settings(count: int, pieces: str | None = None) -> Iterator[None]:
    """Use so many threads for the smallest image, and cut it into the smallest pieces or bands."""
    small = {
        None: [],
        "strips": [(params, "STRIP_BYTES", 1), (params, "CHUNK_BYTES", 128)],
        "bands": [(arrays, "BAND_BYTES", 1), (arrays, "RUNS", 1)],
    }[pieces]
    small = [*small, (threads, "SERIAL_BELOW", 0)]
    before = [(module, name, getattr(module, name)) for module, name, _ in small]
    try:
        for module, name, value in small:
            setattr(module, name, value)
        if pieces == "strips":
            plan.PLANS.clear()
        with imgconv.threads(count), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)
        if pieces == "strips":
            plan.PLANS.clear()


def attempt(call: Callable[[], Any]) -> Any:
    """Return the result of a call, or the error that it documents."""
    try:
        return call()
    except DOCUMENTED as error:
        return error


def assert_same(actual: Any, expected: Any) -> None:
    """Both are the same error, or equal to the bit, except for the sign of zeros.

    Whether 0.0 or -0.0 is the minimum of a window depends on where blocks begin.
    """
    if isinstance(expected, Exception) or isinstance(actual, Exception):
        assert type(actual) is type(expected), f"{actual!r}, expected {expected!r}"
        return
    actual, expected = as_tuple(actual), as_tuple(expected)
    assert len(actual) == len(expected), f"{len(actual)} results, expected {len(expected)}"
    for one, other in zip(actual, expected, strict=True):
        assert_same_bits(unsigned(plain(one)), unsigned(plain(other)))


def unsigned(array: np.ndarray) -> np.ndarray:
    """Return an array without negative zeros."""
    return array + array.dtype.type(0) if array.dtype.kind == "f" else array


def check(
    row: Row, image: Image, out: Out | None = None, threads: int = 1, pieces: str | None = None,
    **common: Any,
) -> None:  # fmt: skip
    """Check a filter."""
    options = dict(common)
    if out is not None:
        options["dtype"] = np.dtype(out.dtype or image.dtype).newbyteorder("=")
    copy = plain(image.array())
    with settings(1):
        expected = attempt(lambda: row.call(copy, **options))
        assert_right(row, expected, copy, options)
    result = as_tuple(expected)[0] if not isinstance(expected, Exception) else copy
    count = getattr(row, "count", 1)
    with settings(threads, pieces):
        actual = filled(partial(row.call, **common), image, out, result.shape, count)
    assert_same(actual, expected)


def assert_right(row: Row, expected: Any, copy: np.ndarray, options: dict[str, Any]) -> None:
    """What a simple call returned is right by the definition, if that takes no long time."""
    if (
        isinstance(expected, Exception)
        or options.keys() & {"axes", "channel_axis"}
        or not copy.size
    ):
        return
    finite = copy.dtype.kind != "f" or np.isfinite(copy).all()
    if isinstance(row, Other):
        if finite and copy.size < SMALL / 100 and not options:
            row.assert_right(expected, copy)
        return
    small = copy.size * np.prod(row.parts[0].window) < SMALL
    if small and row.fits(copy.shape) and (finite or row.selects):
        cases.assert_right(row, expected, copy, **options)


def filled(
    call: Callable[..., Any], image: Image, out: Out | None, shape: tuple[int, ...], count: int
) -> Any:
    """Return the result of a call into arrays to fill; it must not touch the memory around them."""
    shared = out is not None and out.where == "shared"
    room = out.layout.nbytes(shape, out.dtype) if shared else 0
    memory = poison(max(room, image.placed.nbytes(image.shape, image.dtype)))
    array = image.array(memory)
    if out is None:
        before = memory.copy()
        result = attempt(lambda: call(array))
        assert (memory == before).all(), "the image was changed"
        return result
    if out.where == "same":
        targets, spaces = [(image.placed, image.dtype)] * count, [memory]
    else:
        targets, spaces = [(out.layout, out.dtype)] * count, [memory] if shared else []
    shape = image.shape if out.where == "same" else shape
    spaces += [poison(placed.nbytes(shape, dtype)) for placed, dtype in targets[len(spaces) :]]
    before = [space.copy() for space in [memory, *spaces]]
    outs = [p.array(space, shape, d) for (p, d), space in zip(targets, spaces, strict=True)]
    if out.where == "same":
        outs[0] = array
    given = outs[0] if count == 1 else tuple(outs)
    result = attempt(lambda: call(array, out=given))
    if not isinstance(result, Exception):
        assert result is given, "what was returned is not out"
        result = tuple(map(plain, outs))
    assert_left_alone([memory, *spaces], before, targets, shape)
    return result


def assert_left_alone(
    spaces: list[np.ndarray], before: list[np.ndarray], targets: list[Any], shape: tuple[int, ...]
) -> None:
    """Nothing has changed but the arrays to fill: one in each piece of memory except the first."""
    for number, (space, old) in enumerate(zip(spaces, before, strict=True)):
        for (placed, dtype), target in zip(targets, spaces[1:], strict=True):
            if space is target:
                for each in (space, old):
                    placed.array(each, shape, dtype)[...] = 0
        assert (space == old).all(), "the image was changed" if not number else "beyond out"


def chain(
    text: str, image: Image, out: Out | None = None, threads: int = 1, pieces: str | None = None,
    chunks: tuple[int, ...] | None = None, **common: Any,
) -> None:  # fmt: skip
    """Check a pipeline: against its steps one by one, in memory or in chunks of dask."""
    copy = plain(image.array())
    with settings(1):
        pipeline = Pipeline(text)
        expected = attempt(lambda: one_by_one(pipeline, copy, **common))
    results = () if isinstance(expected, Exception) else as_tuple(expected)
    with settings(threads, pieces):
        if chunks is not None:
            actual = attempt(lambda: lazily(pipeline, image.array(), chunks, common))
        else:
            shape = results[0].shape if results else image.shape
            if out is not None and results:
                out = replace(out, dtype=results[0].dtype.str)
            call = partial(pipeline, **common)
            actual = filled(call, image, out, shape, len(results) or 1)
    assert_same(actual, expected)


def one_by_one(pipeline: Pipeline, image: np.ndarray, **common: Any) -> Any:
    """Return the result of a pipeline run step by step; for a stack, that of the pipeline."""
    if "axes" in common:
        return pipeline(image, **common)
    return list(pipeline.stepwise(image, **common))[-1][1]


def lazily(pipeline: Pipeline, image: np.ndarray, chunks: tuple[int, ...], common: Any) -> Any:
    """Return the result of a pipeline for a dask array."""
    import dask
    import dask.array

    lazy = as_tuple_of_lazy(pipeline(dask.array.from_array(image, chunks=chunks), **common))
    found = dask.compute(*lazy, scheduler="synchronous")
    for promise, got in zip(lazy, found, strict=True):
        assert (promise.shape, promise.dtype) == (got.shape, got.dtype), "not as announced"
    return found


def as_tuple_of_lazy(result: Any) -> tuple[Any, ...]:
    """Return one dask array, or some, as a tuple."""
    return result if isinstance(result, tuple) else (result,)


def points(
    name: str, image: Image, template: Image | None = None, threads: int = 1,
    pieces: str | None = None, **options: Any,
) -> None:  # fmt: skip
    """Check a function that gives points, or compares an image with a template."""

    def run(prepare: Callable[[np.ndarray], np.ndarray]) -> Any:
        given = [prepare(each.array()) for each in (image, template) if each is not None]
        found = attempt(lambda: getattr(imgconv, name)(*given, **options))
        return tuple(found) if isinstance(found, list) else found

    with settings(1):
        expected = run(plain)
    with settings(threads, pieces):
        assert_same(run(lambda array: array), expected)


def face(seed: int, number: int, only: str | None = None, threads: int = 1) -> None:
    """Check a draw of fuzz_faces.py, and the same call with one bad argument."""
    call = fuzz_faces.draw(seed, number, only)
    check_face(call, threads)
    bad = fuzz_faces.with_bad_argument(np.random.default_rng((seed, number, 1)), call)
    what = face_calls.fault(bad)
    assert not what, what


def compare(name: str, *args: Any, threads: int = 1, **options: Any) -> None:
    """Check a call of a face."""
    args = tuple(given(value) for value in args)
    options = {key: given(value) for key, value in options.items()}
    check_face(face_calls.face_call(name, args, options), threads)


def check_face(call: face_calls.FaceCall, threads: int) -> None:
    """Check a call of a face."""
    face_arguments.SMALL_CALLS_FALL_BACK = False
    os.environ["IMGCONV_STRICT"] = "1"
    with settings(threads):
        what = face_calls.difference(call)
    assert not what, f"{call}\n{what}"


@dataclass(frozen=True)
class Values:
    """An array by its values."""

    values: list[Any]
    dtype: str


def given(value: Any) -> Any:
    """Return an argument of a line: an array for `Values`, all others as they are."""
    return np.array(value.values, value.dtype) if isinstance(value, Values) else value


def spelled_out(line: str) -> Iterator[str]:
    """Yield a line that holds the arguments of the face that a line draws, if it draws one."""
    if not line.startswith("face("):
        return
    drawn = ast.parse(line, mode="eval").body
    values = {each.arg: ast.literal_eval(each.value) for each in drawn.keywords}
    seed, number = map(ast.literal_eval, drawn.args)
    call = fuzz_faces.draw(seed, number, values.get("only"))
    shown = {key: written(value) for key, value in call.options.items()}
    name = f"{call.original.__name__}.{call.name}"
    yield call_of("compare", name, *map(written, call.args), threads=values["threads"], **shown)


def written(value: Any) -> Any:
    """Return what stands for an argument in a line."""
    if isinstance(value, np.ndarray):
        return Values(value.tolist(), value.dtype.str)
    return Text(f"np.{value.__name__}") if callable(value) else value


def apply_to_file(text: str, image: Image) -> None:
    """Check `imgconv apply` of a file with these pixels."""
    fuzz_files.apply_to_file(text, image.array())


def layer(
    name: str, *arrays: Any, threads: int = 1, grad: Image | None = None, **options: Any
) -> None:
    """Check a function of `imgconv.nn`, and its gradient if one is given (of any shape)."""

    def run(prepare: Callable[[np.ndarray], np.ndarray]) -> Any:
        given = [prepare(each.array()) if isinstance(each, Image) else each for each in arrays]
        first = attempt(lambda: getattr(functional, name)(*given, **options))
        if grad is None or isinstance(first, Exception):
            return first
        back = getattr(functional, f"{name}_backward")
        above = prepare(replace(grad, shape=first.shape, dtype=first.dtype.str).array())
        found = attempt(lambda: back(above, *given, **options))
        # The bias's gradient is left out: a sum of NumPy's, rounded as the array happens to lie.
        return found if isinstance(found, Exception) else (first, *as_tuple(found)[:2])

    with settings(1):
        expected = run(plain)
    with settings(threads):
        actual = run(lambda array: array)
    assert_same(actual, expected)

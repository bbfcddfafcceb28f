"""Random calls of imgconv, each held against a plain call, its steps or its definition.

    python tests/fuzz.py --seconds 600
    python tests/fuzz.py --seed 3 --calls 20000 --level v3
    python tests/fuzz.py --call 'check(row("median-5"), Image((3, 70), "<f4"), threads=3)'

A call is a line of Python, drawn from the seed and its number alone, and what runs is that line:
what is printed of a failure can be run again, and cut down by hand. Filters and pipelines must give
the bits that the same call gives on a contiguous copy, with one thread and no `out`; small images
are held against the slow twins, pipelines against their steps, faces against their originals.
ValueError, TypeError and MemoryError are answers if the plain call gives the same.

The calls run in a process of their own, which tells each line before it runs. One that ends the
process, or takes longer than LIMIT seconds, is a failure, and the next process goes on behind it.
"""

import argparse
import os
import selectors
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import cases
import fuzz_faces
import numpy as np
import oracle
from cases import BY_ID, CORE, OTHERS, Case, Choice, Other, as_tuple
from comparing import assert_same_bits
from fuzz_faces import array as random_pixels
from fuzz_faces import weights

import imgconv
from imgconv import Pipeline
from imgconv.core import plan, threads
from imgconv.nn import functional
from imgconv.pipeline import fused

DOCUMENTED = (ValueError, TypeError, MemoryError)
LIMIT = 120
# The slow twins take so many pixels times pixels of the window.
SMALL = 300_000


# ---- where pixels lie ----------------------------------------------------------------------------


class Brief:
    """A dataclass that is written without what it has by default."""

    def __repr__(self) -> str:
        told = {each.name: getattr(self, each.name) for each in fields(self)
                if getattr(self, each.name) != each.default}  # fmt: skip
        return call_of(type(self).__name__, **told)


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


def order(name: str, window: Any, place: Any = None) -> Choice:
    """Return a row that chooses pixels of a window: a size, or a footprint as a list of rows."""
    is_size = np.ndim(window) < 2
    footprint = np.ones(np.broadcast_to(window, 2), bool) if is_size else np.array(window, bool)
    count = np.count_nonzero(footprint)
    words = {"size" if is_size else "footprint": window}
    if name in cases.SCIPY_MORPHOLOGY:
        twin = partial(cases.morphed, name, footprint)
    else:
        wanted = PLACES.get(name, count // 2)
        if name == "rank":
            words["rank"] = wanted = place
        if name == "percentile":
            words["percentiles"] = place
            wanted = np.minimum(count - 1, count * np.array(place) // 100).astype(int).tolist()
        twin = partial(cases.ranked, footprint, wanted)
    layers = np.size(place) if np.ndim(place) else 0
    function = getattr(imgconv, name)
    return cases.choice(name, function, words, footprint, None, twin, layers)


def dense(name: str, size: tuple[int, int], seed: int, **options: Any) -> Case:
    """Return a row that correlates or convolves with a random kernel."""
    kernel = weights(np.random.default_rng(seed), size)
    about = {key: value for key, value in options.items() if key != "method"}
    return Case(
        id=name,
        function=getattr(imgconv, name),
        arguments={"kernel": kernel, **options},
        reference=None,
        parts=(cases.Part(kernel, turned=name == "convolve", options=about),),
    )


def pooling(**arguments: Any) -> Other:
    """Return a row that pools."""

    def expected(image: np.ndarray) -> np.ndarray:
        values = oracle.pool(image, **arguments)
        return cases.exact_integers(values, cases.pool_dtype(image.dtype, arguments["how"]))

    ulps = 64 if arguments["how"] in ("sum", "mean") else 1
    return Other("pool", imgconv.pool, arguments, expected, ulps, arguments["how"] == "mean")


# ---- running and checking ------------------------------------------------------------------------


@contextmanager
def settings(count: int, pieces: str | None = None) -> Iterator[None]:
    """Use so many threads for the smallest image, and cut it into the smallest pieces or bands."""
    small = {
        None: [],
        "strips": [(plan, "STRIP_BYTES", 1), (plan, "CHUNK_BYTES", 128)],
        "bands": [(fused, "BAND_BYTES", 1), (fused, "HALOS", 0)],
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
    """Both are the same error, or equal to the bit."""
    if isinstance(expected, Exception) or isinstance(actual, Exception):
        assert type(actual) is type(expected), f"{actual!r}, expected {expected!r}"
        return
    actual, expected = as_tuple(actual), as_tuple(expected)
    assert len(actual) == len(expected), f"{len(actual)} results, expected {len(expected)}"
    for one, other in zip(actual, expected, strict=True):
        assert_same_bits(plain(one), plain(other))


def check(
    row: Row, image: Image, out: Out | None = None, threads: int = 1, pieces: str | None = None,
    **common: Any,
) -> None:  # fmt: skip
    """Check a filter."""
    words = dict(common)
    if out is not None:
        words["dtype"] = np.dtype(out.dtype or image.dtype).newbyteorder("=")
    copy = plain(image.array())
    with settings(1):
        expected = attempt(lambda: row.call(copy, **words))
        assert_right(row, expected, copy, words)
    result = as_tuple(expected)[0] if not isinstance(expected, Exception) else copy
    count = getattr(row, "count", 1)
    with settings(threads, pieces):
        actual = filled(partial(row.call, **common), image, out, result.shape, count)
    assert_same(actual, expected)


def assert_right(row: Row, expected: Any, copy: np.ndarray, words: dict[str, Any]) -> None:
    """What a plain call gave is what the definition says, if that can be had soon."""
    if isinstance(expected, Exception) or words.keys() & {"axes", "channel_axis"} or not copy.size:
        return
    finite = copy.dtype.kind != "f" or np.isfinite(copy).all()
    if isinstance(row, Other):
        if finite and copy.size < SMALL / 100 and not words:
            row.assert_right(expected, copy)
        return
    small = copy.size * np.prod(row.parts[0].window) < SMALL
    if small and row.fits(copy.shape) and (finite or row.ordered):
        cases.assert_right(row, expected, copy, **words)


def filled(
    call: Callable[..., Any], image: Image, out: Out | None, shape: tuple[int, ...], count: int
) -> Any:
    """Return what a call gives into arrays to fill; memory around them must be left alone."""
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
    """Nothing of some memory was changed but the arrays to fill, which all but the first hold."""
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
    """Return what the steps of a pipeline give one by one; of a stack, what the pipeline gives."""
    if "axes" in common:
        return pipeline(image, **common)
    return list(pipeline.stepwise(image, **common))[-1][1]


def lazily(pipeline: Pipeline, image: np.ndarray, chunks: tuple[int, ...], common: Any) -> Any:
    """Return what a pipeline gives of a dask array."""
    import dask
    import dask.array

    lazy = as_tuple_of_lazy(pipeline(dask.array.from_array(image, chunks=chunks), **common))
    found = dask.compute(*lazy, scheduler="synchronous")
    for promise, got in zip(lazy, found, strict=True):
        assert (promise.shape, promise.dtype) == (got.shape, got.dtype), "not what was promised"
    return found


def as_tuple_of_lazy(result: Any) -> tuple[Any, ...]:
    """Return one dask array, or some, as a tuple."""
    return result if isinstance(result, tuple) else (result,)


def face(seed: int, number: int, threads: int = 1) -> None:
    """Check a draw of tests/fuzz_faces.py."""
    fuzz_faces.ndimage_arguments.SMALL = imgconv.signal.convolution.SMALL = 0
    imgconv.signal.smoothing.SMALL = imgconv.skimage.measure.SMALL = 0
    call = fuzz_faces.draw(seed, number)
    with settings(threads):
        what = fuzz_faces.difference(call)
    assert not what, f"{call}\n{what}"


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


# ---- draws: lines of Python ----------------------------------------------------------------------

Draw = np.random.Generator
MODES = [*cases.MODES, "grid-mirror", "grid-wrap", "grid-constant"]
# On both sides of the widths of tiles, chunks and strips.
EDGES = (63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 513, 1023, 1024, 1025, 2049, 4097)
ORDER = ("minimum", "maximum", "median", "percentile", "rank", *cases.SCIPY_MORPHOLOGY)


def one_of(rng: Draw, values: Any) -> Any:
    """Return one of some values, as it is."""
    return values[int(rng.integers(len(values)))]


def between(rng: Draw, low: int, high: int) -> int:
    """Return an integer from low to high, both included."""
    return int(rng.integers(low, high + 1))


def call_of(name: str, *args: Any, **options: Any) -> str:
    """Return the text of a call; what is text already stands as `Text`."""
    parts = [repr(value) for value in args]
    parts += [f"{key}={value!r}" for key, value in options.items() if value is not None]
    return f"{name}({', '.join(parts)})"


class Text(str):
    """A part of a line that stands as it is."""

    __repr__ = str.__str__


def size(rng: Draw) -> tuple[int, int]:
    """Return the size of an image: empty, thin, small, or past the pieces that loops work on."""
    way = rng.random()
    if way < 0.03:
        return one_of(rng, [(0, 0), (0, between(rng, 1, 9)), (between(rng, 1, 9), 0)])
    if way < 0.15:
        return one_of(rng, [(1, 1), (1, between(rng, 1, 300)), (between(rng, 1, 300), 1)])
    if way < 0.45:
        most = one_of(rng, [3, 12])
        return between(rng, 1, most), between(rng, 1, most)
    if way < 0.85:
        return between(rng, 1, 70), between(rng, 1, 90)
    if way < 0.95:
        return between(rng, 1, 9), one_of(rng, EDGES) + between(rng, -1, 1)
    return between(rng, 100, 700), between(rng, 1, 20)


def layout(rng: Draw, ndim: int, steps: tuple[int, ...]) -> Layout:
    """Return a layout with some of these steps along its axes."""
    axes = rng.permutation(ndim) if rng.random() < 0.4 else np.arange(ndim)
    away = one_of(rng, [1, 2, 3, 8, 64, 4096]) if rng.random() < 0.4 else 0
    return Layout(tuple(axes.tolist()), tuple(one_of(rng, steps) for _ in range(ndim)), away)


def dtype(rng: Draw) -> str:
    """Return the dtype of pixels, in either byte order."""
    name = np.dtype(one_of(rng, cases.DTYPES)).str
    return name.replace("<", ">") if rng.random() < 0.2 else name


def axes(rng: Draw, most: int = 2) -> tuple[tuple[int, ...], dict[str, Any]]:
    """Return the shape of an image and the words that say which of its axes are what."""
    height, width = size(rng)
    more = 0 if rng.random() < 0.7 else between(rng, 1, most)
    if not more:
        return (height, width), {}
    sides = [one_of(rng, [0, 1, 1, 2, 3, 3, 4, 5]) for _ in range(more)]
    small = height * width * int(np.prod(sides)) > 40_000
    shape = [*(min(n, 40) if small else n for n in (height, width)), *sides]
    places = rng.permutation(len(shape)).tolist()
    whole = tuple(shape[axis] for axis in places)
    y, x, *others = (places.index(axis) - len(shape) * (rng.random() < 0.3) for axis in
                     range(len(shape)))  # fmt: skip
    if more == 1 and rng.random() < 0.6:
        return whole, {"channel_axis": others[0]} | ({"axes": (y, x)} if rng.random() < 0.3 else {})
    channel = {"channel_axis": others[-1]} if rng.random() < 0.4 else {}
    return whole, {"axes": (y, x)} | channel


def image(rng: Draw, shape: tuple[int, ...], kind: str | None = None) -> Image:
    """Return an image in some layout."""
    way = rng.random()
    placed = None
    if way < 0.6:
        steps = (1,) if way < 0.1 else (1, 1, -1) if way < 0.3 else (1, -1, 2, -2, 3, 0)
        placed = layout(rng, len(shape), steps)
    return Image(shape, kind or dtype(rng), between(rng, 0, 999), placed, rng.random() < 0.1)


def out(rng: Draw, image: Image, ndim: int, same_size: bool) -> Out | None:
    """Return an array to fill, or none."""
    way = rng.random()
    if way < 0.4:
        return None
    writable = not image.read_only
    if way < 0.55 and same_size and writable and 0 not in image.placed.steps:
        return Out("same")
    kind = np.dtype(image.dtype).str if rng.random() < 0.5 else dtype(rng)
    steps = (1,) if rng.random() < 0.4 else (1, 1, -1, 2, -3)
    where = "shared" if way < 0.8 and writable else "fresh"
    return Out(where, kind, layout(rng, ndim, steps))


def border(rng: Draw) -> dict[str, Any]:
    """Return mode and cval."""
    words: dict[str, Any] = {}
    if rng.random() < 0.8:
        one = one_of(rng, MODES)
        words["mode"] = one if rng.random() < 0.6 else (one, one_of(rng, MODES))
    if rng.random() < 0.4:
        words["cval"] = one_of(rng, [1.0, 1.5, -3.25, 300.0, 70_000.0])
    return words


def footprint(rng: Draw) -> list[list[int]]:
    """Return the pixels of a window; often with empty margins on some sides."""
    most = one_of(rng, [3, 5, 9, 17])
    height, width = between(rng, 1, most), between(rng, 1, most)
    pixels = rng.random((height, width)) < one_of(rng, [0.15, 0.5, 0.8, 1.0])
    if rng.random() < 0.5:
        inside = np.zeros_like(pixels)
        top, left = between(rng, 0, height - 1), between(rng, 0, width - 1)
        inside[top : between(rng, top, height), left : between(rng, left, width)] = True
        pixels &= inside
    if not pixels.any():
        pixels[between(rng, 0, height - 1), between(rng, 0, width - 1)] = True
    return pixels.astype(int).tolist()


def order_row(rng: Draw) -> tuple[str, int]:
    """Return the text of a row that chooses pixels, and how many layers it gives."""
    name = one_of(rng, ORDER)
    if rng.random() < 0.6:
        window: Any = footprint(rng)
    else:
        window = (between(rng, 1, 9), one_of(rng, [1, 2, 3, 5, 8, 15, 40]))
    count = np.count_nonzero(window) if np.ndim(window) == 2 else int(np.prod(window))
    place: Any = None
    if name == "rank":
        place = between(rng, -count, count - 1)
    if name == "percentile":
        place = one_of(rng, [0, 20, 50, 100, [50], [0, 30, 100]])
    return call_of("order", name, window, place), len(place) if isinstance(place, list) else 0


def dense_row(rng: Draw) -> str:
    """Return the text of a row that correlates or convolves."""
    most = one_of(rng, [3, 3, 5, 5, 9, 30])
    options: dict[str, Any] = {}
    if rng.random() < 0.3:
        options["stride"] = (between(rng, 1, 4), between(rng, 1, 4))
    if rng.random() < 0.3:
        options["dilation"] = (between(rng, 1, 5), between(rng, 1, 5))
    if rng.random() < 0.3:
        options["shape"] = one_of(rng, ["same", "full", "valid"])
    if rng.random() < 0.3:
        options["method"] = one_of(rng, ["direct", "fft", "separable"])
    sides = between(rng, 1, most), between(rng, 1, most)
    return call_of("dense", one_of(rng, ["correlate", "convolve"]), sides, between(rng, 0, 99),
                   **options)  # fmt: skip


def pool_row(rng: Draw) -> str:
    """Return the text of a row that pools."""
    window = between(rng, 1, 9), between(rng, 1, 9)
    words: dict[str, Any] = {"size": window, "how": one_of(rng, ["max", "min", "sum", "mean",
                                                                 "median"])}  # fmt: skip
    if rng.random() < 0.6:
        words["stride"] = between(rng, 1, 9), between(rng, 1, 9)
    if rng.random() < 0.4:
        words["padding"] = tuple((between(rng, 0, k // 2), between(rng, 0, k // 2)) for k in window)
    if rng.random() < 0.3:
        words["dilation"] = between(rng, 1, 3), between(rng, 1, 3)
    if rng.random() < 0.3:
        words["ceil_mode"] = True
    return call_of("pooling", **words)


def filter_line(rng: Draw) -> str:
    """Return a call of `check`."""
    way, layers = rng.random(), 0
    if way < 0.35:
        text, layers = order_row(rng)
    elif way < 0.5:
        text = dense_row(rng)
    elif way < 0.57:
        text = pool_row(rng)
    else:
        rows = CORE if rng.random() < 0.3 else OTHERS if rng.random() < 0.15 else cases.CASES
        text = f"row({one_of(rng, rows).id!r})"
    filter = eval(text)
    shape, words = axes(rng)
    pixels = image(rng, shape)
    if isinstance(filter, Case):
        words |= border(rng)
        layers = layers or getattr(filter, "layers", 0)
    same_size = not layers and getattr(filter, "keeps_size", filter.function is not imgconv.pool)
    target = out(rng, pixels, len(shape) + bool(layers), same_size)
    if target is None and rng.random() < 0.2:
        words["dtype"] = np.dtype(dtype(rng)).name
    pieces = "strips" if rng.random() < 0.2 else None
    return call_of("check", Text(text), pixels, out=target, threads=between(rng, 1, 5),
                   pieces=pieces, **words)  # fmt: skip


def step_text(rng: Draw, mode: str) -> str:
    """Return one step of a pipeline; `mode` for all its borders."""
    from test_pipeline import BRANCHED, POINTWISE, WINDOWED

    way = rng.random()
    if way < 0.4:
        name = one_of(rng, ("minimum", "maximum", "median", *cases.SCIPY_MORPHOLOGY))
        return call_of(name, footprint=footprint(rng), mode=Text(mode))
    if way < 0.5:
        size = between(rng, 1, 6), between(rng, 1, 6)
        kernel = np.round(weights(rng, size), 2).tolist()
        return call_of(one_of(rng, ["correlate", "convolve"]), kernel=kernel, mode=Text(mode))
    if way < 0.8:
        return one_of(rng, WINDOWED).format(mode)
    if way < 0.92:
        return one_of(rng, POINTWISE)
    return one_of(rng, BRANCHED).format(mode, mode)


def chain_line(rng: Draw) -> str:
    """Return a call of `chain`."""
    mode = one_of(rng, cases.MODES)
    steps = []
    for _ in range(between(rng, 1, 5)):
        mode = one_of(rng, cases.MODES) if rng.random() < 0.3 else mode
        steps.append(step_text(rng, mode))
    shape, words = axes(rng, 1)
    pixels = image(rng, shape)
    chunks = target = None
    if rng.random() < 0.35:
        # No more than a few chunks along each axis: a task costs a millisecond.
        chunks = tuple(max(1, n // between(rng, 1, 5)) for n in shape)
    elif rng.random() < 0.4:
        target = out(rng, pixels, len(shape), False)
    pieces = "bands" if rng.random() < 0.6 else None
    return call_of("chain", " | ".join(steps), pixels, out=target, threads=between(rng, 1, 5),
                   pieces=pieces, chunks=chunks, **words)  # fmt: skip


def layer_line(rng: Draw) -> str:
    """Return a call of `layer`."""
    name = one_of(rng, ["conv2d", "conv_transpose2d", "max_pool2d", "avg_pool2d", "lp_pool2d"])
    kind = one_of(rng, ["<f4", "<f4", "<f8", ">f4"])
    channels, window = between(rng, 1, 5), (between(rng, 1, 5), between(rng, 1, 5))
    first = image(rng, (between(rng, 0, 3), channels, *size(rng)), kind)
    options: dict[str, Any] = {"stride": (between(rng, 1, 3), between(rng, 1, 3))}
    options["padding"] = tuple(between(rng, 0, k // 2) for k in window)
    grad = image(rng, (0, 0, 0, 0), kind) if rng.random() < 0.6 else None
    words: dict[str, Any] = {"threads": between(rng, 1, 5), "grad": grad, **options}
    if name == "lp_pool2d":
        del words["padding"]
        return call_of("layer", name, first, 2, window, **words)
    if not name.startswith("conv"):
        return call_of("layer", name, first, window, **words)
    others = between(rng, 1, 9)
    sides = (others, channels) if name == "conv2d" else (channels, others)
    kernel = image(rng, (*sides, *window), kind)
    bias = image(rng, (others,), kind) if rng.random() < 0.5 else None
    dilation = between(rng, 1, 2), between(rng, 1, 2)
    return call_of("layer", name, first, kernel, bias, **words, dilation=dilation)


def draw(seed: int, number: int) -> str:
    """Return line number `number`."""
    rng = np.random.default_rng((seed, number))
    way = rng.random()
    if way < 0.6:
        return filter_line(rng)
    if way < 0.78:
        return chain_line(rng)
    if way < 0.94:
        return call_of("face", seed, number, threads=between(rng, 1, 5))
    return layer_line(rng)


# ---- the process that runs them, and the one that watches it -------------------------------------


def run(line: str) -> str:
    """Run a line and return what went wrong; nothing if all is well."""
    try:
        eval(line)
    except Exception as error:
        notes = getattr(error, "__notes__", [])
        if isinstance(error, AssertionError):
            return "\n".join([str(error), *notes])
        return "".join(traceback.format_exception(error)[-4:])
    return ""


def serve(seed: int, first: int, last: int) -> None:
    """Run lines; tell each before it runs, and what came of it."""
    for number in range(first, last):
        line = draw(seed, number)
        print(f"call {number} {line}", flush=True)
        print(f"done {number} {run(line)!r}", flush=True)


def watched(seed: int, first: int, last: int, level: str | None) -> Iterator[tuple[int, str, str]]:
    """Yield (number, line, what went wrong) of each call of one process, until it ends."""
    command = [sys.executable, __file__, "--seed", str(seed), "--serve", f"{first}:{last}"]
    env = {**os.environ, "OMP_WAIT_POLICY": "passive"} | ({"IMGCONV_ISA": level} if level else {})
    with tempfile.TemporaryFile() as words:
        child = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=words, text=True)
        number, line, what = first - 1, "", ""
        try:
            for told in lines_of(child):
                kind, _, rest = told.rstrip("\n").partition(" ")
                if kind == "call":
                    number, line = int(rest.partition(" ")[0]), rest.partition(" ")[2]
                elif kind == "done":
                    yield number, line, eval(rest.partition(" ")[2])
                    line = ""
            child.wait()
            what = f"the process ended with {child.returncode}"
        except TimeoutError:
            what = f"no answer in {LIMIT} s"
        finally:
            child.kill()
            child.wait()
        if line or child.returncode:
            words.seek(0)
            said = words.read().decode(errors="replace").splitlines()
            yield number, line, "\n".join([what, *said[:60]])


def lines_of(child: subprocess.Popen) -> Iterator[str]:
    """Yield what a process prints; TimeoutError where it prints nothing for long."""
    with selectors.DefaultSelector() as ready:
        ready.register(child.stdout, selectors.EVENT_READ)
        while True:
            # A line that is told ahead of another may lie in the buffer: each is told by itself.
            if not ready.select(LIMIT):
                raise TimeoutError
            line = child.stdout.readline()
            if not line:
                return
            yield line


def watch(wanted: argparse.Namespace) -> int:
    """Run calls in processes of their own, report, and return how many failed."""
    begin = told = time.monotonic()
    done, last, failed = 0, wanted.calls, 0
    while done < last and failed < wanted.failures:
        for number, line, what in watched(wanted.seed, done, last, wanted.level):
            done, now = number + 1, time.monotonic()
            if what:
                failed += 1
                print(f"{what}\npython tests/fuzz.py --call {line!r}\n", flush=True)
            if now - told > 30:
                told = now
                print(f"{done} calls, {failed} failed, {now - begin:.0f} s", flush=True)
            if now - begin > wanted.seconds or failed == wanted.failures:
                last = done
                break
    print(f"{done} calls with seed {wanted.seed}, {failed} failed")
    return failed


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--calls", type=int, default=10**9, help="no more than these")
    parser.add_argument("--seconds", type=float, default=10**9, help="no longer than this")
    parser.add_argument("--level", help="the instruction set: v2, v3, v4")
    parser.add_argument("--failures", type=int, default=20, help="stop after so many")
    parser.add_argument("--call", metavar="LINE", help="run this call alone")
    parser.add_argument("--serve", metavar="FIRST:LAST", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.call:
        print(run(wanted.call) or "no failure")
        return 0
    if wanted.serve:
        serve(wanted.seed, *map(int, wanted.serve.split(":")))
        return 0
    if wanted.calls == wanted.seconds:
        wanted.seconds = 60
    return int(watch(wanted) > 0)


if __name__ == "__main__":
    sys.exit(main())

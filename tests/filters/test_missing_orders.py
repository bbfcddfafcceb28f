"""Orders of the pixels that count: ranks, extremes, morphology."""

import tracemalloc

import cases
import numpy as np
import oracle_missing
import pytest
from comparing import assert_same_bits, awkward_arrays

import imgconv
from imgconv.filters import counted

CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 1]], bool)
DISK = np.hypot(*np.ogrid[-7:8, -7:8]) <= 7.3


def full(height, width):
    """Return the footprint of a rectangle."""
    return np.ones((height, width), bool)


# Function, arguments, options, footprint, which of n pixels.
ORDERS = {
    "median": (imgconv.median, (3,), {}, full(3, 3), lambda n: n // 2),
    "median 5": (imgconv.median, (5,), {}, full(5, 5), lambda n: n // 2),
    "median 4x7": (imgconv.median, ((4, 7),), {}, full(4, 7), lambda n: n // 2),
    "median 13": (imgconv.median, (13,), {}, full(13, 13), lambda n: n // 2),
    "median cross": (imgconv.median, (), {"footprint": CROSS}, CROSS, lambda n: n // 2),
    "median disk": (imgconv.median, (), {"footprint": DISK}, DISK, lambda n: n // 2),
    "percentile": (
        imgconv.percentile, (30, 5), {}, full(5, 5), lambda n: min(int(n * 0.3), n - 1),
    ),
    "percentile 90": (
        imgconv.percentile, (90, (3, 4)), {}, full(3, 4), lambda n: min(int(n * 90 / 100), n - 1),
    ),
    "rank": (imgconv.rank, (2, 3), {}, full(3, 3), lambda n: min(2, n - 1)),
    "rank from the end": (imgconv.rank, (-3, 3), {}, full(3, 3), lambda n: max(n - 3, 0)),
    "minimum": (imgconv.minimum, (3,), {}, full(3, 3), lambda n: 0),
    "maximum": (imgconv.maximum, ((5, 2),), {}, full(5, 2), lambda n: n - 1),
    "high maximum": (imgconv.maximum, ((15, 3),), {}, full(15, 3), lambda n: n - 1),
    "minimum cross": (imgconv.minimum, (), {"footprint": CROSS}, CROSS, lambda n: 0),
    "erode": (imgconv.erode, (5,), {}, full(5, 5), lambda n: 0),
    "dilate": (imgconv.dilate, (5,), {}, full(5, 5), lambda n: n - 1),
}  # fmt: skip
MODES = (*cases.MODES, "ignore", ("ignore", "reflect"), ("constant", "ignore"))

each_order = pytest.mark.parametrize("name", ORDERS)


def weights_of(shape, seed=0, share=0.3):
    """Return weights of which a share is 0, and all of a square."""
    rng = np.random.default_rng(seed)
    found = rng.random(shape) * (rng.random(shape) > share)
    found[:6, :7] = 0
    return found


def spread(image):
    """Return the pixels over the whole range of their dtype, NaN and infinities among floats."""
    if image.dtype.kind == "f":
        found = image.copy()
        found[image > np.quantile(image, 0.97)] = np.inf
        return found
    if image.dtype.kind == "b":
        return image
    info = np.iinfo(image.dtype)
    rng = np.random.default_rng(3)
    found = rng.integers(info.min, info.max, image.shape, image.dtype, endpoint=True)
    found[::5] = info.max
    return found


def assert_order(actual, exact, image):
    """Assert pixels of the image; NaN is 0 in integers."""
    if actual.dtype.kind == "f":
        assert_same_bits(actual, exact.astype(actual.dtype))
    else:
        assert_same_bits(actual, np.nan_to_num(exact).astype(actual.dtype))


SMALL = ("bool", "int8", "uint8", "int16", "uint16", "float16", "float32", "int32", "float64")


@pytest.mark.parametrize("dtype", SMALL)
@each_order
def test_weights(name, dtype):
    function, arguments, options, footprint, place = ORDERS[name]
    image = spread(cases.sample((21, 45), dtype))
    weights = weights_of(image.shape)
    actual = function(image, *arguments, **options, weights=weights)
    exact = oracle_missing.order(image, footprint, place, weights=weights)
    assert_order(actual, exact, image)


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_long_integers(dtype):
    # The reference implementation has float64.
    low = -(2**52) if dtype == "int64" else 0
    image = np.random.default_rng(2).integers(low, 2**52, (21, 45)).astype(dtype)
    weights = weights_of(image.shape)
    actual = imgconv.median(image, 3, weights=weights)
    exact = oracle_missing.order(image, full(3, 3), lambda n: n // 2, weights=weights)
    assert_order(actual, exact, image)


@pytest.mark.parametrize("mode", MODES, ids=str)
@each_order
def test_borders(name, mode):
    function, arguments, options, footprint, place = ORDERS[name]
    for shape in ((17, 30), (2, 3), (1, 1)):
        image = spread(cases.sample(shape, "float32"))
        image[0, 0] = np.nan
        how = {"mode": mode, "cval": 3.0, "nan": "omit"}
        actual = function(image, *arguments, **options, **how)
        assert_order(actual, oracle_missing.order(image, footprint, place, **how), image)


@each_order
def test_nan_spreads_where_it_counts(name):
    function, arguments, options, footprint, place = ORDERS[name]
    for dtype in ("float16", "float32", "float64"):
        image = cases.sample((24, 70), dtype)
        image[10, 20] = image[3, 3] = np.nan
        weights = weights_of(image.shape)
        weights[10, 20] = 1
        actual = function(image, *arguments, **options, weights=weights)
        exact = oracle_missing.order(image, footprint, place, weights=weights)
        assert_order(actual, exact, image)


@each_order
def test_ones_are_plain(name):
    function, arguments, options, *_ = ORDERS[name]
    for dtype in ("uint8", "int16", "float32"):
        image = cases.sample((33, 140), dtype)
        plain = function(image, *arguments, **options)
        for ones in (np.ones(image.shape), np.full(image.shape, 7, np.uint8)):
            assert_same_bits(function(image, *arguments, **options, weights=ones), plain)


@each_order
def test_layouts(name):
    function, arguments, options, *_ = ORDERS[name]
    image = cases.sample((33, 61), "uint8")
    weights = weights_of(image.shape).astype(np.float16)
    expected = function(image, *arguments, **options, weights=weights)
    for _, awkward in awkward_arrays(weights):
        assert_same_bits(function(image, *arguments, **options, weights=awkward), expected)
    mask = weights > 0
    assert_same_bits(function(image, *arguments, **options, weights=mask), expected)
    negative_zeros = np.where(mask, weights, np.float16(-0.0))
    assert_same_bits(function(image, *arguments, **options, weights=negative_zeros), expected)
    colours = np.stack([image, image // 2, image], axis=-1)
    found = function(colours, *arguments, **options, weights=weights, channel_axis=-1)
    assert_same_bits(np.ascontiguousarray(found[..., 2]), expected)
    out = image.copy()
    function(out, *arguments, **options, weights=weights, out=out)
    assert_same_bits(out, expected)


@each_order
def test_threads_change_nothing(name, monkeypatch):
    function, arguments, options, *_ = ORDERS[name]
    monkeypatch.setattr(imgconv.core.threads, "SERIAL_BELOW", 0)
    image, weights = cases.sample((203, 90), "uint8"), weights_of((203, 90))
    found = []
    for count in (1, 2, 5):
        with imgconv.threads(count):
            found.append(function(image, *arguments, **options, weights=weights))
    assert_same_bits(found[1], found[0])
    assert_same_bits(found[2], found[0])


def test_several_percentiles():
    image, weights = cases.sample((33, 61), "float32"), weights_of((33, 61))
    wanted = (10, 50, 95)
    for size in (3, 15):
        several = imgconv.percentile(image, wanted, size, weights=weights)
        for p, one in zip(wanted, several, strict=True):
            assert_same_bits(one, imgconv.percentile(image, p, size, weights=weights))


# ---- two extremes ----------------------------------------------------------------------------

NAMES = (
    "opening", "closing", "morphological_gradient", "white_tophat", "black_tophat",
)  # fmt: skip


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "float32"])
@pytest.mark.parametrize("name", NAMES)
def test_morphology_of_ones_is_plain(name, dtype):
    """In every mode, and with an element that differs from its flipped form."""
    function = getattr(imgconv, name)
    image = cases.sample((19, 33), dtype)
    for mode in cases.MODES:
        for element in ({"size": (3, 4)}, {"footprint": CROSS}):
            how = {"mode": mode, "cval": 1.0, **element}
            plain = function(image, **how)
            assert_same_bits(function(image, **how, weights=np.ones(image.shape)), plain)
            out = np.empty_like(plain)
            assert function(image, **how, weights=np.ones(image.shape), out=out) is out
            assert_same_bits(out, plain)


@pytest.mark.parametrize("mode", ["ignore", ("reflect", "ignore")])
def test_openings_of_what_counts(mode):
    image, weights = cases.sample((19, 33), "float32"), weights_of((19, 33), share=0.6)
    both = (mode, mode) if isinstance(mode, str) else mode

    def extreme(values, counts, largest):
        place = (lambda n: n - 1) if largest else (lambda n: 0)
        return oracle_missing.order(values, full(3, 3), place, weights=counts, mode=both)

    shrunk = extreme(image, weights, False)
    opened = extreme(np.nan_to_num(shrunk), ~np.isnan(shrunk), True)
    assert_order(imgconv.opening(image, mode=mode, weights=weights), opened, image)
    grown = extreme(image, weights, True)
    gradient = imgconv.morphological_gradient(image, mode=mode, weights=weights)
    assert_order(gradient, (grown - shrunk).astype(np.float32), image)
    top = np.where(weights > 0, image - opened, np.nan).astype(np.float32)
    assert_order(imgconv.white_tophat(image, mode=mode, weights=weights), top, image)


@pytest.mark.parametrize("name", NAMES)
def test_openings_of_a_few_rows_at_once(name, monkeypatch):
    """The rows that are computed together change no bit; nothing else is as large as the image."""
    function = getattr(imgconv, name)
    for shape, axes in (
        *(((40, 23), {}), ((40, 23, 3), {"channel_axis": -1})),
        *(((3, 40, 23), {"axes": (1, 2)}), ((23, 3, 40), {"axes": (2, 0)})),
    ):
        image, weights = cases.sample(shape, "float32"), weights_of(shape, share=0.6)
        image[weights_of(shape, share=0.1) > 0] = np.nan
        for mode in (*cases.MODES, "ignore", ("ignore", "wrap")):
            for footprint in (CROSS, np.tri(2, 5)):
                how = {"footprint": footprint, "mode": mode, "weights": weights, "nan": "omit"}
                whole = function(image, **how, **axes)
                with monkeypatch.context() as patch:
                    patch.setattr(counted, "PIECE", 1)
                    assert_same_bits(function(image, **how, **axes), whole)
                    own = image.copy()
                    assert function(own, **how, **axes, out=own) is own
                    assert_same_bits(own, whole)


@pytest.mark.parametrize("name", NAMES)
def test_openings_need_no_second_image(name):
    image = np.resize(cases.sample((200, 2000), "float32"), (3000, 2000))
    out, weights = np.empty_like(image), image > 0.1
    tracemalloc.start()
    getattr(imgconv, name)(image, 3, weights=weights, out=out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**24 < image.nbytes

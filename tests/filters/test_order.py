"""Rank filters against SciPy, their laws, sorting networks, and where algorithms change."""

import itertools

import cases
import numpy as np
import oracle
import pytest
from cases import sample
from comparing import assert_same_bits
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

import imgconv
from imgconv.core.run import Call
from imgconv.filters import order
from imgconv.operations import network
from imgconv.operations.rank import (
    NETWORK_FOOTPRINT,
    NETWORK_RECTANGLE,
    Footprint,
    HistogramRank,
    NetworkRank,
)

CASES = cases.of(order)
DTYPES = cases.DTYPES
FILTERS = (imgconv.minimum, imgconv.maximum, imgconv.median)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_as_scipy(case):
    for mode, dtype in itertools.product(cases.MODES, ("uint8", "int16", "float32", "int32")):
        image = sample((23, 77), dtype)
        cases.assert_right(
            case,
            case.call(image, mode=mode, cval=7),
            image,
            exact=case.library(image, mode, 7),
            dtype=dtype,
        )


# ---- where one algorithm ends and another begins -----------------------------------------------


def run(operation, image, **options):
    """Return the result of an operation."""
    return Call(operation, image, **options).run()


def sizes_around(area):
    """Return squares and oblongs of about so many pixels."""
    side = int(area**0.5)
    return [
        (side, side),
        (side, side + 1),
        (side + 1, side + 1),
        (3, area // 3 + 1),
        (area // 5, 5),
    ]


@pytest.mark.parametrize(
    "dtype", ["uint8", "float16", "uint16", "float32", "int32", "float64", "int64"]
)
def test_both_algorithms_agree(dtype):
    """Networks and histograms, on both sides of the size at which one takes over."""
    image = sample((40, 90), dtype)
    for size in sizes_around(NETWORK_RECTANGLE[np.dtype(dtype).itemsize]):
        window = Footprint(size, (size[0] // 2, size[1] // 3))
        for ranks in ((window.count // 2,), (0, window.count // 3, window.count - 1)):
            stacked = len(ranks) if len(ranks) > 1 else 0
            by_network = run(NetworkRank(window, ranks, stacked), image)
            assert_same_bits(by_network, run(HistogramRank(window, ranks, stacked), image))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "int64"])
def test_both_algorithms_agree_on_footprints(dtype):
    image = sample((30, 80), dtype)
    for height, width in ((7, 9), (12, 15), (1, 40), (40, 2)):
        pixels = np.random.default_rng(height).random((height, width)) < 0.6
        window = Footprint.of(pixels, (height // 2, width // 2))
        ranks = (window.count // 2, window.count - 2)
        by_network = run(NetworkRank(window, ranks, 2), image)
        assert_same_bits(by_network, run(HistogramRank(window, ranks, 2), image))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_chosen_by_the_size_of_the_window(dtype):
    image = np.zeros((9, 9), dtype)
    size = np.dtype(dtype).itemsize
    for most, options in (
        (NETWORK_RECTANGLE[size], lambda n: {"size": (1, n)}),
        (NETWORK_FOOTPRINT[size], lambda n: {"footprint": [[1] * (n - 1) + [0, 1]]}),
    ):
        for n, algorithm in ((most, NetworkRank), (most + 1, HistogramRank)):
            planned = imgconv.explain(imgconv.median, image, **options(n))
            assert type(planned.operation) is algorithm


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_registers_and_planes_agree(dtype, channels):
    """Medians whose network is compiled code, and the same networks as data."""
    image = sample((37, 90, channels), dtype)
    for size in (3, 5):
        window = order.rectangle(size)
        operation = NetworkRank(window, (window.count // 2,))
        assert operation.coded == size * size
        as_data = NetworkRank(window, (window.count // 2, 1), 2)
        assert not as_data.coded
        actual = run(operation, image, channel_axis=-1)
        assert_same_bits(actual, run(as_data, image, channel_axis=-1)[0].copy())


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (200, 1), (129, 65), (257, 1030), (40, 4100)])
def test_tiles_and_strips(shape):
    """Images of one pixel to more than a tile, a strip and a chunk."""
    for dtype, size in itertools.product(("uint8", "uint16", "float32"), (3, 5, 9, 27, (2, 33))):
        image = sample(shape, dtype)
        for function, library in zip(
            FILTERS,
            (ndimage.minimum_filter, ndimage.maximum_filter, ndimage.median_filter),
            strict=True,
        ):
            if function is imgconv.median and np.prod(size) * np.ndim(size) * image.size > 2e6:
                continue
            assert_same_bits(function(image, size), library(image, size))


@pytest.mark.parametrize("size", [(300, 3), (3, 300), (101, 101)])
def test_windows_of_more_pixels_than_sixteen_bits_count(size):
    image = sample((20, 30), "uint8")
    for function, library in zip(
        FILTERS[:2], (ndimage.minimum_filter, ndimage.maximum_filter), strict=True
    ):
        assert_same_bits(function(image, size), library(image, size))
    window = order.rectangle(size)
    for dtype in ("uint8", "float32"):
        image = sample((20, 30), dtype)
        expected = oracle.rank(image, np.ones(size, bool), window.before, window.count // 2)
        assert_same_bits(imgconv.median(image, size), expected)


def test_a_huge_window():
    """A window of 90,000 pixels: its counters need more than 16 bits."""
    image = sample((9, 70), "uint8")
    expected = oracle.rank(image, np.ones((300, 300), bool), (150, 150), 45000)
    assert_same_bits(imgconv.median(image, 300), expected)


# ---- networks ----------------------------------------------------------------------------------


def run_network(net, rows):
    """Run a network on rows of numbers as the loop does, plane by plane."""
    wires = dict(enumerate(rows))
    for each in net.exchanges:
        first, second = wires[each.first], wires[each.second][each.ahead :]
        n = min(len(first), len(second))
        low, high = np.minimum(first[:n], second[:n]), np.maximum(first[:n], second[:n])
        for wire, result in ((each.smaller, low), (each.larger, high)):
            if wire >= 0:
                wires[wire] = result
    return [wires[wire][at:] for wire, at in net.outputs]


@pytest.mark.parametrize("on_planes", [False, True])
@pytest.mark.parametrize(
    ("height", "width", "tile"), [(2, 2, 1), (3, 3, 2), (4, 3, 4), (1, 9, 1), (5, 2, 2), (3, 4, 1)]
)
def test_networks_sort_zeros_and_ones(height, width, tile, on_planes):
    """A network that is right for all of them is right for all numbers (Knuth, 5.3.4)."""
    rows = height + tile - 1
    patterns = np.arange(1 << height * width, dtype=np.int64)
    bits = (patterns[:, None] >> np.arange(height * width)) & 1
    for rank in range(height * width):
        net = network.for_rectangle(height, width, [rank], tile)
        net = net.on_planes() if on_planes else net
        for row in range(tile):
            # Windows side by side in one long row; the pixels above and below it are any numbers.
            image = np.random.default_rng(rank).integers(0, 2, (rows, bits.size // height))
            image[row : row + height] = (
                bits.reshape(-1, height, width).swapaxes(0, 1).reshape(height, -1)
            )
            results = run_network(net, image)[row][: image.shape[1] - width + 1 : width]
            assert (results == np.sort(bits, axis=1)[:, rank]).all()


@pytest.mark.parametrize("size", [(5, 5), (7, 7), (9, 9), (11, 12), (15, 15), (19, 19), (40, 3)])
def test_networks_sort(size):
    """Windows with too many inputs for all zeros and ones: random ones, and random numbers."""
    rng = np.random.default_rng(0)
    area = size[0] * size[1]
    ranks = (0, area // 3, area // 2, area - 1)
    for tile in (1, 2, 4, 8)[: 4 if size[0] > 8 else 2]:
        net = network.for_rectangle(*size, ranks, tile).on_planes()
        for image in (
            rng.integers(0, 2, (size[0] + tile - 1, 90)),
            rng.random((size[0] + tile - 1, 90)),
        ):
            windows = np.lib.stride_tricks.sliding_window_view(image, size).reshape(tile, -1, area)
            expected = np.sort(windows, axis=-1)
            results = iter(run_network(net, image))
            for rank, row in itertools.product(ranks, range(tile)):
                n = expected.shape[1]
                assert (next(results)[:n] == expected[row, :, rank]).all()


def test_length_of_networks():
    """Minima and maxima for each row; an exchange of which one result is used counts as one."""
    for size, most in ((5, 75), (7, 173), (9, 273), (11, 446), (15, 855)):
        net = network.best_for_rectangle(size, size, (size * size // 2,))
        results = sum((each.smaller >= 0) + (each.larger >= 0) for each in net.exchanges)
        assert results / net.tile <= most


# ---- laws --------------------------------------------------------------------------------------

SHAPES = st.sampled_from([options for options, _ in cases.WINDOWS.values()])
seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=30)
@given(SHAPES, st.sampled_from(DTYPES), seeds)
def test_between_minimum_and_maximum(options, dtype, seed):
    image = sample((17, 70), dtype, seed)
    low, high, middle = (function(image, **options) for function in FILTERS)
    assert (low <= middle).all()
    assert (middle <= high).all()


@settings(max_examples=30)
@given(SHAPES, st.sampled_from(["uint8", "int16", "float32", "int64"]), seeds)
def test_commutes_with_rising_maps(options, dtype, seed):
    image = sample((17, 70), dtype, seed)
    # A rising map is a table of the ranks of all values.
    values, ranks = np.unique(image, return_inverse=True)
    mapped = ranks.reshape(image.shape).astype(np.uint16)
    for function in FILTERS:
        expected = values[function(mapped, **options)]
        assert_same_bits(function(image, **options), expected)


@settings(max_examples=20)
@given(SHAPES, seeds)
def test_ranks_of_the_negative(options, seed):
    """A rank from the smallest pixel is the rank from the largest one in the negative."""
    image = sample((17, 70), "float32", seed)
    assert_same_bits(imgconv.minimum(image, **options), -imgconv.maximum(-image, **options))
    assert_same_bits(imgconv.rank(image, 0, **options), -imgconv.rank(-image, -1, **options))


def test_several_percentiles_are_single_ones():
    image = sample((33, 90, 3), "uint8")
    for size in (5, 25):
        several = imgconv.percentile(image, [0, 30.5, 100, 50], size, channel_axis=-1)
        assert several.shape == (4, *image.shape)
        for layer, percentile in zip(several, (0, 30.5, 100, 50), strict=True):
            one = imgconv.percentile(image, percentile, size, channel_axis=-1)
            assert_same_bits(layer.copy(), one)
        one = imgconv.percentile(image[..., 0], [50], size)
        assert_same_bits(one[0], imgconv.median(np.ascontiguousarray(image[..., 0]), size))


@pytest.mark.parametrize("size", [5, 23])
def test_stacked_results_into_any_array(size):
    image = sample((4, 21, 60), "int16")
    expected = imgconv.percentile(image, (10, 90), size, axes=(1, 2))
    assert expected.shape == (2, 4, 21, 60)
    for out in (
        np.empty((2, 4, 21, 60), ">i2"),
        np.empty((21, 60, 4, 2), "i2").transpose(3, 2, 0, 1),
        np.empty((4, 42, 120, 3), "i2")[::-1, ::-2, ::2, 1:].transpose(3, 0, 1, 2),
        np.empty((2, 4, 21, 60), "f4"),
    ):
        assert imgconv.percentile(image, (10, 90), size, axes=(1, 2), out=out) is out
        assert_same_bits(np.ascontiguousarray(out.astype("i2")), expected)
    with pytest.raises(ValueError, match=r"out must have shape \(2, 4, 21, 60\)"):
        imgconv.percentile(image, (10, 90), size, axes=(1, 2), out=np.empty((4, 21, 60)))


def test_stacked_results_where_the_image_lies():
    buffer = np.zeros((3, 20, 30), np.uint8)
    buffer[1] = image = sample((20, 30), "uint8")
    expected = imgconv.percentile(image, (0, 50, 100), 3)
    imgconv.percentile(buffer[1], (0, 50, 100), 3, out=buffer)
    assert_same_bits(buffer, expected)


# ---- special values ----------------------------------------------------------------------------

SPECIAL = [0.0, -0.0, np.inf, -np.inf, 1e-45, -1e-45, 1.0]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(
    "options", [options for options, _ in cases.WINDOWS.values()], ids=cases.WINDOWS
)
def test_zeros_and_infinities(dtype, options):
    rng = np.random.default_rng(4)
    image = rng.choice(np.array(SPECIAL, dtype), (30, 70))
    wide = image.astype(np.float64)
    for name in ("minimum", "maximum", "median"):
        expected = getattr(ndimage, f"{name}_filter")(wide, **options).astype(dtype)
        np.testing.assert_array_equal(getattr(imgconv, name)(image, **options), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_equal_pixels_stay(dtype):
    for value in sample((3,), dtype):
        image = np.full((20, 70), value, dtype)
        for function, size in itertools.product(FILTERS, (3, 5, 8, 25)):
            assert_same_bits(function(image, size), image)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(
    "options", [options for options, _ in cases.WINDOWS.values()], ids=cases.WINDOWS
)
def test_many_nan(dtype, options):
    """NaNs of either sign, all over the image, and outside it."""
    image = sample((30, 70), dtype)
    image[np.random.default_rng(0).random(image.shape) < 0.05] = np.nan
    image[3, 3] = -image[image != image][0]
    footprint = np.array(
        options.get("footprint", np.ones(np.broadcast_to(options.get("size", 1), 2)))
    )
    before = tuple(n // 2 for n in footprint.shape)
    n = np.count_nonzero(footprint)
    for mode, cval in (("mirror", 0), ("constant", np.nan)):
        for function, place in zip(FILTERS, (0, -1, n // 2), strict=True):
            expected = oracle.rank(image, footprint, before, place, mode, cval)
            actual = function(image, mode=mode, cval=cval, **options)
            np.testing.assert_array_equal(actual, expected)


def test_cval_becomes_a_pixel():
    image = np.full((3, 3), 100, np.uint8)
    for cval, pixel in ((99.5, 100), (98.5, 98), (-7, 0), (-np.inf, 0), (np.nan, 0)):
        assert imgconv.minimum(image, mode="constant", cval=cval)[0, 0] == pixel
    assert imgconv.maximum(image, mode="constant", cval=1e6)[0, 0] == 255
    large = np.full((3, 3), 2**63, np.uint64)
    assert imgconv.maximum(large, mode="constant", cval=2.0**64)[0, 0] == 2**64 - 1


def test_memory_does_not_grow_with_the_footprint():
    """A plan holds its chords, not the pixels of its window."""
    image = np.zeros((64, 64), np.uint8)
    sizes = [imgconv.explain(imgconv.median, image, n).nbytes for n in (31, 127)]
    assert sizes[1] < 2 * sizes[0]

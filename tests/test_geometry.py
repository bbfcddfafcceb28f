"""Sizes, tested against counting places, windows and pixels one by one."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import imgconv
from imgconv import nn
from imgconv.core import windows
from imgconv.geometry import halo, output_size, parameter_count, receptive_field

SIZES = st.integers(1, 30)
SMALL = st.integers(1, 5)
PADS = st.integers(0, 5)


def places(n, k, stride, dilation, before, after):
    """First pixels of all windows that lie inside the padded axis."""
    pixels = range(-before, n + after)
    windows = ([y + dilation * i for i in range(k)] for y in pixels)
    return [window[0] for window in windows if window[-1] in pixels][::stride]


class TestOutputSize:
    @given(n=SIZES, k=SMALL, stride=SMALL, dilation=SMALL)
    def test_same_keeps_every_so_many_pixels(self, n, k, stride, dilation):
        expected = len(range(n)[::stride])
        assert output_size(n, k, stride=stride, dilation=dilation) == expected

    @given(n=SIZES, k=SMALL, stride=SMALL, dilation=SMALL)
    def test_full_is_every_overlap(self, n, k, stride, dilation):
        beyond = dilation * (k - 1)
        expected = len(places(n, k, stride, dilation, beyond, beyond))
        assert output_size(n, k, shape="full", stride=stride, dilation=dilation) == expected

    @given(
        n=SIZES,
        k=SMALL,
        stride=SMALL,
        dilation=SMALL,
        before=st.integers(0, 5),
        after=st.integers(0, 5),
    )
    def test_valid_and_padding_are_the_places_inside(self, n, k, stride, dilation, before, after):
        steps = {"stride": stride, "dilation": dilation}
        for padding, arguments in {
            (0, 0): {"shape": "valid"},
            (before, before): {"padding": before},
            (before, after): {"padding": (before, after)},
        }.items():
            expected = len(places(n, k, stride, dilation, *padding))
            if expected:
                assert output_size(n, k, **arguments, **steps) == expected
            else:
                with pytest.raises(ValueError, match="kernel must fit into the padded image"):
                    output_size(n, k, **arguments, **steps)

    def test_axes(self):
        assert output_size((6, 8), 3, shape="valid") == (4, 6)
        assert output_size([6, 8], (1, 3), shape="full") == (6, 10)
        assert output_size((6, 8, 9), 3, stride=(1, 2, 3)) == (6, 4, 3)
        assert output_size((9, 9), 3, shape="valid", dilation=(1, 4)) == (7, 1)
        assert output_size((6, 8), 3, padding=(0, 1)) == (4, 8)
        assert output_size((6, 8), 3, padding=((0, 1), (2, 3))) == (5, 11)
        assert output_size((6, 8), 3, padding=2) == (8, 10)

    def test_plain_integers(self):
        assert type(output_size(np.int32(6), 3)) is int
        assert all(type(n) is int for n in output_size(np.zeros((6, 8)).shape, np.array([3, 3])))

    @pytest.mark.parametrize("arguments", [{"shape": s} for s in ("same", "valid", "full")])
    def test_no_pixels_stay_none(self, arguments):
        assert output_size(0, 3, **arguments) == 0
        assert output_size((0, 9), 3, **arguments)[0] == 0
        assert output_size(0, 3, padding=5) == 0

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"size": -1}, "size must not be negative, got -1"),
            ({"kernel": (0, 3)}, r"kernel must be positive, got \(0, 3\)"),
            ({"kernel": (3, 3, 3)}, "kernel must hold one number for each axis"),
            ({"size": 5, "kernel": (3, 3)}, "kernel must hold one number for each axis"),
            ({"stride": 0}, "stride must be positive, got 0"),
            ({"dilation": -2}, "dilation must be positive, got -2"),
            ({"padding": (1, -1)}, r"padding must not be negative, got \(1, -1\)"),
            ({"padding": (1, 2, 3)}, "padding must hold"),
            ({"padding": ((1, 2), 3)}, "padding must hold as much for each axis"),
            ({"padding": ((1, 2, 3), (1, 2, 3))}, "padding must hold"),
            ({"shape": "half"}, "shape must be one of .*, got 'half'"),
            (
                {"size": (2, 9), "shape": "valid"},
                r"kernel must fit into the padded image, got 3 pixels for \(2, 9\)",
            ),
        ],
    )
    def test_wrong_values(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            output_size(**{"size": (9, 9), "kernel": 3} | arguments)

    @pytest.mark.parametrize("name", ["size", "kernel", "stride", "dilation", "padding"])
    @pytest.mark.parametrize("value", [1.0, "3", True, (1.5, 2)])
    def test_wrong_types(self, name, value):
        with pytest.raises(TypeError, match=f"{name} must hold integers, got"):
            output_size(**{"size": (9, 9), "kernel": 3, name: value})


class TestCeilMode:
    @given(
        n=SIZES, k=SMALL, stride=SMALL, dilation=SMALL,
        before=st.integers(0, 5), after=st.integers(0, 5),
    )  # fmt: skip
    def test_counts_windows_that_begin_before_the_end(self, n, k, stride, dilation, before, after):
        """Windows go on until no padded pixel is left; one that begins behind the image is none."""
        span = dilation * (k - 1) + 1
        if span > n + before + after:
            return
        expected = 1
        while (expected - 1) * stride + span < n + before + after:
            expected += 1
        expected -= (expected - 1) * stride >= n + before
        sizes = {"stride": stride, "dilation": dilation, "padding": (before, after)}
        assert output_size(n, k, **sizes, ceil_mode=True) == expected


class TestWindows:
    """The windows of filters, pooling and layers, against windows laid out one by one."""

    @given(SIZES, SMALL, SMALL, SMALL, PADS, PADS, st.booleans(), st.booleans())
    def test_hold_their_pixels(self, n, k, stride, dilation, before, after, ceil_mode, padded):
        span = dilation * (k - 1) + 1
        before, after = min(before, span // 2), min(after, span // 2)
        low, high = (-before, n + after) if padded else (0, n)
        more = stride - 1 if ceil_mode else 0
        pixels = [
            [first + i * dilation for i in range(k)]
            for first in range(-before, n, stride)
            if first + span - more <= n + after
        ]
        found = windows.along(n, k, stride, dilation, (before, after), ceil_mode)
        assert max(found.count, 0) == len(pixels)
        counts = [sum(low <= at < high for at in window) for window in pixels]
        assert found.pixels(padded).tolist() == counts

    @given(SIZES, SMALL, SMALL, SMALL, PADS, st.booleans())
    def test_pooling_has_as_many(self, n, k, stride, dilation, pad, ceil_mode):
        pad = min(pad, (dilation * (k - 1) + 1) // 2)
        assume(n + 2 * pad > dilation * (k - 1))
        size = output_size(n, k, stride=stride, dilation=dilation, padding=pad, ceil_mode=ceil_mode)
        image, where = np.zeros((n, 1)), ((k, 1), (stride, 1))
        options = {"padding": (pad, 0), "dilation": (dilation, 1), "ceil_mode": ceil_mode}
        assert imgconv.pool(image, *where, **options).shape == (size, 1)
        assert nn.max_pool2d(image[None], *where, **options).shape == (1, size, 1)


class TestTransposed:
    @given(
        n=SIZES, k=SMALL, stride=SMALL, dilation=SMALL, padding=st.integers(0, 3), data=st.data()
    )  # fmt: skip
    def test_is_the_size_that_becomes_this(self, n, k, stride, dilation, padding, data):
        more = data.draw(st.integers(0, stride - 1))
        sizes = {"stride": stride, "dilation": dilation, "padding": padding}
        smallest = (n - 1) * stride + dilation * (k - 1) + 1 - 2 * padding
        if smallest < 1:
            return
        size = output_size(n, k, transposed=True, output_padding=more, **sizes)
        assert size == smallest + more
        assert output_size(size, k, **sizes) == n
        if more == 0 and size > 1 and size + 2 * padding > dilation * (k - 1) + 1:
            assert output_size(size - 1, k, **sizes) < n

    def test_axes(self):
        sizes = {"stride": (2, 1), "padding": ((1, 0), (0, 0)), "output_padding": (1, 0)}
        assert output_size((5, 6), (3, 2), transposed=True, **sizes) == (11, 7)
        assert output_size((0, 6), 3, transposed=True) == (0, 6)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"output_padding": 1}, "output_padding must be 0 unless transposed, got 1"),
            ({"transposed": True, "output_padding": 1}, "must be less than stride or dilation"),
            ({"transposed": True, "output_padding": -1}, "output_padding must not be negative"),
            ({"transposed": True, "padding": 9}, "padding must leave a pixel of the result"),
        ],
    )
    def test_wrong_arguments(self, options, message):
        with pytest.raises(ValueError, match=message):
            output_size(5, 3, **options)


class TestParameterCount:
    @given(
        groups=st.integers(1, 3), ins=SMALL, outs=SMALL, kernel=st.tuples(SMALL, SMALL),
        bias=st.booleans(),
    )  # fmt: skip
    def test_counts_the_arrays(self, groups, ins, outs, kernel, bias):
        weight = np.ones((groups * outs, ins, *kernel))
        expected = weight.size + bias * groups * outs
        found = parameter_count(groups * ins, groups * outs, kernel, groups=groups, bias=bias)
        assert found == expected

    def test_a_number_is_a_square(self):
        assert parameter_count(3, 8, 5) == parameter_count(3, 8, (5, 5)) == 8 * (75 + 1)
        assert parameter_count(576, 120) == 576 * 120 + 120

    @pytest.mark.parametrize(
        ("arguments", "groups", "error", "message"),
        [
            ((4, 6, 3), 4, ValueError, "groups must divide the channels, got 4 for 4 and 6"),
            ((0, 6, 3), 1, ValueError, "in_channels must be positive, got 0"),
            ((4, 6, 0), 1, ValueError, "kernel must be positive, got 0"),
            ((4, 6.5, 3), 1, TypeError, "out_channels must hold integers"),
        ],
    )
    def test_wrong_arguments(self, arguments, groups, error, message):
        with pytest.raises(error, match=message):
            parameter_count(*arguments, groups=groups)


def pixels_seen(layers):
    """Pixels of the image under pixel 0 of the last layer, each kernel beginning at its pixel."""
    seen = {0}
    for kernel, stride, dilation in reversed(layers):
        seen = {y * stride + i * dilation for y, i in itertools.product(seen, range(kernel))}
    return seen


class TestReceptiveField:
    @given(st.lists(st.tuples(SMALL, st.integers(1, 3), SMALL), max_size=4))
    def test_spans_the_pixels_seen(self, layers):
        seen = pixels_seen(layers)
        assert receptive_field(layers) == max(seen) - min(seen) + 1

    def test_left_out_numbers_are_one(self):
        assert receptive_field([5, (3,), (3, 2), (3, 1, 1)]) == 1 + 4 + 2 + 2 + 2 * 2
        assert receptive_field([]) == 1

    def test_axes(self):
        assert receptive_field([((3, 5), 2), (3, (1, 2), (1, 4))]) == (3 + 4, 5 + 16)

    @pytest.mark.parametrize(
        ("layers", "error", "message"),
        [
            ([0], ValueError, "kernel must be positive, got 0"),
            ([(3, 0)], ValueError, "stride must be positive, got 0"),
            ([(3, 1, -1)], ValueError, "dilation must be positive, got -1"),
            ([()], ValueError, r"a layer must be \(kernel, stride, dilation\), got \(\)"),
            ([(3, 1, 1, 1)], ValueError, "a layer must be"),
            ([((3, 3),), ((3, 3, 3),)], ValueError, "one number of axes, got"),
            ([3.0], TypeError, "kernel must hold integers, got 3.0"),
        ],
    )
    def test_wrong_arguments(self, layers, error, message):
        with pytest.raises(error, match=message):
            receptive_field(layers)


class TestHalo:
    @given(st.lists(st.integers(1, 6), max_size=4), SMALL)
    def test_reaches_the_pixels_seen(self, kernels, dilation):
        seen = {0}
        for k in kernels:
            seen = {y + dilation * (i - k // 2) for y in seen for i in range(k)}
        assert halo(kernels, dilation) == (-min(seen), max(seen))

    @given(st.lists(st.integers(1, 6), max_size=4))
    def test_with_the_pixel_itself_is_the_receptive_field(self, kernels):
        assert sum(halo(kernels)) + 1 == receptive_field(kernels)

    def test_axes(self):
        assert halo([(3, 4), 5, np.zeros((1, 2)).shape]) == ((3, 3), (5, 3))
        assert halo([4], dilation=(1, 3)) == ((2, 1), (6, 3))
        assert halo([]) == (0, 0)

    def test_pads_just_enough(self):
        image = np.ones((4, 5))
        assert np.pad(image, halo([(3, 4)])).shape == output_size(
            (4, 5), 1, padding=((1, 1), (2, 1))
        )

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            (([3, 0],), ValueError, "kernel must be positive, got 0"),
            (([3], 0), ValueError, "dilation must be positive, got 0"),
            (([(3, 3), (3, 3, 3)],), ValueError, r"one number of axes, got \[2, 3\]"),
            (([[[3, 3]]],), ValueError, "kernel must hold one number for each axis"),
            (([2.5],), TypeError, "kernel must hold integers, got 2.5"),
        ],
    )
    def test_wrong_arguments(self, arguments, error, message):
        with pytest.raises(error, match=message):
            halo(*arguments)

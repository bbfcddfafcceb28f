"""Sizes against counting places, windows and pixels one by one."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgconv.geometry import halo, output_size, receptive_field

SIZES = st.integers(1, 30)
SMALL = st.integers(1, 5)


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

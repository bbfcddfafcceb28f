"""Pictures as images for filters, and results as pictures."""

import numpy as np
import pytest
from pictures import GREY, RGB, RGBA

from imgconv import io


@pytest.mark.parametrize(("pixels", "alpha"), [(GREY, None), (RGB, None), (RGBA, "straight"),
                                               (RGBA[..., :2], "premultiplied")])  # fmt: skip
def test_with_colours_undoes_split(pixels, alpha) -> None:
    picture = io.Picture(pixels, alpha)
    if alpha == "premultiplied":
        picture = io.Picture(np.minimum(pixels, pixels[..., -1:]), alpha)
    colours, opacity = picture.split()
    assert colours.shape[2] == picture.colours
    assert (opacity is None) == (alpha is None)
    joined = picture.with_colours(colours, opacity)
    np.testing.assert_array_equal(joined.pixels, np.atleast_3d(picture.pixels))
    assert joined.alpha == alpha


def test_bool_is_split_as_black_and_white() -> None:
    colours, _ = io.Picture(GREY > 99).split()
    np.testing.assert_array_equal(colours[..., 0], (GREY > 99) * np.uint8(255))


def test_white_behind_transparent_pixels() -> None:
    pixels = np.uint8([[[200, 100, 50, 51], [7, 8, 9, 0], [7, 8, 9, 255]]])
    expected = [[[244, 224, 214], [255, 255, 255], [7, 8, 9]]]
    np.testing.assert_array_equal(io.Picture(pixels, "straight").over_white(), expected)
    pixels[..., :3] = [[[40, 20, 10], [0, 0, 0], [7, 8, 9]]]
    premultiplied = io.Picture(pixels, "premultiplied")
    np.testing.assert_array_equal(premultiplied.over_white(), expected)
    np.testing.assert_array_equal(premultiplied.straight()[0, ::2],
                                  [[200, 100, 50, 51], [7, 8, 9, 255]])  # fmt: skip


@pytest.mark.parametrize(
    ("pixels", "dtype", "expected"),
    [
        (np.uint8([0, 1, 255]), np.uint16, [0, 257, 65535]),
        (np.uint16([0, 129, 65535]), np.uint8, [0, 1, 255]),
        (np.float32([-1, np.nan, 0.5, 1, 9]), np.uint8, [0, 0, 128, 255, 255]),
        (np.array([False, True]), np.uint8, [0, 255]),
    ],
)
def test_rescale_keeps_white(pixels, dtype, expected) -> None:
    found = io.rescale(pixels, dtype)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("suffix", "source", "expected"),
    [(".png", "uint8", "uint8"), (".png", "bool", "uint8"), (".png", "int8", "uint8"),
     (".png", "float32", "uint16"), (".jpg", "float32", "uint8"), (".jpeg", "uint16", "uint8")],
)  # fmt: skip
def test_integers_of_floats(suffix, source, expected) -> None:
    assert io.integer_type(suffix, np.dtype(source)) == np.dtype(expected)


@pytest.mark.parametrize(
    ("values", "signed", "expected"),
    [
        (np.zeros((3, 4)), False, 0),
        (np.zeros((3, 4)), True, 128),
        (np.full((3, 4), np.nan), False, 0),
        (np.full((3, 4), 5e-324), True, 128),
        (np.full((3, 4), 7.0), False, 255),
        (np.full((3, 4), -7.0), True, 1),
        (np.ones((0, 4)), False, 0),
    ],
)
def test_stretch_of_flat_results(values: np.ndarray, signed: bool, expected: int) -> None:
    drawn = io.stretch(values, signed, np.uint8)
    assert drawn.dtype == np.uint8
    np.testing.assert_array_equal(drawn, np.full(values.shape, expected))

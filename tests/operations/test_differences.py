"""Second derivatives by differences, and what is made of them: the bits of NumPy and SciPy."""

import numpy as np
import pytest
from scipy import ndimage

from imgconv import orientation
from imgconv.operations.differences import second_differences, turning

RNG = np.random.default_rng(5)
SHAPES = [(2, 2), (2, 9), (3, 3), (4, 5), (9, 2), (17, 513), (6, 1030)]
DTYPES = [np.float32, np.float64]


def derivatives(image):
    down, along = np.gradient(image)
    return np.stack([*np.gradient(down), np.gradient(along, axis=1)])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_second_differences(shape, dtype):
    image = RNG.normal(size=shape).astype(dtype)
    yy, yx, xx = expected = derivatives(image)
    np.testing.assert_array_equal(second_differences(image), expected)
    np.testing.assert_array_equal(second_differences(image, "determinant"), yy * xx - yx * yx)


@pytest.mark.parametrize("dtype", DTYPES)
def test_shape(dtype):
    image = RNG.normal(size=(60, 70)).astype(dtype)
    image[:20, :30] = 3
    yy, yx, xx = derivatives(image)
    mean, half = (yy + xx) / 2, (yy - xx) / 2
    root = np.sqrt(yx**2 + half**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = ((mean - root) + (mean + root)) / ((mean - root) - (mean + root))
    found = second_differences(image, "shape")
    assert np.isnan(found[5, 5])
    np.testing.assert_allclose(found, 2 / np.pi * np.arctan(ratio), atol=4 * np.finfo(dtype).eps)


def test_equal_curvatures():
    """The quotient has a 0 below it, whose sign is that of NumPy's differences."""
    y, x = np.mgrid[-9:10, -9:10] / 1.0
    assert second_differences(y * y + x * x, "shape")[9, 9] == 1
    assert second_differences(-y * y - x * x, "shape")[9, 9] == -1
    assert second_differences(y * y - x * x, "shape")[9, 9] == 0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(5, 5), (9, 700), (140, 31)], ids=str)
def test_turning(shape, dtype):
    image = RNG.normal(size=shape).astype(dtype)
    dy, dx = (ndimage.sobel(image, axis) for axis in (0, 1))
    dyy, dxy, dxx = (ndimage.sobel(one, axis) for one, axis in ((dy, 0), (dx, 0), (dx, 1)))
    turn = dxx * dy**2 + dyy * dx**2 - 2 * dxy * dx * dy
    inner = np.s_[2:-2, 2:-2]
    np.testing.assert_array_equal(turning(image)[inner], (turn / (dx**2 + dy**2))[inner])
    assert not turning(np.ones(shape, dtype))[inner].any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_angles(dtype):
    """Those of atan2 to three units in the last place, with its signs and its infinities."""
    sides = np.concatenate([RNG.normal(size=200), 10 ** RNG.uniform(-30, 30, 200)])
    sides = np.concatenate([sides, -sides, [0.0, -0.0, np.inf, -np.inf, np.nan, 1, -1]])
    y, x = (each.ravel().astype(dtype) for each in np.meshgrid(sides, sides))
    # The angle of a tensor is half of atan2(2 * yx, xx - yy).
    with np.errstate(invalid="ignore"):
        found = 2 * orientation(np.stack([np.zeros_like(x), y / 2, x]))
        expected = np.arctan2(y / 2 * 2 + 0, x - 0)
    is_number = ~np.isnan(expected)
    np.testing.assert_array_almost_equal_nulp(found[is_number], expected[is_number], 3)
    np.testing.assert_array_equal(np.isnan(found), ~is_number)

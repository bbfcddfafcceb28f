"""Functions of NumPy that the faces of `generic_filter` and `vectorized_filter` do not call."""

import numpy as np
import pytest
from cases import RANDOM_FOOTPRINT, sample
from scipy import ndimage

from imgconv import ndimage as faces
from imgconv.fallback import fallbacks

NAMES = ("mean", "var", "std", "median", "min", "max")
FUNCTIONS = [getattr(np, prefix + name) for name in NAMES for prefix in ("", "nan")]


def count(name):
    return sum(fallbacks().get(f"scipy.ndimage.{name}", {}).values())


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_generic_filter(function, dtype):
    image = sample((25, 30), dtype)
    before = count("generic_filter")
    cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])
    for options in (
        {"size": 3},
        {"size": (5, 1), "mode": "constant", "cval": 2.5},
        {"footprint": cross, "mode": "wrap"},
    ):
        expected = ndimage.generic_filter(image, function, **options)
        got = faces.generic_filter(image, function, **options)
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-9)
    assert count("generic_filter") == before


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.skipif(not hasattr(ndimage, "vectorized_filter"), reason="of SciPy 1.16")
def test_vectorized_filter(function):
    image = sample((25, 30), "float64")
    before = count("vectorized_filter")
    for options in ({"size": 3}, {"size": (5, 1), "mode": "nearest"}):
        expected = ndimage.vectorized_filter(image, function, **options)
        got = faces.vectorized_filter(image, function, **options)
        np.testing.assert_allclose(got, expected, rtol=1e-9)
    assert count("vectorized_filter") == before


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_images_with_nan(function, dtype):
    """NaN spoils a window, or is left out; the median of an even number is a mean of two."""
    image = sample((25, 30), dtype)
    image[np.random.default_rng(0).random(image.shape) < 0.1] = np.nan
    before = count("generic_filter"), count("vectorized_filter")
    for options in (
        {"size": (3, 4)},
        {"size": (5, 1), "mode": "constant", "cval": 2.5},
        {"footprint": RANDOM_FOOTPRINT, "mode": "wrap"},
    ):
        expected = ndimage.generic_filter(image, function, **options)
        got = faces.generic_filter(image, function, **options)
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-9)
    if dtype == "float64" and hasattr(ndimage, "vectorized_filter"):
        expected = ndimage.vectorized_filter(image, function, size=5)
        got = faces.vectorized_filter(image, function, size=5)
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-9)
    assert (count("generic_filter"), count("vectorized_filter")) == before


@pytest.mark.parametrize("function", [f for f in FUNCTIONS if f.__name__.startswith("nan")])
def test_windows_of_nan_alone(function):
    """NumPy warns of these for each window, and the face once."""
    image = sample((25, 30), "float64")
    image[:9, :9] = np.nan
    with pytest.warns(RuntimeWarning) as theirs:
        expected = ndimage.generic_filter(image, function, size=3)
    with pytest.warns(RuntimeWarning) as ours:
        got = faces.generic_filter(image, function, size=3)
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    assert str(ours[0].message) == str(theirs[0].message)
    assert ours[0].filename == __file__


def test_what_falls_back():
    """Other functions, integers, infinity, origins and arguments."""
    image = sample((12, 15), "float64")
    spoiled = image.copy()
    spoiled[3, 4] = np.inf
    for pixels, function, options in (
        (image, lambda values: values.mean(), {"size": 3}),
        (image.astype(int), np.mean, {"size": 3}),
        (spoiled, np.nanmean, {"size": 3}),
        (image, np.mean, {"size": 3, "origin": 1}),
        (image, np.std, {"size": 3, "extra_keywords": {"ddof": 1}}),
        (image[0], np.mean, {"size": 3}),
    ):
        before = count("generic_filter")
        expected = ndimage.generic_filter(pixels, function, **options)
        np.testing.assert_array_equal(faces.generic_filter(pixels, function, **options), expected)
        assert count("generic_filter") == before + 1

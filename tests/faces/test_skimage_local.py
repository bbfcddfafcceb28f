"""Faces of scikit-image's thresholds, entropy and rolling ball."""

import re
import warnings

import numpy as np
import pytest
from comparing import assert_same_bits
from skimage import data, exposure, filters, restoration
from skimage.filters import rank

from imgconv.fallback import fallbacks
from imgconv.skimage import exposure as exposing
from imgconv.skimage import filters as faces
from imgconv.skimage import restoration as restoring
from imgconv.skimage.filters import rank as rank_faces

CAMERA = data.camera()
NOISY = (CAMERA / 255 + np.random.default_rng(0).normal(0, 0.02, CAMERA.shape)).astype(np.float32)
HISTOGRAMS = ("otsu", "yen", "isodata", "minimum", "multiotsu", "triangle")


def count(name):
    return sum(fallbacks().get(f"skimage.{name}", {}).values())


@pytest.mark.parametrize("method", HISTOGRAMS)
@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "float32", "float64"])
def test_thresholds_of_histograms(method, dtype):
    image = {"uint16": CAMERA.astype(np.uint16) + 300, "int8": (CAMERA // 2).astype(np.int8) - 30,
             "uint8": CAMERA}.get(dtype, NOISY.astype(dtype))  # fmt: skip
    before = count(f"filters.threshold_{method}")
    expected = getattr(filters, f"threshold_{method}")(image)
    got = getattr(faces, f"threshold_{method}")(image)
    assert type(got) is type(expected)
    assert_same_bits(np.asarray(got), np.asarray(expected))
    assert count(f"filters.threshold_{method}") == before


@pytest.mark.parametrize("classes", [1, True, np.int8(1), np.array(1), np.array([1])])
def test_one_class_is_an_error(classes):
    """scikit-image's own loop ends the process."""
    with pytest.raises(ValueError, match="classes must be at least 2, got"):
        faces.threshold_multiotsu(CAMERA, classes)


@pytest.mark.parametrize("method", HISTOGRAMS)
def test_thresholds_fall_back(method):
    face, original = getattr(faces, f"threshold_{method}"), getattr(filters, f"threshold_{method}")
    hist = np.bincount(CAMERA.ravel())
    for arguments, options in (
        ((NOISY, 3, 100) if method == "multiotsu" else (NOISY, 100), {}),
        *(() if method == "triangle" else (((), {"hist": hist}),)),
        ((CAMERA > 90,), {}),
        ((np.full((5, 5), 3, np.uint8),), {}),
        ((np.array([[0.0, 1.0, np.nan, 2.0]]),), {}),
    ):
        try:
            expected = original(*arguments, **options)
        except Exception as error:
            with pytest.raises(type(error)):
                face(*arguments, **options)
        else:
            np.testing.assert_array_equal(face(*arguments, **options), expected)


@pytest.mark.parametrize("method", ["li", "mean"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_thresholds_that_take_no_histogram(method, dtype):
    """Li's of integers is less precise in scikit-image."""
    image = CAMERA.astype(dtype) if dtype[0] in "ui" else NOISY.astype(dtype)
    face, original = getattr(faces, f"threshold_{method}"), getattr(filters, f"threshold_{method}")
    before = count(f"filters.threshold_{method}")
    got, expected = face(image), original(image)
    assert type(got) is type(expected)
    np.testing.assert_allclose(got, expected, rtol=2e-6)
    fell_back = method == "mean" and image.dtype.kind == "f"
    assert count(f"filters.threshold_{method}") == before + fell_back
    for odd in (np.full((5, 5), 3, dtype), image[:0]):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of means of nothing
            np.testing.assert_array_equal(face(odd), original(odd))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "float32"])
def test_equalize_hist(dtype):
    image = NOISY if dtype == "float32" else (CAMERA // 2).astype(dtype) - 30
    mask = np.random.default_rng(0).random(image.shape) < 0.1
    before = count("exposure.equalize_hist")
    for options in ({}, {"mask": mask}, {"mask": mask.astype(int)}):
        expected = exposure.equalize_hist(image, **options)
        assert_same_bits(exposing.equalize_hist(image, **options), expected)
    assert count("exposure.equalize_hist") == before + 3 * (dtype == "float32")
    with pytest.raises(IndexError):
        exposing.equalize_hist(image, mask=mask[:5])


@pytest.mark.filterwarnings("ignore:Downcasting")
@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int8", "uint16", "int32", "float32", "float64"]
)
def test_equalize_adapthist(dtype):
    image = {"bool": CAMERA > 90, "float32": NOISY.clip(0, 1),
             "float64": CAMERA / 128 - 1, "uint16": CAMERA.astype(np.uint16) * 99,
             "int8": (CAMERA // 2).astype(np.int8) - 30}.get(dtype, CAMERA)  # fmt: skip
    image = image[:300, :250].astype(dtype)
    before = count("exposure.equalize_adapthist")
    for options in (
        *({}, {"clip_limit": 0}, {"clip_limit": 0.3}, {"clip_limit": 1e-9, "kernel_size": 9}),
        *({"kernel_size": (20, 33), "nbins": 100}, {"kernel_size": 999}, {"nbins": 3000}),
    ):
        expected = exposure.equalize_adapthist(image, **options)
        assert_same_bits(exposing.equalize_adapthist(image, **options), expected)
    assert count("exposure.equalize_adapthist") == before


@pytest.mark.parametrize("size", [np.inf, np.nan, -3, (3, np.inf), (np.nan, 3)])
def test_bad_tiles_are_the_originals_error(size):
    image = CAMERA[:18, :26]
    with pytest.raises(Exception) as expected:  # noqa: PT011 - whatever it is
        exposure.equalize_adapthist(image, size)
    with pytest.raises(expected.type, match=re.escape(str(expected.value))):
        exposing.equalize_adapthist(image, size)


def test_equalize_adapthist_of_few_pixels_and_colours():
    colours = data.astronaut()[:90, :80]
    before = count("exposure.equalize_adapthist")
    for image in (CAMERA[:1, :5], CAMERA[:9, :1], np.full((7, 8), 3.0) / 4, colours, colours / 255):
        expected = exposure.equalize_adapthist(image)
        assert_same_bits(exposing.equalize_adapthist(image), expected)
    assert count("exposure.equalize_adapthist") == before
    stack = np.stack([CAMERA[:20, :20]] * 2)
    expected = exposure.equalize_adapthist(stack)
    assert_same_bits(exposing.equalize_adapthist(stack), expected)
    for wrong, options in ((NOISY * 3, {}), (CAMERA, {"kernel_size": (1, 2, 3)})):
        with pytest.raises(ValueError, match=r"Images of type float|kernel_size"):
            exposing.equalize_adapthist(wrong, **options)


@pytest.mark.parametrize("name", ["niblack", "sauvola"])
@pytest.mark.parametrize("image", [CAMERA, CAMERA.astype(float), CAMERA.astype(np.uint16) * 9])
def test_thresholds_of_windows(name, image):
    face, original = getattr(faces, f"threshold_{name}"), getattr(filters, f"threshold_{name}")
    for options in ({}, {"window_size": (3, 7), "k": 0.8}, {"window_size": 101}):
        expected, got = original(image, **options), face(image, **options)
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=1e-6)
    with pytest.raises(ValueError, match="Window size"):
        face(image, window_size=4)
    np.testing.assert_array_equal(face(NOISY), original(NOISY))


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (9, 5), (21, 21)])
def test_entropy(shape):
    image = CAMERA[100:180, 200:290] // 16
    footprint = np.ones(shape, np.uint8)
    mask = np.random.default_rng(0).random(image.shape) < 0.3
    mask[:30, :30] = False
    before = count("filters.rank.entropy")
    shifts = {"shift_x": shape[1] // 2, "shift_y": -(shape[0] // 2)}
    for options in ({}, {"mask": mask}, {"mask": mask.astype(np.uint8)}, shifts):
        expected = rank.entropy(image, footprint, **options)
        got = rank_faces.entropy(image, footprint, **options)
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, atol=1e-10)
    assert count("filters.rank.entropy") == before


def test_entropy_of_equal_counts_is_exact():
    for values, size in ((2, (16, 16)), (8, (7, 24)), (64, (24, 64)), (4096, (64, 64))):
        image = np.resize(np.arange(values, dtype=np.uint16), (64, 64))
        dtype = np.uint8 if values <= 256 else np.uint16
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of many levels
            found = rank_faces.entropy(image.astype(dtype), np.ones(size, np.uint8))
        assert found.max() == np.log2(values)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("radius", [1, 2.5, 12])
def test_rolling_ball(dtype, radius):
    image = (CAMERA[:60, :70] / (1 if np.dtype(dtype).kind != "f" else 255)).astype(dtype)
    before = count("restoration.rolling_ball")
    expected = restoration.rolling_ball(image, radius=radius)
    assert_same_bits(restoring.rolling_ball(image, radius=radius), expected)
    assert count("restoration.rolling_ball") == before
    kernel = restoration.ellipsoid_kernel((9, 9), 20)
    assert_same_bits(
        restoring.rolling_ball(image, kernel=kernel), restoration.rolling_ball(image, kernel=kernel)
    )

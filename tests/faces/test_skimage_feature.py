"""imgconv.skimage.feature and the ridges of imgconv.skimage.filters against scikit-image."""

import warnings
from importlib import import_module

import numpy as np
import pytest
from comparing import assert_close
from skimage import data

from imgconv import face_arguments
from imgconv.fallback import FACES
from imgconv.skimage import feature, filters

MODULES = {"feature": feature, "filters": filters}
SHAPE = (41, 53)
DTYPES = ["uint8", "int16", "uint32", "float16", "float32", "float64"]

CALLS = [
    *(("feature", "hessian_matrix", (sigma,), {"use_gaussian_derivatives": True, **options})
      for sigma in (0.7, 1, 2.5) for options in ({}, {"mode": "reflect", "order": "xy"})),
    ("feature", "hessian_matrix", ((1, 3), "wrap"), {"use_gaussian_derivatives": False}),
    ("feature", "hessian_matrix", (2, "constant", 0.5, "xy"), {"use_gaussian_derivatives": False}),
    ("feature", "structure_tensor", (), {}),
    ("feature", "structure_tensor", ((1, 2), "reflect"), {"order": "xy"}),
    ("feature", "shape_index", (1.5,), {"mode": "nearest"}),
    ("feature", "corner_harris", (), {}),
    ("feature", "corner_harris", ("eps",), {"sigma": 2}),
    ("feature", "corner_shi_tomasi", (2,), {}),
    ("feature", "corner_kitchen_rosenfeld", (), {}),
    ("feature", "corner_kitchen_rosenfeld", ("mirror",), {}),
    ("filters", "frangi", ((1, 2.5),), {}),
    ("filters", "frangi", ([2],), {"gamma": 0.05, "beta": 0.8, "black_ridges": False}),
    ("filters", "sato", ((1, 2.5),), {"mode": "constant", "cval": 3}),
    ("filters", "sato", (range(1, 4),), {"black_ridges": False}),
    ("filters", "meijering", ((1, 2.5),), {}),
    ("filters", "meijering", ((2,),), {"alpha": 0.1, "black_ridges": False}),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _by_the_engine(monkeypatch):
    """Small images, too, are filtered by the engine."""
    monkeypatch.setattr(face_arguments, "SMALL_CALLS_FALL_BACK", False)


def image(dtype, shape=SHAPE, seed=0):
    some = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return some.random(shape).astype(dtype)
    return some.integers(0, 120, shape).astype(dtype)


def both(module, name, *args, **options):
    """The results of scikit-image and of the face, and whether that fell back."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        theirs = getattr(import_module(f"skimage.{module}"), name)(*args, **options)
        reasons = FACES[f"skimage.{module}.{name}"].fallbacks
        before = sum(reasons.values())
        ours = getattr(MODULES[module], name)(*args, **options)
    return theirs, ours, sum(reasons.values()) > before


def assert_as_skimage(module, name, *args, eps=64, **options):
    theirs, ours, fell_back = both(module, name, *args, **options)
    assert not fell_back, FACES[f"skimage.{module}.{name}"].fallbacks
    assert type(ours) is type(theirs)
    pairs = [(ours, theirs)] if isinstance(ours, np.ndarray) else zip(ours, theirs, strict=True)
    for mine, other in pairs:
        largest = np.nanmax(np.abs(other)) if other.size else 0
        assert_close(mine, other, rtol=eps * np.finfo(other.dtype).eps, scale=largest or 1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("module", "name", "args", "options"), CALLS)
def test_dtypes(module, name, args, options, dtype):
    eps = 3000 if name == "frangi" else 300
    assert_as_skimage(module, name, image(dtype), *args, eps=eps, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_eigenvalues(dtype):
    parts = [image(dtype, seed=seed) for seed in (1, 2, 3)]
    for name in ("hessian_matrix_eigvals", "structure_tensor_eigenvalues"):
        assert_as_skimage("feature", name, parts)
        _, _, fell_back = both("feature", name, [image("float64", (4, 5, 6))] * 6)
        assert fell_back


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
@pytest.mark.parametrize(
    "options",
    [
        {}, {"min_distance": 4}, {"threshold_abs": 0.5}, {"threshold_rel": 0.6, "num_peaks": 5},
        {"exclude_border": False}, {"exclude_border": 3},
    ],
)  # fmt: skip
def test_peaks(dtype, options):
    theirs, ours, fell_back = both("feature", "peak_local_max", image(dtype), **options)
    assert not fell_back
    np.testing.assert_array_equal(ours, theirs, strict=True)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("blob_log", {"min_sigma": 3, "max_sigma": 20, "threshold": 0.1}),
        ("blob_log", {"min_sigma": 3, "max_sigma": 20, "num_sigma": 5, "log_scale": True}),
        ("blob_dog", {"min_sigma": 3, "max_sigma": 30, "threshold": 0.1}),
        ("blob_dog", {"min_sigma": 3, "sigma_ratio": 2, "threshold": 0.05, "overlap": 0.2}),
        ("blob_doh", {}),
        ("blob_doh", {"min_sigma": 2, "max_sigma": 20, "num_sigma": 7, "log_scale": True}),
        ("blob_doh", {"min_sigma": 5.5, "threshold": 0.002, "overlap": 0.9}),
    ],
)
def test_blobs(name, options):
    coins = data.coins()[:, :200]
    for plane in (coins, coins / 255, (coins / 255).astype(np.float32)):
        theirs, ours, fell_back = both("feature", name, plane, **options)
        assert not fell_back
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("dtype", [name for name in DTYPES if name != "float16"])
@pytest.mark.parametrize("size", [(3, 5), (8, 8)])
def test_templates(dtype, size):
    array = image(dtype)
    template = array[10 : 10 + size[0], 20 : 20 + size[1]].copy()
    for options in ({}, {"pad_input": True}, {"pad_input": True, "constant_values": 7}):
        theirs, ours, fell_back = both("feature", "match_template", array, template, **options)
        assert not fell_back
        assert ours.dtype == theirs.dtype
        # scikit-image computes sums of squares of float32 in that.
        atol = 2e-4 if theirs.dtype == np.float32 else 1e-9
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol)


def test_flat_images():
    flat = np.full(SHAPE, 0.3)
    for module, name, args in (
        ("feature", "corner_harris", ()), ("feature", "corner_kitchen_rosenfeld", ("reflect",)),
        ("filters", "frangi", ()), ("filters", "meijering", ()), ("filters", "sato", ()),
    ):  # fmt: skip
        assert_as_skimage(module, name, flat, *args)
    for name in ("blob_log", "blob_dog", "blob_doh", "peak_local_max"):
        for plane in (flat, flat.astype(np.float32)):
            theirs, ours, _ = both("feature", name, plane)
            np.testing.assert_array_equal(ours, theirs, strict=True)
            assert len(ours) == 0


@pytest.mark.parametrize(
    ("module", "name", "args", "options"),
    [
        ("feature", "hessian_matrix", (image("float64"),), {}),
        ("feature", "peak_local_max", (image("float64"),), {"p_norm": 2}),
        ("feature", "peak_local_max", (image("float64"),), {"footprint": np.ones((3, 3))}),
        ("feature", "blob_log", (image("float64"),), {"threshold_rel": 0.5}),
        ("feature", "blob_dog", (image("float64"),), {"exclude_border": 3}),
        ("feature", "blob_doh", (image("float64"), 0.9), {}),
        ("feature", "hessian_matrix_det", (image("float64"), 0.9), {}),
        ("feature", "match_template", (image("float64", (8, 9, 7)), np.ones((2, 2, 2))), {}),
        ("feature", "structure_tensor", (image("float64", (8, 9, 7)),), {}),
        ("filters", "sato", (image("float64", (8, 9, 7)),), {"sigmas": [1]}),
        ("filters", "frangi", (image("float64"),), {"scale_range": (1, 3), "scale_step": 1}),
    ],
)
def test_falls_back(module, name, args, options):
    theirs, ours, fell_back = both(module, name, *args, **options)
    assert fell_back
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize(
    ("module", "name", "args"),
    [
        ("feature", "structure_tensor", (1, "constant", 0, "zz")),
        ("feature", "match_template", (np.ones((90, 90)),)),
        ("feature", "blob_dog", (1, 50, 0.5)),
        ("feature", "peak_local_max", (1, None, None, -2)),
    ],
)
def test_errors(module, name, args):
    array = image("float64")
    with pytest.raises(ValueError) as theirs:  # noqa: PT011
        getattr(import_module(f"skimage.{module}"), name)(array, *args)
    with pytest.raises(ValueError) as ours:  # noqa: PT011
        getattr(MODULES[module], name)(array, *args)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("mode", ["constant", "reflect", "nearest", "mirror", "wrap"])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_borders_of_large_images(dtype, mode):
    """Inner pixels and those near the border come by different ways."""
    array = image(dtype, (90, 130))
    common = {"mode": mode, "cval": 3}
    for order in ("rc", "xy"):
        assert_as_skimage("feature", "structure_tensor", array, order=order, **common)
        for sigma in (0.6, 1.1, (0.5, 1.2)):
            assert_as_skimage(
                "feature", "hessian_matrix", array, sigma, order=order, eps=300,
                use_gaussian_derivatives=True, **common,
            )  # fmt: skip
    for name in ("sato", "meijering"):
        assert_as_skimage("filters", name, array, [1, 1.5], eps=300, mode=mode)


def test_pixels_that_are_not_finite():
    array = image("float64", (90, 130))
    array[40, 50], array[70, 100] = np.nan, np.inf
    for name, options in (
        ("structure_tensor", {}), ("hessian_matrix", {"use_gaussian_derivatives": True}),
    ):  # fmt: skip
        theirs, ours, _ = both("feature", name, array, **options)
        for mine, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(np.isfinite(mine), np.isfinite(other))

"""Bilateral and guided filters of pixels that do not count alike, and pools of these."""

import cases
import numpy as np
import oracle_missing
import pytest
from comparing import assert_same_bits, awkward_arrays
from holes import weights_of, with_holes

import imgconv

MODES = (*cases.MODES, "ignore", ("ignore", "reflect"), ("constant", "ignore"))
BILATERAL = {"win_size": 5, "sigma_color": 60.0, "sigma_spatial": 1.5}


def assert_near(actual, exact, rtol=1e-5, atol=2e-3):
    """Assert a mean in the units of `cases.sample`, and NaN at the same places."""
    if actual.dtype.kind == "f":
        rtol = max(rtol, 2 * np.finfo(actual.dtype).eps)
        np.testing.assert_allclose(actual, exact, rtol=rtol, atol=atol)
    else:
        limits = np.iinfo(actual.dtype)
        exact = np.clip(np.nan_to_num(exact), limits.min, limits.max)
        assert np.abs(actual.astype(float) - exact).max() <= 0.5 + 1e-3


# ---- bilateral -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
def test_bilateral_with_weights(dtype):
    for shape in ((14, 61), (3, 2), (20, 9, 3), (11, 40, 4)):
        image = cases.sample(shape, dtype)
        weights = weights_of(shape[:2])
        channels = {"channel_axis": -1} if len(shape) == 3 else {}
        actual = imgconv.bilateral(image, **BILATERAL, weights=weights, **channels)
        assert_near(actual, oracle_missing.bilateral(image, **BILATERAL, weights=weights))


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_bilateral_borders(mode):
    for shape in ((12, 37), (2, 3), (1, 1)):
        image = with_holes(cases.sample(shape, "float64"))
        how = {"mode": mode, "cval": 2.5, "nan": "omit"}
        actual = imgconv.bilateral(image, **BILATERAL, **how)
        assert_near(actual, oracle_missing.bilateral(image, **BILATERAL, **how), 1e-12, 1e-9)


@pytest.mark.parametrize("channels", [0, 3])
def test_holes_are_filled_by_the_guide(channels):
    image = with_holes(cases.sample((15, 33), "float32"))
    shape = (15, 33, channels) if channels else (15, 33)
    guide = cases.sample(shape, "float32", seed=3)
    guide[2, 20] = np.nan
    options = {"guide_channel_axis": -1} if channels else {}
    for weights in (None, weights_of((15, 33))):
        how = {"nan": "omit", "weights": weights}
        actual = imgconv.joint_bilateral(image, guide, **BILATERAL, **how, **options)
        assert_near(actual, oracle_missing.bilateral(image, guide, **BILATERAL, **how))


def test_guides_alone_may_hold_nan():
    """The image has integers, and the guide of floats has the missing pixels."""
    image, guide = cases.sample((15, 33), "uint8"), with_holes(cases.sample((15, 33), "float32"))
    actual = imgconv.joint_bilateral(image, guide, **BILATERAL, nan="omit")
    exact = oracle_missing.bilateral(image, guide, **BILATERAL, nan="omit")
    assert_near(actual, exact)
    actual = imgconv.guided(image, guide, 2, 50.0, nan="omit")
    assert_near(actual, oracle_missing.guided(image, guide, 2, 50.0, nan="omit"))


def test_a_nan_in_one_channel_makes_a_pixel_missing():
    image = cases.sample((12, 20, 3), "float32")
    image[5, 6, 1] = np.nan
    weights = np.ones((12, 20))
    weights[5, 6] = 0
    assert_same_bits(
        imgconv.bilateral(image, **BILATERAL, channel_axis=-1, nan="omit"),
        imgconv.bilateral(np.nan_to_num(image), **BILATERAL, channel_axis=-1, weights=weights),
    )


def test_the_measured_sigma_is_that_of_what_counts():
    image, weights = cases.sample((20, 31), "float32"), weights_of((20, 31))
    wild = np.where(weights == 0, 1e6, image).astype(np.float32)
    sigma = float(image[weights > 0].astype(float).std())
    expected = imgconv.bilateral(image, sigma_color=sigma, weights=weights)
    assert_near(imgconv.bilateral(wild, weights=weights), expected)
    stack = np.stack([wild, wild[::-1]])
    found = imgconv.bilateral(stack, axes=(1, 2), weights=np.stack([weights, weights[::-1]]))
    assert_near(found[0], expected)
    assert found.shape == stack.shape


# ---- guided ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
@pytest.mark.parametrize("radius", [0, 1, 4])
def test_guided_with_weights(dtype, radius):
    image, guide = cases.sample((23, 61), dtype), cases.sample((23, 61), dtype, seed=4)
    weights = weights_of(image.shape)
    weights[:9, 20:45] = 0
    actual = imgconv.guided(image, guide, radius, 50.0, weights=weights)
    assert_near(actual, oracle_missing.guided(image, guide, radius, 50.0, weights=weights))


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_guided_borders(mode):
    for shape in ((12, 37), (2, 3), (1, 1)):
        image = with_holes(cases.sample(shape, "float64"))
        guide = with_holes(cases.sample(shape, "float64", seed=6), seed=9)
        for how in ({}, {"weights": weights_of(shape)}):
            how = {"mode": mode, "cval": 2.5, "nan": "omit", **how}
            actual = imgconv.guided(image, guide, 2, 50.0, **how)
            exact = oracle_missing.guided(image, guide, 2, 50.0, **how)
            assert_near(actual, exact, 1e-9, 1e-7)


# ---- both ------------------------------------------------------------------------------------

BOTH = {
    "bilateral": lambda image, **how: imgconv.bilateral(image, **BILATERAL, **how),
    "joint": lambda image, **how: imgconv.joint_bilateral(
        image, cases.sample((33, 61), "float32", 5), **BILATERAL, **how
    ),
    "guided": lambda image, **how: imgconv.guided(
        image, cases.sample((33, 61), "float32", 5), 3, 100.0, **how
    ),
}
each = pytest.mark.parametrize("name", BOTH)


@each
def test_ones_are_plain(name):
    image = cases.sample((33, 61), "float32")
    plain = BOTH[name](image)
    assert_near(BOTH[name](image, weights=np.ones(image.shape)), plain)
    assert_near(BOTH[name](image, weights=np.full(image.shape, 1e-20)), plain)
    assert_near(BOTH[name](image, nan="omit"), plain)


@each
def test_what_does_not_count_may_be_anything(name):
    image, weights = cases.sample((33, 61), "float32"), weights_of((33, 61))
    wild = image.copy()
    wild[weights == 0] = np.resize([np.nan, np.inf, -np.inf, 3e38], image.shape)[weights == 0]
    assert_same_bits(BOTH[name](wild, weights=weights), BOTH[name](image, weights=weights))


@each
def test_layouts(name, monkeypatch):
    """Any strides, byte order and dtype of weights; stacks, out and threads."""
    function = BOTH[name]
    image, weights = with_holes(cases.sample((33, 61), "float32")), weights_of((33, 61))
    how = {"nan": "omit"}
    expected = function(image, **how, weights=weights)
    for _, awkward in awkward_arrays(weights):
        assert_same_bits(function(image, **how, weights=awkward), expected)
    for _, awkward in awkward_arrays(image):
        assert_same_bits(function(awkward, **how, weights=weights), expected)
    out = np.full_like(expected, 77)
    assert function(image, **how, weights=weights, out=out) is out
    assert_same_bits(out, expected)
    for at in (0, 1):
        pair = [image.copy(), weights.astype(np.float32)]
        wanted = function(image, **how, weights=pair[1])
        function(pair[0], **how, weights=pair[1], out=pair[at])
        assert_same_bits(pair[at], wanted)
    monkeypatch.setattr(imgconv.core.threads, "SERIAL_BELOW", 0)
    for count in (2, 5):
        with imgconv.threads(count):
            assert_same_bits(function(image, **how, weights=weights), expected)


def test_stacks_and_channels_have_weights_of_their_own():
    image, weights = cases.sample((3, 20, 31), "float32"), weights_of((20, 31))
    own = np.stack([weights, weights[::-1], weights])
    for function, more in (
        (imgconv.bilateral, ()), (imgconv.guided, (cases.sample((3, 20, 31), "float32"), 2, 9.0)),
    ):  # fmt: skip
        options = BILATERAL if function is imgconv.bilateral else {}
        found = function(image, *more, **options, axes=(1, 2), weights=own)
        guide = (more[0][1], *more[1:]) if more else ()
        one = function(image[1], *guide, **options, weights=own[1])
        assert_same_bits(np.ascontiguousarray(found[1]), one)
    colours = np.moveaxis(image, 0, -1)
    found = imgconv.guided(
        colours, colours, 2, 9.0, channel_axis=-1, weights=np.moveaxis(own, 0, -1)
    )
    one = imgconv.guided(image[1], image[1], 2, 9.0, weights=own[1])
    assert_same_bits(np.ascontiguousarray(found[..., 1]), one)
    with pytest.raises(ValueError, match="weights must have one number for all channels"):
        imgconv.bilateral(colours, channel_axis=-1, weights=np.moveaxis(own, 0, -1))
    stack = np.stack([colours, colours])
    shared = np.stack([weights, weights[::-1]])
    found = imgconv.bilateral(stack, **BILATERAL, axes=(1, 2), channel_axis=3, weights=shared)
    one = imgconv.bilateral(colours, **BILATERAL, channel_axis=-1, weights=weights[::-1])
    assert_same_bits(np.ascontiguousarray(found[1]), np.ascontiguousarray(one))


# ---- pools -----------------------------------------------------------------------------------

HOW = ("max", "min", "mean", "sum", "median")


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("dtype", cases.DTYPES)
def test_pools(how, dtype):
    for shape, size, stride in (((30, 47), (3, 4), (3, 4)), ((13, 70), (5, 3), (1, 2))):
        image = cases.sample(shape, dtype)
        weights = weights_of(shape) * 3
        counted = weights if how in {"mean", "sum"} else weights > 0
        actual = imgconv.pool(image, size, stride, how=how, weights=weights)
        if how in {"max", "min", "median"}:
            assert actual.dtype == image.dtype
        exact = oracle_missing.pool(image, size, stride, how, weights=counted)
        if how == "mean":
            exact = oracle_missing.pool_mean(image, size, stride, weights=weights)
        if actual.dtype.kind == "f":
            eps = 8 * np.finfo(actual.dtype).eps
            np.testing.assert_allclose(
                actual, exact, rtol=eps, atol=eps * 4000, err_msg=f"{how} {dtype}"
            )
        else:
            limits = (0, 1)
            if actual.dtype.kind != "b":
                limits = np.iinfo(actual.dtype).min, np.iinfo(actual.dtype).max
            exact = np.clip(np.nan_to_num(exact), *limits)
            off = np.abs(actual.astype(float) - exact)
            # Sums are taken in float64, and those of 64 bits saturate.
            scale = size[0] * size[1] * np.abs(image.astype(float)).max()
            assert (off <= 0.5 + 1e-6 + 1e-13 * scale).all()
            if how in {"max", "min"}:
                assert (off <= 1e-13 * np.abs(exact)).all()


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_pools_leave_nan_out(how, dtype):
    """As NumPy's functions of this name do; where all are NaN, a sum is 0."""
    image = with_holes(cases.sample((24, 36), dtype))
    image[:3, :4] = np.nan
    image[9, 9], image[10, 3] = np.inf, -np.inf
    blocks = image.reshape(8, 3, 9, 4).transpose(0, 2, 1, 3).reshape(8, 9, 12)
    with (
        np.errstate(invalid="ignore"),
        pytest.warns(RuntimeWarning) if how != "sum" else (np.errstate()),
    ):
        exact = getattr(np, f"nan{how}")(blocks.astype(np.float64), axis=-1)
    actual = imgconv.pool(image, (3, 4), how=how, nan="omit")
    eps = 8 * np.finfo(dtype).eps
    np.testing.assert_allclose(actual, exact.astype(dtype), rtol=eps, atol=eps * 2000)
    spoiled = imgconv.pool(image, (3, 4), how=how)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(
            np.isnan(spoiled), np.isnan(getattr(np, how)(blocks.astype(float), axis=-1))
        )


@pytest.mark.parametrize("how", HOW)
def test_pools_of_ones_are_plain(how):
    for dtype in ("bool", "uint8", "int16", "float32", "int64", "uint64"):
        image = cases.sample((23, 37), dtype)
        for options in ({"size": 3}, {"size": (4, 3), "stride": 2, "padding": 1}):
            if how == "mean":
                options = {**options, "count_include_pad": False}
            plain = imgconv.pool(image, **options, how=how)
            ones = imgconv.pool(image, **options, how=how, weights=np.ones(image.shape))
            if how == "mean" or (how == "sum" and image.itemsize == 8):
                np.testing.assert_allclose(ones.astype(float), plain.astype(float), 1e-6, 1)
            else:
                assert_same_bits(ones, plain)


@pytest.mark.parametrize("how", HOW)
def test_pools_in_any_layout(how, monkeypatch):
    image, weights = cases.sample((30, 40, 3), "float32"), weights_of((30, 40))
    planes = [
        imgconv.pool(np.ascontiguousarray(image[..., c]), 3, how=how, weights=weights)
        for c in range(3)
    ]
    found = imgconv.pool(image, 3, how=how, weights=weights, channel_axis=-1)
    assert_same_bits(found, np.stack(planes, axis=-1))
    stack = np.moveaxis(image, -1, 0)
    found = imgconv.pool(stack, 3, how=how, weights=weights, axes=(1, 2))
    assert_same_bits(found, np.stack(planes))
    monkeypatch.setattr(imgconv.core.threads, "SERIAL_BELOW", 0)
    with imgconv.threads(3):
        found = imgconv.pool(image[..., 0], 3, how=how, weights=weights)
    assert_same_bits(found, planes[0])

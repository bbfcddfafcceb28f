"""Pixels that are missing, and pixels that count more: averages and orders of what counts."""

import inspect

import cases
import numpy as np
import oracle
import oracle_missing
import pytest
from comparing import assert_close, assert_same_bits, awkward_arrays
from holes import with_holes
from hypothesis import given
from hypothesis import strategies as st

import imgconv

KERNEL = np.array([[1.0, 2, 0], [3, 1, 4]])
LONG = np.hanning(23)[1:-1]
HIGH = np.ones((19, 5))


def averaged(kernel, normalize=True):
    """Return the reference implementation of a mean, or of a sum."""

    def run(image, **how):
        return oracle_missing.correlate(image, kernel, normalize=normalize, **how)

    return run


def gaussian_kernel(sigma):
    """Return the kernel of two axes."""
    return np.outer(imgconv.kernels.gaussian(sigma), imgconv.kernels.gaussian(sigma))


# Function, arguments, reference implementation.
AVERAGES = {
    "gaussian": (imgconv.gaussian, (1.2,), {}, averaged(gaussian_kernel(1.2))),
    "wide gaussian": (imgconv.gaussian, (5,), {}, averaged(gaussian_kernel(5))),
    "box": (imgconv.box, ((3, 5),), {}, averaged(np.ones((3, 5)))),
    "even box": (imgconv.box, (4,), {}, averaged(np.ones((4, 4)))),
    "wide box": (imgconv.box, ((19, 5),), {}, averaged(HIGH)),
    "wider box": (imgconv.box, (40,), {}, averaged(np.ones((40, 40)))),
    "correlate": (imgconv.correlate, (KERNEL,), {"normalize": True}, averaged(KERNEL)),
    "strided": (
        imgconv.correlate,
        (KERNEL,),
        {"normalize": True, "stride": (2, 3)},
        lambda image, **how: oracle_missing.correlate(
            image, KERNEL, normalize=True, stride=(2, 3), **how
        ),
    ),
    "sum": (imgconv.correlate, (KERNEL - 1,), {}, averaged(KERNEL - 1, normalize=False)),
    "convolve": (
        imgconv.convolve,
        (np.pad(KERNEL, ((0, 1), (0, 0))),),
        {"normalize": True},
        averaged(np.pad(KERNEL, ((0, 1), (0, 0)))[::-1, ::-1]),
    ),
    "separable": (
        imgconv.separable,
        (LONG, [1, 2, 1]),
        {"normalize": True},
        averaged(np.outer(LONG, [1, 2, 1])),
    ),
}
MODES = (*cases.MODES, "ignore", ("ignore", "reflect"), ("constant", "ignore"))

each_average = pytest.mark.parametrize("name", AVERAGES)


def weights_of(shape, seed=0):
    """Return weights, a fifth of them 0."""
    rng = np.random.default_rng(seed)
    return rng.random(shape) * (rng.random(shape) > 0.2)


def assert_average(actual, exact, image, ulps=64):
    """Assert a mean, of which NaN is 0 in integers."""
    dtype = actual.dtype
    if dtype.kind == "f":
        eps = np.finfo(oracle.compute_dtype(image.dtype)).eps + np.finfo(dtype).eps
        scale = max(np.abs(exact[np.isfinite(exact)], dtype=float).max(initial=0), 1e-9)
        assert_close(actual, exact, rtol=ulps * eps, scale=scale, dtype=dtype)
    else:
        wanted = oracle.round_to(np.nan_to_num(exact), dtype).astype(float)
        slack = 64 * np.finfo(oracle.compute_dtype(image.dtype)).eps * max(1, np.abs(wanted).max())
        near = np.abs(np.rint(exact) - exact) >= 0.5 - slack - 1e-6
        off = np.abs(actual.astype(float) - wanted)
        assert (off <= np.where(near, 1, 0) + slack).all()


@pytest.mark.parametrize("dtype", cases.DTYPES)
@each_average
def test_weights(name, dtype):
    function, arguments, options, exact = AVERAGES[name]
    image = cases.sample((33, 61), dtype)
    weights = weights_of(image.shape)
    actual = function(image, *arguments, **options, weights=weights)
    assert_average(actual, exact(image, weights=weights), image)


@pytest.mark.parametrize("mode", MODES, ids=str)
@each_average
def test_borders(name, mode):
    function, arguments, options, exact = AVERAGES[name]
    for shape in ((33, 61), (2, 3), (1, 1), (65, 9)):
        image = with_holes(cases.sample(shape, "float64"))
        weights = weights_of(shape)
        how = {"mode": mode, "cval": 2.5, "nan": "omit", "weights": weights}
        assert_average(function(image, *arguments, **options, **how), exact(image, **how), image)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@each_average
def test_nan_is_left_out(name, dtype):
    function, arguments, options, exact = AVERAGES[name]
    for width in (5, 31, 32, 33, 200):
        image = with_holes(cases.sample((40, width), dtype))
        actual = function(image, *arguments, **options, nan="omit")
        assert_average(actual, exact(image, nan="omit"), image)


@each_average
def test_windows_shrink(name):
    function, arguments, options, exact = AVERAGES[name]
    image = cases.sample((30, 70), "uint8")
    actual = function(image, *arguments, **options, mode="ignore")
    assert_average(actual, exact(image, mode="ignore"), image)


@each_average
def test_ones_are_plain(name):
    function, arguments, options, _ = AVERAGES[name]
    for dtype in ("uint8", "float32"):
        image = cases.sample((33, 61), dtype)
        plain = function(image, *arguments, **options).astype(float)
        for ones in (np.ones((33, 61)), np.ones((33, 61), bool)):
            weighed = function(image, *arguments, **options, weights=ones)
            assert np.abs(weighed - plain).max() <= (1 if dtype == "uint8" else 3e-5 * 255)
    assert_same_bits(
        function(image, *arguments, **options, nan="omit", weights=np.ones((33, 61), "uint8")),
        function(image, *arguments, **options, nan="omit"),
    )


@each_average
@given(st.floats(1e-30, 1e30), st.integers(0, 1000))
def test_scaled_weights_change_nothing(name, factor, seed):
    function, arguments, options, _ = AVERAGES[name]
    if name == "sum":
        return
    image = cases.sample((20, 33), "float32", seed)
    weights = weights_of(image.shape, seed)
    one, other = (
        function(image, *arguments, **options, weights=each) for each in (weights, weights * factor)
    )
    assert_close(other, one, rtol=1e-5)


@each_average
def test_what_does_not_count_may_be_anything(name):
    function, arguments, options, _ = AVERAGES[name]
    image = cases.sample((33, 61), "float32")
    weights = weights_of(image.shape)
    wild = image.copy()
    wild[weights == 0] = np.resize([np.nan, np.inf, -np.inf, 3e38], image.shape)[weights == 0]
    assert_same_bits(
        function(wild, *arguments, **options, weights=weights),
        function(image, *arguments, **options, weights=weights),
    )


@each_average
def test_where_nothing_counts(name):
    function, arguments, options, _ = AVERAGES[name]
    size = 50, 70
    nothing = function(np.full(size, np.nan, np.float32), *arguments, **options, nan="omit")
    assert (nothing == 0).all() if name == "sum" else np.isnan(nothing).all()
    black = function(np.full(size, 7, np.uint8), *arguments, **options, weights=np.zeros(size))
    kept = function in (imgconv.gaussian, imgconv.box)
    assert black.dtype == (np.uint8 if kept else np.float32)
    assert not black.any() if kept or name == "sum" else np.isnan(black).all()


@each_average
def test_layouts(name):
    """Any strides, byte order and dtype of weights; channels, stacks, out and threads."""
    function, arguments, options, _ = AVERAGES[name]
    image, weights = with_holes(cases.sample((33, 61), "float32")), weights_of((33, 61))
    weights = weights.astype(np.float32)
    how = {**options, "nan": "omit"}
    expected = function(image, *arguments, **how, weights=weights)
    for _, awkward in awkward_arrays(weights):
        assert_same_bits(function(image, *arguments, **how, weights=awkward), expected)
    for _, awkward in awkward_arrays(image):
        assert_same_bits(function(awkward, *arguments, **how, weights=weights), expected)
    out = np.full_like(expected, 77)
    assert function(image, *arguments, **how, weights=weights, out=out) is out
    assert_same_bits(out, expected)
    if name != "strided":
        for at in (0, 1):
            pair = [image.copy(), weights.copy()]
            function(pair[0], *arguments, **how, weights=pair[1], out=pair[at])
            assert_same_bits(pair[at], expected)
    colours = np.stack([image, image + 1, image * 2], axis=-1)
    for shared in (weights, np.stack([weights] * 3, axis=-1)):
        actual = function(colours, *arguments, **how, weights=shared, channel_axis=-1)
        assert_same_bits(np.ascontiguousarray(actual[..., 0]), expected)
        last = function(image * 2, *arguments, **how, weights=weights)
        assert_same_bits(np.ascontiguousarray(actual[..., 2]), last)
    own = np.stack([weights, weights[::-1], weights], axis=-1)
    actual = function(colours, *arguments, **how, weights=own, channel_axis=-1)
    middle = function(colours[..., 1].copy(), *arguments, **how, weights=weights[::-1])
    assert_same_bits(np.ascontiguousarray(actual[..., 1]), middle)
    stack = np.stack([image, image[::-1]])
    actual = function(stack, *arguments, **how, weights=weights, axes=(1, 2))
    assert_same_bits(np.ascontiguousarray(actual[0]), expected)
    across = function(
        stack.transpose(2, 0, 1), *arguments, **how, weights=weights, axes=(2, 0)
    ).transpose(1, 2, 0)
    assert_same_bits(np.ascontiguousarray(across), actual)
    moved = function(
        np.moveaxis(colours, -1, 0), *arguments, **how, weights=weights, channel_axis=0
    )
    assert_same_bits(np.ascontiguousarray(moved[0]), expected)


@each_average
def test_threads_change_nothing(name, monkeypatch):
    function, arguments, options, _ = AVERAGES[name]
    monkeypatch.setattr(imgconv.core.threads, "SERIAL_BELOW", 0)
    image, weights = with_holes(cases.sample((203, 90), "float32")), weights_of((203, 90))
    found = []
    for count in (1, 2, 5):
        with imgconv.threads(count):
            found.append(function(image, *arguments, **options, nan="omit", weights=weights))
    assert_same_bits(found[1], found[0])
    assert_same_bits(found[2], found[0])


def test_small_calls_are_repeated():
    """A call like an earlier one takes the short way, which must know of NaN and of no weights."""
    image = with_holes(cases.sample((16, 20), "float32"))
    for nan in ("omit", "spread", "omit"):
        for _ in range(3):
            again = imgconv.box(image, 3, nan=nan)
        assert np.isnan(again).sum() == np.isnan(imgconv.box(image, 3, nan=nan, out=again)).sum()
    plain = imgconv.box(np.ones((4, 4)), 3)
    for weights in (np.eye(4), np.ones((4, 4)), np.zeros((4, 4))):
        assert np.isnan(imgconv.box(plain, 3, weights=weights)).any() == (weights.sum() < 5)


ONES = np.ones((4, 5))


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (ValueError, "weights must have shape (4, 5), got (5, 4)",
         lambda: imgconv.gaussian(ONES, 1, weights=ONES.T)),
        (ValueError, "weights must have shape (4, 5) or (2, 4, 5), got (2, 1, 5)",
         lambda: imgconv.box(np.ones((2, 4, 5)), 3, axes=(1, 2), weights=np.ones((2, 1, 5)))),
        (ValueError, "weights must be finite and not negative, got -1.0",
         lambda: imgconv.box(ONES, 3, weights=-ONES)),
        (ValueError, "weights must be finite and not negative, got inf",
         lambda: imgconv.box(ONES, 3, weights=ONES * np.inf)),
        (ValueError, "weights must be finite and not negative, got nan",
         lambda: imgconv.box(ONES, 3, weights=ONES * np.nan)),
        (TypeError, "weights must have a real dtype",
         lambda: imgconv.box(ONES, 3, weights=ONES * 1j)),
        (ValueError, "nan must be one of spread, omit, got 'drop'",
         lambda: imgconv.box(ONES, 3, nan="drop")),
        (ValueError, "mode must be one of reflect, constant, nearest, mirror, wrap, got 'ignore'",
         lambda: imgconv.sobel(ONES, mode="ignore")),
        (ValueError, "weights must be None where",
         lambda: imgconv.gaussian(ONES, 1, order=1, weights=ONES)),
        (ValueError, "nan must be 'spread' where",
         lambda: imgconv.gaussian(ONES, 20, method="resample", nan="omit")),
        (ValueError, "kernel must have no negative weight and a positive sum",
         lambda: imgconv.correlate(ONES, [[1, -1]], normalize=True)),
        (ValueError, "kernel must have no negative weight and a positive sum",
         lambda: imgconv.separable(ONES, [0], [1], normalize=True)),
        (ValueError, "method must be one that weighs pixels",
         lambda: imgconv.correlate(ONES, ONES, method="fft", weights=ONES)),
    ],
)  # fmt: skip
def test_errors(error, message, call):
    with pytest.raises(error) as found:
        call()
    assert message in str(found.value)


def test_normalize_is_a_mean():
    """Without weights, a kernel is divided by its sum."""
    image = cases.sample((20, 30), "float64")
    kernel = KERNEL / KERNEL.sum()
    assert_close(
        imgconv.correlate(image, KERNEL, normalize=True),
        imgconv.correlate(image, kernel),
        rtol=1e-14,
    )


def test_all_averages_take_the_keywords():
    for function, *_ in AVERAGES.values():
        assert {"nan", "weights"} <= inspect.signature(function).parameters.keys()


CHAINS = (
    "gaussian(sigma=2, nan=omit) | box(size=5)",
    "box(size=3, nan=omit, mode=ignore) | gaussian(sigma=1, nan=omit, mode=ignore)",
    "median(size=3, nan=omit) | opening(size=3, nan=omit, mode=ignore) | box(size=20, nan=omit)",
)


@pytest.mark.parametrize("text", CHAINS)
def test_pipelines(text, monkeypatch):
    """Bands and chunks have the bits of the steps one by one."""
    dask = pytest.importorskip("dask.array")
    image = with_holes(cases.sample((300, 90), "float32"))
    pipeline = imgconv.Pipeline(text)
    *_, (_, expected) = pipeline.stepwise(image)
    assert np.isfinite(expected).mean() > 0.9
    monkeypatch.setattr("imgconv.pipeline.executors.arrays.BAND_BYTES", 1 << 12)
    assert_same_bits(pipeline(image), expected)
    chunks = dask.from_array(image, chunks=(70, 33))
    assert_same_bits(pipeline(chunks).compute(), expected)


def test_weights_in_pipelines():
    """Averages and orders of a chain get weights; other steps do not."""
    image, weights = cases.sample((60, 50), "float32"), weights_of((60, 50))
    chain = imgconv.Pipeline("gaussian(sigma=1) | sobel | correlate([[1, 2]]) | median(size=3)")
    expected = imgconv.gaussian(image, 1, weights=weights)
    expected = imgconv.correlate(imgconv.sobel(expected), [[1, 2]])
    expected = imgconv.median(expected, 3, weights=weights)
    assert_same_bits(chain.with_weights(weights)(image), expected)

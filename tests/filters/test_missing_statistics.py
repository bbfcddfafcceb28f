"""Local statistics of pixels that do not count alike."""

import cases
import numpy as np
import oracle_missing
import pytest
from comparing import assert_same_bits, awkward_arrays
from holes import weights_of, with_holes

import imgconv
from imgconv.filters.local import variance_operation
from imgconv.filters.order import window_of

DISK = np.hypot(*np.ogrid[-4:5, -4:5]) <= 4.3
ABOVE = np.repeat([1, 1, 0, 0, 0, 0, 0], 2).reshape(7, 2) > 0
CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 1]], bool)


def unbiased(values, weights):
    """Return the variance with one degree of freedom less."""
    return oracle_missing.variance_of(values, weights, 1.0)


def deviation(values, weights):
    """Return the standard deviation."""
    return np.sqrt(oracle_missing.variance_of(values, weights))


# Function, options, footprint, what it makes of values and weights.
STATISTICS = {
    "variance": (
        imgconv.variance, {"size": 3}, np.ones((3, 3)), oracle_missing.variance_of,
    ),
    "high variance": (
        imgconv.variance, {"size": (15, 4)}, np.ones((15, 4)), oracle_missing.variance_of,
    ),
    "unbiased": (imgconv.variance, {"size": (3, 5), "ddof": 1}, np.ones((3, 5)), unbiased),
    "variance disk": (
        imgconv.variance, {"footprint": DISK}, DISK, oracle_missing.variance_of,
    ),
    "std": (imgconv.std, {"size": (4, 7)}, np.ones((4, 7)), deviation),
    "std cross": (imgconv.std, {"footprint": CROSS}, CROSS, deviation),
    **{
        f"{name} off its pixel": (
            imgconv.variance, {"footprint": shape}, shape, oracle_missing.variance_of,
        )
        for name, shape in (
            ("above", ABOVE), ("below", ABOVE[::-1]), ("left", ABOVE.T), ("right", ABOVE.T[:, ::-1])
        )
    },
    "box disk": (imgconv.box, {"footprint": DISK}, DISK, oracle_missing.mean_of),
}  # fmt: skip
ENTROPIES = {
    "entropy": ({"size": 3}, np.ones((3, 3))),
    "entropy disk": ({"footprint": DISK}, DISK),
}
MODES = (*cases.MODES, "ignore", ("ignore", "reflect"), ("constant", "ignore"))

each_statistic = pytest.mark.parametrize("name", STATISTICS)


def assert_statistic(actual, exact, image, name):
    """Assert a statistic to what the rounding of float64 and of the result allow."""
    scale = max(5.0, np.nanmax(np.abs(image.astype(float)))) ** (1 if "box" in name else 2)
    if "std" in name:
        actual, exact = actual.astype(float) ** 2, exact**2
    eps = np.finfo(actual.dtype).eps if actual.dtype.kind == "f" else 0.0
    if actual.dtype.kind != "f":
        exact, actual = np.nan_to_num(exact), actual.astype(float)
    np.testing.assert_array_equal(np.isnan(actual), np.isnan(exact))
    fine = np.isfinite(exact)
    off = np.abs(actual - exact)[fine]
    slack = 0.5 + 1e-9 if image.dtype.kind in "iu" and "box" in name else 0.0
    result_eps = 1e-3 if image.dtype == np.float16 and "box" in name else 2.0**-22
    assert (off <= slack + 1e-12 * scale + max(eps, result_eps) * np.abs(exact[fine])).all()


@pytest.mark.parametrize("dtype", cases.DTYPES)
@each_statistic
def test_weights(name, dtype):
    function, options, footprint, result = STATISTICS[name]
    image = cases.sample((19, 61), dtype)
    weights = weights_of(image.shape)
    actual = function(image, **options, weights=weights)
    exact = oracle_missing.statistic(image, footprint, result, weights=weights)
    assert_statistic(actual, exact, image, name)


@pytest.mark.parametrize("mode", MODES, ids=str)
@each_statistic
def test_borders(name, mode):
    function, options, footprint, result = STATISTICS[name]
    for shape in ((12, 61), (2, 3), (1, 1), (33, 9)):
        image = with_holes(cases.sample(shape, "float64"))
        how = {"mode": mode, "cval": 2.5, "nan": "omit", "weights": weights_of(shape)}
        exact = oracle_missing.statistic(image, footprint, result, **how)
        assert_statistic(function(image, **options, **how), exact, image, name)


@each_statistic
def test_nan_is_left_out(name):
    function, options, footprint, result = STATISTICS[name]
    for dtype in ("float16", "float32", "float64"):
        for width in (5, 31, 33, 300):
            image = with_holes(cases.sample((17, width), dtype))
            actual = function(image, **options, nan="omit")
            exact = oracle_missing.statistic(image, footprint, result, nan="omit")
            assert_statistic(actual, exact, image, name)


@each_statistic
def test_a_high_plateau_with_holes(name):
    """Differences to a pixel that counts: what is missing does not cost digits."""
    function, options, footprint, result = STATISTICS[name]
    rng = np.random.default_rng(0)
    image = 1e6 + rng.normal(size=(40, 200))
    image[rng.random(image.shape) < 0.3] = np.nan
    image[:20, 60:90] = image[8:19] = np.nan
    exact = oracle_missing.statistic(image, footprint, result, nan="omit")
    np.testing.assert_allclose(function(image, **options, nan="omit"), exact, 1e-5, 1e-9)


@each_statistic
def test_ones_are_plain(name):
    function, options, *_ = STATISTICS[name]
    image = cases.sample((33, 161), "float32")
    plain = function(image, **options)
    weighed = function(image, **options, weights=np.ones(image.shape))
    np.testing.assert_allclose(weighed, plain, rtol=1e-6, atol=1e-6)
    assert_same_bits(function(image, **options, nan="omit"), weighed)


@each_statistic
def test_scaled_weights_change_nothing(name):
    function, options, *_ = STATISTICS[name]
    image, weights = cases.sample((20, 70), "float32"), weights_of((20, 70))
    if "ddof" in options:
        return
    one = function(image, **options, weights=weights)
    for factor in (1e-200, 1e-20, 3.0, 1e30):
        other = function(image, **options, weights=weights * factor)
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-2)


@each_statistic
def test_what_does_not_count_may_be_anything(name):
    function, options, *_ = STATISTICS[name]
    image, weights = cases.sample((33, 61), "float32"), weights_of((33, 61))
    wild = image.copy()
    wild[weights == 0] = np.resize([np.nan, np.inf, -np.inf, 3e38], image.shape)[weights == 0]
    assert_same_bits(
        function(wild, **options, weights=weights), function(image, **options, weights=weights)
    )


@each_statistic
def test_layouts(name):
    """Any strides, byte order and dtype of weights; channels, stacks, out and threads."""
    function, options, *_ = STATISTICS[name]
    image, weights = with_holes(cases.sample((33, 61), "float32")), weights_of((33, 61))
    how = {**options, "nan": "omit"}
    expected = function(image, **how, weights=weights)
    for _, awkward in awkward_arrays(weights):
        assert_same_bits(function(image, **how, weights=awkward), expected)
    out = np.full_like(expected, 77)
    assert function(image, **how, weights=weights, out=out) is out
    assert_same_bits(out, expected)
    same = image.copy()
    assert_same_bits(function(same, **how, weights=weights, out=same), expected)
    colours = np.stack([image, image + 1, image * 2], axis=-1)
    own = np.stack([weights, weights[::-1], weights], axis=-1)
    actual = function(colours, **how, weights=own, channel_axis=-1)
    middle = function(colours[..., 1].copy(), **how, weights=weights[::-1])
    np.testing.assert_allclose(actual[..., 1], middle, rtol=1e-6, atol=1e-6)
    stack = np.stack([image, image[::-1]])
    actual = function(stack, **how, weights=weights, axes=(1, 2))
    assert_same_bits(np.ascontiguousarray(actual[0]), expected)


@each_statistic
def test_threads_change_nothing(name, monkeypatch):
    function, options, *_ = STATISTICS[name]
    monkeypatch.setattr(imgconv.core.threads, "SERIAL_BELOW", 0)
    image, weights = with_holes(cases.sample((203, 90), "float32")), weights_of((203, 90))
    found = []
    for count in (1, 2, 5):
        with imgconv.threads(count):
            found.append(function(image, **options, nan="omit", weights=weights))
    assert_same_bits(found[1], found[0])
    assert_same_bits(found[2], found[0])


@pytest.mark.parametrize("shape", [ABOVE, ABOVE[::-1], ABOVE.T, ABOVE.T[:, ::-1]])
def test_loops_read_no_row_beside_the_window(shape):
    """The pixel that a result belongs to need not be in its window."""
    operation = variance_operation(window_of(None, shape), "variance", 0)
    window, *_ = operation.pack(1, np.dtype(np.float32))[0]
    assert 0 <= window["row"] < window["height"]
    assert 0 <= window["column"] < window["width"]


# ---- entropy ---------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8"])
@pytest.mark.parametrize("name", ENTROPIES)
def test_entropy(name, dtype, mode):
    options, footprint = ENTROPIES[name]
    for shape in ((14, 70), (1, 1), (2, 30)):
        image = cases.sample(shape, dtype)
        image = image if dtype == "bool" else (image // 40).astype(dtype)
        weights = weights_of(shape)
        actual = imgconv.entropy(image, **options, mode=mode, cval=1.0, weights=weights)
        how = {"mode": mode, "cval": 1.0, "weights": weights}
        exact = oracle_missing.statistic(image, footprint, oracle_missing.entropy_of, **how)
        np.testing.assert_allclose(actual, exact, atol=2e-6)
        plain = imgconv.entropy(image, **options)
        assert_same_bits(imgconv.entropy(image, **options, weights=weights >= 0), plain)


# ---- pipelines -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["std(size=5, nan=omit)", "variance(size=(9, 4), nan=omit, mode=ignore) | box(size=3)"]
)
def test_pipelines(text, monkeypatch):
    """Bands and chunks have the bits of the whole."""
    dask = pytest.importorskip("dask.array")
    image = with_holes(cases.sample((300, 290), "float32"))
    image[100:140, 100:200] = np.nan
    pipeline = imgconv.Pipeline(text)
    *_, (_, expected) = pipeline.stepwise(image)
    monkeypatch.setattr("imgconv.pipeline.executors.arrays.BAND_BYTES", 1 << 12)
    assert_same_bits(pipeline(image), expected)
    chunks = dask.from_array(image, chunks=(70, 133))
    assert_same_bits(pipeline(chunks).compute(), expected)

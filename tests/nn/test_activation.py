"""Activations, dense layers, normalization and dropout: formulas, differences and PyTorch."""

import numpy as np
import pytest
from gradients import check_differences, check_torch, differences, needs_torch, torch
from hypothesis import given
from hypothesis import strategies as st

from imgconv import nn

SIMPLE = {
    "relu": lambda x: np.where(x > 0, x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
    "rrelu": lambda x: np.where(x > 0, x, (1 / 8 + 1 / 3) / 2 * x),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)),
}
SHAPES = st.lists(st.integers(1, 5), max_size=4).map(tuple)
SEEDS = st.integers(0, 2**32 - 1)
FLOATS = st.sampled_from([np.float32, np.float64])
AWKWARD = st.sampled_from(["contiguous", "transposed", "strided", "swapped", "read-only"])


def numbers(seed, shape, dtype=np.float64, layout="contiguous"):
    """Numbers, some of them 0, in any memory layout."""
    rng = np.random.default_rng(seed)
    array = (rng.standard_normal(shape) * 3 * (rng.random(shape) > 0.1)).astype(dtype)
    array = np.asarray(array)
    if layout == "transposed":
        return np.ascontiguousarray(array.T).T
    if layout == "strided":
        wide = np.zeros([2 * n for n in shape], dtype)
        wide[(slice(None, None, 2),) * len(shape)] = array
        return wide[(slice(None, None, 2),) * len(shape)]
    if layout == "swapped":
        return array.astype(array.dtype.newbyteorder())
    array.flags.writeable = layout != "read-only"
    return array


def away_from_zero(array):
    """Where a function has a corner, a finite difference means nothing."""
    return array + np.where(array < 0, -0.1, 0.1)


@pytest.mark.parametrize("name", SIMPLE)
class TestOfSingleNumbers:
    @given(seed=SEEDS, shape=SHAPES, dtype=FLOATS, layout=AWKWARD)
    def test_formula(self, name, seed, shape, dtype, layout):
        x = numbers(seed, shape, dtype, layout)
        result = getattr(nn, name)(x)
        assert result.shape == x.shape
        assert result.dtype == dtype
        tol = 1e-6 if dtype == np.float32 else 1e-13
        np.testing.assert_allclose(result, SIMPLE[name](x.astype(float)), rtol=tol, atol=tol)

    @given(seed=SEEDS, shape=SHAPES)
    def test_differences(self, name, seed, shape):
        rng = np.random.default_rng(seed)
        check_differences(name, (away_from_zero(numbers(seed, shape)),), rng)

    @needs_torch
    @given(seed=SEEDS, shape=SHAPES, dtype=FLOATS)
    def test_torch(self, name, seed, shape, dtype):
        reference = getattr(torch, name) if name in {"sigmoid", "tanh"} else None
        x = numbers(seed, shape, dtype)
        check_torch(name, [x], np.random.default_rng(seed), reference=reference)

    def test_nan_and_infinity(self, name):
        x = np.array([np.nan, np.inf, -np.inf])
        with np.errstate(all="raise"):
            result = getattr(nn, name)(x)
        assert np.isnan(result[0])
        assert np.isfinite(result[1]) == (name in {"sigmoid", "tanh"})

    def test_dtypes_refused(self, name):
        with pytest.raises(TypeError, match="input's dtype must be float32 or float64, got int64"):
            getattr(nn, name)(np.arange(3))
        with pytest.raises(TypeError, match="masked"):
            getattr(nn, name)(np.ma.ones(3))
        with pytest.raises(ValueError, match=r"grad_output must have shape \(3,\), got \(2,\)"):
            getattr(nn, f"{name}_backward")(np.ones(2), np.ones(3))


@pytest.mark.parametrize(("name", "options"), [
    ("leaky_relu", {"negative_slope": 0.3}),
    ("elu", {"alpha": 1.7}),
    ("rrelu", {"lower": 0.1, "upper": 0.5}),
])  # fmt: skip
def test_options(name, options):
    x = away_from_zero(numbers(1, (3, 4)))
    check_differences(name, (x,), np.random.default_rng(1), **options)
    if torch is not None:
        check_torch(name, [x], np.random.default_rng(1), **options)


class TestLinear:
    @given(seed=SEEDS, lead=SHAPES, sizes=st.tuples(*[st.integers(1, 6)] * 2), bias=st.booleans())
    def test_formula_and_differences(self, seed, lead, sizes, bias):
        rng = np.random.default_rng(seed)
        ins, outs = sizes
        x, w = numbers(seed, (*lead[:2], ins)), rng.standard_normal((outs, ins))
        b = rng.standard_normal(outs) if bias else None
        expected = np.einsum("...i,oi->...o", x, w) + (b if bias else 0)
        np.testing.assert_allclose(nn.linear(x, w, b), expected, rtol=1e-12, atol=1e-12)
        check_differences("linear", (x, w, b), rng, tol=1e-5)

    @needs_torch
    @given(seed=SEEDS, lead=SHAPES, dtype=FLOATS, bias=st.booleans(), row=st.booleans())
    def test_torch(self, seed, lead, dtype, bias, row):
        rng = np.random.default_rng(seed)
        x = numbers(seed, (*lead, 5), dtype)
        w = rng.standard_normal(5 if row else (3, 5)).astype(dtype)
        b = rng.standard_normal(3).astype(dtype) if bias and not row else None
        check_torch("linear", [x, w, b], rng)

    @pytest.mark.parametrize(
        ("shapes", "message"),
        [
            (((2, 4), (4,), (1,)), "bias must be None for a weight of a single row"),
            (((2, 4), (3, 5), None), r"weight must have shape \(out, in\)"),
            (((2, 4), (3, 4), (4,)), r"bias must have shape \(3,\), got \(4,\)"),
            (((), (3, 4), None), "weight must have shape"),
            (((2, 4), (2, 3, 4), None), "weight must have shape"),
        ],
    )
    def test_refused(self, shapes, message):
        arrays = [None if shape is None else np.ones(shape) for shape in shapes]
        with pytest.raises(ValueError, match=message):
            nn.linear(*arrays)

    def test_mixed_dtypes_refused(self):
        with pytest.raises(TypeError, match="weight must have the input's dtype float32"):
            nn.linear(np.ones(3, np.float32), np.ones((2, 3)))


class TestPReLU:
    @given(seed=SEEDS, shape=SHAPES, one=st.booleans(), dtype=FLOATS)
    def test_formula(self, seed, shape, one, dtype):
        rng = np.random.default_rng(seed)
        x = numbers(seed, shape, dtype)
        w = rng.random(1 if one or len(shape) < 2 else shape[1]).astype(dtype)
        factors = w if len(shape) < 2 else w.reshape(-1, *(1,) * (len(shape) - 2))
        np.testing.assert_allclose(nn.prelu(x, w), np.where(x > 0, x, x * factors.reshape(
            () if not shape else factors.shape)), rtol=1e-6)  # fmt: skip
        check_differences("prelu", (away_from_zero(x.astype(float)), w.astype(float)), rng)
        if torch is not None:
            check_torch("prelu", [x, w], rng)

    def test_refused(self):
        with pytest.raises(ValueError, match=r"weight must have shape \(1,\) or \(3,\)"):
            nn.prelu(np.ones((2, 3)), np.ones(2))


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
class TestAlongAnAxis:
    @given(seed=SEEDS, shape=SHAPES, data=st.data(), dtype=FLOATS)
    def test_formula_differences_and_torch(self, name, seed, shape, data, dtype):
        dim = data.draw(st.integers(-max(len(shape), 1), max(len(shape), 1) - 1))
        x, rng = numbers(seed, shape, dtype), np.random.default_rng(seed)
        wide = np.atleast_1d(x.astype(float))
        expected = np.exp(wide) / np.exp(wide).sum(axis=dim, keepdims=True)
        expected = (np.log(expected) if name == "log_softmax" else expected).reshape(x.shape)
        tol = 1e-5 if dtype == np.float32 else 1e-12
        result = getattr(nn, name)(x, dim)
        np.testing.assert_allclose(result.reshape(x.shape), expected, rtol=tol, atol=tol)
        check_differences(name, (np.atleast_1d(x.astype(float)),), rng, dim=dim)
        if torch is not None and shape:
            check_torch(name, [x], rng, dim=dim)

    def test_large_numbers(self, name):
        result = getattr(nn, name)(np.array([1e4, 1e4 - 1]), 0)
        np.testing.assert_allclose(result, getattr(nn, name)(np.array([1.0, 0.0]), 0), rtol=1e-9)
        assert np.isnan(getattr(nn, name)(np.array([-np.inf, -np.inf]), 0)).all()

    def test_dtype(self, name):
        x = numbers(1, (3, 4), np.float32)
        result = getattr(nn, name)(x, 1, dtype=np.float64)
        assert result.dtype == np.float64
        gradient = getattr(nn, f"{name}_backward")(result, x, 1, dtype=np.float64)
        assert gradient.dtype == np.float32

    def test_refused(self, name):
        with pytest.raises(ValueError, match="dim must lie in 2 axes, got 2"):
            getattr(nn, name)(np.ones((2, 2)), 2)
        with pytest.raises(TypeError, match="dtype must be float32 or float64, got int64"):
            getattr(nn, name)(np.ones(2), 0, dtype=np.int64)


class TestNoise:
    @given(seed=SEEDS, shape=SHAPES, p=st.sampled_from([0.0, 0.3, 0.9, 1.0]), dtype=FLOATS)
    def test_dropout(self, seed, shape, p, dtype):
        x, rng = numbers(seed, shape, dtype), np.random.default_rng(seed)
        mask = rng.random(shape) >= p
        expected = np.where(mask, x / (1 - p), 0) if p < 1 else np.zeros(shape)
        np.testing.assert_allclose(nn.dropout(x, p, mask=mask), expected, rtol=1e-6)
        check_differences("dropout", (x.astype(float),), rng, p=p, mask=mask)

    def test_dropout_draws(self):
        x = np.ones(100_000, np.float32)
        result = nn.dropout(x, 0.25, rng=1)
        assert set(np.unique(result)) == {0, np.float32(1 / 0.75)}
        assert abs(result.mean() - 1) < 0.01
        np.testing.assert_array_equal(result, nn.dropout(x, 0.25, rng=1))
        assert not np.array_equal(result, nn.dropout(x, 0.25, rng=2))

    def test_out_of_training_nothing_happens(self):
        x = numbers(1, (3, 4))
        result = nn.dropout(x, training=False)
        np.testing.assert_array_equal(result, x)
        assert not np.may_share_memory(result, x)
        np.testing.assert_array_equal(nn.dropout_backward(x, x, training=False), x)

    @given(seed=SEEDS, shape=SHAPES, dtype=FLOATS)
    def test_rrelu_in_training(self, seed, shape, dtype):
        x, rng = numbers(seed, shape, dtype), np.random.default_rng(seed)
        slopes = rng.uniform(0.1, 0.5, shape)
        options = {"lower": 0.1, "upper": 0.5, "training": True}
        result = nn.rrelu(x, slopes=slopes, **options)
        assert result.dtype == dtype
        np.testing.assert_allclose(result, np.where(x > 0, x, x * slopes), rtol=1e-6)
        wide = away_from_zero(x.astype(float))
        check_differences("rrelu", (wide,), rng, slopes=slopes, **options)

    def test_rrelu_draws(self):
        x = np.full(10_000, -1.0)
        drawn = -nn.rrelu(x, 0.2, 0.4, True, rng=1)
        assert 0.2 <= drawn.min() < 0.21
        assert 0.39 < drawn.max() <= 0.4

    def test_refused(self):
        with pytest.raises(ValueError, match=r"p must lie between 0 and 1, got 1\.5"):
            nn.dropout(np.ones(2), 1.5)
        with pytest.raises(ValueError, match="mask must be that of the forward pass"):
            nn.dropout_backward(np.ones(2), np.ones(2))
        with pytest.raises(ValueError, match=r"mask must have shape \(2,\), got \(3,\)"):
            nn.dropout(np.ones(2), mask=np.ones(3, bool))
        with pytest.raises(ValueError, match="slopes must be those of the forward pass"):
            nn.rrelu_backward(np.ones(2), np.ones(2), training=True)
        with pytest.raises(ValueError, match=r"lower must not be above upper, got 0\.5, 0\.1"):
            nn.rrelu(np.ones(2), 0.5, 0.1)


class TestBatchNorm:
    @given(
        seed=SEEDS,
        shape=st.tuples(st.integers(2, 4), st.integers(1, 3), st.integers(1, 4)),
        training=st.booleans(),
        affine=st.booleans(),
        dtype=FLOATS,
    )
    def test_formula_differences_and_torch(self, seed, shape, training, affine, dtype):
        rng = np.random.default_rng(seed)
        x, c = rng.standard_normal((*shape, 3)).astype(dtype), shape[1]
        w, b = (rng.standard_normal(c).astype(dtype) if affine else None for _ in "wb")
        mean, var = rng.standard_normal(c).astype(dtype), rng.random(c).astype(dtype) + 0.5
        options = {"weight": w, "bias": b, "training": training, "momentum": 0.3, "eps": 1e-3}

        axes = (0, 2, 3)
        m = x.mean(axes) if training else mean
        v = x.var(axes) if training else var
        scale, shift = (1, 0) if w is None else (w, b)
        expected = (x.swapaxes(1, 3) - m) / np.sqrt(v + 1e-3) * scale + shift
        seen_mean, seen_var = mean.copy(), var.copy()
        result = nn.batch_norm(x, seen_mean, seen_var, **options)
        assert result.dtype == dtype
        tol = 1e-4 if dtype == np.float32 else 1e-10
        np.testing.assert_allclose(result, expected.swapaxes(1, 3), rtol=tol, atol=tol)
        moved = 0.3 * training
        np.testing.assert_allclose(seen_mean, mean + moved * (m - mean), rtol=tol, atol=tol)
        unbiased = x.var(axes, ddof=1)
        np.testing.assert_allclose(seen_var, var + moved * (unbiased - var), rtol=tol, atol=tol)
        if torch is not None:
            arrays = [x] if w is None else [x, w, b]
            seen = {"running_mean": mean.copy(), "running_var": var.copy()}
            self._check_torch(arrays, rng, dtype, seen, options)

    def _check_torch(self, arrays, rng, dtype, seen, options):
        rest = {key: options[key] for key in ("training", "momentum", "eps")}
        tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
        theirs = {key: torch.tensor(value) for key, value in seen.items()}
        names = ("input", "weight", "bias")
        expected = torch.nn.functional.batch_norm(
            **dict(zip(names, tensors, strict=False)), **theirs, **rest
        )
        grad = rng.standard_normal(expected.shape).astype(dtype)
        expected.backward(torch.tensor(grad))
        ours = {key: value.copy() for key, value in seen.items()}
        arguments = dict(zip(names, arrays, strict=False)) | rest
        gradients = nn.batch_norm_backward(grad, **arguments, **ours)
        tol = 1e-3 if dtype == np.float32 else 1e-9
        for tensor, gradient in zip(tensors, gradients, strict=False):
            np.testing.assert_allclose(gradient, tensor.grad.numpy(), rtol=tol, atol=tol)
        np.testing.assert_array_equal(ours["running_mean"], seen["running_mean"])
        nn.batch_norm(**arguments, **ours)
        for key in theirs:
            np.testing.assert_allclose(ours[key], theirs[key].numpy(), rtol=tol, atol=tol)

    @pytest.mark.parametrize("training", [True, False])
    def test_differences(self, training):
        rng = np.random.default_rng(1)
        x, w, b = rng.standard_normal((4, 2, 3)), rng.standard_normal(2), rng.standard_normal(2)
        mean, var = rng.standard_normal(2), rng.random(2) + 0.5

        def function(x, w, b):
            return nn.batch_norm(x, mean.copy(), var.copy(), w, b, training)

        grad = rng.standard_normal(x.shape)
        gradients = nn.batch_norm_backward(grad, x, mean, var, w, b, training)
        for k, array in enumerate((x, w, b)):
            parts = [x, w, b]
            expected = differences(
                lambda a, k=k, parts=parts: function(*parts[:k], a, *parts[k + 1 :]), array, grad
            )
            np.testing.assert_allclose(gradients[k], expected, rtol=1e-6, atol=1e-6)

    @pytest.mark.parametrize(
        ("shape", "options", "message"),
        [
            ((4,), {"training": True}, r"input must have axes \(N, C\)"),
            ((1, 4), {"training": True}, "2 numbers or more a channel"),
            ((2, 4), {}, "running_mean and running_var must be given"),
            ((2, 4), {"running_mean": np.ones(4)}, "must both be given"),
            ((2, 4), {"training": True, "weight": np.ones(3)}, r"weight must have shape \(4,\)"),
        ],
    )
    def test_refused(self, shape, options, message):
        options = {"running_mean": None, "running_var": None, **options}
        with pytest.raises(ValueError, match=message):
            nn.batch_norm(np.ones(shape), **options)

"""Losses: against formulas, finite differences, and PyTorch where it is."""

import numpy as np
import pytest
from gradients import check_torch, differences, needs_torch, torch
from hypothesis import given
from hypothesis import strategies as st

from imgconv import nn

SEEDS = st.integers(0, 2**32 - 1)
FLOATS = st.sampled_from([np.float32, np.float64])
SHAPES = st.lists(st.integers(1, 4), max_size=3).map(tuple)
REDUCTIONS = st.sampled_from(["none", "mean", "sum"])


def reduced(losses, reduction, weight=None):
    losses = losses if weight is None else losses * weight
    total = losses.size if weight is None else weight.sum()
    return {"none": losses, "sum": losses.sum(), "mean": losses.sum() / total}[reduction]


def smooth(d, beta):
    size = np.abs(d)
    return np.where(size < beta, size**2 / (2 * beta or 1), size - beta / 2)


FORMULAS = {
    "mse_loss": lambda d, _: d**2,
    "l1_loss": lambda d, _: np.abs(d),
    "smooth_l1_loss": smooth,
}


@pytest.mark.parametrize("name", FORMULAS)
class TestOfNumbers:
    @given(
        seed=SEEDS, shape=SHAPES, dtype=FLOATS, reduction=REDUCTIONS, weighted=st.booleans(),
        beta=st.sampled_from([0.0, 0.5, 1.0]),
    )  # fmt: skip
    def test_formula_differences_and_torch(
        self, name, seed, shape, dtype, reduction, weighted, beta
    ):
        rng = np.random.default_rng(seed)
        x, t = (rng.standard_normal((2, *shape)) * 2).astype(dtype)
        options = {"reduction": reduction}
        weight = None
        if name == "smooth_l1_loss":
            options["beta"] = beta
        elif weighted:
            weight = options["weight"] = np.asarray(rng.random(shape) + 0.1, dtype)
        expected = reduced(FORMULAS[name]((x - t).astype(float), beta), reduction, weight)
        result = getattr(nn, name)(x, t, **options)
        tol = 1e-5 if dtype == np.float32 else 1e-12
        np.testing.assert_allclose(result, expected, rtol=tol, atol=tol)
        if torch is not None:
            check_torch(name, [x], rng, constants=[t], **options)

    @given(seed=SEEDS, shape=SHAPES, reduction=REDUCTIONS, beta=st.sampled_from([0.0, 0.5, 1.0]))
    def test_differences(self, name, seed, shape, reduction, beta):
        rng = np.random.default_rng(seed)
        t = rng.standard_normal(shape)
        # No difference near 0 or beta, where there are corners.
        x = t + rng.choice([-2.0, -0.2, 0.3, 1.5], shape)
        options = {"beta": beta} if name == "smooth_l1_loss" else {}

        options["reduction"] = reduction
        loss, backward = getattr(nn, name), getattr(nn, f"{name}_backward")
        grad = np.asarray(rng.standard_normal(np.shape(loss(x, t, **options))))
        gradient = backward(grad, x, t, **options)
        expected = differences(lambda a: loss(a, t, **options), x, grad)
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-6)

    def test_same(self, name):
        x = np.ones(3)
        assert getattr(nn, name)(x, x) == 0
        assert (getattr(nn, f"{name}_backward")(1.0, x, x) == 0).all()

    def test_a_bare_number_is_a_gradient(self, name):
        gradient = getattr(nn, f"{name}_backward")(1.0, np.ones(3, "f4"), np.zeros(3, "f4"))
        assert gradient.dtype == np.float32

    def test_refused(self, name):
        loss = getattr(nn, name)
        with pytest.raises(ValueError, match=r"target must have shape \(2,\), got \(3,\)"):
            loss(np.ones(2), np.ones(3))
        with pytest.raises(ValueError, match="reduction must be one of none, mean, sum, got 'max'"):
            loss(np.ones(2), np.ones(2), reduction="max")
        with pytest.raises(TypeError, match="target must have the input's dtype"):
            loss(np.ones(2), np.ones(2, np.float32))
        with pytest.raises(ValueError, match="grad_output must have shape"):
            getattr(nn, f"{name}_backward")(np.ones(2), np.ones(2), np.ones(2))


def test_beta_must_not_be_negative():
    with pytest.raises(ValueError, match=r"beta must not be negative, got -0\.5"):
        nn.smooth_l1_loss(np.ones(2), np.ones(2), beta=-0.5)


class TestBinaryCrossEntropy:
    @given(seed=SEEDS, shape=SHAPES, dtype=FLOATS, reduction=REDUCTIONS, weighted=st.booleans())
    def test_formula_differences_and_torch(self, seed, shape, dtype, reduction, weighted):
        rng = np.random.default_rng(seed)
        x = np.asarray(rng.uniform(0.05, 0.95, shape), dtype)
        t = np.asarray(rng.random(shape), dtype)
        w = np.asarray(rng.random(shape[-1:]), dtype) if weighted else None
        losses = -(t * np.log(x) + (1 - t) * np.log(1 - x)) * (1 if w is None else w)
        result = nn.binary_cross_entropy(x, t, w, reduction=reduction)
        tol = 1e-5 if dtype == np.float32 else 1e-12
        np.testing.assert_allclose(result, reduced(losses, reduction), rtol=tol, atol=tol)
        if torch is not None:
            check_torch("binary_cross_entropy", [x], rng, constants=[t], weight=w,
                        reduction=reduction)  # fmt: skip

    @needs_torch
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_certainty(self, dtype):
        """Logarithms of 0 are cut off, and so is what a gradient is divided by."""
        x = np.array([0, 1, 0, 1, 1e-20], dtype)
        t = np.array([1, 0, 0, 1, 0.5], dtype)
        rng = np.random.default_rng(1)
        check_torch("binary_cross_entropy", [x], rng, constants=[t], reduction="none", tol=1e-6)

    def test_differences(self):
        rng = np.random.default_rng(1)
        x, t = rng.uniform(0.05, 0.95, (2, 3, 4))
        gradient = nn.binary_cross_entropy_backward(1.0, x, t)
        expected = (x - t) / (x * (1 - x)) / x.size
        np.testing.assert_allclose(gradient, expected)

    def test_refused(self):
        for wrong in (-0.1, 1.1, np.nan):
            with pytest.raises(ValueError, match="input must hold probabilities from 0 to 1"):
                nn.binary_cross_entropy(np.array([wrong]), np.ones(1))
        with pytest.raises(ValueError, match=r"weight must broadcast to \(2,\), got \(3,\)"):
            nn.binary_cross_entropy(np.ones(2), np.ones(2), np.ones(3))


def cross_entropy(x, parts):
    """The definition, of numbers with the classes on axis 1, for each class's part."""
    return -(parts * np.log(np.exp(x) / np.exp(x).sum(axis=1, keepdims=True))).sum(axis=1)


class TestCrossEntropy:
    @given(
        seed=SEEDS, classes=st.integers(1, 5), rest=st.lists(st.integers(1, 3), max_size=2),
        dtype=FLOATS, reduction=REDUCTIONS, weighted=st.booleans(),
        smoothing=st.sampled_from([0.0, 0.1, 1.0]), ignored=st.sampled_from([-100, 0, 1]),
    )  # fmt: skip
    def test_classes(self, seed, classes, rest, dtype, reduction, weighted, smoothing, ignored):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((3, classes, *rest)).astype(dtype)
        t = rng.integers(0, classes, (3, *rest))
        t.flat[0] = ignored
        t.flat[-1] = classes - 1 if ignored != classes - 1 else 0
        w = (rng.random(classes) + 0.1).astype(dtype) if weighted else None
        options = {"ignore_index": ignored, "reduction": reduction, "label_smoothing": smoothing}
        if (t == ignored).all():
            return
        factors = np.ones(classes) if w is None else w
        hot = np.moveaxis((np.arange(classes) == t[..., None]), -1, 1) * (t != ignored)[:, None]
        column = factors.reshape(-1, *(1,) * len(rest))
        parts = column * (hot * (1 - smoothing) + smoothing / classes) * (t != ignored)[:, None]
        losses = cross_entropy(x.astype(float), parts)
        total = (column * hot).sum()
        expected = {"none": losses, "sum": losses.sum(), "mean": losses.sum() / total}[reduction]
        tol = 1e-5 if dtype == np.float32 else 1e-12
        result = nn.cross_entropy(x, t, w, **options)
        assert result.dtype == dtype
        np.testing.assert_allclose(result, expected, rtol=tol, atol=tol)
        if torch is not None:
            check_torch("cross_entropy", [x], rng, constants=[t], weight=w, **options)

    @given(
        seed=SEEDS, classes=st.integers(1, 5), rest=st.lists(st.integers(1, 3), max_size=2),
        dtype=FLOATS, reduction=REDUCTIONS, weighted=st.booleans(),
        smoothing=st.sampled_from([0.0, 0.1]),
    )  # fmt: skip
    def test_probabilities(self, seed, classes, rest, dtype, reduction, weighted, smoothing):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((3, classes, *rest)).astype(dtype)
        t = rng.random((3, classes, *rest)).astype(dtype)
        w = (rng.random(classes) + 0.1).astype(dtype) if weighted else None
        factors = (np.ones(classes) if w is None else w).reshape(-1, *(1,) * len(rest))
        parts = factors * (t * (1 - smoothing) + smoothing / classes)
        expected = reduced(cross_entropy(x.astype(float), parts), reduction)
        options = {"reduction": reduction, "label_smoothing": smoothing}
        tol = 1e-5 if dtype == np.float32 else 1e-12
        result = nn.cross_entropy(x, t, w, **options)
        np.testing.assert_allclose(result, expected, rtol=tol, atol=tol)
        if torch is not None:
            check_torch("cross_entropy", [x], rng, constants=[t], weight=w, **options)

    @pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 4, 3)])
    @pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
    def test_differences(self, shape, reduction):
        rng = np.random.default_rng(1)
        axis = min(len(shape) - 1, 1)
        t = rng.integers(0, 4, shape[:axis] + shape[axis + 1 :])
        options = {"label_smoothing": 0.2, "weight": rng.random(4), "reduction": reduction}
        x = rng.standard_normal(shape)
        grad = np.asarray(rng.standard_normal(np.shape(nn.cross_entropy(x, t, **options))))
        expected = differences(lambda a: nn.cross_entropy(a, t, **options), x, grad)
        gradient = nn.cross_entropy_backward(grad, x, t, **options)
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-8)

    def test_what_counts_alone_counts(self):
        x = np.array([[0.0, -np.inf, 0.0]])
        assert nn.cross_entropy(x, np.array([0])) == pytest.approx(np.log(2))
        assert np.isnan(nn.cross_entropy(x, np.array([-100])))
        assert nn.cross_entropy(x, np.array([-100]), reduction="sum") == 0

    @pytest.mark.parametrize(
        ("x", "t", "options", "error", "message"),
        [
            ((2, 3), np.array([0, 3]), {}, ValueError, "a class from 0 to 2, got 3"),
            ((2, 3), np.array([0, -1]), {}, ValueError, "a class from 0 to 2, got -1"),
            ((2, 3), np.array([0, 1, 2]), {}, ValueError, r"target must have shape \(2,\)"),
            ((2, 3), np.ones((2, 4)), {}, ValueError, r"target must have shape \(2, 3\)"),
            ((2, 3), np.array([True, False]), {}, TypeError, "integers or floats, got bool"),
            ((2, 3), np.array([0, 1]), {"weight": np.ones(2)}, ValueError, "weight must have"),
            ((2, 3), np.array([0, 1]), {"label_smoothing": 2}, ValueError, "label_smoothing must"),
            ((2, 3), np.array([0, 1]), {"reduction": "max"}, ValueError, "reduction must be"),
            ((), np.array(0), {}, ValueError, r"input must have axes \(C,\)"),
        ],
    )
    def test_refused(self, x, t, options, error, message):
        with pytest.raises(error, match=message):
            nn.cross_entropy(np.ones(x), t, **options)

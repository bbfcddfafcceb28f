"""The textbook's forms of a layer against `conv2d`, and against SciPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from imgconv import geometry, kernels, nn
from imgconv.nn import textbook

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.tuples(st.integers(1, 4), st.integers(1, 4))


@given(seed=SEEDS, image=st.tuples(*[st.integers(4, 9)] * 2), kernel=SIZES)
def test_corr2d(seed, image, kernel):
    rng = np.random.default_rng(seed)
    X, K = rng.standard_normal(image), rng.standard_normal(kernel)  # noqa: N806
    expected = signal.correlate2d(X, K, "valid")
    np.testing.assert_allclose(textbook.corr2d(X, K), expected, rtol=1e-12, atol=1e-12)


@given(seed=SEEDS, kernel=SIZES)
def test_channels(seed, kernel):
    rng = np.random.default_rng(seed)
    X, K = rng.standard_normal((3, 6, 5)), rng.standard_normal((2, 3, *kernel))  # noqa: N806
    one = sum(textbook.corr2d(x, k) for x, k in zip(X, K[0], strict=True))
    np.testing.assert_allclose(textbook.corr2d_multi_in(X, K[0]), one, atol=1e-12)
    several = np.stack([textbook.corr2d_multi_in(X, k) for k in K])
    np.testing.assert_allclose(textbook.corr2d_multi_in_out(X, K), several, atol=1e-12)
    mixed = textbook.corr2d_multi_in_out_1x1(X, K[..., :1, :1])
    np.testing.assert_allclose(mixed, np.einsum("oc,chw->ohw", K[..., 0, 0], X), atol=1e-12)


class TestMatrix:
    @given(
        seed=SEEDS, image=st.tuples(*[st.integers(5, 8)] * 2), kernel=SIZES,
        stride=st.integers(1, 3), padding=st.integers(0, 2), dilation=st.integers(1, 2),
        groups=st.sampled_from([1, 2]),
    )  # fmt: skip
    def test_is_the_layer(self, seed, image, kernel, stride, padding, dilation, groups):
        kernel = tuple(min(k, 3) for k in kernel)
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((4, *image))
        weight = rng.standard_normal((6, 4 // groups, *kernel))
        options = {"stride": stride, "padding": padding, "dilation": dilation}
        layer = textbook.matrix(weight, x.shape, **options, groups=groups)
        expected = nn.conv2d(x, weight, None, **options, groups=groups)
        np.testing.assert_allclose(layer @ x.ravel(), expected.ravel(), rtol=1e-9, atol=1e-9)
        if groups == 1:
            product = textbook.corr2d_matmul(x, weight, **options)
            np.testing.assert_allclose(product, expected, rtol=1e-9, atol=1e-9)

        # Its transpose is the gradient, and the transposed convolution.
        grad = rng.standard_normal(expected.shape)
        back, _, _ = nn.conv2d_backward(grad, x, weight, None, **options, groups=groups)
        np.testing.assert_allclose(layer.T @ grad.ravel(), back.ravel(), rtol=1e-9, atol=1e-9)
        most = geometry.output_size(expected.shape[1:], kernel, transposed=True, **options)
        rest = tuple(n - m for n, m in zip(image, most, strict=True))
        transposed = nn.conv_transpose2d(
            grad, weight, None, stride, padding, rest, groups, dilation
        )
        np.testing.assert_allclose(transposed, back, rtol=1e-9, atol=1e-9)

    def test_batches_as_products(self):
        rng = np.random.default_rng(1)
        x, weight = rng.standard_normal((3, 2, 6, 7)), rng.standard_normal((4, 2, 3, 3))
        np.testing.assert_allclose(
            textbook.corr2d_matmul(x, weight, 2, 1), nn.conv2d(x, weight, None, 2, 1), atol=1e-12
        )

    def test_is_sparse(self):
        layer = textbook.matrix(np.ones((3, 3)), (20, 30))
        assert layer.shape == (18 * 28, 600)
        assert layer.nnz == 18 * 28 * 9


class TestSeveralSmallerLayers:
    @given(seed=SEEDS, kernel=SIZES, lead=st.sampled_from([(), (2,)]))
    def test_are_one(self, seed, kernel, lead):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((*lead, 3, 6, 7))
        column, row = rng.standard_normal(kernel[0]), rng.standard_normal(kernel[1])
        one = np.broadcast_to(np.outer(column, row), (3, 1, *kernel))
        found = textbook.spatially_separable(x, column, row)
        np.testing.assert_allclose(found, nn.conv2d(x, one, groups=3), atol=1e-10)

        parts = rng.standard_normal((3, *kernel)), rng.standard_normal((5, 3))
        one = nn.conv2d(x, textbook.depthwise_separable_weight(*parts), None, 2, 1)
        np.testing.assert_allclose(textbook.depthwise_separable(x, *parts, 2, 1), one, atol=1e-10)

        sizes = (5, 3), (5, kernel[0]), (5, kernel[1])
        lateral, columns, rows = (rng.standard_normal(size) for size in sizes)
        one = nn.conv2d(x, textbook.flattened_weight(lateral, columns, rows))
        found = textbook.flattened(x, lateral, columns, rows)
        np.testing.assert_allclose(found, one, atol=1e-10)

    def test_sobel_is_a_column_and_a_row(self):
        (column,), (row,) = kernels.separate(kernels.sobel(0))
        x = np.random.default_rng(1).random((1, 9, 9))
        whole = textbook.corr2d(x[0], kernels.sobel(0))
        np.testing.assert_allclose(textbook.spatially_separable(x, column, row)[0], whole)


class TestArguments:
    def test_integers_and_float32(self):
        image, kernel = np.arange(9).reshape(3, 3), np.arange(4).reshape(2, 2)
        assert textbook.corr2d(image, kernel).tolist() == [[19, 25], [37, 43]]
        assert textbook.corr2d(image.astype("f4"), kernel.astype("f4")).dtype == np.float32
        assert textbook.corr2d(image.astype("f4"), kernel).dtype == np.float64

    @pytest.mark.parametrize(
        ("call", "error", "message"),
        [
            (lambda: textbook.corr2d(np.ones(3), np.ones((2, 2))), ValueError, "X must have axes"),
            (lambda: textbook.corr2d(np.ones((3, 3)), np.ones((4, 4))), ValueError, "must fit"),
            (lambda: textbook.corr2d(np.ones((3, 3), complex), np.ones((2, 2))), TypeError, "real"),
            (
                lambda: textbook.corr2d_multi_in(np.ones((2, 3, 3)), np.ones((3, 2, 2))),
                ValueError,
                "K must have C = 2, got shape",
            ),
            (
                lambda: textbook.corr2d_multi_in_out_1x1(np.ones((2, 3, 3)), np.ones((4, 2, 3, 3))),
                ValueError,
                "K must have 1 = 1, got shape",
            ),
            (
                lambda: textbook.matrix(np.ones((4, 2, 3, 3)), (3, 5, 5)),
                ValueError,
                "kernel must fit 3 channels in 1 groups",
            ),
        ],
    )
    def test_refused(self, call, error, message):
        with pytest.raises(error, match=message):
            call()

"""Kernels found from examples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paths import SAMPLES

import imgconv
from imgconv import io, kernels, nn
from imgconv.nn import fit_kernel

SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def photo():
    return io.read(SAMPLES / "camera.png").pixels[::2, ::2].squeeze()


@pytest.mark.parametrize("method", ["direct", "descent"])
class TestBothMethods:
    def test_edges(self, method):
        bar = np.ones((6, 8))
        bar[:, 2:6] = 0
        fit = fit_kernel(bar, bar[:, :-1] - bar[:, 1:], (1, 2), method=method)
        np.testing.assert_allclose(fit.kernel, [[1, -1]], atol=1e-6)
        assert fit.residual < 1e-6

    @pytest.mark.parametrize("axis", [0, 1])
    def test_sobel(self, method, axis, photo):
        fit = fit_kernel(photo, imgconv.sobel(photo, axis=axis, normalize=False), 3, method=method)
        tol = 1e-9 if method == "direct" else 1e-2
        np.testing.assert_allclose(fit.kernel, kernels.sobel(axis, normalize=False), atol=tol)
        assert fit.residual < 100 * tol

    @given(seed=SEEDS, size=st.tuples(*[st.integers(1, 4)] * 2), channels=st.tuples(
        st.integers(1, 2), st.integers(1, 3)), same=st.booleans())  # fmt: skip
    def test_layers(self, method, seed, size, channels, same):
        """Noise leaves nothing open: a layer is found from what it makes of it."""
        rng = np.random.default_rng(seed)
        ins, outs = channels
        weight, x = rng.standard_normal((outs, ins, *size)), rng.standard_normal((2, ins, 9, 10))
        padding = [(k // 2, (k - 1) // 2) for k in size] if same else 0
        fit = fit_kernel(x, nn.conv2d(x, weight, padding=padding), size, method=method)
        np.testing.assert_allclose(fit.kernel, weight, atol=1e-6)
        assert fit.residual < 1e-6

    def test_noise_remains(self, method):
        """Against the system of least squares, written out."""
        rng = np.random.default_rng(1)
        x, y = rng.standard_normal((2, 12, 12))
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3)).reshape(-1, 9)
        target = y[1:-1, 1:-1].ravel()
        expected, rest, *_ = np.linalg.lstsq(windows, target, rcond=None)
        fit = fit_kernel(x, y, 3, method=method)
        np.testing.assert_allclose(fit.kernel.ravel(), expected, atol=1e-7)
        assert fit.residual == pytest.approx(np.sqrt(rest[0] / target.size))


def test_many_rows_are_one_system(monkeypatch):
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((2, 30, 20))
    expected = fit_kernel(x, y, (3, 2))
    monkeypatch.setattr("imgconv.nn.fitting.NUMBERS", 1)
    found = fit_kernel(x, y, (3, 2))
    np.testing.assert_allclose(found.kernel, expected.kernel, rtol=1e-9)
    assert found.residual == pytest.approx(expected.residual)


def test_images_of_several_sizes(photo):
    images = [photo[:50, :60], photo[100:130, 40:140]]
    edges = [imgconv.scharr(image, axis=1) for image in images]
    fit = fit_kernel(images, edges, 3)
    np.testing.assert_allclose(fit.kernel, kernels.scharr(1), atol=1e-5)


def test_what_images_leave_open_is_small():
    """Constant images determine only the sum of the weights; the smallest weights are equal."""
    fit = fit_kernel(np.full((5, 5), 2.0), np.full((5, 5), 6.0), 3)
    np.testing.assert_allclose(fit.kernel, np.full((3, 3), 3 / 9))
    nothing = fit_kernel(np.zeros((5, 5)), np.ones((5, 5)), 3, method="descent")
    assert not nothing.kernel.any()
    assert nothing.residual == pytest.approx(1)


def test_watched():
    bar = np.ones((6, 8))
    bar[:, 2:6] = 0
    seen = []
    fit = fit_kernel(
        bar, bar[:, :-1] - bar[:, 1:], (1, 2), method="descent", steps=10, lr=0.1, momentum=0,
        watch=lambda *step: seen.append(step),
    )  # fmt: skip
    assert [step for step, _, _ in seen] == list(range(1, 11))
    residuals = [residual for _, _, residual in seen]
    assert residuals == sorted(residuals, reverse=True)
    np.testing.assert_array_equal(seen[-1][1], fit.kernel)
    # The first step, written out: from 0, down the gradient of the mean square.
    windows = np.stack([bar[:, :-1], bar[:, 1:]]).reshape(2, -1)
    gradient = -2 / windows.shape[1] * windows @ (bar[:, :-1] - bar[:, 1:]).ravel()
    np.testing.assert_allclose(seen[0][1].ravel(), -0.1 * gradient)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (((5, 5), (4, 5), 3), {}, ValueError, "outputs must have the size of the inputs"),
        (
            ((2, 2), (2, 2), 3),
            {},
            ValueError,
            r"kernel_size must fit into the images, got \(3, 3\)",
        ),
        (((5, 5), (5, 5), 0), {}, ValueError, "kernel_size must be positive"),
        (((5,), (5,), 1), {}, ValueError, r"inputs must have shape \(H, W\)"),
        (((2, 1, 5, 5), (3, 1, 5, 5), 1), {}, ValueError, "must be as many, got 2 and 3"),
        (((5, 5), (5, 5), 3), {"method": "guess"}, ValueError, "method must be one of direct"),
        (((5, 5), (5, 5), 3), {"method": "descent", "steps": 0}, ValueError, "steps must be"),
        (((5, 5), (5, 5), 3), {"method": "descent", "lr": -1}, ValueError, "lr must be positive"),
    ],
)
def test_refused(arguments, options, error, message):
    x, y, size = arguments
    with pytest.raises(error, match=message):
        fit_kernel(np.ones(x), np.ones(y), size, **options)


def test_images_refused():
    with pytest.raises(ValueError, match="inputs must be finite"):
        fit_kernel(np.full((3, 3), np.nan), np.ones((3, 3)), 1)
    with pytest.raises(TypeError, match="outputs must have a real dtype"):
        fit_kernel(np.ones((3, 3)), np.ones((3, 3), complex), 1)
    with pytest.raises(ValueError, match=r"inputs must have shape \(H, W\)"):
        fit_kernel([], [], 1)
    with pytest.raises(ValueError, match="one number of channels"):
        fit_kernel([np.ones((1, 3, 3)), np.ones((2, 3, 3))], [np.ones((3, 3))] * 2, 1)

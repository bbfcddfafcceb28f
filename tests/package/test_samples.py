"""The scripts in samples/ do what they say."""

import runpy
import warnings

import numpy as np
import pytest
from paths import SAMPLES


@pytest.fixture(scope="module")
def digits():
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    return runpy.run_path(str(SAMPLES / "digits.py"))


def test_digits_are_read(digits):
    """After the first epoch already most of them, 92 %; after all eight 98.3 %."""
    rng = np.random.default_rng(1)
    images, targets = digits["digits"](rng)
    assert images.shape == (1797, 1, 32, 32)
    assert images.dtype == np.float32
    _, share = digits["learn"](images, targets, 1, rng)
    assert share > 0.8


def test_digits_are_drawn(digits, tmp_path):
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    matplotlib.use("agg")
    net = digits["network"](np.random.default_rng(1))
    image = np.random.default_rng(1).random((1, 32, 32), np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=DeprecationWarning)
        digits["draw"](net, image, tmp_path / "new" / "digits.png")
    assert (tmp_path / "new" / "digits.png").stat().st_size > 10_000

"""The photos in samples/ are as described there, and the scripts do their work."""

import runpy
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from paths import SAMPLES

from imgconv import io


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


def test_photos_are_what_their_readme_says() -> None:
    pictures = {path.name: path for path in SAMPLES.iterdir() if path.suffix in (".png", ".jpg")}
    readme = (SAMPLES / "README.md").read_text()
    assert all(f"`{name}`" in readme for name in pictures)
    assert sum(path.stat().st_size for path in pictures.values()) < 3e6
    assert io.read(pictures["retina-16bit.png"]).pixels.dtype == np.uint16
    assert io.read(pictures["chelsea-alpha.png"]).alpha == "straight"
    assert io.read(pictures["coffee.png"]).pixels.shape == (400, 600, 3)


def test_features_are_drawn() -> None:
    features = runpy.run_path(str(SAMPLES / "features.py"))
    red = np.array(features["RED"], np.uint8)
    for name, count in (("chessboard", 49), ("coins", 12), ("template", 1), ("edge_points", 1)):
        panel = features[name]()
        assert panel.shape == (features["SIDE"], features["SIDE"], 3)
        assert (panel == red).all(-1).sum() > 20 * count
    assert [part.shape for part in features["vessels"]()] == [(300, 300, 3)] * 2


def test_edges_are_written_and_timed(tmp_path: Path) -> None:
    script = [sys.executable, SAMPLES / "edges.py", SAMPLES / "camera.png", tmp_path / "out"]
    done = subprocess.run(script, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "out" / "camera-edges.png") in done.stdout
    assert io.read(tmp_path / "out" / "camera-edges.png").pixels.shape == (512, 512)
    assert "imgconv is" in done.stdout

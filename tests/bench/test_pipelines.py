"""`imgconv bench pipelines`: imgconv and OpenCV do the same work."""

import numpy as np
import pytest
from rich.console import Console

import imgconv
from imgconv.bench import pipelines
from imgconv.pipeline import Pipeline

cv2 = pytest.importorskip("cv2")


@pytest.mark.parametrize("chain", pipelines.CHAINS, ids=lambda chain: chain.text)
def test_opencv_does_the_same(chain):
    image = pipelines.sample_image(200)
    ours, theirs = Pipeline(chain.text)(image), chain.opencv(cv2, image)
    if "canny" in chain.text:
        # OpenCV rounds to 8 bits before it differentiates: edges may be a pixel away or have gaps.
        ours, theirs = ours[2:-2, 2:-2], theirs[2:-2, 2:-2] > 0
        for edges, others in ((ours, theirs), (theirs, ours)):
            assert edges.any()
            assert np.mean(imgconv.dilate(others, 3)[edges]) > 0.85
    elif ours.dtype == np.bool_:
        # Where OpenCV rounds differently, a pixel is on the other side of a threshold.
        assert ours.any()
        assert np.mean(ours[2:-2, 2:-2] != (theirs[2:-2, 2:-2] > 0)) < 0.02
    else:
        assert np.abs(ours.astype(int) - theirs).max() <= 2


def test_the_table(monkeypatch):
    monkeypatch.setattr(pipelines, "find_spec", lambda name: name == "cv2" or None)
    monkeypatch.setattr(pipelines, "available", lambda: False)
    console = Console(record=True, width=200)
    pipelines.run([1], 0.01, console, size=64)
    text = console.export_text()
    for chain in pipelines.CHAINS:
        assert chain.text in text
    assert text.count("x") > 2 * len(pipelines.CHAINS)


def test_memory_of_six_steps():
    assert len(Pipeline(pipelines.LONG)) == 6
    if not pipelines.available():
        pytest.skip("this system does not report the memory of a process")
    from functools import partial

    used = pipelines.in_process(partial(pipelines.memory_beyond, pipelines.LONG, 1500, 2))
    assert used < 2 * 16 << 20

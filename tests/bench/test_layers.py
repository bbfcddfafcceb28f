"""The benchmark of layers: every case runs, and gives the same results as PyTorch."""

from dataclasses import replace

import numpy as np
import pytest

from imgconv.bench import layers, report, results


def small(case):
    """The same case on a few pixels."""
    *rest, height, width = case.image
    if len(case.image) == 3:  # columns, whose size is that of the image they are put together to
        return replace(case, image=(1, height, width))
    return replace(case, image=(1, *rest[1:], min(height, 16), min(width, 16)))


def arrays(found):
    """The results of a call that may have one or several."""
    found = found if isinstance(found, tuple) else (found,)
    return [each for each in found if each is not None]


@pytest.mark.parametrize("case", layers.CASES, ids=lambda case: case.title)
def test_cases_are_equal_work(case):
    pytest.importorskip("torch")
    case = small(case)
    forward, backward = layers.imgconv_calls(case)
    torch_forward, torch_backward = layers.pytorch_calls(case)
    for actual, expected in zip(arrays(forward()), arrays(torch_forward()), strict=True):
        np.testing.assert_allclose(actual, expected.numpy(), rtol=1e-3, atol=1e-3)
    for actual, expected in zip(arrays(backward()), torch_backward(), strict=True):
        np.testing.assert_allclose(actual, expected.numpy(), rtol=1e-3, atol=1e-2)


def test_rows(monkeypatch):
    """Forward and backward, with each number of threads, also in a file and in one table."""
    cases = [small(case) for case in layers.CASES if case.title in ("max pool 2x2/2", "unfold 3x3")]
    monkeypatch.setattr(layers, "CASES", cases)
    found = layers.run([1, 2], budget=0.01, only="pool")
    titles = "max pool 2x2/2", "max pool 2x2/2, backward"
    expected = [(title, count) for count in (1, 2) for title in titles]
    assert [(result.row.title, result.threads) for result in found.results] == expected
    for result in found.results:
        libraries = [result.imgconv, *result.peers.values()]
        assert all(0 < each.timing.median < 10 and each.difference < 1e-5 for each in libraries)
    assert results.from_json(results.as_json(found)) == found
    text = report.as_markdown(found)
    assert "**layers, 2 threads, fresh output**" in text
    assert "\n| max pool 2x2/2, backward | " in text

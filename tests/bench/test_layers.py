"""The benchmark of layers: every case runs, and gives the same results as PyTorch."""

from dataclasses import replace

import numpy as np
import pytest

from imgconv.bench import layers


def small(case):
    """The same case on a few pixels."""
    *rest, height, width = case.image
    if len(case.image) == 3:  # columns, whose size is that of the image they are put together to
        return replace(case, image=(1, height, width))
    return replace(case, image=(1, *rest[1:], min(height, 16), min(width, 16)))


def results(found):
    """The results of a call that may have one or several."""
    found = found if isinstance(found, tuple) else (found,)
    return [each for each in found if each is not None]


@pytest.mark.parametrize("case", layers.CASES, ids=lambda case: case.title)
def test_cases_are_equal_work(case):
    pytest.importorskip("torch")
    case = small(case)
    forward, backward = layers.imgconv_calls(case)
    torch_forward, torch_backward = layers.pytorch_calls(case)
    for actual, expected in zip(results(forward()), results(torch_forward()), strict=True):
        np.testing.assert_allclose(actual, expected.numpy(), rtol=1e-3, atol=1e-3)
    for actual, expected in zip(results(backward()), torch_backward(), strict=True):
        np.testing.assert_allclose(actual, expected.numpy(), rtol=1e-3, atol=1e-2)


def test_table():
    found = list(layers.measure([small(layers.CASES[0])], [1, 2], budget=0.01))
    assert [count for _, count, _ in found] == [1, 2]
    assert all(0 < seconds < 10 for _, _, medians in found for seconds in medians.values())
    assert layers.table(found).row_count == 2

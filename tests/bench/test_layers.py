"""The benchmark of layers: every row runs, and says the same as PyTorch."""

from dataclasses import replace

import numpy as np
import pytest

from imgconv.bench import layers


def small(layer):
    """The same layer on a few pixels."""
    *rest, height, width = layer.image
    return replace(layer, image=(1, *rest[1:], min(height, 16), min(width, 16)))


@pytest.mark.parametrize("layer", layers.LAYERS, ids=lambda layer: layer.title)
def test_rows_are_equal_work(layer):
    pytest.importorskip("torch")
    layer = small(layer)
    forward, backward = layers.ours(layer)
    theirs, theirs_backward = layers.pytorch(layer)
    np.testing.assert_allclose(forward(), theirs().numpy(), rtol=1e-3, atol=1e-3)
    found = backward()
    found = [each for each in (found if isinstance(found, tuple) else (found,)) if each is not None]
    for actual, expected in zip(found, theirs_backward(), strict=True):
        np.testing.assert_allclose(actual, expected.numpy(), rtol=1e-3, atol=1e-2)


def test_table():
    found = list(layers.measure([small(layers.LAYERS[0])], [1, 2], budget=0.01))
    assert [count for _, count, _ in found] == [1, 2]
    assert all(0 < seconds < 10 for _, _, medians in found for seconds in medians.values())
    assert layers.table(found).row_count == 2

"""Batches of no images: results and gradients have the shapes of other batches, but for N."""

import numpy as np
import pytest
from gradients import as_tuple
from layer_calls import calls

from imgconv import nn

OF_IMAGES = [
    "adaptive_avg_pool2d", "adaptive_max_pool2d", "avg_pool2d", "channel_shuffle", "conv2d",
    "conv_transpose2d", "deform_conv2d", "fold", "interpolate", "lp_pool2d", "max_pool2d",
    "max_unpool2d", "pad", "pixel_shuffle", "pixel_unshuffle", "unfold",
]  # fmt: skip
BATCH = 2


def without_images(value):
    """Cut an array off that has the axis of the batch; weights have more, or fewer axes."""
    is_batch = isinstance(value, np.ndarray) and value.ndim >= 3 and len(value) == BATCH
    return value[:0] if is_batch else value


def shapes(results):
    return [None if each is None else each.shape for each in as_tuple(results)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OF_IMAGES)
def test_shapes(name, dtype):
    function, backward = getattr(nn, name), getattr(nn, f"{name}_backward")
    for arguments, options in calls(name, np.random.default_rng(0), dtype):
        if arguments[0].ndim == 3 and name != "fold":
            continue  # one image, not a batch
        few = [without_images(each) for each in arguments]
        no_options = {key: without_images(each) for key, each in options.items()}
        result, none = function(*arguments, **options), function(*few, **no_options)
        assert none.shape == (0, *result.shape[1:])
        assert none.dtype == dtype
        slopes = backward(result, *arguments, **options)
        expected = [
            None if each is None else without_images(each).shape for each in as_tuple(slopes)
        ]
        found = backward(none, *few, **no_options)
        assert shapes(found) == expected
        # The gradient of weights is a sum over images.
        assert all((each == 0).all() for each in as_tuple(found) if each is not None)


def test_indices():
    for function in (nn.max_pool2d, nn.adaptive_max_pool2d):
        best, places = function(np.zeros((0, 3, 6, 8)), 2, return_indices=True)
        assert best.shape == places.shape == (0, 3, *best.shape[2:])
        assert places.dtype == np.int64

"""Images with missing pixels, and weights of which some are 0."""

import numpy as np


def weights_of(shape, seed=0):
    """Return weights, a fifth of them 0, and all of a square."""
    rng = np.random.default_rng(seed)
    found = rng.random(shape) * (rng.random(shape) > 0.2)
    found[:9, 20:45] = 0
    return found


def with_holes(image, seed=1):
    """Return a copy of an image of floats with NaN at a tenth of its pixels, and a square of it."""
    found = image.copy()
    found[np.random.default_rng(seed).random(image.shape) < 0.1] = np.nan
    found[4:9, 10:16] = np.nan
    return found

"""Layers: the functions of `imgconv.nn` with parameters, a backward pass, and files.

Names, arguments and first weights are those of `torch.nn`. Arrays in a file have PyTorch's names,
so that a state can come from PyTorch. Layers take (N, C, H, W), and (C, H, W) where the function
does.

>>> import numpy as np
>>> from imgconv.nn import layers
>>> rng = np.random.default_rng(1)
>>> net = layers.Sequential(
...     layers.Conv2d(1, 6, 3, rng=rng), layers.ReLU(), layers.MaxPool2d(2),
...     layers.Flatten(), layers.Linear(6 * 15 * 15, 10, rng=rng),
... )
>>> scores = net(np.zeros((8, 1, 32, 32), np.float32))
>>> scores.shape, net.parameter_count
((8, 10), 13570)
>>> net.backward(np.ones_like(scores)).shape
(8, 1, 32, 32)
"""

from imgconv.nn.layers import (
    activation,
    base,
    convolution,
    dense,
    networks,
    normalization,
    pooling,
    shaping,
)
from imgconv.nn.layers.activation import *
from imgconv.nn.layers.base import *
from imgconv.nn.layers.convolution import *
from imgconv.nn.layers.dense import *
from imgconv.nn.layers.networks import *
from imgconv.nn.layers.normalization import *
from imgconv.nn.layers.pooling import *
from imgconv.nn.layers.shaping import *

__all__: list[str] = []
__all__ += activation.__all__
__all__ += base.__all__
__all__ += convolution.__all__
__all__ += dense.__all__
__all__ += networks.__all__
__all__ += normalization.__all__
__all__ += pooling.__all__
__all__ += shaping.__all__

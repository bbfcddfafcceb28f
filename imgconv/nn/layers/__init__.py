"""Layers: the functions of `imgconv.nn` with parameters, a way back, and names to be kept under.

Names, arguments and first weights are those of `torch.nn`, and so are the names in a file: a state
can come from PyTorch, array by array. Layers take (N, C, H, W), and (C, H, W) where the function
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

from imgconv.nn.layers.base import FunctionLayer, Layer, Parameter
from imgconv.nn.layers.learned import (
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    DeformConv2d,
    Linear,
    PReLU,
)
from imgconv.nn.layers.networks import (
    Parallel,
    Residual,
    Sequential,
    summary,
)
from imgconv.nn.layers.plain import (
    ELU,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool2d,
    AvgPool2d,
    Dropout,
    Flatten,
    LeakyReLU,
    LogSoftmax,
    LPPool2d,
    MaxPool2d,
    PixelShuffle,
    ReLU,
    RReLU,
    Sigmoid,
    Softmax,
    Tanh,
    Upsample,
)

__all__ = [
    "ELU",
    "AdaptiveAvgPool2d",
    "AdaptiveMaxPool2d",
    "AvgPool2d",
    "BatchNorm2d",
    "Conv2d",
    "ConvTranspose2d",
    "DeformConv2d",
    "Dropout",
    "Flatten",
    "FunctionLayer",
    "LPPool2d",
    "Layer",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "MaxPool2d",
    "PReLU",
    "Parallel",
    "Parameter",
    "PixelShuffle",
    "RReLU",
    "ReLU",
    "Residual",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "Upsample",
    "summary",
]

"""Convolution layers and what surrounds them, on NumPy arrays, under PyTorch's names.

Functions take arguments as `torch.nn.functional` does and give what it gives, for (C, H, W) and
(N, C, H, W) in float32 and float64. What is left out are `inplace` and what PyTorch itself has
retired (`size_average`, `reduce`); what differs in a function is said in its documentation.

>>> import numpy as np
>>> import imgconv
>>> images = np.zeros((8, 3, 32, 32), np.float32)
>>> kernels = np.zeros((16, 3, 3, 3), np.float32)
>>> imgconv.nn.conv2d(images, kernels, padding=1).shape
(8, 16, 32, 32)

Gradients
---------
Each function that has one has a `_backward`: it takes the gradient of a loss with respect to the
result, then the function's own arguments, and returns the gradient with respect to its arrays in
their order: a bare array where there is one, None for a bias that is not there.

>>> grad = np.ones((8, 16, 32, 32), np.float32)
>>> by_input, by_weight, by_bias = imgconv.nn.conv2d_backward(grad, images, kernels, padding=1)
>>> by_input.shape, by_weight.shape, by_bias
((8, 3, 32, 32), (16, 3, 3, 3), None)

Modules
-------
functional : the functions.
layers : the functions with parameters, put together to networks.
train : optimizers and a loop; experimental.
textbook : the layers as textbooks write them.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from imgconv.nn import functional
from imgconv.nn.fitting import Fit, fit_kernel
from imgconv.nn.functional import *  # noqa: F403

if TYPE_CHECKING:
    from imgconv.nn import layers, textbook, train

# Loaded when first touched.
MODULES = ("layers", "textbook", "train")

__all__ = ["Fit", "fit_kernel", "functional", "layers", "textbook", "train"]
__all__ += functional.__all__


def __getattr__(name: str) -> ModuleType:
    if name in MODULES:
        return import_module(f"imgconv.nn.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

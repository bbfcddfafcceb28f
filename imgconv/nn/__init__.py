"""Layers of convolutional networks on NumPy arrays, under PyTorch's names.

Functions take the arguments that they have in `torch.nn.functional` and return what it returns;
where a function differs, its documentation states it. There is no `inplace`, and none of the
arguments that PyTorch has retired (`size_average`, `reduce`).

>>> import numpy as np
>>> import imgconv
>>> images = np.zeros((8, 3, 32, 32), np.float32)
>>> kernels = np.zeros((16, 3, 3, 3), np.float32)
>>> imgconv.nn.conv2d(images, kernels, padding=1).shape
(8, 16, 32, 32)

Modules
-------
functional : the functions, which are in `imgconv.nn`, too.
layers : functions with parameters, combined to networks.
train : optimizers and a training loop; experimental.
textbook : convolution layers as textbooks write them.

Arrays
------
Images are (N, C, H, W): a batch of N images of C channels. Functions with windows also take one
image, (C, H, W), and return one; others take any shape where none is given. Arrays are float32 or
float64, unless a function names other dtypes, and all arrays of a call have one dtype. Results have
the input's dtype. Any strides and byte order are accepted.

Windows
-------
kernel_size : int or (int, int)
    Pixels of a window along y and along x.
stride : int or (int, int)
    Distance of neighbouring windows. Pooling takes the window's size by default.
padding : int, (int, int) or ((int, int), (int, int))
    Pixels around the image: one number for all sides, one for y and one for x, or (before, after)
    for each, which PyTorch does not have. For pooling, one or two numbers are at most half the
    window.
dilation : int or (int, int)
    Distance of neighbouring pixels of a window.
ceil_mode : bool
    Whether pixels left over at the lower and right end get a window, too, if it begins in the image
    or in the padding before it.

An axis of n pixels has floor((n + padding - dilation * (k - 1) - 1) / stride) + 1 windows, where
padding is that of both ends; with `ceil_mode`, the quotient is rounded up.

Losses
------
input, target : array_like
    Arrays of one shape; PyTorch would broadcast, with a warning.
reduction : {"mean", "sum", "none"}
    Whether to return the mean of all losses, their sum, or each.

Gradients
---------
Each function has a `_backward`, its vector-Jacobian product. It takes the gradient of a loss with
respect to the function's result, then the function's own arguments, and returns the gradients with
respect to its arrays in their order: one array, or a tuple with None for an array that is not
given. Targets and weights of losses, the running mean and variance of `batch_norm`, masks and
indices are constants; only `deform_conv2d` has a gradient for its mask.

>>> grad = np.ones((8, 16, 32, 32), np.float32)
>>> by_input, by_weight, by_bias = imgconv.nn.conv2d_backward(grad, images, kernels, padding=1)
>>> by_input.shape, by_weight.shape, by_bias
((8, 3, 32, 32), (16, 3, 3, 3), None)

Errors
------
TypeError where an array has a dtype that is not allowed, or not the input's. ValueError where a
shape does not fit, a number is out of range, or a name is unknown. Functions list only errors of
their own.

Plans
-----
Convolution, pooling and interpolation call compiled loops, which use several threads, and
`imgconv.explain` returns the plan of such a call, of a function or of a layer. Other functions are
a few NumPy operations: they have no plan, and `explain` raises a TypeError.

>>> imgconv.explain(imgconv.nn.max_pool2d_backward, grad[:, :, ::2, ::2], grad, 2)
Plan: pool2d loop (scatter), level ..., in float32
  result  (8, 16, 32, 32) float32
  window  2 x 2
  cost    1 operations a number, 1.31e+05 in all, on ... thread...
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from imgconv.nn import functional
from imgconv.nn.fitting import Fit, fit_kernel
from imgconv.nn.functional import *

if TYPE_CHECKING:
    from imgconv.nn import layers, textbook, train

# Loaded when first used.
MODULES = ("layers", "textbook", "train")

__all__ = ["Fit", "fit_kernel", "functional", "layers", "textbook", "train"]
__all__ += functional.__all__


def __getattr__(name: str) -> ModuleType:
    if name in MODULES:
        return import_module(f"imgconv.nn.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

"""Convolution layers and their transposes, with gradients."""

from typing import Any, NamedTuple

from numpy.typing import ArrayLike

from imgconv.core import check
from imgconv.core.call import Runnable, filtering
from imgconv.core.windows import Plane
from imgconv.nn.core import checks
from imgconv.nn.core.arrays import floats
from imgconv.nn.core.borders import extend, fold_back
from imgconv.nn.core.checks import Around, Array
from imgconv.nn.core.correlation import (
    Phases,
    Plan,
    correlate,
    forward,
    plan_of,
    products,
    transposed,
)
from imgconv.nn.functional.deformable import deform_conv2d, deform_conv2d_backward

__all__ = [
    "conv2d",
    "conv2d_backward",
    "conv_transpose2d",
    "conv_transpose2d_backward",
    "deform_conv2d",
    "deform_conv2d_backward",
]

Gradients = tuple[Array, Array, Array | None]


NO_PADDING = (0, 0), (0, 0)


class Layer(NamedTuple):
    """A call: a batch, weights by group, biases, and where the windows lie."""

    input: Array  # with its border, where that is not zeros
    weight: Array  # (groups, outputs, inputs, kh, kw)
    bias: Array | None
    plane: Plane
    around: Around  # the border that the input has
    single: bool  # whether the input was (C, H, W)
    transposes: bool

    @property
    def groups(self) -> int:
        """The number of groups."""
        return self.weight.shape[0]

    @property
    def weights(self) -> Array:
        """The weights from the layer's channels to those of its result."""
        return self.weight.swapaxes(1, 2) if self.transposes else self.weight

    @property
    def phases(self) -> tuple[Phases, Phases]:
        """The pixels that taps stand on, along each axis."""
        y, x = map(transposed if self.transposes else forward, self.plane)
        return y, x

    def plan(self) -> Plan:
        """Return what would run."""
        return plan_of(len(self.input), self.weights, *self.phases)

    def run(self) -> Array:
        """Return the result of the layer."""
        return self.result(correlate(self.input, self.weights, self.bias, *self.phases))

    def result(self, found: Array) -> Array:
        """Return a batch as the caller gave his."""
        return found[0] if self.single else found


@filtering
def conv2d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | tuple[int, int] = 1,
    padding: Any = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> Runnable[Array]:
    """Correlate images of many channels with kernels, and sum over the channels.

    Parameters
    ----------
    input : array_like, (N, C, H, W) or (C, H, W), float32 or float64
    weight : array_like, (outputs, C / groups, kh, kw)
        Of the input's dtype.
    bias : array_like, (outputs,), optional
        Added to each channel of the result.
    stride : int or (int, int)
        Distance of neighbouring windows.
    padding : int, (int, int), ((int, int), (int, int)), "same" or "valid"
        Pixels around the image: a number for all sides, one for y and one for x, or (before,
        after) for each. "same" keeps the size, "valid" is 0.
    dilation : int or (int, int)
        Distance of neighbouring weights.
    groups : int
        Groups of channels, each of which sees its own kernels only.
    padding_mode : {"zeros", "reflect", "replicate", "circular"}
        What the padding holds.

    Returns
    -------
    ndarray, (N, outputs, oh, ow) or (outputs, oh, ow)
        Of the input's dtype.

    Raises
    ------
    TypeError
        If an array is not float32 or float64, or not of the input's dtype.
    ValueError
        If shapes, channels or groups do not fit, a number is out of range, or no window fits into
        the padded image.

    Notes
    -----
    result[n, co, y, x] = bias[co] + sum over ci, i, j of weight[co, ci, i, j] *
    padded[n, ci, y s + i d, x s + j d], with floor((n + padding - d (k - 1) - 1) / s) + 1 windows
    along an axis, as `torch.nn.functional.conv2d`. The sum runs in the order ci, i, j. One
    multiply-add for each weight and pixel of a result's channel.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn.functional.convolution import conv2d
    >>> image = np.arange(9.0).reshape(1, 3, 3)
    >>> conv2d(image, np.arange(4.0).reshape(1, 1, 2, 2))
    array([[[19., 25.],
            [37., 43.]]])
    """
    return _layer(input, weight, bias, stride, padding, dilation, groups, padding_mode)


def conv2d_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | tuple[int, int] = 1,
    padding: Any = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> Gradients:
    """Vector-Jacobian product of `conv2d`.

    Parameters
    ----------
    grad_output : array_like
        Gradient of a loss with respect to the result, of its shape.
    input, weight, bias, stride, padding, dilation, groups, padding_mode
        As in `conv2d`.

    Returns
    -------
    grad_input, grad_weight : ndarray
    grad_bias : ndarray, or None where there is no bias

    Raises
    ------
    TypeError, ValueError
        As `conv2d`; and if grad_output has not the shape of the result.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn.functional.convolution import conv2d_backward
    >>> image = np.arange(9.0).reshape(1, 3, 3)
    >>> _, grad_weight, _ = conv2d_backward(np.ones((1, 2, 2)), image, np.ones((1, 1, 2, 2)))
    >>> grad_weight
    array([[[[ 8., 12.],
             [20., 24.]]]])
    """
    layer = _layer(input, weight, bias, stride, padding, dilation, groups, padding_mode)
    y, x = layer.plane
    outputs = layer.groups * layer.weight.shape[1]
    grad = _gradient(grad_output, layer, (outputs, y.count, x.count))
    grad_input = correlate(grad, layer.weight.swapaxes(1, 2), None, transposed(y), transposed(x))
    grad_weight = products(layer.input, grad, layer.groups, forward(y), forward(x))
    return (
        layer.result(fold_back(grad_input, layer.around, padding_mode)),
        grad_weight.reshape(outputs, *grad_weight.shape[2:]),
        None if bias is None else grad.sum(axis=(0, 2, 3)),
    )


@filtering
def conv_transpose2d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | tuple[int, int] = 1,
    padding: Any = 0,
    output_padding: int | tuple[int, int] = 0,
    groups: int = 1,
    dilation: int | tuple[int, int] = 1,
) -> Runnable[Array]:
    """Lay down a kernel for each pixel: the transpose of `conv2d`, not its inverse.

    Parameters
    ----------
    input : array_like, (N, C, H, W) or (C, H, W), float32 or float64
    weight : array_like, (C, outputs / groups, kh, kw)
        Of the input's dtype.
    bias : array_like, (outputs,), optional
        Added to each channel of the result.
    stride : int or (int, int)
        Distance at which kernels are laid down.
    padding : int, (int, int) or ((int, int), (int, int))
        Pixels cut from the result, as the convolution that this transposes has around its image.
    output_padding : int or (int, int)
        Pixels added at the lower and right end, less than stride or dilation.
    groups : int
        Groups of channels, each of which sees its own kernels only.
    dilation : int or (int, int)
        Distance of neighbouring weights.

    Returns
    -------
    ndarray, (N, outputs, oh, ow) or (outputs, oh, ow)
        Of the input's dtype.

    Raises
    ------
    TypeError
        If an array is not float32 or float64, or not of the input's dtype.
    ValueError
        If shapes, channels or groups do not fit, a number is out of range, or the result is empty.

    Notes
    -----
    An axis of n pixels becomes (n - 1) s - padding + d (k - 1) + output_padding + 1, as with
    `torch.nn.functional.conv_transpose2d`. Pixels of the result that are s apart see the same
    weights, so that each of s * s phases is an ordinary convolution, which skips nothing and adds
    no zeros.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn.functional.convolution import conv_transpose2d
    >>> conv_transpose2d(np.array([[[1.0, 2.0]]]), np.array([[[[1.0, 10.0, 100.0]]]]), stride=2)
    array([[[  1.,  10., 102.,  20., 200.]]])
    """
    return _transpose(input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | tuple[int, int] = 1,
    padding: Any = 0,
    output_padding: int | tuple[int, int] = 0,
    groups: int = 1,
    dilation: int | tuple[int, int] = 1,
) -> Gradients:
    """Vector-Jacobian product of `conv_transpose2d`.

    Parameters
    ----------
    grad_output : array_like
        Gradient of a loss with respect to the result, of its shape.
    input, weight, bias, stride, padding, output_padding, groups, dilation
        As in `conv_transpose2d`.

    Returns
    -------
    grad_input, grad_weight : ndarray
    grad_bias : ndarray, or None where there is no bias

    Raises
    ------
    TypeError, ValueError
        As `conv_transpose2d`; and if grad_output has not the shape of the result.
    """
    layer = _transpose(input, weight, bias, stride, padding, output_padding, groups, dilation)
    y, x = layer.plane
    grad = _gradient(grad_output, layer, (layer.groups * layer.weight.shape[2], y.n, x.n))
    grad_weight = products(grad, layer.input, layer.groups, forward(y), forward(x))
    return (
        layer.result(correlate(grad, layer.weight, None, forward(y), forward(x))),
        grad_weight.reshape(-1, *grad_weight.shape[2:]),
        None if bias is None else grad.sum(axis=(0, 2, 3)),
    )


def _layer(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
    padding_mode: Any,
) -> Layer:
    """Check the arguments of a convolution."""
    array = floats(input)
    images = checks.batch(array)
    weights = checks.weight(weight, array.dtype)
    count = checks.groups(groups)
    checks.divisible(weights.shape[0], count, "weight")
    checks.channels(images.shape[1], weights.shape[1] * count)
    biases = checks.bias(bias, weights.shape[0], array.dtype)
    steps = check.integers(stride, "stride", 1)
    gaps = check.integers(dilation, "dilation", 1)
    around = checks.padding(padding, weights.shape[2:], steps, gaps)
    mode = checks.padding_mode(padding_mode, around, images.shape[2:])
    plane = checks.plane(images.shape[2:], weights.shape[2:], steps, gaps, around)
    if mode == "zeros":
        around = NO_PADDING
    else:
        images = extend(images, around, mode)
        plane = checks.plane(images.shape[2:], weights.shape[2:], steps, gaps, NO_PADDING)
    grouped = weights.reshape(count, -1, *weights.shape[1:])
    return Layer(images, grouped, biases, plane, around, array.ndim == 3, False)


def _transpose(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: Any,
    dilation: Any,
) -> Layer:
    """Check the arguments of a transposed convolution."""
    array = floats(input)
    images = checks.batch(array)
    weights = checks.weight(weight, array.dtype)
    count = checks.groups(groups)
    checks.divisible(weights.shape[0], count, "weight")
    checks.channels(images.shape[1], weights.shape[0])
    biases = checks.bias(bias, weights.shape[1] * count, array.dtype)
    plane = checks.transposed_plane(
        images.shape[2:],
        weights.shape[2:],
        check.integers(stride, "stride", 1),
        check.integers(dilation, "dilation", 1),
        check.paddings(padding, "padding"),
        check.integers(output_padding, "output_padding", 0),
    )
    grouped = weights.reshape(count, -1, *weights.shape[1:])
    return Layer(images, grouped, biases, plane, NO_PADDING, array.ndim == 3, True)


def _gradient(value: ArrayLike, layer: Layer, shape: tuple[int, ...]) -> Array:
    """Check the gradient of a result whose shape without N is known."""
    images = layer.input
    whole = shape if layer.single else (len(images), *shape)
    return checks.gradient(value, whole, images.dtype)

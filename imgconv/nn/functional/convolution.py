"""Convolution and its transpose, with gradients."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from imgconv.core import check
from imgconv.core.call import Runnable, filtering
from imgconv.core.windows import Plane
from imgconv.nn.core import arrays, checks
from imgconv.nn.core.arrays import Array, Shape
from imgconv.nn.core.borders import extend, extend_backward
from imgconv.nn.core.calls import LayerCall, LayerPlan
from imgconv.nn.core.channel_plan import ChannelPlan, ChannelWeightsPlan
from imgconv.nn.core.checks import Around, Size
from imgconv.nn.core.conv_plan import ConvPlan
from imgconv.nn.core.conv_run import convolve, plan_for, plan_for_weights, weight_gradient
from imgconv.nn.core.phases import AxisPhases, forward, transposed

__all__ = ["conv2d", "conv2d_backward", "conv_transpose2d", "conv_transpose2d_backward"]

Gradients = tuple[Array, Array, Array | None]


NO_PADDING = (0, 0), (0, 0)


class ConvolutionCall(NamedTuple):
    """A convolution or its transpose, with checked arguments."""

    input: Array  # with its border, where that is not zeros
    weight: Array  # (groups, outputs, inputs, kh, kw)
    bias: Array | None
    plane: Plane
    around: Around  # the border that the input has
    single: bool  # whether the input was (C, H, W)
    transposes: bool
    winograd: bool | None = None

    @property
    def groups(self) -> int:
        """The number of groups."""
        return int(self.weight.shape[0])

    @property
    def weights(self) -> Array:
        """The weights from the input's channels to those of the result."""
        return self.weight.swapaxes(1, 2) if self.transposes else self.weight

    @property
    def phases(self) -> tuple[AxisPhases, AxisPhases]:
        """The pixels that taps read, along y and along x."""
        y, x = map(transposed if self.transposes else forward, self.plane)
        return y, x

    def plan(self) -> ChannelPlan | ConvPlan:
        """Return what would run."""
        return plan_for(len(self.input), self.weights, *self.phases, self.winograd)

    def run(self) -> Array:
        """Return the result."""
        return self.as_given(convolve(self.plan(), self.input, self.weights, self.bias))

    def as_given(self, batch: Array) -> Array:
        """Return a batch without its first axis where the input had none."""
        one: Array = batch[0] if self.single else batch
        return one


@filtering
def conv2d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Size = 1,
    padding: Any = 0,
    dilation: Size = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    *,
    winograd: bool | None = None,
) -> Runnable[Array]:
    """Correlate images of many channels with kernels, and sum over the channels.

    Parameters
    ----------
    input : array_like, (N, C, H, W) or (C, H, W)
    weight : array_like, (outputs, C / groups, kh, kw)
    bias : array_like, (outputs,), optional
        Added to each channel of the result.
    stride
        See `imgconv.nn`, windows.
    padding : int, (int, int), ((int, int), (int, int)), "same" or "valid"
        See `imgconv.nn`, windows. "same" keeps the size, "valid" is 0.
    dilation
        See `imgconv.nn`, windows.
    groups : int
        The channels are divided into so many groups, and the outputs, too. An output is computed
        from the channels of its group.
    padding_mode : {"zeros", "reflect", "replicate", "circular"}
        What the padding contains.
    winograd : bool, optional
        Whether a kernel of 3x3 without stride is computed by Winograd's algorithm. By default it is
        where that is faster and its error small.

    Returns
    -------
    ndarray, (N, outputs, oh, ow) or (outputs, oh, ow)

    Raises
    ------
    ValueError
        If channels or groups do not fit, no window fits into the padded image, or winograd is True
        for another kernel.

    Notes
    -----
    result[n, co, y, x] = bias[co] + sum over ci, i, j of weight[co, ci, i, j] *
    padded[n, ci, y s + i d, x s + j d], with stride s and dilation d. The sum runs in the order
    ci, i, j. One multiply-add for each weight and pixel of a result's channel.

    Winograd's algorithm takes 36 products for 4x4 results, where the sum takes 144 (S. Winograd,
    1980; A. Lavin and S. Gray, 2016). Its error is up to four times as large (docs/numerics.md),
    and relative to all of the 6x6 pixels under 4x4 results, every d-th one of the image: a window
    of zeros beside others may give 1e-7 of these, not 0. An image with results that are not finite
    is computed directly.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn import conv2d
    >>> image = np.arange(9.0).reshape(1, 3, 3)
    >>> conv2d(image, np.arange(4.0).reshape(1, 1, 2, 2))
    array([[[19., 25.],
            [37., 43.]]])
    """
    return _convolution(
        input, weight, bias, stride, padding, dilation, groups, padding_mode, winograd
    )


@filtering
def conv2d_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Size = 1,
    padding: Any = 0,
    dilation: Size = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    *,
    winograd: bool | None = None,
) -> Runnable[Gradients]:
    """Gradients of `conv2d` with respect to input, weight and bias.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn import conv2d_backward
    >>> image = np.arange(9.0).reshape(1, 3, 3)
    >>> _, grad_weight, _ = conv2d_backward(np.ones((1, 2, 2)), image, np.ones((1, 1, 2, 2)))
    >>> grad_weight
    array([[[[ 8., 12.],
             [20., 24.]]]])
    """
    call = _convolution(
        input, weight, bias, stride, padding, dilation, groups, padding_mode, winograd
    )
    y, x = call.plane
    outputs = call.groups * call.weight.shape[1]
    grad = _gradient(grad_output, call, (outputs, y.count, x.count))
    weights = call.weight.swapaxes(1, 2)
    of_input = plan_for(len(grad), weights, transposed(y), transposed(x), call.winograd)
    of_weight = plan_for_weights(len(grad), call.weight, forward(y), forward(x), call.winograd)

    def run() -> Gradients:
        grad_input = convolve(of_input, grad, weights)
        grad_weight = weight_gradient(of_weight, call.input, grad)
        return (
            call.as_given(extend_backward(grad_input, call.around, padding_mode)),
            grad_weight.reshape(outputs, *grad_weight.shape[2:]),
            None if bias is None else grad.sum(axis=(0, 2, 3)),
        )

    return _gradients_call(run, input, of_input, of_weight)


@filtering
def conv_transpose2d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Size = 1,
    padding: Any = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Runnable[Array]:
    """Add a kernel to the result for each pixel: the transpose of `conv2d`, not its inverse.

    Parameters
    ----------
    input : array_like, (N, C, H, W) or (C, H, W)
    weight : array_like, (C, outputs / groups, kh, kw)
    bias : array_like, (outputs,), optional
        Added to each channel of the result.
    stride : int or (int, int)
        Distance in the result between the kernels of neighbouring pixels.
    padding : int, (int, int) or ((int, int), (int, int))
        Pixels cut from the result: the padding of the convolution that this transposes.
    output_padding : int or (int, int)
        Pixels added at the lower and right end, less than stride or dilation.
    groups, dilation
        As in `conv2d`.

    Returns
    -------
    ndarray, (N, outputs, oh, ow) or (outputs, oh, ow)

    Raises
    ------
    ValueError
        If channels or groups do not fit, or the result is empty.

    Notes
    -----
    An axis of n pixels becomes (n - 1) s - padding + d (k - 1) + output_padding + 1. Pixels of the
    result that are s apart are computed from the same weights: each of s * s phases is an ordinary
    convolution, which skips nothing and adds no zeros.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn import conv_transpose2d
    >>> conv_transpose2d(np.array([[[1.0, 2.0]]]), np.array([[[[1.0, 10.0, 100.0]]]]), stride=2)
    array([[[  1.,  10., 102.,  20., 200.]]])
    """
    return _transpose(input, weight, bias, stride, padding, output_padding, groups, dilation)


@filtering
def conv_transpose2d_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Size = 1,
    padding: Any = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Runnable[Gradients]:
    """Gradients of `conv_transpose2d` with respect to input, weight and bias."""
    call = _transpose(input, weight, bias, stride, padding, output_padding, groups, dilation)
    y, x = call.plane
    grad = _gradient(grad_output, call, (call.groups * call.weight.shape[2], y.n, x.n))
    of_input = plan_for(len(grad), call.weight, forward(y), forward(x))
    of_weight = plan_for_weights(len(grad), call.weight, forward(y), forward(x))

    def run() -> Gradients:
        grad_input = convolve(of_input, grad, call.weight)
        grad_weight = weight_gradient(of_weight, grad, call.input)
        return (
            call.as_given(grad_input),
            grad_weight.reshape(-1, *grad_weight.shape[2:]),
            None if bias is None else grad.sum(axis=(0, 2, 3)),
        )

    return _gradients_call(run, input, of_input, of_weight)


def _convolution(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
    padding_mode: Any,
    winograd: Any,
) -> ConvolutionCall:
    """Check the arguments of a convolution."""
    array = arrays.floats(input)
    images = checks.batch(array)
    weights = checks.weight(weight, array.dtype)
    count = checks.groups(groups)
    checks.divisible(weights.shape[0], count, "weight")
    checks.channels(images.shape[1], weights.shape[1] * count)
    biases = arrays.optional(bias, "bias", weights.shape[:1], array.dtype)
    steps = check.integers(stride, "stride", 1)
    gaps = check.integers(dilation, "dilation", 1)
    by_winograd = checks.winograd(winograd, weights.shape[2:], steps)
    around = checks.padding(padding, weights.shape[2:], steps, gaps)
    mode = checks.padding_mode(padding_mode, around, images.shape[2:])
    plane = checks.plane(images.shape[2:], weights.shape[2:], steps, gaps, around)
    if mode == "zeros":
        around = NO_PADDING
    else:
        images = extend(images, around, mode)
        plane = checks.plane(images.shape[2:], weights.shape[2:], steps, gaps, NO_PADDING)
    grouped = weights.reshape(count, -1, *weights.shape[1:])
    single = array.ndim == 3
    return ConvolutionCall(images, grouped, biases, plane, around, single, False, by_winograd)


def _transpose(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: Any,
    dilation: Any,
) -> ConvolutionCall:
    """Check the arguments of a transposed convolution."""
    array = arrays.floats(input)
    images = checks.batch(array)
    weights = checks.weight(weight, array.dtype)
    count = checks.groups(groups)
    checks.divisible(weights.shape[0], count, "weight")
    checks.channels(images.shape[1], weights.shape[0])
    biases = arrays.optional(bias, "bias", (weights.shape[1] * count,), array.dtype)
    plane = checks.transposed_plane(
        images.shape[2:],
        weights.shape[2:],
        check.integers(stride, "stride", 1),
        check.integers(dilation, "dilation", 1),
        check.paddings(padding, "padding"),
        check.integers(output_padding, "output_padding", 0),
    )
    grouped = weights.reshape(count, -1, *weights.shape[1:])
    return ConvolutionCall(images, grouped, biases, plane, NO_PADDING, array.ndim == 3, True)


def _gradient(value: ArrayLike, call: ConvolutionCall, shape: Shape) -> Array:
    """Check the gradient of a result whose shape without N is known."""
    images = call.input
    return checks.gradient(value, shape if call.single else (len(images), *shape), images.dtype)


def _gradients_call(
    run: Any,
    input: ArrayLike,
    of_input: ChannelPlan | ConvPlan,
    of_weight: ChannelWeightsPlan | ConvPlan,
) -> LayerCall[Gradients]:
    """Return a call of the two loops, planned and run in this order."""
    plans, note = (of_input, of_weight), "gradients of input, weight and bias"
    return LayerCall(run, lambda: LayerPlan(plans, np.shape(input), of_input.dtype, note))

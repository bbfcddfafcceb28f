"""Deformable convolution, with gradients."""

from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgconv.core import check
from imgconv.core.call import Runnable, filtering
from imgconv.core.windows import Plane, along
from imgconv.nn.core import arrays, checks
from imgconv.nn.core.arrays import Array, Shape
from imgconv.nn.core.calls import LayerCall, LayerPlan, LoopPlan, counted
from imgconv.nn.core.channel_plan import ChannelPlan
from imgconv.nn.core.checks import Size
from imgconv.nn.core.conv_plan import ConvPlan
from imgconv.nn.core.conv_run import convolve, plan_for, plan_for_weights, weight_gradient
from imgconv.nn.core.phases import forward, transposed

__all__ = ["deform_conv2d", "deform_conv2d_backward"]

Gradients = tuple[Array, Array, Array, Array | None, Array | None]

# The loop keeps the places of pixels, y * W + x, in 32 bits.
MAX_PIXELS = (1 << 31) - 1


class DeformableCall(NamedTuple):
    """A deformable convolution with checked arguments, computed image by image.

    The windows of an image, as columns, are themselves an image of C kh kw channels, which a 1x1
    convolution takes to the result.
    """

    input: Array
    offset: Array
    mask: Array  # ones where there is none
    weight: Array  # (groups, outputs, inputs kh kw, 1, 1)
    bias: Array | None
    plane: Plane
    offset_groups: int

    @property
    def params(self) -> NDArray[np.intp]:
        """What the loop reads: the fields of the struct in pyx/deform.pyx, in the same order."""
        y, x = self.plane
        return np.array(
            [y.n, x.n, y.k, x.k, y.count, x.count, y.stride, x.stride, y.before, x.before,
             y.dilation, x.dilation, self.input.shape[1], self.offset_groups],
            np.intp,
        )  # fmt: skip

    @property
    def column_plane(self) -> Plane:
        """The 1x1 windows on an image of columns."""
        y, x = (along(a.count, 1, 1, 1, (0, 0)) for a in self.plane)
        return y, x

    @property
    def column_shape(self) -> Shape:
        """The shape of the columns of one image."""
        y, x = self.plane
        return 1, self.input.shape[1] * y.k * x.k, y.count, x.count

    @property
    def shape(self) -> Shape:
        """The shape of the result."""
        groups, outputs = self.weight.shape[:2]
        y, x = self.plane
        return len(self.input), groups * outputs, y.count, x.count

    def loop_plan(self, entry: str, shape: Shape) -> LoopPlan:
        """Return the plan of a loop on one image, with scratch for a row of results.

        That is four places and six numbers for each.
        """
        y, x = self.plane
        scratch, cost = x.count * (4 * 4 + 6 * 8), 8.0 * prod(self.column_shape)
        return LoopPlan("deform", entry, shape, self.input.dtype, (y.k, x.k), cost, scratch)

    def run_loop(self, plan: LoopPlan, n: int, *results: Array) -> None:
        """Run a loop on one image."""
        plan.run(self.params, self.input[n], self.offset[n], self.mask[n], *results)

    def columns(self, plan: LoopPlan, n: int) -> Array:
        """Return the windows of one image."""
        columns = np.empty(self.column_shape, self.input.dtype)
        self.run_loop(plan, n, columns)
        return columns

    def plans(self) -> tuple[LoopPlan, ChannelPlan | ConvPlan]:
        """Return the plans of both loops."""
        y, x = map(forward, self.column_plane)
        sample = self.loop_plan("sample", self.column_shape)
        return sample, plan_for(1, self.weight, y, x)

    def plan(self) -> LayerPlan:
        """Return what would run."""
        return self.layer_plan(self.plans(), self.shape)

    def layer_plan(
        self, plans: tuple[LoopPlan | ChannelPlan | ConvPlan, ...], shape: Shape
    ) -> LayerPlan:
        """Return the plan of all images from that of one."""
        images = len(self.input)
        note = f"{counted(images, 'image')}, one after another"
        return LayerPlan(plans, shape, self.input.dtype, note, images)

    def run(self) -> Array:
        """Return the result."""
        sample, product = self.plans()
        result = np.empty(self.shape, self.input.dtype)
        for n in range(len(result)):
            result[n] = convolve(product, self.columns(sample, n), self.weight, self.bias)[0]
        return result


@filtering
def deform_conv2d(
    input: ArrayLike,
    offset: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Size = 1,
    padding: Any = 0,
    dilation: Size = 1,
    mask: ArrayLike | None = None,
) -> Runnable[Array]:
    """Convolve with taps that are moved by offsets, different ones for each pixel.

    Parameters
    ----------
    input : array_like, (N, C, H, W)
    offset : array_like, (N, 2 m kh kw, oh, ow)
        For each of m groups of channels and each tap, how far it is moved along y, and along x.
    weight : array_like, (outputs, C / groups, kh, kw)
        The number of groups follows from this shape.
    bias : array_like, (outputs,), optional
        Added to each channel of the result.
    stride, padding, dilation
        See `imgconv.nn`, windows.
    mask : array_like, (N, m kh kw, oh, ow), optional
        A factor for each tap.

    Returns
    -------
    ndarray, (N, outputs, oh, ow)

    Raises
    ------
    ValueError
        If shapes or channels do not fit, no window fits into the padded image, or a plane has 2**31
        pixels or more.

    Notes
    -----
    As `torchvision.ops.deform_conv2d`: between pixels an image is bilinear, with zeros around it.
    Dai et al., Deformable convolutional networks (2017); with a mask, Zhu et al. (2019). For each
    image, the columns take C kh kw numbers for each pixel of the result.

    Examples
    --------
    One tap, moved half a pixel to the right:

    >>> import numpy as np
    >>> from imgconv.nn import deform_conv2d
    >>> offset = np.stack([np.zeros((1, 3)), np.full((1, 3), 0.5)])
    >>> deform_conv2d(np.array([[[[0.0, 2.0, 6.0]]]]), offset[None], np.ones((1, 1, 1, 1)))
    array([[[[1., 4., 3.]]]])
    """
    return _deformable(input, offset, weight, bias, stride, padding, dilation, mask)


@filtering
def deform_conv2d_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    offset: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Size = 1,
    padding: Any = 0,
    dilation: Size = 1,
    mask: ArrayLike | None = None,
) -> Runnable[Gradients]:
    """Gradients of `deform_conv2d` with respect to input, offset, weight, bias and mask."""
    call = _deformable(input, offset, weight, bias, stride, padding, dilation, mask)
    images = call.input
    y, x = call.column_plane
    grad = checks.gradient(grad_output, call.shape, images.dtype)
    weights = call.weight.swapaxes(1, 2)
    sample, _ = call.plans()
    of_weight = plan_for_weights(1, call.weight, forward(y), forward(x))
    of_columns = plan_for(1, weights, transposed(y), transposed(x))
    back = call.loop_plan("back", images.shape[1:])

    def run() -> Gradients:
        grads = [np.zeros_like(each) for each in (images, call.offset, call.mask)]
        grad_weight = np.zeros_like(call.weight)
        for n in range(len(images)):
            grad_result = np.ascontiguousarray(grad[n : n + 1])
            grad_weight += weight_gradient(of_weight, call.columns(sample, n), grad_result)
            grad_columns = convolve(of_columns, grad_result, weights)
            call.run_loop(back, n, grad_columns, *(each[n] for each in grads))
        return (
            grads[0],
            grads[1],
            grad_weight.reshape(np.shape(weight)),
            None if bias is None else grad.sum(axis=(0, 2, 3)),
            None if mask is None else grads[2],
        )

    plans = sample, of_weight, of_columns, back
    return LayerCall(run, lambda: call.layer_plan(plans, images.shape))


def _deformable(
    input: ArrayLike,
    offset: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    mask: ArrayLike | None,
) -> DeformableCall:
    """Check the arguments."""
    images = arrays.floats(input)
    if images.ndim != 4:
        raise ValueError(f"input must have shape (N, C, H, W), got {images.shape}")
    checks.batch(images)
    if images.shape[2] * images.shape[3] > MAX_PIXELS:
        raise ValueError(
            f"input must have at most {MAX_PIXELS} pixels in a plane, got shape {images.shape}"
        )
    weights = checks.weight(weight, images.dtype)
    outputs, inputs, kh, kw = weights.shape
    checks.divisible(images.shape[1], inputs, "input")
    groups = images.shape[1] // inputs
    checks.divisible(outputs, groups, "weight")
    steps = check.integers(stride, "stride", 1)
    gaps = check.integers(dilation, "dilation", 1)
    around = check.paddings(padding, "padding")
    plane = checks.plane(images.shape[2:], (kh, kw), steps, gaps, around)
    size = (plane[0].count, plane[1].count)
    moves, count = checks.offsets(offset, images, kh * kw, size)
    shape = (len(images), count * kh * kw, *size)
    factors = arrays.optional(mask, "mask", shape, images.dtype)
    return DeformableCall(
        np.ascontiguousarray(images),
        np.ascontiguousarray(moves),
        np.ones(shape, images.dtype) if factors is None else np.ascontiguousarray(factors),
        weights.reshape(groups, outputs // groups, inputs * kh * kw, 1, 1),
        arrays.optional(bias, "bias", (outputs,), images.dtype),
        plane,
        count,
    )

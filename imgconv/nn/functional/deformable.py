"""Deformable convolution, with gradients."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgconv.core import check
from imgconv.core.call import Runnable, filtering
from imgconv.core.run import run_entry
from imgconv.core.windows import Pair, Plane, along
from imgconv.nn.core import checks
from imgconv.nn.core.arrays import floats
from imgconv.nn.core.checks import Array
from imgconv.nn.core.correlation import Plan, correlate, forward, plan_of, products, transposed

__all__ = ["deform_conv2d", "deform_conv2d_backward"]

Size = int | Pair


class Layer(NamedTuple):
    """A call; columns of one image are an image of C kh kw channels for a 1x1 kernel."""

    input: Array
    offset: Array
    mask: Array  # ones where there is none
    weight: Array  # (groups, outputs, inputs kh kw, 1, 1)
    bias: Array | None
    plane: Plane
    offset_groups: int

    @property
    def job(self) -> NDArray[np.intp]:
        """What the loop reads: `Job` in pyx/deform.pyx."""
        y, x = self.plane
        return np.array(
            [y.n, x.n, y.k, x.k, y.count, x.count, y.stride, x.stride, y.before, x.before,
             y.dilation, x.dilation, self.input.shape[1], self.offset_groups],
            np.intp,
        )  # fmt: skip

    @property
    def places(self) -> Plane:
        """The 1x1 windows on an image of columns."""
        y, x = (along(a.count, 1, 1, 1, (0, 0)) for a in self.plane)
        return y, x

    def plan(self) -> Plan:
        """Return what would run on the columns of each image."""
        y, x = self.places
        return plan_of(1, self.weight, forward(y), forward(x))

    def run(self) -> Array:
        """Return the result of the layer."""
        groups, outputs = self.weight.shape[:2]
        y, x = self.places
        shape = (len(self.input), groups * outputs, y.count, x.count)
        result = np.empty(shape, self.input.dtype)
        for n in range(len(result)):
            columns = _columns(self, n)
            result[n] = correlate(columns, self.weight, self.bias, forward(y), forward(x))[0]
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
    """Convolve with taps that stand where they are told to, pixel by pixel.

    Parameters
    ----------
    input : array_like, (N, C, H, W), float32 or float64
    offset : array_like, (N, 2 m kh kw, oh, ow)
        For each of m groups of channels and each tap, how far it stands from its place along y,
        and along x.
    weight : array_like, (outputs, C / groups, kh, kw)
        The shape tells the groups.
    bias : array_like, (outputs,), optional
        Added to each channel of the result.
    stride : int or (int, int)
    padding : int, (int, int) or ((int, int), (int, int))
    dilation : int or (int, int)
        As in `conv2d`.
    mask : array_like, (N, m kh kw, oh, ow), optional
        What each tap counts.

    Returns
    -------
    ndarray, (N, outputs, oh, ow)
        Of the input's dtype.

    Raises
    ------
    TypeError
        If an array is not float32 or float64, or not of the input's dtype.
    ValueError
        If shapes or channels do not fit, a number is out of range, or no window fits.

    Notes
    -----
    As `torchvision.ops.deform_conv2d`: between pixels an image is bilinear, with zeros around it.
    Dai et al., Deformable convolutional networks (2017); with a mask, Zhu et al. (2019). For each
    image, the columns take C kh kw numbers for each pixel of the result.

    Examples
    --------
    A tap that is sent half a pixel to the right:

    >>> import numpy as np
    >>> from imgconv.nn.functional.convolution import deform_conv2d
    >>> offset = np.stack([np.zeros((1, 3)), np.full((1, 3), 0.5)])
    >>> deform_conv2d(np.array([[[[0.0, 2.0, 6.0]]]]), offset[None], np.ones((1, 1, 1, 1)))
    array([[[[1., 4., 3.]]]])
    """
    return _layer(input, offset, weight, bias, stride, padding, dilation, mask)


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
) -> tuple[Array, Array, Array, Array | None, Array | None]:
    """Vector-Jacobian product of `deform_conv2d`.

    Parameters
    ----------
    grad_output : array_like
        Gradient of a loss with respect to the result, of its shape.
    input, offset, weight, bias, stride, padding, dilation, mask
        As in `deform_conv2d`.

    Returns
    -------
    grad_input, grad_offset, grad_weight : ndarray
    grad_bias, grad_mask : ndarray, or None where there is no bias, or no mask

    Raises
    ------
    TypeError, ValueError
        As `deform_conv2d`; and if grad_output has not the shape of the result.
    """
    layer = _layer(input, offset, weight, bias, stride, padding, dilation, mask)
    groups, outputs = layer.weight.shape[:2]
    y, x = layer.places
    images = layer.input
    shape = (len(images), groups * outputs, y.count, x.count)
    grad = checks.gradient(grad_output, shape, images.dtype)
    grads = [np.zeros_like(each) for each in (images, layer.offset, layer.mask)]
    grad_weight = np.zeros_like(layer.weight)
    for n in range(len(images)):
        above = np.ascontiguousarray(grad[n : n + 1])
        grad_weight += products(_columns(layer, n), above, groups, forward(y), forward(x))
        back = correlate(above, layer.weight.swapaxes(1, 2), None, transposed(y), transposed(x))
        _run("back", layer, n, back, *(each[n] for each in grads), cost=8.0 * back.size)
    return (
        grads[0],
        grads[1],
        grad_weight.reshape(np.shape(weight)),
        None if bias is None else grad.sum(axis=(0, 2, 3)),
        None if mask is None else grads[2],
    )


def _layer(
    input: ArrayLike,
    offset: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    mask: ArrayLike | None,
) -> Layer:
    """Check the arguments."""
    images = floats(input)
    if images.ndim != 4:
        raise ValueError(f"input must have shape (N, C, H, W), got {images.shape}")
    checks.batch(images)
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
    places, count = checks.offsets(offset, images, kh * kw, size)
    shape = (len(images), count * kh * kw, *size)
    shares = np.ones(shape, images.dtype) if mask is None else floats(mask, "mask", images.dtype)
    if shares.shape != shape:
        raise ValueError(f"mask must have shape {shape}, got {shares.shape}")
    return Layer(
        np.ascontiguousarray(images),
        np.ascontiguousarray(places),
        np.ascontiguousarray(shares),
        weights.reshape(groups, outputs // groups, inputs * kh * kw, 1, 1),
        checks.bias(bias, outputs, images.dtype),
        plane,
        count,
    )


def _run(entry: str, layer: Layer, n: int, *arrays: Array, cost: float) -> None:
    """Run the loop on one image, with a row of neighbours for each thread.

    That is four places and six numbers for each result.
    """
    run_entry(
        "deform", layer.input.dtype.name, entry, layer.job, layer.input[n], layer.offset[n],
        layer.mask[n], *arrays, cost=cost, scratch_bytes=layer.plane[1].count * (4 * 4 + 6 * 8),
    )  # fmt: skip


def _columns(layer: Layer, n: int) -> Array:
    """Return the windows of one image as (1, C kh kw, oh, ow)."""
    y, x = layer.plane
    shape = (1, layer.input.shape[1] * y.k * x.k, y.count, x.count)
    columns = np.empty(shape, layer.input.dtype)
    _run("sample", layer, n, columns, cost=8.0 * columns.size)
    return columns

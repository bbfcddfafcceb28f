"""Sizes of results, and of the windows that they depend on: arithmetic without pixels.

An integer is about one axis, a tuple about several; where the size has several axes, an integer is
used for all of them. What is not an integer is a TypeError. A negative size or padding, a kernel,
stride or dilation that is not positive, and arguments of different numbers of axes are a
ValueError.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, Protocol, overload, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from imgconv.core import windows
from imgconv.core.check import type_error, value_error

__all__ = ["halo", "output_size", "parameter_count", "receptive_field"]

Axes = int | Sequence[int]
Padding = Axes | Sequence[Sequence[int]]
Shape = Literal["same", "valid", "full"]
LayerSizes = int | Sequence[Axes]
Integers = NDArray[np.int64]


@runtime_checkable
class HasWindows(Protocol):
    """A layer that knows its windows: (kernel, stride, dilation) of each."""

    @property
    def windows(self) -> Sequence[LayerSizes]:
        """The windows in the order in which they run."""


@overload
def output_size(
    size: int,
    kernel: Axes,
    *,
    shape: Shape = ...,
    stride: Axes = ...,
    dilation: Axes = ...,
    padding: Padding | None = ...,
    ceil_mode: bool = ...,
    transposed: bool = ...,
    output_padding: Axes = ...,
) -> int: ...
@overload
def output_size(
    size: Sequence[int],
    kernel: Axes,
    *,
    shape: Shape = ...,
    stride: Axes = ...,
    dilation: Axes = ...,
    padding: Padding | None = ...,
    ceil_mode: bool = ...,
    transposed: bool = ...,
    output_padding: Axes = ...,
) -> tuple[int, ...]: ...
def output_size(
    size: Axes,
    kernel: Axes,
    *,
    shape: Shape = "same",
    stride: Axes = 1,
    dilation: Axes = 1,
    padding: Padding | None = None,
    ceil_mode: bool = False,
    transposed: bool = False,
    output_padding: Axes = 0,
) -> int | tuple[int, ...]:
    """Size of the result of a correlation, convolution or pooling, or of a transposed convolution.

    Parameters
    ----------
    size : int or sequence of int
        Pixels of the image, along one axis or along each.
    kernel : int or sequence of int
        Pixels of the kernel.
    shape : {"same", "valid", "full"}
        One result for each pixel; for each place of the kernel inside the image; for each place
        where it overlaps the image.
    stride : int or sequence of int
        Distance between neighbouring results; the first result is always there.
    dilation : int or sequence of int
        Distance between neighbouring weights of the kernel.
    padding : int, sequence of int, or sequence of (before, after), optional
        Pixels added around the image; replaces `shape`. One number for all sides, one for both
        sides of each axis, or two for each axis; for an image of one axis, (before, after).
    ceil_mode : bool
        Also count the window that sticks out at the end, if it begins in the image or in the
        padding before it.
    transposed : bool
        Return the inverse, the size of a transposed convolution: the smallest image of which such a
        correlation makes `size` pixels.
    output_padding : int or sequence of int
        Pixels to add if `transposed`, since the stride makes the same size of several images.

    Returns
    -------
    int or tuple of int
        As `size` is given. An axis without pixels gives 0.

    Raises
    ------
    ValueError
        If the kernel is larger than the padded image, a transposed result has no pixel, or
        `output_padding` is not below stride or dilation.

    Notes
    -----
    floor((n + padding - d (k - 1) - 1) / s) + 1 for n pixels, the padding of both sides together,
    dilation d, k weights and stride s; with `ceil_mode` the quotient is rounded up. The padding is
    d (k - 1) for "same", which gives ceil(n / s), 0 for "valid", and 2 d (k - 1) for "full".
    Transposed: (n - 1) s - padding + d (k - 1) + 1 + output_padding.

    Examples
    --------
    >>> from imgconv.geometry import output_size
    >>> output_size((6, 8), (3, 3)), output_size((6, 8), 3, shape="valid")
    ((6, 8), (4, 6))
    >>> output_size(224, 7, stride=2, padding=3)
    112
    >>> output_size(112, 7, stride=2, padding=3, transposed=True, output_padding=1)
    224
    >>> [output_size(8, 3, stride=2, padding=0, ceil_mode=up) for up in (False, True)]
    [3, 4]
    """
    n = _integers("size", size, minimum=0)
    per_axis = ((), n.shape)
    k = _integers("kernel", kernel, shapes=per_axis)
    s = _integers("stride", stride, shapes=per_axis)
    d = _integers("dilation", dilation, shapes=per_axis)
    span = windows.span(k, d)
    reach = span - 1
    paddings = {"same": reach, "valid": np.zeros_like(reach), "full": 2 * reach}
    if shape not in paddings:
        raise value_error(f"shape must be one of {list(paddings)}, got {shape!r}")
    total = paddings[shape]
    before = total // 2
    if padding is not None:
        sides = _integers("padding", padding, minimum=0, shapes=(*per_axis, (*n.shape, 2)))
        total = sides.sum(axis=-1) if sides.ndim > n.ndim else 2 * sides
        before = sides[..., 0] if sides.ndim > n.ndim else sides
    more = _integers("output_padding", output_padding, minimum=0, shapes=per_axis)
    if transposed:
        return _int_or_tuple(_transposed(n, k, s, d, (before, total - before), more))
    if np.any(more):
        raise value_error(f"output_padding must be 0 unless transposed, got {output_padding!r}")
    if np.any((span > n + total) & (n > 0)):
        raise value_error(
            f"kernel must fit into the padded image, got {_int_or_tuple(span)} pixels "
            f"for {_int_or_tuple(n + total)}"
        )
    return _int_or_tuple(windows.count(n, k, s, d, (before, total - before), ceil_mode))


def _transposed(
    n: Integers,
    k: Integers,
    s: Integers,
    d: Integers,
    around: tuple[Integers, Integers],
    more: Integers,
) -> Integers:
    if np.any(more >= np.maximum(s, d)):
        raise value_error(
            f"output_padding must be less than stride or dilation, got {_int_or_tuple(more)} "
            f"for {_int_or_tuple(s)} and {_int_or_tuple(d)}"
        )
    size = windows.transposed_size(n, k, s, d, around, more)
    if np.any((size < 1) & (n > 0)):
        raise value_error(
            f"padding must leave a pixel of the result, got {_int_or_tuple(size)} pixels"
        )
    return size * (n > 0)


def receptive_field(layers: Iterable[LayerSizes | HasWindows]) -> int | tuple[int, ...]:
    """Size of the window of the image that one pixel of a chain's result depends on.

    Parameters
    ----------
    layers : iterable of (kernel, stride, dilation) or of layers
        In the order in which they run. Stride and dilation are 1 if left out; a single integer is a
        kernel. Each number may be a tuple, one number for each axis. A layer of `imgconv.nn` knows
        its own; one without a window (an activation) changes nothing.

    Returns
    -------
    int or tuple of int
        A tuple if any number of any layer is one.

    Raises
    ------
    ValueError
        If a layer has no number or more than three, or is one of `imgconv.nn` whose results depend
        on the whole image.

    Notes
    -----
    1 + the sum over all layers of d (k - 1) times the strides of the layers before it.

    Examples
    --------
    Two 3x3 kernels see what one of 5x5 sees, and three what one of 7x7 sees:

    >>> from imgconv.geometry import receptive_field
    >>> receptive_field([3, 3]), receptive_field([3, 3, 3])
    (5, 7)
    >>> receptive_field([(7, 2), (3, 1, 2), ((1, 3),)])
    (15, 19)
    """
    chain = [
        _layer_sizes(window)
        for layer in layers
        for window in (layer.windows if isinstance(layer, HasWindows) else [layer])
    ]
    _check_same_axes([numbers for layer in chain for numbers in layer])
    field = jump = np.ones((), dtype=np.int64)
    for kernel, stride, dilation in chain:
        field = field + (windows.span(kernel, dilation) - 1) * jump
        jump = jump * stride
    return _int_or_tuple(field)


def parameter_count(
    in_channels: int, out_channels: int, kernel: Axes = 1, *, groups: int = 1, bias: bool = True
) -> int:
    """Count the numbers that a convolution layer learns; a linear layer has a kernel of 1.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels of the image and of the result.
    kernel : int or sequence of int
        Pixels of the kernel: one number for a square, or one for each axis.
    groups : int
        Number of groups of channels; a result depends on the channels of its own group only.
    bias : bool
        Whether a number is added to each channel of the result.

    Returns
    -------
    int
        Weights and biases.

    Raises
    ------
    ValueError
        If `groups` does not divide the channels.

    Notes
    -----
    out_channels (in_channels / groups * weights + 1).

    Examples
    --------
    A 3x3 layer, and what replaces it in smaller networks: depthwise and pointwise layers; a column,
    then a row.

    >>> from imgconv.geometry import parameter_count
    >>> parameter_count(64, 128, 3, bias=False)
    73728
    >>> depthwise = parameter_count(64, 64, 3, groups=64, bias=False)
    >>> depthwise + parameter_count(64, 128, 1, bias=False)
    8768
    >>> parameter_count(1, 1, (3, 1), bias=False) + parameter_count(1, 1, (1, 3), bias=False)
    6
    """
    ins, outs = _integers("in_channels", in_channels), _integers("out_channels", out_channels)
    number, size = _integers("groups", groups), _integers("kernel", kernel)
    if np.any(ins % number) or np.any(outs % number):
        raise value_error(
            f"groups must divide the channels, got {groups} for {in_channels} and {out_channels}"
        )
    weights = int(size) ** 2 if size.ndim == 0 else int(size.prod())
    return int(outs) * (int(ins // number) * weights + bool(bias))


def halo(
    kernels: Iterable[Axes], dilation: Axes = 1
) -> tuple[int, int] | tuple[tuple[int, int], ...]:
    """Pixels that a chain of filters reads before and after each pixel of its result.

    Parameters
    ----------
    kernels : iterable of int or of sequence of int
        Sizes of the kernels, along one axis or along each: the shape of a 2-D kernel.
    dilation : int or sequence of int
        Distance between neighbouring weights, the same for the whole chain.

    Returns
    -------
    (int, int) or tuple of (int, int)
        Before and after; one pair for each axis if a kernel (or `dilation`) has axes. `numpy.pad`
        takes it as its pad_width.

    Notes
    -----
    A kernel of k weights, centred at k // 2, reads d (k // 2) pixels before its own and
    d ((k - 1) // 2) after it. In a chain these add up.

    Examples
    --------
    >>> from imgconv.geometry import halo
    >>> halo([3, 4])
    (3, 2)
    >>> halo([(3, 3), (1, 5)])
    ((1, 1), (3, 3))
    """
    step = _integers("dilation", dilation)
    sizes = [_integers("kernel", kernel) for kernel in kernels]
    _check_same_axes([step, *sizes])
    before = step * sum(k // 2 for k in sizes)
    after = step * sum((k - 1) // 2 for k in sizes)
    if before.ndim == 0:
        return int(before), int(after)
    return tuple(zip(before.tolist(), after.tolist(), strict=True))


def _layer_sizes(layer: LayerSizes) -> tuple[Integers, ...]:
    numbers = tuple(layer) if isinstance(layer, Sequence) else (layer,)
    if not 1 <= len(numbers) <= 3:
        raise value_error(f"a layer must be (kernel, stride, dilation), got {layer!r}")
    numbers += (1,) * (3 - len(numbers))
    names = ("kernel", "stride", "dilation")
    return tuple(_integers(name, n) for name, n in zip(names, numbers, strict=True))


def _check_same_axes(chain: list[Integers]) -> None:
    axes = {numbers.size for numbers in chain if numbers.ndim}
    if len(axes) > 1:
        raise value_error(f"a chain must have one number of axes, got {sorted(axes)}")


def _integers(
    name: str, value: Any, *, minimum: int = 1, shapes: tuple[tuple[int, ...], ...] | None = None
) -> Integers:
    """Return an array of one of these shapes, by default one number or one for each axis."""
    try:
        array = np.asarray(value)
    except ValueError:
        raise value_error(f"{name} must hold as much for each axis, got {value!r}") from None
    if array.dtype.kind not in "iu":
        raise type_error(f"{name} must hold integers, got {value!r}")
    if array.ndim > 1 if shapes is None else array.shape not in shapes:
        raise value_error(f"{name} must hold one number for each axis, got {value!r}")
    if np.any(array < minimum):
        rule = "not be negative" if minimum == 0 else "be positive"
        raise value_error(f"{name} must {rule}, got {value!r}")
    return array.astype(np.int64)


def _int_or_tuple(numbers: Integers) -> int | tuple[int, ...]:
    """Return an integer, or a tuple with one for each axis."""
    return int(numbers) if numbers.ndim == 0 else tuple(numbers.tolist())

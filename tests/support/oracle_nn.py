"""Reference implementations of layers: the definitions, tap by tap, on (N, C, H, W) arrays."""

import numpy as np


def pads(padding):
    """((top, bottom), (left, right)) of a number, a pair or two pairs."""
    y, x = np.broadcast_to(padding, 2).tolist() if np.ndim(padding) < 2 else padding
    return tuple((p, p) if np.ndim(p) == 0 else tuple(p) for p in (y, x))


def pair(value):
    return tuple(np.broadcast_to(value, 2).tolist())


def taps(shape, kernel, stride, dilation):
    """For each tap (i, j), the pixels of the padded image that it reads, as slices."""
    counts = [
        (n - (k - 1) * d - 1) // s + 1
        for n, k, s, d in zip(shape, kernel, stride, dilation, strict=True)
    ]
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            yield (
                (i, j),
                tuple(
                    slice(t * d, t * d + (m - 1) * s + 1, s)
                    for t, d, m, s in zip((i, j), dilation, counts, stride, strict=True)
                ),
            )


MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def padded(x, padding, mode="zeros"):
    return np.pad(x, ((0, 0), (0, 0), *pads(padding)), mode=MODES[mode])


def padded_backward(grad, shape, padding, mode="zeros"):
    """Each padded pixel's gradient goes to the pixel that it is a copy of."""
    places = np.arange(shape[-2] * shape[-1]).reshape(1, 1, *shape[-2:])
    source = padded(places + 1, padding, mode)[0, 0] - 1
    result = np.zeros(shape, grad.dtype).reshape(*shape[:2], -1)
    inside = source >= 0
    np.add.at(result, (slice(None), slice(None), source[inside]), grad[..., inside])
    return result.reshape(shape)


def split(x, groups, axis=1):
    """The channels of each group on an axis of their own."""
    return x.reshape(*x.shape[:axis], groups, x.shape[axis] // groups, *x.shape[axis + 1 :])


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, padding_mode="zeros"):
    wide = padded(x, padding, padding_mode)
    kernel = split(weight, groups, 0)
    result = 0
    for (i, j), pixels in taps(wide.shape[2:], weight.shape[2:], pair(stride), pair(dilation)):
        part = split(wide[(..., *pixels)], groups)
        result = result + np.einsum("goc,ngchw->ngohw", kernel[..., i, j], part)
    result = result.reshape(x.shape[0], weight.shape[0], *result.shape[-2:])
    return result if bias is None else result + bias[:, None, None]


def conv2d_backward(
    grad, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, padding_mode="zeros"
):
    wide = padded(x, padding, padding_mode)
    kernel = split(weight, groups, 0)
    grads = split(grad, groups)
    grad_wide, grad_kernel = np.zeros_like(split(wide, groups)), np.zeros_like(kernel)
    for (i, j), pixels in taps(wide.shape[2:], weight.shape[2:], pair(stride), pair(dilation)):
        part = split(wide[(..., *pixels)], groups)
        grad_kernel[..., i, j] = np.einsum("ngohw,ngchw->goc", grads, part)
        grad_wide[(..., *pixels)] += np.einsum("goc,ngohw->ngchw", kernel[..., i, j], grads)
    return (
        padded_backward(grad_wide.reshape(wide.shape), x.shape, padding, padding_mode),
        grad_kernel.reshape(weight.shape),
        None if bias is None else grad.sum(axis=(0, 2, 3)),
    )


def conv_transpose2d(
    x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """The transpose of a convolution: each pixel adds its kernel to the result, `stride` apart."""
    (top, bottom), (left, right) = pads(padding)
    size = [
        (n - 1) * s + d * (k - 1) + 1 + o
        for n, s, d, k, o in zip(
            x.shape[2:], pair(stride), pair(dilation), weight.shape[2:], pair(output_padding),
            strict=True,
        )
    ]  # fmt: skip
    kernel, inputs = split(weight, groups, 0), split(x, groups)
    wide = np.zeros((x.shape[0], groups, weight.shape[1], *size), x.dtype)
    inner = [n - o for n, o in zip(size, pair(output_padding), strict=True)]
    for (i, j), pixels in taps(inner, weight.shape[2:], pair(stride), pair(dilation)):
        wide[(..., *pixels)] += np.einsum("gco,ngchw->ngohw", kernel[..., i, j], inputs)
    result = wide.reshape(x.shape[0], -1, *size)[
        :, :, top : size[0] - bottom, left : size[1] - right
    ]
    return result if bias is None else result + bias[:, None, None]


def conv_transpose2d_backward(
    grad, x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """By the convolution that this transposes; with output_padding it may have more windows."""
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    grad_x = conv2d(grad, weight, **options)
    wide = np.zeros_like(grad_x)
    wide[:, :, : x.shape[2], : x.shape[3]] = x
    return (
        grad_x[:, :, : x.shape[2], : x.shape[3]],
        conv2d_backward(wide, grad, weight, **options)[1],
        None if bias is None else grad.sum(axis=(0, 2, 3)),
    )


def windows(x, kernel, stride, padding, dilation, ceil_mode, fill):
    """All windows of a pooling layer, (N, C, oh, ow, kh, kw), their kinds, and their places.

    A pixel's kind is 2 on the image, 1 on its padding, 0 beyond.
    """
    around = pads(padding)
    counts, ends = [], []
    for n, k, s, d, (before, after) in zip(
        x.shape[2:], kernel, stride, dilation, around, strict=True
    ):
        room = n + before + after - (k - 1) * d - 1
        count = -(-room // s) + 1 if ceil_mode else room // s + 1
        if ceil_mode and (count - 1) * s >= n + before:
            count -= 1
        counts.append(count)
        ends.append(max((count - 1) * s + (k - 1) * d + 1 - before - n, after))
    wide = np.full(
        (
            *x.shape[:2],
            *(n + p[0] + e for n, p, e in zip(x.shape[2:], around, ends, strict=True)),
        ),
        fill,
        x.dtype,
    )
    kind = np.zeros(wide.shape[2:], int)
    (top, bottom), (left, right) = around
    height, width = x.shape[2:]
    kind[: top + height + bottom, : left + width + right] = 1
    kind[top : top + height, left : left + width] = 2
    wide[:, :, top : top + height, left : left + width] = x
    at = [
        np.arange(m)[:, None] * s + np.arange(k) * d
        for m, s, k, d in zip(counts, stride, kernel, dilation, strict=True)
    ]
    pick = (at[0][:, None, :, None], at[1][None, :, None, :])
    return wide[(..., *pick)], kind[pick], (pick[0] - top, pick[1] - left)


def pool_arguments(kernel_size, stride):
    kernel = pair(kernel_size)
    return kernel, kernel if stride is None else pair(stride)


def max_pool2d(
    x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """The first of the largest; the last NaN, if there is one."""
    kernel, steps = pool_arguments(kernel_size, stride)
    low = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    found, kind, (y, x_) = windows(x, kernel, steps, padding, pair(dilation), ceil_mode, low)
    flat = found.reshape(*found.shape[:4], -1)
    inside = np.broadcast_to((kind == 2).reshape(*kind.shape[:2], -1), flat.shape)
    largest = flat.max(axis=-1, where=inside, initial=low)
    if not return_indices:
        return largest
    equal = inside & (flat == largest[..., None])
    first = np.where(inside, flat.shape[-1] - np.arange(flat.shape[-1]), 0)
    score = np.where(equal, first, 0)
    nan = inside & (flat != flat)
    score = np.where(nan.any(axis=-1, keepdims=True), nan * (1 + np.arange(flat.shape[-1])), score)
    places = np.broadcast_to(y * x.shape[-1] + x_, kind.shape).reshape(*kind.shape[:2], -1)
    best = score.argmax(axis=-1)
    chosen = np.take_along_axis(np.broadcast_to(places, flat.shape), best[..., None], -1)[..., 0]
    return largest, np.where(inside.any(axis=-1), chosen, -1).astype(np.int64)


def max_pool2d_backward(grad, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    _, places = max_pool2d(x, kernel_size, stride, padding, dilation, ceil_mode, True)
    return scattered(grad, places, x.shape)


def scattered(grad, places, shape):
    """Each gradient added to the pixel of its place; a window without a pixel has place -1."""
    result = np.zeros((*shape[:2], shape[2] * shape[3]), grad.dtype)
    n, c = np.ogrid[: shape[0], : shape[1]]
    np.add.at(result, (n[..., None, None], c[..., None, None], places), grad * (places >= 0))
    return result.reshape(shape)


def divisors(kind, count_include_pad, divisor_override):
    if divisor_override:
        return divisor_override
    return (kind >= (1 if count_include_pad else 2)).sum(axis=(-2, -1))


def avg_pool2d(
    x,
    kernel_size,
    stride=None,
    padding=0,
    ceil_mode=False,
    count_include_pad=True,
    divisor_override=None,
):
    kernel, steps = pool_arguments(kernel_size, stride)
    found, kind, _ = windows(x, kernel, steps, padding, (1, 1), ceil_mode, 0)
    by = divisors(kind, count_include_pad, divisor_override)
    return (found.sum(axis=(-2, -1)) / by).astype(x.dtype)


def avg_pool2d_backward(
    grad,
    x,
    kernel_size,
    stride=None,
    padding=0,
    ceil_mode=False,
    count_include_pad=True,
    divisor_override=None,
):
    kernel, steps = pool_arguments(kernel_size, stride)
    _, kind, (y, x_) = windows(x, kernel, steps, padding, (1, 1), ceil_mode, 0)
    share = grad / divisors(kind, count_include_pad, divisor_override)
    result = np.zeros_like(x)
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            for oy in range(grad.shape[2]):
                for ox in range(grad.shape[3]):
                    if kind[oy, ox, i, j] == 2:
                        result[:, :, y[oy, 0, i, 0], x_[0, ox, 0, j]] += share[:, :, oy, ox]
    return result

"""Convolution layers as textbooks write them, for reading and comparing.

A layer is a sum over windows; the same sum is a matrix product, a sparse matrix, or several smaller
layers. Each form is tested against `imgconv.nn.conv2d`.

Arrays are of real numbers. The result is float32 where all arrays are, else float64. ValueError
where the number of axes or of channels does not fit, or the kernel is larger than the image.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from imgconv import geometry
from imgconv.core import check
from imgconv.nn.core import arrays
from imgconv.nn.core.arrays import Array
from imgconv.nn.core.checks import Size
from imgconv.nn.functional import unfold
from imgconv.nn.functional.convolution import conv2d

__all__ = [
    "corr2d",
    "corr2d_matmul",
    "corr2d_multi_in",
    "corr2d_multi_in_out",
    "corr2d_multi_in_out_1x1",
    "depthwise_separable",
    "depthwise_separable_weight",
    "flattened",
    "flattened_weight",
    "matrix",
    "spatially_separable",
]


# ---- correlations of one channel and of several ----------------------------------------------


def corr2d(X: ArrayLike, K: ArrayLike) -> Array:  # noqa: N803
    """Multiply each window of an image with a kernel, and add up.

    Parameters
    ----------
    X : array_like, (H, W)
    K : array_like, (kh, kw)

    Returns
    -------
    ndarray, (H - kh + 1, W - kw + 1)
        Y[y, x] = sum(X[y : y + kh, x : x + kw] * K).

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn.textbook import corr2d
    >>> X, K = np.arange(9.0).reshape(3, 3), np.arange(4.0).reshape(2, 2)
    >>> corr2d(X, K)
    array([[19., 25.],
           [37., 43.]])

    A pixel minus its right neighbour: the edges of a white image with a black bar.

    >>> bar = np.ones((2, 8))
    >>> bar[:, 2:6] = 0
    >>> corr2d(bar, [[1.0, -1.0]])
    array([[ 0.,  1.,  0.,  0.,  0., -1.,  0.],
           [ 0.,  1.,  0.,  0.,  0., -1.,  0.]])
    """
    x, k = _numbers((X, "X", "HW"), (K, "K", "hw"))
    result: Array = conv2d(x[None], k[None, None])[0]
    return result


def corr2d_multi_in(X: ArrayLike, K: ArrayLike) -> Array:  # noqa: N803
    """Correlate each channel with its own kernel, and add up.

    Parameters
    ----------
    X : array_like, (C, H, W)
    K : array_like, (C, kh, kw)
        A kernel for each channel.

    Returns
    -------
    ndarray, (H - kh + 1, W - kw + 1)
        The sum of `corr2d` over channels.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn.textbook import corr2d_multi_in
    >>> X = np.stack([np.arange(9.0).reshape(3, 3), np.arange(1.0, 10.0).reshape(3, 3)])
    >>> K = np.stack([np.arange(4.0).reshape(2, 2), np.arange(1.0, 5.0).reshape(2, 2)])
    >>> corr2d_multi_in(X, K)
    array([[ 56.,  72.],
           [104., 120.]])
    """
    x, k = _numbers((X, "X", "CHW"), (K, "K", "Chw"))
    result: Array = conv2d(x, k[None])[0]
    return result


def corr2d_multi_in_out(X: ArrayLike, K: ArrayLike) -> Array:  # noqa: N803
    """Compute several channels, each with kernels of its own.

    Parameters
    ----------
    X : array_like, (C, H, W)
    K : array_like, (O, C, kh, kw)
        A kernel for each channel of the result and each channel of the image.

    Returns
    -------
    ndarray, (O, H - kh + 1, W - kw + 1)
        `corr2d_multi_in` for each channel of the result.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn.textbook import corr2d_multi_in_out
    >>> X = np.stack([np.arange(9.0).reshape(3, 3), np.arange(1.0, 10.0).reshape(3, 3)])
    >>> K = np.stack([np.arange(4.0).reshape(2, 2), np.arange(1.0, 5.0).reshape(2, 2)])
    >>> corr2d_multi_in_out(X, np.stack([K, K + 1, K + 2]))
    array([[[ 56.,  72.],
            [104., 120.]],
    <BLANKLINE>
           [[ 76., 100.],
            [148., 172.]],
    <BLANKLINE>
           [[ 96., 128.],
            [192., 224.]]])
    """
    x, k = _numbers((X, "X", "CHW"), (K, "K", "OChw"))
    return conv2d(x, k)


def corr2d_multi_in_out_1x1(X: ArrayLike, K: ArrayLike) -> Array:  # noqa: N803
    """Mix the channels of each pixel: a 1x1 layer is a matrix product.

    Parameters
    ----------
    X : array_like, (C, H, W)
    K : array_like, (O, C, 1, 1) or (O, C)
        The matrix.

    Returns
    -------
    ndarray, (O, H, W)
        K times the pixels, each a column of C numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn.textbook import corr2d_multi_in_out, corr2d_multi_in_out_1x1
    >>> rng = np.random.default_rng(1)
    >>> X, K = rng.standard_normal((3, 3, 3)), rng.standard_normal((2, 3, 1, 1))
    >>> bool(np.allclose(corr2d_multi_in_out_1x1(X, K), corr2d_multi_in_out(X, K)))
    True
    """
    k = np.asarray(K)
    x, k = _numbers((X, "X", "CHW"), (k[..., None, None] if k.ndim == 2 else k, "K", "OC11"))
    result: Array = (k[..., 0, 0] @ x.reshape(len(x), -1)).reshape(-1, *x.shape[1:])
    return result


def corr2d_matmul(
    X: ArrayLike,  # noqa: N803
    K: ArrayLike,  # noqa: N803
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
) -> Array:
    """Write each window as a column (im2col), and multiply by the matrix of kernels.

    Parameters
    ----------
    X : array_like, (C, H, W) or (N, C, H, W)
    K : array_like, (O, C, kh, kw)
        The kernels, each a row of C * kh * kw numbers.
    stride, padding, dilation : int or (int, int)
        As in `imgconv.nn.conv2d`.

    Returns
    -------
    ndarray, (O, oh, ow) or (N, O, oh, ow)
        The result of `imgconv.nn.conv2d`.

    Notes
    -----
    The columns contain each pixel kh * kw times: simple, and costly in memory.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import nn
    >>> from imgconv.nn.textbook import corr2d_matmul
    >>> rng = np.random.default_rng(1)
    >>> X, K = rng.standard_normal((2, 7, 8)), rng.standard_normal((3, 2, 3, 3))
    >>> bool(np.allclose(corr2d_matmul(X, K, 2, 1), nn.conv2d(X, K, None, 2, 1)))
    True
    """
    x, k = _numbers((X, "X", "CHW" if np.ndim(X) == 3 else "NCHW"), (K, "K", "OChw"))
    columns = unfold(x, k.shape[2:], dilation, padding, stride)
    product: Array = k.reshape(len(k), -1) @ columns
    return product.reshape(
        *x.shape[:-3], len(k), *_size(x.shape, k.shape, stride, padding, dilation)
    )


# ---- a layer as a matrix ---------------------------------------------------------------------


def matrix(
    kernel: ArrayLike,
    shape: tuple[int, ...],
    *,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> sparse.csr_array:
    """Return a layer as a sparse matrix, which maps all pixels to all results.

    Parameters
    ----------
    kernel : array_like, (kh, kw) or (O, C // groups, kh, kw)
        The kernel of an image without channels, or the weights of a layer.
    shape : (H, W) or (C, H, W)
        Shape of the image.
    stride, padding, dilation : int or (int, int)
        As in `imgconv.nn.conv2d`.
    groups : int
        As in `imgconv.nn.conv2d`.

    Returns
    -------
    scipy.sparse.csr_array
        Of the kernel's dtype. A row for each number of the result, a column for each of the image,
        both in the order of `numpy.ravel`.

    Notes
    -----
    ``matrix(...) @ image.ravel()`` is the layer's result, and its transpose is the transposed
    convolution, which maps the gradient of a result to that of the image.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn.textbook import matrix
    >>> M = matrix([[1.0, 2.0], [3.0, 4.0]], (3, 3))
    >>> M.toarray()
    array([[1., 2., 0., 3., 4., 0., 0., 0., 0.],
           [0., 1., 2., 0., 3., 4., 0., 0., 0.],
           [0., 0., 0., 1., 2., 0., 3., 4., 0.],
           [0., 0., 0., 0., 1., 2., 0., 3., 4.]])
    >>> (M @ np.arange(9.0)).reshape(2, 2)
    array([[27., 37.],
           [57., 67.]])
    >>> (M.T @ np.array([0.0, 1.0, 2.0, 3.0])).reshape(3, 3)
    array([[ 0.,  1.,  2.],
           [ 2., 10., 10.],
           [ 6., 17., 12.]])
    """
    flat = len(shape) == 2
    (k,) = _numbers((kernel, "kernel", "hw" if flat else "OChw"))
    k, shape = (k[None, None], (1, *shape)) if flat else (k, tuple(shape))
    # Unfolding the numbers of pixels, from 1, shows which pixel each tap reads; 0 is padding.
    pixels = np.arange(1, 1 + np.prod(shape, dtype=np.int64), dtype=np.float64).reshape(shape)
    oh, ow = _size(shape, k.shape, stride, padding, dilation)
    if shape[0] != k.shape[1] * groups or len(k) % groups:
        raise ValueError(
            f"kernel must fit {shape[0]} channels in {groups} groups, got shape {k.shape}"
        )
    read = unfold(pixels, k.shape[2:], dilation, padding, stride).astype(np.int64) - 1
    read = read.reshape(groups, -1, oh * ow)
    rows, columns, weights = [], [], []
    for o, taps in enumerate(k.reshape(len(k), -1)):
        of_group = read[o * groups // len(k)]
        places = np.broadcast_to(o * oh * ow + np.arange(oh * ow), of_group.shape)
        inside = of_group >= 0
        rows.append(places[inside])
        columns.append(of_group[inside])
        weights.append(np.broadcast_to(taps[:, None], of_group.shape)[inside])
    entries = np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))
    return sparse.csr_array(entries, shape=(len(k) * oh * ow, pixels.size))


def _size(
    image: tuple[int, ...], kernel: tuple[int, ...], stride: Size, padding: Size, dilation: Size
) -> tuple[int, int]:
    """Return the size of a layer's result."""
    oh, ow = geometry.output_size(
        image[-2:],
        kernel[-2:],
        stride=check.integers(stride, "stride", 1),
        padding=check.integers(padding, "padding", 0),
        dilation=check.integers(dilation, "dilation", 1),
    )
    return oh, ow


# ---- a layer as several smaller ones ---------------------------------------------------------


def spatially_separable(input: ArrayLike, column: ArrayLike, row: ArrayLike) -> Array:
    """Run a column kernel, then a row kernel, on each channel: 3x3 = 3x1 + 1x3.

    Parameters
    ----------
    input : array_like, (C, H, W) or (N, C, H, W)
    column, row : array_like, (kh,) and (kw,)
        The two factors.

    Returns
    -------
    ndarray
        The result of one layer with the kernel ``outer(column, row)``, by kh + kw products for each
        pixel instead of kh * kw.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import kernels
    >>> from imgconv.nn.textbook import corr2d, spatially_separable
    >>> X = np.random.default_rng(1).random((1, 6, 7))
    >>> (column,), (row,) = kernels.separate(kernels.sobel(1))
    >>> at_once = corr2d(X[0], kernels.sobel(1))
    >>> bool(np.allclose(spatially_separable(X, column, row), at_once))
    True
    """
    x, down, along = _numbers(
        (input, "input", "CHW" if np.ndim(input) == 3 else "NCHW"),
        (column, "column", "h"),
        (row, "row", "w"),
    )
    channels = x.shape[-3]
    down = np.broadcast_to(down[:, None], (channels, 1, len(down), 1))
    along = np.broadcast_to(along, (channels, 1, 1, len(along)))
    return conv2d(conv2d(x, down, groups=channels), along, groups=channels)


def depthwise_separable(
    input: ArrayLike,
    depthwise: ArrayLike,
    pointwise: ArrayLike,
    stride: Size = 1,
    padding: Any = 0,
    dilation: Size = 1,
) -> Array:
    """Filter each channel by itself, then mix them: depthwise + 1x1.

    Parameters
    ----------
    input : array_like, (C, H, W) or (N, C, H, W)
    depthwise : array_like, (C, kh, kw)
        A kernel for each channel.
    pointwise : array_like, (O, C)
        The matrix that mixes them.
    stride, padding, dilation : int or (int, int)
        Of the depthwise layer, as in `imgconv.nn.conv2d`.

    Returns
    -------
    ndarray
        The result of one layer with the weights of `depthwise_separable_weight`, by kh * kw + O
        products for each pixel and channel instead of kh * kw * O.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import nn
    >>> from imgconv.nn.textbook import depthwise_separable, depthwise_separable_weight
    >>> rng = np.random.default_rng(1)
    >>> X = rng.standard_normal((4, 9, 9))
    >>> parts = rng.standard_normal((4, 3, 3)), rng.standard_normal((8, 4))
    >>> one = nn.conv2d(X, depthwise_separable_weight(*parts))
    >>> bool(np.allclose(depthwise_separable(X, *parts), one))
    True
    """
    x, deep, mix = _numbers(
        (input, "input", "CHW" if np.ndim(input) == 3 else "NCHW"),
        (depthwise, "depthwise", "Chw"),
        (pointwise, "pointwise", "OC"),
    )
    filtered = conv2d(x, deep[:, None], None, stride, padding, dilation, groups=len(deep))
    return conv2d(filtered, mix[:, :, None, None])


def depthwise_separable_weight(depthwise: ArrayLike, pointwise: ArrayLike) -> Array:
    """Return the weights of one layer that is equal to a depthwise separable one.

    Parameters
    ----------
    depthwise : array_like, (C, kh, kw)
        A kernel for each channel.
    pointwise : array_like, (O, C)
        The matrix that mixes them.

    Returns
    -------
    ndarray, (O, C, kh, kw)
        pointwise[o, c] * depthwise[c].

    Examples
    --------
    >>> from imgconv.nn.textbook import depthwise_separable_weight
    >>> depthwise_separable_weight([[[1.0, 2.0]]], [[3.0], [4.0]]).tolist()
    [[[[3.0, 6.0]]], [[[4.0, 8.0]]]]
    """
    deep, mix = _numbers((depthwise, "depthwise", "Chw"), (pointwise, "pointwise", "OC"))
    return mix[:, :, None, None] * deep


def flattened(input: ArrayLike, lateral: ArrayLike, column: ArrayLike, row: ArrayLike) -> Array:
    """Run three 1-D layers: across channels, down the columns, along the rows.

    Parameters
    ----------
    input : array_like, (C, H, W) or (N, C, H, W)
    lateral : array_like, (O, C)
        Weights of the image's channels, for each channel of the result.
    column, row : array_like, (O, kh) and (O, kw)
        A column and a row for each channel of the result.

    Returns
    -------
    ndarray
        The result of one layer with the weights of `flattened_weight`, by C + kh + kw products for
        each number instead of C * kh * kw.

    Notes
    -----
    J. Jin, A. Dundar, E. Culurciello, "Flattened convolutional neural networks for feedforward
    acceleration", 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import nn
    >>> from imgconv.nn.textbook import flattened, flattened_weight
    >>> rng = np.random.default_rng(1)
    >>> X = rng.standard_normal((4, 9, 9))
    >>> parts = [rng.standard_normal((8, n)) for n in (4, 3, 5)]
    >>> bool(np.allclose(flattened(X, *parts), nn.conv2d(X, flattened_weight(*parts))))
    True
    """
    x, across, down, along = _numbers(
        (input, "input", "CHW" if np.ndim(input) == 3 else "NCHW"),
        (lateral, "lateral", "OC"),
        (column, "column", "Oh"),
        (row, "row", "Ow"),
    )
    outs = len(across)
    mixed = conv2d(x, across[:, :, None, None])
    mixed = conv2d(mixed, down[:, None, :, None], groups=outs)
    return conv2d(mixed, along[:, None, None, :], groups=outs)


def flattened_weight(lateral: ArrayLike, column: ArrayLike, row: ArrayLike) -> Array:
    """Return the weights of one layer that is equal to a flattened one.

    Parameters
    ----------
    lateral : array_like, (O, C)
        Weights of the image's channels, for each channel of the result.
    column, row : array_like, (O, kh) and (O, kw)
        A column and a row for each channel of the result.

    Returns
    -------
    ndarray, (O, C, kh, kw)
        lateral[o, c] * column[o, i] * row[o, j].

    Examples
    --------
    >>> from imgconv.nn.textbook import flattened_weight
    >>> flattened_weight([[2.0]], [[1.0, 2.0]], [[1.0, 3.0]]).tolist()
    [[[[2.0, 6.0], [4.0, 12.0]]]]
    """
    across, down, along = _numbers(
        (lateral, "lateral", "OC"), (column, "column", "Oh"), (row, "row", "Ow")
    )
    return across[:, :, None, None] * down[:, None, :, None] * along[:, None, None, :]


# ---- arguments -------------------------------------------------------------------------------


def _numbers(*named: tuple[ArrayLike, str, str]) -> list[Array]:
    """Return arrays of one float dtype; `named` are an array, its name and its axes, as "CHW".

    A letter is the same size in all arrays; 1 is a size of 1.
    """
    found = [np.asarray(array) for array, _, _ in named]
    single = all(array.dtype == np.float32 for array in found)
    sizes: dict[str, int] = {"1": 1}
    for array, (_, name, axes) in zip(found, named, strict=True):
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{name} must hold real numbers, got {array.dtype}")
        if array.ndim != len(axes):
            raise ValueError(f"{name} must have axes ({', '.join(axes)}), got shape {array.shape}")
        for axis, n in zip(axes, array.shape, strict=True):
            if sizes.setdefault(axis, n) != n:
                raise ValueError(
                    f"{name} must have {axis} = {sizes[axis]}, got shape {array.shape}"
                )
    return [array.astype(arrays.FLOATS[not single], copy=False) for array in found]

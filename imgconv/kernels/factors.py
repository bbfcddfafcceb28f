"""Kernels made of other kernels: flipped, or taken apart into 1-D factors."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgconv.core.check import value_error
from imgconv.kernels.arguments import real


def flip(kernel: ArrayLike) -> NDArray[Any]:
    """Rotate a kernel by 180 degrees: correlation with the result is convolution with the kernel.

    Parameters
    ----------
    kernel : array_like, (kh, kw)
        Of any dtype.

    Returns
    -------
    ndarray, (kh, kw)
        A copy of the same dtype, reversed along both axes.

    Raises
    ------
    ValueError
        If kernel is not 2-D or has no weight.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.flip([[1, 2], [3, 4]])
    array([[4, 3],
           [2, 1]])
    """
    return not_empty_2d(kernel)[::-1, ::-1].copy()


def separate(kernel: ArrayLike, tol: float | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Fewest pairs of 1-D kernels whose products add up to a kernel.

    Parameters
    ----------
    kernel : array_like, (kh, kw)
        Real or complex.
    tol : float, optional
        Singular values up to `tol` times the largest are dropped. The default, 4 eps max(kh, kw),
        drops only what is rounding in float64; a larger one approximates.

    Returns
    -------
    columns : ndarray, (r, kh), float64 or complex128
    rows : ndarray, (r, kw), float64 or complex128
        ``columns.T @ rows`` is the kernel. The pair with the largest share comes first; a kernel of
        zeros has no pair (r = 0).

    Raises
    ------
    ValueError
        If kernel is not 2-D, has no weight or one that is not finite, or tol is negative.

    Notes
    -----
    The singular value decomposition, which gives the best approximation of each rank. Each singular
    value is shared evenly between column and row, and the largest weight of each row is positive.
    Two passes cost r (kh + kw) operations a pixel instead of kh kw. `imgconv.correlate` finds exact
    terms by itself; use this to approximate a kernel by fewer. Source: C. Eckart, G. Young, "The
    approximation of one matrix by another of lower rank", Psychometrika 1, 1936.

    Examples
    --------
    >>> from imgconv import kernels
    >>> columns, rows = kernels.separate([[1, 2, 1], [2, 4, 2], [1, 2, 1]])
    >>> columns.round(6), rows.round(6)
    (array([[1., 2., 1.]]), array([[1., 2., 1.]]))
    """
    left, singular, right = np.linalg.svd(finite_2d(kernel), full_matrices=False)
    rank = count_above(singular, np.shape(kernel), tol)
    share = np.sqrt(singular[:rank, np.newaxis])
    columns, rows = left.T[:rank] * share, right[:rank] * share
    largest = np.take_along_axis(rows, np.abs(rows).argmax(axis=1, keepdims=True), axis=1)
    phase = largest / np.abs(largest)
    return columns * phase, rows * phase.conj()


def separable_rank(kernel: ArrayLike, tol: float | None = None) -> int:
    """Count the pairs of 1-D kernels that `separate` finds: 1 for a separable kernel.

    Parameters
    ----------
    kernel, tol : see `separate`.

    Returns
    -------
    int
        0 for a kernel of zeros.

    Examples
    --------
    >>> from imgconv import kernels
    >>> kernels.separable_rank(kernels.sobel(0)), kernels.separable_rank(kernels.laplacian())
    (1, 2)
    """
    singular = np.linalg.svd(finite_2d(kernel), compute_uv=False)
    return count_above(singular, np.shape(kernel), tol)


def count_above(
    singular: NDArray[np.floating[Any]], shape: tuple[int, ...], tol: float | None
) -> int:
    """Return how many singular values of a kernel of this shape are not dropped."""
    tol = 4 * np.finfo(np.float64).eps * max(shape) if tol is None else real("tol", tol)
    return int(np.count_nonzero(singular > tol * singular[0]))


def finite_2d(kernel: ArrayLike) -> NDArray[Any]:
    """Return a kernel as float64 or complex128, which must be finite."""
    array = not_empty_2d(kernel)
    array = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
    if not np.isfinite(array).all():
        raise value_error(f"kernel must be finite, got {array[~np.isfinite(array)][0]}")
    return array


def not_empty_2d(kernel: ArrayLike) -> NDArray[Any]:
    """Return a kernel as an array, which must be 2-D and have a weight."""
    array = np.asarray(kernel)
    if array.ndim != 2 or array.size == 0:
        raise value_error(f"kernel must be 2-D and not empty, got shape {array.shape}")
    return array

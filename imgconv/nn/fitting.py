"""The kernel that maps one set of images to another, found from examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from imgconv.core import check

__all__ = ["Fit", "fit_kernel"]

Array = NDArray[np.float64]

# Numbers of the equations that are made and solved at once: 4 MB, which the cache holds.
NUMBERS = 1 << 19


class Fit(NamedTuple):
    """The kernel that `fit_kernel` has found.

    Attributes
    ----------
    kernel : ndarray, (kh, kw) or (O, C, kh, kw)
        The weights, float64.
    residual : float
        Root of the mean square of the differences between its results and the outputs.
    """

    kernel: Array
    residual: float


def fit_kernel(
    inputs: ArrayLike | Sequence[ArrayLike],
    outputs: ArrayLike | Sequence[ArrayLike],
    kernel_size: int | tuple[int, int],
    *,
    method: str = "direct",
    steps: int = 1000,
    lr: float | None = None,
    momentum: float | None = None,
    watch: Callable[[int, Array, float], Any] | None = None,
) -> Fit:
    """Find the kernel that best maps one set of images to another.

    Parameters
    ----------
    inputs : array_like, (H, W), (C, H, W) or (N, C, H, W), or a list of such arrays
        The images, of any real dtype; those of a list may differ in size.
    outputs : array_like, (H, W), (O, H, W) or (N, O, H, W), or a list of such arrays
        Their correlations with the kernel: as large as the inputs, each pixel under the middle of
        the kernel (k // 2, as in `imgconv.correlate`), or only the pixels where the kernel fits.
    kernel_size : int or (int, int)
        Height and width of the kernel.
    method : {"direct", "descent"}
        Solve the least-squares problem, or descend along its gradient, from zeros.
    steps : int
        Number of steps of the descent.
    lr : float, optional
        Factor of the gradient of the mean square in each step. By default one over the largest
        curvature.
    momentum : float, optional
        Factor of the previous step (Nesterov's momentum); 0 is none. By default the best for the
        condition of these images.
    watch : callable, optional
        Called in each step with its number, the kernel and the residual so far.

    Returns
    -------
    Fit
        The kernel, (kh, kw) where images have no channels, else (O, C, kh, kw) as `conv2d` takes
        it; and the residual.

    Raises
    ------
    ValueError
        If the numbers or shapes of inputs and outputs do not fit each other or the kernel, or an
        image contains NaN or infinity.

    Notes
    -----
    Only pixels whose whole window lies in the image count, so that no border is assumed. "direct"
    factorizes the system of one equation for each pixel by QR, some thousand rows at a time, and
    takes the solution of smallest norm where the images do not determine all weights. "descent"
    follows the gradient of the same problem; it is slow for smooth images, in which neighbouring
    weights have nearly the same effect.

    Examples
    --------
    A white image with a black bar, and its edges, which are differences of neighbours:

    >>> import numpy as np
    >>> from imgconv.nn import fit_kernel
    >>> from imgconv.nn.textbook import corr2d
    >>> X = np.ones((6, 8))
    >>> X[:, 2:6] = 0
    >>> fit = fit_kernel(X, corr2d(X, [[1.0, -1.0]]), (1, 2))
    >>> fit.kernel.round(6), round(fit.residual, 6)
    (array([[ 1., -1.]]), 0.0)
    """
    kernel = check.integers(kernel_size, "kernel_size", 1)
    check.choice(method, ("direct", "descent"), "method")
    examples = _examples(inputs, outputs)
    flat = examples[0][0].ndim == examples[0][1].ndim == 2
    system = _system([_valid(x, y, kernel) for x, y in examples], kernel)

    def shaped(weights: Array) -> Array:
        found = np.ascontiguousarray(weights.T).reshape(weights.shape[1], -1, *kernel)
        return found[0, 0] if flat else found

    if method == "direct":
        weights = np.asarray(np.linalg.lstsq(system.matrix, system.target, rcond=None)[0])
    else:
        weights = np.zeros((system.matrix.shape[1], system.target.shape[1]))
        options = _step_and_momentum(system, lr, momentum)
        for step, weights in _descent(system, check.at_least(steps, "steps", 1), *options):
            if watch is not None:
                watch(step, shaped(weights), system.residual(weights))
    return Fit(shaped(weights), system.residual(weights))


class System(NamedTuple):
    """Least squares, one equation for each pixel, reduced by QR: matrix @ weights = target.

    `rest` is the sum of squares that remains for any weights, `total` the number of all equations.
    """

    matrix: Array
    target: Array
    rest: float
    total: int

    def residual(self, weights: Array) -> float:
        """Return the root of the mean square of all differences."""
        squares = np.sum((self.matrix @ weights - self.target) ** 2) + self.rest
        return float(np.sqrt(squares / self.total))


def _system(pairs: list[tuple[Array, Array]], kernel: tuple[int, int]) -> System:
    """Return the system of all equations, reduced some thousand at a time."""
    channels = {(len(x), len(y)) for x, y in pairs}
    if len(channels) != 1:
        raise ValueError(f"images must have one number of channels, got {sorted(channels)}")
    ((ins, outs),) = channels
    taps = ins * kernel[0] * kernel[1]
    triangle, count = np.zeros((0, taps + outs)), 0
    for rows in (rows for x, y in pairs for rows in _equations(x, y, kernel)):
        triangle = np.asarray(np.linalg.qr(np.concatenate([triangle, rows]), mode="r"))
        count += len(rows) * outs
    if len(triangle) < taps + outs:
        triangle = np.pad(triangle, ((0, taps + outs - len(triangle)), (0, 0)))
    rest = float(np.sum(triangle[taps:, taps:] ** 2))
    return System(triangle[:taps, :taps], triangle[:taps, taps:], rest, count)


def _equations(x: Array, y: Array, kernel: tuple[int, int]) -> Iterator[Array]:
    """Yield some thousand rows at once, one for each pixel: its window, then its outputs."""
    windows = sliding_window_view(x, kernel, axis=(1, 2)).transpose(1, 2, 0, 3, 4)
    targets = y.transpose(1, 2, 0)
    taps, outs = x.shape[0] * kernel[0] * kernel[1], y.shape[0]
    some_rows = max(1, NUMBERS // (windows.shape[1] * (taps + outs)))
    for top in range(0, len(windows), some_rows):
        here = slice(top, top + some_rows)
        left, right = windows[here].reshape(-1, taps), targets[here].reshape(-1, outs)
        yield np.concatenate([left, right], axis=1)


def _step_and_momentum(
    system: System, lr: float | None, momentum: float | None
) -> tuple[float, float]:
    """Return step and momentum: as given, or the best for a problem of this condition."""
    singular = np.linalg.svd(system.matrix, compute_uv=False)
    singular = singular[singular > singular[0] * np.finfo(float).eps * len(singular)]
    if not len(singular):
        return 0.0, 0.0
    if lr is None:
        lr = system.total / (2 * singular[0] ** 2)
    if momentum is None:
        ratio = singular[-1] / singular[0]
        momentum = (1 - ratio) / (1 + ratio)
    return check.positive(lr, "lr"), check.finite(momentum, "momentum")


def _descent(system: System, steps: int, lr: float, momentum: float) -> Iterator[tuple[int, Array]]:
    """Yield the weights of each step along the gradient of the mean square."""
    weights = previous = np.zeros((system.matrix.shape[1], system.target.shape[1]))
    for step in range(1, steps + 1):
        ahead = weights + momentum * (weights - previous)
        gradient = 2 / system.total * (system.matrix.T @ (system.matrix @ ahead - system.target))
        previous, weights = weights, ahead - lr * gradient
        yield step, weights


def _examples(inputs: Any, outputs: Any) -> list[tuple[Array, Array]]:
    """Return pairs of one input and its output."""
    pairs = []
    for name, images in (("inputs", inputs), ("outputs", outputs)):
        several = isinstance(images, (list, tuple)) and isinstance(
            next(iter(images), 0), np.ndarray
        )
        listed = [check.image(image, name) for image in (images if several else [images])]
        for image in listed:
            if not 2 <= image.ndim <= 4:
                rule = "shape (H, W), (C, H, W) or (N, C, H, W)"
                raise ValueError(f"{name} must have {rule}, got {image.shape}")
            if not np.isfinite(image).all():
                raise ValueError(f"{name} must be finite")
        singles = [single for image in listed for single in (image if image.ndim == 4 else [image])]
        pairs.append([single.astype(np.float64) for single in singles])
    xs, ys = pairs
    if len(xs) != len(ys) or not xs:
        raise ValueError(f"inputs and outputs must be as many, got {len(xs)} and {len(ys)}")
    return list(zip(xs, ys, strict=True))


def _valid(x: Array, y: Array, kernel: tuple[int, int]) -> tuple[Array, Array]:
    """Return an input, and its output where the kernel fits, both with channels."""
    (h, w), (kh, kw) = x.shape[-2:], kernel
    oh, ow = h - kh + 1, w - kw + 1
    if oh < 1 or ow < 1:
        raise ValueError(f"kernel_size must fit into the images, got {kernel} for {(h, w)}")
    if y.shape[-2:] == (h, w):
        y = y[..., kh // 2 : kh // 2 + oh, kw // 2 : kw // 2 + ow]
    if y.shape[-2:] != (oh, ow):
        raise ValueError(
            f"outputs must have the size of the inputs {(h, w)} or {(oh, ow)}, where the kernel "
            f"fits, got {y.shape[-2:]}"
        )
    return x.reshape(-1, h, w), y.reshape(-1, oh, ow)

"""Templates: how much the pixels under a window are like those of a small image."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from imgconv.core import border, check
from imgconv.core.call import Several, filtering
from imgconv.core.decide import place
from imgconv.core.pixels import contiguous
from imgconv.filters.arguments import Image, Mode
from imgconv.filters.linear import correlate
from imgconv.filters.planes import by_plane, single_call
from imgconv.operations.base import DType, pixels
from imgconv.operations.templates import compare as compare_windows

__all__ = ["match"]

METHODS = ("zncc", "ncc", "ssd", "correlation")
SHAPES = ("valid", "same", "full")

# Pixels that are compared at once; rows of these whose sums are in float64, if there is a mask.
STRIPE = 1 << 19
MASKED_ROWS = 128

# A window whose variance is a smaller part of its mean square is flat: rounding leaves as much.
FLAT = 64 * np.finfo(np.float64).eps


@filtering
def match(
    image: ArrayLike,
    template: ArrayLike,
    *,
    method: str = "zncc",
    shape: str = "valid",
    mask: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Several[Image]:
    """Compare a template with the pixels at each place of an image.

    Parameters
    ----------
    image : array_like, (H, W)
    template : array_like, (h, w)
        The pixels to look for.
    method : {"zncc", "ncc", "ssd", "correlation"}
        Correlation of what differs from the means, divided by both norms; correlation of the pixels
        themselves, divided by both norms; sum of squared differences; plain correlation.
    shape : {"valid", "same", "full"}
        The places: those where the template lies inside the image; those where its centre
        (h // 2, w // 2) does; those where it touches the image.
    mask : array_like, (h, w), optional
        Which pixels of the template count, as bool.
    mode, cval, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the computing dtype, (H - h + 1, W - w + 1) for "valid"
        "zncc" and "ncc" are from -1 to 1, and 0 where the window or the template is flat ("zncc")
        or 0 everywhere ("ncc").

    Raises
    ------
    ValueError
        If the template is empty, or larger than the image with shape "valid"; if mask has another
        shape than the template, or no pixel that counts.

    Notes
    -----
    The sums of products are `correlate`'s, by whichever method is fastest. Those of a window's
    pixels and their squares are in float64, of distances to a value amid the image: so they do not
    cancel. "zncc" is `skimage.feature.match_template` and OpenCV's TM_CCOEFF_NORMED, "ncc" its
    TM_CCORR_NORMED, "ssd" its TM_SQDIFF. Source: J. P. Lewis, "Fast normalized cross-correlation",
    Vision Interface, 1995.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import match
    >>> image = np.random.default_rng(0).random((40, 50))
    >>> found = match(image, 2 * image[10:18, 20:30] + 5)
    >>> print(found.shape, *map(int, np.unravel_index(found.argmax(), found.shape)))
    (33, 41) 10 20
    """
    array = check.image(image)
    layout = check.layout(array.ndim, axes, channel_axis)
    checked = check.choice(method, METHODS, "method")
    weights = check.kernel(template, 2, "template")
    counts = np.ones(weights.shape) if mask is None else counting(mask, weights.shape)
    size = array.shape[layout.y], array.shape[layout.x]
    where = check.choice(shape, SHAPES, "shape")
    if where == "valid" and any(k > n for k, n in zip(weights.shape, size, strict=True)):
        raise check.value_error(
            f"template must not be larger than the image with shape 'valid', "
            f"got {weights.shape} and {size}"
        )
    correlation = single_call(
        correlate, array, counts * weights, shape=where, mode=mode, cval=cval, axes=axes,
        channel_axis=channel_axis, dtype=dtype, out=out,
    )  # fmt: skip
    planned = correlation.plan()
    windows, result_size = place(correlation.operation, size, where)
    computed = pixels(array.dtype, 0).float_type
    modes, outside = check.modes(mode), check.number(cval, "cval")
    wanted = Template(weights, counts, checked)

    def fill(plane: Image, target: Image) -> None:
        if where != "valid":
            ends = [
                (-axis.before, n - axis.before + axis.span - 1)
                for axis, n in zip(windows, result_size, strict=True)
            ]
            plane = extended(plane, ends, modes, outside)
        compare(plane, wanted, target)

    def runs(image: Image) -> Image:
        return by_plane(image, layout, result_size, computed, planned.dtype, out, fill)

    return Several(
        array, runs, (correlation._replace(dtype=None, out=None),), planned.shape, planned.dtype,
        f"{checked}: sums of each window, in float64", WHOLE, repeatable=False,
    )  # fmt: skip


WHOLE = "its windows are compared in stripes of the whole image"


class Template(NamedTuple):
    """What an image is compared with, how, and which pixels count."""

    pixels: NDArray[np.float64]
    counts: NDArray[np.float64]
    method: str

    def kernel(self, centre: float) -> NDArray[np.float64]:
        """Return what the pixels are multiplied by."""
        if self.method == "zncc":
            kernel = self.counts * (self.pixels - np.average(self.pixels, weights=self.counts))
            is_flat = np.sum(kernel * kernel) <= FLAT * np.sum(self.counts * self.pixels**2)
            return kernel * 0 if is_flat else kernel
        return self.counts * (self.pixels - centre) * (-2 if self.method == "ssd" else 1)


def counting(mask: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return 1 for the pixels of a template that count, 0 for the others."""
    counts = np.asarray(mask, np.bool_)
    if counts.shape != shape:
        raise check.value_error(f"mask must have shape {shape}, got {counts.shape}")
    if not counts.any():
        raise check.value_error("mask must have a pixel that counts, got none")
    return counts.astype(np.float64)


def extended(
    plane: Image, ends: list[tuple[int, int]], modes: tuple[str, str], cval: float
) -> Image:
    """Return the pixels from a first to a last row and column, beyond the border, too."""
    for axis, ((first, last), mode) in enumerate(zip(ends, modes, strict=True)):
        sources = border.sources(np.arange(first, last), plane.shape[axis], mode)
        outside = sources < 0
        plane = np.take(plane, sources, axis=axis, mode="wrap")
        if outside.any():
            plane = plane.astype(np.result_type(plane.dtype, pixels(plane.dtype, 0).float_type))
            np.moveaxis(plane, axis, 0)[outside] = cval
    return plane


def compare(plane: Image, template: Template, target: Image) -> None:
    """Fill the comparison with all windows inside a plane."""
    centre = amid(plane) if template.method in ("zncc", "ssd") else 0.0
    kernel = template.kernel(centre)
    each = compare_whole if template.counts.all() else compare_masked
    height = template.pixels.shape[0]
    rows = max(STRIPE // plane.shape[1], 2 * height)
    for top in range(0, len(target), rows):
        part = target[top : top + rows]
        stripe = centred(plane[top : top + len(part) + height - 1], centre, target.dtype)
        if template.method == "correlation":
            correlate(stripe, kernel, shape="valid", out=part)
        else:
            each(stripe, template, kernel, part)


def centred(rows: Image, centre: float, dtype: DType) -> Image:
    """Return pixels less a number, C-contiguous; they are the same array if nothing changes."""
    if centre == 0:
        return contiguous(rows, dtype)
    less: Image = np.subtract(rows, dtype.type(centre), dtype=dtype, order="C", casting="unsafe")
    return less


def compare_whole(
    stripe: Image, template: Template, kernel: NDArray[np.float64], target: Image
) -> None:
    """Fill the comparison of centred pixels with a template all of whose pixels count."""
    in_rows = target.strides[1] == target.itemsize
    results = target if in_rows else np.empty(target.shape, target.dtype)
    correlate(stripe, kernel, shape="valid", out=results)
    square = float(np.sum(kernel * kernel)) / (4 if template.method == "ssd" else 1)
    compare_windows(stripe, results, template.pixels.shape, template.method, square, FLAT)
    if not in_rows:
        target[...] = results


def compare_masked(
    stripe: Image, template: Template, kernel: NDArray[np.float64], target: Image
) -> None:
    """Fill the comparison of centred pixels with those of a template that count."""
    correlate(stripe, kernel, shape="valid", out=target)
    height = template.pixels.shape[0]
    rows = max(MASKED_ROWS, height)
    sums = Sums(template, (rows + height - 1, stripe.shape[1]))
    for top in range(0, len(target), rows):
        part = target[top : top + rows]
        sums.load(stripe[top : top + len(part) + height - 1])
        part[...] = COMPARED[template.method](part, sums, kernel)


def amid(plane: Image) -> float:
    """Return an integer between the smallest and the largest pixel, 0 if they are not finite."""
    if plane.dtype.kind == "b":
        return 0.0
    low, high = (float(find(plane, axis=None)) for find in (np.fmin.reduce, np.fmax.reduce))
    middle = low / 2 + high / 2
    return float(np.rint(middle)) if np.isfinite(middle) else 0.0


class Sums:
    """Sums over the pixels of all windows of a stripe that count, in float64.

    All stripes share the memory: new memory would take longer than what is computed in it.
    """

    def __init__(self, template: Template, size: tuple[int, int]) -> None:
        self.counts, self.rows = template.counts, 0
        self.count = float(template.counts.sum())
        self.memory = np.empty(size), np.empty(size)

    def load(self, stripe: Image) -> None:
        """Store the pixels of a stripe."""
        self.rows = len(stripe)
        self.memory[0][: self.rows] = stripe

    def mean(self) -> Image:
        """Return the means of the pixels that count."""
        return self.mean_of(self.memory[0][: self.rows])

    def mean_square(self) -> Image:
        """Return the means of their squares."""
        pixels, squares = (memory[: self.rows] for memory in self.memory)
        return self.mean_of(np.multiply(pixels, pixels, out=squares))

    def mean_of(self, image: Image) -> Image:
        """Return the mean of the pixels that count, under all windows."""
        return correlate(image, self.counts / self.count, shape="valid")


def zncc(products: Image, sums: Sums, kernel: NDArray[np.float64]) -> Image:
    """sum((I - mean) * (T - mean)) / sqrt(sum((I - mean)**2) * sum((T - mean)**2))."""
    mean, square = sums.mean(), sums.mean_square()
    np.multiply(mean, mean, out=mean)
    variance = np.subtract(square, mean, out=mean)
    square *= FLAT
    variance[variance <= square] = 0
    variance *= np.sum(kernel * kernel) * sums.count
    return ratio(products, variance)


def ncc(products: Image, sums: Sums, kernel: NDArray[np.float64]) -> Image:
    """sum(I * T) / sqrt(sum(I**2) * sum(T**2))."""
    square = sums.mean_square()
    square *= sums.count * np.sum(kernel * kernel)
    return ratio(products, square)


def ssd(products: Image, sums: Sums, kernel: NDArray[np.float64]) -> Image:
    """sum(I**2) - 2 * sum(I * T) + sum(T**2), of distances to a centre; the kernel is -2 * T."""
    square = sums.mean_square()
    square *= sums.count
    square += products
    square += np.sum(kernel * kernel) / 4
    return np.maximum(square, 0, out=square)


COMPARED: dict[str, Callable[[Image, Sums, NDArray[np.float64]], Image]] = {
    "zncc": zncc,
    "ncc": ncc,
    "ssd": ssd,
}


def ratio(products: Image, squares: Image) -> Image:
    """Return products / sqrt(squares), within -1 and 1; 0 where the squares are 0."""
    norm = np.sqrt(squares, out=squares)
    flat = norm == 0
    norm[flat] = 1
    found = np.divide(products, norm, out=norm)
    found[flat] = 0
    return np.clip(found, -1, 1, out=found)

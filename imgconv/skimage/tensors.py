"""Tensors, corners and shapes of `skimage.feature`, by the passes that it takes.

scikit-image extends the image again for each pass; here SciPy's passes run in imgconv's engine.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from imgconv import ndimage
from imgconv.core.run import Call
from imgconv.face_arguments import Image, border, real_image
from imgconv.fallback import FallBack
from imgconv.filters import tensors
from imgconv.filters.canny import skimage_float
from imgconv.operations.differences import second_differences, turning
from imgconv.operations.tensors import Tensors, combined
from imgconv.skimage.arguments import as_float, boolean, number, pair_yx, real_array, skimage_face

__all__ = [
    "corner_harris",
    "corner_kitchen_rosenfeld",
    "corner_shi_tomasi",
    "hessian_matrix",
    "hessian_matrix_eigvals",
    "shape_index",
    "structure_tensor",
    "structure_tensor_eigenvalues",
]

FEATURE = "skimage.feature"


def float_image(image: object) -> Image:
    """Return a plane as the floats that scikit-image filters."""
    array = real_image(image)
    if array.ndim != 2:
        raise FallBack("shape")
    if array.dtype.kind == "f":
        return array.astype(skimage_float(array.dtype), copy=False)
    return as_float(array)


@skimage_face(FEATURE)
def hessian_matrix(
    image: Image,
    sigma: Any = 1,
    mode: str = "constant",
    cval: float = 0,
    order: str = "rc",
    use_gaussian_derivatives: bool | None = None,
) -> list[Image]:
    """Return the second derivatives of a smoothed image."""
    array, sigmas = float_image(image), pair_yx(sigma, "sigma")
    if use_gaussian_derivatives is None:
        raise FallBack("a warning")
    step = 1 if axis_order(order) == "rc" else -1
    common: dict[str, Any] = {"mode": border(mode), "cval": number(cval, "cval")}
    if boolean(use_gaussian_derivatives, "use_gaussian_derivatives"):
        operation = tensors.hessian_operation(sigmas, "tensor") if is_usual(sigmas) else None
        mixed = (0, 1)[::step]
        return list(curved(array, sigmas, common, operation, mixed)[::step])
    if order == "rc":
        return list(differences(array, sigmas, common))
    # Slopes along x are taken first.
    parts = second_differences(smoothed(array, sigmas, common).T.copy())
    return [np.ascontiguousarray(part.T) for part in parts]


def differences(
    array: Image, sigmas: tuple[float, float], common: dict[str, Any], response: str = "tensor"
) -> Image:
    """Return differences of differences of a smoothed plane, or what is made of them."""
    return second_differences(smoothed(array, sigmas, common), response)


def smoothed(array: Image, sigmas: tuple[float, float], common: dict[str, Any]) -> Image:
    """Return a plane that is smoothed, and has the two pixels that a difference needs."""
    if min(array.shape) < 2:
        raise FallBack("shape")
    return np.ascontiguousarray(ndimage.gaussian_filter(array, sigmas, **common))


# First derivatives along y and x.
ORDERS = ([1, 0], [0, 1])

# scikit-image cuts narrow Gaussians at 100 standard deviations. What is further away than these has
# less than 1e-19 of the weight; to add it up takes ten times as long as the rest.
TRUNCATE = 9.5
# Images are wide if they have more than so many times the pixels that the border changes.
WIDE = 6


def curved(
    array: Image,
    sigma: tuple[float, float],
    common: dict[str, Any],
    operation: Tensors | None,
    mixed: tuple[int, ...] = (0, 1),
) -> Image:
    """Return what an operation makes of second derivatives, by one pass away from the border.

    Each derivative is two passes of first ones, the mixed one along these axes. Without an
    operation, only these passes are made.
    """
    truncate = 8 if min(sigma) > 1 else TRUNCATE if np.isfinite(array).all() else 100
    options = {"sigma": [s * math.sqrt(0.5) for s in sigma], "truncate": truncate, **common}
    passes = partial(second_derivatives, options=options, mixed=mixed)
    if operation is None:
        return passes(array)
    reach = [2 * int(truncate * s + 0.5) for s in options["sigma"]]
    return with_rims(array, reach, common["mode"], operation, passes)


def is_usual(sigma: tuple[float, float]) -> bool:
    """Whether standard deviations are positive numbers."""
    return all(0 < each < math.inf for each in sigma)


def with_rims(
    array: Image,
    reach: Sequence[int],
    mode: str,
    operation: Tensors,
    passes: Callable[[Image], Image],
) -> Image:
    """Return an operation's response to tensors, which are those of `passes` near the border."""

    def exact(image: Image) -> Image:
        factor = operation.factors[0]
        return responses(passes(image), operation.response, operation.numbers, factor)

    return patched(array, reach, mode, lambda image: layers(Call(operation, image).run()), exact)


def responses(
    parts: Image, response: str, numbers: tuple[float, ...], factor: float = 1.0
) -> Image:
    """Return what a response makes of tensors, along a first axis."""
    if response == "tensor":
        return parts
    return layers(combined(parts, response, parts.dtype, numbers, factor))


def layers(image: Image) -> Image:
    """Return one image or several along a first axis."""
    return image if image.ndim == 3 else image[None]


def patched(
    array: Image,
    reach: Sequence[int],
    mode: str,
    inner: Callable[[Image], Image],
    exact: Callable[[Image], Image],
) -> Image:
    """Return `inner` of an image, and `exact` of what is near its border.

    Pixels further than `reach` away from the border do not see how it is extended.
    """
    is_wide = all(n >= WIDE * r for n, r in zip(array.shape, reach, strict=True))
    if not is_wide or mode == "wrap" or not np.isfinite(array).all():
        return exact(array)
    parts = inner(array)
    for axis, r in enumerate(reach):
        image, found = np.moveaxis(array, axis, 0), np.moveaxis(parts, axis + 1, 0)
        for read, kept, target in (
            (slice(2 * r), slice(r), slice(r)),
            (slice(-2 * r, None), slice(r, None), slice(-r, None)),
        ):
            rim = exact(np.moveaxis(image[read], 0, axis))
            found[target] = np.moveaxis(rim, axis + 1, 0)[kept]
    return parts


def second_derivatives(array: Image, options: dict[str, Any], mixed: tuple[int, ...]) -> Image:
    """Return second derivatives by two passes of first ones."""
    slopes = [ndimage.gaussian_filter(array, order=order, **options) for order in ORDERS]
    return np.stack(
        [
            ndimage.gaussian_filter(slopes[one], order=ORDERS[other], **options)
            for one, other in ((0, 0), mixed, (1, 1))
        ]
    )


def parts_of(elements: Any) -> list[Image]:
    """Return three arrays of tensors, of one dtype and shape."""
    if type(elements) not in (list, tuple) or len(elements) != 3:
        raise FallBack("not a list of three arrays")
    arrays = [real_array(each) for each in elements]
    first = arrays[0]
    if first.dtype not in (np.float32, np.float64) or not first.dtype.isnative:
        raise FallBack(f"dtype {first.dtype}")
    if any(each.dtype != first.dtype or each.shape != first.shape for each in arrays):
        raise FallBack("arrays that differ")
    return arrays


@skimage_face(FEATURE)
def hessian_matrix_eigvals(H_elems: Any) -> Image:  # noqa: N803
    """Return the eigenvalues of second derivatives, the larger first."""
    parts = parts_of(H_elems)
    return combined(parts, "eigenvalues", parts[0].dtype)


@skimage_face(FEATURE)
def structure_tensor_eigenvalues(A_elems: Any) -> Image:  # noqa: N803
    """Return the eigenvalues of structure tensors, the larger first."""
    parts = parts_of(A_elems)
    return combined(parts, "eigenvalues", parts[0].dtype)


@skimage_face(FEATURE)
def structure_tensor(
    image: Image, sigma: Any = 1, mode: str = "constant", cval: float = 0, order: str = "rc"
) -> list[Image]:
    """Return the products of Sobel's derivatives, smoothed."""
    step = 1 if axis_order(order) == "rc" else -1
    common = border(mode), number(cval, "cval")
    parts = directed(float_image(image), pair_yx(sigma, "sigma"), *common, "tensor")
    return list(parts[::step])


def axis_order(order: object) -> str:
    """Return which axis comes first, as "rc" or "xy"."""
    if type(order) is not str or order not in ("rc", "xy"):
        raise FallBack("order")
    return order


def directed(
    array: Image,
    sigma: tuple[float, float],
    mode: str,
    cval: float,
    response: str,
    numbers: tuple[float, ...] = (),
) -> Image:
    """Return structure tensors, (3, H, W), or a response to them, (1, H, W)."""
    if min(array.shape) < 2:
        raise FallBack("an axis of one pixel")

    def passes(image: Image) -> Image:
        dy, dx = derivatives(image, mode, cval)
        return np.stack(
            [
                ndimage.gaussian_filter(product, sigma, mode=mode, cval=cval)
                for product in (dy * dy, dy * dx, dx * dx)
            ]
        )

    if not is_usual(sigma):
        return responses(passes(array), response, numbers)
    reach = [int(4 * s + 0.5) + 1 for s in sigma]
    operation = tensors.structure_operation(sigma, response, numbers)
    return with_rims(array, reach, mode, operation, passes)


def derivatives(array: Image, mode: str, cval: float) -> list[Image]:
    """Return Sobel's derivatives along y and x."""
    return [ndimage.sobel(array, axis=axis, mode=mode, cval=cval) for axis in (0, 1)]


@skimage_face(FEATURE)
def shape_index(image: Image, sigma: Any = 1, mode: str = "constant", cval: float = 0) -> Image:
    """Return what shape the surface of grey levels has, from -1 to 1."""
    common = {"mode": border(mode), "cval": number(cval, "cval")}
    return differences(float_image(image), pair_yx(sigma, "sigma"), common, "shape")


@skimage_face(FEATURE)
def corner_harris(
    image: Image, method: str = "k", k: float = 0.05, eps: float = 1e-6, sigma: Any = 1
) -> Image:
    """Return Harris' measure of corners."""
    array, sigmas = float_image(image), pair_yx(sigma, "sigma")
    if type(method) is not str:
        raise FallBack("method")
    if method == "k":
        found: Image = directed(array, sigmas, "constant", 0, "harris", (number(k, "k"),))[0]
        return found
    yy, yx, xx = directed(array, sigmas, "constant", 0, "tensor")
    noble: Image = 2 * (yy * xx - yx**2) / (yy + xx + number(eps, "eps"))
    return noble


@skimage_face(FEATURE)
def corner_shi_tomasi(image: Image, sigma: Any = 1) -> Image:
    """Return the smaller eigenvalue of the structure tensor."""
    array, sigmas = float_image(image), pair_yx(sigma, "sigma")
    found: Image = directed(array, sigmas, "constant", 0, "shi_tomasi")[0]
    return found


@skimage_face(FEATURE)
def corner_kitchen_rosenfeld(image: Image, mode: str = "constant", cval: float = 0) -> Image:
    """Return Kitchen's and Rosenfeld's measure of corners: how fast the gradient turns."""
    array = real_image(image)
    if array.ndim != 2:
        raise FallBack("shape")
    array = array.astype(skimage_float(array.dtype), copy=False)
    mode, cval = border(mode), number(cval, "cval")

    def exact(image: Image) -> Image:
        dy, dx = derivatives(image, mode, cval)
        dxy, dxx = derivatives(dx, mode, cval)
        dyy = ndimage.sobel(dy, axis=0, mode=mode, cval=cval)
        squared = dx**2 + dy**2
        turn = dxx * dy**2 + dyy * dx**2 - 2 * dxy * dx * dy
        quotient: Image = np.divide(turn, squared, out=np.zeros_like(image), where=squared != 0)
        return quotient[None]

    found: Image = patched(
        array, (2, 2), mode, lambda image: turning(np.ascontiguousarray(image))[None], exact
    )[0]
    return found

"""The face of `skimage.restoration`; names that have no face here are scikit-image's own."""

from math import ceil, isfinite
from typing import Any

import numpy as np

from imgconv.core.call import apply
from imgconv.fallback import HandOver, other_names
from imgconv.operations.lookup import Lookup
from imgconv.skimage.convert import Image, as_float, as_skimage, image_of, number

__all__ = ["denoise_bilateral"]

RESTORATION = "skimage.restoration"
# NumPy's names of borders, and the engine's.
BORDERS = {
    "constant": "constant",
    "edge": "nearest",
    "symmetric": "reflect",
    "reflect": "mirror",
    "wrap": "wrap",
}


@as_skimage(RESTORATION)
def denoise_bilateral(
    image,
    win_size=None,
    sigma_color=None,
    sigma_spatial=1,
    bins=10000,
    mode="constant",
    cval=0,
    *,
    channel_axis=None,
):
    """Smooth an image, but not across edges."""
    if channel_axis is not None:
        raise HandOver("channels")
    array = image_of(image)
    spatial, outside = number(sigma_spatial, "sigma_spatial"), number(cval, "cval")
    color = None if sigma_color is None else number(sigma_color, "sigma_color")
    if not isfinite(spatial):
        raise HandOver("sigma_spatial")
    size = max(5, 2 * ceil(3 * spatial) + 1) if win_size is None else win_size
    if type(size) is not int or size < 1 or size % 2 == 0 or type(bins) is not int or bins < 1:
        raise HandOver("win_size or bins")
    # Where a window is larger than the image, scikit-image's borders are its own.
    plain = array.dtype.isnative and array.flags.writeable and array.dtype != np.float16
    if min(array.shape) <= size or not isinstance(mode, str) or mode not in BORDERS or not plain:
        raise HandOver("shape, mode or dtype")
    least, greatest = array.min(), array.max()
    if not least < greatest:
        raise HandOver("flat or not a number")
    floats = as_float(array)
    color = color or floats.std()
    likeness = gaussian(np.linspace(0, greatest, bins, endpoint=False), color, floats.dtype)
    # scikit-image's table of places has a row and a column more than it is read with.
    grid = np.arange(-size // 2, size // 2 + 1)
    places = gaussian(np.hypot(grid[:, None], grid), spatial, floats.dtype).ravel()
    if least < 0:
        floats = floats - least
        greatest -= least
    if not greatest > 0:
        raise HandOver("integers that overflow")
    operation = Lookup(
        places[: size * size].reshape(size, size).astype(np.float64),
        likeness.astype(np.float64),
        float(floats.dtype.type(bins / greatest)),
    )
    result = apply(operation, floats, BORDERS[mode], outside, None, None, floats.dtype, None)
    if least < 0:
        result += least
    return result


def gaussian(distance: Image, sigma: Any, dtype: np.dtype) -> Image:
    """Return the weights of distances."""
    return np.exp(-0.5 * (distance**2 / sigma**2), dtype=dtype)


__getattr__, __dir__ = other_names(__name__, RESTORATION, __all__)

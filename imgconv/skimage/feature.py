"""The face of `skimage.feature`; names that have no face here are scikit-image's own."""

import numpy as np

from imgconv.fallback import HandOver, other_names
from imgconv.filters import canny as edges
from imgconv.skimage.convert import as_skimage, border, flag, image_of

__all__ = ["canny"]

FEATURE = "skimage.feature"


@as_skimage(FEATURE)
def canny(
    image,
    sigma=1.0,
    low_threshold=None,
    high_threshold=None,
    mask=None,
    use_quantiles=False,
    *,
    mode="constant",
    cval=0.0,
):
    """Find edges one pixel wide by Canny's method."""
    array = image_of(image)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        raise HandOver("dtype")
    if mask is not None and (type(mask) is not np.ndarray or mask.shape != array.shape):
        raise HandOver("mask")
    return edges.canny(
        array, sigma, low_threshold, high_threshold, mask=mask,
        use_quantiles=flag(use_quantiles, "use_quantiles"), mode=border(mode), cval=cval,
    )  # fmt: skip


__getattr__, __dir__ = other_names(__name__, FEATURE, __all__)

"""The face of `skimage.feature`; names that have no face here are scikit-image's own."""

import numpy as np

from imgconv.face_arguments import Image, border, real_image
from imgconv.fallback import FallBack, other_names
from imgconv.filters import canny as edges
from imgconv.skimage.arguments import boolean, skimage_face
from imgconv.skimage.points import (
    blob_dog,
    blob_doh,
    blob_log,
    hessian_matrix_det,
    match_template,
    peak_local_max,
)
from imgconv.skimage.tensors import (
    FEATURE,
    corner_harris,
    corner_kitchen_rosenfeld,
    corner_shi_tomasi,
    hessian_matrix,
    hessian_matrix_eigvals,
    shape_index,
    structure_tensor,
    structure_tensor_eigenvalues,
)

__all__ = [
    "blob_dog",
    "blob_doh",
    "blob_log",
    "canny",
    "corner_harris",
    "corner_kitchen_rosenfeld",
    "corner_shi_tomasi",
    "hessian_matrix",
    "hessian_matrix_det",
    "hessian_matrix_eigvals",
    "match_template",
    "peak_local_max",
    "shape_index",
    "structure_tensor",
    "structure_tensor_eigenvalues",
]


@skimage_face(FEATURE)
def canny(
    image: Image,
    sigma: float | tuple[float, float] = 1.0,
    low_threshold: float | None = None,
    high_threshold: float | None = None,
    mask: Image | None = None,
    use_quantiles: bool = False,
    *,
    mode: str = "constant",
    cval: float = 0.0,
) -> Image:
    """Find edges one pixel wide by Canny's method."""
    array = real_image(image)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        raise FallBack(f"dtype {array.dtype}")
    if mask is not None and (type(mask) is not np.ndarray or mask.shape != array.shape):
        raise FallBack("mask")
    found: Image = edges.canny(
        array,
        sigma,
        low_threshold,
        high_threshold,
        mask=mask,
        use_quantiles=boolean(use_quantiles, "use_quantiles"),
        mode=border(mode),
        cval=cval,
    )
    return found


__getattr__, __dir__ = other_names(__name__, FEATURE, __all__)

"""The face of `skimage.restoration`; names that have no face here are scikit-image's own."""

from imgconv.core.handover import HandOver
from imgconv.skimage.convert import as_skimage, passing_on

__all__ = ["denoise_bilateral"]

RESTORATION = "skimage.restoration"


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
    raise HandOver("table")


__getattr__, __dir__ = passing_on(__name__, RESTORATION, __all__)

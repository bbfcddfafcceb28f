"""Pictures in files: PNG, JPEG and TIFF as a whole, TIFF and zarr piece by piece.

A file is read as a `Picture`, whose pixels become the image that a filter takes (`grey`, `split`,
`over_white`); the result becomes a `Picture` again, which is written whole or not at all. Each
format has a module: `png`, `jpeg`, `tiff`, `zarr`. The libraries that decode and encode are
imported when a file needs them.
"""

from imgconv.io.errors import PictureError, PictureTooLargeError
from imgconv.io.files import SUFFIXES, about, integer_type, read, read_lazily, write, write_pages
from imgconv.io.picture import MAX_PIXELS, About, Alpha, Picture, full_scale, rescale, stretch

__all__ = [
    "MAX_PIXELS",
    "SUFFIXES",
    "About",
    "Alpha",
    "Picture",
    "PictureError",
    "PictureTooLargeError",
    "about",
    "full_scale",
    "integer_type",
    "read",
    "read_lazily",
    "rescale",
    "stretch",
    "write",
    "write_pages",
]

"""Pictures in files: read and written as a whole, TIFF and zarr also piece by piece.

A file is read as a `Picture`, whose pixels become the image that a filter takes (`grey`, `split`,
`over_white`); the result becomes a `Picture` again (`with_colours`), which is written whole or not
at all. Each format has a module: `png`, `jpeg`, `tiff`, `zarr`, and `others` for those that are
only read. `samples` knows what the samples of TIFF mean, `colour` makes RGB of other colours, and
`metadata` is what a file says beside its pixels, and `photoshop` the blocks that JPEG and TIFF have
for that. The libraries that decode and encode are imported when a file needs them.
"""

from imgconv.io.errors import PictureError, PictureTooLargeError
from imgconv.io.files import (
    READABLE,
    SUFFIXES,
    about,
    integer_type,
    read,
    read_lazily,
    read_pages,
    write,
    write_pages,
)
from imgconv.io.metadata import Metadata, Resolution
from imgconv.io.picture import (
    MAX_PIXELS,
    About,
    Alpha,
    Picture,
    Stored,
    full_scale,
    rescale,
    span_of,
    stretch,
)

__all__ = [
    "MAX_PIXELS",
    "READABLE",
    "SUFFIXES",
    "About",
    "Alpha",
    "Metadata",
    "Picture",
    "PictureError",
    "PictureTooLargeError",
    "Resolution",
    "Stored",
    "about",
    "full_scale",
    "integer_type",
    "read",
    "read_lazily",
    "read_pages",
    "rescale",
    "span_of",
    "stretch",
    "write",
    "write_pages",
]

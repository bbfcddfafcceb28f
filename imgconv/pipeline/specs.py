"""What a plan knows of an image, one or several: size, channels and dtype, but no pixels."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class ImageSpec(NamedTuple):
    """Size, channels and dtype of an image; channels, if any, are its last axis."""

    size: tuple[int, int]
    channels: int | None
    dtype: np.dtype[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self.size if self.channels is None else (*self.size, self.channels)

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return self.size[1] * (self.channels or 1) * self.dtype.itemsize

    @property
    def stub(self) -> NDArray[Any]:
        """An image of this kind that takes no memory."""
        return np.broadcast_to(np.zeros((), self.dtype), self.shape)


# What goes from one node to the next: one image, or several side by side.
ImageSpecs = ImageSpec | tuple[ImageSpec, ...]


def as_tuple(specs: ImageSpecs) -> tuple[ImageSpec, ...]:
    """Return the images, also a single one, as a tuple."""
    return (specs,) if isinstance(specs, ImageSpec) else specs

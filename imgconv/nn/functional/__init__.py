"""The functions, under the names that they have in `torch.nn.functional`, and their gradients.

convolution, deformable : convolution, its transpose, and taps that are moved.
pooling, adaptive, unpooling : one number for each window, and back.
interpolation : images of another size.
columns, shaping : windows as columns; borders; shuffles of pixels and channels.
dense, activation, normalization : layers without windows.
loss : how far a result is from its target.
"""

from imgconv.nn.functional import (
    activation,
    adaptive,
    columns,
    convolution,
    deformable,
    dense,
    interpolation,
    loss,
    normalization,
    pooling,
    shaping,
    unpooling,
)
from imgconv.nn.functional.activation import *
from imgconv.nn.functional.adaptive import *
from imgconv.nn.functional.columns import *
from imgconv.nn.functional.convolution import *
from imgconv.nn.functional.deformable import *
from imgconv.nn.functional.dense import *
from imgconv.nn.functional.interpolation import *
from imgconv.nn.functional.loss import *
from imgconv.nn.functional.normalization import *
from imgconv.nn.functional.pooling import *
from imgconv.nn.functional.shaping import *
from imgconv.nn.functional.unpooling import *

__all__: list[str] = []
__all__ += activation.__all__
__all__ += adaptive.__all__
__all__ += columns.__all__
__all__ += convolution.__all__
__all__ += deformable.__all__
__all__ += dense.__all__
__all__ += interpolation.__all__
__all__ += loss.__all__
__all__ += normalization.__all__
__all__ += pooling.__all__
__all__ += shaping.__all__
__all__ += unpooling.__all__

"""All functions, under the names that `torch.nn.functional` has them."""

from imgconv.nn import activation, convolution, loss, normalization, pooling
from imgconv.nn.activation import *  # noqa: F403
from imgconv.nn.convolution import *  # noqa: F403
from imgconv.nn.loss import *  # noqa: F403
from imgconv.nn.normalization import *  # noqa: F403
from imgconv.nn.pooling import *  # noqa: F403

__all__ = sorted(
    name
    for module in (activation, convolution, loss, normalization, pooling)
    for name in module.__all__
)
for _n in "conv_transpose2d deform_conv2d lp_pool2d adaptive_avg_pool2d adaptive_max_pool2d unfold fold interpolate pixel_shuffle".split():
    globals().setdefault(_n, None); globals().setdefault(_n+"_backward", None)

"""The face of `scipy.ndimage`: its filters and its flat morphology, run by imgconv's engine.

Signatures, dtypes, values and errors are SciPy's, for signals, images and volumes. Write
`from imgconv import ndimage` instead of `from scipy import ndimage`: only the time changes. Sums
are added in SciPy's order, so that results are equal to the bit.

For all else the face falls back to SciPy: complex numbers, arrays of other libraries, windows of
more than two axes, structuring elements that are not flat, Python functions as filters. Names that
have no face here are SciPy's own. `imgconv.fallback.fallbacks` returns how often and why.
"""

from imgconv.fallback import other_names
from imgconv.ndimage import gaussians, generic, linear, morphology, order
from imgconv.ndimage.gaussians import *  # noqa: F403
from imgconv.ndimage.generic import *  # noqa: F403
from imgconv.ndimage.linear import *  # noqa: F403
from imgconv.ndimage.morphology import *  # noqa: F403
from imgconv.ndimage.order import *  # noqa: F403

MODULES = (gaussians, generic, linear, morphology, order)
__all__ = sorted(name for module in MODULES for name in module.__all__)

__getattr__, __dir__ = other_names(__name__, "scipy.ndimage", __all__)

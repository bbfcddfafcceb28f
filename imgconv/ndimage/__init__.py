"""The face of `scipy.ndimage`: its filters and its flat morphology, run by the engine.

Signatures, dtypes, values and errors are SciPy's, for signals, images and volumes; write
`from imgconv import ndimage` in place of `from scipy import ndimage` and nothing but the time
changes. Sums are added in SciPy's order, so that results are equal to the bit.

What the engine does not do it hands to SciPy as it came: complex numbers, arrays of other
libraries, windows of more than two axes, structuring elements that are not flat, callbacks.
Names that have no face here are SciPy's own. `imgconv.fallback.handed_on` tells what was
handed on, and why.
"""

from imgconv.fallback import other_names
from imgconv.ndimage import generic, linear, morphology, order
from imgconv.ndimage.generic import *  # noqa: F403
from imgconv.ndimage.linear import *  # noqa: F403
from imgconv.ndimage.morphology import *  # noqa: F403
from imgconv.ndimage.order import *  # noqa: F403

__all__ = sorted(name for module in (generic, linear, morphology, order) for name in module.__all__)

__getattr__, __dir__ = other_names(__name__, "scipy.ndimage", __all__)

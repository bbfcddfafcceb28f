"""The face of `scipy.signal`: its correlations, convolutions and smoothing filters of images.

Signatures, shapes, dtypes, values and errors are SciPy's. Write `from imgconv import signal`
instead of `from scipy import signal`: only the time changes. The engine runs images of two axes of
real numbers. For all else the face falls back to SciPy: complex numbers, long doubles, integers
whose sums may not be exact in float64, signals and volumes, large kernels by transforms, and
arguments that SciPy refuses. All other names of `scipy.signal` are SciPy's own.

`imgconv.correlate` and `imgconv.convolve` do more: colour, stacks, strides, dilation, other
borders, `out=`.
"""

from imgconv.fallback import other_names
from imgconv.signal.convolution import (
    convolve,
    convolve2d,
    correlate,
    correlate2d,
    fftconvolve,
    oaconvolve,
)
from imgconv.signal.smoothing import medfilt, medfilt2d, sepfir2d, wiener

__all__ = [
    "convolve",
    "convolve2d",
    "correlate",
    "correlate2d",
    "fftconvolve",
    "medfilt",
    "medfilt2d",
    "oaconvolve",
    "sepfir2d",
    "wiener",
]

__getattr__, __dir__ = other_names(__name__, "scipy.signal", __all__)

"""The face of `scipy.signal`: its correlations, convolutions and smoothing filters of images.

Signatures, shapes, dtypes, values and errors are SciPy's; write `from imgconv import signal` in
place of `from scipy import signal` and nothing but the time changes. Two axes of real numbers are
run by the engine; all else is handed to SciPy as it came: complex numbers, long doubles, integers
whose sums may not be exact in float64, signals and volumes, large kernels by transforms, and what
SciPy refuses. So are all other names of `scipy.signal`.

The house functions `imgconv.correlate` and `imgconv.convolve` do more: colour, stacks, strides,
dilation, other borders, `out=`.
"""

from imgconv.fallback import other_names
from imgconv.signal.convolution import (
    choose_conv_method,
    convolve,
    convolve2d,
    correlate,
    correlate2d,
    fftconvolve,
    oaconvolve,
)
from imgconv.signal.smoothing import medfilt, medfilt2d, sepfir2d, wiener

__all__ = [
    "choose_conv_method",
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

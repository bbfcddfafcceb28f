"""The face of `scipy.ndimage`."""
from imgconv.ndimage.linear import *

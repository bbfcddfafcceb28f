"""Arguments that need too much memory or time, and images without pixels: all end at once.

Errors are raised before memory is allocated: the process of this test has little of it.
"""

import subprocess
import sys

import cases
import numpy as np
import pytest

import imgconv
from imgconv.nn import functional

# Limits of address space, beyond what the process uses when it begins, and of processor time.
MEMORY, SECONDS = 1 << 30, 60

# Calls on `image` (40 x 7) or on `long` (a row of 3e9 equal pixels), and their messages or shapes.
REFUSED = {
    "correlate(image, [[1.0, 1]], dilation=2**40)": "dilation must be at most 2147483647",
    "correlate(image, [[1.0, 1]], dilation=2**31 - 1)": "window must need at most 1024 MiB",
    "correlate(image, ones((3, 3)), dilation=2**20, method='fft')": "window must need at most",
    "convolve(image, ones((3, 3)), stride=2**33)": "stride must be at most 2147483647",
    "gaussian(image, 1e300)": "truncate * sigma must give a kernel of at most 131072",
    "gaussian(image, 3, radius=10**9)": "radius must give a kernel of at most 131072",
    "gaussian(image, 3, order=1000)": "order must leave weights finite",
    "gaussian_laplace(image, 1e9)": "truncate * sigma must give a kernel of at most 131072",
    "difference_of_gaussians(image, 1e9)": "truncate * sigma must give a kernel of at most 131072",
    "canny(image, 1e9)": "truncate * sigma must give a kernel of at most 131072",
    "gabor(image, 0.004)": "frequency must give a kernel of at most 65536",
    "gabor(image, 1e-9)": "n_stds * sigma must give a kernel of at most 1048576",
    "derivative(image, 0, order=1000)": "order and accuracy must give a kernel of at most 51",
    "box(long, (1, 10**9))": "window must need at most 1024 MiB",
    "median(image, 10**9)": "window must need at most 1024 MiB",
    "minimum(image, 2**31)": "size must be at most 2147483647",
    "percentile(image, range(100), 10**6)": "window must need at most 1024 MiB",
    "bilateral(image, win_size=10**9 + 1)": "win_size must give a kernel of at most 1048576",
    "joint_bilateral(image, image, sigma_spatial=1e9)": "sigma_spatial must give a kernel of at",
    "guided(image, image, 10**9, 1)": "window must need at most 1024 MiB",
    "pool(image, 10**9)": "size must fit into the padded image",
    "pool(image, 3, dilation=10**9)": "padded image",
    "pool(long, (1, 10**9))": "window must need at most 1024 MiB",
    "kernels.disk(1e9)": "radius must give a kernel of at most 1048576",
    "functional.conv2d(layer, layer, dilation=2**40)": "dilation must be at most 2147483647",
    "functional.max_pool2d(layer, 2**40)": "kernel_size must be at most 2147483647",
    "functional.conv_transpose2d(layer, layer, stride=(2**31 - 1, 1))": "stride must be at most",
    "functional.unfold(layer, 3, padding=2**40)": "padding must be at most 2147483647",
}
ANSWERED = {
    "correlate(long, [[1.0, 1]], stride=10**8)": (1, 30),
    "correlate(long, ones((1, 3)), stride=10**8, method='fft')": (1, 30),
    "pool(image, 3, 10**9)": (1, 1),
    "pool(long, (1, 3), 10**8, how='mean')": (1, 30),
    # Windows are folded to the size of the image.
    "gaussian(image, 10000)": (40, 7),
    "gaussian(image, 10000, mode='constant')": (40, 7),
    "box(image, 10**9)": (40, 7),
    "box(image, 10**9, mode='nearest')": (40, 7),
    "minimum(image, 2**31 - 1)": (40, 7),
    "opening(image, 10**6)": (40, 7),
    "opening(image, 10**6, mode='constant')": (40, 7),
}
PROGRAM = f"""
import resource, sys
from numpy import broadcast_to, float32, ones
from imgconv import *
from imgconv import kernels
from imgconv.nn import functional
image, layer = ones((40, 7), float32), ones((1, 1, 3, 3), float32)
long = broadcast_to(float32(1), (1, 3 * 10**9))
gaussian(image, 1), bilateral(image), median(image, 51), canny(image)
correlate(image, ones((30, 30)))
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + {MEMORY},) * 2)
resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS},) * 2)
for call in sys.argv[1:]:
    try:
        print(eval(call).shape)
    except Exception as error:
        print(f"{{type(error).__name__}}: {{error}}")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_too_much():
    calls = [*REFUSED, *ANSWERED]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *calls], capture_output=True, text=True, check=True
    )
    answers = done.stdout.splitlines()
    assert len(answers) == len(calls)
    for call, answer in zip(calls, answers, strict=True):
        if call in REFUSED:
            assert answer.startswith("ValueError: "), f"{call}: {answer}"
            assert REFUSED[call] in answer, f"{call}: {answer}"
        else:
            assert answer == str(ANSWERED[call]), f"{call}: {answer}"


EMPTY = [(0, 7), (7, 0), (0, 0), (3, 0, 7), (0, 7, 7), (2, 0, 7, 7)]


@pytest.mark.usefixtures("always_parallel")
@pytest.mark.parametrize("shape", EMPTY, ids=str)
@pytest.mark.parametrize("case", cases.CASES, ids=lambda case: case.id)
def test_nothing_to_do(case, shape):
    """A stack without images, and images without pixels, on any number of threads."""
    image = np.zeros(shape, np.float32)
    for count in (1, 2, 5):
        with imgconv.threads(count):
            try:
                result = case.call(image, axes=(-2, -1))
            except ValueError as error:
                if "must fit into the padded image" not in str(error):
                    raise
                continue
        parts = result if isinstance(result, tuple) else (result,)
        assert all(part.size == 0 for part in parts)


@pytest.mark.usefixtures("always_parallel")
def test_layers_without_images():
    image, square = np.zeros((0, 3, 8, 8), np.float32), np.ones((3, 3, 3, 3), np.float32)
    for count in (1, 2, 5):
        with imgconv.threads(count):
            assert functional.conv2d(image, square).shape == (0, 3, 6, 6)
            assert functional.conv_transpose2d(image, square).shape == (0, 3, 10, 10)
            assert functional.max_pool2d(image, 2).shape == (0, 3, 4, 4)
            assert functional.avg_pool2d(image, 2).shape == (0, 3, 4, 4)
            assert functional.adaptive_avg_pool2d(image, 2).shape == (0, 3, 2, 2)
            assert functional.interpolate(image, scale_factor=2).shape == (0, 3, 16, 16)
            assert functional.unfold(image, 3).shape == (0, 27, 36)
            assert functional.fold(np.zeros((0, 27, 36)), 8, 3).shape == (0, 3, 8, 8)

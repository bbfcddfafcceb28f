"""All filters on a few images, the results in a file: what the tests run once for each level.

python sweep.py FILE
"""

import sys

import cases
import numpy as np
from comparing import assert_same_bits

import imgconv
from imgconv.core import threads

IMAGES = [
    ("float32", (37, 149)),
    ("float32", (9, 1100)),
    ("float64", (37, 149)),
    ("uint8", (37, 149)),
    ("int64", (18, 70)),
]


def images():
    """Yield name and image."""
    for dtype, shape in IMAGES:
        yield f"{dtype}-{shape[0]}x{shape[1]}", cases.sample(shape, dtype)


def results():
    """Return all results by name; 1, 2 and 5 threads must give the same bits."""
    threads.SERIAL_BELOW = 0
    found = {}
    for name, image in images():
        for case in cases.CASES:
            for n in (1, 2, 5):
                with imgconv.threads(n):
                    for k, result in enumerate(case.results(image, mode="mirror")):
                        assert_same_bits(result, found.setdefault(f"{case.id} {name} {k}", result))
        for case in cases.OTHERS:
            for n in (1, 2, 5):
                with imgconv.threads(n):
                    result = case.call(image)
                    assert_same_bits(result, found.setdefault(f"{case.id} {name}", result))
    return found


if __name__ == "__main__":
    np.savez(sys.argv[1], **results())

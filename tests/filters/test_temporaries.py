"""How much memory filters of whole images take beside the result: at most 16 MB on one thread."""

import tracemalloc

import numpy as np
import pytest

import imgconv

SIDE = 2400
TEMPLATE = np.random.default_rng(1).random((32, 32))
CALLS = {
    "hessian": lambda image: imgconv.hessian(image, 2, of="eigenvalues"),
    "structure_tensor": lambda image: imgconv.structure_tensor(image, of="coherence"),
    "corners": lambda image: imgconv.corners(image),
    "frangi": lambda image: imgconv.ridges(image, [2]),
    "zncc": lambda image: imgconv.match(image, TEMPLATE),
    "ssd": lambda image: imgconv.match(image, TEMPLATE, method="ssd"),
    "log": lambda image: imgconv.blobs(image, 2, 4, steps=3, threshold=200),
    "dog": lambda image: imgconv.blobs(image, 2, 6, method="dog", threshold=200),
    "doh": lambda image: imgconv.blobs(image, 2, 9, method="doh", steps=3, threshold=1e6),
    "zero_crossings": lambda image: imgconv.zero_crossings(image, 2),
    "eigenvalues": lambda image: imgconv.eigenvalues(image.reshape(3, SIDE // 3, SIDE)),
}


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("name", CALLS)
def test_memory_beside_the_result(name, dtype):
    noise = np.random.default_rng(2).random((SIDE, SIDE), np.float32)
    image = (noise * 255).astype(dtype)
    with imgconv.threads(1):
        tracemalloc.start()
        try:
            result = CALLS[name](image)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak - result.nbytes < 16 << 20

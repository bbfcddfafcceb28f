"""How much memory filters of whole images take beside the result: at most 16 MB on one thread."""

import sys
import tracemalloc

import numpy as np
import pytest

import imgconv

SIDE = 2400
TEMPLATE = np.random.default_rng(1).random((32, 32))
DISK = np.hypot(*np.mgrid[-16:16, -16:16]) < 15


def nonmaximum_suppression(image):
    return imgconv.nonmaximum_suppression(image, np.broadcast_to(np.float32(0.5), image.shape))


def bytes_of(result):
    """Return the memory of an image, or of a list of arrays, which share it."""
    if isinstance(result, list):
        return result[0].base.nbytes + sum(map(sys.getsizeof, result))
    return result.nbytes


CALLS = {
    "hessian": lambda image: imgconv.hessian(image, 2, of="eigenvalues"),
    "structure_tensor": lambda image: imgconv.structure_tensor(image, of="coherence"),
    "corners": lambda image: imgconv.corners(image),
    "frangi": lambda image: imgconv.ridges(image, [2]),
    "meijering": lambda image: imgconv.ridges(image, [2, 3], "meijering"),
    "zncc": lambda image: imgconv.match(image, TEMPLATE),
    "ssd": lambda image: imgconv.match(image, TEMPLATE, method="ssd"),
    "masked": lambda image: imgconv.match(image, TEMPLATE, mask=DISK),
    "peaks": lambda image: imgconv.peaks(image, 5),
    "log": lambda image: imgconv.blobs(image, 2, 4, steps=3, threshold=200),
    "dog": lambda image: imgconv.blobs(image, 2, 6, method="dog", threshold=200),
    "doh": lambda image: imgconv.blobs(image, 2, 9, method="doh", steps=3, threshold=1e6),
    "zero_crossings": lambda image: imgconv.zero_crossings(image, 2),
    "nonmaximum_suppression": nonmaximum_suppression,
    "eigenvalues": lambda image: imgconv.eigenvalues(image.reshape(3, SIDE // 3, SIDE)),
}


@pytest.fixture(params=[np.uint8, np.float32])
def image(request):
    noise = np.random.default_rng(2).random((SIDE, SIDE), np.float32)
    return (noise * 255).astype(request.param)


def memory_beside(call, image):
    """Return the bytes that a call takes beside its result, at most."""
    with imgconv.threads(1):
        tracemalloc.start()
        try:
            result = call(image)
            return tracemalloc.get_traced_memory()[1] - bytes_of(result)
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("name", CALLS)
def test_memory_beside_the_result(name, image):
    assert memory_beside(CALLS[name], image) < 16 << 20


def test_edge_points(image):
    """Of a picture whose edges are 8 of 100 pixels, more than those of most photos."""
    smooth = imgconv.gaussian(image, 6)
    assert memory_beside(lambda image: imgconv.edge_points(image, 2, 2, 4), smooth) < 16 << 20

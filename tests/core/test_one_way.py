"""The whole image, its bands and its chunks are computed by the same method.

Methods differ in the last bits, so a piece that was computed by another method would show it.
"""

import itertools
from functools import partial

import cases
import numpy as np
import pytest
from comparing import assert_same_bits

import imgconv
from imgconv import Pipeline, threads
from imgconv.operations.base import pixels
from imgconv.operations.methods import AnyMethod
from imgconv.operations.rank import NETWORK_RECTANGLE
from imgconv.pipeline.executors import arrays

BANDS = (16, 64, 200)
CHUNKS = (37, 131, 300)


def kernel_of(rank, side, seed=0):
    """Return a kernel that is a sum of `rank` outer products."""
    random = np.random.default_rng(seed)
    return sum(np.outer(*random.standard_normal((2, side))) for _ in range(rank)).astype("f4")


def noise(shape, dtype):
    random = np.random.default_rng(1)
    if np.dtype(dtype).kind == "f":
        return random.random(shape).astype(dtype)
    return random.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def correlations():
    """Yield kernels of one, of some and of many outer products."""
    for side, rank in itertools.product((9, 15, 33, 45), (1, 3, 64)):
        yield f"correlate-{side}-{rank}", partial(imgconv.correlate, kernel=kernel_of(rank, side))


def surprises():
    """Yield cases where a band alone would be computed by another method than the image.

    They are the side of a kernel, the height of an image and the rows of a band, and depend on the
    level.
    """
    given = pixels(np.dtype("f4"), 0)
    for side in range(9, 24):
        dense = AnyMethod(kernel_of(side, side).astype(float), (side // 2,) * 2)
        for height in range(170, 540, 15):
            whole, *bands = (
                dense.resolve((rows, 640), given, given.dtype)[0].loop
                for rows in (height, *range(32, height, 32))
            )
            if whole == "correlate" and "fourier" in bands:
                yield side, height, 32 * (1 + bands.index("fourier"))


def ranks():
    """Yield rectangles on both sides of the size from which histograms are used."""
    for itemsize, dtype in ((1, "uint8"), (2, "uint16"), (4, "float32")):
        side = int(NETWORK_RECTANGLE[itemsize] ** 0.5)
        for size in (side, side + 1):
            yield f"median-{dtype}-{size}", partial(imgconv.median, size=size), dtype


def others():
    yield "gaussian-resampled", partial(imgconv.gaussian, sigma=11), "uint8"
    yield "gaussian-direct", partial(imgconv.gaussian, sigma=7), "uint8"
    for sigma in (12, 40):
        yield f"gaussian-{sigma}", partial(imgconv.gaussian, sigma=sigma), "float32"
    # The largest sum of bytes under these weights is on either side of what 16 bits hold.
    for most in (127, 129):
        kernel = np.array([[most, 1, 0]])
        yield f"sums-{most}", partial(imgconv.correlate, kernel=kernel), "uint8"
    for size in (15, 17):
        yield f"box-{size}", partial(imgconv.box, size=size), "uint8"
    # Differences of extremes take one pass in a dtype of the image's, else two.
    for dtype in ("uint8", "int32", "int64", "float32"):
        yield f"tophat-{dtype}", partial(imgconv.white_tophat, size=5), dtype


STEPS = [(name, step, "float32") for name, step in correlations()]
STEPS += [*ranks(), *others()]


@pytest.mark.parametrize(("name", "step", "dtype"), STEPS, ids=[step[0] for step in STEPS])
def test_at_a_switch(name, step, dtype, monkeypatch):
    da = pytest.importorskip("dask.array")
    pipeline = Pipeline(step, "sobel")
    for shape in ((417, 640), (70, 45)):
        image = noise(shape, dtype)
        expected = imgconv.sobel(step(image))
        for count, rows in zip((1, 2, 3), BANDS, strict=True):
            monkeypatch.setattr(arrays, "band_rows", lambda group, height, rows=rows: rows)
            with threads(count):
                assert_same_bits(pipeline(image), expected)
        for chunk in CHUNKS:
            lazy = pipeline(da.from_array(image, chunks=chunk))
            assert_same_bits(lazy.compute(scheduler="synchronous"), expected)


def test_bands_that_would_go_another_way(monkeypatch):
    found = list(surprises())
    assert found, "draw other images: all bands would have the same method"
    for side, height, rows in found[:3]:
        kernel, image = kernel_of(side, side), noise((height, 640), "float32")
        expected = imgconv.sobel(imgconv.correlate(image, kernel))
        # What a band computes for the window of the next step comes on top.
        monkeypatch.setattr(arrays, "band_rows", lambda group, height, rows=rows: rows - 2)
        with threads(2):
            pipeline = Pipeline(partial(imgconv.correlate, kernel=kernel), "sobel")
            assert_same_bits(pipeline(image), expected)


def test_a_plan_has_no_choice_left():
    """The operation of a plan has no choice left: for any other size it resolves into itself."""
    for (_, step, dtype), size in itertools.product(STEPS, ((417, 640), (16, 640), (9, 9))):
        image = cases.sample((417, 640), dtype)
        explained = imgconv.explain(step, image)
        for plan in getattr(explained, "plans", (explained,)):
            again, _ = plan.operation.resolve(size, pixels(image.dtype, 0), image.dtype)
            assert again is plan.operation

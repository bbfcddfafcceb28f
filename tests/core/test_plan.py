"""Plans: their descriptions, the cache, and the memory of calls."""

import os
import subprocess
import sys
import tracemalloc
from functools import partial

import cases
import numpy as np
import oracle
import pytest
from cases import BY_ID, sample

import imgconv
from imgconv.core import border, cpu, plan
from imgconv.core.cache import Cache
from imgconv.filters import derivatives, gradients, linear, smoothing

MEGABYTE = 1 << 20


class TestExplain:
    IMAGE = np.zeros((48, 64), np.uint8)

    def test_tells_what_would_run(self):
        explained = repr(
            imgconv.explain(imgconv.gaussian, self.IMAGE, 1.5, mode=("wrap", "mirror"))
        )
        assert explained.splitlines() == [
            f"Plan: separable loop, level {cpu.LEVEL}, in float32",
            "  result  1 x (48, 64) uint8",
            "  window  13 x 13, pixel at (6, 6)",
            "  border  wrap along y, mirror along x",
            "  image   1 plane",
            "  cost    26 operations a pixel, 9.22e+04 in all",
        ]

    def test_tells_of_several_passes(self):
        explained = repr(imgconv.explain(imgconv.canny, self.IMAGE, 2.0))
        assert "Plan: canny loop" in explained
        assert "Then: flood loop" in explained
        explained = imgconv.explain(imgconv.hysteresis, self.IMAGE, 1, 2, dtype=np.uint8)
        assert (explained.shape, explained.dtype) == ((48, 64), np.dtype(np.uint8))
        assert "flood loop" in repr(explained)
        wide = np.zeros((48, 64), np.int64)
        explained = imgconv.explain(imgconv.white_tophat, wide, 5)
        assert "opening" not in repr(explained)
        assert repr(explained).count("Plan: rank loop") == 1
        assert (explained.shape, explained.dtype) == ((48, 64), np.dtype(np.int64))
        explained = imgconv.explain(imgconv.pool, wide, 2, how="sum")
        assert repr(explained).count("Plan: pool loop") == 2

    def test_tells_of_pipelines_and_partials(self):
        pipeline = imgconv.Pipeline("gaussian(sigma=1) | sobel")
        stack = np.zeros((3, 48, 64, 2), np.uint8)
        explained = imgconv.explain(pipeline, stack, axes=(1, 2), channel_axis=3)
        assert repr(explained) == repr(pipeline.plan((48, 64, 2), channel_axis=2))
        wide = partial(imgconv.gaussian, sigma=3)
        assert imgconv.explain(wide, self.IMAGE) is imgconv.explain(imgconv.gaussian, self.IMAGE, 3)
        with pytest.raises(TypeError, match="one of imgconv that calls a compiled loop, got <func"):
            imgconv.explain(np.median, self.IMAGE)

    def test_tells_of_colour_and_stacks(self):
        colour = np.zeros((48, 64, 3), np.float64)
        explained = repr(imgconv.explain(imgconv.gradient, colour, channel_axis=-1))
        assert "2 x (48, 64, 3) float64" in explained
        assert "1 plane, 3 channels interleaved" in explained
        explained = repr(imgconv.explain(imgconv.box, colour, 5, axes=(0, 1)))
        assert "box loop" in explained
        assert "3 planes\n" in explained

    @pytest.mark.parametrize("case", cases.CASES, ids=lambda case: case.id)
    def test_tells_shape_and_dtype(self, case):
        for dtype in ("uint8", "float32", "int64"):
            image = sample((25, 33), dtype)
            explained = case.explain(image)
            for result in case.results(image):
                assert (explained.shape, explained.dtype) == (result.shape, result.dtype)
            computed_in = {oracle.compute_dtype(dtype)}
            if dtype == "uint8":
                computed_in |= {np.dtype(np.int16), np.dtype(np.uint16)}
            if case.function is imgconv.box and dtype == "uint8":
                computed_in |= {np.dtype(np.int32)}
            if case.function is imgconv.guided:
                computed_in = {np.dtype(np.float64)}
            footprint = case.function is imgconv.box and "footprint" in case.arguments
            if footprint or case.function in (imgconv.variance, imgconv.std):
                computed_in = {np.dtype(np.float64)}
                if dtype == "uint8":  # Sums of squares of few pixels are exact.
                    computed_in.add(np.dtype(np.float32))
            if case.selects:
                computed_in = {np.dtype(dtype)}
            assert explained.computed_in in set(map(cpu.built_for, computed_in))
            assert explained.cost > 0
            assert explained.modes == ("reflect", "reflect")

    @pytest.mark.parametrize(
        ("computed_in", "dtype", "call", "options"),
        [
            ("int16", "uint8", imgconv.sobel, {"axis": 0, "normalize": False}),
            ("int16", "bool", imgconv.laplace, {}),
            ("int16", "int8", imgconv.laplace, {"dtype": "int8"}),
            ("float32", "uint8", imgconv.sobel, {}),
            ("float32", "uint8", imgconv.sobel, {"axis": 0}),
            ("float32", "uint16", imgconv.laplace, {}),
            ("int16", "uint8", imgconv.correlate, {"kernel": [[127, -1]]}),
            ("float32", "uint8", imgconv.correlate, {"kernel": [[128, -1]]}),
            ("float32", "uint8", imgconv.correlate, {"kernel": [[0.5]]}),
            ("int16", "uint8", imgconv.laplace, {"mode": "constant", "cval": -7.0}),
            ("float32", "uint8", imgconv.laplace, {"mode": "constant", "cval": 0.5}),
            ("int16", "uint8", imgconv.laplace, {"cval": 0.5}),
            ("float32", "uint8", imgconv.laplace, {"mode": "constant", "cval": np.nan}),
            ("float32", "uint8", imgconv.laplace, {"mode": "constant", "cval": 1e6}),
            ("uint16", "uint8", imgconv.box, {"size": 15}),
            ("int32", "uint8", imgconv.box, {"size": 17}),
            ("int32", "uint8", imgconv.box, {"size": (85, 3)}),
            ("int32", "uint8", imgconv.box, {"size": 2}),
            ("float32", "uint8", imgconv.box, {"size": 3, "dtype": "float32"}),
            ("int32", "uint8", imgconv.box, {"size": 3, "mode": "constant", "cval": -1}),
            ("float32", "uint8", imgconv.box, {"size": 3, "mode": "constant", "cval": 0.5}),
            ("int32", "int8", imgconv.box, {"size": 3}),
            ("int32", "uint16", imgconv.box, {"size": 15}),
            ("int32", "uint16", imgconv.box, {"size": 255}),
            ("float64", "uint16", imgconv.box, {"size": 256}),
            ("float64", "uint16", imgconv.box, {"size": 17, "dtype": "float64"}),
            ("float64", "int32", imgconv.box, {"size": 3}),
        ],
    )
    def test_computes_in_the_narrowest_exact_type(self, computed_in, dtype, call, options):
        plan = imgconv.explain(call, np.zeros((300, 400), dtype), **options)
        assert plan.computed_in == cpu.built_for(np.dtype(computed_in))

    def test_does_not_run(self):
        out = np.full((48, 64), 7, np.int16)
        explained = imgconv.explain(imgconv.sobel, self.IMAGE, out=out)
        assert explained.dtype == np.int16
        assert (out == 7).all()

    def test_same_plan_for_the_same_call(self):
        first = imgconv.explain(imgconv.sobel, self.IMAGE)
        assert imgconv.explain(imgconv.sobel, self.IMAGE + 1, mode="reflect", cval=0.0) is first
        assert imgconv.explain(imgconv.sobel, self.IMAGE, axis=0) is not first
        assert imgconv.explain(imgconv.sobel, self.IMAGE, mode="wrap") is not first
        assert imgconv.explain(imgconv.sobel, self.IMAGE[::-1]) is not first
        assert imgconv.explain(imgconv.sobel, self.IMAGE.astype(np.int8)) is not first

    def test_equal_kernels_share_a_plan(self):
        first, second = cases.random_kernel(3, 3), cases.random_kernel(3, 3)
        explained = imgconv.explain(imgconv.correlate, self.IMAGE, first)
        assert imgconv.explain(imgconv.correlate, self.IMAGE, second) is explained
        assert imgconv.explain(imgconv.convolve, self.IMAGE, first) is not explained

    def test_plans_are_frozen(self):
        explained = imgconv.explain(imgconv.sobel, self.IMAGE)
        with pytest.raises(AttributeError):
            explained.cost = 1.0
        assert not any(array.flags.writeable for array in explained.pointers)


# ---- caches ----------------------------------------------------------------------------------


class TestCache:
    def test_drops_the_oldest(self):
        cache = Cache(limit=100)
        for key in "abc":
            cache.put(key, key.upper(), 40)
        assert (cache.get("a"), cache.get("b"), cache.get("c")) == (None, "B", "C")
        assert cache.nbytes == 80

    def test_keeps_nothing_too_large(self):
        cache = Cache(limit=100)
        cache.put("a", 1, 60)
        cache.put("b", 2, 101)
        assert (cache.get("a"), cache.get("b")) == (1, None)

    def test_replaces(self):
        cache = Cache(limit=100)
        cache.put("a", 1, 60)
        cache.put("a", 2, 30)
        assert cache.get("a") == 2
        assert cache.nbytes == 30
        assert len(cache) == 1

    def test_forgets(self):
        cache = Cache(limit=100)
        cache.put("a", 1, 60)
        cache.clear()
        assert cache.get("a") is None
        assert cache.nbytes == len(cache) == 0


def test_caches_hold_at_most_32_megabytes():
    caches = [plan.PLANS, linear.OPERATIONS]
    assert sum(cache.limit for cache in caches) <= 32 * MEGABYTE
    image = np.zeros((3, 3), np.float32)
    for i in range(40):
        kernel = np.zeros((400, 401))
        kernel[0, 0] = i
        imgconv.correlate(image, kernel)
    for cache in caches:
        assert 0 < cache.nbytes <= cache.limit
        cache.clear()


def test_number_of_operations_kept_is_bounded():
    """Operations without a kernel of the caller are small and few."""
    kept = [
        function.cache_info().maxsize
        for module in (linear, smoothing, gradients, derivatives)
        for function in vars(module).values()
        if hasattr(function, "cache_info")
    ]
    assert kept
    assert all(size is not None and size <= 128 for size in kept)


def test_borders_kept_do_not_grow_with_the_image():
    tracemalloc.start()
    try:
        for n in range(1 << 20, (1 << 20) + 8):
            imgconv.laplace(np.broadcast_to(np.uint8(1), (1, n)), dtype=np.uint8)
        plan.PLANS.clear()
        kept, _ = tracemalloc.get_traced_memory()
        assert kept < 4 * MEGABYTE
    finally:
        tracemalloc.stop()


# ---- memory ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large():
    """Return memory for an image and two results: 1024 rows of 4096 pixels of the widest type."""
    return tuple(np.zeros((1024, 4096 * 8), np.uint8) for _ in range(3))


def peak(call):
    """Return the bytes that a call takes beyond what is there."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize(
    "name",
    [
        "correlate-7x9",
        "gaussian-sigma4",
        "gaussian-sigma(8,0.6)-methodresample",
        "box-31",
        "sobel-None",
        "gradient-sobel",
        "unsharp_mask-1.0-1.0",
    ],
)
def test_memory_beside_the_result(large, name, dtype, threads):
    """At most 4 MB for each thread, whatever the size of the image."""
    case, (image, *outs) = BY_ID[name], (memory.view(dtype)[:, :4096] for memory in large)
    out = tuple(outs) if case.count == 2 else outs[0]
    with imgconv.threads(threads):
        assert peak(lambda: case.call(image, out=out)) <= threads * 4 * MEGABYTE


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("name", ["correlate-7x9", "gaussian-sigma4", "box-3", "sobel-None"])
def test_memory_in_place(large, name, dtype, threads):
    """No copy of the image, up to rows of 2048 pixels even of the widest type."""
    case, image = BY_ID[name], large[0].view(dtype)[:, :2048]
    with imgconv.threads(threads):
        assert peak(lambda: case.call(image, out=image)) <= threads * 4 * MEGABYTE


def test_memory_of_colour():
    image = np.zeros((512, 4096, 3), np.uint8)
    out = np.empty_like(image)
    with imgconv.threads(1):
        for case in (BY_ID["gaussian-sigma4"], BY_ID["sobel-None"]):
            call = lambda case=case: case.call(image, channel_axis=-1, out=out)  # noqa: E731
            assert peak(call) <= 4 * MEGABYTE


def test_modes():
    assert set(border.MODES) == set(cases.MODES)


# ---- import ----------------------------------------------------------------------------------


def test_import_is_light(tmp_path):
    """At most 150 ms of a processor beyond numpy's, the best of some tries; no other library."""
    compiled = os.environ | {"PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}
    program = (
        f"import sys, time; sys.path[:0] = {sys.path}; import numpy; began = time.process_time()\n"
        "import imgconv; print(time.process_time() - began)\n"
        "print({'scipy', 'matplotlib', 'click', 'PIL', 'skimage', 'cv2'} & set(sys.modules))"
    )
    seconds = []
    for _ in range(7):
        printed = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env=compiled,
        ).stdout.split("\n")
        assert printed[1] == "set()"
        seconds.append(float(printed[0]))
        if seconds[-1] < 0.15:
            return
    raise AssertionError(f"import took {min(seconds):.3f} s")

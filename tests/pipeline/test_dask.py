"""Pipelines on dask arrays: results are those of arrays in memory, bit for bit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from cases import MODES
from click.testing import CliRunner
from comparing import assert_same_bits
from hypothesis import given, settings
from hypothesis import strategies as st

import imgconv
from imgconv import Pipeline, cli
from imgconv.bench import memory
from imgconv.pipeline import step

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")
zarr = pytest.importorskip("zarr")
tifffile = pytest.importorskip("tifffile")

from chains import BRANCHED, POINTWISE, WINDOWED, noise  # noqa: E402

modes = st.sampled_from(MODES)
steps = st.one_of(
    st.builds(str.format, st.sampled_from(WINDOWED), modes),
    st.sampled_from(POINTWISE),
    st.builds(str.format, st.sampled_from(BRANCHED), modes, modes),
)
chains = st.lists(steps, min_size=1, max_size=4).map(" | ".join)
sides = st.integers(1, 60)
chunks = st.integers(1, 40)


def as_tuple(result):
    return result if isinstance(result, tuple) else (result,)


def assert_dask_equals_numpy(pipeline, image, chunks, **options):
    lazy = as_tuple(pipeline(da.from_array(image, chunks=chunks), **options))
    expected = as_tuple(pipeline(image, **options))
    found = dask.compute(*lazy, scheduler="synchronous")
    for promise, got, result in zip(lazy, found, expected, strict=True):
        assert (promise.shape, promise.dtype) == (result.shape, result.dtype)
        assert_same_bits(np.ascontiguousarray(got), np.ascontiguousarray(result))


@settings(max_examples=25)
@given(chains, st.tuples(sides, sides), st.tuples(chunks, chunks), st.integers(0, 99))
def test_any_chain_any_chunks(text, shape, chunk, seed):
    dtype = ("uint8", "float32", "uint16")[seed % 3]
    chunk = tuple(max(side, n // 4 + 1) for side, n in zip(chunk, shape, strict=True))
    assert_dask_equals_numpy(Pipeline(text), noise(shape, dtype, seed), chunk)


@pytest.mark.parametrize("mode", MODES)
def test_chunk_borders_are_invisible_in_every_mode(mode):
    text = f"gaussian(2, mode={mode}) | sobel(mode={mode}) | box((3, 5), mode={mode})"
    assert_dask_equals_numpy(Pipeline(text), noise((97, 83), "uint8"), (20, 31))
    mixed = f"laplace(mode=[{mode}, nearest], cval=9) | median(3, mode=[{mode}, nearest])"
    assert_dask_equals_numpy(Pipeline(mixed), noise((97, 83), "float32"), (25, 20))


@pytest.mark.parametrize("mode", MODES)
def test_chunks_smaller_than_the_halo(mode):
    pipeline = Pipeline(f"gaussian(5, mode={mode}) | gaussian(3, mode={mode})")
    assert_dask_equals_numpy(pipeline, noise((150, 90), "float32"), (4, 7))
    assert_dask_equals_numpy(pipeline, noise((20, 12), "float32"), (5, 5))


@pytest.mark.parametrize(
    ("text", "tasks"), [("gaussian(2) | sobel", 3), ("gradient", 3), ("invert", 2)]
)
def test_few_tasks_for_each_chunk(text, tasks):
    """The edges of a chunk, where it has neighbours, its results, and each of these by itself."""
    image = da.zeros((300, 400), chunks=100, dtype=np.uint8)
    graph = as_tuple(Pipeline(text)(image))[0].__dask_graph__()
    own = [layer for name, layer in graph.layers.items() if name.startswith("chunk-")]
    assert 12 <= sum(map(len, own)) <= tasks * 12


def test_resampled_gaussians_keep_their_grid():
    image = noise((210, 190), "uint8")
    assert_dask_equals_numpy(Pipeline("gaussian(20) | unsharp_mask(2)"), image, (33, 47))


def test_images_without_pixels():
    """Several images side by side have no rows either."""
    for shape in ((0, 9), (9, 0), (0, 0)):
        assert_dask_equals_numpy(
            Pipeline("gradient | laplace | magnitude"), np.zeros(shape, "uint8"), shape
        )


def test_colour_and_stacks():
    image = noise((40, 50, 3), "uint8")
    for text in ("grey | sobel", "bilateral(sigma_color=9) | median(3)"):
        assert_dask_equals_numpy(Pipeline(text), image, (17, 20, 2), channel_axis=2)
    assert_dask_equals_numpy(Pipeline("box(3) | sobel"), image, (17, 20, 2), axes=(0, 1))
    for shape in ((0, 9, 8), (0, 2, 9, 80), (2, 0, 300, 8)):
        empty = np.zeros(shape, "uint8")
        for text in ("gradient | magnitude", "gradient", "pool(2)"):
            assert_dask_equals_numpy(Pipeline(text), empty, shape, axes=(-2, -1))


@pytest.mark.parametrize("text", [*POINTWISE, "sobel", "canny", "normalize", "box(3) + sobel"])
def test_stacks_without_images(text):
    for shape, chunks in (((0, 12, 10), (1, 5, 4)), ((2, 0, 12, 10), (1, 1, 12, 10))):
        assert_dask_equals_numpy(Pipeline(text), np.zeros(shape, "uint8"), chunks, axes=(-2, -1))


@pytest.mark.parametrize("text", ["sobel", "grey", "threshold(otsu)", "canny", "box(3) + sobel"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_chunks_of_unknown_size_are_refused(text, axis):
    """Whether they are those of a stack, of rows or of columns."""
    image = da.zeros((6, 8, 10), chunks=4, dtype=np.uint8)
    some = da.compress(da.ones(image.shape[axis], chunks=4) > 0, image, axis=axis)
    message = "image must have chunks of known size, got shape .*nan.*compute_chunk_sizes"
    with pytest.raises(ValueError, match=message):
        Pipeline(text)(some, axes=(1, 2))
    known = Pipeline(text)(some.compute_chunk_sizes(), axes=(1, 2))
    assert known.shape == image.shape


def test_nothing_is_computed_before_it_is_asked_for():
    def never(_block):
        raise AssertionError("computed")

    image = da.zeros((64, 64), chunks=16, dtype=np.uint8).map_blocks(never, dtype=np.uint8)
    result = Pipeline("gaussian(1) | threshold(otsu) | canny | normalize")(image)
    assert (result.shape, result.dtype) == ((64, 64), np.float32)
    with pytest.raises(AssertionError, match="computed"):
        result.compute(scheduler="synchronous")


def test_out_is_refused():
    with pytest.raises(TypeError, match="out must be None"):
        Pipeline("sobel")(da.zeros((8, 8), chunks=4), out=np.zeros((8, 8)))


def test_one_thread_in_a_task(monkeypatch):
    def count(rows):
        from imgconv import get_num_threads

        return np.full(rows.shape, get_num_threads(), rows.dtype)

    image = da.zeros((8, 8), chunks=4, dtype=np.uint8)
    pipeline = Pipeline(step(count, halo=0))
    assert np.unique(pipeline(image).compute(scheduler="threads")) == [1]
    monkeypatch.setenv("IMGCONV_NUM_THREADS", "3")
    assert np.unique(pipeline(image).compute(scheduler="threads")) == [3]


# ---- a cluster of processes ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster():
    quiet = {
        "distributed.admin.tick.limit": "1h",
        "distributed.worker.profile.enabled": False,
        "distributed.comm.timeouts.connect": "3s",
    }
    with (
        dask.config.set(quiet),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
            memory_limit=0, silence_logs=50,
        ) as found,
    ):  # fmt: skip
        yield found


# ---- the command ---------------------------------------------------------------------------------


def run(*arguments):
    return CliRunner().invoke(cli.main, ["apply", *map(str, arguments)])


@pytest.mark.parametrize(
    "options",
    [{}, {"tile": (64, 64)}, {"compression": "zlib", "rowsperstrip": 16}, {"byteorder": ">"}],
)
def test_tiff_to_zarr(tmp_path, options):
    image = noise((300, 200), "uint16")
    source, result = tmp_path / "big.tif", tmp_path / "big.zarr"
    tifffile.imwrite(source, image, **options)
    done = run("gaussian(2) | sobel", source, "-o", result, "--chunk", 64)
    assert done.exit_code == 0, done.output
    found = zarr.open_array(result, mode="r")
    assert (found.chunks, found.metadata.zarr_format) == ((64, 64), 3)
    assert_same_bits(found[:], Pipeline("gaussian(2) | sobel")(image))
    again = tmp_path / "again.zarr"
    assert run("median", result, "-o", again).exit_code == 0
    assert_same_bits(zarr.open_array(again, mode="r")[:], Pipeline("median")(found[:]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.zarr", "big.tif", "big.zarr"]


def test_colour_to_zarr_on_a_cluster(tmp_path, cluster):
    image = noise((150, 90, 3), "uint8")
    source, result = tmp_path / "big.tif", tmp_path / "big.zarr"
    tifffile.imwrite(source, image, photometric="rgb")
    address = cluster.scheduler_address
    done = run("grey | box(5)", source, "-o", result, "--chunk", 64, "--scheduler", address)
    assert done.exit_code == 0, done.output
    expected = Pipeline("grey | box(5)")(image, channel_axis=2)
    assert_same_bits(zarr.open_array(result, mode="r")[:], expected)


def test_a_failed_run_leaves_nothing(tmp_path):
    source, result = tmp_path / "big.tif", tmp_path / "big.zarr"
    tifffile.imwrite(source, noise((100, 100), "uint8"))
    done = run("gradient", source, "-o", result)
    assert done.exit_code == 1
    assert "gives 2 images" in done.output
    done = run("sobel", source, "-o", result, "--scheduler", "tcp://127.0.0.1:1")
    assert done.exit_code == 1
    assert "no scheduler at tcp://127.0.0.1:1" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["big.tif"]


PEAK = """
import sys
from pathlib import Path
from imgconv.cli.jobs import Job
from imgconv.cli.large import run
from imgconv.bench.memory import resident
from imgconv.pipeline import Pipeline
peaks = []
for name in ("small", "large"):
    Path("/proc/self/clear_refs").write_text("5")
    job = Job(Path(f"{name}.tif"), Path(f"{name}.zarr"))
    done = run(job, Pipeline("gaussian(2) | median(3)"), 512, 2, None)
    peaks.append(resident("VmHWM"))
print(peaks[1] - peaks[0])
"""


@pytest.mark.skipif(
    not memory.available(), reason="this system does not report the memory of a process"
)
def test_memory_is_bounded_by_chunks(tmp_path):
    """A picture and a result that are 200 MB larger take less than 120 MB more."""
    for name, size in (("small", 1000), ("large", 10_000)):
        pixels = tifffile.memmap(tmp_path / f"{name}.tif", shape=(size, size), dtype=np.uint16)
        pixels[:] = np.arange(size) * 7
        pixels.flush()
    root = str(Path(imgconv.__file__).parent.parent)
    ran = subprocess.run(
        [sys.executable, "-c", PEAK], cwd=tmp_path, env={**os.environ, "PYTHONPATH": root},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) < 120 << 20


# ---- last, since the cluster must start a worker again -------------------------------------------


def test_cluster(cluster):
    image = noise((300, 200), "uint8")
    pipeline = Pipeline("gaussian(1.5) | sobel | threshold(otsu) | opening(3, mode=mirror)")
    with distributed.Client(cluster):
        got = pipeline(da.from_array(image, chunks=(64, 64))).compute()
    assert_same_bits(got, pipeline(image))


def test_a_worker_is_killed_in_the_middle(cluster):
    # A local function, so that workers, which cannot import this file, get its code.
    def slow(rows):
        time.sleep(0.1)
        return rows

    image = noise((240, 200), "uint8")
    pipeline = Pipeline("gaussian(1.5)", step(slow, halo=0), "median(5) | normalize")
    with distributed.Client(cluster) as client:
        workers = client.run(os.getpid)
        future = client.compute(pipeline(da.from_array(image, chunks=(60, 50))))
        time.sleep(0.4)
        assert not future.done()
        killed = next(iter(workers))
        os.kill(workers[killed], signal.SIGKILL)
        got = future.result(timeout=60)
        assert killed not in client.scheduler_info(n_workers=-1)["workers"]
    assert_same_bits(got, Pipeline("gaussian(1.5) | median(5) | normalize")(image))

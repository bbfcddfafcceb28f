"""Pipelines compared with the same chain in OpenCV, with their steps one by one, and on workers."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import imgconv
from imgconv.bench.measure import interleave
from imgconv.bench.memory import available, resident
from imgconv.pipeline import Pipeline

Image = NDArray[Any]


@dataclass(frozen=True)
class ChainCase:
    """A chain and the same work in OpenCV."""

    text: str
    opencv: Callable[[Any, Image], Image]
    dtype: str = "uint8"


def edges(cv2: Any, image: Image) -> Image:
    """Gaussian, magnitude of Sobel's derivatives, threshold."""
    border = {"borderType": cv2.BORDER_REFLECT}
    smooth = cv2.GaussianBlur(image, (13, 13), 1.5, **border)
    y, x = (
        cv2.Sobel(smooth, cv2.CV_32F, *order, scale=0.25, **border) for order in ((0, 1), (1, 0))
    )
    mask: Image = cv2.compare(cv2.magnitude(x, y), 5 * 2**0.5, cv2.CMP_GT)
    return mask


def sharper(cv2: Any, image: Image) -> Image:
    """The image plus its difference to a smooth one."""
    smooth = cv2.GaussianBlur(image, (17, 17), 2, borderType=cv2.BORDER_REFLECT)
    sharp: Image = cv2.addWeighted(image, 2, smooth, -1, 0)
    return sharp


def band_pass(cv2: Any, image: Image) -> Image:
    """A difference of Gaussians in float32, and a threshold."""
    pixels = image.astype(np.float32)
    low = cv2.GaussianBlur(pixels, (9, 9), 1, borderType=cv2.BORDER_REFLECT)
    high = cv2.GaussianBlur(pixels, (13, 13), 1.6, borderType=cv2.BORDER_REFLECT)
    mask: Image = cv2.compare(cv2.subtract(low, high), 2, cv2.CMP_GT)
    return mask


def denoised_edges(cv2: Any, image: Image) -> Image:
    """Bilateral filter and Canny's edges, whose Gaussian OpenCV leaves to the caller."""
    denoised = cv2.bilateralFilter(image, 5, 25, 2, borderType=cv2.BORDER_REFLECT)
    smooth = cv2.GaussianBlur(denoised, (9, 9), 1, borderType=cv2.BORDER_REFLECT)
    mask: Image = cv2.Canny(smooth, 25, 51, L2gradient=True)
    return mask


def brighter(cv2: Any, image: Image) -> Image:
    """Gaussian, more contrast, and limits."""
    smooth = cv2.GaussianBlur(image, (13, 13), 1.5, borderType=cv2.BORDER_REFLECT)
    stretched = cv2.addWeighted(smooth, 1.5, smooth, 0, -20)
    clipped: Image = cv2.min(cv2.max(stretched, 10), 200)
    return clipped


CHAINS = (
    ChainCase("gaussian(sigma=1.5) | sobel | threshold(value=5)", edges),
    ChainCase("gaussian(sigma=1.5) | sobel | threshold(value=5)", edges, "float32"),
    ChainCase(
        "gaussian(sigma=1.5) | scale(factor=1.5, offset=-20) | clip(low=10, high=200)", brighter
    ),
    ChainCase("unsharp_mask(radius=2)", sharper),
    ChainCase(
        "difference_of_gaussians(low_sigma=1, high_sigma=1.6) | threshold(value=2)", band_pass
    ),
    ChainCase(
        "bilateral(win_size=5, sigma_color=25, sigma_spatial=2, window=disk) "
        "| canny(low_threshold=25, high_threshold=51)",
        denoised_edges,
    ),
)
# Six steps, for the memory that they take; and a chain that takes long enough for several workers.
LONG = (
    "gaussian(sigma=1.5) | median(size=3) | unsharp_mask(radius=1) "
    "| gaussian(sigma=1) | sobel | threshold(value=5)"
)
HEAVY = (
    "median(size=9) | gaussian(sigma=6) | bilateral(win_size=9, sigma_color=25) | median(size=7)"
)


def sample_image(size: int) -> Image:
    """Return a smooth image with noise."""
    rng = np.random.default_rng(0)
    coarse = imgconv.gaussian(rng.random((size, size), np.float32), 6)
    coarse -= coarse.min()
    coarse *= 230 / coarse.max()
    return (coarse + rng.integers(0, 25, (size, size))).astype(np.uint8)


def run(threads: list[int], budget: float, console: Console, size: int = 4096) -> None:
    """Measure time, memory and workers, and print them."""
    image = sample_image(size)
    grid = Table(
        title=f"pipelines, {size} x {size}, milliseconds; how many times imgconv is as fast",
        title_justify="left", box=SIMPLE_HEAD,
    )  # fmt: skip
    for name in ("chain", "dtype", "threads", "fused", "one by one", "", "OpenCV", ""):
        grid.add_column(name, justify="left" if name in {"chain", "dtype"} else "right")
    for row in rows(image, threads, budget):
        grid.add_row(*row)
    console.print(grid)
    if available():
        for count in threads:
            extra = in_process(partial(memory_beyond, LONG, size, count))
            console.print(
                f"memory of six steps beyond image and result, {count} threads: "
                f"{extra / 2**20:.1f} MB"
            )
    if find_spec("distributed"):
        one, two = (on_workers(size, workers) for workers in (1, 2))
        console.print(
            f"dask, {HEAVY}: {one:.2f} s on 1 worker, {two:.2f} s on 2, {one / two:.2f} times"
        )


def rows(image: Image, threads: list[int], budget: float) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each chain and number of threads."""
    cv2: Any = __import__("cv2") if find_spec("cv2") else None
    for chain in CHAINS:
        pipeline, pixels = Pipeline(chain.text), image.astype(chain.dtype, copy=False)
        for count in threads:
            imgconv.set_num_threads(count)
            calls: dict[str, Callable[[], Any]] = {
                "fused": partial(pipeline, pixels),
                "steps": partial(one_by_one, pipeline, pixels),
            }
            if cv2 is not None:
                cv2.setNumThreads(count)
                calls["cv2"] = partial(chain.opencv, cv2, pixels)
            found = {name: t.median for name, t in interleave(calls, budget, 1e-3).items()}
            cells = [chain.text, chain.dtype, str(count), f"{found['fused'] * 1e3:.1f}"]
            for name in ("steps", "cv2"):
                time = found.get(name)
                cells += ["-", ""] if time is None else [
                    f"{time * 1e3:.1f}", f"{time / found['fused']:.2f}x"]  # fmt: skip
            yield tuple(cells)


def one_by_one(pipeline: Pipeline, image: Image) -> Any:
    """Return the result of the steps, each on the whole image."""
    for _, result in pipeline.stepwise(image):
        last = result
    return last


def in_process(work: Callable[[], int]) -> int:
    """Return what a function returns that is called in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work)


def memory_beyond(text: str, size: int, threads: int) -> int:
    """Return the bytes that a pipeline takes at its peak beyond image and result."""
    imgconv.set_num_threads(threads)
    pipeline, image = Pipeline(text), sample_image(size)
    pipeline(image[:64, :64])
    out = np.ones(image.shape, pipeline.plan(image.shape).dtype)
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    pipeline(image, out=out)
    return max(0, resident("VmHWM") - before)


def on_workers(size: int, workers: int) -> float:
    """Return the seconds that a chain takes on worker processes of one thread each."""
    import time

    import dask.array as da
    from distributed import Client, LocalCluster

    pipeline = Pipeline(HEAVY)
    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=50
        ) as cluster,
        Client(cluster) as client,
    ):
        noise = da.random.default_rng(0).integers(0, 256, (size, size), np.uint8, chunks=512)
        chunks = client.persist(noise)
        # A first call, so that every worker has loaded its modules.
        client.compute(pipeline(chunks[:2048, :2048]).sum()).result()
        begun = time.perf_counter()
        client.compute(pipeline(chunks).sum()).result()
        return time.perf_counter() - begun

"""Pictures larger than memory: TIFF and zarr in, zarr out, by dask."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np

from imgconv import files
from imgconv.batch import ZARR, Done, Job
from imgconv.files import About, PhotoError
from imgconv.pipeline import Pipeline


class Rows:
    """The pixels of an uncompressed TIFF page, read from the file as they are asked for."""

    def __init__(self, path: Path, offset: int, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.path, self.offset, self.shape, self.dtype = path, offset, shape, dtype
        self.ndim = len(shape)

    def __getitem__(self, key: Any) -> np.ndarray:
        """Return a copy of some pixels; the file is open no longer than that takes."""
        pixels = np.memmap(self.path, self.dtype, "r", self.offset, self.shape)
        return np.array(pixels[key], self.dtype.newbyteorder("="))


def about(path: Path) -> About:
    """Return what a zarr array holds."""
    import zarr

    array = zarr.open_array(path, mode="r")
    return About(tuple(array.shape), np.dtype(array.dtype), 1)


def read(path: Path, chunk: int) -> Any:
    """Return a picture as a dask array whose chunks are read as they are asked for."""
    import dask.array as da

    if path.suffix.lower() == ZARR or files.is_zarr(path):
        array = da.from_zarr(str(path))
        return (
            array.rechunk({0: chunk, 1: chunk}) if max(array.chunksize[:2]) > 4 * chunk else array
        )
    import tifffile

    with tifffile.TiffFile(path) as file:
        page: Any = file.pages.first
        if page.axes not in {"YX", "YXS"}:
            raise PhotoError(f"a TIFF page with axes {page.axes}, not a flat picture")
        sides = tuple(min(chunk, n) for n in page.shape[:2]) + tuple(page.shape[2:])
        if page.is_contiguous:
            # Whole rows, as they lie in the file.
            rows = Rows(
                path, page.dataoffsets[0], page.shape, page.dtype.newbyteorder(file.byteorder)
            )
            tall = max(64, min(chunk, chunk * chunk // page.shape[1]))
            return da.from_array(
                rows, (tall, *page.shape[1:]), meta=np.empty((0,) * rows.ndim, page.dtype)
            )
    store = tifffile.imread(path, aszarr=True, chunkmode="page" if sides == page.shape else None)
    return da.from_zarr(store).rechunk(sides)


def run(job: Job, pipeline: Pipeline, chunk: int, threads: int, scheduler: str | None) -> Done:
    """Run a pipeline on a picture of any size; the result is written whole or not at all."""
    begun = time.perf_counter()
    try:
        if job.result.suffix.lower() != ZARR:
            raise PhotoError(f"{job.result}: from zarr, the result is {ZARR}, too")
        image = read(job.source, chunk)
        channel_axis = -1 if image.ndim > 2 else None
        result = pipeline(image, channel_axis=channel_axis)
        if isinstance(result, tuple):
            raise PhotoError(
                f"the pipeline gives {len(result)} images; magnitude makes one of them"
            )
        with files.whole_or_not(job.result) as temporary, computing(scheduler, threads):
            sides = {axis: min(chunk, n) for axis, n in enumerate(result.shape[:2])}
            result.rechunk(sides).to_zarr(str(temporary))
    except (PhotoError, ValueError, TypeError, OSError, MemoryError) as error:
        return Done(job, " ".join(str(error).split()) or "too large for this machine's memory")
    return Done(job, "", math.prod(image.shape[:2]), time.perf_counter() - begun)


@contextmanager
def computing(scheduler: str | None, threads: int) -> Iterator[None]:
    """Compute on the threads of this process, or on a cluster, whose dashboard is named."""
    import dask

    if scheduler is None:
        from dask.diagnostics import ProgressBar

        bar = ProgressBar(out=sys.stderr if sys.stderr.isatty() else None, dt=0.5, minimum=1)
        with dask.config.set(scheduler="threads", num_workers=threads), bar:
            yield
        return
    from distributed import Client

    try:
        client = Client(scheduler, timeout="5s", set_as_default=True)
    except OSError as error:
        raise PhotoError(f"no scheduler at {scheduler} ({error})") from None
    with client:
        if client.dashboard_link:
            click.echo(f"dashboard: {client.dashboard_link}")
        yield

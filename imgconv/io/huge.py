"""Pictures larger than memory: TIFF and zarr in, zarr out, by dask."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import click
import numpy as np

from imgconv.cli.jobs import ZARR, Done, Job
from imgconv.io import files
from imgconv.io.files import About, PhotoError
from imgconv.pipeline import Pipeline


class Page:
    """The first page of a TIFF file, whose pixels are read as they are asked for.

    The file is open no longer than that takes, and any process that sees it can do it.
    """

    def __init__(self, path: Path) -> None:
        import tifffile

        with tifffile.TiffFile(path) as file:
            page: Any = file.pages.first
            if page.axes not in {"YX", "YXS"}:
                raise PhotoError(f"a TIFF page with axes {page.axes}, not a flat picture")
            self.path, self.shape, self.ndim = path.absolute(), page.shape, page.ndim
            self.stored = page.dtype.newbyteorder(file.byteorder)
            self.dtype = np.dtype(page.dtype)
            self.offset = page.dataoffsets[0] if page.is_contiguous else None
            self.tiled = page.is_tiled

    def __getitem__(self, key: Any) -> np.ndarray:
        """Return some pixels."""
        if self.offset is not None:
            pixels = np.memmap(self.path, self.stored, "r", self.offset, self.shape)
            return np.array(pixels[key], self.dtype)
        import tifffile
        import zarr

        with tifffile.TiffFile(self.path) as file, file.pages.first.aszarr() as store:
            return np.asarray(zarr.open_array(store, mode="r")[key], self.dtype)

    def chunks(self, side: int) -> tuple[int, ...]:
        """Return pieces of some side squared pixels: whole rows, unless the file is tiled."""
        height, width = self.shape[:2]
        if self.tiled:
            return min(side, height), min(side, width), *self.shape[2:]
        return min(height, max(64, side * side // width)), *self.shape[1:]


def about(path: Path) -> About:
    """Return what a zarr array holds."""
    import zarr

    array = zarr.open_array(path, mode="r")
    return About(tuple(array.shape), np.dtype(array.dtype), 1)


def read(path: Path, chunk: int) -> Any:
    """Return a picture as a dask array whose chunks are read as they are asked for."""
    import dask.array as da

    if path.suffix.lower() != ZARR and not files.is_zarr(path):
        page = Page(path)
        nothing = np.empty((0,) * page.ndim, page.dtype)
        return da.from_array(page, page.chunks(chunk), name=False, meta=nothing)
    array = da.from_zarr(str(path))
    large = max(array.chunksize[:2]) > 4 * chunk
    return array.rechunk({0: chunk, 1: chunk}) if large else array


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
            write(result, temporary, chunk)
    except (PhotoError, ValueError, TypeError, OSError, MemoryError) as error:
        return Done(job, " ".join(str(error).split()) or "too large for this machine's memory")
    return Done(job, "", math.prod(image.shape[:2]), time.perf_counter() - begun)


def write(image: Any, path: Path, chunk: int) -> None:
    """Compute a dask array into a zarr array (version 3) of square chunks.

    They are compressed by LZ4, which is as fast as most disks.
    """
    import dask.array as da
    import zarr
    from zarr.codecs import BloscCodec

    sides = tuple(min(chunk, n) for n in image.shape[:2]) + image.shape[2:]
    array = zarr.create_array(
        path,
        shape=image.shape,
        chunks=sides,
        dtype=image.dtype,
        compressors=BloscCodec(cname="lz4", shuffle="shuffle"),
    )
    target: Any = array
    da.store(image.rechunk(sides), target, lock=False)


@contextmanager
def computing(scheduler: str | None, threads: int) -> Iterator[None]:
    """Compute on the threads of this process, or on a cluster, whose dashboard is named."""
    import dask

    if scheduler is None:
        from dask.diagnostics import ProgressBar

        shown = sys.stderr.isatty()
        bar = ProgressBar(out=sys.stderr, dt=0.5, minimum=1) if shown else nullcontext()
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

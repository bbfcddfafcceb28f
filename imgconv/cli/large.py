"""Pictures larger than memory: a pipeline on the chunks of a dask array, from TIFF or zarr to zarr.

The caller checks that dask, distributed and zarr are installed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TextIO

from imgconv import io
from imgconv.cli.images import prepared
from imgconv.cli.jobs import Job
from imgconv.cli.messages import Messages, show
from imgconv.cli.work import Done
from imgconv.io import atomic, zarr

if TYPE_CHECKING:
    from imgconv.pipeline import Pipeline

__all__ = ["run"]


def run(
    job: Job,
    pipeline: Pipeline,
    chunk: int,
    threads: int,
    scheduler: str | None,
    max_pixels: int = io.MAX_PIXELS,
    messages: Messages | None = None,
) -> Done:
    """Run a pipeline on a picture of any size; the result is written whole or not at all."""
    begun = time.perf_counter()
    if job.result.suffix.lower() != zarr.SUFFIX:
        raise io.PictureError(
            f"{job.result}: the result of a zarr array must be {zarr.SUFFIX}, too"
        )
    picture = io.read_lazily(job.source, chunk, max_pixels)
    pipeline, image, opacity = prepared(picture, pipeline)
    result = pipeline(image, channel_axis=-1 if image.ndim > 2 else None)
    made = picture.with_colours(result, opacity).full_depth()
    with (
        atomic.temporary_path(job.result) as temporary,
        computing(scheduler, threads, messages.terminal if messages else None),
    ):
        zarr.write(made.pixels, temporary, chunk, made.alpha)
    return Done(job, size=image.shape[:2], seconds=time.perf_counter() - begun)


@contextmanager
def computing(scheduler: str | None, threads: int, terminal: TextIO | None) -> Iterator[None]:
    """Compute on the threads of this process, or on a cluster, whose dashboard is named."""
    import dask

    if scheduler is None:
        from dask.diagnostics.progress import ProgressBar

        bar: Any = ProgressBar  # without annotations
        shown = terminal is not None and terminal.isatty()
        with (
            dask.config.set(scheduler="threads", num_workers=threads),
            bar(out=terminal, dt=0.5, minimum=1) if shown else nullcontext(),
        ):
            yield
        return
    import distributed

    connect: Any = distributed.Client  # without annotations
    try:
        client = connect(scheduler, timeout="5s", set_as_default=True)
    except OSError as error:
        raise io.PictureError(f"no scheduler at {scheduler} ({error})") from None
    with client:
        if client.dashboard_link:
            show(f"dashboard: {client.dashboard_link}")
        yield

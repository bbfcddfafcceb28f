"""Runs the jobs of a command: progress, failures, a summary and the exit code.

A picture that fails is one line on stderr, and the others are done.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from typing import NamedTuple

import click

import imgconv
from imgconv import io
from imgconv.cli.jobs import Job

__all__ = ["Done", "Work", "attempt", "exit_if_failed", "run_in_turn", "run_together", "summarize"]


class Done(NamedTuple):
    """What became of a job: an error message, or the picture's size and the time it took."""

    job: Job
    error: str = ""
    size: tuple[int, ...] = (0, 0)  # height and width
    pages: int = 1
    seconds: float = 0.0

    @property
    def pixels(self) -> int:
        """The number of pixels of all pages."""
        return math.prod(self.size) * self.pages


Work = Callable[[Job], Done]


def attempt(work: Work, job: Job) -> Done:
    """Return what became of a job; an error of its picture becomes a message."""
    try:
        return work(job)
    except io.PictureTooLargeError as error:
        return Done(job, f"{error} (--max-megapixels)")
    except (io.PictureError, OSError, ValueError, TypeError, MemoryError) as error:
        return Done(job, " ".join(str(error).split()) or "too large for this machine's memory")


def run_in_turn(jobs: Sequence[Job], work: Work, title: str, threads: int | None) -> None:
    """Run jobs one after another, each on all threads, and report each; exit if any failed."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(soft_wrap=True, highlight=False, markup=False)
    # The bar may redirect stderr only where that is the same terminal.
    bar = Progress(
        console=console,
        transient=True,
        redirect_stderr=sys.stderr.isatty(),
        disable=len(jobs) == 1 or not console.is_terminal,
    )
    finished: list[Done] = []
    with bar, imgconv.threads(threads) if threads else nullcontext():
        for job in bar.track(jobs, description=title):
            done = attempt(work, job)
            finished.append(done)
            if done.error:
                print_error(done)
            else:
                names = " -> ".join(map(click.format_filename, job))
                height, width = done.size
                speed = rate(done.pixels, done.seconds)
                console.print(f"{names}: {width} x {height}, {speed}")
    if len(jobs) > 1:
        good = [done for done in finished if not done.error]
        speed = rate(sum(done.pixels for done in good), sum(done.seconds for done in good))
        console.print(f"{len(good)} of {len(jobs)} photos, {speed}")
    exit_if_failed(finished)


def run_together(
    jobs: Sequence[Job], work: Work, title: str, at_once: int, threads: int
) -> list[Done]:
    """Run several jobs at once, which share the threads; after Ctrl-C, summarize and exit."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    if not jobs:
        return []
    at_once = min(at_once, len(jobs))
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip

    def on_its_threads(job: Job) -> Done:
        with imgconv.threads(max(1, threads // at_once)):
            return attempt(work, job)

    finished: list[Done] = []
    begun, pixels = time.perf_counter(), 0
    with bar, ThreadPoolExecutor(at_once, thread_name_prefix="imgconv-files") as pool:
        task = bar.add_task(title, total=len(jobs), rate="")
        try:
            for done in as_finished(pool, on_its_threads, jobs, ahead=2 * at_once):
                finished.append(done)
                pixels += done.pixels
                speed = pixels / 1e6 / (time.perf_counter() - begun)
                bar.update(task, advance=1, rate=f"{speed:.3g} MP/s")
        except KeyboardInterrupt:
            pool.shutdown(wait=True, cancel_futures=True)
            bar.stop()
            summarize(finished, left=len(jobs) - len(finished))
            raise SystemExit(130) from None
    return finished


def as_finished(
    pool: ThreadPoolExecutor, work: Work, jobs: Sequence[Job], ahead: int
) -> Iterator[Done]:
    """Yield results as jobs finish; at most `ahead` jobs are in the pool."""
    waiting: set[Future[Done]] = set()
    for job in jobs:
        waiting.add(pool.submit(work, job))
        if len(waiting) >= ahead:
            ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in ended)
    while waiting:
        ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        yield from (future.result() for future in ended)


def print_error(done: Done) -> None:
    """Print which picture failed and why."""
    print(f"imgconv: {click.format_filename(done.job.source)}: {done.error}", file=sys.stderr)


def summarize(finished: Sequence[Done], skipped: int = 0, left: int = 0) -> None:
    """Print what failed and why, and in one line what was done."""
    failed = [done for done in finished if done.error]
    good = [done for done in finished if not done.error]
    for done in failed:
        print_error(done)
    pixels, seconds = sum(done.pixels for done in good), sum(done.seconds for done in good)
    parts = [f"{len(good)} done"]
    parts += [f"{pixels / 1e6:.3g} MP in {seconds:.3g} s"] if good else []
    parts += [f"{skipped} skipped"] if skipped else []
    parts += [f"{len(failed)} failed"] if failed else []
    parts += [f"{left} not begun"] if left else []
    click.echo(", ".join(parts))


def exit_if_failed(finished: Sequence[Done]) -> None:
    """Exit with code 1 if any job failed."""
    if any(done.error for done in finished):
        raise SystemExit(1)


def rate(pixels: int, seconds: float) -> str:
    """Return a time and the speed as text.

    >>> rate(2_000_000, 0.004)
    '4 ms, 500 MP/s'
    """
    return f"{seconds * 1e3:.3g} ms, {pixels / 1e6 / seconds if seconds else 0:.3g} MP/s"

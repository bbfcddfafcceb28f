"""Runs the jobs of a command: several at once, with progress, failures, a summary, an exit code.

A picture that fails is one line on stderr, and the others are done.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import NamedTuple, TextIO

import click

import imgconv
from imgconv import io
from imgconv.cli.jobs import Job, Naming, folder_of, jobs_for
from imgconv.cli.listing import Listing, find_pictures
from imgconv.cli.messages import Messages, show
from imgconv.cli.options import Settings
from imgconv.cli.pipes import check_terminals, is_stream
from imgconv.cli.work import Done, Recipe, filter_file

__all__ = ["Batch", "Share", "batch_of", "run", "run_recipe"]

INTERRUPTED = 130  # the exit code after Ctrl-C, as in a shell

Work = Callable[[Job], Done]


class Batch(NamedTuple):
    """The jobs of a command, and what was found beside them."""

    jobs: list[Job]
    skipped: int
    listing: Listing
    messages: Messages


class Share(NamedTuple):
    """Jobs that one function does, so many at once."""

    jobs: Sequence[Job]
    work: Work
    at_once: int


def batch_of(settings: Settings, naming: Naming) -> Batch:
    """Return the jobs for the pictures among the inputs."""
    if settings.out is None:
        raise click.UsageError("Missing option '-o' / '--out'.")
    folder = folder_of(settings.out, naming.suffixes)
    listing = find_pictures(settings.inputs, naming.readable, folder)
    sources = listing.sources
    if not sources and not listing.unreadable:
        raise click.UsageError("no picture among the inputs")
    jobs = jobs_for(sources, settings.out, naming, settings.existing) if sources else []
    streams = [is_stream(path) for job in jobs for path in job]
    check_terminals(reads=any(streams[::2]), writes=any(streams[1::2]))
    return Batch(jobs, len(sources) - len(jobs), listing, Messages())


def run_recipe(settings: Settings, title: str, recipe: Recipe, naming: Naming) -> None:
    """Make of every picture what the recipe says; exit if any failed."""
    batch = batch_of(settings, naming)
    work = partial(filter_file, recipe=recipe, naming=naming, settings=settings)
    run(settings, title, batch, [Share(batch.jobs, work, settings.at_once)])


def run(settings: Settings, title: str, batch: Batch, shares: Sequence[Share]) -> None:
    """Run all jobs, report each and all together; exit if any failed, or after Ctrl-C."""
    messages = batch.messages
    report = Report(settings, batch)
    interrupted = False
    with ExitStack() as stack:
        if not settings.debug:
            stack.enter_context(messages.caught())
        advance = stack.enter_context(progress_bar(title, len(batch.jobs), messages))
        try:
            for share in shares:
                for done in as_finished(share, messages, settings):
                    report.add(done)
                    advance(report)
        except KeyboardInterrupt:
            interrupted = True
    report.summarize()
    if interrupted:
        raise SystemExit(INTERRUPTED)
    if report.failed:
        raise SystemExit(1)


# ---- running -------------------------------------------------------------------------------------


def as_finished(
    share: Share, messages: Messages, settings: Settings
) -> Generator[Done, None, None]:
    """Run jobs, several at once, which share the threads, and yield what became of each.

    Once it is closed, no more are begun.
    """
    at_once = min(share.at_once, len(share.jobs))
    if at_once == 0:
        return
    threads = max(1, settings.threads // at_once)

    def on_its_threads(job: Job) -> Done:
        with imgconv.threads(threads), messages.about(job.source):
            return attempt(share.work, job, settings.debug)

    if at_once == 1:
        yield from map(on_its_threads, share.jobs)
        return
    with ThreadPoolExecutor(at_once, thread_name_prefix="imgconv-files") as pool:
        try:
            waiting: set[Future[Done]] = set()
            for job in share.jobs:
                waiting.add(pool.submit(on_its_threads, job))
                # A few wait, so that no thread does; results are reported as they come.
                if len(waiting) >= 2 * at_once:
                    ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in ended)
            while waiting:
                ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in ended)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def attempt(work: Work, job: Job, debug: bool) -> Done:
    """Return what became of a job; whatever goes wrong becomes a message."""
    try:
        return work(job)
    except Exception as error:
        if debug:
            traceback.print_exc()
        return Done(job, message_of(error))


def message_of(error: Exception) -> str:
    """Return what went wrong on one line."""
    text = " ".join(str(error).split())
    if isinstance(error, io.PictureTooLargeError):
        return f"{text} (--max-megapixels)"
    if isinstance(error, MemoryError):
        return text or "too large for this machine's memory"
    if isinstance(error, io.PictureError) and text:
        return text
    if isinstance(error, OSError):
        return error.strerror or text
    # No picture should lead to this: it is a fault of the program.
    return f"{type(error).__name__}: {text} (--debug shows where)"


# ---- reporting -----------------------------------------------------------------------------------


class Report:
    """Prints what becomes of the pictures: each at once, and at the end all that failed."""

    def __init__(self, settings: Settings, batch: Batch) -> None:
        self.batch = batch
        self.messages = batch.messages
        self.quiet = settings.quiet
        self.to_stderr = settings.out is not None and is_stream(settings.out)
        self.begun = time.perf_counter()
        self.done = 0
        self.pixels = 0
        self.failed = [
            Done(Job(folder, folder), f"cannot be listed ({error.strerror})")
            for folder, error in batch.listing.unreadable.items()
        ]

    @property
    def megapixels_a_second(self) -> float:
        """The speed of all, with reading and writing."""
        return self.pixels / 1e6 / (time.perf_counter() - self.begun)

    def add(self, done: Done) -> None:
        """Count a job, and print what it made."""
        if done.error:
            self.failed.append(done)
            return
        self.done += 1
        self.pixels += done.pixels
        if done.left_out:
            self.messages.add(done.left_out, [done.job.source])
        height, width = done.size
        pages = f", {done.pages} pages" if done.pages > 1 else ""
        speed = rate(done.pixels, done.seconds)
        self.say(f"{done.job.source} -> {done.job.result}: {width} x {height}{pages}, {speed}")

    def say(self, text: str) -> None:
        """Print a line, unless the user wants none."""
        if not self.quiet:
            show(text, sys.stderr if self.to_stderr else sys.stdout)

    def summarize(self) -> None:
        """Print what failed and why, what was left out, and in one line what was done."""
        for folder in self.batch.listing.empty:
            self.messages.add("a folder without pictures", [folder])
        for done in self.failed:
            show(f"imgconv: {done.job.source}: {done.error}", sys.stderr)
        if not self.quiet:
            for line in self.messages.lines({done.job.source for done in self.failed}):
                show(f"imgconv: {line}", sys.stderr)
        if self.batch.listing.others:
            self.say(left_out(self.batch.listing.others))
        total = len(self.batch.jobs) + len(self.batch.listing.unreadable)
        left = total - self.done - len(self.failed)
        if total > 1 or self.batch.skipped or left:
            self.say(self.summary(left))

    def summary(self, left: int) -> str:
        """Return in one line what was done."""
        seconds = time.perf_counter() - self.begun
        parts = [f"{self.done} done"]
        parts += [f"{self.pixels / 1e6:.3g} MP in {seconds:.3g} s"] if self.done else []
        parts += [f"{self.batch.skipped} skipped"] if self.batch.skipped else []
        parts += [f"{len(self.failed)} failed"] if self.failed else []
        parts += [f"{left} not begun"] if left else []
        return ", ".join(parts)


def left_out(others: Counter[str]) -> str:
    """Return in one line how many files in folders are no pictures, by their suffix.

    >>> left_out(Counter({".txt": 2, "": 1}))
    'left out: 3 files that are no pictures (2 .txt, 1 without suffix)'
    """
    most = sorted(others.items(), key=lambda item: (-item[1], item[0]))[:4]
    kinds = [f"{count} {suffix or 'without suffix'}" for suffix, count in most]
    more = ", ..." if len(others) > len(kinds) else ""
    count = others.total()
    what = "file that is no picture" if count == 1 else "files that are no pictures"
    return f"left out: {count} {what} ({', '.join(kinds)}{more})"


@contextmanager
def progress_bar(title: str, total: int, messages: Messages) -> Iterator[Callable[[Report], None]]:
    """Show a progress bar on a terminal, and give what moves it on by one picture."""
    if total < 2 or not _is_terminal(messages.terminal):
        yield lambda report: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    # Lines on stdout come above the bar where both are on one terminal.
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[state]}"), TimeRemainingColumn(),
        console=Console(file=messages.terminal), transient=True,
        redirect_stdout=_is_terminal(sys.stdout), redirect_stderr=_is_terminal(sys.stderr),
    )  # fmt: skip
    task = bar.add_task(title, total=total, state="")

    def advance(report: Report) -> None:
        failed = f", {len(report.failed)} failed" if report.failed else ""
        bar.update(task, advance=1, state=f"{report.megapixels_a_second:.3g} MP/s{failed}")

    with bar:
        yield advance


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def rate(pixels: int, seconds: float) -> str:
    """Return a time and the speed as text.

    >>> rate(2_000_000, 0.004)
    '4 ms, 500 MP/s'
    """
    return f"{seconds * 1e3:.3g} ms, {pixels / 1e6 / seconds if seconds else 0:.3g} MP/s"

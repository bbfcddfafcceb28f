"""A chain on all pictures that were given, in the background: the runner of `imgconv apply`."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

import imgconv
from imgconv import io
from imgconv.cli.apply import suffix_for
from imgconv.cli.jobs import Naming
from imgconv.cli.options import Settings
from imgconv.cli.runner import Share, as_finished, batch_of, message_of
from imgconv.cli.work import Done, filter_file, filtered
from imgconv.pipeline import Pipeline, PipelineError

__all__ = ["FolderRun"]


class FolderRun:
    """A run and how far it is; it is over when `running` is False.

    Raises
    ------
    PipelineError
        If there is no picture, or a result exists and is not to be replaced.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        inputs: Sequence[str],
        out: Path,
        replace: bool = False,
        max_pixels: int = io.MAX_PIXELS,
    ) -> None:
        threads = imgconv.get_num_threads()
        self.settings = Settings(
            tuple(inputs), out, "replace" if replace else "refuse", threads, threads, max_pixels,
            strip=False, quality=None, quiet=True, debug=False,
        )  # fmt: skip
        naming = Naming(suffix_for, io.READABLE, io.SUFFIXES)
        try:
            self.batch = batch_of(self.settings, naming)
        except click.UsageError as error:
            # What the page has instead of the option stands beside the message.
            raise PipelineError(error.format_message().partition("; --overwrite")[0]) from None
        recipe = partial(filtered, pipeline=pipeline, floats="stretch", alpha="weighed")
        work = partial(filter_file, recipe=recipe, naming=naming, settings=self.settings)
        self._share = Share(self.batch.jobs, work, self.settings.at_once)
        self.out, self.total = out, len(self.batch.jobs)
        self.done: list[Done] = []
        self.failed: list[Done] = []
        self.seconds = 0.0
        self.error = ""
        self._cancelled = False
        self._thread = threading.Thread(target=self._work, name="imgconv-run", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether pictures are in work."""
        return self._thread.is_alive()

    def cancel(self) -> None:
        """Begin no more pictures."""
        self._cancelled = True

    def wait(self) -> None:
        """Wait for the end."""
        self._thread.join()

    def _work(self) -> None:
        begun = time.perf_counter()
        finished = as_finished(self._share, self.batch.messages, self.settings)
        try:
            for done in finished:
                (self.failed if done.error else self.done).append(done)
                self.seconds = time.perf_counter() - begun
                if self._cancelled:
                    break
        except Exception as error:
            self.error = message_of(error)
        finally:
            finished.close()

    @property
    def summary(self) -> str:
        """In one line what was done."""
        pixels = sum(each.pixels for each in self.done) / 1e6
        parts = [f"{len(self.done)} of {self.total} done, {pixels:.3g} MP in {self.seconds:.3g} s"]
        parts += [f"{len(self.failed)} failed"] if self.failed else []
        parts += [self.error] if self.error else []
        return ", ".join(parts)

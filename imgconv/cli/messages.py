"""What other libraries log, warn of and write to stderr while they read and write pictures.

Their lines name no picture, and would come between ours. So they are caught while pictures are in
work, and each is reported once, with the pictures that it is about.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

import click

from imgconv.core.threads import lock

__all__ = ["Messages", "printable", "show"]

STDERR = 2
# A library that writes more about a picture repeats itself.
MOST_BYTES = 65_536


class Messages(logging.Handler):
    """Lines about pictures, each with the pictures that it is about.

    Attributes
    ----------
    pictures : dict
        For each line of text the pictures, in the order in which they were found.
    terminal : text stream or None
        What stderr was before its lines were caught; None if it is closed.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.pictures: dict[str, dict[Path, None]] = {}
        self.terminal: TextIO | None = sys.stderr
        self._in_work: dict[Path, None] = {}
        self._thread = threading.local()
        self._written: int | None = None  # the file to which stderr goes
        self._position = 0
        self._guard = lock()

    def add(self, text: str, pictures: Iterable[Path]) -> None:
        """Note a line about these pictures."""
        line = " ".join(text.split())
        if line:
            self.pictures.setdefault(line, {}).update(dict.fromkeys(pictures))

    def lines(self, failed: Container[Path]) -> Iterator[str]:
        """Yield a line for each text: its first picture, and how many others there are.

        Pictures that failed have a line already.
        """
        for text, pictures in self.pictures.items():
            names = [name for name in pictures if name not in failed]
            more = f" ({len(names) - 1} more like this)" if len(names) > 1 else ""
            if names:
                yield f"{names[0]}: {text}{more}"
            elif not pictures:
                yield text

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Catch what is logged, warned of and written to stderr, also by compiled code."""
        root = logging.getLogger()
        show_warning = warnings.showwarning
        root.addHandler(self)
        warnings.showwarning = self._warned
        try:
            with self._stderr_caught():
                yield
        finally:
            warnings.showwarning = show_warning
            root.removeHandler(self)

    @contextmanager
    def about(self, picture: Path) -> Iterator[None]:
        """Note that what this thread does is about a picture."""
        with self._guard:
            self._collect()
            self._in_work[picture] = None
        self._thread.picture = picture
        try:
            yield
        finally:
            self._thread.picture = None
            with self._guard:
                self._collect()
                self._in_work.pop(picture, None)

    def emit(self, record: logging.LogRecord) -> None:
        """Note what a library logs."""
        self._note(record.getMessage())

    def _warned(self, message: Warning | str, *_: object, **_options: object) -> None:
        self._note(str(message))

    def _note(self, text: str) -> None:
        """Note a line about the picture of this thread, or about all, in a thread of a library."""
        picture = getattr(self._thread, "picture", None)
        with self._guard:
            self.add(text, [picture] if picture is not None else list(self._in_work))

    @contextmanager
    def _stderr_caught(self) -> Iterator[None]:
        """Send what compiled code writes to stderr into a file."""
        if sys.stderr is None or not hasattr(os, "pread"):
            yield
            return
        saved = os.dup(STDERR)
        # Python's own stream may be another one, as in tests.
        ours = _descriptor(sys.stderr) == STDERR
        sys.stderr.flush()
        with (
            tempfile.TemporaryFile() as written,
            open(saved, "w", encoding=sys.stderr.encoding, errors="replace") as terminal,
        ):
            self.terminal = terminal if ours else sys.stderr
            self._written, self._position = written.fileno(), 0
            os.dup2(self._written, STDERR)
            try:
                yield
            finally:
                sys.stderr.flush()
                os.dup2(saved, STDERR)
                self._collect()
                self._written, self.terminal = None, sys.stderr

    def _collect(self) -> None:
        """Note the lines that were written since the last time.

        They are about a picture that was in work; where several were, all of them are named.
        """
        if self._written is None or os.fstat(self._written).st_size == self._position:
            return
        lines = os.pread(self._written, MOST_BYTES, self._position)
        self._position = os.fstat(self._written).st_size
        names = list(self._in_work)
        for line in lines.decode(errors="replace").splitlines():
            if len(names) > 1:
                line += f" (of this picture or {' or '.join(map(str, names[1:]))})"
            self.add(line, names[:1])


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError, AttributeError):
        return None


def show(text: str, stream: TextIO | None = None) -> None:
    """Print a line, also where the terminal does not have all of its characters.

    What cannot be printed, since the pager was closed or the disk is full, ends no run.
    """
    stream = stream or sys.stdout
    if stream is None:
        return
    encoding = stream.encoding or "utf-8"
    line = printable(text).encode(encoding, "backslashreplace").decode(encoding)
    try:
        print(line, file=stream, flush=True)
    except OSError:
        # The rest goes nowhere, also what Python writes when it ends.
        with suppress(OSError, ValueError), open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())


def printable(text: str) -> str:
    r"""Return a text as one line without control characters, which names of files may contain.

    >>> printable("a\nb\x1b[2J.png")
    'a\\nb\\x1b[2J.png'
    """
    text = click.format_filename(text)
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )

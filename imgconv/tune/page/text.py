"""The chain as a text, which can be edited; an error is shown at its column."""

from __future__ import annotations

import re
from typing import Any

from nicegui import ui

from imgconv.tune.page.window import Window

__all__ = ["TextPanel"]

# Characters beside the column that is shown.
AROUND = 24


class TextPanel:
    """The text and its error."""

    def __init__(self, window: Window) -> None:
        self.window, self.quiet = window, False
        with ui.column().classes("text"):
            self.field = ui.textarea(value=window.session.text, on_change=self._typed)
            self.field.props(
                'filled dense autogrow debounce=200 spellcheck=false aria-label="Chain as text" '
                'placeholder="The chain as text"'
            )
            self.wrong = ui.label().classes("wrong").props('role="alert"')
            self.place = ui.label().classes("mono").style("white-space: pre; color: var(--wrong)")
        window.follow.append(self.follow)
        self.follow()

    def _typed(self, event: Any) -> None:
        if self.quiet:
            return
        text = " ".join(str(event.value or "").splitlines())
        self.window.session.set_text(text, self.window.origin)
        if self.window.session.text_error is None:
            # The cards follow the text of this window, too.
            for rebuild in self.window.rebuild:
                rebuild()

    def follow(self) -> None:
        """Show the session's text, unless what is typed means the same or is wrong."""
        error, session = self.window.session.text_error, self.window.session
        self.wrong.set_text(error.message if error else "")
        self.place.set_text(marked(error.text, error.column) if error else "")
        if error is None and squeezed(self.field.value) != squeezed(session.text):
            self.quiet = True
            self.field.set_value(session.text)
            self.quiet = False


def squeezed(text: Any) -> str:
    """Return a text without spaces, which mean nothing in a chain."""
    return re.sub(r"\s", "", str(text or ""))


def marked(text: str, column: int) -> str:
    """Return the part of a text about a column, and a mark below it.

    >>> print(marked("sobel | nosuch | invert", 9))
    sobel | nosuch | invert
            ^
    """
    if not column:
        return ""
    first = max(0, column - 1 - AROUND)
    part = text[first : column - 1 + AROUND]
    lead = "…" if first else ""
    return f"{lead}{part}\n{' ' * (column - 1 - first + len(lead))}^"

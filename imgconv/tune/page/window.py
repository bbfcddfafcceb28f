"""One browser window: what its parts share, and how they follow the session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nicegui import ui
from nicegui.client import Client

from imgconv.io import PictureError
from imgconv.pipeline import PipelineError
from imgconv.tune.desk import Desk
from imgconv.tune.session import Session
from imgconv.tune.tree import Place

__all__ = ["Window", "icon_button"]

# Seconds after a change of this window's own until its texts follow. The browser draws the page
# again for each of them, and would be late to draw the picture.
PAUSE = 0.12


class Window:
    """A browser window; parts add what is to be done when the session changes."""

    def __init__(self, desk: Desk, client: Client) -> None:
        self.desk, self.client, self.origin = desk, client, client.id
        self.rebuild: list[Callable[[], Any]] = []  # entries came, went or moved
        self.follow: list[Callable[[], Any]] = []  # anything changed
        self.place: Place = None  # where steps are added
        self._later: asyncio.TimerHandle | None = None
        desk.session.listeners.append(self._changed)
        client.on_delete(self._deleted)

    @property
    def session(self) -> Session:
        """What all windows share."""
        return self.desk.session

    def _deleted(self) -> None:
        if self._later is not None:
            self._later.cancel()
        if self._changed in self.session.listeners:
            self.session.listeners.remove(self._changed)

    def _changed(self, origin: str, moved: bool) -> None:
        if self._later is not None:
            self._later.cancel()
        if moved or origin != self.origin:
            with self.client:
                for rebuild in self.rebuild:
                    rebuild()
            self._follow()
        else:
            self._later = asyncio.get_running_loop().call_later(PAUSE, self._follow)

    def _follow(self) -> None:
        self._later = None
        with self.client:
            for follow in self.follow:
                follow()

    @contextmanager
    def telling(self, what: str = "") -> Iterator[None]:
        """Show what cannot be done as a message, with what it was tried on."""
        try:
            yield
        except (PictureError, PipelineError, OSError) as error:
            message = " ".join(f"{what} {error}".split())
            ui.notify(message, type="negative", position="bottom")


def icon_button(icon: str, tip: str, clicked: Callable[[], Any] | None = None, **props: str) -> Any:
    """Return a small button with a tip, which is also its name for readers of the screen."""
    button = ui.button(icon=icon, on_click=clicked).props("flat dense size=sm color=none")
    button.props(f'aria-label="{tip}"')
    for name, value in props.items():
        button.props(f'{name}="{value}"')
    with button:
        ui.tooltip(tip).props("delay=500")
    return button

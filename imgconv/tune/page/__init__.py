"""The page: on the left the chain, on the right the picture."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from imgconv.tune.desk import Desk
from imgconv.tune.page.chain import ChainPanel
from imgconv.tune.page.picture import PicturePanel
from imgconv.tune.page.text import TextPanel
from imgconv.tune.page.top import TopBar
from imgconv.tune.page.window import Window

__all__ = ["build"]

FILES = """
<link rel="stylesheet" href="tune-files/style.css">
<script defer src="tune-files/view.js"></script>
"""


def build(desk: Desk) -> None:
    """Draw the page in a new window."""
    ui.add_head_html(FILES)
    ui.colors(primary="#0067a8", negative="#b3400a", positive="#00714d")
    window = Window(desk, ui.context.client)
    top = TopBar(window)
    with ui.row().classes("main"):
        with ui.column().classes("side"):
            chain = ChainPanel(window)
            TextPanel(window)
        with ui.column().classes("right"):
            picture = PicturePanel(window)
    ui.keyboard(lambda event: pressed(event, window, top, chain, picture))
    ui.add_body_html("<script type=module>view.start()</script>")


async def pressed(
    event: Any, window: Window, top: TopBar, chain: ChainPanel, picture: PicturePanel
) -> None:
    """Do what a key means; those of the picture are done in the browser."""
    if not event.action.keydown:
        return
    held = event.modifiers.ctrl or event.modifiers.meta
    name = event.key.name.lower() if held else event.key.name
    redo = "y" if not event.modifiers.shift else "z"
    if held and name in ("z", "y"):
        (window.session.redo if name == redo else window.session.undo)()
    elif held and name == "s":
        top.save()
    elif held or event.modifiers.alt:
        return
    elif name == "/":
        chain.search.run_method("focus")
    elif name == "?":
        top.keys()
    elif name in ("x", "X"):
        top.swap()
    elif name in ("[", "]"):
        shifted = picture.shift(1 if name == "]" else -1)
        if shifted is not None:
            await shifted

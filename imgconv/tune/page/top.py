"""The bar at the top: chains A and B, undo, what goes out, runs, keys."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from imgconv.tune.page.window import Window, icon_button
from imgconv.tune.session import SLOTS

__all__ = ["TopBar"]

KEYS = {
    "/": "Add a step",
    "Ctrl Z, Ctrl Y": "Undo, redo",
    "Ctrl S": "Save the chain",
    "X": "Chain A or B",
    "F, 1, +, -": "Fit, 100 %, larger, smaller",
    "arrows": "Pan, if the picture has the focus",
    "S": "Divide or side by side",
    "O": "Before: the picture or the other chain",
    "B": "Hold for before",
    "[ ]": "The picture before, the next one",
    "Alt ↑, Alt ↓": "Move a step",
    "Tab, Space": "From field to field, switch",
    "?": "This list",
}


class TopBar:
    """Buttons for the whole chain, and their dialogs."""

    def __init__(self, window: Window) -> None:
        self.window = window
        desk, session = window.desk, window.session
        with ui.row().classes("top"):
            ui.label("imgconv tune").classes("brand")
            self.slots = ui.toggle(list(SLOTS), value=session.active, on_change=self._slot)
            self.slots.props("dense unelevated no-caps size=sm padding='2px 10px'")
            self.undo = icon_button("undo", "Undo (Ctrl Z)", session.undo)
            self.redo = icon_button("redo", "Redo (Ctrl Y)", session.redo)
            name = desk.gallery.path.name if desk.gallery.path else ""
            self.name = ui.label(name).classes("name q-ml-sm")
            ui.element("div").classes("space")
            self._copy()
            self._button("Save", "save", self.save)
            self._button("Run on pictures", "play_arrow", self.run)
            icon_button("contrast", "Dark or light", self._dark)
            icon_button("keyboard", "Keys (?)", self.keys)
        self.dark = ui.dark_mode(desk.dark)
        window.follow.append(self.follow)
        self.follow()

    def _button(self, text: str, icon: str, clicked: Any) -> Any:
        return ui.button(text, icon=icon, on_click=clicked).props(
            "flat dense no-caps size=12px color=none padding='2px 8px'"
        )

    def follow(self) -> None:
        """Show which chain is edited, and whether there is something to undo."""
        session = self.window.session
        self.undo.set_enabled(bool(session.history.past))
        self.redo.set_enabled(bool(session.history.future))
        if self.slots.value != session.active:
            self.slots.set_value(session.active)
        path = self.window.desk.gallery.path
        self.name.set_text(path.name if path else "")

    def _slot(self, event: Any) -> None:
        if event.value and event.value != self.window.session.active:
            self.window.session.choose(event.value)

    def swap(self) -> None:
        """Edit the other chain."""
        self.window.session.choose("B" if self.window.session.active == "A" else "A")

    def _dark(self) -> None:
        self.window.desk.dark = not self.dark.value if self.dark.value is not None else True
        self.dark.set_value(self.window.desk.dark)
        ui.run_javascript("setTimeout(view.refresh, 50)")

    # ---- out -------------------------------------------------------------------------------------

    def _copy(self) -> None:
        session = self.window.session
        with self._button("Copy", "content_copy", None), ui.menu().props("auto-close"):
            for title, text in (
                ("Text", lambda: session.pipeline().text),
                ("Python", session.python),
                ("Command line", self._command),
            ):
                ui.menu_item(title, lambda title=title, text=text: self._copied(title, text()))

    def _command(self) -> str:
        inputs = self.window.desk.inputs
        return self.window.session.command(inputs[0] if inputs else "photos/")

    def _copied(self, title: str, text: str) -> None:
        ui.clipboard.write(text)
        ui.notify(f"{title} copied", position="bottom", timeout=1500)

    def save(self) -> None:
        """Ask for a name, and save the chain."""
        with ui.dialog(value=True) as dialog, ui.card().classes("run"):
            ui.label("Save the chain").classes("text-subtitle1")
            ui.label(f"Into {self.window.desk.folder}").classes("mono")
            name = ui.input("Name, with .toml or .yaml", value=self.window.desk.chain_name)
            name.props("dense outlined autofocus").classes("full-width")
            replace = ui.checkbox("Replace the file if it exists")
            wrong = ui.label().classes("wrong").props('role="alert"')

            def save() -> None:
                try:
                    path = self.window.desk.save(name.value or "", replace.value)
                except (ValueError, OSError) as error:
                    wrong.set_text(" ".join(str(error).split()))
                    return
                dialog.close()
                ui.notify(f"Saved as {path.name}", position="bottom", timeout=2000)

            name.on("keydown.enter", save)
            with ui.row().classes("full-width justify-end"):
                ui.button("Cancel", on_click=dialog.close).props("flat no-caps color=none")
                ui.button("Save", on_click=save).props("unelevated no-caps")
        dialog.on("hide", dialog.delete)

    def run(self) -> None:
        """Ask for a folder, run the chain on all pictures, and show how far that is."""
        RunDialog(self.window)

    def keys(self) -> None:
        """Show the keys."""
        with ui.dialog(value=True) as dialog, ui.card():
            ui.label("Keys").classes("text-subtitle1")
            with ui.element("div").classes("keys"):
                for key, what in KEYS.items():
                    ui.html(f"<kbd>{key}</kbd>", sanitize=False)
                    ui.label(what)
        dialog.on("hide", dialog.delete)


class RunDialog:
    """A run on all pictures: where to, how far, what failed."""

    def __init__(self, window: Window) -> None:
        self.window = window
        desk = window.desk
        with ui.dialog(value=True).props("persistent") as self.dialog, ui.card().classes("run"):
            ui.label("Run on pictures").classes("text-subtitle1")
            given = ", ".join(desk.inputs[:4]) + (" …" if len(desk.inputs) > 4 else "")
            ui.label(f"{given}: {len(desk.gallery.paths)} pictures").classes("mono")
            ui.label(window.session.pipeline().text).classes("mono")
            self.out = ui.input(f"Folder of the results, in {desk.folder}", value="results")
            self.out.props("dense outlined").classes("full-width")
            self.replace = ui.checkbox("Replace results that exist")
            self.wrong = ui.label().classes("wrong").props('role="alert"')
            self.bar = ui.linear_progress(0, show_value=False).props("size=8px")
            self.summary = ui.label().props('role="status" id="run-summary"')
            self.log = ui.column().classes("log")
            with ui.row().classes("full-width justify-end"):
                self.stop = ui.button("Close", on_click=self._close)
                self.stop.props("flat no-caps color=none")
                self.start = ui.button("Run", on_click=self._start).props("unelevated no-caps")
        self.bar.set_visibility(False)
        self.listed = 0
        self.timer = ui.timer(0.2, self._follow)
        self.dialog.on("hide", self._gone)

    def _start(self) -> None:
        self.wrong.set_text("")
        try:
            self.window.desk.start(self.out.value or "", self.replace.value)
        except (ValueError, OSError) as error:
            self.wrong.set_text(" ".join(str(error).split()))
            return
        self.listed = 0
        self.log.clear()

    def _follow(self) -> None:
        run = self.window.desk.run
        running = run is not None and run.running
        self.start.set_enabled(not running)
        self.stop.set_text("Stop" if running else "Close")
        if run is None:
            return
        self.bar.set_visibility(True)
        count = len(run.done) + len(run.failed)
        self.bar.set_value(count / max(1, run.total))
        self.summary.set_text(("" if running else "Finished: ") + run.summary)
        with self.log:
            for each in run.failed[self.listed :]:
                ui.label(f"{each.job.source.name}: {each.error}").classes("wrong mono")
        self.listed = len(run.failed)

    def _close(self) -> None:
        run = self.window.desk.run
        if run is not None and run.running:
            run.cancel()
        else:
            self.dialog.close()

    def _gone(self) -> None:
        self.timer.cancel()
        self.dialog.delete()

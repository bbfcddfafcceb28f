"""The right side: the picture before and after, what is known of the result, further pictures."""

from __future__ import annotations

from html import escape
from typing import Any

from nicegui import run, ui

from imgconv.tune.page.window import Window, icon_button

__all__ = ["PicturePanel"]

# Of a file, in bytes; its pixels are limited as the command's.
MOST_UPLOADED = 1 << 30

STAGE = """
<canvas id="canvas" aria-label="The picture, before and after"></canvas>
<div id="divider" role="slider" tabindex="0" aria-label="Border between before and after"
  aria-valuemin="0" aria-valuemax="100"></div>
<div id="before-label" class="tag">before</div>
<div class="tag corner"><span id="badge" class="badge"></span>
  <span id="after-label">after</span></div>
<div id="fault" role="alert" style="display: none"></div>
<div class="state nothing"><div>No picture.<br>
  <span class="mono">imgconv tune photo.jpg</span> or a folder shows one, and so does
  <i>Add pictures</i> above.</div></div>
<div class="state reading">Reading the picture …</div>
<div class="state gone">No connection to imgconv tune.<br>It is tried again every second.</div>
"""
ABOUT = """
<div class="chart"><h2><span>Before</span><span id="dtype-before"></span></h2>
  <canvas id="histogram-before" role="img" aria-label="Histogram before"></canvas>
  <h2><span id="levels-before"></span></h2></div>
<div class="chart"><h2><span>After</span><span id="dtype-after"></span></h2>
  <canvas id="histogram-after" role="img" aria-label="Histogram after"></canvas>
  <h2><span id="levels-after"></span></h2></div>
<div class="facts"><h2>Result</h2><dl>
  <dt>Time</dt><dd id="time"></dd><dt>Speed</dt><dd id="speed"></dd>
  <dt>Halo</dt><dd id="halo"></dd></dl></div>
<div class="each"><h2>Steps, one by one</h2><div id="times"></div></div>
"""


class PicturePanel:
    """Toolbar, stage, facts and strip."""

    def __init__(self, window: Window) -> None:
        self.window = window
        with ui.row().classes("tools"):
            self._tools()
        ui.html(STAGE, sanitize=False).props('id="stage" tabindex="0"')
        ui.html(ABOUT, sanitize=False).classes("about")
        self._strip()

    def _tools(self) -> None:
        for icon, tip, call in (
            ("fit_screen", "Fit (F)", "fit()"),
            ("looks_one", "100 % (1)", "actual()"),
            ("remove", "Smaller (-)", "zoomBy(1 / 1.4)"),
            ("add", "Larger (+)", "zoomBy(1.4)"),
        ):
            self._client_button(icon, tip, f"view.{call}")
        ui.label("100 %").props('id="zoom"')
        ui.separator().props("vertical").classes("q-mx-xs")
        self._client_button(
            "vertical_split", "Divide or side by side (S)",
            "view.setMode(view.state.mode === 'side' ? 'divide' : 'side')",
        )  # fmt: skip
        self._client_button(
            "compare", "Before: the picture or the other chain (O)",
            "view.setBefore(view.state.before === 'other' ? 'picture' : 'other')",
        )  # fmt: skip
        hold = icon_button("flip_to_back", "Hold for before (B)")
        hold.on("pointerdown", js_handler="() => view.hold(true)")
        hold.on("pointerup", js_handler="() => view.hold(false)")
        hold.on("pointerleave", js_handler="() => view.hold(false)")
        self.upload = ui.upload(
            multiple=True, auto_upload=True, max_file_size=MOST_UPLOADED,
            on_upload=self._uploaded,
            on_rejected=lambda: ui.notify("a file of over 1 GiB", type="negative"),
        ).props("no-thumbnails").classes("hidden")  # fmt: skip
        icon_button("add_photo_alternate", "Add pictures", self._pick)
        ui.element("div").classes("space")
        ui.label().props('id="values"')

    def _pick(self) -> None:
        self.upload.run_method("pickFiles")

    async def _uploaded(self, event: Any) -> None:
        name, content = event.file.name, await event.file.read()
        with self.window.telling(name):
            number = await run.io_bound(self.window.desk.upload, name, content)
            if number is None:  # the server ends
                return
            await self.choose(number)
            self.window.session.tell()

    def _client_button(self, icon: str, tip: str, code: str) -> None:
        icon_button(icon, tip).on("click", js_handler=f"() => {code}")

    def _strip(self) -> None:
        self.strip = ui.row().classes("strip").props('role="listbox" aria-label="Pictures"')
        self._fill()
        self.window.follow.append(self._follow)
        self._timer = ui.timer(1.0, self._refresh, active=False)

    def _fill(self) -> None:
        gallery = self.window.desk.gallery
        self.strip.clear()
        self.strip.set_visibility(len(gallery.paths) > 1)
        self.shown = len(gallery.paths)
        with self.strip:
            for number, path in enumerate(gallery.paths):
                button = (
                    ui.element("button")
                    .classes("photo")
                    .on("click", lambda number=number: self.choose(number))
                )
                button.classes(add="chosen" * (number == gallery.chosen))
                button.props(f'title="{escape(path.name)}"')
                with button:
                    ui.html(
                        f'<img loading="lazy" src="thumbnail/{number}" alt="{escape(path.name)}">',
                        sanitize=False,
                    )

    def _follow(self) -> None:
        if self.shown != len(self.window.desk.gallery.paths):
            self._fill()
        # Small pictures are made again once nothing has changed for a second.
        self._timer.deactivate()
        self._timer = ui.timer(1.0, self._refresh, once=True)

    def _refresh(self) -> None:
        ui.run_javascript("view.thumbnails()")

    async def choose(self, number: int) -> None:
        """See another picture."""
        ui.run_javascript("document.getElementById('stage').classList.add('loading')")
        await run.io_bound(self.window.desk.choose, number)

    def shift(self, by: int) -> Any:
        """See the next picture, or the one before."""
        count = len(self.window.desk.gallery.paths)
        if count:
            return self.choose((self.window.desk.gallery.chosen + by) % count)
        return None

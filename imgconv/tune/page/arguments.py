"""The argument of a step as widgets, made from its description alone."""

from __future__ import annotations

from typing import Any

from nicegui import ui
from nicegui.elements.mixins.disableable_element import DisableableElement
from nicegui.elements.mixins.value_element import ValueElement

from imgconv.pipeline import ArgumentDescription
from imgconv.pipeline.steps import text_of
from imgconv.tune import tree
from imgconv.tune.page.window import Window, icon_button
from imgconv.tune.tree import Item

__all__ = ["ArgumentRow"]

UNITS = {
    "image": "",
    "image squared": "",
    "standard deviations": "sd",
    "cycles a pixel": "cycles/px",
    "pixels": "px",
    "radians": "rad",
}
NONE = "None"


class QuickSlider(ValueElement[float | None], DisableableElement):
    """A slider that tells of every move at once, not of those some time apart.

    It moves by itself: the browser does not draw the page again before the picture.
    """

    LOOPBACK = None

    def __init__(self, low: float, high: float, step: float, value: float, changed: Any) -> None:
        super().__init__(tag="q-slider", value=value, on_value_change=changed, throttle=0)
        self._props.update(min=low, max=high, step=step)


class ArgumentRow:
    """Name, widgets and error of one argument of a step."""

    def __init__(self, window: Window, item: Item, about: ArgumentDescription) -> None:
        self.window, self.key, self.about = window, item.key, about
        self.slider: QuickSlider | None = None
        self.field: Any = None
        self.slid = False
        self.quiet = False  # while widgets are set from the session
        with ui.element("div").classes("argument").props(f'data-argument="{about.name}"'):
            self._label()
            if about.kind == "bool":
                self._switch()
            elif about.kind == "choice":
                self._choice()
            else:
                self._number()
            self.reset = icon_button("restart_alt", f"Default of {about.name}", self._reset)
            self.wrong = ui.label().classes("wrong").props('role="alert"')
        self.update()

    # ---- what it is ------------------------------------------------------------------------------

    @property
    def item(self) -> Item | None:
        """The step, unless it is gone."""
        found = tree.find(self.window.session.entries, self.key)
        return found if isinstance(found, Item) else None

    @property
    def value(self) -> Any:
        """What is given, else the default."""
        given = getattr(getattr(self.item, "node", None), "arguments", {})
        return given.get(self.about.name, self.about.default)

    # ---- widgets ---------------------------------------------------------------------------------

    def _label(self) -> None:
        about = self.about
        unit = UNITS.get(about.unit, about.unit)
        with ui.element("div").classes("label"):
            ui.label(about.name).classes("inline")
            if unit:
                ui.label(f" {unit}").classes("inline unit")
            with ui.tooltip().props("delay=400 max-width=340px"):
                ui.label(about.details or about.help)
                ui.label(f"Takes {about.takes}; default {text_of(about.default)}.")

    def _switch(self) -> None:
        self.field = ui.switch(value=bool(self.value), on_change=self._picked)
        self.field.props("dense").classes("wide")

    def _choice(self) -> None:
        choices = [text_of(each) for each in self.about.choices]
        if self.about.optional or self.value is None:
            choices.insert(0, NONE)
        current = text_of(self.value)
        options = choices if current in choices else [current, *choices]
        self.field = ui.select(options, value=current, on_change=self._chosen)
        self.field.props("dense options-dense borderless").classes("wide")

    def _number(self) -> None:
        about, wide = self.about, self.about.slider is None
        if about.slider is not None:
            low, _, step = about.slider
            end = self._slider_end()
            self.slider = QuickSlider(low, end, step, self._on_slider(), self._slid)
            self.slider.props(f'aria-label="{about.name}" dense label')
        self.field = ui.input(on_change=self._typed)
        self.field.props(f'dense filled debounce=150 aria-label="{about.name}"')
        if wide:
            self.field.classes("wide")
        choices = [text_of(each) for each in about.choices]
        choices += [NONE] if about.optional else []
        if choices:
            with self.field.add_slot("append"), ui.button(icon="arrow_drop_down") as button:
                button.props(f'flat dense size=xs color=none aria-label="Words for {about.name}"')
                with ui.menu().props("auto-close"):
                    for word in choices:
                        ui.menu_item(word, lambda word=word: self._typed_word(word))

    def _number_given(self) -> float:
        """Return the value, of a pair the first one; of a word or None what is usual."""
        value = self.value[0] if isinstance(self.value, tuple) and self.value else self.value
        if isinstance(value, int | float):
            return value
        assert self.about.slider is not None
        start = self.about.start
        return start if isinstance(start, int | float) else self.about.slider.low

    def _on_slider(self) -> float:
        assert self.about.slider is not None
        low, high, _ = self.about.slider
        return min(max(self._number_given(), low), high)

    def _slider_end(self) -> float:
        """Return where the slider ends: windows that are wide are rare, so it grows with them."""
        assert self.about.slider is not None
        low, high, step = self.about.slider
        start = self.about.start
        if self.about.unit != "pixels" or not isinstance(start, int | float) or start <= 0:
            return high
        end = max(10 * start, 2 * self._number_given())
        return min(high, low + step * round((end - low) / step))

    # ---- changes by the user ---------------------------------------------------------------------

    def _set(self, value: Any) -> None:
        if not self.quiet:
            session = self.window.session
            session.set_argument(self.key, self.about.name, value, self.window.origin)

    def _slid(self, event: Any) -> None:
        if event.value is None or self.quiet:
            return
        self.slid = True
        assert self.about.slider is not None
        step = self.about.slider.step
        digits = max(0, len(f"{step:.6f}".rstrip("0").partition(".")[2]))
        number = round(float(event.value), digits)
        self._set(int(number) if self.about.kind == "integer" else number)

    def _picked(self, event: Any) -> None:
        self._set(bool(event.value))

    def _chosen(self, event: Any) -> None:
        words = {text_of(each): each for each in self.about.choices}
        self._set(words.get(event.value))

    def _typed(self, event: Any) -> None:
        text = str(event.value or "").strip()
        if self.quiet:
            return
        if not text:
            self._reset()
            return
        self.window.session.set_argument_text(self.key, self.about.name, text, self.window.origin)

    def _typed_word(self, word: str) -> None:
        self.window.session.set_argument_text(self.key, self.about.name, word, self.window.origin)
        self.update(force=True)

    def _reset(self) -> None:
        self.window.session.reset_argument(self.key, self.about.name, self.window.origin)
        self.update(force=True)

    # ---- what the session has --------------------------------------------------------------------

    def update(self, force: bool = False) -> None:
        """Show what the session has; a field in which something wrong was typed stays."""
        item = self.item
        if item is None:
            return
        name = self.about.name
        wrong = self.window.session.wrong.get((self.key, name))
        self.wrong.set_text(wrong.message if wrong else "")
        given = getattr(item.node, "arguments", {})
        self.reset.set_visibility(name in given and not self.about.required)
        if wrong is not None and not force:
            return
        self.quiet = True
        try:
            self._show(text_of(self.value), force)
        finally:
            self.quiet = False

    def _show(self, text: str, force: bool) -> None:
        if self.about.kind == "bool":
            self.field.set_value(bool(self.value))
        elif self.about.kind == "choice":
            if text not in self.field.options:
                self.field.set_options([text, *self.field.options])
            self.field.set_value(text)
        elif force or same_value(self.field.value, text) is False:
            self.field.set_value(text)
        if self.slider is not None and (self.slid or self.slider.value != self._on_slider()):
            if self._on_slider() > 0.9 * self.slider.props["max"]:
                self.slider.props["max"] = self._slider_end()
            self.slider.set_value(self._on_slider())
            self.slider.update()  # what the browser believes of it is older than its moves
            self.slid = False


def same_value(typed: Any, text: str) -> bool:
    """Whether what was typed means the value: `3` and `3.0` do, and the field is left alone.

    >>> same_value("3", "3.0"), same_value("3.5", "3.0"), same_value("(1,2)", "(1, 2)")
    (True, False, True)
    """
    typed = str(typed or "").replace(" ", "")
    text = text.replace(" ", "")
    try:
        return typed == text or float(typed) == float(text)
    except ValueError:
        return False

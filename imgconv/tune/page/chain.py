"""The chain as cards: added by search, dragged, switched off, with the arguments of each step."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from imgconv.pipeline import describe, descriptions
from imgconv.pipeline.steps import Step
from imgconv.tune import tree
from imgconv.tune.page.arguments import ArgumentRow
from imgconv.tune.page.window import Window, icon_button
from imgconv.tune.tree import Entries, Entry, Item, Join, Place

__all__ = ["ChainPanel"]

SIGNS = {",": "side by side", "+": "sum", "-": "difference", "*": "product", "/": "quotient"}


class ChainPanel:
    """The search and the cards."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.rows: list[ArgumentRow] = []
        self.briefs: dict[int, Any] = {}
        self.open: set[int] = set()  # steps of which all arguments are shown
        self.folded: set[int] = set()  # and none
        self.lists: dict[int, Place] = {}
        self.cards: dict[int, int] = {}
        self._search()
        with ui.element("div").classes("chain") as self.box:
            pass
        self.build()
        window.rebuild.append(self.build)
        window.follow.append(self.follow)

    # ---- search ----------------------------------------------------------------------------------

    def _search(self) -> None:
        with ui.row().classes("add"):
            with ui.element("div").classes("search") as self.search_box:
                self._search_field()
            with icon_button("call_split", "Add branches"), ui.menu().props("auto-close"):
                for sign, words in SIGNS.items():
                    ui.menu_item(f"{sign}  {words}", lambda sign=sign: self._added_branches(sign))

    def _search_field(self) -> None:
        options = {each.name: f"{each.name} — {each.help}" for each in descriptions()}
        self.search = ui.select(options, with_input=True, on_change=self._added)
        self.search.props(
            'dense outlined options-dense hide-dropdown-icon placeholder="Add a step ( / )" '
            'aria-label="Add a step" popup-content-class=steps-menu behavior=menu'
        )
        with self.search.add_slot("prepend"):
            ui.icon("add", size="18px")

    def _added(self, event: Any) -> None:
        if not event.value:
            return
        place = self.window.place
        join = place and tree.find(self.window.session.entries, place[0])
        with self.window.telling():
            self.window.session.add(event.value, place if join else None)
        self.window.place = None
        # A new field: the old one would take the focus back, and open its list again.
        self.search_box.clear()
        with self.search_box:
            self._search_field()

    def _added_branches(self, sign: str) -> None:
        with self.window.telling():
            self.window.session.add_branches(sign)

    # ---- cards -----------------------------------------------------------------------------------

    def build(self) -> None:
        """Draw all cards."""
        self.rows, self.briefs, self.lists, self.cards = [], {}, {}, {}
        self.box.clear()
        with self.box:
            entries = self.window.session.entries
            if not entries:
                ui.label("No step yet. Add one by its name, or by what it does.").classes("hint")
            self._list(entries, None)

    def _list(self, entries: Entries, place: Place) -> None:
        with ui.column().classes("steps") as column:
            self.lists[column.id] = place
            for entry in entries:
                self._card(entry)
        column.make_sortable(handle=".handle", group="steps", on_end=self._dropped)

    def _dropped(self, event: Any) -> None:
        key = self.cards.get(event.item.id)
        if key is None or event.target.id not in self.lists:
            return
        with self.window.telling():
            self.window.session.move(key, self.lists[event.target.id], event.new_index)

    def _card(self, entry: Entry) -> None:
        session, shown = self.window.session, self.window.session.shown == entry.key
        with ui.column().classes("step") as card:
            self.cards[card.id] = entry.key
            card.classes(add=" ".join(filter(None, ("" if entry.on else "off", "shown" * shown))))
            card.classes(add="join" * isinstance(entry, Join))
            card.props(f'data-key="{entry.key}"')
            with ui.row().classes("head"):
                ui.icon("drag_indicator").classes("handle").props('aria-hidden="true"')
                name = entry.name if isinstance(entry, Item) else SIGNS[entry.sign]
                ui.switch(value=entry.on, on_change=lambda: session.switch(entry.key)).props(
                    f'dense size=xs aria-label="{name} on"'
                )
                self._title(entry, name)
                icon_button(
                    "visibility", "Show this result" if not shown else "Show the last result",
                    lambda: session.show(None if shown else entry.key),
                ).classes("eye")  # fmt: skip
                self._menu(entry)
            if isinstance(entry, Join):
                self._branches(entry)
            elif isinstance(entry.node, Step) and entry.key not in self.folded:
                self._arguments(entry, entry.node)
        card.on("keydown.alt.up.prevent.stop", lambda: self._shift(entry.key, -1))
        card.on("keydown.alt.down.prevent.stop", lambda: self._shift(entry.key, 1))

    def _title(self, entry: Entry, name: str) -> None:
        title = ui.label(name).classes("title")
        brief = ui.label().classes("brief")
        self.briefs[entry.key] = brief
        self._brief(entry, brief)
        if isinstance(entry, Item) and isinstance(entry.node, Step):
            with title:
                ui.tooltip(describe(entry.name).help).props("delay=500")
            for label in (title, brief):
                label.classes("cursor-pointer").on("click", lambda: self._fold(entry.key))

    def _brief(self, entry: Entry, label: Any) -> None:
        text = ""
        if isinstance(entry, Item) and isinstance(entry.node, Step):
            text = entry.node.text[len(entry.name) :].strip("()") if entry.node.arguments else ""
        label.set_text(text)

    def _menu(self, entry: Entry) -> None:
        session = self.window.session
        with icon_button("more_vert", "More"), ui.menu().props("auto-close"):
            ui.menu_item("Move up  (Alt ↑)", lambda: self._shift(entry.key, -1))
            ui.menu_item("Move down  (Alt ↓)", lambda: self._shift(entry.key, 1))
            ui.menu_item("Duplicate", lambda: self._told(session.duplicate, entry.key))
            if isinstance(entry, Join):
                for sign, words in SIGNS.items():
                    fits = len(entry.chains) == 2 or sign == ","
                    if sign != entry.sign and fits:
                        ui.menu_item(
                            f"Make it a {words}" if sign != "," else "Put side by side",
                            lambda sign=sign: self._told(session.set_sign, entry.key, sign),
                        )
        icon_button("close", "Remove", lambda: self._told(session.remove, entry.key))

    def _told(self, edit: Any, *arguments: Any) -> None:
        with self.window.telling():
            edit(*arguments)

    def _branches(self, join: Join) -> None:
        for number, chain in enumerate(join.chains):
            if number:
                ui.label(join.sign if join.sign != "," else "and").classes("sign")
            with ui.column().classes("branch"):
                place = join.key, number
                self._list(chain, place)
                ui.button("Add here", icon="add", on_click=lambda p=place: self._aim(p)).props(
                    "flat dense no-caps size=sm color=none"
                )

    def _aim(self, place: Place) -> None:
        self.window.place = place
        self.search.run_method("focus")

    def _arguments(self, item: Item, step: Step) -> None:
        described = describe(item.name).scaled(self.window.session.white)
        if not described.arguments:
            return
        everything = item.key in self.open
        wrong = {name for key, name in self.window.session.wrong if key == item.key}
        first = [
            each for each in described.arguments
            if each.required or each.name in step.arguments or each.name in wrong
        ] or list(described.arguments[:1])  # fmt: skip
        listed = described.arguments if everything else first
        with ui.column().classes("arguments"):
            self.rows += [ArgumentRow(self.window, item, each) for each in listed]
            more = len(described.arguments) - len(first)
            if more:
                text = "Fewer" if everything else f"{more} more"
                ui.button(text, on_click=lambda: self._open(item.key)).props(
                    "flat dense no-caps size=sm color=none"
                ).classes("small more")

    # ---- changes ---------------------------------------------------------------------------------

    def _open(self, key: int) -> None:
        self.open ^= {key}
        self.build()

    def _fold(self, key: int) -> None:
        self.folded ^= {key}
        self.build()

    def _shift(self, key: int, by: int) -> None:
        session = self.window.session
        place, index = place_of(session.entries, key)
        self._told(session.move, key, place, max(0, index + by))

    def follow(self) -> None:
        """Show what has changed in the cards that are there."""
        for row in self.rows:
            row.update()
        for entry in tree.all_entries(self.window.session.entries):
            if entry.key in self.briefs:
                self._brief(entry, self.briefs[entry.key])


def place_of(entries: Entries, key: int, place: Place = None) -> tuple[Place, int]:
    """Return in which list an entry is, and where."""
    for index, entry in enumerate(entries):
        if entry.key == key:
            return place, index
        if isinstance(entry, Join):
            for number, chain in enumerate(entry.chains):
                if tree.find(chain, key) is not None:
                    return place_of(chain, key, (entry.key, number))
    return None, len(entries)

"""What all windows of one `imgconv tune` share: two chains with undo, errors, what is shown."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from imgconv.pipeline import Pipeline, PipelineError, describe, store
from imgconv.pipeline.parse import Parser, parse, tokens
from imgconv.pipeline.registry import named_step
from imgconv.pipeline.steps import Input, Node, Step, Workload, chain_of
from imgconv.tune import tree
from imgconv.tune.tree import Entries, Entry, Item, Join, Place

__all__ = ["Session", "TextError", "WrongArgument"]

SLOTS = ("A", "B")
MOST_UNDONE = 500
# Changes of one argument that follow each other so quickly, in seconds, are undone as one.
ONE_MOVE = 1.0


class WrongArgument(NamedTuple):
    """What was entered for an argument, and why it cannot be."""

    value: Any
    message: str


class TextError(NamedTuple):
    """A text that is no chain, and the column, from 1, where it goes wrong; 0: nowhere."""

    text: str
    message: str
    column: int


@dataclass
class History:
    """The entries of a chain, and those before and after it in time."""

    present: Entries = ()
    past: list[Entries] = field(default_factory=list)
    future: list[Entries] = field(default_factory=list)
    _last: tuple[Any, float] = (None, 0.0)

    def change(self, entries: Entries, move: Any = None) -> None:
        """Make entries the present ones; changes of the same `move` become one."""
        last, when = self._last
        now = time.monotonic()
        if move is None or move != last or now - when > ONE_MOVE:
            self.past = [*self.past, self.present][-MOST_UNDONE:]
        self.present, self.future, self._last = entries, [], (move, now)

    def step(self, source: list[Entries], target: list[Entries]) -> bool:
        """Take the present from one list, and put what was present into the other."""
        if not source:
            return False
        target.append(self.present)
        self.present, self._last = source.pop(), (None, 0.0)
        return True


class Session:
    """The chains that are edited, A and B, and what windows show of them.

    All edits go through its methods. Listeners are called after each with its origin, a name for
    the window that made it, and whether entries came, went or moved.
    """

    def __init__(self, white: float = 255.0) -> None:
        self.white = white  # of the picture, for what steps begin with
        self.slots = {name: History() for name in SLOTS}
        self.active = "A"
        self.shown: int | None = None  # the entry whose result is shown; None: the last
        self.wrong: dict[tuple[int, str], WrongArgument] = {}
        self.text_error: TextError | None = None
        self.version = 0
        self.listeners: list[Callable[[str, bool], None]] = []

    # ---- what there is ---------------------------------------------------------------------------

    @property
    def history(self) -> History:
        """That of the active chain."""
        return self.slots[self.active]

    @property
    def entries(self) -> Entries:
        """The active chain."""
        return self.history.present

    @property
    def text(self) -> str:
        """The active chain as a text; empty if no step is on."""
        return text_of_chain(self.entries)

    def pipeline(self, slot: str | None = None) -> Pipeline:
        """Return the chain of a slot, by default the active one, of which the saved one is made."""
        return Pipeline(tree.node_of(self.slots[slot or self.active].present))

    def shown_pipeline(self) -> Pipeline:
        """Return the chain up to the step whose result is shown."""
        if self.shown is not None:
            nodes = tree.nodes_up_to(self.entries, self.shown)
            if nodes:
                return Pipeline(chain_of(nodes))
        return self.pipeline()

    # ---- edits -----------------------------------------------------------------------------------

    def set_argument(self, key: int, name: str, value: Any, origin: str = "") -> bool:
        """Give a step an argument; if it cannot be, keep the error beside the argument."""
        item = tree.find(self.entries, key)
        if not isinstance(item, Item) or not isinstance(item.node, Step):
            return False
        arguments = {**item.node.arguments, name: value}
        return self._replace_step(item, name, value, arguments, origin)

    def set_argument_text(self, key: int, name: str, text: str, origin: str = "") -> bool:
        """Give a step an argument that is written as in a chain."""
        try:
            value = value_of(text)
        except PipelineError as error:
            self.wrong[key, name] = WrongArgument(text, bare(str(error)))
            self.tell(origin, False)
            return False
        return self.set_argument(key, name, value, origin)

    def reset_argument(self, key: int, name: str, origin: str = "") -> bool:
        """Give a step the default of an argument."""
        item = tree.find(self.entries, key)
        if not isinstance(item, Item) or not isinstance(item.node, Step):
            return False
        arguments = {k: v for k, v in item.node.arguments.items() if k != name}
        return self._replace_step(item, name, None, arguments, origin)

    def _replace_step(
        self, item: Item, name: str, value: Any, arguments: Mapping[str, Any], origin: str
    ) -> bool:
        try:
            step = named_step(item.name, **arguments)
            changed = tree.edited(self.entries, item.key, lambda _: (replace(item, node=step),))
            checked(changed)
        except PipelineError as error:
            self.wrong[item.key, name] = WrongArgument(value, bare(str(error), item.name))
            self.tell(origin, False)
            return False
        # Arguments depend on each other: what was wrong beside the old value may now be right.
        self.wrong = {place: each for place, each in self.wrong.items() if place[0] != item.key}
        if step != item.node:
            self.history.change(changed, (item.key, name))
        self.tell(origin, False)
        return True

    def add(self, name: str, place: Place = None, index: int | None = None) -> int:
        """Add a step with what it begins with, at the end or at an index; return its key."""
        entry: Entry
        if name == "image":
            entry = Item(tree.new_key(), Input())
        else:
            (entry,) = tree.entries_of(parse(describe(name).scaled(self.white).start))
        if index is None:
            index = len(self._list(place))
        self._change(tree.inserted(self.entries, place, index, entry))
        return entry.key

    def add_branches(self, sign: str, index: int | None = None) -> int:
        """Add two branches, of which both give the image, joined by an operator or a comma."""
        join = Join(tree.new_key(), sign, ((Item(tree.new_key(), Input()),), ()))
        self._change(
            tree.inserted(self.entries, None, len(self.entries) if index is None else index, join)
        )
        return join.key

    def remove(self, key: int) -> None:
        """Take an entry out."""
        self._change(tree.edited(self.entries, key, lambda _: ()))

    def duplicate(self, key: int) -> None:
        """Add a copy of an entry behind it."""
        self._change(tree.edited(self.entries, key, lambda entry: (entry, tree.copied(entry))))

    def switch(self, key: int) -> None:
        """Switch an entry on or off."""
        self._change(
            tree.edited(self.entries, key, lambda entry: (replace(entry, on=not entry.on),))
        )

    def set_sign(self, key: int, sign: str) -> None:
        """Join the branches of an entry otherwise."""

        def joined(entry: Entry) -> Entries:
            return (replace(entry, sign=sign) if isinstance(entry, Join) else entry,)

        self._change(tree.edited(self.entries, key, joined))

    def move(self, key: int, place: Place, index: int) -> None:
        """Move an entry to an index of a list, counted without it."""
        self._change(tree.moved(self.entries, key, place, index))

    def set_text(self, text: str, origin: str = "") -> bool:
        """Make the chain of a text the active one; if it is none, keep the error."""
        try:
            entries = tree.entries_of(parse(text)) if text.strip() else ()
            checked(entries)
        except PipelineError as error:
            message = str(error)
            column = re.search(r"column (\d+)", message)
            self.text_error = TextError(text, message, int(column[1]) if column else 0)
            self.tell(origin, False)
            return False
        self.text_error = None
        if text_of_chain(entries) == self.text:
            self.tell(origin, False)
            return True
        kept = tree.with_keys_of(entries, self.entries)
        moved = [each.key for each in kept] != [each.key for each in self.entries]
        moved |= any(isinstance(each, Join) for each in kept)
        self.history.change(kept, "text")
        self._forget_wrong()
        self.tell(origin, moved)
        return True

    def undo(self) -> bool:
        """Take back the last change of the active chain."""
        return self._stepped(self.history.past, self.history.future)

    def redo(self) -> bool:
        """Make the last change again that was taken back."""
        return self._stepped(self.history.future, self.history.past)

    def _stepped(self, source: list[Entries], target: list[Entries]) -> bool:
        done = self.history.step(source, target)
        if done:
            self.text_error = None
            self._forget_wrong()
            self.tell("", True)
        return done

    def choose(self, slot: str) -> None:
        """Make a slot the active one; one that was never used begins with the other's chain."""
        history = self.slots[slot]
        if not history.present and not history.past:
            history.present = tuple(map(tree.copied, self.entries))
        self.active, self.text_error, self.shown = slot, None, None
        self.tell("", True)

    def show(self, key: int | None) -> None:
        """Show the result of an entry, or that of the chain."""
        self.shown = key
        self.tell("", True)

    # ---- out -------------------------------------------------------------------------------------

    def python(self) -> str:
        """Return the chain as Python."""
        return f"from imgconv import Pipeline\n\nchain = {self.pipeline()!r}\nresult = chain(image)"

    def command(self, pictures: str = "photos/", out: str = "results/") -> str:
        """Return the command that runs the chain on pictures."""
        return shlex.join(["imgconv", "apply", self.pipeline().text, pictures, "-o", out])

    def save(self, path: Path) -> None:
        """Write the active chain to a TOML or YAML file."""
        self.pipeline().save(path)

    def load(self, path: Path) -> None:
        """Begin with the chain of a TOML or YAML file: there is nothing to undo."""
        self.slots[self.active] = History(tree.entries_of(chain_of(store.load(path))))
        self._forget_wrong()
        self.tell("", True)

    # ---- inside ----------------------------------------------------------------------------------

    def _list(self, place: Place) -> Entries:
        if place is None:
            return self.entries
        join = tree.find(self.entries, place[0])
        assert isinstance(join, Join)
        return join.chains[place[1]]

    def _change(self, entries: Entries) -> None:
        """Make entries the active chain, if that can be."""
        checked(entries)
        if entries != self.entries:
            self.history.change(entries)
            self._forget_wrong()
            self.text_error = None
        self.tell("", True)

    def _forget_wrong(self) -> None:
        """Forget errors of entries that are gone, and a result that is shown of one."""
        keys = {entry.key for entry in tree.all_entries(self.entries)}
        self.wrong = {place: each for place, each in self.wrong.items() if place[0] in keys}
        if self.shown not in keys:
            self.shown = None

    def tell(self, origin: str = "", moved: bool = False) -> None:
        """Tell all listeners that something changed: in which window, and whether entries moved."""
        self.version += 1
        for listener in list(self.listeners):
            listener(origin, moved)


def checked(entries: Entries) -> Node:
    """Return the chain of entries, or raise an error if it has too many images or runs."""
    node = tree.node_of(entries)
    node.after(Workload())
    return node


def text_of_chain(entries: Entries) -> str:
    """Return the text of the entries that are on; empty if there is none."""
    return tree.node_of(entries).text if any(entry.on for entry in entries) else ""


def value_of(text: str) -> Any:
    """Return the value of an argument as it is written in a chain.

    >>> value_of("(3, 5)"), value_of("otsu"), value_of("-0.5")
    ((3, 5), 'otsu', -0.5)
    """
    parser = Parser(tokens(text))
    value = parser.value()
    if parser.next.kind != "end":
        parser.refuse("the end")
    return value


def bare(message: str, name: str = "") -> str:
    """Return an error without the column and the step that it is shown beside.

    >>> bare("box: size must be positive, got 0", "box")
    'size must be positive, got 0'
    """
    message = re.sub(r"^column \d+(, step \d+)?[,:] ", "", message)
    return message.removeprefix(f"{name}: ")

"""A chain as it is edited: entries with keys, which can be switched off, moved and replaced.

Values do not change; each edit returns other entries, so that undo keeps the old ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count

from imgconv.pipeline.steps import (
    Arithmetic,
    Branches,
    Chain,
    Input,
    Node,
    Step,
    chain_of,
)

__all__ = ["Entries", "Entry", "Item", "Join", "Place"]

_numbers = count(1)


def new_key() -> int:
    """Return a key that no other entry has."""
    return next(_numbers)


@dataclass(frozen=True)
class Item:
    """A step, or the image that a branch begins with."""

    key: int
    node: Step | Input
    on: bool = True

    @property
    def name(self) -> str:
        """The name of the step, or "image"."""
        return self.node.name if isinstance(self.node, Step) else self.node.text


@dataclass(frozen=True)
class Join:
    """Chains from one image: as many images, or one that an operator makes of two."""

    key: int
    sign: str
    chains: tuple[Entries, ...]
    on: bool = True


Entry = Item | Join
Entries = tuple[Entry, ...]
# A list of entries: that of the chain, or the branch of this number in the join of this key.
Place = tuple[int, int] | None


# ---- nodes ---------------------------------------------------------------------------------------


def entries_of(node: Node) -> Entries:
    """Return the entries of a chain."""
    if isinstance(node, Chain):
        return tuple(entry for part in node.parts for entry in entries_of(part))
    if isinstance(node, Branches):
        return (Join(new_key(), ",", tuple(map(entries_of, node.parts))),)
    if isinstance(node, Arithmetic):
        sides = entries_of(node.left), entries_of(node.right)
        return (Join(new_key(), node.operator, sides),)
    return (Item(new_key(), node),)


def node_of(entries: Entries) -> Node:
    """Return the chain of the entries that are on; of none, the image itself."""
    parts = [node_of_entry(entry) for entry in entries if entry.on]
    if not parts:
        return Input()
    return parts[0] if len(parts) == 1 else chain_of(parts)


def node_of_entry(entry: Entry) -> Node:
    """Return the node of one entry."""
    if isinstance(entry, Item):
        return entry.node
    parts = tuple(map(node_of, entry.chains))
    if entry.sign != ",":
        return Arithmetic(entry.sign, *parts)
    return parts[0] if len(parts) == 1 else Branches(parts)


def nodes_up_to(entries: Entries, key: int) -> list[Node] | None:
    """Return what runs up to the entry of a key, in its branch, or None where there is none."""
    before: list[Node] = []
    for entry in entries:
        if entry.key == key:
            return [*before, node_of_entry(entry)]
        if isinstance(entry, Join):
            for chain in entry.chains:
                inside = nodes_up_to(chain, key)
                if inside is not None:
                    return [*before, *inside]
        if entry.on:
            before.append(node_of_entry(entry))
    return None


# ---- edits ---------------------------------------------------------------------------------------


def all_entries(entries: Entries) -> Iterator[Entry]:
    """Yield all entries in the order of the text, those of branches too."""
    for entry in entries:
        yield entry
        if isinstance(entry, Join):
            for chain in entry.chains:
                yield from all_entries(chain)


def find(entries: Entries, key: int) -> Entry | None:
    """Return the entry of a key."""
    return next((entry for entry in all_entries(entries) if entry.key == key), None)


def edited(entries: Entries, key: int, edit: Callable[[Entry], Entries]) -> Entries:
    """Return entries in which that of the key is replaced by what is made of it."""
    made: list[Entry] = []
    for entry in entries:
        if entry.key == key:
            made.extend(edit(entry))
        elif isinstance(entry, Join):
            chains = tuple(edited(chain, key, edit) for chain in entry.chains)
            made.append(entry if chains == entry.chains else replace(entry, chains=chains))
        else:
            made.append(entry)
    return tuple(made)


def inserted(entries: Entries, place: Place, index: int, entry: Entry) -> Entries:
    """Return entries with one more in a list of them."""
    if place is None:
        return (*entries[:index], entry, *entries[index:])
    key, branch = place

    def with_entry(join: Entry) -> Entries:
        assert isinstance(join, Join)
        chains = list(join.chains)
        chains[branch] = inserted(chains[branch], None, index, entry)
        return (replace(join, chains=tuple(chains)),)

    return edited(entries, key, with_entry)


def moved(entries: Entries, key: int, place: Place, index: int) -> Entries:
    """Return entries with one of them elsewhere; `index` counts without it.

    An entry does not move into itself.
    """
    entry = find(entries, key)
    if entry is None or (place is not None and find((entry,), place[0]) is not None):
        return entries
    return inserted(edited(entries, key, lambda _: ()), place, index, entry)


def copied(entry: Entry) -> Entry:
    """Return an entry like it with keys of its own."""
    if isinstance(entry, Item):
        return replace(entry, key=new_key())
    chains = tuple(tuple(map(copied, chain)) for chain in entry.chains)
    return replace(entry, key=new_key(), chains=chains)


def with_keys_of(entries: Entries, old: Entries) -> Entries:
    """Return entries that keep the keys of old ones where they go on, and those that are off.

    So a page need not draw everything again when a text is edited. Of the list itself, not of
    branches.
    """
    running = [entry for entry in old if entry.on]
    waiting = {
        sum(each.on for each in old[:place]): entry
        for place, entry in enumerate(old)
        if not entry.on
    }
    made: list[Entry] = []
    for place, entry in enumerate(entries):
        if place in waiting:
            made.append(waiting.pop(place))
        before = running[place] if place < len(running) else None
        same = isinstance(entry, Item) and isinstance(before, Item) and entry.name == before.name
        if before is not None and (same or node_of_entry(entry) == node_of_entry(before)):
            entry = before if isinstance(entry, Join) else replace(entry, key=before.key)
        made.append(entry)
    return (*made, *waiting.values())

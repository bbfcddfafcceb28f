"""Sliders for the arguments of a chain, and what it makes of an image, in a notebook.

The widgets are made from the descriptions of steps alone, as the page of `imgconv tune` is.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgconv.pipeline import show
from imgconv.pipeline.description import ArgumentDescription, describe
from imgconv.pipeline.registry import STEPS, named_step
from imgconv.pipeline.steps import (
    Arithmetic,
    Branches,
    Chain,
    Node,
    PipelineError,
    Step,
)
from imgconv.pipeline.tiles import in_tuple

__all__ = ["Interaction", "interaction"]


class Interaction:
    """A chain whose arguments are moved: `pipeline` is what it has become, `result` what it gives.

    `widget` is what a notebook shows.
    """

    def __init__(
        self, pipeline: Any, node: Node, image: NDArray[Any], channel_axis: int | None, size: int
    ) -> None:
        import ipywidgets

        self._w: Any = ipywidgets
        self.pipeline, self._node, self._image = pipeline, node, image
        self._channel_axis, self._size = channel_axis, size
        self._steps = list(pipeline.steps)
        self._message = self._w.HTML()
        self._after, self._text = self._w.Image(format="png"), self._w.HTML()
        before = self._w.Image(value=self._png(image), format="png")
        panels = [self._panel(place) for place in range(len(self._steps))]
        pictures = self._w.HBox([before, self._after])
        self.widget = self._w.VBox([*panels, self._text, self._message, pictures])
        self._run()

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """Return the widgets, for notebooks."""
        return self.widget._repr_mimebundle_(**options)

    def __repr__(self) -> str:
        """Return what the chain has become."""
        return f"<interaction with {self.pipeline.text}>"

    @property
    def result(self) -> Any:
        """What the chain makes of the whole image."""
        return self.pipeline(self._image, channel_axis=self._channel_axis)

    # ---- widgets ---------------------------------------------------------------------------------

    def _panel(self, place: int) -> Any:
        """Return the name of a step above the widgets of its arguments."""
        step = self._steps[place]
        title = self._w.HTML(f"<b>{step.name}</b>")
        if step.halo is not None or step.name not in STEPS:
            return title
        white = float(np.iinfo(self._image.dtype).max) if self._image.dtype.kind in "iu" else 1.0
        arguments = describe(step.name).scaled(white).arguments
        given = [each for each in arguments if each.required or each.name in step.arguments]
        made = [self._widget(place, each) for each in given or arguments[:1]]
        return self._w.VBox([title, *(each for each in made if each is not None)])

    def _widget(self, place: int, about: ArgumentDescription) -> Any:
        """Return what one argument is moved with; None for what is neither number nor choice."""
        value = self._steps[place].arguments.get(about.name, about.default)
        options: dict[str, Any] = {
            "description": about.name,
            "tooltip": about.details,
            "style": {"description_width": "110px"},
        }
        if about.kind == "bool":
            made = self._w.Checkbox(value=bool(value), **options)
        elif about.kind == "choice":
            choices = [*about.choices, *([None] if value not in about.choices else [])]
            made = self._w.Dropdown(options=choices, value=value, **options)
        elif about.slider is not None and isinstance(value, int | float):
            low, high, step = about.slider
            kind = self._w.IntSlider if about.kind == "integer" else self._w.FloatSlider
            low, high = min(low, value), max(high, value)
            made = kind(value=value, min=low, max=high, step=step, **options)
        else:
            return None
        made.observe(lambda change: self._set(place, about.name, change["new"]), "value")
        return made

    # ---- changes ---------------------------------------------------------------------------------

    def _set(self, place: int, name: str, value: Any) -> None:
        """Give a step an argument, and show what comes of it."""
        step = self._steps[place]
        try:
            changed = named_step(step.name, **{**step.arguments, name: value})
            steps = [*self._steps[:place], changed, *self._steps[place + 1 :]]
            node = with_steps(self._node, iter(steps).__next__)
            pipeline = type(self.pipeline)(node)
        except PipelineError as error:
            self._message.value = f"<span style='color:#b3400a'>{escape(str(error))}</span>"
            return
        self._steps, self._node, self.pipeline = steps, node, pipeline
        self._run()

    def _run(self) -> None:
        """Show text and result."""
        self._text.value = f"<code>{escape(self.pipeline.text)}</code>"
        try:
            self._after.value = self._png(in_tuple(self.result)[0])
            self._message.value = ""
        except (ValueError, TypeError) as error:
            self._message.value = f"<span style='color:#b3400a'>{escape(str(error))}</span>"

    def _png(self, image: NDArray[Any]) -> bytes:
        axis = self._channel_axis if image.ndim == self._image.ndim else None
        return show.png(show.thumbnail(image, axis, self._size))


def with_steps(node: Node, following: Callable[[], Step]) -> Node:
    """Return a chain with other steps, in the order of the text."""
    if isinstance(node, Step):
        return following()
    if isinstance(node, Arithmetic):
        left = with_steps(node.left, following)
        return Arithmetic(node.operator, left, with_steps(node.right, following))
    if isinstance(node, Branches | Chain):
        return type(node)(tuple(with_steps(part, following) for part in node.parts))
    return node


def interaction(
    pipeline: Any, node: Node, image: NDArray[Any], channel_axis: int | None, size: int
) -> Interaction | show.Preview:
    """Return sliders and pictures; where ipywidgets is not installed, pictures alone."""
    if find_spec("ipywidgets") is None:
        preview: show.Preview = pipeline.preview(image, channel_axis=channel_axis, size=size)
        return preview
    return Interaction(pipeline, node, image, channel_axis, size)

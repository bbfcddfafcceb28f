"""The walk through the stages of a plan, which all executors share."""

from typing import Any, NamedTuple

import numpy as np

from imgconv.core import check
from imgconv.pipeline.nodes import Flow, Fork, Group, Spec, Stages, several

# Arrays in memory, or promises of them.
Images = tuple[Any, ...]


class Executor:
    """Runs stages one after the other; what a stage takes and gives is up to the executor."""

    def run(self, plan: Stages, images: Images, outs: Images | None = None) -> Images:
        """Return the results of a chain; the last stage fills `outs`, if given."""
        for number, stage in enumerate(plan.stages):
            last = outs if stage is plan.stages[-1] else None
            if isinstance(stage, Fork):
                parts = [self.run(part, images) for part in stage.parts]
                images = self.join(stage, parts, last)
            elif isinstance(stage, Group):
                images = self.pieces(plan, number, images, last)
            else:
                images = self.whole(plan, number, images, last)
        return images

    def join(self, stage: Fork, parts: list[Images], outs: Images | None) -> Images:
        """Return the results of branches one after the other, or joined by an operator."""
        raise NotImplementedError

    def pieces(self, plan: Stages, number: int, images: Images, outs: Images | None) -> Images:
        """Return the results of a stage that runs piece by piece."""
        raise NotImplementedError

    def whole(self, plan: Stages, number: int, images: Images, outs: Images | None) -> Images:
        """Return the results of a step that must see the whole image."""
        raise NotImplementedError

    def targets(self, planes: "Planes", flow: Flow, out: Any) -> Images:
        """Return the caller's arrays to fill, checked, with the axes of planes."""
        return planes.targets(flow, out)

    def stack(self, plan: Stages, planes: Any, depth: int, outs: Images | None) -> Images:
        """Return the results of all images of a stack, whose axes come first."""
        raise NotImplementedError


class Planes(NamedTuple):
    """A caller's array as a stack of images, and what its axes mean."""

    layout: check.Layout
    array: Any  # its axes: those of the stack, y, x and channels
    spec: Spec

    @staticmethod
    def of(array: Any, axes: Any, channel_axis: Any) -> "Planes":
        """Return an array of any kind so."""
        axes, channel_axis = check.axis_numbers(axes, channel_axis)
        layout = check.layout(array.ndim, axes, channel_axis)
        order, channels = [*layout.stack, layout.y, layout.x], None
        if layout.channel is not None:
            order.append(layout.channel)
            channels = array.shape[layout.channel]
        size = array.shape[layout.y], array.shape[layout.x]
        return Planes(layout, array.transpose(order), Spec(size, channels, array.dtype))

    @property
    def depth(self) -> int:
        """The axes of the stack."""
        return len(self.layout.stack)

    def axes_of(self, spec: Spec) -> list[int]:
        """Return where stack, y, x and channels of an image's result lie in the caller's array."""
        places = [*self.layout.stack, self.layout.y, self.layout.x]
        if self.layout.channel is not None and spec.channels is not None:
            return [*places, self.layout.channel]
        return [sorted(places).index(place) for place in places]

    def arranged(self, flow: Flow, results: Images) -> Any:
        """Return results with their axes where the caller has them: one, or a tuple of several."""
        found = tuple(
            result.transpose(tuple(map(int, np.argsort(self.axes_of(spec)))))
            for result, spec in zip(results, several(flow), strict=True)
        )
        return found[0] if isinstance(flow, Spec) else found

    def targets(self, flow: Flow, out: Any) -> Images:
        """Return the caller's arrays to fill, checked, with their axes as those of `array`."""
        specs = several(flow)
        outs = out if isinstance(out, tuple) else (out,)
        shape, _, dtype = check.outs(outs, len(specs))
        axes = self.axes_of(specs[0])
        stack = self.array.shape[: self.depth]
        wanted = np.array([*stack, *specs[0].shape])[np.argsort(axes)]
        check.out_fits(shape, dtype, tuple(map(int, wanted)), specs[0].dtype)
        return tuple(each.transpose(axes) for each in outs)

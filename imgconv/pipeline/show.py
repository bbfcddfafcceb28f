"""How a pipeline is shown: a table of its steps, and pictures of what they make."""

import base64
import html
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgconv.core import check, threads
from imgconv.pipeline.executors import arrays
from imgconv.pipeline.nodes import EachImageNode, InputNode, StepNode, WholeImageNode
from imgconv.pipeline.specs import ImageSpec, ImageSpecs, as_tuple
from imgconv.pipeline.stages import BranchesNode, Group, GroupNode, PipelinePlan, Stage
from imgconv.pipeline.steps import Chain, Node, PipelineError, Workload
from imgconv.pipeline.tiles import in_tuple

# A text and the picture of what it makes.
CaptionedPicture = tuple[str, NDArray[np.uint8]]
# More pictures than these nobody compares, and they fill memory.
MAX_PICTURES = 1000
# Characters of a step in the table.
MAX_TEXT = 160


def text_alone(node: Node) -> str:
    """Return a node's text as a line of its own, where a chain within a chain needs brackets."""
    return f"({node.text})" if isinstance(node, Chain) else node.text


# ---- the table -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlanSummary:
    """What a chain does with images of a shape and dtype.

    Attributes
    ----------
    shape, dtype
        Of the result; a tuple of each where there are several.
    halo
        How far from a pixel its result depends on others, before and after, along y and x; None
        where a step needs the whole image.
    stages : int
        How often the steps must wait for the whole image, and one more.
    cost : float
        Estimated multiply-adds.
    memory : int
        Estimated bytes beside image and result.
    """

    _plan: PipelinePlan
    _layout: check.Layout

    @property
    def shape(self) -> Any:
        """Of the result."""
        shapes = [self._shape(spec) for spec in as_tuple(self._plan.result)]
        return shapes[0] if len(shapes) == 1 else tuple(shapes)

    def _shape(self, spec: ImageSpec) -> tuple[int, ...]:
        if spec.channels is None:
            return spec.size
        shape = [0, 0, 0]
        shape[self._layout.y], shape[self._layout.x] = spec.size
        shape[self._layout.channel or 0] = spec.channels
        return tuple(shape)

    @property
    def dtype(self) -> Any:
        """Of the result."""
        found = tuple(spec.dtype for spec in as_tuple(self._plan.result))
        return found if len(found) > 1 else found[0]

    @property
    def halo(self) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """How far it looks, or None."""
        stage = self._plan.stages[0]
        if len(self._plan.stages) > 1 or not isinstance(stage, Group) or stage.is_measured:
            return None
        return stage.halo

    @property
    def stages(self) -> int:
        """How many there are, with a walk over the image that only measures before the first."""
        stages = self._plan.stages
        return len(stages) + stages[0].is_measured

    @property
    def cost(self) -> float:
        """Estimated multiply-adds."""
        return self._plan.cost

    @property
    def memory(self) -> int:
        """Estimated bytes beside image and result: of bands, and of images between stages."""
        bands = 0
        between = []
        for stage in self._plan.stages:
            between.append(sum(prod(s.shape) * s.dtype.itemsize for s in as_tuple(stage.result)))
            if isinstance(stage, Group) and len(stage.nodes) > 1:
                rows = arrays.band_rows(stage, stage.inputs[0].size[0])
                rows += sum(stage.halo[0])
                bands = max(bands, rows * stage.row_bytes * threads.get_num_threads())
        # A stage has the image before it and the image behind it in memory.
        images = [0, *between[:-1], 0]
        return bands + max(before + behind for before, behind in pairwise(images))

    def __repr__(self) -> str:
        """Return a table of the steps."""
        spec = self._plan.inputs[0]
        return table(self, f"of a {spec.dtype} image of {spec.size[1]} x {spec.size[0]}")


def table(summary: PlanSummary, what: str) -> str:
    """Return stages, steps, halos, dtypes and costs in columns; `what` describes the image."""
    plan = summary._plan
    pixels = max(1, prod(plan.inputs[0].size))
    rows = [("stage", "step", "halo", "gives", "cost", "")]
    number = 0
    for stage in plan.stages:
        number += 1
        if stage.is_measured:
            rows.append((str(number), "(measured of the whole image)", "", "", "", ""))
            number += 1
        label = str(number)
        for row in rows_of(stage, pixels, 0):
            rows.append((label, *row))
            label = ""
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True))
             for row in rows]  # fmt: skip
    halo = summary.halo
    reach = "whole image" if halo is None else f"halo {halo_text(halo)}"
    lines.append(
        f"{reach}, {summary.cost / pixels:.3g} operations a pixel, "
        f"{summary.memory / 1e6:.3g} MB beside image and result, {what}"
    )
    return "\n".join(line.rstrip() for line in lines)


def rows_of(
    node: GroupNode | Stage, pixels: int, depth: int
) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield step, halo, result, cost and a note of each node."""
    indent = "  " * depth
    if isinstance(node, Group):
        for part in node.nodes:
            yield from rows_of(part, pixels, depth)
    elif isinstance(node, BranchesNode):
        yield indent + (node.operator or "branches"), "", dtypes_text(node.result), "", ""
        for branch in node.branches:
            for stage in branch.stages:
                yield from rows_of(stage, pixels, depth + 1)
    elif isinstance(node, InputNode):
        yield indent + "image", "", dtypes_text(node.result), "", ""
    elif isinstance(node, EachImageNode):
        first = next(rows_of(node.nodes[0], pixels, depth))
        cost = f"{node.cost / pixels:.3g}"
        yield first[0], first[1], dtypes_text(node.result), cost, "on each"
    else:
        cost = f"{node.cost / pixels:.3g}"
        halo, note = halo_text(sides_of(node)), node.note
        if isinstance(node, WholeImageNode):
            halo, note = "whole", node.reason
        yield indent + shortened(node.step.text), halo, dtypes_text(node.result), cost, note


def shortened(text: str) -> str:
    """Return a step's text in a line of a table, without the most of a large array."""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 4] + " ..."


def sides_of(node: StepNode) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return how far a step looks, before and after, along y and x."""
    y, x = node.halos
    return (y.before, y.after), (x.before, x.after)


def dtypes_text(specs: ImageSpecs) -> str:
    """Return the dtypes of results: all have one dtype where there are several."""
    names = [str(spec.dtype) for spec in as_tuple(specs)]
    return names[0] if len(names) == 1 else f"{len(names)} x {names[0]}"


def halo_text(halo: tuple[tuple[int, int], tuple[int, int]]) -> str:
    """Return a halo in as few numbers as it takes.

    >>> halo_text(((0, 0), (0, 0))), halo_text(((2, 2), (2, 2))), halo_text(((1, 2), (3, 3)))
    ('0', '2', '(1+2, 3)')
    """
    sides = [str(a) if a == b else f"{a}+{b}" for a, b in halo]
    return sides[0] if sides[0] == sides[1] else f"({sides[0]}, {sides[1]})"


# ---- pictures ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Preview:
    """Small pictures of what each step makes of an image, the image first."""

    pictures: tuple[CaptionedPicture, ...]

    def _repr_html_(self) -> str:
        """Return the pictures side by side."""
        cells = "".join(
            f'<figure style="display:inline-block;margin:4px;max-width:{pixels.shape[1]}px">'
            f'<img src="data:image/png;base64,{base64.b64encode(png(pixels)).decode()}">'
            f"<figcaption><code>{html.escape(text)}</code></figcaption></figure>"
            for text, pixels in self.pictures
        )
        return f"<div>{cells}</div>"

    def sheet(self, columns: int = 4, gap: int = 8) -> NDArray[np.uint8]:
        """Return all pictures on one white sheet, (H, W) or (H, W, 3), without their texts."""
        pixels = [picture for _, picture in self.pictures]
        if any(picture.ndim == 3 for picture in pixels):
            pixels = [as_rgb(picture) for picture in pixels]
        columns = min(columns, len(pixels))
        height, width = (max(picture.shape[axis] for picture in pixels) for axis in (0, 1))
        rows = -(-len(pixels) // columns)
        sheet = np.full(
            (rows * (height + gap) + gap, columns * (width + gap) + gap, *pixels[0].shape[2:]),
            255, np.uint8,
        )  # fmt: skip
        for place, picture in enumerate(pixels):
            row, column = divmod(place, columns)
            top, left = gap + row * (height + gap), gap + column * (width + gap)
            sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        return sheet


def check_picture_count(chain: Chain) -> None:
    """Refuse a preview of too many pictures."""
    workload, count = Workload(), 1
    for part in chain.parts:
        workload = part.after(workload)
        count += workload.images
    if count > MAX_PICTURES:
        raise PipelineError(
            f"a preview must have at most {MAX_PICTURES} pictures, got {count}; "
            "stepwise gives the results one after the other"
        )


def preview(
    array: NDArray[Any], steps: Iterator[tuple[str, Any]], channel_axis: int | None, size: int
) -> Preview:
    """Return pictures of the image and of the text and the result of every step."""
    pictures = [("image", thumbnail(array, channel_axis, size))]
    for text, result in steps:
        found = in_tuple(result)
        for number, each in enumerate(found, 1):
            name = text if len(found) == 1 else f"{text} [{number}]"
            axis = channel_axis if each.ndim == array.ndim else None
            pictures.append((name, thumbnail(each, axis, size)))
    return Preview(tuple(pictures))


def thumbnail(image: NDArray[Any], channel_axis: int | None, size: int) -> NDArray[np.uint8]:
    """Return a small picture of an image.

    White is the largest integer of the dtype, or True. Floats are stretched; where some are
    negative, 0 is mid-grey.
    """
    if channel_axis is not None:
        image = np.moveaxis(image, channel_axis, -1)
        image = image[..., 0] if image.shape[-1] < 3 else image[..., :3]
    step = max(1, -(-max(image.shape[:2]) // size))
    small = downscaled(image, step)
    if image.dtype.kind == "f":
        finite = small[np.isfinite(small)]
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
        if low < 0 < high:
            high = max(high, -low)
            low = -high
        small = (np.nan_to_num(small, nan=low, posinf=high, neginf=low) - low) / ((high - low) or 1)
    elif image.dtype.kind != "b":
        low, high = np.iinfo(image.dtype).min, np.iinfo(image.dtype).max
        small = (small - float(low)) / (float(high) - float(low))
    picture: NDArray[np.uint8] = np.rint(small * 255).astype(np.uint8)
    return picture


def downscaled(image: NDArray[Any], step: int) -> NDArray[np.float64]:
    """Return the means of squares of `step` pixels; incomplete squares are cut off."""
    height, width = (max(1, n // step) for n in image.shape[:2])
    cut = image[: height * step, : width * step].astype(np.float64)
    if step == 1:
        return cut
    blocks = cut.reshape(height, -1, width, cut.shape[1] // width, *cut.shape[2:])
    means: NDArray[np.float64] = blocks.mean(axis=(1, 3))
    return means


def as_rgb(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture with three channels, which are equal if it is grey."""
    return np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture


def sample_image(size: int = 160) -> NDArray[np.uint8]:
    """Return an image with shades, edges, stripes and noise."""
    y, x = np.mgrid[:size, :size] / size
    image = 40 + 120 * x
    image[np.hypot(y - 0.3, x - 0.3) < 0.18] = 230
    image[(abs(y - 0.72) < 0.15) & (abs(x - 0.28) < 0.15)] = 15
    stripes = (abs(y - 0.3) < 0.18) & (abs(x - 0.75) < 0.18)
    image[stripes] = (128 + 90 * np.sin(400 * (x - 0.5) ** 2))[stripes]
    noisy = (abs(y - 0.72) < 0.18) & (abs(x - 0.75) < 0.18)
    image[noisy] += np.random.default_rng(0).normal(0, 30, (size, size))[noisy]
    pixels: NDArray[np.uint8] = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return pixels


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Return a PNG file of a grey or an RGB picture."""
    height, width = pixels.shape[:2]
    rows = pixels.reshape(height, -1)
    raw = np.hstack([np.zeros((height, 1), np.uint8), rows]).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if pixels.ndim == 2 else 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )

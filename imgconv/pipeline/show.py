"""What a reader sees of a pipeline: a table of its steps, and pictures of what they make."""

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
from imgconv.pipeline.nodes import Each, Fork, Group, Same, Stages, Whole, Window, several
from imgconv.pipeline.steps import Chain, Load, Node, PipelineError

Picture = tuple[str, NDArray[np.uint8]]
# That somebody looks at side by side, and that memory holds.
MOST_PICTURES = 1000


def single(node: Node) -> str:
    """Return a node's text where it stands alone."""
    return f"({node.text})" if isinstance(node, Chain) else node.text


# ---- the table -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Overview:
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

    _plan: Stages
    _layout: check.Layout

    @property
    def shape(self) -> Any:
        """Of the result."""
        found = [self._shape(spec) for spec in several(self._plan.result)]
        return (
            tuple(found) if isinstance(self._plan.result, tuple) and len(found) != 1 else found[0]
        )

    def _shape(self, spec: Any) -> tuple[int, ...]:
        if spec.channels is None:
            return spec.size
        shape = [0, 0, 0]
        shape[self._layout.y], shape[self._layout.x] = spec.size
        shape[self._layout.channel or 0] = spec.channels
        return tuple(shape)

    @property
    def dtype(self) -> Any:
        """Of the result."""
        found = tuple(spec.dtype for spec in several(self._plan.result))
        return found if len(found) > 1 else found[0]

    @property
    def halo(self) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """How far it looks, or None."""
        stage = self._plan.stages[0]
        if len(self._plan.stages) > 1 or not isinstance(stage, Group) or stage.measured:
            return None
        return stage.halo

    @property
    def stages(self) -> int:
        """How many there are, and those that only measure."""
        stages = self._plan.stages
        return len(stages) + bool(stages[0].measured)

    @property
    def cost(self) -> float:
        """Estimated multiply-adds."""
        return self._plan.cost

    @property
    def memory(self) -> int:
        """Estimated bytes beside image and result: bands, and what lies between stages."""
        bands = 0
        between = []
        for stage in self._plan.stages:
            between.append(sum(prod(s.shape) * s.dtype.itemsize for s in several(stage.result)))
            if isinstance(stage, Group) and len(stage.parts) > 1:
                rows = arrays.band_rows(stage, stage.given[0].size[0])
                rows += sum(stage.halo[0])
                bands = max(bands, rows * stage.bytes * threads.get_num_threads())
        held = [0, *between[:-1], 0]
        return bands + max(a + b for a, b in pairwise(held))

    def __repr__(self) -> str:
        """A table of the steps."""
        spec = self._plan.given[0]
        return table(self, f"of a {spec.dtype} image of {spec.size[1]} x {spec.size[0]}")


def table(overview: Overview, what: str) -> str:
    """Return steps, stages, halos, dtypes and costs in columns."""
    plan = overview._plan
    pixels = max(1, prod(plan.given[0].size))
    rows = [("stage", "step", "halo", "gives", "cost", "")]
    number = 0
    for stage in plan.stages:
        number += 1
        if stage.measured:
            rows.append((str(number), "(measured of the whole image)", "", "", "", ""))
            number += 1
        label = str(number)
        for row in rows_of(stage, pixels, 0):
            rows.append((label, *row))
            label = ""
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True))
             for row in rows]  # fmt: skip
    halo = overview.halo
    end = "whole image" if halo is None else f"halo {words(halo)}"
    lines.append(
        f"{end}, {overview.cost / pixels:.3g} operations a pixel, "
        f"{overview.memory / 1e6:.3g} MB beside image and result, {what}"
    )
    return "\n".join(line.rstrip() for line in lines)


def rows_of(node: Any, pixels: int, depth: int) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield step, halo, result, cost and a note of each node."""
    indent = "  " * depth
    if isinstance(node, Same):
        yield indent + "image", "", dtypes(node.result), "", ""
    elif isinstance(node, Whole):
        cost = f"{node.cost / pixels:.3g}"
        yield indent + node.step.text, "whole", dtypes(node.result), cost, node.why
    elif isinstance(node, Window):
        reach = tuple((axis.before, axis.after) for axis in node.reach)
        cost = f"{node.cost / pixels:.3g}"
        yield indent + node.step.text, words(reach), dtypes(node.result), cost, node.note
    elif isinstance(node, Each):
        first = next(rows_of(node.parts[0], pixels, depth))
        yield first[0], first[1], dtypes(node.result), f"{node.cost / pixels:.3g}", "on each"
    elif isinstance(node, Fork):
        yield indent + (node.operator or "branches"), "", dtypes(node.result), "", ""
        for part in node.parts:
            for stage in part.stages:
                yield from rows_of(stage, pixels, depth + 1)
    else:
        for part in node.parts:
            yield from rows_of(part, pixels, depth)


def dtypes(flow: Any) -> str:
    """Return the dtypes of results in words."""
    names = [str(spec.dtype) for spec in several(flow)]
    return names[0] if len(names) == 1 else f"{len(names)} x {names[0]}"


def words(reach: Any) -> str:
    """Return a halo in as few numbers as it takes.

    >>> words(((0, 0), (0, 0))), words(((2, 2), (2, 2))), words(((1, 2), (3, 3)))
    ('0', '2', '(1+2, 3)')
    """
    sides = [str(a) if a == b else f"{a}+{b}" for a, b in reach]
    return sides[0] if sides[0] == sides[1] else f"({sides[0]}, {sides[1]})"


# ---- pictures ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Preview:
    """Small pictures of what each step makes of an image, the image first."""

    pictures: tuple[Picture, ...]

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
            pixels = [in_colour(picture) for picture in pixels]
        columns = min(columns, len(pixels))
        height, width = (max(picture.shape[axis] for picture in pixels) for axis in (0, 1))
        rows = -(-len(pixels) // columns)
        sheet = np.full(
            (rows * (height + gap) + gap, columns * (width + gap) + gap, *pixels[0].shape[2:]),
            255, np.uint8,
        )  # fmt: skip
        for place, picture in enumerate(pixels):
            y, x = (n // columns if axis == 0 else n % columns
                    for axis, n in enumerate((place, place)))  # fmt: skip
            top, left = gap + y * (height + gap), gap + x * (width + gap)
            sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        return sheet


def few_pictures(chain: Chain) -> None:
    """Check that a preview has not too many pictures."""
    load, count = Load(), 1
    for part in chain.parts:
        load = part.after(load)
        count += load.images
    if count > MOST_PICTURES:
        raise PipelineError(
            f"a preview must have at most {MOST_PICTURES} pictures, got {count}; "
            "stepwise gives the results one after the other"
        )


def preview(
    array: NDArray[Any], steps: Iterator[tuple[str, Any]], channel_axis: int | None, size: int
) -> Preview:
    """Return pictures of the image and of the text and the result of every step."""
    pictures = [("image", drawn(array, channel_axis, size))]
    for text, result in steps:
        found = result if isinstance(result, tuple) else (result,)
        for number, each in enumerate(found, 1):
            name = text if len(found) == 1 else f"{text} [{number}]"
            axis = channel_axis if each.ndim == array.ndim else None
            pictures.append((name, drawn(each, axis, size)))
    return Preview(tuple(pictures))


def drawn(image: NDArray[Any], channel_axis: int | None, size: int) -> NDArray[np.uint8]:
    """Return a small picture of an image: integers and bool as they are, floats stretched."""
    if channel_axis is not None:
        image = np.moveaxis(image, channel_axis, -1)
        image = image[..., 0] if image.shape[-1] < 3 else image[..., :3]
    step = max(1, -(-max(image.shape[:2]) // size))
    small = shrunk(image, step)
    if image.dtype.kind == "f":
        finite = small[np.isfinite(small)]
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
        if low < 0 < high:  # zero is mid-grey
            high = max(high, -low)
            low = -high
        small = (np.nan_to_num(small, nan=low, posinf=high, neginf=low) - low) / ((high - low) or 1)
    elif image.dtype.kind == "b":
        pass
    else:
        low, high = np.iinfo(image.dtype).min, np.iinfo(image.dtype).max
        small = (small - float(low)) / (float(high) - float(low))
    return np.rint(small * 255).astype(np.uint8)


def shrunk(image: NDArray[Any], step: int) -> NDArray[np.float64]:
    """Return the means of squares of pixels, the last ones cut off."""
    height, width = (max(1, n // step) for n in image.shape[:2])
    cut = image[: height * step, : width * step].astype(np.float64)
    if step == 1:
        return cut
    blocks = cut.reshape(height, -1, width, cut.shape[1] // width, *cut.shape[2:])
    return blocks.mean(axis=(1, 3))


def in_colour(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture with three channels."""
    return np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture


def card(size: int = 160) -> NDArray[np.uint8]:
    """Return an image with shades, edges, stripes and noise."""
    y, x = np.mgrid[:size, :size] / size
    card = 40 + 120 * x
    card[np.hypot(y - 0.3, x - 0.3) < 0.18] = 230
    card[(abs(y - 0.72) < 0.15) & (abs(x - 0.28) < 0.15)] = 15
    stripes = (abs(y - 0.3) < 0.18) & (abs(x - 0.75) < 0.18)
    card[stripes] = (128 + 90 * np.sin(400 * (x - 0.5) ** 2))[stripes]
    noisy = (abs(y - 0.72) < 0.18) & (abs(x - 0.75) < 0.18)
    card[noisy] += np.random.default_rng(0).normal(0, 30, (size, size))[noisy]
    return np.clip(np.rint(card), 0, 255).astype(np.uint8)


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

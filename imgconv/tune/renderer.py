"""Frames for windows, made on threads: the latest change first, what is older is given up.

A window asks for what it sees. It is sent a quick frame: exact pixels where they are few, else
those of a shrunk picture; then, when nothing has changed for a moment, the exact frame, and what is
known of the whole result.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

import imgconv
from imgconv.io import full_scale
from imgconv.pipeline import Pipeline
from imgconv.pipeline.steps import PipelineError
from imgconv.pipeline.tiles import Region
from imgconv.tune.display import (
    Levels,
    histogram,
    levels_of,
    on_screen,
    over_white,
    reduced,
    rgb,
    sample,
)
from imgconv.tune.gallery import Photo, Subject, white_of
from imgconv.tune.pieces import STRIP_PIXELS, Cancelled, Pieces, shrunk

__all__ = ["Frame", "Renderer", "View", "Wanted"]

# Pixels that are filtered at once, exactly, as a slider moves.
QUICK_PIXELS = 2_500_000
# Of a shrunk picture, and pixels of the screen that it may be blown up over.
SHRUNK_PIXELS = 1_000_000
# How long nothing must change, in seconds, before the whole is begun.
PAUSE = 0.12
# Chains whose plan, measured values and levels are kept.
KEPT_PIECES = 12
# And whole results, of chains that give no pieces.
KEPT_BYTES = 1 << 30
# Pixels on which the time of each step is measured.
TIMED_SIDE = 1024

Kind = Literal["exact", "estimated", "shrunk"]


class View(NamedTuple):
    """What a window shows: a region of the picture, on so many pixels of the screen."""

    region: Region
    width: int
    height: int

    @property
    def zoom(self) -> float:
        """Pixels of the screen for one of the picture."""
        (y0, y1), (x0, x1) = self.region
        return max(self.width / max(1, x1 - x0), self.height / max(1, y1 - y0))


class Wanted(NamedTuple):
    """What a side of a window shows: a chain on a picture, None for the picture itself.

    As a slider moves, the `open` part of the view is enough, that the other side does not cover.
    """

    photo: Photo
    pipeline: Pipeline | None
    view: View
    open: View | None = None

    def same(self, other: Wanted | None) -> bool:
        """Whether another one is of the same view, whatever part of it is open."""
        return other is not None and self[:3] == other[:3]


class Frame(NamedTuple):
    """Pixels for the screen, and which region of the picture they show."""

    side: str
    pixels: NDArray[np.uint8]
    region: tuple[float, float, float, float]  # y0, y1, x0, x1 in pixels of the picture
    kind: Kind
    factor: int
    seconds: float
    chain: str  # its text; empty for the picture itself


Send = Callable[[str, Any], None]  # what it is: "frame", "error", "about" or "busy"


@dataclass
class _Window:
    """What is wanted by a window, and how far that is done."""

    send: Send
    sides: dict[str, Wanted] = field(default_factory=dict)
    number: int = 0
    since: float = 0.0
    todo: set[str] = field(default_factory=set)
    exact: set[str] = field(default_factory=set)


class Renderer:
    """Makes the frames of all windows: one thread for quick ones, one for what may take longer."""

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}
        self._changed = threading.Condition()
        self._numbers = itertools.count(1)
        self._pieces: OrderedDict[Hashable, tuple[Pieces, Subject]] = OrderedDict()
        self._levels: dict[Hashable, Levels] = {}
        self._guard = threading.RLock()
        self._ended = False
        self._threads = [
            threading.Thread(target=work, name=f"imgconv-{name}", daemon=True)
            for name, work in (("quick", self._quick_loop), ("exact", self._exact_loop))
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End both threads."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(10)

    # ---- windows ---------------------------------------------------------------------------------

    def open(self, name: str, send: Send) -> None:
        """Begin to send frames to a window; `send` is called on threads of the renderer."""
        with self._changed:
            self._windows[name] = _Window(send)

    def forget(self, name: str) -> None:
        """Send nothing more to a window."""
        with self._changed:
            self._windows.pop(name, None)
            self._changed.notify_all()

    def want(self, name: str, sides: dict[str, Wanted]) -> None:
        """Ask for the frames of a window; what it wanted before is given up."""
        with self._changed:
            window = self._windows.get(name)
            if window is None:
                return
            changed = {s for s, each in sides.items() if not each.same(window.sides.get(s))}
            # What is given up must be made all the same if it is still wanted.
            changed |= (window.todo | window.exact) & sides.keys()
            window.sides, window.number = dict(sides), next(self._numbers)
            window.since = time.monotonic()
            window.todo, window.exact = set(changed), set(changed)
            self._changed.notify_all()

    def again(self, side: str) -> None:
        """Make the quick frames of a side again: what is black and white has changed."""
        with self._changed:
            for window in self._windows.values():
                if side in window.sides:
                    window.todo.add(side)
            self._changed.notify_all()

    # ---- loops -----------------------------------------------------------------------------------

    def _next(self, exact: bool) -> tuple[_Window, int, str, Wanted] | None:
        """Wait for work; exact frames wait until all quick ones are sent, and a moment more."""
        with self._changed:
            while not self._ended:
                windows = self._windows.values()
                if not exact:
                    for window in windows:
                        for side in sorted(window.todo, reverse=True):
                            window.todo.discard(side)
                            return window, window.number, side, window.sides[side]
                    self._changed.wait()
                    continue
                quiet = time.monotonic() - max((w.since for w in windows), default=0.0)
                waiting = [w for w in windows if w.exact]
                if any(w.todo for w in windows) or not waiting:
                    self._changed.wait()
                elif quiet < PAUSE:
                    self._changed.wait(PAUSE - quiet)
                else:
                    window = waiting[0]
                    side = max(window.exact)
                    window.exact.discard(side)
                    return window, window.number, side, window.sides[side]
        return None

    def _quick_loop(self) -> None:
        while (work := self._next(exact=False)) is not None:
            window, number, side, wanted = work
            self._do(window, number, side, partial(self.quick, side, wanted))
            with self._changed:
                self._changed.notify_all()

    def _exact_loop(self) -> None:
        while (work := self._next(exact=True)) is not None:
            window, number, side, _ = work
            if self._make_exact(*work):
                continue
            with self._changed:
                # Given up since the other side has changed: to be made after that.
                if side in window.sides and window.number != number:
                    window.exact.add(side)

    def _make_exact(self, window: _Window, number: int, side: str, wanted: Wanted) -> bool:
        """Send the exact frame of a side, then what is known of the whole; return whether so."""

        def cancelled() -> bool:
            return self._ended or window.number != number

        window.send("busy", side)
        self._do(window, number, side, lambda: self.exact(side, wanted, cancelled))
        if not cancelled():
            self._do(window, number, side, lambda: self.about(side, wanted, cancelled))
        return not cancelled()

    def _do(self, window: _Window, number: int, side: str, make: Callable[[], Any]) -> None:
        """Make something and send it; what goes wrong is sent, too."""
        try:
            made = make()
        except Cancelled:
            return
        except Exception as error:  # a thread that ends would leave the page without pictures
            text = " ".join(str(error).split()) or type(error).__name__
            made = {"side": side, "message": text}
            if window.number == number:
                window.send("error", made)
            return
        if made is not None and window.number == number:
            window.send("frame" if isinstance(made, Frame) else "about", made)

    # ---- frames ----------------------------------------------------------------------------------

    def quick(self, side: str, wanted: Wanted) -> Frame:
        """Return what can be shown at once."""
        begun = time.perf_counter()
        if wanted.pipeline is not None and wanted.open is not None:
            wanted = wanted._replace(view=wanted.open)
        photo, view = wanted.photo, wanted.view
        factor = max(1, 1 << max(0, round(np.log2(1 / max(view.zoom, 1e-6)))))
        if wanted.pipeline is None:
            return self._background(side, photo, view, factor, begun)
        pieces, subject = self.pieces_of(photo, wanted.pipeline)
        alone = pieces.in_pieces or pieces.is_exact or pieces.size == photo.size
        if alone and is_quick(wanted, pieces):
            return self._exact_frame(side, wanted, pieces, subject, lambda: False, begun)
        while photo.size[0] * photo.size[1] / factor**2 > SHRUNK_PIXELS:
            factor *= 2
        factor = max(2, factor)
        copy = photo.copy(factor)
        small, small_subject = self.pieces_of(copy, shrunk(wanted.pipeline, factor))
        small_region = scaled_region(view.region, photo.size, small.size)
        small.measure(lambda: False)
        pixels = small.piece(small_region)
        levels = self._levels_for(photo, wanted.pipeline, pixels, small_subject)
        shown = self._shown(pixels, levels, small_subject, small_region, small.size, 1)
        area = grown(small_region, small.size, photo.size)
        return Frame(
            side, shown, area, "shrunk", factor, time.perf_counter() - begun, wanted.pipeline.text
        )

    def exact(self, side: str, wanted: Wanted, cancelled: Callable[[], bool]) -> Frame | None:
        """Return the exact pixels of what is seen."""
        begun = time.perf_counter()
        if wanted.pipeline is None:
            return None
        pieces, subject = self.pieces_of(wanted.photo, wanted.pipeline)
        if wanted.open is None and pieces.is_exact and is_quick(wanted, pieces):
            return None  # it was at once
        with imgconv.threads(spare_threads()):
            pieces.measure(cancelled)
            return self._exact_frame(side, wanted, pieces, subject, cancelled, begun)

    def _background(self, side: str, photo: Photo, view: View, factor: int, begun: float) -> Frame:
        copy = photo.copy(factor)
        region = scaled_region(view.region, photo.size, copy.size)
        (y0, y1), (x0, x1) = region
        pixels = rgb(copy.background)[y0:y1, x0:x1]
        shown = on_screen(pixels, levels_of(sample(rgb(copy.background), 1 << 16), white_of(photo)))
        kind: Kind = "exact" if factor == 1 else "shrunk"
        area = grown(region, copy.size, photo.size)
        return Frame(side, shown, area, kind, factor, time.perf_counter() - begun, "")

    def _exact_frame(
        self, side: str, wanted: Wanted, pieces: Pieces, subject: Subject,
        cancelled: Callable[[], bool], begun: float,
    ) -> Frame:  # fmt: skip
        """Return pixels of the picture itself, shrunk only where the screen has fewer."""
        assert wanted.pipeline is not None
        photo, view = wanted.photo, wanted.view
        region = scaled_region(view.region, photo.size, pieces.size)
        (y0, y1), (x0, x1) = region
        factor = max(1, int(min((y1 - y0) / max(1, view.height), (x1 - x0) / max(1, view.width))))
        step = max(16, STRIP_PIXELS // max(1, x1 - x0))
        step = -(-step // factor) * factor
        parts = []
        for top in range(y0, y1, step):
            if top > y0 and cancelled():
                raise Cancelled
            part = pieces.piece(((top, min(top + step, y1)), (x0, x1)))
            parts.append(reduced(rgb(part), factor))
        pixels = parts[0] if len(parts) == 1 else np.concatenate(parts)
        levels = self._levels_for(photo, wanted.pipeline, pixels, subject)
        shown = self._shown(pixels, levels, subject, region, pieces.size, factor)
        area = grown(region, pieces.size, photo.size)
        kind: Kind = "exact" if pieces.is_exact else "estimated"
        return Frame(
            side, shown, area, kind, factor, time.perf_counter() - begun, wanted.pipeline.text
        )

    def _shown(
        self, pixels: NDArray[Any], levels: Levels, subject: Subject, region: Region,
        size: tuple[int, int], factor: int,
    ) -> NDArray[np.uint8]:  # fmt: skip
        shown = on_screen(rgb(pixels), levels)
        opacity = subject.opacity
        if opacity is None or opacity.shape[:2] != size:
            return shown
        (y0, y1), (x0, x1) = region
        part = reduced(opacity[y0:y1, x0:x1], factor)
        return over_white(shown, part, subject.white)

    # ---- what is kept ----------------------------------------------------------------------------

    def pieces_of(self, photo: Photo, pipeline: Pipeline) -> tuple[Pieces, Subject]:
        """Return the pieces of a chain on a picture; those of the last chains are kept."""
        with self._guard:
            key = photo, pipeline
            found = self._pieces.get(key)
            if found is None:
                subject = photo.subject(pipeline)
                found = self._pieces[key] = (Pieces(subject.pipeline, subject.image), subject)
            self._pieces.move_to_end(key)
            while len(self._pieces) > KEPT_PIECES or self._whole_bytes() > KEPT_BYTES:
                if len(self._pieces) == 1:
                    break
                self._pieces.popitem(last=False)
            return found

    def _whole_bytes(self) -> int:
        return sum(pieces.bytes for pieces, _ in self._pieces.values())

    def _levels_for(
        self, photo: Photo, pipeline: Pipeline | None, pixels: NDArray[Any], subject: Subject
    ) -> Levels:
        """Return what is black and white.

        Of floats those of the last whole result of such steps, so that a slider does not change
        them with every frame.
        """
        assert pipeline is not None
        kept = self._levels.get(steps_key(photo, pipeline))
        if pixels.dtype.kind == "f" and kept is not None:
            return kept
        return self._fresh_levels(photo, pipeline, pixels, subject)

    def _fresh_levels(
        self, photo: Photo, pipeline: Pipeline, pixels: NDArray[Any], subject: Subject
    ) -> Levels:
        dtype = self.pieces_of(photo, pipeline)[0].result.dtype
        if dtype.kind == "f":
            return levels_of(sample(rgb(pixels), 1 << 18), 1.0)
        same = dtype == subject.image.dtype
        return levels_of(np.empty((0, 0), dtype), subject.white if same else full_scale(dtype))

    # ---- what is known of the whole --------------------------------------------------------------

    def about(self, side: str, wanted: Wanted, cancelled: Callable[[], bool]) -> dict[str, Any]:
        """Return dtype, shape, halo, histogram and times of the whole result."""
        photo = wanted.photo
        if wanted.pipeline is None:
            small = sample(rgb(photo.background))
            levels = levels_of(small, white_of(photo))
            return {
                "side": side, "dtype": str(photo.picture.pixels.dtype),
                "shape": list(photo.picture.pixels.shape), "levels": list(levels),
                "histogram": histogram(small, levels),
            }  # fmt: skip
        pieces, subject = self.pieces_of(photo, wanted.pipeline)
        with imgconv.threads(spare_threads()):
            found = [
                sample(rgb(strip), max(4096, strip.shape[0] * strip.shape[1] * 16 // 256))
                for _, strip in pieces.strips(cancelled)
            ]
        pixels = np.concatenate(found)
        levels = self._fresh_levels(photo, wanted.pipeline, pixels, subject)
        key = steps_key(photo, wanted.pipeline)
        redraw = pixels.dtype.kind == "f" and self._levels.get(key) != levels
        self._levels[key] = levels
        plan = wanted.pipeline.plan(
            subject.image.shape, subject.image.dtype, channel_axis=subject.channel_axis
        )
        height, width = pieces.size
        channels = pieces.result.channels
        return {
            "side": side, "dtype": str(pieces.result.dtype),
            "shape": [height, width] + ([channels] if channels else []),
            "levels": list(levels), "histogram": histogram(pixels, levels),
            "halo": plan.halo, "stages": plan.stages, "redraw": redraw,
            "times": self.times(subject, cancelled),
        }  # fmt: skip

    def times(self, subject: Subject, cancelled: Callable[[], bool]) -> dict[str, Any]:
        """Return the time of the chain and of each step, for the whole, from a part of it."""
        image = subject.image
        height, width = image.shape[:2]
        y, x = max(0, (height - TIMED_SIDE) // 2), max(0, (width - TIMED_SIDE) // 2)
        part = np.ascontiguousarray(image[y : y + TIMED_SIDE, x : x + TIMED_SIDE])
        share = height * width / max(1, part.shape[0] * part.shape[1])
        chain, axis = subject.unweighted, subject.channel_axis
        times = []
        for _ in range(2):
            if cancelled():
                raise Cancelled
            begun = time.perf_counter()
            chain(part, channel_axis=axis)
            times.append(time.perf_counter() - begun)
        each, begun = [], time.perf_counter()
        for text, _ in chain.stepwise(part, channel_axis=axis):
            each.append((text, (time.perf_counter() - begun) * share))
            if cancelled():
                raise Cancelled
            begun = time.perf_counter()
        seconds = min(times) * share
        return {
            "seconds": seconds,
            "megapixels": height * width / 1e6,
            "steps": each,
            "threads": imgconv.get_num_threads(),
        }

    def value_at(self, photo: Photo, pipeline: Pipeline | None, y: int, x: int) -> NDArray[Any]:
        """Return the value of a pixel of the picture, or of the result where it lies.

        Raises
        ------
        PipelineError
            If it is not known yet, since the whole must be computed first.
        """
        if pipeline is None:
            return np.asarray(photo.background[y, x])
        pieces, _ = self.pieces_of(photo, pipeline)
        if not pieces.is_exact:
            raise PipelineError("not known yet")
        (y, _), (x, _) = scaled_region(((y, y + 1), (x, x + 1)), photo.size, pieces.size)
        return np.asarray(pieces.piece(((y, y + 1), (x, x + 1)))[0, 0])


def spare_threads() -> int:
    """Return how many threads may do what nobody waits for: the browser needs the others."""
    return max(1, imgconv.get_num_threads() // 2)


def is_quick(wanted: Wanted, pieces: Pieces) -> bool:
    """Whether what is seen has so few pixels that they are filtered at once."""
    (y0, y1), (x0, x1) = scaled_region(wanted.view.region, wanted.photo.size, pieces.size)
    return (y1 - y0) * (x1 - x0) <= QUICK_PIXELS and wanted.view.zoom > 0.35


def steps_key(photo: Photo, pipeline: Pipeline) -> Hashable:
    """Return what chains share that differ in arguments only."""
    return photo, tuple(step.name for step in pipeline.steps)


def scaled_region(region: Region, of: tuple[int, int], to: tuple[int, int]) -> Region:
    """Return where a region of an image lies in one of another size, not less than a pixel.

    >>> scaled_region(((0, 5), (3, 10)), (10, 10), (5, 20))
    ((0, 3), (6, 20))
    """
    spans = []
    for (start, stop), n, m in zip(region, of, to, strict=True):
        first = min(max(0, start * m // n), m - 1)
        spans.append((first, min(max(first + 1, -(-stop * m // n)), m)))
    return spans[0], spans[1]


def grown(
    region: Region, of: tuple[int, int], to: tuple[int, int]
) -> tuple[float, float, float, float]:
    """Return where pixels of a smaller picture lie in the larger one."""
    (y0, y1), (x0, x1) = region
    y, x = to[0] / of[0], to[1] / of[1]
    return y0 * y, y1 * y, x0 * x, x1 * x

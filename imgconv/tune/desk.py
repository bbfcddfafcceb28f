"""What `imgconv tune` was given, and what its windows see of it; no page, no server."""

from __future__ import annotations

import json
import struct
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imgconv
from imgconv import io
from imgconv.io import PictureError
from imgconv.pipeline import Pipeline, PipelineError
from imgconv.pipeline.show import png
from imgconv.tune.batch import FolderRun
from imgconv.tune.display import levels_of, on_screen, rgb, values_text
from imgconv.tune.gallery import Gallery, Photo, white_of
from imgconv.tune.pieces import Pieces, shrunk
from imgconv.tune.renderer import Frame, Renderer, View, Wanted
from imgconv.tune.session import Session

__all__ = ["Desk", "inside", "packed"]

# A message to a window: JSON as text, or a frame as bytes.
Post = Callable[[str | bytes], None]
# Pixels of a window, more than which no screen has.
MOST_SIDE = 16384


@dataclass
class _Seen:
    """What a window sees: a view of the picture, and what is before."""

    post: Post
    view: View | None = None
    before: str = "picture"
    cut: int | None = None  # the column from which on the result is seen

    @property
    def open(self) -> View | None:
        """The part of the view in which the result is seen; None where that is all."""
        if self.view is None or self.cut is None:
            return None
        rows, (x0, x1) = self.view.region
        cut = max(x0, self.cut)
        if not x0 < cut < x1:
            return None
        width = max(1, self.view.width * (x1 - cut) // (x1 - x0))
        return View((rows, (cut, x1)), width, self.view.height)


class Desk:
    """Pictures, chains and windows of one `imgconv tune`.

    Parameters
    ----------
    inputs : sequence of str
        What was given: pictures and folders, on which a chain can be run.
    gallery : Gallery
        The pictures among them.
    folder : Path
        Where chains and results are written: nothing is outside it.
    """

    def __init__(self, inputs: Sequence[str], gallery: Gallery, folder: Path) -> None:
        self.inputs, self.gallery, self.folder = tuple(inputs), gallery, folder.resolve()
        self.session, self.renderer = Session(), Renderer()
        self.dark: bool | None = None
        self.run: FolderRun | None = None
        self.chain_name = "chain.toml"
        self.error = ""  # why the picture cannot be seen
        self._seen: dict[str, _Seen] = {}
        self._uploads: tempfile.TemporaryDirectory[str] | None = None
        self._guard = threading.RLock()
        self.session.listeners.append(lambda origin, moved: self.update())

    def close(self) -> None:
        """End all work."""
        if self.run is not None:
            self.run.cancel()
        self.renderer.close()
        if self._uploads is not None:
            self._uploads.cleanup()

    # ---- windows ---------------------------------------------------------------------------------

    def open(self, name: str, post: Post) -> None:
        """Begin to show frames in a window."""
        with self._guard:
            self._seen[name] = _Seen(post)
        self.renderer.open(name, lambda kind, what: self._send(post, kind, what))
        self._post_picture(post)

    def forget(self, name: str) -> None:
        """Show nothing more in a window."""
        with self._guard:
            self._seen.pop(name, None)
        self.renderer.forget(name)

    def receive(self, name: str, message: Mapping[str, Any]) -> None:
        """Take a message of a window: what it sees, or where its pointer is."""
        with self._guard:
            seen = self._seen.get(name)
            if seen is None:
                return
            if "cut" in message:
                seen.cut = None if message["cut"] is None else int(message["cut"])
            if "region" in message:
                seen.view = view_of(message)
                if message.get("before") in ("picture", "other"):
                    seen.before = message["before"]
        if "region" in message:
            self.update(name)
        if "y" in message and "x" in message:
            self._post_values(seen, int(message["y"]), int(message["x"]))

    def update(self, name: str | None = None) -> None:
        """Ask for the frames of a window, or of all."""
        with self._guard:
            windows = [(each, self._seen[each]) for each in self._seen if name in (None, each)]
        photo = self.photo()
        for each, seen in windows:
            if photo is None or seen.view is None:
                continue
            before, after = self.chains(seen.before)
            sides = {
                "before": Wanted(photo, before, seen.view),
                "after": Wanted(photo, after, seen.view, seen.open),
            }
            self.renderer.want(each, sides)

    def chains(self, before: str) -> tuple[Pipeline | None, Pipeline | None]:
        """Return the chain on either side; None where the picture itself is shown."""
        session = self.session
        other = "B" if session.active == "A" else "A"
        left = session.pipeline(other) if before == "other" else None
        right = session.shown_pipeline()
        return tuple(  # type: ignore[return-value]
            None if chain is None or chain.text == "image" else chain for chain in (left, right)
        )

    def photo(self) -> Photo | None:
        """Return the picture that is seen, or None, with `error`, where it cannot be read."""
        if self.gallery.path is None:
            return None
        try:
            photo = self.gallery.photo()
        except (PictureError, OSError, MemoryError) as error:
            self.error = " ".join(str(error).split())
            return None
        self.error = ""
        self.session.white = white_of(photo)
        return photo

    def choose(self, number: int) -> None:
        """See another picture."""
        if 0 <= number < len(self.gallery.paths):
            self.gallery.chosen = number
            with self._guard:
                windows = list(self._seen.values())
                for seen in windows:
                    seen.view = None
            for seen in windows:
                self._post_picture(seen.post)

    def upload(self, name: str, content: bytes) -> int:
        """Take a picture of the page to those that were given, and return its number.

        It is kept in a folder of its own until the end; runs read it there.

        Raises
        ------
        PictureError
            If it cannot be read, or has more pixels than the command allows.
        """
        with self._guard:
            if self._uploads is None:
                self._uploads = tempfile.TemporaryDirectory(prefix="imgconv-tune-")
            path = unused(Path(self._uploads.name), Path(name.replace("\\", "/")).name)
            path.write_bytes(content)
            try:
                io.read(path, self.gallery.max_pixels)
            except Exception:
                path.unlink()
                raise
            self.gallery.paths.append(path)
            self.inputs += (str(path),)
            return len(self.gallery.paths) - 1

    # ---- messages to windows ---------------------------------------------------------------------

    def _post_picture(self, post: Post) -> None:
        photo = self.photo()
        path = self.gallery.path
        size = photo.size if photo is not None else None
        what = {"kind": "picture", "name": path.name if path else "", "size": size}
        post(json.dumps({**what, "number": self.gallery.chosen, "error": self.error}))

    def _post_values(self, seen: _Seen, y: int, x: int) -> None:
        photo = self.photo()
        if photo is None or not (0 <= y < photo.size[0] and 0 <= x < photo.size[1]):
            return
        values = []
        for chain in self.chains(seen.before):
            try:
                values.append(values_text(self.renderer.value_at(photo, chain, y, x)))
            except (ValueError, TypeError, MemoryError):
                values.append("…")
        seen.post(json.dumps({"kind": "values", "y": y, "x": x, "values": values}))

    def _send(self, post: Post, kind: str, what: Any) -> None:
        if isinstance(what, Frame):
            post(packed(what))
            return
        if kind == "about" and what.pop("redraw", False):
            # Floats have other levels since the whole is known.
            self.renderer.again(what["side"])
        message = what if isinstance(what, dict) else {"side": what}
        post(json.dumps({"kind": kind, **message}, default=float))

    # ---- files -----------------------------------------------------------------------------------

    def save(self, name: str, replace: bool = False) -> Path:
        """Write the chain to a TOML or YAML file in the folder, and return its path.

        Raises
        ------
        ValueError
            If the name leads out of the folder, ends otherwise, or names a file that exists.
        """
        path = inside(self.folder, name)
        if path.exists() and not replace:
            raise PipelineError(f"{name} exists")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.session.save(path)
        self.chain_name = name
        return path

    def start(self, out: str, replace: bool = False) -> FolderRun:
        """Run the chain on all that was given, into a folder; as `imgconv apply` does."""
        if self.run is not None and self.run.running:
            raise PipelineError("a run is in progress")
        target = inside(self.folder, out)
        max_pixels = self.gallery.max_pixels
        chain = self.session.pipeline()
        self.run = FolderRun(chain, self.inputs, target, replace, max_pixels)
        return self.run


def inside(folder: Path, name: str) -> Path:
    """Return a path in a folder; nothing leads out of it.

    Raises
    ------
    ValueError
        If it would be elsewhere.
    """
    path = (folder / name).resolve()
    folder = folder.resolve()
    if not name.strip() or not path.is_relative_to(folder) or path == folder:
        raise PipelineError(f"{name or 'a name'} must be below {folder}")
    return path


def unused(folder: Path, name: str) -> Path:
    """Return a path in a folder that has no file of this name yet: with a number if it has."""
    path, number = folder / name, 2
    while path.exists():
        path = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
        number += 1
    return path


def view_of(message: Mapping[str, Any]) -> View:
    """Return the view that a window states."""
    y0, y1, x0, x1 = (int(each) for each in message["region"])
    width, height = (min(max(1, int(message[key])), MOST_SIDE) for key in ("width", "height"))
    return View(((max(0, y0), max(1, y1)), (max(0, x0), max(1, x1))), width, height)


def packed(frame: Frame) -> bytes:
    """Return a frame as bytes: length of a header, the header in JSON, pixels."""
    height, width = frame.pixels.shape[:2]
    channels = 1 if frame.pixels.ndim == 2 else frame.pixels.shape[2]
    header = json.dumps(
        {
            "side": frame.side, "height": height, "width": width, "channels": channels,
            "region": frame.region, "what": frame.kind, "factor": frame.factor,
            "seconds": frame.seconds, "chain": frame.chain,
        }
    ).encode()  # fmt: skip
    header += b" " * (-len(header) % 4)
    return struct.pack("<I", len(header)) + header + frame.pixels.tobytes()


def thumbnail_png(desk: Desk, number: int) -> bytes:
    """Return what the chain makes of a picture, small, as PNG."""
    small, factor = desk.gallery.thumbnail(number)
    chain = desk.session.shown_pipeline()
    subject = small.subject(shrunk(chain, factor))
    with imgconv.threads(1):
        pixels = rgb(Pieces(subject.pipeline, subject.image).full())
    white = subject.white if pixels.dtype == subject.image.dtype else io.full_scale(pixels.dtype)
    return png(on_screen(pixels, levels_of(pixels, white)))

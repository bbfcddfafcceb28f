"""Faces: functions that stand for another library's, and hand on to it what they do not do.

A face does its call, or the original answers the same call. There are three reasons for that:

- `HandOver`: the face does not do such a call; the text says why;
- a refusal: our checks, or an original called by the face, find an argument wrong. What is wrong,
  and in which words, is the original's to say;
- `MemoryError`: the original may need less.

Any other exception is a fault of ours. It is raised, as a `FaceError`, where the environment
variable IMGCONV_STRICT is set to 1, as the tests do; else it is logged once for each face, as a
warning of the logger "imgconv.faces", and the original answers. Nothing may have been written
before.

Where an original reads or writes outside memory for some arguments, a face has a sound one in its
place, which does the same calls and stays inside.

How often each face was called, and what it handed on and why, is counted; logging.DEBUG of the
same logger tells it call by call.
"""

import inspect
import logging
import os
from collections import Counter
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

from imgconv.core.check import is_refusal, refusal

__all__ = [
    "FACES",
    "LOG",
    "Face",
    "FaceError",
    "HandOver",
    "asked",
    "binds",
    "face",
    "handed_on",
    "other_names",
    "reason_of",
]

LOG = logging.getLogger("imgconv.faces")


class HandOver(Exception):  # noqa: N818 - no error: the call goes elsewhere
    """The original shall do this call; the text is the reason, one of few."""


class FaceError(Exception):
    """A fault of ours in a face, where IMGCONV_STRICT is set."""


class Face:
    """A face with its original and its counts.

    Attributes
    ----------
    name : str
        The original's, "scipy.ndimage.gaussian_filter".
    original, function : callable
    calls : int
        All calls, those handed on among them.
    handed : Counter
        Calls handed on, by reason.
    """

    def __init__(self, name: str, original: Callable[..., Any]) -> None:
        self.name = name
        self.original = original
        self.function = original
        self.calls = 0
        self.handed: Counter[str] = Counter()

    def hand_on(self, why: Exception) -> None:
        """Count a call that the original does."""
        reason = reason_of(self.name, why)
        self.handed[reason] += 1
        if LOG.isEnabledFor(logging.DEBUG):
            LOG.debug("%s handed on: %s", self.name, reason)


# All faces of the modules that were imported, by the names of their originals.
FACES: dict[str, Face] = {}
# Functions of which a fault was logged.
FAULTY: set[str] = set()


def reason_of(name: str, error: Exception) -> str:
    """Return why an exception hands a call of a function on; raise or log a fault of ours."""
    if isinstance(error, HandOver):
        return str(error)
    if is_refusal(error):
        return f"refused: {type(error).__name__}"
    if isinstance(error, MemoryError):
        return "memory"
    if os.environ.get("IMGCONV_STRICT") == "1":
        raise FaceError(f"{name}: {error!r}") from error
    if name not in FAULTY:
        FAULTY.add(name)
        LOG.warning("%s: a fault of imgconv; the original answers", name, exc_info=error)
    return f"fault: {type(error).__name__}"


def face(
    module: str, original: Callable[..., Any], sound: Callable[..., Any] | None = None
) -> Callable[..., Callable[..., Any]]:
    """Return a decorator that makes a function the face of `original`, a function of `module`.

    The face has the original's signature. The decorated function is called with the arguments as
    they came, so its parameters have the same names in the same order. What is handed on goes to
    `sound`, if there is one.
    """
    answer = asked(original if sound is None else sound)

    def decorate(ours: Callable[..., Any]) -> Callable[..., Any]:
        record = Face(f"{module}.{original.__name__}", original)
        signature, own = inspect.signature(original), inspect.signature(ours)
        # What the installed original does not know, in whichever version, is its to refuse.
        unknown = own.parameters.keys() - signature.parameters.keys()

        @wraps(ours)
        def function(*args: Any, **options: Any) -> Any:
            record.calls += 1
            try:
                if unknown and not unknown.isdisjoint(options):
                    raise HandOver("unknown keyword")
                return ours(*args, **options)
            except Exception as error:
                fits = not isinstance(error, TypeError) or binds(own, args, options)
                record.hand_on(error if fits else HandOver("signature"))
            return answer(*args, **options)

        function.__signature__ = signature  # type: ignore[attr-defined]
        record.function = function
        FACES[record.name] = record
        return function

    return decorate


def asked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of another library, whose errors a face that calls it takes for refusals.

    An original, too, may be called by a face, through another one.
    """

    @wraps(function)
    def answer(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except Exception as error:
            refusal(error)
            raise

    return answer


def binds(signature: inspect.Signature, args: tuple[Any, ...], options: dict[str, Any]) -> bool:
    """Whether a function can be called with these arguments."""
    try:
        signature.bind(*args, **options)
    except TypeError:
        return False
    return True


def other_names(
    face: str, original: str, names: list[str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the `__getattr__` and `__dir__` of a module of faces: all else is the original's.

    To `names`, the `__all__` of the face, those of the original are added, so that
    ``from face import *`` binds what ``from original import *`` does.
    """
    module = import_module(original)
    public = getattr(module, "__all__", [])
    names += sorted(set(public).difference(names))

    def get(name: str) -> Any:
        try:
            if name in public or not name.startswith("__"):
                return getattr(module, name)
        except AttributeError:
            pass
        raise AttributeError(f"module {face!r} has no attribute {name!r}")

    return get, lambda: sorted({*names, *dir(module)})


def handed_on() -> dict[str, dict[str, int]]:
    """Return which faces handed calls on to their originals, how many and why.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import ndimage
    >>> from imgconv.fallback import handed_on
    >>> _ = ndimage.sobel(np.zeros((4, 4), complex))
    >>> handed_on()["scipy.ndimage.sobel"]["complex numbers"] > 0
    True
    """
    return {name: dict(each.handed) for name, each in FACES.items() if each.handed}

"""Faces: functions that stand for another library's, and hand on to it what they do not do.

A face does its call or raises `HandOver` with the reason; then the original answers the same call.
So it does, too, where our checks find an argument wrong: what is wrong, and in which words, is the
original's to say. Nothing may have been written before.

Where an original reads or writes outside memory for some arguments, a face has a sound one in its
place, which does the same calls and stays inside.

How often each face was called, and what it handed on and why, is counted; logging.DEBUG of the
logger "imgconv.faces" tells it call by call.
"""

import inspect
import logging
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any

__all__ = ["FACES", "LOG", "Face", "HandOver", "face", "handed_on"]

LOG = logging.getLogger("imgconv.faces")


class HandOver(Exception):  # noqa: N818 - no error: the call goes elsewhere
    """The original shall do this call; the text is the reason, one of few."""


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
        reason = str(why) if isinstance(why, HandOver) else f"refused: {type(why).__name__}"
        self.handed[reason] += 1
        if LOG.isEnabledFor(logging.DEBUG):
            LOG.debug("%s handed on: %s", self.name, reason)


# All faces of the modules that were imported, by the names of their originals.
FACES: dict[str, Face] = {}


def face(
    module: str, original: Callable[..., Any], sound: Callable[..., Any] | None = None
) -> Callable[..., Callable[..., Any]]:
    """Return a decorator that makes a function the face of `original`, a function of `module`.

    The face has the original's signature. The decorated function is called with the arguments as
    they came, so its parameters have the same names in the same order. What is handed on goes to
    `sound`, if there is one.
    """
    answer = original if sound is None else sound

    def decorate(ours: Callable[..., Any]) -> Callable[..., Any]:
        record = Face(f"{module}.{original.__name__}", original)
        signature = inspect.signature(original)
        # What the installed original does not know, in whichever version, is its to refuse.
        unknown = inspect.signature(ours).parameters.keys() - signature.parameters.keys()

        @wraps(ours)
        def function(*args: Any, **options: Any) -> Any:
            record.calls += 1
            try:
                if unknown and not unknown.isdisjoint(options):
                    raise HandOver("unknown keyword")
                return ours(*args, **options)
            except Exception as error:
                record.hand_on(error)
            return answer(*args, **options)

        function.__signature__ = signature  # type: ignore[attr-defined]
        record.function = function
        FACES[record.name] = record
        return function

    return decorate


def handed_on() -> dict[str, dict[str, int]]:
    """Return which faces handed calls on to their originals, how many and why.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import ndimage
    >>> from imgconv.core.handover import handed_on
    >>> _ = ndimage.sobel(np.zeros((4, 4), complex))
    >>> handed_on()["scipy.ndimage.sobel"]["complex numbers"] > 0
    True
    """
    return {name: dict(each.handed) for name, each in FACES.items() if each.handed}

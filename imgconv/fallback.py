"""Faces: functions with the names and signatures of another library, and their fallback to it.

A face computes a call itself, or it falls back: the original function is called with the same
arguments. There are three reasons to fall back:

- `FallBack`: the face does not compute such a call; the text is the reason;
- a refusal: imgconv's checks, or an original that the face calls, find an argument wrong. The
  original decides whether it is wrong, and raises its own error;
- `MemoryError`: the original may need less.

Any other exception is a fault of imgconv. It is raised, as a `FaceError`, where the environment
variable IMGCONV_STRICT is 1, as in the tests. Elsewhere it is logged once for each face, as a
warning of the logger "imgconv.faces", and the original is called. A face must write to no array
before it knows that it will not fall back.

An original that reads or writes outside its arrays for some arguments is never called with them: a
face may name a memory-safe function, which gives the same results, to fall back to.

How often each face was called, how often it fell back and why, is counted (`fallbacks`). The same
logger reports each fallback at logging.DEBUG.
"""

import inspect
import logging
import os
from collections import Counter
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any, ParamSpec, TypeVar

from imgconv.core.check import is_refusal, refusal

__all__ = [
    "FACES",
    "LOG",
    "Face",
    "FaceError",
    "FallBack",
    "binds",
    "face",
    "fallbacks",
    "mark_refusals",
    "other_names",
    "reason_of",
]

P = ParamSpec("P")
Result = TypeVar("Result")

LOG = logging.getLogger("imgconv.faces")


class FallBack(Exception):  # noqa: N818 - no error: the original is called
    """The original is to compute this call; the text is the reason, one of few."""


class FaceError(Exception):
    """A fault of imgconv in a face, where IMGCONV_STRICT is set."""


class Face:
    """A face with its original and its counts.

    Attributes
    ----------
    name : str
        The original's, "scipy.ndimage.gaussian_filter".
    original, function : callable
        The original, and the face.
    calls : int
        All calls, with those that fell back.
    fallbacks : Counter
        Calls that fell back, by reason.
    """

    def __init__(self, name: str, original: Callable[..., Any]) -> None:
        self.name = name
        self.original = original
        self.function = original
        self.calls = 0
        self.fallbacks: Counter[str] = Counter()

    def count_fallback(self, why: Exception) -> None:
        """Count a call that falls back."""
        reason = reason_of(self.name, why)
        self.fallbacks[reason] += 1
        if LOG.isEnabledFor(logging.DEBUG):
            LOG.debug("%s falls back: %s", self.name, reason)


# All faces of the modules that were imported, by the names of their originals.
FACES: dict[str, Face] = {}
# Names of the faces of which a fault was logged.
FAULTY: set[str] = set()


def reason_of(name: str, error: Exception) -> str:
    """Return why a function falls back after an exception; raise or log a fault of imgconv."""
    if isinstance(error, FallBack):
        return str(error)
    if is_refusal(error):
        return f"refused: {type(error).__name__}"
    if isinstance(error, MemoryError):
        return "memory"
    if os.environ.get("IMGCONV_STRICT") == "1":
        raise FaceError(f"{name}: {error!r}") from error
    if name not in FAULTY:
        FAULTY.add(name)
        LOG.warning("%s: a fault of imgconv; the original is called", name, exc_info=error)
    return f"fault: {type(error).__name__}"


def face(
    module: str, original: Callable[..., Any], memory_safe: Callable[..., Any] | None = None
) -> Callable[[Callable[P, Result]], Callable[P, Result]]:
    """Return a decorator that makes a function the face of `original`, a function of `module`.

    The face has the original's signature. The decorated function gets the arguments as they came,
    so its parameters have the same names in the same order. The face falls back to `memory_safe`,
    if there is one, else to the original.
    """
    fallback = mark_refusals(original if memory_safe is None else memory_safe)

    def decorate(ours: Callable[P, Result]) -> Callable[P, Result]:
        record = Face(f"{module}.{original.__name__}", original)
        signature, own = inspect.signature(original), inspect.signature(ours)
        # Keywords of later versions than the installed one: the original refuses them.
        unknown = own.parameters.keys() - signature.parameters.keys()

        @wraps(ours)
        def function(*args: P.args, **options: P.kwargs) -> Result:
            record.calls += 1
            try:
                if unknown and not unknown.isdisjoint(options):
                    raise FallBack("unknown keyword")
                return ours(*args, **options)
            except Exception as error:
                fits = not isinstance(error, TypeError) or binds(own, args, options)
                record.count_fallback(error if fits else FallBack("signature"))
            result: Result = fallback(*args, **options)
            return result

        # `inspect.signature` reads this attribute, which mypy does not know.
        function.__signature__ = signature  # type: ignore[attr-defined]
        record.function = function
        FACES[record.name] = record
        return function

    return decorate


def mark_refusals(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return another library's function, whose errors count as refusals where a face calls it.

    Faces call originals that have faces themselves, so fallbacks are marked, too.
    """

    @wraps(function)
    def marked(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except Exception as error:
            refusal(error)
            raise

    return marked


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
    """Return the `__getattr__` and `__dir__` of a module of faces: other names are the original's.

    To `names`, the `__all__` of the face, those of the original are added, so that
    ``from face import *`` binds the same names as ``from original import *``.
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


def fallbacks() -> dict[str, dict[str, int]]:
    """Return how often each face fell back to its original, by reason.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import ndimage
    >>> from imgconv.fallback import fallbacks
    >>> _ = ndimage.sobel(np.zeros((4, 4), complex))
    >>> fallbacks()["scipy.ndimage.sobel"]["complex numbers"] > 0
    True
    """
    return {name: dict(each.fallbacks) for name, each in FACES.items() if each.fallbacks}

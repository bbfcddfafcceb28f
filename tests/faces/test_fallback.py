"""Faces in general: which calls fall back, why, and how that is counted."""

import ast
import inspect
import logging
from importlib import import_module
from pathlib import Path

import face_calls
import fuzz_faces
import numpy as np
import pytest

import imgconv.skimage
from imgconv import fallback, ndimage, signal
from imgconv.core import check
from imgconv.fallback import FaceError, FallBack
from imgconv.skimage import feature, filters, measure, restoration

FACES = [imgconv.skimage, feature, filters, filters.rank, measure, ndimage, restoration, signal]


@pytest.fixture
def halved(monkeypatch):
    """A face of a function that halves: it computes even numbers."""
    monkeypatch.setattr(fallback, "FACES", {})

    def halve(x, /, *, rounded=False):
        return ("original", x // 2 if rounded else x / 2)

    def ours(x, *, rounded=False, axes=None):
        """Halve."""
        if isinstance(x, str):
            raise check.type_error("x must be a number")
        if isinstance(x, list):
            raise MemoryError
        if x % 2:
            raise FallBack("odd")
        return ("face", x // 2)

    return fallback.face("numbers", halve)(ours)


def test_calls_are_computed_or_fall_back(halved):
    assert halved(4) == ("face", 2)
    assert halved(5) == ("original", 2.5)
    assert halved(7, rounded=True) == ("original", 3)
    record = fallback.FACES["numbers.halve"]
    assert (record.calls, dict(record.fallbacks)) == (3, {"odd": 2})
    assert fallback.fallbacks() == {"numbers.halve": {"odd": 2}}


def test_signature_is_the_originals(halved):
    record = fallback.FACES["numbers.halve"]
    assert inspect.signature(halved) == inspect.signature(record.original)
    assert halved.__doc__ == "Halve."
    assert record.function is halved


def test_the_original_refuses_keywords_of_later_versions(halved):
    with pytest.raises(TypeError, match="unexpected keyword argument 'axes'"):
        halved(2, axes=0)
    assert fallback.fallbacks() == {"numbers.halve": {"unknown keyword": 1}}


def test_errors_are_the_originals(halved):
    """The original may accept what imgconv refuses; if not, its error is raised."""
    with pytest.raises(TypeError, match="unsupported operand") as caught:
        halved("one")
    assert caught.value.__context__ is None
    assert fallback.fallbacks() == {"numbers.halve": {"refused: TypeError": 1}}


def test_too_little_memory_falls_back(halved):
    with pytest.raises(TypeError, match="unsupported operand"):
        halved([1])
    assert fallback.fallbacks() == {"numbers.halve": {"memory": 1}}


@pytest.mark.parametrize("call", [((), {}), ((1, 2), {}), ((1,), {"x": 2}), ((1,), {"y": 2})])
def test_the_original_refuses_arguments_that_do_not_fit(halved, call):
    args, options = call
    with pytest.raises(TypeError, match=r"halve\(\)"):
        halved(*args, **options)
    assert fallback.fallbacks() == {"numbers.halve": {"signature": 1}}


def test_faults_are_raised_if_strict(halved):
    with pytest.raises(FaceError, match=r"numbers.halve: TypeError\(.unsupported operand"):
        halved(None)
    assert fallback.fallbacks() == {}


@pytest.mark.parametrize("setting", [None, "", "0"])
def test_faults_are_logged_once(halved, caplog, monkeypatch, setting):
    monkeypatch.delenv("IMGCONV_STRICT")
    if setting is not None:
        monkeypatch.setenv("IMGCONV_STRICT", setting)
    monkeypatch.setattr(fallback, "FAULTY", set())
    for _ in range(3):
        with pytest.raises(TypeError, match="unsupported operand") as caught:
            halved(None)
        assert caught.value.__context__ is None
    assert caplog.messages == ["numbers.halve: a fault of imgconv; the original is called"]
    assert caplog.records[0].exc_info[0] is TypeError
    assert fallback.fallbacks() == {"numbers.halve": {"fault: TypeError": 3}}


def test_errors_of_other_originals_are_refusals(halved):
    """A face may call another face, whose original refuses."""

    def outer(x):
        return ("outer", x)

    def ours(x):
        return halved(x)

    double = fallback.face("numbers", outer)(ours)
    assert double("one") == ("outer", "one")
    assert fallback.fallbacks()["numbers.outer"] == {"refused: TypeError": 1}


def test_all_checks_raise_refusals():
    """They raise no plain ValueError or TypeError, which would count as a fault of a face."""
    package = Path(imgconv.__file__).parent
    paths = [package / "core/check.py", package / "geometry.py"]
    for folder in ("filters", "kernels"):
        paths += (package / folder).glob("*.py")
    for path in paths:
        tree = ast.parse(path.read_text())
        raised = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise)]
        named = {each.func.id for each in raised if isinstance(each, ast.Call)
                 and isinstance(each.func, ast.Name)}  # fmt: skip
        assert not named & {"ValueError", "TypeError"}, path


@pytest.mark.parametrize("seed", range(3))
def test_bad_arguments_are_no_faults(seed):
    for number in range(2000):
        rng = np.random.default_rng((seed, number))
        what = face_calls.fault(fuzz_faces.with_bad_argument(rng, fuzz_faces.draw(seed, number)))
        assert not what, what


def test_logged_for_debugging(halved, caplog):
    with caplog.at_level(logging.DEBUG, "imgconv.faces"):
        halved(2)
        halved(3)
    assert caplog.messages == ["numbers.halve falls back: odd"]


# ---- names -------------------------------------------------------------------------------------


def original_of(face):
    """The module of the originals of a module of faces."""
    name = face.__name__.removeprefix("imgconv.")
    return import_module(name if name.startswith("skimage") else f"scipy.{name}")


def name_of(module):
    return module.__name__


@pytest.mark.parametrize("face", FACES, ids=name_of)
class TestNames:
    def test_all_are_there(self, face):
        """A name without a face is the original's own."""
        original = original_of(face)
        prefix = f"{original.__name__}."
        faces = {name.removeprefix(prefix) for name in fallback.FACES if name.startswith(prefix)}
        names = [name for name in dir(original) if not name.startswith("__")]
        assert set(names) | set(face.__all__) <= set(dir(face))
        for name in names:
            ours, theirs = getattr(face, name), getattr(original, name)
            owner = getattr(ours, "__module__", None) or getattr(ours, "__name__", "")
            assert (ours is not theirs) == owner.startswith("imgconv."), name
            assert name not in faces or ours is not theirs

    def test_star_import(self, face):
        """It binds the same names as in the original, to faces where there are any."""
        bound = {}
        exec(f"from {face.__name__} import *", bound)
        assert set(original_of(face).__all__) <= set(bound)
        assert all(value is getattr(face, name) for name, value in bound.items()
                   if name in face.__all__)  # fmt: skip
        assert len(set(face.__all__)) == len(face.__all__)

    def test_unknown_names(self, face):
        for name in ("no_such_name", "__no_such_name__"):
            text = f"module '{face.__name__}' has no attribute '{name}'"
            with pytest.raises(AttributeError, match=text):
                getattr(face, name)

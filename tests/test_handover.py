"""Faces in general: what is done, what is handed on, and what is counted of it."""

import inspect
import logging

import pytest

from imgconv.core import handover
from imgconv.core.handover import HandOver


@pytest.fixture
def halved(monkeypatch):
    """A face of a function that halves: it does even numbers."""
    monkeypatch.setattr(handover, "FACES", {})

    def halve(x, /, *, rounded=False):
        return ("original", x // 2 if rounded else x / 2)

    def ours(x, *, rounded=False, axes=None):
        """Halve."""
        if isinstance(x, str):
            raise TypeError("x must be a number")
        if x % 2:
            raise HandOver("odd")
        return ("face", x // 2)

    return handover.face("numbers", halve)(ours)


def test_calls_are_done_or_handed_on(halved):
    assert halved(4) == ("face", 2)
    assert halved(5) == ("original", 2.5)
    assert halved(7, rounded=True) == ("original", 3)
    record = handover.FACES["numbers.halve"]
    assert (record.calls, dict(record.handed)) == (3, {"odd": 2})
    assert handover.handed_on() == {"numbers.halve": {"odd": 2}}


def test_signature_is_the_originals(halved):
    record = handover.FACES["numbers.halve"]
    assert inspect.signature(halved) == inspect.signature(record.original)
    assert halved.__doc__ == "Halve."
    assert record.function is halved


def test_keywords_of_later_versions_are_the_originals_to_refuse(halved):
    with pytest.raises(TypeError, match="unexpected keyword argument 'axes'"):
        halved(2, axes=0)
    assert handover.handed_on() == {"numbers.halve": {"unknown keyword": 1}}


def test_errors_are_the_originals(halved):
    """What we find wrong, the original may find right; if not, its words count."""
    with pytest.raises(TypeError, match="unsupported operand") as caught:
        halved("one")
    assert caught.value.__context__ is None
    assert handover.handed_on() == {"numbers.halve": {"refused: TypeError": 1}}


def test_logged_for_debugging(halved, caplog):
    with caplog.at_level(logging.DEBUG, "imgconv.faces"):
        halved(2)
        halved(3)
    assert caplog.messages == ["numbers.halve handed on: odd"]

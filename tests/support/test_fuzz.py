"""Random calls run as they are drawn, and what is wrong is found and reported."""

import sys
from dataclasses import replace

import fuzz_draws
import fuzz_run
import numpy as np
import pytest
from fuzz_calls import Image, Layout, Out, chain, check, order

import imgconv

SPACED = Layout((1, 0), (2, -3), at=1)
IMAGE = Image((9, 12), "<i2", layout=SPACED)


def test_random_calls():
    for number in range(100):
        line = fuzz_draws.draw(0, number)
        assert fuzz_draws.draw(0, number) == line
        assert fuzz_run.run(line) == "", line


def test_layouts():
    array = IMAGE.array()
    assert array.strides == (2 * 2, -3 * 2 * 2 * 9)
    assert not array.flags.aligned
    np.testing.assert_array_equal(array, Image((9, 12), "<i2").array())


def changes_the_image(image, size, out=None, **_):
    image[...] = 1
    return np.zeros_like(image)


def writes_beyond_out(image, size, out=None, **_):
    if out is None:
        return image.copy()
    out[...] = image
    memory = out
    while isinstance(memory.base, np.ndarray):
        memory = memory.base
    memory.view(np.uint8).flat[0] = 7
    return out


def depends_on_strides(image, size, out=None, **_):
    return image * image.flags.c_contiguous


def fails_in_a_layout(image, size, out=None, **_):
    if not image.flags.c_contiguous:
        raise ValueError
    return image


def returns_a_copy(image, size, out=None, **_):
    return image.copy()


@pytest.mark.parametrize(
    ("wrong", "out", "message"),
    [
        (changes_the_image, None, "the image was changed"),
        (writes_beyond_out, Out("fresh", "<i2", Layout((0, 1), (1, 1), at=8)), "beyond out"),
        (depends_on_strides, None, "differ in their bits"),
        (fails_in_a_layout, None, "ValueError"),
        (returns_a_copy, Out("same"), "not out"),
    ],
)
def test_what_is_wrong_is_seen(monkeypatch, wrong, out, message):
    monkeypatch.setattr("fuzz_calls.assert_right", lambda *_: None)
    with pytest.raises(AssertionError, match=message):
        check(replace(order("median", 3), function=wrong), IMAGE, out)


def test_a_wrong_filter_is_seen(monkeypatch):
    monkeypatch.setattr(imgconv, "median", imgconv.minimum)
    assert "values are wrong" in fuzz_run.run(f"check(order('median', 3), {IMAGE})")


def test_a_wrong_band_is_seen(monkeypatch):
    wrong = np.zeros((9, 12), np.int16)
    monkeypatch.setattr("imgconv.pipeline.executors.arrays.run_bands", lambda *_: (wrong,))
    with pytest.raises(AssertionError):
        chain("box(size=3) | invert", IMAGE)


@pytest.mark.parametrize(
    ("program", "what"),
    [
        ("os.abort()", "the process ended with -6"),
        ("sys.exit('reason')", "the process ended with 1\nreason"),
        ("time.sleep(60)", "no answer in 5 s"),
    ],
)
def test_the_call_that_ends_a_process_is_reported(monkeypatch, program, what):
    monkeypatch.setattr(fuzz_run, "LIMIT", 5)
    report = "print('call 3 one(1)\\ndone 3 \\'\\'\\ncall 4 two(2)', flush=True)"
    command = [sys.executable, "-c", f"import os, sys, time; {report}; {program}"]
    first, last = fuzz_run.watched(command, 3)
    assert first == (3, "one(1)", "")
    assert last == (4, "two(2)", what)

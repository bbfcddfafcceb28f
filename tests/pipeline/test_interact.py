"""`Pipeline.interact`: sliders made from descriptions, what they make of a chain, errors."""

import sys

import numpy as np
import pytest

from imgconv.pipeline import Pipeline
from imgconv.pipeline.show import Preview

IMAGE = np.random.default_rng(5).integers(0, 256, (60, 80, 3), np.uint8)

pytest.importorskip("ipywidgets")


def widgets(made):
    """Return the widgets of arguments by their names."""
    panels = made.widget.children[: len(made.pipeline.steps)]
    return {each.description: each for panel in panels for each in panel.children[1:]}


@pytest.fixture
def made():
    text = "image - (gaussian(sigma=2) | sobel) | clip(low=0, high=90) | median(size=3, mode=wrap)"
    return Pipeline(text).interact(IMAGE, channel_axis=-1)


def test_what_is_moved(made):
    found = widgets(made)
    assert {name: type(each).__name__ for name, each in found.items()} == {
        "sigma": "FloatSlider",
        "axis": "Dropdown",
        "low": "FloatSlider",
        "high": "FloatSlider",
        "size": "IntSlider",
        "mode": "Dropdown",
    }
    assert found["high"].max == 255


def test_a_slider_changes_chain_and_picture(made):
    before = made._after.value
    widgets(made)["sigma"].value = 9.0
    widgets(made)["mode"].value = "nearest"
    expected = Pipeline(
        "image - (gaussian(sigma=9.0) | sobel) | clip(low=0, high=90) | "
        "median(size=3, mode=nearest)"
    )
    assert made.pipeline == expected
    assert np.array_equal(made.result, expected(IMAGE, channel_axis=-1))
    assert made._after.value != before
    assert bytes(made._after.value).startswith(b"\x89PNG")
    assert "sigma=9.0" in made._text.value
    assert "sigma=9.0" in repr(made)
    assert made._repr_mimebundle_()


def test_an_error_is_shown_and_changes_nothing(made):
    before = made.pipeline
    widgets(made)["low"].value = 200
    assert "low must" in made._message.value
    assert made.pipeline == before
    widgets(made)["low"].value = 20
    assert made._message.value == ""
    assert "low=20" in made.pipeline.text


def test_without_ipywidgets_it_is_a_picture(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    made = Pipeline("gaussian(sigma=2)").interact(IMAGE, channel_axis=-1)
    assert isinstance(made, Preview)

"""What all faces share in reading arguments, and the limits that docs/faces.md states."""

import numpy as np
import pytest
from paths import ROOT

from imgconv import face_arguments
from imgconv.face_arguments import border, check_size, each, integer, real_image, unsupported
from imgconv.fallback import FallBack
from imgconv.ndimage import arguments, morphology, order, passes
from imgconv.operations.methods import DENSE
from imgconv.signal import translate

DOCUMENT = " ".join((ROOT / "docs" / "faces.md").read_text().split())


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([[1.0]], "not a NumPy array"),
        (np.ma.ones((2, 2)), "not a NumPy array"),
        (np.ones(3), "not 2-D"),
        (np.ones((2, 2), complex), "complex numbers"),
        (np.ones((2, 2), object), "dtype object"),
        (np.ones((0, 2)), "no pixels"),
    ],
    ids=str,
)
def test_images_that_fall_back(value, reason):
    with pytest.raises(FallBack, match=reason):
        real_image(value)


def test_images():
    image = np.ones((2, 3), np.float16)
    assert real_image(image) is image
    assert real_image(image[None], None).ndim == 3
    assert real_image([[1, 2]], lists=True).tolist() == [[1, 2]]
    assert unsupported(image.dtype) == ""
    assert unsupported(image.dtype, False) == "dtype float16"


def test_integers():
    assert integer(np.int8(3), "size") == 3
    for value in (3.0, "3", None, np.array(3)):
        with pytest.raises(FallBack, match="size"):
            integer(value, "size")


def test_one_value_or_one_for_each_axis():
    assert each(2, 3, "size") == (2, 2, 2)
    assert each([1, 2], 2, "size") == (1, 2)
    for value in ([1, 2, 3], iter([1, 2])):
        with pytest.raises(FallBack, match="size"):
            each(value, 2, "size")


def test_border_modes():
    assert border("grid-mirror") == border("reflect") == "reflect"
    for mode in ("no mode", None, ["reflect"]):
        with pytest.raises(FallBack, match="mode"):
            border(mode)


def test_small_calls_fall_back_unless_that_is_turned_off(monkeypatch):
    check_size(10, 10)
    with pytest.raises(FallBack, match="small"):
        check_size(9, 10)
    monkeypatch.setattr(face_arguments, "SMALL_CALLS_FALL_BACK", False)
    check_size(9, 10)


@pytest.mark.parametrize(
    "text",
    [
        f"images of fewer than {arguments.SMALL:,} pixels",
        f"images of fewer than {passes.NARROWEST} columns",
        f"more than {morphology.MOST_ITERATIONS} iterations",
        f"over more than {order.LONGEST[1]} pixels ({order.LONGEST[4]} of 32 bits, "
        f"{order.LONGEST[8]} of 64)",
        f"more than {14 * DENSE['v4']:.0f} weights with AVX-512",
        f"images of {translate.LARGE:,} pixels and more that are at least {translate.PLANNED} "
        "times as large",
        f"beyond 2**{np.log2(face_arguments.EXACT_INTEGER):.0f}",
    ],
)
def test_limits_are_those_of_the_document(text):
    assert text in DOCUMENT

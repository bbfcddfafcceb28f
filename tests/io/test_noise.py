"""A picture of a filter's result shows no rounding: what is flat is black, or mid-grey."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from pictures import RNG, png16, tiff
from PIL import Image

from imgconv import io
from imgconv.cli import main
from imgconv.cli.edges import FILTERS

SIGNED = ("laplace", "log", "dog")
KINDS = {"8 bits": (np.uint8, 255), "16 bits": (np.uint16, 65535), "floats": (np.float32, 1.0),
         "faint floats": (np.float64, 3e-7)}  # fmt: skip


def page(dtype: type, white: float, ink: float = 0.1) -> np.ndarray:
    """Return a white page with a few short strokes, far less than a hundredth of it."""
    pixels = np.ones((300, 400))
    pixels[140:146, 180:183] = pixels[140:142, 186:192] = ink
    return (pixels * white).astype(dtype)


def save(path: Path, pixels: np.ndarray) -> None:
    if pixels.dtype == np.uint8:
        Image.fromarray(pixels).save(path, "PNG")
    elif pixels.dtype == np.uint16:
        png16(pixels)(path)
    else:
        tiff(pixels)(path)


def run(*arguments: object) -> None:
    done = CliRunner().invoke(main, [*map(str, arguments)])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FILTERS)
def test_text_on_a_white_page(name: str, kind: str, tmp_path: Path) -> None:
    save(tmp_path / "a", page(*KINDS[kind]))
    run("edges", "--filter", name, tmp_path / "a", "-o", tmp_path / "b.png")
    found = io.read(tmp_path / "b.png").pixels
    top = np.iinfo(found.dtype).max
    ground = top // 2 + 1 if name in SIGNED else 0
    assert (found[:80] == ground).all()
    assert (found[:, :80] == ground).all()
    assert (found == ground).mean() > 0.98
    if (name, kind) != ("canny", "faint floats"):  # whose thresholds are parts of white
        assert (np.abs(found.astype(float) - ground) > top / 4).sum() > 10


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("grey", [1, 128, 200, 255])
def test_a_flat_page_is_flat(name: str, grey: int, tmp_path: Path) -> None:
    save(tmp_path / "a", np.full((40, 50), grey, np.uint8))
    for options in ([], ["--sigma", 30]):
        run("edges", "--filter", name, *options, tmp_path / "a", "-o", tmp_path / "b.png")
        assert (io.read(tmp_path / "b.png").pixels == (128 if name in SIGNED else 0)).all()
        (tmp_path / "b.png").unlink()


@pytest.mark.parametrize("pipeline", ["farid", "difference_of_gaussians(low_sigma=1)", "sobel"])
def test_pipelines(pipeline: str, tmp_path: Path) -> None:
    save(tmp_path / "a", page(np.uint8, 255, ink=0.98))
    run("apply", pipeline, tmp_path / "a", "-o", tmp_path / "b.png")
    found = io.read(tmp_path / "b.png").pixels
    assert len(np.unique(found[:80])) == 1
    assert len(np.unique(found[130:160, 170:200])) > 3


def test_what_is_faint_is_shown() -> None:
    """No value above a thousandth of the largest is taken for rounding."""
    stars = np.zeros((100, 100), np.float32)
    stars[::9, ::9] = RNG.uniform(0.002, 1, stars[::9, ::9].shape)
    drawn = io.stretch(stars, False, np.uint16, span=65535.0)
    assert ((drawn > 0) == (stars > 0)).all()
    ramp = np.linspace(0, 1, 10_000, dtype=np.float32).reshape(100, 100)
    np.testing.assert_array_equal(io.stretch(ramp, False, np.uint8, span=1.0),
                                  io.stretch(ramp, False, np.uint8))  # fmt: skip


def test_values_that_are_not_finite_have_no_span() -> None:
    assert io.span_of(np.float32([np.inf, -3, np.nan])) == 3
    assert io.span_of(np.int8([-128, 3])) == 128
    assert io.span_of(np.zeros((0, 3))) == 0
    assert io.span_of(np.array([True])) == 1

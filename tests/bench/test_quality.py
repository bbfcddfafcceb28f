"""How good edges are: drawn truth, scores, tables, and the command."""

import numpy as np
import pytest
from click.testing import CliRunner

from imgconv.bench import quality, quality_report
from imgconv.cli import main


def test_truth_lies_on_the_edge():
    scene = quality.drawn("disks", lambda y, x: np.hypot(y - 63.2, x - 64.1) < 30, 1.0)
    distance = np.hypot(scene.truth[:, 0] - 63.2, scene.truth[:, 1] - 64.1)
    assert np.abs(distance - 30).max() < 0.15
    length = len(scene.truth) / (quality.SAMPLES * quality.DENSITY)
    assert length == pytest.approx(2 * np.pi * 30, rel=0.15)
    assert scene.image.min() == pytest.approx(quality.DARK)
    assert scene.image.max() == pytest.approx(quality.LIGHT)


def test_scores():
    truth = np.column_stack([np.full(101, 50.0), np.linspace(40, 60, 101)])
    found = np.array([[50.5, 45], [51, 50], [70, 50], [2, 2]])
    off, near, false, missed = quality.scored(found, truth)
    assert (off, near, false) == (1.5, 2, 1)
    assert missed == np.count_nonzero(
        np.minimum(np.hypot(0.5, truth[:, 1] - 45), np.hypot(1, truth[:, 1] - 50)) > quality.NEAR
    )
    assert quality.scored(np.empty((0, 2)), truth) == (0, 0, 0, 101)


def test_detectors_find_a_disk():
    scene = quality.drawn("disks", lambda y, x: np.hypot(y - 63.2, x - 64.1) < 30, 1.0)
    image = quality.noisy(scene.image, 0.05, 1)
    offs = {}
    for name, (package, function) in quality.DETECTORS.items():
        if quality.is_there(package):
            off, near, false, missed = quality.scored(function(image), scene.truth)
            offs[name] = off / near
            assert missed < 0.02 * len(scene.truth), name
            assert false < 40, name
    assert offs["imgconv.edge_points"] < 0.15
    assert min(offs.values()) == offs["imgconv.edge_points"]


def test_directions():
    found = {(each.gradient, each.period): each.largest for each in quality.directions()}
    assert 2 < found["sobel", 4] < 4
    assert found["scharr", 8] < found["sobel", 8] / 3
    assert all(found["sobel", p] > found["farid", p] for p in quality.PERIODS)


def test_command(monkeypatch, tmp_path):
    scenes = [quality.drawn("steps", lambda y, x: x > 60.3, blur) for blur in (quality.BLURS[0],)]
    monkeypatch.setattr(quality, "scenes", lambda blur: iter(scenes))
    place = tmp_path / "edges.md"
    place.write_text("above\n<!-- quality -->\n<!-- /quality -->\nbelow\n")
    arguments = ["bench", "edges", "--quality", "--markdown", str(place)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    text = place.read_text()
    assert text.startswith("above\n<!-- quality -->\nDistance from")
    assert text.endswith("<!-- /quality -->\nbelow\n")
    assert "| steps | imgconv.edge_points | 0.0" in text
    assert text.count("| sobel |") == 1
    assert "\n".join(text.splitlines()[2:-2]) in result.output


def test_plot(tmp_path):
    pytest.importorskip("matplotlib")
    scores = [
        quality.Score(name, "steps", blur, noise, 0.1, 0.2, noise)
        for name in ("one", "other") for blur in quality.BLURS for noise in quality.NOISES
    ]  # fmt: skip
    quality_report.plot(scores, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 10_000


def test_other_families_have_no_quality():
    result = CliRunner().invoke(main, ["bench", "box", "--quality"])
    assert result.exit_code == 2
    assert "--quality is for the family edges alone" in result.output

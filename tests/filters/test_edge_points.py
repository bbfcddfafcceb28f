"""Edges as lines: how near points are to true edges, and what chains are."""

import numpy as np
import pytest

import imgconv

PARTS = 10  # of a pixel, along each axis, for edges between pixels


def drawn(inside, size=120, light=200.0):
    """Return an image of the share of each pixel that lies inside a shape."""
    y, x = (np.mgrid[: size * PARTS, : size * PARTS] + 0.5) / PARTS - 0.5
    return inside(y, x).reshape(size, PARTS, size, PARTS).mean((1, 3)) * light


def disk(radius, y=59.3, x=60.4):
    return drawn(lambda a, b: np.hypot(a - y, b - x) <= radius)


class TestPoints:
    @pytest.mark.parametrize(("radius", "bias"), [(17, 0.05), (30, 0.04), (50, 0.03)])
    def test_disk(self, radius, bias):
        """One closed chain; blur moves it inwards by about sigma**2 / (2 * radius)."""
        image = disk(radius)
        chains = imgconv.edge_points(image.astype(np.float32), 1, 10, 30)
        assert len(chains) == 1
        np.testing.assert_array_equal(chains[0][0], chains[0][-1])
        off = np.hypot(chains[0][:, 0] - 59.3, chains[0][:, 1] - 60.4) - radius
        assert np.abs(off).mean() < 0.06
        assert np.abs(off).max() < 0.2
        assert -bias < off.mean() < 0

    @pytest.mark.parametrize("degrees", range(0, 180, 15))
    def test_straight_edges(self, degrees):
        angle = np.radians(degrees)
        way = np.sin(angle), np.cos(angle)
        image = drawn(lambda y, x: (y - 60) * way[0] + (x - 60) * way[1] > 0.3)
        chains = imgconv.edge_points(image, 1, 10, 30)
        points = chains[0]
        off = (points[:, 0] - 60) * way[0] + (points[:, 1] - 60) * way[1] - 0.3
        inner = ((points > 8) & (points < 111)).all(axis=1)
        assert len(points) > 90
        assert np.abs(off[inner]).mean() < 0.05

    def test_lighter_side_is_on_the_right(self):
        image = np.zeros((20, 30))
        image[:, 15:] = 100
        (chain,) = imgconv.edge_points(image, 1, 10, 30)
        assert (np.diff(chain[:, 0]) < 0).all()
        (chain,) = imgconv.edge_points(image[:, ::-1], 1, 10, 30)
        assert (np.diff(chain[:, 0]) > 0).all()

    def test_steps_along_a_chain_are_short(self):
        image = np.random.default_rng(2).normal(size=(80, 90)).cumsum(0).cumsum(1)
        chains = imgconv.edge_points(image, 2, 1, 2)
        assert [len(chain) for chain in chains] == sorted(map(len, chains), reverse=True)
        for chain in chains:
            assert (np.hypot(*np.diff(chain, axis=0).T) < 4).all()

    def test_points_are_the_pixels_of_canny(self):
        image = disk(25)
        edges = imgconv.canny(image, 1.5, 10, 30, mode="reflect")
        points = np.concatenate([
            chain[: -1 if len(chain) > 1 and (chain[0] == chain[-1]).all() else None]
            for chain in imgconv.edge_points(image, 1.5, 10, 30)
        ])  # fmt: skip
        assert len(points) == edges.sum()

    def test_none(self):
        for image in (np.full((20, 30), 77.7), np.zeros((0, 4)), np.zeros((1, 1))):
            assert imgconv.edge_points(image) == []


class TestSuppression:
    def test_lines_are_thin(self):
        magnitude, orientation = imgconv.gradient(imgconv.gaussian(disk(30), 1.5), polar=True)
        found = imgconv.nonmaximum_suppression(magnitude, orientation)
        kept = found > 5
        assert (found[kept] == magnitude[kept]).all()
        distance = np.abs(
            np.hypot(*(np.mgrid[:120, :120] - np.array([59.3, 60.4])[:, None, None])) - 30
        )
        assert distance[kept].max() < 1.2
        assert np.count_nonzero(kept) < 1.6 * 2 * np.pi * 30

    @pytest.mark.parametrize("shape", [(40, 70), (1, 5), (5, 2), (3, 3), (0, 4)])
    @pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
    def test_definition(self, shape, dtype):
        """Each pixel by itself: between which neighbours does the line leave it?"""
        rng = np.random.default_rng(1)
        magnitude = (rng.random(shape) * 255).astype(dtype)
        orientation = rng.uniform(-np.pi, np.pi, shape)
        expected = np.zeros(shape, imgconv.laplace(magnitude).dtype)
        for y in range(1, shape[0] - 1):
            for x in range(1, shape[1] - 1):
                sides = []
                for sign in (1, -1):
                    dy, dx = sign * np.sin(orientation[y, x]), sign * np.cos(orientation[y, x])
                    length = max(abs(dy), abs(dx))
                    dy, dx = dy / length, dx / length
                    a, b = int(np.trunc(dy)), int(np.trunc(dx))
                    corner = magnitude[y + int(np.sign(dy)), x + int(np.sign(dx))]
                    part = min(abs(dy), abs(dx))
                    sides.append(magnitude[y + a, x + b] * (1 - part) + corner * part)
                if magnitude[y, x] >= max(sides):
                    expected[y, x] = magnitude[y, x]
        found = imgconv.nonmaximum_suppression(magnitude, orientation)
        assert found.dtype == expected.dtype
        assert np.count_nonzero(found != expected) <= magnitude.size // 500

    def test_strips_agree(self):
        rng = np.random.default_rng(0)
        magnitude, orientation = rng.random((300, 700)), rng.uniform(-3, 3, (300, 700))
        found = imgconv.nonmaximum_suppression(magnitude, orientation)
        piece = np.s_[100:140, 300:350]
        part = imgconv.nonmaximum_suppression(magnitude[piece], orientation[piece])
        np.testing.assert_array_equal(found[101:139, 301:349], part[1:-1, 1:-1])


class TestCrossings:
    def test_disk_is_one_closed_line(self):
        found = imgconv.zero_crossings(disk(30), 2, threshold=0.2)
        distance = np.hypot(*(np.mgrid[:120, :120] - np.array([59.3, 60.4])[:, None, None]))
        assert np.abs(distance[found] - 30).max() < 1.5
        assert 2 * np.pi * 30 * 0.9 < found.sum() < 2 * np.pi * 30 * 1.5

    def test_constant(self):
        assert not imgconv.zero_crossings(np.full((30, 40), 5.0), threshold=1e-6).any()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda a: imgconv.edge_points(a[0]), r"image must have two axes, got shape \(6,\)"),
        (lambda a: imgconv.edge_points(a, 0), "sigma must be positive and finite, got 0"),
        (lambda a: imgconv.edge_points(a, 1, 5, 2), "low_threshold must not be above"),
        (lambda a: imgconv.nonmaximum_suppression(a, a[1:]), r"same shape, got \(5, 6\) and \(4"),
        (lambda a: imgconv.zero_crossings(a, threshold=-1), "threshold must not be negative"),
    ],
)  # fmt: skip
def test_errors(call, text):
    with pytest.raises(ValueError, match=text):
        call(np.zeros((5, 6)))

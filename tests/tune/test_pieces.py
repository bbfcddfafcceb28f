"""Pieces of a result have the bits of the whole; estimates say so; older work is given up."""

import threading
import time

import numpy as np
import pytest

from imgconv import io
from imgconv.pipeline import Pipeline
from imgconv.tune.gallery import Photo
from imgconv.tune.pieces import Cancelled, Pieces, shrunk
from imgconv.tune.renderer import Renderer, View, Wanted

RNG = np.random.default_rng(21)
GREY = RNG.integers(0, 256, (301, 417), np.uint8)
RGB = RNG.integers(0, 256, (211, 307, 3), np.uint8)
DEEP = RNG.integers(0, 65536, (301, 417), np.uint16)
FLOAT = RNG.normal(0, 1, (201, 317)).astype(np.float32)
IMAGES = [GREY, RGB, DEEP, FLOAT]

IN_PIECES = [
    "gaussian(sigma=2.5) | sobel | scale(factor=0.5)",
    "image - gaussian(sigma=7)",
    "gaussian(sigma=40, method=resample) | median(size=5)",
    "sobel(axis=0), sobel(axis=1) | magnitude",
    "box(size=9) | astype(float32) | variance(size=(3, 7))",
]
MEASURED = ["gaussian(sigma=2) | normalize", "gaussian(sigma=1) | sobel | threshold(otsu)"]
WHOLE = ["canny(sigma=1.5)", "gaussian(sigma=1) | pool(size=3) | sobel", "box(size=5, mode=wrap)"]

REGIONS = [
    ((0, 20), (0, 30)), ((97, 131), (55, 60)), ((180, 201), (200, 307)), ((50, 51), (60, 61)),
]  # fmt: skip


def expected(text, image):
    return Pipeline(text)(image, channel_axis=-1 if image.ndim > 2 else None)


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: f"{image.dtype} {image.ndim}")
@pytest.mark.parametrize("text", IN_PIECES)
class TestPieces:
    def test_bits(self, text, image):
        whole, pieces = expected(text, image), Pieces(Pipeline(text), image)
        assert pieces.in_pieces
        assert pieces.is_exact
        for region in REGIONS:
            rows, columns = (slice(*span) for span in region)
            assert np.array_equal(pieces.piece(region), whole[rows, columns])

    def test_full(self, text, image, monkeypatch):
        monkeypatch.setattr("imgconv.tune.pieces.STRIP_PIXELS", 1 << 14)
        assert np.array_equal(Pieces(Pipeline(text), image).full(), expected(text, image))


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: f"{image.dtype} {image.ndim}")
@pytest.mark.parametrize("text", MEASURED + WHOLE)
def test_exact_once_the_whole_is_measured(text, image, monkeypatch):
    monkeypatch.setattr("imgconv.tune.pieces.STRIP_PIXELS", 1 << 14)
    whole, pieces = expected(text, image), Pieces(Pipeline(text), image)
    assert not pieces.is_exact
    if pieces.size == image.shape[:2]:
        estimate = pieces.piece(((50, 90), (70, 130)))
        assert estimate.shape == whole[50:90, 70:130].shape
        assert not pieces.is_exact
    assert np.array_equal(pieces.full(), whole)
    assert pieces.is_exact
    assert np.array_equal(pieces.piece(((5, 60), (7, 80))), whole[5:60, 7:80])


def test_estimates_are_near():
    smooth = Pipeline("gaussian(sigma=9)")(RNG.normal(100, 900, (700, 900)).astype(np.float32))
    pieces = Pieces(Pipeline("normalize"), smooth)
    region = (300, 400), (300, 400)
    estimate = pieces.piece(region)
    pieces.measure(lambda: False)
    assert np.abs(estimate - pieces.piece(region)).max() < 0.3


def test_a_newer_change_ends_older_work():
    pieces = Pieces(Pipeline("gaussian(sigma=3)"), GREY)
    with pytest.raises(Cancelled):
        list(pieces.strips(lambda: True))


@pytest.mark.parametrize(
    ("text", "small"),
    [
        ("gaussian(sigma=(8, 2))", "gaussian(sigma=(2.0, 0.5))"),
        ("median(size=3)", "median(size=1)"),
        ("box(size=(13, 4))", "box(size=(3, 1))"),
        (
            "image - (guided(guide=image, radius=9, eps=2) | sobel)",
            "image - (guided(guide=image, radius=2, eps=2) | sobel)",
        ),
        ("bilateral(win_size=15)", "bilateral(win_size=3, sigma_spatial=0.25)"),
        ("gabor(frequency=0.05)", "gabor(frequency=0.2)"),
        ("clip(low=3, high=9)", "clip(low=3, high=9)"),
    ],
)
def test_arguments_in_pixels_shrink_with_the_picture(text, small):
    assert shrunk(Pipeline(text), 4) == Pipeline(small)


class TestPhotos:
    @pytest.mark.parametrize("alpha", ["straight", "premultiplied"])
    def test_transparent_pixels_weigh_as_in_the_command(self, alpha):
        from imgconv.cli.work import filtered

        rgba = RNG.integers(0, 256, (90, 70, 4), np.uint8)
        rgba[..., :3] = np.minimum(rgba[..., :3], rgba[..., 3:])
        picture = io.Picture(rgba, alpha=alpha)
        pipeline = Pipeline("gaussian(sigma=2) | median(size=3)")
        subject = Photo(picture).subject(pipeline)
        full = Pieces(subject.pipeline, subject.image).full()
        made = filtered(picture, ".png", pipeline, "stretch", "weighed")
        straight = io.Picture(np.concatenate([full, rgba[..., 3:]], 2), alpha="straight")
        if alpha == "premultiplied":
            straight = straight.premultiplied()
        assert np.array_equal(straight.pixels, made.pixels)

    def test_white_of_twelve_bits(self):
        subject = Photo(io.Picture(DEEP // 16, depth=12)).subject(Pipeline("invert"))
        assert np.array_equal(Pieces(subject.pipeline, subject.image).full(), 4095 - DEEP // 16)

    def test_copies_are_means(self):
        small = Photo(io.Picture(GREY)).copy(4).picture.pixels
        assert small.shape == (75, 104)
        assert abs(int(small[3, 5]) - GREY[12:16, 20:24].mean()) <= 1


class Sink:
    """A window that keeps what it is sent."""

    def __init__(self):
        self.got, self.changed = [], threading.Condition()

    def __call__(self, kind, what):
        with self.changed:
            self.got.append((kind, what))
            self.changed.notify_all()

    def wait(self, kind, test=lambda what: True):
        def found():
            return [w for k, w in self.got if k == kind and test(w)]

        with self.changed:
            assert self.changed.wait_for(found, 60), self.got
        return found()[-1]


@pytest.fixture
def renderer():
    made = Renderer()
    yield made
    made.close()


class TestRenderer:
    @pytest.fixture
    def photo(self):
        return Photo(io.Picture(RNG.integers(0, 256, (1600, 2400), np.uint8)))

    def test_a_piece_is_exact_at_once(self, renderer, photo):
        sink = Sink()
        renderer.open("one", sink)
        chain, region = Pipeline("gaussian(sigma=2) | median(size=3)"), ((900, 1300), (20, 620))
        renderer.want("one", {"after": Wanted(photo, chain, View(region, 600, 400))})
        frame = sink.wait("frame")
        assert frame.kind == "exact"
        whole = chain(photo.picture.pixels)
        assert np.array_equal(frame.pixels, whole[900:1300, 20:620])
        about = sink.wait("about")
        assert about["dtype"] == "uint8"
        assert about["shape"] == [1600, 2400]
        assert about["halo"] == ((9, 9), (9, 9))
        assert len(about["times"]["steps"]) == 2

    def test_the_open_part_comes_first_then_all(self, renderer, photo):
        sink = Sink()
        renderer.open("one", sink)
        chain, view = Pipeline("median(size=3)"), View(((900, 1300), (20, 620)), 600, 400)
        part = View(((900, 1300), (300, 620)), 320, 400)
        renderer.want("one", {"after": Wanted(photo, chain, view, part)})
        sink.wait("about")
        frames = [what for kind, what in sink.got if kind == "frame"]
        assert [each.pixels.shape for each in frames][:2] == [(400, 320), (400, 600)]
        assert np.array_equal(frames[0].pixels, frames[1].pixels[:, 280:])
        count = len(sink.got)
        renderer.want("one", {"after": Wanted(photo, chain, view)})
        time.sleep(0.3)
        assert len(sink.got) == count

    def test_the_whole_is_shrunk_first_then_exact(self, renderer, photo, monkeypatch):
        monkeypatch.setattr("imgconv.tune.renderer.QUICK_PIXELS", 1 << 18)
        sink = Sink()
        renderer.open("one", sink)
        chain = Pipeline("gaussian(sigma=8)")
        view = View(((0, 1600), (0, 2400)), 600, 400)
        renderer.want("one", {"after": Wanted(photo, chain, view)})
        assert sink.wait("frame", lambda f: f.kind == "shrunk").factor == 4
        frame = sink.wait("frame", lambda f: f.kind == "exact")
        assert frame.pixels.shape == (400, 600)
        means = chain(photo.picture.pixels).reshape(400, 4, 600, 4).mean((1, 3))
        assert np.abs(frame.pixels - means).max() <= 0.5

    def test_only_the_last_change_is_made_whole(self, renderer, photo):
        sink = Sink()
        renderer.open("one", sink)
        view = View(((0, 1600), (0, 2400)), 600, 400)
        for sigma in range(1, 20):
            chain = Pipeline(f"gaussian(sigma={sigma})")
            renderer.want("one", {"after": Wanted(photo, chain, view)})
        sink.wait("about")
        assert len([1 for kind, _ in sink.got if kind == "about"]) == 1
        frames = [what for kind, what in sink.got if kind == "frame"]
        assert [frame.kind for frame in frames].count("exact") <= 1

    def test_an_error_is_told(self, renderer, photo):
        sink = Sink()
        renderer.open("one", sink)
        view = View(((0, 50), (0, 50)), 50, 50)
        chain = Pipeline("gaussian(sigma=1) | astype(float32) | entropy(size=3)")
        renderer.want("one", {"after": Wanted(photo, chain, view)})
        assert "entropy" in sink.wait("error")["message"]

    @pytest.mark.parametrize("text", ["pool(size=4)", "canny(sigma=2)", "threshold(otsu)"])
    @pytest.mark.parametrize("region", [((0, 1600), (0, 2400)), ((300, 700), (100, 700))])
    def test_chains_that_give_no_pieces(self, renderer, photo, text, region):
        sink = Sink()
        renderer.open("one", sink)
        wanted = Wanted(photo, Pipeline(text), View(region, 600, 400))
        renderer.want("one", {"before": wanted._replace(pipeline=None), "after": wanted})
        sink.wait("frame", lambda f: f.side == "after" and f.kind == "exact")
        sink.wait("about", lambda a: a["side"] == "after")
        value = renderer.value_at(photo, wanted.pipeline, 1000, 1000)
        full = wanted.pipeline(photo.picture.pixels)
        y = 1000 * full.shape[0] // 1600
        assert value == full[y, y]

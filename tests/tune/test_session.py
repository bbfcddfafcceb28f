"""The chain as it is edited: entries, errors, undo, two chains, what is saved."""

import random

import numpy as np
import pytest

from imgconv import io
from imgconv.pipeline import Pipeline, descriptions
from imgconv.tune import tree
from imgconv.tune.desk import Desk
from imgconv.tune.gallery import Gallery
from imgconv.tune.session import Session

TEXTS = [
    "gaussian(sigma=1.5) | sobel",
    "image - gaussian(sigma=3)",
    "sobel(axis=0), sobel(axis=1) | magnitude",
    "(gaussian(sigma=1) | sobel) - (box(size=3) | image / median(size=5)) | clip(low=0, high=9)",
    "image",
]


def session(text=""):
    made = Session()
    assert made.set_text(text)
    return made


def keys(made):
    return [entry.key for entry in tree.all_entries(made.entries)]


@pytest.mark.parametrize("text", TEXTS)
def test_entries_are_the_chain(text):
    made = session(text)
    assert made.pipeline() == Pipeline(text)
    assert made.text == Pipeline(text).text
    assert len(set(keys(made))) == len(keys(made))


class TestEdits:
    def test_add_move_switch_remove(self):
        made = session("gaussian(sigma=1.5)")
        sobel = made.add("sobel")
        made.add("median", index=0)
        assert made.text == "median | gaussian(sigma=1.5) | sobel"
        made.move(sobel, None, 0)
        assert made.text == "sobel | median | gaussian(sigma=1.5)"
        made.switch(sobel)
        assert made.text == "median | gaussian(sigma=1.5)"
        made.switch(sobel)
        made.duplicate(sobel)
        assert made.text == "sobel | sobel | median | gaussian(sigma=1.5)"
        made.remove(sobel)
        assert made.text == "sobel | median | gaussian(sigma=1.5)"

    def test_every_step_can_be_added(self):
        made = Session()
        for step in descriptions():
            key = made.add(step.name)
            assert tree.find(made.entries, key).name == step.name
            made.remove(key)
        assert made.text == ""

    def test_branches(self):
        made = session("median(size=3)")
        join = made.add_branches("-")
        assert made.text == "median(size=3) | image - image"
        made.add("gaussian", (join, 1))
        assert made.text == "median(size=3) | image - gaussian(sigma=1.0)"
        made.set_sign(join, ",")
        assert made.text == "median(size=3) | image, gaussian(sigma=1.0)"
        made.move(made.entries[0].key, (join, 0), 1)
        assert made.text == "image | median(size=3), gaussian(sigma=1.0)".replace(
            "image | median(size=3)", "(image | median(size=3))"
        )

    def test_an_entry_does_not_move_into_itself(self):
        made = session("image - gaussian(sigma=3)")
        join = made.entries[0]
        made.move(join.key, (join.key, 0), 0)
        assert made.text == "image - gaussian(sigma=3)"

    def test_a_wrong_argument_is_told_beside_it_and_changes_nothing(self):
        made = session("box(size=3) | clip(low=1, high=5)")
        box, clip = keys(made)
        assert not made.set_argument(box, "size", 0)
        assert made.wrong[box, "size"].value == 0
        assert made.wrong[box, "size"].message == "size must be positive, got 0"
        assert not made.set_argument_text(clip, "low", "7,")
        assert "column" not in made.wrong[clip, "low"].message
        assert made.text == "box(size=3) | clip(low=1, high=5)"
        assert made.set_argument_text(box, "size", "(3, 5)")
        assert made.text == "box(size=(3, 5)) | clip(low=1, high=5)"
        assert list(made.wrong) == [(clip, "low")]

    def test_the_default_of_an_argument(self):
        made = session("sobel(axis=0)")
        assert made.reset_argument(keys(made)[0], "axis")
        assert made.text == "sobel"

    def test_the_result_of_a_step(self):
        made = session("median(size=3) | image - (gaussian(sigma=3) | sobel) | invert")
        gaussian = tree.find(made.entries, keys(made)[3])
        made.show(gaussian.key)
        assert made.shown_pipeline() == Pipeline("median(size=3) | gaussian(sigma=3)")
        made.remove(gaussian.key)
        assert made.shown is None
        assert made.shown_pipeline() == made.pipeline()


class TestText:
    @pytest.mark.parametrize(
        ("text", "column"), [("gaussian(sigma=2) | sobell", 21), ("box(size=0)", 1), ("box(", 5)]
    )
    def test_an_error_has_its_column(self, text, column):
        made = session("sobel")
        assert not made.set_text(text)
        assert made.text_error.column == column
        assert made.text_error.text == text
        assert made.text == "sobel"
        assert made.set_text("sobel | invert")
        assert made.text_error is None

    def test_entries_that_go_on_keep_their_keys_and_those_that_are_off(self):
        made = session("median(size=3) | gaussian(sigma=2) | sobel")
        first, second, third = keys(made)
        made.switch(second)
        assert made.set_text("median(size=5) | sobel | invert")
        assert keys(made)[:3] == [first, second, third]
        made.switch(second)
        assert made.text == "median(size=5) | gaussian(sigma=2) | sobel | invert"

    def test_an_empty_text_is_the_image(self):
        made = session("sobel")
        assert made.set_text(" ")
        assert made.text == ""
        image = np.arange(12, dtype=np.uint8).reshape(3, 4)
        assert np.array_equal(made.pipeline()(image), image)


class TestHistory:
    def test_undo_and_redo(self):
        made = session("sobel")
        made.add("invert")
        made.set_argument(keys(made)[0], "axis", 0)
        assert made.undo()
        assert made.text == "sobel | invert"
        assert made.undo()
        assert made.text == "sobel"
        assert made.redo()
        assert made.redo()
        assert made.text == "sobel(axis=0) | invert"
        assert not made.redo()

    def test_a_slider_is_one_change(self):
        made = session("gaussian(sigma=1)")
        for sigma in (2, 3, 4, 5):
            made.set_argument(keys(made)[0], "sigma", sigma)
        assert made.undo()
        assert made.text == "gaussian(sigma=1)"

    def test_two_chains(self):
        made = session("sobel")
        made.choose("B")
        assert made.text == "sobel"
        made.add("invert")
        made.choose("A")
        assert made.text == "sobel"
        assert made.pipeline("B") == Pipeline("sobel | invert")
        made.undo()
        assert made.pipeline("B") == Pipeline("sobel | invert")

    def test_listeners_know_who_and_whether_entries_moved(self):
        told = []
        made = session("sobel")
        made.listeners.append(lambda *what: told.append(what))
        made.set_argument(keys(made)[0], "axis", 0, "window 1")
        made.add("invert")
        made.set_text("sobel | invert | invert", "window 2")
        assert told == [("window 1", False), ("", True), ("window 2", True)]


class TestOut:
    @pytest.mark.parametrize("suffix", [".toml", ".yaml"])
    @pytest.mark.parametrize("text", TEXTS)
    def test_what_is_saved_is_the_chain(self, text, suffix, tmp_path):
        path = tmp_path / f"chain{suffix}"
        made = session(text)
        made.save(path)
        assert Pipeline.load(path) == made.pipeline()
        other = Session()
        other.load(path)
        assert other.text == made.text

    @pytest.mark.parametrize("text", TEXTS)
    def test_python(self, text):
        made = session(text)
        names = {"image": np.arange(99, dtype=np.uint8).reshape(9, 11)}
        exec(made.python(), names)
        assert names["chain"] == made.pipeline()

    def test_command(self):
        made = session("image - gaussian(sigma=3)")
        assert made.command() == ("imgconv apply 'image - gaussian(sigma=3)' photos/ -o results/")


@pytest.mark.parametrize("seed", range(5))
def test_random_edits_end_in_a_chain_that_its_text_makes(seed):
    draw = random.Random(seed)
    made = Session()
    names = [each.name for each in descriptions() if each.name not in ("astype", "pool")]
    for _ in range(60):
        some = keys(made)
        key = draw.choice(some) if some else 0
        edit = draw.randrange(8)
        if edit <= 1 or not some:
            made.add(draw.choice(names))
        elif edit == 2:
            made.move(key, None, draw.randrange(len(made.entries)))
        elif edit == 3:
            made.switch(key)
        elif edit == 4:
            made.remove(key)
        elif edit == 5:
            made.set_argument(key, draw.choice(["size", "sigma", "mode"]), draw.choice([3, 0, -1]))
        elif edit == 6:
            draw.choice([made.undo, made.redo])()
        else:
            made.choose(draw.choice("AB"))
        text = made.text
        assert Pipeline(text or "image") == made.pipeline()
        assert made.pipeline().text == (text or "image")


@pytest.fixture
def desk(tmp_path):
    """Without a picture, for pictures of at most 100 pixels."""
    made = Desk([], Gallery([], 100), tmp_path)
    yield made
    made.close()


def png(tmp_path, shape):
    path = tmp_path / "made.png"
    io.write(path, io.Picture(np.full((*shape, 1), 200, np.uint8)))
    return path.read_bytes()


class TestUploads:
    def test_are_pictures_like_those_given(self, desk, tmp_path):
        content = png(tmp_path, (7, 9))
        assert [desk.upload("a.png", content), desk.upload("a.png", content)] == [0, 1]
        desk.choose(1)
        assert desk.photo().size == (7, 9)
        run = desk.start("results")
        run.wait()
        results = sorted(path.name for path in (tmp_path / "results").iterdir())
        assert results == ["a-2.png", "a.png"]

    @pytest.mark.parametrize("name", ["../../out.png", "/etc/out.png", r"..\out.png"])
    def test_stay_in_a_folder_of_their_own(self, desk, tmp_path, name):
        desk.upload(name, png(tmp_path, (7, 9)))
        (path,) = desk.gallery.paths
        assert path.name == "out.png"
        assert path.parent.name.startswith("imgconv-tune-")
        desk.close()
        assert not path.parent.exists()

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [("a.txt", b"text", "not a PNG"), ("a.png", b"", "empty"), ("..", b"x", "not a PNG")],
    )
    def test_that_are_no_pictures_are_refused(self, desk, name, content, message):
        with pytest.raises((io.PictureError, OSError), match=message):
            desk.upload(name, content)
        assert (desk.gallery.paths, desk.inputs) == ([], ())

    def test_have_the_limit_of_the_command(self, desk, tmp_path):
        with pytest.raises(io.PictureTooLargeError, match="more than the limit"):
            desk.upload("a.png", png(tmp_path, (9, 12)))
        assert desk.gallery.paths == []

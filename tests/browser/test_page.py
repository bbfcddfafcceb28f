"""The page in a browser: what a user does, and what must not happen meanwhile."""

import random
import re

import numpy as np
import pytest
from browsing import Page, photograph

from imgconv import io
from imgconv.pipeline import Pipeline

# The part of a slider that has the focus.
SLIDER = ".q-slider__track-container"
START = "gaussian(sigma=2) | unsharp_mask(radius=3, amount=1)"


@pytest.fixture(autouse=True)
def _nothing_goes_wrong(page):
    """Nothing in the console or the log, and no request to another host."""
    yield
    assert page.problems == []
    assert page.hosts == {page.served.host}
    assert page.served.logged() == ""


def test_who_is_answered(page):
    served = page.served
    assert served.get() == 200
    assert served.get(Host="evil.example") == 403
    assert served.get(Origin="http://evil.example") == 403
    assert served.get(Origin=f"http://{served.host}") == 200
    assert served.get(f"http://{served.host}/") == 403


class TestChain:
    def test_add_by_search(self, page):
        page.page.keyboard.press("/")
        page.page.keyboard.type("noise is left out")
        page.page.get_by_label("Add a step").fill("median")
        page.page.locator(".steps-menu .q-item", has_text="median —").first.click()
        page.wait_text(f"{START} | median")
        page.wait_exact(f"{START} | median")

    def test_drag(self, page):
        handles = page.page.locator(".step .handle")
        box, first = handles.nth(1).bounding_box(), handles.nth(0).bounding_box()
        mouse = page.page.mouse
        mouse.move(box["x"] + 8, box["y"] + 8)
        mouse.down()
        for share in range(1, 11):
            mouse.move(box["x"] + 8, box["y"] + 8 + (first["y"] - 20 - box["y"]) * share / 10)
            page.page.wait_for_timeout(30)
        mouse.up()
        page.wait_text("unsharp_mask(radius=3, amount=1) | gaussian(sigma=2)")

    def test_keys_move_a_step(self, page):
        page.step("unsharp_mask").get_by_label("More").focus()
        page.page.keyboard.press("Alt+ArrowUp")
        page.wait_text("unsharp_mask(radius=3, amount=1) | gaussian(sigma=2)")

    def test_slider_field_and_default(self, page):
        page.argument("gaussian", "sigma").locator(SLIDER).focus()
        page.page.keyboard.press("ArrowRight")
        page.wait_text(START.replace("sigma=2", "sigma=2.1"))
        field = page.argument("gaussian", "sigma").get_by_role("textbox")
        field.fill("(3, 5)")
        page.wait_text(START.replace("sigma=2", "sigma=(3, 5)"))
        page.argument("unsharp_mask", "amount").get_by_label("Default of amount").click()
        page.wait_text("gaussian(sigma=(3, 5)) | unsharp_mask(radius=3)")

    def test_choices_and_more(self, page):
        page.step("gaussian").locator(".more").click()
        page.argument("gaussian", "mode").locator(".q-select").click()
        page.page.locator(".q-menu .q-item", has_text="nearest").click()
        page.wait_text(START.replace("sigma=2", "sigma=2, mode=nearest"))

    def test_an_error_is_beside_its_argument(self, page):
        field = page.argument("gaussian", "sigma").get_by_role("textbox")
        field.fill("-1")
        wrong = page.argument("gaussian", "sigma").locator(".wrong")
        wrong.wait_for()
        assert "sigma" in wrong.inner_text()
        assert page.text == START
        field.fill("4")
        wrong.wait_for(state="hidden")
        page.wait_text(START.replace("sigma=2", "sigma=4"))

    def test_switch_undo_redo(self, page):
        page.step("gaussian").get_by_label("gaussian on").click()
        page.wait_text("unsharp_mask(radius=3, amount=1)")
        page.page.locator("#stage").focus()
        page.page.keyboard.press("Control+z")
        page.wait_text(START)
        page.page.keyboard.press("Control+y")
        page.wait_text("unsharp_mask(radius=3, amount=1)")

    def test_branches(self, page):
        page.page.get_by_label("Add branches").click()
        page.page.locator(".q-menu .q-item", has_text="difference").click()
        page.wait_text(f"{START} | image - image")
        page.page.get_by_role("button", name="Add here").last.click()
        page.page.get_by_label("Add a step").fill("box")
        page.page.locator(".steps-menu .q-item", has_text=re.compile("^box —")).click()
        page.wait_text(f"{START} | image - box")

    def test_the_result_of_a_step(self, page):
        page.step("gaussian").get_by_label("Show this result").click()
        page.wait_exact("gaussian(sigma=2)")

    def test_text_broken_and_mended(self, page):
        field = page.page.get_by_label("Chain as text")
        field.fill("gaussian(sigma=2) | sobell")
        wrong = page.page.locator(".text .wrong")
        wrong.wait_for()
        assert "column 21" in wrong.inner_text()
        assert "is it sobel?" in wrong.inner_text()
        mark = page.page.locator(".text .mono").inner_text().splitlines()
        assert mark[0][mark[1].index("^") :] == "sobell"
        field.fill("gaussian(sigma=2) | sobel")
        wrong.wait_for(state="hidden")
        page.wait_exact("gaussian(sigma=2) | sobel")
        assert page.page.locator(".step .title").all_inner_texts() == ["gaussian", "sobel"]


class TestPicture:
    def test_zoom_pan_and_modes(self, page):
        page.page.locator("#stage").focus()
        page.page.keyboard.press("1")
        page.page.wait_for_function("view.state.zoom === 1")
        page.wait_exact(START)
        page.page.keyboard.press("ArrowRight")
        box = page.page.locator("#stage").bounding_box()
        page.page.mouse.move(box["x"] + 300, box["y"] + 200)
        page.page.mouse.wheel(0, -400)
        page.page.wait_for_function("view.state.zoom > 1.5")
        page.page.keyboard.press("s")
        page.page.wait_for_function("view.state.mode === 'side'")
        page.wait_exact(START)
        page.page.keyboard.press("f")
        page.page.wait_for_function("view.state.fit")

    def test_divider(self, page):
        divider = page.page.get_by_role("slider", name="Border between before and after")
        divider.focus()
        page.page.keyboard.press("ArrowLeft")
        page.page.wait_for_function("Math.abs(view.state.divide - 0.48) < 1e-9")

    def test_values_facts_and_histograms(self, page):
        page.wait_exact(START)
        page.page.wait_for_function("document.getElementById('halo').textContent !== ''")
        assert page.page.locator("#dtype-after").inner_text() == "uint8 900 x 1300 x 3"
        assert "MP/s" in page.page.locator("#speed").inner_text()
        assert page.page.locator("#times div").count() == 2
        image = io.read(page.served.folder / "photos" / "photo0.png").pixels
        result = Pipeline(START)(image, channel_axis=-1)
        box = page.page.locator("#stage").bounding_box()
        page.page.mouse.move(box["x"] + 333, box["y"] + 222)
        page.page.wait_for_function("document.getElementById('values').textContent.includes('→')")
        text = page.page.locator("#values").inner_text()
        y, x, *values = map(int, re.findall(r"\d+", text))
        assert values == [*image[y, x], *result[y, x]]

    def test_the_bits_of_the_saved_chain_are_seen(self, page):
        page.page.locator("#stage").focus()
        page.page.keyboard.press("1")
        page.page.wait_for_function("view.state.zoom === 1")
        page.wait_exact(START)
        seen = page.page.evaluate(
            """() => {
              const frame = view.frames_of('after'), pen = frame.image.getContext('2d');
              const data = pen.getImageData(0, 0, frame.width, frame.height).data;
              return [frame.region, frame.width, [...data]];
            }"""
        )
        (y0, y1, x0, x1), width, data = seen
        pixels = np.array(data, np.uint8).reshape(-1, width, 4)[..., :3]
        chain = Pipeline.load(page.served.folder / "chain.toml")
        image = io.read(page.served.folder / "photos" / "photo0.png").pixels
        result = chain(image, channel_axis=-1)
        assert np.array_equal(pixels, result[int(y0) : int(y1), int(x0) : int(x1)])

    def test_another_picture(self, page):
        page.page.locator(".photo").nth(2).click()
        page.page.wait_for_function("view.state.name === 'photo2.png'")
        page.wait_exact(START)
        page.page.locator("#stage").focus()
        page.page.keyboard.press("[")
        page.page.wait_for_function("view.state.name === 'photo1.png'")

    def test_pictures_are_added(self, page, tmp_path):
        io.write(tmp_path / "more.png", io.Picture(photograph(300, 400, 7)))
        with page.page.expect_file_chooser() as chooser:
            page.page.get_by_label("Add pictures").click()
        chooser.value.set_files(tmp_path / "more.png")
        page.page.locator(".photo.chosen[title='more.png']").wait_for()
        page.wait_exact(START)

    def test_what_is_no_picture_is_refused(self, page, tmp_path):
        (tmp_path / "text.png").write_bytes(b"text")
        with page.page.expect_file_chooser() as chooser:
            page.page.get_by_label("Add pictures").click()
        chooser.value.set_files(tmp_path / "text.png")
        page.page.get_by_text("text.png not a PNG").wait_for()
        assert page.page.locator(".photo").count() == 3


class TestOut:
    def test_save_reload_and_a_second_window(self, page, browser):
        page.page.get_by_label("Chain as text").fill("median(size=5) | sobel")
        page.wait_exact("median(size=5) | sobel")
        page.page.get_by_role("button", name="Save").click()
        name = page.page.get_by_label("Name, with .toml or .yaml")
        name.fill("mine.yaml")
        page.page.locator(".q-dialog").get_by_role("button", name="Save").click()
        page.page.locator(".q-notification", has_text="Saved as mine.yaml").wait_for()
        assert Pipeline.load(page.served.folder / "mine.yaml") == Pipeline("median(size=5) | sobel")
        page.page.reload()
        page.wait_text("median(size=5) | sobel")
        other = Page(browser, page.served)
        assert other.text == "median(size=5) | sobel"
        other.page.get_by_label("Chain as text").fill("median(size=5)")
        page.wait_text("median(size=5)")
        assert page.page.locator(".step .title").all_inner_texts() == ["median"]
        assert other.problems == []
        other.close()

    def test_save_elsewhere_is_refused(self, page):
        page.page.keyboard.press("Control+s")
        page.page.get_by_label("Name, with .toml or .yaml").fill("../mine.toml")
        page.page.locator(".q-dialog").get_by_role("button", name="Save").click()
        page.page.locator(".q-dialog .wrong", has_text="must be below").wait_for()

    def test_copy(self, page):
        for title, begin in (("Text", START), ("Command line", "imgconv apply 'gaussian(")):
            page.page.get_by_role("button", name="Copy").click()
            page.page.locator(".q-menu .q-item", has_text=title).click()
            page.page.locator(".q-notification", has_text=f"{title} copied").wait_for()
            assert page.page.evaluate("navigator.clipboard.readText()").startswith(begin)

    def test_run_on_the_folder(self, page):
        (page.served.folder / "photos" / "broken.png").write_bytes(b"no picture")
        page.page.get_by_role("button", name="Run on pictures").click()
        page.page.locator(".q-dialog").get_by_role("button", name="Run").click()
        page.page.locator("#run-summary", has_text="Finished: 3 of 4 done").wait_for()
        page.page.locator(".log", has_text="broken.png").wait_for()
        chain = Pipeline(START)
        for number in range(3):
            image = io.read(page.served.folder / "photos" / f"photo{number}.png").pixels
            made = io.read(page.served.folder / "results" / f"photo{number}.png").pixels
            assert np.array_equal(made, chain(image, channel_axis=-1))


def test_two_hundred_random_edits(page):
    draw = random.Random(21)
    steps = ["box", "sobel", "median", "invert", "gaussian", "normalize", "threshold", "laplace"]
    for _ in range(200):
        random_edit(page, draw, steps)
        page.settle()
    page.page.get_by_label("Chain as text").fill("sobel")
    page.wait_exact("sobel")


def random_edit(page, draw, steps):
    """Do one thing that a user may do."""
    cards = page.page.locator(".step")
    count = cards.count()
    edit = draw.randrange(8)
    if edit == 0 or not count:
        page.page.get_by_label("Add a step").fill(f"{(name := draw.choice(steps))} —")
        page.page.locator(".steps-menu .q-item", has_text=f"{name} —").first.click()
        return
    card = cards.nth(draw.randrange(count))
    if edit == 1 and count > 3:
        card.get_by_label("Remove").first.click()
    elif edit == 2:
        card.locator(".q-toggle").first.click()
    elif edit == 3:
        page.page.locator("#stage").focus()
        page.page.keyboard.press(draw.choice(["Control+z", "Control+y", "x", "1", "f", "+", "s"]))
    elif edit == 4 and card.locator(SLIDER).count():
        card.locator(SLIDER).first.focus()
        for _ in range(draw.randrange(1, 9)):
            page.page.keyboard.press(draw.choice(["ArrowRight", "ArrowRight", "ArrowLeft"]))
    elif edit == 5:
        card.get_by_label("More").first.focus()
        page.page.keyboard.press(draw.choice(["Alt+ArrowUp", "Alt+ArrowDown"]))
    elif edit == 6:
        text = draw.choice(["box(size=3) | sobel", "image - median", "sobel |", "box(size=0)", ""])
        page.page.get_by_label("Chain as text").fill(text)
    elif card.get_by_role("textbox").count():
        card.get_by_role("textbox").first.fill(draw.choice(["3", "-1", "(3, 5)", "x y", ""]))

"""Pictures of the page of `imgconv tune` for the documents: three sizes, light and dark, states."""

import io
import os
import shutil
import tempfile
from pathlib import Path

import PIL.Image
from browsing import Page, Served

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "tune"
SIZES = ((1280, 800), (1600, 1000), (2400, 1350))
CHAIN = """steps = [
    "gaussian(sigma=1.2)",
    "unsharp_mask(radius=4, amount=1.6)",
    "gamma(exponent=0.8)",
]
"""
BRANCHES = "grey | image - gaussian(sigma=12) | normalize"


def settled(page):
    """Wait until the picture is exact and all is known of it."""
    page.page.wait_for_function(
        "view.frames_of('after')?.what === 'exact' && !view.state.busy.after && "
        "document.getElementById('time').textContent"
    )
    page.page.wait_for_timeout(1800)


def shot(page, name):
    """Write what is seen."""
    page.page.mouse.move(3, 790)
    page.page.wait_for_timeout(250)
    shown = PIL.Image.open(io.BytesIO(page.page.screenshot()))
    shown.convert("RGB").save(OUT / f"{name}.webp", quality=86, method=6)
    print(OUT / f"{name}.webp")


def states(page):
    """Show what a user meets beside the usual: a zoom, errors, branches, a run."""
    page.page.locator("#stage").focus()
    page.page.keyboard.press("1")
    page.page.keyboard.press("s")
    settled(page)
    shot(page, "side-by-side")
    page.page.keyboard.press("s")
    page.page.keyboard.press("f")
    field = page.argument("unsharp_mask", "radius").get_by_role("textbox")
    field.fill("-2")
    page.page.get_by_label("Chain as text").fill(
        "gaussian(sigma=1.2) | unsharp(radius=4, amount=1.6)"
    )
    page.page.locator(".text .wrong").wait_for()
    page.argument("unsharp_mask", "radius").locator(".wrong").wait_for()
    shot(page, "errors")
    page.page.get_by_label("Chain as text").fill(BRANCHES)
    page.wait_exact(BRANCHES)
    settled(page)
    shot(page, "branches")
    page.page.get_by_label("Chain as text").fill("entropy(size=5) | entropy(size=5)")
    page.page.wait_for_function("document.getElementById('fault').textContent !== ''")
    shot(page, "refused")
    page.page.get_by_label("Chain as text").fill(BRANCHES)
    page.page.get_by_label("Add a step").fill("edge")
    page.page.wait_for_timeout(600)
    shot(page, "search")
    page.page.keyboard.press("Escape")
    page.page.get_by_role("button", name="Run on pictures").click()
    page.page.locator(".q-dialog").get_by_role("button", name="Run").click()
    page.page.locator("#run-summary", has_text="Finished").wait_for()
    page.page.wait_for_timeout(400)
    shot(page, "run")


def main():
    """Write all pictures; arguments choose some by the beginning of their names."""
    from playwright.sync_api import sync_playwright

    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        (folder / "photos").mkdir()
        for sample in ("coffee.png", "rocket.jpg", "camera.png", "chelsea-alpha.png"):
            shutil.copy(ROOT / "samples" / sample, folder / "photos")
        (folder / "photos" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        (folder / "chain.toml").write_text(CHAIN)
        given = "photos/coffee.png", "photos"
        executable = os.environ.get("IMGCONV_BROWSER", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        for theme in ("dark", "light"):
            for width, height in SIZES:
                served = Served(folder, *given, "--chain", "chain.toml")
                page = Page(browser, served, color_scheme=theme, viewport=(width, height))
                settled(page)
                shot(page, f"{theme}-{width}x{height}")
                if (theme, width) == ("dark", 1280):
                    states(page)
                page.close()
                served.close()
        empty = Served(folder)
        page = Page(browser, empty, color_scheme="light", ready="window.view?.state.name === ''")
        page.page.wait_for_timeout(500)
        shot(page, "empty")
        page.close()
        empty.close()
        browser.close()


if __name__ == "__main__":
    main()

"""How long it takes from the move of a slider to the new picture, in a browser.

A photo of 24 megapixels, a chain of three steps, the picture fitted and at 100 %. Times are taken
in the page: from the key that moves the slider to the frame drawn on the canvas.
"""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from browsing import Page, Served, photograph

from imgconv import io

CHAIN = 'steps = ["gaussian(sigma=1.5)", "unsharp_mask(radius=3, amount=1)", "gamma(exponent=0.9)"]'
MOVES = 40
WATCH = """
window.moved = [];
document.addEventListener('keydown', () => moved.push(performance.now()), true);
"""
# Waits for the frame of the chain that the last move made, and returns how long it took.
TIME = """async (before) => {
  const start = moved.at(-1);
  for (;;) {
    const frame = view.drawn.find(d => d.side === 'after' && d.chain !== before && d.time > start);
    if (frame) return [frame.time - start, frame.seconds * 1000, frame.what, frame.chain];
    await new Promise(done => setTimeout(done, 1));
  }
}"""


def measured(page, moves=MOVES):
    """Return for each move: milliseconds in all, milliseconds of filtering, kind of the frame."""
    page.page.evaluate(WATCH)
    page.step("gaussian").locator(".q-slider__track-container").focus()
    found, chain = [], page.page.evaluate("view.frames_of('after').chain")
    for move in range(moves):
        page.page.wait_for_timeout(100 + move % 7 * 50)
        page.page.keyboard.press("ArrowRight" if move % 40 < 20 else "ArrowLeft")
        *times, chain = page.page.evaluate(TIME, chain)
        found.append(times)
    return found


def main():
    """Print medians and 95th percentiles."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        photo = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else folder / "photo.tif"
        if not photo.exists():
            io.write(photo, io.Picture(photograph(4000, 6000)))
        (folder / "chain.toml").write_text(CHAIN + "\n")
        served = Served(folder, photo, "--chain", "chain.toml")
        executable = os.environ.get("IMGCONV_BROWSER", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = Page(browser, served)
        page.page.wait_for_function("document.getElementById('time').textContent !== ''")
        for zoom in ("fit", "100 %"):
            page.page.locator("#stage").focus()
            page.page.keyboard.press("f" if zoom == "fit" else "1")
            page.page.wait_for_timeout(1500)
            times = measured(page)
            kinds = sorted({each[2] for each in times})
            print(f"{zoom}: {len(times)} moves, frames {', '.join(kinds)}")
            for column, what in enumerate(("to the new picture", "of it filtering")):
                low, high = np.percentile([each[column] for each in times], [50, 95])
                print(f"    {what}: median {low:.0f} ms, 95th percentile {high:.0f} ms")
        browser.close()
        served.close()


if __name__ == "__main__":
    main()

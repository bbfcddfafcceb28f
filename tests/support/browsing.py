"""A server of the page of `imgconv tune`, and a page of it in a browser."""

import subprocess
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import numpy as np

# Milliseconds after which something that is waited for will not come.
PATIENCE = 30_000

# In the page, once it shows a picture.
READY = "window.view && view.frames_of('after')"

SETTLED = """async () => {
  const keys = () => [...document.querySelectorAll('.step')].map(e => e.id).join();
  for (let before = null; before !== keys();) {
    before = keys();
    await new Promise(done => setTimeout(done, 200));
  }
}"""


class Served:
    """A running `imgconv tune`: its address, its folder, its log."""

    def __init__(self, folder, *arguments):
        self.folder = folder
        self.log = (folder / "stderr.txt").open("w+")
        command = [sys.executable, "-m", "imgconv", "tune", *map(str, arguments), "--no-open"]
        self.process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        self.address = self.process.stdout.readline().strip()

    @property
    def host(self):
        return urlsplit(self.address).netloc

    def get(self, address=None, **headers):
        """Return the status of a request without cookies."""
        request = urllib.request.Request(address or self.address, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def logged(self):
        self.log.seek(0)
        return self.log.read()

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()
        self.log.close()


def photograph(height, width, seed=0):
    """Return an RGB image with edges, shades and noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / min(height, width)
    planes = [90 + 80 * np.sin(7 * x + k) * np.cos(5 * y - k) for k in range(3)]
    image = np.stack(planes, axis=-1)
    image[np.hypot(y - 0.5, x - 0.6) < 0.25] += 60
    image += rng.normal(0, 8, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


class Page:
    """A page, with all that its console, its errors and its requests say."""

    def __init__(self, browser, served, viewport=(1280, 800), ready=READY, **options):
        sides = dict(zip(("width", "height"), viewport, strict=True))
        self.context = browser.new_context(viewport=sides, **options)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.problems, self.hosts = [], set()
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self.page.on("websocket", lambda socket: self.hosts.add(urlsplit(socket.url).netloc))
        self.served = served
        self.page.goto(served.address)
        self.page.wait_for_function(ready)

    def _said(self, message):
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    @property
    def text(self):
        """The chain in the text field."""
        return self.page.get_by_label("Chain as text").input_value()

    def wait_text(self, text):
        self.page.wait_for_function(
            "text => document.querySelector('[aria-label=\"Chain as text\"]').value === text",
            arg=text,
        )

    def wait_exact(self, chain):
        """Wait for the exact frame of a chain."""
        self.page.wait_for_function(
            "chain => view.frames_of('after')?.chain === chain && "
            "view.frames_of('after').what === 'exact'",
            arg=chain,
        )

    def step(self, name):
        """Return the card of a step."""
        return self.page.locator(f".step:has(> .head .title:text-is('{name}'))").first

    def argument(self, step, name):
        return self.step(step).locator(f"[data-argument='{name}']")

    def settle(self):
        """Wait until the same steps have been there for a moment."""
        self.page.evaluate(SETTLED)

    def close(self):
        self.context.close()

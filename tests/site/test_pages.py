"""The built site, docs/_build/html: its links, and each page in a browser.

`make test-site` builds the site and runs these. They are skipped where it is not built, and those
of the browser where Playwright or Chromium is missing.
"""

import shutil
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

import pytest
from paths import ROOT

SITE = ROOT / "docs" / "_build" / "html"
PAGES = sorted(
    path.relative_to(SITE).as_posix()
    for path in SITE.rglob("*.html")
    if "_static" not in path.parts
)
if not PAGES:
    pytest.skip("the site is not built: make docs", allow_module_level=True)

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 375, "height": 800}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in BROWSERS if (path := shutil.which(name))), None)
# What is wider than the window, by the names that a developer would look for.
WIDE = """() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.querySelectorAll("article *")]
        .filter(each => each.getBoundingClientRect().right > width + 1)
        .map(each => `${each.tagName} ${each.className} ${each.textContent.slice(0, 40)}`)
        .slice(0, 4).concat(`page ${document.documentElement.scrollWidth} of ${width}`);
}"""
MISSING = """async () => {
    const images = [...document.images];
    for (const each of images) each.loading = "eager";
    await Promise.all(images.map(each => each.decode().catch(() => null)));
    return images.filter(each => each.naturalWidth === 0).map(each => each.src);
}"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


class Targets(HTMLParser):
    """The links of a page, and the names that links can lead to."""

    def __init__(self, text):
        super().__init__()
        self.links, self.names = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.links += [values[key] for key in ("href", "src") if values.get(key)]
        if values.get("id"):
            self.names.add(values["id"])


@pytest.fixture(scope="module")
def targets():
    return {page: Targets((SITE / page).read_text()) for page in PAGES}


def test_links_inside_lead_somewhere(targets):
    broken = []
    for page, found in targets.items():
        for link in found.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            path = (SITE / page).parent / unquote(parts.path) if parts.path else SITE / page
            path = path.resolve()
            path = path / "index.html" if path.is_dir() else path
            if not path.exists():
                broken.append(f"{page}: {link}")
            elif parts.fragment and path.suffix == ".html":
                names = targets[path.relative_to(SITE.resolve()).as_posix()].names
                if unquote(parts.fragment) not in names and parts.fragment != "top":
                    broken.append(f"{page}: {link}")
    assert not broken, "\n".join(broken[:40])


@pytest.fixture(scope="module")
def address():
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=SITE))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def tab():
    """A tab of Chromium without a window."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser.new_page(viewport=DESKTOP)
        browser.close()


@pytest.fixture
def faults(tab, address):
    """What goes wrong in the tab while a test runs: errors, and requests to other hosts."""
    found = []

    def console(message):
        if message.type == "error":
            found.append(f"console: {message.text}")

    def request(asked):
        if not asked.url.startswith((address, "data:", "blob:")):
            found.append(f"another host: {asked.url}")

    def response(given):
        if given.status >= 400:
            found.append(f"{given.status}: {given.url}")

    watched = {
        "console": console,
        "pageerror": lambda error: found.append(f"error: {error}"),
        "request": request,
        "response": response,
    }
    for event, listener in watched.items():
        tab.on(event, listener)
    yield found
    for event, listener in watched.items():
        tab.remove_listener(event, listener)


@pytest.mark.parametrize("page", PAGES)
def test_page(page, tab, address, faults):
    """At the width of a desktop and of a phone."""
    tab.set_viewport_size(DESKTOP)
    tab.goto(f"{address}/{page}")
    assert not tab.evaluate(MISSING)
    assert not tab.evaluate(WIDE)
    tab.set_viewport_size(PHONE)
    assert not tab.evaluate(WIDE)
    assert not faults


def test_search_finds_a_filter(tab, address, faults):
    tab.set_viewport_size(DESKTOP)
    tab.goto(f"{address}/search.html?q=median")
    results = tab.locator("#search-results li a")
    results.first.wait_for(timeout=30_000)
    links = results.evaluate_all("all => all.map(each => each.getAttribute('href'))")
    assert any("reference/median.html" in link for link in links)
    assert not faults


def test_pictures_are_many():
    """The gallery has forty examples, and every filter a picture."""
    gallery = [page for page in PAGES if Path(page).name.startswith("plot_")]
    assert len(gallery) >= 40
    assert len(list((SITE / "_images").glob("*.png"))) > 150

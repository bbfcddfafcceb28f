"""A server of the page and a browser: `make test-browser` names it in IMGCONV_BROWSER."""

import os
from pathlib import Path

import pytest
from browsing import Page, Served, photograph

from imgconv import io

BROWSER = os.environ.get("IMGCONV_BROWSER", "")


def pytest_collection_modifyitems(items):
    """Without a browser there is nothing to test."""
    here = Path(__file__).parent
    for item in items:
        if not BROWSER and here in Path(item.fspath).parents:
            item.add_marker(pytest.mark.skip(reason="make test-browser runs it"))


@pytest.fixture
def served(tmp_path):
    for number in range(3):
        picture = io.Picture(photograph(900, 1300, number))
        io.write(tmp_path / "photos" / f"photo{number}.png", picture)
    chain = tmp_path / "chain.toml"
    chain.write_text('steps = ["gaussian(sigma=2)", "unsharp_mask(radius=3, amount=1)"]\n')
    made = Served(tmp_path, "photos", "--chain", chain)
    yield made
    made.close()


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def page(browser, served):
    made = Page(browser, served)
    yield made
    made.close()

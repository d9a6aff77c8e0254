"""A real Chromium, the system's own, that reaches the servers it is told of and nothing else.

with chromium() as browser, visit(browser, server.url) as page:
    page.goto(f"{server.url}/graphql")

What a page asks of any other address is refused and noted, and so are its errors and what its policy
forbade; when the block ends there may be none.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Route, expect, sync_playwright

from infra.http.pages.assets import BUILT

NAMES = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 20.0
REQUIRED = os.environ.get("MODELYARD_TEST_BROWSER") == "required"
CUT_OFF = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
NOTED = (
    "addEventListener('securitypolicyviolation', e => console.error('CSP', e.violatedDirective))"
)


@contextmanager
def chromium() -> Iterator[Browser]:
    found = os.environ.get("MODELYARD_TEST_CHROMIUM") or next(
        filter(None, map(shutil.which, NAMES)), ""
    )
    if not found:
        _leave("there is no Chromium: apt-get install chromium, or MODELYARD_TEST_CHROMIUM=PATH")
    if not (BUILT / "manifest.json").exists():
        _leave("the pages are not built: make pages")
    expect.set_options(timeout=SECONDS * 1_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found,
            args=[CUT_OFF, *(["--no-sandbox"] if os.getuid() == 0 else [])],
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(browser: Browser, url: str, expected: tuple[str, ...] = ()) -> Iterator[Page]:
    """`expected` are words of the console errors that a test means to cause."""
    context = browser.new_context(base_url=url, viewport={"width": 1400, "height": 900})
    context.set_default_timeout(SECONDS * 1_000)
    strangers: list[str] = []
    errors: list[str] = []

    def checked(route: Route) -> None:
        asked = route.request.url
        if asked.startswith((f"{url}/", "data:", "blob:")):
            route.continue_()
            return
        strangers.append(asked)
        route.abort()

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(word in message.text for word in expected):
            errors.append(message.text)

    def failed(error: Error) -> None:
        errors.append(str(error))

    context.route("**/*", checked)
    context.add_init_script(NOTED)
    page = context.new_page()
    page.on("console", heard)
    page.on("pageerror", failed)
    page.on("websocket", lambda socket: _check_socket(socket.url, url, strangers))
    try:
        yield page
    except BaseException:
        _keep(page)
        raise
    finally:
        context.close()
    assert not strangers, "the page asked of other addresses"
    assert not errors, "the page met errors"


def _check_socket(asked: str, url: str, strangers: list[str]) -> None:
    if not asked.startswith(url.replace("http", "ws", 1) + "/"):
        strangers.append(asked)


def _keep(page: Page) -> None:
    """What the page looked like when a test failed."""
    folder = os.environ.get("MODELYARD_TEST_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / "failed.png")


def _leave(why: str) -> None:
    if REQUIRED:
        pytest.fail(why)
    pytest.skip(why)

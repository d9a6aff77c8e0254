"""A real Chromium, the system's own, that reaches the servers it is told of and nothing else.

with chromium(found_chromium()) as browser, visit(browser, server.url) as page:
    page.goto(f"{server.url}/graphql")

What a page asks of any other address is refused and noted, and so are its errors and what its policy
forbade; when the block ends there may be none.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

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


def found_chromium() -> str:
    """Its path; the test is skipped where there is none, or nothing for it to see."""
    named = os.environ.get("MODELYARD_TEST_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        _leave("there is no Chromium: apt-get install chromium, or MODELYARD_TEST_CHROMIUM=PATH")
    if not (BUILT / "manifest.json").exists():
        _leave("the pages are not built: make pages")
    return found


@contextmanager
def chromium(path: str) -> Iterator[Browser]:
    """While it lasts, no test of asyncio can run in this process: Playwright's own loop does."""
    expect.set_options(timeout=SECONDS * 1_000)
    arguments = [CUT_OFF, *(["--no-sandbox"] if os.getuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
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


def _leave(why: str) -> NoReturn:
    if REQUIRED:
        pytest.fail(why)
    pytest.skip(why)

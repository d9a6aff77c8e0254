"""GraphiQL as somebody uses it, in the browser.

graphiql = GraphiQL(page)
graphiql.open(query="{ apiVersion }")
graphiql.run()
graphiql.shows('"apiVersion"')
"""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Locator, Page, WebSocket, expect


@dataclass
class GraphiQL:
    page: Page
    said: list[dict[str, Any]] = field(default_factory=list)  # over sockets, by the page
    heard: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("websocket", self._follow)

    def open(self, query: str, **also: str) -> None:
        self.page.goto(f"/graphql?{urlencode({'query': query, **also})}")
        first = query.split("\n", maxsplit=1)[0].strip()
        expect(self.page.locator(".graphiql-editor .view-lines").first).to_contain_text(first)

    def run(self) -> None:
        self.page.get_by_label("Execute query").first.click()

    def shows(self, text: str) -> None:
        expect(self.answer).to_contain_text(text)

    @property
    def answer(self) -> Locator:
        return self.page.locator(".graphiql-response .view-lines")

    @property
    def problem(self) -> Locator:
        return self.page.locator("p[role=alert]")

    def choose(self, version: str) -> None:
        """The schema is asked for anew, as of that version."""
        with self.page.expect_response(asks_for_the_schema):
            self.page.get_by_label("API version").select_option(version)

    def write_headers(self, headers: dict[str, str]) -> None:
        self.page.get_by_role("button", name="Headers").click()
        editor = self.page.locator(".graphiql-editor-tool .monaco-editor").last
        editor.click()
        self.page.keyboard.insert_text(json.dumps(headers))

    def documentation(self, search: str, choice: str) -> Locator:
        """What it says of the choice among what the search finds."""
        explorer = self.page.locator(".graphiql-doc-explorer")
        if not explorer.is_visible():
            self.page.get_by_label("Show Documentation Explorer").click()
        while (back := explorer.locator(".graphiql-doc-explorer-back")).is_visible():
            back.click()
        explorer.get_by_role("combobox").fill(search)
        self.page.get_by_role("option").filter(has_text=choice).first.click()
        return explorer

    def _follow(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: self.said.append(json.loads(frame)))
        socket.on("framereceived", lambda frame: self.heard.append(json.loads(frame)))


def asks_for_the_schema(response: Any) -> bool:
    return "IntrospectionQuery" in (response.request.post_data or "")

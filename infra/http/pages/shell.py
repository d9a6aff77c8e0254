"""What all pages have in common: the head, the policy of what they may load, and the way between them."""

from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import Response

from infra.http.pages.assets import Assets
from infra.http.pages.html import Content, Html, join, tag

ALONE = "base-uri 'none'; frame-ancestors 'none'"
READ = f"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; {ALONE}"
"""A page without scripts."""
EDIT = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; "
    f"form-action 'none'; {ALONE}"
)
"""GraphiQL: its editor, Monaco, writes `style` attributes and elements, and its fonts are in its style."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    title: str
    head: Content
    body: Content
    policy: str = READ


def answered(page: Page, status: int = 200) -> Response:
    text = "<!doctype html>\n" + tag(
        "html",
        tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("title", page.title),
            page.head,
        ),
        tag("body", page.body),
        lang="en",
    )
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": page.policy,
        "Referrer-Policy": "same-origin",
        "Vary": "Accept, Authorization",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(text, status, headers, "text/html; charset=utf-8")


def icon(assets: Assets) -> Html:
    return tag("link", rel="icon", type="image/svg+xml", href=assets.own["icon.svg"])


def plain_head(assets: Assets) -> Content:
    return [icon(assets), tag("link", rel="stylesheet", href=assets.own["reference.css"])]


def message(assets: Assets, title: str, *said: Content) -> Page:
    """A page that says why there is no other."""
    body = tag("main", tag("h1", title), said, class_="message")
    return Page(title=f"{title} · Modelyard", head=plain_head(assets), body=body)


def address(path: str, **query: str | None) -> str:
    said = urlencode({key: value for key, value in query.items() if value is not None})
    return f"{path}?{said}" if said else path


def lines(*content: Content) -> Html:
    return join(tag("p", each) for each in content if each is not None)

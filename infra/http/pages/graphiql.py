"""The page with GraphiQL, or what to do where it was not built."""

from collections.abc import Sequence

import orjson

from infra.http.pages.assets import Assets
from infra.http.pages.html import Html, tag
from infra.http.pages.reference import Served
from infra.http.pages.shell import EDIT, Page, icon, lines, message

SCHEMA = tag("a", "the schema and its changes", href="/schema")


def graphiql(assets: Assets, served: Sequence[Served], *, is_open: bool) -> Page:
    begins = assets.graphiql
    if begins is None:
        return unbuilt(assets)
    said = {"versions": [each.version for each in served], "open": is_open}
    return Page(
        title="GraphiQL · Modelyard",
        head=[
            icon(assets),
            tag("link", rel="stylesheet", href=begins["style"]),
            tag("script", _json(said), type="application/json", id="settings"),
            tag("script", type="module", src=begins["script"]),
        ],
        body=[
            tag("div", id="page"),
            tag(
                "noscript", lines(["GraphiQL needs JavaScript; ", SCHEMA, " can be read without."])
            ),
        ],
        policy=EDIT,
    )


def unbuilt(assets: Assets) -> Page:
    how = [
        tag("code", "make pages"),
        " builds it, with npm's packages; then start the server anew.",
    ]
    other = ["Meanwhile there is ", SCHEMA, ", and operations are sent with POST to this address."]
    return message(assets, "GraphiQL is not built here", lines(how, other))


def _json(said: object) -> Html:
    """JSON that cannot end the element it stands in."""
    return Html(orjson.dumps(said).decode().replace("<", "\\u003c"))

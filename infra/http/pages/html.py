"""HTML as values: what is text is escaped, whoever wrote it.

tag("a", "Tom & Jerry", href="/a?b&c", class_="x")  ->  <a href="/a?b&amp;c" class="x">Tom &amp; Jerry</a>
"""

import re
from collections.abc import Iterable
from html import escape
from typing import TypeAlias

VOID = frozenset({"br", "input", "link", "meta"})
CODE = re.compile(r"`([^`]+)`")


class Html(str):
    """Markup, which nothing escapes again."""

    __slots__ = ()


Content: TypeAlias = str | Iterable["Content"] | None
"""Html as it is, other strings as text, None as nothing."""


def tag(name: str, /, *content: Content, **attributes: str | bool | None) -> Html:
    """An attribute that is False or None is left out; `class_` and `for_` are Python's spelling."""
    said = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Html(f"<{name}{said}>")
    return Html(f"<{name}{said}>{join(content)}</{name}>")


def join(content: Content) -> Html:
    if content is None:
        return Html("")
    if isinstance(content, Html):
        return content
    if isinstance(content, str):
        return Html(escape(content))
    return Html("".join(join(each) for each in content))


def prose(text: str) -> Html:
    """Text in which `backticks` say that something is code, and empty lines part paragraphs."""
    return join(tag("p", _spans(part)) for part in text.split("\n\n") if part.strip())


def _spans(text: str) -> list[Content]:
    """Every second piece stood between backticks."""
    pieces = CODE.split(text)
    return [tag("code", piece) if at % 2 else piece for at, piece in enumerate(pieces)]


def _attribute(key: str, value: str | bool | None) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{escape(value)}"'

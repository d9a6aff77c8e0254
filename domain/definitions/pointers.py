"""JSON Pointers (RFC 6901)."""

import re

from domain.errors import Path

BAD_ESCAPE = re.compile(r"~(?![01])")


def pointer(path: Path) -> str:
    steps = [str(step) for step in path]
    text = "/".join(["", *steps])
    if "~" not in text and text.count("/") == len(steps):
        return text  # nearly always, and there are many
    return "/".join(["", *(step.replace("~", "~0").replace("/", "~1") for step in steps)])


def steps(text: str) -> tuple[str, ...]:
    """The pointer's unescaped steps; list indexes stay text. Raises ValueError for no pointer."""
    if text and not text.startswith("/"):
        raise ValueError(f"{text!r} is no JSON Pointer: it has to begin with a slash")
    if BAD_ESCAPE.search(text):
        raise ValueError(f"{text!r} is no JSON Pointer: after ~ there has to be 0 or 1")
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:])

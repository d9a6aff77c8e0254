"""`CHANGELOG.md`: what each release brought, told by the fragments of `changes/`."""

import re
from collections.abc import Sequence
from datetime import date
from textwrap import indent

HEAD = """\
# Changelog

What each release of the API brought, the newest first. What comes next is in `changes/`; every change of
the schema is in [docs/schema-changes.md](docs/schema-changes.md).
"""


def with_release(changelog: str, version: str, day: date, notes: Sequence[str]) -> str:
    """With a section of that release. One that is there gets the day, and the notes that it lacks."""
    head, sections = _parted(changelog)
    _, told = sections.pop(version, ("", ""))
    wanted = [item for item in map(_item, notes) if item not in told]
    sections = {version: (str(day), "\n".join([*([told] if told else []), *wanted])), **sections}
    written = (f"## {each}, {on}\n\n{body}" for each, (on, body) in sections.items())
    return "\n".join([head, *written])


def has_release(changelog: str, version: str) -> bool:
    return version in _parted(changelog)[1]


def _item(note: str) -> str:
    """A fragment may have several paragraphs."""
    return "- " + indent(note.strip(), "  ").lstrip() + "\n"


_TITLE = re.compile(r"^## (\S+), (\S+)$", re.MULTILINE)


def _parted(changelog: str) -> tuple[str, dict[str, tuple[str, str]]]:
    """(What is before the first release, the days and notes by release)."""
    head, *rest = _TITLE.split(changelog or HEAD)
    bodies = (each.strip("\n") + "\n" for each in rest[2::3])
    found = zip(rest[::3], zip(rest[1::3], bodies, strict=True), strict=True)
    return head.rstrip("\n") + "\n", dict(found)

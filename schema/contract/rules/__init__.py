"""The gate's rules, and how they speak."""

from schema.versions.marks import NEXT

NOTICE = 2
"""How many minor releases after a deprecation the removal may come."""
LONGEST = 160


def named(version: str) -> str:
    """As a declaration writes it."""
    return "versions.NEXT" if version == NEXT else f'"{version}"'


def shown(text: str) -> str:
    """What an SDL writes of an element, in one line."""
    line = " ".join(text.split())
    return f"`{line if len(line) <= LONGEST else line[: LONGEST - 1] + '…'}`"

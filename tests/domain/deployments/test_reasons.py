"""Reasons are a part of the API: one that never comes about would stand there for years."""

import ast
from pathlib import Path

from domain.deployments.reason import Reason

ROOT = Path(__file__).parents[3]
WORDS = {"reason.py", "telling.py"}  # these define and word them; they bring none about


def brought_about(source: str) -> set[str]:
    return {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "Reason"
    }


def test_every_reason_is_given_by_some_code() -> None:
    found: set[str] = set()
    for package in ("domain", "infra"):
        for path in (ROOT / package).rglob("*.py"):
            if path.name not in WORDS:
                found |= brought_about(path.read_text())
    assert set(Reason.__members__) - found == set()


def test_a_member_of_another_enum_is_no_reason() -> None:
    assert brought_about("x = Reason.EXITED; y = Other.DELETED") == {"EXITED"}

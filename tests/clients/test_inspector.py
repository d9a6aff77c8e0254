"""graphql-inspector sees the changes that `modelyard schema diff` tells, and judges them the same way.

Both are made one set of (coordinate, criticality). Where they differ by definition:

- It compares descriptions; no client depends on them. It compares applied directives, too; what @added
  and the like say is `schemaChanges`' own.
- It names each interface of a new type; to us they are part of the type. Of a removed type it names that
  alone; we tell of all below it.
- Optional input fields are safe to it; to graphql-core they are dangerous, as new arguments are.
- It does not look at deprecated arguments and input fields; we tell of them, as safe.
"""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from schema.versions.releases import releases
from tests.support.node import node as the_node
from tests.support.others import run
from tests.support.server import modelyard

ROOT = Path(__file__).parents[2]
SCHEMAS = Path(__file__).with_name("schemas")
NAMES = [str(release.version) for release in releases()]
PAIRS = [*pairwise(NAMES), *((name, "code") for name in NAMES)]
LEVELS = {"BREAKING": "BREAKING", "DANGEROUS": "DANGEROUS", "NON_BREAKING": "SAFE"}

Row = tuple[str, str]  # coordinate, criticality


def theirs(node: Path, old: Path, new: Path) -> set[Row]:
    said = run(the_node(), "diff.mjs", str(old), str(new), cwd=node)
    changes = [change for change in json.loads(said) if _is_of_the_schema(change)]
    return {(_coordinate(change), _level(change)) for change in changes}


def ours(old: str, new: str, place: Path) -> set[Row]:
    said = modelyard("schema", "diff", old, new, "--json", cwd=place)
    assert said.returncode == 0, said.stderr
    return {(row["coordinate"], row["criticality"]) for row in json.loads(said.stdout)}


def unknown_to_them(old: str, new: str, place: Path) -> Iterator[Row]:
    """What they leave out by definition."""
    said = modelyard("schema", "diff", old, new, "--json", cwd=place)
    rows: list[dict[str, str]] = json.loads(said.stdout)
    gone = {row["coordinate"] for row in rows if row["kind"] == "REMOVED"}
    for row in rows:
        name, kind = row["coordinate"], row["kind"]
        above = name.partition(".")[0]
        is_input = name.endswith(":)") or _is_input(above)
        is_below = kind == "REMOVED" and name != above and above in gone
        if is_below or (kind == "DEPRECATED" and is_input):
            yield name, row["criticality"]


def released(version: str) -> Path:
    return ROOT / ("schema.graphql" if version == "code" else f"schema/releases/{version}.graphql")


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_the_inspector_agrees_on_what_a_release_changed(
    node: Path, tmp_path: Path, old: str, new: str
) -> None:
    found = theirs(node, released(old), released(new))
    told = ours(old, new, tmp_path)
    assert found <= told
    assert told - found == set(unknown_to_them(old, new, tmp_path))
    assert not any(level == "BREAKING" for _, level in found)


def test_the_inspector_agrees_on_every_kind_of_change(node: Path, tmp_path: Path) -> None:
    old, new = SCHEMAS / "before.graphql", SCHEMAS / "after.graphql"
    found, told = theirs(node, old, new), ours(str(old), str(new), tmp_path)
    assert found <= told
    assert told - found == set(unknown_to_them(str(old), str(new), tmp_path))
    assert ("Shed.id", "BREAKING") in told - found
    assert ("House.name", "BREAKING") in found
    assert len(found) == 31


def _is_of_the_schema(change: dict[str, Any]) -> bool:
    kind = change["type"]
    if "DESCRIPTION" in kind or kind.startswith("DIRECTIVE_USAGE"):
        return False
    return not change["meta"].get("addedToNewType") or "INTERFACE" not in kind


def _coordinate(change: dict[str, Any]) -> str:
    kind, path = change["type"], str(change["path"])
    if kind == "DIRECTIVE_ARGUMENT_ADDED":
        return f"{path}({change['meta']['addedDirectiveArgumentName']}:)"
    if "ARGUMENT" in kind:
        above, _, argument = path.rpartition(".")
        return f"{above}({argument}:)"
    return path.removesuffix(".@deprecated")


def _level(change: dict[str, Any]) -> str:
    level = LEVELS[change["level"]]
    is_optional_input = change["type"] == "INPUT_FIELD_ADDED" and level == "SAFE"
    return "DANGEROUS" if is_optional_input and not change["meta"]["addedToNewType"] else level


def _is_input(type_name: str) -> bool:
    return type_name.endswith(("Input", "Filter", "Order", "Wish"))

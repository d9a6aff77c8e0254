"""The contract's history over several releases, with what came, changed and went."""

from datetime import date

from graphql import build_schema

from schema.contract.changes import Change, history
from schema.contract.page import page
from schema.versions.releases import Release

STEPS = [
    ("0.1.0", "type Query { toy: Int  old: Int }"),
    (
        "0.2.0",
        'type Query { toy: Int  old: Int @deprecated(reason: "Since 0.2.0. Use Query.toy.") }',
    ),
    ("0.3.0", "type Query { toy: Int!  box: Box } type Box { size: Int }"),
    ("NEXT", "type Query { toy: Int!  box: Box  old: Int } type Box { size(in: Int): Int }"),
]
TOLD = history([(version, build_schema(sdl)) for version, sdl in STEPS])


def shown(each: Change) -> tuple[str, str, str, str]:
    return each.version, each.coordinate, each.kind.name, each.criticality.name


def test_each_change_is_told_in_its_release() -> None:
    assert [shown(each) for each in TOLD] == [
        ("0.1.0", "Query", "ADDED", "SAFE"),
        ("0.1.0", "Query.old", "ADDED", "SAFE"),
        ("0.1.0", "Query.toy", "ADDED", "SAFE"),
        ("0.2.0", "Query.old", "DEPRECATED", "SAFE"),
        ("0.3.0", "Box", "ADDED", "SAFE"),
        ("0.3.0", "Box.size", "ADDED", "SAFE"),
        ("0.3.0", "Query.box", "ADDED", "SAFE"),
        ("0.3.0", "Query.old", "REMOVED", "BREAKING"),
        ("0.3.0", "Query.toy", "CHANGED", "SAFE"),
        ("NEXT", "Box.size(in:)", "ADDED", "DANGEROUS"),
        ("NEXT", "Query.old", "ADDED", "SAFE"),
    ]
    assert {each.replacement for each in TOLD if each.coordinate == "Query.old"} == {
        None,
        "Query.toy",
    }


def test_the_page_tells_the_newest_first_and_counts_what_belongs_to_a_new_type() -> None:
    days = [
        Release(version=version, released_at=date(2026, 11, day))
        for version, day in (("0.1.0", 1), ("0.2.0", 2), ("0.3.0", 3))
    ]
    told = page(TOLD, days)
    assert (
        told[told.index("## To come") :]
        == """\
## To come

### Added

- `Box.size(in:)`: the argument is new (dangerous).
- `Query.old`: the field is new.

## 0.3.0, released on 2026-11-03

### Removed

- `Query.old`: the field is gone (breaking). Use `Query.toy`.

### Changed

- `Query.toy`: the type Int became Int!.

### Added

- `Box`: the type is new, with 1 field.
- `Query.box`: the field is new.

## 0.2.0, released on 2026-11-02

### Deprecated

- `Query.old`: it is deprecated. Since 0.2.0. Use Query.toy.

## 0.1.0, released on 2026-11-01

The first release: 1 types, with 3 elements in all.
"""
    )

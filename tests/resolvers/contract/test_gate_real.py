"""Each rule of the gate once more, on doctored copies of the real schema."""

from dataclasses import replace

import pytest

from resolvers.root import build_schema, printed
from schema.versions import Declaration, Unviewable
from tests.support.contracts import broken, doctored, the_contract


def test_the_real_file_must_be_the_real_print() -> None:
    whole = the_contract()
    other = replace(
        whole, committed=whole.committed.replace("  etag: String!\n", "  etag: ID!\n", 1)
    )
    [found] = broken("i", other)
    assert found.coordinate.endswith(".etag")


def test_the_real_schema_takes_nothing_new_without_next() -> None:
    late = {"Project.surprise": Declaration(added="0.2.0")}
    contract = doctored(
        "  createdAt:", "  surprise: Int\n  createdAt:", after="\ntype Project ", declarations=late
    )
    assert [each.coordinate for each in broken("ii", contract)] == ["Project.surprise"]


def test_the_real_schema_keeps_its_versions() -> None:
    moved = {"Project.name": Declaration(added="0.2.0")}
    assert [each.coordinate for each in broken("iii", doctored(declarations=moved))] == [
        "Project.name"
    ]


def test_the_real_schema_loses_nothing_unannounced() -> None:
    contract = doctored("serverAdmin:", "other:", after="\ntype Viewer ")
    assert [each.coordinate for each in broken("iv", contract)] == ["Viewer.serverAdmin"]


def test_the_real_schema_narrows_nothing() -> None:
    contract = doctored("serverAdmin: Boolean!", "serverAdmin: Boolean", after="\ntype Viewer ")
    assert [each.coordinate for each in broken("v", contract)] == ["Viewer.serverAdmin"]


def test_the_real_past_is_not_rewritten() -> None:
    schema = build_schema(is_sorted=True)
    evicted = replace(schema.declarations["StatusReason.EVICTED"], added="0.1.0")
    schema.declarations = {**schema.declarations, "StatusReason.EVICTED": evicted}
    whole = the_contract()
    code = replace(whole.code, views={**whole.code.views, "0.1.0": printed(schema.as_of("0.1.0"))})
    assert [each.coordinate for each in broken("vi", replace(whole, code=code))] == [
        "StatusReason.EVICTED"
    ]
    schema.declarations = {
        **schema.declarations,
        "Duration": replace(schema.declarations["Duration"], added="0.2.0"),
    }
    with pytest.raises(Unviewable, match="Duration"):
        schema.as_of("0.1.0")

"""Each rule of the gate, broken once on a copy of the real schema: what it says of it is `gate.txt`."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from resolvers.root import build_schema, printed
from schema.contract.gate import RULES
from schema.contract.terms import Contract
from schema.versions import Declaration
from tests.support.contracts import broken, doctored, the_contract

GOLDEN = Path(__file__).with_name("gate.txt")


def breaks() -> Mapping[str, Contract]:
    whole = the_contract()
    return {
        "i": replace(whole, committed=whole.committed.replace("etag: String!", "etag: ID!", 1)),
        "ii": doctored(
            "  createdAt:",
            "  surprise: Int\n  createdAt:",
            after="\ntype Project ",
            declarations={"Project.surprise": Declaration(added="0.2.0")},
        ),
        "iii": doctored(declarations={"Project.name": Declaration(added="0.2.0")}),
        "iv": doctored("serverAdmin:", "other:", after="\ntype Viewer "),
        "v": doctored("serverAdmin: Boolean!", "serverAdmin: Boolean", after="\ntype Viewer "),
        "vi": with_an_older_value("StatusReason.EVICTED", "0.1.0"),
    }


def with_an_older_value(coordinate: str, added: str) -> Contract:
    """The views are those of code that says so."""
    schema, whole = build_schema(is_sorted=True), the_contract()
    told = replace(schema.declarations[coordinate], added=added)
    schema.declarations = {**schema.declarations, coordinate: told}
    view = {added: printed(schema.as_of(added))}
    return replace(whole, code=replace(whole.code, views={**whole.code.views, **view}))


def test_each_rule_names_the_coordinate_and_the_mend() -> None:
    told = [str(each) for rule, contract in breaks().items() for each in broken(rule, contract)]
    assert breaks().keys() == RULES.keys()
    assert "".join(f"{line}\n" for line in told) == GOLDEN.read_text()
